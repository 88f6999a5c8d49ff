//! Replaying a whole history with a component, away from any host: does this code still do what is recorded?
//!
//! What lives here: one history from its beginning, on the caller's thread, and the search for where in the guest's code a mismatch arises.
//! What does not: the matching (`sandglass_core::worker`), and where histories come from.

use super::component::WorkflowComponent;
use super::control::Control;
use super::engine::Engine;
use super::failure::GuestFailure;
use super::instance::{Instance, Rest};
use super::log::Output;
use parking_lot::Mutex;
use sandglass_core::event::{Attributes, HistoryEvent};
use sandglass_core::worker::{Breakpoint, FeedError, Nondeterminism, Reason, Run, TaskFailure};
use std::fmt;
use std::sync::Arc;

/// A history that was replayed to its end: the component does what it says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Events of the history.
    pub events: usize,
    /// Workflow tasks that the guest ran in. One that the history does not complete has nothing to be compared with, and is not run.
    pub tasks: usize,
}

/// A history that the component does not replay.
#[derive(Clone, Debug, PartialEq)]
pub enum ReplayError {
    /// The code does other things than are recorded.
    Diverged(Box<Divergence>),
    /// The code trapped, or hit a limit, where the recorded run went on.
    Trapped {
        /// The task in which it did: its WorkflowTaskStarted.
        started_event_id: i64,
        /// Why.
        message: String,
        /// Where: one line a frame, the innermost first.
        stack_trace: String,
    },
    /// The history cannot be replayed here, with whatever code: it is damaged, cut, or of a later version.
    History(String),
}

/// The first place at which code and history part.
#[derive(Clone, Debug, PartialEq)]
pub struct Divergence {
    /// What was recorded there and what the guest did.
    pub mismatch: Nondeterminism,
    /// Where in the guest that was: one line a frame, the innermost first. Empty if its code has returned.
    pub stack_trace: String,
}

impl std::error::Error for ReplayError {}

impl fmt::Display for ReplayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (message, stack_trace) = match self {
            ReplayError::Diverged(divergence) => {
                (divergence.mismatch.to_string(), &*divergence.stack_trace)
            }
            ReplayError::Trapped { started_event_id, message, stack_trace } => (
                format!("in the workflow task that began with event {started_event_id}: {message}"),
                &**stack_trace,
            ),
            ReplayError::History(why) => (why.clone(), ""),
        };
        f.write_str(&message)?;
        for frame in stack_trace.lines() {
            write!(f, "\n    in {frame}")?;
        }
        Ok(())
    }
}

/// Replays a history with a component, from its first event on. Guests' lines are not shown.
///
/// # Errors
/// The first mismatch, or why there is no telling.
pub fn replay(
    engine: &Engine,
    component: &WorkflowComponent,
    events: &[Arc<HistoryEvent>],
) -> Result<Replayed, ReplayError> {
    match Replay::new(engine, component, None).run(events) {
        Ok(replayed) => Ok(replayed),
        Err(Stopped::Fed(error)) => Err(ReplayError::History(error.to_string())),
        Err(Stopped::Guest { started_event_id, failure }) => Err(ReplayError::Trapped {
            started_event_id,
            message: failure.message,
            stack_trace: failure.stack_trace,
        }),
        Err(Stopped::Task { started_event_id, failure }) => Err(match *failure.reason {
            Reason::Nondeterminism(mismatch) => {
                let stack_trace = stack_at(engine, component, events, mismatch.breakpoint);
                ReplayError::Diverged(Box::new(Divergence { mismatch, stack_trace }))
            }
            Reason::PayloadTooLarge { .. } | Reason::TooMany { .. } => ReplayError::Trapped {
                started_event_id,
                message: failure.reason.to_string(),
                stack_trace: String::new(),
            },
            Reason::Unfit { .. }
            | Reason::UnknownEvent { .. }
            | Reason::UnknownFlag { .. }
            | Reason::OutOfTurn(_) => ReplayError::History(failure.reason.to_string()),
        }),
    }
}

/// Where in its code a run's guest waits: one line a frame, the innermost first. Empty if it has not begun, or has returned.
///
/// A guest that is parked cannot be looked into without ending it, so it is another instance of it that is replayed to the same place.
///
/// # Errors
/// The history cannot be replayed with this component.
pub(crate) fn stack_trace(
    engine: &Engine,
    component: &WorkflowComponent,
    events: &[Arc<HistoryEvent>],
) -> Result<String, ReplayError> {
    let Some(started_event_id) = last_completed_task(events) else { return Ok(String::new()) };
    let breakpoint = Breakpoint { started_event_id, command: None };
    match Replay::new(engine, component, Some(breakpoint)).run(events) {
        Ok(_) => Ok(String::new()),
        Err(Stopped::Guest { started_event_id: at, failure }) if at == started_event_id => {
            Ok(failure.stack_trace)
        }
        Err(_) => replay(engine, component, events).map(|_| String::new()),
    }
}

