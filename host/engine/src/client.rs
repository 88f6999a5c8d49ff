//! The client: what callers in this process ask of the host. It uses the engine's one door, like everybody.

mod error;
mod handle;
mod start;
mod view;

pub use error::{ClientError, WorkflowError};
pub use handle::WorkflowHandle;
pub use start::{DEFAULT_TASK_QUEUE, StartWorkflow};
pub use view::{History, HistoryPage, TaskQueueDescription, WorkflowDescription};

use crate::engine::{Engine, Starting};
use crate::store::{BatchOperation, Condition, ListFilter, RunSummary};
use sandglass_core::policy::WorkflowExecutionStatus;
use sandglass_core::{Payload, Timestamp};
use std::sync::Arc;
use tokio::sync::oneshot;

/// Starts workflows and gets handles to them. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    pub(crate) engine: Arc<Engine>,
    identity: Arc<str>,
}

/// What a start has led to.
#[derive(Clone)]
pub struct StartedWorkflow {
    /// The run.
    pub handle: WorkflowHandle,
    /// Whether this request started it, now or when it was sent before.
    pub is_new: bool,
}

impl Client {
    pub(crate) fn new(engine: Arc<Engine>) -> Self {
        let identity = engine.identity.as_str().into();
        Client { engine, identity }
    }

    /// The same client under another name, which histories show as who asked.
    #[must_use]
    pub fn with_identity(&self, identity: &str) -> Client {
        Client { engine: Arc::clone(&self.engine), identity: identity.into() }
    }

    pub(crate) fn identity(&self) -> &str {
        &self.identity
    }

    /// What one run may hold.
    #[must_use]
    pub fn limits(&self) -> &sandglass_core::engine::Limits {
        &self.engine.options.run
    }

    /// Starts a run; returns when that is durable.
    pub async fn start(&self, start: StartWorkflow) -> Result<WorkflowHandle, ClientError> {
        self.start_or_find(start).await.map(|started| started.handle)
    }

    /// Starts a run, and tells whether it is a new one: the policies, or a repeated request id, can lead to one that was there. A signal
    /// that comes with the start goes to either.
    pub async fn start_or_find(
        &self,
        start: StartWorkflow,
    ) -> Result<StartedWorkflow, ClientError> {
        let starting = self.starting(start)?;
        let workflow_id = starting.start.workflow_id.clone();
        let started = self.engine.start(starting).await?;
        self.engine.durable(started.ticket).await?;
        let handle = WorkflowHandle::new(self.clone(), workflow_id, Some(started.run_id));
        Ok(StartedWorkflow { handle, is_new: started.by_request })
    }

    /// Starts a run and waits for its result: one wait for the disk, where the run needs no more.
    pub async fn execute(&self, start: StartWorkflow) -> Result<Payload, WorkflowError> {
        let mut starting = self.starting(start)?;
        let workflow_id = starting.start.workflow_id.clone();
        let (waiter, end) = oneshot::channel();
        starting.waiter = Some(waiter);
        let started = self.engine.start(starting).await?;
        let handle = WorkflowHandle::new(self.clone(), workflow_id, Some(started.run_id));
        match end.await {
            Ok(ending) if self.engine.durable(ending.ticket).await.is_ok() => {
                view::result_of(&ending.event)
            }
            // It had ended before, or was loaded again: if its start is durable, the store says how it ends.
            Ok(_) | Err(_) => {
                self.engine.durable(started.ticket).await?;
                handle.result_payload().await
            }
        }
    }

    /// A handle to the latest run of that workflow id. Whether there is one, its requests tell.
    #[must_use]
    pub fn workflow(&self, workflow_id: impl Into<String>) -> WorkflowHandle {
        WorkflowHandle::new(self.clone(), workflow_id.into(), None)
    }

    /// A handle to that run.
    #[must_use]
    pub fn run(&self, workflow_id: impl Into<String>, run_id: impl Into<String>) -> WorkflowHandle {
        WorkflowHandle::new(self.clone(), workflow_id.into(), Some(run_id.into()))
    }

    /// The runs that fit the filter, at most `filter.limit`: open ones first, then those that closed last. What was answered is listed.
    pub async fn list(&self, filter: ListFilter) -> Result<Vec<RunSummary>, ClientError> {
        self.engine.list(filter).await
    }

    /// How many runs there are for which the condition holds, by status.
    pub async fn count(
        &self,
        condition: Option<Condition>,
    ) -> Result<Vec<(WorkflowExecutionStatus, u64)>, ClientError> {
        self.engine.count(condition).await
    }

    /// Keeps a batch operation as it is, in place of one with the same job id; the request of that stays where none is given. Durable when
    /// this returns.
    pub async fn put_batch_operation(&self, operation: BatchOperation) -> Result<(), ClientError> {
        self.engine.put_batch_operation(operation).await
    }

    /// The batch operation of that job id.
    pub async fn batch_operation(
        &self,
        job_id: &str,
    ) -> Result<Option<BatchOperation>, ClientError> {
        self.engine.batch_operation(job_id.into()).await
    }

    /// Batch operations without their requests, the one that began last first, those after that start time and job id, at most `limit`.
    pub async fn batch_operations(
        &self,
        after: Option<(Timestamp, String)>,
        limit: usize,
    ) -> Result<Vec<BatchOperation>, ClientError> {
        self.engine.batch_operations(after, limit).await
    }

    /// Removes the batch operations that have ended, except the `keep` of them that began last.
    pub async fn forget_batch_operations(&self, keep: usize) -> Result<(), ClientError> {
        self.engine.forget_batch_operations(keep).await
    }

    /// How that task queue stands now.
    #[must_use]
    pub fn task_queue(&self, name: &str) -> TaskQueueDescription {
        self.engine.describe_queue(name, None)
    }

    /// The same, where who serves it is asked about tasks of one type: a worker may have others only.
    #[must_use]
    pub fn task_queue_of(&self, name: &str, task_type: &str) -> TaskQueueDescription {
        self.engine.describe_queue(name, Some(task_type))
    }

    /// What the host keeps its runs in: `sqlite`, `memory`.
    #[must_use]
    pub fn store_name(&self) -> &'static str {
        self.engine.store.name()
    }

    /// What time it is for the host.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.engine.clock.now()
    }

    fn starting(&self, start: StartWorkflow) -> Result<Starting, ClientError> {
        let (reuse, conflict) = (start.reuse, start.conflict);
        let start = start.into_start(&self.identity).map_err(ClientError::InvalidArgument)?;
        Ok(Starting { start, reuse, conflict, waiter: None })
    }
}
