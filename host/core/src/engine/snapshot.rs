//! A run's state as bytes, so that a long log need not be folded from its beginning. Nothing that can be derived is stored.

#![expect(unreachable_pub, reason = "the macro declares public structs; these stay here")]

use super::activity::{Activity, Attempt, Beat, Phase};
use super::buffer::Buffer;
use super::cancel::Cancel;
use super::change::EventBuffered;
use super::deadlines::Deadline;
use super::execution::{Execution, Info};
use super::lifecycle;
use super::request_ids::RequestIds;
use super::timer::Timer;
use super::volatile::Volatile;
use super::workflow_task::{Scheduled, Started, Task};
use crate::event::{Attributes, HistoryEvent, workflow};
use crate::failure::Failure;
use crate::payload::{Payloads, UserMetadata};
use crate::proto::{DecodeError, Message, message};
use crate::time::Timestamp;
use alloc::{string::String, sync::Arc, vec::Vec};
use bytes::Bytes;
use core::time::Duration;

/// Grows with every change after which an older host would read something else.
const VERSION: i32 = 1;

message! {
    /// A run.
    pub struct Snapshot {
        1 => version: i32,
        2 => started: Option<workflow::Started>,
        3 => start_time: Option<Timestamp>,
        4 => user_metadata: Option<UserMetadata>,
        5 => start_request_id: String,
        6 => cancel: i32,
        7 => task: Option<TaskState>,
        8 => last_task_failure: Option<Failure>,
        9 => close_attempted: bool,
        10 => previous_started_event_id: i64,
        11 => buffer: Vec<EventBuffered>,
        12 => timers: Vec<TimerState>,
        13 => activities: Vec<ActivityState>,
        14 => signals: u64,
        15 => request_ids: Vec<String>,
        16 => next_event_id: i64,
        17 => history_size: i64,
        18 => entry_count: u64,
        19 => closed: Option<EventBuffered>,
    }

    /// A workflow task.
    pub struct TaskState {
        1 => kind: i32,
        2 => next_attempt: u32,
        3 => scheduled_event_id: i64,
        4 => scheduled_time: Option<Timestamp>,
        5 => attempt: u32,
        6 => start_to_close_timeout: Option<Duration>,
        7 => started_event_id: i64,
        8 => started_time: Option<Timestamp>,
        9 => identity: String,
        10 => request_id: String,
        11 => suggest_continue_as_new: bool,
        12 => history_size_bytes: i64,
    }

    /// A timer; one that has fired has no time.
    pub struct TimerState {
        1 => started_event_id: i64,
        2 => timer_id: String,
        3 => fires_at: Option<Timestamp>,
    }

    /// An activity.
    pub struct ActivityState {
        1 => scheduled: Option<EventBuffered>,
        2 => phase: i32,
        3 => attempt: u32,
        4 => attempt_scheduled_time: Option<Timestamp>,
        5 => last_started_time: Option<Timestamp>,
        6 => last_worker_identity: String,
        7 => last_failure: Option<Failure>,
        8 => heartbeat_time: Option<Timestamp>,
        9 => heartbeat_details: Option<Payloads>,
        10 => started_time: Option<Timestamp>,
        11 => identity: String,
        12 => request_id: String,
        13 => host: String,
        14 => cancel_requested_event_id: i64,
    }
}

fn stored(event: &Arc<HistoryEvent>) -> EventBuffered {
    EventBuffered { event: Some(event.clone()), ..EventBuffered::default() }
}

fn invalid<T>(what: &'static str) -> Result<T, DecodeError> {
    Err(DecodeError::Invalid(what))
}

impl From<&Task> for TaskState {
    fn from(task: &Task) -> Self {
        let (kind, next_attempt) = match task {
            Task::Idle { next_attempt } => (1, *next_attempt),
            Task::Scheduled(_) => (2, 0),
            Task::TransientScheduled(_) => (3, 0),
            Task::Started(..) => (4, 0),
            Task::TransientStarted(..) => (5, 0),
        };
        let mut state = TaskState { kind, next_attempt, ..TaskState::default() };
        if let Some(scheduled) = task.scheduled() {
            state.scheduled_event_id = scheduled.event_id;
            state.scheduled_time = Some(scheduled.time);
            state.attempt = scheduled.attempt;
            state.start_to_close_timeout = Some(scheduled.start_to_close_timeout);
        }
        if let Some(started) = task.started() {
            state.started_event_id = started.event_id;
            state.started_time = Some(started.time);
            state.identity = started.identity.clone();
            state.request_id = started.request_id.clone();
            state.suggest_continue_as_new = started.suggest_continue_as_new;
            state.history_size_bytes = started.history_size_bytes;
        }
        state
    }
}

