//! One run as its guest sees it: history goes in, activations come out, and what the guest asked
//! for in the last of them.
//!
//! The host calls in this order: [`Run::feed`] (all pages that it has), [`Run::next_activation`],
//! then the guest runs and calls the methods that its imports stand for, then [`Run::parked`] or
//! [`Run::returned`]; again from `next_activation` on until it gives `None` or was live; then
//! [`Run::answer`].

use super::cancellation::Cancellation;
use super::commands::{Commands, Slot};
use super::failure::{FeedError, Misuse, Reason, TaskFailure};
use super::history::{self, Cursor};
use super::limits::Limits;
use super::operations::{Machine, Operation, Operations};
use super::patch::Patches;
use super::publish::Publications;
use super::replay::{Breakpoint, FLAGS};
use super::shown::{Handed, ShownFailure};
use super::signal::Signals;
use super::start::WorkflowInfo;
use crate::command::{Command, CommandKind};
use crate::event::{Attributes, HistoryEvent};
use crate::payload::{Payload, Payloads};
use crate::proto::Message;
use crate::task::Published;
use crate::time::Timestamp;
use alloc::{collections::BTreeSet, string::String, sync::Arc, vec, vec::Vec};

/// What a call that may wait says. The host asks again, with the same arguments, at each
/// activation.
#[derive(Clone, Debug, PartialEq)]
pub enum Wait<T> {
    /// It is there.
    Ready(T),
    /// The guest waits.
    Blocked,
}

/// The guest is to be started or resumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Activation {
    /// Whether the guest starts with it.
    pub first: bool,
    /// Whether what the guest asks for is matched with its history, not sent.
    pub replaying: bool,
    /// Where the guest's clocks stand (D7).
    pub now: Timestamp,
    /// The task's WorkflowTaskStarted.
    pub started_event_id: i64,
}

/// What a task is answered with.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decision {
    /// What the guest asks for, in order.
    pub commands: Vec<Command>,
    /// All that the run has published, if it changed.
    pub published: Option<Published>,
    /// Flags of the semantics that decided and that the history does not have yet.
    pub lang_used_flags: Vec<u32>,
}

/// How far a run is with its task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Every task that it was given is done.
    Resting,
    /// The guest runs.
    Running { replaying: bool },
    /// A live task has come to rest; its WorkflowTaskCompleted is what has to be fed next.
    Answered,
    /// The code has returned.
    Over,
}

/// One run as its guest sees it.
#[derive(Debug)]
pub struct Run {
    pub(super) limits: Limits,
    pub(super) history: Cursor,
    pub(super) info: WorkflowInfo,
    pub(super) input: Option<Payloads>,
    pub(super) seed: u64,
    pub(super) operations: Operations,
    pub(super) timers_started: u32,
    pub(super) activities_started: u32,
    pub(super) signals: Signals,
    pub(super) cancellation: Cancellation,
    pub(super) patches: Patches,
    pub(super) publications: Publications,
    pub(super) handed: Handed,
    pub(super) commands: Commands,
    pub(super) flags: BTreeSet<u32>,
    /// Whether the tasks so far were decided by this kind of host.
    pub(super) decided_here: bool,
    phase: Phase,
    now: Timestamp,
    last_started_event_id: i64,
    failure: Option<TaskFailure>,
    breakpoint: Option<Breakpoint>,
}

impl Run {
    /// A run that knows nothing yet.
    #[must_use]
    pub fn new(limits: Limits) -> Run {
        Run {
            limits,
            history: Cursor::default(),
            info: WorkflowInfo::default(),
            input: None,
            seed: 0,
            operations: Operations::default(),
            timers_started: 0,
            activities_started: 0,
            signals: Signals::default(),
            cancellation: Cancellation::default(),
            patches: Patches::default(),
            publications: Publications::default(),
            handed: Handed::default(),
            commands: Commands::default(),
            flags: BTreeSet::new(),
            decided_here: false,
            phase: Phase::Resting,
            now: Timestamp::default(),
            last_started_event_id: 0,
            failure: None,
            breakpoint: None,
        }
    }

    /// Takes in history, in order and without gaps; events that it has had are passed over. It may
    /// come in pages: feed all of them before the next activation is asked for, since whether a
    /// task was completed can only be seen from what follows it. The last event is the
    /// WorkflowTaskStarted of the task that is live, or, of a history that is only replayed,
    /// whatever is last.
    pub fn feed(&mut self, events: &[Arc<HistoryEvent>]) -> Result<(), FeedError> {
        let answered = (self.phase == Phase::Answered).then_some(self.last_started_event_id);
        self.history.feed(events, answered)
    }

