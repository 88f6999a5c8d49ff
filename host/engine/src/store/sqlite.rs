//! The store on SQLite: one file, one writer, as many readers as there are.
//!
//! What lives here: opening, and who uses which connection. The tables are in `schema`, commits in
//! `write`, queries in `read`, lists in `list`.

mod checksum;
mod list;
mod lock;
mod read;
mod schema;
#[cfg(test)]
mod tests;
mod write;

use super::{
    BatchOperation, Commit, Condition, Cursor, Error, ListFilter, Page, Patience, RunSummary,
    Store, Stored,
};
use bytes::Bytes;
use lock::FileLock;
use parking_lot::Mutex;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use sandglass_core::Timestamp;
use sandglass_core::policy::WorkflowExecutionStatus;
use sandglass_core::task::Published;
use std::path::{Path, PathBuf};
use std::time::Duration;
use write::WriteSide;

/// Steps of SQLite's machine, a few of them for each value that is looked at, after which a search asks whether it goes on.
const SEARCH_STEPS: i32 = 1_000;

/// Options of a database, each with a default.
#[derive(Clone, Debug)]
pub struct SqliteOptions {
    /// Memory for pages of the connection that writes, in bytes.
    pub write_cache_bytes: usize,
    /// Memory for pages of each connection that reads, in bytes.
    pub read_cache_bytes: usize,
    /// Pages in the write-ahead log from which on they are moved to the database.
    pub checkpoint_pages: u32,
    /// How long a connection waits for another process (a backup, a shell) that has the database
    /// locked.
    pub busy_timeout: Duration,
    /// The size that the database may reach, in bytes; a commit that would need more fails as on a
    /// full disk.
    pub database_bytes_max: Option<u64>,
    /// Connections for reading that are kept open while nobody reads.
    pub idle_readers_max: usize,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        const MIB: usize = 1024 * 1024;
        SqliteOptions {
            write_cache_bytes: 32 * MIB,
            read_cache_bytes: 4 * MIB,
            checkpoint_pages: 4_000,
            busy_timeout: Duration::from_secs(5),
            database_bytes_max: None,
            idle_readers_max: 8,
        }
    }
}

/// Keeps runs in an SQLite database, which this process alone holds from opening to dropping it.
#[derive(Debug)]
pub struct SqliteStore {
    path: PathBuf,
    options: SqliteOptions,
    readers: Mutex<Vec<Connection>>,
    // The lock is dropped last: nobody else opens the file before it is closed here.
    writer: Mutex<WriteSide>,
    _lock: FileLock,
}

impl SqliteStore {
    /// Opens the database at `path`, which is made if there is none, with the default options.
    ///
    /// # Errors
    /// As [`SqliteStore::open_with`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::open_with(path, SqliteOptions::default())
    }

    /// Opens the database at `path`, which is made if there is none, and brings it to the current
    /// schema.
    ///
    /// # Errors
    /// [`Error::InUse`] while another host has it, [`Error::NewerVersion`] and
    /// [`Error::NotADatabase`] for a file that is left as it is.
    pub fn open_with(path: impl AsRef<Path>, options: SqliteOptions) -> Result<Self, Error> {
        let path = path.as_ref();
        let lock = FileLock::take(path)?;
        let (mut connection, version) = match connect(path, &options) {
            Err(error @ (Error::NotADatabase { .. } | Error::NewerVersion { .. })) => {
                lock.give_up();
                return Err(error);
            }
            connected => connected?,
        };
        schema::prepare(&mut connection, version, path, &options)?;
        Ok(SqliteStore {
            path: path.to_owned(),
            options,
            readers: Mutex::default(),
            writer: Mutex::new(WriteSide::new(connection)),
            _lock: lock,
        })
    }

    /// Calls `f` on a connection of its own: a reader waits for nobody, and sees one state of the
    /// database throughout.
    fn read<T>(
        &self,
        f: impl FnOnce(&rusqlite::Transaction<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let idle = self.readers.lock().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => self.open_reader()?,
        };
        let transaction = connection.unchecked_transaction()?;
        let result = f(&transaction);
        drop(transaction);
        let mut readers = self.readers.lock();
        if readers.len() < self.options.idle_readers_max {
            readers.push(connection);
        }
        result
    }

    /// The same for what may take long: it ends when the patience is over.
    fn search<T>(
        &self,
        patience: &Patience,
        f: impl FnOnce(&rusqlite::Transaction<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.read(|transaction| {
            let patience = patience.clone();
            transaction.progress_handler(SEARCH_STEPS, Some(move || patience.is_over()))?;
            let found = f(transaction);
            transaction.progress_handler(0, None::<fn() -> bool>)?;
            found
        })
    }

    fn open_reader(&self) -> Result<Connection, Error> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        connection.busy_timeout(self.options.busy_timeout)?;
        schema::set_cache(&connection, self.options.read_cache_bytes)?;
        Ok(connection)
    }
}

