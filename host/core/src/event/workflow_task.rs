//! Events of a workflow task: the engine asks the workflow's code what to do next.

use crate::failure::{Failure, TimeoutType};
use crate::payload::TaskQueue;
use crate::proto::{message, open_enum};
use alloc::{string::String, vec::Vec};
use core::time::Duration;

message! {
    /// A task waits for a worker.
    pub struct Scheduled {
        /// Where it waits.
        1 => task_queue: Option<TaskQueue>,
        /// How long the worker may take.
        2 => start_to_close_timeout: Option<Duration>,
        /// How often this task has been tried, from 1.
        3 => attempt: i32,
    }

    /// A worker took it.
    pub struct Started {
        /// Its WorkflowTaskScheduled.
        1 => scheduled_event_id: i64,
        /// The worker.
        2 => identity: String,
        /// By which a repeated poll is known.
        3 => request_id: String,
        /// Whether the history has become long.
        4 => suggest_continue_as_new: bool,
        /// How long the history is, in bytes.
        5 => history_size_bytes: i64,
    }

    /// The worker answered with commands, which follow.
    pub struct Completed {
        /// Its WorkflowTaskScheduled.
        1 => scheduled_event_id: i64,
        /// Its WorkflowTaskStarted.
        2 => started_event_id: i64,
        /// The worker.
        3 => identity: String,
        /// The worker's build.
        4 => binary_checksum: String,
        /// The worker's build, as versioning has it.
        5 => worker_version: Option<WorkerVersionStamp>,
        /// What decided: the SDK and the flags of its semantics.
        6 => sdk_metadata: Option<SdkMetadata>,
    }

    /// The worker did not answer in time.
    pub struct TimedOut {
        /// Its WorkflowTaskScheduled.
        1 => scheduled_event_id: i64,
        /// Its WorkflowTaskStarted.
        2 => started_event_id: i64,
        /// Which time was over.
        3 => timeout_type: TimeoutType,
    }

    /// The worker could not, or what it answered was refused.
    pub struct Failed {
        /// Its WorkflowTaskScheduled.
        1 => scheduled_event_id: i64,
        /// Its WorkflowTaskStarted.
        2 => started_event_id: i64,
        /// Why, for machines.
        3 => cause: FailedCause,
        /// Why, for people.
        4 => failure: Option<Failure>,
        /// Who reported it.
        5 => identity: String,
        /// Of a reset: the run that was reset.
        6 => base_run_id: String,
        /// Of a reset: this run.
        7 => new_run_id: String,
        /// Of a reset.
        8 => fork_event_version: i64,
        /// The worker's build.
        9 => binary_checksum: String,
    }

    /// A worker's build.
    pub struct WorkerVersionStamp {
        /// Its id: a component's digest.
        1 => build_id: String,
        /// Whether tasks are routed by it.
        3 => use_versioning: bool,
    }

    /// What decided in a workflow task.
    pub struct SdkMetadata {
        /// Flags of Temporal's core.
        1 => core_used_flags: Vec<u32>,
        /// Flags of the SDK: one for each change of its semantics.
        2 => lang_used_flags: Vec<u32>,
        /// `sandglass`.
        3 => sdk_name: String,
        /// Its version.
        4 => sdk_version: String,
    }
}