    /// Applies the events of the next workflow task, all at once; `None` if there is none. A run
    /// whose task failed stays so: it has to be built again from its history.
    pub fn next_activation(&mut self) -> Result<Option<Activation>, TaskFailure> {
        let next = self.try_next_activation();
        self.keep_failure(next)
    }

    fn try_next_activation(&mut self) -> Result<Option<Activation>, TaskFailure> {
        match self.phase {
            Phase::Resting => {}
            Phase::Over => return Ok(None),
            Phase::Running { .. } => {
                return Err(Reason::OutOfTurn("the guest is still running").into());
            }
            Phase::Answered => {
                if !self.complete_task()? {
                    return Ok(None);
                }
            }
        }
        self.phase = Phase::Resting;
        let Some(task) = self.history.next_task()? else { return Ok(None) };
        self.patches.begin_task(self.history.command_events(task.events));
        let events = self.history.consume(task.events);
        // Signals come first, the others in event order, so that Temporal's core can judge us (D8).
        for event in &events {
            if let Attributes::WorkflowExecutionSignaled(signaled) = &event.attributes {
                self.signal_came(event, &signaled.signal_name)?;
            }
        }
        for event in &events {
            self.apply(event)?;
        }
        let Some(started) = events.last() else { return Ok(None) };
        let first = self.last_started_event_id == 0;
        self.now = self.now.max(started.event_time);
        self.last_started_event_id = started.event_id;
        self.phase = Phase::Running { replaying: task.completed };
        Ok(Some(Activation {
            first,
            replaying: task.completed,
            now: self.now,
            started_event_id: started.event_id,
        }))
    }

    /// The guest waits. On replay, what it asked for is matched with its history.
    pub fn parked(&mut self) -> Result<(), TaskFailure> {
        let rested = self.rest(false);
        self.keep_failure(rested)
    }

    /// The guest's code has returned, which ends the run: completed, canceled (rule 35), or failed.
    pub fn returned(&mut self, result: Result<Payload, ShownFailure>) -> Result<(), TaskFailure> {
        let close = match result {
            Ok(result) => CommandKind::CompleteWorkflowExecution {
                result: Some(Payloads::from(vec![result])),
            },
            Err(failure) => match failure.canceled_details() {
                Some(details) if self.cancellation.is_requested() => {
                    let details = Payloads::some(details.to_vec());
                    CommandKind::CancelWorkflowExecution { details }
                }
                _ => CommandKind::FailWorkflowExecution { failure: self.handed.restore(failure) },
            },
        };
        let rested = self.close(close);
        self.keep_failure(rested)
    }

    fn close(&mut self, close: CommandKind) -> Result<(), TaskFailure> {
        let (what, bytes) = match &close {
            CommandKind::FailWorkflowExecution { failure } => {
                ("the workflow's failure", failure.to_bytes().len())
            }
            CommandKind::CancelWorkflowExecution { details: payloads }
            | CommandKind::CompleteWorkflowExecution { result: payloads } => {
                ("the workflow's result", payloads.as_ref().map_or(0, Payloads::size))
            }
            _ => ("", 0),
        };
        let max = self.limits.payload_bytes_max;
        if bytes > max {
            return Err(Reason::PayloadTooLarge { what: what.into(), bytes, max }.into());
        }
        self.commands.push(close, 0, self.limits.commands_max)?;
        self.rest(true)
    }

