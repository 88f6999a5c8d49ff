//! A history's events, exactly as Temporal has them. One file for the attributes of each durable thing.
//!
//! Types that have no machine here are kept as bytes ([`Attributes::Other`]), so that a history from elsewhere goes out as it came.

pub mod activity;
pub mod marker;
pub mod signal;
pub mod timer;
pub mod workflow;
pub mod workflow_task;

use crate::payload::UserMetadata;
use crate::proto::{DecodeError, Field, Json, OneOf, Reader, Unknown, Value, camel_case, one_of};
use crate::time::Timestamp;
use alloc::{boxed::Box, vec::Vec};
use bytes::Bytes;
use serde::{Serialize, Serializer, ser::SerializeMap};

/// One event of a history.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryEvent {
    /// Its place in the history, from 1.
    pub event_id: i64,
    /// When it happened. A buffered event keeps the time at which it came.
    pub event_time: Timestamp,
    /// What happened.
    pub attributes: Attributes,
    /// What people see of it.
    pub user_metadata: Option<UserMetadata>,
    /// Fields that have no name here (`version`, `task_id`, links, …), as they came.
    pub unknown: Unknown,
}

/// The attributes of an event whose type has no machine here.
#[derive(Clone, Debug, PartialEq)]
pub struct Other {
    /// Its number in Temporal's `EventType`.
    pub event_type: i32,
    /// The field with its attributes, tag and length included.
    pub bytes: Unknown,
}

