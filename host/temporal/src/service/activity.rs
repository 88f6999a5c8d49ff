//! Activity workers: polls, heartbeats, and how attempts end; by token or by the activity's id.

use super::{Frontend, POLL_MAX, wait_of};
use crate::convert::{duration, from_api, non_empty, some_from_api, some_to_api, time, to_api};
use crate::refusal::Refusal;
use sandglass_host::core::engine::{ActivityEnd, ActivityTask, ActivityTaskToken, CancelReason};
use sandglass_host::core::proto::Message as _;
use sandglass_host::{ClientError, core};
use temporalio_protos::temporal::api::common::v1 as common;
use temporalio_protos::temporal::api::failure::v1 as failure;
use temporalio_protos::temporal::api::workflowservice::v1 as api;
use tonic::Request;

/// How an activity is named without a token.
struct ById<'a> {
    workflow_id: &'a str,
    run_id: &'a str,
    activity_id: &'a str,
}

impl Frontend {
    pub(super) async fn poll_activity(
        &self,
        request: Request<api::PollActivityTaskQueueRequest>,
    ) -> Result<api::PollActivityTaskQueueResponse, Refusal> {
        let wait = wait_of(&request, POLL_MAX);
        let _polling = self.polls.begin(&request)?;
        let request = request.into_inner();
        self.check_namespace(&request.namespace)?;
        let queue = self.queue_name(request.task_queue)?;
        if request.identity.chars().count() > self.client.limits().id_chars_max {
            return Err(Refusal::Invalid("Identity length exceeds limit.".into()));
        }
        if self.activities.polls(&queue) >= self.polls.of_a_queue_max {
            return Err(self.polls.too_many_at_a_queue());
        }
        self.pollers.note(&queue, &request.identity, self.client.now());
        // An empty answer is what a worker knows as "nothing yet".
        tokio::select! {
            polled = self.activities.poll(&queue, &request.identity) => match polled {
                Ok(task) => self.task(task),
                Err(ClientError::ShutDown) => Ok(Default::default()),
                Err(error) => Err(error.into()),
            },
            () = tokio::time::sleep(wait) => Ok(Default::default()),
            () = self.is_closing() => Ok(Default::default()),
        }
    }

    fn task(&self, task: ActivityTask) -> Result<api::PollActivityTaskQueueResponse, Refusal> {
        // A worker takes a missing timeout for an unknown one; Temporal says 0 for none.
        let timeout = |timeout: Option<_>| Some(duration(timeout.unwrap_or_default()));
        Ok(api::PollActivityTaskQueueResponse {
            task_token: task.token.to_bytes().into(),
            workflow_namespace: self.namespace.clone(),
            workflow_type: Some(common::WorkflowType { name: task.workflow_type }),
            workflow_execution: Some(to_api(&task.execution)?),
            activity_type: Some(common::ActivityType { name: task.activity_type }),
            activity_id: task.activity_id,
            header: some_to_api(task.header.as_ref())?,
            input: some_to_api(task.input.as_ref())?,
            heartbeat_details: some_to_api(task.heartbeat_details.as_ref())?,
            scheduled_time: Some(time(task.scheduled_time)),
            current_attempt_scheduled_time: Some(time(task.current_attempt_scheduled_time)),
            started_time: Some(time(task.started_time)),
            attempt: i32::try_from(task.attempt).unwrap_or(i32::MAX),
            schedule_to_close_timeout: timeout(task.schedule_to_close_timeout),
            start_to_close_timeout: timeout(task.start_to_close_timeout),
            heartbeat_timeout: timeout(task.heartbeat_timeout),
            retry_policy: some_to_api(task.retry_policy.as_ref())?,
            priority: Some(some_to_api(task.priority.as_ref())?.unwrap_or_default()),
            ..Default::default()
        })
    }

