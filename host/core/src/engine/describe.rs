//! What people see of a run. It reads; nothing here decides.

use super::Dispatch;
use super::activity::{Activity, Phase};
use super::cancel::Cancel;
use super::execution::Execution;
use crate::failure::Failure;
use crate::payload::{Memo, Payloads, Priority, SearchAttributes, UserMetadata, WorkflowExecution};
use crate::policy::{RetryPolicy, WorkflowExecutionStatus};
use crate::time::Timestamp;
use alloc::{string::String, vec::Vec};
use core::time::Duration;

/// What `describe` shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Description {
    /// Its workflow id and run id.
    pub execution: WorkflowExecution,
    /// Its type.
    pub workflow_type: String,
    /// Where its workflow tasks wait.
    pub task_queue: String,
    /// How far it has come.
    pub status: WorkflowExecutionStatus,
    /// When it began.
    pub start_time: Timestamp,
    /// When it ended, if it has.
    pub close_time: Option<Timestamp>,
    /// Events in the stored history.
    pub history_length: i64,
    /// Bytes of the stored history.
    pub history_size_bytes: i64,
    /// As it was given at the start.
    pub memo: Option<Memo>,
    /// As they were given at the start.
    pub search_attributes: Option<SearchAttributes>,
    /// As it was given at the start.
    pub user_metadata: Option<UserMetadata>,
    /// True from the moment a cancel was accepted, also while it is buffered.
    pub cancel_requested: bool,
    /// Activities that have not ended.
    pub pending_activities: Vec<PendingActivity>,
    /// The workflow task, if one waits or runs.
    pub pending_workflow_task: Option<PendingWorkflowTask>,
    /// Timers that have not fired: id, and when they will.
    pub pending_timers: Vec<(String, Timestamp)>,
    /// When the run's time is over.
    pub expiration_time: Option<Timestamp>,
    /// How long the run and those that follow it may take.
    pub workflow_execution_timeout: Option<Duration>,
    /// How long the run may take.
    pub workflow_run_timeout: Option<Duration>,
    /// How long one workflow task may take.
    pub workflow_task_timeout: Duration,
    /// The request that started it; may be empty.
    pub start_request_id: String,
    /// As it was given at the start.
    pub priority: Option<Priority>,
}

/// How far a pending activity is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PendingActivityState {
    /// An attempt waits, for its time or for a worker.
    Scheduled,
    /// An attempt runs.
    Started,
    /// An attempt runs and is to stop.
    CancelRequested,
}

/// An activity that has not ended.
#[derive(Clone, Debug, PartialEq)]
pub struct PendingActivity {
    /// Its id.
    pub activity_id: String,
    /// Its type.
    pub activity_type: String,
    /// Where it waits.
    pub task_queue: String,
    /// Its ActivityTaskScheduled.
    pub scheduled_event_id: i64,
    /// How far it is.
    pub state: PendingActivityState,
    /// The attempt that waits or runs, from 1.
    pub attempt: u32,
    /// How often it is tried in all; 0 for no end.
    pub maximum_attempts: i32,
    /// When it was scheduled.
    pub scheduled_time: Timestamp,
    /// When its last attempt began.
    pub last_started_time: Option<Timestamp>,
    /// When a worker last said that it goes on.
    pub last_heartbeat_time: Option<Timestamp>,
    /// What the worker said then.
    pub heartbeat_details: Option<Payloads>,
    /// How the attempt before this one failed.
    pub last_failure: Option<Failure>,
    /// Who had the last attempt.
    pub last_worker_identity: String,
    /// When the next attempt is due, while it waits for that.
    pub next_attempt_time: Option<Timestamp>,
    /// When all attempts have to be over.
    pub expiration_time: Option<Timestamp>,
    /// How long all attempts may take.
    pub schedule_to_close_timeout: Option<Duration>,
    /// How long an attempt may wait for a worker.
    pub schedule_to_start_timeout: Option<Duration>,
    /// How long an attempt may take.
    pub start_to_close_timeout: Option<Duration>,
    /// How long a worker may be silent.
    pub heartbeat_timeout: Option<Duration>,
    /// How it is tried again.
    pub retry_policy: Option<RetryPolicy>,
    /// Which of several waiting ones a worker gets first.
    pub priority: Option<Priority>,
}

