//! What every store must do about lists, counts, deletion and batch operations; part of `conformance`.

use super::SampleRun;
use super::conformance::{commit, run_ids};
use crate::store::{
    BatchOperation, Commit, Comparison, Condition, Cursor, Error, ListFilter, NumberField, Page,
    Patience, Place, RunSummary, Store, Test, TextField,
};
use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
use sandglass_core::Timestamp;
use sandglass_core::policy::WorkflowExecutionStatus as Status;

fn listed(store: &dyn Store, filter: ListFilter) -> Vec<RunSummary> {
    store.list(&filter, &Patience::default()).unwrap()
}

fn list(store: &dyn Store, condition: Option<Condition>) -> String {
    let counted: u64 =
        store.count(condition.as_ref(), &Patience::default()).unwrap().iter().map(|(_, n)| n).sum();
    let runs = listed(store, ListFilter { condition, ..ListFilter::default() });
    assert_eq!(runs.len() as u64, counted);
    run_ids(&runs).join(" ")
}

/// Four open runs and four closed ones; those with even numbers are of type `even`.
fn fill(store: &dyn Store) {
    let ids = ["a", "a%", "a_1", "b", "ab\u{10ffff}", "ab\u{10ffff}c", "ac", "aé"];
    let mut commits: Vec<Commit> = Vec::new();
    for (n, id) in ids.iter().enumerate() {
        let run = SampleRun::new(id, &format!("r{n}")).started_at(n as i64 * 100);
        let mut run = run.of_type(if n % 2 == 0 { "even" } else { "odd" });
        let next = run.next(&[1 + n as i64]);
        commits.push(match n {
            0 => next.closing(Status::Completed, 5_000),
            1 => next.closing(Status::Failed, 7_000),
            2 => next.closing(Status::Failed, 6_000),
            3 => next.closing(Status::TimedOut, 7_000),
            _ => next,
        });
    }
    commit(store, &commits);
}

pub(super) fn shows_all(store: &dyn Store) {
    let mut run = SampleRun::new("w", "r").with_memo("customer", "7");
    commit(store, &[run.next(&[2]), SampleRun::new("w2", "r2").next(&[1])]);
    let runs = listed(store, ListFilter::default());
    assert_eq!(run_ids(&runs), ["r2", "r"]);
    assert_eq!((&runs[0].memo, runs[0].history_size_bytes), (&None, 10));
    let memo = runs[1].memo.as_ref().unwrap();
    assert_eq!(memo.fields["customer"].data.as_ref(), b"7");
    commit(store, &[run.close(&[3])]);
    let closed = store.run("r").unwrap().unwrap();
    assert_eq!((closed.history_size_bytes, closed.memo.as_ref()), (50, Some(memo)));
}

pub(super) fn orders(store: &dyn Store) {
    fill(store);
    assert_eq!(list(store, None), "r7 r6 r5 r4 r3 r1 r2 r0");
    let expected =
        [(Status::Running, 4), (Status::Completed, 1), (Status::Failed, 2), (Status::TimedOut, 1)];
    assert_eq!(store.count(None, &Patience::default()).unwrap(), expected);
}

pub(super) fn pages(store: &dyn Store) {
    fill(store);
    let mut later = 0;
    for limit in 1..10 {
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page = listed(store, ListFilter { after, limit, condition: None });
            let Some(last) = page.last() else { break };
            let (close_time, cursor) = (last.close_time, last.cursor.to_number());
            after = Some(Place { close_time, cursor: Cursor::from_number(cursor) });
            seen.extend(
                page.into_iter().filter(|run| run.workflow_id != "later").map(|r| r.run_id),
            );
            later += 1;
            commit(
                store,
                &[SampleRun::new("later", &format!("later {later}")).started_at(9_000).next(&[1])],
            );
        }
        assert_eq!(seen.join(" "), "r7 r6 r5 r4 r3 r1 r2 r0", "{limit} a page");
    }
}

