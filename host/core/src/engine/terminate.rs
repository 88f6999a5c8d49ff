//! Terminate: the run ends here and now, and its code learns nothing of it (rules 50 to 65, D6).

use super::recorder::Recorder;
use super::{Reply, RequestError};
use crate::event::workflow::Terminated;
use crate::event::workflow_task::FailedCause;

/// Who ends a run that passes a limit.
pub(super) const ENGINE_IDENTITY: &str = "history-service";
const DEFAULT_REASON: &str = "terminated by user via frontend";

impl Recorder<'_> {
    /// A client ends the run.
    pub(super) fn terminate(&mut self, mut terminated: Terminated) -> Result<Reply, RequestError> {
        self.must_be_open()?;
        let details = terminated.details.as_ref().map_or(0, crate::payload::Payloads::size);
        if details > self.limits.blob_bytes_max
            || terminated.reason.len() > self.limits.blob_bytes_max
        {
            return Err(RequestError::BlobTooLarge);
        }
        if terminated.reason.is_empty() {
            terminated.reason = DEFAULT_REASON.into();
        }
        self.force_close(terminated)?;
        Ok(Reply::Done)
    }

    /// Closes the run from outside: a started task is failed first, buffered events are flushed, and no task follows.
    pub(super) fn force_close(
        &mut self,
        closing: impl Into<crate::Attributes>,
    ) -> Result<(), super::illegal::Illegal> {
        if self.execution.workflow_task_started() {
            self.record_task_failed(FailedCause::ForceCloseCommand, None, ENGINE_IDENTITY.into())?;
            self.evict();
        }
        self.flush(alloc::vec::Vec::new())?;
        self.event(closing)?;
        self.wants_task = false;
        Ok(())
    }
}
