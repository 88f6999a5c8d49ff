//! How clients begin, watch and stop batch operations. Carrying them out is `batch`.

use super::Frontend;
use crate::batch::{self, Progress};
use crate::convert::time;
use crate::refusal::Refusal;
use prost::Message;
use sandglass_host::core::Timestamp;
use sandglass_host::store::BatchOperation;
use temporalio_protos::temporal::api::batch::v1::BatchOperationInfo;
use temporalio_protos::temporal::api::common::v1::Execution;
use temporalio_protos::temporal::api::enums::v1::ExecutionType;
use temporalio_protos::temporal::api::workflowservice::v1 as api;
use temporalio_protos::temporal::api::workflowservice::v1::start_batch_operation_request::Operation;
use tonic::Request;

/// Operations in a page where nobody says otherwise, and at most.
const PAGE_OPERATIONS_MAX: usize = 100;

const REQUIRED: &str = "must provide required parameters: BatchType,Reason,Namespace, AND one of \
    (Query OR Executions OR TargetExecutions)";

/// The operation after which a page begins.
#[derive(Clone, PartialEq, Message)]
struct PageToken {
    #[prost(int64, tag = "1")]
    start_time: i64,
    #[prost(string, tag = "2")]
    job_id: String,
}

impl Frontend {
    pub(super) async fn start_batch(
        &self,
        request: Request<api::StartBatchOperationRequest>,
    ) -> Result<api::StartBatchOperationResponse, Refusal> {
        let request = request.into_inner();
        self.check_namespace(&request.namespace)?;
        check(&request)?;
        if request.job_id.chars().count() > self.client.limits().id_chars_max {
            return Err(Refusal::Invalid("JobId length exceeds limit.".into()));
        }
        self.batches.begin(&self.client, request, self.closing.clone()).await?;
        Ok(api::StartBatchOperationResponse::default())
    }

    pub(super) async fn describe_batch(
        &self,
        request: Request<api::DescribeBatchOperationRequest>,
    ) -> Result<api::DescribeBatchOperationResponse, Refusal> {
        let request = request.into_inner();
        self.check_namespace(&request.namespace)?;
        check_job_id(&request.job_id)?;
        let (operation, request, progress) =
            self.batches.describe(&self.client, &request.job_id).await?;
        let (operation_type, identity) = batch::kind(request.operation.as_ref());
        Ok(api::DescribeBatchOperationResponse {
            operation_type: operation_type.into(),
            job_id: operation.job_id,
            state: progress.state,
            start_time: Some(time(operation.start_time)),
            close_time: operation.close_time.map(time),
            total_operation_count: progress.total,
            complete_operation_count: progress.completed,
            failure_operation_count: progress.failed,
            identity: identity.into(),
            executions: executions(&request),
            reason: request.reason,
            query: request.visibility_query,
        })
    }

    pub(super) async fn list_batches(
        &self,
        request: Request<api::ListBatchOperationsRequest>,
    ) -> Result<api::ListBatchOperationsResponse, Refusal> {
        let request = request.into_inner();
        self.check_namespace(&request.namespace)?;
        let after = page_token(&request.next_page_token)?;
        let limit = match usize::try_from(request.page_size) {
            Ok(operations @ 1..=PAGE_OPERATIONS_MAX) => operations,
            Ok(_) | Err(_) => PAGE_OPERATIONS_MAX,
        };
        let operations = self.client.batch_operations(after, limit).await?;
        let last = operations.last().filter(|_| operations.len() == limit);
        let token = last
            .map(|last| PageToken { start_time: last.start_time.0, job_id: last.job_id.clone() });
        let info = |operation: &BatchOperation| {
            let Progress { state, kind: operation_type, .. } = batch::read_progress(operation)?;
            Ok(BatchOperationInfo {
                job_id: operation.job_id.clone(),
                state,
                start_time: Some(time(operation.start_time)),
                close_time: operation.close_time.map(time),
                operation_type,
            })
        };
        Ok(api::ListBatchOperationsResponse {
            operation_info: operations.iter().map(info).collect::<Result<_, Refusal>>()?,
            next_page_token: token.map(|token| token.encode_to_vec()).unwrap_or_default(),
        })
    }

    pub(super) async fn stop_batch(
        &self,
        request: Request<api::StopBatchOperationRequest>,
    ) -> Result<api::StopBatchOperationResponse, Refusal> {
        let request = request.into_inner();
        self.check_namespace(&request.namespace)?;
        check_job_id(&request.job_id)?;
        if request.reason.is_empty() {
            return Err(Refusal::Invalid("Reason is not set on request.".into()));
        }
        self.batches.stop(&self.client, &request.job_id).await?;
        Ok(api::StopBatchOperationResponse::default())
    }
}

fn check_job_id(job_id: &str) -> Result<(), Refusal> {
    match job_id {
        "" => Err(Refusal::Invalid("JobId is not set on request.".into())),
        _ => Ok(()),
    }
}

fn check(request: &api::StartBatchOperationRequest) -> Result<(), Refusal> {
    let invalid = |text: &str| Err(Refusal::Invalid(text.into()));
    #[expect(deprecated, reason = "clients still send it")]
    let given = [
        !request.visibility_query.is_empty(),
        !request.executions.is_empty(),
        !request.target_executions.is_empty(),
    ];
    let given = given.into_iter().filter(|given| *given).count();
    let Some(operation) = request.operation.as_ref().filter(|_| given > 0) else {
        return invalid(REQUIRED);
    };
    if request.reason.is_empty() {
        return invalid(REQUIRED);
    }
    check_job_id(&request.job_id)?;
    if given > 1 {
        return invalid(
            "visibility query, executions, and target executions are mutually exclusive",
        );
    }
    let is_workflow = |it: &Execution| {
        matches!(it.r#type(), ExecutionType::Workflow | ExecutionType::Unspecified)
    };
    if !request.target_executions.iter().all(is_workflow) {
        return Err(Refusal::NotSupported("target_executions that are no workflows"));
    }
    match operation {
        Operation::SignalOperation(it) if it.signal.is_empty() => {
            invalid("must provide signal name")
        }
        Operation::SignalOperation(_)
        | Operation::CancellationOperation(_)
        | Operation::TerminationOperation(_)
        | Operation::DeletionOperation(_) => Ok(()),
        _ => Err(Refusal::NotSupported("this batch operation")),
    }
}

fn executions(request: &api::StartBatchOperationRequest) -> Vec<Execution> {
    #[expect(deprecated, reason = "clients still send it")]
    let named = request.executions.iter().map(|it| Execution {
        r#type: ExecutionType::Workflow.into(),
        business_id: it.workflow_id.clone(),
        run_id: it.run_id.clone(),
    });
    named.chain(request.target_executions.iter().cloned()).collect()
}

fn page_token(token: &[u8]) -> Result<Option<(Timestamp, String)>, Refusal> {
    if token.is_empty() {
        return Ok(None);
    }
    match PageToken::decode(token) {
        Ok(token) => Ok(Some((Timestamp(token.start_time), token.job_id))),
        Err(_) => Err(Refusal::Invalid("Invalid NextPageToken.".into())),
    }
}
