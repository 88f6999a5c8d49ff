//! Signals: accepted while the run is open, once for each request id.

use super::limits::Limits;
use super::recorder::Recorder;
use super::request::check_chars;
use super::{Reply, RequestError};
use crate::event::signal::Signaled;

impl Recorder<'_> {
    /// A client sends a signal.
    pub(super) fn signal(&mut self, signal: Signaled) -> Result<Reply, RequestError> {
        // Also of a closed run: the one who repeats the request learns that it was done.
        if self.execution.request_ids.contains(&signal.request_id) {
            return Ok(Reply::Done);
        }
        self.must_be_open()?;
        check(&signal, self.limits)?;
        // Rule 42: else a run that wants to close could be kept from it for ever.
        if self.execution.close_attempted && self.execution.workflow_task_started() {
            return Err(RequestError::Closing);
        }
        let signals = self.execution.signals + self.execution.buffer.signals();
        if signals >= self.limits.signals_max {
            return Err(RequestError::TooManySignals);
        }
        self.external(signal)?;
        Ok(Reply::Done)
    }
}

fn check(signal: &Signaled, limits: &Limits) -> Result<(), RequestError> {
    check_chars("SignalName", &signal.signal_name, limits, true)?;
    check_chars("RequestId", &signal.request_id, limits, false)?;
    let size = signal.input.as_ref().map_or(0, crate::payload::Payloads::size);
    if size > limits.blob_bytes_max { Err(RequestError::BlobTooLarge) } else { Ok(()) }
}
