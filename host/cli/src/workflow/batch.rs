//! What is asked of many workflows at once, by a query: a batch operation.

use super::{Session, connection, list};
use crate::exit::{Exit, usage};
use anyhow::bail;
use clap::Args;
use serde_json::json;
use std::io::{BufRead, Write};
use temporalio_protos::temporal::api::common::v1::WorkflowExecution;
use temporalio_protos::temporal::api::workflowservice::v1 as api;
use temporalio_protos::temporal::api::workflowservice::v1::start_batch_operation_request::Operation;

/// One workflow by its id, or all that a query means.
#[derive(Args)]
pub(super) struct Target {
    /// Workflow id. Give this or --query.
    #[arg(short, long)]
    pub(super) workflow_id: Option<String>,
    /// Run id; the latest run when left out.
    #[arg(short, long, conflicts_with = "query", default_value = "", hide_default_value = true)]
    run_id: String,
    /// All workflows that the query means, in a batch operation. Give this or --workflow-id.
    #[arg(short, long, conflicts_with = "workflow_id")]
    query: Option<String>,
    /// Why; for people who look at the workflow or at the batch.
    #[arg(long)]
    pub(super) reason: Option<String>,
    /// How many workflows a batch takes a second, at most.
    #[arg(long, conflicts_with = "workflow_id", default_value_t = 0.0, hide_default_value = true)]
    rps: f32,
    /// Asks nothing before it begins.
    #[arg(short, long)]
    pub(super) yes: bool,
}

/// What is meant.
pub(super) enum Meant {
    One(WorkflowExecution),
    Many(String),
}

impl Target {
    pub(super) fn meant(&self) -> anyhow::Result<Meant> {
        match (&self.workflow_id, &self.query) {
            (Some(workflow_id), _) => Ok(Meant::One(WorkflowExecution {
                workflow_id: workflow_id.clone(),
                run_id: self.run_id.clone(),
            })),
            (None, Some(query)) => Ok(Meant::Many(query.clone())),
            (None, None) => Err(usage("give --workflow-id, or --query for many at once")),
        }
    }

    /// The same, where one workflow is asked without a question before.
    pub(super) fn meant_unasked(&self) -> anyhow::Result<Meant> {
        if self.yes && self.workflow_id.is_some() {
            return Err(usage("--yes has no effect on one workflow: nothing is asked before"));
        }
        self.meant()
    }

    /// Why, in words of this command where none were given.
    pub(super) fn reason(&self) -> String {
        let default = || format!("Requested from CLI by {}", connection::user());
        self.reason.clone().unwrap_or_else(default)
    }

    /// Starts a batch operation on all that `query` means.
    pub(super) async fn start_batch(
        &self,
        session: &Session<'_>,
        query: &str,
        operation: Operation,
    ) -> anyhow::Result<Exit> {
        let counted = list::count(session, query).await?.count;
        self.needs_no_answer(session)?;
        self.confirm(&format!("Start batch against approximately {counted} workflow(s)?"))?;
        let job_id = uuid::Uuid::new_v4().to_string();
        let request = api::StartBatchOperationRequest {
            namespace: session.server.namespace.clone(),
            visibility_query: query.into(),
            job_id: job_id.clone(),
            reason: self.reason(),
            max_operations_per_second: self.rps,
            operation: Some(operation),
            ..Default::default()
        };
        let _: api::StartBatchOperationResponse = session
            .server
            .call("StartBatchOperation", request, "failed starting batch operation")
            .await?;
        session.output.line(&format!("Started batch for job ID: {job_id}"));
        session.output.json(&json!({ "batchJobId": job_id }));
        Ok(Exit::Completed)
    }

    /// Who reads JSON is not asked.
    pub(super) fn needs_no_answer(&self, session: &Session<'_>) -> anyhow::Result<()> {
        if session.output.is_json() && !self.yes {
            bail!("must bypass prompts when using JSON output: add --yes");
        }
        Ok(())
    }

    /// Asks whoever sits there, unless that was answered by a flag.
    pub(super) fn confirm(&self, question: &str) -> anyhow::Result<()> {
        if self.yes {
            return Ok(());
        }
        // Not among what is answered, which may be JSON.
        eprint!("{question} y/N ");
        std::io::stderr().flush()?;
        let mut answer = String::new();
        std::io::stdin().lock().read_line(&mut answer)?;
        match answer.trim().to_lowercase().as_str() {
            "y" | "yes" => Ok(()),
            _ => bail!("user denied confirmation; --yes asks nothing"),
        }
    }
}
