//! A worker has answered a workflow task: all its commands are judged first, and then recorded, or none of them is.

mod judge;

use super::activity;
use super::illegal::Illegal;
use super::recorder::Recorder;
use super::{Reply, RequestError};
use crate::command::Command;
use crate::event::activity::Canceled;
use crate::event::workflow_task::{Completed, FailedCause, WorkerVersionStamp};
use crate::event::{Attributes, HistoryEvent};
use crate::failure::{Failure, FailureInfo, ServerFailureInfo};
use crate::payload::{Payload, Payloads, UserMetadata};
use crate::task;
use alloc::{format, string::String, vec, vec::Vec};
use judge::{Judge, Refusal};

/// What an activity says that was canceled before anybody had it.
const NOT_STARTED: &str = "\"ACTIVITY_ID_NOT_STARTED\"";

/// A command that was found good: the event that it becomes.
pub(super) struct Judged {
    attributes: Attributes,
    user_metadata: Option<UserMetadata>,
    /// The activity that it cancels before anybody has it.
    cancels_unstarted: Option<i64>,
}

impl Recorder<'_> {
    /// A worker has done a workflow task.
    pub(super) fn complete_task(
        &mut self,
        completed: task::Completed,
    ) -> Result<Reply, RequestError> {
        self.holds(&completed.token)?;
        check_sequence(&completed.commands)?;
        // The ids that the two events of the task have or get, then that of its completion.
        let completed_event_id = completed.token.started_event_id + 1;
        let identity = completed.identity.clone();
        let mut judge = Judge::new(self.execution, self.limits, completed_event_id, &identity);
        let mut judged = Vec::with_capacity(completed.commands.len());
        for command in completed.commands {
            match judge.judge(command) {
                Ok(command) => judged.push(command),
                Err(refusal) => return self.refuse(refusal, identity),
            }
        }
        let (scheduled_event_id, started_event_id) = self.write_task()?;
        self.event(Completed {
            scheduled_event_id,
            started_event_id,
            identity: completed.identity,
            worker_version: stamp(completed.build_id),
            sdk_metadata: completed.metadata,
            ..Default::default()
        })?;
        self.published = completed.published;
        self.record_commands(judged, &identity)?;
        if self.execution.closed.is_none() && completed.force_create_new_task {
            self.wants_task = true;
        }
        Ok(Reply::Done)
    }

    fn record_commands(&mut self, judged: Vec<Judged>, identity: &str) -> Result<(), Illegal> {
        let mut unstarted = Vec::new();
        for command in judged {
            let event_id = self.event_with(command.attributes, command.user_metadata)?;
            if let Some(scheduled_event_id) = command.cancels_unstarted {
                unstarted.push(self.canceled_unstarted(scheduled_event_id, event_id, identity));
            }
        }
        if self.execution.closed.is_some() {
            return Ok(());
        }
        self.wants_task |= self.flush(unstarted)?;
        self.dispatch_activities();
        Ok(())
    }

    /// Attempts that were scheduled here, and are still wanted, wait in their queues; those that run learn that they are to stop.
    fn dispatch_activities(&mut self) {
        use super::{CancelReason, Dispatch, Entry};
        for entry in &self.entries {
            let Entry::Event(event) = entry else { continue };
            let id = match &event.attributes {
                Attributes::ActivityTaskScheduled(_) => event.event_id,
                Attributes::ActivityTaskCancelRequested(requested) => requested.scheduled_event_id,
                _ => continue,
            };
            match self.execution.activities.get(&id) {
                Some(it) if it.is_canceling() => self.dispatch.push(Dispatch::CancelActivity {
                    scheduled_event_id: id,
                    attempt: it.attempt,
                    reason: CancelReason::CancelRequested,
                }),
                Some(it) if it.is_pending() => self.dispatch.push(it.dispatch(id)),
                _ => {}
            }
        }
    }

    fn canceled_unstarted(
        &self,
        scheduled_event_id: i64,
        event_id: i64,
        identity: &str,
    ) -> HistoryEvent {
        let canceled = Canceled {
            details: Payloads::some(vec![Payload::json(NOT_STARTED)]),
            latest_cancel_requested_event_id: event_id,
            scheduled_event_id,
            identity: identity.into(),
            ..Default::default()
        };
        HistoryEvent::new(0, self.now, canceled)
    }

    /// A command was refused: the task fails, and in the worst case the run is over.
    fn refuse(&mut self, refusal: Refusal, identity: String) -> Result<Reply, RequestError> {
        let (cause, message, terminates) = match refusal {
            Refusal::NotSupported(what) => return Err(RequestError::NotSupported(what)),
            Refusal::Unhandled => {
                let failure = server_failure("UnhandledCommand");
                self.record_task_failed(FailedCause::UnhandledCommand, Some(failure), identity)?;
                self.next_attempt()?;
                return Err(RequestError::UnhandledCommand);
            }
            Refusal::Bad(cause, message) => (cause, message, false),
            Refusal::TooLarge(cause, message) => (cause, message, true),
        };
        // The causes are named as Temporal names them.
        let message = format!("{cause:?}: {message}");
        let attempt = self.execution.task.scheduled().map_or(1, |task| task.attempt);
        // A worker that fails again and again is slowed down by the task's timeout: nothing is written.
        if attempt > 1 && !terminates {
            return Err(RequestError::BadCommand { cause, message });
        }
        self.record_task_failed(cause, Some(server_failure(&message)), identity)?;
        if terminates {
            self.flush(Vec::new())?;
            self.event(crate::event::workflow::Terminated {
                reason: message.clone(),
                identity: super::terminate::ENGINE_IDENTITY.into(),
                ..Default::default()
            })?;
        } else {
            self.next_attempt()?;
        }
        Err(RequestError::BadCommand { cause, message })
    }
}

/// What a refused answer is told.
fn server_failure(message: &str) -> Failure {
    Failure::new(message, FailureInfo::Server(ServerFailureInfo::default()))
}

fn stamp(build_id: String) -> Option<WorkerVersionStamp> {
    let stamp = |build_id| WorkerVersionStamp { build_id, ..WorkerVersionStamp::default() };
    (!build_id.is_empty()).then(|| stamp(build_id))
}

/// A command that closes the run must be the last (rule 43).
fn check_sequence(commands: &[Command]) -> Result<(), RequestError> {
    let last = commands.len().saturating_sub(1);
    let Some(closing) = commands.iter().take(last).find(|command| command.kind.closes()) else {
        return Ok(());
    };
    let names: Vec<&str> = commands.iter().map(|command| command.kind.name()).collect();
    Err(RequestError::CommandSequence { sequence: names.join(", "), command: closing.kind.name() })
}

/// The options of an activity, checked and filled in.
fn normalize_activity(
    command: crate::command::ScheduleActivityTask,
    judge: &Judge<'_>,
) -> Result<crate::event::activity::Scheduled, Refusal> {
    activity::normalize(command, judge.execution, judge.limits, judge.completed_event_id)
        .map_err(|message| Refusal::Bad(FailedCause::BadScheduleActivityAttributes, message))
}
