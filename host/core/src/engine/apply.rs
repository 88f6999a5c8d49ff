//! Which machine an entry belongs to, and how it steps: the only place where a run's state changes, for entries that were just decided and
//! for those of the log alike.

use super::Entry;
use super::activity;
use super::cancel;
use super::change::StateChange;
use super::execution::Execution;
use super::illegal::Illegal;
use super::lifecycle;
use super::timer;
use super::workflow_task::{self, Scheduled, Started};
use crate::event::workflow_task::FailedCause;
use crate::event::{Attributes, HistoryEvent};
use crate::failure::TimeoutType;
use alloc::sync::Arc;

impl Execution {
    /// The state after the next entry.
    pub(super) fn apply(&mut self, entry: &Entry) -> Result<(), Illegal> {
        if self.closed.is_some() {
            let step = match entry {
                Entry::Event(event) => event.attributes.name(),
                Entry::Change(change) => change.name(),
            };
            return Err(Illegal { machine: "run", state: "closed", step });
        }
        match entry {
            Entry::Event(event) => {
                if event.event_id != self.next_event_id {
                    let step = event.attributes.name();
                    return Err(Illegal { machine: "run", state: "before another event id", step });
                }
                self.apply_event(event)?;
                self.count_event(event);
            }
            Entry::Change(change) => self.apply_change(change)?,
        }
        self.entry_count += 1;
        Ok(())
    }

    pub(super) fn count_event(&mut self, event: &Arc<HistoryEvent>) {
        self.scratch.clear();
        event.encode(&mut self.scratch);
        self.history_size += self.scratch.len() as i64;
        self.next_event_id = event.event_id + 1;
        self.recent.push(event.clone());
    }

    fn apply_event(&mut self, event: &Arc<HistoryEvent>) -> Result<(), Illegal> {
        use Attributes as A;
        use activity::Step as Act;
        let id = event.event_id;
        match &event.attributes {
            A::WorkflowExecutionStarted(_) => {
                Err(Illegal { machine: "run", state: "open", step: event.attributes.name() })
            }
            A::WorkflowExecutionCompleted(_)
            | A::WorkflowExecutionFailed(_)
            | A::WorkflowExecutionTimedOut(_)
            | A::WorkflowExecutionCanceled(_)
            | A::WorkflowExecutionTerminated(_) => {
                let status = lifecycle::status(&event.attributes).unwrap_or_default();
                self.close(status, event);
                Ok(())
            }
            A::WorkflowTaskScheduled(_)
            | A::WorkflowTaskStarted(_)
            | A::WorkflowTaskCompleted(_)
            | A::WorkflowTaskTimedOut(_)
            | A::WorkflowTaskFailed(_) => self.apply_task_event(event),
            A::ActivityTaskScheduled(_) => self.step_activity(id, Act::Scheduled(event)),
            A::ActivityTaskStarted(a) => {
                self.step_activity(a.scheduled_event_id, Act::StartRecorded)
            }
            A::ActivityTaskCompleted(a) => self.step_activity(a.scheduled_event_id, Act::Ended),
            A::ActivityTaskFailed(a) => self.step_activity(a.scheduled_event_id, Act::Ended),
            A::ActivityTaskTimedOut(a) => self.step_activity(a.scheduled_event_id, Act::TimedOut),
            A::ActivityTaskCancelRequested(a) => {
                self.step_activity(a.scheduled_event_id, Act::CancelRequested(id))
            }
            A::ActivityTaskCanceled(a) => self.step_activity(a.scheduled_event_id, Act::Canceled),
            A::TimerStarted(started) => {
                let timeout = started.start_to_fire_timeout.unwrap_or_default();
                let fires_at = event.event_time.after(timeout);
                let timer_id = started.timer_id.clone();
                self.step_timer(id, timer::Step::Started { timer_id, fires_at })
            }
            A::TimerFired(fired) => self.step_timer(fired.started_event_id, timer::Step::Fired),
            A::TimerCanceled(canceled) => {
                self.buffer.remove_timer_fired(canceled.started_event_id);
                self.step_timer(canceled.started_event_id, timer::Step::Canceled)
            }
            A::WorkflowExecutionCancelRequested(_) => self.step_cancel(cancel::Step::Requested),
            A::WorkflowExecutionSignaled(signal) => {
                self.signals += 1;
                self.request_ids.insert(&signal.request_id);
                Ok(())
            }
            A::MarkerRecorded(_) | A::Other(_) => Ok(()),
        }
    }

