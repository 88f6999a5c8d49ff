//! A durable timer as its guest sees it: its states, and the run's methods for it. Plain WASI
//! sleeps are timers too (D5).

use super::commands::Slot;
use super::failure::{Misuse, Reason, TaskFailure};
use super::operations::{Machine, Operation, Stamp, wrong_kind};
use super::replay::{Match, differs};
use super::run::{Run, Wait, unfit};
use super::shown::{ShownFailure, bare_canceled};
use crate::command::{Command, CommandKind};
use crate::event::{HistoryEvent, timer};
use crate::payload::UserMetadata;
use alloc::string::{String, ToString};
use core::time::Duration;

/// Who waits for a timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimerKind {
    /// The workflow, through `timers`: a cancel request interrupts the wait.
    Durable,
    /// A plain WASI sleep, which cannot say that it was interrupted.
    Wasi,
}

/// How far a timer has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// The task that runs started it.
    Issued,
    /// The history has it.
    Running,
    /// Its time came.
    Fired,
    /// The guest canceled it.
    Canceled,
}

/// What happens to a timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Happening {
    /// TimerStarted.
    Started,
    /// TimerFired.
    Fired,
    /// TimerCanceled.
    CancelRecorded,
    /// The guest cancels it.
    Cancel,
}

/// What follows besides the new state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// Nothing.
    Nothing,
    /// The StartTimer of this task is not sent, nor a CancelTimer (rule 107).
    DropCommand,
    /// A CancelTimer is sent.
    SendCancel,
}

/// What becomes of a timer; `None` if that cannot happen to it.
pub(super) fn apply(state: State, happening: Happening) -> Option<(State, Effect)> {
    use {Effect::*, Happening as H, State as S};
    match (state, happening) {
        (S::Issued, H::Started) => Some((S::Running, Nothing)),
        (S::Running, H::Fired) => Some((S::Fired, Nothing)),
        (S::Canceled, H::CancelRecorded) => Some((S::Canceled, Nothing)),
        (S::Issued, H::Cancel) => Some((S::Canceled, DropCommand)),
        (S::Running, H::Cancel) => Some((S::Canceled, SendCancel)),
        (S::Fired | S::Canceled, H::Cancel) => Some((state, Nothing)),
        (S::Issued, H::Fired | H::CancelRecorded)
        | (S::Running, H::Started | H::CancelRecorded)
        | (S::Fired | S::Canceled, H::Started | H::Fired)
        | (S::Fired, H::CancelRecorded) => None,
    }
}

/// One timer.
#[derive(Debug)]
pub(super) struct Timer {
    kind: TimerKind,
    state: State,
    /// Its number among the run's timers (rule 115).
    number: u32,
    slot: Slot,
    ready_at: Stamp,
}

impl Timer {
    /// When it became ready, if it is.
    pub(super) fn ready_at(&self) -> Option<Stamp> {
        matches!(self.state, State::Fired | State::Canceled).then_some(self.ready_at)
    }
}

/// Whether the event records that command. Temporal's core does not compare durations, nor do we.
pub(super) fn records(event: &timer::Started, timer_id: &str) -> Match {
    differs("timer id", &event.timer_id, timer_id)
}

/// Whether the event records that command.
pub(super) fn records_cancel(event: &timer::Canceled, timer_id: &str) -> Match {
    differs("timer id", &event.timer_id, timer_id)
}

impl Run {
    /// Starts a timer. One that is nothing long waits for the next task, too (rule 122).
    pub fn start_timer(
        &mut self,
        duration: Duration,
        kind: TimerKind,
        summary: Option<String>,
    ) -> Result<Operation, Misuse> {
        self.timers_started += 1;
        let number = self.timers_started;
        let timer = Timer { kind, state: State::Issued, number, slot: 0, ready_at: 0 };
        let operation = self.give(Machine::Timer(timer))?;
        let command = Command {
            kind: CommandKind::StartTimer {
                timer_id: number.to_string(),
                start_to_fire_timeout: duration,
            },
            user_metadata: summary.map(summarized),
        };
        let slot = self.issue(command, operation)?;
        if let Some(Machine::Timer(timer)) = self.operations.get(operation) {
            timer.slot = slot;
        }
        Ok(operation)
    }

    /// Waits until it fires, which takes it. A cancel request that finds it waiting cancels it.
    pub fn wait_timer(
        &mut self,
        operation: Operation,
    ) -> Result<Wait<Result<(), ShownFailure>>, Misuse> {
        let timer = self.operations.waited_timer(operation)?;
        if timer.kind == TimerKind::Wasi {
            return Err(Misuse(alloc::format!("operation {operation} belongs to a plain sleep")));
        }
        let state = timer.state;
        if timer.ready_at().is_none() {
            if !self.cancellation.interrupt() {
                return Ok(Wait::Blocked);
            }
            self.cancel_timer(operation)?;
        }
        self.operations.take(operation);
        Ok(Wait::Ready(match state {
            State::Fired => Ok(()),
            State::Issued | State::Running | State::Canceled => {
                Err(self.handed.hand(bare_canceled()))
            }
        }))
    }

