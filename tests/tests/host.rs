//! The host as its embedders use it, with guests in Rust in place of wasm: start, result, signal, query, cancel, terminate, restart.

use sandglass_core::Payload;
use sandglass_host::store::{MemoryStore, Store};
use sandglass_host::writer::WriterOptions;
use sandglass_host::{
    ClientError, Host, HostBuilder, HostOptions, StartWorkflow, WorkflowError, function,
};
use sandglass_tests::native::NativeWorker;
use sandglass_tests::scripted::{Imports, Outcome, Script, activity};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

fn text(text: &str) -> Outcome {
    Ok(Payload::json(format!("{text:?}")))
}

fn worker() -> Arc<NativeWorker> {
    NativeWorker::new([
        ("empty", Script::new(|_| async { text("done") })),
        ("greet", Script::new(|it: Imports| async move { it.execute(activity("greet")).await })),
        (
            "wait",
            Script::new(|it: Imports| async move {
                it.publish("status", "\"waiting\"");
                let signal = it.receive("go").await?;
                it.publish("status", "\"gone\"");
                Ok(signal.input.into_iter().next().unwrap_or_else(Payload::nil))
            }),
        ),
        (
            "cleanup",
            Script::new(|it: Imports| async move {
                if let Err(canceled) = it.sleep(3600).await {
                    it.execute(activity("greet")).await?;
                    return Err(canceled);
                }
                text("slept")
            }),
        ),
        ("bug", Script::new(|it: Imports| async move { it.trap("a bug") })),
    ])
}

fn builder() -> HostBuilder {
    let greet = function(|_, (): ()| async { Ok("hello") });
    Host::builder().workflow_worker(worker()).activity("greet", greet)
}

