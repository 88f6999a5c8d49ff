//! An activity's machine: scheduled by a command, attempted by workers, ended by the last attempt, by time, or before it began.
//!
//! What follows from commands and requests is in `activity/requests`, the attempts' policy in `activity/retry`, and time in `activity/timeouts`.

mod options;
mod requests;
mod retry;
mod timeouts;

pub(super) use options::normalize;

use super::change::{
    ActivityAttemptFailed, ActivityAttemptReleased, ActivityAttemptStarted, ActivityHeartbeat,
};
use super::deadlines::Deadline;
use super::execution::Execution;
use super::illegal::Illegal;
use super::volatile::Volatile;
use crate::event::{Attributes, HistoryEvent, activity};
use crate::failure::Failure;
use crate::payload::Payloads;
use crate::time::Timestamp;
use alloc::{string::String, sync::Arc};

/// An activity that the history has not seen end.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Activity {
    /// Its ActivityTaskScheduled.
    pub scheduled: Arc<HistoryEvent>,
    pub phase: Phase,
    /// The attempt that waits, runs or ran, from 1.
    pub attempt: u32,
    /// When that attempt was to begin.
    pub attempt_scheduled_time: Timestamp,
    /// When the last attempt began.
    pub last_started_time: Option<Timestamp>,
    /// Who had the last attempt.
    pub last_worker_identity: String,
    /// How the attempt before this one failed.
    pub last_failure: Option<Failure>,
    /// The last heartbeat that is in the log. Its details pass on to the next attempt.
    pub heartbeat: Option<Beat>,
    /// A later one, which is written before the attempt ends (rule 121).
    pub unwritten_heartbeat: Volatile<Option<Beat>>,
    /// Whether it was said that the backoff is over.
    pub announced: Volatile<bool>,
}

/// A heartbeat.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Beat {
    pub time: Timestamp,
    pub details: Option<Payloads>,
}

/// How far an activity is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Phase {
    /// The first attempt waits for a worker.
    Ready,
    /// A later attempt waits for its time, then for a worker.
    Backoff,
    /// An attempt runs.
    Started(Attempt),
    /// An attempt runs and is to stop.
    Canceling {
        attempt: Attempt,
        /// ActivityTaskCancelRequested.
        cancel_requested_event_id: i64,
    },
    /// It is over, but its last event is not in the history yet.
    Ended,
}

/// An attempt that runs.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Attempt {
    pub time: Timestamp,
    pub identity: String,
    pub request_id: String,
    /// The host whose process runs it; empty for a worker over the wire.
    pub host: String,
}

