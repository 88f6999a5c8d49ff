//! Events of an activity.

use crate::failure::{Failure, RetryState};
use crate::payload::{ActivityType, Header, Payloads, Priority, TaskQueue};
use crate::policy::RetryPolicy;
use crate::proto::message;
use alloc::string::String;
use core::time::Duration;

message! {
    /// An activity waits for a worker.
    pub struct Scheduled {
        /// Its number among the run's activities, or the id that the author gave it.
        1 => activity_id: String,
        /// Its type.
        2 => activity_type: Option<ActivityType>,
        /// Where it waits.
        4 => task_queue: Option<TaskQueue>,
        /// Headers.
        5 => header: Option<Header>,
        /// Its arguments.
        6 => input: Option<Payloads>,
        /// How long all attempts may take.
        7 => schedule_to_close_timeout: Option<Duration>,
        /// How long it may wait for a worker.
        8 => schedule_to_start_timeout: Option<Duration>,
        /// How long one attempt may take.
        9 => start_to_close_timeout: Option<Duration>,
        /// How long its worker may be silent.
        10 => heartbeat_timeout: Option<Duration>,
        /// The task that asked for it.
        11 => workflow_task_completed_event_id: i64,
        /// How it is tried again.
        12 => retry_policy: Option<RetryPolicy>,
        /// Whether it is for a worker of the workflow's build.
        13 => use_workflow_build_id: bool,
        /// Which of several waiting activities a worker gets first.
        14 => priority: Option<Priority>,
    }

    /// Its last attempt began.
    pub struct Started {
        /// Its ActivityTaskScheduled.
        1 => scheduled_event_id: i64,
        /// The worker.
        2 => identity: String,
        /// By which a repeated poll is known.
        3 => request_id: String,
        /// Which attempt, from 1.
        4 => attempt: i32,
        /// How the attempt before it failed.
        5 => last_failure: Option<Failure>,
    }

    /// It returned a result.
    pub struct Completed {
        /// The result.
        1 => result: Option<Payloads>,
        /// Its ActivityTaskScheduled.
        2 => scheduled_event_id: i64,
        /// Its ActivityTaskStarted.
        3 => started_event_id: i64,
        /// The worker.
        4 => identity: String,
    }

    /// It returned a failure and is not tried again.
    pub struct Failed {
        /// The failure.
        1 => failure: Option<Failure>,
        /// Its ActivityTaskScheduled.
        2 => scheduled_event_id: i64,
        /// Its ActivityTaskStarted.
        3 => started_event_id: i64,
        /// The worker.
        4 => identity: String,
        /// Why it is not tried again.
        5 => retry_state: RetryState,
    }

    /// Its time was over and it is not tried again.
    pub struct TimedOut {
        /// Which time, and what it said last.
        1 => failure: Option<Failure>,
        /// Its ActivityTaskScheduled.
        2 => scheduled_event_id: i64,
        /// Its ActivityTaskStarted; 0 if it was never started.
        3 => started_event_id: i64,
        /// Why it is not tried again.
        4 => retry_state: RetryState,
    }

    /// The workflow asked it to stop.
    pub struct CancelRequested {
        /// Its ActivityTaskScheduled.
        1 => scheduled_event_id: i64,
        /// The task that asked for it.
        2 => workflow_task_completed_event_id: i64,
    }

    /// It ended because it was asked to.
    pub struct Canceled {
        /// What it said about that.
        1 => details: Option<Payloads>,
        /// Its ActivityTaskCancelRequested.
        2 => latest_cancel_requested_event_id: i64,
        /// Its ActivityTaskScheduled.
        3 => scheduled_event_id: i64,
        /// Its ActivityTaskStarted; 0 if it was never started.
        4 => started_event_id: i64,
        /// The worker.
        5 => identity: String,
    }
}
