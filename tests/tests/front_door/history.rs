//! Histories over the wire: pages, long polls, the closing event.

use crate::{NAMESPACE, execution, open, refusal, seen, signal, started};
use sandglass_tests::front_door::{FrontDoor, WORKFLOW_SERVICE};
use std::time::Duration;
use temporalio_protos::temporal::api::enums::v1::{EventType, HistoryEventFilterType};
use temporalio_protos::temporal::api::history::v1::HistoryEvent;
use temporalio_protos::temporal::api::workflowservice::v1 as api;
use tonic::{Code, Request, Status};

fn request(workflow_id: &str) -> api::GetWorkflowExecutionHistoryRequest {
    api::GetWorkflowExecutionHistoryRequest {
        namespace: NAMESPACE.into(),
        execution: execution(workflow_id, ""),
        ..Default::default()
    }
}

async fn get(
    door: &FrontDoor,
    request: api::GetWorkflowExecutionHistoryRequest,
) -> Result<(Vec<HistoryEvent>, Vec<u8>), Status> {
    let answer: api::GetWorkflowExecutionHistoryResponse =
        door.call("GetWorkflowExecutionHistory", request).await?;
    Ok((answer.history.expect("a history").events, answer.next_page_token))
}

fn ids(events: &[HistoryEvent]) -> Vec<i64> {
    events.iter().map(|event| event.event_id).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_follow_on_each_other() {
    let door = open().await;
    started(&door, "greet", "w").await;
    let handle = door.host.client().workflow("w");
    handle.closing_event().await.expect("it ends");
    let all = handle.history().await.expect("a history").events;
    let (mut seen_ids, mut token) = (Vec::new(), Vec::new());
    loop {
        let page = api::GetWorkflowExecutionHistoryRequest {
            maximum_page_size: 2,
            next_page_token: token,
            ..request("w")
        };
        let (events, next) = get(&door, page).await.expect("a page");
        assert!(events.len() <= 2);
        seen_ids.extend(ids(&events));
        token = next;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(seen_ids, all.iter().map(|event| event.event_id).collect::<Vec<_>>());
    let garbage = api::GetWorkflowExecutionHistoryRequest {
        next_page_token: b"garbage".to_vec(),
        ..request("w")
    };
    assert_eq!(
        seen(get(&door, garbage).await),
        refusal(Code::InvalidArgument, "Invalid NextPageToken.", &[])
    );
    door.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_event_comes_first_if_asked_so() {
    let door = open().await;
    started(&door, "greet", "w").await;
    door.host.client().workflow("w").closing_event().await.expect("it ends");
    let get = |page: i32, token: Vec<u8>, workflow_id: &str| {
        let request = api::GetWorkflowExecutionHistoryReverseRequest {
            namespace: NAMESPACE.into(),
            execution: execution(workflow_id, ""),
            maximum_page_size: page,
            next_page_token: token,
        };
        door.call::<_, api::GetWorkflowExecutionHistoryReverseResponse>(
            "GetWorkflowExecutionHistoryReverse",
            request,
        )
    };
    for page in [0, 1, 3, 11, 12] {
        let (mut seen_ids, mut token) = (Vec::new(), Vec::new());
        loop {
            let answer = get(page, token, "w").await.expect("a page");
            seen_ids.extend(ids(&answer.history.expect("a history").events));
            token = answer.next_page_token;
            if token.is_empty() {
                break;
            }
        }
        assert_eq!(seen_ids, (1..=11).rev().collect::<Vec<_>>(), "{page} a page");
    }
    assert_eq!(
        seen(get(1, b"x".to_vec(), "w").await),
        refusal(Code::InvalidArgument, "Invalid NextPageToken.", &[])
    );
    let sentence = "workflow not found for ID: nobody";
    assert_eq!(
        seen(get(1, Vec::new(), "nobody").await),
        refusal(Code::NotFound, sentence, &["NotFoundFailure"])
    );
    door.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_poll_answers_when_something_comes() {
    let door = open().await;
    started(&door, "wait", "w").await;
    let poll = |token| api::GetWorkflowExecutionHistoryRequest {
        wait_new_event: true,
        next_page_token: token,
        ..request("w")
    };
    let (mut events, mut token) = get(&door, poll(Vec::new())).await.expect("what there is");
    assert_eq!(events[0].event_id, 1);
    let mut signaled = false;
    while events.last().expect("an event").event_type() != EventType::WorkflowExecutionCompleted {
        if events.last().is_some_and(|event| event.event_id == 4) && !signaled {
            signal(&door, "w", "go").await.expect("it is open");
            signaled = true;
        }
        let (more, next) = get(&door, poll(token)).await.expect("what comes");
        assert!(!more.is_empty(), "a long poll that is not over gave nothing");
        events.extend(more);
        token = next;
    }
    assert!(token.is_empty());
    assert_eq!(ids(&events), (1..=i64::try_from(events.len()).expect("few")).collect::<Vec<_>>());
    door.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_closing_event_is_waited_for() {
    let door = open().await;
    started(&door, "wait", "w").await;
    let closing = |wait_new_event| api::GetWorkflowExecutionHistoryRequest {
        history_event_filter_type: HistoryEventFilterType::CloseEvent.into(),
        wait_new_event,
        ..request("w")
    };
    // The caller's deadline is near: the answer is empty, and has a token to go on with for who said that he waits.
    let hurried = async |wait_new_event| {
        let mut hurried = Request::new(closing(wait_new_event));
        hurried.set_timeout(Duration::from_millis(1_200));
        let answer: api::GetWorkflowExecutionHistoryResponse = door
            .request(WORKFLOW_SERVICE, "GetWorkflowExecutionHistory", hurried)
            .await
            .expect("one");
        assert!(answer.history.as_ref().is_some_and(|history| history.events.is_empty()));
        answer
    };
    assert!(hurried(false).await.next_page_token.is_empty());
    let answer = hurried(true).await;
    let going_on = api::GetWorkflowExecutionHistoryRequest {
        next_page_token: answer.next_page_token,
        ..closing(true)
    };
    let (answer, signaled) = tokio::join!(get(&door, going_on), signal(&door, "w", "go"));
    signaled.expect("it is open");
    let (events, token) = answer.expect("the event");
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].event_type(), EventType::WorkflowExecutionCompleted);
    assert!(token.is_empty());
    door.close().await;
}
