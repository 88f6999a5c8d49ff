//! The seam in process (D13): what the engine asks of a workflow worker. The words are plain Rust values; nothing is serialised.

mod components;

pub(crate) use components::ComponentWorker;

use crate::engine::OpenTask;
use sandglass_core::{HistoryEvent, WorkflowTask};
use std::sync::Arc;

/// A worker for workflow tasks in this process: the one that runs components, or a test's that runs Rust.
///
/// All methods return at once; guests run on threads of the worker's own (D6).
pub trait WorkflowWorker: Send + Sync + 'static {
    /// Whether it has code for that type.
    fn serves(&self, workflow_type: &str) -> bool;

    /// Takes a task. The answer goes to [`OpenTask::answer`]; a task that is dropped runs again after its timeout.
    fn begin(&self, task: WorkflowTask, open: OpenTask);

    /// Where in its code a run of that type waits, which has this history: one line a frame, the innermost first. `None` if this worker cannot
    /// tell; an error says why it cannot of this run. It may take as long as a replay, and is called on a thread that may block.
    fn stack_trace(
        &self,
        workflow_type: &str,
        history: &[Arc<HistoryEvent>],
    ) -> Option<Result<String, String>> {
        let _ = (workflow_type, history);
        None
    }

    /// That run is over, or its task is void: what is held of it is dropped, also while its guest runs.
    fn evict(&self, run_id: &str);
}
