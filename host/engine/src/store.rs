//! Where runs are kept: the one trait that a store fulfils, and what goes in and comes out.
//!
//! What lives here: batches of entries, what is derived from them, and two stores, [`SqliteStore`]
//! and [`MemoryStore`]. What does not: what an entry means (the core's), and who waits for a commit
//! (the writer's). A store never looks into an entry.

mod batch;
mod commit;
mod condition;
mod error;
mod memory;
mod patience;
mod sqlite;
pub mod testing;
mod view;

pub use batch::BatchOperation;
pub use commit::{Batch, Commit, RunStart, RunState, Snapshot, batches};
pub use condition::{Comparison, Condition, NumberField, Test, TextField};
pub use error::Error;
pub use memory::MemoryStore;
pub use patience::Patience;
pub use sqlite::{SqliteOptions, SqliteStore};
pub use view::{Cursor, ListFilter, Page, Place, RunSummary, Stored};

use bytes::Bytes;
use sandglass_core::Timestamp;
use sandglass_core::policy::WorkflowExecutionStatus;
use sandglass_core::task::Published;

/// A store. Commits come from one thread; reads come from many and never wait for a commit that is
/// under way.
///
/// What a test of the trait demands of every store is in [`testing::conformance`].
pub trait Store: Send + Sync + 'static {
    /// What it keeps runs in, as people are told.
    fn name(&self) -> &'static str;

    /// Makes all of `commits` durable in one transaction, or none of them.
    ///
    /// # Errors
    /// [`Error::Conflict`] if a commit does not follow what is stored of its run; nothing
    /// is written then. After any other error than this one and [`Error::Full`] it is not known
    /// whether the transaction was carried out: who holds the runs reads them again.
    fn commit(&self, commits: &[Commit]) -> Result<(), Error>;

    /// All that is needed to go on with a run: its latest snapshot, and the batches after it.
    ///
    /// # Errors
    /// [`Error::Corrupt`] names the run; others can still be read.
    fn load(&self, run_id: &str) -> Result<Option<Stored>, Error>;

    /// The run of that workflow id that was started last, open or closed.
    ///
    /// # Errors
    /// What the medium says.
    fn latest_run(&self, workflow_id: &str) -> Result<Option<RunSummary>, Error>;

    /// How a run stands.
    ///
    /// # Errors
    /// What the medium says.
    fn run(&self, run_id: &str) -> Result<Option<RunSummary>, Error>;

    /// The batches that hold a page's events, in the order of the log, and the page after it, if
    /// there is more. State changes stand among the events, and the first batch may begin with
    /// earlier events than were asked for. Nothing of a run that is not there.
    ///
    /// # Errors
    /// [`Error::Corrupt`] names the run; others can still be read.
    fn history(&self, run_id: &str, page: Page) -> Result<(Vec<Bytes>, Option<Page>), Error>;

    /// What a run says to queries (D9): nothing, if it published nothing or is not there.
    ///
    /// # Errors
    /// [`Error::Corrupt`] names the run; others can still be read.
    fn published(&self, run_id: &str) -> Result<Published, Error>;

    /// Open runs in which something is due at `time` or earlier, the earliest first, at most
    /// `limit`.
    ///
    /// # Errors
    /// What the medium says.
    fn due_until(&self, time: Timestamp, limit: usize) -> Result<Vec<RunSummary>, Error>;

    /// The earliest moment at which something is due in any open run.
    ///
    /// # Errors
    /// What the medium says.
    fn next_due(&self) -> Result<Option<Timestamp>, Error>;

    /// Open runs in the order in which they were stored first, those after `after`, at most
    /// `limit`.
    ///
    /// # Errors
    /// What the medium says.
    fn open_runs(&self, after: Option<Cursor>, limit: usize) -> Result<Vec<RunSummary>, Error>;

    /// Runs that fit the filter, in the order of their [`Place`]s.
    ///
    /// # Errors
    /// [`Error::Interrupted`] when the patience is over; what the medium says.
    fn list(&self, filter: &ListFilter, patience: &Patience) -> Result<Vec<RunSummary>, Error>;

    /// How many runs there are for which the condition holds, by status, in the order of Temporal's
    /// numbers.
    ///
    /// # Errors
    /// [`Error::Interrupted`] when the patience is over; what the medium says.
    fn count(
        &self,
        condition: Option<&Condition>,
        patience: &Patience,
    ) -> Result<Vec<(WorkflowExecutionStatus, u64)>, Error>;

    /// Removes a run and all that was stored of it; whether it was there. It is not to be called of a
    /// run of which commits are still to come.
    ///
    /// # Errors
    /// What the medium says; it is not known then whether the run is gone.
    fn delete(&self, run_id: &str) -> Result<bool, Error>;

    /// Makes a batch operation durable as it is; one with the same job id is replaced, except for its request where none is given.
    ///
    /// # Errors
    /// What the medium says.
    fn put_batch_operation(&self, operation: &BatchOperation) -> Result<(), Error>;

    /// The batch operation of that job id.
    ///
    /// # Errors
    /// What the medium says.
    fn batch_operation(&self, job_id: &str) -> Result<Option<BatchOperation>, Error>;

    /// Batch operations without their requests, the one that began last first; those after `after`, which is a start time
    /// and a job id, at most `limit`.
    ///
    /// # Errors
    /// What the medium says.
    fn batch_operations(
        &self,
        after: Option<(Timestamp, &str)>,
        limit: usize,
    ) -> Result<Vec<BatchOperation>, Error>;

    /// Removes the batch operations that have ended, except the `keep` of them that began last.
    ///
    /// # Errors
    /// What the medium says.
    fn forget_batch_operations(&self, keep: usize) -> Result<(), Error>;
}
