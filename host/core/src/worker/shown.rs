//! What a guest sees of a failure, and the way back (D2, "A failure passes through whole").
//!
//! A guest sees a failure as a head and a list of causes, since WIT has no recursive types, and
//! without what authors do not want to see. What it returns as it was received is recorded as the
//! original bytes.

use crate::failure::{
    ActivityFailureInfo, ApplicationErrorCategory, ApplicationFailureInfo, CanceledFailureInfo,
    ChildWorkflowExecutionFailureInfo, Failure, FailureInfo, RetryState, TerminatedFailureInfo,
    TimeoutFailureInfo, TimeoutType,
};
use crate::payload::{Payload, Payloads, WorkflowExecution};
use crate::proto::Message;
use alloc::{boxed::Box, collections::VecDeque, string::String, vec::Vec};
use core::time::Duration;

/// A failure, as the WIT's `failure`.
#[derive(Clone, Debug, PartialEq)]
pub struct ShownFailure {
    /// A sentence.
    pub message: String,
    /// Where in the code.
    pub stack_trace: String,
    /// Its kind.
    pub info: ShownInfo,
    /// Because of what: the nearest first, the root cause last.
    pub causes: Vec<ShownCause>,
}

/// One cause of a failure.
#[derive(Clone, Debug, PartialEq)]
pub struct ShownCause {
    /// A sentence.
    pub message: String,
    /// Where in the code.
    pub stack_trace: String,
    /// Its kind.
    pub info: ShownInfo,
}

/// The kind of a failure.
#[derive(Clone, Debug, PartialEq)]
pub enum ShownInfo {
    /// A kind that has no name in the WIT.
    Other,
    /// The code has made it.
    Application {
        /// What retry policies go by.
        error_type: String,
        /// Whether trying again is of no use.
        non_retryable: bool,
        /// More about it.
        details: Vec<Payload>,
        /// Overrides the backoff before the next attempt.
        next_retry_delay: Option<Duration>,
        /// Expected in the normal course.
        benign: bool,
    },
    /// It was canceled; what it said about that.
    Canceled(Vec<Payload>),
    /// It was terminated.
    Terminated,
    /// Time was over.
    TimedOut {
        /// Which time; one of the four that have a name.
        kind: TimeoutType,
        /// The details of the last heartbeat.
        last_heartbeat_details: Vec<Payload>,
    },
    /// An activity did not succeed.
    Activity {
        /// Its id.
        activity_id: String,
        /// Its type.
        activity_type: String,
        /// Why it was not tried again.
        retry_state: RetryState,
    },
    /// A child workflow did not succeed.
    ChildWorkflow {
        /// Its workflow id.
        workflow_id: String,
        /// Its run.
        run_id: String,
        /// Its type.
        workflow_type: String,
        /// Why it was not tried again.
        retry_state: RetryState,
    },
}

impl ShownFailure {
    /// An application failure without details.
    #[must_use]
    pub fn application(
        message: impl Into<String>,
        error_type: impl Into<String>,
        non_retryable: bool,
    ) -> ShownFailure {
        ShownFailure {
            message: message.into(),
            stack_trace: String::new(),
            info: ShownInfo::Application {
                error_type: error_type.into(),
                non_retryable,
                details: Vec::new(),
                next_retry_delay: None,
                benign: false,
            },
            causes: Vec::new(),
        }
    }

    /// Whether it is canceled itself, or an activity's or a child workflow's whose nearest cause
    /// is.
    #[must_use]
    pub fn is_canceled(&self) -> bool {
        self.canceled_details().is_some()
    }

    /// What the code said about being canceled, if it is that.
    pub(super) fn canceled_details(&self) -> Option<&[Payload]> {
        match (&self.info, self.causes.first().map(|cause| &cause.info)) {
            (ShownInfo::Canceled(details), _)
            | (
                ShownInfo::Activity { .. } | ShownInfo::ChildWorkflow { .. },
                Some(ShownInfo::Canceled(details)),
            ) => Some(details),
            _ => None,
        }
    }
}

