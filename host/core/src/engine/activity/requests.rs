//! What follows when a worker takes an attempt of an activity, says that it goes on, or says how it ended.

use super::{Activity, Attempt, Beat, Phase};
use crate::engine::change::{ActivityAttemptReleased, ActivityAttemptStarted, StateChange};
use crate::engine::deadlines::Deadline;
use crate::engine::illegal::Illegal;
use crate::engine::recorder::Recorder;
use crate::engine::{
    ActivityEnd, ActivityTask, ActivityTaskToken, AddressedActivity, CancelReason, Dispatch,
    Heartbeat, Reply, RequestError,
};
use crate::event::{Attributes, activity};
use crate::failure::{Failure, FailureInfo, ServerFailureInfo};
use crate::payload::Payloads;
use crate::proto::Message;
use alloc::{boxed::Box, string::String};
use core::time::Duration;

/// The longest time for which heartbeats may stand in memory only; a heartbeat timeout shortens it.
const UNWRITTEN_MAX: Duration = Duration::from_secs(1);

impl Activity {
    /// That an attempt waits in a queue.
    pub(in crate::engine) fn dispatch(&self, scheduled_event_id: i64) -> Dispatch {
        let options = self.options();
        Dispatch::ActivityTask {
            task_queue: options.task_queue.as_ref().map(|q| q.name.clone()).unwrap_or_default(),
            activity_type: options
                .activity_type
                .as_ref()
                .map(|t| t.name.clone())
                .unwrap_or_default(),
            scheduled_event_id,
            attempt: self.attempt,
            priority: options.priority.clone(),
        }
    }
}

