//! What outsiders ask of a run, what they are told, and why they are refused.

use crate::event::signal::Signaled;
use crate::event::workflow_task::FailedCause;
use crate::failure::Failure;
use crate::payload::{Header, Memo, Payloads, Priority, SearchAttributes, TaskQueue, UserMetadata};
use crate::policy::RetryPolicy;
use crate::proto::message;
use crate::task;
use crate::time::Timestamp;
use alloc::{boxed::Box, format, string::String};
use core::time::Duration;

use super::limits::Limits;
use super::transition::{ActivityTask, CancelReason, Transition};

/// To start a run.
#[derive(Clone, Debug, Default)]
pub struct Start {
    /// Chosen by the caller.
    pub workflow_id: String,
    /// Its type.
    pub workflow_type: String,
    /// Where its tasks wait.
    pub task_queue: TaskQueue,
    /// Its arguments.
    pub input: Option<Payloads>,
    /// How long its chain may take; nothing for no end.
    pub workflow_execution_timeout: Option<Duration>,
    /// How long this run may take.
    pub workflow_run_timeout: Option<Duration>,
    /// How long one workflow task may take.
    pub workflow_task_timeout: Option<Duration>,
    /// Who asks.
    pub identity: String,
    /// By which a repeated request is known; may be empty.
    pub request_id: String,
    /// Not supported yet: refused (D15).
    pub retry_policy: Option<RetryPolicy>,
    /// Not supported yet: refused (D15).
    pub cron_schedule: String,
    /// Not supported yet: refused (D15).
    pub start_delay: Option<Duration>,
    /// Values to be listed with it.
    pub memo: Option<Memo>,
    /// Values to be found by.
    pub search_attributes: Option<SearchAttributes>,
    /// Headers.
    pub header: Option<Header>,
    /// What people see of it.
    pub user_metadata: Option<UserMetadata>,
    /// Which of several waiting tasks a worker gets first.
    pub priority: Option<Priority>,
    /// A signal that the run gets with its start, before its first workflow task.
    pub signal: Option<Signaled>,
}

/// What a start needs and the core cannot make: ids are random.
#[derive(Clone, Debug, Default)]
pub struct StartIds {
    /// The new run's id.
    pub run_id: String,
}

message! {
    /// Names a started attempt of an activity; all of it is compared when an answer comes. It survives a restart.
    pub struct ActivityTaskToken {
        /// Whose activity.
        1 => workflow_id: String,
        /// Which run's.
        2 => run_id: String,
        /// Its ActivityTaskScheduled.
        3 => scheduled_event_id: i64,
        /// Which attempt.
        4 => attempt: i32,
        /// Its id.
        5 => activity_id: String,
        /// Its type.
        6 => activity_type: String,
        /// When the attempt started.
        7 => started_time: Option<Timestamp>,
    }
}

/// A name or an id that a caller gave, with Temporal's sentences.
pub(super) fn check_chars(
    what: &str,
    text: &str,
    limits: &Limits,
    is_needed: bool,
) -> Result<(), RequestError> {
    if is_needed && text.is_empty() {
        return Err(RequestError::InvalidArgument(format!("{what} is not set on request.")));
    }
    if text.chars().count() > limits.id_chars_max {
        return Err(RequestError::InvalidArgument(format!("{what} length exceeds limit.")));
    }
    Ok(())
}

/// How a caller names an activity.
#[derive(Clone, Debug)]
pub enum AddressedActivity {
    /// By the token of a started attempt.
    Token(ActivityTaskToken),
    /// By its id, whichever attempt is running.
    Id(String),
}

/// How an attempt of an activity ended, as its worker reports it.
#[derive(Clone, Debug)]
pub enum ActivityEnd {
    /// With a result.
    Completed {
        /// The result.
        result: Option<Payloads>,
    },
    /// With a failure, which the retry policy judges.
    Failed {
        /// The failure.
        failure: Failure,
        /// What it said in its last heartbeat, if that was not sent before.
        last_heartbeat_details: Option<Payloads>,
    },
    /// Because it was asked to stop. Refused if it was not.
    Canceled {
        /// What it says about that.
        details: Option<Payloads>,
    },
}