macro_rules! attributes {
    ($($(#[$meta:meta])* $tag:literal, $number:literal => $variant:ident($ty:ty) = $json:literal, $type_name:literal;)*) => {
        one_of! {
            /// Attributes that have a type here.
            pub enum Known {
                $($(#[$meta])* $tag => $variant($ty) = $json,)*
            }
        }

        /// What happened.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Attributes {
            $($(#[$meta])* $variant($ty),)*
            /// A type that has no machine here.
            Other(Other),
        }

        impl Attributes {
            /// Its number in Temporal's `EventType`.
            #[must_use]
            pub fn event_type(&self) -> i32 {
                match self {
                    $(Self::$variant(_) => $number,)*
                    Self::Other(other) => other.event_type,
                }
            }

            /// Its name, as people know it: `WorkflowExecutionStarted`.
            #[must_use]
            pub fn name(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => stringify!($variant),)*
                    Self::Other(_) => "Other",
                }
            }

            fn json_type(&self) -> Option<&'static str> {
                match self {
                    $(Self::$variant(_) => Some(concat!("EVENT_TYPE_", $type_name)),)*
                    Self::Other(_) => None,
                }
            }

            fn encode(&self, out: &mut Vec<u8>) {
                match self {
                    $(Self::$variant(message) => crate::proto::put_len($tag, out, |out| {
                        crate::proto::Message::encode(message, out);
                    }),)*
                    Self::Other(other) => out.extend_from_slice(other.bytes.as_slice()),
                }
            }

            fn entry<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
                match self {
                    $(Self::$variant(message) => map.serialize_entry($json, message),)*
                    Self::Other(_) => Ok(()),
                }
            }
        }

        impl From<Known> for Attributes {
            fn from(known: Known) -> Self {
                match known {
                    $(Known::$variant(message) => Self::$variant(message),)*
                }
            }
        }

        $(impl From<$ty> for Attributes {
            fn from(message: $ty) -> Self {
                Self::$variant(message)
            }
        })*
    };
}

attributes! {
    /// A run began. Boxed: it is by far the largest, and each event would be as large.
    6, 1 => WorkflowExecutionStarted(Box<workflow::Started>) = "workflowExecutionStartedEventAttributes", "WORKFLOW_EXECUTION_STARTED";
    /// The code returned a result.
    7, 2 => WorkflowExecutionCompleted(workflow::Completed) = "workflowExecutionCompletedEventAttributes", "WORKFLOW_EXECUTION_COMPLETED";
    /// The code returned a failure.
    8, 3 => WorkflowExecutionFailed(workflow::Failed) = "workflowExecutionFailedEventAttributes", "WORKFLOW_EXECUTION_FAILED";
    /// The run's time was over.
    9, 4 => WorkflowExecutionTimedOut(workflow::TimedOut) = "workflowExecutionTimedOutEventAttributes", "WORKFLOW_EXECUTION_TIMED_OUT";
    /// A workflow task waits for a worker.
    10, 5 => WorkflowTaskScheduled(workflow_task::Scheduled) = "workflowTaskScheduledEventAttributes", "WORKFLOW_TASK_SCHEDULED";
    /// A worker took it.
    11, 6 => WorkflowTaskStarted(workflow_task::Started) = "workflowTaskStartedEventAttributes", "WORKFLOW_TASK_STARTED";
    /// The worker answered with commands.
    12, 7 => WorkflowTaskCompleted(workflow_task::Completed) = "workflowTaskCompletedEventAttributes", "WORKFLOW_TASK_COMPLETED";
    /// The worker did not answer in time.
    13, 8 => WorkflowTaskTimedOut(workflow_task::TimedOut) = "workflowTaskTimedOutEventAttributes", "WORKFLOW_TASK_TIMED_OUT";
    /// The worker could not, or what it answered was refused.
    14, 9 => WorkflowTaskFailed(workflow_task::Failed) = "workflowTaskFailedEventAttributes", "WORKFLOW_TASK_FAILED";
    /// An activity waits for a worker.
    15, 10 => ActivityTaskScheduled(activity::Scheduled) = "activityTaskScheduledEventAttributes", "ACTIVITY_TASK_SCHEDULED";
    /// Its last attempt began; written together with how it ended.
    16, 11 => ActivityTaskStarted(activity::Started) = "activityTaskStartedEventAttributes", "ACTIVITY_TASK_STARTED";
    /// It returned a result.
    17, 12 => ActivityTaskCompleted(activity::Completed) = "activityTaskCompletedEventAttributes", "ACTIVITY_TASK_COMPLETED";
    /// It returned a failure and is not tried again.
    18, 13 => ActivityTaskFailed(activity::Failed) = "activityTaskFailedEventAttributes", "ACTIVITY_TASK_FAILED";
    /// Its time was over and it is not tried again.
    19, 14 => ActivityTaskTimedOut(activity::TimedOut) = "activityTaskTimedOutEventAttributes", "ACTIVITY_TASK_TIMED_OUT";
    /// The workflow asked it to stop.
    22, 15 => ActivityTaskCancelRequested(activity::CancelRequested) = "activityTaskCancelRequestedEventAttributes", "ACTIVITY_TASK_CANCEL_REQUESTED";
    /// It ended because it was asked to.
    23, 16 => ActivityTaskCanceled(activity::Canceled) = "activityTaskCanceledEventAttributes", "ACTIVITY_TASK_CANCELED";
    /// The workflow started a timer.
    20, 17 => TimerStarted(timer::Started) = "timerStartedEventAttributes", "TIMER_STARTED";
    /// Its time came.
    21, 18 => TimerFired(timer::Fired) = "timerFiredEventAttributes", "TIMER_FIRED";
    /// The workflow canceled it.
    24, 19 => TimerCanceled(timer::Canceled) = "timerCanceledEventAttributes", "TIMER_CANCELED";
    /// Somebody asked the run to stop.
    28, 20 => WorkflowExecutionCancelRequested(workflow::CancelRequested) =
        "workflowExecutionCancelRequestedEventAttributes", "WORKFLOW_EXECUTION_CANCEL_REQUESTED";
    /// The code stopped because it was asked to.
    29, 21 => WorkflowExecutionCanceled(workflow::Canceled) = "workflowExecutionCanceledEventAttributes", "WORKFLOW_EXECUTION_CANCELED";
    /// The worker wrote something down for its replay.
    25, 25 => MarkerRecorded(marker::Recorded) = "markerRecordedEventAttributes", "MARKER_RECORDED";
    /// A signal came.
    26, 26 => WorkflowExecutionSignaled(signal::Signaled) = "workflowExecutionSignaledEventAttributes", "WORKFLOW_EXECUTION_SIGNALED";
    /// Somebody ended the run.
    27, 27 => WorkflowExecutionTerminated(workflow::Terminated) = "workflowExecutionTerminatedEventAttributes", "WORKFLOW_EXECUTION_TERMINATED";
}

impl From<workflow::Started> for Attributes {
    fn from(started: workflow::Started) -> Self {
        Self::WorkflowExecutionStarted(Box::new(started))
    }
}

impl HistoryEvent {
    /// An event with nothing but what every event has.
    #[must_use]
    pub fn new(event_id: i64, event_time: Timestamp, attributes: impl Into<Attributes>) -> Self {
        HistoryEvent {
            event_id,
            event_time,
            attributes: attributes.into(),
            user_metadata: None,
            unknown: Unknown::default(),
        }
    }

    /// Appends it as a `temporal.api.history.v1.HistoryEvent`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        if self.event_id != 0 {
            self.event_id.encode(1, out);
        }
        Some(self.event_time).encode(2, out);
        self.attributes.event_type().encode(3, out);
        self.attributes.encode(out);
        if self.user_metadata.is_some() {
            self.user_metadata.encode(301, out);
        }
        out.extend_from_slice(self.unknown.as_slice());
    }

    /// Its bytes as a `temporal.api.history.v1.HistoryEvent`.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        let mut out = Vec::with_capacity(128);
        self.encode(&mut out);
        out.into()
    }

    /// Reads one that fills `bytes`.
    pub fn from_bytes(bytes: &Bytes) -> Result<Self, DecodeError> {
        Self::read(Reader::new(bytes))
    }

    /// Reads one that fills what is left of `reader`.
    pub fn read(mut reader: Reader<'_>) -> Result<Self, DecodeError> {
        let (mut event_id, mut event_type, mut time) = (0i64, 0i32, None::<Timestamp>);
        let mut user_metadata = None;
        let (mut unknown, mut bytes) = (Unknown::default(), Unknown::default());
        let mut known: Option<Known> = None;
        while let Some((tag, value)) = reader.next_field()? {
            match tag {
                1 => event_id.merge(value)?,
                2 => time.merge(value)?,
                3 => event_type.merge(value)?,
                301 => Field::merge(&mut user_metadata, value)?,
                _ => match (Known::merge(&mut known, tag, value)?, tag) {
                    (None, _) => {}
                    // The attributes of all types have the fields 6 to 299.
                    (Some(value @ Value::Len(_)), 6..=299) => bytes.push(tag, &value),
                    (Some(value), _) => unknown.push(tag, &value),
                },
            }
        }
        let attributes = match known {
            Some(known) => known.into(),
            None => Attributes::Other(Other { event_type, bytes }),
        };
        if attributes.event_type() != event_type {
            return Err(DecodeError::Invalid("the event's type"));
        }
        let event_time = time.ok_or(DecodeError::Invalid("the event's time"))?;
        Ok(HistoryEvent { event_id, event_time, attributes, user_metadata, unknown })
    }
}

/// Proto3 JSON, as in `temporal workflow show -o json`.
impl Serialize for HistoryEvent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("eventId", &Json(&self.event_id))?;
        map.serialize_entry("eventTime", &Json(&Some(self.event_time)))?;
        match self.attributes.json_type() {
            Some(name) => map.serialize_entry("eventType", name)?,
            None => map.serialize_entry("eventType", &self.attributes.event_type())?,
        }
        if self.user_metadata.is_some() {
            map.serialize_entry(&camel_case("user_metadata"), &Json(&self.user_metadata))?;
        }
        self.attributes.entry(&mut map)?;
        map.end()
    }
}
