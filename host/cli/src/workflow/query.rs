//! `workflow query` and `stack`.

use super::input::{self, Input};
use super::{Session, Which, output};
use crate::exit::Exit;
use anyhow::bail;
use clap::{Args, ValueEnum};
use serde_json::json;
use temporalio_protos::temporal::api::enums::v1::QueryRejectCondition;
use temporalio_protos::temporal::api::query::v1::WorkflowQuery;
use temporalio_protos::temporal::api::workflowservice::v1 as api;

/// Asks a workflow how it stands.
#[derive(Args)]
pub(super) struct Query {
    #[command(flatten)]
    which: Which,
    /// The query's name.
    #[arg(long = "name", visible_alias = "type")]
    name: String,
    #[command(flatten)]
    input: Input,
    /// A header of the query, as KEY=JSON; can be repeated.
    #[arg(long, value_name = "KEY=JSON")]
    headers: Vec<String>,
    #[command(flatten)]
    reject: Reject,
}

/// Shows where in its code a workflow waits.
#[derive(Args)]
pub(super) struct Stack {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    reject: Reject,
}

#[derive(Args)]
struct Reject {
    /// Of which workflows it is not asked.
    #[arg(long, value_enum)]
    reject_condition: Option<Condition>,
}

#[derive(Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Condition {
    NotOpen,
    NotCompletedCleanly,
}

impl Query {
    pub(super) async fn run(&self, session: &Session<'_>) -> anyhow::Result<Exit> {
        let query = WorkflowQuery {
            query_type: self.name.clone(),
            query_args: self.input.payloads()?,
            header: input::header(&self.headers)?,
        };
        ask(session, &self.which, query, &self.reject).await
    }
}

impl Stack {
    pub(super) async fn run(&self, session: &Session<'_>) -> anyhow::Result<Exit> {
        let query = WorkflowQuery { query_type: "__stack_trace".into(), ..Default::default() };
        ask(session, &self.which, query, &self.reject).await
    }
}

async fn ask(
    session: &Session<'_>,
    which: &Which,
    query: WorkflowQuery,
    reject: &Reject,
) -> anyhow::Result<Exit> {
    let condition = match reject.reject_condition {
        None => QueryRejectCondition::Unspecified,
        Some(Condition::NotOpen) => QueryRejectCondition::NotOpen,
        Some(Condition::NotCompletedCleanly) => QueryRejectCondition::NotCompletedCleanly,
    };
    let request = api::QueryWorkflowRequest {
        namespace: session.server.namespace.clone(),
        execution: which.execution(),
        query: Some(query),
        query_reject_condition: condition.into(),
    };
    let answer: api::QueryWorkflowResponse =
        session.server.call("QueryWorkflow", request, "querying workflow failed").await?;
    if let Some(rejected) = answer.query_rejected {
        let status = super::list::status(rejected.status().as_str_name());
        bail!("query was rejected, workflow has status: {status}");
    }
    let result = answer.query_result.unwrap_or_default();
    let name = "temporal.api.common.v1.Payloads";
    let values = session.output.readable(name, &result)?;
    session.output.json(&json!({ "queryResult": values }));
    let text = output::texts(Some(&result));
    session.output.block("Query result", &[("QueryResult", text)]);
    Ok(Exit::Completed)
}