/// Everything that changes a run.
#[derive(Clone, Debug)]
pub enum Request {
    /// A client sends a signal.
    Signal {
        /// Its name.
        name: String,
        /// Its arguments.
        input: Option<Payloads>,
        /// Who sends it.
        identity: String,
        /// By which a repeated request is known; may be empty.
        request_id: String,
        /// Headers.
        header: Option<Header>,
    },
    /// A client asks the run to stop.
    Cancel {
        /// Why.
        reason: String,
        /// Who asks.
        identity: String,
        /// Kept, but a repeated cancel is known by the state.
        request_id: String,
    },
    /// A client ends the run.
    Terminate {
        /// Why; empty becomes Temporal's sentence.
        reason: String,
        /// More about it.
        details: Option<Payloads>,
        /// Who ends it.
        identity: String,
    },
    /// A worker takes the workflow task that is scheduled.
    StartWorkflowTask {
        /// The worker.
        identity: String,
        /// By which a repeated poll is known.
        request_id: String,
        /// Whether WorkflowTaskStarted is to be recorded at once (a worker over the wire), not only when it matters (D4).
        durable: bool,
    },
    /// A worker has done a workflow task.
    CompleteWorkflowTask(Box<task::Completed>),
    /// A worker could not.
    FailWorkflowTask(Box<task::Failed>),
    /// A worker takes an activity task that is ready.
    StartActivity {
        /// Its ActivityTaskScheduled.
        scheduled_event_id: i64,
        /// The attempt that was dispatched; another is refused.
        attempt: u32,
        /// The worker.
        identity: String,
        /// By which a repeated poll is known.
        request_id: String,
        /// The host whose process runs it: if that dies, the attempt is lost at once. Empty for a worker over the wire.
        host: String,
    },
    /// The worker that took an attempt was gone before it got the task: it waits again, so that no poll swallows one.
    ReleaseActivity {
        /// The attempt.
        token: ActivityTaskToken,
    },
    /// A worker says that an attempt goes on.
    HeartbeatActivity {
        /// Which.
        activity: AddressedActivity,
        /// How far it is.
        details: Option<Payloads>,
    },
    /// A worker reports the end of an attempt.
    EndActivity {
        /// Which.
        activity: AddressedActivity,
        /// How it ended.
        end: ActivityEnd,
        /// The worker.
        identity: String,
    },
    /// Time has passed: everything that is due by `now` happens, earliest first.
    Advance,
    /// A host has opened the store: what the dead one was running is put right.
    Recover {
        /// The host that opens; what others of the same store were running is lost.
        host: String,
    },
    /// The component of this type has changed: a task that waits for its failed attempt's timeout is tried again at once (D16).
    RetryWorkflowTask,
}

/// What follows from a request, and what its caller is told. A refused one may write all the same: a refused completion writes the failed task.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// To be committed, also where the request was refused.
    pub transition: Transition,
    /// For the caller, once the transition is durable.
    pub reply: Result<Reply, RequestError>,
}

/// What the caller of a request is told.
#[derive(Clone, Debug)]
pub enum Reply {
    /// It was done; or there was nothing to do.
    Done,
    /// The task that was started.
    WorkflowTask(Box<task::WorkflowTask>),
    /// The attempt that was started.
    ActivityTask(Box<ActivityTask>),
    /// What a heartbeat learns.
    Heartbeat(Heartbeat),
}

/// What a heartbeat learns.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Heartbeat {
    /// Why the attempt is asked to stop, if it is.
    pub cancel: Option<CancelReason>,
}

/// Why a request was refused. Nothing is written, unless the variant says so. The sentences are Temporal's.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RequestError {
    /// The run is closed. NOT_FOUND.
    #[error("workflow execution already completed")]
    Closed,
    /// The task was answered before, has timed out, or its run was closed. NOT_FOUND.
    #[error("Workflow task not found.")]
    WorkflowTaskNotFound,
    /// A closing command came although events came that the code has not seen. INVALID_ARGUMENT. The failed task is written.
    #[error("UnhandledCommand")]
    UnhandledCommand,
    /// A command was refused. INVALID_ARGUMENT. The failed task is written.
    #[error("{message}")]
    BadCommand {
        /// As WorkflowTaskFailed says it.
        cause: FailedCause,
        /// What is wrong with it.
        message: String,
    },
    /// Commands in an order that cannot be. INVALID_ARGUMENT; the task stays started.
    #[error("invalid command sequence: [{sequence}], command {command} must be the last command.")]
    CommandSequence {
        /// The names of all commands.
        sequence: String,
        /// The one that must be the last.
        command: &'static str,
    },
    /// The activity is not pending, or this attempt of it is over. NOT_FOUND.
    #[error("invalid activityID or activity already timed out or invoking workflow is completed")]
    ActivityNotFound,
    /// No activity of that id is pending. NOT_FOUND.
    #[error(
        "cannot find pending activity with ActivityID {activity_id}, check workflow execution history for more details"
    )]
    ActivityIdNotFound {
        /// The id.
        activity_id: String,
    },
    /// An activity reported as canceled that nobody asked to stop. INVALID_ARGUMENT.
    #[error("unable to mark activity as canceled without activity being request canceled first")]
    CancelNotRequested,
    /// The run is about to close; the same request can succeed soon. RESOURCE_EXHAUSTED, BUSY_WORKFLOW.
    #[error("workflow operation can not be applied because workflow is closing")]
    Closing,
    /// A blob is too large. INVALID_ARGUMENT.
    #[error("Blob data size exceeds limit.")]
    BlobTooLarge,
    /// The run takes no more signals. INVALID_ARGUMENT.
    #[error("exceeded workflow execution limit for signal events")]
    TooManySignals,
    /// A field is not right. INVALID_ARGUMENT.
    #[error("{0}")]
    InvalidArgument(String),
    /// A field has no effect yet (D15). INVALID_ARGUMENT.
    #[error("{0} is not supported yet")]
    NotSupported(&'static str),
    /// The engine's own state does not fit: a corrupt log, or a defect. The run is not changed. INTERNAL.
    #[error("the run's state is inconsistent: {0}")]
    Inconsistent(String),
}
