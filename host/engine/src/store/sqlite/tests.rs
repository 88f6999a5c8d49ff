//! What SQLite adds to the promises of a store: files of others, crashes, full disks, a second
//! host.

use super::*;
use crate::store::testing::{FaultyStore, SampleRun, conformance};
use crate::store::{Commit, MemoryStore, NumberField, Test, TextField};
use proptest::prelude::*;
use rusqlite::params;
use std::fs;
use tempfile::TempDir;

fn database() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs.db");
    (folder, path)
}

/// A connection past the store, for what no store would do.
fn meddle(path: &Path, sql: &str) {
    Connection::open(path).unwrap().execute_batch(sql).unwrap();
}

#[test]
fn all_stores_conform() {
    conformance(MemoryStore::default);
    conformance(|| FaultyStore::new(MemoryStore::default()));
    let folder = tempfile::tempdir().unwrap();
    let mut number = 0;
    conformance(|| {
        number += 1;
        SqliteStore::open(folder.path().join(format!("{number}.db"))).unwrap()
    });
}

#[test]
fn what_was_committed_is_there_after_opening_again() {
    let (_folder, path) = database();
    let mut run = SampleRun::new("w", "r");
    SqliteStore::open(&path).unwrap().commit(&[run.next(&[1]).due_at(7)]).unwrap();
    let store = SqliteStore::open(&path).unwrap();
    assert_eq!(store.next_due().unwrap(), Some(Timestamp(7)));
    // The place of the run is read again.
    store.commit(&[run.next(&[1])]).unwrap();
    assert_eq!(store.next_due().unwrap(), None);
    assert_eq!(store.load("r").unwrap().unwrap().batches.len(), 2);
}

#[test]
fn after_each_commit_a_crash_leaves_that_and_all_before() {
    let (folder, path) = database();
    let store = SqliteStore::open(&path).unwrap();
    let mut runs: Vec<SampleRun> = (0..4).map(|n| SampleRun::new("w", &format!("r{n}"))).collect();
    let mut expected = Vec::new();
    for step in 0..12 {
        let run = &mut runs[step % 4];
        let commit = if step < 8 { run.next(&[1, 2]) } else { run.close(&[1]) };
        store.commit(&[commit]).unwrap();
        expected.push(run.run_id().to_owned());
        // The files as a crash would leave them: the log of what is not in the database yet lies
        // beside it.
        let crashed = folder.path().join(format!("crashed-{step}.db"));
        for end in ["", "-wal"] {
            let from = format!("{}{end}", path.display());
            fs::copy(from, format!("{}{end}", crashed.display())).unwrap();
        }
        let after = SqliteStore::open(&crashed).unwrap();
        for id in ["r0", "r1", "r2", "r3"] {
            let commits = expected.iter().filter(|known| *known == id).count();
            let summary = after.run(id).unwrap();
            assert_eq!(summary.is_some(), commits > 0, "{id} after step {step}");
            assert_eq!(summary, store.run(id).unwrap());
            assert_eq!(after.load(id).unwrap(), store.load(id).unwrap());
        }
    }
}

#[test]
fn a_torn_end_of_the_log_loses_that_commit_alone() {
    let (folder, path) = database();
    let store = SqliteStore::open(&path).unwrap();
    let mut run = SampleRun::new("w", "r");
    store.commit(&[run.next(&[1])]).unwrap();
    store.commit(&[run.next(&[1])]).unwrap();
    let crashed = folder.path().join("crashed.db");
    fs::copy(&path, &crashed).unwrap();
    let log = fs::read(format!("{}-wal", path.display())).unwrap();
    fs::write(format!("{}-wal", crashed.display()), &log[..log.len() - 1_000]).unwrap();
    let after = SqliteStore::open(&crashed).unwrap();
    assert_eq!(after.load("r").unwrap().unwrap().batches.len(), 1);
}