    pub(super) async fn heartbeat(
        &self,
        request: Request<api::RecordActivityTaskHeartbeatRequest>,
    ) -> Result<api::RecordActivityTaskHeartbeatResponse, Refusal> {
        let request = request.into_inner();
        let token = self.token(&request.task_token, &request.namespace)?;
        let details = some_from_api(request.details.as_ref())?;
        let reason = self.activities.heartbeat(token, details).await?;
        Ok(api::RecordActivityTaskHeartbeatResponse {
            cancel_requested: reason == Some(CancelReason::CancelRequested),
            activity_paused: reason == Some(CancelReason::Paused),
            activity_reset: reason == Some(CancelReason::Reset),
        })
    }

    pub(super) async fn heartbeat_by_id(
        &self,
        request: Request<api::RecordActivityTaskHeartbeatByIdRequest>,
    ) -> Result<api::RecordActivityTaskHeartbeatByIdResponse, Refusal> {
        let request = request.into_inner();
        self.check_namespace(&request.namespace)?;
        let details = some_from_api(request.details.as_ref())?;
        let id = ById::new(&request.workflow_id, &request.run_id, &request.activity_id)?;
        let run_id = non_empty(id.run_id);
        let reason = self
            .activities
            .heartbeat_by_id(id.workflow_id, run_id, id.activity_id, details)
            .await?;
        Ok(api::RecordActivityTaskHeartbeatByIdResponse {
            cancel_requested: reason == Some(CancelReason::CancelRequested),
            activity_paused: reason == Some(CancelReason::Paused),
            activity_reset: reason == Some(CancelReason::Reset),
        })
    }

    pub(super) async fn completed(
        &self,
        request: Request<api::RespondActivityTaskCompletedRequest>,
    ) -> Result<api::RespondActivityTaskCompletedResponse, Refusal> {
        let request = request.into_inner();
        let token = self.token(&request.task_token, &request.namespace)?;
        let end = completed(request.result.as_ref())?;
        self.activities.end(token, end, &request.identity).await?;
        Ok(api::RespondActivityTaskCompletedResponse::default())
    }

    pub(super) async fn completed_by_id(
        &self,
        request: Request<api::RespondActivityTaskCompletedByIdRequest>,
    ) -> Result<api::RespondActivityTaskCompletedByIdResponse, Refusal> {
        let request = request.into_inner();
        self.check_namespace(&request.namespace)?;
        let id = ById::new(&request.workflow_id, &request.run_id, &request.activity_id)?;
        self.end_by_id(&id, completed(request.result.as_ref())?, &request.identity).await?;
        Ok(api::RespondActivityTaskCompletedByIdResponse::default())
    }

    pub(super) async fn failed(
        &self,
        request: Request<api::RespondActivityTaskFailedRequest>,
    ) -> Result<api::RespondActivityTaskFailedResponse, Refusal> {
        let request = request.into_inner();
        let token = self.token(&request.task_token, &request.namespace)?;
        let details = request.last_heartbeat_details.as_ref();
        let end = failed(request.failure.as_ref(), details)?;
        self.activities.end(token, end, &request.identity).await?;
        Ok(api::RespondActivityTaskFailedResponse::default())
    }

    pub(super) async fn failed_by_id(
        &self,
        request: Request<api::RespondActivityTaskFailedByIdRequest>,
    ) -> Result<api::RespondActivityTaskFailedByIdResponse, Refusal> {
        let request = request.into_inner();
        self.check_namespace(&request.namespace)?;
        let id = ById::new(&request.workflow_id, &request.run_id, &request.activity_id)?;
        let details = request.last_heartbeat_details.as_ref();
        let end = failed(request.failure.as_ref(), details)?;
        self.end_by_id(&id, end, &request.identity).await?;
        Ok(api::RespondActivityTaskFailedByIdResponse::default())
    }

