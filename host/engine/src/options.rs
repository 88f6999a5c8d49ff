//! What an embedder can set, each with a name and a default.

use std::time::Duration;

/// The host's options and limits.
#[derive(Clone, Debug)]
pub struct HostOptions {
    /// What one run may hold.
    pub run: sandglass_core::engine::Limits,
    /// Runs that are held in memory while nobody works on them; the others are read from the store when needed.
    pub runs_in_memory_max: usize,
    /// Workflow tasks that the guests' threads have before them at once; the others wait in their queues.
    pub workflow_tasks_at_once_max: usize,
    /// Attempts of activities that run at once, in each task queue.
    pub activities_at_once_max: usize,
    /// How long a request is repeated where the engine is busy.
    pub request_deadline: Duration,
    /// Entries of a run's log after which a snapshot of it is stored, so that a long run opens without folding its past.
    pub snapshot_entries: u64,
    /// Lists and counts that search the store at once; further ones wait, and are not begun for who has gone meanwhile.
    pub searches_at_once_max: usize,
    /// How long a list or a count searches the store before it is refused.
    pub search_time_max: Duration,
    /// Runs that are put in motion at once when their time has come.
    pub due_runs_at_once: usize,
}

impl Default for HostOptions {
    fn default() -> Self {
        HostOptions {
            run: sandglass_core::engine::Limits::default(),
            runs_in_memory_max: 10_000,
            workflow_tasks_at_once_max: 1_000,
            activities_at_once_max: 1_000,
            request_deadline: Duration::from_secs(10),
            snapshot_entries: 1_000,
            searches_at_once_max: 4,
            search_time_max: Duration::from_secs(30),
            due_runs_at_once: 256,
        }
    }
}
