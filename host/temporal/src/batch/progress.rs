//! How far a batch operation has come, as the store keeps it.

use super::again;
use crate::refusal::Refusal;
use prost::Message;
use sandglass_host::core::Timestamp;
use sandglass_host::store::{BatchOperation, Cursor, Place};
use sandglass_host::{Client, ClientError};
use temporalio_protos::temporal::api::enums::v1::BatchOperationState;
use temporalio_protos::temporal::api::workflowservice::v1 as api;

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
    /// The place of the last run of the query that had its turn.
    #[prost(int64, optional, tag = "6")]
    pub(super) close_time: Option<i64>,
    #[prost(int64, optional, tag = "7")]
    pub(super) cursor: Option<i64>,
    /// How many of the named runs had their turn.
    #[prost(uint64, tag = "8")]
    pub(super) named: u64,
}

impl Progress {
    pub(super) fn place(&self) -> Option<Place> {
        let cursor = Cursor::from_number(self.cursor?);
        Some(Place { close_time: self.close_time.map(Timestamp), cursor })
    }

    /// A run had its turn.
    pub(super) fn pass(&mut self, after: Option<Place>) {
        match after {
            Some(place) => {
                self.close_time = place.close_time.map(|time| time.0);
                self.cursor = Some(place.cursor.to_number());
            }
            None => self.named += 1,
        }
    }
}

/// What is stored of an operation.
pub(crate) fn read(
    operation: &BatchOperation,
) -> Result<(api::StartBatchOperationRequest, Progress), Refusal> {
    let unreadable = |error: prost::DecodeError| {
        let job_id = &operation.job_id;
        Refusal::Internal(format!("the batch operation {job_id} cannot be read: {error}"))
    };
    let request = api::StartBatchOperationRequest::decode(&operation.request[..]);
    let progress = Progress::decode(&operation.progress[..]);
    Ok((request.map_err(unreadable)?, progress.map_err(unreadable)?))
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
