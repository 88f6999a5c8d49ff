//! A whole host under attack: endless loops, four for each core, beside a thousand honest workflows.
//!
//! What is held: the honest ones complete, a cancel and a terminate go through while the loops spin, none of them hangs, and nothing follows a
//! terminate. How long each took is printed: it is the machine's, too.

use futures::future::{join_all, try_join_all};
use sandglass_host::wasm::{EngineOptions, Limits};
use sandglass_host::{Client, Host, StartWorkflow, WorkflowError, WorkflowHandle, function};
use sandglass_tests::{compiled, guest};
use serde_json::Value;
use std::path::Path;
use std::time::{Duration, Instant};

const LOOPS: usize = 8;
const HONEST: usize = 1_000;
const CANCELS: usize = 20;
/// What a cancel or a terminate may take at most. Beside loops that nobody interrupts it would take for ever; this is no figure of speed.
const HANGS: Duration = Duration::from_secs(15);
/// So generous that only what hangs is late.
const PATIENCE: Duration = Duration::from_secs(110);

async fn host(folder: &Path) -> Host {
    // They are to spin throughout, in one attempt: nothing but a terminate ends them.
    let limits = Limits { deadlock_timeout: Duration::from_secs(3600), ..Limits::default() };
    let (greeted, cleaned) = (
        function(|_, number: u32| async move { Ok(number) }),
        function(|_, (): ()| async { Ok("clean") }),
    );
    Host::builder()
        .sqlite(folder.join("sandglass.db"))
        .wasm(EngineOptions { limits, ..EngineOptions::default() })
        .cache_dir(compiled())
        .guest_threads(2)
        .component_file("hostile", guest("hostile"))
        .component_file("activities", guest("bench-ten-activities"))
        .component_file("timer", guest("timer"))
        .component_file("cancellation", guest("cancellation"))
        .activity("echo", greeted)
        .activity("cleanup", cleaned)
        .start()
        .await
        .expect("a host")
}

async fn start_loops(client: &Client) -> Vec<WorkflowHandle> {
    let start = |number| {
        client.start(
            StartWorkflow::new("hostile", format!("loop {number}"))
                .input("endless-loop")
                .task_timeout(Duration::from_secs(120)),
        )
    };
    let loops = try_join_all((0..LOOPS).map(start)).await.expect("loops");
    for handle in &loops {
        while !spins(handle).await {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    loops
}

/// Whether it is in its first workflow task still, which it cannot leave.
async fn spins(handle: &WorkflowHandle) -> bool {
    let task = handle.describe().await.expect("a description").pending_workflow_task;
    task.is_some_and(|task| task.started && task.attempt == 1)
}

/// One honest workflow: how long it took.
async fn honest(client: Client, number: usize) -> Duration {
    let begun = Instant::now();
    let start = StartWorkflow::new("activities", format!("honest {number}")).input(&3);
    let (start, expected) = match number % 2 {
        0 => (start, "3"),
        _ => {
            let timer = StartWorkflow::new("timer", format!("honest {number}")).input(&0.25);
            (timer, "\"slept for 0.25 s\"")
        }
    };
    let result = client.execute(start).await.expect("an honest workflow completes");
    assert_eq!(result.data, expected);
    begun.elapsed()
}

/// Cancels a workflow that sleeps, which cleans up: how long it takes until that is recorded, and until the workflow is closed.
async fn cancel(client: &Client, id: &str) -> (Duration, Duration) {
    let start = StartWorkflow::new("cancellation", id);
    let handle = client.start(start.input("cleanup")).await.expect("a start");
    while handle.describe().await.expect("a description").pending_timers.is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let begun = Instant::now();
    handle.cancel("enough").await.expect("it is asked");
    let asked = begun.elapsed();
    let end = handle.result::<Value>().await;
    assert!(matches!(end, Err(WorkflowError::Canceled { .. })), "{end:?}");
    (asked, begun.elapsed())
}

/// Cancels several, one after the other.
async fn cancels(client: &Client, place: &str) {
    let (mut asked, mut closed) = (Vec::new(), Vec::new());
    for number in 0..CANCELS {
        let times = cancel(client, &format!("cancel {place} {number}")).await;
        asked.push(times.0);
        closed.push(times.1);
    }
    show(&format!("cancel to recorded, {place}"), asked);
    show(&format!("cancel to closed, {place}"), closed);
}

/// Terminates a loop: how long it takes until it is closed.
async fn terminate(handle: &WorkflowHandle) -> Duration {
    let begun = Instant::now();
    handle.terminate("it loops").await.expect("it is ended");
    let end = handle.result::<Value>().await;
    assert!(matches!(end, Err(WorkflowError::Terminated { .. })), "{end:?}");
    begun.elapsed()
}

/// What a terminated loop's history is: the task that it was in has failed, and the terminate is the last word.
async fn check_terminated(handle: &WorkflowHandle) {
    let history = handle.history().await.expect("a history");
    let names: Vec<_> = history.events.iter().map(|event| event.attributes.name()).collect();
    assert_eq!(
        names,
        [
            "WorkflowExecutionStarted",
            "WorkflowTaskScheduled",
            "WorkflowTaskStarted",
            "WorkflowTaskFailed",
            "WorkflowExecutionTerminated",
        ]
    );
}

fn show(what: &str, mut times: Vec<Duration>) {
    times.sort();
    if !what.starts_with("honest") {
        assert!(times.last() < Some(&HANGS), "{what}: {times:?}");
    }
    let count = times.len();
    let millis = |share: usize| times[(count - 1) * share / 100].as_secs_f64() * 1e3;
    let (median, most, max) = (millis(50), millis(99), millis(100));
    println!("{what}: {count} times, p50 {median:.1} ms, p99 {most:.1} ms, max {max:.1} ms");
}

async fn story(host: &Host) {
    let client = host.client();
    let loops = start_loops(&client).await;
    let crowd: Vec<_> =
        (0..HONEST).map(|number| tokio::spawn(honest(client.clone(), number))).collect();
    cancels(&client, "in the crowd").await;
    let (first, others) = loops.split_first().expect("loops");
    show("terminate to closed, in the crowd", vec![terminate(first).await]);
    let honest = join_all(crowd).await.into_iter().map(|time| time.expect("no panic")).collect();
    show("honest workflow", honest);
    for handle in others {
        assert!(spins(handle).await, "{} gave up", handle.workflow_id());
    }
    cancels(&client, "beside seven loops").await;
    let mut times = Vec::new();
    for handle in others {
        times.push(terminate(handle).await);
    }
    show("terminate to closed, one loop after the other", times);
    for handle in &loops {
        check_terminated(handle).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn endless_loops_keep_nobody_from_going_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let host = host(folder.path()).await;
    tokio::time::timeout(PATIENCE, story(&host)).await.expect("the host goes on");
    host.shutdown(Duration::ZERO).await;
    // What was read from memory stands on the disk, too.
    let host = self::host(folder.path()).await;
    for number in 0..LOOPS {
        check_terminated(&host.client().workflow(format!("loop {number}"))).await;
    }
}
