//! What the disk alone costs, measured as the store uses it. A yardstick: durations of workflows are told in these.

use rusqlite::Connection;
use std::path::Path;
use std::time::{Duration, Instant};

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
#[error("commits cannot be measured: {0}")]
pub struct MeasureError(#[from] rusqlite::Error);

/// How long each of `count` commits of one small row takes, one after the other, in a database at `path`, which is to be a new one.
///
/// The settings that decide are the store's own: a write-ahead log and `synchronous=FULL`, so that each waits for the disk.
pub fn bare_commits(path: &Path, count: usize) -> Result<Vec<Duration>, MeasureError> {
    let connection = Connection::open(path)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.execute_batch("CREATE TABLE log (id INTEGER PRIMARY KEY, entries BLOB NOT NULL)")?;
    let mut insert = connection.prepare("INSERT INTO log (entries) VALUES (?1)")?;
    let row = [0_u8; 100];
    // The first ones make the log's file.
    for _ in 0..10 {
        insert.execute([&row[..]])?;
    }
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        let begun = Instant::now();
        insert.execute([&row[..]])?;
        times.push(begun.elapsed());
    }
    Ok(times)
}
