//! Whether each command of an answer is good, and the event that it becomes. Nothing is recorded here: what earlier commands of the
//! same answer do is kept beside the run.

use super::{Judged, normalize_activity};
use crate::command::{Command, CommandKind, ScheduleActivityTask};
use crate::engine::activity::Phase;
use crate::engine::execution::Execution;
use crate::engine::limits::Limits;
use crate::event::workflow_task::FailedCause;
use crate::event::{Attributes, activity, marker, timer, workflow};
use crate::failure::RetryState;
use crate::payload::Payloads;
use crate::proto::Message;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::{format, string::String};
use core::time::Duration;

/// Why a command is not recorded.
pub(super) enum Refusal {
    /// It would close a run whose code has not seen all that was buffered.
    Unhandled,
    /// It is not right: the task fails.
    Bad(FailedCause, String),
    /// It is too large: the run is terminated.
    TooLarge(FailedCause, String),
    /// It has no machine here.
    NotSupported(&'static str),
}

/// The run as the commands that were judged so far leave it.
pub(super) struct Judge<'a> {
    pub(super) execution: &'a Execution,
    pub(super) limits: &'a Limits,
    /// The WorkflowTaskCompleted that the commands follow.
    pub(super) completed_event_id: i64,
    identity: &'a str,
    next_event_id: i64,
    /// By id: the timer's TimerStarted, or nothing if it was canceled.
    timers: BTreeMap<String, Option<i64>>,
    /// Activities scheduled here that nobody has canceled: by id, their event.
    scheduled: BTreeMap<String, i64>,
    /// Activities that were pending, and canceled here before anybody had them.
    ended: BTreeSet<i64>,
    /// Activities that run, and were asked to stop here.
    canceling: BTreeSet<i64>,
    /// Timers whose buffered TimerFired is gone.
    unfired: usize,
    pending_timers: usize,
}

fn bad(cause: FailedCause, message: impl Into<String>) -> Refusal {
    Refusal::Bad(cause, message.into())
}

/// An action that the machines do not allow.
fn invalid(cause: FailedCause, action: &str, what: &str) -> Refusal {
    bad(cause, format!("invalid history builder state for action: {action}, {what}"))
}

fn size(payloads: Option<&Payloads>) -> usize {
    payloads.map_or(0, Payloads::size)
}

impl<'a> Judge<'a> {
    pub(super) fn new(
        execution: &'a Execution,
        limits: &'a Limits,
        completed_event_id: i64,
        identity: &'a str,
    ) -> Self {
        Judge {
            execution,
            limits,
            completed_event_id,
            identity,
            next_event_id: completed_event_id + 1,
            timers: BTreeMap::new(),
            scheduled: BTreeMap::new(),
            ended: BTreeSet::new(),
            canceling: BTreeSet::new(),
            unfired: 0,
            pending_timers: execution.timers.len(),
        }
    }

    /// The event that a command becomes.
    pub(super) fn judge(&mut self, command: Command) -> Result<Judged, Refusal> {
        let mut cancels_unstarted = None;
        let attributes = match command.kind {
            CommandKind::ScheduleActivityTask(command) => self.schedule_activity(command)?.into(),
            CommandKind::RequestCancelActivityTask { scheduled_event_id } => {
                if self.cancel_activity(scheduled_event_id)? {
                    cancels_unstarted = Some(scheduled_event_id);
                }
                self.cancel_requested(scheduled_event_id)
            }
            CommandKind::StartTimer { timer_id, start_to_fire_timeout } => {
                self.start_timer(timer_id, start_to_fire_timeout)?.into()
            }
            CommandKind::CancelTimer { timer_id } => self.cancel_timer(timer_id)?.into(),
            CommandKind::RecordMarker { marker_name, details, header, failure } => {
                let marker = marker::Recorded {
                    marker_name,
                    details,
                    workflow_task_completed_event_id: self.completed_event_id,
                    header,
                    failure,
                    ..Default::default()
                };
                self.check_marker(&marker)?;
                marker.into()
            }
            closing @ (CommandKind::CompleteWorkflowExecution { .. }
            | CommandKind::FailWorkflowExecution { .. }
            | CommandKind::CancelWorkflowExecution { .. }) => self.close(closing)?,
            CommandKind::Other { .. } => return Err(Refusal::NotSupported("this type of command")),
        };
        self.next_event_id += 1;
        Ok(Judged { attributes, user_metadata: command.user_metadata, cancels_unstarted })
    }

