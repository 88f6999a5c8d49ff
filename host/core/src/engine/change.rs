//! The state changes that Temporal keeps out of a history: attempts, heartbeats, buffered events, request ids, who holds a task.
//!
//! They are stored as protobuf messages of our own, so that fields and kinds can join them.

use crate::event::HistoryEvent;
use crate::event::workflow_task::FailedCause;
use crate::failure::{Failure, TimeoutType};
use crate::payload::Payloads;
use crate::proto::{DecodeError, Message, OneOf, Reader, Unknown, Value, message, one_of, put_len};
use crate::time::Timestamp;
use alloc::{string::String, sync::Arc, vec::Vec};
use core::time::Duration;
use serde::ser::SerializeMap;

one_of! {
    /// A change of a run's state that is no event.
    pub enum StateChange {
        /// A request was accepted that may be repeated.
        1 => RequestAccepted(RequestAccepted) = "requestAccepted",
        /// A workflow task was scheduled that leaves no event until it completes.
        2 => TransientTaskScheduled(TransientTaskScheduled) = "transientTaskScheduled",
        /// A worker took it.
        3 => TransientTaskStarted(TransientTaskStarted) = "transientTaskStarted",
        /// It failed or timed out.
        4 => TransientTaskFailed(TransientTaskFailed) = "transientTaskFailed",
        /// The worker that held it is gone; it waits again.
        5 => TransientTaskReleased(TransientTaskReleased) = "transientTaskReleased",
        /// An event came while a workflow task runs.
        6 => EventBuffered(EventBuffered) = "eventBuffered",
        /// The buffered events follow as events of the history.
        7 => BufferFlushed(BufferFlushed) = "bufferFlushed",
        /// A worker took an attempt of an activity.
        8 => ActivityAttemptStarted(ActivityAttemptStarted) = "activityAttemptStarted",
        /// An attempt of an activity ended; another one follows.
        9 => ActivityAttemptFailed(ActivityAttemptFailed) = "activityAttemptFailed",
        /// An attempt of an activity goes on.
        10 => ActivityHeartbeat(ActivityHeartbeat) = "activityHeartbeat",
        /// A worker took an attempt of an activity, and never got it.
        11 => ActivityAttemptReleased(ActivityAttemptReleased) = "activityAttemptReleased",
    }
}

message! {
    /// A request was accepted that may be repeated.
    pub struct RequestAccepted {
        /// What was asked: 1 to start, 2 to cancel.
        1 => kind: i32,
        /// By which it is known.
        2 => request_id: String,
    }

    /// A workflow task was scheduled that leaves no event until it completes.
    pub struct TransientTaskScheduled {
        /// Which attempt.
        1 => attempt: i32,
        /// When.
        2 => time: Option<Timestamp>,
        /// How long the worker may take.
        3 => start_to_close_timeout: Option<Duration>,
    }

    /// A worker took a transient task.
    pub struct TransientTaskStarted {
        /// When.
        1 => time: Option<Timestamp>,
        /// The worker.
        2 => identity: String,
        /// By which a repeated poll is known.
        3 => request_id: String,
        /// Whether the history was long then.
        4 => suggest_continue_as_new: bool,
        /// How long it was then, in bytes.
        5 => history_size_bytes: i64,
    }

    /// A transient task failed or timed out.
    pub struct TransientTaskFailed {
        /// Why it failed.
        1 => cause: FailedCause,
        /// Which time was over, if it timed out.
        2 => timeout_type: TimeoutType,
        /// Why, for people.
        3 => failure: Option<Failure>,
    }

    /// The worker that held a transient task is gone; it waits again.
    pub struct TransientTaskReleased {}

    /// The buffered events follow as events of the history.
    pub struct BufferFlushed {}

    /// A worker took an attempt of an activity.
    pub struct ActivityAttemptStarted {
        /// Its ActivityTaskScheduled.
        1 => scheduled_event_id: i64,
        /// Which attempt.
        2 => attempt: i32,
        /// When.
        3 => time: Option<Timestamp>,
        /// The worker.
        4 => identity: String,
        /// By which a repeated poll is known.
        5 => request_id: String,
        /// The host whose process runs it; empty for a worker over the wire.
        6 => host: String,
    }

    /// A worker took an attempt of an activity, but was gone before it got the task: the attempt waits again.
    pub struct ActivityAttemptReleased {
        /// Its ActivityTaskScheduled.
        1 => scheduled_event_id: i64,
        /// Which attempt.
        2 => attempt: i32,
    }

    /// An attempt of an activity ended; another one follows.
    pub struct ActivityAttemptFailed {
        /// Its ActivityTaskScheduled.
        1 => scheduled_event_id: i64,
        /// The attempt that ended.
        2 => attempt: i32,
        /// How it ended.
        3 => failure: Option<Failure>,
        /// When the next attempt is due.
        4 => next_attempt_time: Option<Timestamp>,
    }

    /// An attempt of an activity goes on.
    pub struct ActivityHeartbeat {
        /// Its ActivityTaskScheduled.
        1 => scheduled_event_id: i64,
        /// When it said so.
        2 => time: Option<Timestamp>,
        /// How far it is.
        3 => details: Option<Payloads>,
    }
}

