//! The history as it was fed, one workflow task at a time (D8). What a run has consumed is
//! dropped.
//!
//! A task is what happened up to a WorkflowTaskStarted that its WorkflowTaskCompleted follows, or
//! that is the last event. The tries that failed or timed out leave no mark on the guest.

use super::failure::{FeedError, Reason, TaskFailure};
use super::run::unfit;
use crate::event::{Attributes, HistoryEvent};
use alloc::{collections::VecDeque, sync::Arc, vec::Vec};

/// What was fed and not consumed.
#[derive(Debug, Default)]
pub(super) struct Cursor {
    events: VecDeque<Arc<HistoryEvent>>,
    last_event_id: i64,
}

/// The next task in what was fed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NextTask {
    /// How many events it has, its WorkflowTaskStarted included.
    pub(super) events: usize,
    /// Whether its WorkflowTaskCompleted follows.
    pub(super) completed: bool,
}

impl Cursor {
    /// Takes in events; those that it has had are passed over. `answered` is the
    /// WorkflowTaskStarted of a task that was answered and whose WorkflowTaskCompleted has to come
    /// next.
    pub(super) fn feed(
        &mut self,
        events: &[Arc<HistoryEvent>],
        answered: Option<i64>,
    ) -> Result<(), FeedError> {
        let known = events.partition_point(|event| event.event_id <= self.last_event_id);
        for event in &events[known..] {
            let expected = self.last_event_id + 1;
            if event.event_id != expected {
                return Err(FeedError::Gap { expected, got: event.event_id });
            }
            if let (true, Some(started_event_id)) = (self.events.is_empty(), answered)
                && !completes(event, started_event_id)
            {
                let (event_id, event) = (event.event_id, event.attributes.name());
                return Err(FeedError::NotCompleted { started_event_id, event_id, event });
            }
            self.last_event_id = expected;
            self.events.push_back(Arc::clone(event));
        }
        Ok(())
    }

    /// The next task, if all of it was fed.
    pub(super) fn next_task(&self) -> Result<Option<NextTask>, TaskFailure> {
        for (index, event) in self.events.iter().enumerate() {
            if !matches!(event.attributes, Attributes::WorkflowTaskStarted(_)) {
                continue;
            }
            let events = index + 1;
            match self.events.get(events).map(|event| (event, &event.attributes)) {
                None => return Ok(Some(NextTask { events, completed: false })),
                Some((_, Attributes::WorkflowTaskCompleted(_))) => {
                    return Ok(Some(NextTask { events, completed: true }));
                }
                Some((
                    _,
                    Attributes::WorkflowTaskFailed(_)
                    | Attributes::WorkflowTaskTimedOut(_)
                    | Attributes::WorkflowExecutionTerminated(_)
                    | Attributes::WorkflowExecutionTimedOut(_),
                )) => {}
                Some((event, _)) => {
                    return Err(unfit(event, "it follows a WorkflowTaskStarted directly"));
                }
            }
        }
        Ok(None)
    }

    /// Takes out the first `count` events.
    pub(super) fn consume(&mut self, count: usize) -> Vec<Arc<HistoryEvent>> {
        let count = count.min(self.events.len());
        self.events.drain(..count).collect()
    }

    /// The events that record commands of the WorkflowTaskCompleted at `index`.
    pub(super) fn command_events(&self, index: usize) -> impl Iterator<Item = &HistoryEvent> {
        let completed_id = self.events.get(index).map_or(0, |event| event.event_id);
        let after = self.events.range((index + 1).min(self.events.len())..);
        after.map(Arc::as_ref).take_while(move |event| decided_by(event) == Some(completed_id))
    }

    /// Takes out the next event if it is a WorkflowTaskCompleted.
    pub(super) fn next_completed(&mut self) -> Option<Arc<HistoryEvent>> {
        let next = self.events.front()?;
        match next.attributes {
            Attributes::WorkflowTaskCompleted(_) => self.events.pop_front(),
            _ => None,
        }
    }

    /// Takes out the next event if it records a command of that WorkflowTaskCompleted.
    pub(super) fn next_command_event(&mut self, completed_id: i64) -> Option<Arc<HistoryEvent>> {
        match decided_by(self.events.front()?) == Some(completed_id) {
            true => self.events.pop_front(),
            false => None,
        }
    }

    /// The next event.
    pub(super) fn peek(&self) -> Option<&HistoryEvent> {
        self.events.front().map(Arc::as_ref)
    }

    /// The last event that was fed.
    pub(super) fn last_event_id(&self) -> i64 {
        self.last_event_id
    }
}

