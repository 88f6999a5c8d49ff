//! One recorded scenario, made again: a script for the guest, what clients do, and the activities of the recordings, on a test's clock.

use sandglass_host::core::engine::{CancelReason, PendingActivity};
use sandglass_host::core::{Attributes, Payload, Timestamp};
use sandglass_host::{
    Activity, ActivityContext, ActivityError, Clock, Host, HostOptions, StartWorkflow,
    WorkflowHandle, function,
};
use sandglass_tests::golden::{Scrubbed, difference, golden};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What a client does, in order; each waits until the run has nothing to do.
pub(crate) enum Step {
    /// With that reason.
    Cancel(&'static str),
    /// With that reason and those details.
    Terminate(&'static str, Value),
    /// By that name.
    Signal(&'static str),
    /// What the run answers to that query.
    Query(&'static str, Value),
}

/// A scenario.
pub(crate) struct Scenario {
    script: Value,
    pub(crate) steps: Vec<Step>,
    served: bool,
    golden_result: bool,
    run_timeout: Option<f64>,
    execution_timeout: Option<f64>,
    history_events_max: Option<i64>,
    ignored: Vec<(&'static str, &'static str)>,
    activity_called: Option<&'static str>,
    sees: Option<&'static str>,
}

/// An activity as a script has it.
pub(crate) fn activity(activity_type: &str, options: &Value) -> Value {
    let mut activity = options.clone();
    activity["type"] = json!(activity_type);
    activity
}

/// The workflow of most recordings of activities: starts one, cancels it by its handle after a second, takes its outcome.
pub(crate) fn canceled_by_handle(
    activity_type: &str,
    cancellation: &str,
    heartbeat: f64,
    takes: Option<f64>,
    tail: f64,
) -> Value {
    let mut options = json!({
        "start-to-close-timeout": 60.0 + takes.unwrap_or_default(),
        "cancellation-type": cancellation, "retry-policy": {"maximum-attempts": 1},
    });
    if heartbeat > 0.0 {
        options["heartbeat-timeout"] = json!(heartbeat);
    }
    if let Some(takes) = takes {
        options["input"] = json!([takes]);
    }
    cancel_after(activity(activity_type, &options), 1.0, tail)
}

/// Starts an activity, cancels it after `seconds`, takes its outcome, sleeps for `tail`, and returns `RESULT`.
pub(crate) fn cancel_after(activity: Value, seconds: f64, tail: f64) -> Value {
    let mut script = json!([
        {"start-activity": {"name": "it", "activity": activity}}, {"sleep": seconds},
        {"cancel": "it"}, {"try": {"steps": [{"wait": "it"}], "catch": []}},
    ]);
    let steps = script.as_array_mut().expect("a list");
    if tail > 0.0 {
        steps.push(json!({"sleep": tail}));
    }
    steps.push(json!({"return": "RESULT"}));
    script
}

impl Scenario {
    pub(crate) fn new(script: Value) -> Self {
        Scenario {
            script,
            steps: Vec::new(),
            served: true,
            golden_result: false,
            run_timeout: None,
            execution_timeout: None,
            history_events_max: None,
            ignored: Vec::new(),
            activity_called: None,
            sees: None,
        }
    }

    pub(crate) fn step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// Nobody serves the run's queue.
    pub(crate) fn unserved(mut self) -> Self {
        self.served = false;
        self
    }

    /// The recorded workflow returned a text about Python's exceptions; the script's stand-in is compared as if it were that.
    pub(crate) fn with_golden_result(mut self) -> Self {
        self.golden_result = true;
        self
    }

    pub(crate) fn run_timeout(mut self, seconds: f64) -> Self {
        self.run_timeout = Some(seconds);
        self
    }

    pub(crate) fn execution_timeout(mut self, seconds: f64) -> Self {
        self.execution_timeout = Some(seconds);
        self
    }

    pub(crate) fn history_events_max(mut self, events: i64) -> Self {
        self.history_events_max = Some(events);
        self
    }

    /// Leaves a part of an attribute out of the comparison; the caller says why.
    pub(crate) fn without(mut self, attribute: &'static str, part: &'static str) -> Self {
        self.ignored.push((attribute, part));
        self
    }

    /// The recording calls the activity so, and gives it an argument of its own.
    pub(crate) fn activity_called(mut self, name: &'static str) -> Self {
        self.activity_called = Some(name);
        self
    }

    /// Why the activity is told to stop.
    pub(crate) fn sees(mut self, reason: &'static str) -> Self {
        self.sees = Some(reason);
        self
    }

    /// Plays it and compares what was recorded.
    pub(crate) async fn same_as(mut self, name: &str) {
        let clock = Clock::test(Timestamp(1_700_000_000_000_000_000));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let asleep = Arc::new(Asleep::default());
        let host = self.host(&clock, &seen, &asleep).await;
        let mut start = StartWorkflow::new("scripted", name).input(&self.script);
        if let Some(seconds) = self.run_timeout {
            start = start.run_timeout(Duration::from_secs_f64(seconds));
        }
        if let Some(seconds) = self.execution_timeout {
            start = start.execution_timeout(Duration::from_secs_f64(seconds));
        }
        let handle = host.client().start(start).await.expect("it starts");
        for step in std::mem::take(&mut self.steps) {
            settle(&handle, self.served, &clock, &asleep).await;
            play(&handle, step).await;
        }
        let closed = run_to_the_end(&handle, &clock, &asleep).await;
        let mut ours = Scrubbed::of(closed.events.iter().map(|event| &**event)).without_input();
        let mut theirs = golden(name).without_input();
        self.forgive(&mut ours, &mut theirs);
        if let Some(difference) = difference(&ours, &theirs) {
            panic!("{name} differs:\n{difference}\nours:\n{ours}");
        }
        if let Some(reason) = self.sees {
            // The activity goes on by itself, also when the run has closed.
            while seen.lock().expect("not poisoned").is_empty() {
                tokio::task::yield_now().await;
            }
            assert_eq!(seen.lock().expect("not poisoned").as_slice(), [reason], "{name}");
        }
        host.shutdown(Duration::ZERO).await;
    }

    async fn host(
        &self,
        clock: &Clock,
        seen: &Arc<Mutex<Vec<String>>>,
        asleep: &Arc<Asleep>,
    ) -> Host {
        let mut options = HostOptions::default();
        if let Some(max) = self.history_events_max {
            options.run.history_events_max = max;
        }
        let mut builder = Host::builder()
            .component_file("scripted", sandglass_tests::guest("scripted"))
            .task_queue(if self.served { "default" } else { "golden-other" })
            .options(options)
            .cache_dir(sandglass_tests::compiled())
            .clock(clock.clone());
        for (activity_type, activity) in activities(clock, seen, asleep) {
            builder = builder.activity(activity_type, activity);
        }
        builder.start().await.expect("a host")
    }

    /// Makes equal what is not to be compared: types' names, texts of another language, parts that the scenario names.
    fn forgive(&self, ours: &mut Scrubbed, theirs: &mut Scrubbed) {
        let result = theirs.events.last().map(|(_, last)| last["result"].clone());
        for side in [&mut *ours, &mut *theirs] {
            for (event_type, attributes) in &mut side.events {
                let Some(attributes) = attributes.as_object_mut() else { continue };
                attributes.remove("workflowType");
                if event_type == "ACTIVITY_TASK_SCHEDULED" && self.activity_called.is_some() {
                    attributes.remove("activityType");
                    attributes.remove("input");
                }
                for (attribute, part) in &self.ignored {
                    if let Some(it) = attributes.get_mut(*attribute).and_then(Value::as_object_mut)
                    {
                        it.remove(*part);
                    }
                }
            }
        }
        if let (true, Some(result)) = (self.golden_result, result)
            && let Some((_, last)) = ours.events.last_mut()
            && last["result"] == json!({"payloads": ["RESULT"]})
        {
            last["result"] = result;
        }
    }
}

/// Waits until the run rests: no workflow task is to be done, no timer is overdue, and every attempt that has started sleeps. So the
/// clock never runs ahead of anybody, however slow his thread is.
async fn settle(handle: &WorkflowHandle, served: bool, clock: &Clock, asleep: &Asleep) {
    loop {
        let description = handle.describe().await.expect("it is there");
        let idle = description.pending_workflow_task.is_none() || !served;
        let timers = description.pending_timers.iter().all(|(_, fires)| *fires > clock.now());
        let activities = &description.pending_activities;
        // One that waits for its next attempt does not run.
        let runs = |it: &&PendingActivity| {
            it.last_started_time.is_some() && it.next_attempt_time.is_none()
        };
        let running = activities.iter().filter(runs).count();
        let can_start = |it: &PendingActivity| {
            it.last_started_time.is_none() && it.task_queue != "golden-nobody"
        };
        let closed = description.close_time.is_some();
        if idle
            && timers
            && (closed || running <= asleep.count(clock.now()))
            && !activities.iter().any(can_start)
        {
            return;
        }
        tokio::task::yield_now().await;
    }
}

async fn play(handle: &WorkflowHandle, step: Step) {
    match step {
        Step::Cancel(reason) => handle.cancel(reason).await.expect("it is canceled"),
        Step::Terminate(reason, details) => {
            let details = details.as_array().into_iter().flatten();
            let details = details.map(|detail| Payload::json(detail.to_string())).collect();
            handle.terminate_with(reason, details).await.expect("it is terminated");
        }
        Step::Signal(name) => {
            handle.signal_payloads(name, Vec::new(), None).await.expect("it is signaled");
        }
        Step::Query(name, expected) => loop {
            let answer: Value = handle.query(name).await.expect("it answers");
            if answer == expected {
                return;
            }
            tokio::task::yield_now().await;
        },
    }
}

/// Moves the clock, a little at a time whenever the run rests, until the run has closed.
async fn run_to_the_end(
    handle: &WorkflowHandle,
    clock: &Clock,
    asleep: &Asleep,
) -> sandglass_host::History {
    for _ in 0..2_000 {
        let history = handle.history().await.expect("it has a history");
        let closes = |attributes: &Attributes| {
            matches!(
                attributes,
                Attributes::WorkflowExecutionCompleted(_)
                    | Attributes::WorkflowExecutionFailed(_)
                    | Attributes::WorkflowExecutionCanceled(_)
                    | Attributes::WorkflowExecutionTerminated(_)
                    | Attributes::WorkflowExecutionTimedOut(_)
            )
        };
        if history.events.last().is_some_and(|event| closes(&event.attributes)) {
            return history;
        }
        settle(handle, true, clock, asleep).await;
        clock.advance(Duration::from_millis(100));
        while clock.has_late_sleepers() {
            tokio::task::yield_now().await;
        }
    }
    panic!("it does not close: {:?}", handle.describe().await);
}

/// Until when each of the activities sleeps. One whose time has come counts as awake at once.
#[derive(Default)]
struct Asleep(Mutex<Vec<Timestamp>>);

type Shared = (Arc<Mutex<Vec<String>>>, Arc<Asleep>);

impl Asleep {
    fn count(&self, now: Timestamp) -> usize {
        self.0.lock().expect("not poisoned").iter().filter(|until| **until > now).count()
    }

    async fn sleep_until(&self, clock: &Clock, until: Timestamp) {
        self.0.lock().expect("not poisoned").push(until);
        let _sleeper = Sleeper { asleep: self, until };
        clock.sleep_until(until).await;
    }
}

/// One who sleeps, until it is dropped: also by a cancel.
struct Sleeper<'a> {
    asleep: &'a Asleep,
    until: Timestamp,
}

impl Drop for Sleeper<'_> {
    fn drop(&mut self) {
        let mut asleep = self.asleep.0.lock().expect("not poisoned");
        if let Some(at) = asleep.iter().position(|until| *until == self.until) {
            asleep.swap_remove(at);
        }
    }
}

/// Heartbeats until it is told to stop.
async fn beat(context: &ActivityContext, clock: &Clock, asleep: &Asleep) -> CancelReason {
    let mut cancellation = context.cancellation();
    loop {
        context.heartbeat("beat");
        let next = clock.now().after(Duration::from_millis(200));
        tokio::select! {
            reason = cancellation.wait() => return reason,
            () = asleep.sleep_until(clock, next) => {}
        }
    }
}

/// The activities of the recordings. They are told of a cancel at once, so none has to sleep between heartbeats.
fn activities(
    clock: &Clock,
    seen: &Arc<Mutex<Vec<String>>>,
    asleep: &Arc<Asleep>,
) -> Vec<(&'static str, Arc<dyn Activity>)> {
    let with_clock = |f: fn(ActivityContext, Clock, Shared, Value) -> Ended| {
        let (clock, seen, asleep) = (clock.clone(), Arc::clone(seen), Arc::clone(asleep));
        function(move |context, input| {
            f(context, clock.clone(), (Arc::clone(&seen), Arc::clone(&asleep)), input)
        })
    };
    type Ended = futures_like::Boxed;
    vec![
        ("cleanup", function(|_, x: String| async move { Ok(format!("cleaned {x}")) })),
        ("noop", function(|_, (): ()| async { Ok(()) })),
        (
            "fail_once",
            with_clock(|_, _, _, _| {
                Box::pin(async { Err(ActivityError::application("boom", "Boom")) })
            }),
        ),
        (
            "hb_forever",
            with_clock(|context, clock, (seen, asleep), _| {
                Box::pin(async move {
                    let reason = beat(&context, &clock, &asleep).await;
                    seen.lock().expect("not poisoned").push(format!("{reason:?}"));
                    Err(ActivityError::canceled())
                })
            }),
        ),
        (
            "hb_swallow",
            with_clock(|context, clock, (_, asleep), _| {
                Box::pin(async move {
                    beat(&context, &clock, &asleep).await;
                    Ok(json!("swallowed"))
                })
            }),
        ),
        (
            "hb_cancel_fails",
            with_clock(|context, clock, (_, asleep), _| {
                Box::pin(async move {
                    beat(&context, &clock, &asleep).await;
                    Err(ActivityError::non_retryable("cleanup went wrong", "CleanupError"))
                })
            }),
        ),
        (
            "never_hb",
            with_clock(|_, clock, (_, asleep), input| {
                Box::pin(async move {
                    let seconds = Duration::from_secs_f64(input.as_f64().unwrap_or_default());
                    asleep.sleep_until(&clock, clock.now().after(seconds)).await;
                    Ok(json!("slept"))
                })
            }),
        ),
    ]
}

/// The one type of future that all of them have.
mod futures_like {
    use super::{ActivityError, Value};
    use std::pin::Pin;

    pub(super) type Boxed = Pin<Box<dyn Future<Output = Result<Value, ActivityError>> + Send>>;
}
