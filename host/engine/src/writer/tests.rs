//! The writer's tests. Time stands in none of them: what is held is held for ever, or not at all.

use super::*;
use crate::store::testing::{FaultyStore, SampleRun};
use crate::store::{Error, MemoryStore};
use std::sync::mpsc;

type Faulty = FaultyStore<MemoryStore>;

const FOR_EVER: Duration = Duration::MAX;

fn options(hold: Duration) -> WriterOptions {
    WriterOptions {
        hold,
        hold_unwatched: hold,
        gather: Duration::ZERO,
        pause_first: Duration::ZERO,
        pause_max: Duration::ZERO,
        ..WriterOptions::default()
    }
}

fn writer(hold: Duration) -> (Arc<Faulty>, Writer) {
    let store = Arc::new(FaultyStore::new(MemoryStore::default()));
    let writer = Writer::start(Arc::clone(&store) as Arc<dyn Store>, options(hold));
    (store, writer)
}

/// Collects what the writer tells of failed commits.
fn failures(writer: &Writer) -> mpsc::Receiver<Vec<String>> {
    let (sender, receiver) = mpsc::channel();
    writer.on_failed(move |ids| {
        sender.send(ids.iter().map(ToString::to_string).collect()).unwrap();
    });
    receiver
}

fn sorted(mut ids: Vec<String>) -> Vec<String> {
    ids.sort();
    ids
}

fn runs(count: usize) -> Vec<SampleRun> {
    (0..count).map(|n| SampleRun::new(&format!("w{n}"), &format!("r{n}"))).collect()
}

#[tokio::test]
async fn what_queues_while_a_commit_runs_is_the_next_commit() {
    let (store, writer) = writer(FOR_EVER);
    let mut runs = runs(11);
    store.hold();
    let first = writer.submit(vec![runs[0].close(&[1])], true);
    store.wait_until_held();
    let others: Vec<Ticket> =
        runs[1..].iter_mut().map(|run| writer.submit(vec![run.close(&[1])], true)).collect();
    assert!(!writer.is_durable(first));
    assert_eq!((writer.commits(), writer.ahead()), (0, 11));
    store.release();
    for ticket in others {
        writer.durable(ticket).await.unwrap();
    }
    assert!(writer.is_durable(first));
    assert_eq!(store.calls(), [1, 10]);
    assert_eq!((writer.commits(), writer.ahead()), (2, 0));
}

#[tokio::test]
async fn a_run_that_is_not_at_rest_waits_and_becomes_one_commit() {
    let (store, writer) = writer(FOR_EVER);
    let mut runs = runs(2);
    let busy = writer.submit(vec![runs[0].next(&[1])], false);
    let other = writer.submit(vec![runs[1].next(&[1])], true);
    writer.durable(other).await.unwrap();
    assert!(!writer.is_durable(busy));
    assert_eq!(writer.submit(vec![runs[0].next(&[1])], false), busy);
    assert_eq!(writer.submit(vec![runs[0].close(&[1])], true), busy);
    writer.durable(busy).await.unwrap();
    assert_eq!(store.calls(), [1, 1]);
    assert_eq!(store.run("r0").unwrap().unwrap().entries, 6);
    assert!(!store.run("r0").unwrap().unwrap().is_open());
}

#[tokio::test]
async fn rest_releases_what_was_submitted_before() {
    let (store, writer) = writer(FOR_EVER);
    let ticket = writer.submit(vec![runs(1)[0].next(&[1])], false);
    writer.rest(ticket);
    writer.durable(ticket).await.unwrap();
    // Of no effect on what is durable, or never was anything.
    writer.rest(ticket);
    writer.rest(Ticket::default());
    writer.durable(Ticket::default()).await.unwrap();
    assert_eq!(writer.submit(Vec::new(), true), Ticket::default());
    assert_eq!(store.calls(), [1]);
}

#[tokio::test]
async fn what_was_held_long_enough_is_taken() {
    let (store, writer) = writer(Duration::ZERO);
    let ticket = writer.submit(vec![runs(1)[0].next(&[1])], false);
    writer.durable(ticket).await.unwrap();
    assert_eq!(store.calls(), [1]);
}

