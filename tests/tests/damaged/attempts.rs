//! Attempts of activities whose start, and whose cancel, the disk takes late, or takes and says that it did not (D14).

use super::disk::{Faulty, faulty, host, until};
use super::{Work, builder, names, start};
use sandglass_core::Timestamp;
use sandglass_core::worker::{ActivityOptions, CancellationType};
use sandglass_core::{Attributes, HistoryEvent};
use sandglass_host::{
    ActivityContext, ActivityError, ClientError, Clock, Host, HostOptions, StartWorkflow,
    WorkflowHandle, function,
};
use sandglass_tests::native::NativeWorker;
use sandglass_tests::scripted::{Imports, Script, activity};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// More commits than one run with one activity makes.
const COMMITS_MAX: usize = 6;

/// Heartbeats within which whatever is known in memory would have been told.
const ENOUGH_HEARTBEATS: usize = 10_000;

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_is_called_once_whichever_commit_is_said_to_have_failed() {
    for number in 1..=COMMITS_MAX {
        let (_folder, store) = faulty();
        let work = Arc::new(Work::default());
        let host = host(&store, &work).await;
        store.fail_after(number);
        let started = host.client().start(StartWorkflow::new("work", "work-1")).await;
        let is_unknown = matches!(started, Err(ClientError::OutcomeUnknown(_)));
        assert!(started.is_ok() || is_unknown, "commit {number}: {:?}", started.err());
        let handle = host.client().workflow("work-1");
        let result = handle.result::<String>().await;
        assert_eq!(result.expect("a result"), "done", "commit {number}");
        assert_eq!(work.calls(), 1, "commit {number}");
        let history = handle.history().await.expect("a history");
        let attempts: Vec<i32> = history.events.iter().filter_map(attempt).collect();
        assert_eq!(attempts, [1], "commit {number}: an attempt waited for its timeout");
    }
}

fn attempt(event: &Arc<HistoryEvent>) -> Option<i32> {
    match &event.attributes {
        Attributes::ActivityTaskStarted(started) => Some(started.attempt),
        _ => None,
    }
}

/// The activity `watch`: heartbeats until it is asked to stop or may end.
#[derive(Default)]
struct Watch {
    heartbeats: AtomicUsize,
    told: AtomicBool,
    may_end: AtomicBool,
}

impl Watch {
    async fn run(&self, context: ActivityContext) -> Result<&'static str, ActivityError> {
        let mut cancellation = context.cancellation();
        while !self.may_end.load(Ordering::SeqCst) {
            if context.heartbeat(&()).is_some() || cancellation.requested().is_some() {
                self.told.store(true, Ordering::SeqCst);
                cancellation.wait().await;
                return Err(ActivityError::canceled());
            }
            self.heartbeats.fetch_add(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
        }
        Ok("ended")
    }

    /// Lets it heartbeat on for a while.
    async fn goes_on(&self) {
        let enough = self.heartbeats.load(Ordering::SeqCst) + ENOUGH_HEARTBEATS;
        until(|| {
            self.heartbeats.load(Ordering::SeqCst) >= enough || self.told.load(Ordering::SeqCst)
        })
        .await;
    }
}

async fn watching(store: &Arc<Faulty>) -> (Host, WorkflowHandle, Arc<Watch>) {
    let script = Script::new(|it: Imports| async move {
        let cancellation_type = CancellationType::WaitCancellationCompleted;
        it.execute(ActivityOptions { cancellation_type, ..activity("watch") }).await
    });
    let watch = Arc::new(Watch::default());
    let runs = Arc::clone(&watch);
    let function = function(move |context, (): ()| {
        let runs = Arc::clone(&runs);
        async move { runs.run(context).await }
    });
    let builder = Host::builder()
        .workflow_worker(NativeWorker::new([("watch", script)]))
        .activity("watch", function)
        .store(Arc::<Faulty>::clone(store));
    let host = builder.start().await.expect("a host");
    let start = StartWorkflow::new("watch", "watch-1");
    let handle = host.client().start(start).await.expect("a start");
    watch.goes_on().await;
    (host, handle, watch)
}

/// Asks for a cancel whose commit waits until the store is released.
async fn cancel_on_held(
    store: &Arc<Faulty>,
    handle: &WorkflowHandle,
) -> tokio::task::JoinHandle<Result<(), ClientError>> {
    store.hold();
    let canceled = handle.clone();
    let cancel = tokio::spawn(async move { canceled.cancel("enough").await });
    let waiting = Arc::clone(store);
    let until_held = tokio::task::spawn_blocking(move || waiting.wait_until_held());
    until_held.await.expect("no panic");
    cancel
}

