//! The workflow task's machine: which task is pending, whether a worker holds it, and which attempt it is.
//!
//! What follows from requests about it is in `task_requests`; what follows from its answer in `completion`.

use super::change::{TransientTaskScheduled, TransientTaskStarted};
use super::execution::Execution;
use super::illegal::Illegal;
use crate::failure::Failure;
use crate::time::Timestamp;
use alloc::string::String;
use core::time::Duration;

/// Whether a workflow task is pending.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Task {
    /// None is.
    Idle {
        /// The attempt that the next one will be.
        next_attempt: u32,
    },
    /// It waits for a worker, and stands in the history.
    Scheduled(Scheduled),
    /// It waits for a worker, and stands nowhere yet. Its id is the one that its event would have.
    TransientScheduled(Scheduled),
    /// A worker holds it, and that stands in the history.
    Started(Scheduled, Started),
    /// A worker holds it; both events are written when it completes.
    TransientStarted(Scheduled, Started),
}

/// A task that waits, or waited.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Scheduled {
    /// Its WorkflowTaskScheduled, which a transient one may not have yet.
    pub event_id: i64,
    /// When.
    pub time: Timestamp,
    /// From 1.
    pub attempt: u32,
    /// How long the worker may take.
    pub start_to_close_timeout: Duration,
}

/// A task that a worker holds.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Started {
    /// Its WorkflowTaskStarted, which may not be written yet.
    pub event_id: i64,
    /// When.
    pub time: Timestamp,
    /// The worker.
    pub identity: String,
    /// By which a repeated poll is known.
    pub request_id: String,
    /// Whether the history was long then.
    pub suggest_continue_as_new: bool,
    /// How long it was then.
    pub history_size_bytes: i64,
}