/// What happens to an activity.
#[derive(Clone, Debug)]
pub(super) enum Step<'a> {
    /// ActivityTaskScheduled.
    Scheduled(&'a Arc<HistoryEvent>),
    /// A worker took an attempt.
    AttemptStarted(&'a ActivityAttemptStarted),
    /// The worker never got it.
    AttemptReleased(&'a ActivityAttemptReleased),
    /// It goes on.
    Heartbeat(&'a ActivityHeartbeat),
    /// It failed; the next one is due.
    AttemptFailed(&'a ActivityAttemptFailed),
    /// ActivityTaskCancelRequested, with its id.
    CancelRequested(i64),
    /// The event that ends it was buffered.
    EndBuffered,
    /// ActivityTaskStarted, which only stands before the end of an attempt.
    StartRecorded,
    /// ActivityTaskCompleted or ActivityTaskFailed.
    Ended,
    /// ActivityTaskCanceled.
    Canceled,
    /// ActivityTaskTimedOut.
    TimedOut,
}

/// The activity after `step`; nothing if the history has seen its end.
pub(super) fn apply(state: Option<Activity>, step: &Step<'_>) -> Result<Option<Activity>, Illegal> {
    let name = name(state.as_ref());
    let illegal = || Illegal { machine: "activity", state: name, step: step.name() };
    let Some(mut it) = state else {
        return match step {
            Step::Scheduled(event) => scheduled(event).map(Some).ok_or_else(illegal),
            _ => Err(illegal()),
        };
    };
    let phase = core::mem::replace(&mut it.phase, Phase::Ended);
    it.phase = match (phase, step) {
        (Phase::Ready | Phase::Backoff, Step::AttemptStarted(started))
            if i64::from(started.attempt) == i64::from(it.attempt) =>
        {
            Phase::Started(it.begin(started))
        }
        (Phase::Started(_), Step::AttemptReleased(released))
            if i64::from(released.attempt) == i64::from(it.attempt) =>
        {
            it.release()
        }
        (Phase::Started(attempt), Step::AttemptFailed(failed)) if it.retries(failed) => {
            it.fail(attempt, failed);
            Phase::Backoff
        }
        (Phase::Started(attempt), Step::Heartbeat(beat)) => {
            it.beat(beat);
            Phase::Started(attempt)
        }
        (Phase::Canceling { attempt, cancel_requested_event_id }, Step::Heartbeat(beat)) => {
            it.beat(beat);
            Phase::Canceling { attempt, cancel_requested_event_id }
        }
        // Nobody has it: it is over, which the history learns after the other events of this completion (rule 78).
        (Phase::Ready | Phase::Backoff, Step::CancelRequested(_)) => Phase::Ended,
        (Phase::Started(attempt), Step::CancelRequested(cancel_requested_event_id)) => {
            Phase::Canceling { attempt, cancel_requested_event_id: *cancel_requested_event_id }
        }
        // Its end is buffered: recorded, and of no effect (rule 49).
        (Phase::Ended, Step::CancelRequested(_)) => Phase::Ended,
        (Phase::Started(_) | Phase::Canceling { .. }, Step::EndBuffered) => Phase::Ended,
        (Phase::Ready | Phase::Backoff, Step::EndBuffered) => Phase::Ended,
        (Phase::Started(attempt), Step::StartRecorded) => Phase::Started(attempt),
        (Phase::Canceling { attempt, cancel_requested_event_id }, Step::StartRecorded) => {
            Phase::Canceling { attempt, cancel_requested_event_id }
        }
        (Phase::Ended, Step::StartRecorded) => Phase::Ended,
        (Phase::Started(_) | Phase::Canceling { .. } | Phase::Ended, Step::Ended) => {
            return Ok(None);
        }
        (Phase::Canceling { .. } | Phase::Ended, Step::Canceled) => return Ok(None),
        (
            Phase::Ready
            | Phase::Backoff
            | Phase::Started(_)
            | Phase::Canceling { .. }
            | Phase::Ended,
            Step::TimedOut,
        ) => return Ok(None),
        _ => return Err(illegal()),
    };
    Ok(Some(it))
}

fn scheduled(event: &Arc<HistoryEvent>) -> Option<Activity> {
    if !matches!(event.attributes, Attributes::ActivityTaskScheduled(_)) {
        return None;
    }
    Some(Activity {
        scheduled: event.clone(),
        phase: Phase::Ready,
        attempt: 1,
        attempt_scheduled_time: event.event_time,
        last_started_time: None,
        last_worker_identity: String::new(),
        last_failure: None,
        heartbeat: None,
        unwritten_heartbeat: Volatile(None),
        announced: Volatile(false),
    })
}

/// The name of a state.
pub(super) fn name(state: Option<&Activity>) -> &'static str {
    match state.map(|activity| &activity.phase) {
        None => "absent",
        Some(Phase::Ready) => "ready",
        Some(Phase::Backoff) => "in backoff",
        Some(Phase::Started(_)) => "started",
        Some(Phase::Canceling { .. }) => "started and to be canceled",
        Some(Phase::Ended) => "over",
    }
}

impl Step<'_> {
    fn name(&self) -> &'static str {
        match self {
            Step::Scheduled(_) => "ActivityTaskScheduled",
            Step::AttemptStarted(_) => "ActivityAttemptStarted",
            Step::AttemptReleased(_) => "ActivityAttemptReleased",
            Step::Heartbeat(_) => "ActivityHeartbeat",
            Step::AttemptFailed(_) => "ActivityAttemptFailed",
            Step::CancelRequested(_) => "ActivityTaskCancelRequested",
            Step::EndBuffered => "a buffered end of the activity",
            Step::StartRecorded => "ActivityTaskStarted",
            Step::Ended => "ActivityTaskCompleted or ActivityTaskFailed",
            Step::Canceled => "ActivityTaskCanceled",
            Step::TimedOut => "ActivityTaskTimedOut",
        }
    }
}

impl Activity {
    fn begin(&mut self, started: &ActivityAttemptStarted) -> Attempt {
        let time = started.time.unwrap_or_default();
        self.last_started_time = Some(time);
        self.last_worker_identity = started.identity.clone();
        self.unwritten_heartbeat.0 = None;
        Attempt {
            time,
            identity: started.identity.clone(),
            request_id: started.request_id.clone(),
            host: started.host.clone(),
        }
    }

    /// The same attempt waits again; its time has come already.
    fn release(&mut self) -> Phase {
        self.unwritten_heartbeat.0 = None;
        self.announced.0 = true;
        if self.attempt == 1 { Phase::Ready } else { Phase::Backoff }
    }

    fn retries(&self, failed: &ActivityAttemptFailed) -> bool {
        i64::from(failed.attempt) == i64::from(self.attempt)
    }

    fn fail(&mut self, _: Attempt, failed: &ActivityAttemptFailed) {
        self.attempt += 1;
        self.attempt_scheduled_time = failed.next_attempt_time.unwrap_or_default();
        self.last_failure = failed.failure.clone();
        self.unwritten_heartbeat.0 = None;
        self.announced.0 = false;
    }

    fn beat(&mut self, beat: &ActivityHeartbeat) {
        let time = beat.time.unwrap_or_default();
        self.heartbeat = Some(Beat { time, details: beat.details.clone() });
        self.unwritten_heartbeat.0 = None;
    }

    /// The attempt that runs.
    pub(super) fn running(&self) -> Option<&Attempt> {
        match &self.phase {
            Phase::Started(attempt) | Phase::Canceling { attempt, .. } => Some(attempt),
            Phase::Ready | Phase::Backoff | Phase::Ended => None,
        }
    }

    /// Whether the running attempt is to stop.
    pub(super) fn is_canceling(&self) -> bool {
        matches!(self.phase, Phase::Canceling { .. })
    }

    /// Whether it counts as pending: nothing has ended it, in the history or in the buffer.
    pub(super) fn is_pending(&self) -> bool {
        !matches!(self.phase, Phase::Ended)
    }

    /// What it was scheduled with.
    pub(super) fn options(&self) -> &activity::Scheduled {
        match &self.scheduled.attributes {
            Attributes::ActivityTaskScheduled(scheduled) => scheduled,
            _ => unreachable!("`scheduled` makes an activity of no other event"),
        }
    }

    /// The last heartbeat, in the log or not.
    pub(super) fn last_heartbeat(&self) -> Option<&Beat> {
        self.unwritten_heartbeat.as_ref().or(self.heartbeat.as_ref())
    }
}

impl Execution {
    /// Takes one step of the activity of that ActivityTaskScheduled.
    pub(super) fn step_activity(
        &mut self,
        scheduled_event_id: i64,
        step: Step<'_>,
    ) -> Result<(), Illegal> {
        let before = self.activities.remove(&scheduled_event_id);
        let due = before.as_ref().and_then(Activity::deadline);
        if let Some(before) = before.as_ref().filter(|before| before.is_pending()) {
            self.activity_ids.remove(&before.options().activity_id);
        }
        let after = apply(before, &step)?;
        let deadline = Deadline::Activity(scheduled_event_id);
        self.deadlines.replace(deadline, due, after.as_ref().and_then(Activity::deadline));
        if let Some(after) = after {
            if after.is_pending() {
                self.activity_ids.insert(after.options().activity_id.clone(), scheduled_event_id);
            }
            self.activities.insert(scheduled_event_id, after);
        }
        Ok(())
    }

    /// The attempts that run: what they belong to, and which they are.
    pub(super) fn running_attempts(&self) -> impl Iterator<Item = (i64, u32)> {
        self.activities
            .iter()
            .filter(|(_, activity)| activity.running().is_some())
            .map(|(id, activity)| (*id, activity.attempt))
    }
}
