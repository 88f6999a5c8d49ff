//! Several runs of one workflow id: what is asked of an old one leaves the new one alone.

use sandglass_core::engine::{ActivityEnd, ActivityTaskToken};
use sandglass_core::{Payload, Timestamp};
use sandglass_host::store::{MemoryStore, Store};
use sandglass_host::{Client, Clock, Host, StartWorkflow, WorkflowHandle};
use sandglass_tests::native::NativeWorker;
use sandglass_tests::scripted::{Imports, Script};
use std::sync::Arc;
use std::time::Duration;

const ID: &str = "again";
/// Far more often than it needs, however slow the machine is.
const LOOKS_MAX: usize = 20_000;

/// Moves the clock on until the run has ended; it sleeps for two seconds.
async fn ends_in_time(handle: &WorkflowHandle, clock: &Clock) -> bool {
    let ends = tokio::spawn({
        let handle = handle.clone();
        async move { handle.result::<String>().await.expect("a result") }
    });
    for _ in 0..LOOKS_MAX {
        if ends.is_finished() {
            return ends.await.expect("no panic") == "slept";
        }
        clock.advance(Duration::from_millis(10));
        // What the clock has set off needs a moment of the machine's.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    false
}

/// A host with a run that is over, and the next one of its id, which sleeps.
async fn two_runs(clock: &Clock) -> (Host, WorkflowHandle, WorkflowHandle) {
    let script = Script::new(|it: Imports| async move {
        it.sleep(2).await?;
        Ok(Payload::json("\"slept\""))
    });
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let builder = Host::builder().workflow_worker(NativeWorker::new([("sleep", script)]));
    let host = builder.store(store).clock(clock.clone()).start().await.expect("a host");
    let client = host.client();
    let start = || client.start(StartWorkflow::new("sleep", ID));
    let old = start().await.expect("a start");
    assert!(ends_in_time(&old, clock).await);
    let new = start().await.expect("a start");
    while new.describe().await.expect("a description").pending_timers.is_empty() {
        tokio::task::yield_now().await;
    }
    (host, old, new)
}

/// What may come for a run that is over.
#[derive(Clone, Copy, Debug)]
enum Late {
    Cancel,
    Terminate,
    Signal,
    Describe,
    Heartbeat,
    EndOfActivity,
}

impl Late {
    async fn comes(self, host: &Host, client: &Client, run_id: &str) {
        let old = client.run(ID, run_id);
        let token = ActivityTaskToken {
            workflow_id: ID.into(),
            run_id: run_id.into(),
            scheduled_event_id: 5,
            attempt: 1,
            ..ActivityTaskToken::default()
        };
        let tasks = host.activity_tasks();
        // Whether it is refused is told elsewhere.
        match self {
            Late::Cancel => drop(old.cancel("late").await),
            Late::Terminate => drop(old.terminate("late").await),
            Late::Signal => drop(old.signal("go", &1).await),
            Late::Describe => drop(old.describe().await),
            Late::Heartbeat => drop(tasks.heartbeat(token, None).await),
            Late::EndOfActivity => {
                let end = ActivityEnd::Completed { result: None };
                drop(tasks.end(token, end, "late").await);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_for_an_old_run_leaves_the_timers_of_the_new_one() {
    let all = [
        Late::Cancel,
        Late::Terminate,
        Late::Signal,
        Late::Describe,
        Late::Heartbeat,
        Late::EndOfActivity,
    ];
    for late in all {
        let clock = Clock::test(Timestamp(1_700_000_000_000_000_000));
        let (host, old, new) = two_runs(&clock).await;
        late.comes(&host, &host.client(), old.run_id().expect("it was started")).await;
        assert!(ends_in_time(&new, &clock).await, "{late:?}: the new run never wakes");
        assert_eq!(old.result::<String>().await.expect("it stays as it was"), "slept");
    }
}
