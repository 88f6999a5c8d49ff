//! Commits: the one connection that writes.

use super::super::{Batch, BatchOperation, Commit, Error, RunStart};
use super::checksum;
use super::read::sql_limit;
use rusqlite::{
    CachedStatement, Connection, OptionalExtension, Row, Transaction, TransactionBehavior,
};
use rusqlite::{params, types::ToSql, types::ToSqlOutput, types::Value, types::ValueRef};
use sandglass_core::proto::{Field, Message};
use sandglass_core::task::Published;
use std::collections::HashMap;
use std::sync::Arc;
use uuid::Uuid;

/// How the bytes of a batch are to be read; another number is one that a newer version wrote.
pub(super) const FORMAT: i64 = 1;

/// Open runs whose place is remembered. Beyond that, all are forgotten and read again as they are
/// needed.
const KNOWN_RUNS_MAX: usize = 100_000;

/// Bits of a batch's key that number the batch within its run.
const BATCH_BITS: u32 = 24;

const INSERT_RUN: &str = "INSERT INTO runs (run_id, workflow_id, workflow_type, task_queue, \
    start_request_id, start_time, status, close_time, due, history_length, entries, batches, \
    history_size, memo, search_attributes) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)";
const INSERT_BATCH: &str = "INSERT INTO log (id, first_seq, first_event_id, format, entries, \
    checksum) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
const SET_SNAPSHOT: &str = "INSERT OR REPLACE INTO snapshots (run, seq, first_batch, bytes, \
    checksum) VALUES (?1, ?2, ?3, ?4, ?5)";
const SET_PUBLISHED: &str =
    "INSERT OR REPLACE INTO published (run, format, names, checksum) VALUES (?1, ?2, ?3, ?4)";
const PUT_BATCH_OPERATION: &str = "INSERT OR REPLACE INTO batch_operations \
    (job_id, start_time, close_time, progress) VALUES (?1, ?2, ?3, ?4)";
const PUT_BATCH_REQUEST: &str =
    "INSERT OR REPLACE INTO batch_requests (job_id, request) VALUES (?1, ?2)";
const FORGET_BATCH_OPERATIONS: &str = "DELETE FROM batch_operations WHERE close_time IS NOT NULL \
    AND job_id NOT IN (SELECT job_id FROM batch_operations WHERE close_time IS NOT NULL \
    ORDER BY start_time DESC, job_id DESC LIMIT ?1)";
const FORGET_BATCH_REQUESTS: &str =
    "DELETE FROM batch_requests WHERE job_id NOT IN (SELECT job_id FROM batch_operations)";
const FIND_RUN: &str = "SELECT id, batches, due FROM runs WHERE run_id = ?1";
const COUNT_ENTRIES: &str = "SELECT entries FROM runs WHERE run_id = ?1";
// Three of them, since SQLite rewrites the entries of an index whose column is set, even to the
// value that it has.
const GO_ON: &str = "UPDATE runs SET status = ?3, history_length = ?4, entries = ?5, \
    batches = ?6, history_size = ?7 WHERE id = ?1 AND entries = ?2 AND close_time IS NULL";
const GO_ON_DUE: &str = "UPDATE runs SET status = ?3, history_length = ?4, entries = ?5, \
    batches = ?6, history_size = ?7, due = ?8 WHERE id = ?1 AND entries = ?2 AND close_time IS NULL";
const CLOSE: &str = "UPDATE runs SET status = ?3, history_length = ?4, entries = ?5, \
    batches = ?6, history_size = ?7, due = ?8, close_time = ?9 WHERE id = ?1 AND entries = ?2";

/// The connection that writes, and what it remembers of open runs.
#[derive(Debug)]
pub(super) struct WriteSide {
    connection: Connection,
    known: HashMap<Arc<str>, Known>,
}

/// Where an open run stands, so that its next commit need not look.
#[derive(Clone, Copy, Debug)]
struct Known {
    id: i64,
    batches: u64,
    due: Option<i64>,
}

impl WriteSide {
    pub(super) fn new(connection: Connection) -> Self {
        WriteSide { connection, known: HashMap::new() }
    }

    #[cfg(test)]
    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Writes all commits, or none.
    pub(super) fn commit(&mut self, commits: &[Commit]) -> Result<(), Error> {
        if self.known.len() > KNOWN_RUNS_MAX {
            self.known.clear();
        }
        let written = self.write(commits);
        if written.is_err() {
            // What was remembered on the way is not so.
            self.known.clear();
        }
        written
    }