    fn schedule_activity(
        &mut self,
        command: ScheduleActivityTask,
    ) -> Result<activity::Scheduled, Refusal> {
        let scheduled = normalize_activity(command, self)?;
        if size(scheduled.input.as_ref()) > self.limits.blob_bytes_max {
            return Err(Refusal::TooLarge(
                FailedCause::BadScheduleActivityAttributes,
                "ScheduleActivityTaskCommandAttributes.Input exceeds size limit.".into(),
            ));
        }
        let pending = self.execution.activity_ids.len() - self.ended.len() + self.scheduled.len();
        let most = self.limits.pending_activities_max;
        if pending >= most {
            return Err(bad(
                FailedCause::PendingActivitiesLimitExceeded,
                format!(
                    "the number of pending activities, {pending}, has reached the per-workflow limit of {most}"
                ),
            ));
        }
        let id = &scheduled.activity_id;
        let is_pending =
            self.execution.activity_ids.get(id).is_some_and(|it| !self.ended.contains(it));
        if is_pending || self.scheduled.contains_key(id) {
            return Err(invalid(
                FailedCause::ScheduleActivityDuplicateId,
                "add-activitytask-scheduled-event",
                &format!("ActivityID: {id}"),
            ));
        }
        self.scheduled.insert(id.clone(), self.next_event_id);
        Ok(scheduled)
    }

    /// Whether nobody has the activity, so that it is over at once.
    fn cancel_activity(&mut self, scheduled_event_id: i64) -> Result<bool, Refusal> {
        let refused = || {
            invalid(
                FailedCause::BadRequestCancelActivityAttributes,
                "add-activitytask-cancel-requested-event",
                &format!("ScheduledEventID: {scheduled_event_id}"),
            )
        };
        if scheduled_event_id <= 0 {
            return Err(bad(
                FailedCause::BadRequestCancelActivityAttributes,
                "ScheduledEventId is not set on RequestCancelActivityTaskCommand.",
            ));
        }
        // A worker can know the id that the activity of an earlier command gets.
        let mut here =
            self.scheduled.iter().filter(|_| scheduled_event_id > self.completed_event_id);
        let here = here.find(|(_, event_id)| **event_id == scheduled_event_id);
        if let Some(id) = here.map(|(id, _)| id.clone()) {
            self.scheduled.remove(&id);
            return Ok(true);
        }
        if self.ended.contains(&scheduled_event_id) {
            return Ok(false);
        }
        let activity = self.execution.activities.get(&scheduled_event_id).ok_or_else(refused)?;
        match &activity.phase {
            Phase::Ready | Phase::Backoff => {
                self.ended.insert(scheduled_event_id);
                Ok(true)
            }
            Phase::Started(_) if self.canceling.insert(scheduled_event_id) => Ok(false),
            Phase::Started(_) | Phase::Canceling { .. } => Err(refused()),
            Phase::Ended => Ok(false),
        }
    }

    fn cancel_requested(&self, scheduled_event_id: i64) -> Attributes {
        activity::CancelRequested {
            scheduled_event_id,
            workflow_task_completed_event_id: self.completed_event_id,
            ..Default::default()
        }
        .into()
    }

    fn timer(&self, timer_id: &str) -> Option<i64> {
        match self.timers.get(timer_id) {
            Some(here) => *here,
            None => self.execution.timer_ids.get(timer_id).copied(),
        }
    }

    fn check_timer_id(&self, cause: FailedCause, command: &str, id: &str) -> Result<(), Refusal> {
        let (length, limit) = (id.chars().count(), self.limits.id_chars_max);
        if length == 0 {
            return Err(bad(cause, format!("TimerId is not set on {command}.")));
        }
        if length > limit {
            return Err(bad(
                cause,
                format!(
                    "TimerId on {command} exceeds length limit. TimerId={id} Length={length} Limit={limit}"
                ),
            ));
        }
        Ok(())
    }

