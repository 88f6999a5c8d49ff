//! Lists and counts as clients meet them: which runs a query finds, how they are shown, pages, and refusals.

use sandglass_core::Payload;
use sandglass_host::Host;
use sandglass_tests::front_door::FrontDoor;
use sandglass_tests::native::NativeWorker;
use sandglass_tests::scripted::{Imports, Script};
use temporalio_protos::temporal::api::common::v1 as common;
use temporalio_protos::temporal::api::enums::v1::WorkflowExecutionStatus as Status;
use temporalio_protos::temporal::api::filter::v1 as filter;
use temporalio_protos::temporal::api::taskqueue::v1::TaskQueue;
use temporalio_protos::temporal::api::workflow::v1::WorkflowExecutionInfo;
use temporalio_protos::temporal::api::workflowservice::v1 as api;
use tonic::Code;

const NAMESPACE: &str = "default";

async fn open() -> FrontDoor {
    let worker = NativeWorker::new([
        ("Done", Script::new(|_| async { Ok(Payload::nil()) })),
        (
            "Nap",
            Script::new(|it: Imports| async move { it.sleep(3600).await.map(|()| Payload::nil()) }),
        ),
    ]);
    FrontDoor::open(Host::builder().workflow_worker(worker).start().await.expect("a host")).await
}

async fn start(door: &FrontDoor, workflow_type: &str, workflow_id: &str) -> String {
    let one = common::Payload {
        metadata: [("encoding".to_owned(), b"json/plain".to_vec())].into(),
        data: b"1".to_vec(),
        ..Default::default()
    };
    let fields: std::collections::HashMap<_, _> = [("Number".to_owned(), one)].into();
    let request = api::StartWorkflowExecutionRequest {
        namespace: NAMESPACE.into(),
        workflow_id: workflow_id.into(),
        workflow_type: Some(common::WorkflowType { name: workflow_type.into() }),
        task_queue: Some(TaskQueue { name: "default".into(), ..Default::default() }),
        memo: Some(common::Memo { fields: fields.clone() }),
        search_attributes: Some(common::SearchAttributes { indexed_fields: fields }),
        ..Default::default()
    };
    let started: api::StartWorkflowExecutionResponse =
        door.call("StartWorkflowExecution", request).await.expect("it starts");
    started.run_id
}

/// Five runs: `done-1` and `done-2` completed, `nap-3` and `nap-4` are open, `nap-5` was terminated, in this order.
async fn fill(door: &FrontDoor) {
    let client = door.host.client();
    for id in ["done-1", "done-2"] {
        start(door, "Done", id).await;
        client.workflow(id).result_payload().await.expect("it completes");
    }
    for id in ["nap-3", "nap-4", "nap-5"] {
        start(door, "Nap", id).await;
    }
    client.workflow("nap-5").terminate("enough").await.expect("it is terminated");
}

fn list(query: &str) -> api::ListWorkflowExecutionsRequest {
    let (namespace, query) = (NAMESPACE.into(), query.into());
    api::ListWorkflowExecutionsRequest { namespace, query, ..Default::default() }
}

fn ids(executions: &[WorkflowExecutionInfo]) -> String {
    let ids = executions.iter().map(|it| it.execution.as_ref().map_or("", |it| &it.workflow_id));
    ids.collect::<Vec<_>>().join(" ")
}

