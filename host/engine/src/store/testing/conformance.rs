//! What every store must do. Each check begins with an empty store and names what it demands.

use super::{SampleRun, lists};
use crate::store::{Commit, Cursor, Error, Page, RunSummary, Store, batches};
use sandglass_core::engine::Entry;
use sandglass_core::event::{signal, workflow_task};
use sandglass_core::policy::WorkflowExecutionStatus as Status;
use sandglass_core::{HistoryEvent, Timestamp};
use std::sync::Arc;

type Check = fn(&dyn Store);

const CHECKS: [(&str, Check); 21] = [
    ("a run comes back as it was committed", comes_back),
    ("what is not there is not found", finds_nothing),
    ("a batch of commits is carried out as a whole or not at all", is_atomic),
    ("a commit must follow what is stored", refuses_what_does_not_follow),
    ("several commits of one run fit into one batch", takes_a_run_twice),
    ("loading begins with the latest snapshot", loads_from_snapshot),
    ("history is read in pages, from any event", reads_pages),
    ("published values are replaced as a whole", replaces_published),
    ("the latest run of a workflow id is the one that started last", finds_the_latest),
    ("due runs come in their order", orders_due_runs),
    ("open runs are paged through", pages_open_runs),
    ("lists show what the start and the close said", lists::shows_all),
    ("lists begin with the open runs, and with what closed last", lists::orders),
    ("a list's pages miss nothing and repeat nothing, whatever starts meanwhile", lists::pages),
    ("conditions choose runs, and what is missing is neither true nor false", lists::chooses),
    ("a run that was deleted is gone, and all others stay", lists::deletes),
    ("batch operations are kept as they were put last", lists::keeps_batch_operations),
    ("batch operations that have ended are forgotten", lists::forgets_batch_operations),
    ("a search that nobody waits for ends", lists::interrupts),
    ("ids are told apart exactly", tells_ids_apart),
    ("commits that were joined are stored as if they had been one", stores_joined_commits),
];

/// Holds a store to what the trait promises; `open` gives an empty one each time.
///
/// # Panics
/// If the store does something else. What it was to do is printed before.
pub fn conformance<S: Store>(mut open: impl FnMut() -> S) {
    for (demand, check) in CHECKS {
        eprintln!("a store: {demand}");
        check(&open());
    }
}

#[track_caller]
pub(super) fn commit(store: &dyn Store, commits: &[Commit]) {
    store.commit(commits).unwrap();
}