impl Recorder<'_> {
    /// A worker takes an attempt that waits.
    pub(in crate::engine) fn start_activity(
        &mut self,
        mut started: ActivityAttemptStarted,
    ) -> Result<Reply, RequestError> {
        self.must_be_open()?;
        let id = started.scheduled_event_id;
        let activity = self.execution.activities.get(&id).ok_or(RequestError::ActivityNotFound)?;
        if i64::from(activity.attempt) != i64::from(started.attempt) {
            return Err(RequestError::ActivityNotFound);
        }
        match &activity.phase {
            Phase::Ready => {}
            Phase::Backoff if activity.attempt_scheduled_time <= self.now => {}
            Phase::Started(attempt) | Phase::Canceling { attempt, .. }
                if !started.request_id.is_empty() && attempt.request_id == started.request_id =>
            {
                return self.activity_reply(id);
            }
            Phase::Backoff | Phase::Started(_) | Phase::Canceling { .. } | Phase::Ended => {
                return Err(RequestError::ActivityNotFound);
            }
        }
        started.time = Some(self.now);
        self.change(StateChange::ActivityAttemptStarted(started))?;
        self.activity_reply(id)
    }

    fn activity_reply(&self, id: i64) -> Result<Reply, RequestError> {
        let activity = self.execution.activities.get(&id).ok_or(RequestError::ActivityNotFound)?;
        let attempt = activity.running().ok_or(RequestError::ActivityNotFound)?;
        let options = activity.options().clone();
        let activity_type = options.activity_type.map(|kind| kind.name).unwrap_or_default();
        Ok(Reply::ActivityTask(Box::new(ActivityTask {
            token: self.token(id, activity, attempt),
            execution: self.execution.workflow_execution(),
            workflow_type: self.execution.workflow_type().into(),
            activity_id: options.activity_id,
            activity_type,
            task_queue: options.task_queue.map(|queue| queue.name).unwrap_or_default(),
            input: options.input,
            header: options.header,
            attempt: activity.attempt,
            scheduled_time: activity.scheduled.event_time,
            current_attempt_scheduled_time: activity.attempt_scheduled_time,
            started_time: attempt.time,
            schedule_to_close_timeout: options.schedule_to_close_timeout,
            start_to_close_timeout: options.start_to_close_timeout,
            heartbeat_timeout: options.heartbeat_timeout,
            retry_policy: options.retry_policy,
            heartbeat_details: activity.heartbeat.as_ref().and_then(|beat| beat.details.clone()),
            last_failure: activity.last_failure.clone(),
            priority: options.priority,
        })))
    }

    fn token(&self, id: i64, activity: &Activity, attempt: &Attempt) -> ActivityTaskToken {
        let options = activity.options();
        ActivityTaskToken {
            workflow_id: self.execution.info.started.workflow_id.clone(),
            run_id: self.execution.run_id().into(),
            scheduled_event_id: id,
            attempt: activity.attempt as i32,
            activity_id: options.activity_id.clone(),
            activity_type: options
                .activity_type
                .as_ref()
                .map(|t| t.name.clone())
                .unwrap_or_default(),
            started_time: Some(attempt.time),
            ..ActivityTaskToken::default()
        }
    }

    /// The attempt that is meant, if it runs.
    fn find(&self, activity: &AddressedActivity) -> Result<i64, RequestError> {
        self.must_be_open()?;
        match activity {
            AddressedActivity::Id(activity_id) => {
                let not_pending =
                    || RequestError::ActivityIdNotFound { activity_id: activity_id.clone() };
                let id = self.execution.activity_ids.get(activity_id).ok_or_else(not_pending)?;
                match self.execution.activities.get(id).and_then(Activity::running) {
                    Some(_) => Ok(*id),
                    None => Err(RequestError::ActivityNotFound),
                }
            }
            AddressedActivity::Token(token) => {
                let id = token.scheduled_event_id;
                let found = self.execution.activities.get(&id);
                match found.and_then(|it| Some((it, it.running()?))) {
                    Some((it, attempt)) if self.token(id, it, attempt) == *token => Ok(id),
                    _ => Err(RequestError::ActivityNotFound),
                }
            }
        }
    }

    /// The worker that took an attempt never got it.
    pub(in crate::engine) fn release_activity(
        &mut self,
        token: ActivityTaskToken,
    ) -> Result<Reply, RequestError> {
        let attempt = token.attempt;
        let id = self.find(&AddressedActivity::Token(token))?;
        if self.execution.activities.get(&id).is_some_and(Activity::is_canceling) {
            // It was to stop before it was at work: that is what it does.
            self.end_canceled(id, None, String::new())?;
            return Ok(Reply::Done);
        }
        self.change(StateChange::ActivityAttemptReleased(ActivityAttemptReleased {
            scheduled_event_id: id,
            attempt,
            ..Default::default()
        }))?;
        if let Some(activity) = self.execution.activities.get(&id) {
            let dispatch = activity.dispatch(id);
            self.dispatch.push(dispatch);
        }
        Ok(Reply::Done)
    }

    /// An attempt goes on. Its worker learns whether it is to stop.
    pub(in crate::engine) fn heartbeat(
        &mut self,
        activity: &AddressedActivity,
        details: Option<Payloads>,
    ) -> Result<Reply, RequestError> {
        let id = self.find(activity)?;
        if size(details.as_ref()) > self.limits.blob_bytes_max {
            self.end_failed(id, too_large("Heartbeat details exceed size limit."), String::new())?;
            let cancel = Some(CancelReason::CancelRequested);
            return Ok(Reply::Heartbeat(Heartbeat { cancel }));
        }
        let cancel = self.beat(id, details)?.then_some(CancelReason::CancelRequested);
        Ok(Reply::Heartbeat(Heartbeat { cancel }))
    }

    /// Takes down a heartbeat: in memory, and in the log if the last one there is old. Whether the attempt is to stop.
    fn beat(&mut self, id: i64, details: Option<Payloads>) -> Result<bool, Illegal> {
        let now = self.now;
        let Some(activity) = self.execution.activities.get_mut(&id) else { return Ok(false) };
        let before = activity.deadline();
        activity.unwritten_heartbeat.0 = Some(Beat { time: now, details });
        let after = activity.deadline();
        let is_canceling = activity.is_canceling();
        let started = activity.running().map_or(now, |attempt| attempt.time);
        let written = activity.heartbeat.as_ref().map_or(started, |beat| beat.time.max(started));
        let first = activity.heartbeat.as_ref().is_none_or(|beat| beat.time < started);
        let timeout = activity.options().heartbeat_timeout.filter(|timeout| !timeout.is_zero());
        let wait = timeout.map_or(UNWRITTEN_MAX, |timeout| UNWRITTEN_MAX.min(timeout / 4));
        self.execution.deadlines.replace(Deadline::Activity(id), before, after);
        if first || now.since(written) >= wait {
            self.write_heartbeat(id)?;
        }
        Ok(is_canceling)
    }

    /// An attempt ended.
    pub(in crate::engine) fn end_activity(
        &mut self,
        activity: &AddressedActivity,
        end: ActivityEnd,
        identity: String,
    ) -> Result<Reply, RequestError> {
        let id = self.find(activity)?;
        let too_large =
            |bytes: usize, what| (bytes > self.limits.blob_bytes_max).then(|| too_large(what));
        match end {
            ActivityEnd::Completed { result } => {
                match too_large(size(result.as_ref()), "Complete result exceeds size limit.") {
                    Some(failure) => self.end_failed(id, failure, identity)?,
                    None => self.end_completed(id, result, identity)?,
                }
            }
            ActivityEnd::Failed { failure, last_heartbeat_details } => {
                if last_heartbeat_details.is_some() {
                    self.beat(id, last_heartbeat_details)?;
                }
                let bytes = failure.to_bytes().len();
                let failure = too_large_or(bytes, self.limits.blob_bytes_max, failure);
                self.end_failed(id, failure, identity)?;
            }
            ActivityEnd::Canceled { details } => {
                match too_large(size(details.as_ref()), "Cancel details exceed size limit.") {
                    Some(failure) => self.end_failed(id, failure, identity)?,
                    None => self.end_canceled(id, details, identity)?,
                }
            }
        }
        Ok(Reply::Done)
    }

    fn end_completed(
        &mut self,
        id: i64,
        result: Option<Payloads>,
        identity: String,
    ) -> Result<(), Illegal> {
        self.end_activity_with(id, |started_event_id| activity::Completed {
            result,
            scheduled_event_id: id,
            started_event_id,
            identity,
            ..Default::default()
        })
    }

    /// The attempt failed: it is tried again, or that is the activity's end.
    pub(in crate::engine) fn end_failed(
        &mut self,
        id: i64,
        failure: Failure,
        identity: String,
    ) -> Result<(), Illegal> {
        self.write_heartbeat(id)?;
        let Some(activity) = self.execution.activities.get(&id) else { return Ok(()) };
        let retry_state = match activity.retry(&failure, self.now) {
            Ok(next) => return self.retry_activity(id, failure, next),
            Err(retry_state) => retry_state,
        };
        self.end_activity_with(id, |started_event_id| activity::Failed {
            failure: Some(failure),
            scheduled_event_id: id,
            started_event_id,
            identity,
            retry_state,
            ..Default::default()
        })
    }

    fn end_canceled(
        &mut self,
        id: i64,
        details: Option<Payloads>,
        identity: String,
    ) -> Result<(), RequestError> {
        let requested = match self.execution.activities.get(&id).map(|activity| &activity.phase) {
            Some(Phase::Canceling { cancel_requested_event_id, .. }) => *cancel_requested_event_id,
            _ => return Err(RequestError::CancelNotRequested),
        };
        self.end_activity_with(id, |started_event_id| activity::Canceled {
            details,
            latest_cancel_requested_event_id: requested,
            scheduled_event_id: id,
            started_event_id,
            identity,
            ..Default::default()
        })?;
        Ok(())
    }

    /// Records the event that ends an activity, after the start of its last attempt if that was started. While a task runs the
    /// start has no id yet; the flush fills it in.
    pub(super) fn end_activity_with<A: Into<Attributes>>(
        &mut self,
        id: i64,
        end: impl FnOnce(i64) -> A,
    ) -> Result<(), Illegal> {
        let Some(activity) = self.execution.activities.get(&id) else { return Ok(()) };
        let mut started_event_id = 0;
        if let Some(attempt) = activity.running() {
            let started = activity::Started {
                scheduled_event_id: id,
                identity: attempt.identity.clone(),
                request_id: attempt.request_id.clone(),
                attempt: activity.attempt as i32,
                last_failure: activity.last_failure.clone(),
                ..Default::default()
            };
            let time = attempt.time;
            if !self.execution.workflow_task_started() {
                started_event_id = self.execution.next_event_id;
            }
            self.external_at(time, started)?;
        }
        self.external(end(started_event_id))
    }
}

fn size(payloads: Option<&Payloads>) -> usize {
    payloads.map_or(0, Payloads::size)
}

/// What a worker's answer becomes that is too large (rule 118).
fn too_large(what: &str) -> Failure {
    let info = ServerFailureInfo { non_retryable: true, ..Default::default() };
    Failure::new(what, FailureInfo::Server(info))
}

fn too_large_or(bytes: usize, bytes_max: usize, failure: Failure) -> Failure {
    if bytes > bytes_max { too_large("Failure exceeds size limit.") } else { failure }
}
