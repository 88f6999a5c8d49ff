//! Matching what the guest asks for with what its history says it asked for.
//!
//! What a changed guest would change is compared: the kinds of commands, their order, ids and
//! types. Payloads, failures and durations are not, as in Temporal's core.

use super::commands::{Issued, describe};
use super::failure::{Reason, TaskFailure};
use super::operations::Operation;
use super::run::Run;
use super::{activity, patch, timer};
use crate::command::CommandKind;
use crate::event::{Attributes, HistoryEvent, workflow_task};
use alloc::string::{String, ToString};
use core::fmt;

/// The code does other things than its history says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nondeterminism {
    /// Where in the history: the event that does not match, or the one before which an event is
    /// missing.
    pub event_id: i64,
    /// The recorded command's event; `None` if the history has no command here.
    pub recorded: Option<String>,
    /// What the code asks for; `None` if it asks for nothing.
    pub issued: Option<String>,
    /// If both are of one kind: in what they differ.
    pub difference: Option<Difference>,
    /// Where in the code: what the guest did at the time.
    pub breakpoint: Breakpoint,
}

/// A place in a run at which a replay that looks for a fault stops the guest: it traps there, and its stack says where that is in its code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Breakpoint {
    /// The workflow task, by its WorkflowTaskStarted.
    pub started_event_id: i64,
    /// Which of the commands that the guest asks for in this task, from 0; where it comes to rest, if `None`.
    pub command: Option<u32>,
}

/// In what an event and a command of one kind differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The field.
    pub field: &'static str,
    /// Its value in the event.
    pub recorded: String,
    /// Its value in the command.
    pub issued: String,
}

impl fmt::Display for Nondeterminism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the code does not do what its history says: ")?;
        match &self.recorded {
            Some(recorded) => write!(f, "event {} is {recorded}", self.event_id)?,
            None => write!(f, "before event {} the history has no further command", self.event_id)?,
        }
        match &self.issued {
            Some(issued) => write!(f, ", but the code asks for {issued}")?,
            None => write!(f, ", but the code asks for nothing")?,
        }
        if let Some(Difference { field, recorded, issued }) = &self.difference {
            write!(f, "; the {field} was {recorded:?} and is {issued:?}")?;
        }
        write!(
            f,
            ". Run it with the component that wrote this history, or guard the change with \
             `patched`"
        )
    }
}

/// Whether an event records a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Match {
    /// It does.
    Records,
    /// It is of that kind, but another one.
    Differs(Difference),
    /// It is of another kind.
    OtherKind,
}

impl Match {
    /// This, and if it records the command so far, the next.
    pub(super) fn and(self, next: impl FnOnce() -> Match) -> Match {
        match self {
            Match::Records => next(),
            Match::Differs(_) | Match::OtherKind => self,
        }
    }
}

/// Whether a field is the same.
pub(super) fn differs(field: &'static str, recorded: &str, issued: &str) -> Match {
    match recorded == issued {
        true => Match::Records,
        false => {
            let (recorded, issued) = (recorded.into(), issued.into());
            Match::Differs(Difference { field, recorded, issued })
        }
    }
}

/// Whether that event records that command.
fn records(event: &Attributes, command: &CommandKind) -> Match {
    use {Attributes as A, CommandKind as C};
    match (event, command) {
        (A::ActivityTaskScheduled(e), C::ScheduleActivityTask(c)) => activity::records(e, c),
        (
            A::ActivityTaskCancelRequested(e),
            C::RequestCancelActivityTask { scheduled_event_id },
        ) => activity::records_cancel(e, *scheduled_event_id),
        (A::TimerStarted(e), C::StartTimer { timer_id, .. }) => timer::records(e, timer_id),
        (A::TimerCanceled(e), C::CancelTimer { timer_id }) => timer::records_cancel(e, timer_id),
        (A::MarkerRecorded(e), C::RecordMarker { marker_name, details, .. }) => {
            patch::records(e, marker_name, details)
        }
        (A::WorkflowExecutionCompleted(_), C::CompleteWorkflowExecution { .. })
        | (A::WorkflowExecutionFailed(_), C::FailWorkflowExecution { .. })
        | (A::WorkflowExecutionCanceled(_), C::CancelWorkflowExecution { .. }) => Match::Records,
        _ => Match::OtherKind,
    }
}

