//! Each limit of clients at its edge.

use crate::{PATIENCE, honest_work, open, poll, start, system_info};
use rand::rngs::StdRng;
use rand::{RngCore, SeedableRng};
use sandglass_temporal::ServeLimits;
use sandglass_tests::front_door::{FrontDoor, WORKFLOW_SERVICE, request_on};
use std::time::Duration;
use temporalio_protos::temporal::api::common::v1 as common;
use temporalio_protos::temporal::api::workflowservice::v1 as api;
use tonic::{Code, Request, Status};

async fn started_with(
    door: &FrontDoor,
    data: Vec<u8>,
) -> Result<api::StartWorkflowExecutionResponse, Status> {
    let mut request = start("empty", &format!("of {} bytes", data.len()));
    let payload = common::Payload { data, ..Default::default() };
    request.input = Some(common::Payloads { payloads: vec![payload] });
    door.call("StartWorkflowExecution", request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_over_the_size_is_exhausting_as_in_temporal() {
    let limits = ServeLimits { request_bytes_max: 64 * 1024, ..ServeLimits::default() };
    let door = open(limits).await;
    // Bytes that do not compress, so that they are as many on their way.
    let mut data = vec![0; 70 * 1024];
    StdRng::seed_from_u64(1).fill_bytes(&mut data);
    started_with(&door, data[..60 * 1024].to_vec()).await.expect("it is not too large");
    let refused = started_with(&door, data).await.expect_err("it is too large");
    assert_eq!(refused.code(), Code::ResourceExhausted, "{refused}");
    let sentence = refused.message();
    assert!(sentence.starts_with("grpc: received message larger than max ("), "{sentence}");
    assert!(sentence.ends_with(" vs. 65536)"), "{sentence}");
    // These compress to next to nothing, and are not unpacked any further than they may.
    let refused = started_with(&door, vec![0; 3 << 20]).await.expect_err("it is too large");
    assert_eq!(refused.code(), Code::ResourceExhausted, "{refused}");
    door.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_over_the_size_is_refused() {
    let door = open(ServeLimits { answer_bytes_max: 8, ..ServeLimits::default() }).await;
    let refused = system_info(&door).await.expect_err("it is too large");
    assert_eq!(refused.code(), Code::OutOfRange, "{refused}");
    door.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn polls_are_counted_by_connection_and_in_all() {
    let limits =
        ServeLimits { polls_of_a_connection_max: 2, polls_max: 3, ..ServeLimits::default() };
    let door = open(limits).await;
    let mut waiting = tokio::task::JoinSet::new();
    let mut refused = Vec::new();
    for connection in 0..2 {
        let channel = door.connect().await.expect("a connection");
        for _ in 0..3 {
            let polled = request_on::<_, api::PollActivityTaskQueueResponse>(
                channel.clone(),
                WORKFLOW_SERVICE,
                "PollActivityTaskQueue",
                Request::new(poll("q")),
            );
            waiting.spawn(async move { (connection, polled.await) });
        }
        // The first connection's third is one too many for it; of the second's, two are for all.
        while refused.len() < 1 + 2 * connection {
            let next = tokio::time::timeout(PATIENCE, waiting.join_next()).await;
            let (of, polled) = next.expect("in time").expect("a poll").expect("no panic");
            let status = polled.expect_err("there is no task");
            assert_eq!((of, status.code()), (connection, Code::ResourceExhausted), "{status}");
            refused.push(status.message().to_owned());
        }
    }
    refused.sort();
    let (connection, namespace) = (
        "connection concurrent poller limit exceeded",
        "namespace concurrent poller limit exceeded",
    );
    assert_eq!(refused, [connection, namespace, namespace]);
    // What does not wait is not affected, and polls that have gone make room.
    system_info(&door).await.expect("an answer");
    drop(waiting);
    until_there_is_room(&door).await;
    door.close().await;
}

/// The server learns that polls are gone when their connections' frames reach it.
async fn until_there_is_room(door: &FrontDoor) {
    let room = async {
        loop {
            let mut request = Request::new(poll("q"));
            request.set_timeout(Duration::from_millis(1_500));
            let polled: Result<api::PollActivityTaskQueueResponse, _> =
                door.request(WORKFLOW_SERVICE, "PollActivityTaskQueue", request).await;
            match polled {
                Ok(empty) => break assert!(empty.task_token.is_empty()),
                Err(status) => assert_eq!(status.code(), Code::ResourceExhausted, "{status}"),
            }
        }
    };
    tokio::time::timeout(PATIENCE, room).await.expect("polls that are gone make room");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_too_many_is_closed_and_the_others_stay() {
    let door = open(ServeLimits { connections_max: 2, ..ServeLimits::default() }).await;
    // The door's own is the first.
    system_info(&door).await.expect("an answer");
    let second = door.connect().await.expect("a connection");
    let ask = |channel| {
        let request = Request::new(api::GetSystemInfoRequest::default());
        request_on::<_, api::GetSystemInfoResponse>(
            channel,
            WORKFLOW_SERVICE,
            "GetSystemInfo",
            request,
        )
    };
    ask(second.clone()).await.expect("an answer");
    let third = door.connect().await;
    let answered = match third {
        Ok(channel) => ask(channel).await.is_ok(),
        Err(_) => false,
    };
    assert!(!answered, "a third connection was served");
    ask(second.clone()).await.expect("the second still is");
    drop(second);
    let room = async {
        loop {
            if let Ok(channel) = door.connect().await
                && ask(channel).await.is_ok()
            {
                break;
            }
        }
    };
    tokio::time::timeout(PATIENCE, room).await.expect("who goes makes room");
    door.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_over_the_size_are_refused() {
    let door = open(ServeLimits { header_bytes_max: 2_048, ..ServeLimits::default() }).await;
    let mut request = Request::new(api::GetSystemInfoRequest::default());
    let long = "x".repeat(8_192);
    request.metadata_mut().insert("extra", long.parse().expect("ASCII"));
    let refused: Result<api::GetSystemInfoResponse, _> =
        door.request(WORKFLOW_SERVICE, "GetSystemInfo", request).await;
    refused.expect_err("they are too large");
    honest_work(&door, "after large headers").await;
    door.close().await;
}
