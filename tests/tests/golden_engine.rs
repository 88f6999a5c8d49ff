//! Recorded histories against the core's engine half alone: what came from outside is read off each
//! recording (who took a task and when, what it answered, which signal came while it ran), asked of a
//! run in the same order, and must lead to the same events.
//!
//! No guest runs here, so this holds for every recording that needs no child, no update and no reset.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use sandglass_core::command::{CommandKind, ScheduleActivityTask};
use sandglass_core::engine::{
    ActivityEnd, AddressedActivity, Entry, Execution, Limits, Reply, Request, Start, StartIds,
    Transition, entries_from_bytes, entries_to_bytes,
};
use sandglass_core::event::workflow_task::FailedCause;
use sandglass_core::failure::{
    ActivityFailureInfo, ApplicationFailureInfo, CanceledFailureInfo, FailureInfo, RetryState,
    ServerFailureInfo, TimeoutFailureInfo, TimeoutType,
};
use sandglass_core::payload::TaskQueue;
use sandglass_core::policy::RetryPolicy;
use sandglass_core::task::{Completed, Failed, WorkflowTask};
use sandglass_core::{Command, Failure, HistoryEvent, Payload, Payloads, Timestamp};
use sandglass_tests::golden::{
    Scrubbed, decode_base64, difference, golden, golden_json, golden_names,
};
use serde_json::Value;

#[test]
fn the_engine_half_writes_what_temporal_wrote() {
    let mut failures = Vec::new();
    let mut played = 0;
    for name in golden_names() {
        let json = golden_json(&name).expect("a recording");
        let events: Vec<Value> = json["events"].as_array().expect("events").clone();
        if let Some(reason) = not_yet(&events) {
            println!("{name}: not yet ({reason})");
            continue;
        }
        played += 1;
        for durable in [false, true] {
            let ours = Play::new(&name, &events, durable).play();
            if let Some(text) = difference(&Scrubbed::of(ours.iter()), &golden(&name)) {
                failures.push(format!("{name} (durable: {durable})\n{text}"));
            }
        }
    }
    println!("{played} recordings were played");
    assert!(failures.is_empty(), "{} differ:\n{}", failures.len(), failures.join("\n"));
    assert!(played >= 50, "only {played} recordings were played");
}

fn not_yet(events: &[Value]) -> Option<String> {
    let known = |event: &&Value| !HANDLED.contains(&kind(event));
    if let Some(event) = events.iter().find(known) {
        return Some(kind(event).to_owned());
    }
    let started = attributes(&events[0]);
    let delay = seconds(&started["firstWorkflowTaskBackoff"]).filter(|delay| !delay.is_zero());
    if delay.is_some() {
        return Some("a start delay".to_owned());
    }
    ["retryPolicy", "cronSchedule", "parentWorkflowExecution", "continuedExecutionRunId"]
        .into_iter()
        .find(|field| !started[*field].is_null())
        .map(str::to_owned)
}

const HANDLED: [&str; 24] = [
    "WORKFLOW_EXECUTION_STARTED",
    "WORKFLOW_EXECUTION_COMPLETED",
    "WORKFLOW_EXECUTION_FAILED",
    "WORKFLOW_EXECUTION_TIMED_OUT",
    "WORKFLOW_EXECUTION_CANCELED",
    "WORKFLOW_EXECUTION_TERMINATED",
    "WORKFLOW_EXECUTION_CANCEL_REQUESTED",
    "WORKFLOW_EXECUTION_SIGNALED",
    "WORKFLOW_TASK_SCHEDULED",
    "WORKFLOW_TASK_STARTED",
    "WORKFLOW_TASK_COMPLETED",
    "WORKFLOW_TASK_FAILED",
    "WORKFLOW_TASK_TIMED_OUT",
    "ACTIVITY_TASK_SCHEDULED",
    "ACTIVITY_TASK_STARTED",
    "ACTIVITY_TASK_COMPLETED",
    "ACTIVITY_TASK_FAILED",
    "ACTIVITY_TASK_TIMED_OUT",
    "ACTIVITY_TASK_CANCEL_REQUESTED",
    "ACTIVITY_TASK_CANCELED",
    "TIMER_STARTED",
    "TIMER_FIRED",
    "TIMER_CANCELED",
    "MARKER_RECORDED",
];

/// One recording, and the run that is to become the same.
struct Play<'a> {
    name: &'a str,
    events: &'a [Value],
    durable: bool,
    run: Execution,
    log: Vec<Entry>,
    limits: Limits,
    task: Option<WorkflowTask>,
    attempts: BTreeMap<i64, sandglass_core::engine::ActivityTask>,
}

