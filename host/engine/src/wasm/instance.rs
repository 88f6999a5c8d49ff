//! One instance of a workflow guest: a store, and the call of `run` that is parked in it.

use super::component::WorkflowComponent;
use super::control::Control;
use super::convert;
use super::failure::{GuestFailure, InRun, Seen};
use super::guest::Guest;
use super::limits::{Limiter, Limits};
use super::log::Output;
use parking_lot::Mutex;
use sandglass_core::Payload;
use sandglass_core::worker::{Misuse, Run, ShownFailure};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use wasmtime::Store;

/// How the guest came to rest.
#[derive(Debug)]
pub(super) enum Rest {
    /// It waits.
    Parked,
    /// It computes, and gave way to others: it is to be resumed without anything new.
    Yielded,
    /// It returned.
    Returned(Result<Payload, ShownFailure>),
    /// It cannot go on. Its store is gone.
    Failed(GuestFailure),
}

type Returned = Result<Result<Payload, ShownFailure>, GuestFailure>;

/// One instance. Dropping it runs no code of the guest, wherever that stands.
pub(super) struct Instance {
    call: Pin<Box<dyn Future<Output = Returned> + Send>>,
    woken: Arc<Woken>,
    waker: Waker,
    pub(super) control: Arc<Control>,
    resident_bytes: Arc<AtomicUsize>,
}

/// Whether the call wants to be polled again at once: wasmtime gave way, and nothing is waited for.
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Instance {
    /// An instance that has not begun. It begins, with instantiating, when it is first resumed.
    pub(super) fn new(
        component: &WorkflowComponent,
        limits: &Limits,
        run: Arc<Mutex<Run>>,
        control: Arc<Control>,
        output: Arc<Mutex<Output>>,
    ) -> Instance {
        let woken = Arc::new(Woken(AtomicBool::new(false)));
        let resident_bytes = Arc::new(AtomicUsize::new(0));
        let guest = Guest::new(
            run,
            Arc::clone(&control),
            output,
            Limiter::new(limits),
            Arc::clone(&resident_bytes),
        );
        Instance {
            call: Box::pin(call(component.clone(), limits.clone(), guest)),
            waker: Waker::from(Arc::clone(&woken)),
            woken,
            control,
            resident_bytes,
        }
    }

    /// Lets the guest run until it comes to rest.
    pub(super) fn resume(&mut self) -> Rest {
        self.woken.0.store(false, Ordering::Relaxed);
        self.control.give_core();
        match self.call.as_mut().poll(&mut Context::from_waker(&self.waker)) {
            Poll::Ready(Ok(returned)) => Rest::Returned(returned),
            Poll::Ready(Err(failure)) => Rest::Failed(failure),
            Poll::Pending if self.woken.0.load(Ordering::Relaxed) => Rest::Yielded,
            Poll::Pending => Rest::Parked,
        }
    }

    /// About how much memory it holds while it is parked.
    pub(super) fn resident_bytes(&self) -> usize {
        self.resident_bytes.load(Ordering::Relaxed)
    }
}

async fn call(component: WorkflowComponent, limits: Limits, guest: Guest) -> Returned {
    let mut store = Store::new(component.pre.engine(), guest);
    store.limiter(|guest| &mut guest.limiter);
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(|store| store.data().control.look());
    match run(&component, &mut store).await {
        Ok(returned) => Ok(returned),
        Err(error) => {
            let guest = store.data();
            let stderr = guest.output.lock().stderr_tail();
            let seen = Seen { stderr: &stderr, watches_clock: guest.wasi.watches_clock() };
            Err(GuestFailure::new(&error, &seen, &limits))
        }
    }
}

async fn run(
    component: &WorkflowComponent,
    store: &mut Store<Guest>,
) -> wasmtime::Result<Result<Payload, ShownFailure>> {
    let workflow = component.pre.instantiate_async(&mut *store).await?;
    let input = convert::shown_payloads(&store.data().run().input());
    let returned =
        workflow.call_run(&mut *store, &input).await.map_err(|error| error.context(InRun))?;
    Ok(match returned {
        Ok(result) => Ok(convert::payload(result)),
        Err(failure) => Err(convert::failure(failure).map_err(|Misuse(why)| {
            Misuse(format!("the failure that run returned cannot be recorded: {why}"))
        })?),
    })
}
