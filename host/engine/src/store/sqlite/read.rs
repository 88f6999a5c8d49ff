//! Queries other than lists, each within one transaction of a connection that only reads.

use super::super::view::PageStart;
use super::super::{BatchOperation, Cursor, Error, Page, RunSummary, Stored};
use super::checksum;
use super::write::{FORMAT, RunKey, count, first_batch_key};
use bytes::Bytes;
use rusqlite::types::{Type, ValueRef};
use rusqlite::{Connection, OptionalExtension, Params, Row, params};
use sandglass_core::Timestamp;
use sandglass_core::policy::WorkflowExecutionStatus;
use sandglass_core::proto::{Field, Message, Reader};
use sandglass_core::task::Published;
use uuid::Uuid;

pub(super) const SELECT: &str = "SELECT id, run_id, workflow_id, workflow_type, task_queue, \
    start_request_id, start_time, status, close_time, due, history_length, entries, \
    history_size, memo, search_attributes FROM runs";
const BATCHES: &str = "SELECT id, first_seq, first_event_id, format, entries, checksum FROM log \
    WHERE id >= ?1 AND id < ?2 ORDER BY id";

pub(super) fn load(connection: &Connection, run_id: &str) -> Result<Option<Stored>, Error> {
    let Some(summary) = run(connection, run_id)? else { return Ok(None) };
    let id = summary.cursor.0;
    let snapshot = snapshot(connection, id, run_id)?;
    let (snapshot_seq, first_batch) =
        snapshot.as_ref().map_or((0, 0), |(seq, first_batch, _)| (*seq, *first_batch));
    let mut statement = connection.prepare_cached(BATCHES)?;
    let mut rows =
        statement.query(params![first_batch_key(id) + first_batch, first_batch_key(id + 1)])?;
    let mut batches = Vec::new();
    while let Some(row) = rows.next()? {
        batches.push(batch(row, run_id)?);
    }
    let snapshot = snapshot.map(|(_, _, bytes)| bytes.into());
    Ok(Some(Stored { summary, snapshot, snapshot_seq, batches }))
}

