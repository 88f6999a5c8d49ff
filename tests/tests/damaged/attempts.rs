//! Attempts of activities whose start, and whose cancel, the disk takes late, or takes and says that it did not (D14).

use super::disk::{Faulty, faulty, host, until};
use super::{Work, names};
use sandglass_core::worker::{ActivityOptions, CancellationType};
use sandglass_core::{Attributes, HistoryEvent};
use sandglass_host::{
    ActivityContext, ActivityError, ClientError, Host, StartWorkflow, WorkflowHandle, function,
};
use sandglass_tests::native::NativeWorker;
use sandglass_tests::scripted::{Imports, Script, activity};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

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
