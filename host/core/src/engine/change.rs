//! The state changes that Temporal keeps out of a history: attempts, heartbeats, buffered events, request ids, who holds a task.

/// Which they are is still to be written.
#[derive(Clone, Debug, PartialEq)]
pub enum StateChange {}
