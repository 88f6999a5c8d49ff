//! An activity as its guest sees it: its states, its three types of cancellation, and the run's
//! methods for it.

use super::commands::Slot;
use super::failure::{Misuse, Reason, TaskFailure};
use super::operations::{Machine, Operation, Stamp, wrong_kind};
use super::replay::{Match, differs};
use super::run::{Run, Wait, unfit};
use super::shown::{ShownFailure, bare_canceled};
use super::timer::summarized;
use crate::command::{Command, CommandKind, ScheduleActivityTask};
use crate::event::{Attributes, HistoryEvent, activity};
use crate::failure::{ActivityFailureInfo, CanceledFailureInfo, Failure, FailureInfo, RetryState};
use crate::payload::{Payload, Payloads, Priority, TaskQueue};
use crate::policy::RetryPolicy;
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

/// What the workflow waits for once an activity's cancellation is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CancellationType {
    /// Ask the activity to stop, and report `canceled` at once.
    #[default]
    TryCancel,
    /// Ask, then wait for what the activity really ends with.
    WaitCancellationCompleted,
    /// Do not ask; report `canceled` at once and let it run on.
    Abandon,
}

/// What an activity is started with.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ActivityOptions {
    /// Its type.
    pub activity_type: String,
    /// Its arguments.
    pub input: Vec<Payload>,
    /// An id of the author's; its number among the run's activities when left out.
    pub activity_id: Option<String>,
    /// Where it waits; the workflow's own queue when left out.
    pub task_queue: Option<String>,
    /// How long all attempts may take.
    pub schedule_to_close_timeout: Option<Duration>,
    /// How long it may wait for a worker.
    pub schedule_to_start_timeout: Option<Duration>,
    /// How long one attempt may take.
    pub start_to_close_timeout: Option<Duration>,
    /// How long its worker may be silent.
    pub heartbeat_timeout: Option<Duration>,
    /// How it is tried again.
    pub retry_policy: Option<RetryPolicy>,
    /// What canceling it does.
    pub cancellation_type: CancellationType,
    /// One line for people who look at the run.
    pub summary: Option<String>,
    /// Which of several waiting activities a worker gets first.
    pub priority: Option<Priority>,
}

/// How far an activity has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// The task that runs started it.
    Issued,
    /// The history has it.
    Scheduled,
    /// It was asked to stop, and how it ends is waited for.
    Canceling,
    /// It ended, in whichever way.
    Ended,
    /// It is canceled for good, whatever it really ends with (rule 98).
    Canceled,
}

/// What happens to an activity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Happening {
    /// ActivityTaskScheduled.
    Scheduled,
    /// ActivityTaskCancelRequested.
    CancelRecorded,
    /// ActivityTaskStarted.
    Started,
    /// ActivityTaskCompleted, ActivityTaskFailed, ActivityTaskTimedOut or ActivityTaskCanceled.
    Closed,
    /// The guest cancels it.
    Cancel(CancellationType),
}

/// What follows besides the new state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// Nothing.
    Nothing,
    /// The ScheduleActivityTask of this task is not sent, nor a request to cancel it (rule 77).
    DropCommand,
    /// A RequestCancelActivityTask is sent.
    SendCancel,
    /// How it ended is what the guest gets.
    KeepOutcome,
}

