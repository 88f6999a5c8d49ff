//! What follows when a worker takes a workflow task, cannot do it, or does not answer; and how the next one is scheduled.

use super::change::{
    StateChange, TransientTaskFailed, TransientTaskScheduled, TransientTaskStarted,
};
use super::execution::Execution;
use super::illegal::Illegal;
use super::limits::Limits;
use super::recorder::Recorder;
use super::workflow_task::{Scheduled, Started, Task};
use super::{Dispatch, Reply, RequestError};
use crate::event::workflow_task::FailedCause;
use crate::event::{HistoryEvent, workflow_task};
use crate::failure::{Failure, TimeoutType};
use crate::task::{self, TaskKind, TaskToken};
use alloc::{boxed::Box, collections::BTreeMap, string::String, sync::Arc, vec::Vec};
use core::time::Duration;

/// The attempt up to which a task has its ordinary time.
const ORDINARY_ATTEMPTS: u32 = 3;
/// What the attempt after that has on top; each later one twice as much.
const FIRST_EXTRA: Duration = Duration::from_secs(5);

/// How long the worker may take with an attempt (rule 111).
fn start_to_close_timeout(ordinary: Duration, attempt: u32, limits: &Limits) -> Duration {
    let Some(doublings) = attempt.checked_sub(ORDINARY_ATTEMPTS + 1) else { return ordinary };
    let factor = 1u32.checked_shl(doublings).unwrap_or(u32::MAX);
    let extra = FIRST_EXTRA.saturating_mul(factor);
    ordinary.saturating_add(extra.min(limits.workflow_task_retry_timeout_max))
}