impl<'a> Play<'a> {
    fn new(name: &'a str, events: &'a [Value], durable: bool) -> Self {
        let mut limits = Limits::default();
        // As the server was configured for these.
        if name == "s_history_count_limit_terminates" {
            limits.history_events_max = 40;
        }
        if name == "s_pending_activities_limit" {
            limits.pending_activities_max = 5;
        }
        let first = attributes(&events[0]);
        let start = Start {
            workflow_id: text(&first["workflowId"]),
            workflow_type: text(&first["workflowType"]["name"]),
            task_queue: TaskQueue::normal(text(&first["taskQueue"]["name"])),
            input: payloads(&first["input"]),
            workflow_execution_timeout: seconds(&first["workflowExecutionTimeout"]),
            workflow_run_timeout: seconds(&first["workflowRunTimeout"]),
            identity: text(&first["identity"]),
            ..Start::default()
        };
        let ids = StartIds { run_id: text(&first["originalExecutionRunId"]) };
        let (run, transition) =
            Execution::start(start, ids, &limits, time(&events[0])).expect("it starts");
        let attempts = BTreeMap::new();
        let mut play =
            Play { name, events, durable, run, log: Vec::new(), limits, task: None, attempts };
        play.take(&transition);
        play
    }

    fn take(&mut self, transition: &Transition) {
        self.log.extend_from_slice(transition.entries());
    }

    fn ask(&mut self, request: Request, now: Timestamp) -> Option<Reply> {
        let outcome = self.run.handle(request, &self.limits, now);
        self.take(&outcome.transition);
        outcome.reply.ok()
    }

    /// All events that the run has, those in memory only at the end.
    fn play(mut self) -> Vec<HistoryEvent> {
        let mut order: Vec<usize> = (1..self.events.len()).collect();
        // A buffered event stands behind the task that ran when it came, with its own time.
        order.sort_by_key(|index| (time(&self.events[*index]), *index));
        for index in order {
            self.happen(index);
        }
        let bytes = entries_to_bytes(&self.log);
        let restored = Execution::restore(None, entries_from_bytes(&bytes));
        assert_eq!(restored.as_ref(), Ok(&self.run), "{}: the log leads elsewhere", self.name);
        let written = self.log.iter().filter_map(|entry| match entry {
            Entry::Event(event) => Some(event.clone()),
            Entry::Change(_) => None,
        });
        written.chain(self.run.unwritten_events()).map(|event| (*event).clone()).collect()
    }

    fn happen(&mut self, index: usize) {
        let event = &self.events[index];
        let (now, a) = (time(event), attributes(event));
        match kind(event) {
            "WORKFLOW_TASK_STARTED" => self.start_task(a, now),
            "WORKFLOW_TASK_COMPLETED" => self.complete_task(index, now),
            "WORKFLOW_TASK_FAILED" => self.fail_task(a, now),
            "ACTIVITY_TASK_SCHEDULED" => self.start_unseen_attempt(id(event), now),
            "ACTIVITY_TASK_STARTED" => self.start_activity(a, now),
            "ACTIVITY_TASK_COMPLETED" => {
                self.end(a, ActivityEnd::Completed { result: payloads(&a["result"]) }, now);
            }
            "ACTIVITY_TASK_FAILED" => {
                let failure = failure(&a["failure"]).unwrap_or_default();
                self.end(a, ActivityEnd::Failed { failure, last_heartbeat_details: None }, now);
            }
            "ACTIVITY_TASK_CANCELED" if !a["startedEventId"].is_null() => {
                self.end(a, ActivityEnd::Canceled { details: payloads(&a["details"]) }, now);
            }
            "TIMER_FIRED"
            | "ACTIVITY_TASK_TIMED_OUT"
            | "WORKFLOW_TASK_TIMED_OUT"
            | "WORKFLOW_EXECUTION_TIMED_OUT" => drop(self.ask(Request::Advance, now)),
            "WORKFLOW_EXECUTION_SIGNALED" => {
                let request = Request::Signal {
                    name: text(&a["signalName"]),
                    input: payloads(&a["input"]),
                    identity: text(&a["identity"]),
                    request_id: text(&a["requestId"]),
                    header: None,
                };
                self.ask(request, now);
            }
            "WORKFLOW_EXECUTION_CANCEL_REQUESTED" => {
                let request = Request::Cancel {
                    reason: text(&a["cause"]),
                    identity: text(&a["identity"]),
                    request_id: String::new(),
                };
                self.ask(request, now);
            }
            "WORKFLOW_EXECUTION_TERMINATED" if !text(&a["reason"]).ends_with("exceeds limit.") => {
                let request = Request::Terminate {
                    reason: text(&a["reason"]),
                    details: payloads(&a["details"]),
                    identity: text(&a["identity"]),
                };
                self.ask(request, now);
            }
            // The engine's own doing, or a command of an answer.
            _ => {}
        }
    }