    /// Removes a run, its log and what it published; whether it was there.
    pub(super) fn delete(&mut self, run_id: &str) -> Result<bool, Error> {
        // A number can be given again to a run that is stored later.
        self.known.remove(run_id);
        let transaction =
            Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)?;
        let found: Option<i64> = transaction
            .query_row("SELECT id FROM runs WHERE run_id = ?1", [RunKey::new(run_id)], |row| {
                row.get(0)
            })
            .optional()?;
        let Some(id) = found else { return Ok(false) };
        let (first, end) = (first_batch_key(id), first_batch_key(id + 1));
        transaction.execute("DELETE FROM log WHERE id >= ?1 AND id < ?2", [first, end])?;
        for table in ["snapshots", "published"] {
            transaction.execute(&format!("DELETE FROM {table} WHERE run = ?1"), [id])?;
        }
        transaction.execute("DELETE FROM runs WHERE id = ?1", [id])?;
        transaction.commit()?;
        Ok(true)
    }

    pub(super) fn put_batch_operation(&mut self, it: &BatchOperation) -> Result<(), Error> {
        let transaction =
            Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)?;
        transaction.prepare_cached(PUT_BATCH_OPERATION)?.execute(params![
            it.job_id,
            it.start_time.0,
            it.close_time.map(|time| time.0),
            &it.progress[..],
        ])?;
        if let Some(request) = &it.request {
            transaction
                .prepare_cached(PUT_BATCH_REQUEST)?
                .execute(params![it.job_id, &request[..]])?;
        }
        transaction.commit()?;
        Ok(())
    }

    pub(super) fn forget_batch_operations(&mut self, keep: usize) -> Result<(), Error> {
        let transaction =
            Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)?;
        if transaction.execute(FORGET_BATCH_OPERATIONS, [sql_limit(keep)])? > 0 {
            transaction.execute(FORGET_BATCH_REQUESTS, [])?;
        }
        transaction.commit()?;
        Ok(())
    }

    fn write(&mut self, commits: &[Commit]) -> Result<(), Error> {
        let transaction =
            Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)?;
        for commit in commits {
            append(&transaction, &mut self.known, commit)?;
        }
        transaction.commit()?;
        Ok(())
    }
}

fn append(
    connection: &Connection,
    known: &mut HashMap<Arc<str>, Known>,
    commit: &Commit,
) -> Result<(), Error> {
    let before = match &commit.start {
        Some(start) => insert(connection, commit, start)?,
        None => go_on(connection, known, commit)?,
    };
    let mut seq = commit.first_seq;
    let mut statement = connection.prepare_cached(INSERT_BATCH)?;
    for (batch, number) in commit.batches.iter().zip(before.batches..) {
        insert_batch(&mut statement, batch_key(&commit.run_id, before.id, number)?, seq, batch)?;
        seq += batch.entries;
    }
    if let Some(snapshot) = &commit.snapshot {
        let first_batch = before.batches + batches_within(commit, snapshot.seq);
        let (id, seq, first_batch) = (before.id, snapshot.seq as i64, first_batch as i64);
        let bytes = &snapshot.bytes[..];
        let sum = checksum::of(&[id, seq, first_batch], bytes);
        connection.prepare_cached(SET_SNAPSHOT)?.execute(params![
            id,
            seq,
            first_batch,
            bytes,
            sum
        ])?;
    }
    if let Some(names) = &commit.published {
        let bytes = published_to_bytes(names);
        let sum = checksum::of(&[before.id, FORMAT], &bytes);
        connection
            .prepare_cached(SET_PUBLISHED)?
            .execute(params![before.id, FORMAT, bytes, sum])?;
    }
    if commit.state.close_time.is_some() {
        known.remove(&commit.run_id);
    } else {
        let after = Known {
            id: before.id,
            batches: before.batches + commit.batches.len() as u64,
            due: commit.due(),
        };
        known.insert(Arc::clone(&commit.run_id), after);
    }
    Ok(())
}

/// Inserts the run as it is after the commit.
fn insert(connection: &Connection, commit: &Commit, start: &RunStart) -> Result<Known, Error> {
    if commit.first_seq != 0 {
        return Err(conflict(connection, commit));
    }
    let state = &commit.state;
    let inserted = connection.prepare_cached(INSERT_RUN)?.insert(params![
        RunKey::new(&commit.run_id),
        &*commit.workflow_id,
        start.workflow_type,
        start.task_queue,
        start.request_id,
        start.time.0,
        state.status.number(),
        state.close_time.map(|time| time.0),
        commit.due(),
        state.history_length,
        commit.entries() as i64,
        commit.batches.len() as i64,
        state.history_size_bytes,
        start.memo.as_ref().map(|memo| memo.to_bytes().to_vec()),
        start.search_attributes.as_ref().map(|attributes| attributes.to_bytes().to_vec()),
    ]);
    match inserted {
        Ok(id) => Ok(Known { id, batches: 0, due: None }),
        Err(error)
            if error.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation) =>
        {
            Err(conflict(connection, commit))
        }
        Err(error) => Err(error.into()),
    }
}