async fn found(door: &FrontDoor, query: &str) -> String {
    let listed: api::ListWorkflowExecutionsResponse =
        door.call("ListWorkflowExecutions", list(query)).await.expect("a list");
    ids(&listed.executions)
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_find_runs() {
    let door = open().await;
    fill(&door).await;
    for (query, expected) in [
        ("", "nap-4 nap-3 nap-5 done-2 done-1"),
        ("WorkflowType = 'Done'", "done-2 done-1"),
        ("ExecutionStatus = 'Running' AND WorkflowId != 'nap-3'", "nap-4"),
        ("CloseTime IS NOT NULL AND NOT ExecutionStatus IN ('Completed')", "nap-5"),
        (
            "WorkflowId BETWEEN 'done-2' AND 'nap-3' OR WorkflowId STARTS_WITH 'nap-5'",
            "nap-3 nap-5 done-2",
        ),
        (
            "StartTime > '2020-01-01T00:00:00Z' AND TaskQueue = 'default'",
            "nap-4 nap-3 nap-5 done-2 done-1",
        ),
        ("StartTime < '2020-01-01T00:00:00Z'", ""),
    ] {
        assert_eq!(found(&door, query).await, expected, "{query}");
    }
    let run_id = start(&door, "Done", "by-run").await;
    assert_eq!(found(&door, &format!("RunId = '{run_id}'")).await, "by-run");
    assert_eq!(found(&door, &format!("RunId > '{run_id}' OR RunId < '{run_id}'")).await.len(), 31);
    door.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_shows_what_temporal_shows() {
    let door = open().await;
    fill(&door).await;
    let listed: api::ListWorkflowExecutionsResponse =
        door.call("ListWorkflowExecutions", list("")).await.expect("a list");
    let [open, _, terminated, completed, _] = listed.executions.as_slice() else {
        panic!("{listed:?}");
    };
    for run in &listed.executions {
        assert_eq!(run.memo.as_ref().expect("a memo").fields["Number"].data, b"1");
        let attributes = run.search_attributes.as_ref().expect("search attributes");
        assert_eq!(attributes.indexed_fields["Number"].data, b"1");
        assert_eq!((&*run.task_queue, &run.root_execution), ("default", &run.execution));
        assert_eq!(run.execution_time, run.start_time);
    }
    assert_eq!((open.status(), open.history_length, open.close_time), (Status::Running, 0, None));
    assert_eq!((open.history_size_bytes, open.execution_duration), (0, None));
    assert_eq!(open.r#type.as_ref().expect("a type").name, "Nap");
    assert_eq!(terminated.status(), Status::Terminated);
    assert_eq!((completed.status(), completed.history_length), (Status::Completed, 5));
    assert!(completed.close_time.is_some() && completed.execution_duration.is_some());
    let described = door.host.client().workflow("done-2").describe().await.expect("it is there");
    assert_eq!(completed.history_size_bytes, described.history_size_bytes);
    door.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_go_on_where_the_last_one_ended() {
    let door = open().await;
    fill(&door).await;
    for page_size in 1..=5 {
        let (mut seen, mut next_page_token) = (Vec::new(), Vec::new());
        loop {
            let request = api::ListWorkflowExecutionsRequest {
                page_size,
                next_page_token,
                ..list("NOT WorkflowId STARTS_WITH 'later'")
            };
            let page: api::ListWorkflowExecutionsResponse =
                door.call("ListWorkflowExecutions", request).await.expect("a page");
            seen.extend(page.executions);
            next_page_token = page.next_page_token;
            if next_page_token.is_empty() {
                break;
            }
            start(&door, "Nap", &format!("later {page_size} {}", seen.len())).await;
        }
        assert_eq!(ids(&seen), "nap-4 nap-3 nap-5 done-2 done-1", "{page_size} a page");
    }
    let request = api::ListWorkflowExecutionsRequest { next_page_token: b"x".into(), ..list("") };
    let refused = door
        .call::<_, api::ListWorkflowExecutionsResponse>("ListWorkflowExecutions", request)
        .await
        .expect_err("no token");
    assert_eq!(
        (refused.code(), refused.message()),
        (Code::InvalidArgument, "Invalid NextPageToken.")
    );
    door.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_are_by_status_if_asked_so() {
    let door = open().await;
    fill(&door).await;
    let count = |query: &str| {
        let (namespace, query) = (NAMESPACE.into(), query.into());
        let request = api::CountWorkflowExecutionsRequest { namespace, query };
        door.call::<_, api::CountWorkflowExecutionsResponse>("CountWorkflowExecutions", request)
    };
    let all = count("").await.expect("a count");
    assert_eq!((all.count, all.groups.len()), (5, 0));
    let naps = count("WorkflowType = 'Nap' GROUP BY ExecutionStatus").await.expect("a count");
    let groups: Vec<_> = naps
        .groups
        .iter()
        .map(|group| {
            let [value] = group.group_values.as_slice() else { panic!("{group:?}") };
            assert_eq!(value.metadata["encoding"], b"json/plain");
            assert_eq!(value.metadata["type"], b"Keyword");
            (std::str::from_utf8(&value.data).expect("JSON"), group.count)
        })
        .collect();
    assert_eq!((naps.count, groups), (3, vec![("\"Running\"", 2), ("\"Terminated\"", 1)]));
    for (query, sentence) in [
        ("x = 1", "invalid query: invalid search attribute: x"),
        ("WorkflowId", "invalid query: invalid expression: incomplete expression"),
        ("WorkflowId =", "invalid query: malformed SQL query: syntax error at position 40"),
        ("ORDER BY StartTime", "invalid query: operation is not supported: 'ORDER BY' clause"),
    ] {
        let refused = count(query).await.expect_err("it is refused");
        assert_eq!((refused.code(), refused.message()), (Code::InvalidArgument, sentence));
        let refused: Result<api::ListWorkflowExecutionsResponse, _> =
            door.call("ListWorkflowExecutions", list(query)).await;
        assert_eq!(refused.expect_err("it is refused").message(), sentence);
    }
    door.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn older_methods_list_open_and_closed_runs() {
    let door = open().await;
    fill(&door).await;
    let scan = api::ScanWorkflowExecutionsRequest {
        namespace: NAMESPACE.into(),
        query: "WorkflowType = 'Nap'".into(),
        ..Default::default()
    };
    let scanned: api::ScanWorkflowExecutionsResponse =
        door.call("ScanWorkflowExecutions", scan).await.expect("a list");
    assert_eq!(ids(&scanned.executions), "nap-4 nap-3 nap-5");
    let open = |filters| api::ListOpenWorkflowExecutionsRequest {
        namespace: NAMESPACE.into(),
        filters,
        ..Default::default()
    };
    use api::list_open_workflow_executions_request::Filters as Open;
    let (workflow_id, run_id) = ("nap-3".into(), String::new());
    let by_id = Open::ExecutionFilter(filter::WorkflowExecutionFilter { workflow_id, run_id });
    for (filters, expected) in [(None, "nap-4 nap-3"), (Some(by_id), "nap-3")] {
        let listed: api::ListOpenWorkflowExecutionsResponse =
            door.call("ListOpenWorkflowExecutions", open(filters)).await.expect("a list");
        assert_eq!(ids(&listed.executions), expected);
    }
    let closed = |filters| api::ListClosedWorkflowExecutionsRequest {
        namespace: NAMESPACE.into(),
        filters,
        ..Default::default()
    };
    use api::list_closed_workflow_executions_request::Filters as Closed;
    let status =
        |status: Status| Some(Closed::StatusFilter(filter::StatusFilter { status: status.into() }));
    for (filters, expected) in
        [(None, "nap-5 done-2 done-1"), (status(Status::Completed), "done-2 done-1")]
    {
        let listed: api::ListClosedWorkflowExecutionsResponse =
            door.call("ListClosedWorkflowExecutions", closed(filters)).await.expect("a list");
        assert_eq!(ids(&listed.executions), expected);
    }
    let must_be = "StatusFilter must be specified and must be not Running.";
    let invalid = "invalid query: invalid expression: invalid ExecutionStatus value";
    for (status, sentence) in [
        (0, must_be.to_owned()),
        (1, must_be.to_owned()),
        (99, format!("{invalid} '99'")),
        (-1, format!("{invalid} '-1'")),
    ] {
        let filters = Some(Closed::StatusFilter(filter::StatusFilter { status }));
        let refused: Result<api::ListClosedWorkflowExecutionsResponse, _> =
            door.call("ListClosedWorkflowExecutions", closed(filters)).await;
        assert_eq!(refused.expect_err("it is refused").message(), sentence);
    }
    door.close().await;
}
