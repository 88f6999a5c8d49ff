//! Numbers to machines. What was taken is forgotten (D2), so that a run of 300,000 activities stays
//! small.

use super::activity::Activity;
use super::failure::{Misuse, Reason};
use super::timer::Timer;
use alloc::{boxed::Box, collections::BTreeMap, format, string::String};

/// Something that was started or can be waited for, by its number in this run: the same number on
/// every replay.
pub type Operation = u32;

/// The place in the order in which things became ready (D8).
pub(super) type Stamp = u64;

/// What an operation is.
#[derive(Debug)]
pub(super) enum Machine {
    /// A durable timer.
    Timer(Timer),
    /// An activity.
    Activity(Box<Activity>),
    /// Signals of a name; never taken.
    Signal(String),
    /// The request to cancel the run; never taken.
    CancelRequest,
}

impl Machine {
    fn kind(&self) -> &'static str {
        match self {
            Machine::Timer(_) => "a timer",
            Machine::Activity(_) => "an activity",
            Machine::Signal(_) => "a signal",
            Machine::CancelRequest => "the cancel request",
        }
    }
}

/// The operations of a run.
#[derive(Debug, Default)]
pub(super) struct Operations {
    /// Those that were not taken.
    machines: BTreeMap<Operation, Machine>,
    /// The last number that was given.
    given: Operation,
    /// By the event that recorded their start, until the event that ends them. An operation that
    /// was taken before that stays here.
    recorded: BTreeMap<i64, Operation>,
    stamp: Stamp,
}

impl Operations {
    /// Gives the next number to what `machine` makes.
    pub(super) fn give(&mut self, machine: Machine, max: usize) -> Result<Operation, Reason> {
        if self.machines.len() >= max || self.given == Operation::MAX {
            return Err(Reason::TooMany { what: "operations that are not taken", max });
        }
        self.given += 1;
        self.machines.insert(self.given, machine);
        Ok(self.given)
    }

    /// One that is waited for: it must be there.
    pub(super) fn waited(&mut self, operation: Operation) -> Result<&mut Machine, Misuse> {
        let given = self.given;
        self.machines.get_mut(&operation).ok_or_else(|| {
            Misuse(match (1..=given).contains(&operation) {
                true => format!("operation {operation} was already taken"),
                false => format!("operation {operation} was never given out by this run"),
            })
        })
    }

    /// One that is canceled or settled: `None` if it was taken, which is no mistake.
    pub(super) fn known(&mut self, operation: Operation) -> Result<Option<&mut Machine>, Misuse> {
        if (1..=self.given).contains(&operation) {
            return Ok(self.machines.get_mut(&operation));
        }
        self.waited(operation).map(Some)
    }

    /// The timer of that number, to be waited for.
    pub(super) fn waited_timer(&mut self, operation: Operation) -> Result<&mut Timer, Misuse> {
        match self.waited(operation)? {
            Machine::Timer(timer) => Ok(timer),
            other => Err(wrong_kind(operation, other, "a timer")),
        }
    }

    /// The activity of that number, to be waited for.
    pub(super) fn waited_activity(
        &mut self,
        operation: Operation,
    ) -> Result<&mut Activity, Misuse> {
        match self.waited(operation)? {
            Machine::Activity(activity) => Ok(activity),
            other => Err(wrong_kind(operation, other, "an activity")),
        }
    }

    /// The machine of that number, if it was not taken.
    pub(super) fn get(&mut self, operation: Operation) -> Option<&mut Machine> {
        self.machines.get_mut(&operation)
    }

    /// Forgets it.
    pub(super) fn take(&mut self, operation: Operation) -> Option<Machine> {
        self.machines.remove(&operation)
    }

    /// Notes that an event recorded its start.
    pub(super) fn record(&mut self, event_id: i64, operation: Operation) {
        self.recorded.insert(event_id, operation);
    }

    /// The operation whose start that event recorded, which ends with this; `None` if no such one
    /// is open.
    pub(super) fn end(&mut self, event_id: i64) -> Option<Operation> {
        self.recorded.remove(&event_id)
    }

    /// The operation whose start that event recorded, if it has not ended.
    pub(super) fn recorded(&self, event_id: i64) -> Option<Operation> {
        self.recorded.get(&event_id).copied()
    }

    /// The next place in the order of readiness.
    pub(super) fn next_stamp(&mut self) -> Stamp {
        self.stamp += 1;
        self.stamp
    }

    /// How many were not taken.
    pub(super) fn open(&self) -> usize {
        self.machines.len()
    }
}

pub(super) fn wrong_kind(operation: Operation, machine: &Machine, wanted: &str) -> Misuse {
    Misuse(format!("operation {operation} is {}, not {wanted}", machine.kind()))
}