#[test]
fn a_newer_database_is_refused_and_left_as_it_is() {
    let (_folder, path) = database();
    drop(SqliteStore::open(&path).unwrap());
    meddle(&path, "PRAGMA user_version = 99");
    let before = fs::read(&path).unwrap();
    let error = SqliteStore::open(&path).unwrap_err();
    assert!(matches!(error, Error::NewerVersion { found: 99, known: 5, .. }), "{error:?}");
    assert!(error.to_string().ends_with(
        "has schema version 99, and this Sandglass knows versions up to 5: \
         open it with a newer Sandglass; nothing was changed"
    ));
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn batch_operations_of_an_older_version_stay() {
    let (_folder, path) = database();
    drop(SqliteStore::open(&path).unwrap());
    meddle(
        &path,
        "DROP TABLE batch_requests;
         ALTER TABLE batch_operations ADD COLUMN request BLOB NOT NULL DEFAULT x'';
         INSERT INTO batch_operations (job_id, start_time, request, progress)
         VALUES ('j', 1, x'01', x'02');
         PRAGMA user_version = 4",
    );
    let store = SqliteStore::open(&path).unwrap();
    let operation = store.batch_operation("j").unwrap().unwrap();
    assert_eq!((operation.request.as_deref(), &operation.progress[..]), (Some(&[1][..]), &[2][..]));
}

#[test]
fn files_of_others_are_refused_and_left_as_they_are() {
    let (folder, path) = database();
    meddle(&path, "CREATE TABLE notes (text)");
    let text = folder.path().join("notes.txt");
    fs::write(&text, "Not a database at all, but long enough for a header. ".repeat(40)).unwrap();
    for path in [path, text] {
        let before = fs::read(&path).unwrap();
        let error = SqliteStore::open(&path).unwrap_err();
        assert!(matches!(error, Error::NotADatabase { .. }), "{error:?}");
        assert_eq!(fs::read(&path).unwrap(), before);
        assert!(!Path::new(&format!("{}.lock", path.display())).exists());
    }
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let error = SqliteStore::open("no/such/folder/runs.db").unwrap_err();
    assert!(error.to_string().contains("no/such/folder/runs.db"), "{error}");
}

#[test]
fn a_second_host_is_refused_while_the_first_lives() {
    let (_folder, path) = database();
    let store = SqliteStore::open(&path).unwrap();
    let error = SqliteStore::open(&path).unwrap_err();
    let process = format!("is in use by process {}", std::process::id());
    assert!(error.to_string().ends_with(&process), "{error}");
    store.commit(&[SampleRun::new("w", "r").next(&[1])]).unwrap();
    drop(store);
    assert!(SqliteStore::open(&path).unwrap().run("r").unwrap().is_some());
}

#[test]
fn what_is_corrupt_in_one_run_leaves_the_others_alone() {
    let (_folder, path) = database();
    let store = SqliteStore::open(&path).unwrap();
    let (mut bad, mut good) = (SampleRun::new("w1", "bad"), SampleRun::new("w2", "good"));
    let publishing = [("name", "1")];
    store
        .commit(&[bad.next(&[1]).publishing(&publishing), good.next(&[1]).publishing(&publishing)])
        .unwrap();
    let key = write::first_batch_key(1);
    meddle(&path, &format!("UPDATE log SET format = 9 WHERE id = {key}"));
    meddle(&path, "UPDATE published SET names = x'0aff' WHERE run = 1");
    let error = store.load("bad").unwrap_err();
    let expected =
        "the stored run bad is corrupt: it holds format 9, which this version does not know; ";
    assert!(error.to_string().starts_with(expected), "{error}");
    let named = |error| matches!(error, Error::Corrupt { run_id: Some(id), .. } if id == "bad");
    assert!(named(store.history("bad", Page::from_event(1)).unwrap_err()));
    assert!(named(store.published("bad").unwrap_err()));
    store.commit(&[good.next(&[1])]).unwrap();
    assert_eq!(store.load("good").unwrap().unwrap().batches.len(), 2);
    assert_eq!(store.published("good").unwrap().len(), 1);
    assert_eq!(store.open_runs(None, 9).unwrap().len(), 2);
}

#[test]
fn a_full_disk_loses_nothing_and_ends() {
    let (_folder, path) = database();
    let options = SqliteOptions { database_bytes_max: Some(200_000), ..SqliteOptions::default() };
    let store = SqliteStore::open_with(&path, options).unwrap();
    let mut run = SampleRun::new("w", "r");
    let mut stored = 0;
    let refused = loop {
        let mut commit = run.next(&[1]);
        commit.batches[0].bytes = vec![7; 10_000];
        match store.commit(&[SampleRun::new("w2", &format!("with {stored}")).next(&[1]), commit]) {
            Ok(()) => stored += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, Error::Full), "{refused:?}");
    assert!((10..20).contains(&stored), "{stored} commits");
    assert_eq!(store.load("r").unwrap().unwrap().batches.len(), stored);
    assert_eq!(store.run(&format!("with {stored}")).unwrap(), None);
    drop(store);
    let store = SqliteStore::open(&path).unwrap();
    let mut again = run.next(&[1]);
    again.first_seq = stored as u64 * 2;
    store.commit(&[again]).unwrap();
}

#[test]
fn reads_do_not_wait_for_a_commit_under_way() {
    let (_folder, path) = database();
    let store = SqliteStore::open(&path).unwrap();
    let mut run = SampleRun::new("w", "r");
    store.commit(&[run.next(&[1])]).unwrap();
    // The writer's connection is taken, and a transaction of its is open.
    let writer = store.writer.lock();
    writer.connection().execute_batch("BEGIN IMMEDIATE; UPDATE runs SET due = 5").unwrap();
    assert_eq!(store.load("r").unwrap().unwrap().summary.due, None);
    assert_eq!(store.list(&ListFilter::default(), &Patience::default()).unwrap().len(), 1);
    writer.connection().execute_batch("ROLLBACK").unwrap();
}

#[test]
fn queries_use_the_indexes_that_are_kept_for_them() {
    let (_folder, path) = database();
    let store = SqliteStore::open(&path).unwrap();
    let plan = |sql: &str| {
        let writer = store.writer.lock();
        let mut statement =
            writer.connection().prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let steps = statement.query_map(params![], |row| row.get::<_, String>(3)).unwrap();
        steps.collect::<Result<Vec<_>, _>>().unwrap().join("; ")
    };
    for (sql, index) in [
        ("SELECT * FROM runs WHERE run_id = 'r'", "runs_by_run_id"),
        (
            "SELECT * FROM runs WHERE workflow_id = 'w' ORDER BY id DESC LIMIT 1",
            "runs_by_workflow_id",
        ),
        ("SELECT * FROM runs WHERE close_time IS NULL AND id > 7 ORDER BY id LIMIT 9", "runs_open"),
        (
            "SELECT * FROM runs WHERE due IS NOT NULL AND due <= 7 ORDER BY due, id LIMIT 9",
            "runs_due",
        ),
        (
            &format!(
                "SELECT * FROM runs WHERE {} AND ((status) = 3) AND {} {} LIMIT 9",
                list::CLOSED,
                list::NOT_COMPLETED,
                list::CLOSED_ORDER
            ),
            "runs_not_completed",
        ),
        (
            &format!("SELECT * FROM runs WHERE {} AND id < 7 {}", list::OPEN, list::OPEN_ORDER),
            "runs_open",
        ),
        (
            &format!(
                "SELECT * FROM runs WHERE {} AND (close_time, id) < (7, 7) {} LIMIT 9",
                list::CLOSED,
                list::CLOSED_ORDER
            ),
            "runs_closed",
        ),
        ("SELECT min(due) FROM runs WHERE due IS NOT NULL", "runs_due"),
    ] {
        let plan = plan(sql);
        assert!(plan.contains(index) && !plan.contains("TEMP B-TREE"), "{sql}: {plan}");
    }
}

#[test]
fn a_database_of_the_first_version_is_brought_up_to_date() {
    let (_folder, path) = database();
    let mut run = SampleRun::new("w", "r");
    SqliteStore::open(&path).unwrap().commit(&[run.next(&[2])]).unwrap();
    // What later versions brought, taken back.
    meddle(
        &path,
        "DROP TABLE batch_operations; DROP TABLE batch_requests; DROP INDEX runs_closed; DROP INDEX runs_not_completed;
         ALTER TABLE runs DROP COLUMN history_size; ALTER TABLE runs DROP COLUMN memo;
         ALTER TABLE runs DROP COLUMN search_attributes;
         ALTER TABLE log DROP COLUMN checksum; ALTER TABLE snapshots DROP COLUMN checksum;
         ALTER TABLE published DROP COLUMN checksum;
         CREATE INDEX runs_not_completed ON runs (status) WHERE status > 2;
         PRAGMA user_version = 1",
    );
    let store = SqliteStore::open(&path).unwrap();
    let old = store.run("r").unwrap().unwrap();
    assert_eq!((old.history_length, old.history_size_bytes, old.memo), (2, 0, None));
    let mut memo = SampleRun::new("w2", "r2").with_memo("k", "1");
    store.commit(&[run.close(&[1]), memo.next(&[1])]).unwrap();
    // What was stored without a checksum is believed.
    assert_eq!(store.load("r").unwrap().unwrap().batches.len(), 2);
    let runs = store.list(&ListFilter::default(), &Patience::default()).unwrap();
    assert_eq!((runs[0].memo.is_some(), runs[1].history_size_bytes), (true, 30));
}

/// Whatever of a row is changed, and wherever it gets to.
#[test]
fn what_is_not_as_it_was_written_is_not_believed() {
    let key = write::first_batch_key(1);
    for damage in [
        format!("UPDATE log SET entries = zeroblob(length(entries)) WHERE id = {key}"),
        format!("UPDATE log SET first_event_id = first_event_id + 1 WHERE id = {key}"),
        format!("UPDATE log SET first_seq = first_seq + 1 WHERE id = {key}"),
        format!("UPDATE log SET checksum = checksum + 1 WHERE id = {key}"),
        format!("DELETE FROM log WHERE id = {key}; UPDATE log SET id = {key} WHERE id = {key} + 1"),
    ] {
        let (_folder, path) = database();
        let store = SqliteStore::open(&path).unwrap();
        let mut run = SampleRun::new("w", "r");
        store.commit(&[run.next(&[2])]).unwrap();
        store.commit(&[run.next(&[1]).publishing(&[("name", "1")])]).unwrap();
        meddle(&path, &damage);
        meddle(&path, "UPDATE published SET names = zeroblob(length(names))");
        let words = |error: Error, of: &str| {
            let told = error.to_string();
            assert!(told.contains(of) && told.contains("checksum"), "{damage}: {told}");
        };
        words(store.load("r").unwrap_err(), "its log from entry");
        words(store.history("r", Page::from_event(1)).unwrap_err(), "its log from entry");
        words(store.published("r").unwrap_err(), "what it published");
    }
}

fn condition() -> impl Strategy<Value = Condition> {
    use crate::store::Comparison as Is;
    let how = || {
        prop_oneof![
            Just(Is::Equal),
            Just(Is::NotEqual),
            Just(Is::Less),
            Just(Is::LessOrEqual),
            Just(Is::Greater),
            Just(Is::GreaterOrEqual),
        ]
    };
    let uuid = "(00000000-0000-0000-0000-00000000000[0-5])|(0{1,9}-?)";
    let texts = move || {
        prop_oneof![Just("w0".into()), Just("w1".into()), "r[0-5]", uuid, Just(String::new())]
    };
    let numbers = || prop_oneof![0..4i64, 1_000..1_030i64];
    let text = (how(), texts()).prop_map(|(how, text)| Test::Is(how, text));
    let text = prop_oneof![text, prop::collection::vec(texts(), 0..3).prop_map(Test::In)];
    let text_field = || prop_oneof![Just(TextField::WorkflowId), Just(TextField::RunId)];
    let number = (how(), numbers()).prop_map(|(how, number)| Test::Is(how, number));
    let list = prop::collection::vec(numbers(), 0..3).prop_map(Test::In);
    let number = prop_oneof![number, list, Just(Test::Missing)];
    let number_field = prop_oneof![
        Just(NumberField::Status),
        Just(NumberField::CloseTime),
        Just(NumberField::Duration),
        Just(NumberField::HistoryLength),
        Just(NumberField::HistorySizeBytes),
    ];
    let leaf = prop_oneof![
        (text_field(), text).prop_map(|(field, test)| Condition::Text(field, test)),
        (text_field(), texts()).prop_map(|(field, it)| Condition::StartsWith(field, it)),
        (number_field, number).prop_map(|(field, test)| Condition::Number(field, test)),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Condition::All),
            prop::collection::vec(inner.clone(), 0..3).prop_map(Condition::Any),
            inner.prop_map(|condition| Condition::Not(Box::new(condition))),
        ]
    })
}

