//! A disk that is full, and one that cannot be read for a while.

use super::{SIGNALS, Work, builder, finish, names, start};
use sandglass_core::Timestamp;
use sandglass_host::store::testing::FaultyStore;
use sandglass_host::store::{Patience, SqliteOptions, SqliteStore, Store};
use sandglass_host::{Client, ClientError, Clock, Host, ListFilter, StartWorkflow, WorkflowHandle};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

pub(super) type Faulty = FaultyStore<SqliteStore>;

pub(super) fn faulty() -> (TempDir, Arc<Faulty>) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = SqliteStore::open(folder.path().join("sandglass.db")).expect("a store");
    (folder, Arc::new(FaultyStore::new(store)))
}

pub(super) async fn host(store: &Arc<Faulty>, work: &Arc<Work>) -> Host {
    let store: Arc<dyn Store> = Arc::<Faulty>::clone(store);
    builder(work).store(store).start().await.expect("a host")
}

fn is_full(refused: Result<(), ClientError>) {
    let refused = refused.expect_err("there is no room");
    assert!(matches!(refused, ClientError::NotWritten(_)), "{refused:?}");
    for words in ["the disk is full", "nothing was written", "free some space"] {
        assert!(refused.to_string().contains(words), "{refused}");
    }
}

/// Waits until no workflow task is to be done.
async fn rests(handle: &WorkflowHandle) {
    while handle.describe().await.expect("a description").pending_workflow_task.is_some() {
        tokio::task::yield_now().await;
    }
}

