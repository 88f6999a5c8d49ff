//! Queries, each within one transaction of a connection that only reads.

use super::super::view::PageStart;
use super::super::{Cursor, Error, ListFilter, Page, RunSummary, Stored};
use super::write::{FORMAT, RunKey, count, first_batch_key};
use bytes::Bytes;
use rusqlite::types::{ToSql, ValueRef};
use rusqlite::{Connection, OptionalExtension, Params, Row, params};
use sandglass_core::Timestamp;
use sandglass_core::policy::WorkflowExecutionStatus;
use sandglass_core::proto::{Field, Reader};
use sandglass_core::task::Published;
use uuid::Uuid;

const SELECT: &str = "SELECT id, run_id, workflow_id, workflow_type, task_queue, \
    start_request_id, start_time, status, close_time, due, history_length, entries FROM runs";
/// The statuses after `Completed`, which an index is kept for.
pub(super) const NOT_COMPLETED: &str = "status > 2";
const BATCHES: &str = "SELECT format, entries FROM log WHERE id >= ?1 AND id < ?2 ORDER BY id";

pub(super) fn load(connection: &Connection, run_id: &str) -> Result<Option<Stored>, Error> {
    let Some(summary) = run(connection, run_id)? else { return Ok(None) };
    let id = summary.cursor.0;
    let snapshot: Option<(u64, i64, Vec<u8>)> = connection
        .prepare_cached("SELECT seq, first_batch, bytes FROM snapshots WHERE run = ?1")?
        .query_row([id], |row| Ok((count(row, 0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
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
    let row: Option<(i64, Vec<u8>)> = connection
        .prepare_cached(
            "SELECT format, names FROM published \
             WHERE run = (SELECT id FROM runs WHERE run_id = ?1)",
        )?
        .query_row([RunKey::new(run_id)], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((format, bytes)) = row else { return Ok(Published::new()) };
    check_format(format, run_id)?;
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

pub(super) fn list(connection: &Connection, filter: &ListFilter) -> Result<Vec<RunSummary>, Error> {
    let status = filter.status.map(WorkflowExecutionStatus::number);
    let prefix_end = filter.workflow_id_prefix.as_deref().and_then(after_prefix);
    let before = filter.before.map(|cursor| cursor.0);
    let limit = sql_limit(filter.limit);
    let mut conditions: Vec<&str> = Vec::new();
    let mut values: Vec<(&str, &dyn ToSql)> = vec![(":limit", &limit)];
    let mut add = |condition, name, value| {
        conditions.push(condition);
        values.push((name, value));
    };
    if let Some(before) = &before {
        add("id < :before", ":before", before);
    }
    if let Some(status) = &status {
        add("status = :status", ":status", status);
    }
    if let Some(workflow_type) = &filter.workflow_type {
        add("workflow_type = :type", ":type", workflow_type);
    }
    if let Some(prefix) = &filter.workflow_id_prefix {
        add("workflow_id >= :prefix", ":prefix", prefix);
    }
    if let Some(end) = &prefix_end {
        add("workflow_id < :prefix_end", ":prefix_end", end);
    }
    // Says what is known anyway, so that the partial index is used.
    match filter.status {
        Some(WorkflowExecutionStatus::Running) => conditions.push("close_time IS NULL"),
        Some(status) if status.number() > WorkflowExecutionStatus::Completed.number() => {
            conditions.push(NOT_COMPLETED);
        }
        _ => {}
    }
    let condition = if conditions.is_empty() { "TRUE".into() } else { conditions.join(" AND ") };
    let rest = format!("WHERE {condition} ORDER BY id DESC LIMIT :limit");
    many(connection, &rest, values.as_slice())
}

/// The least text after all that begin with `prefix`, byte by byte; none if there is no such text.
fn after_prefix(prefix: &str) -> Option<String> {
    let mut chars: Vec<char> = prefix.chars().collect();
    while let Some(last) = chars.pop() {
        let next = match last {
            '\u{d7ff}' => Some('\u{e000}'),
            last => char::from_u32(last as u32 + 1),
        };
        if let Some(next) = next {
            chars.push(next);
            return Some(chars.into_iter().collect());
        }
    }
    None
}

fn sql_limit(limit: usize) -> i64 {
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

fn summary(row: &Row<'_>) -> rusqlite::Result<RunSummary> {
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
    })
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
    check_format(row.get(0)?, run_id)?;
    Ok(row.get::<_, Vec<u8>>(1)?.into())
}

fn check_format(format: i64, run_id: &str) -> Result<(), Error> {
    if format == FORMAT {
        return Ok(());
    }
    let what = format!("it holds format {format}, which this version does not know");
    Err(Error::Corrupt { run_id: Some(run_id.into()), what })
}
