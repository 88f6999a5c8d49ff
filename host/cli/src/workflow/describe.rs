//! `workflow describe`.

use super::follow::{self, Ended};
use super::output::Rows;
use super::{Session, Which, list, output, served};
use crate::exit::Exit;
use crate::payload;
use clap::Args;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::time::Duration;
use temporalio_protos::temporal::api::common::v1::{Payload, Payloads};
use temporalio_protos::temporal::api::enums::v1::PendingActivityState;
use temporalio_protos::temporal::api::enums::v1::WorkflowExecutionStatus as Status;
use temporalio_protos::temporal::api::workflow::v1 as workflow;
use temporalio_protos::temporal::api::workflowservice::v1 as api;

/// Shows how a workflow stands, and what it waits for.
#[derive(Args)]
pub(super) struct Describe {
    #[command(flatten)]
    which: Which,
    /// Taken for the sake of scripts: Temporal's command shows the same with it and without.
    #[arg(long, hide = true)]
    raw: bool,
    /// Shows only the points to which a reset goes on its own.
    #[arg(long)]
    reset_points: bool,
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
        if self.reset_points {
            return reset_points(session, &told);
        }
        if session.output.is_json() {
            let name = "temporal.api.workflowservice.v1.DescribeWorkflowExecutionResponse";
            let mut value = session.output.readable(name, &told)?;
            if let Some((event, result)) = closed(session, &told).await? {
                value["closeEvent"] = event;
                if let Some(result) = result {
                    value["result"] = result;
                }
            }
            session.output.json(&value);
            return Ok(Exit::Completed);
        }
        let info = told.workflow_execution_info.clone().unwrap_or_default();
        session.output.block("Execution Info", &execution(session, &info));
        let extended = told.workflow_extended_info.unwrap_or_default();
        let mut rows: Rows = vec![("CancelRequested", extended.cancel_requested.to_string())];
        let original = extended.original_start_time.as_ref().or(info.start_time.as_ref());
        rows.push(("OriginalStartTime", session.output.time(original)));
        session.output.block("Extended Execution Info", &rows);
        session.output.line("");
        metadata(session, told.execution_config.as_ref());
        if info.status() == Status::Running {
            pending(session, &told.pending_activities).await;
            session.output.line(&format!(
                "Pending Child Workflows: {}\nPending Nexus Operations: {}",
                told.pending_children.len(),
                told.pending_nexus_operations.len()
            ));
            if let Some(not_served) = served::of_workflow(session, &info).await {
                let task = told.pending_workflow_task.and_then(|task| task.scheduled_time);
                let waits = task
                    .map(|it| format!("; one was scheduled {}", session.output.time(Some(&it))));
                let waits = waits.unwrap_or_default();
                session.output.line(&format!("Not Served: {not_served}{waits}"));
            }
        } else if let Some(run) = &info.execution {
            let event = follow::end(session, run).await?;
            Ended { event, took: duration(&info) }.rows(session);
        }
        Ok(Exit::Completed)
    }
}

/// What was said of the workflow for people when it was started.
fn metadata(session: &Session<'_>, config: Option<&workflow::WorkflowExecutionConfig>) {
    let Some(metadata) = config.and_then(|it| it.user_metadata.as_ref()) else { return };
    let text = |it: &Option<Payload>| {
        let payloads = it.clone().map(|payload| Payloads { payloads: vec![payload] });
        output::texts(payloads.as_ref())
    };
    let rows =
        [("StaticSummary", text(&metadata.summary)), ("StaticDetails", text(&metadata.details))];
    session.output.block("Metadata", &rows);
    session.output.line("");
}