    fn start_timer(
        &mut self,
        timer_id: String,
        timeout: Duration,
    ) -> Result<timer::Started, Refusal> {
        let cause = FailedCause::BadStartTimerAttributes;
        self.check_timer_id(cause, "StartTimerCommand", &timer_id)?;
        if self.timer(&timer_id).is_some() {
            return Err(invalid(
                FailedCause::StartTimerDuplicateId,
                "add-timer-started-event",
                &format!("TimerID: {timer_id}"),
            ));
        }
        // Temporal has no such limit; without one a loop fills the memory before the history is full.
        let most = self.limits.pending_timers_max;
        if self.pending_timers >= most {
            return Err(bad(
                cause,
                format!(
                    "the number of pending timers has reached the per-workflow limit of {most}"
                ),
            ));
        }
        self.pending_timers += 1;
        self.timers.insert(timer_id.clone(), Some(self.next_event_id));
        Ok(timer::Started {
            timer_id,
            start_to_fire_timeout: Some(timeout),
            workflow_task_completed_event_id: self.completed_event_id,
            ..Default::default()
        })
    }

    fn cancel_timer(&mut self, timer_id: String) -> Result<timer::Canceled, Refusal> {
        let cause = FailedCause::BadCancelTimerAttributes;
        self.check_timer_id(cause, "CancelTimerCommand", &timer_id)?;
        let Some(started_event_id) = self.timer(&timer_id) else {
            let what = format!("TimerID: {timer_id}");
            return Err(invalid(cause, "add-timer-canceled-event", &what));
        };
        let timer = self.execution.timers.get(&started_event_id);
        if timer.is_some_and(|timer| timer.deadline().is_none()) {
            self.unfired += 1;
        }
        self.pending_timers -= 1;
        self.timers.insert(timer_id.clone(), None);
        Ok(timer::Canceled {
            timer_id,
            started_event_id,
            workflow_task_completed_event_id: self.completed_event_id,
            identity: self.identity.into(),
            ..Default::default()
        })
    }

    fn check_marker(&self, marker: &marker::Recorded) -> Result<(), Refusal> {
        let cause = FailedCause::BadRecordMarkerAttributes;
        let (name, limit) = (&marker.marker_name, self.limits.id_chars_max);
        let length = name.chars().count();
        if length == 0 {
            return Err(bad(cause, "MarkerName is not set on RecordMarkerCommand."));
        }
        if length > limit {
            return Err(bad(
                cause,
                format!(
                    "MarkerName on RecordMarkerCommand exceeds length limit. MarkerName={name} Length={length} Limit={limit}"
                ),
            ));
        }
        let bytes: usize = marker.details.values().map(Payloads::size).sum();
        if bytes > self.limits.blob_bytes_max {
            let message = "RecordMarkerCommandAttributes.Details exceeds size limit.";
            return Err(Refusal::TooLarge(cause, message.into()));
        }
        Ok(())
    }

    /// The code decides how the run ends; but not before it has seen all that came (rule 41).
    fn close(&self, command: CommandKind) -> Result<Attributes, Refusal> {
        if self.execution.buffer.len() > self.unfired {
            return Err(Refusal::Unhandled);
        }
        let too_large = |cause, bytes: usize, what: &str| {
            if bytes <= self.limits.blob_bytes_max {
                return Ok(());
            }
            Err(Refusal::TooLarge(cause, format!("{what} exceeds size limit.")))
        };
        let workflow_task_completed_event_id = self.completed_event_id;
        match command {
            CommandKind::CompleteWorkflowExecution { result } => {
                let what = "CompleteWorkflowExecutionCommandAttributes.Result";
                let cause = FailedCause::BadScheduleActivityAttributes;
                too_large(cause, size(result.as_ref()), what)?;
                Ok(workflow::Completed {
                    result,
                    workflow_task_completed_event_id,
                    ..Default::default()
                }
                .into())
            }
            CommandKind::FailWorkflowExecution { failure } => {
                let what = "FailWorkflowExecutionCommandAttributes.Failure";
                let cause = FailedCause::BadFailWorkflowExecutionAttributes;
                too_large(cause, failure.to_bytes().len(), what)?;
                Ok(workflow::Failed {
                    failure: Some(failure),
                    retry_state: RetryState::RetryPolicyNotSet,
                    workflow_task_completed_event_id,
                    ..Default::default()
                }
                .into())
            }
            CommandKind::CancelWorkflowExecution { details } => {
                let what = "CancelWorkflowExecutionCommandAttributes.Details";
                let cause = FailedCause::BadCancelWorkflowExecutionAttributes;
                too_large(cause, size(details.as_ref()), what)?;
                Ok(workflow::Canceled {
                    workflow_task_completed_event_id,
                    details,
                    ..Default::default()
                }
                .into())
            }
            _ => Err(Refusal::NotSupported("this type of command")),
        }
    }
}
