//! `workflow signal`, `cancel`, `terminate` and `delete`: of one workflow, or of many by a query.

use super::Session;
use super::batch::{Meant, Target};
use super::input::{self, Input};
use crate::exit::{Exit, usage};
use clap::Args;
use temporalio_protos::temporal::api::batch::v1 as batch;
use temporalio_protos::temporal::api::workflowservice::v1 as api;
use temporalio_protos::temporal::api::workflowservice::v1::start_batch_operation_request::Operation;

/// Sends a signal.
#[derive(Args)]
pub(super) struct Signal {
    #[command(flatten)]
    target: Target,
    /// The signal's name.
    #[arg(long = "name", visible_alias = "type")]
    name: String,
    #[command(flatten)]
    input: Input,
    /// A header of the signal, as KEY=JSON; can be repeated.
    #[arg(long, value_name = "KEY=JSON")]
    headers: Vec<String>,
}

/// Asks a workflow to stop: it may clean up, and nothing forces it.
#[derive(Args)]
pub(super) struct Cancel {
    #[command(flatten)]
    target: Target,
    /// Refused: Temporal's protocol carries none there.
    #[arg(long, hide = true)]
    headers: Vec<String>,
}

/// Ends a workflow at once, without running any of its code.
#[derive(Args)]
pub(super) struct Terminate {
    #[command(flatten)]
    target: Target,
}

/// Deletes a workflow with its history; one that runs is terminated first.
#[derive(Args)]
pub(super) struct Delete {
    #[command(flatten)]
    target: Target,
    /// Refused: Temporal's protocol carries none there.
    #[arg(long, hide = true)]
    headers: Vec<String>,
}

impl Signal {
    pub(super) async fn run(&self, session: &Session<'_>) -> anyhow::Result<Exit> {
        let identity = session.server.identity.clone();
        let (signal, input) = (self.name.clone(), self.input.payloads()?);
        let header = input::header(&self.headers)?;
        match self.target.meant_unasked()? {
            Meant::Many(query) => {
                let it = batch::BatchOperationSignal { signal, input, header, identity };
                self.target.start_batch(session, &query, Operation::SignalOperation(it)).await
            }
            Meant::One(execution) => {
                if self.target.reason.is_some() {
                    let why = "a signal to one workflow carries no reason";
                    return Err(usage(format!("--reason has no effect there: {why}")));
                }
                let request = api::SignalWorkflowExecutionRequest {
                    namespace: session.server.namespace.clone(),
                    workflow_execution: Some(execution),
                    signal_name: signal,
                    input,
                    header,
                    identity,
                    request_id: uuid::Uuid::new_v4().to_string(),
                    ..Default::default()
                };
                let failed = "failed signalling workflow";
                let _: api::SignalWorkflowExecutionResponse =
                    session.server.call("SignalWorkflowExecution", request, failed).await?;
                session.output.line("Signal workflow succeeded");
                Ok(Exit::Completed)
            }
        }
    }
}

/// What nobody would get is not taken.
fn refuse_headers(headers: &[String]) -> anyhow::Result<()> {
    if headers.is_empty() {
        return Ok(());
    }
    Err(usage(
        "--headers has no effect there: Temporal's protocol carries headers to workflows, signals and queries",
    ))
}

impl Cancel {
    pub(super) async fn run(&self, session: &Session<'_>) -> anyhow::Result<Exit> {
        refuse_headers(&self.headers)?;
        let identity = session.server.identity.clone();
        match self.target.meant_unasked()? {
            Meant::Many(query) => {
                let it = batch::BatchOperationCancellation { identity };
                self.target.start_batch(session, &query, Operation::CancellationOperation(it)).await
            }
            Meant::One(execution) => {
                let request = api::RequestCancelWorkflowExecutionRequest {
                    namespace: session.server.namespace.clone(),
                    workflow_execution: Some(execution),
                    identity,
                    request_id: uuid::Uuid::new_v4().to_string(),
                    reason: self.target.reason.clone().unwrap_or_default(),
                    ..Default::default()
                };
                let failed = "failed to cancel workflow";
                let _: api::RequestCancelWorkflowExecutionResponse =
                    session.server.call("RequestCancelWorkflowExecution", request, failed).await?;
                session.output.line("Canceled workflow");
                Ok(Exit::Completed)
            }
        }
    }
}

impl Terminate {
    pub(super) async fn run(&self, session: &Session<'_>) -> anyhow::Result<Exit> {
        let identity = session.server.identity.clone();
        match self.target.meant_unasked()? {
            Meant::Many(query) => {
                let it = batch::BatchOperationTermination { identity, ..Default::default() };
                self.target.start_batch(session, &query, Operation::TerminationOperation(it)).await
            }
            Meant::One(execution) => {
                let request = api::TerminateWorkflowExecutionRequest {
                    namespace: session.server.namespace.clone(),
                    workflow_execution: Some(execution),
                    reason: self.target.reason(),
                    identity,
                    ..Default::default()
                };
                let failed = "failed to terminate workflow";
                let _: api::TerminateWorkflowExecutionResponse =
                    session.server.call("TerminateWorkflowExecution", request, failed).await?;
                session.output.line("Workflow terminated");
                Ok(Exit::Completed)
            }
        }
    }
}

impl Delete {
    pub(super) async fn run(&self, session: &Session<'_>) -> anyhow::Result<Exit> {
        refuse_headers(&self.headers)?;
        match self.target.meant()? {
            Meant::Many(query) => {
                let identity = session.server.identity.clone();
                let it = batch::BatchOperationDeletion { identity };
                self.target.start_batch(session, &query, Operation::DeletionOperation(it)).await
            }
            Meant::One(execution) => {
                if self.target.reason.is_some() {
                    let why = "nothing is left of one workflow that could tell it";
                    return Err(usage(format!("--reason has no effect there: {why}")));
                }
                self.target.needs_no_answer(session)?;
                self.target.confirm(&format!("Delete Workflow {:?}?", execution.workflow_id))?;
                let request = api::DeleteWorkflowExecutionRequest {
                    namespace: session.server.namespace.clone(),
                    workflow_execution: Some(execution),
                };
                let failed = "failed to delete workflow";
                let _: api::DeleteWorkflowExecutionResponse =
                    session.server.call("DeleteWorkflowExecution", request, failed).await?;
                session.output.line("Delete workflow succeeded");
                Ok(Exit::Completed)
            }
        }
    }
}
