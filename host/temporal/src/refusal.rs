//! Why a request was refused, and how that looks on the wire: the status, the sentence, and the typed details that Temporal's clients read.
//!
//! Nothing else in this crate makes a status.

use crate::visibility::BadQuery;
use prost::{Message, Name};
use sandglass_host::ClientError;
use temporalio_protos::google::rpc;
use temporalio_protos::temporal::api::enums::v1::{ResourceExhaustedCause, ResourceExhaustedScope};
use temporalio_protos::temporal::api::errordetails::v1 as details;
use tonic::{Code, Status};

/// Why a request was refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// The host refused it.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// There is one namespace, and it has another name.
    #[error("Namespace {0} is not found.")]
    NamespaceNotFound(String),
    /// Something about the request is not right; a whole sentence.
    #[error("{0}")]
    Invalid(String),
    /// A query that cannot be read, or asks for what is not there.
    #[error("invalid query: {0}")]
    Query(#[from] BadQuery),
    /// A field that has no effect yet (D15).
    #[error("{0} is not supported yet")]
    NotSupported(&'static str),
    /// Too much at once; a whole sentence.
    #[error("{0}")]
    TooMany(String),
    /// A request or an answer that is larger than it may be; a whole sentence.
    #[error("{0}")]
    TooLarge(String),
    /// It came without a key, or with none that is known.
    #[error("Request unauthorized.")]
    Unauthorized,
    /// It took longer than a request may.
    #[error("context deadline exceeded")]
    TimedOut,
    /// A defect of ours.
    #[error("{0}")]
    Internal(String),
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Status {
        let text = shortened(refusal.to_string());
        match refusal {
            Refusal::Client(error) => of_client(error, text),
            Refusal::NamespaceNotFound(namespace) => {
                let namespace = shortened(namespace);
                let detail = details::NamespaceNotFoundFailure { namespace };
                detailed(Code::NotFound, text, &detail)
            }
            Refusal::Invalid(_) | Refusal::Query(_) | Refusal::NotSupported(_) => {
                Status::invalid_argument(text)
            }
            Refusal::TooMany(_) => exhausted(text, ResourceExhaustedCause::ConcurrentLimit),
            Refusal::TooLarge(_) => Status::resource_exhausted(text),
            Refusal::Unauthorized => {
                let detail = details::PermissionDeniedFailure::default();
                detailed(Code::PermissionDenied, text, &detail)
            }
            Refusal::TimedOut => Status::deadline_exceeded(text),
            Refusal::Internal(_) => {
                tracing::error!(text, "a request met a defect");
                Status::internal(text)
            }
        }
    }
}

/// A status goes among the headers, and a client that gets too many of them ends the connection, with all that is on it. Cut where Temporal's
/// server cuts.
fn shortened(text: String) -> String {
    const BYTES_MAX: usize = 4_000;
    const CUT: &str = "... <truncated>";
    if text.len() <= BYTES_MAX {
        return text;
    }
    let end = text.floor_char_boundary(BYTES_MAX - CUT.len());
    format!("{}{CUT}", &text[..end])
}

fn of_client(error: ClientError, text: String) -> Status {
    match error {
        ClientError::NotFound(_) | ClientError::AlreadyCompleted => {
            detailed(Code::NotFound, text, &details::NotFoundFailure::default())
        }
        ClientError::AlreadyStarted { run_id, start_request_id, .. } => {
            let detail = details::WorkflowExecutionAlreadyStartedFailure {
                start_request_id,
                first_execution_run_id: run_id.clone(),
                run_id,
            };
            detailed(Code::AlreadyExists, text, &detail)
        }
        ClientError::InvalidArgument(_) => Status::invalid_argument(text),
        ClientError::UnknownQuery { .. } | ClientError::QueryFailed(_) => {
            let detail = details::QueryFailedFailure::default();
            detailed(Code::InvalidArgument, text, &detail)
        }
        ClientError::NotReady(_) => {
            let detail = details::WorkflowNotReadyFailure::default();
            detailed(Code::FailedPrecondition, text, &detail)
        }
        ClientError::Busy(_) => exhausted(text, ResourceExhaustedCause::BusyWorkflow),
        ClientError::Corrupt { .. } => Status::data_loss(text),
        ClientError::SearchTooLong(_) => Status::deadline_exceeded(text),
        // The same request, sent again, can succeed: clients do so of their own accord.
        ClientError::OutcomeUnknown(_) | ClientError::ShutDown => Status::unavailable(text),
        error => {
            tracing::error!(%error, "a request met an error of the host");
            Status::unavailable(text)
        }
    }
}

fn exhausted(text: String, cause: ResourceExhaustedCause) -> Status {
    let detail = details::ResourceExhaustedFailure {
        cause: cause.into(),
        scope: ResourceExhaustedScope::Namespace.into(),
    };
    detailed(Code::ResourceExhausted, text, &detail)
}

/// A status that carries one typed detail, as `google.rpc.Status` in its trailers.
fn detailed<T: Message + Name>(code: Code, text: String, detail: &T) -> Status {
    let any = prost_types::Any {
        type_url: format!("type.googleapis.com/{}", T::full_name()),
        value: detail.encode_to_vec(),
    };
    let status = rpc::Status { code: code.into(), message: text.clone(), details: vec![any] };
    Status::with_details(code, text, status.encode_to_vec().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_sentence_is_cut_between_characters() {
        let status = Status::from(Refusal::Invalid("ä".repeat(3_000)));
        assert!(status.message().len() <= 4_000 && status.message().ends_with("ä... <truncated>"));
        let status = Status::from(Refusal::NamespaceNotFound("x".repeat(1_000_000)));
        assert!(status.message().len() == 4_000 && status.details().len() < 10_000);
        assert_eq!(Status::from(Refusal::Invalid("short".into())).message(), "short");
    }
}
