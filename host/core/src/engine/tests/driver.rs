//! Drives one run, checks after each request that its log leads to the same state, and shows it as text.

use crate::Timestamp;
use crate::command::{Command, CommandKind, ScheduleActivityTask};
use crate::engine::*;
use crate::event::{Attributes, HistoryEvent};
use crate::failure::Failure;
use crate::payload::{Payload, Payloads, TaskQueue};
use crate::task;
use alloc::{boxed::Box, format, string::String, sync::Arc, vec, vec::Vec};
use core::time::Duration;

pub(super) struct Driver {
    pub run: Execution,
    pub now: Timestamp,
    pub limits: Limits,
    pub log: Vec<Entry>,
    pub dispatch: Vec<Dispatch>,
    pub durable: bool,
    pub snapshots: Vec<(usize, bytes::Bytes)>,
}

pub(super) fn start() -> Start {
    Start {
        workflow_id: "w".into(),
        workflow_type: "W".into(),
        task_queue: TaskQueue::normal("q"),
        identity: "client".into(),
        request_id: "start-1".into(),
        ..Start::default()
    }
}

pub(super) fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

pub(super) fn payloads(text: &str) -> Option<Payloads> {
    Payloads::some(vec![Payload::json(text)])
}

pub(super) fn timer(id: &str, after: Duration) -> Command {
    CommandKind::StartTimer { timer_id: id.into(), start_to_fire_timeout: after }.into()
}

pub(super) fn cancel_timer(id: &str) -> Command {
    CommandKind::CancelTimer { timer_id: id.into() }.into()
}

pub(super) fn activity(id: &str) -> ScheduleActivityTask {
    ScheduleActivityTask {
        activity_id: id.into(),
        activity_type: "A".into(),
        start_to_close_timeout: Some(seconds(60)),
        ..Default::default()
    }
}

pub(super) fn schedule(activity: ScheduleActivityTask) -> Command {
    CommandKind::ScheduleActivityTask(activity).into()
}

pub(super) fn cancel_activity(scheduled_event_id: i64) -> Command {
    CommandKind::RequestCancelActivityTask { scheduled_event_id }.into()
}

pub(super) fn complete() -> Command {
    CommandKind::CompleteWorkflowExecution { result: payloads("1") }.into()
}

pub(super) fn cancel_run() -> Command {
    CommandKind::CancelWorkflowExecution { details: None }.into()
}

pub(super) fn signal(name: &str, request_id: &str) -> Request {
    Request::Signal {
        name: name.into(),
        input: None,
        identity: "client".into(),
        request_id: request_id.into(),
        header: None,
    }
}

pub(super) fn cancel(request_id: &str) -> Request {
    Request::Cancel {
        reason: "why".into(),
        identity: "client".into(),
        request_id: request_id.into(),
    }
}

pub(super) fn terminate(reason: &str) -> Request {
    Request::Terminate { reason: reason.into(), details: None, identity: "client".into() }
}

impl Driver {
    pub(super) fn new() -> Self {
        Self::with(start(), Limits::default())
    }

    pub(super) fn with(start: Start, limits: Limits) -> Self {
        let now = Timestamp(1_000_000_000_000);
        let ids = StartIds { run_id: "r".into() };
        let (run, transition) = Execution::start(start, ids, &limits, now).expect("it starts");
        let mut driver = Driver {
            run,
            now,
            limits,
            log: Vec::new(),
            dispatch: Vec::new(),
            durable: false,
            snapshots: Vec::new(),
        };
        driver.take(&transition);
        driver
    }

    fn take(&mut self, transition: &Transition) {
        self.log.extend_from_slice(transition.entries());
        self.dispatch.extend_from_slice(transition.dispatch());
        assert_eq!(self.run.entry_count(), self.log.len() as u64);
        self.check_restore();
    }

    /// The log, and each snapshot with what follows it, lead to the state that is there.
    fn check_restore(&mut self) {
        let bytes = entries_to_bytes(&self.log);
        let entries: Vec<Entry> =
            entries_from_bytes(&bytes).collect::<Result<_, _>>().expect("it can be read");
        assert_eq!(entries, self.log, "an entry changes when it is stored");
        let restored = Execution::restore(None, entries.iter().cloned().map(Ok));
        assert_eq!(restored.as_ref(), Ok(&self.run), "the log leads elsewhere");
        for (at, snapshot) in &self.snapshots {
            let restored =
                Execution::restore(Some(snapshot), entries[*at..].iter().cloned().map(Ok));
            assert_eq!(restored.as_ref(), Ok(&self.run), "the snapshot at {at} leads elsewhere");
        }
        if self.snapshots.len() < 200 {
            self.snapshots.push((self.log.len(), self.run.snapshot()));
        }
    }

