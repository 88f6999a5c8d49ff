//! Every bound that the engine half keeps, with Temporal's defaults.

use core::time::Duration;

/// What a run may hold. A limit that changes is no matter for replay: workers never see them.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of one input, result or other blob.
    pub blob_bytes_max: usize,
    /// Characters of ids and of names of types, signals and queues.
    pub id_chars_max: usize,
    /// Activities pending at once.
    pub pending_activities_max: usize,
    /// Timers pending at once.
    pub pending_timers_max: usize,
    /// Events of a history; one more terminates the run.
    pub history_events_max: i64,
    /// Bytes of a history; one more terminates the run.
    pub history_bytes_max: i64,
    /// Events from which on a task suggests to continue as new.
    pub history_events_suggest: i64,
    /// Bytes from which on a task suggests to continue as new.
    pub history_bytes_suggest: i64,
    /// Events buffered while a task runs; one more fails that task.
    pub buffered_events_max: usize,
    /// Bytes buffered while a task runs; one more fails that task.
    pub buffered_bytes_max: usize,
    /// Signals that one run takes.
    pub signals_max: usize,
    /// How long a workflow task may take where the start does not say.
    pub workflow_task_timeout_default: Duration,
    /// The longest time that a workflow task may take.
    pub workflow_task_timeout_max: Duration,
    /// The most that a workflow task may take on top of its ordinary time, after failed attempts.
    pub workflow_task_retry_timeout_max: Duration,
    /// Bytes of an activity's failure that are kept while it is tried again.
    pub activity_failure_bytes_max: usize,
    /// The first wait of a retry policy that does not say.
    pub retry_initial_interval_default: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        const MIB: usize = 1024 * 1024;
        Limits {
            blob_bytes_max: 2 * MIB,
            id_chars_max: 1_000,
            pending_activities_max: 2_000,
            pending_timers_max: 50_000,
            history_events_max: 51_200,
            history_bytes_max: 50 * MIB as i64,
            history_events_suggest: 4_096,
            history_bytes_suggest: 4 * MIB as i64,
            buffered_events_max: 100,
            buffered_bytes_max: 2 * MIB,
            signals_max: 10_000,
            workflow_task_timeout_default: Duration::from_secs(10),
            workflow_task_timeout_max: Duration::from_secs(120),
            workflow_task_retry_timeout_max: Duration::from_secs(600),
            activity_failure_bytes_max: 4 * 1024,
            retry_initial_interval_default: Duration::from_secs(1),
        }
    }
}