fn reset_points(
    session: &Session<'_>,
    told: &api::DescribeWorkflowExecutionResponse,
) -> anyhow::Result<Exit> {
    let points = told.workflow_execution_info.as_ref().and_then(|it| it.auto_reset_points.as_ref());
    let points = points.map_or(&[][..], |it| &it.points);
    let mut values = Vec::new();
    session.output.line(&format!("Auto Reset Points: {}", points.len()));
    for it in points {
        let name = "temporal.api.workflow.v1.ResetPointInfo";
        let point = session.output.message(name, it)?;
        // The names that Temporal's command gives them.
        values.push(json!({
            "BinaryChecksum": point.get("binaryChecksum").cloned().unwrap_or_else(|| "".into()),
            "CreateTime": point.get("createTime").cloned().unwrap_or_default(),
            "RunId": it.run_id,
            "EventId": it.first_workflow_task_completed_id,
        }));
        #[expect(deprecated, reason = "it is shown as Temporal's command shows it")]
        let rows: Rows = vec![
            ("BinaryChecksum", it.binary_checksum.clone()),
            ("CreateTime", session.output.time(it.create_time.as_ref())),
            ("RunId", it.run_id.clone()),
            ("EventId", it.first_workflow_task_completed_id.to_string()),
        ];
        session.output.rows(&rows);
    }
    session.output.json(&Value::Array(values));
    Ok(Exit::Completed)
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

fn duration(info: &workflow::WorkflowExecutionInfo) -> Option<Duration> {
    if let Some(duration) = info.execution_duration {
        return duration.try_into().ok();
    }
    let nanos = |time: &prost_types::Timestamp| {
        i128::from(time.seconds) * 1_000_000_000 + i128::from(time.nanos)
    };
    let took = nanos(info.close_time.as_ref()?) - nanos(info.start_time.as_ref()?);
    u64::try_from(took).ok().map(Duration::from_nanos)
}

fn execution(session: &Session<'_>, info: &workflow::WorkflowExecutionInfo) -> Rows {
    let time = |time: Option<&prost_types::Timestamp>| session.output.time(time);
    let run = info.execution.clone().unwrap_or_default();
    #[expect(deprecated, reason = "it is shown as Temporal's command shows it")]
    let build = info.assigned_build_id.clone();
    let mut rows: Rows = vec![
        ("WorkflowId", run.workflow_id),
        ("RunId", run.run_id),
        ("Type", info.r#type.as_ref().map(|it| it.name.clone()).unwrap_or_default()),
        ("Namespace", session.server.namespace.clone()),
        ("TaskQueue", info.task_queue.clone()),
        ("AssignedBuildId", build),
        ("StartTime", time(info.start_time.as_ref())),
    ];
    if info.close_time.is_some() {
        rows.push(("CloseTime", time(info.close_time.as_ref())));
    }
    rows.push(("ExecutionTime", time(info.execution_time.as_ref())));
    let memo = info.memo.as_ref().map(|memo| &memo.fields);
    rows.extend(fields("Memo", memo));
    let attributes = info.search_attributes.as_ref().map(|it| &it.indexed_fields);
    rows.extend(fields("SearchAttributes", attributes));
    rows.extend([
        ("StateTransitionCount", info.state_transition_count.to_string()),
        ("HistoryLength", info.history_length.to_string()),
        ("HistorySize", info.history_size_bytes.to_string()),
    ]);
    if let Some(root) = &info.root_execution {
        rows.push(("RootWorkflowId", root.workflow_id.clone()));
        rows.push(("RootRunId", root.run_id.clone()));
    }
    rows
}

/// Payloads by name, in the order of their names.
fn fields(
    name: &'static str,
    fields: Option<&HashMap<String, Payload>>,
) -> Option<(&'static str, String)> {
    let fields = fields.filter(|fields| !fields.is_empty())?;
    let mut shown = serde_json::Map::new();
    for (key, payload) in fields {
        let payloads = Payloads { payloads: vec![payload.clone()] };
        let text = output::texts(Some(&payloads));
        let value = serde_json::from_str(&text).unwrap_or_else(|_| Value::from(text));
        shown.insert(key.clone(), value);
    }
    Some((name, Value::Object(shown).to_string()))
}

async fn pending(session: &Session<'_>, activities: &[workflow::PendingActivityInfo]) {
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
        // An attempt that is under way has its worker.
        if it.state() == PendingActivityState::Scheduled {
            rows.extend(served::of_activity(session, it).await.map(|said| ("NotServed", said)));
        }
        session.output.line("");
        session.output.rows(&rows);
    }
}