async fn ids(client: &Client) -> Vec<String> {
    let runs = client.list(ListFilter { limit: 10_000, ..ListFilter::default() }).await;
    runs.expect("a list").into_iter().map(|run| run.workflow_id).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_and_all_runs_go_on_when_there_is_room() {
    let (_folder, store) = faulty();
    let host = host(&store, &Work::held()).await;
    let (one, other) = (start(&host, "wait", 1).await, start(&host, "wait", 2).await);
    one.signal("go", &1).await.expect("a signal");
    for handle in [&one, &other] {
        rests(handle).await;
    }
    let before = names(&other).await;
    store.set_full(true);
    let client = host.client();
    is_full(client.start(StartWorkflow::new("wait", "wait-3")).await.map(drop));
    is_full(one.signal("go", &2).await);
    is_full(one.cancel("no room for that either").await);
    is_full(one.terminate("nor for that").await);
    // What was acknowledged is there, what was not is not, and both can be read.
    assert_eq!(ids(&client).await, ["wait-2", "wait-1"]);
    assert_eq!(names(&other).await, before);
    store.set_full(false);
    let third = client.start(StartWorkflow::new("wait", "wait-3")).await.expect("there is room");
    finish(&one, SIGNALS - 1).await;
    finish(&other, SIGNALS).await;
    finish(&third, SIGNALS).await;
    for refused in ["WorkflowExecutionCancelRequested", "WorkflowExecutionTerminated"] {
        assert!(!names(&one).await.contains(&refused), "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_activity_that_ends_on_a_full_disk_is_called_once_and_its_result_counts() {
    let (_folder, store) = faulty();
    let work = Work::held();
    let host = host(&store, &work).await;
    let handle = start(&host, "work", 1).await;
    let (waiter, is_called) = (handle.clone(), || work.calls() == 1);
    let waits = tokio::spawn(async move { waiter.result::<String>().await });
    until(is_called).await;
    store.set_full(true);
    let tried = store.calls().len();
    work.release();
    // Its end is told, refused, and told again.
    until(|| store.calls().len() >= tried + 3).await;
    assert!(!waits.is_finished());
    store.set_full(false);
    assert_eq!(waits.await.expect("no panic").expect("a result"), "done");
    assert_eq!(work.calls(), 1);
    let started = names(&handle).await.into_iter().filter(|name| *name == "ActivityTaskStarted");
    assert_eq!(started.count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_a_result_waits_until_there_is_room() {
    let (_folder, store) = faulty();
    let work = Arc::new(Work::default());
    let host = host(&store, &work).await;
    store.hold();
    let client = host.client();
    let executed =
        tokio::spawn(async move { client.execute(StartWorkflow::new("work", "work-1")).await });
    let (of_store, held) = (Arc::clone(&store), tokio::task::spawn_blocking);
    held(move || of_store.wait_until_held()).await.expect("no panic");
    store.set_full(true);
    store.release();
    // The start itself was not written: that is the answer.
    let refused = executed.await.expect("no panic").expect_err("there is no room");
    assert!(refused.to_string().contains("the disk is full"), "{refused}");
    assert_eq!(work.calls(), 0);
    store.set_full(false);
    let client = host.client();
    let result = client.execute(StartWorkflow::new("work", "work-1")).await.expect("a result");
    assert_eq!(result.data, "\"done\"");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_in_the_way_of_a_start_before_the_disk_has_him() {
    for has_room in [false, true] {
        let (_folder, store) = faulty();
        let host = host(&store, &Arc::new(Work::default())).await;
        store.hold();
        let start = |client: Client| {
            tokio::spawn(async move { client.start(StartWorkflow::new("wait", "wait-1")).await })
        };
        let first = start(host.client());
        let of_store = Arc::clone(&store);
        let held = tokio::task::spawn_blocking(move || of_store.wait_until_held());
        held.await.expect("no panic");
        let second = start(host.client());
        for _ in 0..10_000 {
            assert!(!second.is_finished(), "it rests on what is not durable");
            tokio::task::yield_now().await;
        }
        store.set_full(!has_room);
        store.release();
        let (first, second) = (first.await.expect("no panic"), second.await.expect("no panic"));
        let refused = second.err().expect("there is no room for two");
        if has_room {
            first.expect("a start");
            assert!(matches!(refused, ClientError::AlreadyStarted { .. }), "{refused:?}");
        } else {
            is_full(first.map(drop));
            is_full(Err(refused));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_found_no_room_hides_none_before_it() {
    let (_folder, store) = faulty();
    let host = host(&store, &Arc::new(Work::default())).await;
    let first = start(&host, "work", 1).await;
    assert_eq!(first.result::<String>().await.expect("a result"), "done");
    let before = names(&first).await;
    store.hold();
    let client = host.client();
    let second =
        tokio::spawn(async move { client.start(StartWorkflow::new("work", "work-1")).await });
    let of_store = Arc::clone(&store);
    let held = tokio::task::spawn_blocking(move || of_store.wait_until_held());
    held.await.expect("no panic");
    let latest = host.client().workflow("work-1");
    let looks = tokio::spawn(async move { names(&latest).await });
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
    store.set_full(true);
    store.release();
    is_full(second.await.expect("no panic").map(drop));
    assert_eq!(looks.await.expect("no panic"), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_without_room_keeps_what_it_acknowledged() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("sandglass.db");
    let options = SqliteOptions { database_bytes_max: Some(400_000), ..SqliteOptions::default() };
    let store = SqliteStore::open_with(&path, options).expect("a store");
    let work = Arc::new(Work::default());
    let host = builder(&work).store(Arc::new(store)).start().await.expect("a host");
    let client = host.client();
    let begin = |client: Client, number: usize| async move {
        let start = StartWorkflow::new("wait", format!("wait-{number}"));
        client.start(start.input(&"x".repeat(10_000))).await.map(drop)
    };
    let mut acknowledged = Vec::new();
    let refused = loop {
        let number = acknowledged.len();
        match begin(client.clone(), number).await {
            Ok(()) => acknowledged.push(format!("wait-{number}")),
            Err(refused) => break refused,
        }
    };
    assert!((10..40).contains(&acknowledged.len()), "{acknowledged:?}");
    is_full(Err(refused));
    acknowledged.reverse();
    assert_eq!(ids(&client).await, acknowledged);
    host.shutdown(Duration::ZERO).await;
    drop(client);
    let host = builder(&work).sqlite(&path).start().await.expect("a host with room");
    assert_eq!(ids(&host.client()).await, acknowledged);
    begin(host.client(), acknowledged.len()).await.expect("there is room");
    for id in ["wait-0", acknowledged[0].as_str()] {
        finish(&host.client().workflow(id), SIGNALS).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_cannot_be_read_for_a_while_goes_on_afterwards() {
    let (_folder, store) = faulty();
    let work = Arc::new(Work::default());
    let first = host(&store, &work).await;
    let handle = start(&first, "sleep", 1).await;
    let listed = || store.list(&ListFilter::default(), &Patience::default());
    until(|| listed().is_ok_and(|runs| runs[0].due.is_some())).await;
    first.shutdown(Duration::ZERO).await;
    drop(handle);
    let clock = Clock::test(Timestamp(0));
    let held: Arc<dyn Store> = Arc::<Faulty>::clone(&store);
    let second = builder(&work).store(held).clock(clock.clone()).start().await.expect("a host");
    store.set_unreadable(true);
    // Its time comes again and again, and it cannot be read.
    clock.advance(Duration::from_secs(4_000_000_000));
    for _ in 0..50 {
        clock.advance(Duration::from_secs(1));
        tokio::task::yield_now().await;
    }
    let refused = second.client().workflow("sleep-1").describe().await.expect_err("no read");
    assert!(matches!(refused, ClientError::Store(_)), "{refused:?}");
    store.set_unreadable(false);
    let handle = second.client().workflow("sleep-1");
    let ends = tokio::spawn(async move { handle.result::<String>().await });
    while !ends.is_finished() {
        clock.advance(Duration::from_secs(1));
        tokio::task::yield_now().await;
    }
    assert_eq!(ends.await.expect("no panic").expect("a result"), "slept");
}

pub(super) async fn until(holds: impl Fn() -> bool) {
    while !holds() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// The run is changed and forgotten again while somebody reads it.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_read_too_long_ago_is_read_again() {
    let (_folder, store) = faulty();
    let host = host(&store, &Work::held()).await;
    let run = start(&host, "wait", 1).await;
    rests(&run).await;
    store.hold_next_load();
    store.set_full(true);
    is_full(run.signal("go", &1).await);
    store.set_full(false);
    let of_store = Arc::clone(&store);
    let held = tokio::task::spawn_blocking(move || of_store.wait_until_load_held());
    held.await.expect("no panic");
    run.signal("go", &2).await.expect("another reads it in time");
    rests(&run).await;
    let events = run.describe().await.expect("a description").history_length;
    store.fail_loads(usize::MAX);
    store.set_full(true);
    is_full(run.signal("go", &3).await);
    store.release_load();
    for _ in 0..1_000 {
        if let Ok(described) = run.describe().await {
            assert_eq!(described.history_length, events, "what was acknowledged is gone");
        }
    }
    store.fail_loads(0);
    store.set_full(false);
    assert_eq!(run.describe().await.expect("a description").history_length, events);
    finish(&run, SIGNALS - 1).await;
}
