//! `workflow describe`.

use super::follow::{self, Ended};
use super::output::Rows;
use super::{Session, Which, list};
use crate::exit::Exit;
use crate::payload;
use clap::Args;
use serde_json::Value;
use std::collections::HashMap;
use std::time::Duration;
use temporalio_protos::temporal::api::common::v1::Payload;
use temporalio_protos::temporal::api::enums::v1::WorkflowExecutionStatus as Status;
use temporalio_protos::temporal::api::workflow::v1::{PendingActivityInfo, WorkflowExecutionInfo};
use temporalio_protos::temporal::api::workflowservice::v1 as api;

/// Shows how a workflow stands, and what it waits for.
#[derive(Args)]
pub(super) struct Describe {
    #[command(flatten)]
    which: Which,
    /// Shows all that the server says, as it is.
    #[arg(long)]
    raw: bool,
}

impl Describe {
    pub(super) async fn run(&self, session: &Session<'_>) -> anyhow::Result<Exit> {
        let request = api::DescribeWorkflowExecutionRequest {
            namespace: session.server.namespace.clone(),
            execution: self.which.execution(),
        };
        let told: api::DescribeWorkflowExecutionResponse = session
            .server
            .call("DescribeWorkflowExecution", request, "failed describing workflow")
            .await?;
        if session.output.is_json() || self.raw {
            let name = "temporal.api.workflowservice.v1.DescribeWorkflowExecutionResponse";
            let mut value = session.output.message(name, &told)?;
            if let Some((event, result)) = closed(session, &told).await? {
                value["closeEvent"] = event;
                if let Some(result) = result {
                    value["result"] = result;
                }
            }
            session.output.json(&value);
            session.output.line(&format!("{value:#}"));
            return Ok(Exit::Completed);
        }
        let info = told.workflow_execution_info.clone().unwrap_or_default();
        session.output.block("Execution Info", &execution(session, &info)?);
        let extended = told.workflow_extended_info.unwrap_or_default();
        let mut rows: Rows = vec![("CancelRequested", extended.cancel_requested.to_string())];
        let original = extended.original_start_time.as_ref().or(info.start_time.as_ref());
        rows.push(("OriginalStartTime", session.output.time(original)));
        session.output.block("Extended Execution Info", &rows);
        session.output.line("");
        if info.status() == Status::Running {
            pending(session, &told.pending_activities);
            session.output.line(&format!(
                "Pending Child Workflows: {}\nPending Nexus Operations: {}",
                told.pending_children.len(),
                told.pending_nexus_operations.len()
            ));
        } else if let Some(run) = &info.execution {
            let event = follow::end(session, run).await?;
            Ended { event, took: duration(&info) }.rows(session);
        }
        Ok(Exit::Completed)
    }
}

/// The event that closed a run, and its result, as JSON.
async fn closed(
    session: &Session<'_>,
    told: &api::DescribeWorkflowExecutionResponse,
) -> anyhow::Result<Option<(Value, Option<Value>)>> {
    let Some(info) = &told.workflow_execution_info else { return Ok(None) };
    let (Some(run), true) = (&info.execution, info.close_time.is_some()) else { return Ok(None) };
    let event = follow::end(session, run).await?;
    Ended { event, took: None }.json(session).map(Some)
}

fn duration(info: &WorkflowExecutionInfo) -> Option<Duration> {
    if let Some(duration) = info.execution_duration {
        return duration.try_into().ok();
    }
    let nanos = |time: &prost_types::Timestamp| {
        i128::from(time.seconds) * 1_000_000_000 + i128::from(time.nanos)
    };
    let took = nanos(info.close_time.as_ref()?) - nanos(info.start_time.as_ref()?);
    u64::try_from(took).ok().map(Duration::from_nanos)
}

fn execution(session: &Session<'_>, info: &WorkflowExecutionInfo) -> anyhow::Result<Rows> {
    let time = |time: Option<&prost_types::Timestamp>| session.output.time(time);
    let run = info.execution.clone().unwrap_or_default();
    let mut rows: Rows = vec![
        ("WorkflowId", run.workflow_id),
        ("RunId", run.run_id),
        ("Type", info.r#type.as_ref().map(|it| it.name.clone()).unwrap_or_default()),
        ("Namespace", session.server.namespace.clone()),
        ("TaskQueue", info.task_queue.clone()),
        ("StartTime", time(info.start_time.as_ref())),
    ];
    if info.close_time.is_some() {
        rows.push(("CloseTime", time(info.close_time.as_ref())));
    }
    rows.push(("ExecutionTime", time(info.execution_time.as_ref())));
    let memo = info.memo.as_ref().map(|memo| &memo.fields);
    rows.extend(fields(session, "Memo", memo)?);
    let attributes = info.search_attributes.as_ref().map(|it| &it.indexed_fields);
    rows.extend(fields(session, "SearchAttributes", attributes)?);
    rows.extend([
        ("StateTransitionCount", info.state_transition_count.to_string()),
        ("HistoryLength", info.history_length.to_string()),
        ("HistorySize", info.history_size_bytes.to_string()),
    ]);
    if let Some(root) = &info.root_execution {
        rows.push(("RootWorkflowId", root.workflow_id.clone()));
        rows.push(("RootRunId", root.run_id.clone()));
    }
    Ok(rows)
}

/// Payloads by name, in the order of their names.
fn fields(
    session: &Session<'_>,
    name: &'static str,
    fields: Option<&HashMap<String, Payload>>,
) -> anyhow::Result<Option<(&'static str, String)>> {
    let Some(fields) = fields.filter(|fields| !fields.is_empty()) else { return Ok(None) };
    let mut shown = serde_json::Map::new();
    for (key, payload) in fields {
        let value = session.output.values(std::slice::from_ref(payload))?.pop();
        shown.insert(key.clone(), value.unwrap_or_default());
    }
    Ok(Some((name, Value::Object(shown).to_string())))
}

fn pending(session: &Session<'_>, activities: &[PendingActivityInfo]) {
    session.output.line(&format!("Pending Activities: {}", activities.len()));
    for it in activities {
        let time = |time: Option<&prost_types::Timestamp>| session.output.time(time);
        let kind = it.activity_type.as_ref().map(|kind| kind.name.clone());
        let state = it.state().as_str_name().trim_start_matches("PENDING_ACTIVITY_STATE_");
        let mut rows: Rows = vec![
            ("ActivityId", it.activity_id.clone()),
            ("Type", kind.unwrap_or_default()),
            ("State", list::status(state)),
            ("Attempt", it.attempt.to_string()),
            ("MaximumAttempts", it.maximum_attempts.to_string()),
            ("ScheduledTime", time(it.scheduled_time.as_ref())),
        ];
        let some = |name, at: &Option<prost_types::Timestamp>| {
            at.as_ref().map(|at| (name, session.output.time(Some(at))))
        };
        rows.extend(some("LastStartedTime", &it.last_started_time));
        rows.extend(some("LastHeartbeatTime", &it.last_heartbeat_time));
        rows.extend(
            it.last_failure
                .as_ref()
                .map(|failure| ("LastFailure", payload::shortened(&failure.message))),
        );
        let identity = &it.last_worker_identity;
        rows.extend((!identity.is_empty()).then(|| ("LastWorkerIdentity", identity.clone())));
        let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
        session.output.line("");
        for (name, value) in rows {
            session.output.line(&format!("  {name:width$}  {value}"));
        }
    }
}
