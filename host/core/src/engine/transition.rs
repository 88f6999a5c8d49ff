//! What follows from a request: entries for the run's log, and work for others once they are durable.

use crate::event::HistoryEvent;
use crate::failure::Failure;
use crate::payload::{Header, Payloads, Priority, WorkflowExecution};
use crate::policy::RetryPolicy;
use crate::task::Published;
use crate::time::Timestamp;
use alloc::{string::String, sync::Arc, vec::Vec};
use core::time::Duration;

use super::change::StateChange;
use super::request::ActivityTaskToken;

/// One entry of a run's log: an event of its history, or a change that Temporal keeps out of a history.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// An event.
    Event(Arc<HistoryEvent>),
    /// A state change.
    Change(StateChange),
}

/// What follows from one request. Only the core makes one; it is all that a store commits.
#[derive(Clone, Debug, Default)]
pub struct Transition {
    pub(super) entries: Vec<Entry>,
    pub(super) dispatch: Vec<Dispatch>,
    pub(super) published: Option<Published>,
}

/// Work for others. What they may see of it waits until the transition is durable (D14).
#[derive(Clone, Debug)]
pub enum Dispatch {
    /// A workflow task waits in a queue, to be taken by `StartWorkflowTask`.
    WorkflowTask {
        /// The queue.
        task_queue: String,
        /// The run's type.
        workflow_type: String,
        /// Which attempt.
        attempt: u32,
    },
    /// An attempt of an activity waits in a queue, to be taken by `StartActivity`.
    ActivityTask {
        /// The queue.
        task_queue: String,
        /// Its type.
        activity_type: String,
        /// Its ActivityTaskScheduled.
        scheduled_event_id: i64,
        /// Which attempt.
        attempt: u32,
        /// Which of several waiting ones a worker gets first.
        priority: Option<Priority>,
    },
    /// A running attempt is to learn this with its next heartbeat, or at once if it awaits it in process.
    CancelActivity {
        /// Its ActivityTaskScheduled.
        scheduled_event_id: i64,
        /// Which attempt.
        attempt: u32,
        /// Why.
        reason: CancelReason,
    },
    /// The run's open workflow task is void: its worker may drop the instance at once.
    EvictWorkflow,
    /// The run has closed.
    Closed,
}

/// Why an attempt of an activity is asked to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelReason {
    /// The workflow asked for it.
    CancelRequested,
    /// The activity is not pending any more: its run has closed.
    NotFound,
    /// The attempt's time was over.
    TimedOut,
    /// The worker is shutting down.
    WorkerShutdown,
    /// The activity was paused.
    Paused,
    /// The activity was reset.
    Reset,
}

/// An attempt of an activity that a worker has taken.
#[derive(Clone, Debug, Default)]
pub struct ActivityTask {
    /// To be given back with every answer.
    pub token: ActivityTaskToken,
    /// The workflow that wants it.
    pub execution: WorkflowExecution,
    /// That workflow's type.
    pub workflow_type: String,
    /// Its id.
    pub activity_id: String,
    /// Its type.
    pub activity_type: String,
    /// Where it waited.
    pub task_queue: String,
    /// Its arguments.
    pub input: Option<Payloads>,
    /// Headers.
    pub header: Option<Header>,
    /// Which attempt, from 1.
    pub attempt: u32,
    /// When the activity was scheduled.
    pub scheduled_time: Timestamp,
    /// When this attempt was.
    pub current_attempt_scheduled_time: Timestamp,
    /// When this attempt started.
    pub started_time: Timestamp,
    /// How long all attempts may take.
    pub schedule_to_close_timeout: Option<Duration>,
    /// How long this attempt may take.
    pub start_to_close_timeout: Option<Duration>,
    /// How long its worker may be silent.
    pub heartbeat_timeout: Option<Duration>,
    /// How it is tried again.
    pub retry_policy: Option<RetryPolicy>,
    /// What the last attempt said in its last heartbeat.
    pub heartbeat_details: Option<Payloads>,
    /// How the last attempt failed.
    pub last_failure: Option<Failure>,
    /// Which of several waiting ones a worker gets first.
    pub priority: Option<Priority>,
}

impl Dispatch {
    /// Whether it is a task that waits in a queue.
    #[must_use]
    pub fn is_task(&self) -> bool {
        match self {
            Dispatch::WorkflowTask { .. } | Dispatch::ActivityTask { .. } => true,
            Dispatch::CancelActivity { .. } | Dispatch::EvictWorkflow | Dispatch::Closed => false,
        }
    }
}

impl Transition {
    /// The entries, in the order of the log.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Work for others.
    #[must_use]
    pub fn dispatch(&self) -> &[Dispatch] {
        &self.dispatch
    }

    /// What the run says to queries from now on, where that changed.
    #[must_use]
    pub fn published(&self) -> Option<&Published> {
        self.published.as_ref()
    }

    /// Whether there is nothing to commit.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.published.is_none()
    }

    /// The events among the entries.
    pub fn events(&self) -> impl Iterator<Item = &Arc<HistoryEvent>> {
        self.entries.iter().filter_map(|entry| match entry {
            Entry::Event(event) => Some(event),
            Entry::Change(_) => None,
        })
    }
}
