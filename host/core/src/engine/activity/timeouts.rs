//! What time does to an activity: its next attempt becomes ready, or one of the four timeouts is over.

use super::{Activity, Phase};
use crate::engine::change::StateChange;
use crate::engine::deadlines::Deadline;
use crate::engine::illegal::Illegal;
use crate::engine::recorder::Recorder;
use crate::engine::{CancelReason, Dispatch};
use crate::event::activity::TimedOut;
use crate::failure::{Failure, FailureInfo, RetryState, TimeoutFailureInfo, TimeoutType};
use crate::time::Timestamp;
use alloc::{boxed::Box, format, string::String};
use core::time::Duration;

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    /// The backoff is over.
    Ready,
    /// A time is over.
    Timeout(TimeoutType),
}

fn after(time: Timestamp, timeout: Option<Duration>) -> Option<Timestamp> {
    timeout.filter(|timeout| !timeout.is_zero()).map(|timeout| time.after(timeout))
}

impl Activity {
    /// When all attempts have to be over.
    pub(in crate::engine) fn expiration(&self) -> Option<Timestamp> {
        after(self.scheduled.event_time, self.options().schedule_to_close_timeout)
    }

    /// The earliest thing that time does to it.
    pub(in crate::engine) fn deadline(&self) -> Option<Timestamp> {
        self.due().map(|(time, _)| time)
    }

    fn due(&self) -> Option<(Timestamp, Due)> {
        let options = self.options();
        let close =
            self.expiration().map(|time| (time, Due::Timeout(TimeoutType::ScheduleToClose)));
        let to_start = || {
            let time = after(self.attempt_scheduled_time, options.schedule_to_start_timeout);
            time.map(|time| (time, Due::Timeout(TimeoutType::ScheduleToStart)))
        };
        let others = match &self.phase {
            Phase::Ended => return None,
            Phase::Ready => [to_start(), None],
            Phase::Backoff if self.announced.0 => [to_start(), None],
            Phase::Backoff => [Some((self.attempt_scheduled_time, Due::Ready)), None],
            Phase::Started(attempt) | Phase::Canceling { attempt, .. } => {
                let end = after(attempt.time, options.start_to_close_timeout);
                // A heartbeat of an earlier attempt does not count.
                let alive = self.last_heartbeat().map_or(attempt.time, |beat| beat.time);
                let silent = after(alive.max(attempt.time), options.heartbeat_timeout);
                [
                    end.map(|time| (time, Due::Timeout(TimeoutType::StartToClose))),
                    silent.map(|time| (time, Due::Timeout(TimeoutType::Heartbeat))),
                ]
            }
        };
        close.into_iter().chain(others.into_iter().flatten()).min_by_key(|(time, _)| *time)
    }
}

/// The failure that says which time was over.
fn timeout_failure(timeout_type: TimeoutType) -> Failure {
    let what = match timeout_type {
        TimeoutType::StartToClose => "StartToClose",
        TimeoutType::ScheduleToStart => "ScheduleToStart",
        TimeoutType::ScheduleToClose => "ScheduleToClose",
        TimeoutType::Heartbeat => "Heartbeat",
        TimeoutType::Unspecified | TimeoutType::Unknown(_) => "Unspecified",
    };
    let info = TimeoutFailureInfo { timeout_type, ..Default::default() };
    Failure {
        source: String::from("Server"),
        ..Failure::new(format!("activity {what} timeout"), FailureInfo::Timeout(info))
    }
}

impl Recorder<'_> {
    /// Something is due for an activity.
    pub(in crate::engine) fn activity_due(
        &mut self,
        scheduled_event_id: i64,
    ) -> Result<(), Illegal> {
        let Some(activity) = self.execution.activities.get_mut(&scheduled_event_id) else {
            return Ok(());
        };
        match activity.due() {
            Some((time, Due::Ready)) => {
                activity.announced.0 = true;
                let after = activity.deadline();
                let dispatch = activity.dispatch(scheduled_event_id);
                let deadline = Deadline::Activity(scheduled_event_id);
                self.execution.deadlines.replace(deadline, Some(time), after);
                self.dispatch.push(dispatch);
                Ok(())
            }
            Some((_, Due::Timeout(timeout_type))) => {
                self.time_out_activity(scheduled_event_id, timeout_type)
            }
            None => Ok(()),
        }
    }

    fn time_out_activity(&mut self, id: i64, timeout_type: TimeoutType) -> Result<(), Illegal> {
        self.write_heartbeat(id)?;
        let Some(activity) = self.execution.activities.get(&id) else { return Ok(()) };
        let (attempt, is_running) = (activity.attempt, activity.running().is_some());
        if is_running {
            let reason = CancelReason::TimedOut;
            self.dispatch.push(Dispatch::CancelActivity {
                scheduled_event_id: id,
                attempt,
                reason,
            });
        }
        let mut failure = timeout_failure(timeout_type);
        let retry_state = match activity.retry(&failure, self.now) {
            Ok(next) => return self.retry_activity(id, failure, next),
            Err(retry_state) => retry_state,
        };
        let in_attempt = matches!(timeout_type, TimeoutType::StartToClose | TimeoutType::Heartbeat);
        if retry_state == RetryState::Timeout && in_attempt {
            // There is no time left for another attempt.
            failure = timeout_failure(TimeoutType::ScheduleToClose);
        }
        if let Some(FailureInfo::Timeout(info)) = &mut failure.info {
            info.last_heartbeat_details =
                activity.heartbeat.as_ref().and_then(|beat| beat.details.clone());
        }
        failure.cause = activity.last_failure.clone().map(Box::new);
        self.end_activity_with(id, |started_event_id| TimedOut {
            failure: Some(failure),
            scheduled_event_id: id,
            started_event_id,
            retry_state,
            ..Default::default()
        })
    }

    /// The attempt failed and is tried again at `next`.
    pub(super) fn retry_activity(
        &mut self,
        scheduled_event_id: i64,
        failure: Failure,
        next: Timestamp,
    ) -> Result<(), Illegal> {
        let Some(activity) = self.execution.activities.get(&scheduled_event_id) else {
            return Ok(());
        };
        let attempt = activity.attempt as i32;
        self.change(StateChange::ActivityAttemptFailed(
            crate::engine::change::ActivityAttemptFailed {
                scheduled_event_id,
                attempt,
                failure: Some(super::retry::shortened(failure, self.limits)),
                next_attempt_time: Some(next),
                ..Default::default()
            },
        ))
    }

    /// Puts the last heartbeat into the log, if it is in memory only (rule 121).
    pub(super) fn write_heartbeat(&mut self, scheduled_event_id: i64) -> Result<(), Illegal> {
        let Some(activity) = self.execution.activities.get_mut(&scheduled_event_id) else {
            return Ok(());
        };
        let Some(beat) = activity.unwritten_heartbeat.0.clone() else { return Ok(()) };
        self.change(StateChange::ActivityHeartbeat(crate::engine::change::ActivityHeartbeat {
            scheduled_event_id,
            time: Some(beat.time),
            details: beat.details,
            ..Default::default()
        }))
    }
}
