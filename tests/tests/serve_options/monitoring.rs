//! What a server tells of itself over HTTP: whether it can do its work, and what it has counted.

use crate::{builder, honest_work, start};
use sandglass_host::store::MemoryStore;
use sandglass_host::store::testing::FaultyStore;
use sandglass_host::{Host, HostBuilder};
use sandglass_temporal::{Monitoring, ServeError};
use sandglass_tests::front_door::FrontDoor;
use std::net::SocketAddr;
use std::sync::Arc;
use temporalio_protos::temporal::api::workflowservice::v1 as api;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

struct Watched {
    door: FrontDoor,
    http: SocketAddr,
}

async fn watched(builder: HostBuilder) -> Watched {
    let host: Host = builder.start().await.expect("a host");
    let any = "127.0.0.1:0".parse().expect("an address");
    let monitoring = Monitoring::bind(any, false).await.expect("a free port");
    let http = monitoring.address();
    let monitor = host.monitor();
    let door = FrontDoor::with(host, |server| {
        tokio::spawn(monitoring.serve(monitor, server.metrics()));
        server
    })
    .await;
    Watched { door, http }
}

/// The status and the text of a page.
async fn get(http: SocketAddr, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(http).await.expect("a connection");
    let request = format!("GET {path} HTTP/1.1\r\nhost: {http}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("it is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    let status = head.split(' ').nth(1).expect("a status").parse().expect("a number");
    (status, body.to_owned())
}

/// The value of that line.
fn value(text: &str, series: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {series} in\n{text}")).parse().expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_done_is_counted() {
    let Watched { door, http } = watched(builder()).await;
    for number in 0..3 {
        honest_work(&door, &format!("counted {number}")).await;
    }
    let waiting = start("wait", "open");
    let _: api::StartWorkflowExecutionResponse =
        door.call("StartWorkflowExecution", waiting).await.expect("it starts");
    for _ in 0..2 {
        let refused: Result<api::ListSchedulesResponse, _> =
            door.call("NoSuchMethod", api::ListSchedulesRequest::default()).await;
        refused.expect_err("there is none");
    }
    let (status, text) = get(http, "/metrics").await;
    assert_eq!(status, 200, "{text}");
    for (series, expected) in [
        ("sandglass_workflows_open", 1.0),
        ("sandglass_log_entries_total{type=\"WorkflowExecutionStarted\"}", 4.0),
        ("sandglass_log_entries_total{type=\"WorkflowExecutionCompleted\"}", 3.0),
        ("sandglass_grpc_requests_total{method=\"StartWorkflowExecution\",code=\"OK\"}", 4.0),
        ("sandglass_grpc_requests_total{method=\"unknown\",code=\"UNIMPLEMENTED\"}", 2.0),
        ("sandglass_grpc_request_duration_seconds_count{method=\"StartWorkflowExecution\"}", 4.0),
        ("sandglass_workflow_tasks_waiting", 0.0),
        ("sandglass_commits_failed_total", 0.0),
    ] {
        assert_eq!(value(&text, series), expected, "{series} in\n{text}");
    }
    let commits = value(&text, "sandglass_commit_duration_seconds_count");
    assert_eq!(commits, door.host.commits() as f64, "{text}");
    assert!(value(&text, "sandglass_commit_duration_seconds_bucket{le=\"+Inf\"}") >= commits);
    assert!(value(&text, "sandglass_workflow_tasks_started_total") >= 4.0, "{text}");
    assert!(text.ends_with("# EOF\n"), "{text}");
    door.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_is_not_ready() {
    let Watched { mut door, http } = watched(builder()).await;
    assert_eq!(get(http, "/healthz").await, (200, "ready\n".into()));
    assert_eq!(get(http, "/elsewhere").await.0, 404);
    door.stopper()();
    while get(http, "/healthz").await.0 == 200 {
        tokio::task::yield_now().await;
    }
    assert_eq!(get(http, "/healthz").await, (503, "the server stops\n".into()));
    door.close().await;
    // A host that is gone is not ready either, and says so as long as it is asked.
    assert_eq!(get(http, "/metrics").await.0, 503);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_takes_nothing_makes_the_host_not_ready() {
    let store = Arc::new(FaultyStore::new(MemoryStore::default()));
    let Watched { door, http } = watched(builder().store(store.clone())).await;
    honest_work(&door, "before").await;
    assert_eq!(get(http, "/healthz").await.0, 200);
    store.set_full(true);
    let refused: Result<api::StartWorkflowExecutionResponse, _> =
        door.call("StartWorkflowExecution", start("empty", "refused")).await;
    refused.expect_err("the disk is full");
    assert_eq!(get(http, "/healthz").await, (503, "the store cannot be written\n".into()));
    let text = get(http, "/metrics").await.1;
    assert!(value(&text, "sandglass_commits_failed_total") >= 1.0, "{text}");
    store.set_full(false);
    honest_work(&door, "after").await;
    assert_eq!(get(http, "/healthz").await.0, 200);
    door.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_slowly_keeps_nobody_from_asking() {
    let Watched { door, http } = watched(builder()).await;
    let mut slow = Vec::new();
    for _ in 0..20 {
        let mut stream = TcpStream::connect(http).await.expect("a connection");
        stream.write_all(b"GET /heal").await.expect("it is sent");
        slow.push(stream);
    }
    assert_eq!(get(http, "/healthz").await.0, 200);
    honest_work(&door, "beside").await;
    drop(slow);
    door.close().await;
}

#[tokio::test]
async fn others_do_not_read_it_unless_that_is_meant() {
    let any = "0.0.0.0:0".parse().expect("an address");
    let refused = Monitoring::bind(any, false).await;
    assert!(matches!(refused, Err(ServeError::MonitoringExposed { .. })));
    assert!(Monitoring::bind(any, true).await.is_ok());
}
