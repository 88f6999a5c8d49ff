//! The tables, and how a database of an older version becomes one of this.

use super::{SqliteOptions, at_path};
use crate::store::Error;
use rusqlite::{Connection, TransactionBehavior};
use std::path::Path;

/// Marks the file as ours: "SGLS".
const APPLICATION_ID: i32 = 0x5347_4c53;

/// What makes a database of version N one of version N + 1. Only ever appended to.
const MIGRATIONS: [&str; 5] = [VERSION_1, VERSION_2, VERSION_3, VERSION_4, VERSION_5];

/// Why it looks so: a workflow that starts and closes in one commit costs one row in `runs` with
/// two index entries, and one row in `log` for each batch; all but the entry for its workflow id
/// are appended at the end of their trees.
///
/// - A batch's key is its run's number and its own (`write::batch_key`), so that a run's log is one
///   stretch of the table.
/// - A run's number grows with the order of starts, so the latest run of a workflow id is the one
///   with the greatest.
/// - The partial indexes of due times and of open runs hold open runs only; that of statuses holds
///   the runs that closed otherwise than completed. So none of them costs a run that completes
///   anything.
/// - There is no index by type: it would be one more page in each commit of one run, a quarter more
///   bytes, while a list of a type that is not rare is short without, since it begins at the end.
const VERSION_1: &str = "
    CREATE TABLE runs (
        id INTEGER PRIMARY KEY,
        run_id ANY NOT NULL,
        workflow_id TEXT NOT NULL,
        workflow_type TEXT NOT NULL,
        task_queue TEXT NOT NULL,
        start_request_id TEXT NOT NULL,
        start_time INTEGER NOT NULL,
        status INTEGER NOT NULL,
        close_time INTEGER,
        due INTEGER,
        history_length INTEGER NOT NULL,
        entries INTEGER NOT NULL,
        batches INTEGER NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX runs_by_run_id ON runs (run_id);
    CREATE INDEX runs_by_workflow_id ON runs (workflow_id);
    CREATE INDEX runs_open ON runs (close_time) WHERE close_time IS NULL;
    CREATE INDEX runs_due ON runs (due) WHERE due IS NOT NULL;
    CREATE INDEX runs_not_completed ON runs (status) WHERE status > 2;
    CREATE TABLE log (
        id INTEGER PRIMARY KEY,
        first_seq INTEGER NOT NULL,
        first_event_id INTEGER NOT NULL,
        format INTEGER NOT NULL,
        entries BLOB NOT NULL
    ) STRICT;
    CREATE TABLE snapshots (
        run INTEGER PRIMARY KEY,
        seq INTEGER NOT NULL,
        first_batch INTEGER NOT NULL,
        bytes BLOB NOT NULL
    ) STRICT;
    CREATE TABLE published (
        run INTEGER PRIMARY KEY,
        format INTEGER NOT NULL,
        names BLOB NOT NULL
    ) STRICT;
";

/// What lists show and sort by. A closed run has one index entry more, by the time of its close, so
/// that a page of a list costs no more than its runs; such entries are appended at the end of their
/// tree. Of a run that was stored before, the memo and the search attributes stay in its history.
const VERSION_2: &str = "
    ALTER TABLE runs ADD COLUMN history_size INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE runs ADD COLUMN memo BLOB;
    ALTER TABLE runs ADD COLUMN search_attributes BLOB;
    CREATE INDEX runs_closed ON runs (close_time) WHERE close_time IS NOT NULL;
    DROP INDEX runs_not_completed;
    CREATE INDEX runs_not_completed ON runs (status, close_time) WHERE status > 2;
";

/// Batch operations, few and short.
const VERSION_3: &str = "
    CREATE TABLE batch_operations (
        job_id TEXT PRIMARY KEY,
        start_time INTEGER NOT NULL,
        close_time INTEGER,
        request BLOB NOT NULL,
        progress BLOB NOT NULL
    ) STRICT;
    CREATE INDEX batch_operations_by_start ON batch_operations (start_time, job_id);
";

/// Checksums of whatever a run is made of again. What was stored before has none.
const VERSION_4: &str = "
    ALTER TABLE log ADD COLUMN checksum INTEGER;
    ALTER TABLE snapshots ADD COLUMN checksum INTEGER;
    ALTER TABLE published ADD COLUMN checksum INTEGER;
";

/// How far a batch operation has come is written each second: what is to be done, which can be long, stands elsewhere.
const VERSION_5: &str = "
    CREATE TABLE batch_requests (
        job_id TEXT PRIMARY KEY,
        request BLOB NOT NULL
    ) STRICT;
    INSERT INTO batch_requests SELECT job_id, request FROM batch_operations;
    ALTER TABLE batch_operations DROP COLUMN request;
";

/// Sets the connection that writes up, and makes or migrates the tables of a database of that
/// version.
pub(super) fn prepare(
    connection: &mut Connection,
    version: usize,
    path: &Path,
    options: &SqliteOptions,
) -> Result<(), Error> {
    // Commits are durable when they return, and readers never wait for them.
    connection.pragma_update(None, "journal_mode", "WAL").map_err(|e| at_path(path, e))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", options.checkpoint_pages)?;
    set_cache(connection, options.write_cache_bytes)?;
    connection.set_prepared_statement_cache_capacity(32);
    if version < MIGRATIONS.len() {
        migrate(connection)?;
    }
    if let Some(bytes) = options.database_bytes_max {
        let page: u32 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
        let pages = i64::try_from(bytes / u64::from(page.max(1))).unwrap_or(i64::MAX);
        connection.pragma_update(None, "max_page_count", pages)?;
    }
    Ok(())
}

/// Gives the connection `bytes` of memory for pages. The database is never mapped: an error of the
/// medium would be a signal then.
pub(super) fn set_cache(connection: &Connection, bytes: usize) -> Result<(), Error> {
    let kibibytes = i64::try_from(bytes / 1024).unwrap_or(i64::MAX);
    connection.pragma_update(None, "cache_size", -kibibytes)?;
    connection.pragma_update(None, "mmap_size", 0)?;
    Ok(())
}

/// The version of the database's schema; 0 of one that has just been made. Nothing is written.
pub(super) fn check(connection: &Connection, path: &Path) -> Result<usize, Error> {
    let read =
        |pragma: &str| connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    let application_id = read("application_id").map_err(|e| at_path(path, e))?;
    let version = read("user_version").map_err(|e| at_path(path, e))?;
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if application_id == 0 && version == 0 && tables == 0 {
        return Ok(0);
    }
    if application_id != i64::from(APPLICATION_ID) {
        return Err(Error::NotADatabase { path: path.to_owned() });
    }
    match usize::try_from(version) {
        Ok(version) if version <= MIGRATIONS.len() => Ok(version),
        _ => Err(Error::NewerVersion {
            path: path.to_owned(),
            found: u32::try_from(version).unwrap_or(u32::MAX),
            known: MIGRATIONS.len() as u32,
        }),
    }
}

/// Brings the database to the current version in one transaction.
fn migrate(connection: &mut Connection) -> Result<(), Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version: u32 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    for migration in MIGRATIONS.iter().skip(version as usize) {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", MIGRATIONS.len() as u32)?;
    transaction.commit()?;
    Ok(())
}
