//! One run: its state, and the one door to it.
//!
//! What lives here: the state, and which request goes where. What does not: any rule; and which machine an entry belongs to (`apply`).

use super::activity::Activity;
use super::advance;
use super::buffer::Buffer;
use super::cancel::Cancel;
use super::deadlines::{Deadline, Deadlines};
use super::recorder::Recorder;
use super::request_ids::RequestIds;
use super::timer::Timer;
use super::volatile::Volatile;
use super::workflow_task::{Started, Task};
use super::{Entry, Limits, Outcome, Reply, Request, RequestError};
use crate::event::{HistoryEvent, workflow};
use crate::failure::Failure;
use crate::payload::UserMetadata;
use crate::policy::WorkflowExecutionStatus;
use crate::proto::DecodeError;
use crate::time::Timestamp;
use alloc::string::{String, ToString};
use alloc::{collections::BTreeMap, sync::Arc, vec::Vec};
use bytes::Bytes;

/// One run.
///
/// Two are equal if their logs lead to the same: what stands in memory only (a workflow task that was started but not recorded, heartbeats
/// that are not written yet, the events of the current task) does not count.
#[derive(Clone, Debug, PartialEq)]
pub struct Execution {
    pub(super) info: Info,
    pub(super) closed: Option<Closed>,
    pub(super) cancel: Cancel,
    pub(super) task: Task,
    /// A worker that holds the task, where the log does not say so (D4).
    pub(super) held: Volatile<Option<Started>>,
    pub(super) last_task_failure: Option<Failure>,
    /// A completion wanted to close the run, and was refused because of events that its code had not seen (rule 42).
    pub(super) close_attempted: bool,
    /// The WorkflowTaskStarted of the last task that completed.
    pub(super) previous_started_event_id: i64,
    pub(super) buffer: Buffer,
    /// By TimerStarted.
    pub(super) timers: BTreeMap<i64, Timer>,
    /// The same, by id.
    pub(super) timer_ids: BTreeMap<String, i64>,
    /// By ActivityTaskScheduled.
    pub(super) activities: BTreeMap<i64, Activity>,
    /// The pending ones, by id.
    pub(super) activity_ids: BTreeMap<String, i64>,
    /// Signals in the history.
    pub(super) signals: usize,
    pub(super) request_ids: RequestIds,
    pub(super) next_event_id: i64,
    pub(super) history_size: i64,
    pub(super) entry_count: u64,
    pub(super) deadlines: Volatile<Deadlines>,
    /// The events since the last task that completed, without gaps, as far as they are in memory.
    pub(super) recent: Volatile<Vec<Arc<HistoryEvent>>>,
    /// To measure events without allocating anew.
    pub(super) scratch: Volatile<Vec<u8>>,
}

/// What a run began with.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Info {
    /// The first event's attributes, without the arguments.
    pub started: workflow::Started,
    pub start_time: Timestamp,
    pub user_metadata: Option<UserMetadata>,
    pub start_request_id: String,
}

/// Why a log cannot be read.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Corrupt {
    /// An entry that cannot be decoded.
    #[error("entry {index} cannot be read: {error}")]
    Undecodable {
        /// Which, from 0.
        index: u64,
        /// Why.
        error: DecodeError,
    },
    /// A snapshot that cannot be read, without the whole log beside it.
    #[error("the snapshot cannot be read: {error}")]
    Snapshot {
        /// Why.
        error: DecodeError,
    },
    /// An entry that cannot follow the ones before it.
    #[error("entry {index} cannot follow: {illegal}")]
    Illegal {
        /// Which, from 0.
        index: u64,
        /// What the machine says.
        illegal: String,
    },
    /// No entry at all, or one that is no beginning.
    #[error("the log does not begin with WorkflowExecutionStarted")]
    NoBeginning,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Closed {
    /// In which way.
    pub status: WorkflowExecutionStatus,
    /// When.
    pub time: Timestamp,
    /// The closing event.
    pub event: Arc<HistoryEvent>,
}

impl Execution {
    /// Does what is asked. What follows is applied at once; a request that is refused without writing changes nothing.
    pub fn handle(&mut self, request: Request, limits: &Limits, now: Timestamp) -> Outcome {
        // Where the history is nearly full, what would pass the limit is undone, and ends the run instead (rule 68).
        let before = self.is_nearly_full(limits, &request).then(|| self.clone());
        let mut recorder = Recorder::new(self, limits, now);
        let mut reply = recorder.decide(request);
        if let Err(illegal) = recorder.finish() {
            reply = Err(illegal.into());
        }
        if let Some(what) = recorder.execution.history_over(limits)
            && recorder.execution.closed.is_none()
        {
            if let Some(before) = before {
                *recorder.execution = before;
                recorder.discard();
                reply = Err(RequestError::Closed);
            }
            if let Err(illegal) = recorder.end_full_history(what) {
                reply = Err(illegal.into());
            }
        }
        if matches!(reply, Err(RequestError::Inconsistent(_))) {
            recorder.discard();
        }
        Outcome { transition: recorder.into_transition(), reply }
    }

