//! The simulated disk: what survives a crash, and the queue of what is ahead of it (D14).

use bytes::Bytes;
use sandglass_core::Timestamp;
use sandglass_core::engine::{Corrupt, Entry, Execution, entries_from_bytes};

/// What becomes durable as a whole or not at all.
#[derive(Clone, Debug)]
pub struct Commit {
    pub ticket: u64,
    pub run_id: String,
    pub first_seq: u64,
    pub entries: u64,
    pub bytes: Bytes,
    pub snapshot: Option<Bytes>,
    pub open: bool,
    pub due: Option<Timestamp>,
}

/// One run's log, as it is stored.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    pub run_id: Option<String>,
    pub entries: u64,
    pub open: bool,
    /// When whoever opens the store has to look at the run; the beginning of time for at once.
    pub due: Option<Timestamp>,
    batches: Vec<(u64, Bytes)>,
    snapshot: Option<(u64, Bytes)>,
    /// The last ticket that is durable.
    pub durable: u64,
}

impl Disk {
    pub fn commit(&mut self, commit: Commit) {
        assert_eq!(commit.first_seq, self.entries, "a commit does not follow what is stored");
        if commit.first_seq == 0 {
            self.run_id = Some(commit.run_id.clone());
        }
        assert_eq!(self.run_id.as_ref(), Some(&commit.run_id), "a commit of another run");
        self.batches.push((commit.first_seq, commit.bytes));
        self.entries += commit.entries;
        if let Some(snapshot) = commit.snapshot {
            self.snapshot = Some((self.entries, snapshot));
        }
        (self.open, self.due, self.durable) = (commit.open, commit.due, commit.ticket);
    }

    /// The whole log.
    pub fn log(&self) -> Vec<Entry> {
        self.after(0).map(|entry| entry.expect("an entry can be read")).collect()
    }

    fn after(
        &self,
        seq: u64,
    ) -> impl Iterator<Item = Result<Entry, sandglass_core::proto::DecodeError>> {
        self.batches
            .iter()
            .filter(move |(first, _)| *first >= seq)
            .flat_map(|(_, bytes)| entries_from_bytes(bytes))
    }

    /// The run as a host reads it; by its snapshot and what follows, or from its whole log.
    pub fn load(&self, by_snapshot: bool) -> Result<Execution, Corrupt> {
        match &self.snapshot {
            Some((seq, snapshot)) if by_snapshot => {
                Execution::restore(Some(snapshot), self.after(*seq))
            }
            _ => Execution::restore(None, self.after(0)),
        }
    }

    pub fn has_snapshot(&self) -> bool {
        self.snapshot.is_some()
    }
}
