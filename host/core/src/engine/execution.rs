//! One run: its state, and the one door to it.

use super::{Entry, Limits, Reply, Request, RequestError, Start, StartIds, Transition};
use crate::event::HistoryEvent;
use crate::failure::Failure;
use crate::payload::{
    Memo, Payloads, SearchAttributes, TaskQueue, UserMetadata, WorkflowExecution,
};
use crate::policy::WorkflowExecutionStatus;
use crate::proto::DecodeError;
use crate::time::Timestamp;
use alloc::{string::String, sync::Arc, vec::Vec};
use bytes::Bytes;

/// One run.
#[derive(Clone, Debug, PartialEq)]
pub struct Execution {}

/// Why a log cannot be read.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Corrupt {
    /// An entry or a snapshot that cannot be decoded.
    #[error("entry {index} cannot be read: {error}")]
    Undecodable { index: u64, error: DecodeError },
    /// An entry that cannot follow the ones before it.
    #[error("entry {index} cannot follow: {illegal}")]
    Illegal { index: u64, illegal: String },
    /// No entry at all, or one that is no beginning.
    #[error("the log does not begin with WorkflowExecutionStarted")]
    NoBeginning,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Closed {
    pub status: WorkflowExecutionStatus,
    pub time: Timestamp,
    /// The closing event.
    pub event: Arc<HistoryEvent>,
}

/// What `describe` shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Description {
    pub execution: WorkflowExecution,
    pub workflow_type: String,
    pub task_queue: String,
    pub status: WorkflowExecutionStatus,
    pub start_time: Timestamp,
    pub close_time: Option<Timestamp>,
    /// Events in the stored history.
    pub history_length: i64,
    pub history_size_bytes: i64,
    pub memo: Option<Memo>,
    pub search_attributes: Option<SearchAttributes>,
    pub user_metadata: Option<UserMetadata>,
    /// True from the moment a cancel was accepted, also while it is buffered.
    pub cancel_requested: bool,
    pub pending_activities: Vec<PendingActivity>,
    pub pending_workflow_task: Option<PendingWorkflowTask>,
    /// Timers that have not fired: id, and when they will.
    pub pending_timers: Vec<(String, Timestamp)>,
    /// When the run's time is over.
    pub expiration_time: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PendingActivityState {
    Scheduled,
    Started,
    CancelRequested,
}

#[derive(Clone, Debug, PartialEq)]
pub struct PendingActivity {
    pub activity_id: String,
    pub activity_type: String,
    pub task_queue: String,
    pub scheduled_event_id: i64,
    pub state: PendingActivityState,
    pub attempt: u32,
    pub maximum_attempts: i32,
    pub scheduled_time: Timestamp,
    pub last_started_time: Option<Timestamp>,
    pub last_heartbeat_time: Option<Timestamp>,
    pub heartbeat_details: Option<Payloads>,
    pub last_failure: Option<Failure>,
    pub last_worker_identity: String,
    /// When the next attempt is due, while it waits for that.
    pub next_attempt_time: Option<Timestamp>,
    pub expiration_time: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct PendingWorkflowTask {
    pub started: bool,
    pub attempt: u32,
    pub scheduled_time: Timestamp,
    pub started_time: Option<Timestamp>,
    /// Why the last attempt failed, if it did.
    pub last_failure: Option<Failure>,
}
