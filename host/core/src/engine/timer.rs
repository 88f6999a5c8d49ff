//! Durable timers: started by a command, fired by time, canceled by a command.

use super::execution::Execution;
use super::illegal::Illegal;
use super::recorder::Recorder;
use crate::event::timer;
use crate::time::Timestamp;
use alloc::string::String;

/// A timer that is pending.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Timer {
    /// It runs.
    Running {
        /// Its id.
        timer_id: String,
        /// When it fires.
        fires_at: Timestamp,
    },
    /// It has fired while a workflow task runs; its TimerFired is buffered.
    Fired {
        /// Its id.
        timer_id: String,
    },
}

/// What happens to a timer.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// TimerStarted.
    Started { timer_id: String, fires_at: Timestamp },
    /// Its TimerFired was buffered.
    FireBuffered,
    /// TimerFired.
    Fired,
    /// TimerCanceled.
    Canceled,
}

/// The timer after `step`; nothing if it is not pending any more.
pub(super) fn apply(state: Option<Timer>, step: Step) -> Result<Option<Timer>, Illegal> {
    match (state, step) {
        (None, Step::Started { timer_id, fires_at }) => {
            Ok(Some(Timer::Running { timer_id, fires_at }))
        }
        (Some(Timer::Running { timer_id, .. }), Step::FireBuffered) => {
            Ok(Some(Timer::Fired { timer_id }))
        }
        (Some(Timer::Running { .. } | Timer::Fired { .. }), Step::Fired | Step::Canceled) => {
            Ok(None)
        }
        (state, step) => Err(illegal(state.as_ref(), &step)),
    }
}

fn illegal(state: Option<&Timer>, step: &Step) -> Illegal {
    let state = match state {
        None => "absent",
        Some(Timer::Running { .. }) => "running",
        Some(Timer::Fired { .. }) => "fired",
    };
    let step = match step {
        Step::Started { .. } => "TimerStarted",
        Step::FireBuffered => "a buffered TimerFired",
        Step::Fired => "TimerFired",
        Step::Canceled => "TimerCanceled",
    };
    Illegal { machine: "timer", state, step }
}

impl Timer {
    /// Its id.
    pub(super) fn id(&self) -> &str {
        match self {
            Timer::Running { timer_id, .. } | Timer::Fired { timer_id } => timer_id,
        }
    }

    /// When it fires, if it still has to.
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        match self {
            Timer::Running { fires_at, .. } => Some(*fires_at),
            Timer::Fired { .. } => None,
        }
    }
}

impl Execution {
    /// Takes one step of the timer of that TimerStarted.
    pub(super) fn step_timer(&mut self, started_event_id: i64, step: Step) -> Result<(), Illegal> {
        use super::deadlines::Deadline;
        let before = self.timers.remove(&started_event_id);
        let due = before.as_ref().and_then(Timer::deadline);
        if let Some(before) = &before {
            self.timer_ids.remove(before.id());
        }
        let after = apply(before, step)?;
        let deadline = Deadline::Timer(started_event_id);
        self.deadlines.replace(deadline, due, after.as_ref().and_then(Timer::deadline));
        if let Some(after) = after {
            self.timer_ids.insert(after.id().into(), started_event_id);
            self.timers.insert(started_event_id, after);
        }
        Ok(())
    }
}

impl Recorder<'_> {
    /// The time of a timer has come.
    pub(super) fn fire_timer(&mut self, started_event_id: i64) -> Result<(), Illegal> {
        let Some(timer) = self.execution.timers.get(&started_event_id) else { return Ok(()) };
        let timer_id = timer.id().into();
        self.external(timer::Fired { timer_id, started_event_id, ..Default::default() })
    }
}