    pub(super) async fn canceled(
        &self,
        request: Request<api::RespondActivityTaskCanceledRequest>,
    ) -> Result<api::RespondActivityTaskCanceledResponse, Refusal> {
        let request = request.into_inner();
        let token = self.token(&request.task_token, &request.namespace)?;
        let end = ActivityEnd::Canceled { details: some_from_api(request.details.as_ref())? };
        self.activities.end(token, end, &request.identity).await?;
        Ok(api::RespondActivityTaskCanceledResponse::default())
    }

    pub(super) async fn canceled_by_id(
        &self,
        request: Request<api::RespondActivityTaskCanceledByIdRequest>,
    ) -> Result<api::RespondActivityTaskCanceledByIdResponse, Refusal> {
        let request = request.into_inner();
        self.check_namespace(&request.namespace)?;
        let id = ById::new(&request.workflow_id, &request.run_id, &request.activity_id)?;
        let end = ActivityEnd::Canceled { details: some_from_api(request.details.as_ref())? };
        self.end_by_id(&id, end, &request.identity).await?;
        Ok(api::RespondActivityTaskCanceledByIdResponse::default())
    }

    async fn end_by_id(
        &self,
        id: &ById<'_>,
        end: ActivityEnd,
        identity: &str,
    ) -> Result<(), Refusal> {
        let run_id = non_empty(id.run_id);
        self.activities.end_by_id(id.workflow_id, run_id, id.activity_id, end, identity).await?;
        Ok(())
    }

    /// The attempt that a token names. The namespace is the token's, so a caller need not say it.
    fn token(&self, token: &[u8], namespace: &str) -> Result<ActivityTaskToken, Refusal> {
        if !namespace.is_empty() {
            self.check_namespace(namespace)?;
        }
        if token.is_empty() {
            return Err(Refusal::Invalid("Task token not set on request.".into()));
        }
        let undecodable = || Refusal::Invalid("Error deserializing task token.".into());
        let read =
            ActivityTaskToken::from_bytes(&token.to_vec().into()).map_err(|_| undecodable())?;
        if read.workflow_id.is_empty() || read.run_id.is_empty() {
            // There a token names a namespace, too; it is the first that is looked for.
            return Err(Refusal::Invalid("Namespace not set on request.".into()));
        }
        // What was not written here has other fields, or lacks some.
        (*read.to_bytes() == *token).then_some(read).ok_or_else(undecodable)
    }
}

impl<'a> ById<'a> {
    fn new(workflow_id: &'a str, run_id: &'a str, activity_id: &'a str) -> Result<Self, Refusal> {
        if activity_id.is_empty() {
            return Err(Refusal::Invalid("ActivityId is not set on request.".into()));
        }
        if workflow_id.is_empty() {
            // There, it is one that no workflow has begun.
            return Err(
                ClientError::NotFound(format!("activity not found for ID: {activity_id}")).into()
            );
        }
        if !run_id.is_empty() && uuid::Uuid::try_parse(run_id).is_err() {
            return Err(Refusal::Invalid("RunId is not valid UUID.".into()));
        }
        Ok(ById { workflow_id, run_id, activity_id })
    }
}

fn completed(result: Option<&common::Payloads>) -> Result<ActivityEnd, Refusal> {
    Ok(ActivityEnd::Completed { result: some_from_api(result)? })
}

fn failed(
    failure: Option<&failure::Failure>,
    last_heartbeat_details: Option<&common::Payloads>,
) -> Result<ActivityEnd, Refusal> {
    use failure::failure::FailureInfo;
    let failure: core::Failure = match failure {
        None => core::Failure::default(),
        Some(it) if matches!(it.failure_info, Some(FailureInfo::ApplicationFailureInfo(_))) => {
            from_api(it)?
        }
        Some(_) => {
            return Err(Refusal::Invalid("Failure must have ApplicationFailureInfo.".into()));
        }
    };
    let last_heartbeat_details = some_from_api(last_heartbeat_details)?;
    Ok(ActivityEnd::Failed { failure, last_heartbeat_details })
}
