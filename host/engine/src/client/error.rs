//! Why a client's request did not succeed, by what the caller can do about it. The sentences are Temporal's.

use crate::store;
use crate::writer::CommitFailed;
use sandglass_core::engine::RequestError;
use sandglass_core::policy::{WorkflowExecutionStatus, WorkflowIdReusePolicy};
use sandglass_core::{Failure, Payload};
use std::time::Duration;

/// Why a request did not succeed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// There is no such workflow, run, or namespace. Nothing was written.
    #[error("{0}")]
    NotFound(String),
    /// The run is closed: a signal or a terminate comes too late. Nothing was written.
    #[error("workflow execution already completed")]
    AlreadyCompleted,
    /// The workflow id is in use, and the policies do not allow another run. Nothing was written.
    #[error("{} WorkflowId: {workflow_id}, RunId: {run_id}.{}", in_use(*.status, *.reuse), by_policy(*.status, *.reuse))]
    AlreadyStarted {
        /// The id.
        workflow_id: String,
        /// The run that has it.
        run_id: String,
        /// The request id of that run's start.
        start_request_id: String,
        /// How far that run has come.
        status: WorkflowExecutionStatus,
        /// The policy of the start that was refused.
        reuse: WorkflowIdReusePolicy,
    },
    /// Something about the request is not right. Nothing was written.
    #[error("{0}")]
    InvalidArgument(String),
    /// The run does not answer this query: it has published nothing of that name.
    #[error("unknown query {name}; the run has published [{known}]")]
    UnknownQuery {
        /// What was asked.
        name: String,
        /// What could have been asked.
        known: String,
    },
    /// The run could not be asked. Nothing was written.
    #[error("the query failed: {0}")]
    QueryFailed(String),
    /// The run cannot answer a query now.
    #[error("{0}")]
    NotReady(String),
    /// The engine was busy until the deadline was over. Nothing was written; the same request can succeed later.
    #[error("{0}")]
    Busy(String),
    /// The commit failed, on a full disk for example, and nothing was written. The same request can succeed later.
    #[error("{0}")]
    NotWritten(String),
    /// The commit failed: whether the request was carried out is not known. Repeat it with the same request id.
    #[error(
        "the outcome is unknown, since its commit failed ({0}); repeat it with the same request id"
    )]
    OutcomeUnknown(String),
    /// A list or a count searched the store for longer than it may.
    #[error("the search took longer than {} s: ask with conditions that fewer runs are looked at for", .0.as_secs_f32())]
    SearchTooLong(Duration),
    /// The host is shutting down or has done so.
    #[error("the host is shut down")]
    ShutDown,
    /// The store cannot be read or written.
    #[error("{0}")]
    Store(store::Error),
    /// What is stored of the run makes no sense. It is left as it is, and other runs go on.
    #[error(
        "the stored run {run_id} is corrupt: {reason}; nothing of it was changed, and other runs go on: \
         restore the database from a backup, or start the workflow under another id"
    )]
    Corrupt {
        /// Which run.
        run_id: String,
        /// What does not fit.
        reason: String,
    },
}

impl From<store::Error> for ClientError {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::Corrupt { run_id: Some(run_id), what } => {
                ClientError::Corrupt { run_id, reason: what }
            }
            error => ClientError::Store(error),
        }
    }
}

impl From<CommitFailed> for ClientError {
    fn from(failed: CommitFailed) -> Self {
        match failed {
            CommitFailed::NotWritten(reason) => ClientError::NotWritten(reason.to_string()),
            CommitFailed::Unknown(reason) => ClientError::OutcomeUnknown(reason.to_string()),
            CommitFailed::Stopped => ClientError::ShutDown,
        }
    }
}

impl ClientError {
    /// What the engine's refusal of a request to that run means for a client.
    pub(crate) fn of_run(run_id: &str, error: RequestError) -> Self {
        match error {
            RequestError::Closed => ClientError::AlreadyCompleted,
            RequestError::WorkflowTaskNotFound
            | RequestError::ActivityNotFound
            | RequestError::ActivityIdNotFound { .. } => ClientError::NotFound(error.to_string()),
            RequestError::Closing => ClientError::Busy(error.to_string()),
            RequestError::UnhandledCommand
            | RequestError::BadCommand { .. }
            | RequestError::CommandSequence { .. }
            | RequestError::CancelNotRequested
            | RequestError::BlobTooLarge
            | RequestError::TooManySignals
            | RequestError::InvalidArgument(_)
            | RequestError::NotSupported(_) => ClientError::InvalidArgument(error.to_string()),
            RequestError::Inconsistent(reason) => {
                ClientError::Corrupt { run_id: run_id.into(), reason }
            }
        }
    }
}

/// Why a workflow id cannot be used, as Temporal has it.
fn in_use(status: WorkflowExecutionStatus, reuse: WorkflowIdReusePolicy) -> &'static str {
    match (status, reuse) {
        (WorkflowExecutionStatus::Running, _) => "Workflow execution is already running.",
        (_, WorkflowIdReusePolicy::AllowDuplicateFailedOnly) => {
            "Workflow execution already finished successfully."
        }
        _ => "Workflow execution already finished.",
    }
}

fn by_policy(status: WorkflowExecutionStatus, reuse: WorkflowIdReusePolicy) -> &'static str {
    match (status, reuse) {
        (WorkflowExecutionStatus::Running, _) => "",
        (_, WorkflowIdReusePolicy::AllowDuplicateFailedOnly) => {
            " Workflow Id reuse policy: allow duplicate workflow Id if last run failed."
        }
        _ => " Workflow Id reuse policy: reject duplicate workflow Id.",
    }
}

/// Why a run has no result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorkflowError {
    /// The code returned a failure.
    #[error("the workflow failed: {}", show(.0))]
    Failed(Box<Failure>),
    /// The code stopped because it was asked to.
    #[error("the workflow was canceled")]
    Canceled {
        /// What the code said about it.
        details: Vec<Payload>,
    },
    /// Somebody ended it.
    #[error("the workflow was terminated: {reason}")]
    Terminated {
        /// Why.
        reason: String,
        /// More about it.
        details: Vec<Payload>,
        /// Who.
        identity: String,
    },
    /// Its time was over.
    #[error("the workflow timed out")]
    TimedOut,
    /// The run closed in a way that has no result here (another run goes on in its place).
    #[error("the run ended with {0}, which has no result here")]
    Other(&'static str),
    /// The result is there, but is not of the type that was asked for.
    #[error("the result does not fit: {0}")]
    Decode(String),
    /// The request for the result did not succeed.
    #[error(transparent)]
    Client(#[from] ClientError),
}

/// A failure with its causes, as people read it.
fn show(failure: &Failure) -> String {
    let messages: Vec<&str> = failure.chain().map(|failure| failure.message.as_str()).collect();
    messages.join(": ")
}