/// The workflow task, while one waits or runs.
#[derive(Clone, Debug, PartialEq)]
pub struct PendingWorkflowTask {
    /// Whether a worker holds it.
    pub started: bool,
    /// Which attempt, from 1.
    pub attempt: u32,
    /// When it was scheduled.
    pub scheduled_time: Timestamp,
    /// When a worker took it.
    pub started_time: Option<Timestamp>,
    /// Why the last attempt failed, if it did.
    pub last_failure: Option<Failure>,
}

impl Execution {
    /// What `describe` shows. Of a run that was ended from outside it still lists what was pending, as Temporal does (rule 61).
    #[must_use]
    pub fn describe(&self) -> Description {
        let started = &self.info.started;
        Description {
            execution: self.workflow_execution(),
            workflow_type: self.workflow_type().into(),
            task_queue: self.task_queue().into(),
            status: self.status(),
            start_time: self.info.start_time,
            close_time: self.closed.as_ref().map(|closed| closed.time),
            history_length: self.last_event_id(),
            history_size_bytes: self.history_size,
            memo: started.memo.clone(),
            search_attributes: started.search_attributes.clone(),
            user_metadata: self.info.user_metadata.clone(),
            cancel_requested: self.cancel != Cancel::NotRequested,
            pending_activities: self
                .activities
                .iter()
                .filter_map(|(id, activity)| pending_activity(*id, activity))
                .collect(),
            pending_workflow_task: self.pending_workflow_task(),
            pending_timers: self
                .timers
                .values()
                .filter_map(|timer| Some((timer.id().into(), timer.deadline()?)))
                .collect(),
            expiration_time: self.expiration(),
            workflow_execution_timeout: started.workflow_execution_timeout,
            workflow_run_timeout: started.workflow_run_timeout,
            workflow_task_timeout: self.task_timeout(),
            start_request_id: self.info.start_request_id.clone(),
            priority: started.priority.clone(),
        }
    }

    /// The workflow task, if one waits or runs.
    #[must_use]
    pub fn pending_workflow_task(&self) -> Option<PendingWorkflowTask> {
        let task = self.task.scheduled().filter(|_| self.closed.is_none())?;
        Some(PendingWorkflowTask {
            started: self.workflow_task_started(),
            attempt: task.attempt,
            scheduled_time: task.time,
            started_time: self.task_start().map(|started| started.time),
            last_failure: self.last_task_failure.clone(),
        })
    }

    /// Work that waits in queues right now: to be put there after the run was loaded from the disk.
    #[must_use]
    pub fn ready(&self) -> Vec<Dispatch> {
        if self.closed.is_some() {
            return Vec::new();
        }
        let mut ready = Vec::new();
        if let Some(task) = self.task.scheduled().filter(|_| !self.workflow_task_started()) {
            ready.push(self.task_dispatch(task.attempt));
        }
        let waiting = self.activities.iter().filter(|(_, activity)| match activity.phase {
            Phase::Ready => true,
            // Before that `Advance` dispatches it when its time comes.
            Phase::Backoff => activity.announced.0,
            Phase::Started(_) | Phase::Canceling { .. } | Phase::Ended => false,
        });
        ready.extend(waiting.map(|(id, activity)| activity.dispatch(*id)));
        ready
    }