/// What happens to the workflow task.
#[derive(Clone, Debug)]
pub(super) enum Step<'a> {
    /// WorkflowTaskScheduled.
    Scheduled(Scheduled),
    /// WorkflowTaskStarted.
    Started(Started),
    /// WorkflowTaskCompleted.
    Completed,
    /// WorkflowTaskFailed.
    Failed,
    /// WorkflowTaskTimedOut.
    TimedOut,
    /// WorkflowTaskTimedOut, because nobody took it where it waited.
    NotTaken,
    /// A later attempt waits.
    TransientScheduled(&'a TransientTaskScheduled, i64),
    /// A worker took it.
    TransientStarted(&'a TransientTaskStarted),
    /// It failed or timed out.
    TransientFailed,
    /// The worker that held it is gone.
    TransientReleased,
}

/// The task after `step`.
pub(super) fn apply(state: Task, step: Step<'_>) -> Result<Task, Illegal> {
    use Step as S;
    use Task as T;
    match (state, step) {
        // Also where an earlier attempt failed: an event has come since, which makes the task a normal one.
        (T::Idle { .. }, S::Scheduled(task)) => Ok(T::Scheduled(task)),
        (T::Idle { next_attempt }, S::TransientScheduled(task, event_id))
            if next_attempt > 1 && i64::from(task.attempt) == i64::from(next_attempt) =>
        {
            Ok(T::TransientScheduled(Scheduled {
                event_id,
                time: task.time.unwrap_or_default(),
                attempt: next_attempt,
                start_to_close_timeout: task.start_to_close_timeout.unwrap_or_default(),
            }))
        }
        // It completes, or an event has come before it was started.
        (T::TransientScheduled(_) | T::TransientStarted(..), S::Scheduled(task)) => {
            Ok(T::Scheduled(task))
        }
        (T::Scheduled(task), S::Started(started)) => Ok(T::Started(task, started)),
        (T::TransientScheduled(task), S::TransientStarted(started)) => {
            let event_id = task.event_id + 1;
            let started = Started {
                event_id,
                time: started.time.unwrap_or_default(),
                identity: started.identity.clone(),
                request_id: started.request_id.clone(),
                suggest_continue_as_new: started.suggest_continue_as_new,
                history_size_bytes: started.history_size_bytes,
            };
            Ok(T::TransientStarted(task, started))
        }
        (T::Started(..), S::Completed) => Ok(T::Idle { next_attempt: 1 }),
        (T::Started(task, _), S::Failed | S::TimedOut) => {
            Ok(T::Idle { next_attempt: task.attempt + 1 })
        }
        (T::Scheduled(task), S::NotTaken) => Ok(T::Idle { next_attempt: task.attempt }),
        // Its start may have been in memory only.
        (T::TransientScheduled(task) | T::TransientStarted(task, _), S::TransientFailed) => {
            Ok(T::Idle { next_attempt: task.attempt + 1 })
        }
        (T::TransientStarted(task, _), S::TransientReleased) => Ok(T::TransientScheduled(task)),
        (state, step) => Err(illegal(&state, &step)),
    }
}

fn illegal(state: &Task, step: &Step<'_>) -> Illegal {
    let step = match step {
        Step::Scheduled(_) => "WorkflowTaskScheduled",
        Step::Started(_) => "WorkflowTaskStarted",
        Step::Completed => "WorkflowTaskCompleted",
        Step::Failed => "WorkflowTaskFailed",
        Step::TimedOut => "WorkflowTaskTimedOut",
        Step::NotTaken => "WorkflowTaskTimedOut of a task that nobody took",
        Step::TransientScheduled(..) => "TransientTaskScheduled",
        Step::TransientStarted(_) => "TransientTaskStarted",
        Step::TransientFailed => "TransientTaskFailed",
        Step::TransientReleased => "TransientTaskReleased",
    };
    Illegal { machine: "workflow task", state: state.name(), step }
}

impl Task {
    /// The state's name.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Task::Idle { next_attempt: 1 } => "idle",
            Task::Idle { .. } => "idle after a failed attempt",
            Task::Scheduled(_) => "scheduled",
            Task::TransientScheduled(_) => "scheduled as transient",
            Task::Started(..) => "started",
            Task::TransientStarted(..) => "started as transient",
        }
    }

    /// The task that is pending.
    pub(super) fn scheduled(&self) -> Option<&Scheduled> {
        match self {
            Task::Idle { .. } => None,
            Task::Scheduled(task) | Task::TransientScheduled(task) => Some(task),
            Task::Started(task, _) | Task::TransientStarted(task, _) => Some(task),
        }
    }

    /// Its start, if that is in the log.
    pub(super) fn started(&self) -> Option<&Started> {
        match self {
            Task::Started(_, started) | Task::TransientStarted(_, started) => Some(started),
            Task::Idle { .. } | Task::Scheduled(_) | Task::TransientScheduled(_) => None,
        }
    }

    /// Whether a worker holds it, as far as the log knows.
    pub(super) fn is_started(&self) -> bool {
        self.started().is_some()
    }

    /// Whether it leaves no event until it completes.
    pub(super) fn is_transient(&self) -> bool {
        matches!(self, Task::TransientScheduled(_) | Task::TransientStarted(..))
    }

    fn deadline(&self) -> Option<Timestamp> {
        match self {
            Task::Started(task, started) | Task::TransientStarted(task, started) => {
                Some(started.time.after(task.start_to_close_timeout))
            }
            Task::Idle { .. } | Task::Scheduled(_) | Task::TransientScheduled(_) => None,
        }
    }
}

impl Execution {
    /// Takes one step of the workflow task.
    pub(super) fn step_task(&mut self, step: Step<'_>) -> Result<(), Illegal> {
        use super::deadlines::Deadline;
        let before = self.task.deadline();
        let idle = Task::Idle { next_attempt: 1 };
        self.task = apply(core::mem::replace(&mut self.task, idle), step)?;
        // Whoever held it in memory only: that is in the log, or over.
        self.held.0 = None;
        self.deadlines.replace(Deadline::WorkflowTask, before, self.task.deadline());
        Ok(())
    }

    /// The start of the pending task, in the log or in memory only (D4).
    pub(super) fn task_start(&self) -> Option<&Started> {
        self.task.started().or(self.held.as_ref())
    }

    /// When the pending task times out.
    pub(super) fn task_deadline(&self) -> Option<Timestamp> {
        let timeout = self.task.scheduled()?.start_to_close_timeout;
        Some(self.task_start()?.time.after(timeout))
    }

    /// How the last attempt of the pending task failed.
    pub(super) fn task_failed(&mut self, failure: Option<&Failure>) {
        self.last_task_failure = failure.cloned();
    }
}
