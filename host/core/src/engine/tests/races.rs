//! Random requests in random order, checked after each: the log leads to the state, and the rules that hold for all runs hold.

use super::driver::*;
use crate::command::{Command, CommandKind, ScheduleActivityTask};
use crate::engine::*;
use crate::event::Attributes;
use crate::failure::Failure;
use crate::task;
use alloc::{boxed::Box, format, vec, vec::Vec};
use core::time::Duration;
use proptest::prelude::*;
use proptest::test_runner::{Config, FileFailurePersistence};

/// What may happen. Numbers choose among what is there.
#[derive(Clone, Debug)]
enum Happening {
    Signal(u8),
    Cancel,
    Terminate,
    StartTask { durable: bool },
    Answer(Vec<Asked>),
    StaleAnswer,
    Fail,
    StartActivity(u8),
    StartStaleAttempt(u8),
    Heartbeat(u8),
    End(u8, u8),
    Pass(u16),
    Recover,
    RetryTask,
    Repeat,
}

/// A command of an answer.
#[derive(Clone, Debug)]
enum Asked {
    Timer(u8, u16),
    CancelTimer(u8),
    Activity(u8, u8),
    CancelActivity(u8),
    Complete,
    Cancel,
}

fn asked() -> impl Strategy<Value = Asked> {
    prop_oneof![
        4 => (0..4u8, 0..6u16).prop_map(|(id, after)| Asked::Timer(id, after * 500)),
        3 => (0..4u8).prop_map(Asked::CancelTimer),
        4 => (0..4u8, 0..6u8).prop_map(|(id, kind)| Asked::Activity(id, kind)),
        4 => (0..8u8).prop_map(Asked::CancelActivity),
        1 => Just(Asked::Complete),
    ]
}

/// Now and then the last command closes the run.
fn answer() -> impl Strategy<Value = Vec<Asked>> {
    let closing = prop_oneof![
        6 => Just(None),
        1 => Just(Some(Asked::Complete)),
        1 => Just(Some(Asked::Cancel)),
    ];
    (prop::collection::vec(asked(), 0..4), closing).prop_map(|(mut commands, closing)| {
        commands.extend(closing);
        commands
    })
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        3 => (0..6u8).prop_map(Happening::Signal),
        3 => Just(Happening::Cancel),
        1 => Just(Happening::Terminate),
        1 => Just(Happening::RetryTask),
        6 => any::<bool>().prop_map(|durable| Happening::StartTask { durable }),
        7 => answer().prop_map(Happening::Answer),
        1 => Just(Happening::StaleAnswer),
        2 => Just(Happening::Fail),
        4 => any::<u8>().prop_map(Happening::StartActivity),
        1 => any::<u8>().prop_map(Happening::StartStaleAttempt),
        2 => any::<u8>().prop_map(Happening::Heartbeat),
        4 => (any::<u8>(), 0..5u8).prop_map(|(which, how)| Happening::End(which, how)),
        5 => (0..16u16).prop_map(|time| Happening::Pass(time * 500)),
        1 => Just(Happening::Recover),
        1 => Just(Happening::Repeat),
    ]
}

/// The world around a run.
struct World {
    driver: Driver,
    tasks: Vec<task::WorkflowTask>,
    attempts: Vec<ActivityTask>,
    cancels: usize,
    polls: u32,
}

impl World {
    fn new(limits: Limits) -> World {
        let start = Start { workflow_run_timeout: Some(seconds(90)), ..start() };
        let driver = Driver::with(start, limits);
        World { driver, tasks: Vec::new(), attempts: Vec::new(), cancels: 0, polls: 0 }
    }

    fn command(&self, asked: &Asked) -> Command {
        match asked {
            Asked::Timer(id, after) => {
                timer(&format!("{id}"), Duration::from_millis(u64::from(*after)))
            }
            Asked::CancelTimer(id) => cancel_timer(&format!("{id}")),
            Asked::Activity(id, kind) => {
                let s = |on: bool, n| on.then(|| seconds(n));
                schedule(ScheduleActivityTask {
                    schedule_to_close_timeout: s(kind & 1 == 1, 6),
                    schedule_to_start_timeout: s(*kind == 2, 3),
                    start_to_close_timeout: s(true, 4),
                    heartbeat_timeout: s(kind & 4 == 4, 2),
                    ..activity(&format!("{id}"))
                })
            }
            Asked::CancelActivity(which) => {
                let pending = self.driver.run.describe().pending_activities;
                let id = pending.get(usize::from(*which)).map_or(3, |it| it.scheduled_event_id);
                cancel_activity(id)
            }
            Asked::Complete => complete(),
            Asked::Cancel => cancel_run(),
        }
    }