    fn start_task(&mut self, a: &Value, now: Timestamp) {
        let request = Request::StartWorkflowTask {
            identity: text(&a["identity"]),
            request_id: text(&a["requestId"]),
            durable: self.durable,
        };
        if let Some(Reply::WorkflowTask(task)) = self.ask(request, now) {
            self.task = Some(*task);
        }
    }

    fn complete_task(&mut self, index: usize, now: Timestamp) {
        let event = &self.events[index];
        let commands: Vec<Command> = self.events[index + 1..]
            .iter()
            .take_while(|it| attributes(it)["workflowTaskCompletedEventId"] == event["eventId"])
            .map(command)
            .collect();
        let next = self.events.get(index + 1 + commands.len());
        let at_once = |next: &Value| {
            kind(next) == "WORKFLOW_TASK_SCHEDULED" && next["eventTime"] == event["eventTime"]
        };
        let force_create_new_task = next.is_some_and(at_once);
        self.answer(commands, text(&attributes(event)["identity"]), force_create_new_task, now);
    }

    fn answer(&mut self, commands: Vec<Command>, identity: String, force: bool, now: Timestamp) {
        let Some(task) = self.task.take() else { return };
        let completed = Completed {
            token: task.token,
            commands,
            identity,
            force_create_new_task: force,
            ..Completed::default()
        };
        self.ask(Request::CompleteWorkflowTask(Box::new(completed)), now);
    }

    fn fail_task(&mut self, a: &Value, now: Timestamp) {
        let identity = text(&a["identity"]);
        let cause = text(&a["cause"]).replace("WORKFLOW_TASK_FAILED_CAUSE_", "");
        let message = text(&a["failure"]["message"]);
        let activity = |number: u32| {
            CommandKind::ScheduleActivityTask(ScheduleActivityTask {
                activity_id: number.to_string(),
                activity_type: "A".into(),
                start_to_close_timeout: Some(Duration::from_secs(60)),
                ..Default::default()
            })
        };
        let commands: Vec<CommandKind> = match cause.as_str() {
            "UNHANDLED_COMMAND" => vec![CommandKind::CompleteWorkflowExecution { result: None }],
            "BAD_REQUEST_CANCEL_ACTIVITY_ATTRIBUTES" => {
                let number = message.rsplit(' ').next().and_then(|number| number.parse().ok());
                let scheduled_event_id = number.expect("the message ends with the event's id");
                vec![CommandKind::RequestCancelActivityTask { scheduled_event_id }]
            }
            "PENDING_ACTIVITIES_LIMIT_EXCEEDED" => (0..6).map(activity).collect(),
            // The engine's own doing; where a history is too long, it is what an answer leads to.
            "FORCE_CLOSE_COMMAND" if self.name == "s_history_count_limit_terminates" => {
                vec![activity(100)]
            }
            "FORCE_CLOSE_COMMAND" => return,
            _ => {
                let Some(task) = self.task.take() else { return };
                let failed = Failed {
                    token: task.token,
                    cause: FailedCause::WorkflowWorkerUnhandledFailure,
                    failure: failure(&a["failure"]).unwrap_or_default(),
                    identity,
                    ..Failed::default()
                };
                self.ask(Request::FailWorkflowTask(Box::new(failed)), now);
                return;
            }
        };
        self.answer(commands.into_iter().map(Command::from).collect(), identity, false, now);
    }

    /// An attempt leaves no event before it ends. One that was asked to stop, and not canceled before its start, must have been running.
    fn start_unseen_attempt(&mut self, scheduled: i64, now: Timestamp) {
        let of_it = |event: &&Value| number(&attributes(event)["scheduledEventId"]) == scheduled;
        let kinds: BTreeSet<&str> = self.events.iter().filter(of_it).map(kind).collect();
        let is_asked = kinds.contains("ACTIVITY_TASK_CANCEL_REQUESTED");
        let ended = kinds
            .iter()
            .any(|kind| kind.ends_with("_TASK_STARTED") || *kind == "ACTIVITY_TASK_CANCELED");
        if is_asked && !ended {
            self.take_attempt(scheduled, 1, String::new(), now);
        }
    }

