//! Starting, signaling, canceling, terminating, describing and querying runs.

use crate::{NAMESPACE, execution, json, open, refusal, seen, signal, start, started, terminate};
use sandglass_tests::front_door::FrontDoor;
use temporalio_protos::temporal::api::common::v1 as common;
use temporalio_protos::temporal::api::enums::v1 as enums;
use temporalio_protos::temporal::api::query::v1::WorkflowQuery;
use temporalio_protos::temporal::api::workflowservice::v1 as api;
use tonic::{Code, Status};

const A_RUN: &str = "4315a4af-c621-480d-ac7f-52d42ee25a28";

async fn start_with(
    door: &FrontDoor,
    request: api::StartWorkflowExecutionRequest,
) -> Result<api::StartWorkflowExecutionResponse, Status> {
    door.call("StartWorkflowExecution", request).await
}

async fn cancel(door: &FrontDoor, request: [&str; 3]) -> Result<(), Status> {
    let [workflow_id, run_id, first] = request;
    let request = api::RequestCancelWorkflowExecutionRequest {
        namespace: NAMESPACE.into(),
        workflow_execution: execution(workflow_id, run_id),
        first_execution_run_id: first.into(),
        reason: "stop it".into(),
        ..Default::default()
    };
    let canceled: Result<api::RequestCancelWorkflowExecutionResponse, _> =
        door.call("RequestCancelWorkflowExecution", request).await;
    canceled.map(drop)
}

async fn describe(door: &FrontDoor, workflow_id: &str) -> api::DescribeWorkflowExecutionResponse {
    let request = api::DescribeWorkflowExecutionRequest {
        namespace: NAMESPACE.into(),
        execution: execution(workflow_id, ""),
    };
    door.call("DescribeWorkflowExecution", request).await.expect("it is there")
}

