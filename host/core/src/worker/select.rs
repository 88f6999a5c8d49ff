//! Waiting for the first of several things. Of several that are ready, the one that became so first
//! wins (D8).

use super::failure::Misuse;
use super::operations::{Machine, Operation, Stamp};
use super::run::{Run, Wait};
use super::shown::{ShownFailure, bare_canceled};
use alloc::vec::Vec;

impl Run {
    /// Waits until one is ready; takes none and cancels none.
    pub fn wait_any(
        &mut self,
        operations: &[Operation],
    ) -> Result<Wait<Result<Operation, ShownFailure>>, Misuse> {
        self.wait_first(operations, "wait-any")
    }

    /// `wait_any`, which then cancels the others that are not ready, also when it returns a
    /// failure.
    pub fn race(
        &mut self,
        operations: &[Operation],
    ) -> Result<Wait<Result<Operation, ShownFailure>>, Misuse> {
        let won = self.wait_first(operations, "race")?;
        if let Wait::Ready(_) = won {
            // Canceling what is ready has no effect.
            for operation in operations {
                self.cancel(*operation)?;
            }
        }
        Ok(won)
    }

    /// Those that are ready now, in the order in which they became so. It never takes the
    /// interruption.
    pub fn ready(&mut self, operations: &[Operation]) -> Result<Vec<Operation>, Misuse> {
        let mut ready = Vec::new();
        for operation in operations {
            if let Some(stamp) = self.ready_at(*operation)? {
                ready.push((stamp, *operation));
            }
        }
        ready.sort_unstable();
        ready.dedup();
        Ok(ready.into_iter().map(|(_, operation)| operation).collect())
    }

    /// Cancels each, then waits until all have ended, which nothing interrupts; takes them all.
    /// What is never taken is left as it is.
    pub fn settle(&mut self, operations: &[Operation]) -> Result<Wait<()>, Misuse> {
        let mut pending = false;
        for operation in operations {
            self.cancel(*operation)?;
            pending |= match self.operations.get(*operation) {
                Some(Machine::Timer(timer)) => timer.ready_at().is_none(),
                Some(Machine::Activity(activity)) => activity.ready_at().is_none(),
                Some(Machine::Signal(_) | Machine::CancelRequest) | None => false,
            };
        }
        if pending {
            return Ok(Wait::Blocked);
        }
        for operation in operations {
            if let Some(Machine::Timer(_) | Machine::Activity(_)) = self.operations.get(*operation)
            {
                self.operations.take(*operation);
            }
        }
        Ok(Wait::Ready(()))
    }

    /// Waits until one is ready, which nothing interrupts: a WASI poll cannot say that it was (D5).
    pub fn wait_pollables(&mut self, operations: &[Operation]) -> Result<Wait<()>, Misuse> {
        Ok(match self.first_ready(operations, "poll")? {
            Some(_) => Wait::Ready(()),
            None => Wait::Blocked,
        })
    }

    fn wait_first(
        &mut self,
        operations: &[Operation],
        call: &str,
    ) -> Result<Wait<Result<Operation, ShownFailure>>, Misuse> {
        if let Some(first) = self.first_ready(operations, call)? {
            if matches!(self.operations.waited(first)?, Machine::CancelRequest) {
                // The guest is told by this; under a shield the interruption stays (D5).
                self.cancellation.interrupt();
            }
            return Ok(Wait::Ready(Ok(first)));
        }
        Ok(match self.cancellation.interrupt() {
            true => Wait::Ready(Err(self.handed.hand(bare_canceled()))),
            false => Wait::Blocked,
        })
    }

    fn first_ready(
        &mut self,
        operations: &[Operation],
        call: &str,
    ) -> Result<Option<Operation>, Misuse> {
        if operations.is_empty() {
            let sentence = alloc::format!("{call} was called with nothing to wait for");
            return Err(Misuse(sentence));
        }
        let mut first: Option<(Stamp, Operation)> = None;
        for operation in operations {
            let ready = self.ready_at(*operation)?.map(|stamp| (stamp, *operation));
            first = [first, ready].into_iter().flatten().min();
        }
        Ok(first.map(|(_, operation)| operation))
    }

    fn ready_at(&mut self, operation: Operation) -> Result<Option<Stamp>, Misuse> {
        Ok(match self.operations.waited(operation)? {
            Machine::Timer(timer) => timer.ready_at(),
            Machine::Activity(activity) => activity.ready_at(),
            Machine::Signal(name) => self.signals.ready_at(name),
            Machine::CancelRequest => self.cancellation.ready_at(),
        })
    }

    fn cancel(&mut self, operation: Operation) -> Result<(), Misuse> {
        match self.operations.known(operation)? {
            Some(Machine::Timer(_)) => self.cancel_timer(operation),
            Some(Machine::Activity(_)) => self.cancel_activity(operation),
            Some(Machine::Signal(_) | Machine::CancelRequest) | None => Ok(()),
        }
    }
}
