//! Components that come while runs are open (D16): what waits for them goes on, and what failed because of the old ones tries again at once.

use sandglass_host::{Host, StartWorkflow, WorkflowHandle};
use sandglass_tests::golden::{Scrubbed, difference, golden};
use sandglass_tests::{compiled, guest};
use std::fs;
use std::time::Duration;

async fn host() -> Host {
    let builder = Host::builder().in_memory().cache_dir(compiled());
    let builder = builder.component_file("hostile", guest("hostile"));
    builder.start().await.expect("a host")
}

async fn register(host: &Host, workflow_type: &str, name: &str) {
    let component = fs::read(guest(name)).expect("a guest");
    host.register(workflow_type, component).await.expect("a workflow");
}

/// Waits until the run's task was tried so often.
async fn attempts(handle: &WorkflowHandle, count: u32) {
    loop {
        let task = handle.describe().await.expect("a description").pending_workflow_task;
        if task.is_some_and(|task| task.attempt >= count && task.started) {
            return;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_before_there_is_a_worker_is_seen_by_the_first_task() {
    let host = host().await;
    let start = StartWorkflow::new("late", "late").input("quick");
    let handle = host.client().start(start).await.expect("a start");
    handle.cancel("").await.expect("it is asked");
    register(&host, "late", "bench-empty").await;
    assert_eq!(handle.result::<String>().await.expect("a result"), "quick");
    let history = handle.history().await.expect("a history");
    let strip = |mut history: Scrubbed| {
        // What the types are called and what they are given and give is each workflow's own.
        for (_, attributes) in &mut history.events {
            let attributes = attributes.as_object_mut().expect("attributes");
            for own in ["workflowType", "input", "result"] {
                attributes.remove(own);
            }
        }
        history
    };
    let ours = strip(Scrubbed::of(history.events.iter().map(|event| &**event)));
    let theirs = strip(golden("i_cancel_before_first_task_quick_workflow"));
    assert_eq!(difference(&ours, &theirs), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn mended_code_reaches_a_failing_run_at_once() {
    let host = host().await;
    // Its task's time is never over within the test: only the registration gets it going.
    let start = StartWorkflow::new("hostile", "trap").input("trap");
    let start = start.task_timeout(Duration::from_secs(100));
    let handle = host.client().start(start).await.expect("a start");
    attempts(&handle, 2).await;
    let begun = std::time::Instant::now();
    register(&host, "hostile", "bench-empty").await;
    assert_eq!(handle.result::<String>().await.expect("a result"), "trap");
    assert!(begun.elapsed() < Duration::from_secs(90), "it waited for the task's timeout");
}
