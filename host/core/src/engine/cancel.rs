//! The request to cancel: a state of the run, not an event that could come twice (rules 1 to 17).

use super::change::{RequestAccepted, StateChange};
use super::execution::Execution;
use super::illegal::Illegal;
use super::recorder::Recorder;
use super::{Reply, RequestError};
use crate::event::workflow::CancelRequested;
use alloc::string::String;

/// Whether the run was asked to stop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Cancel {
    /// Nobody asked.
    #[default]
    NotRequested,
    /// Somebody did while a workflow task runs; the event is buffered.
    Buffered,
    /// The history says so.
    Requested,
}

/// What happens to it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// WorkflowExecutionCancelRequested was buffered.
    Buffered,
    /// WorkflowExecutionCancelRequested.
    Requested,
}

/// The state after `step`.
pub(super) fn apply(state: Cancel, step: Step) -> Result<Cancel, Illegal> {
    match (state, step) {
        (Cancel::NotRequested, Step::Buffered) => Ok(Cancel::Buffered),
        (Cancel::NotRequested | Cancel::Buffered, Step::Requested) => Ok(Cancel::Requested),
        (state, step) => Err(illegal(state, step)),
    }
}

fn illegal(state: Cancel, step: Step) -> Illegal {
    let state = match state {
        Cancel::NotRequested => "not requested",
        Cancel::Buffered => "buffered",
        Cancel::Requested => "requested",
    };
    let step = match step {
        Step::Buffered => "a buffered WorkflowExecutionCancelRequested",
        Step::Requested => "WorkflowExecutionCancelRequested",
    };
    Illegal { machine: "cancellation", state, step }
}

impl Execution {
    pub(super) fn step_cancel(&mut self, step: Step) -> Result<(), Illegal> {
        self.cancel = apply(self.cancel, step)?;
        Ok(())
    }
}

impl Recorder<'_> {
    /// A client asks the run to stop. Of a closed run, and the second time, that is done already.
    pub(super) fn cancel(
        &mut self,
        cause: String,
        identity: String,
        request_id: String,
    ) -> Result<Reply, RequestError> {
        if self.execution.closed.is_some() || self.execution.cancel != Cancel::NotRequested {
            return Ok(Reply::Done);
        }
        super::request::check_chars("RequestId", &request_id, self.limits, false)?;
        if cause.len() > self.limits.blob_bytes_max {
            return Err(RequestError::BlobTooLarge);
        }
        if !request_id.is_empty() {
            let accepted = RequestAccepted { kind: CANCEL, request_id, ..Default::default() };
            self.change(StateChange::RequestAccepted(accepted))?;
        }
        self.external(CancelRequested { cause, identity, ..Default::default() })?;
        Ok(Reply::Done)
    }
}

/// [`RequestAccepted::kind`] of a cancel.
pub(super) const CANCEL: i32 = 2;
