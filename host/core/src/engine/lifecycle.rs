//! How a run begins and ends, and the times that it may take.

use super::change::{RequestAccepted, StateChange};
use super::execution::{Closed, Execution, Info};
use super::illegal::Illegal;
use super::limits::Limits;
use super::recorder::Recorder;
use super::request::check_chars;
use super::{CancelReason, Dispatch, RequestError, Start, StartIds, Transition};
use crate::event::{Attributes, HistoryEvent, workflow};
use crate::failure::RetryState;
use crate::payload::WorkflowType;
use crate::policy::WorkflowExecutionStatus;
use crate::proto::Message;
use crate::time::Timestamp;
use alloc::{string::String, sync::Arc, vec::Vec};
use core::time::Duration;

/// [`RequestAccepted::kind`] of a start.
pub(super) const START: i32 = 1;

/// The status that a closing event leads to; nothing for any other event.
pub(super) fn status(attributes: &Attributes) -> Option<WorkflowExecutionStatus> {
    match attributes {
        Attributes::WorkflowExecutionCompleted(_) => Some(WorkflowExecutionStatus::Completed),
        Attributes::WorkflowExecutionFailed(_) => Some(WorkflowExecutionStatus::Failed),
        Attributes::WorkflowExecutionTimedOut(_) => Some(WorkflowExecutionStatus::TimedOut),
        Attributes::WorkflowExecutionCanceled(_) => Some(WorkflowExecutionStatus::Canceled),
        Attributes::WorkflowExecutionTerminated(_) => Some(WorkflowExecutionStatus::Terminated),
        _ => None,
    }
}

fn some(duration: Option<Duration>) -> Option<Duration> {
    duration.filter(|duration| !duration.is_zero())
}

impl Start {
    fn check(&self, limits: &Limits) -> Result<(), RequestError> {
        let (length, max) = (self.workflow_id.chars().count(), limits.id_chars_max);
        if length > max {
            let text = alloc::format!("WorkflowId exceeds maximum allowed length ({length}/{max})");
            return Err(RequestError::InvalidArgument(text));
        }
        check_chars("WorkflowId", &self.workflow_id, limits, true)?;
        check_chars("WorkflowType", &self.workflow_type, limits, true)?;
        check_chars("RequestId", &self.request_id, limits, false)?;
        check_queue(&self.task_queue.name, limits)?;
        if self.retry_policy.is_some() {
            return Err(RequestError::NotSupported("retry_policy"));
        }
        if !self.cron_schedule.is_empty() {
            return Err(RequestError::NotSupported("cron_schedule"));
        }
        if some(self.start_delay).is_some() {
            return Err(RequestError::NotSupported("start_delay"));
        }
        let input = self.input.as_ref().map_or(0, crate::payload::Payloads::size);
        let memo = self.memo.as_ref().map_or(0, |memo| memo.to_bytes().len());
        let searched = self.search_attributes.as_ref().map_or(0, |found| found.to_bytes().len());
        if input.max(memo).max(searched) > limits.blob_bytes_max {
            return Err(RequestError::BlobTooLarge);
        }
        Ok(())
    }

    /// The first event, with the timeouts filled in from and capped by each other (rule 116).
    fn into_event(self, ids: StartIds, limits: &Limits, now: Timestamp) -> HistoryEvent {
        let execution_timeout = some(self.workflow_execution_timeout);
        let run_timeout = match (some(self.workflow_run_timeout), execution_timeout) {
            (Some(run), Some(execution)) => Some(run.min(execution)),
            (run, execution) => run.or(execution),
        };
        let mut task_timeout = some(self.workflow_task_timeout)
            .unwrap_or(limits.workflow_task_timeout_default)
            .min(limits.workflow_task_timeout_max);
        if let Some(run) = run_timeout {
            task_timeout = task_timeout.min(run);
        }
        let mut task_queue = self.task_queue;
        task_queue.kind = crate::payload::TaskQueueKind::Normal;
        let attributes = workflow::Started {
            workflow_type: Some(WorkflowType { name: self.workflow_type, ..Default::default() }),
            task_queue: Some(task_queue),
            input: self.input,
            workflow_execution_timeout: execution_timeout,
            workflow_run_timeout: run_timeout,
            workflow_task_timeout: Some(task_timeout),
            original_execution_run_id: ids.run_id.clone(),
            identity: self.identity,
            first_execution_run_id: ids.run_id,
            attempt: 1,
            workflow_execution_expiration_time: execution_timeout.map(|timeout| now.after(timeout)),
            first_workflow_task_backoff: Some(Duration::ZERO),
            memo: self.memo,
            search_attributes: self.search_attributes,
            header: self.header,
            workflow_id: self.workflow_id,
            priority: self.priority,
            ..Default::default()
        };
        let mut event = HistoryEvent::new(1, now, attributes);
        event.user_metadata = self.user_metadata;
        event
    }
}