impl Store for SqliteStore {
    fn name(&self) -> &'static str {
        "sqlite"
    }

    fn commit(&self, commits: &[Commit]) -> Result<(), Error> {
        self.writer.lock().commit(commits)
    }

    fn load(&self, run_id: &str) -> Result<Option<Stored>, Error> {
        self.read(|transaction| read::load(transaction, run_id))
    }

    fn latest_run(&self, workflow_id: &str) -> Result<Option<RunSummary>, Error> {
        self.read(|transaction| read::latest_run(transaction, workflow_id))
    }

    fn run(&self, run_id: &str) -> Result<Option<RunSummary>, Error> {
        self.read(|transaction| read::run(transaction, run_id))
    }

    fn history(&self, run_id: &str, page: Page) -> Result<(Vec<Bytes>, Option<Page>), Error> {
        self.read(|transaction| read::history(transaction, run_id, page))
    }

    fn published(&self, run_id: &str) -> Result<Published, Error> {
        self.read(|transaction| read::published(transaction, run_id))
    }

    fn due_until(&self, time: Timestamp, limit: usize) -> Result<Vec<RunSummary>, Error> {
        self.read(|transaction| read::due_until(transaction, time, limit))
    }

    fn next_due(&self) -> Result<Option<Timestamp>, Error> {
        self.read(|transaction| read::next_due(transaction))
    }

    fn open_runs(&self, after: Option<Cursor>, limit: usize) -> Result<Vec<RunSummary>, Error> {
        self.read(|transaction| read::open_runs(transaction, after, limit))
    }

    fn list(&self, filter: &ListFilter, patience: &Patience) -> Result<Vec<RunSummary>, Error> {
        self.search(patience, |transaction| list::list(transaction, filter))
    }

    fn count(
        &self,
        condition: Option<&Condition>,
        patience: &Patience,
    ) -> Result<Vec<(WorkflowExecutionStatus, u64)>, Error> {
        self.search(patience, |transaction| list::count(transaction, condition))
    }

    fn delete(&self, run_id: &str) -> Result<bool, Error> {
        self.writer.lock().delete(run_id)
    }

    fn put_batch_operation(&self, operation: &BatchOperation) -> Result<(), Error> {
        self.writer.lock().put_batch_operation(operation)
    }

    fn batch_operation(&self, job_id: &str) -> Result<Option<BatchOperation>, Error> {
        self.read(|transaction| read::batch_operation(transaction, job_id))
    }

    fn batch_operations(
        &self,
        after: Option<(Timestamp, &str)>,
        limit: usize,
    ) -> Result<Vec<BatchOperation>, Error> {
        self.read(|transaction| read::batch_operations(transaction, after, limit))
    }

    fn forget_batch_operations(&self, keep: usize) -> Result<(), Error> {
        self.writer.lock().forget_batch_operations(keep)
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Error::Full,
            Some(ErrorCode::OperationInterrupted) => Error::Interrupted,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Error::Corrupt { run_id: None, what: error.to_string() }
            }
            _ => Error::Io(error.to_string()),
        }
    }
}

/// The connection that writes, and the version of the schema.
fn connect(path: &Path, options: &SqliteOptions) -> Result<(Connection, usize), Error> {
    let connection = Connection::open(path).map_err(|error| at_path(path, error))?;
    connection.busy_timeout(options.busy_timeout)?;
    // Closing would move the write-ahead log of a crashed host into the file; one that is
    // refused stays as it is.
    keep_log(&connection, has_log(path))?;
    let version = schema::check(&connection, path)?;
    keep_log(&connection, false)?;
    Ok((connection, version))
}

/// Whether there is a write-ahead log beside the database that holds anything.
fn has_log(path: &Path) -> bool {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    std::fs::metadata(log).is_ok_and(|log| log.len() > 0)
}

/// Sets whether closing the connection leaves the write-ahead log where it is.
fn keep_log(connection: &Connection, keep: bool) -> Result<(), Error> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keep)?;
    Ok(())
}

/// What `error` means while the file at `path` is opened.
fn at_path(path: &Path, error: rusqlite::Error) -> Error {
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => Error::NotADatabase { path: path.to_owned() },
        _ => error.into(),
    }
}