    /// The run that a log leads to: what `snapshot` says, and the entries after it (all of them, if there is none).
    pub fn restore(
        snapshot: Option<&Bytes>,
        entries: impl IntoIterator<Item = Result<Entry, DecodeError>>,
    ) -> Result<Execution, Corrupt> {
        // One of an unknown version is no loss where the whole log is given.
        let (mut execution, unread) = match snapshot.map(Self::from_snapshot).transpose() {
            Ok(execution) => (execution, None),
            Err(error) => (None, Some(error)),
        };
        let no_beginning =
            || unread.map_or(Corrupt::NoBeginning, |error| Corrupt::Snapshot { error });
        let mut index = execution.as_ref().map_or(0, Execution::entry_count);
        #[expect(
            clippy::explicit_counter_loop,
            reason = "a zip would hide that it counts from the snapshot on"
        )]
        for entry in entries {
            let entry = entry.map_err(|error| Corrupt::Undecodable { index, error })?;
            match (&mut execution, &entry) {
                (Some(execution), entry) => execution
                    .apply(entry)
                    .map_err(|illegal| Corrupt::Illegal { index, illegal: illegal.to_string() })?,
                (None, Entry::Event(event)) => {
                    let begun = Self::of_started(event).map_err(|_| no_beginning())?;
                    execution = Some(begun);
                }
                (None, Entry::Change(_)) => return Err(no_beginning()),
            }
            index += 1;
        }
        execution.ok_or_else(no_beginning)
    }

    pub(super) fn new(info: Info) -> Self {
        let mut execution = Execution {
            info,
            closed: None,
            cancel: Cancel::default(),
            task: Task::Idle { next_attempt: 1 },
            held: Volatile(None),
            last_task_failure: None,
            close_attempted: false,
            previous_started_event_id: 0,
            buffer: Buffer::default(),
            timers: BTreeMap::new(),
            timer_ids: BTreeMap::new(),
            activities: BTreeMap::new(),
            activity_ids: BTreeMap::new(),
            signals: 0,
            request_ids: RequestIds::default(),
            next_event_id: 1,
            history_size: 0,
            entry_count: 0,
            deadlines: Volatile::default(),
            recent: Volatile::default(),
            scratch: Volatile::default(),
        };
        let expiration = execution.expiration();
        execution.deadlines.replace(Deadline::Run, None, expiration);
        execution
    }

    /// The earliest moment at which [`Request::Advance`] changes or dispatches something.
    #[must_use]
    pub fn due(&self) -> Option<Timestamp> {
        advance::next(self).map(|(time, _)| time)
    }

    /// How the run ended, if it has.
    #[must_use]
    pub fn closed(&self) -> Option<&Closed> {
        self.closed.as_ref()
    }

    /// The last event in the history.
    #[must_use]
    pub fn last_event_id(&self) -> i64 {
        self.next_event_id - 1
    }

    /// Bytes of the events in the history.
    #[must_use]
    pub fn history_size_bytes(&self) -> i64 {
        self.history_size
    }

    /// Entries in the log so far.
    #[must_use]
    pub fn entry_count(&self) -> u64 {
        self.entry_count
    }

    /// Whether a worker holds the workflow task, in the log or in memory only.
    #[must_use]
    pub fn workflow_task_started(&self) -> bool {
        self.task_start().is_some()
    }

    /// WorkflowTaskScheduled and WorkflowTaskStarted that are in no history yet, to be appended for readers (D4).
    #[must_use]
    pub fn unwritten_events(&self) -> Vec<Arc<HistoryEvent>> {
        if self.closed.is_some() { Vec::new() } else { self.unwritten() }
    }
}

impl Recorder<'_> {
    fn decide(&mut self, request: Request) -> Result<Reply, RequestError> {
        use crate::event::signal::Signaled;
        match request {
            Request::Signal { name: signal_name, input, identity, request_id, header } => self
                .signal(Signaled {
                    signal_name,
                    input,
                    identity,
                    header,
                    request_id,
                    ..Default::default()
                }),
            Request::Cancel { reason, identity, request_id } => {
                self.cancel(reason, identity, request_id)
            }
            Request::Terminate { reason, details, identity } => {
                self.terminate(workflow::Terminated {
                    reason,
                    details,
                    identity,
                    ..Default::default()
                })
            }
            Request::StartWorkflowTask { identity, request_id, durable } => {
                self.start_task(identity, request_id, durable)
            }
            Request::CompleteWorkflowTask(completed) => self.complete_task(*completed),
            Request::FailWorkflowTask(failed) => self.fail_task(*failed),
            Request::StartActivity { scheduled_event_id, attempt, identity, request_id, host } => {
                self.start_activity(super::change::ActivityAttemptStarted {
                    scheduled_event_id,
                    attempt: attempt as i32,
                    identity,
                    request_id,
                    host,
                    ..Default::default()
                })
            }
            Request::ReleaseActivity { token } => self.release_activity(token),
            Request::HeartbeatActivity { activity, details } => self.heartbeat(&activity, details),
            Request::EndActivity { activity, end, identity } => {
                self.end_activity(&activity, end, identity)
            }
            Request::Advance => self.advance(),
            Request::Recover { host } => self.recover(&host),
            Request::RetryWorkflowTask => {
                self.time_out_task()?;
                Ok(Reply::Done)
            }
        }
    }
}
