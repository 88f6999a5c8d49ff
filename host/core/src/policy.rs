//! How failed work is tried again, and under which conditions a workflow id may be used again.

use crate::proto::{message, open_enum};
use alloc::{string::String, vec::Vec};
use core::time::Duration;

message! {
    /// How an activity or a workflow is tried again.
    pub struct RetryPolicy {
        /// The wait before the second attempt.
        1 => initial_interval: Option<Duration>,
        /// By what the wait grows from attempt to attempt.
        2 => backoff_coefficient: f64,
        /// The longest wait.
        3 => maximum_interval: Option<Duration>,
        /// How often it is tried in all; 0 for no end.
        4 => maximum_attempts: i32,
        /// Types of application failures after which it is not tried again.
        5 => non_retryable_error_types: Vec<String>,
    }
}

open_enum! {
    /// Why a run goes on from another.
    pub enum ContinueAsNewInitiator("CONTINUE_AS_NEW_INITIATOR_") {
        /// Its code said so.
        1 => Workflow = "WORKFLOW",
        /// It is tried again.
        2 => Retry = "RETRY",
        /// Its schedule says so.
        3 => CronSchedule = "CRON_SCHEDULE",
    }

    /// Whether a closed run's workflow id may be used again.
    pub enum WorkflowIdReusePolicy("WORKFLOW_ID_REUSE_POLICY_") {
        /// Always. The default.
        1 => AllowDuplicate = "ALLOW_DUPLICATE",
        /// Unless the last run completed.
        2 => AllowDuplicateFailedOnly = "ALLOW_DUPLICATE_FAILED_ONLY",
        /// Never.
        3 => RejectDuplicate = "REJECT_DUPLICATE",
        /// Always, and an open run is terminated.
        4 => TerminateIfRunning = "TERMINATE_IF_RUNNING",
    }

    /// What happens when the workflow id belongs to an open run.
    pub enum WorkflowIdConflictPolicy("WORKFLOW_ID_CONFLICT_POLICY_") {
        /// The start fails. The default.
        1 => Fail = "FAIL",
        /// The open run is returned.
        2 => UseExisting = "USE_EXISTING",
        /// The open run is terminated.
        3 => TerminateExisting = "TERMINATE_EXISTING",
    }

    /// How far a run has come.
    pub enum WorkflowExecutionStatus("WORKFLOW_EXECUTION_STATUS_") {
        /// It is open.
        1 => Running = "RUNNING",
        /// It returned a result.
        2 => Completed = "COMPLETED",
        /// It returned a failure.
        3 => Failed = "FAILED",
        /// It ended because it was asked to.
        4 => Canceled = "CANCELED",
        /// It was ended from outside.
        5 => Terminated = "TERMINATED",
        /// Another run goes on in its place.
        6 => ContinuedAsNew = "CONTINUED_AS_NEW",
        /// Its time was over.
        7 => TimedOut = "TIMED_OUT",
        /// It is open, and held.
        8 => Paused = "PAUSED",
    }
}
