//! Guests without wasm: a Rust `async fn` over [`Run`], polled once an activation.
//!
//! A call that blocks is `Poll::Pending`; a misuse traps. What does not live here: an engine, which
//! makes the history that such a guest is fed.

use sandglass_core::event::workflow_task::{FailedCause, SdkMetadata};
use sandglass_core::payload::Payload;
use sandglass_core::task::{Answer, Completed, Failed, WorkflowTask};
use sandglass_core::worker::{
    ActivityOptions, CancelRequest, Decision, FeedError, Limits, Misuse, Operation, Run,
    ShownFailure, Signal, TaskFailure, TimerKind, Wait,
};
use sandglass_core::{Failure, HistoryEvent};
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// What a guest ends with.
pub type Outcome = Result<Payload, ShownFailure>;

type Guest = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// A guest's code, to be started as often as its run is replayed.
#[derive(Clone)]
pub struct Script(Arc<dyn Fn(Imports) -> Guest + Send + Sync>);

impl Script {
    /// The code of a guest: `Script::new(|it| async move { … })`.
    pub fn new<F>(code: impl Fn(Imports) -> F + Send + Sync + 'static) -> Script
    where
        F: Future<Output = Outcome> + Send + 'static,
    {
        Script(Arc::new(move |imports| Box::pin(code(imports))))
    }
}

/// A run with its guest.
pub struct ScriptedGuest {
    run: Arc<Mutex<Run>>,
    script: Script,
    guest: Option<Guest>,
}

/// Why a workflow task did not come to rest.
#[derive(Debug, PartialEq)]
pub enum Stopped {
    /// The history does not fit together.
    Feed(FeedError),
    /// The worker half fails the task.
    Task(TaskFailure),
    /// The guest trapped.
    Trap(String),
}

/// A trap on its way out of the guest.
struct Trap(String);

impl ScriptedGuest {
    /// A guest that has not started.
    pub fn new(script: &Script, limits: Limits) -> ScriptedGuest {
        ScriptedGuest {
            run: Arc::new(Mutex::new(Run::new(limits))),
            script: script.clone(),
            guest: None,
        }
    }

    /// The run.
    pub fn run(&self) -> MutexGuard<'_, Run> {
        lock(&self.run)
    }

    /// Takes in `events` and runs the guest through all tasks that they have. The answer, if the
    /// last of them is live.
    pub fn work(&mut self, events: &[Arc<HistoryEvent>]) -> Result<Option<Decision>, Stopped> {
        self.run().feed(events).map_err(Stopped::Feed)?;
        let mut live = false;
        loop {
            let activation = self.run().next_activation().map_err(Stopped::Task)?;
            let Some(activation) = activation else { break };
            live = !activation.replaying;
            if activation.first {
                self.guest = Some((self.script.0)(Imports(Arc::clone(&self.run))));
            }
            self.resume()?;
        }
        Ok(live.then(|| self.run().answer()))
    }

    /// Answers a task: `history` is what the task has, or all of it for a run that is not held.
    pub fn answer(&mut self, task: &WorkflowTask, history: &[Arc<HistoryEvent>]) -> Answer {
        let token = task.token.clone();
        match self.work(history) {
            Ok(decision) => {
                let Decision { commands, published, lang_used_flags } =
                    decision.unwrap_or_default();
                let metadata = SdkMetadata {
                    sdk_name: "sandglass".into(),
                    lang_used_flags,
                    ..SdkMetadata::default()
                };
                let metadata = Some(metadata);
                Answer::Completed(Completed {
                    token,
                    commands,
                    metadata,
                    published,
                    ..Completed::default()
                })
            }
            Err(stopped) => {
                let (cause, failure) = stopped.into_failure();
                Answer::Failed(Failed { token, cause, failure, ..Failed::default() })
            }
        }
    }

    fn resume(&mut self) -> Result<(), Stopped> {
        let Some(guest) = &mut self.guest else { return Ok(()) };
        let mut context = Context::from_waker(Waker::noop());
        let polled = catch_unwind(AssertUnwindSafe(|| guest.as_mut().poll(&mut context)));
        let rested = match polled {
            Ok(Poll::Pending) => self.run().parked(),
            Ok(Poll::Ready(outcome)) => {
                self.guest = None;
                self.run().returned(outcome)
            }
            Err(panic) => {
                let Trap(sentence) = *panic.downcast::<Trap>().unwrap_or_else(|p| resume_unwind(p));
                // A limit that was hit is why the task fails; the trap only stops the guest.
                return Err(match self.run().failure() {
                    Some(failure) => Stopped::Task(failure.clone()),
                    None => Stopped::Trap(sentence),
                });
            }
        };
        rested.map_err(Stopped::Task)
    }
}

impl Stopped {
    /// As a failed task has it.
    pub fn into_failure(self) -> (FailedCause, Failure) {
        match self {
            Stopped::Task(TaskFailure { cause, failure, .. }) => (cause, *failure),
            Stopped::Feed(error) => (
                FailedCause::WorkflowWorkerUnhandledFailure,
                Failure::application(error.to_string(), "Feed", false),
            ),
            Stopped::Trap(sentence) => (
                FailedCause::WorkflowWorkerUnhandledFailure,
                Failure::application(sentence, "Trap", false),
            ),
        }
    }
}

/// What a guest can reach: the WIT's imports, as methods. Those that may block are `async`.
#[derive(Clone)]
pub struct Imports(Arc<Mutex<Run>>);