/// A bare `canceled`: what every interruptible call but an activity's or a child's outcome returns
/// (D2, "Two shapes of canceled").
pub(super) fn bare_canceled() -> Failure {
    Failure::new("Cancelled", FailureInfo::Canceled(CanceledFailureInfo::default()))
}

/// What a guest sees of it.
impl From<&Failure> for ShownFailure {
    fn from(failure: &Failure) -> Self {
        let ShownCause { message, stack_trace, info } = shown_cause(failure);
        let causes = failure.chain().skip(1).map(shown_cause).collect();
        ShownFailure { message, stack_trace, info, causes }
    }
}

fn shown_cause(failure: &Failure) -> ShownCause {
    ShownCause {
        message: failure.message.clone(),
        stack_trace: failure.stack_trace.clone(),
        info: shown_info(failure.info.as_ref()),
    }
}

fn shown_info(info: Option<&FailureInfo>) -> ShownInfo {
    match info {
        None | Some(FailureInfo::Server(_) | FailureInfo::ResetWorkflow(_)) => ShownInfo::Other,
        Some(FailureInfo::Application(info)) => ShownInfo::Application {
            error_type: info.r#type.clone(),
            non_retryable: info.non_retryable,
            details: list(info.details.as_ref()),
            next_retry_delay: info.next_retry_delay,
            benign: info.category == ApplicationErrorCategory::Benign,
        },
        Some(FailureInfo::Timeout(info)) => ShownInfo::TimedOut {
            kind: match info.timeout_type {
                TimeoutType::Unspecified | TimeoutType::Unknown(_) => TimeoutType::StartToClose,
                known => known,
            },
            last_heartbeat_details: list(info.last_heartbeat_details.as_ref()),
        },
        Some(FailureInfo::Canceled(info)) => ShownInfo::Canceled(list(info.details.as_ref())),
        Some(FailureInfo::Terminated(_)) => ShownInfo::Terminated,
        Some(FailureInfo::Activity(info)) => ShownInfo::Activity {
            activity_id: info.activity_id.clone(),
            activity_type: info.activity_type.as_ref().map_or_else(String::new, |t| t.name.clone()),
            retry_state: known_retry_state(info.retry_state),
        },
        Some(FailureInfo::ChildWorkflow(info)) => {
            let execution = info.workflow_execution.as_ref();
            ShownInfo::ChildWorkflow {
                workflow_id: execution.map_or_else(String::new, |e| e.workflow_id.clone()),
                run_id: execution.map_or_else(String::new, |e| e.run_id.clone()),
                workflow_type: info
                    .workflow_type
                    .as_ref()
                    .map_or_else(String::new, |t| t.name.clone()),
                retry_state: known_retry_state(info.retry_state),
            }
        }
    }
}

fn known_retry_state(state: RetryState) -> RetryState {
    match state {
        RetryState::Unknown(_) => RetryState::Unspecified,
        known => known,
    }
}

fn list(payloads: Option<&Payloads>) -> Vec<Payload> {
    payloads.map_or_else(Vec::new, |payloads| payloads.payloads.clone())
}

/// A failure that a guest has made or put together, as it is recorded.
fn unshown(message: String, stack_trace: String, info: ShownInfo) -> Failure {
    Failure { message, stack_trace, info: unshown_info(info), ..Failure::default() }
}