/// The WorkflowTaskStarted of the last task that was answered.
fn last_completed_task(events: &[Arc<HistoryEvent>]) -> Option<i64> {
    events.iter().rev().find_map(|event| match &event.attributes {
        Attributes::WorkflowTaskCompleted(completed) => Some(completed.started_event_id),
        _ => None,
    })
}

/// Where in its code the guest is at that breakpoint: it is replayed once more, and stopped there.
fn stack_at(
    engine: &Engine,
    component: &WorkflowComponent,
    events: &[Arc<HistoryEvent>],
    breakpoint: Breakpoint,
) -> String {
    match Replay::new(engine, component, Some(breakpoint)).run(events) {
        Err(Stopped::Guest { failure, .. }) => failure.stack_trace,
        // It has returned, so there is no stack; the mismatch itself is told by the replay before.
        Ok(_) | Err(Stopped::Task { .. } | Stopped::Fed(_)) => String::new(),
    }
}

/// Why a replay ended early.
enum Stopped {
    Fed(FeedError),
    Task { started_event_id: i64, failure: TaskFailure },
    Guest { started_event_id: i64, failure: GuestFailure },
}

/// One pass over a history.
struct Replay<'a> {
    engine: &'a Engine,
    component: &'a WorkflowComponent,
    run: Arc<Mutex<Run>>,
    output: Arc<Mutex<Output>>,
    control: Arc<Control>,
}

impl<'a> Replay<'a> {
    fn new(
        engine: &'a Engine,
        component: &'a WorkflowComponent,
        breakpoint: Option<Breakpoint>,
    ) -> Self {
        let limits = &engine.options().limits;
        let mut run = Run::new(limits.run.clone());
        if let Some(breakpoint) = breakpoint {
            run.break_at(breakpoint);
        }
        let mut output = Output::new(Arc::new(|_| {}), limits);
        output.silent = true;
        let control = Control::new(limits.deadlock_timeout, engine.options().tick / 2);
        Replay {
            engine,
            component,
            run: Arc::new(Mutex::new(run)),
            output: Arc::new(Mutex::new(output)),
            control: Arc::new(control),
        }
    }

    fn run(&self, events: &[Arc<HistoryEvent>]) -> Result<Replayed, Stopped> {
        self.run.lock().feed(events).map_err(Stopped::Fed)?;
        let mut replayed = Replayed { events: events.len(), tasks: 0 };
        let mut instance = None;
        loop {
            let activation = self.run.lock().next_activation();
            let Some(activation) = self.stopped(activation)? else { return Ok(replayed) };
            if !activation.replaying {
                return Ok(replayed);
            }
            self.output.lock().begin_task(true);
            if activation.first {
                instance = Some(self.instance());
            }
            self.control.activate();
            if let Some(guest) = &mut instance
                && self.resume(guest)?
            {
                instance = None;
            }
            replayed.tasks += 1;
        }
    }

    /// Runs the guest until it waits or, which is told, has returned.
    fn resume(&self, instance: &mut Instance) -> Result<bool, Stopped> {
        let (rested, over) = loop {
            match instance.resume() {
                Rest::Yielded => {}
                Rest::Parked => break (self.run.lock().parked(), false),
                Rest::Returned(returned) => break (self.run.lock().returned(returned), true),
                Rest::Failed(failure) => {
                    let run = self.run.lock();
                    let started_event_id = run.last_started_event_id();
                    // A guest that hits a bound of the core's traps; the core knows which.
                    return Err(match run.failure() {
                        Some(known) => Stopped::Task { started_event_id, failure: known.clone() },
                        None => Stopped::Guest { started_event_id, failure },
                    });
                }
            }
        };
        self.stopped(rested)?;
        Ok(over)
    }

    fn stopped<T>(&self, result: Result<T, TaskFailure>) -> Result<T, Stopped> {
        result.map_err(|failure| {
            let started_event_id = self.run.lock().last_started_event_id();
            Stopped::Task { started_event_id, failure }
        })
    }

    fn instance(&self) -> Instance {
        Instance::new(
            self.component,
            &self.engine.options().limits,
            Arc::clone(&self.run),
            Arc::clone(&self.control),
            Arc::clone(&self.output),
        )
    }
}