impl TaskState {
    fn restore(self) -> Result<Task, DecodeError> {
        let scheduled = Scheduled {
            event_id: self.scheduled_event_id,
            time: self.scheduled_time.unwrap_or_default(),
            attempt: self.attempt,
            start_to_close_timeout: self.start_to_close_timeout.unwrap_or_default(),
        };
        let started = Started {
            event_id: self.started_event_id,
            time: self.started_time.unwrap_or_default(),
            identity: self.identity,
            request_id: self.request_id,
            suggest_continue_as_new: self.suggest_continue_as_new,
            history_size_bytes: self.history_size_bytes,
        };
        match self.kind {
            1 => Ok(Task::Idle { next_attempt: self.next_attempt }),
            2 => Ok(Task::Scheduled(scheduled)),
            3 => Ok(Task::TransientScheduled(scheduled)),
            4 => Ok(Task::Started(scheduled, started)),
            5 => Ok(Task::TransientStarted(scheduled, started)),
            _ => invalid("the state of the workflow task"),
        }
    }
}

impl TimerState {
    fn of(started_event_id: i64, timer: &Timer) -> Self {
        let (timer_id, fires_at) = (timer.id().into(), timer.deadline());
        TimerState { started_event_id, timer_id, fires_at, ..TimerState::default() }
    }

    fn restore(self) -> Timer {
        match self.fires_at {
            Some(fires_at) => Timer::Running { timer_id: self.timer_id, fires_at },
            None => Timer::Fired { timer_id: self.timer_id },
        }
    }
}

impl From<&Activity> for ActivityState {
    fn from(activity: &Activity) -> Self {
        let (phase, attempt, cancel_requested_event_id) = match &activity.phase {
            Phase::Ready => (1, None, 0),
            Phase::Backoff => (2, None, 0),
            Phase::Started(attempt) => (3, Some(attempt.clone()), 0),
            Phase::Canceling { attempt, cancel_requested_event_id } => {
                (4, Some(attempt.clone()), *cancel_requested_event_id)
            }
            Phase::Ended => (5, None, 0),
        };
        let mut state = ActivityState {
            scheduled: Some(stored(&activity.scheduled)),
            phase,
            attempt: activity.attempt,
            attempt_scheduled_time: Some(activity.attempt_scheduled_time),
            last_started_time: activity.last_started_time,
            last_worker_identity: activity.last_worker_identity.clone(),
            last_failure: activity.last_failure.clone(),
            heartbeat_time: activity.heartbeat.as_ref().map(|beat| beat.time),
            heartbeat_details: activity.heartbeat.as_ref().and_then(|beat| beat.details.clone()),
            cancel_requested_event_id,
            ..ActivityState::default()
        };
        if let Some(attempt) = attempt {
            state.started_time = Some(attempt.time);
            state.identity = attempt.identity;
            state.request_id = attempt.request_id;
            state.host = attempt.host;
        }
        state
    }
}

impl ActivityState {
    fn restore(self) -> Result<Activity, DecodeError> {
        let scheduled = match self.scheduled.and_then(|scheduled| scheduled.event) {
            Some(it) if matches!(it.attributes, Attributes::ActivityTaskScheduled(_)) => it,
            _ => return invalid("the ActivityTaskScheduled of an activity"),
        };
        let attempt = Attempt {
            time: self.started_time.unwrap_or_default(),
            identity: self.identity,
            request_id: self.request_id,
            host: self.host,
        };
        let cancel_requested_event_id = self.cancel_requested_event_id;
        let phase = match self.phase {
            1 => Phase::Ready,
            2 => Phase::Backoff,
            3 => Phase::Started(attempt),
            4 => Phase::Canceling { attempt, cancel_requested_event_id },
            5 => Phase::Ended,
            _ => return invalid("the state of an activity"),
        };
        let details = self.heartbeat_details;
        Ok(Activity {
            scheduled,
            phase,
            attempt: self.attempt,
            attempt_scheduled_time: self.attempt_scheduled_time.unwrap_or_default(),
            last_started_time: self.last_started_time,
            last_worker_identity: self.last_worker_identity,
            last_failure: self.last_failure,
            heartbeat: self.heartbeat_time.map(|time| Beat { time, details }),
            unwritten_heartbeat: Volatile(None),
            announced: Volatile(false),
        })
    }
}