fn unshown_info(info: ShownInfo) -> Option<FailureInfo> {
    Some(match info {
        ShownInfo::Other => return None,
        ShownInfo::Application { error_type, non_retryable, details, next_retry_delay, benign } => {
            FailureInfo::Application(ApplicationFailureInfo {
                r#type: error_type,
                non_retryable,
                details: Payloads::some(details),
                next_retry_delay,
                category: match benign {
                    true => ApplicationErrorCategory::Benign,
                    false => ApplicationErrorCategory::Unspecified,
                },
                ..ApplicationFailureInfo::default()
            })
        }
        ShownInfo::Canceled(details) => FailureInfo::Canceled(CanceledFailureInfo {
            details: Payloads::some(details),
            ..CanceledFailureInfo::default()
        }),
        ShownInfo::Terminated => FailureInfo::Terminated(TerminatedFailureInfo::default()),
        ShownInfo::TimedOut { kind, last_heartbeat_details } => {
            FailureInfo::Timeout(TimeoutFailureInfo {
                timeout_type: kind,
                last_heartbeat_details: Payloads::some(last_heartbeat_details),
                ..TimeoutFailureInfo::default()
            })
        }
        ShownInfo::Activity { activity_id, activity_type, retry_state } => {
            FailureInfo::Activity(ActivityFailureInfo {
                activity_id,
                activity_type: Some(activity_type.as_str().into()),
                retry_state,
                ..ActivityFailureInfo::default()
            })
        }
        ShownInfo::ChildWorkflow { workflow_id, run_id, workflow_type, retry_state } => {
            FailureInfo::ChildWorkflow(ChildWorkflowExecutionFailureInfo {
                workflow_execution: Some(WorkflowExecution {
                    workflow_id,
                    run_id,
                    ..WorkflowExecution::default()
                }),
                workflow_type: Some(workflow_type.as_str().into()),
                retry_state,
                ..ChildWorkflowExecutionFailureInfo::default()
            })
        }
    })
}

/// As it is recorded where nothing was handed out before: what an activity's guest returns.
impl From<ShownFailure> for Failure {
    fn from(shown: ShownFailure) -> Self {
        Handed::default().restore(shown)
    }
}

/// The failures that were handed to the guest last, whole.
#[derive(Debug, Default)]
pub(super) struct Handed {
    /// Oldest first, each with its bytes.
    failures: VecDeque<(Failure, usize)>,
    bytes: usize,
}

impl Handed {
    const FAILURES_MAX: usize = 256;
    const BYTES_MAX: usize = 1024 * 1024;

    /// Shows `failure` to the guest and keeps the original.
    pub(super) fn hand(&mut self, failure: Failure) -> ShownFailure {
        let shown = ShownFailure::from(&failure);
        let mut encoded = Vec::new();
        failure.encode(&mut encoded);
        self.bytes += encoded.len();
        self.failures.push_back((failure, encoded.len()));
        while self.failures.len() > Self::FAILURES_MAX || self.bytes > Self::BYTES_MAX {
            let Some((_, bytes)) = self.failures.pop_front() else { break };
            self.bytes -= bytes;
        }
        shown
    }

    /// What is recorded for a failure that the guest returned: from the first of it and its causes
    /// that is, with all that follow, one that was handed out, the original; before that, what the
    /// guest made.
    pub(super) fn restore(&self, returned: ShownFailure) -> Failure {
        let ShownFailure { message, stack_trace, info, causes } = returned;
        let mut links = Vec::with_capacity(causes.len() + 1);
        links.push(ShownCause { message, stack_trace, info });
        links.extend(causes);
        let original = (0..links.len())
            .find_map(|at| self.original(&links[at..]).map(|failure| (at, failure.clone())));
        let (made, mut cause) = match original {
            Some((at, failure)) => (at, Some(failure)),
            None => (links.len(), None),
        };
        links.truncate(made);
        for link in links.into_iter().rev() {
            let mut failure = unshown(link.message, link.stack_trace, link.info);
            failure.cause = cause.map(Box::new);
            cause = Some(failure);
        }
        cause.unwrap_or_default()
    }

    fn original(&self, links: &[ShownCause]) -> Option<&Failure> {
        let same = |failure: &&Failure| {
            let mut chain = failure.chain();
            links.iter().all(|link| chain.next().is_some_and(|f| shown_cause(f) == *link))
                && chain.next().is_none()
        };
        self.failures.iter().rev().map(|(failure, _)| failure).find(same)
    }
}