    /// Whether it waits for its times and for requests alone: nothing of it waits in a queue, and no worker is doing anything for it.
    /// Who opens the store after a crash can leave such a run where it is until its time comes.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        let quiet = |activity: &Activity| match &activity.phase {
            Phase::Ready => false,
            Phase::Backoff => !activity.announced.0,
            // A worker over the wire goes on, whoever has the store.
            Phase::Started(attempt) | Phase::Canceling { attempt, .. } => attempt.host.is_empty(),
            Phase::Ended => true,
        };
        self.closed.is_some()
            || (self.task.scheduled().is_none() && self.activities.values().all(quiet))
    }

    /// Whether its code has answered a workflow task yet.
    #[must_use]
    pub fn has_completed_a_task(&self) -> bool {
        self.previous_started_event_id > 0
    }

    /// How far the run has come.
    #[must_use]
    pub fn status(&self) -> WorkflowExecutionStatus {
        self.closed.as_ref().map_or(WorkflowExecutionStatus::Running, |closed| closed.status)
    }

    /// Its workflow id and run id.
    #[must_use]
    pub fn workflow_execution(&self) -> WorkflowExecution {
        WorkflowExecution {
            workflow_id: self.info.started.workflow_id.clone(),
            run_id: self.run_id().into(),
            ..WorkflowExecution::default()
        }
    }

    /// Its workflow id.
    #[must_use]
    pub fn workflow_id(&self) -> &str {
        &self.info.started.workflow_id
    }

    /// Its run id.
    #[must_use]
    pub fn run_id(&self) -> &str {
        &self.info.started.original_execution_run_id
    }

    /// Its type.
    #[must_use]
    pub fn workflow_type(&self) -> &str {
        self.info.started.workflow_type.as_ref().map_or("", |kind| &kind.name)
    }

    /// Where its workflow tasks wait.
    #[must_use]
    pub fn task_queue(&self) -> &str {
        self.info.started.task_queue.as_ref().map_or("", |queue| &queue.name)
    }

    /// Which of several waiting tasks a worker gets first, where the start said so.
    #[must_use]
    pub fn priority(&self) -> Option<&Priority> {
        self.info.started.priority.as_ref()
    }

    /// The request that started it; may be empty.
    #[must_use]
    pub fn start_request_id(&self) -> &str {
        &self.info.start_request_id
    }

    pub(super) fn task_timeout(&self) -> Duration {
        self.info.started.workflow_task_timeout.unwrap_or_default()
    }
}

fn pending_activity(id: i64, activity: &Activity) -> Option<PendingActivity> {
    let options = activity.options();
    let state = match &activity.phase {
        Phase::Ready | Phase::Backoff => PendingActivityState::Scheduled,
        Phase::Started(_) => PendingActivityState::Started,
        Phase::Canceling { .. } => PendingActivityState::CancelRequested,
        Phase::Ended => return None,
    };
    let name = |name: Option<&String>| name.cloned().unwrap_or_default();
    let beat = activity.last_heartbeat();
    let waits = matches!(activity.phase, Phase::Backoff);
    Some(PendingActivity {
        activity_id: options.activity_id.clone(),
        activity_type: name(options.activity_type.as_ref().map(|kind| &kind.name)),
        task_queue: name(options.task_queue.as_ref().map(|queue| &queue.name)),
        scheduled_event_id: id,
        state,
        attempt: activity.attempt,
        maximum_attempts: options.retry_policy.as_ref().map_or(0, |policy| policy.maximum_attempts),
        scheduled_time: activity.scheduled.event_time,
        last_started_time: activity.last_started_time,
        last_heartbeat_time: beat.map(|beat| beat.time),
        heartbeat_details: beat.and_then(|beat| beat.details.clone()),
        last_failure: activity.last_failure.clone(),
        last_worker_identity: activity.last_worker_identity.clone(),
        next_attempt_time: waits.then_some(activity.attempt_scheduled_time),
        expiration_time: activity.expiration(),
        schedule_to_close_timeout: options.schedule_to_close_timeout,
        schedule_to_start_timeout: options.schedule_to_start_timeout,
        start_to_close_timeout: options.start_to_close_timeout,
        heartbeat_timeout: options.heartbeat_timeout,
        retry_policy: options.retry_policy.clone(),
        priority: options.priority.clone(),
    })
}