/// The names of the groups to commit, or until when to wait.
fn taken(next: queue::Next) -> Result<Vec<u64>, Option<Instant>> {
    match next {
        queue::Next::Commit(groups) => Ok(groups.iter().map(|group| group.tickets[0].0).collect()),
        queue::Next::WaitUntil(until) | queue::Next::Gather(until) => Err(Some(until)),
        queue::Next::Wait => Err(None),
    }
}

#[test]
fn the_queue_holds_for_as_long_as_it_is_told() {
    let hold = Duration::from_micros(200);
    let mut queue = Queue::new(&options(hold));
    let begin = Instant::now();
    let at = |micros| begin + Duration::from_micros(micros);
    let mut runs = runs(3);
    let mut push = |queue: &mut Queue, run: usize, rest, micros, ticket| {
        let load = Load { transitions: 1, bytes: 1 };
        queue.push(vec![runs[run].next(&[1])], load, rest, at(micros), || Ticket(ticket))
    };
    assert_eq!(taken(queue.next(at(0), false)), Err(None));
    push(&mut queue, 0, false, 0, 1);
    push(&mut queue, 1, false, 50, 2);
    assert_eq!(taken(queue.next(at(60), false)), Err(Some(at(200))));
    // More of a run does not make it wait longer; one at rest goes before it, and takes nobody
    // along.
    assert_eq!(push(&mut queue, 0, false, 100, 9), Ticket(1));
    push(&mut queue, 2, true, 120, 3);
    assert_eq!(taken(queue.next(at(130), false)), Ok(vec![3]));
    assert_eq!(taken(queue.next(at(199), false)), Err(Some(at(200))));
    assert_eq!(taken(queue.next(at(200), false)), Ok(vec![1]));
    assert_eq!(taken(queue.next(at(201), false)), Err(Some(at(250))));
    assert_eq!(taken(queue.next(at(201), true)), Ok(vec![2]));
    assert!(queue.is_empty());
}

#[test]
fn what_somebody_waits_for_is_held_less() {
    let limits = WriterOptions { hold_unwatched: FOR_EVER, ..options(Duration::from_micros(200)) };
    let mut queue = Queue::new(&limits);
    let begin = Instant::now();
    let at = |micros| begin + Duration::from_micros(micros);
    for (n, run) in runs(2).iter_mut().enumerate() {
        let load = Load { transitions: 1, bytes: 1 };
        queue.push(vec![run.next(&[1])], load, false, at(0), || Ticket(n as u64 + 1));
    }
    assert_eq!(taken(queue.next(at(10_000), false)), Err(None));
    assert!(queue.watch(Ticket(2), at(10_000)));
    assert!(!queue.watch(Ticket(2), at(10_100)), "the first who waits counts");
    assert!(!queue.watch(Ticket(7), at(10_100)), "nothing waits under that ticket");
    assert_eq!(taken(queue.next(at(10_199), false)), Err(Some(at(10_200))));
    assert_eq!(taken(queue.next(at(10_200), false)), Ok(vec![2]));
    assert_eq!(taken(queue.next(at(20_000), false)), Err(None));
    assert!(queue.is_any_under_way());
}

