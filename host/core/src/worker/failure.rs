//! What can go wrong in this half: a guest that misuses an import, a workflow task that fails,
//! history that does not fit together.

use super::replay::Nondeterminism;
use crate::event::workflow_task::FailedCause;
use crate::failure::{ApplicationFailureInfo, Failure, FailureInfo};
use alloc::{boxed::Box, string::String, string::ToString};

/// The guest used an import as it may not. A sentence; the guest traps with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Misuse(pub String);

/// History that was fed does not follow what was fed before.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FeedError {
    /// Events are missing.
    #[error(
        "event {expected} is the next to be fed, but event {got} came; feed the history without \
         gaps"
    )]
    Gap {
        /// The event that would be next.
        expected: i64,
        /// The event that came.
        got: i64,
    },
    /// The task that this run answered did not complete.
    #[error(
        "event {event_id} ({event}) follows the task that began with event {started_event_id}, \
         which this run has answered: the answer was not taken, so the run has to be replayed from \
         its beginning"
    )]
    NotCompleted {
        /// The WorkflowTaskStarted that was answered.
        started_event_id: i64,
        /// What came instead of its WorkflowTaskCompleted.
        event_id: i64,
        /// Its type.
        event: &'static str,
    },
}

/// Why a workflow task fails. The run lives; the task is tried again.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Reason {
    /// The code does other things than its history says.
    #[error("{0}")]
    Nondeterminism(Nondeterminism),
    /// An event that cannot follow what was before it.
    #[error(
        "event {event_id} ({event}) does not fit the history before it: {why}; the history is \
         damaged, or was written by other code"
    )]
    Unfit {
        /// Which.
        event_id: i64,
        /// Its type.
        event: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// An event of a type that this host has no machine for.
    #[error(
        "event {event_id} is {event}, which this host does not know how to replay; replay this run \
         with a host that does"
    )]
    UnknownEvent {
        /// Which.
        event_id: i64,
        /// Its type.
        event: String,
    },
    /// The history was decided by semantics that this host does not have.
    #[error(
        "event {event_id} (WorkflowTaskCompleted) was decided with flag {flag}, which this \
         host does not know; run it with the host version that wrote it"
    )]
    UnknownFlag {
        /// The WorkflowTaskCompleted.
        event_id: i64,
        /// The flag.
        flag: u32,
    },
    /// A payload is larger than may be.
    #[error("{what} has {bytes} bytes, more than the {max} that one may have")]
    PayloadTooLarge {
        /// The input or the result of what.
        what: String,
        /// Its bytes.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// More than a run may hold or ask for.
    #[error("the workflow has more than {max} {what}; it may not have more at once")]
    TooMany {
        /// What it has too many of.
        what: &'static str,
        /// The limit.
        max: usize,
    },
    /// The host called in an order that makes no sense.
    #[error("{0}")]
    OutOfTurn(&'static str),
}

/// A workflow task that fails, ready for the answer.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{reason}")]
pub struct TaskFailure {
    /// Why, for machines.
    pub cause: FailedCause,
    /// Why, for people.
    pub failure: Box<Failure>,
    /// Why, in parts.
    pub reason: Box<Reason>,
}

impl From<Reason> for TaskFailure {
    fn from(reason: Reason) -> Self {
        let (cause, r#type) = match &reason {
            Reason::Nondeterminism(_)
            | Reason::Unfit { .. }
            | Reason::UnknownEvent { .. }
            | Reason::UnknownFlag { .. } => (FailedCause::NonDeterministicError, "Nondeterminism"),
            Reason::PayloadTooLarge { .. } => (FailedCause::PayloadsTooLarge, "PayloadTooLarge"),
            Reason::TooMany { .. } => (FailedCause::WorkflowWorkerUnhandledFailure, "TooMany"),
            Reason::OutOfTurn(_) => (FailedCause::WorkflowWorkerUnhandledFailure, "OutOfTurn"),
        };
        let info =
            ApplicationFailureInfo { r#type: r#type.into(), ..ApplicationFailureInfo::default() };
        let failure = Failure {
            source: "sandglass".into(),
            ..Failure::new(reason.to_string(), FailureInfo::Application(info))
        };
        TaskFailure { cause, failure: Box::new(failure), reason: Box::new(reason) }
    }
}

impl From<Nondeterminism> for TaskFailure {
    fn from(nondeterminism: Nondeterminism) -> Self {
        Reason::Nondeterminism(nondeterminism).into()
    }
}
