//! What the seeds have seen: a simulation that goes blind fails.

use std::collections::{BTreeMap, BTreeSet};

/// What the worlds must have seen in which everything may happen.
pub const ANYTHING: [&str; 105] = [
    "ActivityAttemptFailed",
    "ActivityAttemptStarted",
    "ActivityHeartbeat",
    "ActivityTaskCancelRequested",
    "ActivityTaskCanceled",
    "ActivityTaskCompleted",
    "ActivityTaskFailed",
    "ActivityTaskScheduled",
    "ActivityTaskStarted",
    "ActivityTaskTimedOut",
    "BufferFlushed",
    "EventBuffered",
    "MarkerRecorded",
    "TimerCanceled",
    "TimerFired",
    "TimerStarted",
    "TransientTaskFailed",
    "TransientTaskReleased",
    "TransientTaskScheduled",
    "TransientTaskStarted",
    "UnhandledCommand",
    "WorkflowExecutionCancelRequested",
    "WorkflowExecutionCanceled",
    "WorkflowExecutionCompleted",
    "WorkflowExecutionFailed",
    "WorkflowExecutionSignaled",
    "WorkflowExecutionTerminated",
    "WorkflowExecutionTimedOut",
    "WorkflowTaskFailed",
    "WorkflowTaskFailed FORCE_CLOSE_COMMAND",
    "WorkflowTaskFailed UNHANDLED_COMMAND",
    "WorkflowTaskFailed WORKFLOW_WORKER_UNHANDLED_FAILURE",
    "WorkflowTaskTimedOut",
    "a cancel of a closed run",
    "a cancel while a signal is awaited",
    "a cancel while a timer runs",
    "a cancel while a workflow task is tried again",
    "a cancel while a workflow task runs",
    "a cancel while a workflow task waits",
    "a cancel while an activity backs off",
    "a cancel while an activity is to stop",
    "a cancel while an activity runs",
    "a cancel while an activity waits",
    "a cancel without an answer is repeated",
    "a commit that is durable though it is said to have failed",
    "a crash after a commit, before anybody is answered",
    "a crash before a commit",
    "a crash between two commits",
    "a crash with nothing ahead of the disk",
    "a failed commit",
    "a guest is rebuilt",
    "a guest traps",
    "a heartbeat",
    "a heartbeat learns of a cancel",
    "a parked guest and a rebuilt one, side by side",
    "a parked guest is evicted",
    "a repeated cancel",
    "a repeated poll for a workflow task",
    "a repeated poll for an activity task",
    "a repeated signal",
    "a signal finds the run closing",
    "a signal without an answer is repeated",
    "a stale activity answer is refused",
    "a stale workflow task answer is refused",
    "a task that was given up is tried again at once",
    "a terminate while a signal is awaited",
    "a terminate while a timer runs",
    "a terminate while a workflow task is tried again",
    "a terminate while a workflow task runs",
    "a terminate while a workflow task waits",
    "a terminate while an activity backs off",
    "a terminate while an activity is to stop",
    "a terminate while an activity runs",
    "a terminate while an activity waits",
    "a terminate without an answer is repeated",
    "a transient task attempt",
    "an activity is tried again",
    "an activity's attempt is ended by Broken",
    "an activity's attempt is ended by CanceledWithoutRequest",
    "an activity's attempt is ended by Heartbeat",
    "an activity's attempt is ended by ScheduleToClose",
    "an activity's attempt is ended by ScheduleToStart",
    "an activity's attempt is ended by StartToClose",
    "an activity's attempt is ended by WorkerLost",
    "an activity's attempt is retried after Broken",
    "an activity's attempt is retried after CanceledWithoutRequest",
    "an activity's attempt is retried after Heartbeat",
    "an activity's attempt is retried after StartToClose",
    "an activity's attempt is retried after WorkerLost",
    "an answer of a dropped worker is accepted",
    "an attempt ends as canceled though nobody asked",
    "an attempt is told: CancelRequested",
    "an attempt is told: NotFound",
    "an attempt is told: TimedOut",
    "an attempt's lost end is repeated",
    "an idle run is dropped from memory",
    "at rest until a signal comes",
    "left where it is by recovery",
    "more is buffered than may be",
    "read by a snapshot and its tail",
    "several things are ready at once",
    "terminated: Workflow history count exceeds limit.",
    "terminated: at once",
    "the start was lost and is repeated",
    "the worker is told to drop a run",
];

/// What must have been pending when somebody asked for the run's end at each step.
pub const ANY_STEP: [&str; 23] = [
    "a cancel while a timer runs",
    "a cancel while an activity waits",
    "a cancel while an activity backs off",
    "a cancel while an activity runs",
    "a cancel while an activity is to stop",
    "a cancel while a workflow task waits",
    "a cancel while a workflow task runs",
    "a cancel while a workflow task is tried again",
    "a cancel while a signal is awaited",
    "a terminate while a timer runs",
    "a terminate while an activity waits",
    "a terminate while an activity backs off",
    "a terminate while an activity runs",
    "a terminate while an activity is to stop",
    "a terminate while a workflow task waits",
    "a terminate while a workflow task runs",
    "a terminate while a workflow task is tried again",
    "a terminate while a signal is awaited",
    "a repeated cancel",
    "an attempt is told: NotFound",
    "an attempt is told: CancelRequested",
    "UnhandledCommand",
    "BufferFlushed",
];

/// What one world has seen.
#[derive(Clone, Debug, Default)]
pub struct Seen(BTreeSet<String>);

impl Seen {
    pub fn note(&mut self, what: impl Into<String>) {
        self.0.insert(what.into());
    }
}

/// How many worlds have seen what.
#[derive(Debug, Default)]
pub struct Coverage(BTreeMap<String, u64>);

impl Coverage {
    pub fn add(&mut self, seen: &Seen) {
        for what in &seen.0 {
            *self.0.entry(what.clone()).or_default() += 1;
        }
    }

    pub fn join(&mut self, other: Coverage) {
        for (what, count) in other.0 {
            *self.0.entry(what).or_default() += count;
        }
    }

    /// Prints all counts, and fails if one of `wanted` is missing.
    pub fn check(&self, wanted: &[&str]) {
        for (what, count) in &self.0 {
            println!("{count:>6} {what}");
        }
        let missing: Vec<_> = wanted.iter().filter(|it| !self.0.contains_key(**it)).collect();
        assert!(missing.is_empty(), "no seed has seen {missing:?}");
    }
}