#[test]
fn what_is_ready_waits_for_what_is_under_way() {
    let limits = WriterOptions { gather: Duration::from_micros(500), ..options(FOR_EVER) };
    let mut queue = Queue::new(&limits);
    let begin = Instant::now();
    let at = |micros| begin + Duration::from_micros(micros);
    let mut runs = runs(3);
    let mut push = |queue: &mut Queue, run: usize, rest, micros, ticket| {
        let load = Load { transitions: 1, bytes: 1 };
        queue.push(vec![runs[run].next(&[1])], load, rest, at(micros), || Ticket(ticket))
    };
    // Alone it does not wait.
    push(&mut queue, 0, true, 0, 1);
    assert_eq!(taken(queue.next(at(0), false)), Ok(vec![1]));
    push(&mut queue, 1, false, 10, 2);
    push(&mut queue, 0, true, 20, 3);
    assert_eq!(taken(queue.next(at(30), false)), Err(Some(at(520))));
    push(&mut queue, 2, true, 40, 4);
    assert_eq!(taken(queue.next(at(519), false)), Err(Some(at(520))));
    assert_eq!(taken(queue.next(at(520), false)), Ok(vec![3, 4]));
    // The one that was under way has come: nothing more is waited for.
    push(&mut queue, 0, true, 600, 5);
    assert_eq!(taken(queue.next(at(600), false)), Err(Some(at(1_100))));
    push(&mut queue, 1, true, 610, 9);
    assert!(!queue.is_any_under_way());
    assert_eq!(taken(queue.next(at(610), false)), Ok(vec![5, 2]));
    push(&mut queue, 1, false, 700, 6);
    push(&mut queue, 0, true, 700, 7);
    assert_eq!(taken(queue.next(at(700), true)), Ok(vec![7, 6]), "what ends waits for nobody");
}

#[test]
fn a_commit_is_bounded_and_the_rest_is_next() {
    let limits = WriterOptions { commit_runs_max: 2, commit_bytes_max: 100, ..options(FOR_EVER) };
    let mut queue = Queue::new(&limits);
    for (n, bytes) in [(1, 10), (2, 10), (3, 10), (4, 100), (5, 10)] {
        let run = SampleRun::new(&format!("w{n}"), "r").next(&[1]);
        let load = Load { transitions: 1, bytes };
        queue.push(vec![run], load, true, Instant::now(), || Ticket(n));
    }
    let mut taken = Vec::new();
    while let queue::Next::Commit(groups) = queue.next(Instant::now(), false) {
        taken.push(groups.iter().map(|group| group.tickets[0].0).collect::<Vec<_>>());
    }
    assert_eq!(taken, [vec![1, 2], vec![3, 4], vec![5]]);
}

#[tokio::test]
async fn a_failed_commit_fails_what_rests_on_it_and_nothing_else() {
    for applied in [false, true] {
        let (store, writer) = writer(FOR_EVER);
        let failed = failures(&writer);
        let mut runs = runs(3);
        if applied {
            store.fail_after(1)
        } else {
            store.fail_before(1)
        }
        store.hold();
        let mut submit = |n: usize| writer.submit(vec![runs[n].next(&[1])], true);
        let first = submit(0);
        store.wait_until_held();
        let (later, other) = (submit(0), submit(1));
        store.release();
        let error = writer.durable(first).await.unwrap_err();
        assert!(error.to_string().contains("told to fail"), "{error}");
        let error = writer.durable(later).await.unwrap_err();
        assert!(matches!(error, CommitFailed::NotWritten(_)), "{error:?}");
        assert!(error.to_string().starts_with("an earlier commit of the run failed: "), "{error}");
        writer.durable(other).await.unwrap();
        assert!(!writer.is_durable(first) && !writer.is_durable(later));
        assert_eq!(failed.recv().unwrap(), ["w0"]);
        assert_eq!(store.run("r0").unwrap().is_some(), applied);
        // Whoever has read it again can go on.
        let mut again = SampleRun::new("w0", "r0");
        let start = again.next(&[1]);
        let next = if applied { again.next(&[1]) } else { start };
        writer.durable(writer.submit(vec![next], true)).await.unwrap();
        assert!(failed.try_recv().is_err());
        assert_eq!(writer.ahead(), 0);
    }
}

#[tokio::test]
async fn a_conflict_fails_its_run_alone() {
    let (store, writer) = writer(FOR_EVER);
    let failed = failures(&writer);
    let mut runs = runs(4);
    store.hold();
    let first = writer.submit(vec![runs[3].next(&[1])], true);
    store.wait_until_held();
    runs[1].next(&[1]);
    let tickets: Vec<Ticket> =
        runs[..3].iter_mut().map(|run| writer.submit(vec![run.next(&[1])], true)).collect();
    store.release();
    writer.durable(first).await.unwrap();
    writer.durable(tickets[0]).await.unwrap();
    writer.durable(tickets[2]).await.unwrap();
    let error = writer.durable(tickets[1]).await.unwrap_err();
    assert!(error.to_string().contains("does not follow what is stored"), "{error}");
    assert_eq!(failed.recv().unwrap(), ["w1"]);
    assert_eq!(store.calls(), [1, 3, 2]);
}