    fn pick<T: Clone>(from: &[T], which: u8) -> Option<T> {
        if from.is_empty() { None } else { from.get(usize::from(which) % from.len()).cloned() }
    }

    fn start_activity(&mut self, which: u8, stale: u32) -> Option<()> {
        let pending = self.driver.run.describe().pending_activities;
        let pending = Self::pick(&pending, which)?;
        self.polls += 1;
        let request = Request::StartActivity {
            scheduled_event_id: pending.scheduled_event_id,
            attempt: pending.attempt + stale,
            identity: "act".into(),
            request_id: format!("poll-{}", self.polls),
            host: if which.is_multiple_of(2) { "host-1".into() } else { "".into() },
        };
        if let Ok(Reply::ActivityTask(task)) = self.driver.ask(request) {
            assert_eq!(stale, 0, "an attempt was started that is not there");
            self.attempts.push(*task);
        }
        Some(())
    }

    fn end(&mut self, which: u8, how: u8) -> Option<()> {
        let attempt = Self::pick(&self.attempts, which)?;
        let end = match how {
            0 => ActivityEnd::Completed { result: payloads("1") },
            1 => ActivityEnd::Canceled { details: None },
            2 => ActivityEnd::Failed {
                failure: Failure::application("no", "No", true),
                last_heartbeat_details: None,
            },
            _ => ActivityEnd::Failed {
                failure: Failure::application("again", "Again", false),
                last_heartbeat_details: payloads("7"),
            },
        };
        let ended = self.driver.end(&attempt, end.clone()).is_ok();
        // Once is enough.
        assert!(!ended || self.driver.end(&attempt, end).is_err());
        Some(())
    }

    fn happen(&mut self, happening: &Happening) -> Option<()> {
        let driver = &mut self.driver;
        match happening {
            Happening::Signal(id) => drop(driver.ask(signal("s", &format!("{id}")))),
            Happening::Cancel => {
                let before = driver.run.closed().is_none();
                driver.ok(cancel(""));
                self.cancels += usize::from(before);
            }
            Happening::Terminate => drop(driver.ask(terminate("stop"))),
            Happening::StartTask { durable } => {
                self.polls += 1;
                let request = Request::StartWorkflowTask {
                    identity: "worker".into(),
                    request_id: format!("task-{}", self.polls),
                    durable: *durable,
                };
                if let Ok(Reply::WorkflowTask(task)) = driver.ask(request) {
                    self.tasks.push(*task);
                }
            }
            Happening::Answer(asked) => {
                let commands: Vec<Command> = asked.iter().map(|it| self.command(it)).collect();
                let task = self.tasks.last()?.clone();
                self.answer(&task, commands);
            }
            Happening::StaleAnswer => {
                let task = self.tasks.first()?.clone();
                self.answer(&task, Vec::new());
            }
            Happening::Fail => {
                let task = self.tasks.last()?.clone();
                drop(driver.fail(&task));
            }
            Happening::StartActivity(which) => self.start_activity(*which, 0)?,
            Happening::StartStaleAttempt(which) => self.start_activity(*which, 1)?,
            Happening::Heartbeat(which) => {
                let attempt = Self::pick(&self.attempts, *which)?;
                drop(driver.heartbeat(&attempt, "3"));
            }
            Happening::End(which, how) => self.end(*which, *how)?,
            Happening::Pass(milliseconds) => {
                driver.pass(Duration::from_millis(u64::from(*milliseconds)));
            }
            Happening::Recover => {
                driver.reopen();
                driver.ok(Request::Recover { host: "host-2".into() });
                assert!(!driver.run.workflow_task_started());
            }
            Happening::RetryTask => driver.ok(Request::RetryWorkflowTask),
            Happening::Repeat => {
                let request_id = driver.run.start_request_id();
                assert_eq!(request_id, "start-1");
            }
        }
        Some(())
    }

    fn answer(&mut self, task: &task::WorkflowTask, commands: Vec<Command>) {
        let closes = commands.last().is_some_and(|it: &Command| it.kind.closes());
        let seen = task.history.last().map_or(0, |event| event.event_id);
        let accepted = self.driver.answer(task, commands).is_ok();
        // Nothing came between what the code saw and what it decided.
        if accepted && closes {
            let events = self.driver.events();
            let completed = events.iter().rposition(|event| {
                matches!(event.attributes, Attributes::WorkflowTaskCompleted(_))
            });
            let completed = completed.expect("it was completed");
            assert_eq!(events[completed - 1].event_id, seen);
        }
    }

