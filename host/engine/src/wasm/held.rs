//! The runs that a worker holds: those that are parked, bounded by count and by bytes, the least recently used dropped first (D17), and those
//! that run now.

use super::component::WorkflowComponent;
use super::control::Control;
use super::instance::Instance;
use super::log::Output;
use parking_lot::Mutex;
use sandglass_core::worker::Run;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// A run: what the core knows of it, and its guest.
pub(super) struct Seat {
    pub(super) run: Arc<Mutex<Run>>,
    pub(super) output: Arc<Mutex<Output>>,
    pub(super) control: Arc<Control>,
    pub(super) component: WorkflowComponent,
    /// None before the guest begins and after it has returned.
    pub(super) instance: Option<Instance>,
}

/// What a run costs beside its instance: the core's half of it and the place here.
const RUN_BYTES: usize = 4 * 1024;

impl Seat {
    fn bytes(&self) -> usize {
        RUN_BYTES + self.instance.as_ref().map_or(0, Instance::resident_bytes)
    }
}

struct Parked {
    seat: Seat,
    bytes: usize,
    /// When it was parked, in the order of all that were.
    stamp: u64,
}

pub(super) struct Held {
    parked: HashMap<String, Parked>,
    /// The oldest first.
    by_age: BTreeMap<u64, String>,
    running: HashMap<String, Arc<Control>>,
    bytes: usize,
    stamp: u64,
    count_max: usize,
    bytes_max: usize,
}

impl Held {
    pub(super) fn new(count_max: usize, bytes_max: usize) -> Held {
        Held {
            parked: HashMap::new(),
            by_age: BTreeMap::new(),
            running: HashMap::new(),
            bytes: 0,
            stamp: 0,
            count_max,
            bytes_max,
        }
    }

    /// Takes a parked run out.
    pub(super) fn take(&mut self, run_id: &str) -> Option<Seat> {
        let parked = self.parked.remove(run_id)?;
        self.by_age.remove(&parked.stamp);
        self.bytes -= parked.bytes;
        Some(parked.seat)
    }

    /// Puts a run in; what has to go for it is given back, to be dropped outside of the lock.
    #[must_use]
    pub(super) fn park(&mut self, run_id: String, seat: Seat) -> Vec<Seat> {
        let mut out: Vec<Seat> = self.take(&run_id).into_iter().collect();
        self.stamp += 1;
        let bytes = seat.bytes();
        self.bytes += bytes;
        self.by_age.insert(self.stamp, run_id.clone());
        self.parked.insert(run_id, Parked { seat, bytes, stamp: self.stamp });
        while self.parked.len() > self.count_max || self.bytes > self.bytes_max {
            out.extend(self.take_oldest());
        }
        out
    }

    /// Takes the least recently used out.
    pub(super) fn take_oldest(&mut self) -> Option<Seat> {
        let run_id = self.by_age.first_key_value()?.1.clone();
        self.take(&run_id)
    }

    /// Notes that a run is worked on.
    pub(super) fn begin(&mut self, run_id: &str, control: &Arc<Control>) {
        self.running.insert(run_id.to_owned(), Arc::clone(control));
    }

    /// Notes that it is not any more.
    pub(super) fn rest(&mut self, run_id: &str, control: &Arc<Control>) {
        if self.running.get(run_id).is_some_and(|running| Arc::ptr_eq(running, control)) {
            self.running.remove(run_id);
        }
    }

    pub(super) fn running(&self, run_id: &str) -> Option<&Arc<Control>> {
        self.running.get(run_id)
    }

    pub(super) fn all_running(&self) -> impl Iterator<Item = &Arc<Control>> {
        self.running.values()
    }

    /// Parked runs, and about how many bytes they hold.
    pub(super) fn size(&self) -> (usize, usize) {
        (self.parked.len(), self.bytes)
    }
}
