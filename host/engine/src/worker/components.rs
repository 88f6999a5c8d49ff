//! The worker that runs components, as the engine sees it: tasks in, answers out, what is refused is dropped.

use super::WorkflowWorker;
use crate::engine::{OpenTask, RunHistory};
use crate::wasm::{self, Abandoned, HistorySource, Worker};
use sandglass_core::{Answer, HistoryEvent, WorkflowTask};
use std::sync::Arc;
use std::time::Duration;

/// How long a task waits for an instance that another gives back.
const ROOM_WAIT: Duration = Duration::from_millis(5);

/// Runs components.
pub(crate) struct ComponentWorker {
    worker: Worker,
}

impl ComponentWorker {
    pub(crate) fn new(worker: Worker) -> Self {
        ComponentWorker { worker }
    }
}

impl HistorySource for RunHistory {
    async fn page(&mut self, first_event_id: i64) -> Result<Vec<Arc<HistoryEvent>>, String> {
        self.events(first_event_id, i64::MAX).await.map_err(|error| error.to_string())
    }

    fn task_stands(&self) -> bool {
        RunHistory::task_stands(self)
    }
}

impl WorkflowWorker for ComponentWorker {
    fn serves(&self, workflow_type: &str) -> bool {
        self.worker.component(workflow_type).is_some()
    }

    fn begin(&self, task: WorkflowTask, open: OpenTask) {
        let worker = self.worker.clone();
        let runtime = open.runtime().clone();
        runtime.spawn(async move {
            let run_id = task.execution.run_id.clone();
            if let Some(answer) = work(&worker, task, &open).await
                && !open.answer(answer)
            {
                // Only what is parked: the run's next task may be under way already.
                worker.forget(&run_id);
            }
        });
    }

    fn stack_trace(
        &self,
        workflow_type: &str,
        history: &[Arc<HistoryEvent>],
    ) -> Option<Result<String, String>> {
        let component = self.worker.component(workflow_type)?;
        let stack = wasm::stack_trace(self.worker.engine(), &component, history);
        Some(stack.map_err(|error| error.to_string()))
    }

    fn evict(&self, run_id: &str) {
        self.worker.evict(run_id);
    }
}

/// The answer to a task; none if it was given up, and runs again after its timeout.
async fn work(worker: &Worker, task: WorkflowTask, open: &OpenTask) -> Option<Answer> {
    loop {
        let history = open.history(&task);
        match worker.execute(task.clone(), history).await {
            Ok(answer) => return Some(answer),
            Err(Abandoned::NoRoom(reason)) => {
                tracing::debug!(reason, "a workflow task waits for an instance");
                tokio::time::sleep(ROOM_WAIT).await;
            }
            Err(Abandoned::Evicted | Abandoned::Stopped) => return None,
            Err(error @ Abandoned::History(_)) => {
                let workflow_id = &task.execution.workflow_id;
                tracing::error!(workflow_id, %error, "a workflow task is given up");
                return None;
            }
        }
    }
}