impl Imports {
    /// Any import that cannot block.
    pub fn call<T>(&self, call: impl FnOnce(&mut Run) -> T) -> T {
        call(&mut lock(&self.0))
    }

    /// Any import that cannot block and may trap.
    pub fn try_call<T>(&self, call: impl FnOnce(&mut Run) -> Result<T, Misuse>) -> T {
        // The lock is given back before the trap unwinds.
        let called = self.call(call);
        called.unwrap_or_else(|misuse| self.trap(&misuse.to_string()))
    }

    /// Any import that may block.
    pub async fn wait<T>(
        &self,
        mut call: impl FnMut(&mut Run) -> Result<Wait<T>, Misuse> + Send,
    ) -> T {
        poll_fn(|_| match self.try_call(&mut call) {
            Wait::Ready(value) => Poll::Ready(value),
            Wait::Blocked => Poll::Pending,
        })
        .await
    }

    /// Ends the guest as a trap does.
    pub fn trap(&self, sentence: &str) -> ! {
        resume_unwind(Box::new(Trap(sentence.into())))
    }

    /// `timers.start`.
    pub fn start_timer(&self, seconds: u64) -> Operation {
        let duration = Duration::from_secs(seconds);
        self.try_call(|run| run.start_timer(duration, TimerKind::Durable, None))
    }

    /// `timers.wait`.
    pub async fn wait_timer(&self, timer: Operation) -> Result<(), ShownFailure> {
        self.wait(|run| run.wait_timer(timer)).await
    }

    /// `timers.sleep`.
    pub async fn sleep(&self, seconds: u64) -> Result<(), ShownFailure> {
        self.wait_timer(self.start_timer(seconds)).await
    }

    /// `timers.cancel`.
    pub fn cancel_timer(&self, timer: Operation) {
        self.try_call(|run| run.cancel_timer(timer));
    }

    /// A plain WASI sleep.
    pub async fn wasi_sleep(&self, seconds: u64) {
        let duration = Duration::from_secs(seconds);
        let timer = self.try_call(|run| run.start_timer(duration, TimerKind::Wasi, None));
        self.wait(|run| run.wait_pollables(&[timer])).await;
        self.cancel_timer(timer);
    }

    /// `activities.start`.
    pub fn start_activity(&self, options: ActivityOptions) -> Operation {
        self.try_call(|run| run.start_activity(options))
    }

    /// `activities.outcome`.
    pub async fn outcome(&self, activity: Operation) -> Outcome {
        self.wait(|run| run.wait_activity(activity)).await
    }

    /// `activities.execute`.
    pub async fn execute(&self, options: ActivityOptions) -> Outcome {
        self.outcome(self.start_activity(options)).await
    }

    /// `activities.cancel`.
    pub fn cancel_activity(&self, activity: Operation) {
        self.try_call(|run| run.cancel_activity(activity));
    }

    /// `signals.on-signal`.
    pub fn on_signal(&self, name: &str) -> Operation {
        self.try_call(|run| run.on_signal(name))
    }

    /// `signals.take`.
    pub fn take_signal(&self, name: &str) -> Option<Signal> {
        self.call(|run| run.take_signal(name))
    }

    /// `signals.receive`.
    pub async fn receive(&self, name: &str) -> Result<Signal, ShownFailure> {
        self.wait(|run| Ok(run.wait_signal(name))).await
    }

    /// `cancellation.requested`.
    pub fn cancel_requested(&self) -> Option<CancelRequest> {
        self.call(|run| run.cancel_requested().cloned())
    }

    /// `cancellation.on-request`.
    pub fn on_cancel_request(&self) -> Operation {
        self.try_call(Run::on_cancel_request)
    }

    /// `cancellation.shield`.
    pub fn shield(&self) {
        self.call(Run::shield);
    }

    /// `cancellation.unshield`.
    pub fn unshield(&self) {
        self.try_call(Run::unshield);
    }

    /// `select.wait-any`.
    pub async fn wait_any(&self, operations: &[Operation]) -> Result<Operation, ShownFailure> {
        self.wait(|run| run.wait_any(operations)).await
    }

    /// `select.race`.
    pub async fn race(&self, operations: &[Operation]) -> Result<Operation, ShownFailure> {
        self.wait(|run| run.race(operations)).await
    }

    /// `select.ready`.
    pub fn ready(&self, operations: &[Operation]) -> Vec<Operation> {
        self.try_call(|run| run.ready(operations))
    }

    /// `select.settle`.
    pub async fn settle(&self, operations: &[Operation]) {
        self.wait(|run| run.settle(operations)).await;
    }

    /// `execution.patched`.
    pub fn patched(&self, id: &str) -> bool {
        self.try_call(|run| run.patched(id))
    }

    /// `execution.deprecate-patch`.
    pub fn deprecate_patch(&self, id: &str) {
        self.try_call(|run| run.deprecate_patch(id));
    }

    /// `execution.publish`, of a JSON text.
    pub fn publish(&self, name: &str, json: &str) {
        self.try_call(|run| run.publish(name, Payload::json(json)));
    }
}

/// An activity of that type whose attempts may take ten seconds.
pub fn activity(activity_type: &str) -> ActivityOptions {
    ActivityOptions {
        activity_type: activity_type.into(),
        start_to_close_timeout: Some(Duration::from_secs(10)),
        ..ActivityOptions::default()
    }
}

fn lock(run: &Mutex<Run>) -> MutexGuard<'_, Run> {
    run.lock().unwrap_or_else(PoisonError::into_inner)
}