/// Updates the run, if it stands where the commit begins; tells where it stood.
fn go_on(
    connection: &Connection,
    known: &HashMap<Arc<str>, Known>,
    commit: &Commit,
) -> Result<Known, Error> {
    let before = match known.get(&commit.run_id) {
        Some(known) => *known,
        None => find(connection, commit)?.ok_or_else(|| conflict(connection, commit))?,
    };
    let state = &commit.state;
    let (id, first) = (before.id, commit.first_seq as i64);
    let (status, length) = (state.status.number(), state.history_length);
    let size = state.history_size_bytes;
    let (entries, batches) =
        (commit.end_seq() as i64, (before.batches + commit.batches.len() as u64) as i64);
    let due = commit.due();
    let updated = if let Some(time) = state.close_time {
        connection
            .prepare_cached(CLOSE)?
            .execute(params![id, first, status, length, entries, batches, size, due, time.0])?
    } else if due != before.due {
        connection
            .prepare_cached(GO_ON_DUE)?
            .execute(params![id, first, status, length, entries, batches, size, due])?
    } else {
        connection
            .prepare_cached(GO_ON)?
            .execute(params![id, first, status, length, entries, batches, size])?
    };
    if updated == 1 { Ok(before) } else { Err(conflict(connection, commit)) }
}

fn find(connection: &Connection, commit: &Commit) -> Result<Option<Known>, Error> {
    let mut statement = connection.prepare_cached(FIND_RUN)?;
    let found = statement.query_row([RunKey::new(&commit.run_id)], |row| {
        Ok(Known { id: row.get(0)?, batches: count(row, 1)?, due: row.get(2)? })
    });
    Ok(found.optional()?)
}

/// A number of things, which is never negative where this version wrote it.
pub(super) fn count(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let number: i64 = row.get(column)?;
    u64::try_from(number).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, number))
}

fn insert_batch(
    statement: &mut CachedStatement<'_>,
    key: i64,
    seq: u64,
    batch: &Batch,
) -> Result<(), Error> {
    let (seq, event_id, bytes) = (seq as i64, batch.first_event_id, &batch.bytes[..]);
    let sum = checksum::of(&[key, seq, event_id, FORMAT], bytes);
    statement.execute(params![key, seq, event_id, FORMAT, bytes, sum])?;
    Ok(())
}

/// The key of a run's batch. The number of runs is bounded by what is left of 63 bits.
fn batch_key(run_id: &str, run: i64, number: u64) -> Result<i64, Error> {
    if number >> BATCH_BITS != 0 {
        let what = format!("it has {number} batches, and there is room for no more");
        return Err(Error::Corrupt { run_id: Some(run_id.into()), what });
    }
    Ok(first_batch_key(run) + number as i64)
}

/// The key of a run's first batch; those of the others follow it.
pub(super) fn first_batch_key(run: i64) -> i64 {
    run << BATCH_BITS
}

/// How many of the commit's batches a snapshot after `seq` entries covers.
fn batches_within(commit: &Commit, seq: u64) -> u64 {
    let mut end = commit.first_seq;
    let covered = commit.batches.iter().take_while(|batch| {
        end += batch.entries;
        end <= seq
    });
    covered.count() as u64
}

fn conflict(connection: &Connection, commit: &Commit) -> Error {
    let stored = connection
        .query_row(COUNT_ENTRIES, [RunKey::new(&commit.run_id)], |row| count(row, 0))
        .optional()
        // The conflict is what is to be told, whatever comes of looking closer.
        .unwrap_or(None);
    Error::Conflict { run_id: commit.run_id.to_string(), first_seq: commit.first_seq, stored }
}

impl Commit {
    /// When something is due next, as it is stored: never in a closed run.
    fn due(&self) -> Option<i64> {
        let open = self.state.close_time.is_none();
        self.state.due.filter(|_| open).map(|due| due.0)
    }
}

fn published_to_bytes(published: &Published) -> Vec<u8> {
    let mut out = Vec::new();
    published.encode(1, &mut out);
    out
}

/// A run id as it is stored: a UUID in the form in which hosts make them as its 16 bytes, anything
/// else as text.
pub(super) enum RunKey<'a> {
    Uuid(Uuid),
    Text(&'a str),
}

impl<'a> RunKey<'a> {
    pub(super) fn new(run_id: &'a str) -> Self {
        let mut canonical = Uuid::encode_buffer();
        match Uuid::try_parse(run_id) {
            Ok(uuid) if uuid.hyphenated().encode_lower(&mut canonical) == run_id => {
                RunKey::Uuid(uuid)
            }
            _ => RunKey::Text(run_id),
        }
    }
}

impl From<RunKey<'_>> for Value {
    fn from(key: RunKey<'_>) -> Value {
        match key {
            RunKey::Uuid(uuid) => Value::Blob(uuid.as_bytes().to_vec()),
            RunKey::Text(text) => Value::Text(text.into()),
        }
    }
}

impl ToSql for RunKey<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            RunKey::Uuid(uuid) => ValueRef::Blob(uuid.as_bytes()),
            RunKey::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}
