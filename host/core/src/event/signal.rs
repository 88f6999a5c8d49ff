//! A signal that came from outside.

use crate::payload::{Header, Payloads, WorkflowExecution};
use crate::proto::message;
use alloc::string::String;

message! {
    /// A signal came.
    pub struct Signaled {
        /// Its name.
        1 => signal_name: String,
        /// Its arguments.
        2 => input: Option<Payloads>,
        /// Who sent it.
        3 => identity: String,
        /// Headers.
        4 => header: Option<Header>,
        /// The run that sent it, if one did.
        6 => external_workflow_execution: Option<WorkflowExecution>,
        /// By which a repeated request is known.
        7 => request_id: String,
    }
}
