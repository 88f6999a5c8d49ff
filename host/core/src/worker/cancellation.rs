//! The request to cancel a run: a state, and an edge that interrupts once (D5). Which call is
//! interrupted is decided here and nowhere else.

use super::failure::{Misuse, TaskFailure};
use super::operations::{Machine, Operation, Stamp};
use super::run::Run;
use crate::event::workflow;
use alloc::string::String;

/// Who asked the run to stop, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CancelRequest {
    /// The client's reason.
    pub reason: String,
    /// The client's identity.
    pub identity: String,
}

/// Whether a cancel was requested, whether the guest was told, and whether it may be.
#[derive(Debug, Default)]
pub(super) struct Cancellation {
    request: Option<(CancelRequest, Stamp)>,
    /// The interruption, until a call takes it.
    edge: bool,
    /// While there are any, the edge waits.
    shields: u32,
    operation: Option<Operation>,
}

impl Cancellation {
    /// Whether a call that would have to wait is interrupted.
    pub(super) fn interrupts(&self) -> bool {
        self.edge && self.shields == 0
    }

    /// The same; if so, the interruption is spent.
    pub(super) fn interrupt(&mut self) -> bool {
        let interrupts = self.interrupts();
        self.edge &= !interrupts;
        interrupts
    }

    /// When it was requested, in the order of readiness.
    pub(super) fn ready_at(&self) -> Option<Stamp> {
        self.request.as_ref().map(|(_, stamp)| *stamp)
    }

    /// Whether it ever was (rule 35).
    pub(super) fn is_requested(&self) -> bool {
        self.request.is_some()
    }
}

impl Run {
    /// The request, from the workflow task on that delivers it.
    #[must_use]
    pub fn cancel_requested(&self) -> Option<&CancelRequest> {
        self.cancellation.request.as_ref().map(|(request, _)| request)
    }

    /// The operation that is ready once a cancel is requested. Always the same.
    pub fn on_cancel_request(&mut self) -> Result<Operation, Misuse> {
        if let Some(operation) = self.cancellation.operation {
            return Ok(operation);
        }
        let operation = self.give(Machine::CancelRequest)?;
        self.cancellation.operation = Some(operation);
        Ok(operation)
    }

    /// Nothing is interrupted until as many calls of `unshield`.
    pub fn shield(&mut self) {
        self.cancellation.shields = self.cancellation.shields.saturating_add(1);
    }

    /// Takes one shield away.
    pub fn unshield(&mut self) -> Result<(), Misuse> {
        self.cancellation.shields = self
            .cancellation
            .shields
            .checked_sub(1)
            .ok_or_else(|| Misuse("unshield was called without a shield before it".into()))?;
        Ok(())
    }

    /// Somebody asked the run to stop. It is a state: a second request changes nothing.
    pub(super) fn cancel_request_came(
        &mut self,
        requested: &workflow::CancelRequested,
    ) -> Result<(), TaskFailure> {
        if self.cancellation.request.is_none() {
            let request = CancelRequest {
                reason: requested.cause.clone(),
                identity: requested.identity.clone(),
            };
            self.cancellation.request = Some((request, self.operations.next_stamp()));
            self.cancellation.edge = true;
        }
        Ok(())
    }
}
