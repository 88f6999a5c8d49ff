//! The methods of `WorkflowService`: each reads its request, asks the host, and writes the answer. One file a subject.

mod activity;
mod batch;
mod describe;
mod history;
mod operator;
mod query;
mod start;
mod system;
mod task_queue;
mod visibility;
mod workflow;

use crate::batch::Batches;
use crate::convert::non_empty;
use crate::generated::workflow_service_server::WorkflowService;
use crate::limits::Polls;
use crate::refusal::Refusal;
use prost::Message;
use sandglass_host::{ActivityTasks, Client, WorkflowHandle};
use std::sync::Arc;
use std::time::Duration;
use task_queue::Pollers;
pub use task_queue::TASK_TYPE_HEADER;
use temporalio_protos::temporal::api::common::v1::WorkflowExecution;
use temporalio_protos::temporal::api::workflowservice::v1 as api;
use tokio::sync::watch;
use tonic::{Request, Response, Status, async_trait};

/// How long a poll for a task waits; the caller's own deadline can shorten it.
const POLL_MAX: Duration = Duration::from_secs(60);
/// The size in bytes from which on an answer is compressed for a caller who takes that: below it, compressing costs more CPU than all the
/// rest of a call and spares little.
const COMPRESSED_FROM: usize = 8 * 1024;
/// What is left of a caller's deadline when an empty answer is given, so that it arrives.
const ANSWER_BEFORE: Duration = Duration::from_secs(1);

/// Temporal's `WorkflowService` in front of one host.
#[derive(Clone)]
pub(crate) struct Frontend {
    client: Client,
    activities: ActivityTasks,
    namespace: String,
    polls: Polls,
    batches: Arc<Batches>,
    pollers: Pollers,
    /// True once the server is to stop: what waits answers that nothing has come.
    closing: watch::Receiver<bool>,
}

impl Frontend {
    pub(crate) fn new(
        client: Client,
        activities: ActivityTasks,
        namespace: String,
        polls: Polls,
        closing: watch::Receiver<bool>,
    ) -> Self {
        let batches = Arc::new(Batches::default());
        Frontend {
            client,
            activities,
            namespace,
            polls,
            batches,
            pollers: Pollers::default(),
            closing,
        }
    }

    /// Goes on with the batch operations that were under way when the last server ended.
    pub(crate) async fn resume_batches(&self) {
        let batches = Arc::clone(&self.batches);
        if let Err(error) = batches.resume(self.client.clone(), self.closing.clone()).await {
            tracing::error!(%error, "batch operations that were under way cannot be resumed");
        }
    }

    fn check_namespace(&self, namespace: &str) -> Result<(), Refusal> {
        match namespace {
            "" => Err(Refusal::Invalid("Namespace is empty.".into())),
            it if it == self.namespace => Ok(()),
            it if it.chars().count() > self.client.limits().id_chars_max => {
                Err(Refusal::Invalid("Namespace length exceeds limit.".into()))
            }
            it => Err(Refusal::NamespaceNotFound(it.into())),
        }
    }

    /// The workflow or run that is meant, as that caller.
    fn handle(
        &self,
        execution: Option<&WorkflowExecution>,
        identity: &str,
    ) -> Result<WorkflowHandle, Refusal> {
        let execution =
            execution.ok_or_else(|| Refusal::Invalid("Execution is not set on request.".into()))?;
        let client = self.client.with_identity(identity);
        Ok(match non_empty(&execution.run_id) {
            Some(run_id) => client.run(&execution.workflow_id, run_id),
            None => client.workflow(&execution.workflow_id),
        })
    }

    /// Returns when the server is to stop.
    async fn is_closing(&self) {
        let mut closing = self.closing.clone();
        // A server that is gone is closing, too.
        let _ = closing.wait_for(|closing| *closing).await;
    }
}

/// How long a caller waits, if it says so: `grpc-timeout`, a number and its unit.
fn deadline<T>(request: &Request<T>) -> Option<Duration> {
    let text = request.metadata().get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let number: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(number.saturating_mul(3600)),
        "M" => Duration::from_secs(number.saturating_mul(60)),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    })
}

/// How long a long poll waits, at most `longest`, so that its empty answer still arrives.
fn wait_of<T>(request: &Request<T>, longest: Duration) -> Duration {
    match deadline(request) {
        Some(deadline) => longest.min(deadline.saturating_sub(ANSWER_BEFORE)),
        None => longest,
    }
}

fn answer<T: Message>(result: Result<T, Refusal>) -> Result<Response<T>, Status> {
    let message = result?;
    let is_small = message.encoded_len() < COMPRESSED_FROM;
    let mut response = Response::new(message);
    if is_small {
        response.disable_compression();
    }
    Ok(response)
}

/// Writes the methods that take a request and give an answer, and nothing else.
macro_rules! methods {
    ($($method:ident: $request:ident -> $response:ident = $it:ident;)*) => {
        #[async_trait]
        impl WorkflowService for Frontend {
            $(async fn $method(
                &self,
                request: Request<api::$request>,
            ) -> Result<Response<api::$response>, Status> {
                answer(self.$it(request).await)
            })*
        }
    };
}

