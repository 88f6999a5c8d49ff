//! The request ids of signals that a run has seen: one that comes again is answered, and does nothing.

use alloc::collections::{BTreeSet, VecDeque};
use alloc::string::String;

/// The ids, oldest first. How many are kept is a limit; which were seen is not forgotten by a restart.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct RequestIds {
    order: VecDeque<String>,
    seen: BTreeSet<String>,
}

impl RequestIds {
    /// Whether the id was seen. An empty one never is.
    pub(super) fn contains(&self, request_id: &str) -> bool {
        self.seen.contains(request_id)
    }

    /// Remembers an id; one that was seen stays where it is.
    pub(super) fn insert(&mut self, request_id: &str) {
        if !request_id.is_empty() && self.seen.insert(request_id.into()) {
            self.order.push_back(request_id.into());
            if self.order.len() > KEPT_MAX
                && let Some(oldest) = self.order.pop_front()
            {
                self.seen.remove(&oldest);
            }
        }
    }

    /// The ids, oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &String> {
        self.order.iter()
    }
}

/// As many as a run takes signals by default. A constant, because what a log means cannot depend on a setting.
const KEPT_MAX: usize = 10_000;
