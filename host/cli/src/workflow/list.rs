//! `workflow list` and `count`.

use super::{Session, output, served};
use crate::exit::Exit;
use anyhow::Context;
use clap::Args;
use serde_json::Value;
use temporalio_protos::temporal::api::common::v1::Payload;
use temporalio_protos::temporal::api::workflow::v1::WorkflowExecutionInfo;
use temporalio_protos::temporal::api::workflowservice::v1 as api;

/// Lists workflows, the newest first.
#[derive(Args)]
pub(super) struct List {
    /// Which, as `WorkflowType = 'greeting' AND ExecutionStatus = 'Running'`.
    #[arg(short, long, default_value = "", hide_default_value = true)]
    query: String,
    /// Those that have been archived. A server without an archive refuses it.
    #[arg(long)]
    archived: bool,
    /// At most so many.
    #[arg(long, allow_negative_numbers = true)]
    limit: Option<i64>,
    /// How many are asked for at once.
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    page_size: i32,
}

/// Counts workflows.
#[derive(Args)]
pub(super) struct Count {
    /// Which; `GROUP BY ExecutionStatus` counts them by their status.
    #[arg(short, long, default_value = "", hide_default_value = true)]
    query: String,
}

impl List {
    pub(super) async fn run(&self, session: &Session<'_>) -> anyhow::Result<Exit> {
        let runs = self.all(session).await?;
        if session.output.is_json() {
            let name = "temporal.api.workflow.v1.WorkflowExecutionInfo";
            let values: anyhow::Result<Vec<Value>> =
                runs.iter().map(|run| session.output.readable(name, run)).collect();
            match session.output.output {
                // A line for each, as the format is named.
                output::Format::Jsonl => values?.iter().for_each(|it| session.output.json(it)),
                _ => session.output.json(&Value::Array(values?)),
            }
        } else if !runs.is_empty() {
            let row = |run: &WorkflowExecutionInfo| {
                let id = run.execution.as_ref().map(|it| it.workflow_id.clone());
                let kind = run.r#type.as_ref().map(|it| it.name.clone());
                [
                    status(run.status().as_str_name()),
                    id.unwrap_or_default(),
                    kind.unwrap_or_default(),
                    session.output.time(run.start_time.as_ref()),
                ]
            };
            let heads = ["Status", "WorkflowId", "Type", "StartTime"];
            session.output.line(&output::table(heads, runs.iter().map(row).collect()));
            if session.output.is_text() {
                // Not among the rows, which scripts read as well.
                for said in served::of_list(session, &runs).await {
                    eprintln!("note: {said}");
                }
            }
        }
        Ok(Exit::Completed)
    }

    async fn all(&self, session: &Session<'_>) -> anyhow::Result<Vec<WorkflowExecutionInfo>> {
        let (mut runs, mut next_page_token) = (Vec::new(), Vec::new());
        // As with Temporal's command, none stands for no limit.
        let limit = self.limit.and_then(|limit| usize::try_from(limit).ok());
        let limit = limit.filter(|limit| *limit > 0).unwrap_or(usize::MAX);
        loop {
            let (namespace, query) = (session.server.namespace.clone(), self.query.clone());
            let (page_size, failed) = (self.page_size, "failed listing workflows");
            let (executions, token) = if self.archived {
                let request = api::ListArchivedWorkflowExecutionsRequest {
                    namespace,
                    page_size,
                    next_page_token,
                    query,
                };
                let answer: api::ListArchivedWorkflowExecutionsResponse =
                    session.server.call("ListArchivedWorkflowExecutions", request, failed).await?;
                (answer.executions, answer.next_page_token)
            } else {
                let request = api::ListWorkflowExecutionsRequest {
                    namespace,
                    page_size,
                    next_page_token,
                    query,
                };
                let answer: api::ListWorkflowExecutionsResponse =
                    session.server.call("ListWorkflowExecutions", request, failed).await?;
                (answer.executions, answer.next_page_token)
            };
            runs.extend(executions);
            next_page_token = token;
            if next_page_token.is_empty() || runs.len() >= limit {
                runs.truncate(limit);
                return Ok(runs);
            }
        }
    }
}

/// How many workflows a query means.
pub(super) async fn count(
    session: &Session<'_>,
    query: &str,
) -> anyhow::Result<api::CountWorkflowExecutionsResponse> {
    let (namespace, query) = (session.server.namespace.clone(), query.to_owned());
    let request = api::CountWorkflowExecutionsRequest { namespace, query };
    session.server.call("CountWorkflowExecutions", request, "failed counting workflows").await
}

impl Count {
    pub(super) async fn run(&self, session: &Session<'_>) -> anyhow::Result<Exit> {
        let counted = count(session, &self.query).await?;
        session.output.line(&format!("Total: {}", counted.count));
        let name = "temporal.api.workflowservice.v1.CountWorkflowExecutionsResponse";
        let mut counted = counted;
        for payload in counted.groups.iter_mut().flat_map(|group| &mut group.group_values) {
            // Whether a status is a search attribute of that type matters to nobody who counts.
            payload.metadata.retain(|name, _| name == "encoding");
        }
        session.output.json(&session.output.readable(name, &counted)?);
        for group in &counted.groups {
            let values: anyhow::Result<Vec<String>> = group.group_values.iter().map(text).collect();
            let values = values?;
            let line = format!("Group total: {}, values: {}", group.count, values.join(", "));
            session.output.line(&line);
        }
        Ok(Exit::Completed)
    }
}

/// A group's value: a text without its quotes.
fn text(payload: &Payload) -> anyhow::Result<String> {
    let value: Value = serde_json::from_slice(&payload.data)
        .context("the server's answer cannot be read: a group's value is no JSON")?;
    Ok(value.as_str().map_or_else(|| value.to_string(), Into::into))
}

/// `WORKFLOW_EXECUTION_STATUS_TIMED_OUT` is `TimedOut`.
pub(super) fn status(name: &str) -> String {
    let name = name.trim_start_matches("WORKFLOW_EXECUTION_STATUS_");
    let word = |word: &str| match word.split_at_checked(1) {
        Some((first, rest)) => format!("{first}{}", rest.to_lowercase()),
        None => String::new(),
    };
    name.split('_').map(word).collect()
}
