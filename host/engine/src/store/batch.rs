//! Batch operations: what a store keeps of one, so that a host that begins anew goes on with it.
//!
//! What is to be done, and how far that has come, is for who carries it out: a store never looks into it.

use bytes::Bytes;
use sandglass_core::Timestamp;

/// One operation on many runs.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchOperation {
    /// Chosen by who began it.
    pub job_id: String,
    /// When it began.
    pub start_time: Timestamp,
    /// When it ended; none while it is under way.
    pub close_time: Option<Timestamp>,
    /// What is to be done, which may be long and never changes. Lists leave it out, and none that is put leaves what is there.
    pub request: Option<Bytes>,
    /// How far it has come, and how it ended.
    pub progress: Bytes,
}
