//! How a run began: who it is, its input, and what its randomness is seeded by (D7).

use super::run::Run;
use crate::event::workflow_task::FailedCause;
use crate::event::{HistoryEvent, workflow, workflow_task};
use crate::payload::{Payload, Payloads, WorkflowExecution};
use crate::time::Timestamp;
use alloc::{string::String, vec::Vec};

/// Who a run is, as its guest is told.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WorkflowInfo {
    /// Its workflow id.
    pub workflow_id: String,
    /// Its run id: what [`Run::identify`] said, else the one that it began with.
    pub run_id: String,
    /// Its type.
    pub workflow_type: String,
    /// Where its tasks wait.
    pub task_queue: String,
    /// Where it runs: what [`Run::identify`] said, else `default`.
    pub namespace: String,
    /// Which attempt, from 1.
    pub attempt: u32,
    /// When it started.
    pub start_time: Timestamp,
    /// Of a child: its parent.
    pub parent: Option<WorkflowExecution>,
    /// The run that it goes on from.
    pub continued_run_id: Option<String>,
    /// The first run of its chain.
    pub first_run_id: String,
}

impl Run {
    /// Says where the run is and which, neither of which its history says. To be called before the
    /// first activation.
    pub fn identify(&mut self, namespace: &str, execution: &WorkflowExecution) {
        self.info.namespace = namespace.into();
        self.info.workflow_id = execution.workflow_id.clone();
        self.info.run_id = execution.run_id.clone();
    }

    /// Who it is.
    #[must_use]
    pub fn info(&self) -> &WorkflowInfo {
        &self.info
    }

    /// Its arguments.
    #[must_use]
    pub fn input(&self) -> Vec<Payload> {
        self.input.as_ref().map_or_else(Vec::new, |input: &Payloads| input.payloads.clone())
    }

    /// What the guest's randomness is seeded by. It changes where a reset run leaves its past
    /// behind; the host compares it at each activation.
    #[must_use]
    pub fn random_seed(&self) -> u64 {
        self.seed
    }

    /// The run began.
    pub(super) fn began(&mut self, event: &HistoryEvent, started: &workflow::Started) {
        let text = |id: &str| (!id.is_empty()).then(|| String::from(id));
        let info = core::mem::take(&mut self.info);
        let or = |said: String, else_: &str| match said.is_empty() {
            true => String::from(else_),
            false => said,
        };
        self.info = WorkflowInfo {
            workflow_id: or(info.workflow_id, &started.workflow_id),
            run_id: or(info.run_id, &started.original_execution_run_id),
            workflow_type: started
                .workflow_type
                .as_ref()
                .map_or_else(String::new, |workflow_type| workflow_type.name.clone()),
            task_queue: started
                .task_queue
                .as_ref()
                .map_or_else(String::new, |queue| queue.name.clone()),
            namespace: or(info.namespace, "default"),
            attempt: u32::try_from(started.attempt).unwrap_or(1).max(1),
            start_time: event.event_time,
            parent: started.parent_workflow_execution.clone(),
            continued_run_id: text(&started.continued_execution_run_id),
            first_run_id: started.first_execution_run_id.clone(),
        };
        self.input.clone_from(&started.input);
        self.seed = seed(&started.original_execution_run_id);
    }

    /// A task failed: a reset that replay passes seeds anew.
    pub(super) fn task_failed(&mut self, failed: &workflow_task::Failed) {
        if failed.cause == FailedCause::ResetWorkflow && !failed.new_run_id.is_empty() {
            self.seed = seed(&failed.new_run_id);
        }
    }
}

/// FNV-1a with the finish of SplitMix64. Open runs depend on it: it never changes.
fn seed(run_id: &str) -> u64 {
    let hash = run_id.bytes().fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}
