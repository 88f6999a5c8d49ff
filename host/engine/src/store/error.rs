//! What can go wrong with a store, by what its caller can do about it.

use std::path::PathBuf;

/// Why a store did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no room. Nothing was written.
    #[error("the disk is full: nothing was written; free some space and repeat the request")]
    Full,
    /// The medium failed, or the operating system refused.
    #[error("the database cannot be read or written: {0}")]
    Io(String),
    /// What is stored makes no sense.
    #[error(
        "{} is corrupt: {what}; nothing of it was changed: restore the database from a backup",
        name_run(.run_id.as_deref())
    )]
    Corrupt {
        /// The run that cannot be read; none if it is the database as a whole.
        run_id: Option<String>,
        /// What does not fit.
        what: String,
    },
    /// The database was written by a newer version of Sandglass.
    #[error(
        "the database {} has schema version {found}, and this Sandglass knows versions up to \
         {known}: open it with a newer Sandglass; nothing was changed", path.display()
    )]
    NewerVersion {
        /// The database, as it was given.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The newest version that this program knows.
        known: u32,
    },
    /// The file belongs to something else.
    #[error(
        "{} is not a Sandglass database: name another file, or one that does not exist; \
         nothing was changed", path.display()
    )]
    NotADatabase {
        /// The file, as it was given.
        path: PathBuf,
    },
    /// Another host has the file.
    #[error("the database {} is in use by {}", path.display(), name_process(*.pid))]
    InUse {
        /// The file, as it was given.
        path: PathBuf,
        /// The process that has it, if it said so.
        pid: Option<u32>,
    },
    /// A search was to end before it had found everything.
    #[error("the search was interrupted")]
    Interrupted,
    /// A commit does not follow what is stored of its run. Nothing was written.
    #[error(
        "a commit to the run {run_id} at entry {first_seq} does not follow what is stored{}",
        .stored.map_or(String::new(), |n| format!(", which ends before entry {n}"))
    )]
    Conflict {
        /// The run.
        run_id: String,
        /// Where the commit was to begin.
        first_seq: u64,
        /// How many entries are stored, if the run is there.
        stored: Option<u64>,
    },
}

fn name_run(run_id: Option<&str>) -> String {
    run_id.map_or_else(|| "the database".into(), |id| format!("the stored run {id}"))
}

fn name_process(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another process".into(), |pid| format!("process {pid}"))
}
