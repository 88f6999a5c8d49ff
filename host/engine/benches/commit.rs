//! What a commit costs: bare, through the store, and through the writer. It prints a table; run it
//! with `cargo bench --bench commit`.
//!
//! `commit FOLDER` puts the databases into that folder, so that a certain disk is measured.

use sandglass_core::Timestamp;
use sandglass_core::policy::WorkflowExecutionStatus;
use sandglass_host::store::{Batch, Commit, RunStart, RunState, SqliteOptions, SqliteStore, Store};
use sandglass_host::writer::{Writer, WriterOptions};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// Bytes of the two batches of an empty workflow: up to WorkflowTaskStarted, and after it.
const BATCH_BYTES: [usize; 2] = [420, 140];

fn main() {
    let folder = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let folder = match folder {
        Some(folder) => tempfile::tempdir_in(folder),
        None => tempfile::tempdir(),
    }
    .expect("a folder for databases can be made");
    let bare = bare_commit_p50(&folder.path().join("bare.db"));
    println!("bare commit, one row, p50                 {:>9.3} ms", bare.as_secs_f64() * 1e3);
    for size in [1, 100, 512] {
        batches_of(size, &folder.path().join(format!("store-{size}.db")));
    }
    for at_once in [1, 64, 512] {
        through_the_writer(at_once, &folder.path().join(format!("writer-{at_once}.db")));
    }
}

fn bare_commit_p50(path: &Path) -> Duration {
    let connection = rusqlite::Connection::open(path).expect("the database opens");
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
             CREATE TABLE rows (id INTEGER PRIMARY KEY, bytes BLOB)",
        )
        .expect("the table is made");
    let mut statement =
        connection.prepare("INSERT INTO rows (bytes) VALUES (?1)").expect("the insert is prepared");
    let mut times: Vec<Duration> = (0..2_000)
        .map(|_| {
            let begin = Instant::now();
            statement.execute([&[7u8; 500][..]]).expect("the row is inserted");
            begin.elapsed()
        })
        .collect();
    times.sort();
    times[times.len() / 2]
}

/// Commits empty workflows, so many at once, for a while.
fn batches_of(size: usize, path: &Path) {
    let store = SqliteStore::open(path).expect("the database opens");
    let (begin, cpu) = (Instant::now(), thread_cpu());
    let (mut making, mut workflows) = (Duration::ZERO, 0);
    while begin.elapsed() < Duration::from_secs(3) {
        let made = thread_cpu();
        let commits: Vec<Commit> = (0..size).map(|_| empty_workflow()).collect();
        making += thread_cpu() - made;
        store.commit(&commits).expect("the commit succeeds");
        workflows += size;
    }
    let per_s = workflows as f64 / begin.elapsed().as_secs_f64();
    let cpu = (thread_cpu() - cpu - making).as_secs_f64() * 1e6 / workflows as f64;
    println!(
        "store, {size:>3} empty workflows a commit       {per_s:>9.0} /s {cpu:>8.1} µs CPU each"
    );
}

/// Submits empty workflows from so many tasks at once, each in two transitions, and waits for them.
fn through_the_writer(at_once: usize, path: &Path) {
    let store: Arc<dyn Store> =
        Arc::new(SqliteStore::open_with(path, SqliteOptions::default()).expect("it opens"));
    let writer = Arc::new(Writer::start(store, WriterOptions::default()));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("the runtime starts");
    let (begin, cpu) = (Instant::now(), process_cpu());
    let workflows: usize = runtime.block_on(async {
        let tasks: Vec<_> =
            (0..at_once).map(|_| tokio::spawn(submit_for_a_while(Arc::clone(&writer)))).collect();
        let mut workflows = 0;
        for task in tasks {
            workflows += task.await.expect("the task does not panic");
        }
        workflows
    });
    let seconds = begin.elapsed().as_secs_f64();
    let cpu = (process_cpu() - cpu).as_secs_f64() * 1e6 / workflows as f64;
    println!(
        "writer, {at_once:>3} at once                      {:>9.0} /s {cpu:>8.1} µs CPU each \
         ({:.0} a commit)",
        workflows as f64 / seconds,
        workflows as f64 / writer.commits() as f64
    );
}

async fn submit_for_a_while(writer: Arc<Writer>) -> usize {
    let begin = Instant::now();
    let mut workflows = 0;
    while begin.elapsed() < Duration::from_secs(3) {
        writer.admit().await;
        let (mut started, mut closed) = (empty_workflow(), empty_workflow());
        closed.run_id = Arc::clone(&started.run_id);
        closed.workflow_id = Arc::clone(&started.workflow_id);
        closed.batches.remove(0);
        closed.first_seq = started.batches[0].entries;
        closed.start = None;
        started.batches.truncate(1);
        writer.submit(vec![started], false);
        let ticket = writer.submit(vec![closed], true);
        writer.durable(ticket).await.expect("the commit succeeds");
        workflows += 1;
    }
    workflows
}

fn empty_workflow() -> Commit {
    let batch = |first_event_id, entries, bytes, ended| Batch {
        first_event_id,
        entries,
        bytes: vec![7; bytes],
        ended,
    };
    Commit {
        run_id: Uuid::now_v7().to_string().into(),
        workflow_id: Uuid::new_v4().to_string().into(),
        first_seq: 0,
        batches: vec![batch(1, 3, BATCH_BYTES[0], true), batch(4, 2, BATCH_BYTES[1], false)],
        snapshot: None,
        start: Some(RunStart {
            workflow_type: "empty".into(),
            task_queue: "default".into(),
            request_id: Uuid::new_v4().to_string(),
            time: Timestamp(1_795_343_211_594_272_309),
            ..RunStart::default()
        }),
        state: RunState {
            status: WorkflowExecutionStatus::Completed,
            close_time: Some(Timestamp(1_795_343_211_604_272_309)),
            due: None,
            history_length: 5,
            history_size_bytes: 900,
        },
        published: None,
    }
}

fn thread_cpu() -> Duration {
    clock(libc::CLOCK_THREAD_CPUTIME_ID)
}

fn process_cpu() -> Duration {
    clock(libc::CLOCK_PROCESS_CPUTIME_ID)
}

fn clock(clock: libc::clockid_t) -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a timespec to be written, and outlives the call.
    let result = unsafe { libc::clock_gettime(clock, &raw mut time) };
    assert_eq!(result, 0, "the clock can be read");
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}
