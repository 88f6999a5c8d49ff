//! Starting runs, with and without a signal.

use super::Frontend;
use crate::convert::{from_api, some_from_api, timeout};
use crate::refusal::Refusal;
use sandglass_host::core::engine::Start;
use sandglass_host::core::event::signal::Signaled;
use sandglass_host::core::policy::{
    WorkflowExecutionStatus, WorkflowIdConflictPolicy, WorkflowIdReusePolicy,
};
use sandglass_host::{StartWorkflow, StartedWorkflow};
use temporalio_protos::temporal::api::workflowservice::v1 as api;
use tonic::Request;

impl Frontend {
    pub(super) async fn start(
        &self,
        request: Request<api::StartWorkflowExecutionRequest>,
    ) -> Result<api::StartWorkflowExecutionResponse, Refusal> {
        let request = request.into_inner();
        self.check_namespace(&request.namespace)?;
        refuse_without_effect(&request)?;
        let reuse = WorkflowIdReusePolicy::from_number(request.workflow_id_reuse_policy);
        let conflict = WorkflowIdConflictPolicy::from_number(request.workflow_id_conflict_policy);
        let StartedWorkflow { handle, is_new } = self
            .client
            .start_or_find(
                StartWorkflow::with(start_of(request)?)
                    .id_reuse_policy(reuse)
                    .id_conflict_policy(conflict),
            )
            .await?;
        let run_id = handle.run_id().unwrap_or_default().to_owned();
        // What it has come to meanwhile is of no interest to who started it now.
        let status = match is_new {
            true => WorkflowExecutionStatus::Running,
            false => handle.describe().await?.status,
        };
        Ok(api::StartWorkflowExecutionResponse {
            first_execution_run_id: run_id.clone(),
            run_id,
            started: is_new,
            status: status.number(),
            ..Default::default()
        })
    }

    pub(super) async fn signal_with_start(
        &self,
        request: Request<api::SignalWithStartWorkflowExecutionRequest>,
    ) -> Result<api::SignalWithStartWorkflowExecutionResponse, Refusal> {
        let request = request.into_inner();
        self.check_namespace(&request.namespace)?;
        let reuse = WorkflowIdReusePolicy::from_number(request.workflow_id_reuse_policy);
        let conflict =
            match WorkflowIdConflictPolicy::from_number(request.workflow_id_conflict_policy) {
                // An open run gets the signal, unless the old reuse policy says that it ends.
                WorkflowIdConflictPolicy::Unspecified
                    if reuse != WorkflowIdReusePolicy::TerminateIfRunning =>
                {
                    WorkflowIdConflictPolicy::UseExisting
                }
                WorkflowIdConflictPolicy::Fail => {
                    let policy = "WORKFLOW_ID_CONFLICT_POLICY_FAIL";
                    let text = "is not supported for this operation.";
                    return Err(Refusal::Invalid(format!(
                        "Invalid WorkflowIDConflictPolicy: {policy} {text}"
                    )));
                }
                other => other,
            };
        let mut request = request;
        let (length, max) =
            (request.signal_name.chars().count(), self.client.limits().id_chars_max);
        if length == 0 {
            return Err(Refusal::Invalid("signal not set".into()));
        }
        if length > max {
            let text = format!("signal name exceeds maximum allowed length ({length}/{max})");
            return Err(Refusal::Invalid(text));
        }
        let signal = Signaled {
            signal_name: std::mem::take(&mut request.signal_name),
            input: some_from_api(request.signal_input.as_ref())?,
            identity: request.identity.clone(),
            header: some_from_api(request.header.as_ref())?,
            request_id: request.request_id.clone(),
            ..Signaled::default()
        };
        let request = start_part(request);
        refuse_without_effect(&request)?;
        let mut start = start_of(request)?;
        start.signal = Some(signal);
        let start = StartWorkflow::with(start).id_reuse_policy(reuse).id_conflict_policy(conflict);
        let StartedWorkflow { handle, is_new } = self.client.start_or_find(start).await?;
        let run_id = handle.run_id().unwrap_or_default().to_owned();
        Ok(api::SignalWithStartWorkflowExecutionResponse {
            first_execution_run_id: run_id.clone(),
            run_id,
            started: is_new,
            ..Default::default()
        })
    }
}

/// The start that stands in a signal with start.
fn start_part(
    request: api::SignalWithStartWorkflowExecutionRequest,
) -> api::StartWorkflowExecutionRequest {
    api::StartWorkflowExecutionRequest {
        namespace: request.namespace,
        workflow_id: request.workflow_id,
        workflow_type: request.workflow_type,
        task_queue: request.task_queue,
        input: request.input,
        workflow_execution_timeout: request.workflow_execution_timeout,
        workflow_run_timeout: request.workflow_run_timeout,
        workflow_task_timeout: request.workflow_task_timeout,
        identity: request.identity,
        request_id: request.request_id,
        retry_policy: request.retry_policy,
        cron_schedule: request.cron_schedule,
        memo: request.memo,
        search_attributes: request.search_attributes,
        header: request.header,
        workflow_start_delay: request.workflow_start_delay,
        user_metadata: request.user_metadata,
        links: request.links,
        versioning_override: request.versioning_override,
        priority: request.priority,
        time_skipping_config: request.time_skipping_config,
        ..Default::default()
    }
}

/// Refuses the fields that would be dropped (D15). Those of eager starts and of deployments only say what a caller could take.
fn refuse_without_effect(request: &api::StartWorkflowExecutionRequest) -> Result<(), Refusal> {
    let given = [
        ("continued_failure", request.continued_failure.is_some()),
        ("last_completion_result", request.last_completion_result.is_some()),
        ("completion_callbacks", !request.completion_callbacks.is_empty()),
        ("links", !request.links.is_empty()),
        ("versioning_override", request.versioning_override.is_some()),
        ("on_conflict_options", request.on_conflict_options.is_some()),
        ("time_skipping_config", request.time_skipping_config.is_some()),
    ];
    match given.into_iter().find(|(_, given)| *given) {
        Some((name, _)) => Err(Refusal::NotSupported(name)),
        None => Ok(()),
    }
}

fn start_of(request: api::StartWorkflowExecutionRequest) -> Result<Start, Refusal> {
    let no_queue = || Refusal::Invalid("taskQueue is not set".into());
    Ok(Start {
        workflow_type: request.workflow_type.map(|it| it.name).unwrap_or_default(),
        task_queue: from_api(&request.task_queue.ok_or_else(no_queue)?)?,
        input: some_from_api(request.input.as_ref())?,
        workflow_execution_timeout: timeout(
            request.workflow_execution_timeout,
            "WorkflowExecutionTimeoutSeconds",
        )?,
        workflow_run_timeout: timeout(request.workflow_run_timeout, "WorkflowRunTimeoutSeconds")?,
        workflow_task_timeout: timeout(
            request.workflow_task_timeout,
            "WorkflowTaskTimeoutSeconds",
        )?,
        retry_policy: some_from_api(request.retry_policy.as_ref())?,
        start_delay: timeout(request.workflow_start_delay, "WorkflowStartDelay")?,
        memo: some_from_api(request.memo.as_ref())?,
        search_attributes: some_from_api(request.search_attributes.as_ref())?,
        header: some_from_api(request.header.as_ref())?,
        user_metadata: some_from_api(request.user_metadata.as_ref())?,
        priority: some_from_api(request.priority.as_ref())?,
        workflow_id: request.workflow_id,
        identity: request.identity,
        request_id: request.request_id,
        cron_schedule: request.cron_schedule,
        signal: None,
    })
}
