//! The values that workflows and activities exchange, and the small messages that name things.

use crate::proto::{message, open_enum};
use alloc::{collections::BTreeMap, string::String, vec::Vec};
use bytes::Bytes;

message! {
    /// One argument, result or detail: data, and metadata that says how it is encoded.
    pub struct Payload {
        /// `encoding` and others.
        1 => metadata: BTreeMap<String, Bytes>,
        /// The encoded value.
        2 => data: Bytes,
    }

    /// Several payloads: a list of arguments or of details.
    pub struct Payloads {
        /// In order.
        1 => payloads: Vec<Payload>,
    }

    /// Headers that interceptors add.
    pub struct Header {
        /// By name.
        1 => fields: BTreeMap<String, Payload>,
    }

    /// Values that a client attached to a run, to be listed with it.
    pub struct Memo {
        /// By name.
        1 => fields: BTreeMap<String, Payload>,
    }

    /// Values that a client attached to a run, to be found by.
    pub struct SearchAttributes {
        /// By name.
        1 => indexed_fields: BTreeMap<String, Payload>,
    }

    /// What people see of a thing: a line, and some text.
    pub struct UserMetadata {
        /// One line.
        1 => summary: Option<Payload>,
        /// More.
        2 => details: Option<Payload>,
    }

    /// One run of a workflow.
    pub struct WorkflowExecution {
        /// Chosen by who started it.
        1 => workflow_id: String,
        /// Given by the engine.
        2 => run_id: String,
    }

    /// A workflow type by its name.
    pub struct WorkflowType {
        /// Its name.
        1 => name: String,
    }

    /// An activity type by its name.
    pub struct ActivityType {
        /// Its name.
        1 => name: String,
    }

    /// Where tasks of a kind wait for workers.
    pub struct TaskQueue {
        /// Its name.
        1 => name: String,
        /// Normal or sticky.
        2 => kind: TaskQueueKind,
        /// Of a sticky one: the normal queue beside it.
        3 => normal_name: String,
    }

    /// Which of several waiting tasks a worker gets first.
    pub struct Priority {
        /// 1 is the first.
        1 => priority_key: i32,
        /// Tasks of different keys are served in turn.
        2 => fairness_key: String,
        /// The share of a key.
        3 => fairness_weight: f32,
    }
}

open_enum! {
    /// Whether a task queue is one worker's own.
    pub enum TaskQueueKind("TASK_QUEUE_KIND_") {
        /// Any worker's.
        1 => Normal = "NORMAL",
        /// One worker's own.
        2 => Sticky = "STICKY",
        /// Where a worker hears commands for itself.
        3 => WorkerCommands = "WORKER_COMMANDS",
    }
}

impl Payload {
    /// A value of the encoding `encoding`.
    #[must_use]
    pub fn encoded(encoding: &'static str, data: impl Into<Bytes>) -> Payload {
        let encoding = Bytes::from_static(encoding.as_bytes());
        Payload {
            metadata: BTreeMap::from([(String::from("encoding"), encoding)]),
            data: data.into(),
            ..Payload::default()
        }
    }

    /// A JSON text.
    #[must_use]
    pub fn json(text: impl Into<String>) -> Payload {
        Payload::encoded("json/plain", text.into().into_bytes())
    }

    /// No value.
    #[must_use]
    pub fn nil() -> Payload {
        Payload::encoded("binary/null", Bytes::new())
    }

    /// How it is encoded; empty if it does not say.
    #[must_use]
    pub fn encoding(&self) -> &str {
        self.metadata.get("encoding").and_then(|e| core::str::from_utf8(e).ok()).unwrap_or("")
    }

    /// The bytes that it counts for, against every limit on sizes.
    #[must_use]
    pub fn size(&self) -> usize {
        let metadata: usize =
            self.metadata.iter().map(|(key, value)| key.len() + value.len()).sum();
        self.data.len() + metadata
    }
}

impl Payloads {
    /// Those payloads; `None`, as Temporal has it, if there are none.
    #[must_use]
    pub fn some(payloads: Vec<Payload>) -> Option<Payloads> {
        (!payloads.is_empty()).then(|| Payloads::from(payloads))
    }

    /// The bytes that they count for.
    #[must_use]
    pub fn size(&self) -> usize {
        self.payloads.iter().map(Payload::size).sum()
    }
}

impl From<Vec<Payload>> for Payloads {
    fn from(payloads: Vec<Payload>) -> Self {
        Payloads { payloads, ..Payloads::default() }
    }
}

impl From<&str> for WorkflowType {
    fn from(name: &str) -> Self {
        WorkflowType { name: name.into(), ..WorkflowType::default() }
    }
}

impl From<&str> for ActivityType {
    fn from(name: &str) -> Self {
        ActivityType { name: name.into(), ..ActivityType::default() }
    }
}

impl TaskQueue {
    /// A queue of that name that any worker may serve.
    #[must_use]
    pub fn normal(name: impl Into<String>) -> TaskQueue {
        TaskQueue { name: name.into(), kind: TaskQueueKind::Normal, ..TaskQueue::default() }
    }
}