    fn rest(&mut self, over: bool) -> Result<(), TaskFailure> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        let Phase::Running { replaying } = self.phase else {
            return Err(Reason::OutOfTurn("no guest is running").into());
        };
        if replaying && !self.complete_task()? {
            return Err(Reason::OutOfTurn("a replayed task's completion was not fed").into());
        }
        self.phase = match (over, replaying) {
            (true, _) => Phase::Over,
            (false, true) => Phase::Resting,
            (false, false) => Phase::Answered,
        };
        Ok(())
    }

    /// What the live task is answered with, once the guest has come to rest in it.
    pub fn answer(&mut self) -> Decision {
        let lang_used_flags =
            FLAGS.iter().filter(|flag| !self.flags.contains(flag)).copied().collect();
        Decision {
            commands: self.commands.to_answer(),
            published: self.publications.take_changed(),
            lang_used_flags,
        }
    }

    /// Why the task fails, if it does: also after a trap, since a guest that hits a limit traps.
    /// The host reports this rather than the trap.
    #[must_use]
    pub fn failure(&self) -> Option<&TaskFailure> {
        self.failure.as_ref()
    }

    /// The WorkflowTaskStarted of the last task that the guest ran in; 0 before the first.
    #[must_use]
    pub fn last_started_event_id(&self) -> i64 {
        self.last_started_event_id
    }

    /// The last event that was fed.
    #[must_use]
    pub fn last_event_id(&self) -> i64 {
        self.history.last_event_id()
    }

    /// Whether the code has returned.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.phase == Phase::Over
    }

    /// How many operations are held: started and not taken.
    #[must_use]
    pub fn operations_open(&self) -> usize {
        self.operations.open()
    }

    /// Whether recorded history is being replayed.
    #[must_use]
    pub fn is_replaying(&self) -> bool {
        self.phase == Phase::Running { replaying: true }
    }

    /// Where the guest's clocks stand.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    fn apply(&mut self, event: &HistoryEvent) -> Result<(), TaskFailure> {
        use Attributes as A;
        match &event.attributes {
            A::WorkflowExecutionStarted(started) => self.began(event, started),
            A::WorkflowTaskFailed(failed) => self.task_failed(failed),
            A::WorkflowExecutionCancelRequested(e) => self.cancel_request_came(e)?,
            A::TimerFired(fired) => self.timer_fired(event, fired)?,
            A::ActivityTaskStarted(started) => self.activity_started(event, started)?,
            A::ActivityTaskCompleted(e) => self.activity_closed(event, e.scheduled_event_id)?,
            A::ActivityTaskFailed(e) => self.activity_closed(event, e.scheduled_event_id)?,
            A::ActivityTaskTimedOut(e) => self.activity_closed(event, e.scheduled_event_id)?,
            A::ActivityTaskCanceled(e) => self.activity_closed(event, e.scheduled_event_id)?,
            // Signals were applied before the others; tries of a task leave no mark.
            A::WorkflowExecutionSignaled(_)
            | A::WorkflowTaskScheduled(_)
            | A::WorkflowTaskStarted(_)
            | A::WorkflowTaskTimedOut(_) => {}
            A::WorkflowTaskCompleted(_)
            | A::ActivityTaskScheduled(_)
            | A::ActivityTaskCancelRequested(_)
            | A::TimerStarted(_)
            | A::TimerCanceled(_)
            | A::MarkerRecorded(_)
            | A::WorkflowExecutionCompleted(_)
            | A::WorkflowExecutionFailed(_)
            | A::WorkflowExecutionCanceled(_) => {
                return Err(unfit(event, "no workflow task decided it"));
            }
            A::WorkflowExecutionTimedOut(_) | A::WorkflowExecutionTerminated(_) => {
                return Err(unfit(event, "a workflow task follows it"));
            }
            A::Other(other) => history::other(event, other.event_type)?,
        }
        Ok(())
    }

    /// Gives a number to what the guest starts.
    pub(super) fn give(&mut self, machine: Machine) -> Result<Operation, Misuse> {
        let given = self.operations.give(machine, self.limits.operations_max);
        given.map_err(|reason| self.exceed(reason))
    }

    /// Adds a command of the task that runs.
    pub(super) fn issue(
        &mut self,
        command: impl Into<Command>,
        operation: Operation,
    ) -> Result<Slot, Misuse> {
        if self.breaks_at(Some(self.commands.next_slot())) {
            return Err(stopped());
        }
        let slot = self.commands.push(command, operation, self.limits.commands_max);
        slot.map_err(|reason| self.exceed(reason))
    }

    /// Stops the guest there when it comes by, to see where in its code that is. The run is of no use afterwards.
    pub fn break_at(&mut self, breakpoint: Breakpoint) {
        self.breakpoint = Some(breakpoint);
    }

    /// To be asked when the guest is about to wait: whether it traps instead.
    pub fn break_at_rest(&self) -> Result<(), Misuse> {
        match self.breaks_at(None) {
            true => Err(stopped()),
            false => Ok(()),
        }
    }

    fn breaks_at(&self, command: Option<Slot>) -> bool {
        let here = Breakpoint { started_event_id: self.last_started_event_id, command };
        self.breakpoint == Some(here)
    }

    /// A limit was hit: the guest traps, and the task fails with this.
    pub(super) fn exceed(&mut self, reason: Reason) -> Misuse {
        let misuse = Misuse::from(reason.clone());
        self.failure.get_or_insert_with(|| reason.into());
        misuse
    }

    fn keep_failure<T>(&mut self, result: Result<T, TaskFailure>) -> Result<T, TaskFailure> {
        if let Err(failure) = &result {
            self.failure.get_or_insert_with(|| failure.clone());
        }
        result
    }
}

/// An event that cannot follow what was before it.
pub(super) fn unfit(event: &HistoryEvent, why: impl Into<String>) -> TaskFailure {
    Reason::Unfit { event_id: event.event_id, event: event.attributes.name(), why: why.into() }
        .into()
}

fn stopped() -> Misuse {
    Misuse("the guest was stopped at a breakpoint".into())
}