pub(super) fn chooses(store: &dyn Store) {
    fill(store);
    let all = |condition| list(store, Some(condition));
    let text = |field, how, it: &str| Condition::Text(field, Test::Is(how, it.into()));
    let number = |field, how, it| Condition::Number(field, Test::Is(how, it));
    let prefix = |it: &str| all(Condition::StartsWith(TextField::WorkflowId, it.into()));
    let not = |condition| Condition::Not(Box::new(condition));
    let (id, closed) = (TextField::WorkflowId, NumberField::CloseTime);

    assert_eq!(all(Condition::status(Status::Failed)), "r1 r2");
    assert_eq!(all(not(Condition::status(Status::Running))), "r3 r1 r2 r0");
    let odd = text(TextField::WorkflowType, Equal, "odd");
    let both = Condition::All(vec![Condition::status(Status::Failed), odd.clone()]);
    assert_eq!(all(both.clone()), "r1");
    assert_eq!(all(Condition::Any(vec![both, text(id, Equal, "b")])), "r3 r1");
    assert_eq!(all(Condition::All(vec![])), list(store, None));
    assert_eq!(all(Condition::Any(vec![])), "");
    assert_eq!(prefix("a"), "r7 r6 r5 r4 r1 r2 r0");
    assert_eq!((prefix("a%"), prefix("a_"), prefix("A")), ("r1".into(), "r2".into(), "".into()));
    assert_eq!((prefix("ab\u{10ffff}"), prefix("\u{10ffff}")), ("r5 r4".into(), "".into()));
    assert_eq!(all(text(id, GreaterOrEqual, "ac")), "r7 r6 r3");
    assert_eq!(all(text(TextField::RunId, NotEqual, "r1")), "r7 r6 r5 r4 r3 r2 r0");
    assert_eq!(all(text(TextField::RunId, Greater, "r5")), "r7 r6");
    let either = Test::In(vec!["r5".into(), "r0".into(), "R1".into()]);
    assert_eq!(all(Condition::Text(TextField::RunId, either)), "r5 r0");
    assert_eq!(all(number(NumberField::StartTime, Less, 200)), "r1 r0");
    assert_eq!(all(number(closed, LessOrEqual, 6_000)), "r2 r0");
    assert_eq!(all(not(number(closed, LessOrEqual, 6_000))), "r3 r1");
    assert_eq!(all(Condition::Number(closed, Test::Missing)), "r7 r6 r5 r4");
    assert_eq!(all(not(Condition::Number(closed, Test::Missing))), "r3 r1 r2 r0");
    assert_eq!(all(number(NumberField::Duration, Equal, 5_000)), "r0");
    assert_eq!(all(number(NumberField::HistoryLength, Greater, 2)), "r3 r2");
    assert_eq!(all(Condition::Text(TextField::TaskQueue, Test::Missing)), "");
    // It is enough that one of them is true, though the other is neither.
    let unknown = number(closed, Less, 0);
    assert_eq!(all(Condition::Any(vec![unknown.clone(), odd.clone()])), "r7 r5 r3 r1");
    assert_eq!(all(not(Condition::All(vec![unknown, odd]))), "r6 r4 r3 r1 r2 r0");
}

pub(super) fn deletes(store: &dyn Store) {
    let mut runs = ["r1", "r2", "r3"].map(|id| SampleRun::new("w", id));
    let mut other = SampleRun::new("other", "o");
    let publishing = [("name", "1")];
    commit(store, &[runs[0].close(&[1]), other.next(&[2]).due_at(9)]);
    commit(store, &[runs[1].close(&[3]).with_snapshot("s").publishing(&publishing)]);
    commit(store, &[runs[2].next(&[1]).due_at(5).publishing(&publishing)]);
    assert!(!store.delete("r4").unwrap());
    assert!(store.delete("r3").unwrap() && !store.delete("r3").unwrap());
    assert_eq!((store.load("r3").unwrap(), store.run("r3").unwrap()), (None, None));
    assert_eq!(store.history("r3", Page::from_event(1)).unwrap(), (vec![], None));
    assert!(store.published("r3").unwrap().is_empty());
    assert_eq!(store.next_due().unwrap(), Some(Timestamp(9)));
    assert_eq!(run_ids(&store.open_runs(None, 9).unwrap()), ["o"]);
    assert_eq!(store.latest_run("w").unwrap().unwrap().run_id, "r2");
    assert!(store.delete("r2").unwrap());
    // Nothing of the run before it is left to who comes in its place.
    let mut again = SampleRun::new("w", "r2");
    commit(store, &[again.next(&[1])]);
    let stored = store.load("r2").unwrap().unwrap();
    assert_eq!((stored.snapshot, stored.batches.len()), (None, 1));
    assert!(store.published("r2").unwrap().is_empty());
    assert_eq!(list(store, None), "r2 o r1");
    assert!(store.delete("r1").unwrap() && store.delete("r2").unwrap());
    assert_eq!(store.latest_run("w").unwrap(), None);
    commit(store, &[other.next(&[1])]);
    assert_eq!(store.load("o").unwrap().unwrap().batches.len(), 2);
}

