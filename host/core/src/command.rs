//! What a worker asks of the engine when a workflow task is done. The words are Temporal's.

use crate::failure::Failure;
use crate::payload::{ActivityType, Header, Payloads, Priority, TaskQueue, UserMetadata};
use crate::policy::RetryPolicy;
use alloc::{collections::BTreeMap, string::String};
use bytes::Bytes;
use core::time::Duration;

/// One command of an answered workflow task.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    /// What is asked.
    pub kind: CommandKind,
    /// What people see of it; passed on to the event.
    pub user_metadata: Option<UserMetadata>,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq)]
pub enum CommandKind {
    /// To schedule an activity.
    ScheduleActivityTask(ScheduleActivityTask),
    /// To ask an activity to stop.
    RequestCancelActivityTask {
        /// Its ActivityTaskScheduled.
        scheduled_event_id: i64,
    },
    /// To start a timer.
    StartTimer {
        /// Its number among the run's timers.
        timer_id: String,
        /// After how long it fires.
        start_to_fire_timeout: Duration,
    },
    /// To cancel a timer.
    CancelTimer {
        /// Which.
        timer_id: String,
    },
    /// To write something down for the worker's replay.
    RecordMarker {
        /// What it is for.
        marker_name: String,
        /// What is written down.
        details: BTreeMap<String, Payloads>,
        /// Headers.
        header: Option<Header>,
        /// A failure that is written down.
        failure: Option<Failure>,
    },
    /// To end the run with a result.
    CompleteWorkflowExecution {
        /// The result.
        result: Option<Payloads>,
    },
    /// To end the run with a failure.
    FailWorkflowExecution {
        /// The failure.
        failure: Failure,
    },
    /// To end the run as canceled.
    CancelWorkflowExecution {
        /// What the code says about it.
        details: Option<Payloads>,
    },
    /// A command that has no machine here.
    Other {
        /// Its number in Temporal's `CommandType`.
        command_type: i32,
        /// A `temporal.api.command.v1.Command`.
        bytes: Bytes,
    },
}

/// To schedule an activity. A duration that is left out, or nothing long, is Temporal's default.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScheduleActivityTask {
    /// Its number among the run's activities, or the author's id.
    pub activity_id: String,
    /// Its type.
    pub activity_type: ActivityType,
    /// Where it waits; the workflow's own queue when left out.
    pub task_queue: Option<TaskQueue>,
    /// Headers.
    pub header: Option<Header>,
    /// Its arguments.
    pub input: Option<Payloads>,
    /// How long all attempts may take.
    pub schedule_to_close_timeout: Option<Duration>,
    /// How long it may wait for a worker.
    pub schedule_to_start_timeout: Option<Duration>,
    /// How long one attempt may take.
    pub start_to_close_timeout: Option<Duration>,
    /// How long its worker may be silent.
    pub heartbeat_timeout: Option<Duration>,
    /// How it is tried again; the engine fills in the defaults.
    pub retry_policy: Option<RetryPolicy>,
    /// Which of several waiting activities a worker gets first.
    pub priority: Option<Priority>,
}

impl From<CommandKind> for Command {
    fn from(kind: CommandKind) -> Self {
        Command { kind, user_metadata: None }
    }
}

impl CommandKind {
    /// Whether it ends the run; nothing may follow it.
    #[must_use]
    pub fn closes(&self) -> bool {
        match self {
            Self::CompleteWorkflowExecution { .. }
            | Self::FailWorkflowExecution { .. }
            | Self::CancelWorkflowExecution { .. } => true,
            // CONTINUE_AS_NEW_WORKFLOW_EXECUTION.
            Self::Other { command_type, .. } => *command_type == 10,
            Self::ScheduleActivityTask(_)
            | Self::RequestCancelActivityTask { .. }
            | Self::StartTimer { .. }
            | Self::CancelTimer { .. }
            | Self::RecordMarker { .. } => false,
        }
    }

    /// Its name, as Temporal has it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::ScheduleActivityTask(_) => "ScheduleActivityTask",
            Self::RequestCancelActivityTask { .. } => "RequestCancelActivityTask",
            Self::StartTimer { .. } => "StartTimer",
            Self::CancelTimer { .. } => "CancelTimer",
            Self::RecordMarker { .. } => "RecordMarker",
            Self::CompleteWorkflowExecution { .. } => "CompleteWorkflowExecution",
            Self::FailWorkflowExecution { .. } => "FailWorkflowExecution",
            Self::CancelWorkflowExecution { .. } => "CancelWorkflowExecution",
            Self::Other { .. } => "Other",
        }
    }
}
