//! Deleting runs, and batch operations as clients meet them: whom they come to, what they count, how they end. That none is lost with the
//! server that began it is `batch/next_server`.

#[path = "batch/next_server.rs"]
mod next_server;

use sandglass_core::Payload;
use sandglass_host::store::{MemoryStore, Store};
use sandglass_host::{ClientError, Host, ListFilter, WorkflowError};
use sandglass_tests::front_door::FrontDoor;
use sandglass_tests::native::NativeWorker;
use sandglass_tests::scripted::{Imports, Script};
use std::sync::Arc;
use std::time::Duration;
use temporalio_protos::temporal::api::batch::v1 as batch;
use temporalio_protos::temporal::api::common::v1 as common;
use temporalio_protos::temporal::api::enums::v1::{BatchOperationState, BatchOperationType};
use temporalio_protos::temporal::api::workflowservice::v1 as api;
use temporalio_protos::temporal::api::workflowservice::v1::start_batch_operation_request::Operation;
use tonic::{Code, Status};

const NAMESPACE: &str = "default";

async fn open(store: Arc<dyn Store>) -> FrontDoor {
    let worker = NativeWorker::new([
        ("Done", Script::new(|_| async { Ok(Payload::nil()) })),
        (
            "Wait",
            Script::new(|it: Imports| async move {
                it.receive("never").await?;
                Ok(Payload::nil())
            }),
        ),
    ]);
    let host = Host::builder().store(store).workflow_worker(worker).start().await;
    FrontDoor::open(host.expect("a host")).await
}

async fn open_new() -> FrontDoor {
    open(Arc::new(MemoryStore::default())).await
}

/// `wait-1`, `wait-2` and so on, which wait for ever.
async fn waiting(door: &FrontDoor, count: usize) {
    for n in 1..=count {
        start(door, "Wait", &format!("wait-{n}")).await;
    }
}

async fn start(door: &FrontDoor, workflow_type: &str, workflow_id: &str) {
    let start = sandglass_host::StartWorkflow::new(workflow_type, workflow_id);
    door.host.client().start(start).await.expect("it starts");
}

async fn statuses(door: &FrontDoor) -> String {
    let runs = door.host.client().list(ListFilter::default()).await.expect("a list");
    let mut runs: Vec<_> =
        runs.iter().map(|run| format!("{} {:?}", run.workflow_id, run.status)).collect();
    runs.sort();
    runs.join(", ")
}

fn terminate() -> Operation {
    let identity = "tester".into();
    Operation::TerminationOperation(batch::BatchOperationTermination { identity, details: None })
}

fn delete() -> Operation {
    Operation::DeletionOperation(batch::BatchOperationDeletion { identity: "tester".into() })
}

fn signal(name: &str) -> Operation {
    Operation::SignalOperation(batch::BatchOperationSignal {
        signal: name.into(),
        identity: "tester".into(),
        ..Default::default()
    })
}

fn by_query(job_id: &str, operation: Operation, query: &str) -> api::StartBatchOperationRequest {
    api::StartBatchOperationRequest {
        namespace: NAMESPACE.into(),
        job_id: job_id.into(),
        reason: "tidy up".into(),
        visibility_query: query.into(),
        operation: Some(operation),
        ..Default::default()
    }
}

fn by_name(job_id: &str, operation: Operation, ids: &[&str]) -> api::StartBatchOperationRequest {
    let execution =
        |id: &&str| common::WorkflowExecution { workflow_id: (*id).into(), run_id: String::new() };
    #[expect(deprecated, reason = "clients still send it")]
    api::StartBatchOperationRequest {
        executions: ids.iter().map(execution).collect(),
        ..by_query(job_id, operation, "")
    }
}

async fn begin(door: &FrontDoor, request: api::StartBatchOperationRequest) -> Result<(), Status> {
    let begun: Result<api::StartBatchOperationResponse, _> =
        door.call("StartBatchOperation", request).await;
    begun.map(drop)
}

async fn describe(
    door: &FrontDoor,
    job_id: &str,
) -> Result<api::DescribeBatchOperationResponse, Status> {
    let (namespace, job_id) = (NAMESPACE.into(), job_id.into());
    let request = api::DescribeBatchOperationRequest { namespace, job_id };
    door.call("DescribeBatchOperation", request).await
}

