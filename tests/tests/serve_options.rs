//! The front door's locks and limits: who is let in, what clients may take up, and that a client that misbehaves harms nobody else.

mod serve_options {
    pub mod command;
    pub mod hostile_clients;
    pub mod keys;
    pub mod limits;
    pub mod monitoring;
}

use sandglass_core::Payload;
use sandglass_host::{Host, HostBuilder};
use sandglass_temporal::ServeLimits;
use sandglass_tests::front_door::{FrontDoor, WORKFLOW_SERVICE, request_on};
use sandglass_tests::native::NativeWorker;
use sandglass_tests::scripted::{Imports, Script};
use std::time::Duration;
use temporalio_protos::temporal::api::common::v1 as common;
use temporalio_protos::temporal::api::taskqueue::v1::TaskQueue;
use temporalio_protos::temporal::api::workflowservice::v1 as api;
use tonic::{Request, Status};

const NAMESPACE: &str = "default";
/// How long what has to come can take on a machine that does other things, too.
const PATIENCE: Duration = Duration::from_secs(20);

fn builder() -> HostBuilder {
    let worker = NativeWorker::new([
        ("empty", Script::new(|_| async { Ok(Payload::json("\"done\"")) })),
        (
            "wait",
            Script::new(|it: Imports| async move {
                it.receive("go").await?;
                Ok(Payload::nil())
            }),
        ),
    ]);
    Host::builder().workflow_worker(worker)
}

async fn open(limits: ServeLimits) -> FrontDoor {
    let host = builder().start().await.expect("a host");
    FrontDoor::with(host, |server| server.limits(limits)).await
}

fn start(workflow_type: &str, workflow_id: &str) -> api::StartWorkflowExecutionRequest {
    api::StartWorkflowExecutionRequest {
        namespace: NAMESPACE.into(),
        workflow_id: workflow_id.into(),
        workflow_type: Some(common::WorkflowType { name: workflow_type.into() }),
        task_queue: Some(TaskQueue { name: "default".into(), ..Default::default() }),
        request_id: format!("start {workflow_id}"),
        ..Default::default()
    }
}

fn poll(queue: &str) -> api::PollActivityTaskQueueRequest {
    api::PollActivityTaskQueueRequest {
        namespace: NAMESPACE.into(),
        task_queue: Some(TaskQueue { name: queue.into(), ..Default::default() }),
        ..Default::default()
    }
}

async fn system_info(door: &FrontDoor) -> Result<api::GetSystemInfoResponse, Status> {
    door.call("GetSystemInfo", api::GetSystemInfoRequest::default()).await
}

/// A workflow from its start to its result, over a connection of its own: what an honest client does.
async fn honest_work(door: &FrontDoor, workflow_id: &str) {
    let work = async {
        let channel = door.connect().await.expect("a connection");
        let request = Request::new(start("empty", workflow_id));
        let begun: api::StartWorkflowExecutionResponse =
            request_on(channel.clone(), WORKFLOW_SERVICE, "StartWorkflowExecution", request)
                .await
                .expect("it starts");
        assert!(!begun.run_id.is_empty());
        let request = Request::new(api::GetWorkflowExecutionHistoryRequest {
            namespace: NAMESPACE.into(),
            execution: Some(common::WorkflowExecution {
                workflow_id: workflow_id.into(),
                run_id: begun.run_id,
            }),
            wait_new_event: true,
            history_event_filter_type: 2,
            ..Default::default()
        });
        let closed: api::GetWorkflowExecutionHistoryResponse =
            request_on(channel, WORKFLOW_SERVICE, "GetWorkflowExecutionHistory", request)
                .await
                .expect("its end");
        assert_eq!(closed.history.expect("a history").events.len(), 1);
    };
    tokio::time::timeout(PATIENCE, work).await.expect("honest work goes on");
}
