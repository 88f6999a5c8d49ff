//! What goes into a store: entries of one run, cut into batches, and what is derived from them.

use bytes::Bytes;
use sandglass_core::engine::Entry;
use sandglass_core::payload::{Memo, SearchAttributes};
use sandglass_core::policy::WorkflowExecutionStatus;
use sandglass_core::task::Published;
use sandglass_core::{Attributes, Timestamp};
use std::sync::Arc;

/// Room for the entries of most batches.
const BATCH_BYTES_USUAL: usize = 512;

/// What is appended to one run, and what it amounts to.
#[derive(Clone, Debug, PartialEq)]
pub struct Commit {
    /// The run.
    pub run_id: Arc<str>,
    /// Its workflow id.
    pub workflow_id: Arc<str>,
    /// Entries of the run before these. Only a commit that follows what is stored is taken.
    pub first_seq: u64,
    /// The entries.
    pub batches: Vec<Batch>,
    /// The run as it is after these entries, for who loads it later.
    pub snapshot: Option<Snapshot>,
    /// What never changes; with the run's first entries, and only then.
    pub start: Option<RunStart>,
    /// How the run stands after these entries.
    pub state: RunState,
    /// What the run says to queries from now on, all of it; none leaves it as it was.
    pub published: Option<Published>,
}

/// A run as it was after some of its entries. A batch begins after them.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// How many entries it covers.
    pub seq: u64,
    /// What the core made of them.
    pub bytes: Bytes,
}

/// What never changes of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunStart {
    /// Its type.
    pub workflow_type: String,
    /// The task queue that it was started on.
    pub task_queue: String,
    /// The request id of its start.
    pub request_id: String,
    /// When it started.
    pub time: Timestamp,
    /// What lists show of it.
    pub memo: Option<Memo>,
    /// What lists show of it, too.
    pub search_attributes: Option<SearchAttributes>,
}

/// What is derived from a run's entries.
#[derive(Clone, Debug, PartialEq)]
pub struct RunState {
    /// How far it has come.
    pub status: WorkflowExecutionStatus,
    /// When it closed; none while it is open.
    pub close_time: Option<Timestamp>,
    /// When something is due in it next. Nothing ever is in a closed run.
    pub due: Option<Timestamp>,
    /// Events in its history.
    pub history_length: i64,
    /// Their bytes.
    pub history_size_bytes: i64,
}

/// Consecutive entries of one run, as they are stored: one row.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// The id of the first event, or of the one to come if there is none.
    pub first_event_id: i64,
    /// How many entries.
    pub entries: u64,
    /// The entries, encoded one after the other.
    pub bytes: Vec<u8>,
    /// Whether it ends with WorkflowTaskStarted, after which a batch always begins (D11).
    pub ended: bool,
}

impl Commit {
    /// How many entries are appended.
    #[must_use]
    pub fn entries(&self) -> u64 {
        self.batches.iter().map(|batch| batch.entries).sum()
    }

    /// Entries of the run after these.
    #[must_use]
    pub fn end_seq(&self) -> u64 {
        self.first_seq + self.entries()
    }

    /// Bytes that it brings, about.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let entries: usize = self.batches.iter().map(|batch| batch.bytes.len()).sum();
        entries + self.snapshot.as_ref().map_or(0, |snapshot| snapshot.bytes.len())
    }

    /// Takes in the commit that follows on this one, so that both become one.
    ///
    /// # Errors
    /// Gives `later` back if it does not follow.
    pub fn absorb(&mut self, later: Commit) -> Result<(), Box<Commit>> {
        if later.run_id != self.run_id || later.first_seq != self.end_seq() {
            return Err(Box::new(later));
        }
        let mut batches = later.batches.into_iter().peekable();
        // A batch begins after a snapshot, so that loading never has to cut one.
        let joins = self.snapshot.is_none();
        if let Some(last) = self.batches.last_mut().filter(|last| joins && !last.ended)
            && let Some(next) = batches.next()
        {
            last.append(next);
        }
        self.batches.extend(batches);
        self.snapshot = later.snapshot.or(self.snapshot.take());
        self.state = later.state;
        self.published = later.published.or(self.published.take());
        Ok(())
    }
}

/// Cuts entries of one run into batches. `last_event_id` is that of the run's last event after
/// them.
#[must_use]
pub fn batches<'a>(entries: impl IntoIterator<Item = &'a Entry>, last_event_id: i64) -> Vec<Batch> {
    let mut batches: Vec<Batch> = Vec::with_capacity(2);
    let mut events = 0;
    for entry in entries {
        if batches.last().is_none_or(|batch| batch.ended) {
            let bytes = Vec::with_capacity(BATCH_BYTES_USUAL);
            // Events before it, until it is known how many there are.
            batches.push(Batch { first_event_id: events, entries: 0, bytes, ended: false });
        }
        let Some(batch) = batches.last_mut() else { continue };
        entry.encode(&mut batch.bytes);
        batch.entries += 1;
        if let Entry::Event(event) = entry {
            events += 1;
            batch.ended = matches!(event.attributes, Attributes::WorkflowTaskStarted(_));
        }
    }
    for batch in &mut batches {
        batch.first_event_id += last_event_id + 1 - events;
    }
    batches
}

impl Batch {
    fn append(&mut self, next: Batch) {
        self.entries += next.entries;
        self.bytes.extend_from_slice(&next.bytes);
        self.ended = next.ended;
    }
}