/// The entries that the run's snapshot covers, the first batch after them, and its bytes.
fn snapshot(
    connection: &Connection,
    run: i64,
    run_id: &str,
) -> Result<Option<(u64, i64, Vec<u8>)>, Error> {
    let stored: Option<(u64, i64, Vec<u8>, Option<i64>)> = connection
        .prepare_cached("SELECT seq, first_batch, bytes, checksum FROM snapshots WHERE run = ?1")?
        .query_row([run], |row| Ok((count(row, 0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
        .optional()?;
    let Some((seq, first_batch, bytes, sum)) = stored else { return Ok(None) };
    if checksum::fits(sum, &[run, seq as i64, first_batch], &bytes) {
        return Ok(Some((seq, first_batch, bytes)));
    }
    tracing::warn!(
        run_id,
        "a snapshot is not as it was written; the whole log is read in its place"
    );
    Ok(None)
}

pub(super) fn run(connection: &Connection, run_id: &str) -> Result<Option<RunSummary>, Error> {
    one(connection, "WHERE run_id = ?1", [RunKey::new(run_id)])
}

pub(super) fn latest_run(
    connection: &Connection,
    workflow_id: &str,
) -> Result<Option<RunSummary>, Error> {
    one(connection, "WHERE workflow_id = ?1 ORDER BY id DESC LIMIT 1", [workflow_id])
}

pub(super) fn history(
    connection: &Connection,
    run_id: &str,
    page: Page,
) -> Result<(Vec<Bytes>, Option<Page>), Error> {
    let Some((id, end)) = connection
        .prepare_cached("SELECT id, batches FROM runs WHERE run_id = ?1")?
        .query_row([RunKey::new(run_id)], |row| Ok((row.get::<_, i64>(0)?, count(row, 1)?)))
        .optional()?
    else {
        return Ok((Vec::new(), None));
    };
    let first = match page.from {
        PageStart::Batch(batch) => batch.min(end),
        PageStart::Event(event_id) => batch_of(connection, id, end, event_id)?,
    };
    let mut statement = connection.prepare_cached(BATCHES)?;
    let mut rows =
        statement.query(params![first_batch_key(id) + first as i64, first_batch_key(id + 1)])?;
    let (mut batches, mut bytes) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        let batch = batch(row, run_id)?;
        bytes += batch.len();
        batches.push(batch);
        let next = first + batches.len() as u64;
        if bytes >= page.bytes_max && next < end {
            return Ok((batches, Some(page.at_batch(next))));
        }
    }
    Ok((batches, None))
}

/// The number of the last batch that begins at or before that event, found by halving. Those with
/// the same beginning before it hold no event.
fn batch_of(connection: &Connection, run: i64, end: u64, event_id: i64) -> Result<u64, Error> {
    let mut statement =
        connection.prepare_cached("SELECT first_event_id FROM log WHERE id = ?1")?;
    let (mut low, mut high) = (0, end);
    while low + 1 < high {
        let middle = low + (high - low) / 2;
        let key = first_batch_key(run) + middle as i64;
        let first: Option<i64> = statement.query_row([key], |row| row.get(0)).optional()?;
        if first.is_some_and(|first| first <= event_id) {
            low = middle;
        } else {
            high = middle;
        }
    }
    Ok(low)
}

pub(super) fn published(connection: &Connection, run_id: &str) -> Result<Published, Error> {
    let row: Option<(i64, i64, Vec<u8>, Option<i64>)> = connection
        .prepare_cached(
            "SELECT run, format, names, checksum FROM published \
             WHERE run = (SELECT id FROM runs WHERE run_id = ?1)",
        )?
        .query_row([RunKey::new(run_id)], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })
        .optional()?;
    let Some((run, format, bytes, sum)) = row else { return Ok(Published::new()) };
    check_format(format, run_id)?;
    if !checksum::fits(sum, &[run, format], &bytes) {
        return Err(checksum::damaged(run_id, "what it published"));
    }
    let corrupt = |error: sandglass_core::proto::DecodeError| Error::Corrupt {
        run_id: Some(run_id.into()),
        what: format!("what it published cannot be read: {error}"),
    };
    let bytes = Bytes::from(bytes);
    let mut reader = Reader::new(&bytes);
    let mut published = Published::new();
    while let Some((_, value)) = reader.next_field().map_err(corrupt)? {
        Field::merge(&mut published, value).map_err(corrupt)?;
    }
    Ok(published)
}

pub(super) fn due_until(
    connection: &Connection,
    time: Timestamp,
    limit: usize,
) -> Result<Vec<RunSummary>, Error> {
    let rest = "WHERE due IS NOT NULL AND due <= ?1 ORDER BY due, id LIMIT ?2";
    many(connection, rest, params![time.0, sql_limit(limit)])
}

pub(super) fn next_due(connection: &Connection) -> Result<Option<Timestamp>, Error> {
    let due: Option<i64> = connection
        .prepare_cached("SELECT min(due) FROM runs WHERE due IS NOT NULL")?
        .query_row([], |row| row.get(0))?;
    Ok(due.map(Timestamp))
}

pub(super) fn open_runs(
    connection: &Connection,
    after: Option<Cursor>,
    limit: usize,
) -> Result<Vec<RunSummary>, Error> {
    let rest = "WHERE close_time IS NULL AND id > ?1 ORDER BY id LIMIT ?2";
    many(connection, rest, params![after.map_or(0, |cursor| cursor.0), sql_limit(limit)])
}

const SELECT_BATCH_OPERATIONS: &str =
    "SELECT job_id, start_time, close_time, progress, NULL FROM batch_operations";
const SELECT_BATCH_OPERATION: &str = "SELECT job_id, start_time, close_time, progress, request \
    FROM batch_operations JOIN batch_requests USING (job_id) WHERE job_id = ?1";

pub(super) fn batch_operation(
    connection: &Connection,
    job_id: &str,
) -> Result<Option<BatchOperation>, Error> {
    let mut statement = connection.prepare_cached(SELECT_BATCH_OPERATION)?;
    Ok(statement.query_row([job_id], to_batch_operation).optional()?)
}

pub(super) fn batch_operations(
    connection: &Connection,
    after: Option<(Timestamp, &str)>,
    limit: usize,
) -> Result<Vec<BatchOperation>, Error> {
    let sql = format!(
        "{SELECT_BATCH_OPERATIONS} WHERE ?1 IS NULL OR (start_time, job_id) < (?1, ?2) \
         ORDER BY start_time DESC, job_id DESC LIMIT ?3"
    );
    let (time, job_id) = after.map_or((None, ""), |(time, job_id)| (Some(time.0), job_id));
    let mut statement = connection.prepare_cached(&sql)?;
    let found = statement.query_map(params![time, job_id, sql_limit(limit)], to_batch_operation)?;
    Ok(found.collect::<Result<_, _>>()?)
}

fn to_batch_operation(row: &Row<'_>) -> rusqlite::Result<BatchOperation> {
    Ok(BatchOperation {
        job_id: row.get(0)?,
        start_time: Timestamp(row.get(1)?),
        close_time: row.get::<_, Option<i64>>(2)?.map(Timestamp),
        progress: row.get::<_, Vec<u8>>(3)?.into(),
        request: row.get::<_, Option<Vec<u8>>>(4)?.map(Bytes::from),
    })
}

pub(super) fn sql_limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

fn one(
    connection: &Connection,
    rest: &str,
    params: impl Params,
) -> Result<Option<RunSummary>, Error> {
    let mut statement = connection.prepare_cached(&format!("{SELECT} {rest}"))?;
    Ok(statement.query_row(params, summary).optional()?)
}

fn many(
    connection: &Connection,
    rest: &str,
    params: impl Params,
) -> Result<Vec<RunSummary>, Error> {
    let mut statement = connection.prepare_cached(&format!("{SELECT} {rest}"))?;
    let runs = statement.query_map(params, summary)?;
    Ok(runs.collect::<Result<_, _>>()?)
}

pub(super) fn summary(row: &Row<'_>) -> rusqlite::Result<RunSummary> {
    Ok(RunSummary {
        cursor: Cursor(row.get(0)?),
        run_id: run_id(row.get_ref(1)?)?,
        workflow_id: row.get(2)?,
        workflow_type: row.get(3)?,
        task_queue: row.get(4)?,
        start_request_id: row.get(5)?,
        start_time: Timestamp(row.get(6)?),
        status: WorkflowExecutionStatus::from_number(row.get(7)?),
        close_time: row.get::<_, Option<i64>>(8)?.map(Timestamp),
        due: row.get::<_, Option<i64>>(9)?.map(Timestamp),
        history_length: row.get(10)?,
        entries: count(row, 11)?,
        history_size_bytes: row.get(12)?,
        memo: message(row, 13)?,
        search_attributes: message(row, 14)?,
    })
}

fn message<M: Message>(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<M>> {
    let Some(bytes) = row.get::<_, Option<Vec<u8>>>(column)? else { return Ok(None) };
    let unreadable = |error: sandglass_core::proto::DecodeError| {
        rusqlite::Error::FromSqlConversionFailure(column, Type::Blob, error.to_string().into())
    };
    M::from_bytes(&bytes.into()).map(Some).map_err(unreadable)
}

fn run_id(value: ValueRef<'_>) -> rusqlite::Result<String> {
    if let ValueRef::Blob(bytes) = value
        && let Ok(uuid) = Uuid::from_slice(bytes)
    {
        return Ok(uuid.to_string());
    }
    Ok(value.as_str()?.to_owned())
}

fn batch(row: &Row<'_>, run_id: &str) -> Result<Bytes, Error> {
    let (key, seq, event_id, format) = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
    check_format(format, run_id)?;
    let bytes: Vec<u8> = row.get(4)?;
    if !checksum::fits(row.get(5)?, &[key, seq, event_id, format], &bytes) {
        return Err(checksum::damaged(run_id, &format!("its log from entry {seq} on")));
    }
    Ok(bytes.into())
}

fn check_format(format: i64, run_id: &str) -> Result<(), Error> {
    if format == FORMAT {
        return Ok(());
    }
    let what = format!("it holds format {format}, which this version does not know");
    Err(Error::Corrupt { run_id: Some(run_id.into()), what })
}
