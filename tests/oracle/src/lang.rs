//! The guest's side of Temporal's core: what the guest answers to each workflow task, in the words of that core, and what it must be told
//! before.
//!
//! The answers come from the guest itself, run from the beginning over what the history had when the task was started; nothing is read off
//! the events that follow.
//!
//! Of an abandoned activity the core is asked nothing: a guest's cancel of one leaves nothing in a history, and a core that is asked takes the
//! activity for over and stumbles when it ends after all.

use crate::guest::Name;
use crate::scripted::ScriptedGuest;
use crate::world::World;
use sandglass_core::command::{CommandKind, ScheduleActivityTask};
use sandglass_core::payload::Payloads;
use sandglass_core::proto::Message as _;
use sandglass_core::worker::{CancellationType, Limits};
use sandglass_core::{Attributes, Failure, HistoryEvent};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use temporalio_protos::coresdk::workflow_commands::{
    ActivityCancellationType, CancelTimer, CancelWorkflowExecution, CompleteWorkflowExecution,
    FailWorkflowExecution, RequestCancelActivity, ScheduleActivity, SetPatchMarker, StartTimer,
    workflow_command::Variant,
};
use temporalio_protos::temporal::api;

/// What a guest answers and must be told, by the WorkflowTaskStarted of each task that was completed.
#[derive(Default)]
pub struct Lang {
    tasks: BTreeMap<i64, Task>,
    /// Activities that Temporal's core takes for over as soon as they are asked to stop.
    let_go: BTreeSet<u32>,
    /// Ids of activities by ActivityTaskScheduled.
    activities: BTreeMap<i64, u32>,
    /// An activity that was asked to stop without waiting has ended by itself later.
    pub ends_late: bool,
}

/// One workflow task.
#[derive(Default)]
struct Task {
    /// What the guest answers, until it has.
    answer: Option<Vec<Variant>>,
    /// What it must be told before, and what it was told.
    expected: Told,
    told: Told,
}

/// What a workflow's code is told.
#[derive(Debug, Default, PartialEq)]
pub struct Told {
    pub signals: Vec<String>,
    pub resolved: Vec<Resolved>,
    pub canceled: bool,
}

/// How a timer or an activity came out.
#[derive(Debug, PartialEq)]
pub enum Resolved {
    Fired(u32),
    Completed(u32, Vec<u8>),
    Failed(u32, String),
    Canceled(u32),
}

impl Lang {
    pub fn new(world: &World, events: &[Arc<HistoryEvent>]) -> Lang {
        let mut lang = Lang::default();
        let mut told_until = 0;
        for (at, event) in events.iter().enumerate() {
            if let Attributes::ActivityTaskScheduled(scheduled) = &event.attributes {
                lang.activities.insert(event.event_id, number(&scheduled.activity_id));
            }
            let Attributes::WorkflowTaskCompleted(completed) = &event.attributes else { continue };
            let started =
                events[..at].iter().rposition(|it| it.event_id == completed.started_event_id);
            let started = started.expect("a completed task was started");
            let told = lang.told(&events[told_until..=started]);
            told_until = at;
            let answer = Some(lang.decide(world, &events[..=started]));
            let task = Task { answer, expected: told, told: Told::default() };
            lang.tasks.insert(completed.started_event_id, task);
        }
        // What is left is told to nobody, but may be a late end.
        lang.told(&events[told_until..]);
        lang
    }

    /// The core tells something for the task whose WorkflowTaskStarted that is; what the guest answers. The core may come again for the same
    /// task, and gets nothing more.
    pub fn answer(&mut self, started_event_id: i64, mut news: Told) -> Vec<Variant> {
        // It tells the end of what it has taken for over; the guest was told when it asked.
        let over = |it: &Resolved| matches!(it, Resolved::Canceled(id) if self.let_go.contains(id));
        news.resolved.retain(|it| !over(it));
        // A last task that nobody has completed has no answer.
        let Some(task) = self.tasks.get_mut(&started_event_id) else { return Vec::new() };
        task.told.signals.extend(news.signals);
        task.told.resolved.extend(news.resolved);
        task.told.canceled |= news.canceled;
        task.answer.take().unwrap_or_default()
    }

    /// The first task for which the core told something else than the history says, or nothing at all.
    pub fn difference(&self) -> Option<String> {
        self.tasks.iter().find_map(|(started, task)| {
            let Task { answer, expected, told } = task;
            match answer {
                // Nothing but the end of what it took for over: the core does not wake the code for that.
                Some(answer) if answer.is_empty() && *expected == Told::default() => return None,
                Some(_) => {
                    let what = "was never asked what it does in the task started in event";
                    return Some(format!("the guest {what} {started}"));
                }
                None => {}
            }
            (told != expected)
                .then(|| format!("before event {started} it told {told:?}, not {expected:?}"))
        })
    }

    fn told(&mut self, events: &[Arc<HistoryEvent>]) -> Told {
        let mut told = Told::default();
        for event in events {
            let resolved = match &event.attributes {
                Attributes::WorkflowExecutionSignaled(it) => {
                    told.signals.push(it.signal_name.clone());
                    continue;
                }
                Attributes::WorkflowExecutionCancelRequested(_) => {
                    told.canceled = true;
                    continue;
                }
                Attributes::TimerFired(it) => Some(Resolved::Fired(number(&it.timer_id))),
                Attributes::ActivityTaskCompleted(it) => {
                    let result = data(it.result.as_ref());
                    self.ended(it.scheduled_event_id).map(|id| Resolved::Completed(id, result))
                }
                Attributes::ActivityTaskFailed(it) => {
                    let message = message(it.failure.as_ref());
                    self.ended(it.scheduled_event_id).map(|id| Resolved::Failed(id, message))
                }
                Attributes::ActivityTaskTimedOut(it) => {
                    let message = message(it.failure.as_ref());
                    self.ended(it.scheduled_event_id).map(|id| Resolved::Failed(id, message))
                }
                Attributes::ActivityTaskCanceled(it) => {
                    self.ended(it.scheduled_event_id).map(Resolved::Canceled)
                }
                _ => continue,
            };
            told.resolved.extend(resolved);
        }
        told
    }