fn describe_event(event: &Attributes) -> String {
    use alloc::format;
    match event {
        Attributes::ActivityTaskScheduled(e) => format!(
            "ActivityTaskScheduled (activity {:?} of type {:?})",
            e.activity_id,
            e.activity_type.as_ref().map_or("", |t| &t.name)
        ),
        Attributes::ActivityTaskCancelRequested(e) => {
            format!("ActivityTaskCancelRequested (of event {})", e.scheduled_event_id)
        }
        Attributes::TimerStarted(e) => format!("TimerStarted (timer {:?})", e.timer_id),
        Attributes::TimerCanceled(e) => format!("TimerCanceled (timer {:?})", e.timer_id),
        Attributes::MarkerRecorded(e) => {
            patch::describe(&e.marker_name, &e.details, "MarkerRecorded")
        }
        other => other.name().to_string(),
    }
}

/// The flags of this host's own semantics (D3): one for each change, so that mending one breaks no
/// open run.
pub(super) const FLAGS: [u32; 1] = [1];

impl Run {
    /// Matches the commands of the task that has come to rest with what follows its
    /// WorkflowTaskCompleted. `false` if that was not fed yet.
    pub(super) fn complete_task(&mut self) -> Result<bool, TaskFailure> {
        let Some(completed) = self.history.next_completed() else { return Ok(false) };
        if let Attributes::WorkflowTaskCompleted(attributes) = &completed.attributes {
            self.note_flags(completed.event_id, attributes)?;
        }
        let mut issued = self.commands.take().peekable();
        while let Some(event) = self.history.next_command_event(completed.event_id) {
            let found = match issued.peek() {
                Some(next) => records(&event.attributes, &next.command.kind),
                None => Match::OtherKind,
            };
            match found {
                Match::Records => {
                    let operation = issued.next().map_or(0, |issued| issued.operation);
                    self.recorded(&event, operation)?;
                }
                _ if patch::is_deprecated(&event) => {}
                found => {
                    let issued = issued.peek().map(|issued| &**issued);
                    return Err(self.mismatch(&event, issued, found).into());
                }
            }
        }
        match issued.next() {
            None => Ok(true),
            Some(issued) => Err(Nondeterminism {
                event_id: self
                    .history
                    .peek()
                    .map_or(self.history.last_event_id() + 1, |event| event.event_id),
                recorded: None,
                issued: Some(describe(&issued.command.kind)),
                difference: None,
                breakpoint: self.breakpoint_of(Some(&issued)),
            }
            .into()),
        }
    }

    fn recorded(&mut self, event: &HistoryEvent, operation: Operation) -> Result<(), TaskFailure> {
        match &event.attributes {
            Attributes::ActivityTaskScheduled(_) => self.activity_scheduled(event, operation),
            Attributes::ActivityTaskCancelRequested(_) => {
                self.activity_cancel_recorded(event, operation)
            }
            Attributes::TimerStarted(_) => self.timer_started(event, operation),
            Attributes::TimerCanceled(canceled) => self.timer_canceled(event, canceled),
            _ => Ok(()),
        }
    }

    fn note_flags(
        &mut self,
        event_id: i64,
        completed: &workflow_task::Completed,
    ) -> Result<(), TaskFailure> {
        let Some(metadata) = &completed.sdk_metadata else { return Ok(()) };
        self.decided_here |= metadata.sdk_name == "sandglass";
        // Other SDKs give their own meaning to these numbers.
        if self.decided_here {
            for flag in &metadata.lang_used_flags {
                if !FLAGS.contains(flag) {
                    return Err(Reason::UnknownFlag { event_id, flag: *flag }.into());
                }
                self.flags.insert(*flag);
            }
        }
        Ok(())
    }

    fn mismatch(
        &self,
        event: &HistoryEvent,
        issued: Option<&Issued>,
        found: Match,
    ) -> Nondeterminism {
        Nondeterminism {
            event_id: event.event_id,
            recorded: Some(describe_event(&event.attributes)),
            issued: issued.map(|issued| describe(&issued.command.kind)),
            difference: match found {
                Match::Differs(difference) => Some(difference),
                Match::Records | Match::OtherKind => None,
            },
            breakpoint: self.breakpoint_of(issued),
        }
    }

    fn breakpoint_of(&self, issued: Option<&Issued>) -> Breakpoint {
        Breakpoint {
            started_event_id: self.last_started_event_id(),
            command: issued.map(|issued| issued.slot),
        }
    }
}