async fn query(
    door: &FrontDoor,
    workflow_id: &str,
    query_type: &str,
    condition: enums::QueryRejectCondition,
) -> Result<api::QueryWorkflowResponse, Status> {
    let query = WorkflowQuery { query_type: query_type.into(), ..Default::default() };
    let request = api::QueryWorkflowRequest {
        namespace: NAMESPACE.into(),
        execution: execution(workflow_id, ""),
        query: Some(query),
        query_reject_condition: condition.into(),
    };
    door.call("QueryWorkflow", request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_is_in_use() {
    let door = open().await;
    let run_id = started(&door, "nap", "w").await;
    let again = start_with(&door, start("nap", "w")).await.expect("the same request");
    assert_eq!((again.run_id.as_str(), again.started), (run_id.as_str(), true));
    let other =
        || api::StartWorkflowExecutionRequest { request_id: "another".into(), ..start("nap", "w") };
    let sentence =
        format!("Workflow execution is already running. WorkflowId: w, RunId: {run_id}.");
    assert_eq!(
        seen(start_with(&door, other()).await),
        refusal(Code::AlreadyExists, &sentence, &["WorkflowExecutionAlreadyStartedFailure"])
    );
    let existing = api::StartWorkflowExecutionRequest {
        workflow_id_conflict_policy: enums::WorkflowIdConflictPolicy::UseExisting.into(),
        ..other()
    };
    let found = start_with(&door, existing).await.expect("the policy allows it");
    assert_eq!((found.run_id.as_str(), found.started, found.status), (run_id.as_str(), false, 1));
    terminate(&door, "w", "").await.expect("it ends");
    let never_again = api::StartWorkflowExecutionRequest {
        workflow_id_reuse_policy: enums::WorkflowIdReusePolicy::RejectDuplicate.into(),
        ..other()
    };
    let (code, sentence, _) = seen(start_with(&door, never_again).await);
    assert_eq!(code, Code::AlreadyExists);
    assert!(sentence.starts_with("Workflow execution already finished."), "{sentence}");
    door.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_no_effect_is_refused() {
    let door = open().await;
    let refused = |request| async { seen(start_with(&door, request).await) };
    let cron = api::StartWorkflowExecutionRequest {
        cron_schedule: "* * * * *".into(),
        ..start("nap", "w")
    };
    let not_yet =
        |field| refusal(Code::InvalidArgument, &format!("{field} is not supported yet"), &[]);
    assert_eq!(refused(cron).await, not_yet("cron_schedule"));
    let retried = api::StartWorkflowExecutionRequest {
        retry_policy: Some(common::RetryPolicy::default()),
        ..start("nap", "w")
    };
    assert_eq!(refused(retried).await, not_yet("retry_policy"));
    let called_back = api::StartWorkflowExecutionRequest {
        completion_callbacks: vec![common::Callback::default()],
        ..start("nap", "w")
    };
    assert_eq!(refused(called_back).await, not_yet("completion_callbacks"));
    let nameless = start("nap", "");
    let sentence = "WorkflowId is not set on request.";
    assert_eq!(refused(nameless).await, refusal(Code::InvalidArgument, sentence, &[]));
    door.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_or_too_long_is_told_as_by_temporal() {
    let door = open().await;
    let long = || "x".repeat(1_001);
    let whole = || start("nap", "w");
    let signaled = |signal_name: String| api::SignalWithStartWorkflowExecutionRequest {
        namespace: NAMESPACE.into(),
        workflow_id: "w".into(),
        workflow_type: whole().workflow_type,
        task_queue: whole().task_queue,
        signal_name,
        ..Default::default()
    };
    for (request, sentence) in [
        (start("nap", &long()), "WorkflowId exceeds maximum allowed length (1001/1000)"),
        (start(&long(), "w"), "WorkflowType length exceeds limit."),
        (
            api::StartWorkflowExecutionRequest { task_queue: None, ..whole() },
            "taskQueue is not set",
        ),
        (
            api::StartWorkflowExecutionRequest { namespace: long(), ..whole() },
            "Namespace length exceeds limit.",
        ),
    ] {
        let refused = seen(start_with(&door, request).await);
        assert_eq!(refused, refusal(Code::InvalidArgument, sentence, &[]));
    }
    for (name, sentence) in [
        (String::new(), "signal not set"),
        (long(), "signal name exceeds maximum allowed length (1001/1000)"),
    ] {
        let refused: Result<api::SignalWithStartWorkflowExecutionResponse, _> =
            door.call("SignalWithStartWorkflowExecution", signaled(name)).await;
        assert_eq!(seen(refused), refusal(Code::InvalidArgument, sentence, &[]));
    }
    let of_nothing = api::GetWorkflowExecutionHistoryRequest {
        namespace: NAMESPACE.into(),
        ..Default::default()
    };
    let refused: Result<api::GetWorkflowExecutionHistoryResponse, _> =
        door.call("GetWorkflowExecutionHistory", of_nothing).await;
    let sentence = "Execution is not set on request.";
    assert_eq!(seen(refused), refusal(Code::InvalidArgument, sentence, &[]));
    door.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_given_with_a_start_is_shown() {
    let door = open().await;
    let value = json("\"x\"").expect("payloads").payloads.remove(0);
    let fields = || [("k".to_owned(), value.clone())].into();
    let request = api::StartWorkflowExecutionRequest {
        memo: Some(common::Memo { fields: fields() }),
        search_attributes: Some(common::SearchAttributes { indexed_fields: fields() }),
        user_metadata: Some(temporalio_protos::temporal::api::sdk::v1::UserMetadata {
            summary: Some(value.clone()),
            details: None,
        }),
        workflow_run_timeout: Some(prost_types::Duration { seconds: 60, nanos: 0 }),
        ..start("nap", "w")
    };
    start_with(&door, request).await.expect("it starts");
    let run = describe(&door, "w").await;
    let info = run.workflow_execution_info.expect("an info");
    assert_eq!(info.memo.expect("a memo").fields["k"], value);
    assert_eq!(info.search_attributes.expect("attributes").indexed_fields["k"], value);
    assert_eq!((info.task_queue.as_str(), info.status), ("default", 1));
    let config = run.execution_config.expect("a configuration");
    assert_eq!(config.user_metadata.expect("metadata").summary, Some(value));
    assert_eq!(config.workflow_run_timeout.expect("a timeout").seconds, 60);
    assert_eq!(config.default_workflow_task_timeout.expect("a timeout").seconds, 10);
    door.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_and_closed_runs() {
    let door = open().await;
    let run_id = started(&door, "empty", "closed").await;
    door.host.client().workflow("closed").closing_event().await.expect("it ends");
    let not_found = |sentence: &str| refusal(Code::NotFound, sentence, &["NotFoundFailure"]);
    let completed = not_found("workflow execution already completed");
    assert_eq!(seen(terminate(&door, "closed", "").await), completed);
    assert_eq!(seen(terminate(&door, "closed", &run_id).await), completed);
    assert_eq!(seen(signal(&door, "closed", "go").await), completed);
    // A cancel of a closed run is no error, and of no effect.
    cancel(&door, ["closed", "", ""]).await.expect("it is accepted");
    assert_eq!(
        seen(cancel(&door, ["no-such-wf", "", ""]).await),
        not_found("workflow not found for ID: no-such-wf")
    );
    assert_eq!(
        seen(cancel(&door, ["closed", A_RUN, ""]).await),
        not_found(&format!(
            "workflow execution not found for workflow ID \"closed\" and run ID \"{A_RUN}\""
        ))
    );
    assert_eq!(
        seen(cancel(&door, ["closed", "", A_RUN]).await),
        not_found("workflow execution not found")
    );
    cancel(&door, ["closed", A_RUN, &run_id]).await.expect("the chain decides");
    let invalid = |sentence: &str| refusal(Code::InvalidArgument, sentence, &[]);
    assert_eq!(seen(cancel(&door, ["closed", "x", ""]).await), invalid("Invalid RunId."));
    assert_eq!(
        seen(cancel(&door, ["", "", ""]).await),
        invalid("WorkflowId is not set on request.")
    );
    door.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_is_seen_at_once() {
    let door = open().await;
    started(&door, "remote", "w").await;
    cancel(&door, ["w", "", ""]).await.expect("it is accepted");
    let info = describe(&door, "w").await.workflow_extended_info.expect("an info");
    assert!(info.cancel_requested);
    assert_eq!(info.request_id_infos["start w"].event_id, 1);
    door.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_read_what_was_published() {
    use enums::QueryRejectCondition as Reject;
    let door = open().await;
    started(&door, "wait", "w").await;
    // The first workflow task is waited for, so there is no race.
    let answer = query(&door, "w", "status", Reject::None).await.expect("an answer");
    assert_eq!(answer.query_result, json("\"waiting\""));
    let (code, _, details) = seen(query(&door, "w", "other", Reject::None).await);
    assert_eq!((code, details), (Code::InvalidArgument, vec!["QueryFailedFailure".into()]));
    terminate(&door, "w", "").await.expect("it ends");
    let rejected = query(&door, "w", "status", Reject::NotOpen).await.expect("an answer");
    assert_eq!(rejected.query_rejected.expect("a status").status, 5);
    query(&door, "w", "status", Reject::None).await.expect("a closed run answers");
    let unserved = api::StartWorkflowExecutionRequest {
        workflow_type: Some(common::WorkflowType { name: "nobody's".into() }),
        ..start("", "u")
    };
    start_with(&door, unserved).await.expect("it starts");
    terminate(&door, "u", "").await.expect("it ends");
    assert_eq!(
        seen(query(&door, "u", "status", Reject::None).await),
        refusal(
            Code::FailedPrecondition,
            "Workflow execution closed before WorkflowTaskStarted event",
            &["WorkflowNotReadyFailure"]
        )
    );
    door.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_comes_with_the_start_or_to_the_open_run() {
    let door = open().await;
    let request = |request_id: &str| api::SignalWithStartWorkflowExecutionRequest {
        namespace: NAMESPACE.into(),
        workflow_id: "w".into(),
        workflow_type: Some(common::WorkflowType { name: "nap".into() }),
        task_queue: start("", "").task_queue,
        signal_name: "go".into(),
        signal_input: json("1"),
        request_id: request_id.into(),
        ..Default::default()
    };
    let send = |request_id: &'static str| {
        door.call::<_, api::SignalWithStartWorkflowExecutionResponse>(
            "SignalWithStartWorkflowExecution",
            request(request_id),
        )
    };
    let first = send("1").await.expect("it starts");
    assert!(first.started);
    let second = send("2").await.expect("it signals");
    assert_eq!((&second.run_id, second.started), (&first.run_id, false));
    let again = send("1").await.expect("it was done");
    assert_eq!(again.run_id, first.run_id);
    let history = door.host.client().workflow("w").history().await.expect("a history");
    let names: Vec<_> = history.events.iter().map(|event| event.attributes.name()).collect();
    assert_eq!(
        &names[..3],
        ["WorkflowExecutionStarted", "WorkflowExecutionSignaled", "WorkflowTaskScheduled"]
    );
    let signals = names.iter().filter(|name| **name == "WorkflowExecutionSignaled").count();
    assert_eq!(signals, 2);
    door.close().await;
}