open_enum! {
    /// Why a workflow task failed.
    pub enum FailedCause("WORKFLOW_TASK_FAILED_CAUSE_") {
        /// It would have closed the run, or refused events, that its code had not seen.
        1 => UnhandledCommand = "UNHANDLED_COMMAND",
        /// A ScheduleActivityTask that is not right.
        2 => BadScheduleActivityAttributes = "BAD_SCHEDULE_ACTIVITY_ATTRIBUTES",
        /// A RequestCancelActivityTask that is not right.
        3 => BadRequestCancelActivityAttributes = "BAD_REQUEST_CANCEL_ACTIVITY_ATTRIBUTES",
        /// A StartTimer that is not right.
        4 => BadStartTimerAttributes = "BAD_START_TIMER_ATTRIBUTES",
        /// A CancelTimer that is not right.
        5 => BadCancelTimerAttributes = "BAD_CANCEL_TIMER_ATTRIBUTES",
        /// A RecordMarker that is not right.
        6 => BadRecordMarkerAttributes = "BAD_RECORD_MARKER_ATTRIBUTES",
        /// A CompleteWorkflowExecution that is not right.
        7 => BadCompleteWorkflowExecutionAttributes = "BAD_COMPLETE_WORKFLOW_EXECUTION_ATTRIBUTES",
        /// A FailWorkflowExecution that is not right.
        8 => BadFailWorkflowExecutionAttributes = "BAD_FAIL_WORKFLOW_EXECUTION_ATTRIBUTES",
        /// A CancelWorkflowExecution that is not right.
        9 => BadCancelWorkflowExecutionAttributes = "BAD_CANCEL_WORKFLOW_EXECUTION_ATTRIBUTES",
        /// A RequestCancelExternalWorkflowExecution that is not right.
        10 => BadRequestCancelExternalWorkflowExecutionAttributes = "BAD_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_ATTRIBUTES",
        /// A ContinueAsNewWorkflowExecution that is not right.
        11 => BadContinueAsNewAttributes = "BAD_CONTINUE_AS_NEW_ATTRIBUTES",
        /// A StartTimer with an id that a pending timer has.
        12 => StartTimerDuplicateId = "START_TIMER_DUPLICATE_ID",
        /// Its worker's own queue was given up.
        13 => ResetStickyTaskQueue = "RESET_STICKY_TASK_QUEUE",
        /// The guest trapped, hit a limit, computed for too long, or its type is not known.
        14 => WorkflowWorkerUnhandledFailure = "WORKFLOW_WORKER_UNHANDLED_FAILURE",
        /// A SignalExternalWorkflowExecution that is not right.
        15 => BadSignalWorkflowExecutionAttributes = "BAD_SIGNAL_WORKFLOW_EXECUTION_ATTRIBUTES",
        /// A StartChildWorkflowExecution that is not right.
        16 => BadStartChildExecutionAttributes = "BAD_START_CHILD_EXECUTION_ATTRIBUTES",
        /// The run was closed while the task ran.
        17 => ForceCloseCommand = "FORCE_CLOSE_COMMAND",
        /// Another cluster took the run over.
        18 => FailoverCloseCommand = "FAILOVER_CLOSE_COMMAND",
        /// A signal's input is larger than may be.
        19 => BadSignalInputSize = "BAD_SIGNAL_INPUT_SIZE",
        /// The run was reset here.
        20 => ResetWorkflow = "RESET_WORKFLOW",
        /// Its worker's binary was marked as bad.
        21 => BadBinary = "BAD_BINARY",
        /// A ScheduleActivityTask with an id that a pending activity has.
        22 => ScheduleActivityDuplicateId = "SCHEDULE_ACTIVITY_DUPLICATE_ID",
        /// Search attributes that are not right.
        23 => BadSearchAttributes = "BAD_SEARCH_ATTRIBUTES",
        /// The code does other things than its history says.
        24 => NonDeterministicError = "NON_DETERMINISTIC_ERROR",
        /// A ModifyWorkflowProperties that is not right.
        25 => BadModifyWorkflowPropertiesAttributes = "BAD_MODIFY_WORKFLOW_PROPERTIES_ATTRIBUTES",
        /// More child workflows are pending than may be.
        26 => PendingChildWorkflowsLimitExceeded = "PENDING_CHILD_WORKFLOWS_LIMIT_EXCEEDED",
        /// More activities are pending than may be.
        27 => PendingActivitiesLimitExceeded = "PENDING_ACTIVITIES_LIMIT_EXCEEDED",
        /// More signals to others are pending than may be.
        28 => PendingSignalsLimitExceeded = "PENDING_SIGNALS_LIMIT_EXCEEDED",
        /// More cancel requests to others are pending than may be.
        29 => PendingRequestCancelLimitExceeded = "PENDING_REQUEST_CANCEL_LIMIT_EXCEEDED",
        /// An update's message that is not right.
        30 => BadUpdateWorkflowExecutionMessage = "BAD_UPDATE_WORKFLOW_EXECUTION_MESSAGE",
        /// It would have closed the run with an update that its code had not seen.
        31 => UnhandledUpdate = "UNHANDLED_UPDATE",
        /// A ScheduleNexusOperation that is not right.
        32 => BadScheduleNexusOperationAttributes = "BAD_SCHEDULE_NEXUS_OPERATION_ATTRIBUTES",
        /// More Nexus operations are pending than may be.
        33 => PendingNexusOperationsLimitExceeded = "PENDING_NEXUS_OPERATIONS_LIMIT_EXCEEDED",
        /// A RequestCancelNexusOperation that is not right.
        34 => BadRequestCancelNexusOperationAttributes = "BAD_REQUEST_CANCEL_NEXUS_OPERATION_ATTRIBUTES",
        /// It asked for what is turned off.
        35 => FeatureDisabled = "FEATURE_DISABLED",
        /// The answer is larger than a message over the wire may be.
        36 => GrpcMessageTooLarge = "GRPC_MESSAGE_TOO_LARGE",
        /// A payload is larger than may be.
        37 => PayloadsTooLarge = "PAYLOADS_TOO_LARGE",
        /// A payload that is stored elsewhere could not be had.
        38 => ExternalStorageFailure = "EXTERNAL_STORAGE_FAILURE",
        /// The run was paused before the task began.
        39 => WorkflowPauseRequestedBeforeTaskStarted = "WORKFLOW_PAUSE_REQUESTED_BEFORE_TASK_STARTED",
        /// The answer as a whole is larger than may be.
        40 => RequestTooLarge = "REQUEST_TOO_LARGE",
    }
}