#[track_caller]
fn load(store: &dyn Store, run_id: &str) -> Vec<String> {
    let stored = store.load(run_id).unwrap().expect("the run is there");
    stored.batches.iter().map(|batch| text(batch)).collect()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

pub(super) fn run_ids(runs: &[RunSummary]) -> Vec<&str> {
    runs.iter().map(|run| run.run_id.as_str()).collect()
}

fn comes_back(store: &dyn Store) {
    let mut run = SampleRun::new("order-1", "r1").of_type("order");
    commit(store, &[run.next(&[2, 3]).due_at(50)]);
    let stored = store.load("r1").unwrap().unwrap();
    assert_eq!((stored.snapshot, stored.snapshot_seq), (None, 0));
    let summary = stored.summary;
    assert_eq!(store.run("r1").unwrap().as_ref(), Some(&summary));
    assert_eq!(store.latest_run("order-1").unwrap().as_ref(), Some(&summary));
    assert_eq!((&*summary.workflow_id, &*summary.run_id), ("order-1", "r1"));
    assert_eq!((&*summary.workflow_type, &*summary.task_queue), ("order", "queue"));
    assert_eq!(summary.start_request_id, "request of r1");
    assert_eq!((summary.start_time, summary.close_time), (Timestamp(1_000), None));
    assert_eq!((summary.history_length, summary.entries), (5, 7));
    assert_eq!((summary.status, summary.due), (Status::Running, Some(Timestamp(50))));

    commit(store, &[run.close(&[1]).due_at(60)]);
    assert_eq!(load(store, "r1"), ["r1: 1..=2", "r1: 3..=5", "r1: 6..=6"]);
    let closed = store.run("r1").unwrap().unwrap();
    assert_eq!((closed.status, closed.close_time), (Status::Completed, Some(Timestamp(1_009))));
    assert_eq!((closed.history_length, closed.entries, closed.due), (6, 9, None));
    assert_eq!(closed.cursor, summary.cursor);
}

fn finds_nothing(store: &dyn Store) {
    commit(store, &[SampleRun::new("w", "r").close(&[1])]);
    assert_eq!(store.load("w").unwrap(), None);
    assert_eq!(store.run("w").unwrap(), None);
    assert_eq!(store.latest_run("r").unwrap(), None);
    assert_eq!(store.history("w", Page::from_event(1)).unwrap(), (vec![], None));
    assert!(store.published("w").unwrap().is_empty());
    assert_eq!(store.next_due().unwrap(), None);
    assert_eq!(store.open_runs(None, 10).unwrap(), []);
    commit(store, &[]);
}

fn is_atomic(store: &dyn Store) {
    let (mut old, mut new) = (SampleRun::new("w", "old"), SampleRun::new("w", "new"));
    commit(store, &[old.next(&[1])]);
    let mut bad = old.clone().next(&[1]);
    bad.first_seq += 1;
    let batch = [old.clone().next(&[1]), new.next(&[1]), bad];
    assert!(matches!(store.commit(&batch), Err(Error::Conflict { .. })));
    assert_eq!(store.run("old").unwrap().unwrap().entries, 2);
    assert_eq!(store.run("new").unwrap(), None);
    assert_eq!(store.latest_run("w").unwrap().unwrap().run_id, "old");
    // What did not happen can happen afterwards.
    commit(store, &batch[..2]);
    assert_eq!(load(store, "old").len(), 2);
    assert_eq!(load(store, "new").len(), 1);
}

fn refuses_what_does_not_follow(store: &dyn Store) {
    let conflict = |commit: &Commit, expected| match store.commit(std::slice::from_ref(commit)) {
        Err(Error::Conflict { run_id, first_seq, stored }) => {
            assert_eq!(
                (&*run_id, first_seq, stored),
                (&*commit.run_id, commit.first_seq, expected)
            );
        }
        other => panic!("expected a conflict, got {other:?}"),
    };
    let mut run = SampleRun::new("w", "r");
    let start = run.next(&[1]);
    let second = run.next(&[1]);
    conflict(&second, None);
    commit(store, std::slice::from_ref(&start));
    conflict(&start, Some(2));
    conflict(&run.clone().next(&[1]), Some(2));
    commit(store, std::slice::from_ref(&second));
    conflict(&second, Some(4));
    let mut started_late = SampleRun::new("w", "r2").next(&[1]);
    started_late.first_seq = 1;
    conflict(&started_late, None);
    assert_eq!(load(store, "r").len(), 2);
}

fn takes_a_run_twice(store: &dyn Store) {
    let mut run = SampleRun::new("w", "r");
    commit(store, &[run.next(&[1]).due_at(5), run.next(&[1]).due_at(6), run.close(&[1])]);
    assert_eq!(load(store, "r").len(), 3);
    assert_eq!(store.next_due().unwrap(), None);
    assert_eq!(store.open_runs(None, 10).unwrap(), []);
}

fn loads_from_snapshot(store: &dyn Store) {
    let mut run = SampleRun::new("w", "r");
    commit(store, &[run.next(&[1, 1]), run.next(&[1, 2]).with_snapshot("first")]);
    let stored = store.load("r").unwrap().unwrap();
    assert_eq!((stored.snapshot.as_deref(), stored.snapshot_seq), (Some(&b"first"[..]), 9));
    assert!(stored.batches.is_empty());
    commit(store, &[run.next(&[1])]);
    assert_eq!(load(store, "r"), ["r: 6..=6"]);
    commit(store, &[run.next(&[1]).with_snapshot("second"), run.close(&[1])]);
    let stored = store.load("r").unwrap().unwrap();
    assert_eq!((stored.snapshot.as_deref(), stored.snapshot_seq), (Some(&b"second"[..]), 13));
    assert_eq!(load(store, "r"), ["r: 8..=8"]);
    // The history is all there, snapshot or not.
    assert_eq!(store.history("r", Page::from_event(1)).unwrap().0.len(), 7);
}

fn reads_pages(store: &dyn Store) {
    let mut run = SampleRun::new("w", "r");
    let other = SampleRun::new("w2", "r2").next(&[9]);
    // Batches begin with the events 1, 3, 4, 4, 4, 7 and 8; two of them hold no event.
    commit(store, &[run.next(&[2, 1, 0]), other, run.next(&[0, 3]), run.next(&[1, 2])]);
    let all = load(store, "r");
    let page = |page| {
        let (batches, next) = store.history("r", page).unwrap();
        (batches.iter().map(|batch| text(batch)).collect::<Vec<_>>(), next)
    };
    for (event, first) in [(1, 0), (2, 0), (3, 1), (4, 4), (6, 4), (7, 5), (8, 6), (9, 6), (99, 6)]
    {
        assert_eq!(page(Page::from_event(event)), (all[first..].to_vec(), None), "from {event}");
    }
    let small = Page { bytes_max: 1, ..Page::from_event(3) };
    let (mut read, mut next) = (Vec::new(), Some(small));
    while let Some(from) = next {
        let (batches, following) = page(from);
        assert_eq!(batches.len(), 1);
        read.extend(batches);
        next = following;
    }
    assert_eq!(read, all[1..]);
    let two = Page { bytes_max: all[0].len() + 1, ..Page::from_event(1) };
    assert_eq!(page(two).0, all[..2]);
}

fn replaces_published(store: &dyn Store) {
    let names = || store.published("r").unwrap().into_keys().collect::<Vec<_>>();
    let mut run = SampleRun::new("w", "r");
    let other = SampleRun::new("w2", "r2").next(&[1]).publishing(&[("other", "0")]);
    commit(store, &[run.next(&[1]), other]);
    assert!(names().is_empty());
    let second = run.next(&[1]).publishing(&[("a", "1"), ("b", "{}")]);
    let expected = second.published.clone().unwrap();
    commit(store, &[second]);
    assert_eq!(store.published("r").unwrap(), expected);
    commit(store, &[run.next(&[1])]);
    assert_eq!(names(), ["a", "b"]);
    commit(store, &[run.close(&[1]).publishing(&[("b", "2")])]);
    assert_eq!(names(), ["b"]);
}

fn finds_the_latest(store: &dyn Store) {
    let mut first = SampleRun::new("w", "b");
    let mut second = SampleRun::new("w", "a");
    commit(store, &[first.next(&[1])]);
    commit(store, &[first.close(&[1]), second.next(&[1])]);
    assert_eq!(store.latest_run("w").unwrap().unwrap().run_id, "a");
    commit(store, &[second.close(&[1])]);
    assert_eq!(store.latest_run("w").unwrap().unwrap().run_id, "a");
    assert_eq!(store.run("b").unwrap().unwrap().status, Status::Completed);
}

fn orders_due_runs(store: &dyn Store) {
    let mut runs: Vec<SampleRun> =
        ["a", "b", "c", "d"].map(|id| SampleRun::new(id, id)).into_iter().collect();
    let due = |time, limit| {
        let runs = store.due_until(Timestamp(time), limit).unwrap();
        run_ids(&runs).join(" ")
    };
    commit(store, &[runs[0].next(&[1]).due_at(30), runs[1].next(&[1]).due_at(10)]);
    commit(store, &[runs[2].next(&[1]).due_at(20), runs[3].next(&[1])]);
    assert_eq!(store.next_due().unwrap(), Some(Timestamp(10)));
    assert_eq!((due(9, 9), due(20, 9), due(99, 9)), ("".into(), "b c".into(), "b c a".into()));
    assert_eq!(due(99, 1), "b");
    // Moved, kept, gone, closed.
    commit(store, &[runs[1].next(&[1]).due_at(40), runs[0].next(&[1]).due_at(30)]);
    assert_eq!(due(99, 9), "c a b");
    commit(store, &[runs[2].next(&[1]), runs[0].close(&[1]).due_at(1)]);
    assert_eq!(due(99, 9), "b");
    assert_eq!(store.next_due().unwrap(), Some(Timestamp(40)));
}

fn pages_open_runs(store: &dyn Store) {
    let mut runs: Vec<SampleRun> =
        (0..5).map(|n| SampleRun::new(&format!("w{n}"), &format!("r{n}"))).collect();
    for run in &mut runs {
        commit(store, &[run.next(&[1])]);
    }
    commit(store, &[runs[1].close(&[1]), SampleRun::new("w5", "r5").close(&[1])]);
    let (mut seen, mut after): (Vec<String>, Option<Cursor>) = (Vec::new(), None);
    loop {
        let page = store.open_runs(after, 2).unwrap();
        let Some(last) = page.last() else { break };
        after = Some(Cursor::from_number(last.cursor.to_number()));
        seen.extend(page.into_iter().map(|run| run.run_id));
    }
    assert_eq!(seen, ["r0", "r2", "r3", "r4"]);
}

fn tells_ids_apart(store: &dyn Store) {
    let ids = [
        "0199b3c4-5d6e-7f80-9a1b-2c3d4e5f6071",
        "0199B3C4-5D6E-7F80-9A1B-2C3D4E5F6071",
        "0199b3c45d6e7f809a1b2c3d4e5f6071",
        "{0199b3c4-5d6e-7f80-9a1b-2c3d4e5f6071}",
        "r",
        "R",
        "r ",
        "",
        "r\0",
        "ř",
    ];
    for id in ids {
        commit(store, &[SampleRun::new(id, id).next(&[1])]);
    }
    for id in ids {
        let run = store.run(id).unwrap().unwrap();
        assert_eq!((&*run.run_id, &*run.workflow_id), (id, id));
        assert_eq!(store.latest_run(id).unwrap(), Some(run));
        assert_eq!(load(store, id), [format!("{id}: 1..=1")]);
    }
}

fn stores_joined_commits(store: &dyn Store) {
    let signaled = |id| {
        let event = HistoryEvent::new(id, Timestamp(id), signal::Signaled::default());
        Entry::Event(Arc::new(event))
    };
    let started = |id| {
        let event = HistoryEvent::new(id, Timestamp(id), workflow_task::Started::default());
        Entry::Event(Arc::new(event))
    };
    let mut run = SampleRun::new("w", "r");
    let mut first = run.next(&[]);
    first.batches = batches(&[signaled(1), started(2), signaled(3)], 3);
    let mut second = run.next(&[]);
    (second.start, second.first_seq) = (None, 3);
    second.batches = batches(&[signaled(4), started(5)], 5);
    second = second.with_snapshot("after 5");
    let mut third = run.next(&[]);
    (third.start, third.first_seq) = (None, 5);
    third.batches = batches(&[signaled(6)], 6);
    let mut joined = first.clone();
    joined.absorb(second).unwrap();
    joined.absorb(third).unwrap();
    assert!(joined.absorb(first).is_err());
    commit(store, &[joined]);
    let (stored, _) = store.history("r", Page::from_event(1)).unwrap();
    let expected = [&[signaled(1), started(2)][..], &[signaled(3), signaled(4), started(5)]];
    for (stored, expected) in stored.iter().zip(expected) {
        assert_eq!(*stored, sandglass_core::engine::entries_to_bytes(expected));
    }
    assert_eq!(stored.len(), 3);
    let loaded = store.load("r").unwrap().unwrap();
    assert_eq!((loaded.snapshot_seq, loaded.batches), (5, vec![stored[2].clone()]));
}
