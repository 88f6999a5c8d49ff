//! What the guest asked for in the task that runs, in program order. A command that is dropped
//! (rules 77 and 107) leaves no trace.

use super::failure::Reason;
use super::operations::Operation;
use crate::command::{Command, CommandKind};
use alloc::{boxed::Box, vec::Vec};

/// A command that was issued.
#[derive(Debug)]
pub(super) struct Issued {
    /// The command.
    pub(super) command: Command,
    /// What it is about; 0 if it is about none.
    pub(super) operation: Operation,
    /// Where it stood among all that were issued, those that were dropped included.
    pub(super) slot: Slot,
}

/// Where a command stands among those of its task.
pub(super) type Slot = u32;

/// The commands of one task.
#[derive(Debug, Default)]
pub(super) struct Commands {
    /// Boxed: a guest may be parked with them for a year.
    list: Vec<Option<Box<Issued>>>,
}

impl Commands {
    /// Adds one. One that closes the run is always taken.
    pub(super) fn push(
        &mut self,
        command: impl Into<Command>,
        operation: Operation,
        max: usize,
    ) -> Result<Slot, Reason> {
        let command = command.into();
        if self.list.len() >= max && !command.kind.closes() {
            return Err(Reason::TooMany { what: "commands in one workflow task", max });
        }
        let slot = self.next_slot();
        self.list.push(Some(Box::new(Issued { command, operation, slot })));
        Ok(slot)
    }

    /// The slot of the next one.
    pub(super) fn next_slot(&self) -> Slot {
        self.list.len() as Slot
    }

    /// Drops one of the task that runs.
    pub(super) fn drop(&mut self, slot: Slot) {
        if let Some(issued) = self.list.get_mut(slot as usize) {
            *issued = None;
        }
    }

    /// The commands as the answer has them.
    pub(super) fn to_answer(&self) -> Vec<Command> {
        self.list.iter().flatten().map(|issued| issued.command.clone()).collect()
    }

    /// The commands, to be matched; none are left.
    pub(super) fn take(&mut self) -> impl Iterator<Item = Box<Issued>> + use<> {
        core::mem::take(&mut self.list).into_iter().flatten()
    }
}

/// What people are told that a command is.
pub(super) fn describe(kind: &CommandKind) -> alloc::string::String {
    use alloc::format;
    match kind {
        CommandKind::ScheduleActivityTask(c) => format!(
            "ScheduleActivityTask (activity {:?} of type {:?})",
            c.activity_id, c.activity_type.name
        ),
        CommandKind::RequestCancelActivityTask { scheduled_event_id } => {
            format!("RequestCancelActivityTask (of event {scheduled_event_id})")
        }
        CommandKind::StartTimer { timer_id, .. } => format!("StartTimer (timer {timer_id:?})"),
        CommandKind::CancelTimer { timer_id } => format!("CancelTimer (timer {timer_id:?})"),
        CommandKind::RecordMarker { marker_name, details, .. } => {
            super::patch::describe(marker_name, details, "RecordMarker")
        }
        other => other.name().into(),
    }
}
