//! Clients that are slow, stuck or gone: they lose their connections, and an honest client beside them notices nothing.

use crate::{PATIENCE, honest_work, open, poll};
use sandglass_temporal::ServeLimits;
use sandglass_tests::front_door::{FrontDoor, WORKFLOW_SERVICE, request_on};
use std::time::Duration;
use temporalio_protos::temporal::api::workflowservice::v1 as api;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic::{Code, Request};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// An empty SETTINGS frame.
const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];

/// Limits of a test that waits for them.
fn impatient() -> ServeLimits {
    ServeLimits {
        handshake_timeout: Duration::from_millis(400),
        keepalive_interval: Duration::from_millis(300),
        keepalive_timeout: Duration::from_millis(300),
        ..ServeLimits::default()
    }
}

async fn connect_and_say(door: &FrontDoor, words: &[&[u8]]) -> TcpStream {
    let mut stream = TcpStream::connect(&door.address).await.expect("a connection");
    for word in words {
        stream.write_all(word).await.expect("it can be said");
    }
    stream
}

/// Waits until the server has closed the connection.
async fn closed(mut stream: TcpStream) {
    let mut said = [0; 4_096];
    let end = async { while matches!(stream.read(&mut said).await, Ok(read) if read > 0) {} };
    tokio::time::timeout(PATIENCE, end).await.expect("the server closes it");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_says_nothing_or_half_a_word_loses_the_connection() {
    let door = open(impatient()).await;
    // HEADERS of 100 bytes, of which five come; and a DATA frame's length alone.
    let half_headers: &[u8] = &[0, 0, 100, 1, 4, 0, 0, 0, 1, 0x82, 0x86, 0x84, 0x41, 0x8a];
    let says: [&[&[u8]]; 5] = [
        &[],
        &[b"PRI * HTTP"],
        &[PREFACE],
        &[PREFACE, SETTINGS, half_headers],
        &[PREFACE, SETTINGS, &[0, 0]],
    ];
    let mut streams = Vec::new();
    for _ in 0..20 {
        for words in says {
            streams.push(connect_and_say(&door, words).await);
        }
    }
    honest_work(&door, "beside the silent").await;
    for stream in streams {
        closed(stream).await;
    }
    honest_work(&door, "after the silent").await;
    door.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_does_not_keep_others_out_for_long() {
    let door = open(ServeLimits { connections_max: 10, ..impatient() }).await;
    let mut silent = Vec::new();
    for _ in 0..50 {
        silent.push(connect_and_say(&door, &[]).await);
    }
    let work = async {
        while door.connect().await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, work).await.expect("there is room again");
    drop(silent);
    door.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rubbish_is_answered_by_the_end_of_the_connection() {
    let door = open(impatient()).await;
    let rubbish: [&[u8]; 3] = [
        b"GET / HTTP/1.1\r\nhost: x\r\n\r\n",
        &[0xff; 4_096],
        &[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3],
    ];
    for words in rubbish {
        closed(connect_and_say(&door, &[words]).await).await;
    }
    honest_work(&door, "after rubbish").await;
    door.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_never_reads_does_not_keep_the_server_busy() {
    let door = open(impatient()).await;
    let stream = TcpStream::connect(&door.address).await.expect("a connection");
    let (mut client, connection) =
        h2::client::Builder::new().initial_window_size(0).handshake(stream).await.expect("HTTP/2");
    // Driven only until the requests are out; then nobody reads, and no ping is answered.
    let mut connection = Box::pin(connection);
    let uri = format!("http://{}/{WORKFLOW_SERVICE}/GetSystemInfo", door.address);
    let mut answers = Vec::new();
    for _ in 0..100 {
        let request = tonic::codegen::http::Request::post(&uri)
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(())
            .expect("a request");
        let (answer, mut body) = client.send_request(request, false).expect("it is sent");
        body.send_data(bytes::Bytes::from_static(&[0; 5]), true).expect("it is sent");
        answers.push(answer);
    }
    let first = answers.remove(0);
    tokio::select! {
        answered = first => assert!(answered.expect("headers").status().is_success()),
        ended = &mut connection => panic!("the connection ended: {ended:?}"),
    }
    honest_work(&door, "beside who does not read").await;
    // The server has closed it by the time that he reads again.
    tokio::time::sleep(impatient().keepalive_interval + 2 * impatient().keepalive_timeout).await;
    let ended = tokio::time::timeout(PATIENCE, &mut connection).await;
    // How it ends, with an error or without, is up to what lay in between.
    drop(ended.expect("the server has gone"));
    door.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_alive_and_takes_no_answer_is_cut_off() {
    let door = open(ServeLimits {
        answer_timeout: Duration::from_millis(500),
        keepalive_interval: Duration::from_millis(200),
        ..ServeLimits::default()
    })
    .await;
    let stream = TcpStream::connect(&door.address).await.expect("a connection");
    let (mut client, connection) =
        h2::client::Builder::new().initial_window_size(0).handshake(stream).await.expect("HTTP/2");
    let uri = format!("http://{}/{WORKFLOW_SERVICE}/GetSystemInfo", door.address);
    let request = tonic::codegen::http::Request::post(&uri)
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(())
        .expect("a request");
    let (answer, mut body) = client.send_request(request, false).expect("it is sent");
    body.send_data(bytes::Bytes::from_static(&[0; 5]), true).expect("it is sent");
    // Driven all the time: every ping is answered, and the answer's headers come. Its body does not, for want of a window.
    let ended = tokio::time::timeout(PATIENCE, connection);
    let (answer, ended) = tokio::join!(answer, ended);
    assert!(answer.expect("headers").status().is_success());
    drop(ended.expect("the server has ended it"));
    honest_work(&door, "after who takes no answer").await;
    door.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_never_ends_is_given_up() {
    let limits =
        ServeLimits { request_timeout: Duration::from_millis(500), ..ServeLimits::default() };
    let door = open(limits).await;
    let stream = TcpStream::connect(&door.address).await.expect("a connection");
    let (mut client, connection) = h2::client::handshake(stream).await.expect("HTTP/2");
    let driver = tokio::spawn(connection);
    let uri = format!("http://{}/{WORKFLOW_SERVICE}/StartWorkflowExecution", door.address);
    let request = tonic::codegen::http::Request::post(&uri)
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(())
        .expect("a request");
    let (answer, mut body) = client.send_request(request, false).expect("it is sent");
    // A message of 100 bytes, of which none comes, though the client is alive.
    body.send_data(bytes::Bytes::from_static(&[0, 0, 0, 0, 100]), false).expect("it is sent");
    honest_work(&door, "beside half a request").await;
    let answer = tokio::time::timeout(PATIENCE, answer).await.expect("in time").expect("an answer");
    let status = tonic::Status::from_header_map(answer.headers()).expect("a status");
    assert_eq!(
        (status.code(), status.message()),
        (Code::DeadlineExceeded, "context deadline exceeded")
    );
    driver.abort();
    door.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_polls_left_open_harm_nobody() {
    let door = open(ServeLimits::default()).await;
    let mut polls = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let channel = door.connect().await.expect("a connection");
        for queue in 0..250 {
            let request = Request::new(poll(&format!("queue {queue}")));
            polls.spawn(request_on::<_, api::PollActivityTaskQueueResponse>(
                channel.clone(),
                WORKFLOW_SERVICE,
                "PollActivityTaskQueue",
                request,
            ));
        }
    }
    let all_wait = async {
        let tasks = door.host.activity_tasks();
        while (0..250).map(|queue| tasks.polls(&format!("queue {queue}"))).sum::<usize>() < 1_000 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, all_wait).await.expect("a thousand wait");
    for number in 0..20 {
        honest_work(&door, &format!("beside a thousand, {number}")).await;
    }
    assert!(polls.try_join_next().is_none(), "a poll has ended");
    door.close().await;
}
