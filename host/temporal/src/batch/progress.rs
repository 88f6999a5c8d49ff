//! How far a batch operation has come, as the store keeps it.

use super::again;
use crate::refusal::Refusal;
use prost::Message;
use sandglass_host::core::Timestamp;
use sandglass_host::store::{BatchOperation, Cursor, Place};
use sandglass_host::{Client, ClientError};
use temporalio_protos::temporal::api::enums::v1::{BatchOperationState, BatchOperationType};
use temporalio_protos::temporal::api::workflowservice::v1 as api;
use temporalio_protos::temporal::api::workflowservice::v1::start_batch_operation_request::Operation;

/// How far an operation has come; this is what the store keeps of it.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Progress {
    #[prost(enumeration = "BatchOperationState", tag = "1")]
    pub(crate) state: i32,
    /// Told to who uses the job id again.
    #[prost(string, tag = "2")]
    pub(crate) run_id: String,
    #[prost(int64, tag = "3")]
    pub(crate) total: i64,
    #[prost(int64, tag = "4")]
    pub(crate) completed: i64,
    #[prost(int64, tag = "5")]
    pub(crate) failed: i64,
    /// The place of the last run of the query that had its turn or is among the next.
    #[prost(int64, optional, tag = "6")]
    pub(super) close_time: Option<i64>,
    #[prost(int64, optional, tag = "7")]
    pub(super) cursor: Option<i64>,
    /// How many of the named runs had their turn.
    #[prost(uint64, tag = "8")]
    pub(super) named: u64,
    /// The runs of the query that have their turn next.
    #[prost(message, repeated, tag = "9")]
    pub(super) next: Vec<NextRun>,
    /// What the operation is; 0 of one that an earlier version began.
    #[prost(enumeration = "BatchOperationType", tag = "10")]
    pub(crate) kind: i32,
}

/// A run that is to have its turn.
#[derive(Clone, PartialEq, Message)]
pub(super) struct NextRun {
    #[prost(string, tag = "1")]
    pub(super) workflow_id: String,
    /// Empty where the latest is meant.
    #[prost(string, tag = "2")]
    pub(super) run_id: String,
}

impl Progress {
    pub(super) fn place(&self) -> Option<Place> {
        let cursor = Cursor::from_number(self.cursor?);
        Some(Place { close_time: self.close_time.map(Timestamp), cursor })
    }

    /// The query has found these, up to that place.
    pub(super) fn come_to(&mut self, next: Vec<NextRun>, place: Place) {
        self.next = next;
        self.close_time = place.close_time.map(|time| time.0);
        self.cursor = Some(place.cursor.to_number());
    }

    /// A run had its turn.
    pub(super) fn pass(&mut self) {
        match self.next.is_empty() {
            true => self.named += 1,
            false => drop(self.next.remove(0)),
        }
    }
}

/// How far an operation has come.
pub(crate) fn read_progress(operation: &BatchOperation) -> Result<Progress, Refusal> {
    Progress::decode(&operation.progress[..]).map_err(|error| unreadable(operation, &error))
}

fn unreadable(operation: &BatchOperation, error: &prost::DecodeError) -> Refusal {
    let job_id = &operation.job_id;
    Refusal::Internal(format!("the batch operation {job_id} cannot be read: {error}"))
}

/// What is stored of an operation, as it is without being listed.
pub(crate) fn read(
    operation: &BatchOperation,
) -> Result<(api::StartBatchOperationRequest, Progress), Refusal> {
    let request = operation.request.as_deref().unwrap_or_default();
    let request = api::StartBatchOperationRequest::decode(request);
    Ok((request.map_err(|error| unreadable(operation, &error))?, read_progress(operation)?))
}

/// What an operation is, and who asked for it.
pub(crate) fn kind(operation: Option<&Operation>) -> (BatchOperationType, &str) {
    match operation {
        Some(Operation::SignalOperation(it)) => (BatchOperationType::SignalWorkflow, &it.identity),
        Some(Operation::CancellationOperation(it)) => {
            (BatchOperationType::CancelWorkflow, &it.identity)
        }
        Some(Operation::TerminationOperation(it)) => {
            (BatchOperationType::TerminateWorkflow, &it.identity)
        }
        Some(Operation::DeletionOperation(it)) => {
            (BatchOperationType::DeleteWorkflow, &it.identity)
        }
        _ => (BatchOperationType::Unspecified, ""),
    }
}

/// Writes down that an operation which nobody carries out has failed.
pub(super) async fn close(client: &Client, operation: BatchOperation) -> Result<(), ClientError> {
    // Where it stood may be what cannot be read.
    let mut progress = Progress::decode(operation.progress.as_ref()).unwrap_or_default();
    progress.state = BatchOperationState::Failed.into();
    let (close_time, progress) = (Some(client.now()), progress.encode_to_vec().into());
    let operation = BatchOperation { close_time, progress, ..operation };
    again(|| client.put_batch_operation(operation.clone())).await
}
