//! Opening a store that another host has left: every open run goes on, and what that host was running is put right.

use super::{Engine, Slot, SlotState};
use crate::store;
use sandglass_core::Timestamp;
use sandglass_core::engine::Request;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Runs that are read in one go.
const PAGE: usize = 1_000;

impl Engine {
    /// Puts the open runs in motion again. Runs that wait for a time alone are not read: only their time is noted.
    pub(crate) async fn recover(&self) -> Result<(), store::Error> {
        let mut after = None;
        loop {
            let page = self.store.open_runs(after, PAGE)?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.cursor);
            for run in page {
                match run.due {
                    Some(due) if due > Timestamp::default() => {
                        self.timers.set(&run.workflow_id.as_str().into(), Some(due));
                    }
                    None => {}
                    Some(_) => self.recover_run(&run.workflow_id).await,
                }
            }
        }
    }

    async fn recover_run(&self, workflow_id: &str) {
        let slot = self.slot(workflow_id);
        slot.unrecovered.store(true, Ordering::Relaxed);
        let Err(mut error) = self.with_loaded(&slot, |_| ()).await else { return };
        let Ok(engine) = self.this() else { return };
        // The other runs go on; this one says why whenever it is asked for.
        self.runtime.spawn(async move {
            loop {
                let workflow_id = &*slot.workflow_id;
                tracing::error!(workflow_id, %error, "the run cannot be recovered");
                if !engine.reads_again_after(&error).await {
                    return;
                }
                match engine.with_loaded(&slot, |_| ()).await {
                    Ok(()) => return,
                    Err(again) => error = again,
                }
            }
        });
    }

    /// A run that was read is put right, if that is still to be done: before anybody deals with it.
    pub(super) fn recover_loaded(&self, slot: &Arc<Slot>, state: &mut SlotState) {
        if !slot.unrecovered.swap(false, Ordering::Relaxed) {
            return;
        }
        let Some(live) = state.live(None) else { return };
        let recover = Request::Recover { host: self.host_id.clone() };
        if let Err(error) = self.move_on(slot, live, Some(recover)) {
            // The other runs go on; this one says why whenever it is asked for.
            tracing::error!(workflow_id = &*slot.workflow_id, %error, "the run cannot be recovered");
        }
    }

    /// Runs of that type whose failing task waits for its timeout try again at once (D16).
    pub(crate) fn retry_failing(&self, workflow_type: &str) {
        for slot in self.runs.all() {
            let mut state = slot.state.lock();
            let Some(live) = state.live(None) else { continue };
            if live.task_given_up
                && live.is_open()
                && live.execution.workflow_type() == workflow_type
            {
                live.task_given_up = false;
                if let Err(error) = self.step(&slot, live, Request::RetryWorkflowTask) {
                    tracing::error!(workflow_id = &*slot.workflow_id, %error, "cannot try again");
                }
            }
        }
    }
}
