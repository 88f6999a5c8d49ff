//! What tools ask of the server itself: its namespace, its cluster, its task queues, its search attributes, its services.

use prost_reflect::prost::Message;
use sandglass_host::{Host, StartWorkflow, function};
use sandglass_tests::front_door::{FrontDoor, WORKFLOW_SERVICE};
use sandglass_tests::native::NativeWorker;
use sandglass_tests::scripted::{Imports, Script, activity};
use std::collections::BTreeSet;
use std::time::Duration;
use temporalio_protos::temporal::api::enums::v1::{
    DescribeTaskQueueMode, IndexedValueType, TaskQueueType,
};
use temporalio_protos::temporal::api::operatorservice::v1 as operator;
use temporalio_protos::temporal::api::taskqueue::v1::TaskQueue;
use temporalio_protos::temporal::api::workflowservice::v1 as api;
use tonic::Request;
use tonic_reflection::pb::v1 as reflection;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

async fn open() -> FrontDoor {
    let worker = NativeWorker::new([(
        "remote",
        Script::new(|it: Imports| async move { it.execute(activity("remote")).await }),
    )]);
    let greet = function(|_, (): ()| async { Ok("hello") });
    let host = Host::builder().workflow_worker(worker).activity("greet", greet).identity("here");
    FrontDoor::open(host.start().await.expect("a host")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn namespace_cluster_and_search_attributes() {
    let door = open().await;
    let listed: api::ListNamespacesResponse =
        door.call("ListNamespaces", api::ListNamespacesRequest::default()).await.expect("a list");
    let namespace = "default".to_owned();
    let request = api::DescribeNamespaceRequest { namespace, ..Default::default() };
    let described: api::DescribeNamespaceResponse =
        door.call("DescribeNamespace", request).await.expect("it is there");
    assert_eq!(listed.namespaces, [described]);
    let cluster: api::GetClusterInfoResponse = door
        .call("GetClusterInfo", api::GetClusterInfoRequest::default())
        .await
        .expect("an answer");
    assert_eq!((&*cluster.cluster_name, &*cluster.persistence_store), ("active", "memory"));
    assert_eq!(cluster.supported_clients["temporal-go"], "<2.0.0");
    let keys: api::GetSearchAttributesResponse = door
        .call("GetSearchAttributes", api::GetSearchAttributesRequest::default())
        .await
        .expect("an answer");
    let service = "temporal.api.operatorservice.v1.OperatorService";
    let list = |namespace: &str| {
        let request = operator::ListSearchAttributesRequest { namespace: namespace.into() };
        let request = Request::new(request);
        door.request::<_, operator::ListSearchAttributesResponse>(
            service,
            "ListSearchAttributes",
            request,
        )
    };
    let attributes = list("default").await.expect("an answer");
    assert_eq!(
        (attributes.custom_attributes.len(), &attributes.system_attributes),
        (0, &keys.keys)
    );
    assert_eq!(keys.keys["CloseTime"], i32::from(IndexedValueType::Datetime));
    let refused = list("elsewhere").await.expect_err("it is refused");
    assert_eq!(refused.message(), "Namespace elsewhere is not found.");
    let unknown: Result<operator::AddSearchAttributesResponse, _> = door
        .request(
            service,
            "AddSearchAttributes",
            Request::new(operator::AddSearchAttributesRequest::default()),
        )
        .await;
    assert_eq!(
        unknown.expect_err("it is refused").message(),
        format!("unknown method AddSearchAttributes for service {service}")
    );
    door.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_queue_tells_who_polls_and_what_waits() {
    let door = open().await;
    let describe = |queue: &str, kind: TaskQueueType| {
        let request = api::DescribeTaskQueueRequest {
            namespace: "default".into(),
            task_queue: Some(TaskQueue { name: queue.into(), ..Default::default() }),
            task_queue_type: kind.into(),
            report_stats: true,
            ..Default::default()
        };
        let sent = door.call::<_, api::DescribeTaskQueueResponse>("DescribeTaskQueue", request);
        async {
            let queue = sent.await?;
            let pollers: Vec<_> = queue.pollers.iter().map(|it| it.identity.clone()).collect();
            let waiting = queue.stats.expect("stats").approximate_backlog_count;
            Ok::<_, tonic::Status>((pollers.join(" "), waiting))
        }
    };
    let default = describe("default", TaskQueueType::Workflow).await.expect("an answer");
    assert_eq!(default, ("here".into(), 0));
    let start = StartWorkflow::new("remote", "w");
    let run = door.host.client().start(start).await.expect("it starts");
    run.wait_for_event(5).await.expect("it schedules its activity");
    let before = describe("default", TaskQueueType::Activity).await.expect("an answer");
    assert_eq!(before, ("here".into(), 1));
    let poll = api::PollActivityTaskQueueRequest {
        namespace: "default".into(),
        task_queue: Some(TaskQueue { name: "default".into(), ..Default::default() }),
        identity: "there".into(),
        ..Default::default()
    };
    let task: api::PollActivityTaskQueueResponse =
        door.call("PollActivityTaskQueue", poll).await.expect("a task");
    assert!(!task.task_token.is_empty());
    let after = describe("default", TaskQueueType::Activity).await.expect("an answer");
    assert_eq!(after, ("here there".into(), 0));
    #[expect(deprecated, reason = "the `temporal` command asks so")]
    let request = api::DescribeTaskQueueRequest {
        namespace: "default".into(),
        task_queue: Some(TaskQueue { name: "default".into(), ..Default::default() }),
        api_mode: DescribeTaskQueueMode::Enhanced.into(),
        ..Default::default()
    };
    let enhanced: api::DescribeTaskQueueResponse =
        door.call("DescribeTaskQueue", request).await.expect("an answer");
    let kinds = &enhanced.versions_info[""].types_info;
    let pollers = |kind: TaskQueueType| kinds[&i32::from(kind)].pollers.len();
    assert_eq!((pollers(TaskQueueType::Workflow), pollers(TaskQueueType::Activity)), (1, 2));
    let elsewhere = describe("elsewhere", TaskQueueType::Activity).await.expect("an answer");
    assert_eq!(elsewhere, (String::new(), 0));
    let refused = describe("", TaskQueueType::Workflow).await.expect_err("it is refused");
    assert_eq!(refused.message(), "missing task queue name");
    door.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reflection_shows_what_is_built() {
    let door = open().await;
    let endpoint = tonic::transport::Endpoint::from_shared(format!("http://{}", door.address));
    let channel = endpoint.expect("an address").timeout(Duration::from_secs(30)).connect_lazy();
    let ask = async |message_request| {
        let mut client = ServerReflectionClient::new(channel.clone());
        let request = reflection::ServerReflectionRequest {
            message_request: Some(message_request),
            ..Default::default()
        };
        let asked = futures::stream::iter([request]);
        let answers = client.server_reflection_info(asked).await.expect("an answer");
        let answer = answers.into_inner().message().await.expect("an answer");
        answer.and_then(|answer| answer.message_response).expect("an answer")
    };
    let MessageResponse::ListServicesResponse(services) =
        ask(MessageRequest::ListServices(String::new())).await
    else {
        panic!("a list of services");
    };
    let names: BTreeSet<_> = services.service.into_iter().map(|it| it.name).collect();
    assert!(names.contains(WORKFLOW_SERVICE) && names.contains("grpc.health.v1.Health"));
    assert!(!names.iter().any(|name| name.contains("CloudService")), "{names:?}");
    let symbol = MessageRequest::FileContainingSymbol(WORKFLOW_SERVICE.into());
    let MessageResponse::FileDescriptorResponse(files) = ask(symbol).await else {
        panic!("a file");
    };
    let file =
        prost_reflect::prost_types::FileDescriptorProto::decode(&*files.file_descriptor_proto[0]);
    let file = file.expect("a descriptor");
    let methods: BTreeSet<_> = file.service[0].method.iter().map(|it| it.name()).collect();
    let built = include_str!("../../host/temporal/src/methods.txt").lines().collect();
    assert_eq!(methods, built);
    door.close().await;
}