    /// The activity that has ended, unless Temporal's core took it for over before.
    fn ended(&mut self, scheduled_event_id: i64) -> Option<u32> {
        let id = self.activities[&scheduled_event_id];
        let late = self.let_go.contains(&id);
        self.ends_late |= late;
        (!late).then_some(id)
    }

    /// What the guest decides when it has seen that much.
    fn decide(&mut self, world: &World, history: &[Arc<HistoryEvent>]) -> Vec<Variant> {
        let mut guest = ScriptedGuest::new(&world.code.script, Limits::default());
        let decision = guest.work(history).expect("the guest replays");
        let decision = decision.expect("the last task of a history is not replayed");
        let variants = decision.commands.into_iter().map(|command| match command.kind {
            CommandKind::RequestCancelActivityTask { scheduled_event_id } => {
                let seq = self.activities[&scheduled_event_id];
                if world.code.cancellation_type(Name::Activity(seq)) == CancellationType::TryCancel
                {
                    self.let_go.insert(seq);
                }
                Variant::RequestCancelActivity(RequestCancelActivity { seq })
            }
            CommandKind::ScheduleActivityTask(it) => schedule(world, it),
            other => variant(other),
        });
        variants.collect()
    }
}

fn schedule(world: &World, it: ScheduleActivityTask) -> Variant {
    let seq = number(&it.activity_id);
    let cancellation_type = match world.code.cancellation_type(Name::Activity(seq)) {
        CancellationType::TryCancel => ActivityCancellationType::TryCancel,
        CancellationType::WaitCancellationCompleted => {
            ActivityCancellationType::WaitCancellationCompleted
        }
        CancellationType::Abandon => ActivityCancellationType::Abandon,
    };
    Variant::ScheduleActivity(ScheduleActivity {
        seq,
        activity_id: it.activity_id,
        activity_type: it.activity_type.name,
        task_queue: it.task_queue.map(|queue| queue.name).unwrap_or_default(),
        arguments: payloads(it.input),
        schedule_to_close_timeout: it.schedule_to_close_timeout.map(duration),
        schedule_to_start_timeout: it.schedule_to_start_timeout.map(duration),
        start_to_close_timeout: it.start_to_close_timeout.map(duration),
        heartbeat_timeout: it.heartbeat_timeout.map(duration),
        retry_policy: it.retry_policy.map(|policy| decoded(&policy.to_bytes())),
        cancellation_type: cancellation_type.into(),
        ..ScheduleActivity::default()
    })
}

fn variant(command: CommandKind) -> Variant {
    match command {
        CommandKind::StartTimer { timer_id, start_to_fire_timeout } => {
            Variant::StartTimer(StartTimer {
                seq: number(&timer_id),
                start_to_fire_timeout: Some(duration(start_to_fire_timeout)),
            })
        }
        CommandKind::CancelTimer { timer_id } => {
            Variant::CancelTimer(CancelTimer { seq: number(&timer_id) })
        }
        CommandKind::RecordMarker { details, .. } => {
            let patch = details.get("patch-data").and_then(|it| it.payloads.first());
            let patch: serde_json::Value =
                serde_json::from_slice(&patch.expect("a patch").data).expect("a patch is JSON");
            Variant::SetPatchMarker(SetPatchMarker {
                patch_id: patch["id"].as_str().expect("its id").into(),
                deprecated: patch["deprecated"].as_bool().expect("whether it is deprecated"),
            })
        }
        CommandKind::CompleteWorkflowExecution { result } => {
            let result = payloads(result).into_iter().next();
            Variant::CompleteWorkflowExecution(CompleteWorkflowExecution { result })
        }
        CommandKind::FailWorkflowExecution { failure } => {
            let failure = Some(decoded(&failure.to_bytes()));
            Variant::FailWorkflowExecution(FailWorkflowExecution { failure })
        }
        CommandKind::CancelWorkflowExecution { details } => {
            let details = details.map(|it| decoded(&it.to_bytes()));
            Variant::CancelWorkflowExecution(CancelWorkflowExecution { details })
        }
        CommandKind::ScheduleActivityTask(_)
        | CommandKind::RequestCancelActivityTask { .. }
        | CommandKind::Other { .. } => unreachable!("no guest of the simulation asks for it here"),
    }
}

fn number(id: &str) -> u32 {
    id.parse().expect("ids of the simulation are numbers")
}

fn duration(it: Duration) -> prost_types::Duration {
    it.try_into().expect("it is not that long")
}

fn payloads(payloads: Option<Payloads>) -> Vec<api::common::v1::Payload> {
    let payloads = payloads.map(|it| decoded::<api::common::v1::Payloads>(&it.to_bytes()));
    payloads.map(|it| it.payloads).unwrap_or_default()
}

fn decoded<M: prost::Message + Default>(bytes: &[u8]) -> M {
    M::decode(bytes).expect("our bytes are Temporal's")
}

fn data(payloads: Option<&Payloads>) -> Vec<u8> {
    payloads.and_then(|it| it.payloads.first()).map(|it| it.data.to_vec()).unwrap_or_default()
}

fn message(failure: Option<&Failure>) -> String {
    failure.map(|it| it.message.clone()).unwrap_or_default()
}