pub(super) fn keeps_batch_operations(store: &dyn Store) {
    let operation = |job_id: &str, start| BatchOperation {
        job_id: job_id.into(),
        start_time: Timestamp(start),
        close_time: None,
        request: Some("request".into()),
        progress: "".into(),
    };
    for (job_id, start) in [("b", 2), ("a", 1), ("c", 2), ("d", 3)] {
        store.put_batch_operation(&operation(job_id, start)).unwrap();
    }
    assert_eq!(store.batch_operation("e").unwrap(), None);
    let mut ended = operation("c", 2);
    (ended.close_time, ended.progress) = (Some(Timestamp(9)), "all".into());
    store.put_batch_operation(&BatchOperation { request: None, ..ended.clone() }).unwrap();
    assert_eq!(store.batch_operation("c").unwrap(), Some(ended));
    assert!(store.batch_operations(None, 9).unwrap().iter().all(|it| it.request.is_none()));
    let list = |after: Option<(i64, &str)>, limit| {
        let after = after.map(|(time, job_id)| (Timestamp(time), job_id));
        let found = store.batch_operations(after, limit).unwrap();
        found.into_iter().map(|it| it.job_id).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(list(None, 9), "d c b a");
    assert_eq!((list(None, 2), list(Some((2, "c")), 2)), ("d c".into(), "b a".into()));
    assert_eq!(list(Some((1, "a")), 2), "");
}

pub(super) fn forgets_batch_operations(store: &dyn Store) {
    for n in 1..=6 {
        let operation = BatchOperation {
            job_id: format!("{n}"),
            start_time: Timestamp(n),
            // 3 and 6 are under way.
            close_time: (n % 3 != 0).then_some(Timestamp(10)),
            request: Some("request".into()),
            progress: "".into(),
        };
        store.put_batch_operation(&operation).unwrap();
    }
    let kept = || {
        let kept = store.batch_operations(None, 9).unwrap();
        kept.iter().map(|it| it.job_id.as_str()).collect::<Vec<_>>().join(" ")
    };
    store.forget_batch_operations(4).unwrap();
    assert_eq!(kept(), "6 5 4 3 2 1");
    store.forget_batch_operations(1).unwrap();
    assert_eq!(kept(), "6 5 3");
    assert_eq!(store.batch_operation("4").unwrap(), None);
    store.forget_batch_operations(0).unwrap();
    assert_eq!(kept(), "6 3");
    assert!(store.batch_operation("3").unwrap().is_some_and(|it| it.request.is_some()));
}

pub(super) fn interrupts(store: &dyn Store) {
    fill(store);
    // Many, so that there is something to be interrupted.
    let many = (0..500).map(|n| Condition::StartsWith(TextField::RunId, format!("no {n}")));
    let condition = Some(Condition::Any(many.collect()));
    let filter = ListFilter { condition: condition.clone(), ..ListFilter::default() };
    let patience = Patience::default();
    assert_eq!(store.list(&filter, &patience).unwrap(), []);
    patience.end();
    let over = [patience, Patience::of(std::time::Duration::ZERO)];
    for patience in over {
        assert!(matches!(store.list(&filter, &patience), Err(Error::Interrupted)));
        let counted = store.count(condition.as_ref(), &patience);
        assert!(matches!(counted, Err(Error::Interrupted)));
    }
    assert_eq!(list(store, filter.condition), "");
}
