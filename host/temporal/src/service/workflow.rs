//! What clients ask of a run: signal, cancel, terminate, delete.

use super::Frontend;
use crate::convert::{non_empty, some_from_api};
use crate::refusal::Refusal;
use sandglass_host::WorkflowHandle;
use temporalio_protos::temporal::api::workflowservice::v1 as api;
use tonic::Request;

impl Frontend {
    pub(super) async fn signal(
        &self,
        request: Request<api::SignalWorkflowExecutionRequest>,
    ) -> Result<api::SignalWorkflowExecutionResponse, Refusal> {
        let request = request.into_inner();
        self.check_namespace(&request.namespace)?;
        no_links(&request.links)?;
        let handle = self.handle(request.workflow_execution.as_ref(), &request.identity)?;
        let input = some_from_api(request.input.as_ref())?;
        let header = some_from_api(request.header.as_ref())?;
        handle.signal_with(&request.signal_name, input, header, &request.request_id).await?;
        Ok(api::SignalWorkflowExecutionResponse::default())
    }

    pub(super) async fn cancel(
        &self,
        request: Request<api::RequestCancelWorkflowExecutionRequest>,
    ) -> Result<api::RequestCancelWorkflowExecutionResponse, Refusal> {
        let request = request.into_inner();
        self.check_namespace(&request.namespace)?;
        no_links(&request.links)?;
        let handle = self.handle(request.workflow_execution.as_ref(), &request.identity)?;
        in_chain(handle, &request.first_execution_run_id).cancel(&request.reason).await?;
        Ok(api::RequestCancelWorkflowExecutionResponse::default())
    }

    pub(super) async fn terminate(
        &self,
        request: Request<api::TerminateWorkflowExecutionRequest>,
    ) -> Result<api::TerminateWorkflowExecutionResponse, Refusal> {
        let request = request.into_inner();
        self.check_namespace(&request.namespace)?;
        no_links(&request.links)?;
        let handle = self.handle(request.workflow_execution.as_ref(), &request.identity)?;
        let details: Option<sandglass_host::core::Payloads> =
            some_from_api(request.details.as_ref())?;
        let details = details.map(|details| details.payloads).unwrap_or_default();
        in_chain(handle, &request.first_execution_run_id)
            .terminate_with(&request.reason, details)
            .await?;
        Ok(api::TerminateWorkflowExecutionResponse::default())
    }

    pub(super) async fn delete(
        &self,
        request: Request<api::DeleteWorkflowExecutionRequest>,
    ) -> Result<api::DeleteWorkflowExecutionResponse, Refusal> {
        let request = request.into_inner();
        self.check_namespace(&request.namespace)?;
        self.handle(request.workflow_execution.as_ref(), "")?.delete().await?;
        Ok(api::DeleteWorkflowExecutionResponse::default())
    }
}

fn in_chain(handle: WorkflowHandle, first_run_id: &str) -> WorkflowHandle {
    match non_empty(first_run_id) {
        Some(first) => handle.in_chain_of(first),
        None => handle,
    }
}

/// Links have no effect yet (D15).
fn no_links<T>(links: &[T]) -> Result<(), Refusal> {
    if links.is_empty() { Ok(()) } else { Err(Refusal::NotSupported("links")) }
}
