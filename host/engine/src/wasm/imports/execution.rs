//! `execution`: this run, and what it shows to the outside.

use crate::wasm::bindings::workflow::sandglass::workflow::execution::{
    Host, WorkflowExecution, WorkflowInfo,
};
use crate::wasm::bindings::workflow::sandglass::workflow::types::Payload;
use crate::wasm::convert;
use crate::wasm::guest::Guest;

impl Host for Guest {
    fn info(&mut self) -> wasmtime::Result<WorkflowInfo> {
        let run = self.run();
        let info = run.info();
        Ok(WorkflowInfo {
            execution: WorkflowExecution {
                workflow_id: info.workflow_id.clone(),
                run_id: info.run_id.clone(),
            },
            workflow_type: info.workflow_type.clone(),
            task_queue: info.task_queue.clone(),
            namespace: info.namespace.clone(),
            attempt: info.attempt,
            start_time: info.start_time.as_seconds_f64(),
            parent: info.parent.as_ref().map(|parent| WorkflowExecution {
                workflow_id: parent.workflow_id.clone(),
                run_id: parent.run_id.clone(),
            }),
            continued_run_id: info.continued_run_id.clone(),
            first_run_id: info.first_run_id.clone(),
        })
    }

    fn is_replaying(&mut self) -> wasmtime::Result<bool> {
        Ok(self.run().is_replaying())
    }

    fn patched(&mut self, patch_id: String) -> wasmtime::Result<bool> {
        Ok(self.run().patched(&patch_id)?)
    }

    fn deprecate_patch(&mut self, patch_id: String) -> wasmtime::Result<()> {
        Ok(self.run().deprecate_patch(&patch_id)?)
    }

    fn publish(&mut self, name: String, value: Payload) -> wasmtime::Result<()> {
        Ok(self.run().publish(&name, convert::payload(value))?)
    }
}