/// The WorkflowTaskCompleted whose command the event records, if it records one.
fn decided_by(event: &HistoryEvent) -> Option<i64> {
    Some(match &event.attributes {
        Attributes::ActivityTaskScheduled(e) => e.workflow_task_completed_event_id,
        Attributes::ActivityTaskCancelRequested(e) => e.workflow_task_completed_event_id,
        Attributes::TimerStarted(e) => e.workflow_task_completed_event_id,
        Attributes::TimerCanceled(e) => e.workflow_task_completed_event_id,
        Attributes::MarkerRecorded(e) => e.workflow_task_completed_event_id,
        Attributes::WorkflowExecutionCompleted(e) => e.workflow_task_completed_event_id,
        Attributes::WorkflowExecutionFailed(e) => e.workflow_task_completed_event_id,
        Attributes::WorkflowExecutionCanceled(e) => e.workflow_task_completed_event_id,
        Attributes::WorkflowExecutionStarted(_)
        | Attributes::WorkflowExecutionTimedOut(_)
        | Attributes::WorkflowTaskScheduled(_)
        | Attributes::WorkflowTaskStarted(_)
        | Attributes::WorkflowTaskCompleted(_)
        | Attributes::WorkflowTaskTimedOut(_)
        | Attributes::WorkflowTaskFailed(_)
        | Attributes::ActivityTaskStarted(_)
        | Attributes::ActivityTaskCompleted(_)
        | Attributes::ActivityTaskFailed(_)
        | Attributes::ActivityTaskTimedOut(_)
        | Attributes::ActivityTaskCanceled(_)
        | Attributes::TimerFired(_)
        | Attributes::WorkflowExecutionCancelRequested(_)
        | Attributes::WorkflowExecutionSignaled(_)
        | Attributes::WorkflowExecutionTerminated(_)
        | Attributes::Other(_) => return None,
    })
}

fn completes(event: &HistoryEvent, started_event_id: i64) -> bool {
    matches!(&event.attributes, Attributes::WorkflowTaskCompleted(completed)
        if completed.started_event_id == started_event_id)
}

/// An event of a type that has no machine: passed over if a worker may ignore it, else the task
/// fails.
pub(super) fn other(event: &HistoryEvent, event_type: i32) -> Result<(), TaskFailure> {
    if worker_may_ignore(event) {
        return Ok(());
    }
    let event_id = event.event_id;
    Err(Reason::UnknownEvent { event_id, event: type_name(event_type) }.into())
}

/// `HistoryEvent.worker_may_ignore`, which stands among the fields that have no name here.
fn worker_may_ignore(event: &HistoryEvent) -> bool {
    use crate::proto::{Reader, Value};
    const WORKER_MAY_IGNORE: u32 = 300;
    let bytes = bytes::Bytes::copy_from_slice(event.unknown.as_slice());
    let mut reader = Reader::new(&bytes);
    while let Ok(Some((tag, value))) = reader.next_field() {
        if tag == WORKER_MAY_IGNORE {
            return matches!(value, Value::Varint(set) if set != 0);
        }
    }
    false
}

/// Temporal's name of a type that has no machine here.
fn type_name(event_type: i32) -> alloc::string::String {
    match event_type {
        22 => "RequestCancelExternalWorkflowExecutionInitiated",
        23 => "RequestCancelExternalWorkflowExecutionFailed",
        24 => "ExternalWorkflowExecutionCancelRequested",
        28 => "WorkflowExecutionContinuedAsNew",
        29 => "StartChildWorkflowExecutionInitiated",
        30 => "StartChildWorkflowExecutionFailed",
        31 => "ChildWorkflowExecutionStarted",
        32 => "ChildWorkflowExecutionCompleted",
        33 => "ChildWorkflowExecutionFailed",
        34 => "ChildWorkflowExecutionCanceled",
        35 => "ChildWorkflowExecutionTimedOut",
        36 => "ChildWorkflowExecutionTerminated",
        37 => "SignalExternalWorkflowExecutionInitiated",
        38 => "SignalExternalWorkflowExecutionFailed",
        39 => "ExternalWorkflowExecutionSignaled",
        40 => "UpsertWorkflowSearchAttributes",
        41 => "WorkflowExecutionUpdateAccepted",
        42 => "WorkflowExecutionUpdateRejected",
        43 => "WorkflowExecutionUpdateCompleted",
        44 => "WorkflowPropertiesModifiedExternally",
        45 => "ActivityPropertiesModifiedExternally",
        46 => "WorkflowPropertiesModified",
        47 => "WorkflowExecutionUpdateAdmitted",
        _ => return alloc::format!("of the type {event_type}"),
    }
    .into()
}