impl Recorder<'_> {
    /// Schedules a task, if none is pending: as an event, or, after a failed attempt with nothing new since, without one.
    pub(super) fn schedule_task(&mut self) -> Result<(), Illegal> {
        let Task::Idle { next_attempt } = self.execution.task else { return Ok(()) };
        self.schedule_attempt(if self.task_is_new { 1 } else { next_attempt })
    }

    fn schedule_attempt(&mut self, attempt: u32) -> Result<(), Illegal> {
        let ordinary = self.execution.task_timeout();
        let timeout = start_to_close_timeout(ordinary, attempt, self.limits);
        if attempt == 1 {
            self.event(self.scheduled_attributes(1, timeout))?;
        } else {
            self.change(StateChange::TransientTaskScheduled(TransientTaskScheduled {
                attempt: attempt as i32,
                time: Some(self.now),
                start_to_close_timeout: Some(timeout),
                ..Default::default()
            }))?;
        }
        let dispatch = self.execution.task_dispatch(attempt);
        self.dispatch.push(dispatch);
        Ok(())
    }

    fn scheduled_attributes(&self, attempt: u32, timeout: Duration) -> workflow_task::Scheduled {
        self.execution.scheduled_attributes(attempt, timeout)
    }

    /// A worker takes the task that waits.
    pub(super) fn start_task(
        &mut self,
        identity: String,
        request_id: String,
        durable: bool,
    ) -> Result<Reply, RequestError> {
        if self.execution.closed.is_some() {
            return Err(RequestError::WorkflowTaskNotFound);
        }
        if let Some(started) = self.execution.task_start() {
            if request_id.is_empty() || started.request_id != request_id {
                return Err(RequestError::WorkflowTaskNotFound);
            }
            return self.task_reply();
        }
        let has_news = match &self.execution.task {
            Task::Idle { .. } | Task::Started(..) | Task::TransientStarted(..) => {
                return Err(RequestError::WorkflowTaskNotFound);
            }
            Task::Scheduled(_) => false,
            Task::TransientScheduled(task) => task.event_id != self.execution.next_event_id,
        };
        if has_news {
            // It becomes a normal task (rule 112).
            let timeout = self.execution.task_timeout();
            self.event(self.scheduled_attributes(1, timeout))?;
        }
        let next = self.execution.next_event_id;
        let event_id = if self.execution.task.is_transient() { next + 1 } else { next };
        self.execution.held.0 = Some(Started {
            event_id,
            time: self.now,
            identity,
            request_id,
            suggest_continue_as_new: self.execution.is_long(self.limits),
            history_size_bytes: self.execution.history_size,
        });
        if durable {
            self.write_started()?;
        }
        self.task_reply()
    }

    /// Puts the start of the task into the log, if it is in memory only: the event, or for a transient one a change.
    pub(super) fn write_started(&mut self) -> Result<(), Illegal> {
        let Some(held) = self.execution.held.0.take() else { return Ok(()) };
        if self.execution.task.is_transient() {
            return self.change(StateChange::TransientTaskStarted(TransientTaskStarted {
                time: Some(held.time),
                identity: held.identity,
                request_id: held.request_id,
                suggest_continue_as_new: held.suggest_continue_as_new,
                history_size_bytes: held.history_size_bytes,
                ..Default::default()
            }));
        }
        let attributes = self.execution.started_attributes(&held);
        self.event_at(held.time, attributes)?;
        Ok(())
    }

    /// Puts both events of a task that completes into the history, if they are not there. Gives their ids.
    pub(super) fn write_task(&mut self) -> Result<(i64, i64), Illegal> {
        if let Task::Scheduled(_) = &self.execution.task {
            self.write_started()?;
        }
        if self.execution.task.is_transient()
            && let Some(started) = self.execution.task_start().cloned()
            && let Some(scheduled) = self.execution.task.scheduled().cloned()
        {
            let (attempt, timeout) = (scheduled.attempt, scheduled.start_to_close_timeout);
            self.event_at(scheduled.time, self.scheduled_attributes(attempt, timeout))?;
            let attributes = self.execution.started_attributes(&started);
            self.event_at(started.time, attributes)?;
        }
        match &self.execution.task {
            Task::Started(scheduled, started) => Ok((scheduled.event_id, started.event_id)),
            other => Err(Illegal {
                machine: "workflow task",
                state: other.name(),
                step: "WorkflowTaskCompleted",
            }),
        }
    }

    /// Whether the token names the task that is held.
    pub(super) fn holds(&self, token: &TaskToken) -> Result<(), RequestError> {
        match self.execution.task_token() {
            Some(held) if self.execution.closed.is_none() && held == *token => Ok(()),
            _ => Err(RequestError::WorkflowTaskNotFound),
        }
    }

    /// A worker could not do the task.
    pub(super) fn fail_task(&mut self, failed: task::Failed) -> Result<Reply, RequestError> {
        self.holds(&failed.token)?;
        self.record_task_failed(failed.cause, Some(failed.failure), failed.identity)?;
        self.next_attempt()?;
        Ok(Reply::Done)
    }

    /// The worker did not answer in time, or is known not to.
    pub(super) fn time_out_task(&mut self) -> Result<(), Illegal> {
        if !self.execution.workflow_task_started() {
            return Ok(());
        }
        let timeout_type = TimeoutType::StartToClose;
        if self.execution.task.is_transient() {
            self.change(StateChange::TransientTaskFailed(TransientTaskFailed {
                timeout_type,
                ..Default::default()
            }))?;
        } else {
            let (scheduled_event_id, started_event_id) = self.write_task()?;
            self.event(workflow_task::TimedOut {
                scheduled_event_id,
                started_event_id,
                timeout_type,
                ..Default::default()
            })?;
        }
        self.evict();
        self.next_attempt()
    }

    /// Writes that the started task failed; a transient one leaves no event.
    pub(super) fn record_task_failed(
        &mut self,
        cause: FailedCause,
        failure: Option<Failure>,
        identity: String,
    ) -> Result<(), Illegal> {
        if self.execution.task.is_transient() {
            return self.change(StateChange::TransientTaskFailed(TransientTaskFailed {
                cause,
                failure,
                ..Default::default()
            }));
        }
        let (scheduled_event_id, started_event_id) = self.write_task()?;
        self.event(workflow_task::Failed {
            scheduled_event_id,
            started_event_id,
            cause,
            failure,
            identity,
            ..Default::default()
        })?;
        Ok(())
    }

    /// After a failed attempt: what was buffered is recorded, and the task is tried again at once; with news it is a new one.
    pub(super) fn next_attempt(&mut self) -> Result<(), Illegal> {
        self.task_is_new |= self.flush(Vec::new())?;
        self.wants_task = true;
        Ok(())
    }

    /// More is buffered than may be: the task is given up, so that the run goes on. The next attempt is transient, as measured.
    pub(super) fn overflow(&mut self) -> Result<(), Illegal> {
        let identity = super::terminate::ENGINE_IDENTITY.into();
        self.record_task_failed(FailedCause::ForceCloseCommand, None, identity)?;
        self.evict();
        self.flush(Vec::new())?;
        self.wants_task = true;
        Ok(())
    }

    /// The worker that holds the task may drop it.
    pub(super) fn evict(&mut self) {
        self.dispatch.push(Dispatch::EvictWorkflow);
    }

    fn task_reply(&self) -> Result<Reply, RequestError> {
        let task = self.execution.workflow_task().ok_or(RequestError::WorkflowTaskNotFound)?;
        Ok(Reply::WorkflowTask(Box::new(task)))
    }
}

