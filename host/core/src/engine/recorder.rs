//! Takes down what follows from one request: each entry is applied to the run at once, so that the next sees what it did.

use super::change::StateChange;
use super::execution::Execution;
use super::illegal::Illegal;
use super::limits::Limits;
use super::{Dispatch, Entry, RequestError, Transition};
use crate::event::{Attributes, HistoryEvent};
use crate::payload::UserMetadata;
use crate::task::Published;
use crate::time::Timestamp;
use alloc::{sync::Arc, vec::Vec};

/// One request's decisions.
pub(super) struct Recorder<'a> {
    pub(super) execution: &'a mut Execution,
    pub(super) limits: &'a Limits,
    pub(super) now: Timestamp,
    pub(super) entries: Vec<Entry>,
    pub(super) dispatch: Vec<Dispatch>,
    pub(super) published: Option<Published>,
    /// A workflow task is to follow, unless one is pending.
    pub(super) wants_task: bool,
    /// It is a new task, not the next attempt of the one that failed.
    pub(super) task_is_new: bool,
}

impl<'a> Recorder<'a> {
    pub(super) fn new(execution: &'a mut Execution, limits: &'a Limits, now: Timestamp) -> Self {
        Recorder {
            execution,
            limits,
            now,
            entries: Vec::new(),
            dispatch: Vec::new(),
            published: None,
            wants_task: false,
            task_is_new: false,
        }
    }

    /// Records an event that happens now. Gives its id.
    pub(super) fn event(&mut self, attributes: impl Into<Attributes>) -> Result<i64, Illegal> {
        self.event_at(self.now, attributes)
    }

    /// Records an event. Gives its id.
    pub(super) fn event_at(
        &mut self,
        time: Timestamp,
        attributes: impl Into<Attributes>,
    ) -> Result<i64, Illegal> {
        self.record(HistoryEvent::new(0, time, attributes))
    }

    /// Records an event with what people see of it. Gives its id.
    pub(super) fn event_with(
        &mut self,
        attributes: Attributes,
        user_metadata: Option<UserMetadata>,
    ) -> Result<i64, Illegal> {
        let mut event = HistoryEvent::new(0, self.now, attributes);
        event.user_metadata = user_metadata;
        self.record(event)
    }

    /// Gives an event its id and records it.
    pub(super) fn record(&mut self, mut event: HistoryEvent) -> Result<i64, Illegal> {
        let event_id = self.execution.next_event_id;
        event.event_id = event_id;
        self.entry(Entry::Event(Arc::new(event)))?;
        Ok(event_id)
    }

    /// Records a change that is no event.
    pub(super) fn change(&mut self, change: StateChange) -> Result<(), Illegal> {
        self.entry(Entry::Change(change))
    }

    fn entry(&mut self, entry: Entry) -> Result<(), Illegal> {
        self.execution.apply(&entry)?;
        self.entries.push(entry);
        Ok(())
    }

    /// The run takes no requests any more.
    pub(super) fn must_be_open(&self) -> Result<(), RequestError> {
        match self.execution.closed {
            None => Ok(()),
            Some(_) => Err(RequestError::Closed),
        }
    }

    /// What follows from all that was recorded: a buffer that is too full, the next workflow task, or the word that the run is over.
    pub(super) fn finish(&mut self) -> Result<(), Illegal> {
        if self.execution.closed.is_some() {
            // Nothing is recorded of a run that was closed before.
            if !self.entries.is_empty() {
                self.say_closed();
            }
            return Ok(());
        }
        if self.execution.buffer.is_over(self.limits) {
            self.overflow()?;
        }
        if self.wants_task {
            self.schedule_task()?;
        }
        Ok(())
    }

    /// Forgets what was recorded.
    pub(super) fn discard(&mut self) {
        self.entries.clear();
        self.dispatch.clear();
        self.published = None;
        self.wants_task = false;
    }

    /// What was recorded, to be committed.
    pub(super) fn into_transition(self) -> Transition {
        Transition { entries: self.entries, dispatch: self.dispatch, published: self.published }
    }
}