/// One that is stored as a UUID, or as text.
fn run_id(n: usize) -> String {
    match n % 2 {
        0 => uuid::Uuid::from_u128(n as u128).to_string(),
        _ => format!("r{n}"),
    }
}

/// What is done to one of a few runs.
#[derive(Clone, Debug)]
struct Step {
    run: usize,
    events: Vec<i64>,
    due: Option<i64>,
    snapshot: bool,
    publish: bool,
    close: bool,
    bad: bool,
    reopen: bool,
    delete: bool,
}

fn step() -> impl Strategy<Value = Step> {
    let often = || proptest::bool::weighted(0.3);
    let rarely = || proptest::bool::weighted(0.05);
    let events = prop::collection::vec(0..4i64, 1..4);
    let due = prop::option::of(0..9i64);
    let faults = (rarely(), rarely(), rarely(), rarely());
    (0..6usize, events, due, often(), often(), faults).prop_map(
        |(run, events, due, snapshot, publish, (close, bad, reopen, delete))| Step {
            run,
            events,
            due,
            snapshot,
            publish,
            close,
            bad,
            reopen,
            delete,
        },
    )
}

fn commit_of(run: &mut SampleRun, step: &Step) -> Commit {
    let mut commit = if step.close { run.close(&step.events) } else { run.next(&step.events) };
    commit.state.due = step.due.map(Timestamp);
    if step.snapshot {
        commit = commit.with_snapshot("snapshot");
    }
    if step.publish {
        commit = commit.publishing(&[("name", "1")]);
    }
    if step.bad {
        commit.first_seq += 1;
    }
    commit
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn sqlite_and_memory_agree(
        steps in prop::collection::vec(prop::collection::vec(step(), 1..4), 1..20),
        conditions in prop::collection::vec(condition(), 8),
    ) {
        let (_folder, path) = database();
        let memory = MemoryStore::default();
        let mut sqlite = SqliteStore::open(&path).unwrap();
        let mut runs: Vec<SampleRun> =
            (0..6).map(|n| SampleRun::new(&format!("w{}", n % 2), &run_id(n))).collect();
        let mut closed = [false; 6];
        for steps in steps {
            let (before, was_closed) = (runs.clone(), closed);
            let mut commits = Vec::new();
            for step in &steps {
                if !closed[step.run] {
                    commits.push(commit_of(&mut runs[step.run], step));
                    closed[step.run] = step.close;
                }
            }
            let results = (memory.commit(&commits), sqlite.commit(&commits));
            prop_assert_eq!(format!("{:?}", results.0), format!("{:?}", results.1));
            if results.0.is_err() {
                (runs, closed) = (before, was_closed);
            }
            if steps[0].delete {
                let run = steps[0].run;
                let id = runs[run].run_id().to_owned();
                prop_assert_eq!(memory.delete(&id).unwrap(), sqlite.delete(&id).unwrap());
                runs[run] = SampleRun::new(runs[run].workflow_id(), &id);
                closed[run] = false;
            }
            if steps[0].reopen {
                drop(sqlite);
                sqlite = SqliteStore::open(&path).unwrap();
            }
            for run in &runs {
                let id = run.run_id();
                prop_assert_eq!(memory.load(id).unwrap(), sqlite.load(id).unwrap());
                prop_assert_eq!(memory.published(id).unwrap(), sqlite.published(id).unwrap());
                let page = Page { bytes_max: 20, ..Page::from_event(steps[0].events[0] * 2) };
                let pages = (memory.history(id, page).unwrap(), sqlite.history(id, page).unwrap());
                prop_assert_eq!(pages.0, pages.1);
            }
            let time = Timestamp(5);
            prop_assert_eq!(memory.due_until(time, 3).unwrap(), sqlite.due_until(time, 3).unwrap());
            prop_assert_eq!(memory.next_due().unwrap(), sqlite.next_due().unwrap());
            prop_assert_eq!(memory.open_runs(None, 9).unwrap(), sqlite.open_runs(None, 9).unwrap());
            prop_assert_eq!(memory.latest_run("w0").unwrap(), sqlite.latest_run("w0").unwrap());
            for condition in &conditions {
                let filter = ListFilter { condition: Some(condition.clone()), ..ListFilter::default() };
                let patience = Patience::default();
                let found = memory.list(&filter, &patience).unwrap();
                prop_assert_eq!(found, sqlite.list(&filter, &patience).unwrap());
                let condition = Some(condition);
                let counted = memory.count(condition, &patience).unwrap();
                prop_assert_eq!(counted, sqlite.count(condition, &patience).unwrap());
            }
        }
    }
}