/// What becomes of an activity; `None` if that cannot happen to it.
pub(super) fn apply(state: State, happening: Happening) -> Option<(State, Effect)> {
    use CancellationType::{Abandon, TryCancel, WaitCancellationCompleted as WaitCompleted};
    use {Effect::*, Happening as H, State as S};
    match (state, happening) {
        (S::Issued, H::Scheduled) => Some((S::Scheduled, Nothing)),
        // An abandoned one is sent, and nobody will ever answer for one that is not (D5).
        (S::Issued, H::Cancel(Abandon)) => Some((S::Canceled, Nothing)),
        (S::Issued, H::Cancel(TryCancel | WaitCompleted)) => Some((S::Canceled, DropCommand)),
        (S::Scheduled, H::Cancel(TryCancel)) => Some((S::Canceled, SendCancel)),
        (S::Scheduled, H::Cancel(WaitCompleted)) => Some((S::Canceling, SendCancel)),
        (S::Scheduled, H::Cancel(Abandon)) => Some((S::Canceled, Nothing)),
        (S::Scheduled | S::Canceling, H::Closed) => Some((S::Ended, KeepOutcome)),
        (S::Canceling, H::CancelRecorded) => Some((S::Canceling, Nothing)),
        (S::Canceled, H::Scheduled | H::CancelRecorded | H::Closed) => Some((S::Canceled, Nothing)),
        (S::Scheduled | S::Canceling | S::Canceled, H::Started) => Some((state, Nothing)),
        (S::Canceling | S::Ended | S::Canceled, H::Cancel(_)) => Some((state, Nothing)),
        (S::Issued, H::CancelRecorded | H::Started | H::Closed)
        | (S::Scheduled, H::Scheduled | H::CancelRecorded)
        | (S::Canceling, H::Scheduled)
        | (S::Ended, H::Scheduled | H::CancelRecorded | H::Started | H::Closed) => None,
    }
}

/// One activity.
#[derive(Debug)]
pub(super) struct Activity {
    state: State,
    cancellation_type: CancellationType,
    activity_id: String,
    activity_type: String,
    slot: Slot,
    /// Its ActivityTaskScheduled; 0 until the history has it.
    scheduled_event_id: i64,
    ready_at: Stamp,
    /// Whether the interruption found it waited for, and goes with it unless it succeeds (D5).
    interrupted: bool,
    outcome: Option<Result<Payload, Box<Failure>>>,
}

impl Activity {
    /// When it became ready, if it is.
    pub(super) fn ready_at(&self) -> Option<Stamp> {
        matches!(self.state, State::Ended | State::Canceled).then_some(self.ready_at)
    }

    fn into_outcome(self) -> Result<Payload, Box<Failure>> {
        match self.outcome {
            Some(outcome) => outcome,
            None => {
                let shape = self.failure("Activity cancelled", RetryState::CancelRequested);
                Err(Box::new(shape.caused(Some(bare_canceled())).failure))
            }
        }
    }

    fn failure(&self, message: &str, retry_state: RetryState) -> Shape {
        let info = ActivityFailureInfo {
            scheduled_event_id: self.scheduled_event_id,
            activity_type: Some(self.activity_type.as_str().into()),
            activity_id: self.activity_id.clone(),
            retry_state,
            ..ActivityFailureInfo::default()
        };
        Shape { failure: Failure { message: message.into(), ..Failure::default() }, info }
            .finished()
    }

    /// What the guest gets for an event that ends it, in the shapes that Temporal's SDKs make.
    fn closed(&self, event: &Attributes) -> Result<Payload, Box<Failure>> {
        let shape = match event {
            Attributes::ActivityTaskCompleted(completed) => {
                return Ok(first(completed.result.as_ref()));
            }
            Attributes::ActivityTaskFailed(failed) => self
                .failure("Activity task failed", failed.retry_state)
                .of(failed.started_event_id, &failed.identity)
                .caused(failed.failure.clone()),
            Attributes::ActivityTaskTimedOut(timed_out) => self
                .failure("Activity task timed out", timed_out.retry_state)
                .of(timed_out.started_event_id, "")
                .caused(timed_out.failure.clone()),
            Attributes::ActivityTaskCanceled(canceled) => {
                let info = CanceledFailureInfo {
                    details: canceled.details.clone(),
                    ..CanceledFailureInfo::default()
                };
                let cause = Failure { info: Some(FailureInfo::Canceled(info)), ..bare_canceled() };
                self.failure("Activity cancelled", RetryState::CancelRequested)
                    .of(canceled.started_event_id, &canceled.identity)
                    .caused(Some(cause))
            }
            _ => self.failure("Activity task failed", RetryState::Unspecified),
        };
        Err(Box::new(shape.failure))
    }
}