#[tokio::test]
async fn a_full_disk_fails_all_until_there_is_room() {
    let (store, writer) = writer(FOR_EVER);
    let failed = failures(&writer);
    store.set_full(true);
    for n in 0..3 {
        let mut run = SampleRun::new(&format!("w{n}"), "r");
        let ticket = writer.submit(vec![run.next(&[1])], true);
        let error = writer.durable(ticket).await.unwrap_err();
        assert_eq!(error, CommitFailed::NotWritten(Error::Full.to_string().into()));
        assert_eq!(failed.recv().unwrap(), [format!("w{n}")]);
    }
    store.set_full(false);
    let ticket = writer.submit(vec![SampleRun::new("w0", "r").next(&[1])], true);
    writer.durable(ticket).await.unwrap();
}

#[tokio::test]
async fn what_memory_still_has_ahead_is_refused_until_it_is_dropped() {
    let (store, writer) = writer(FOR_EVER);
    let writer = Arc::new(writer);
    store.fail_before(1);
    // Somebody is faster than the dropping of the memory, once: a new run begins since the old one
    // seems to have closed.
    let (sender, refused) = mpsc::channel();
    let (slow, calls) = (Arc::downgrade(&writer), AtomicU64::new(0));
    writer.on_failed(move |ids| {
        assert_eq!(ids.len() as u64, calls.load(Ordering::Relaxed) + 1);
        if calls.fetch_add(1, Ordering::Relaxed) == 0 {
            let commits = vec![
                SampleRun::new("w0", "next").next(&[1]),
                SampleRun::new("w1", "changed with it").next(&[1]),
            ];
            let ticket = slow.upgrade().unwrap().submit(commits, true);
            sender.send(ticket).unwrap();
        }
    });
    let ticket = writer.submit(vec![runs(1)[0].close(&[1])], true);
    assert!(writer.durable(ticket).await.is_err());
    let refused = refused.recv().unwrap();
    assert!(matches!(writer.durable(refused).await, Err(CommitFailed::NotWritten(_))));
    assert_eq!(store.calls(), [1]);
    // The memory is gone now.
    let ticket = writer.submit(vec![SampleRun::new("w0", "next").next(&[1])], true);
    writer.durable(ticket).await.unwrap();
    assert_eq!(store.latest_run("w0").unwrap().unwrap().run_id, "next");
}

#[tokio::test]
async fn what_was_changed_together_is_committed_together() {
    let (store, writer) = writer(FOR_EVER);
    let failed = failures(&writer);
    let mut runs = runs(4);
    // Two groups become one through a transition of both; the tickets of both stand for it.
    let first = writer.submit(vec![runs[0].next(&[1])], false);
    let second = writer.submit(vec![runs[1].next(&[1])], false);
    assert_ne!(first, second);
    store.fail_before(1);
    let both = writer.submit(vec![runs[0].next(&[1]), runs[1].next(&[1])], false);
    assert_eq!(both, first);
    writer.rest(second);
    for ticket in [first, second, both] {
        assert!(writer.durable(ticket).await.is_err());
    }
    assert_eq!(sorted(failed.recv().unwrap()), ["w0", "w1"]);
    assert_eq!(store.calls(), [2]);

    // What is queued fails with all that rests on it, one from the other.
    store.fail_before(2);
    store.hold();
    let first = writer.submit(vec![runs[2].next(&[1])], true);
    store.wait_until_held();
    let second = writer.submit(vec![runs[2].next(&[1]), runs[3].next(&[1])], true);
    let third = writer.submit(vec![runs[3].next(&[1])], true);
    store.release();
    for ticket in [first, second, third] {
        assert!(writer.durable(ticket).await.is_err());
    }
    assert_eq!(sorted(failed.recv().unwrap()), ["w2", "w3"]);
    assert_eq!(store.calls(), [2, 1]);
}

