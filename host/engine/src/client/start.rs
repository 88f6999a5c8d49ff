//! How a client describes the run that it wants to start.

use sandglass_core::engine::Start;
use sandglass_core::payload::{Memo, SearchAttributes, TaskQueue};
use sandglass_core::policy::{WorkflowIdConflictPolicy, WorkflowIdReusePolicy};
use sandglass_core::{Payload, Payloads};
use serde::Serialize;
use std::time::Duration;

/// The task queue of a start that names none.
pub const DEFAULT_TASK_QUEUE: &str = "default";

/// A run that is to be started.
#[derive(Clone, Debug)]
#[must_use]
pub struct StartWorkflow {
    pub(crate) start: Start,
    pub(crate) input: Vec<Payload>,
    pub(crate) invalid: Option<String>,
    pub(crate) reuse: WorkflowIdReusePolicy,
    pub(crate) conflict: WorkflowIdConflictPolicy,
}

impl StartWorkflow {
    /// A run of that type under that workflow id, in the queue `default`.
    pub fn new(workflow_type: impl Into<String>, workflow_id: impl Into<String>) -> Self {
        StartWorkflow {
            start: Start {
                workflow_type: workflow_type.into(),
                workflow_id: workflow_id.into(),
                task_queue: TaskQueue::normal(DEFAULT_TASK_QUEUE),
                ..Start::default()
            },
            input: Vec::new(),
            invalid: None,
            reuse: WorkflowIdReusePolicy::Unspecified,
            conflict: WorkflowIdConflictPolicy::Unspecified,
        }
    }

    /// A start whose every field is given already. Arguments that are added follow those that it has.
    pub fn with(mut start: Start) -> Self {
        let input = start.input.take().map(|input| input.payloads).unwrap_or_default();
        StartWorkflow {
            start,
            input,
            invalid: None,
            reuse: WorkflowIdReusePolicy::Unspecified,
            conflict: WorkflowIdConflictPolicy::Unspecified,
        }
    }

    /// Adds an argument, as JSON.
    pub fn input<T: Serialize + ?Sized>(mut self, argument: &T) -> Self {
        match serde_json::to_string(argument) {
            Ok(text) => self.input.push(Payload::json(text)),
            Err(e) => self.invalid = Some(format!("the argument is no JSON: {e}")),
        }
        self
    }

    /// Adds an argument that is a payload already.
    pub fn input_payload(mut self, argument: Payload) -> Self {
        self.input.push(argument);
        self
    }

    /// Where its tasks wait.
    pub fn task_queue(mut self, name: impl Into<String>) -> Self {
        self.start.task_queue = TaskQueue::normal(name);
        self
    }

    /// Whether a closed run's id may be used again; always, if not said.
    pub fn id_reuse_policy(mut self, policy: WorkflowIdReusePolicy) -> Self {
        self.reuse = policy;
        self
    }

    /// What happens if the id belongs to an open run; the start fails, if not said.
    pub fn id_conflict_policy(mut self, policy: WorkflowIdConflictPolicy) -> Self {
        self.conflict = policy;
        self
    }

    /// How long the run may take.
    pub fn run_timeout(mut self, timeout: Duration) -> Self {
        self.start.workflow_run_timeout = Some(timeout);
        self
    }

    /// How long the run and those that follow it may take.
    pub fn execution_timeout(mut self, timeout: Duration) -> Self {
        self.start.workflow_execution_timeout = Some(timeout);
        self
    }

    /// How long one workflow task may take; 10 s, if not said.
    pub fn task_timeout(mut self, timeout: Duration) -> Self {
        self.start.workflow_task_timeout = Some(timeout);
        self
    }

    /// By which a repeated start is known; a new one, if not said.
    pub fn request_id(mut self, request_id: impl Into<String>) -> Self {
        self.start.request_id = request_id.into();
        self
    }

    /// Who starts it; the client's identity, if not said.
    pub fn identity(mut self, identity: impl Into<String>) -> Self {
        self.start.identity = identity.into();
        self
    }

    /// Values to be listed with it.
    pub fn memo(mut self, memo: Memo) -> Self {
        self.start.memo = Some(memo);
        self
    }

    /// Values to be found by.
    pub fn search_attributes(mut self, attributes: SearchAttributes) -> Self {
        self.start.search_attributes = Some(attributes);
        self
    }

    /// The request to the core, or what is wrong with it.
    pub(crate) fn into_start(self, identity: &str) -> Result<Start, String> {
        if let Some(invalid) = self.invalid {
            return Err(invalid);
        }
        let mut start = self.start;
        start.input = Payloads::some(self.input);
        if start.identity.is_empty() {
            identity.clone_into(&mut start.identity);
        }
        if start.request_id.is_empty() {
            start.request_id = uuid::Uuid::new_v4().to_string();
        }
        Ok(start)
    }
}
