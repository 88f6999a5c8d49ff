//! Queries: what a run has published.

use super::Frontend;
use crate::convert::to_api;
use crate::refusal::Refusal;
use sandglass_host::core::Payloads;
use sandglass_host::core::policy::WorkflowExecutionStatus;
use temporalio_protos::temporal::api::enums::v1::QueryRejectCondition;
use temporalio_protos::temporal::api::query::v1::QueryRejected;
use temporalio_protos::temporal::api::workflowservice::v1 as api;
use tonic::Request;

impl Frontend {
    pub(super) async fn query(
        &self,
        request: Request<api::QueryWorkflowRequest>,
    ) -> Result<api::QueryWorkflowResponse, Refusal> {
        let request = request.into_inner();
        self.check_namespace(&request.namespace)?;
        let condition = request.query_reject_condition();
        let handle = self.handle(request.execution.as_ref(), "")?;
        let query = request
            .query
            .ok_or_else(|| Refusal::Invalid("WorkflowQuery is not set on request.".into()))?;
        if query.query_args.is_some_and(|args| !args.payloads.is_empty()) {
            return Err(Refusal::NotSupported("query_args"));
        }
        if condition != QueryRejectCondition::None && condition != QueryRejectCondition::Unspecified
        {
            let status = handle.describe().await?.status;
            if rejects(condition, status) {
                return Ok(api::QueryWorkflowResponse {
                    query_rejected: Some(QueryRejected { status: status.number() }),
                    ..Default::default()
                });
            }
        }
        let payload = handle.query_payload(&query.query_type).await?;
        Ok(api::QueryWorkflowResponse {
            query_result: Some(to_api(&Payloads::from(vec![payload]))?),
            ..Default::default()
        })
    }
}

/// Whether the caller wants no answer of a run that has come so far.
fn rejects(condition: QueryRejectCondition, status: WorkflowExecutionStatus) -> bool {
    use WorkflowExecutionStatus as S;
    match condition {
        QueryRejectCondition::Unspecified | QueryRejectCondition::None => false,
        QueryRejectCondition::NotOpen => status != S::Running,
        QueryRejectCondition::NotCompletedCleanly => {
            !matches!(status, S::Running | S::Completed | S::ContinuedAsNew)
        }
    }
}
