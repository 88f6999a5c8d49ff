//! Signals: those that wait, by name, oldest first. None is lost: those count that came before
//! anybody asked.

use super::failure::{Misuse, Reason, TaskFailure};
use super::operations::{Machine, Operation, Stamp};
use super::run::{Run, Wait};
use super::shown::{ShownFailure, bare_canceled};
use crate::event::{Attributes, HistoryEvent};
use crate::payload::Payload;
use alloc::{
    collections::{BTreeMap, VecDeque},
    string::String,
    sync::Arc,
    vec::Vec,
};

/// A signal that was received.
#[derive(Clone, Debug, PartialEq)]
pub struct Signal {
    /// Its name.
    pub name: String,
    /// Its arguments.
    pub input: Vec<Payload>,
    /// Who sent it.
    pub identity: String,
}

/// The signals of a run.
#[derive(Debug, Default)]
pub(super) struct Signals {
    /// By name; a name without any is not in it.
    waiting: BTreeMap<String, VecDeque<(Stamp, Arc<HistoryEvent>)>>,
    count: usize,
    operations: BTreeMap<String, Operation>,
}

impl Signals {
    /// When the oldest of that name came, in the order of readiness.
    pub(super) fn ready_at(&self, name: &str) -> Option<Stamp> {
        self.waiting.get(name).and_then(|queue| queue.front()).map(|(stamp, _)| *stamp)
    }

    fn pop(&mut self, name: &str) -> Option<Arc<HistoryEvent>> {
        let queue = self.waiting.get_mut(name)?;
        let (_, event) = queue.pop_front()?;
        if queue.is_empty() {
            self.waiting.remove(name);
        }
        self.count -= 1;
        Some(event)
    }
}

impl Run {
    /// The operation that is ready while a signal of that name waits. Always the same for a name.
    pub fn on_signal(&mut self, name: &str) -> Result<Operation, Misuse> {
        if let Some(operation) = self.signals.operations.get(name) {
            return Ok(*operation);
        }
        let operation = self.give(Machine::Signal(name.into()))?;
        self.signals.operations.insert(name.into(), operation);
        Ok(operation)
    }

    /// The oldest of that name that waits.
    pub fn take_signal(&mut self, name: &str) -> Option<Signal> {
        let event = self.signals.pop(name)?;
        let Attributes::WorkflowExecutionSignaled(signaled) = &event.attributes else {
            return None;
        };
        Some(Signal {
            name: signaled.signal_name.clone(),
            input: signaled.input.as_ref().map_or_else(Vec::new, |input| input.payloads.clone()),
            identity: signaled.identity.clone(),
        })
    }

    /// Waits for one of that name. A cancel request that finds it waiting interrupts it.
    pub fn wait_signal(&mut self, name: &str) -> Wait<Result<Signal, ShownFailure>> {
        if let Some(signal) = self.take_signal(name) {
            return Wait::Ready(Ok(signal));
        }
        match self.cancellation.interrupt() {
            true => Wait::Ready(Err(self.handed.hand(bare_canceled()))),
            false => Wait::Blocked,
        }
    }

    /// A signal came.
    pub(super) fn signal_came(
        &mut self,
        event: &Arc<HistoryEvent>,
        name: &str,
    ) -> Result<(), TaskFailure> {
        let max = self.limits.signals_max;
        if self.signals.count >= max {
            return Err(Reason::TooMany { what: "signals that wait", max }.into());
        }
        let stamp = self.operations.next_stamp();
        self.signals.count += 1;
        let queue = match self.signals.waiting.get_mut(name) {
            Some(queue) => queue,
            None => self.signals.waiting.entry(name.into()).or_default(),
        };
        queue.push_back((stamp, Arc::clone(event)));
        Ok(())
    }
}
