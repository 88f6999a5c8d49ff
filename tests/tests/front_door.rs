//! The gRPC front door as clients in any language meet it: what each method answers, and which status, sentence and details a refusal has.

mod front_door {
    pub mod activities;
    pub mod history;
    pub mod workflows;
}

use prost::Message;
use sandglass_core::Payload;
use sandglass_core::worker::CancellationType;
use sandglass_host::{Host, HostBuilder, function};
use sandglass_tests::front_door::FrontDoor;
use sandglass_tests::native::NativeWorker;
use sandglass_tests::scripted::{Imports, Outcome, Script, activity};
use std::time::Duration;
use temporalio_protos::google::rpc;
use temporalio_protos::temporal::api::common::v1 as common;
use temporalio_protos::temporal::api::taskqueue::v1::TaskQueue;
use temporalio_protos::temporal::api::workflowservice::v1 as api;
use tonic::{Code, Request, Status};

const NAMESPACE: &str = "default";

fn text(text: &str) -> Outcome {
    Ok(Payload::json(format!("{text:?}")))
}

fn builder() -> HostBuilder {
    let remote = || {
        let mut options = activity("remote");
        // Long enough that nothing is tried again while a test looks.
        options.start_to_close_timeout = Some(Duration::from_secs(300));
        options.heartbeat_timeout = Some(Duration::from_secs(30));
        options.cancellation_type = CancellationType::WaitCancellationCompleted;
        options
    };
    let worker = NativeWorker::new([
        ("empty", Script::new(|_| async { text("done") })),
        ("greet", Script::new(|it: Imports| async move { it.execute(activity("greet")).await })),
        ("nap", Script::new(|it: Imports| async move { it.sleep(3600).await.and(text("slept")) })),
        (
            "wait",
            Script::new(|it: Imports| async move {
                it.publish("status", "\"waiting\"");
                let signal = it.receive("go").await?;
                Ok(signal.input.into_iter().next().unwrap_or_else(Payload::nil))
            }),
        ),
        ("remote", Script::new(move |it: Imports| async move { it.execute(remote()).await })),
        (
            "cancel-remote",
            Script::new(move |it: Imports| async move {
                let attempt = it.start_activity(remote());
                it.receive("cancel").await?;
                it.cancel_activity(attempt);
                it.outcome(attempt).await
            }),
        ),
    ]);
    let greet = function(|_, (): ()| async { Ok("hello") });
    Host::builder().workflow_worker(worker).activity("greet", greet)
}

async fn open() -> FrontDoor {
    FrontDoor::open(builder().start().await.expect("a host")).await
}

fn execution(workflow_id: &str, run_id: &str) -> Option<common::WorkflowExecution> {
    Some(common::WorkflowExecution { workflow_id: workflow_id.into(), run_id: run_id.into() })
}

fn json(text: &str) -> Option<common::Payloads> {
    let metadata = [("encoding".to_owned(), b"json/plain".to_vec())].into();
    let payload = common::Payload { metadata, data: text.into(), ..Default::default() };
    Some(common::Payloads { payloads: vec![payload] })
}

fn start(workflow_type: &str, workflow_id: &str) -> api::StartWorkflowExecutionRequest {
    api::StartWorkflowExecutionRequest {
        namespace: NAMESPACE.into(),
        workflow_id: workflow_id.into(),
        workflow_type: Some(common::WorkflowType { name: workflow_type.into() }),
        task_queue: Some(TaskQueue { name: "default".into(), ..Default::default() }),
        identity: "tester".into(),
        request_id: format!("start {workflow_id}"),
        ..Default::default()
    }
}

async fn started(door: &FrontDoor, workflow_type: &str, workflow_id: &str) -> String {
    let request = start(workflow_type, workflow_id);
    let answer: api::StartWorkflowExecutionResponse =
        door.call("StartWorkflowExecution", request).await.expect("it starts");
    answer.run_id
}

async fn signal(door: &FrontDoor, workflow_id: &str, name: &str) -> Result<(), Status> {
    let request = api::SignalWorkflowExecutionRequest {
        namespace: NAMESPACE.into(),
        workflow_execution: execution(workflow_id, ""),
        signal_name: name.into(),
        input: json("7"),
        ..Default::default()
    };
    let signaled: Result<api::SignalWorkflowExecutionResponse, _> =
        door.call("SignalWorkflowExecution", request).await;
    signaled.map(drop)
}

async fn terminate(door: &FrontDoor, workflow_id: &str, run_id: &str) -> Result<(), Status> {
    let request = api::TerminateWorkflowExecutionRequest {
        namespace: NAMESPACE.into(),
        workflow_execution: execution(workflow_id, run_id),
        reason: "enough".into(),
        ..Default::default()
    };
    let terminated: Result<api::TerminateWorkflowExecutionResponse, _> =
        door.call("TerminateWorkflowExecution", request).await;
    terminated.map(drop)
}

/// A refusal as a test compares it: its code, its sentence, and the names of its details.
fn seen(refused: Result<impl std::fmt::Debug, Status>) -> (Code, String, Vec<String>) {
    let status = refused.expect_err("it is refused");
    let details = rpc::Status::decode(status.details()).expect("details");
    let name = |url: &str| url.rsplit('.').next().unwrap_or_default().to_owned();
    let names = details.details.iter().map(|any| name(&any.type_url)).collect();
    (status.code(), status.message().to_owned(), names)
}

fn refusal(code: Code, sentence: &str, details: &[&str]) -> (Code, String, Vec<String>) {
    (code, sentence.into(), details.iter().map(|&name| name.into()).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_says_what_it_is() {
    let door = open().await;
    let info: api::GetSystemInfoResponse =
        door.call("GetSystemInfo", api::GetSystemInfoRequest::default()).await.expect("an answer");
    let able = info.capabilities.expect("capabilities");
    assert!(able.activity_failure_include_heartbeat && able.encoded_failure_attributes);
    assert!(!able.eager_workflow_start && !able.nexus && !able.build_id_based_versioning);
    let describe = |namespace: &str| {
        let namespace = namespace.to_owned();
        door.call::<_, api::DescribeNamespaceResponse>(
            "DescribeNamespace",
            api::DescribeNamespaceRequest { namespace, ..Default::default() },
        )
    };
    let namespace = describe(NAMESPACE).await.expect("an answer").namespace_info.expect("an info");
    assert_eq!(namespace.limits.expect("limits").blob_size_limit_error, 2 * 1024 * 1024);
    assert_eq!(
        seen(describe("elsewhere").await),
        refusal(Code::NotFound, "Namespace elsewhere is not found.", &["NamespaceNotFoundFailure"])
    );
    let check: temporalio_protos::grpc::health::v1::HealthCheckResponse = door
        .request(
            "grpc.health.v1.Health",
            "Check",
            Request::new(temporalio_protos::grpc::health::v1::HealthCheckRequest {
                service: sandglass_tests::front_door::WORKFLOW_SERVICE.into(),
            }),
        )
        .await
        .expect("it is healthy");
    assert_eq!(check.status, 1);
    door.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_built_is_an_unknown_method() {
    let door = open().await;
    let service = sandglass_tests::front_door::WORKFLOW_SERVICE;
    let refused: Result<api::ListSchedulesResponse, _> =
        door.call("ListSchedules", api::ListSchedulesRequest::default()).await;
    let sentence = format!("unknown method ListSchedules for service {service}");
    assert_eq!(seen(refused), refusal(Code::Unimplemented, &sentence, &[]));
    door.close().await;
}
