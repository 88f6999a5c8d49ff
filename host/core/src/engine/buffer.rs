//! Events that came while a workflow task runs. They wait, without ids, until it ends (D4): what its code decides counts only against
//! what it saw.

use super::change::{BufferFlushed, EventBuffered, StateChange};
use super::illegal::Illegal;
use super::recorder::Recorder;
use super::{Limits, activity, timer};
use crate::event::{Attributes, HistoryEvent};
use alloc::{collections::BTreeMap, sync::Arc, vec::Vec};

/// The events, in the order in which they came.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Buffer {
    events: Vec<Arc<HistoryEvent>>,
    bytes: usize,
}

impl Buffer {
    pub(super) fn push(&mut self, event: Arc<HistoryEvent>) {
        self.bytes += event.to_bytes().len();
        self.events.push(event);
    }

    pub(super) fn clear(&mut self) {
        *self = Buffer::default();
    }

    pub(super) fn len(&self) -> usize {
        self.events.len()
    }

    pub(super) fn events(&self) -> &[Arc<HistoryEvent>] {
        &self.events
    }

    /// Whether it holds more than it may.
    pub(super) fn is_over(&self, limits: &Limits) -> bool {
        self.events.len() > limits.buffered_events_max || self.bytes > limits.buffered_bytes_max
    }

    /// How many signals are among them.
    pub(super) fn signals(&self) -> usize {
        let signals =
            |event: &&Arc<_>| matches!(attributes(event), Attributes::WorkflowExecutionSignaled(_));
        self.events.iter().filter(signals).count()
    }

    /// Takes out the TimerFired of a timer that was canceled after it fired (rule 46).
    pub(super) fn remove_timer_fired(&mut self, started_event_id: i64) {
        let is_it = |event: &HistoryEvent| match &event.attributes {
            Attributes::TimerFired(fired) => fired.started_event_id == started_event_id,
            _ => false,
        };
        if let Some(at) = self.events.iter().position(|event| is_it(event)) {
            self.bytes -= self.events.remove(at).to_bytes().len();
        }
    }
}

fn attributes(event: &Arc<HistoryEvent>) -> &Attributes {
    &event.attributes
}

/// Whether an event ends an activity: those are moved behind all others at the flush.
fn ends_activity(event: &HistoryEvent) -> bool {
    matches!(
        event.attributes,
        Attributes::ActivityTaskCompleted(_)
            | Attributes::ActivityTaskFailed(_)
            | Attributes::ActivityTaskTimedOut(_)
            | Attributes::ActivityTaskCanceled(_)
    )
}

/// The event's ActivityTaskStarted, which has no id before the flush.
fn started_event_id(attributes: &mut Attributes) -> Option<(i64, &mut i64)> {
    match attributes {
        Attributes::ActivityTaskCompleted(a) => {
            Some((a.scheduled_event_id, &mut a.started_event_id))
        }
        Attributes::ActivityTaskFailed(a) => Some((a.scheduled_event_id, &mut a.started_event_id)),
        Attributes::ActivityTaskTimedOut(a) => {
            Some((a.scheduled_event_id, &mut a.started_event_id))
        }
        Attributes::ActivityTaskCanceled(a) => {
            Some((a.scheduled_event_id, &mut a.started_event_id))
        }
        _ => None,
    }
}

impl super::execution::Execution {
    /// What a buffered event changes at once: what it says is accepted, though it is not in the history yet.
    pub(super) fn apply_buffered(&mut self, event: &Arc<HistoryEvent>) -> Result<(), Illegal> {
        let illegal = |state| Illegal { machine: "buffer", state, step: event.attributes.name() };
        if !self.task.is_started() {
            return Err(illegal("closed, as no workflow task runs"));
        }
        match &event.attributes {
            Attributes::WorkflowExecutionSignaled(signal) => {
                self.request_ids.insert(&signal.request_id);
            }
            Attributes::WorkflowExecutionCancelRequested(_) => {
                self.step_cancel(super::cancel::Step::Buffered)?;
            }
            Attributes::TimerFired(fired) => {
                self.step_timer(fired.started_event_id, timer::Step::FireBuffered)?;
            }
            // It only stands before the end of its activity.
            Attributes::ActivityTaskStarted(_) => {}
            Attributes::ActivityTaskCompleted(a) => self.buffer_end(a.scheduled_event_id)?,
            Attributes::ActivityTaskFailed(a) => self.buffer_end(a.scheduled_event_id)?,
            Attributes::ActivityTaskTimedOut(a) => self.buffer_end(a.scheduled_event_id)?,
            Attributes::ActivityTaskCanceled(a) => self.buffer_end(a.scheduled_event_id)?,
            _ => return Err(illegal("not for this event")),
        }
        self.buffer.push(event.clone());
        Ok(())
    }

    fn buffer_end(&mut self, scheduled_event_id: i64) -> Result<(), Illegal> {
        self.step_activity(scheduled_event_id, activity::Step::EndBuffered)
    }
}

impl Recorder<'_> {
    /// Records an event that has nothing to do with the running task's commands: at once, or, while a task runs, in the buffer.
    pub(super) fn external(&mut self, attributes: impl Into<Attributes>) -> Result<(), Illegal> {
        self.external_at(self.now, attributes)
    }

    /// The same, with the time at which it happened.
    pub(super) fn external_at(
        &mut self,
        time: crate::time::Timestamp,
        attributes: impl Into<Attributes>,
    ) -> Result<(), Illegal> {
        if self.execution.workflow_task_started() {
            self.write_started()?;
            let event = Some(Arc::new(HistoryEvent::new(0, time, attributes)));
            return self.change(StateChange::EventBuffered(EventBuffered {
                event,
                ..EventBuffered::default()
            }));
        }
        self.event_at(time, attributes)?;
        self.wants_task = true;
        // Also where an attempt of a task has just failed in this very step: nobody has seen what came after it.
        self.task_is_new = true;
        Ok(())
    }

    /// Records what was buffered, and `more` that came last, with the ends of activities behind all others. Whether there was anything.
    pub(super) fn flush(&mut self, more: Vec<HistoryEvent>) -> Result<bool, Illegal> {
        let buffered = self.execution.buffer.events().to_vec();
        if buffered.is_empty() && more.is_empty() {
            return Ok(false);
        }
        if !buffered.is_empty() {
            self.change(StateChange::BufferFlushed(BufferFlushed::default()))?;
        }
        let mut events: Vec<HistoryEvent> =
            buffered.into_iter().map(|event| (*event).clone()).chain(more).collect();
        events.sort_by_key(ends_activity);
        let mut started = BTreeMap::new();
        for mut event in events {
            if let Some((scheduled, id)) = started_event_id(&mut event.attributes)
                && let Some(recorded) = started.get(&scheduled)
            {
                *id = *recorded;
            }
            let scheduled = match &event.attributes {
                Attributes::ActivityTaskStarted(a) => Some(a.scheduled_event_id),
                _ => None,
            };
            let id = self.record(event)?;
            if let Some(scheduled) = scheduled {
                started.insert(scheduled, id);
            }
        }
        Ok(true)
    }
}