    fn apply_task_event(&mut self, event: &Arc<HistoryEvent>) -> Result<(), Illegal> {
        use Attributes as A;
        use workflow_task::Step;
        match &event.attributes {
            A::WorkflowTaskScheduled(scheduled) => self.step_task(Step::Scheduled(Scheduled {
                event_id: event.event_id,
                time: event.event_time,
                attempt: scheduled.attempt.max(1) as u32,
                start_to_close_timeout: scheduled.start_to_close_timeout.unwrap_or_default(),
            })),
            A::WorkflowTaskStarted(started) => self.step_task(Step::Started(Started {
                event_id: event.event_id,
                time: event.event_time,
                identity: started.identity.clone(),
                request_id: started.request_id.clone(),
                suggest_continue_as_new: started.suggest_continue_as_new,
                history_size_bytes: started.history_size_bytes,
            })),
            A::WorkflowTaskCompleted(completed) => {
                self.step_task(Step::Completed)?;
                self.last_task_failure = None;
                self.close_attempted = false;
                self.previous_started_event_id = completed.started_event_id;
                self.recent.clear();
                Ok(())
            }
            A::WorkflowTaskTimedOut(timed_out) => {
                self.step_task(match timed_out.timeout_type {
                    // Nobody had it: that is no attempt (rule 120).
                    TimeoutType::ScheduleToStart => Step::NotTaken,
                    _ => Step::TimedOut,
                })
            }
            A::WorkflowTaskFailed(failed) => {
                self.step_task(Step::Failed)?;
                self.close_attempted |= failed.cause == FailedCause::UnhandledCommand;
                self.task_failed(failed.failure.as_ref());
                Ok(())
            }
            // No other event is given here.
            _ => Ok(()),
        }
    }

    fn apply_change(&mut self, change: &StateChange) -> Result<(), Illegal> {
        use StateChange as C;
        use activity::Step as Act;
        use workflow_task::Step;
        match change {
            C::RequestAccepted(accepted) => {
                if accepted.kind == lifecycle::START {
                    self.info.start_request_id = accepted.request_id.clone();
                }
                Ok(())
            }
            C::TransientTaskScheduled(task) => {
                let event_id = self.next_event_id;
                self.step_task(Step::TransientScheduled(task, event_id))
            }
            C::TransientTaskStarted(started) => self.step_task(Step::TransientStarted(started)),
            C::TransientTaskFailed(failed) => {
                self.step_task(Step::TransientFailed)?;
                self.close_attempted |= failed.cause == FailedCause::UnhandledCommand;
                self.task_failed(failed.failure.as_ref());
                Ok(())
            }
            C::TransientTaskReleased(_) => self.step_task(Step::TransientReleased),
            C::EventBuffered(buffered) => match &buffered.event {
                Some(event) => self.apply_buffered(event),
                None => Err(Illegal { machine: "buffer", state: "any", step: "no event" }),
            },
            C::BufferFlushed(_) => {
                self.buffer.clear();
                Ok(())
            }
            C::ActivityAttemptStarted(started) => {
                self.step_activity(started.scheduled_event_id, Act::AttemptStarted(started))
            }
            C::ActivityAttemptFailed(failed) => {
                self.step_activity(failed.scheduled_event_id, Act::AttemptFailed(failed))
            }
            C::ActivityAttemptReleased(released) => {
                self.step_activity(released.scheduled_event_id, Act::AttemptReleased(released))
            }
            C::ActivityHeartbeat(beat) => {
                self.step_activity(beat.scheduled_event_id, Act::Heartbeat(beat))
            }
        }
    }
}
