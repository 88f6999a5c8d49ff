//! The engine half: what a Temporal server does with a run, as pure functions.
//!
//! [`Execution`] is one run. Everything that changes it is a [`Request`] to [`Execution::handle`]; what follows is a [`Transition`], which is all
//! that a store commits. This half knows nothing of [`crate::worker`]; only the [`crate::task`] crosses.

mod change;
mod execution;
mod limits;
mod request;
mod transition;

pub use change::StateChange;
pub use execution::{
    Closed, Corrupt, Description, Execution, PendingActivity, PendingActivityState,
    PendingWorkflowTask,
};
pub use limits::Limits;
pub use request::{
    ActivityEnd, ActivityTaskToken, AddressedActivity, Heartbeat, Outcome, Reply, Request,
    RequestError, Start, StartIds,
};
pub use transition::{ActivityTask, CancelReason, Dispatch, Entry, Transition};