/// An event came while a workflow task runs. It gets its id when the task ends.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EventBuffered {
    /// The event, without an id; only a message that was cut short has none.
    pub event: Option<Arc<HistoryEvent>>,
    /// Fields that have no name here, kept as they came.
    pub unknown: Unknown,
}

impl Message for EventBuffered {
    fn encode(&self, out: &mut Vec<u8>) {
        if let Some(event) = &self.event {
            put_len(1, out, |out| event.encode(out));
        }
        out.extend_from_slice(self.unknown.as_slice());
    }

    fn merge(&mut self, tag: u32, value: Value<'_>) -> Result<(), DecodeError> {
        match (tag, value) {
            (1, Value::Len(reader)) => self.event = Some(Arc::new(HistoryEvent::read(reader)?)),
            (1, _) => return Err(DecodeError::Mismatch),
            (_, value) => self.unknown.push(tag, &value),
        }
        Ok(())
    }

    fn entries<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        match &self.event {
            Some(event) => map.serialize_entry("event", &**event),
            None => Ok(()),
        }
    }
}

impl serde::Serialize for EventBuffered {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        crate::proto::write_message(self, serializer)
    }
}

impl StateChange {
    /// Its name, for people.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::RequestAccepted(_) => "RequestAccepted",
            Self::TransientTaskScheduled(_) => "TransientTaskScheduled",
            Self::TransientTaskStarted(_) => "TransientTaskStarted",
            Self::TransientTaskFailed(_) => "TransientTaskFailed",
            Self::TransientTaskReleased(_) => "TransientTaskReleased",
            Self::EventBuffered(_) => "EventBuffered",
            Self::BufferFlushed(_) => "BufferFlushed",
            Self::ActivityAttemptStarted(_) => "ActivityAttemptStarted",
            Self::ActivityAttemptFailed(_) => "ActivityAttemptFailed",
            Self::ActivityHeartbeat(_) => "ActivityHeartbeat",
            Self::ActivityAttemptReleased(_) => "ActivityAttemptReleased",
        }
    }

    /// Appends it as a message with one field.
    pub(super) fn encode_fields(&self, out: &mut Vec<u8>) {
        self.encode(out);
    }

    /// Reads one that fills what is left of `reader`.
    pub(super) fn read(mut reader: Reader<'_>) -> Result<Self, DecodeError> {
        let mut change = None;
        while let Some((tag, value)) = reader.next_field()? {
            // A kind that is not known cannot be skipped: the state would be another one.
            if Self::merge(&mut change, tag, value)?.is_some() {
                return Err(DecodeError::Invalid("a kind of state change that is known here"));
            }
        }
        change.ok_or(DecodeError::Invalid("a state change"))
    }
}