methods! {
    get_system_info: GetSystemInfoRequest -> GetSystemInfoResponse = system_info;
    describe_namespace: DescribeNamespaceRequest -> DescribeNamespaceResponse = namespace;
    list_namespaces: ListNamespacesRequest -> ListNamespacesResponse = namespaces;
    get_cluster_info: GetClusterInfoRequest -> GetClusterInfoResponse = cluster;
    get_search_attributes:
        GetSearchAttributesRequest -> GetSearchAttributesResponse = search_attributes;
    describe_task_queue: DescribeTaskQueueRequest -> DescribeTaskQueueResponse = task_queue;
    shutdown_worker: ShutdownWorkerRequest -> ShutdownWorkerResponse = worker_stops;
    start_workflow_execution:
        StartWorkflowExecutionRequest -> StartWorkflowExecutionResponse = start;
    signal_with_start_workflow_execution: SignalWithStartWorkflowExecutionRequest
        -> SignalWithStartWorkflowExecutionResponse = signal_with_start;
    signal_workflow_execution:
        SignalWorkflowExecutionRequest -> SignalWorkflowExecutionResponse = signal;
    request_cancel_workflow_execution:
        RequestCancelWorkflowExecutionRequest -> RequestCancelWorkflowExecutionResponse = cancel;
    terminate_workflow_execution:
        TerminateWorkflowExecutionRequest -> TerminateWorkflowExecutionResponse = terminate;
    list_workflow_executions:
        ListWorkflowExecutionsRequest -> ListWorkflowExecutionsResponse = list;
    scan_workflow_executions:
        ScanWorkflowExecutionsRequest -> ScanWorkflowExecutionsResponse = scan;
    count_workflow_executions:
        CountWorkflowExecutionsRequest -> CountWorkflowExecutionsResponse = count;
    list_open_workflow_executions:
        ListOpenWorkflowExecutionsRequest -> ListOpenWorkflowExecutionsResponse = list_open;
    list_closed_workflow_executions:
        ListClosedWorkflowExecutionsRequest -> ListClosedWorkflowExecutionsResponse = list_closed;
    start_batch_operation:
        StartBatchOperationRequest -> StartBatchOperationResponse = start_batch;
    describe_batch_operation:
        DescribeBatchOperationRequest -> DescribeBatchOperationResponse = describe_batch;
    list_batch_operations:
        ListBatchOperationsRequest -> ListBatchOperationsResponse = list_batches;
    stop_batch_operation: StopBatchOperationRequest -> StopBatchOperationResponse = stop_batch;
    delete_workflow_execution:
        DeleteWorkflowExecutionRequest -> DeleteWorkflowExecutionResponse = delete;
    get_workflow_execution_history_reverse: GetWorkflowExecutionHistoryReverseRequest
        -> GetWorkflowExecutionHistoryReverseResponse = history_reverse;
    query_workflow: QueryWorkflowRequest -> QueryWorkflowResponse = query;
    describe_workflow_execution:
        DescribeWorkflowExecutionRequest -> DescribeWorkflowExecutionResponse = describe;
    get_workflow_execution_history:
        GetWorkflowExecutionHistoryRequest -> GetWorkflowExecutionHistoryResponse = history;
    poll_activity_task_queue:
        PollActivityTaskQueueRequest -> PollActivityTaskQueueResponse = poll_activity;
    record_activity_task_heartbeat:
        RecordActivityTaskHeartbeatRequest -> RecordActivityTaskHeartbeatResponse = heartbeat;
    record_activity_task_heartbeat_by_id: RecordActivityTaskHeartbeatByIdRequest
        -> RecordActivityTaskHeartbeatByIdResponse = heartbeat_by_id;
    respond_activity_task_completed:
        RespondActivityTaskCompletedRequest -> RespondActivityTaskCompletedResponse = completed;
    respond_activity_task_completed_by_id: RespondActivityTaskCompletedByIdRequest
        -> RespondActivityTaskCompletedByIdResponse = completed_by_id;
    respond_activity_task_failed:
        RespondActivityTaskFailedRequest -> RespondActivityTaskFailedResponse = failed;
    respond_activity_task_failed_by_id:
        RespondActivityTaskFailedByIdRequest -> RespondActivityTaskFailedByIdResponse = failed_by_id;
    respond_activity_task_canceled:
        RespondActivityTaskCanceledRequest -> RespondActivityTaskCanceledResponse = canceled;
    respond_activity_task_canceled_by_id: RespondActivityTaskCanceledByIdRequest
        -> RespondActivityTaskCanceledByIdResponse = canceled_by_id;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_answer_comes_before_the_callers_deadline() {
        let request = |timeout: Option<&'static str>| {
            let mut request = Request::new(());
            if let Some(timeout) = timeout {
                request.metadata_mut().insert("grpc-timeout", timeout.parse().expect("ASCII"));
            }
            wait_of(&request, Duration::from_secs(60))
        };
        assert_eq!(request(None), Duration::from_secs(60));
        assert_eq!(request(Some("70S")), Duration::from_secs(60));
        assert_eq!(request(Some("10S")), Duration::from_secs(9));
        assert_eq!(request(Some("2500m")), Duration::from_millis(1500));
        assert_eq!(request(Some("100000u")), Duration::ZERO);
        assert_eq!(request(Some("é")), Duration::from_secs(60));
    }
}
