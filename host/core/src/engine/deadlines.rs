//! When something is due, earliest first. Derived from the machines' states; nothing here is stored.

use crate::time::Timestamp;
use alloc::collections::BTreeSet;

/// What is due. At the same moment they happen in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Deadline {
    /// The timer of that TimerStarted fires.
    Timer(i64),
    /// The run's time is over. An activity's is capped by it and can end at the same moment: the run's end says enough.
    Run,
    /// The activity of that ActivityTaskScheduled times out, or its next attempt is ready.
    Activity(i64),
    /// The workflow task times out.
    WorkflowTask,
}

/// All deadlines of a run.
#[derive(Clone, Debug, Default)]
pub(super) struct Deadlines(BTreeSet<(Timestamp, Deadline)>);

impl Deadlines {
    /// Moves one from `before` to `after`.
    pub(super) fn replace(
        &mut self,
        deadline: Deadline,
        before: Option<Timestamp>,
        after: Option<Timestamp>,
    ) {
        if before == after {
            return;
        }
        if let Some(before) = before {
            self.0.remove(&(before, deadline));
        }
        if let Some(after) = after {
            self.0.insert((after, deadline));
        }
    }

    /// The earliest.
    pub(super) fn first(&self) -> Option<(Timestamp, Deadline)> {
        self.0.first().copied()
    }

    /// Nothing is due any more.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
