//! Activities as components: one fresh instance an attempt.
//!
//! An attempt has a thread of its own while it lasts: unlike a workflow it may compute for as long as its timeouts let it. What it can call
//! (`imports`), and what it reaches of the machine (`outside`, `opening`), is beside this.

mod imports;
mod opening;
mod outside;

use super::bindings::activity::Activity;
use super::component::ActivityComponent;
use super::control::Control;
use super::convert;
use super::engine::Engine;
use super::failure::{GuestFailure, InRun, Kind, Seen};
use super::limits::Limiter;
use super::log::{LogSink, Output, Writer};
use futures::future::{BoxFuture, select};
use outside::{Outside, SharedOutput};
use parking_lot::Mutex;
use sandglass_core::engine::{ActivityTask, CancelReason};
use sandglass_core::worker::{Misuse, ShownFailure};
use sandglass_core::{Failure, Payload};
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use wasmtime::Store;
use wasmtime::component::{HasSelf, Linker};
use wasmtime_wasi::{WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtxView, WasiHttpView};

/// What an attempt needs of its host.
pub trait ActivityHost: Send + Sync + 'static {
    /// Who it is, and what it is given.
    fn task(&self) -> &ActivityTask;
    /// It is alive, and got that far. Why it should stop, if it should.
    fn heartbeat(&self, details: Vec<Payload>) -> BoxFuture<'_, Option<CancelReason>>;
}

/// How an attempt ended.
#[expect(clippy::large_enum_variant, reason = "there is one an attempt, and it is not kept")]
#[derive(Clone, Debug, PartialEq)]
pub enum AttemptEnd {
    /// It returned.
    Returned(Result<Payload, ShownFailure>),
    /// It trapped, or hit a bound: an application failure that can be tried again.
    Trapped(Failure),
    /// The host has no room for it now. The attempt did nothing.
    NoRoom(String),
}

/// Makes an attempt. To be called within a tokio runtime. Dropping the future ends the guest wherever it is.
pub async fn attempt(
    engine: &Engine,
    component: &ActivityComponent,
    host: Arc<dyn ActivityHost>,
    log: LogSink,
) -> AttemptEnd {
    // Its thread is its own, and its timeouts bound it: neither slices nor the deadlock limit apply.
    let control = Arc::new(Control::new(Duration::MAX, Duration::MAX));
    let watch = Watch { control: Arc::clone(&control), engine: engine.clone() };
    let task = host.task();
    let limits = &engine.options().limits;
    let mut output = Output::of_activity(log, limits);
    output.writer = Writer {
        workflow_id: task.execution.workflow_id.clone(),
        run_id: task.execution.run_id.clone(),
        type_name: task.activity_type.clone(),
        attempt: task.attempt,
    };
    let output = Arc::new(Mutex::new(output));
    let outside = match Outside::open(component.grants(), &output, limits) {
        Ok(outside) => outside,
        Err(error) => {
            // The path is the operator's, and no business of the guest's.
            let activity_type = &task.activity_type;
            tracing::error!(
                activity_type,
                error = format!("{error:#}"),
                "a granted folder cannot be opened"
            );
            return trapped("a folder that the activity is granted cannot be opened");
        }
    };
    let limiter = Limiter::new(limits);
    let guest = ActivityGuest { host, control: Arc::clone(&control), output, limiter, outside };
    let call = call(engine.clone(), component.clone(), guest);
    let runtime = tokio::runtime::Handle::current();
    let (returned, ended) = oneshot::channel();
    // Not one of the runtime's blocking threads: those read the store, and attempts that last would leave them none.
    let thread = std::thread::Builder::new().name("sandglass-activity".into()).spawn(move || {
        let end = runtime.block_on(async move {
            let ended = poll_fn(|context| control.poll_ended(context));
            match select(pin!(call), ended).await {
                futures::future::Either::Left((end, _)) => Some(end),
                futures::future::Either::Right(((), _)) => None,
            }
        });
        // Whoever has dropped the attempt does not wait for its end.
        let _ = returned.send(end);
    });
    if let Err(error) = thread {
        return AttemptEnd::NoRoom(format!("the operating system gives it no thread: {error}"));
    }
    let ended = ended.await;
    drop(watch);
    match ended {
        Ok(Some(end)) => end,
        // The first cannot be seen, since whoever ends the guest does not wait for it.
        Ok(None) => trapped("the attempt was ended from outside"),
        Err(_) => trapped("the host failed while it ran the activity"),
    }
}

fn trapped(sentence: &str) -> AttemptEnd {
    AttemptEnd::Trapped(Failure::application(sentence, "AttemptEnded", false))
}

/// Ends the guest when nobody waits for it.
struct Watch {
    control: Arc<Control>,
    engine: Engine,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.control.end();
        self.engine.wasmtime().increment_epoch();
    }
}

async fn call(engine: Engine, component: ActivityComponent, guest: ActivityGuest) -> AttemptEnd {
    let mut store = Store::new(engine.wasmtime(), guest);
    store.limiter(|guest| &mut guest.limiter);
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(|store| store.data().control.look());
    match run(&component, &mut store).await {
        Ok(returned) => AttemptEnd::Returned(returned),
        Err(error) => {
            let stderr = store.data().output.lock().stderr_tail();
            // Its clock is a real one.
            let seen = Seen { stderr: &stderr, watches_clock: false };
            let failure = GuestFailure::new(&error, &seen, &engine.options().limits);
            match failure.kind {
                Kind::NoRoom => AttemptEnd::NoRoom(failure.message),
                _ => AttemptEnd::Trapped(failure.to_failure()),
            }
        }
    }
}

async fn run(
    component: &ActivityComponent,
    store: &mut Store<ActivityGuest>,
) -> wasmtime::Result<Result<Payload, ShownFailure>> {
    let activity = component.pre.instantiate_async(&mut *store).await?;
    let input = imports::shown_payloads(store.data().host.task().input.as_ref());
    let returned =
        activity.call_run(&mut *store, &input).await.map_err(|error| error.context(InRun))?;
    Ok(match returned {
        Ok(result) => Ok(convert::payload(result)),
        Err(failure) => Err(convert::failure(failure).map_err(|Misuse(why)| {
            Misuse(format!("the failure that run returned cannot be recorded: {why}"))
        })?),
    })
}

/// A store's data.
pub(super) struct ActivityGuest {
    host: Arc<dyn ActivityHost>,
    control: Arc<Control>,
    output: SharedOutput,
    limiter: Limiter,
    outside: Outside,
}

impl WasiView for ActivityGuest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        self.outside.wasi()
    }
}

impl WasiHttpView for ActivityGuest {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        self.outside.http()
    }
}

/// Defines all that an activity can import.
pub(super) fn add_to_linker(linker: &mut Linker<ActivityGuest>) -> wasmtime::Result<()> {
    Activity::add_to_linker::<_, HasSelf<ActivityGuest>>(linker, |guest| guest)?;
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    opening::add_to_linker(linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(linker)
}
