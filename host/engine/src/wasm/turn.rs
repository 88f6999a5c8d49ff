//! One workflow task on a guest thread: history goes into the run, the guest runs until all of it is used up, and an answer comes out.

use super::executor::Job;
use super::failure::{GuestFailure, Kind};
use super::held::Seat;
use super::instance::{Instance, Rest};
use super::worker::{Abandoned, Inner};
use sandglass_core::Failure;
use sandglass_core::event::workflow_task::{FailedCause, SdkMetadata};
use sandglass_core::event::{Attributes, HistoryEvent};
use sandglass_core::failure::{ApplicationFailureInfo, FailureInfo};
use sandglass_core::task::{Answer, Completed, Failed, TaskToken};
use sandglass_core::worker::{FeedError, TaskFailure};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;
use tokio::sync::oneshot;

/// A workflow task that is worked on.
pub(super) struct Turn {
    pub(super) inner: Arc<Inner>,
    pub(super) seat: Seat,
    pub(super) token: TaskToken,
    /// What is to be fed.
    pub(super) events: Vec<Arc<HistoryEvent>>,
    /// The build that decided last, as the history says.
    pub(super) decided_by: Option<String>,
    /// Whether the guest computes: it gave way to others.
    pub(super) in_guest: bool,
    /// How often there was no room for an instance.
    pub(super) refusals: u32,
    pub(super) reply: oneshot::Sender<Result<Answer, Abandoned>>,
}

/// How a turn ends.
enum End {
    Answered,
    TaskFailed(TaskFailure),
    GuestFailed(GuestFailure),
    Fed(FeedError),
    Abandoned(Abandoned),
}

/// What comes next in a turn.
enum Step {
    Again,
    Yield,
    End(End),
}

/// A turn gives way after so many activations, if its slice is over: a long replay is a long computation.
const ACTIVATIONS_AT_ONCE: u32 = 64;

/// How often a turn looks for room again when nothing is left to be evicted.
const REFUSALS_MAX: u32 = 10_000;

impl Job for Turn {
    fn step(mut self: Box<Self>) -> Option<Box<dyn Job>> {
        let begun = Instant::now();
        let events = std::mem::take(&mut self.events);
        if !events.is_empty() {
            self.decided_by = last_build(&events);
            let fed = self.seat.run.lock().feed(&events);
            if let Err(error) = fed {
                return self.end(End::Fed(error));
            }
        }
        for activations in 1u32.. {
            match self.advance() {
                Step::Again => {}
                Step::Yield => break,
                Step::End(end) => return self.end(end),
            }
            if activations % ACTIVATIONS_AT_ONCE == 0
                && begun.elapsed() > self.inner.engine.options().tick
            {
                break;
            }
        }
        Some(self)
    }
}

impl Turn {
    fn advance(&mut self) -> Step {
        if self.seat.control.is_ended() {
            return Step::End(End::Abandoned(Abandoned::Evicted));
        }
        if !self.in_guest {
            match self.begin_activation() {
                Ok(true) => {}
                Ok(false) => return Step::End(End::Answered),
                Err(failure) => return Step::End(End::TaskFailed(failure)),
            }
        }
        let Some(instance) = &mut self.seat.instance else {
            return Step::End(End::Answered);
        };
        let rest = instance.resume();
        self.in_guest = matches!(rest, Rest::Yielded);
        let rested = match rest {
            Rest::Yielded => return Step::Yield,
            Rest::Parked => self.seat.run.lock().parked(),
            Rest::Returned(returned) => {
                self.seat.instance = None;
                self.seat.run.lock().returned(returned)
            }
            Rest::Failed(failure) => return self.failed(failure),
        };
        match rested {
            Ok(()) => Step::Again,
            Err(failure) => Step::End(End::TaskFailed(failure)),
        }
    }

    /// Whether there is another activation; the guest is made if it begins.
    fn begin_activation(&mut self) -> Result<bool, TaskFailure> {
        let mut run = self.seat.run.lock();
        let Some(activation) = run.next_activation()? else { return Ok(false) };
        let mut output = self.seat.output.lock();
        output.begin_task(activation.replaying);
        output.writer.attempt = u32::try_from(self.token.attempt).unwrap_or(u32::MAX);
        if activation.first {
            output.writer.type_name.clone_from(&run.info().workflow_type);
            drop((output, run));
            self.make_instance();
        }
        self.seat.control.activate();
        Ok(true)
    }

    fn make_instance(&mut self) {
        let seat = &mut self.seat;
        seat.instance = Some(Instance::new(
            &seat.component,
            &self.inner.engine.options().limits,
            Arc::clone(&seat.run),
            Arc::clone(&seat.control),
            Arc::clone(&seat.output),
        ));
    }