#[tokio::test]
async fn requests_wait_while_too_much_is_ahead() {
    let store = Arc::new(FaultyStore::new(MemoryStore::default()));
    let limits = WriterOptions { queue_transitions_max: 2, ..options(FOR_EVER) };
    let writer = Arc::new(Writer::start(Arc::clone(&store) as Arc<dyn Store>, limits));
    store.hold();
    let mut runs = runs(2);
    writer.admit().await;
    writer.submit(vec![runs[0].next(&[1])], true);
    writer.admit().await;
    let last = writer.submit(vec![runs[1].next(&[1])], true);
    let waiting = tokio::spawn({
        let writer = Arc::clone(&writer);
        async move { writer.admit().await }
    });
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    assert!(!waiting.is_finished());
    store.release();
    writer.durable(last).await.unwrap();
    waiting.await.unwrap();
}

#[tokio::test]
async fn shutting_down_writes_everything_and_takes_nothing_more() {
    let (store, writer) = writer(FOR_EVER);
    let mut runs = runs(3);
    let held = writer.submit(vec![runs[0].next(&[1])], false);
    let rested = writer.submit(vec![runs[1].next(&[1])], true);
    writer.shutdown().await;
    assert!(writer.is_durable(held) && writer.is_durable(rested));
    let late = writer.submit(vec![runs[2].next(&[1])], true);
    assert_eq!(writer.durable(late).await.unwrap_err().to_string(), "the host has shut down");
    writer.shutdown().await;
    drop(writer);
    assert_eq!(Arc::strong_count(&store), 1);
}

#[tokio::test]
async fn dropping_it_leaves_nobody_waiting() {
    let (store, writer) = writer(FOR_EVER);
    let ticket = writer.submit(vec![runs(1)[0].next(&[1])], false);
    let shared = Arc::clone(&writer.shared);
    let waiting = tokio::spawn(poll_fn(move |context| {
        shared.state.lock().tickets.poll(ticket, context.waker())
    }));
    tokio::task::yield_now().await;
    drop(writer);
    assert!(waiting.await.unwrap().is_err());
    assert!(store.calls().is_empty());
}

#[tokio::test]
async fn a_store_that_panics_leaves_nobody_waiting() {
    let (store, writer) = writer(FOR_EVER);
    store.panic();
    let ticket = writer.submit(vec![runs(1)[0].next(&[1])], true);
    assert!(writer.durable(ticket).await.is_err());
    writer.admit().await;
    writer.shutdown().await;
}

#[tokio::test]
async fn only_what_was_refused_meanwhile_is_dropped_again() {
    let (store, writer) = writer(FOR_EVER);
    let writer = Arc::new(writer);
    store.fail_before(2);
    let (slow, calls) = (Arc::downgrade(&writer), AtomicU64::new(0));
    let (sender, dropped) = mpsc::channel();
    writer.on_failed(move |ids| {
        sender.send(sorted(ids.iter().map(ToString::to_string).collect())).unwrap();
        if calls.fetch_add(1, Ordering::Relaxed) < 3 {
            let stale = SampleRun::new("w7", "stale").next(&[1]);
            slow.upgrade().unwrap().submit(vec![stale], true);
        }
    });
    store.hold();
    writer.submit(vec![SampleRun::new("first", "first").next(&[1])], true);
    store.wait_until_held();
    let mut runs = runs(20);
    let tickets: Vec<Ticket> =
        runs.iter_mut().map(|run| writer.submit(vec![run.next(&[1])], true)).collect();
    store.release();
    for ticket in tickets {
        assert!(writer.durable(ticket).await.is_err());
    }
    let calls: Vec<Vec<String>> = dropped.try_iter().collect();
    assert_eq!(calls.iter().map(Vec::len).collect::<Vec<_>>(), [20, 1, 1, 1]);
    assert!(calls[1..].iter().all(|ids| *ids == ["w7"]));
    assert!(store.run("stale").unwrap().is_none());
}
