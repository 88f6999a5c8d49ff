//! What clients see of a run: its result, its history, how it stands.

use super::WorkflowError;
use sandglass_core::event::workflow::{Canceled, Completed, Failed, Terminated};
use sandglass_core::{Attributes, HistoryEvent, Payload, Payloads};
use serde::{Serialize, Serializer, de::DeserializeOwned, ser::SerializeStruct};
use std::sync::Arc;

/// How a run stands.
pub type WorkflowDescription = sandglass_core::engine::Description;

/// How a task queue stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskQueueDescription {
    /// Who the worker in this process is.
    pub identity: String,
    /// Whether it takes workflow tasks of this queue.
    pub serves_workflows: bool,
    /// Whether it takes activity tasks of this queue.
    pub serves_activities: bool,
    /// Workflow tasks that wait for a worker.
    pub workflow_tasks: usize,
    /// Activity tasks that wait for a worker.
    pub activity_tasks: usize,
}

/// A run's history. It serialises to what `temporal workflow show -o json` prints.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// The events, from the first.
    pub events: Vec<Arc<HistoryEvent>>,
}

impl Serialize for History {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let events: Vec<&HistoryEvent> = self.events.iter().map(|event| &**event).collect();
        let mut history = serializer.serialize_struct("History", 1)?;
        history.serialize_field("events", &events)?;
        history.end()
    }
}

/// A part of a run's history.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryPage {
    /// The run.
    pub run_id: String,
    /// The stored events of the page.
    pub events: Vec<Arc<HistoryEvent>>,
    /// The last event of the whole history, as it is stored.
    pub last_event_id: i64,
    /// Whether more events can come.
    pub is_open: bool,
    /// A workflow task's events that exist only in memory, to be shown after the last page (D4).
    pub unwritten: Vec<Arc<HistoryEvent>>,
}

/// What a closing event says to who waits for the result.
pub(super) fn result_of(event: &HistoryEvent) -> Result<Payload, WorkflowError> {
    match &event.attributes {
        Attributes::WorkflowExecutionCompleted(Completed { result, .. }) => {
            let first = result.as_ref().and_then(|result| result.payloads.first());
            Ok(first.cloned().unwrap_or_else(Payload::nil))
        }
        Attributes::WorkflowExecutionFailed(Failed { failure, .. }) => {
            Err(WorkflowError::Failed(Box::new(failure.clone().unwrap_or_default())))
        }
        Attributes::WorkflowExecutionCanceled(Canceled { details, .. }) => {
            Err(WorkflowError::Canceled { details: payloads(details.as_ref()) })
        }
        Attributes::WorkflowExecutionTerminated(Terminated {
            reason, details, identity, ..
        }) => Err(WorkflowError::Terminated {
            reason: reason.clone(),
            details: payloads(details.as_ref()),
            identity: identity.clone(),
        }),
        Attributes::WorkflowExecutionTimedOut(_) => Err(WorkflowError::TimedOut),
        other => Err(WorkflowError::Other(other.name())),
    }
}

fn payloads(payloads: Option<&Payloads>) -> Vec<Payload> {
    payloads.map(|payloads| payloads.payloads.clone()).unwrap_or_default()
}

/// Reads a payload as JSON; no value reads as `null`.
pub(super) fn decode<T: DeserializeOwned>(payload: &Payload) -> Result<T, WorkflowError> {
    let text = match payload.encoding() {
        "json/plain" => payload.data.as_ref(),
        "binary/null" => b"null",
        other => return Err(WorkflowError::Decode(format!("it is {other}, not JSON"))),
    };
    serde_json::from_slice(text).map_err(|e| WorkflowError::Decode(e.to_string()))
}
