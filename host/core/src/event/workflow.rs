//! Events of a run's beginning, its end, and the request to end it.

use crate::failure::{Failure, RetryState};
use crate::payload::{
    Header, Memo, Payloads, Priority, SearchAttributes, TaskQueue, WorkflowExecution, WorkflowType,
};
use crate::policy::{ContinueAsNewInitiator, RetryPolicy};
use crate::proto::message;
use crate::time::Timestamp;
use alloc::string::String;
use core::time::Duration;

message! {
    /// A run began. Fields that are not listed are kept.
    pub struct Started {
        /// Its type.
        1 => workflow_type: Option<WorkflowType>,
        /// Of a child: where its parent runs.
        2 => parent_workflow_namespace: String,
        /// Of a child: its parent.
        3 => parent_workflow_execution: Option<WorkflowExecution>,
        /// Of a child: the parent's event.
        4 => parent_initiated_event_id: i64,
        /// Where its tasks wait.
        5 => task_queue: Option<TaskQueue>,
        /// Its arguments.
        6 => input: Option<Payloads>,
        /// How long the run and those that follow it may take.
        7 => workflow_execution_timeout: Option<Duration>,
        /// How long this run may take.
        8 => workflow_run_timeout: Option<Duration>,
        /// How long one workflow task may take.
        9 => workflow_task_timeout: Option<Duration>,
        /// The run that it goes on from.
        10 => continued_execution_run_id: String,
        /// Why it goes on from another run.
        11 => initiator: ContinueAsNewInitiator,
        /// How the run that it goes on from failed.
        12 => continued_failure: Option<Failure>,
        /// The result of the last run that completed.
        13 => last_completion_result: Option<Payloads>,
        /// The run id that it began with, also after a reset; seeds its randomness.
        14 => original_execution_run_id: String,
        /// Who started it.
        15 => identity: String,
        /// The first run of its chain.
        16 => first_execution_run_id: String,
        /// How the run is tried again.
        17 => retry_policy: Option<RetryPolicy>,
        /// Which attempt, from 1.
        18 => attempt: i32,
        /// When the time of its chain is over.
        19 => workflow_execution_expiration_time: Option<Timestamp>,
        /// When it runs again.
        20 => cron_schedule: String,
        /// How long the first workflow task waits.
        21 => first_workflow_task_backoff: Option<Duration>,
        /// Values to be listed with it.
        22 => memo: Option<Memo>,
        /// Values to be found by.
        23 => search_attributes: Option<SearchAttributes>,
        /// Headers.
        25 => header: Option<Header>,
        /// Its workflow id.
        28 => workflow_id: String,
        /// Which of several waiting tasks a worker gets first.
        35 => priority: Option<Priority>,
    }

    /// The code returned a result.
    pub struct Completed {
        /// The result.
        1 => result: Option<Payloads>,
        /// The task that decided it.
        2 => workflow_task_completed_event_id: i64,
        /// The run that follows, if one does.
        3 => new_execution_run_id: String,
    }

    /// The code returned a failure.
    pub struct Failed {
        /// The failure.
        1 => failure: Option<Failure>,
        /// Why the run is not tried again.
        2 => retry_state: RetryState,
        /// The task that decided it.
        3 => workflow_task_completed_event_id: i64,
        /// The run that follows, if one does.
        4 => new_execution_run_id: String,
    }

    /// The run's time was over.
    pub struct TimedOut {
        /// Why the run is not tried again.
        1 => retry_state: RetryState,
        /// The run that follows, if one does.
        2 => new_execution_run_id: String,
    }

    /// Somebody asked the run to stop.
    pub struct CancelRequested {
        /// Why: the client's reason.
        1 => cause: String,
        /// Of a workflow that asked: its event.
        2 => external_initiated_event_id: i64,
        /// The workflow that asked, if one did.
        3 => external_workflow_execution: Option<WorkflowExecution>,
        /// Who asked.
        4 => identity: String,
    }

    /// The code stopped because it was asked to.
    pub struct Canceled {
        /// The task that decided it.
        1 => workflow_task_completed_event_id: i64,
        /// What the code said about it.
        2 => details: Option<Payloads>,
    }

    /// Somebody ended the run.
    pub struct Terminated {
        /// Why.
        1 => reason: String,
        /// More about it.
        2 => details: Option<Payloads>,
        /// Who.
        3 => identity: String,
    }
}
