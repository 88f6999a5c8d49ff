//! Tickets: who waits for which commit, and what became of it.

use crate::store::Error;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::task::{Poll, Waker};

/// Stands for transitions that were handed to the writer. The default stands for nothing, which is
/// durable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Ticket(pub(super) u64);

/// Why something will not be durable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommitFailed {
    /// Nothing of it was written.
    #[error("{0}")]
    NotWritten(Arc<str>),
    /// The medium failed on the way, so that it is not known whether it was written. It can be
    /// repeated with the same request id.
    #[error("{0}")]
    Unknown(Arc<str>),
    /// The writer takes nothing any more. Nothing of it was written.
    #[error("the host has shut down")]
    Stopped,
}

impl CommitFailed {
    /// What a store's error means for those whose commit it was.
    pub(super) fn of(error: &Error) -> Self {
        let reason = error.to_string().into();
        match error {
            Error::Full | Error::Conflict { .. } => CommitFailed::NotWritten(reason),
            _ => CommitFailed::Unknown(reason),
        }
    }

    /// What that means for those who rest on it, which nobody has tried to write.
    pub(super) fn of_what_rests_on_it(&self) -> Self {
        match self {
            CommitFailed::NotWritten(reason) | CommitFailed::Unknown(reason) => {
                let reason = format!("an earlier commit of the run failed: {reason}");
                CommitFailed::NotWritten(reason.into())
            }
            CommitFailed::Stopped => CommitFailed::Stopped,
        }
    }
}

/// The tickets that were issued. Those that are neither open nor failed are durable, so most leave
/// nothing behind.
#[derive(Debug, Default)]
pub(super) struct Tickets {
    last: u64,
    open: HashMap<u64, Vec<Waker>>,
    failed: Failures,
}

impl Tickets {
    pub(super) fn issue(&mut self) -> Ticket {
        self.last += 1;
        self.open.insert(self.last, Vec::new());
        Ticket(self.last)
    }

    /// A ticket that has failed already.
    pub(super) fn refuse(&mut self, failed: CommitFailed) -> Ticket {
        self.last += 1;
        self.failed.insert(self.last, failed);
        Ticket(self.last)
    }

    pub(super) fn poll(&mut self, ticket: Ticket, waker: &Waker) -> Poll<Result<(), CommitFailed>> {
        if let Some(wakers) = self.open.get_mut(&ticket.0) {
            if !wakers.iter().any(|known| known.will_wake(waker)) {
                wakers.push(waker.clone());
            }
            return Poll::Pending;
        }
        Poll::Ready(self.failed.get(ticket.0).map_or(Ok(()), |failed| Err(failed.clone())))
    }

    pub(super) fn is_durable(&self, ticket: Ticket) -> bool {
        !self.open.contains_key(&ticket.0) && self.failed.get(ticket.0).is_none()
    }

    /// The commit of these tickets has succeeded, or failed; those who wait are to be woken,
    /// without a lock.
    pub(super) fn settle(
        &mut self,
        tickets: impl IntoIterator<Item = Ticket>,
        failed: Option<&CommitFailed>,
        wakers: &mut Vec<Waker>,
    ) {
        for ticket in tickets {
            wakers.extend(self.open.remove(&ticket.0).unwrap_or_default());
            if let Some(failed) = failed {
                self.failed.insert(ticket.0, failed.clone());
            }
        }
    }

    /// Every ticket that is still open.
    pub(super) fn open(&self) -> Vec<Ticket> {
        self.open.keys().copied().map(Ticket).collect()
    }
}

/// Tickets that failed, as ranges: while a disk is full nearly all do, and none may ever be taken
/// for durable.
#[derive(Debug, Default)]
struct Failures(BTreeMap<u64, (u64, CommitFailed)>);

impl Failures {
    fn insert(&mut self, ticket: u64, failed: CommitFailed) {
        let mut last = ticket;
        if let Some((next_last, next)) = self.0.get(&(ticket + 1))
            && *next == failed
        {
            last = *next_last;
            self.0.remove(&(ticket + 1));
        }
        match self.0.range_mut(..ticket).next_back() {
            Some((_, (end, before))) if *end + 1 == ticket && *before == failed => *end = last,
            _ => {
                self.0.insert(ticket, (last, failed));
            }
        }
    }

    fn get(&self, ticket: u64) -> Option<&CommitFailed> {
        let (_, (last, failed)) = self.0.range(..=ticket).next_back()?;
        (ticket <= *last).then_some(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_join_into_ranges_and_stay_exact() {
        let full = CommitFailed::NotWritten("full".into());
        let io = CommitFailed::Unknown("io".into());
        let mut failures = Failures::default();
        for ticket in [5, 3, 4, 9] {
            failures.insert(ticket, full.clone());
        }
        failures.insert(6, io.clone());
        assert_eq!(failures.0.len(), 3, "{failures:?}");
        let failed: Vec<u64> = (0..12).filter(|&ticket| failures.get(ticket).is_some()).collect();
        assert_eq!(failed, [3, 4, 5, 6, 9]);
        assert_eq!(failures.get(6), Some(&io));
        assert_eq!(failures.get(5), Some(&full));
    }
}