    pub(super) fn ask(&mut self, request: Request) -> Result<Reply, RequestError> {
        let before = self.run.clone();
        let outcome = self.run.handle(request, &self.limits, self.now);
        if outcome.transition.entries().is_empty() {
            assert_eq!(before, self.run, "it changed without an entry");
        }
        if let Err(RequestError::Inconsistent(what)) = &outcome.reply {
            panic!("inconsistent: {what}");
        }
        self.take(&outcome.transition);
        outcome.reply
    }

    pub(super) fn ok(&mut self, request: Request) {
        self.ask(request).expect("it is accepted");
    }

    pub(super) fn start_task(&mut self) -> task::WorkflowTask {
        let request = Request::StartWorkflowTask {
            identity: "worker".into(),
            request_id: format!("poll-{}", self.log.len()),
            durable: self.durable,
        };
        match self.ask(request) {
            Ok(Reply::WorkflowTask(task)) => {
                check_history(&task);
                *task
            }
            other => panic!("no task: {other:?}"),
        }
    }

    pub(super) fn answer(
        &mut self,
        task: &task::WorkflowTask,
        commands: Vec<Command>,
    ) -> Result<Reply, RequestError> {
        self.ask(Request::CompleteWorkflowTask(Box::new(task::Completed {
            token: task.token.clone(),
            commands,
            identity: "worker".into(),
            ..Default::default()
        })))
    }

    pub(super) fn fail(&mut self, task: &task::WorkflowTask) -> Result<Reply, RequestError> {
        self.ask(Request::FailWorkflowTask(Box::new(task::Failed {
            token: task.token.clone(),
            cause: crate::event::workflow_task::FailedCause::WorkflowWorkerUnhandledFailure,
            failure: Failure::application("bug", "Bug", false),
            identity: "worker".into(),
            ..Default::default()
        })))
    }

    pub(super) fn start_task_after(&mut self, first: impl Fn(&mut Driver)) -> task::WorkflowTask {
        first(self);
        self.start_task()
    }

    /// Takes the task and answers it.
    pub(super) fn task(&mut self, commands: Vec<Command>) {
        let task = self.start_task();
        self.answer(&task, commands).expect("it is accepted");
    }

    pub(super) fn start_activity(&mut self, scheduled_event_id: i64, attempt: u32) -> ActivityTask {
        self.start_activity_on(scheduled_event_id, attempt, "host-1")
    }

    pub(super) fn start_activity_on(&mut self, id: i64, attempt: u32, host: &str) -> ActivityTask {
        let request = Request::StartActivity {
            scheduled_event_id: id,
            attempt,
            identity: "act".into(),
            request_id: format!("poll-{id}-{attempt}"),
            host: host.into(),
        };
        match self.ask(request) {
            Ok(Reply::ActivityTask(task)) => *task,
            other => panic!("no activity: {other:?}"),
        }
    }

    pub(super) fn end(
        &mut self,
        task: &ActivityTask,
        end: ActivityEnd,
    ) -> Result<Reply, RequestError> {
        let activity = AddressedActivity::Token(task.token.clone());
        self.ask(Request::EndActivity { activity, end, identity: "act".into() })
    }

    pub(super) fn heartbeat(
        &mut self,
        task: &ActivityTask,
        text: &str,
    ) -> Result<Option<CancelReason>, RequestError> {
        let activity = AddressedActivity::Token(task.token.clone());
        let request = Request::HeartbeatActivity { activity, details: payloads(text) };
        match self.ask(request)? {
            Reply::Heartbeat(heartbeat) => Ok(heartbeat.cancel),
            other => panic!("no heartbeat: {other:?}"),
        }
    }

    /// Time passes, and what is due happens.
    pub(super) fn pass(&mut self, time: Duration) {
        self.now = self.now.after(time);
        self.ok(Request::Advance);
        assert!(self.run.due().is_none_or(|due| due > self.now), "something due was left");
    }