#[tokio::test(flavor = "multi_thread")]
async fn an_activity_learns_of_a_cancel_when_that_is_durable() {
    let (_folder, store) = faulty();
    let (_host, handle, watch) = watching(&store).await;
    let cancel = cancel_on_held(&store, &handle).await;
    watch.goes_on().await;
    assert!(!watch.told.load(Ordering::SeqCst), "told before it was durable");
    store.release();
    cancel.await.expect("no panic").expect("it is recorded");
    handle.result::<String>().await.expect_err("it is canceled");
    assert!(watch.told.load(Ordering::SeqCst));
    assert_eq!(names(&handle).await.last(), Some(&"WorkflowExecutionCanceled"));
    assert!(names(&handle).await.contains(&"ActivityTaskCanceled"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_activity_never_learns_of_a_cancel_that_found_no_room() {
    let (_folder, store) = faulty();
    let (_host, handle, watch) = watching(&store).await;
    let cancel = cancel_on_held(&store, &handle).await;
    watch.goes_on().await;
    store.set_full(true);
    store.release();
    cancel.await.expect("no panic").expect_err("there is no room");
    watch.goes_on().await;
    store.set_full(false);
    watch.may_end.store(true, Ordering::SeqCst);
    assert_eq!(handle.result::<String>().await.expect("a result"), "ended");
    assert!(!watch.told.load(Ordering::SeqCst), "told of what was taken back");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_cannot_be_read_when_its_host_begins_is_recovered_later() {
    let (_folder, store) = faulty();
    let work = Work::held();
    let first = host(&store, &work).await;
    let handle = start(&first, "work", 1).await;
    until(|| work.calls() == 1).await;
    first.shutdown(Duration::ZERO).await;
    drop(handle);
    store.fail_loads(1);
    let second = host(&store, &work).await;
    until(|| store.loads_to_fail() == 0).await;
    // The attempt was lost with its host, so it is made again; nobody asks for the run before.
    until(|| work.calls() == 2).await;
    work.release();
    assert_eq!(
        second.client().workflow("work-1").result::<String>().await.expect("it ends"),
        "done"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_whose_run_cannot_be_read_is_taken_again() {
    let (_folder, store) = faulty();
    let work = Work::held();
    // One attempt at a time, and hardly a run in memory.
    let options =
        HostOptions { activities_at_once_max: 1, runs_in_memory_max: 1, ..HostOptions::default() };
    let builder = builder(&work).options(options).store(Arc::<Faulty>::clone(&store));
    let host = builder.start().await.expect("a host");
    start(&host, "work", 1).await;
    until(|| work.calls() == 1).await;
    let waits = start(&host, "work", 2).await;
    while waits.describe().await.expect("a description").pending_activities.is_empty() {
        tokio::task::yield_now().await;
    }
    // So many that every part of the memory has had to make room for another.
    for number in 0..2_000 {
        let start = StartWorkflow::new("nobody-serves-it", format!("other-{number}"));
        host.client().start(start).await.expect("a start");
    }
    store.fail_loads(1);
    // Another one waits behind it, and can be read: it is in memory.
    let behind = start(&host, "work", 3).await;
    while behind.describe().await.expect("a description").pending_activities.is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!(store.loads_to_fail(), 1, "a run was read too early");
    work.release();
    until(|| work.calls() == 2).await;
    assert_eq!(store.loads_to_fail(), 0, "the run was in memory all the time");
    // It is not held up by the one that cannot be read.
    work.release();
    assert_eq!(behind.result::<String>().await.expect("it ends"), "done");
    until(|| work.calls() == 3).await;
    work.release();
    assert_eq!(waits.result::<String>().await.expect("it ends"), "done");
}

/// Tells when it is dropped.
struct Dropped(Arc<AtomicBool>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_whose_run_was_terminated_ends_when_its_time_is_over() {
    let (begun, ended) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (begins, ends) = (Arc::clone(&begun), Arc::clone(&ended));
    let function = function(move |_, (): ()| {
        let (begins, dropped) = (Arc::clone(&begins), Dropped(Arc::clone(&ends)));
        async move {
            begins.store(true, Ordering::SeqCst);
            let _dropped = dropped;
            std::future::pending::<Result<&str, ActivityError>>().await
        }
    });
    let script = Script::new(|it: Imports| async move { it.execute(activity("hangs")).await });
    let clock = Clock::test(Timestamp(1_700_000_000_000_000_000));
    let builder = Host::builder()
        .workflow_worker(NativeWorker::new([("hangs", script)]))
        .activity("hangs", function)
        .in_memory()
        .clock(clock.clone());
    let host = builder.start().await.expect("a host");
    let handle = host.client().start(StartWorkflow::new("hangs", "hangs")).await.expect("a start");
    until(|| begun.load(Ordering::SeqCst)).await;
    handle.terminate("nobody waits for it").await.expect("it is ended");
    clock.advance(Duration::from_secs(9));
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
    assert!(!ended.load(Ordering::SeqCst), "its ten seconds are not over");
    while !ended.load(Ordering::SeqCst) {
        clock.advance(Duration::from_secs(1));
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_reaches_a_run_whose_answers_are_refused_at_once() {
    // One activity id twice: the engine refuses that, and from the second attempt on nothing is written about it.
    let mended = Arc::new(AtomicBool::new(false));
    let (tried, code) = (Arc::new(AtomicUsize::new(0)), Arc::clone(&mended));
    let counts = Arc::clone(&tried);
    let script = Script::new(move |it: Imports| {
        counts.fetch_add(1, Ordering::SeqCst);
        let mended = code.load(Ordering::SeqCst);
        async move {
            let twice = || ActivityOptions { activity_id: Some("x".into()), ..activity("hangs") };
            if !mended {
                it.start_activity(twice());
                it.start_activity(twice());
            }
            it.sleep(3600).await?;
            Ok(sandglass_core::Payload::nil())
        }
    });
    let clock = Clock::test(Timestamp(1_700_000_000_000_000_000));
    let worker = NativeWorker::new([("twice", script)]);
    let builder = Host::builder().workflow_worker(worker).in_memory().clock(clock);
    let host = builder.start().await.expect("a host");
    let handle = host.client().start(StartWorkflow::new("twice", "twice")).await.expect("a start");
    until(|| tried.load(Ordering::SeqCst) >= 2).await;
    mended.store(true, Ordering::SeqCst);
    // The clock stands still: a task that waits for its timeout waits for ever. A cancel may come before the second answer is refused.
    while tried.load(Ordering::SeqCst) < 3 {
        handle.cancel("it is mended").await.expect("it is asked");
        tokio::task::yield_now().await;
    }
    handle.result::<()>().await.expect_err("it is canceled");
}
