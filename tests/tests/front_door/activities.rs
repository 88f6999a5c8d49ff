//! Activity workers over the wire: polls, heartbeats, ends, and what survives a worker or a host.

use crate::{NAMESPACE, builder, execution, json, open, refusal, seen, signal, started, terminate};
use sandglass_core::engine::ActivityEnd;
use sandglass_host::store::{MemoryStore, Store};
use sandglass_tests::front_door::{FrontDoor, WORKFLOW_SERVICE};
use std::sync::Arc;
use std::time::Duration;
use temporalio_protos::temporal::api::failure::v1 as failure;
use temporalio_protos::temporal::api::taskqueue::v1::TaskQueue;
use temporalio_protos::temporal::api::workflowservice::v1 as api;
use tonic::{Code, Request, Status};

const NOT_PENDING: &str =
    "invalid activityID or activity already timed out or invoking workflow is completed";

fn poll_request(queue: &str) -> api::PollActivityTaskQueueRequest {
    api::PollActivityTaskQueueRequest {
        namespace: NAMESPACE.into(),
        task_queue: Some(TaskQueue { name: queue.into(), ..Default::default() }),
        identity: "worker".into(),
        ..Default::default()
    }
}

async fn poll(door: &FrontDoor, queue: &str) -> Result<api::PollActivityTaskQueueResponse, Status> {
    door.call("PollActivityTaskQueue", poll_request(queue)).await
}

async fn heartbeat(door: &FrontDoor, token: &[u8]) -> Result<bool, Status> {
    let request = api::RecordActivityTaskHeartbeatRequest {
        task_token: token.into(),
        details: json("1"),
        ..Default::default()
    };
    let answer: api::RecordActivityTaskHeartbeatResponse =
        door.call("RecordActivityTaskHeartbeat", request).await?;
    Ok(answer.cancel_requested)
}

async fn complete(door: &FrontDoor, token: &[u8]) -> Result<(), Status> {
    let request = api::RespondActivityTaskCompletedRequest {
        task_token: token.into(),
        result: json("\"from afar\""),
        identity: "worker".into(),
        ..Default::default()
    };
    let answer: Result<api::RespondActivityTaskCompletedResponse, _> =
        door.call("RespondActivityTaskCompleted", request).await;
    answer.map(drop)
}

async fn cancel(door: &FrontDoor, token: &[u8]) -> Result<(), Status> {
    let request =
        api::RespondActivityTaskCanceledRequest { task_token: token.into(), ..Default::default() };
    let answer: Result<api::RespondActivityTaskCanceledResponse, _> =
        door.call("RespondActivityTaskCanceled", request).await;
    answer.map(drop)
}