    fn failed(&mut self, failure: GuestFailure) -> Step {
        self.seat.instance = None;
        match failure.kind {
            Kind::Ended => Step::End(End::Abandoned(Abandoned::Evicted)),
            // The guest has not begun: it can be tried again when there is room.
            Kind::NoRoom => {
                self.refusals += 1;
                if !self.inner.make_room() && self.refusals > REFUSALS_MAX {
                    return Step::End(End::Abandoned(Abandoned::NoRoom(failure.message)));
                }
                self.make_instance();
                self.in_guest = true;
                Step::Yield
            }
            // A guest that hits a bound of the core's traps; the core knows which.
            _ => match self.seat.run.lock().failure() {
                Some(known) => Step::End(End::TaskFailed(known.clone())),
                None => Step::End(End::GuestFailed(failure)),
            },
        }
    }

    fn end(self: Box<Self>, end: End) -> Option<Box<dyn Job>> {
        let Turn { inner, mut seat, token, reply, decided_by, .. } = *self;
        let run_id = token.run_id.clone();
        let build_id = seat.component.digest().to_owned();
        let answer = match end {
            End::Answered => Ok(answered(&inner, &mut seat, token)),
            End::TaskFailed(failure) => {
                let mut recorded = *failure.failure;
                if failure.cause == FailedCause::NonDeterministicError {
                    name_builds(&mut recorded, &build_id, decided_by.as_deref());
                }
                Ok(failed(&inner, token, build_id, failure.cause, recorded))
            }
            End::GuestFailed(failure) => {
                inner.stats.traps.fetch_add(1, Ordering::Relaxed);
                let cause = FailedCause::WorkflowWorkerUnhandledFailure;
                Ok(failed(&inner, token, build_id, cause, failure.to_failure()))
            }
            End::Fed(error) => Err(Abandoned::History(error.to_string())),
            End::Abandoned(abandoned) => Err(abandoned),
        };
        // A task that failed takes its instance with it (D4).
        let keeps = matches!(answer, Ok(Answer::Completed(_))) && seat.instance.is_some();
        inner.rest(run_id, seat, keeps);
        // Nobody may wait for it any more.
        let _ = reply.send(answer);
        None
    }
}

fn answered(inner: &Inner, seat: &mut Seat, token: TaskToken) -> Answer {
    let mut run = seat.run.lock();
    if run.last_started_event_id() != token.started_event_id || run.is_replaying() {
        let failure = Failure {
            source: "sandglass".into(),
            ..Failure::new(
                format!(
                    "the history ends before event {}, which began this workflow task; the worker needs all of it",
                    token.started_event_id
                ),
                FailureInfo::Application(ApplicationFailureInfo {
                    r#type: "HistoryIncomplete".into(),
                    ..ApplicationFailureInfo::default()
                }),
            )
        };
        drop(run);
        seat.instance = None;
        let build_id = seat.component.digest().to_owned();
        let cause = FailedCause::WorkflowWorkerUnhandledFailure;
        return failed(inner, token, build_id, cause, failure);
    }
    let decision = run.answer();
    Answer::Completed(Completed {
        token,
        commands: decision.commands,
        metadata: Some(SdkMetadata {
            lang_used_flags: decision.lang_used_flags,
            sdk_name: "sandglass".into(),
            sdk_version: env!("CARGO_PKG_VERSION").into(),
            ..SdkMetadata::default()
        }),
        build_id: seat.component.digest().to_owned(),
        identity: inner.options.identity.clone(),
        published: decision.published,
        ..Completed::default()
    })
}

pub(super) fn failed(
    inner: &Inner,
    token: TaskToken,
    build_id: String,
    cause: FailedCause,
    failure: Failure,
) -> Answer {
    inner.stats.failures.fetch_add(1, Ordering::Relaxed);
    Answer::Failed(Failed {
        token,
        cause,
        failure,
        identity: inner.options.identity.clone(),
        build_id,
    })
}

/// The build of the last WorkflowTaskCompleted that names one.
fn last_build(events: &[Arc<HistoryEvent>]) -> Option<String> {
    events.iter().rev().find_map(|event| match &event.attributes {
        Attributes::WorkflowTaskCompleted(completed) => {
            let build = completed.worker_version.as_ref().map(|version| &version.build_id);
            build.filter(|build| !build.is_empty()).cloned()
        }
        _ => None,
    })
}

/// A mismatch names the code that runs and the code that decided (D16).
fn name_builds(failure: &mut Failure, build_id: &str, decided_by: Option<&str>) {
    failure.message += &match decided_by.filter(|decided| *decided != build_id) {
        Some(decided) => format!(
            "; the component that runs is {build_id}, the history was last decided by {decided}"
        ),
        None => format!("; the component that runs is {build_id}"),
    };
}
