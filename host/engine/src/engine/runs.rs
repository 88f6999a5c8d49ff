//! The runs that are in memory: at most so many, those that were used least are dropped first. What is dropped is read again when needed.

use super::slot::Slot;
use crate::writer::Ticket;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::collections::hash_map::{DefaultHasher, Entry};
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Independent parts, so that requests to different runs seldom meet.
const SHARDS: usize = 64;

type Shard = HashMap<Arc<str>, Arc<Slot>>;

/// The runs that are in memory, by workflow id.
pub(crate) struct Runs {
    shards: Vec<Mutex<Shard>>,
    in_shard_max: usize,
    uses: AtomicU64,
}

impl Runs {
    /// At most about `max` runs that nobody is working on.
    pub(crate) fn new(max: usize) -> Self {
        Runs {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            in_shard_max: (max / SHARDS).max(1),
            uses: AtomicU64::new(0),
        }
    }

    /// The slot of that workflow id; it may have to be filled from the store. `durable` tells what may be dropped to make room.
    pub(crate) fn slot(&self, workflow_id: &str, durable: impl Fn(Ticket) -> bool) -> Arc<Slot> {
        let used = self.uses.fetch_add(1, Ordering::Relaxed);
        let mut shard = self.shard(workflow_id).lock();
        if let Some(slot) = shard.get(workflow_id) {
            slot.touch(used);
            return Arc::clone(slot);
        }
        if shard.len() >= self.in_shard_max {
            sweep(&mut shard, durable);
        }
        let workflow_id: Arc<str> = workflow_id.into();
        let slot = match shard.entry(Arc::clone(&workflow_id)) {
            Entry::Occupied(entry) => Arc::clone(entry.get()),
            Entry::Vacant(entry) => Arc::clone(entry.insert(Arc::new(Slot::new(workflow_id)))),
        };
        slot.touch(used);
        slot
    }

    /// The slot of that workflow id, if it is in memory.
    pub(crate) fn get(&self, workflow_id: &str) -> Option<Arc<Slot>> {
        self.shard(workflow_id).lock().get(workflow_id).cloned()
    }

    /// All slots that are in memory.
    pub(crate) fn all(&self) -> Vec<Arc<Slot>> {
        let slots = |shard: &Mutex<Shard>| shard.lock().values().cloned().collect::<Vec<_>>();
        self.shards.iter().flat_map(slots).collect()
    }

    fn shard(&self, workflow_id: &str) -> &Mutex<Shard> {
        let mut hasher = DefaultHasher::new();
        workflow_id.hash(&mut hasher);
        &self.shards[hasher.finish() as usize % SHARDS]
    }
}

/// Drops the older half of what can be dropped: half, so that the cost of looking is spread over as many arrivals.
fn sweep(shard: &mut Shard, durable: impl Fn(Ticket) -> bool) {
    let mut uses: Vec<u64> = shard.values().map(|slot| slot.used()).collect();
    let middle = uses.len() / 2;
    let (_, median, _) = uses.select_nth_unstable(middle);
    let median = *median;
    shard.retain(|_, slot| {
        // Who holds the slot besides the map may be about to fill it: two slots of one workflow id must never be.
        let idle = Arc::strong_count(slot) == 1
            && slot.used() <= median
            && slot.attempts.lock().is_empty();
        !(idle && slot.state.try_lock().is_some_and(|state| state.can_be_dropped(&durable)))
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_idle_slots_are_dropped() {
        let runs = Runs::new(SHARDS * 4);
        let held = runs.slot("held", |_| true);
        for i in 0..10_000 {
            runs.slot(&format!("w{i}"), |_| true);
        }
        assert!(runs.all().len() <= SHARDS * 5, "{}", runs.all().len());
        assert!(Arc::ptr_eq(&held, &runs.get("held").unwrap()));
    }
}
