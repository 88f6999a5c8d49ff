//! A workflow task that the worker of this process has taken: its way back to the engine.

use super::{Engine, Live, Slot};
use crate::client::ClientError;
use sandglass_core::engine::{Request, RequestError};
use sandglass_core::{Answer, HistoryEvent, WorkflowTask};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// A taken workflow task. However it ends, the worker's slot is given back.
pub struct OpenTask {
    engine: Arc<Engine>,
    slot: Arc<Slot>,
    queue: String,
}

/// One run's history, for its worker.
pub struct RunHistory {
    engine: Arc<Engine>,
    slot: Arc<Slot>,
    run_id: Box<str>,
    attempt: u32,
}

impl RunHistory {
    /// The run's events from `first_event_id` up to, not including, `end_event_id`.
    pub async fn events(
        &self,
        first_event_id: i64,
        end_event_id: i64,
    ) -> Result<Vec<Arc<HistoryEvent>>, ClientError> {
        self.engine.events_before(&self.slot, &self.run_id, first_event_id, end_event_id).await
    }

    /// Whether the task for which it is read is still to be answered.
    #[must_use]
    pub fn task_stands(&self) -> bool {
        let mut state = self.slot.state.lock();
        state.live(Some(&self.run_id)).is_some_and(|live| is_held(live, self.attempt.into()))
    }
}

impl OpenTask {
    pub(super) fn new(engine: Arc<Engine>, slot: Arc<Slot>, queue: String) -> Self {
        OpenTask { engine, slot, queue }
    }

    /// Gives the answer to the engine. False: it was refused, and what the worker holds of the run is void.
    pub fn answer(self, answer: Answer) -> bool {
        let token = match &answer {
            Answer::Completed(completed) => completed.token.clone(),
            Answer::Failed(failed) => failed.token.clone(),
        };
        let mut state = self.slot.state.lock();
        let Some(live) = state.live(Some(&token.run_id)) else { return false };
        if !is_held(live, i64::from(token.attempt)) {
            // Its time was over, and the next attempt may be under way: this one changes nothing.
            return false;
        }
        live.task_running = false;
        let request = match answer {
            Answer::Completed(completed) => {
                if let Some(published) = &completed.published {
                    live.published = Some(published.clone());
                }
                Request::CompleteWorkflowTask(Box::new(completed))
            }
            // From the second attempt on nothing is reported: the next one begins when the task's time is over (rule 111).
            Answer::Failed(failed) if token.attempt >= 2 => {
                tracing::warn!(
                    workflow_id = token.workflow_id,
                    run_id = token.run_id,
                    attempt = token.attempt,
                    "workflow task failed again: {}",
                    failed.failure.message
                );
                self.engine.counters.workflow_tasks_failed_again.fetch_add(1, Ordering::Relaxed);
                live.task_given_up = true;
                // Nobody works on it any more: the run has come to rest.
                self.engine.writer.rest(live.ticket);
                return false;
            }
            Answer::Failed(failed) => {
                tracing::warn!(
                    workflow_id = token.workflow_id,
                    run_id = token.run_id,
                    "workflow task failed: {}",
                    failed.failure.message
                );
                Request::FailWorkflowTask(Box::new(failed))
            }
        };
        let accepted = self.engine.step(&self.slot, live, request);
        if let Err(error) = &accepted {
            // What was published with a refused answer is void as well; what is stored is right.
            live.published = None;
            // Refused without a word in the history, the attempt stands, and nobody works on it until its time is over (rule 111).
            let stands = !matches!(error, RequestError::WorkflowTaskNotFound)
                && live.is_open()
                && live.execution.workflow_task_started();
            if stands && !live.task_running {
                live.task_given_up = true;
                self.engine.writer.rest(live.ticket);
            }
            tracing::debug!(workflow_id = token.workflow_id, %error, "the answer was refused");
        }
        accepted.is_ok()
    }

    /// Where the worker gets history that the task does not bring.
    #[must_use]
    pub fn history(&self, task: &WorkflowTask) -> RunHistory {
        let (engine, slot) = (Arc::clone(&self.engine), Arc::clone(&self.slot));
        let (run_id, attempt) = (task.execution.run_id.as_str().into(), task.attempt);
        RunHistory { engine, slot, run_id, attempt }
    }

    /// The runtime for what the worker has to wait for.
    #[must_use]
    pub fn runtime(&self) -> &tokio::runtime::Handle {
        &self.engine.runtime
    }
}

/// Whether that attempt of the run's workflow task is under way.
fn is_held(live: &Live, attempt: i64) -> bool {
    let held = live.execution.pending_workflow_task();
    held.is_some_and(|held| held.started && i64::from(held.attempt) == attempt)
}

impl Drop for OpenTask {
    fn drop(&mut self) {
        self.engine.workflow_tasks.end(&self.queue);
        self.engine.pump();
    }
}