async fn result(door: &FrontDoor, workflow_id: &str) -> String {
    door.host.client().workflow(workflow_id).result().await.expect("a result")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_does_an_activity() {
    let door = open().await;
    // The poll comes first, and waits.
    let (task, run_id) = tokio::join!(poll(&door, "default"), started(&door, "remote", "w"));
    let task = task.expect("a task");
    assert_eq!(task.workflow_execution, execution("w", &run_id));
    assert_eq!(task.activity_type.expect("a type").name, "remote");
    assert_eq!((task.attempt, task.activity_id.as_str()), (1, "1"));
    assert_eq!(task.heartbeat_timeout.expect("a timeout").seconds, 30);
    assert_eq!(task.schedule_to_close_timeout.expect("one that is none").seconds, 0);
    assert_eq!(heartbeat(&door, &task.task_token).await.ok(), Some(false));
    complete(&door, &task.task_token).await.expect("it is taken");
    assert_eq!(result(&door, "w").await, "from afar");
    let history = door.host.client().workflow("w").history().await.expect("a history");
    let json = serde_json::to_value(&history).expect("JSON");
    let started = json["events"]
        .as_array()
        .and_then(|events| {
            events.iter().find_map(|it| it.get("activityTaskStartedEventAttributes"))
        })
        .expect("an ActivityTaskStarted");
    assert_eq!(started["identity"], "worker");
    let closed = "workflow execution already completed";
    let closed = refusal(Code::NotFound, closed, &["NotFoundFailure"]);
    assert_eq!(seen(complete(&door, &task.task_token).await), closed);
    assert_eq!(seen(heartbeat(&door, &task.task_token).await), closed);
    door.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_is_told_with_the_next_heartbeat() {
    let door = open().await;
    started(&door, "cancel-remote", "w").await;
    let task = poll(&door, "default").await.expect("a task");
    let token = task.task_token;
    let uncalled =
        "unable to mark activity as canceled without activity being request canceled first";
    assert_eq!(seen(cancel(&door, &token).await), refusal(Code::InvalidArgument, uncalled, &[]));
    signal(&door, "w", "cancel").await.expect("it is open");
    while !heartbeat(&door, &token).await.expect("it is pending") {
        tokio::task::yield_now().await;
    }
    cancel(&door, &token).await.expect("it was asked to");
    let end = door.host.client().workflow("w").closing_event().await.expect("it ends");
    assert_eq!(end.attributes.name(), "WorkflowExecutionFailed");
    door.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_and_ids_that_name_nothing() {
    let door = open().await;
    let invalid = |sentence: &str| refusal(Code::InvalidArgument, sentence, &[]);
    assert_eq!(
        seen(heartbeat(&door, b"garbage").await),
        invalid("Error deserializing task token.")
    );
    // A message that says something else.
    assert_eq!(seen(heartbeat(&door, b"xx").await), invalid("Namespace not set on request."));
    assert_eq!(seen(heartbeat(&door, b"").await), invalid("Task token not set on request."));
    assert_eq!(seen(poll(&door, "").await), invalid("missing task queue name"));
    let long = "q".repeat(1_001);
    assert_eq!(seen(poll(&door, &long).await), invalid("taskQueue length exceeds limit"));
    let mut of_nobody = poll_request("default");
    of_nobody.identity = long;
    let polled: Result<api::PollActivityTaskQueueResponse, _> =
        door.call("PollActivityTaskQueue", of_nobody).await;
    assert_eq!(seen(polled), invalid("Identity length exceeds limit."));
    started(&door, "remote", "w").await;
    let task = poll(&door, "default").await.expect("a task");
    let by_id = |activity_id: &str| api::RespondActivityTaskCompletedByIdRequest {
        namespace: NAMESPACE.into(),
        workflow_id: "w".into(),
        activity_id: activity_id.into(),
        result: json("\"by id\""),
        ..Default::default()
    };
    let complete_by_id = |activity_id| {
        door.call::<_, api::RespondActivityTaskCompletedByIdResponse>(
            "RespondActivityTaskCompletedById",
            by_id(activity_id),
        )
    };
    let sentence = "cannot find pending activity with ActivityID 9, check workflow execution history for more details";
    assert_eq!(
        seen(complete_by_id("9").await),
        refusal(Code::NotFound, sentence, &["NotFoundFailure"])
    );
    let named = |workflow_id: &str, run_id: &str| api::RespondActivityTaskFailedByIdRequest {
        namespace: NAMESPACE.into(),
        workflow_id: workflow_id.into(),
        run_id: run_id.into(),
        activity_id: "1".into(),
        ..Default::default()
    };
    let fail = |request| {
        let method = "RespondActivityTaskFailedById";
        door.call::<_, api::RespondActivityTaskFailedByIdResponse>(method, request)
    };
    assert_eq!(seen(fail(named("w", "x")).await), invalid("RunId is not valid UUID."));
    let nobodys = refusal(Code::NotFound, "activity not found for ID: 1", &["NotFoundFailure"]);
    assert_eq!(seen(fail(named("", "")).await), nobodys);
    complete_by_id("1").await.expect("it is pending");
    assert_eq!(result(&door, "w").await, "by id");
    assert!(complete(&door, &task.task_token).await.is_err());
    door.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_tried_again_with_what_was_heartbeaten() {
    let door = open().await;
    started(&door, "remote", "w").await;
    let first = poll(&door, "default").await.expect("a task");
    let fail = |failure_info| api::RespondActivityTaskFailedRequest {
        task_token: first.task_token.clone(),
        failure: Some(failure::Failure {
            message: "not yet".into(),
            failure_info,
            ..Default::default()
        }),
        last_heartbeat_details: json("\"half\""),
        ..Default::default()
    };
    let send = |request| {
        door.call::<_, api::RespondActivityTaskFailedResponse>("RespondActivityTaskFailed", request)
    };
    let sentence = "Failure must have ApplicationFailureInfo.";
    assert_eq!(seen(send(fail(None)).await), refusal(Code::InvalidArgument, sentence, &[]));
    let info = failure::ApplicationFailureInfo {
        r#type: "Later".into(),
        next_retry_delay: Some(prost_types::Duration { seconds: 0, nanos: 1_000_000 }),
        ..Default::default()
    };
    let info = failure::failure::FailureInfo::ApplicationFailureInfo(info);
    send(fail(Some(info))).await.expect("it is taken");
    let second = poll(&door, "default").await.expect("the next attempt");
    assert_eq!(second.attempt, 2);
    assert_eq!(second.heartbeat_details, json("\"half\""));
    assert_eq!(
        seen(complete(&door, &first.task_token).await),
        refusal(Code::NotFound, NOT_PENDING, &["NotFoundFailure"])
    );
    complete(&door, &second.task_token).await.expect("it is taken");
    assert_eq!(result(&door, "w").await, "from afar");
    door.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_goes_takes_its_poll_along() {
    let door = open().await;
    let tasks = door.host.activity_tasks();
    for _ in 0..10 {
        let waits = async {
            while tasks.polls("default") == 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            _ = poll(&door, "default") => panic!("nothing was to come"),
            () = waits => {}
        }
    }
    while tasks.polls("default") > 0 {
        tokio::task::yield_now().await;
    }
    started(&door, "remote", "w").await;
    let task = poll(&door, "default").await.expect("a task");
    complete(&door, &task.task_token).await.expect("it is taken");
    assert_eq!(result(&door, "w").await, "from afar");
    door.close().await;
}

/// Polls are dropped at every moment, and what they were about to get reaches another one.
#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_poll_swallows_no_task() {
    let door = open().await;
    let tasks = door.host.activity_tasks();
    let end = |token| async {
        let end = ActivityEnd::Completed { result: None };
        tasks.end(token, end, "worker").await.expect("it is taken");
    };
    let starting = async {
        for n in 0..50 {
            started(&door, "remote", &format!("w{n}")).await;
        }
    };
    let impatient = async {
        for n in 0..200 {
            let wait = Duration::from_micros(n * 10);
            if let Ok(task) = tokio::time::timeout(wait, tasks.poll("default", "w")).await {
                end(task.expect("a task").token).await;
            }
        }
    };
    tokio::join!(starting, impatient);
    let rest = async {
        loop {
            end(tasks.poll("default", "w").await.expect("a task").token).await;
        }
    };
    let all = async {
        for n in 0..50 {
            let run = door.host.client().workflow(format!("w{n}"));
            run.closing_event().await.expect("it ends");
        }
    };
    tokio::select! {
        () = all => {}
        () = rest => {}
        () = tokio::time::sleep(Duration::from_secs(60)) => panic!("a poll swallowed a task"),
    }
    door.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_answer_comes_before_the_deadline() {
    let door = open().await;
    let mut hurried = Request::new(poll_request("default"));
    hurried.set_timeout(Duration::from_millis(1_100));
    let answer: api::PollActivityTaskQueueResponse =
        door.request(WORKFLOW_SERVICE, "PollActivityTaskQueue", hurried).await.expect("an answer");
    assert!(answer.task_token.is_empty());
    door.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_answers_who_waits() {
    let mut door = open().await;
    let tasks = door.host.activity_tasks();
    let waits = async {
        while tasks.polls("default") == 0 {
            tokio::task::yield_now().await;
        }
    };
    let stop = door.stopper();
    let (polled, ()) = tokio::join!(poll(&door, "default"), async {
        waits.await;
        stop();
    });
    assert!(polled.expect("an answer").task_token.is_empty());
    door.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_outlives_the_host() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let host = builder().store(Arc::clone(&store)).start().await.expect("a host");
    let door = FrontDoor::open(host).await;
    started(&door, "remote", "w").await;
    let task = poll(&door, "default").await.expect("a task");
    door.close().await;
    let host = builder().store(store).start().await.expect("a host");
    let door = FrontDoor::open(host).await;
    assert_eq!(heartbeat(&door, &task.task_token).await.ok(), Some(false));
    complete(&door, &task.task_token).await.expect("the token is good");
    assert_eq!(result(&door, "w").await, "from afar");
    door.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_ends_takes_its_activities_along() {
    let door = open().await;
    started(&door, "remote", "w").await;
    let task = poll(&door, "default").await.expect("a task");
    terminate(&door, "w", "").await.expect("it ends");
    let closed = "workflow execution already completed";
    let closed = refusal(Code::NotFound, closed, &["NotFoundFailure"]);
    assert_eq!(seen(heartbeat(&door, &task.task_token).await), closed);
    assert_eq!(seen(cancel(&door, &task.task_token).await), closed);
    door.close().await;
}
