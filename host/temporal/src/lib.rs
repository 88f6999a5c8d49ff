//! Temporal's gRPC API in front of a Sandglass host: unmodified Temporal clients, the `temporal` command and activity workers work with it.
//!
//! What lives here: the server, what a request means for the host, and how an answer or a refusal looks on the wire. What does not: rules.
//! Events, failures and payloads are never mapped field by field: the core's codec and `temporalio-protos` write the same bytes (`convert`).
#![warn(missing_docs)]

mod access;
mod answers;
mod batch;
mod connection;
mod convert;
mod gate;
mod history_json;
mod json;
mod limits;
mod methods;
mod metrics;
mod monitoring;
mod reflection;
mod refusal;
mod server;
mod service;
mod visibility;

pub use access::{ApiKeys, ApiKeysError};
pub use history_json::{HistoryJsonError, history_from_json, history_to_json};
pub use json::{MessageJsonError, message_to_json};
pub use limits::ServeLimits;
pub use metrics::ServerMetrics;
pub use monitoring::Monitoring;
pub use server::{ServeError, Server, TlsOptions};
pub use service::TASK_TYPE_HEADER;

/// The server's side of Temporal's services: exactly the methods that are built.
#[allow(clippy::all, clippy::allow_attributes_without_reason, reason = "generated code")]
mod generated {
    tonic::include_proto!("temporal.api.workflowservice.v1");

    pub(crate) mod operator {
        tonic::include_proto!("temporal.api.operatorservice.v1");
    }
}