/// An activity failure while it is put together.
struct Shape {
    failure: Failure,
    info: ActivityFailureInfo,
}

impl Shape {
    fn of(mut self, started_event_id: i64, identity: &str) -> Shape {
        self.info.started_event_id = started_event_id;
        self.info.identity = identity.into();
        self.finished()
    }

    fn caused(mut self, cause: Option<Failure>) -> Shape {
        self.failure.cause = cause.map(Box::new);
        self
    }

    fn finished(mut self) -> Shape {
        self.failure.info = Some(FailureInfo::Activity(self.info.clone()));
        self
    }
}

fn first(result: Option<&Payloads>) -> Payload {
    result.and_then(|result| result.payloads.first()).cloned().unwrap_or_else(Payload::nil)
}

/// Whether the event records that command. Arguments and options are not compared, as in Temporal's
/// core.
pub(super) fn records(event: &activity::Scheduled, command: &ScheduleActivityTask) -> Match {
    let recorded_type = event.activity_type.as_ref().map_or("", |t| &t.name);
    differs("activity id", &event.activity_id, &command.activity_id)
        .and(|| differs("activity type", recorded_type, &command.activity_type.name))
}

/// Whether the event records that command.
pub(super) fn records_cancel(event: &activity::CancelRequested, scheduled_event_id: i64) -> Match {
    match event.scheduled_event_id == scheduled_event_id {
        true => Match::Records,
        false => differs(
            "scheduled event id",
            &event.scheduled_event_id.to_string(),
            &scheduled_event_id.to_string(),
        ),
    }
}

impl Run {
    /// Schedules an activity. One of `start_to_close_timeout` and `schedule_to_close_timeout` must
    /// be given.
    pub fn start_activity(&mut self, options: ActivityOptions) -> Result<Operation, Misuse> {
        self.activities_started += 1;
        if options.start_to_close_timeout.is_none() && options.schedule_to_close_timeout.is_none() {
            return Err(Misuse(alloc::format!(
                "activity {:?} has neither a start-to-close-timeout nor a \
                 schedule-to-close-timeout; give one of them",
                options.activity_type
            )));
        }
        let bytes: usize = options.input.iter().map(Payload::size).sum();
        let max = self.limits.payload_bytes_max;
        if bytes > max {
            let what = alloc::format!("the input of activity {:?}", options.activity_type);
            return Err(self.exceed(Reason::PayloadTooLarge { what, bytes, max }));
        }
        let activity_id =
            options.activity_id.unwrap_or_else(|| self.activities_started.to_string());
        let operation = self.give(Machine::Activity(Box::new(Activity {
            state: State::Issued,
            cancellation_type: options.cancellation_type,
            activity_id: activity_id.clone(),
            activity_type: options.activity_type.clone(),
            slot: 0,
            scheduled_event_id: 0,
            ready_at: 0,
            interrupted: false,
            outcome: None,
        })))?;
        let schedule = ScheduleActivityTask {
            activity_id,
            activity_type: options.activity_type.as_str().into(),
            task_queue: options.task_queue.map(TaskQueue::normal),
            header: None,
            input: Payloads::some(options.input),
            schedule_to_close_timeout: options.schedule_to_close_timeout,
            schedule_to_start_timeout: options.schedule_to_start_timeout,
            start_to_close_timeout: options.start_to_close_timeout,
            heartbeat_timeout: options.heartbeat_timeout,
            retry_policy: options.retry_policy,
            priority: options.priority,
        };
        let command = Command {
            kind: CommandKind::ScheduleActivityTask(schedule),
            user_metadata: options.summary.map(summarized),
        };
        let slot = self.issue(command, operation)?;
        if let Some(Machine::Activity(activity)) = self.operations.get(operation) {
            activity.slot = slot;
        }
        Ok(operation)
    }