    fn start_activity(&mut self, a: &Value, now: Timestamp) {
        let scheduled = number(&a["scheduledEventId"]);
        let last = number(&a["attempt"]) as u32;
        // The attempts before it: each took as long as it could.
        for attempt in 1..last {
            let waited = self.scheduled_at(scheduled);
            self.take_attempt(scheduled, attempt, String::new(), waited);
            self.ask(Request::Advance, now);
        }
        self.take_attempt(scheduled, last, text(&a["identity"]), now);
    }

    fn scheduled_at(&self, scheduled: i64) -> Timestamp {
        time(&self.events[usize::try_from(scheduled).expect("an id") - 1])
    }

    fn take_attempt(&mut self, scheduled: i64, attempt: u32, identity: String, now: Timestamp) {
        let request = Request::StartActivity {
            scheduled_event_id: scheduled,
            attempt,
            identity,
            request_id: format!("{scheduled}-{attempt}"),
            host: String::new(),
        };
        match self.ask(request, now) {
            Some(Reply::ActivityTask(task)) => drop(self.attempts.insert(scheduled, *task)),
            _ => println!("{}: attempt {attempt} of {scheduled} is refused", self.name),
        }
    }

    fn end(&mut self, a: &Value, end: ActivityEnd, now: Timestamp) {
        let Some(task) = self.attempts.get(&number(&a["scheduledEventId"])) else { return };
        let activity = AddressedActivity::Token(task.token.clone());
        self.ask(Request::EndActivity { activity, end, identity: text(&a["identity"]) }, now);
    }
}

/// The command that an event records.
fn command(event: &Value) -> Command {
    let a = attributes(event);
    let kind = match kind(event) {
        "ACTIVITY_TASK_SCHEDULED" => CommandKind::ScheduleActivityTask(activity(a)),
        "ACTIVITY_TASK_CANCEL_REQUESTED" => CommandKind::RequestCancelActivityTask {
            scheduled_event_id: number(&a["scheduledEventId"]),
        },
        "TIMER_STARTED" => CommandKind::StartTimer {
            timer_id: text(&a["timerId"]),
            start_to_fire_timeout: seconds(&a["startToFireTimeout"]).unwrap_or_default(),
        },
        "TIMER_CANCELED" => CommandKind::CancelTimer { timer_id: text(&a["timerId"]) },
        "MARKER_RECORDED" => CommandKind::RecordMarker {
            marker_name: text(&a["markerName"]),
            details: a["details"]
                .as_object()
                .into_iter()
                .flatten()
                .filter_map(|(name, details)| Some((name.clone(), payloads(details)?)))
                .collect(),
            header: None,
            failure: failure(&a["failure"]),
        },
        "WORKFLOW_EXECUTION_COMPLETED" => {
            CommandKind::CompleteWorkflowExecution { result: payloads(&a["result"]) }
        }
        "WORKFLOW_EXECUTION_FAILED" => CommandKind::FailWorkflowExecution {
            failure: failure(&a["failure"]).unwrap_or_default(),
        },
        "WORKFLOW_EXECUTION_CANCELED" => {
            CommandKind::CancelWorkflowExecution { details: payloads(&a["details"]) }
        }
        other => panic!("{other} is no command's event"),
    };
    kind.into()
}

/// What the worker asked for, without what the server fills in.
fn activity(a: &Value) -> ScheduleActivityTask {
    let policy = &a["retryPolicy"];
    let first = seconds(&policy["initialInterval"]).unwrap_or_default();
    let given = |duration: Option<Duration>, filled: Duration| {
        duration.filter(|duration| *duration != filled)
    };
    ScheduleActivityTask {
        activity_id: text(&a["activityId"]),
        activity_type: a["activityType"]["name"].as_str().unwrap_or_default().into(),
        task_queue: Some(TaskQueue::normal(text(&a["taskQueue"]["name"]))),
        header: None,
        input: payloads(&a["input"]),
        schedule_to_close_timeout: given(seconds(&a["scheduleToCloseTimeout"]), Duration::ZERO),
        schedule_to_start_timeout: given(seconds(&a["scheduleToStartTimeout"]), Duration::ZERO),
        start_to_close_timeout: seconds(&a["startToCloseTimeout"]),
        heartbeat_timeout: given(seconds(&a["heartbeatTimeout"]), Duration::ZERO),
        retry_policy: Some(RetryPolicy {
            initial_interval: given(Some(first), Duration::from_secs(1)),
            backoff_coefficient: 0.0,
            maximum_interval: given(seconds(&policy["maximumInterval"]), first * 100),
            maximum_attempts: policy["maximumAttempts"].as_i64().unwrap_or_default() as i32,
            non_retryable_error_types: Vec::new(),
            ..RetryPolicy::default()
        }),
        priority: None,
    }
}