impl Execution {
    pub(super) fn task_dispatch(&self, attempt: u32) -> Dispatch {
        Dispatch::WorkflowTask {
            task_queue: self.task_queue().into(),
            workflow_type: self.workflow_type().into(),
            attempt,
        }
    }

    fn scheduled_attributes(&self, attempt: u32, timeout: Duration) -> workflow_task::Scheduled {
        workflow_task::Scheduled {
            task_queue: self.info.started.task_queue.clone(),
            start_to_close_timeout: Some(timeout),
            attempt: attempt as i32,
            ..Default::default()
        }
    }

    fn started_attributes(&self, held: &Started) -> workflow_task::Started {
        let scheduled_event_id = self.task.scheduled().map_or(0, |task| task.event_id);
        workflow_task::Started {
            scheduled_event_id,
            identity: held.identity.clone(),
            request_id: held.request_id.clone(),
            suggest_continue_as_new: held.suggest_continue_as_new,
            history_size_bytes: held.history_size_bytes,
            ..Default::default()
        }
    }

    fn is_long(&self, limits: &Limits) -> bool {
        self.next_event_id > limits.history_events_suggest
            || self.history_size > limits.history_bytes_suggest
    }

    fn task_token(&self) -> Option<TaskToken> {
        let (scheduled, started) = (self.task.scheduled()?, self.task_start()?);
        Some(TaskToken {
            workflow_id: self.info.started.workflow_id.clone(),
            run_id: self.run_id().into(),
            scheduled_event_id: scheduled.event_id,
            started_event_id: started.event_id,
            started_time: Some(started.time),
            attempt: scheduled.attempt as i32,
            ..TaskToken::default()
        })
    }

    /// The task that a worker holds, with the history that is in memory.
    fn workflow_task(&self) -> Option<task::WorkflowTask> {
        let (scheduled, started) = (self.task.scheduled()?, self.task_start()?);
        let mut history = self.recent.0.clone();
        history.extend(self.unwritten());
        Some(task::WorkflowTask {
            token: self.task_token()?,
            execution: self.workflow_execution(),
            workflow_type: self.workflow_type().into(),
            kind: if self.task.is_transient() { TaskKind::Transient } else { TaskKind::Normal },
            attempt: scheduled.attempt,
            scheduled_time: scheduled.time,
            started_time: started.time,
            start_to_close_timeout: scheduled.start_to_close_timeout,
            previous_started_event_id: self.previous_started_event_id,
            started_event_id: started.event_id,
            history,
            queries: BTreeMap::new(),
            messages: Vec::new(),
            published: None,
        })
    }

    /// The events of the started task that are not in the history yet.
    pub(super) fn unwritten(&self) -> Vec<Arc<HistoryEvent>> {
        let (Some(scheduled), Some(started)) = (self.task.scheduled(), self.task_start()) else {
            return Vec::new();
        };
        let mut events = Vec::new();
        if self.task.is_transient() {
            events.push(self.scheduled_event(scheduled));
        }
        if self.task.is_transient() || self.held.is_some() {
            let attributes = self.started_attributes(started);
            events.push(HistoryEvent::new(started.event_id, started.time, attributes));
        }
        events.into_iter().map(Arc::new).collect()
    }

    fn scheduled_event(&self, task: &Scheduled) -> HistoryEvent {
        let attributes = self.scheduled_attributes(task.attempt, task.start_to_close_timeout);
        HistoryEvent::new(task.event_id, task.time, attributes)
    }
}
