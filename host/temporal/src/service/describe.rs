//! How a run stands.

use super::Frontend;
use crate::convert::{duration, some_to_api, time, to_api};
use crate::refusal::Refusal;
use sandglass_host::WorkflowDescription;
use sandglass_host::core::engine::{PendingActivity, PendingActivityState};
use temporalio_protos::temporal::api::activity::v1::ActivityOptions;
use temporalio_protos::temporal::api::common::v1 as common;
use temporalio_protos::temporal::api::enums::v1 as enums;
use temporalio_protos::temporal::api::taskqueue::v1::TaskQueue;
use temporalio_protos::temporal::api::workflow::v1 as workflow;
use temporalio_protos::temporal::api::workflowservice::v1 as api;
use tonic::Request;

impl Frontend {
    pub(super) async fn describe(
        &self,
        request: Request<api::DescribeWorkflowExecutionRequest>,
    ) -> Result<api::DescribeWorkflowExecutionResponse, Refusal> {
        let request = request.into_inner();
        self.check_namespace(&request.namespace)?;
        let run = self.handle(request.execution.as_ref(), "")?.describe().await?;
        let activities = run.pending_activities.iter().map(pending_activity);
        Ok(api::DescribeWorkflowExecutionResponse {
            execution_config: Some(config(&run)?),
            workflow_execution_info: Some(info(&run)?),
            pending_activities: activities.collect::<Result<_, _>>()?,
            pending_workflow_task: pending_workflow_task(&run),
            workflow_extended_info: Some(extended_info(&run)),
            ..Default::default()
        })
    }
}

fn queue(name: &str) -> TaskQueue {
    let kind = enums::TaskQueueKind::Normal.into();
    TaskQueue { name: name.into(), kind, ..Default::default() }
}

fn config(run: &WorkflowDescription) -> Result<workflow::WorkflowExecutionConfig, Refusal> {
    Ok(workflow::WorkflowExecutionConfig {
        task_queue: Some(queue(&run.task_queue)),
        workflow_execution_timeout: run.workflow_execution_timeout.map(duration),
        workflow_run_timeout: run.workflow_run_timeout.map(duration),
        default_workflow_task_timeout: Some(duration(run.workflow_task_timeout)),
        user_metadata: some_to_api(run.user_metadata.as_ref())?,
    })
}

fn info(run: &WorkflowDescription) -> Result<workflow::WorkflowExecutionInfo, Refusal> {
    let execution: common::WorkflowExecution = to_api(&run.execution)?;
    Ok(workflow::WorkflowExecutionInfo {
        root_execution: Some(execution.clone()),
        first_run_id: execution.run_id.clone(),
        execution: Some(execution),
        r#type: Some(common::WorkflowType { name: run.workflow_type.clone() }),
        start_time: Some(time(run.start_time)),
        execution_time: Some(time(run.start_time)),
        close_time: run.close_time.map(time),
        execution_duration: run.close_time.map(|close| duration(close.since(run.start_time))),
        status: run.status.number(),
        history_length: run.history_length,
        history_size_bytes: run.history_size_bytes,
        memo: Some(some_to_api(run.memo.as_ref())?.unwrap_or_default()),
        search_attributes: some_to_api(run.search_attributes.as_ref())?,
        task_queue: run.task_queue.clone(),
        priority: Some(some_to_api(run.priority.as_ref())?.unwrap_or_default()),
        ..Default::default()
    })
}

fn extended_info(run: &WorkflowDescription) -> workflow::WorkflowExecutionExtendedInfo {
    let started = workflow::RequestIdInfo {
        event_type: enums::EventType::WorkflowExecutionStarted.into(),
        event_id: 1,
        ..Default::default()
    };
    let start_request = Some(&run.start_request_id).filter(|id| !id.is_empty());
    workflow::WorkflowExecutionExtendedInfo {
        run_expiration_time: run.expiration_time.map(time),
        cancel_requested: run.cancel_requested,
        original_start_time: Some(time(run.start_time)),
        request_id_infos: start_request.map(|id| (id.clone(), started)).into_iter().collect(),
        ..Default::default()
    }
}

fn pending_workflow_task(run: &WorkflowDescription) -> Option<workflow::PendingWorkflowTaskInfo> {
    let task = run.pending_workflow_task.as_ref()?;
    let state = match task.started {
        true => enums::PendingWorkflowTaskState::Started,
        false => enums::PendingWorkflowTaskState::Scheduled,
    };
    Some(workflow::PendingWorkflowTaskInfo {
        state: state.into(),
        scheduled_time: Some(time(task.scheduled_time)),
        original_scheduled_time: Some(time(task.scheduled_time)),
        started_time: task.started_time.map(time),
        attempt: i32::try_from(task.attempt).unwrap_or(i32::MAX),
    })
}

fn pending_activity(it: &PendingActivity) -> Result<workflow::PendingActivityInfo, Refusal> {
    let state = match it.state {
        PendingActivityState::Scheduled => enums::PendingActivityState::Scheduled,
        PendingActivityState::Started => enums::PendingActivityState::Started,
        PendingActivityState::CancelRequested => enums::PendingActivityState::CancelRequested,
    };
    let options = ActivityOptions {
        task_queue: Some(queue(&it.task_queue)),
        schedule_to_close_timeout: it.schedule_to_close_timeout.map(duration),
        schedule_to_start_timeout: it.schedule_to_start_timeout.map(duration),
        start_to_close_timeout: it.start_to_close_timeout.map(duration),
        heartbeat_timeout: it.heartbeat_timeout.map(duration),
        retry_policy: some_to_api(it.retry_policy.as_ref())?,
        priority: some_to_api(it.priority.as_ref())?,
        ..Default::default()
    };
    Ok(workflow::PendingActivityInfo {
        activity_id: it.activity_id.clone(),
        activity_type: Some(common::ActivityType { name: it.activity_type.clone() }),
        state: state.into(),
        heartbeat_details: some_to_api(it.heartbeat_details.as_ref())?,
        last_heartbeat_time: it.last_heartbeat_time.map(time),
        last_started_time: it.last_started_time.map(time),
        attempt: i32::try_from(it.attempt).unwrap_or(i32::MAX),
        maximum_attempts: it.maximum_attempts,
        scheduled_time: Some(time(it.scheduled_time)),
        expiration_time: it.expiration_time.map(time),
        last_failure: some_to_api(it.last_failure.as_ref())?,
        last_worker_identity: it.last_worker_identity.clone(),
        next_attempt_schedule_time: it.next_attempt_time.map(time),
        priority: some_to_api(it.priority.as_ref())?,
        activity_options: Some(options),
        ..Default::default()
    })
}