    /// Waits for its outcome, which takes it. A cancel request that finds it waiting acts by its
    /// cancellation type (D5).
    pub fn wait_activity(
        &mut self,
        operation: Operation,
    ) -> Result<Wait<Result<Payload, ShownFailure>>, Misuse> {
        let activity = self.operations.waited_activity(operation)?;
        if activity.ready_at().is_none() {
            if !self.cancellation.interrupts() {
                return Ok(Wait::Blocked);
            }
            activity.interrupted = true;
            self.cancel_activity(operation)?;
            if self.operations.waited_activity(operation)?.ready_at().is_none() {
                return Ok(Wait::Blocked);
            }
        }
        let Some(Machine::Activity(activity)) = self.operations.take(operation) else {
            return Ok(Wait::Blocked);
        };
        let interrupted = activity.interrupted;
        let outcome = activity.into_outcome();
        if interrupted && outcome.is_err() {
            self.cancellation.interrupt();
        }
        Ok(Wait::Ready(outcome.map_err(|failure| self.handed.hand(*failure))))
    }

    /// Asks it to stop, as its cancellation type says. No effect once it has ended, was taken, or
    /// was asked before.
    pub fn cancel_activity(&mut self, operation: Operation) -> Result<(), Misuse> {
        let stamp = self.operations.next_stamp();
        let activity = match self.operations.known(operation)? {
            None => return Ok(()),
            Some(Machine::Activity(activity)) => activity,
            Some(other) => return Err(wrong_kind(operation, other, "an activity")),
        };
        let happening = Happening::Cancel(activity.cancellation_type);
        let Some((state, effect)) = apply(activity.state, happening) else { return Ok(()) };
        if activity.ready_at().is_none() {
            activity.ready_at = stamp;
        }
        activity.state = state;
        let (slot, scheduled_event_id) = (activity.slot, activity.scheduled_event_id);
        match effect {
            Effect::Nothing | Effect::KeepOutcome => {}
            Effect::DropCommand => self.commands.drop(slot),
            Effect::SendCancel => {
                let cancel = CommandKind::RequestCancelActivityTask { scheduled_event_id };
                self.issue(cancel, operation)?;
            }
        }
        Ok(())
    }

    /// The event that records a ScheduleActivityTask.
    pub(super) fn activity_scheduled(
        &mut self,
        event: &HistoryEvent,
        operation: Operation,
    ) -> Result<(), TaskFailure> {
        self.operations.record(event.event_id, operation);
        if let Some(Machine::Activity(activity)) = self.operations.get(operation) {
            activity.scheduled_event_id = event.event_id;
        }
        self.activity_happens(event, operation, Happening::Scheduled)
    }

    /// The event that records a RequestCancelActivityTask.
    pub(super) fn activity_cancel_recorded(
        &mut self,
        event: &HistoryEvent,
        operation: Operation,
    ) -> Result<(), TaskFailure> {
        self.activity_happens(event, operation, Happening::CancelRecorded)
    }

    /// Its last attempt began; written together with how it ended.
    pub(super) fn activity_started(
        &mut self,
        event: &HistoryEvent,
        started: &activity::Started,
    ) -> Result<(), TaskFailure> {
        match self.operations.recorded(started.scheduled_event_id) {
            Some(operation) => self.activity_happens(event, operation, Happening::Started),
            None => Err(unfit(event, "no activity is open that it could be about")),
        }
    }

    /// It ended.
    pub(super) fn activity_closed(
        &mut self,
        event: &HistoryEvent,
        scheduled_event_id: i64,
    ) -> Result<(), TaskFailure> {
        match self.operations.end(scheduled_event_id) {
            Some(operation) => self.activity_happens(event, operation, Happening::Closed),
            None => Err(unfit(event, "no activity is open that it could be about")),
        }
    }

