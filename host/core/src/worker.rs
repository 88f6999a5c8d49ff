//! The worker half: what a Temporal SDK does with a workflow task, as pure functions.
//!
//! [`Run`] is one run as its guest sees it. The host feeds it history, asks it for activations,
//! resumes the guest, and calls it from the guest's imports; what the guest asked for comes out as
//! [`Decision`]. This half knows nothing of [`crate::engine`]; only the [`crate::task`] crosses.
//! What does not live here: wasm, threads, the cache of runs.
//!
//! One file a durable thing: its states, what each event and each call does in each of them, and
//! the run's methods for it.

mod activity;
mod cancellation;
mod commands;
mod failure;
mod history;
mod limits;
mod operations;
mod patch;
mod publish;
mod replay;
mod run;
mod select;
mod shown;
mod signal;
mod start;
mod timer;

pub use activity::{ActivityOptions, CancellationType};
pub use cancellation::CancelRequest;
pub use failure::{FeedError, Misuse, Reason, TaskFailure};
pub use limits::Limits;
pub use operations::Operation;
pub use replay::{Breakpoint, Difference, Nondeterminism};
pub use run::{Activation, Decision, Run, Wait};
pub use shown::{ShownCause, ShownFailure, ShownInfo};
pub use signal::Signal;
pub use start::WorkflowInfo;
pub use timer::TimerKind;
