//! A workflow worker without wasm: scripted guests, each task on a thread of the runtime. With it a whole host can be tested quickly.

use crate::scripted::{Script, ScriptedGuest};
use sandglass_core::worker::Limits;
use sandglass_core::{Answer, WorkflowTask};
use sandglass_host::{OpenTask, WorkflowWorker};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Runs scripts by workflow type.
pub struct NativeWorker {
    scripts: BTreeMap<String, Script>,
    parked: Arc<Mutex<BTreeMap<String, ScriptedGuest>>>,
}

impl NativeWorker {
    /// A worker for those types.
    #[must_use]
    pub fn new(scripts: impl IntoIterator<Item = (&'static str, Script)>) -> Arc<Self> {
        let scripts = scripts.into_iter().map(|(name, script)| (name.into(), script)).collect();
        Arc::new(NativeWorker { scripts, parked: Arc::default() })
    }

    fn parked(&self) -> MutexGuard<'_, BTreeMap<String, ScriptedGuest>> {
        self.parked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets all parked guests, as a full cache does.
    pub fn evict_all(&self) {
        self.parked().clear();
    }
}

impl WorkflowWorker for NativeWorker {
    fn serves(&self, workflow_type: &str) -> bool {
        self.scripts.contains_key(workflow_type)
    }

    fn begin(&self, task: WorkflowTask, open: OpenTask) {
        let run_id = task.execution.run_id.clone();
        let held = self.parked().remove(&run_id);
        let script = self.scripts[&task.workflow_type].clone();
        let parked = Arc::clone(&self.parked);
        let runtime = open.runtime().clone();
        runtime.spawn(async move {
            let held = held.filter(|guest| {
                guest.run().last_started_event_id() == task.previous_started_event_id
                    && task.history_first_event_id() <= guest.run().last_event_id() + 1
            });
            let (mut guest, mut history) = match held {
                Some(guest) => (guest, Vec::new()),
                None => {
                    let end = task.history_first_event_id();
                    let Ok(before) = open.history(&task).events(1, end).await else { return };
                    (ScriptedGuest::new(&script, Limits::default()), before)
                }
            };
            history.extend(task.history.iter().cloned());
            let answer = guest.answer(&task, &history);
            let parks = matches!(answer, Answer::Completed(_));
            if parks {
                // Before the answer: the next task may come at once.
                let mut parked = parked.lock().unwrap_or_else(PoisonError::into_inner);
                parked.insert(run_id.clone(), guest);
            }
            if !open.answer(answer) {
                let mut parked = parked.lock().unwrap_or_else(PoisonError::into_inner);
                parked.remove(&run_id);
            }
        });
    }

    fn evict(&self, run_id: &str) {
        self.parked().remove(run_id);
    }
}