async fn until(
    door: &FrontDoor,
    job_id: &str,
    is_so: impl Fn(&api::DescribeBatchOperationResponse) -> bool,
) -> api::DescribeBatchOperationResponse {
    let patience = std::time::Instant::now();
    loop {
        let described = describe(door, job_id).await.expect("it is there");
        if is_so(&described) {
            return described;
        }
        assert!(patience.elapsed() < Duration::from_secs(60), "{described:?}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Begins it, waits for its end, and gives its counts: all, done, failed.
async fn carried_out(
    door: &FrontDoor,
    request: api::StartBatchOperationRequest,
) -> (i64, i64, i64) {
    let job_id = request.job_id.clone();
    begin(door, request).await.expect("it begins");
    let ended = until(door, &job_id, |it| it.state() != BatchOperationState::Running).await;
    assert_eq!(ended.state(), BatchOperationState::Completed);
    assert!(ended.close_time.is_some());
    (ended.total_operation_count, ended.complete_operation_count, ended.failure_operation_count)
}

async fn stop(door: &FrontDoor, job_id: &str, reason: &str) -> Result<(), Status> {
    let request = api::StopBatchOperationRequest {
        namespace: NAMESPACE.into(),
        job_id: job_id.into(),
        reason: reason.into(),
        identity: "tester".into(),
    };
    let stopped: Result<api::StopBatchOperationResponse, _> =
        door.call("StopBatchOperation", request).await;
    stopped.map(drop)
}

async fn delete_run(door: &FrontDoor, workflow_id: &str, run_id: &str) -> Result<(), Status> {
    let (workflow_id, run_id) = (workflow_id.into(), run_id.into());
    let request = api::DeleteWorkflowExecutionRequest {
        namespace: NAMESPACE.into(),
        workflow_execution: Some(common::WorkflowExecution { workflow_id, run_id }),
    };
    let deleted: Result<api::DeleteWorkflowExecutionResponse, _> =
        door.call("DeleteWorkflowExecution", request).await;
    deleted.map(drop)
}

fn refusal(refused: Result<(), Status>) -> (Code, String) {
    let status = refused.expect_err("it is refused");
    (status.code(), status.message().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_run_is_gone() {
    let door = open_new().await;
    let client = door.host.client();
    waiting(&door, 2).await;
    start(&door, "Done", "done").await;
    client.workflow("done").result_payload().await.expect("it completes");
    let waiter = client.workflow("wait-1");
    let waiting = tokio::spawn(async move { waiter.result_payload().await });
    while client.workflow("wait-1").describe().await.expect("it is there").history_length < 4 {
        tokio::task::yield_now().await;
    }
    for id in ["wait-1", "done"] {
        delete_run(&door, id, "").await.expect("it is deleted");
        let not_found = format!("workflow not found for ID: {id}");
        assert_eq!(refusal(delete_run(&door, id, "").await), (Code::NotFound, not_found));
        assert!(matches!(client.workflow(id).describe().await, Err(ClientError::NotFound(_))));
        assert!(matches!(client.workflow(id).history().await, Err(ClientError::NotFound(_))));
    }
    match waiting.await.expect("it waits") {
        Err(WorkflowError::Terminated { reason, .. }) => {
            assert_eq!(reason, "Delete workflow execution");
        }
        // It asked again when all was over.
        Err(WorkflowError::Client(ClientError::NotFound(_))) => {}
        other => panic!("{other:?}"),
    }
    assert_eq!(statuses(&door).await, "wait-2 Running");
    start(&door, "Done", "wait-1").await;
    client.workflow("wait-1").result_payload().await.expect("its id is free again");
    door.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_runs_of_the_id_stay() {
    let door = open_new().await;
    let client = door.host.client();
    let mut run_ids = Vec::new();
    for _ in 0..3 {
        start(&door, "Done", "w").await;
        client.workflow("w").result_payload().await.expect("it completes");
        let run = client.workflow("w").describe().await.expect("it is there");
        run_ids.push(run.execution.run_id);
    }
    delete_run(&door, "w", &run_ids[0]).await.expect("the first is deleted");
    delete_run(&door, "w", &run_ids[2]).await.expect("the latest is deleted");
    let latest = client.workflow("w").describe().await.expect("it is there");
    assert_eq!(latest.execution.run_id, run_ids[1]);
    let sentence =
        format!("workflow execution not found for workflow ID \"w\" and run ID \"{}\"", run_ids[2]);
    assert_eq!(refusal(delete_run(&door, "w", &run_ids[2]).await), (Code::NotFound, sentence));
    let invalid = |sentence: &str| (Code::InvalidArgument, sentence.to_owned());
    assert_eq!(refusal(delete_run(&door, "w", "x").await), invalid("Invalid RunId."));
    let no_id = refusal(delete_run(&door, "", "").await);
    assert_eq!(no_id, invalid("WorkflowId is not set on request."));
    door.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_operation_comes_to_all_that_are_meant() {
    let door = open_new().await;
    waiting(&door, 4).await;
    let client = door.host.client();
    let query = "WorkflowId STARTS_WITH 'wait' AND WorkflowId != 'wait-4'";
    assert_eq!(carried_out(&door, by_query("s", signal("hello"), query)).await, (3, 3, 0));
    let cancel = batch::BatchOperationCancellation { identity: "tester".into() };
    let cancel = Operation::CancellationOperation(cancel);
    assert_eq!(carried_out(&door, by_query("c", cancel, "WorkflowId = 'wait-1'")).await, (1, 1, 0));
    let canceled = client.workflow("wait-1").result_payload().await;
    assert!(matches!(canceled, Err(WorkflowError::Canceled { .. })), "{canceled:?}");
    // Only what is open is meant.
    assert_eq!(carried_out(&door, by_query("t", terminate(), query)).await, (2, 2, 0));
    let expected = "wait-1 Canceled, wait-2 Terminated, wait-3 Terminated, wait-4 Running";
    assert_eq!(statuses(&door).await, expected);
    let history = client.workflow("wait-2").history().await.expect("it is there");
    let json = serde_json::to_string(&history).expect("JSON");
    assert_eq!(json.matches("EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED").count(), 1);
    assert!(json.contains(r#""reason":"tidy up""#) && json.contains(r#""identity":"tester""#));
    // Here, closed ones are meant, too.
    assert_eq!(
        carried_out(&door, by_query("d", delete(), "WorkflowType = 'Wait'")).await,
        (4, 4, 0)
    );
    assert_eq!(statuses(&door).await, "");
    let described = describe(&door, "d").await.expect("it is there");
    assert_eq!(described.operation_type(), BatchOperationType::DeleteWorkflow);
    assert_eq!((&*described.identity, &*described.reason), ("tester", "tidy up"));
    assert_eq!(described.query, "WorkflowType = 'Wait'");
    door.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn named_runs_that_are_not_there_need_nothing() {
    let door = open_new().await;
    waiting(&door, 2).await;
    let names = ["wait-1", "nobody", "wait-1", ""];
    // The last is no workflow id.
    assert_eq!(carried_out(&door, by_name("t", terminate(), &names)).await, (4, 3, 1));
    assert_eq!(statuses(&door).await, "wait-1 Terminated, wait-2 Running");
    let described = describe(&door, "t").await.expect("it is there");
    let ids: Vec<_> = described.executions.iter().map(|it| it.business_id.as_str()).collect();
    assert_eq!(ids, names);
    door.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_of_nobody_is_the_hosts_own() {
    let door = open_new().await;
    waiting(&door, 1).await;
    let of_nobody = batch::BatchOperationTermination::default();
    let request = by_name("t", Operation::TerminationOperation(of_nobody), &["wait-1"]);
    assert_eq!(carried_out(&door, request).await, (1, 1, 0));
    match door.host.client().workflow("wait-1").result_payload().await {
        Err(WorkflowError::Terminated { identity, .. }) => assert!(!identity.is_empty()),
        other => panic!("{other:?}"),
    }
    door.close().await;
}

/// The first run has its turn at once, and the second in a thousand seconds.
fn slow(request: api::StartBatchOperationRequest) -> api::StartBatchOperationRequest {
    api::StartBatchOperationRequest { max_operations_per_second: 0.001, ..request }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_stopped_goes_no_further() {
    let door = open_new().await;
    waiting(&door, 3).await;
    begin(&door, slow(by_query("t", terminate(), "WorkflowType = 'Wait'")))
        .await
        .expect("it begins");
    let running = until(&door, "t", |it| it.complete_operation_count == 1).await;
    assert_eq!(running.state(), BatchOperationState::Running);
    assert_eq!((running.total_operation_count, running.close_time), (3, None));
    let again = begin(&door, by_query("t", terminate(), "WorkflowType = 'Wait'")).await;
    let (code, sentence) = refusal(again);
    assert_eq!(code, Code::AlreadyExists);
    assert!(sentence.starts_with("Workflow execution is already running. WorkflowId: t, RunId: "));
    let no_reason = refusal(stop(&door, "t", "").await);
    assert_eq!(no_reason, (Code::InvalidArgument, "Reason is not set on request.".into()));
    stop(&door, "t", "enough").await.expect("it is stopped");
    let stopped = describe(&door, "t").await.expect("it is there");
    assert_eq!(stopped.state(), BatchOperationState::Failed);
    assert!(stopped.close_time.is_some());
    assert_eq!(statuses(&door).await, "wait-1 Running, wait-2 Running, wait-3 Terminated");
    let too_late = (Code::NotFound, "workflow execution already completed".into());
    assert_eq!(refusal(stop(&door, "t", "enough").await), too_late);
    let unknown = refusal(stop(&door, "u", "enough").await);
    assert_eq!(unknown, (Code::NotFound, "workflow not found for ID: u".into()));
    door.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_begun_is_refused() {
    let door = open_new().await;
    let required = "must provide required parameters: BatchType,Reason,Namespace, AND one of \
        (Query OR Executions OR TargetExecutions)";
    let nobody_left_out = "invalid visibility query: it says no condition for whom it is about";
    let whole = || by_query("j", terminate(), "WorkflowType = 'Wait'");
    let mut both = by_name("j", terminate(), &["a"]);
    both.visibility_query = "WorkflowType = 'Wait'".into();
    let reset = Operation::ResetOperation(batch::BatchOperationReset::default());
    for (request, sentence) in [
        (api::StartBatchOperationRequest { operation: None, ..whole() }, required),
        (api::StartBatchOperationRequest { reason: String::new(), ..whole() }, required),
        (by_query("j", terminate(), ""), required),
        (by_query("", terminate(), "WorkflowType = 'Wait'"), "JobId is not set on request."),
        (both, "visibility query, executions, and target executions are mutually exclusive"),
        (by_name("j", signal(""), &["a"]), "must provide signal name"),
        (
            by_query("j", terminate(), "x = 1"),
            "invalid visibility query: invalid search attribute: x",
        ),
        (by_query("j", terminate(), "  "), nobody_left_out),
        (by_query("j", terminate(), "GROUP BY ExecutionStatus"), nobody_left_out),
        (by_name("j", reset, &["a"]), "this batch operation is not supported yet"),
    ] {
        let refused = refusal(begin(&door, request).await);
        assert_eq!(refused, (Code::InvalidArgument, sentence.to_owned()));
    }
    let unknown = describe(&door, "j").await.map(drop);
    assert_eq!(refusal(unknown), (Code::NotFound, "workflow not found for ID: j".into()));
    door.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn they_are_listed_and_their_ids_used_once() {
    let door = open_new().await;
    for job_id in ["one", "two", "three"] {
        carried_out(&door, by_query(job_id, terminate(), "WorkflowType = 'none'")).await;
    }
    let list = |page_size, next_page_token| {
        let namespace = NAMESPACE.into();
        let request = api::ListBatchOperationsRequest { namespace, page_size, next_page_token };
        door.call::<_, api::ListBatchOperationsResponse>("ListBatchOperations", request)
    };
    let first = list(2, Vec::new()).await.expect("a list");
    let rest = list(2, first.next_page_token).await.expect("a list");
    assert!(rest.next_page_token.is_empty());
    let all: Vec<_> = first.operation_info.into_iter().chain(rest.operation_info).collect();
    let ids: Vec<_> = all.iter().map(|it| it.job_id.as_str()).collect();
    assert_eq!(ids, ["three", "two", "one"]);
    for info in &all {
        assert_eq!(info.state(), BatchOperationState::Completed);
        assert_eq!(info.operation_type(), BatchOperationType::TerminateWorkflow);
        assert!(info.start_time.is_some() && info.close_time.is_some());
    }
    let (code, sentence) =
        refusal(begin(&door, by_query("one", terminate(), "WorkflowType = 'none'")).await);
    assert_eq!(code, Code::AlreadyExists);
    assert!(sentence.starts_with("Workflow execution already finished. WorkflowId: one, RunId: "));
    assert!(sentence.ends_with("Workflow Id reuse policy: reject duplicate workflow Id."));
    door.close().await;
}
