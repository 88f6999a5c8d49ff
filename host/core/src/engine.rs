//! The engine half: what a Temporal server does with a run, as pure functions.
//!
//! [`Execution`] is one run. Everything that changes it is a [`Request`] to [`Execution::handle`]; what follows is a [`Transition`], which is all
//! that a store commits. This half knows nothing of [`crate::worker`]; only the [`crate::task`] crosses.

mod activity;
mod advance;
mod apply;
mod buffer;
mod cancel;
mod change;
mod completion;
mod deadlines;
mod describe;
mod entry;
mod execution;
mod history_limit;
mod id_policy;
mod illegal;
mod lifecycle;
mod limits;
mod recorder;
mod recover;
mod request;
mod request_ids;
mod signal;
mod snapshot;
mod task_requests;
mod terminate;
mod timer;
mod transition;
mod volatile;
mod workflow_task;

pub use change::{
    ActivityAttemptFailed, ActivityAttemptReleased, ActivityAttemptStarted, ActivityHeartbeat,
    BufferFlushed, EventBuffered, RequestAccepted, StateChange, TransientTaskFailed,
    TransientTaskReleased, TransientTaskScheduled, TransientTaskStarted,
};
pub use describe::{Description, PendingActivity, PendingActivityState, PendingWorkflowTask};
pub use entry::{entries_from_bytes, entries_to_bytes};
pub use execution::{Closed, Corrupt, Execution};
pub use id_policy::{LatestRun, PolicyConflict, StartDecision, decide_start};
pub use limits::Limits;
pub use request::{
    ActivityEnd, ActivityTaskToken, AddressedActivity, Heartbeat, Outcome, Reply, Request,
    RequestError, Start, StartIds,
};
pub use transition::{ActivityTask, CancelReason, Dispatch, Entry, Transition};

#[cfg(test)]
mod tests;
