//! Temporal's failures: why a workflow, an activity or a task did not succeed.

use crate::payload::{ActivityType, Payload, Payloads, WorkflowExecution, WorkflowType};
use crate::proto::{message, one_of, open_enum};
use alloc::{boxed::Box, string::String};
use core::time::Duration;

message! {
    /// Why something did not succeed, and because of what.
    pub struct Failure {
        /// A sentence.
        1 => message: String,
        /// What made it: an SDK's name.
        2 => source: String,
        /// Where in the code.
        3 => stack_trace: String,
        /// Message and stack trace, encoded, where they are hidden.
        20 => encoded_attributes: Option<Payload>,
        /// Because of what.
        4 => cause: Option<Box<Failure>>,
        oneof
        /// Its kind.
        info: FailureInfo,
    }

    /// A failure that the code has made.
    pub struct ApplicationFailureInfo {
        /// What retry policies go by.
        1 => r#type: String,
        /// Whether trying again is of no use.
        2 => non_retryable: bool,
        /// More about it.
        3 => details: Option<Payloads>,
        /// Overrides the backoff before the next attempt.
        4 => next_retry_delay: Option<Duration>,
        /// Whether it is expected in the normal course.
        5 => category: ApplicationErrorCategory,
    }

    /// Time was over.
    pub struct TimeoutFailureInfo {
        /// Which time.
        1 => timeout_type: TimeoutType,
        /// The details of the last heartbeat.
        2 => last_heartbeat_details: Option<Payloads>,
    }

    /// Work was canceled.
    pub struct CanceledFailureInfo {
        /// What it said about that.
        1 => details: Option<Payloads>,
        /// Who reported it.
        2 => identity: String,
    }

    /// A workflow was terminated.
    pub struct TerminatedFailureInfo {
        /// By whom.
        1 => identity: String,
    }

    /// The engine itself reports it.
    pub struct ServerFailureInfo {
        /// Whether trying again is of no use.
        1 => non_retryable: bool,
    }

    /// A run was reset.
    pub struct ResetWorkflowFailureInfo {
        /// The details of the last heartbeat.
        1 => last_heartbeat_details: Option<Payloads>,
    }

    /// An activity did not succeed.
    pub struct ActivityFailureInfo {
        /// Its ActivityTaskScheduled.
        1 => scheduled_event_id: i64,
        /// Its ActivityTaskStarted.
        2 => started_event_id: i64,
        /// The worker.
        3 => identity: String,
        /// Its type.
        4 => activity_type: Option<ActivityType>,
        /// Its id.
        5 => activity_id: String,
        /// Why it was not tried again.
        6 => retry_state: RetryState,
    }

    /// A child workflow did not succeed.
    pub struct ChildWorkflowExecutionFailureInfo {
        /// Where it ran.
        1 => namespace: String,
        /// Which run.
        2 => workflow_execution: Option<WorkflowExecution>,
        /// Its type.
        3 => workflow_type: Option<WorkflowType>,
        /// Its StartChildWorkflowExecutionInitiated.
        4 => initiated_event_id: i64,
        /// Its ChildWorkflowExecutionStarted.
        5 => started_event_id: i64,
        /// Why it was not tried again.
        6 => retry_state: RetryState,
    }
}

one_of! {
    /// What kind of failure it is. Kinds that are not listed stay in [`Failure::unknown`].
    pub enum FailureInfo {
        /// The code has made it.
        5 => Application(ApplicationFailureInfo) = "applicationFailureInfo",
        /// Time was over.
        6 => Timeout(TimeoutFailureInfo) = "timeoutFailureInfo",
        /// It was canceled.
        7 => Canceled(CanceledFailureInfo) = "canceledFailureInfo",
        /// It was terminated.
        8 => Terminated(TerminatedFailureInfo) = "terminatedFailureInfo",
        /// The engine reports it.
        9 => Server(ServerFailureInfo) = "serverFailureInfo",
        /// It was reset.
        10 => ResetWorkflow(ResetWorkflowFailureInfo) = "resetWorkflowFailureInfo",
        /// An activity did not succeed.
        11 => Activity(ActivityFailureInfo) = "activityFailureInfo",
        /// A child workflow did not succeed.
        12 => ChildWorkflow(ChildWorkflowExecutionFailureInfo) = "childWorkflowExecutionFailureInfo",
    }
}

open_enum! {
    /// Why something that did not succeed was not tried again.
    pub enum RetryState("RETRY_STATE_") {
        /// It will be.
        1 => InProgress = "IN_PROGRESS",
        /// The failure says that it is of no use.
        2 => NonRetryableFailure = "NON_RETRYABLE_FAILURE",
        /// There is no time left for it.
        3 => Timeout = "TIMEOUT",
        /// It was tried often enough.
        4 => MaximumAttemptsReached = "MAXIMUM_ATTEMPTS_REACHED",
        /// Nobody said that it should be.
        5 => RetryPolicyNotSet = "RETRY_POLICY_NOT_SET",
        /// The engine could not.
        6 => InternalServerError = "INTERNAL_SERVER_ERROR",
        /// It was asked to stop.
        7 => CancelRequested = "CANCEL_REQUESTED",
    }

    /// Which time was over.
    pub enum TimeoutType("TIMEOUT_TYPE_") {
        /// One attempt took too long.
        1 => StartToClose = "START_TO_CLOSE",
        /// Nobody began it.
        2 => ScheduleToStart = "SCHEDULE_TO_START",
        /// All attempts together took too long.
        3 => ScheduleToClose = "SCHEDULE_TO_CLOSE",
        /// Its worker fell silent.
        4 => Heartbeat = "HEARTBEAT",
    }

    /// How much an application failure matters.
    pub enum ApplicationErrorCategory("APPLICATION_ERROR_CATEGORY_") {
        /// Expected in the normal course.
        1 => Benign = "BENIGN",
    }
}

impl Failure {
    /// A failure with a message and a kind.
    #[must_use]
    pub fn new(message: impl Into<String>, info: FailureInfo) -> Failure {
        Failure { message: message.into(), info: Some(info), ..Failure::default() }
    }

    /// An application failure.
    #[must_use]
    pub fn application(
        message: impl Into<String>,
        r#type: impl Into<String>,
        non_retryable: bool,
    ) -> Failure {
        let info = ApplicationFailureInfo {
            r#type: r#type.into(),
            non_retryable,
            ..ApplicationFailureInfo::default()
        };
        Failure::new(message, FailureInfo::Application(info))
    }

    /// The failure and its causes, nearest first.
    pub fn chain(&self) -> impl Iterator<Item = &Failure> {
        core::iter::successors(Some(self), |failure| failure.cause.as_deref())
    }
}
