//! What comes out of a store.

use super::Condition;
use bytes::Bytes;
use sandglass_core::Timestamp;
use sandglass_core::payload::{Memo, SearchAttributes};
use sandglass_core::policy::WorkflowExecutionStatus;

/// All that is needed to go on with a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    /// How it stands.
    pub summary: RunSummary,
    /// The run as it was after so many entries, where that was stored.
    pub snapshot: Option<Bytes>,
    /// Entries that the snapshot covers; 0 without one.
    pub snapshot_seq: u64,
    /// The batches after the snapshot, or all of them.
    pub batches: Vec<Bytes>,
}

/// How a run stands, as far as a store knows: what is derived from its entries.
#[derive(Clone, Debug, PartialEq)]
pub struct RunSummary {
    /// Its workflow id.
    pub workflow_id: String,
    /// Its own id.
    pub run_id: String,
    /// Its type.
    pub workflow_type: String,
    /// The task queue that it was started on.
    pub task_queue: String,
    /// The request id of its start, which a repeated start has again.
    pub start_request_id: String,
    /// How far it has come.
    pub status: WorkflowExecutionStatus,
    /// When it started.
    pub start_time: Timestamp,
    /// When it closed; none while it is open.
    pub close_time: Option<Timestamp>,
    /// Events in its history.
    pub history_length: i64,
    /// Bytes of its history.
    pub history_size_bytes: i64,
    /// What its start said of it in the memo, where that is stored.
    pub memo: Option<Memo>,
    /// The search attributes that its start gave it, where they are stored.
    pub search_attributes: Option<SearchAttributes>,
    /// When something is due in it next.
    pub due: Option<Timestamp>,
    /// Entries in its log.
    pub entries: u64,
    /// Where it stands among all runs.
    pub cursor: Cursor,
}

impl RunSummary {
    /// Where it stands in a list.
    #[must_use]
    pub fn place(&self) -> Place {
        Place { close_time: self.close_time, cursor: self.cursor }
    }

    /// Whether it is open.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.close_time.is_none()
    }
}

/// A place among all runs, in the order in which they were stored first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cursor(pub(super) i64);

impl Cursor {
    /// As a number, for a page token.
    #[must_use]
    pub fn to_number(self) -> i64 {
        self.0
    }

    /// From a page token. Any number is a place.
    #[must_use]
    pub fn from_number(number: i64) -> Self {
        Cursor(number)
    }
}

/// Which runs are listed, from where on.
#[derive(Clone, Debug)]
pub struct ListFilter {
    /// What must hold for them; all runs, if nothing.
    pub condition: Option<Condition>,
    /// Only runs that stand after that place: the place of a page's last run.
    pub after: Option<Place>,
    /// At most so many.
    pub limit: usize,
}

impl Default for ListFilter {
    fn default() -> Self {
        ListFilter { condition: None, after: None, limit: 100 }
    }
}

/// Where a run stands in a list: open runs come first, those that were stored last before the
/// others; then the closed ones, those that closed last before the others. A run that closes moves,
/// always to before the other closed ones: who goes through pages misses none, and may see it twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// When the run closed; none while it is open.
    pub close_time: Option<Timestamp>,
    /// Where it stands among all runs.
    pub cursor: Cursor,
}

impl Place {
    /// Whether the run stands after this place in a list.
    pub(super) fn is_before(self, run: Place) -> bool {
        let rank = |place: Place| (place.close_time.unwrap_or(Timestamp::NEVER), place.cursor);
        match (self.close_time, run.close_time) {
            (None, Some(_)) => true,
            (Some(_), None) => false,
            _ => rank(run) < rank(self),
        }
    }
}

/// A part of a run's history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    pub(super) from: PageStart,
    /// Bytes of batches, about: a page ends with the batch that reaches so many, and has one at
    /// least.
    pub bytes_max: usize,
}

/// Where a page begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PageStart {
    Event(i64),
    Batch(u64),
}

impl Page {
    /// Bytes in a page where nobody says otherwise.
    pub const BYTES_MAX_DEFAULT: usize = 1024 * 1024;

    /// The page that begins with the batch that holds that event.
    #[must_use]
    pub fn from_event(event_id: i64) -> Self {
        Page { from: PageStart::Event(event_id), bytes_max: Self::BYTES_MAX_DEFAULT }
    }

    pub(super) fn at_batch(self, batch: u64) -> Self {
        Page { from: PageStart::Batch(batch), ..self }
    }
}