    fn check(&self) {
        let run = &self.driver.run;
        let events = self.driver.events();
        let closing =
            |attributes: &Attributes| super::super::lifecycle::status(attributes).is_some();
        let closes = events.iter().position(|event| closing(&event.attributes));
        assert_eq!(closes.is_some(), run.closed().is_some());
        if let Some(at) = closes {
            assert_eq!(at + 1, events.len(), "something follows the closing event");
            assert!(matches!(self.driver.log.last(), Some(Entry::Event(_))));
            assert_eq!((run.due(), run.ready().len()), (None, 0));
        } else {
            self.check_open(&events);
        }
        // A cancel that was accepted is never lost: it stands in the history, or is buffered in an open run.
        let requested = |attributes: &Attributes| {
            matches!(attributes, Attributes::WorkflowExecutionCancelRequested(_))
        };
        let recorded = events.iter().filter(|event| requested(&event.attributes)).count();
        assert!(recorded <= 1, "the cancellation stands there twice");
        assert_eq!(run.describe().cancel_requested, self.cancels > 0);
        if self.cancels > 0 && run.closed().is_some() {
            assert_eq!(recorded, 1, "a cancellation was lost");
        }
    }

    fn check_open(&self, events: &[alloc::sync::Arc<crate::HistoryEvent>]) {
        let run = &self.driver.run;
        let ids: Vec<i64> = events.iter().map(|event| event.event_id).collect();
        assert!(ids.iter().copied().eq(1..=events.len() as i64), "{ids:?}");
        // Whatever happened that the code has not seen, a task waits or runs for it.
        let last_completed = events
            .iter()
            .rposition(|event| matches!(event.attributes, Attributes::WorkflowTaskCompleted(_)));
        let news = events[last_completed.map_or(0, |at| at + 1)..].iter().any(|event| {
            matches!(
                event.attributes,
                Attributes::WorkflowExecutionStarted(_)
                    | Attributes::WorkflowExecutionSignaled(_)
                    | Attributes::WorkflowExecutionCancelRequested(_)
                    | Attributes::TimerFired(_)
                    | Attributes::ActivityTaskCompleted(_)
                    | Attributes::ActivityTaskFailed(_)
                    | Attributes::ActivityTaskTimedOut(_)
                    | Attributes::ActivityTaskCanceled(_)
            )
        });
        let pending = run.describe().pending_workflow_task.is_some();
        assert!(pending || !news, "nobody will tell the code what happened");
        // What waits for time has a time, what waits for a worker is in a queue.
        let ready = run.ready();
        for activity in run.describe().pending_activities {
            let waits = activity.state == PendingActivityState::Scheduled;
            let queued = ready.iter().any(|dispatch| match dispatch {
                Dispatch::ActivityTask { scheduled_event_id, .. } => {
                    *scheduled_event_id == activity.scheduled_event_id
                }
                _ => false,
            });
            assert!(!waits || queued || run.due().is_some(), "{activity:?} waits for ever");
        }
    }
}

fn play(happenings: &[Happening], limits: Limits) {
    let mut world = World::new(limits);
    for happening in happenings {
        world.happen(happening);
        world.check();
    }
}

proptest! {
    #![proptest_config(Config {
        cases: 256,
        failure_persistence: Some(Box::new(FileFailurePersistence::Off)),
        ..Config::default()
    })]

    #[test]
    fn whatever_happens(happenings in prop::collection::vec(happening(), 1..60)) {
        play(&happenings, Limits::default());
    }

    #[test]
    fn whatever_happens_in_narrow_limits(happenings in prop::collection::vec(happening(), 1..60)) {
        let limits = Limits {
            history_events_max: 60,
            buffered_events_max: 3,
            pending_activities_max: 3,
            pending_timers_max: 3,
            ..Limits::default()
        };
        play(&happenings, limits);
    }
}

#[test]
fn an_unknown_command_is_refused_without_a_trace() {
    let mut driver = Driver::new();
    let task = driver.start_task();
    let other = CommandKind::Other { command_type: 4, bytes: bytes::Bytes::new() };
    let before = driver.log.len();
    let refused = driver.answer(&task, [Command::from(other)].into());
    assert!(matches!(refused, Err(RequestError::NotSupported(_))));
    assert_eq!(driver.log.len(), before);
    assert!(driver.run.workflow_task_started());
}
