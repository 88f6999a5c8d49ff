//! What a worker writes down for its own replay.

use crate::failure::Failure;
use crate::payload::{Header, Payloads};
use crate::proto::message;
use alloc::{collections::BTreeMap, string::String};

message! {
    /// A marker; the engine does not look into it.
    pub struct Recorded {
        /// What it is for: `core_patch`, …
        1 => marker_name: String,
        /// What was written down.
        2 => details: BTreeMap<String, Payloads>,
        /// The task that asked for it.
        3 => workflow_task_completed_event_id: i64,
        /// Headers.
        4 => header: Option<Header>,
        /// A failure that was written down.
        5 => failure: Option<Failure>,
    }
}