/// A task queue's name, with Temporal's sentences.
pub(super) fn check_queue(name: &str, limits: &Limits) -> Result<(), RequestError> {
    if name.is_empty() {
        return Err(RequestError::InvalidArgument("missing task queue name".into()));
    }
    if name.chars().count() > limits.id_chars_max {
        return Err(RequestError::InvalidArgument("taskQueue length exceeds limit".into()));
    }
    Ok(())
}

impl Execution {
    /// Starts a run: its first event, and its first workflow task.
    pub fn start(
        mut start: Start,
        ids: StartIds,
        limits: &Limits,
        now: Timestamp,
    ) -> Result<(Execution, Transition), RequestError> {
        start.check(limits)?;
        let signal = start.signal.take();
        if ids.run_id.is_empty() {
            return Err(RequestError::Inconsistent("a new run needs an id".into()));
        }
        let request_id = start.request_id.clone();
        let event = Arc::new(start.into_event(ids, limits, now));
        let mut execution = Execution::of_started(&event)?;
        let mut recorder = Recorder::new(&mut execution, limits, now);
        recorder.entries.push(super::Entry::Event(event));
        if !request_id.is_empty() {
            let accepted = RequestAccepted { kind: START, request_id, ..Default::default() };
            recorder.change(StateChange::RequestAccepted(accepted))?;
        }
        if let Some(signal) = signal {
            recorder.signal(signal)?;
        }
        recorder.wants_task = true;
        recorder.finish()?;
        let transition = recorder.into_transition();
        Ok((execution, transition))
    }

    /// The run as its first event makes it.
    pub(super) fn of_started(event: &Arc<HistoryEvent>) -> Result<Execution, Illegal> {
        let Attributes::WorkflowExecutionStarted(started) = &event.attributes else {
            return Err(Illegal { machine: "run", state: "absent", step: event.attributes.name() });
        };
        // The arguments may be large, and only the worker wants them.
        let info = Info {
            started: workflow::Started { input: None, ..(**started).clone() },
            start_time: event.event_time,
            user_metadata: event.user_metadata.clone(),
            start_request_id: String::new(),
        };
        let mut execution = Execution::new(info);
        execution.count_event(event);
        execution.entry_count = 1;
        Ok(execution)
    }

    /// When the run's time is over.
    pub(super) fn expiration(&self) -> Option<Timestamp> {
        let run = some(self.info.started.workflow_run_timeout)
            .map(|timeout| self.info.start_time.after(timeout));
        match (run, self.info.started.workflow_execution_expiration_time) {
            (Some(run), Some(chain)) => Some(run.min(chain)),
            (run, chain) => run.or(chain),
        }
    }

    /// The closing event has been applied: nothing is due any more.
    pub(super) fn close(&mut self, status: WorkflowExecutionStatus, event: &Arc<HistoryEvent>) {
        self.closed = Some(Closed { status, time: event.event_time, event: event.clone() });
        self.held.0 = None;
        self.deadlines.clear();
    }
}

impl Recorder<'_> {
    /// The run's time is over (rule 109).
    pub(super) fn time_out_run(&mut self) -> Result<(), Illegal> {
        let chain = self.execution.info.started.workflow_execution_expiration_time;
        let retry_state = match chain {
            Some(chain) if chain <= self.now => RetryState::Timeout,
            _ => RetryState::RetryPolicyNotSet,
        };
        self.force_close(workflow::TimedOut { retry_state, ..Default::default() })
    }

    /// Tells those who work for the run that it is over.
    pub(super) fn say_closed(&mut self) {
        let attempts: Vec<_> = self.execution.running_attempts().collect();
        for (scheduled_event_id, attempt) in attempts {
            let reason = CancelReason::NotFound;
            self.dispatch.push(Dispatch::CancelActivity { scheduled_event_id, attempt, reason });
        }
        // What waits in queues is void; what is to be evicted is not.
        self.dispatch.retain(|dispatch| {
            !matches!(dispatch, Dispatch::WorkflowTask { .. } | Dispatch::ActivityTask { .. })
        });
        self.dispatch.push(Dispatch::Closed);
    }
}