impl Execution {
    /// The state as bytes, for [`Execution::restore`]. What stands in memory only is not in it.
    #[must_use]
    pub fn snapshot(&self) -> Bytes {
        let timer = |(id, timer): (&i64, &Timer)| TimerState::of(*id, timer);
        Snapshot {
            version: VERSION,
            started: Some(self.info.started.clone()),
            start_time: Some(self.info.start_time),
            user_metadata: self.info.user_metadata.clone(),
            start_request_id: self.info.start_request_id.clone(),
            cancel: match self.cancel {
                Cancel::NotRequested => 0,
                Cancel::Buffered => 1,
                Cancel::Requested => 2,
            },
            task: Some(TaskState::from(&self.task)),
            last_task_failure: self.last_task_failure.clone(),
            close_attempted: self.close_attempted,
            previous_started_event_id: self.previous_started_event_id,
            buffer: self.buffer.events().iter().map(stored).collect(),
            timers: self.timers.iter().map(timer).collect(),
            activities: self.activities.values().map(ActivityState::from).collect(),
            signals: self.signals as u64,
            request_ids: self.request_ids.iter().cloned().collect(),
            next_event_id: self.next_event_id,
            history_size: self.history_size,
            entry_count: self.entry_count,
            closed: self.closed.as_ref().map(|closed| stored(&closed.event)),
            ..Snapshot::default()
        }
        .to_bytes()
    }

    pub(super) fn from_snapshot(bytes: &Bytes) -> Result<Execution, DecodeError> {
        let snapshot = Snapshot::from_bytes(bytes)?;
        if snapshot.version != VERSION {
            return invalid("a version of the snapshot that is known here");
        }
        let mut execution = Execution::new(Info {
            started: snapshot.started.ok_or(DecodeError::Invalid("the start of the run"))?,
            start_time: snapshot.start_time.unwrap_or_default(),
            user_metadata: snapshot.user_metadata,
            start_request_id: snapshot.start_request_id,
        });
        execution.cancel = match snapshot.cancel {
            0 => Cancel::NotRequested,
            1 => Cancel::Buffered,
            2 => Cancel::Requested,
            _ => return invalid("the state of the cancellation"),
        };
        let task = snapshot.task.ok_or(DecodeError::Invalid("the workflow task"))?;
        execution.restore_task(task.restore()?);
        execution.last_task_failure = snapshot.last_task_failure;
        execution.close_attempted = snapshot.close_attempted;
        execution.previous_started_event_id = snapshot.previous_started_event_id;
        execution.buffer = Buffer::default();
        for buffered in snapshot.buffer {
            execution.buffer.push(buffered.event.ok_or(DecodeError::Invalid("a buffered event"))?);
        }
        for timer in snapshot.timers {
            execution.restore_timer(timer.started_event_id, timer.restore());
        }
        for activity in snapshot.activities {
            execution.restore_activity(activity.restore()?);
        }
        execution.signals = snapshot.signals as usize;
        execution.request_ids = RequestIds::default();
        snapshot.request_ids.iter().for_each(|id| execution.request_ids.insert(id));
        execution.next_event_id = snapshot.next_event_id;
        execution.history_size = snapshot.history_size;
        execution.entry_count = snapshot.entry_count;
        if let Some(closed) = snapshot.closed {
            execution.restore_closed(closed)?;
        }
        Ok(execution)
    }

    fn restore_task(&mut self, task: Task) {
        self.task = task;
        let deadline = self.task_deadline();
        self.deadlines.replace(Deadline::WorkflowTask, None, deadline);
    }

    fn restore_timer(&mut self, id: i64, timer: Timer) {
        self.deadlines.replace(Deadline::Timer(id), None, timer.deadline());
        self.timer_ids.insert(timer.id().into(), id);
        self.timers.insert(id, timer);
    }

    fn restore_activity(&mut self, activity: Activity) {
        let id = activity.scheduled.event_id;
        self.deadlines.replace(Deadline::Activity(id), None, activity.deadline());
        if activity.is_pending() {
            self.activity_ids.insert(activity.options().activity_id.clone(), id);
        }
        self.activities.insert(id, activity);
    }

    fn restore_closed(&mut self, closed: EventBuffered) -> Result<(), DecodeError> {
        let event = closed.event.ok_or(DecodeError::Invalid("the closing event"))?;
        match lifecycle::status(&event.attributes) {
            Some(status) => self.close(status, &event),
            None => return invalid("the closing event"),
        }
        Ok(())
    }
}