    /// Another process opens the log.
    pub(super) fn reopen(&mut self) {
        self.run = Execution::restore(None, self.log.iter().cloned().map(Ok)).expect("it is read");
    }

    pub(super) fn events(&self) -> Vec<Arc<HistoryEvent>> {
        self.log
            .iter()
            .filter_map(|entry| match entry {
                Entry::Event(event) => Some(event.clone()),
                Entry::Change(_) => None,
            })
            .collect()
    }

    /// The names of the events, with what decides of some.
    pub(super) fn history(&self) -> String {
        let mut text = String::new();
        for event in self.events() {
            text += &format!("{} {}{}\n", event.event_id, event.attributes.name(), detail(&event));
        }
        text
    }

    /// What was dispatched since the last time.
    pub(super) fn dispatched(&mut self) -> String {
        let mut text = String::new();
        for dispatch in self.dispatch.drain(..) {
            text += &match dispatch {
                Dispatch::WorkflowTask { task_queue, attempt, .. } => {
                    format!("workflow task in {task_queue}, attempt {attempt}\n")
                }
                Dispatch::ActivityTask { task_queue, scheduled_event_id, attempt, .. } => {
                    format!("activity {scheduled_event_id} in {task_queue}, attempt {attempt}\n")
                }
                other => format!("{other:?}\n"),
            };
        }
        text
    }
}

fn check_history(task: &task::WorkflowTask) {
    for pair in task.history.windows(2) {
        assert_eq!(pair[0].event_id + 1, pair[1].event_id, "a gap in the task's history");
    }
    let last = task.history.last().expect("the start of the task");
    assert_eq!(last.event_id, task.started_event_id);
    assert!(matches!(last.attributes, Attributes::WorkflowTaskStarted(_)));
    assert!(task.history_first_event_id() > task.previous_started_event_id);
}

fn detail(event: &HistoryEvent) -> String {
    use Attributes as A;
    match &event.attributes {
        A::WorkflowTaskScheduled(a) => {
            let timeout = a.start_to_close_timeout.unwrap_or_default().as_secs();
            format!(" attempt {} {timeout}s", a.attempt)
        }
        A::WorkflowTaskFailed(a) => format!(" {}", a.cause.name()),
        A::WorkflowTaskTimedOut(a) => format!(" {}", a.timeout_type.name()),
        A::ActivityTaskScheduled(a) => format!(" {}", a.activity_id),
        A::ActivityTaskStarted(a) => format!(" of {} attempt {}", a.scheduled_event_id, a.attempt),
        A::ActivityTaskCompleted(a) => {
            format!(" of {} started {}", a.scheduled_event_id, a.started_event_id)
        }
        A::ActivityTaskFailed(a) => format!(
            " of {} started {} {}: {}",
            a.scheduled_event_id,
            a.started_event_id,
            a.retry_state.name(),
            chain(a.failure.as_ref())
        ),
        A::ActivityTaskTimedOut(a) => format!(
            " of {} started {} {}: {}",
            a.scheduled_event_id,
            a.started_event_id,
            a.retry_state.name(),
            chain(a.failure.as_ref())
        ),
        A::ActivityTaskCancelRequested(a) => format!(" of {}", a.scheduled_event_id),
        A::ActivityTaskCanceled(a) => format!(
            " of {} started {} requested {}",
            a.scheduled_event_id, a.started_event_id, a.latest_cancel_requested_event_id
        ),
        A::TimerStarted(a) => format!(" {}", a.timer_id),
        A::TimerFired(a) => format!(" {} of {}", a.timer_id, a.started_event_id),
        A::TimerCanceled(a) => format!(" {} of {}", a.timer_id, a.started_event_id),
        A::WorkflowExecutionSignaled(a) => format!(" {}", a.signal_name),
        A::WorkflowExecutionTerminated(a) => format!(" {} by {}", a.reason, a.identity),
        A::WorkflowExecutionTimedOut(a) => format!(" {}", a.retry_state.name()),
        _ => String::new(),
    }
}

fn chain(failure: Option<&Failure>) -> String {
    let Some(failure) = failure else { return "no failure".into() };
    let messages: Vec<&str> = failure.chain().map(|failure| failure.message.as_str()).collect();
    messages.join(" < ")
}
