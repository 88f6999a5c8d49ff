//! A history that is too long ends its run (rule 68).

use super::execution::Execution;
use super::illegal::Illegal;
use super::recorder::Recorder;
use super::terminate::ENGINE_IDENTITY;
use super::{Limits, Request};
use crate::event::workflow::Terminated;
use alloc::format;

/// Events that one request may lead to besides those of its commands, what was buffered and what is due.
const OTHER_EVENTS: i64 = 16;
/// Bytes from which on a request is undone that passes the limit. One that brings more at once is recorded, and ends the run after that.
const LAST_BYTES: i64 = 8 * 1024 * 1024;

impl Execution {
    /// Which limit the history passes.
    pub(super) fn history_over(&self, limits: &Limits) -> Option<&'static str> {
        if self.last_event_id() > limits.history_events_max {
            return Some("count");
        }
        (self.history_size > limits.history_bytes_max).then_some("size")
    }

    /// Whether this request could pass the limit, so that it may have to be undone. Copying the run is too dear for every request.
    pub(super) fn is_nearly_full(&self, limits: &Limits, request: &Request) -> bool {
        let commands = match request {
            Request::CompleteWorkflowTask(completed) => completed.commands.len(),
            Request::Advance => self.timers.len() + 2 * self.activities.len(),
            _ => 0,
        };
        let events = (commands * 2 + self.buffer.len()) as i64 + OTHER_EVENTS;
        self.next_event_id.saturating_add(events) > limits.history_events_max
            || self.history_size.saturating_add(LAST_BYTES) > limits.history_bytes_max
    }
}

impl Recorder<'_> {
    /// The history has passed its limit, or would have.
    pub(super) fn end_full_history(&mut self, what: &str) -> Result<(), Illegal> {
        self.force_close(Terminated {
            reason: format!("Workflow history {what} exceeds limit."),
            identity: ENGINE_IDENTITY.into(),
            ..Default::default()
        })?;
        self.say_closed();
        Ok(())
    }
}