    /// Cancels it; no effect once it has fired, was taken, or was canceled. One of a plain WASI
    /// sleep is taken as well, since only dropping it cancels it.
    pub fn cancel_timer(&mut self, operation: Operation) -> Result<(), Misuse> {
        match self.operations.known(operation)? {
            None => Ok(()),
            Some(Machine::Timer(timer)) => {
                let wasi = timer.kind == TimerKind::Wasi;
                self.cancel_known_timer(operation)?;
                if wasi {
                    self.operations.take(operation);
                }
                Ok(())
            }
            Some(other) => Err(wrong_kind(operation, other, "a timer")),
        }
    }

    fn cancel_known_timer(&mut self, operation: Operation) -> Result<(), Misuse> {
        let stamp = self.operations.next_stamp();
        let Some(Machine::Timer(timer)) = self.operations.get(operation) else { return Ok(()) };
        let Some((state, effect)) = apply(timer.state, Happening::Cancel) else { return Ok(()) };
        if timer.state != state {
            timer.ready_at = stamp;
        }
        timer.state = state;
        let (slot, timer_id) = (timer.slot, timer.number);
        match effect {
            Effect::Nothing => {}
            Effect::DropCommand => self.commands.drop(slot),
            Effect::SendCancel => {
                let timer_id = timer_id.to_string();
                self.issue(CommandKind::CancelTimer { timer_id }, operation)?;
            }
        }
        Ok(())
    }

    /// The event that records a StartTimer.
    pub(super) fn timer_started(
        &mut self,
        event: &HistoryEvent,
        operation: Operation,
    ) -> Result<(), TaskFailure> {
        self.operations.record(event.event_id, operation);
        self.timer_happens(event, operation, Happening::Started)
    }

    /// The event that records a CancelTimer.
    pub(super) fn timer_canceled(
        &mut self,
        event: &HistoryEvent,
        canceled: &timer::Canceled,
    ) -> Result<(), TaskFailure> {
        self.timer_ends(event, canceled.started_event_id, Happening::CancelRecorded)
    }

    /// A timer's time came.
    pub(super) fn timer_fired(
        &mut self,
        event: &HistoryEvent,
        fired: &timer::Fired,
    ) -> Result<(), TaskFailure> {
        self.timer_ends(event, fired.started_event_id, Happening::Fired)
    }

    fn timer_ends(
        &mut self,
        event: &HistoryEvent,
        started_event_id: i64,
        happening: Happening,
    ) -> Result<(), TaskFailure> {
        match self.operations.end(started_event_id) {
            Some(operation) => self.timer_happens(event, operation, happening),
            None => Err(unfit(event, "no timer is running that it could be about")),
        }
    }

    fn timer_happens(
        &mut self,
        event: &HistoryEvent,
        operation: Operation,
        happening: Happening,
    ) -> Result<(), TaskFailure> {
        let stamp = self.operations.next_stamp();
        let timer = match self.operations.get(operation) {
            // It was canceled and taken; its TimerCanceled is all that can still come.
            None if happening == Happening::CancelRecorded => return Ok(()),
            None => return Err(unfit(event, "its timer was canceled")),
            Some(Machine::Timer(timer)) => timer,
            Some(_) => return Err(unfit(event, "it is about something that is no timer")),
        };
        let Some((state, _)) = apply(timer.state, happening) else {
            return Err(unfit(event, alloc::format!("its timer is {:?}", timer.state)));
        };
        if happening == Happening::Fired {
            timer.ready_at = stamp;
        }
        timer.state = state;
        Ok(())
    }
}

/// A line about a command, for people.
pub(super) fn summarized(summary: String) -> UserMetadata {
    UserMetadata { summary: Some(super::patch::json_text(&summary)), ..UserMetadata::default() }
}

/// For the machine's callers: a limit that was hit.
impl From<Reason> for Misuse {
    fn from(reason: Reason) -> Self {
        Misuse(reason.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::{Effect, Happening, State, apply};
    use alloc::{format, string::String};
    use expect_test::expect;

    #[test]
    fn every_happening_in_every_state() {
        use {Happening as H, State as S};
        let mut table = String::new();
        for state in [S::Issued, S::Running, S::Fired, S::Canceled] {
            for happening in [H::Started, H::Fired, H::CancelRecorded, H::Cancel] {
                table += &match apply(state, happening) {
                    None => format!("{state:?} + {happening:?} = unfit\n"),
                    Some((next, Effect::Nothing)) => {
                        format!("{state:?} + {happening:?} = {next:?}\n")
                    }
                    Some((next, effect)) => {
                        format!("{state:?} + {happening:?} = {next:?}, {effect:?}\n")
                    }
                };
            }
        }
        expect![[r#"
            Issued + Started = Running
            Issued + Fired = unfit
            Issued + CancelRecorded = unfit
            Issued + Cancel = Canceled, DropCommand
            Running + Started = unfit
            Running + Fired = Fired
            Running + CancelRecorded = unfit
            Running + Cancel = Canceled, SendCancel
            Fired + Started = unfit
            Fired + Fired = unfit
            Fired + CancelRecorded = unfit
            Fired + Cancel = Fired
            Canceled + Started = unfit
            Canceled + Fired = unfit
            Canceled + CancelRecorded = Canceled
            Canceled + Cancel = Canceled
        "#]]
        .assert_eq(&table);
    }
}
