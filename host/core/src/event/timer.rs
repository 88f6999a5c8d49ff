//! Events of a durable timer.

use crate::proto::message;
use alloc::string::String;
use core::time::Duration;

message! {
    /// The workflow started a timer.
    pub struct Started {
        /// Its number among the run's timers.
        1 => timer_id: String,
        /// After how long it fires.
        2 => start_to_fire_timeout: Option<Duration>,
        /// The task that asked for it.
        3 => workflow_task_completed_event_id: i64,
    }

    /// Its time came.
    pub struct Fired {
        /// Which timer.
        1 => timer_id: String,
        /// Its TimerStarted.
        2 => started_event_id: i64,
    }

    /// The workflow canceled it.
    pub struct Canceled {
        /// Which timer.
        1 => timer_id: String,
        /// Its TimerStarted.
        2 => started_event_id: i64,
        /// The task that asked for it.
        3 => workflow_task_completed_event_id: i64,
        /// The worker.
        4 => identity: String,
    }
}
