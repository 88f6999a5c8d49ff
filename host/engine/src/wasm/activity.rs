//! Activities as components: one fresh instance an attempt, with the real clock and real randomness, and without files, network and environment.
//!
//! An attempt has a thread of its own while it lasts: unlike a workflow it may compute for as long as its timeouts let it.

use super::bindings::activity::Activity;
use super::bindings::activity::sandglass::activity::attempt;
use super::bindings::workflow::sandglass::workflow::{execution, failures, log as wit_log, types};
use super::component::ActivityComponent;
use super::control::Control;
use super::convert;
use super::engine::Engine;
use super::failure::{GuestFailure, Kind};
use super::imports::failures as shown;
use super::limits::Limiter;
use super::log::{Level, LogSink, Output, Stream, Writer};
use super::wasi::{Outside, Sleep, Wasi};
use super::worker::NAMESPACE;
use futures::future::{BoxFuture, select};
use sandglass_core::engine::{ActivityTask, CancelReason};
use sandglass_core::worker::{Misuse, ShownFailure};
use sandglass_core::{Failure, Payload, Payloads, Timestamp};
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::oneshot;
use wasmtime::Store;
use wasmtime::component::{HasSelf, Linker};

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
    let guest = ActivityGuest {
        host,
        control: Arc::clone(&control),
        output,
        limiter: Limiter::new(limits),
        began: Instant::now(),
        wasi: Wasi::default(),
        sleeps: BTreeMap::new(),
        sleeps_given: 0,
    };
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
            let stderr = store.data().output.stderr_tail();
            let failure = GuestFailure::new(&error, &stderr, &engine.options().limits);
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
    let input = shown_payloads(store.data().host.task().input.as_ref());
    Ok(match activity.call_run(&mut *store, &input).await? {
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
    output: Output,
    limiter: Limiter,
    began: Instant,
    wasi: Wasi,
    sleeps: BTreeMap<Sleep, Pin<Box<tokio::time::Sleep>>>,
    sleeps_given: Sleep,
}

pub(super) fn add_to_linker(linker: &mut Linker<ActivityGuest>) -> wasmtime::Result<()> {
    Activity::add_to_linker::<_, HasSelf<ActivityGuest>>(linker, |guest| guest)
}

impl Outside for ActivityGuest {
    fn wasi(&mut self) -> &mut Wasi {
        &mut self.wasi
    }

    fn wall_clock(&self) -> Timestamp {
        let since = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        Timestamp(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
    }

    fn monotonic_clock(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn seed(&self) -> Option<u64> {
        None
    }

    fn write(&mut self, stream: Stream, bytes: &[u8]) -> wasmtime::Result<()> {
        Ok(self.output.write(stream, bytes)?)
    }

    fn begin_sleep(&mut self, duration: Duration) -> wasmtime::Result<Sleep> {
        self.sleeps_given = self.sleeps_given.wrapping_add(1);
        self.sleeps.insert(self.sleeps_given, Box::pin(tokio::time::sleep(duration)));
        Ok(self.sleeps_given)
    }

    fn is_awake(&mut self, sleep: Sleep) -> wasmtime::Result<bool> {
        Ok(self.sleeps.get(&sleep).is_none_or(|sleep| sleep.is_elapsed()))
    }

    fn poll_sleeps(
        &mut self,
        context: &mut Context<'_>,
        sleeps: &[Sleep],
    ) -> Poll<wasmtime::Result<()>> {
        let mut awake = false;
        // Each of them has to know whom to wake.
        for sleep in sleeps {
            awake |= match self.sleeps.get_mut(sleep) {
                Some(sleep) => sleep.as_mut().poll(context).is_ready(),
                None => true,
            };
        }
        match awake {
            true => Poll::Ready(Ok(())),
            false => Poll::Pending,
        }
    }

    fn end_sleep(&mut self, sleep: Sleep) -> wasmtime::Result<()> {
        self.sleeps.remove(&sleep);
        Ok(())
    }
}

impl types::Host for ActivityGuest {}

impl execution::Host for ActivityGuest {
    fn info(&mut self) -> wasmtime::Result<execution::WorkflowInfo> {
        Err(of_workflows("info"))
    }

    fn is_replaying(&mut self) -> wasmtime::Result<bool> {
        Err(of_workflows("is-replaying"))
    }

    fn patched(&mut self, _: String) -> wasmtime::Result<bool> {
        Err(of_workflows("patched"))
    }

    fn deprecate_patch(&mut self, _: String) -> wasmtime::Result<()> {
        Err(of_workflows("deprecate-patch"))
    }

    fn publish(&mut self, _: String, _: types::Payload) -> wasmtime::Result<()> {
        Err(of_workflows("publish"))
    }
}

/// The world `activity` has `execution` for the sake of its types alone.
fn of_workflows(function: &str) -> wasmtime::Error {
    Misuse(format!("execution.{function} is for workflows; an activity cannot call it")).into()
}

impl failures::Host for ActivityGuest {
    fn application(
        &mut self,
        message: String,
        error_type: String,
        non_retryable: bool,
    ) -> wasmtime::Result<types::Failure> {
        Ok(shown::application(message, error_type, non_retryable))
    }

    fn canceled(&mut self, details: Vec<types::Payload>) -> wasmtime::Result<types::Failure> {
        Ok(shown::canceled(details))
    }

    fn is_canceled(&mut self, failure: types::Failure) -> wasmtime::Result<bool> {
        shown::is_canceled(failure)
    }
}

impl wit_log::Host for ActivityGuest {
    fn debug(&mut self, message: String) -> wasmtime::Result<()> {
        Ok(self.output.log(Level::Debug, &message)?)
    }

    fn info(&mut self, message: String) -> wasmtime::Result<()> {
        Ok(self.output.log(Level::Info, &message)?)
    }

    fn warn(&mut self, message: String) -> wasmtime::Result<()> {
        Ok(self.output.log(Level::Warn, &message)?)
    }

    fn error(&mut self, message: String) -> wasmtime::Result<()> {
        Ok(self.output.log(Level::Error, &message)?)
    }
}

impl attempt::Host for ActivityGuest {
    fn info(&mut self) -> wasmtime::Result<attempt::ActivityInfo> {
        Ok(shown_info(self.host.task()))
    }

    async fn heartbeat(
        &mut self,
        details: Vec<types::Payload>,
    ) -> wasmtime::Result<Option<attempt::CancelReason>> {
        let reason = self.host.heartbeat(convert::payloads(details)).await;
        Ok(reason.map(shown_reason))
    }

    fn last_heartbeat_details(&mut self) -> wasmtime::Result<Vec<types::Payload>> {
        Ok(shown_payloads(self.host.task().heartbeat_details.as_ref()))
    }
}

fn shown_reason(reason: CancelReason) -> attempt::CancelReason {
    match reason {
        CancelReason::CancelRequested => attempt::CancelReason::CancelRequested,
        CancelReason::NotFound => attempt::CancelReason::NotFound,
        CancelReason::TimedOut => attempt::CancelReason::TimedOut,
        CancelReason::WorkerShutdown => attempt::CancelReason::WorkerShutdown,
        CancelReason::Paused => attempt::CancelReason::Paused,
        CancelReason::Reset => attempt::CancelReason::Reset,
    }
}

fn shown_payloads(payloads: Option<&Payloads>) -> Vec<types::Payload> {
    payloads.map(|payloads| convert::shown_payloads(&payloads.payloads)).unwrap_or_default()
}

fn shown_info(task: &ActivityTask) -> attempt::ActivityInfo {
    let seconds = |duration: Option<Duration>| duration.map(|it| it.as_secs_f64());
    attempt::ActivityInfo {
        activity_id: task.activity_id.clone(),
        activity_type: task.activity_type.clone(),
        task_queue: task.task_queue.clone(),
        namespace: NAMESPACE.into(),
        attempt: task.attempt,
        workflow_execution: execution::WorkflowExecution {
            workflow_id: task.execution.workflow_id.clone(),
            run_id: task.execution.run_id.clone(),
        },
        workflow_type: task.workflow_type.clone(),
        scheduled_time: task.scheduled_time.as_seconds_f64(),
        current_attempt_scheduled_time: task.current_attempt_scheduled_time.as_seconds_f64(),
        started_time: task.started_time.as_seconds_f64(),
        schedule_to_close_timeout: seconds(task.schedule_to_close_timeout),
        start_to_close_timeout: seconds(task.start_to_close_timeout),
        heartbeat_timeout: seconds(task.heartbeat_timeout),
        retry_policy: task.retry_policy.as_ref().map(|policy| types::RetryPolicy {
            initial_interval: seconds(policy.initial_interval),
            backoff_coefficient: Some(policy.backoff_coefficient),
            maximum_interval: seconds(policy.maximum_interval),
            maximum_attempts: u32::try_from(policy.maximum_attempts).ok(),
            non_retryable_error_types: Some(policy.non_retryable_error_types.clone()),
        }),
    }
}