fn names(history: &sandglass_host::History) -> Vec<&'static str> {
    history.events.iter().map(|event| event.attributes.name()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_workflow_is_one_commit() {
    // However slow the machine is: what has not come to rest is held.
    let hold = Duration::from_secs(60);
    let host =
        builder().writer(WriterOptions { hold, hold_unwatched: hold, ..WriterOptions::default() });
    let host = host.start().await.expect("a host");
    let before = host.commits();
    let result = host.client().execute(StartWorkflow::new("empty", "e")).await.expect("a result");
    assert_eq!(&result.data[..], b"\"done\"");
    assert_eq!(host.commits() - before, 1);
    let history = host.client().workflow("e").history().await.expect("a history");
    assert_eq!(
        names(&history),
        [
            "WorkflowExecutionStarted",
            "WorkflowTaskScheduled",
            "WorkflowTaskStarted",
            "WorkflowTaskCompleted",
            "WorkflowExecutionCompleted",
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn activities_signals_and_queries() {
    let host = builder().start().await.expect("a host");
    let client = host.client();
    let greeting: String =
        client.start(StartWorkflow::new("greet", "g")).await.unwrap().result().await.unwrap();
    assert_eq!(greeting, "hello");
    let waiting = client.start(StartWorkflow::new("wait", "w")).await.unwrap();
    while waiting.query::<String>("status").await.is_err() {
        tokio::task::yield_now().await;
    }
    waiting.signal("go", &json!({"n": 1})).await.unwrap();
    assert_eq!(waiting.result::<Value>().await.unwrap(), json!({"n": 1}));
    assert_eq!(waiting.query::<String>("status").await.unwrap(), "gone");
    let unknown = waiting.query::<String>("other").await;
    assert!(matches!(unknown, Err(WorkflowError::Client(ClientError::UnknownQuery { .. }))));
    assert!(matches!(waiting.signal("go", &1).await, Err(ClientError::AlreadyCompleted)));
}

#[tokio::test(flavor = "multi_thread")]
async fn cancel_asks_and_terminate_ends() {
    let host = builder().start().await.expect("a host");
    let client = host.client();
    let canceled = client.start(StartWorkflow::new("cleanup", "c")).await.unwrap();
    canceled.cancel("enough").await.unwrap();
    let end = canceled.result::<Value>().await;
    assert!(matches!(end, Err(WorkflowError::Canceled { .. })), "{end:?}");
    let history = canceled.history().await.unwrap();
    assert!(names(&history).contains(&"ActivityTaskCompleted"), "{:?}", names(&history));
    let terminated = client.start(StartWorkflow::new("cleanup", "t")).await.unwrap();
    terminated.terminate("gone").await.unwrap();
    let end = terminated.result::<Value>().await;
    assert!(matches!(end, Err(WorkflowError::Terminated { ref reason, .. }) if reason == "gone"));
    assert!(matches!(terminated.terminate("again").await, Err(ClientError::AlreadyCompleted)));
    terminated.cancel("closed: no effect").await.unwrap();
    let bug = client.start(StartWorkflow::new("bug", "b")).await.unwrap();
    bug.cancel("it fails for ever").await.unwrap();
    bug.terminate("so it is ended").await.unwrap();
    assert!(matches!(bug.result::<Value>().await, Err(WorkflowError::Terminated { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_are_in_use_and_free_again() {
    let host = builder().start().await.expect("a host");
    let client = host.client();
    let first = client.start(StartWorkflow::new("wait", "id").request_id("r")).await.unwrap();
    let again = client.start(StartWorkflow::new("wait", "id").request_id("r")).await.unwrap();
    assert_eq!(first.run_id(), again.run_id());
    let refused = client.start(StartWorkflow::new("wait", "id")).await.err().unwrap();
    assert!(matches!(refused, ClientError::AlreadyStarted { .. }), "{refused}");
    let next = StartWorkflow::new("empty", "id")
        .id_conflict_policy(sandglass_core::policy::WorkflowIdConflictPolicy::TerminateExisting);
    let next = client.start(next).await.unwrap();
    assert_eq!(next.result::<String>().await.unwrap(), "done");
    assert!(matches!(first.result::<Value>().await, Err(WorkflowError::Terminated { .. })));
    let long = "x".repeat(1_001);
    let refused = client.start(StartWorkflow::new("empty", long)).await.err().unwrap();
    assert!(matches!(refused, ClientError::InvalidArgument(_)), "{refused}");
    let unknown = client.workflow("nobody").cancel("").await.err().unwrap();
    assert_eq!(unknown.to_string(), "workflow not found for ID: nobody");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_host_goes_on() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let first = builder().store(Arc::clone(&store)).start().await.expect("a host");
    let client = first.client();
    client.start(StartWorkflow::new("wait", "w")).await.unwrap();
    client.start(StartWorkflow::new("cleanup", "c")).await.unwrap();
    first.shutdown(Duration::ZERO).await;
    let second = builder().store(store).start().await.expect("a host");
    let client = second.client();
    client.workflow("w").signal("go", &7).await.unwrap();
    assert_eq!(client.workflow("w").result::<u32>().await.unwrap(), 7);
    client.workflow("c").cancel("").await.unwrap();
    let end = client.workflow("c").result::<Value>().await;
    assert!(matches!(end, Err(WorkflowError::Canceled { .. })), "{end:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_recovery_ends_is_ended_on_the_disk() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let (begun, mut has_begun) = tokio::sync::watch::channel(false);
    let hangs = function(move |_, (): ()| {
        begun.send_replace(true);
        async { Ok(std::future::pending::<String>().await) }
    });
    let first = builder().activity("greet", hangs).store(Arc::clone(&store));
    let first = first.start().await.expect("a host");
    first.client().start(StartWorkflow::new("greet", "g")).await.unwrap();
    has_begun.wait_for(|begun| *begun).await.expect("the attempt begins");
    first.shutdown(Duration::ZERO).await;
    // The history is longer than the next host allows, which it finds out while it puts the lost attempt right.
    let mut options = HostOptions::default();
    options.run.history_events_max = 4;
    let second = builder().options(options).store(store).start().await.expect("a host");
    let history = second.client().workflow("g").history().await.expect("a history");
    assert_eq!(names(&history).last(), Some(&"WorkflowExecutionTerminated"));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_a_result_learns_that_the_host_is_gone() {
    let host = builder().start().await.expect("a host");
    let handle = host.client().start(StartWorkflow::new("wait", "w")).await.expect("it starts");
    let waits = tokio::spawn({
        let handle = handle.clone();
        async move { handle.result_payload().await }
    });
    while handle.query_payload("status").await.is_err() {
        tokio::task::yield_now().await;
    }
    drop(host);
    for waited in [waits.await.expect("it does not panic"), handle.result_payload().await] {
        assert!(matches!(waited, Err(WorkflowError::Client(ClientError::ShutDown))), "{waited:?}");
    }
}
