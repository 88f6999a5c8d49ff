//! The workflow task, which crosses between engine and worker (and nothing else does).
//!
//! Everything is a plain value: in process nothing is serialised, over a wire each has its place in Temporal's API. The history in a task is
//! only a hint: a worker that lacks the run asks for all of it ([`ToEngine::History`]) before the guest runs.

use crate::command::Command;
use crate::event::HistoryEvent;
use crate::event::workflow_task::{FailedCause, SdkMetadata};
use crate::failure::Failure;
use crate::payload::{Payload, Payloads, TaskQueue, WorkflowExecution};
use crate::proto::message;
use crate::time::Timestamp;
use alloc::{collections::BTreeMap, string::String, sync::Arc, vec::Vec};
use bytes::Bytes;
use core::time::Duration;

message! {
    /// Names a started workflow task; all of it is compared when the answer comes.
    pub struct TaskToken {
        /// Whose task.
        1 => workflow_id: String,
        /// Which run's.
        2 => run_id: String,
        /// Its WorkflowTaskScheduled (the id that it would have, if it is transient).
        3 => scheduled_event_id: i64,
        /// Its WorkflowTaskStarted, likewise.
        4 => started_event_id: i64,
        /// When it started.
        5 => started_time: Option<Timestamp>,
        /// Which attempt.
        6 => attempt: i32,
    }
}

/// Whether a task stands in the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskKind {
    /// Scheduled and Started are in the history.
    Normal,
    /// A later attempt; Scheduled and Started are written when it completes.
    Transient,
    /// It carries messages only, and leaves no trace if they are refused.
    Speculative,
}

/// A query that rides on a task.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// Its name.
    pub query_type: String,
    /// Its arguments.
    pub args: Option<Payloads>,
}

/// A message of an update, which neither half of a task looks into.
#[derive(Clone, Debug, PartialEq)]
pub struct ProtocolMessage {
    /// Its own id.
    pub id: String,
    /// The update that it belongs to.
    pub protocol_instance_id: String,
    /// The event after which it is delivered.
    pub event_id: i64,
    /// A `google.protobuf.Any`.
    pub body: Bytes,
}

/// What a run says to queries, by name (D9). The engine does not look into it.
pub type Published = BTreeMap<String, Payload>;

/// A question to a workflow's code: this has happened, what next?
#[derive(Clone, Debug)]
pub struct WorkflowTask {
    /// To be given back with the answer.
    pub token: TaskToken,
    /// Which run.
    pub execution: WorkflowExecution,
    /// Its type.
    pub workflow_type: String,
    /// Whether it stands in the history.
    pub kind: TaskKind,
    /// Which attempt, from 1.
    pub attempt: u32,
    /// When it was scheduled.
    pub scheduled_time: Timestamp,
    /// When it started: the guest's clock stands there.
    pub started_time: Timestamp,
    /// How long the worker may take.
    pub start_to_close_timeout: Duration,
    /// The WorkflowTaskStarted before this one that was completed; 0 for the first task.
    pub previous_started_event_id: i64,
    /// This one.
    pub started_event_id: i64,
    /// The events from `history_first_event_id` to `started_event_id`; of a transient task with its Scheduled and Started at the end.
    pub history: Vec<Arc<HistoryEvent>>,
    /// Queries that wait for an answer, by their id.
    pub queries: BTreeMap<String, Query>,
    /// Messages of updates.
    pub messages: Vec<ProtocolMessage>,
    /// What the run last said to queries, in a task that carries queries.
    pub published: Option<Published>,
}

impl WorkflowTask {
    /// The id of the first event in `history`; beyond the last if there is none.
    #[must_use]
    pub fn history_first_event_id(&self) -> i64 {
        self.history.first().map_or(self.started_event_id + 1, |event| event.event_id)
    }
}

/// What a worker answers to a task.
#[derive(Clone, Debug)]
pub enum Answer {
    /// The code has come to rest.
    Completed(Completed),
    /// It could not; the task is tried again.
    Failed(Failed),
}

/// The code has come to rest.
#[derive(Clone, Debug, Default)]
pub struct Completed {
    /// The task's.
    pub token: TaskToken,
    /// What the code asks for, in order.
    pub commands: Vec<Command>,
    /// Answers to queries, by their id.
    pub query_results: BTreeMap<String, Result<Payloads, Failure>>,
    /// Messages of updates.
    pub messages: Vec<ProtocolMessage>,
    /// What decided.
    pub metadata: Option<SdkMetadata>,
    /// The worker's build: a component's digest.
    pub build_id: String,
    /// Who answers.
    pub identity: String,
    /// Whether another task is to follow at once.
    pub force_create_new_task: bool,
    /// Where the next task is to wait first.
    pub sticky: Option<Sticky>,
    /// What the run says to queries; `None` leaves it as it was.
    pub published: Option<Published>,
}

/// A worker's own queue, for tasks of the runs that it holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Sticky {
    /// The queue.
    pub task_queue: TaskQueue,
    /// How long a task waits there before it goes to the normal queue.
    pub schedule_to_start_timeout: Duration,
}

/// The code could not.
#[derive(Clone, Debug, Default)]
pub struct Failed {
    /// The task's.
    pub token: TaskToken,
    /// Why, for machines.
    pub cause: FailedCause,
    /// Why, for people.
    pub failure: Failure,
    /// Who answers.
    pub identity: String,
    /// The worker's build.
    pub build_id: String,
}

/// The engine's other word to a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToWorker {
    /// That run is over. Nothing rests on its arrival.
    Evict {
        /// Which.
        run_id: String,
    },
}

/// The worker's other words to the engine.
#[derive(Clone, Debug, PartialEq)]
pub enum ToEngine {
    /// A page of a run's history is wanted.
    History {
        /// Whose.
        execution: WorkflowExecution,
        /// From which event on.
        first_event_id: i64,
    },
    /// That run is not held any more.
    Released {
        /// Which.
        run_id: String,
    },
}
