//! A host has opened the store after another one died: what that one was running is put right, so that nothing waits for its timeout.

use super::change::{StateChange, TransientTaskReleased};
use super::illegal::Illegal;
use super::recorder::Recorder;
use super::workflow_task::Task;
use super::{Reply, RequestError};
use crate::failure::Failure;
use alloc::{string::String, vec::Vec};

/// The type of the failure of an attempt whose host died.
const WORKER_LOST: &str = "WorkerLost";

impl Recorder<'_> {
    /// What the hosts other than `host` were running is lost. What waits in queues is not dispatched again: see [`super::Execution::ready`].
    pub(super) fn recover(&mut self, host: &str) -> Result<Reply, RequestError> {
        if self.execution.closed.is_some() {
            return Ok(Reply::Done);
        }
        // The task first: what the lost attempts say is news for its next attempt.
        self.recover_task()?;
        let lost: Vec<i64> = self
            .execution
            .activities
            .iter()
            .filter(|(_, activity)| {
                let attempt = activity.running();
                attempt.is_some_and(|it| !it.host.is_empty() && it.host != host)
            })
            .map(|(id, _)| *id)
            .collect();
        for id in lost {
            let message = "the host that ran this attempt stopped before the attempt ended";
            self.end_failed(id, Failure::application(message, WORKER_LOST, false), String::new())?;
        }
        Ok(Reply::Done)
    }

    fn recover_task(&mut self) -> Result<(), Illegal> {
        self.execution.held.0 = None;
        match &self.execution.task {
            Task::Started(..) => self.time_out_task(),
            Task::TransientStarted(..) => {
                let released = TransientTaskReleased::default();
                self.change(StateChange::TransientTaskReleased(released))?;
                // Nobody holds it, so nothing has to wait for its end; the news makes it a normal task when it starts (rule 112).
                self.flush(Vec::new())?;
                Ok(())
            }
            Task::Idle { .. } | Task::Scheduled(_) | Task::TransientScheduled(_) => Ok(()),
        }
    }
}