fn kind(event: &Value) -> &str {
    event["eventType"].as_str().unwrap_or_default().trim_start_matches("EVENT_TYPE_")
}

fn attributes(event: &Value) -> &Value {
    let mut fields = event.as_object().into_iter().flatten();
    let found = fields.find(|(key, _)| key.ends_with("EventAttributes"));
    found.map_or(&Value::Null, |(_, value)| value)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// 64-bit integers are strings in proto3 JSON.
fn number(value: &Value) -> i64 {
    let parsed = value.as_str().and_then(|number| number.parse().ok());
    parsed.or_else(|| value.as_i64()).unwrap_or_default()
}

fn id(event: &Value) -> i64 {
    number(&event["eventId"])
}

fn seconds(value: &Value) -> Option<Duration> {
    value.as_str()?.strip_suffix('s')?.parse().ok().map(Duration::from_secs_f64)
}

/// All recordings are of one day, so that the time of day is enough.
fn time(event: &Value) -> Timestamp {
    let text = event["eventTime"].as_str().expect("every event has a time");
    let clock = text.split_once('T').expect("a time").1.trim_end_matches('Z');
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let whole: i64 = clock
        .split(':')
        .map(|part| part.parse::<i64>().expect("a number"))
        .fold(0, |time, part| time * 60 + part);
    let nanos: i64 = format!("{fraction:0<9}").parse().expect("a number");
    Timestamp(whole * 1_000_000_000 + nanos)
}

fn payloads(value: &Value) -> Option<Payloads> {
    let payload = |value: &Value| {
        let bytes = |value: &Value| decode_base64(value.as_str().unwrap_or_default()).into();
        let metadata = value["metadata"].as_object().into_iter().flatten();
        Payload {
            metadata: metadata.map(|(key, value)| (key.clone(), bytes(value))).collect(),
            data: bytes(&value["data"]),
            ..Payload::default()
        }
    };
    Payloads::some(value["payloads"].as_array()?.iter().map(payload).collect())
}

fn failure(value: &Value) -> Option<Failure> {
    value.as_object()?;
    Some(Failure {
        message: text(&value["message"]),
        source: text(&value["source"]),
        cause: failure(&value["cause"]).map(Box::new),
        info: failure_info(value),
        ..Failure::default()
    })
}

fn failure_info(value: &Value) -> Option<FailureInfo> {
    let info = |name: &str| value.get(name);
    if let Some(info) = info("applicationFailureInfo") {
        return Some(FailureInfo::Application(ApplicationFailureInfo {
            r#type: text(&info["type"]),
            non_retryable: info["nonRetryable"].as_bool().unwrap_or_default(),
            details: payloads(&info["details"]),
            ..Default::default()
        }));
    }
    if let Some(info) = info("canceledFailureInfo") {
        let details = payloads(&info["details"]);
        return Some(FailureInfo::Canceled(CanceledFailureInfo { details, ..Default::default() }));
    }
    if let Some(info) = info("timeoutFailureInfo") {
        let timeout_type = match info["timeoutType"].as_str() {
            Some("TIMEOUT_TYPE_START_TO_CLOSE") => TimeoutType::StartToClose,
            Some("TIMEOUT_TYPE_HEARTBEAT") => TimeoutType::Heartbeat,
            other => panic!("{other:?}"),
        };
        return Some(FailureInfo::Timeout(TimeoutFailureInfo {
            timeout_type,
            ..Default::default()
        }));
    }
    if let Some(info) = info("activityFailureInfo") {
        return Some(FailureInfo::Activity(ActivityFailureInfo {
            scheduled_event_id: number(&info["scheduledEventId"]),
            started_event_id: number(&info["startedEventId"]),
            activity_type: info["activityType"]["name"].as_str().map(Into::into),
            activity_id: text(&info["activityId"]),
            retry_state: retry_state(&info["retryState"]),
            ..Default::default()
        }));
    }
    info("serverFailureInfo").map(|_| FailureInfo::Server(ServerFailureInfo::default()))
}

fn retry_state(value: &Value) -> RetryState {
    let name = value.as_str().unwrap_or_default().trim_start_matches("RETRY_STATE_").to_owned();
    (0..=7).map(RetryState::from_number).find(|it| it.name() == name).unwrap_or_default()
}