    fn activity_happens(
        &mut self,
        event: &HistoryEvent,
        operation: Operation,
        happening: Happening,
    ) -> Result<(), TaskFailure> {
        let stamp = self.operations.next_stamp();
        let activity = match self.operations.get(operation) {
            // One that was taken is canceled: whatever still comes is late (rule 98).
            None => return Ok(()),
            Some(Machine::Activity(activity)) => activity,
            Some(_) => return Err(unfit(event, "it is about something that is no activity")),
        };
        let Some((state, effect)) = apply(activity.state, happening) else {
            return Err(unfit(event, alloc::format!("its activity is {:?}", activity.state)));
        };
        activity.state = state;
        if effect == Effect::KeepOutcome {
            activity.ready_at = stamp;
            activity.outcome = Some(activity.closed(&event.attributes));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{CancellationType, Effect, Happening, State, apply};
    use alloc::{format, string::String};
    use expect_test::expect;

    #[test]
    fn every_happening_in_every_state() {
        use {Happening as H, State as S};
        let happenings = [
            H::Scheduled,
            H::CancelRecorded,
            H::Started,
            H::Closed,
            H::Cancel(CancellationType::TryCancel),
            H::Cancel(CancellationType::WaitCancellationCompleted),
            H::Cancel(CancellationType::Abandon),
        ];
        let mut table = String::new();
        for state in [S::Issued, S::Scheduled, S::Canceling, S::Ended, S::Canceled] {
            for happening in happenings {
                table += &match apply(state, happening) {
                    None => format!("{state:?} + {happening:?} = unfit\n"),
                    Some((next, Effect::Nothing)) => {
                        format!("{state:?} + {happening:?} = {next:?}\n")
                    }
                    Some((next, effect)) => {
                        format!("{state:?} + {happening:?} = {next:?}, {effect:?}\n")
                    }
                };
            }
        }
        expect![[r#"
            Issued + Scheduled = Scheduled
            Issued + CancelRecorded = unfit
            Issued + Started = unfit
            Issued + Closed = unfit
            Issued + Cancel(TryCancel) = Canceled, DropCommand
            Issued + Cancel(WaitCancellationCompleted) = Canceled, DropCommand
            Issued + Cancel(Abandon) = Canceled
            Scheduled + Scheduled = unfit
            Scheduled + CancelRecorded = unfit
            Scheduled + Started = Scheduled
            Scheduled + Closed = Ended, KeepOutcome
            Scheduled + Cancel(TryCancel) = Canceled, SendCancel
            Scheduled + Cancel(WaitCancellationCompleted) = Canceling, SendCancel
            Scheduled + Cancel(Abandon) = Canceled
            Canceling + Scheduled = unfit
            Canceling + CancelRecorded = Canceling
            Canceling + Started = Canceling
            Canceling + Closed = Ended, KeepOutcome
            Canceling + Cancel(TryCancel) = Canceling
            Canceling + Cancel(WaitCancellationCompleted) = Canceling
            Canceling + Cancel(Abandon) = Canceling
            Ended + Scheduled = unfit
            Ended + CancelRecorded = unfit
            Ended + Started = unfit
            Ended + Closed = unfit
            Ended + Cancel(TryCancel) = Ended
            Ended + Cancel(WaitCancellationCompleted) = Ended
            Ended + Cancel(Abandon) = Ended
            Canceled + Scheduled = Canceled
            Canceled + CancelRecorded = Canceled
            Canceled + Started = Canceled
            Canceled + Closed = Canceled
            Canceled + Cancel(TryCancel) = Canceled
            Canceled + Cancel(WaitCancellationCompleted) = Canceled
            Canceled + Cancel(Abandon) = Canceled
        "#]]
        .assert_eq(&table);
    }
}
