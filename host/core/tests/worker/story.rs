//! A history as it grows: a small stand-in for the engine that believes everything the guest asks
//! for.

use crate::scripted::{Script, ScriptedGuest, Stopped};
use sandglass_core::command::CommandKind;
use sandglass_core::event::{
    Attributes, HistoryEvent, activity, marker, signal, timer, workflow, workflow_task,
};
use sandglass_core::failure::{Failure, RetryState};
use sandglass_core::payload::{Payload, Payloads, TaskQueue};
use sandglass_core::proto::Message;
use sandglass_core::time::Timestamp;
use sandglass_core::worker::{Decision, Limits, Run};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

/// One run: its history, and its guest, which is kept from task to task.
pub struct Story {
    pub script: Script,
    pub limits: Limits,
    pub events: Vec<Arc<HistoryEvent>>,
    pub log: String,
    guest: ScriptedGuest,
    now: Timestamp,
    fed: usize,
}

impl Story {
    /// A run that was started, and nothing more.
    pub fn new(script: Script) -> Story {
        Story::with(script, Limits::default())
    }

    /// The same, with other limits.
    pub fn with(script: Script, limits: Limits) -> Story {
        let guest = ScriptedGuest::new(&script, limits.clone());
        let mut story = Story {
            script,
            limits,
            events: Vec::new(),
            log: String::new(),
            guest,
            now: Timestamp(1_800_000_000_000_000_000),
            fed: 0,
        };
        story.event(workflow::Started {
            workflow_type: Some("story".into()),
            task_queue: Some(TaskQueue::normal("default")),
            input: Payloads::some(vec![Payload::json("\"input\"")]),
            original_execution_run_id: "run-1".into(),
            first_execution_run_id: "run-1".into(),
            workflow_id: "story".into(),
            attempt: 1,
            ..workflow::Started::default()
        });
        story
    }

    /// Adds an event, a second after the last.
    pub fn event(&mut self, attributes: impl Into<Attributes>) -> i64 {
        self.now = self.now.after(Duration::from_secs(1));
        let event_id = self.events.len() as i64 + 1;
        self.events.push(Arc::new(HistoryEvent::new(event_id, self.now, attributes)));
        event_id
    }

    /// Somebody asks the run to stop.
    pub fn cancel(&mut self) -> &mut Story {
        self.event(workflow::CancelRequested {
            cause: "enough".into(),
            identity: "tester".into(),
            ..workflow::CancelRequested::default()
        });
        self
    }

    /// A signal comes.
    pub fn signal(&mut self, name: &str) -> &mut Story {
        self.event(signal::Signaled {
            signal_name: name.into(),
            input: Payloads::some(vec![Payload::json(format!("\"{name}\""))]),
            identity: "tester".into(),
            ..signal::Signaled::default()
        });
        self
    }

    /// The time of that timer comes.
    pub fn fire(&mut self, timer_id: &str) -> &mut Story {
        let started_event_id = self
            .find(|a| matches!(a, Attributes::TimerStarted(e) if e.timer_id == timer_id), timer_id);
        self.event(timer::Fired {
            timer_id: timer_id.into(),
            started_event_id,
            ..timer::Fired::default()
        });
        self
    }

    /// That activity begins; gives its ActivityTaskScheduled and its ActivityTaskStarted.
    fn begin(&mut self, activity_id: &str) -> (i64, i64) {
        let scheduled_event_id = self.find(
            |a| matches!(a, Attributes::ActivityTaskScheduled(e) if e.activity_id == activity_id),
            activity_id,
        );
        let started = activity::Started { scheduled_event_id, ..activity::Started::default() };
        (scheduled_event_id, self.event(started))
    }

    /// That activity returns its id.
    pub fn complete(&mut self, activity_id: &str) -> &mut Story {
        let (scheduled_event_id, started_event_id) = self.begin(activity_id);
        self.event(activity::Completed {
            result: Payloads::some(vec![Payload::json(format!("\"result {activity_id}\""))]),
            scheduled_event_id,
            started_event_id,
            ..activity::Completed::default()
        });
        self
    }

    /// That activity fails.
    pub fn fail(&mut self, activity_id: &str) -> &mut Story {
        self.fail_from(activity_id, "elsewhere", "it broke")
    }

    /// That activity fails; `source` is not shown to the guest, `message` is.
    pub fn fail_from(&mut self, activity_id: &str, source: &str, message: &str) -> &mut Story {
        let (scheduled_event_id, started_event_id) = self.begin(activity_id);
        self.event(activity::Failed {
            failure: Some(Failure {
                source: source.into(),
                ..Failure::application(message, "Broken", true)
            }),
            scheduled_event_id,
            started_event_id,
            identity: "worker".into(),
            retry_state: RetryState::NonRetryableFailure,
            ..activity::Failed::default()
        });
        self
    }

    /// That activity's time is over.
    pub fn time_out(&mut self, activity_id: &str) -> &mut Story {
        let (scheduled_event_id, started_event_id) = self.begin(activity_id);
        self.event(activity::TimedOut {
            failure: Some(Failure::application("too slow", "Slow", false)),
            scheduled_event_id,
            started_event_id,
            retry_state: RetryState::Timeout,
            ..activity::TimedOut::default()
        });
        self
    }

    /// That activity says that it was canceled.
    pub fn canceled(&mut self, activity_id: &str) -> &mut Story {
        let (scheduled_event_id, started_event_id) = self.begin(activity_id);
        self.event(activity::Canceled {
            details: Payloads::some(vec![Payload::json("\"stopped\"")]),
            scheduled_event_id,
            started_event_id,
            ..activity::Canceled::default()
        });
        self
    }

    /// A task is started and not answered.
    pub fn start_task(&mut self) -> (i64, i64) {
        let scheduled = self.event(workflow_task::Scheduled::default());
        let started = self.event(workflow_task::Started {
            scheduled_event_id: scheduled,
            ..workflow_task::Started::default()
        });
        (scheduled, started)
    }

    /// A task fails, and leaves no mark.
    pub fn fail_task(&mut self) -> &mut Story {
        let (scheduled_event_id, started_event_id) = self.start_task();
        self.event(workflow_task::Failed {
            scheduled_event_id,
            started_event_id,
            ..workflow_task::Failed::default()
        });
        self
    }

    /// A task whose worker does not answer, which leaves no mark either.
    pub fn time_out_task(&mut self) -> &mut Story {
        let (scheduled_event_id, started_event_id) = self.start_task();
        self.event(workflow_task::TimedOut {
            scheduled_event_id,
            started_event_id,
            ..workflow_task::TimedOut::default()
        });
        self
    }

    /// A task, answered by the guest that is kept; one that is started anew has to answer the same,
    /// at once and in pages.
    pub fn task(&mut self) -> &mut Story {
        let decision =
            self.try_task().unwrap_or_else(|stopped| panic!("{stopped:?}\n{}", self.log));
        self.note(&decision);
        self
    }

    /// The same, where the task may fail.
    pub fn try_task(&mut self) -> Result<Decision, Stopped> {
        let (scheduled, started) = self.start_task();
        let news = self.events[self.fed..].to_vec();
        let decision = self.guest.work(&news);
        self.fed = self.events.len();
        let mut anew = ScriptedGuest::new(&self.script, self.limits.clone());
        let again = anew.work(&self.events);
        match (&decision, &again) {
            (Ok(Some(now)), Ok(Some(then))) => assert_eq!(now.commands, then.commands, "replayed"),
            (Ok(_), again) => panic!("replayed otherwise: {again:?}\n{}", self.log),
            (Err(_), _) => {}
        }
        let decision = decision?.expect("a live task");
        self.completed(scheduled, started, &decision);
        Ok(decision)
    }

    /// The events of an answered task.
    fn completed(&mut self, scheduled: i64, started: i64, decision: &Decision) {
        let completed = self.event(workflow_task::Completed {
            scheduled_event_id: scheduled,
            started_event_id: started,
            sdk_metadata: Some(workflow_task::SdkMetadata {
                sdk_name: "sandglass".into(),
                lang_used_flags: decision.lang_used_flags.clone(),
                ..workflow_task::SdkMetadata::default()
            }),
            ..workflow_task::Completed::default()
        });
        for command in &decision.commands {
            self.check(&command.kind);
            let attributes = self.recorded(&command.kind, completed);
            self.event(attributes);
        }
    }

    fn recorded(&self, command: &CommandKind, completed: i64) -> Attributes {
        match command.clone() {
            CommandKind::ScheduleActivityTask(c) => activity::Scheduled {
                activity_id: c.activity_id,
                activity_type: Some(c.activity_type),
                input: c.input,
                start_to_close_timeout: c.start_to_close_timeout,
                workflow_task_completed_event_id: completed,
                ..activity::Scheduled::default()
            }
            .into(),
            CommandKind::RequestCancelActivityTask { scheduled_event_id } => {
                activity::CancelRequested {
                    scheduled_event_id,
                    workflow_task_completed_event_id: completed,
                    ..activity::CancelRequested::default()
                }
                .into()
            }
            CommandKind::StartTimer { timer_id, start_to_fire_timeout } => timer::Started {
                timer_id,
                start_to_fire_timeout: Some(start_to_fire_timeout),
                workflow_task_completed_event_id: completed,
                ..timer::Started::default()
            }
            .into(),
            CommandKind::CancelTimer { timer_id } => timer::Canceled {
                started_event_id: self.find(
                    |a| matches!(a, Attributes::TimerStarted(e) if e.timer_id == timer_id),
                    &timer_id,
                ),
                timer_id,
                workflow_task_completed_event_id: completed,
                ..timer::Canceled::default()
            }
            .into(),
            CommandKind::RecordMarker { marker_name, details, header, failure } => {
                marker::Recorded {
                    marker_name,
                    details,
                    workflow_task_completed_event_id: completed,
                    header,
                    failure,
                    ..marker::Recorded::default()
                }
                .into()
            }
            close => closed(close, completed),
        }
    }

    /// Activities that the history has and that have not ended.
    pub fn open_activities(&self) -> Vec<String> {
        let mut open = BTreeMap::new();
        for event in &self.events {
            match &event.attributes {
                Attributes::ActivityTaskScheduled(e) => {
                    open.insert(event.event_id, e.activity_id.clone());
                }
                Attributes::ActivityTaskCompleted(activity::Completed {
                    scheduled_event_id,
                    ..
                })
                | Attributes::ActivityTaskFailed(activity::Failed { scheduled_event_id, .. })
                | Attributes::ActivityTaskTimedOut(activity::TimedOut {
                    scheduled_event_id, ..
                })
                | Attributes::ActivityTaskCanceled(activity::Canceled {
                    scheduled_event_id, ..
                }) => drop(open.remove(scheduled_event_id)),
                _ => {}
            }
        }
        open.into_values().collect()
    }

    /// Timers that run.
    pub fn open_timers(&self) -> Vec<String> {
        let mut open = BTreeMap::new();
        for event in &self.events {
            match &event.attributes {
                Attributes::TimerStarted(e) => {
                    open.insert(event.event_id, e.timer_id.clone());
                }
                Attributes::TimerFired(timer::Fired { started_event_id, .. })
                | Attributes::TimerCanceled(timer::Canceled { started_event_id, .. }) => {
                    drop(open.remove(started_event_id));
                }
                _ => {}
            }
        }
        open.into_values().collect()
    }

    /// What a server refuses: cancels of what is not there, or was asked before.
    fn check(&self, command: &CommandKind) {
        match command {
            CommandKind::RequestCancelActivityTask { scheduled_event_id } => {
                let again = |e: &Arc<HistoryEvent>| {
                    matches!(&e.attributes, Attributes::ActivityTaskCancelRequested(r)
                        if r.scheduled_event_id == *scheduled_event_id)
                };
                assert!(!self.events.iter().any(again), "canceled twice\n{}", self.log);
                let event = &self.events[*scheduled_event_id as usize - 1];
                let Attributes::ActivityTaskScheduled(scheduled) = &event.attributes else {
                    panic!("canceled what is no activity\n{}", self.log)
                };
                let open = self.open_activities();
                assert!(open.contains(&scheduled.activity_id), "ended before\n{}", self.log);
            }
            CommandKind::CancelTimer { timer_id } => {
                assert!(self.open_timers().contains(timer_id), "not running\n{}", self.log);
            }
            _ => {}
        }
    }

    fn find(&self, is: impl Fn(&Attributes) -> bool, id: &str) -> i64 {
        let found = self.events.iter().rev().find(|event| is(&event.attributes));
        found.unwrap_or_else(|| panic!("{id} was never started\n{}", self.log)).event_id
    }

    fn note(&mut self, decision: &Decision) {
        let _ = writeln!(self.log, "{}", show(decision));
    }

    /// What is left over of operations, once the run rests.
    pub fn open(&self) -> usize {
        self.guest.run().operations_open()
    }

    /// The run of the guest that is kept.
    pub fn run(&self) -> std::sync::MutexGuard<'_, Run> {
        self.guest.run()
    }

    /// The guest changes its code; it is started anew.
    pub fn change(&mut self, script: Script) -> &mut Story {
        self.guest = ScriptedGuest::new(&script, self.limits.clone());
        self.script = script;
        self.fed = 0;
        self
    }
}

fn closed(command: CommandKind, completed: i64) -> Attributes {
    match command {
        CommandKind::CompleteWorkflowExecution { result } => workflow::Completed {
            result,
            workflow_task_completed_event_id: completed,
            ..workflow::Completed::default()
        }
        .into(),
        CommandKind::FailWorkflowExecution { failure } => workflow::Failed {
            failure: Some(failure),
            workflow_task_completed_event_id: completed,
            ..workflow::Failed::default()
        }
        .into(),
        CommandKind::CancelWorkflowExecution { details } => workflow::Canceled {
            workflow_task_completed_event_id: completed,
            details,
            ..workflow::Canceled::default()
        }
        .into(),
        other => panic!("no guest asks for {}", other.name()),
    }
}

/// The commands of an answer, in a line each.
pub fn show(decision: &Decision) -> String {
    if decision.commands.is_empty() {
        return "-".into();
    }
    let lines = decision.commands.iter().map(|command| match &command.kind {
        CommandKind::ScheduleActivityTask(c) => {
            format!("ScheduleActivityTask {} {}", c.activity_id, c.activity_type.name)
        }
        CommandKind::RequestCancelActivityTask { scheduled_event_id } => {
            format!("RequestCancelActivityTask {scheduled_event_id}")
        }
        CommandKind::StartTimer { timer_id, start_to_fire_timeout } => {
            format!("StartTimer {timer_id} {start_to_fire_timeout:?}")
        }
        CommandKind::CancelTimer { timer_id } => format!("CancelTimer {timer_id}"),
        CommandKind::RecordMarker { marker_name, details, .. } => {
            format!("RecordMarker {marker_name} {}", texts(details.get("patch-data")))
        }
        CommandKind::CompleteWorkflowExecution { result } => {
            format!("CompleteWorkflowExecution {}", texts(result.as_ref()))
        }
        CommandKind::FailWorkflowExecution { failure } => {
            format!("FailWorkflowExecution {}", chain(failure))
        }
        CommandKind::CancelWorkflowExecution { details } => {
            format!("CancelWorkflowExecution {}", texts(details.as_ref()))
        }
        CommandKind::Other { .. } => "Other".into(),
    });
    lines.collect::<Vec<_>>().join("; ")
}

fn texts(payloads: Option<&Payloads>) -> String {
    let payloads = payloads.map_or(&[][..], |p| &p.payloads);
    payloads.iter().map(|p| String::from_utf8_lossy(&p.data)).collect::<Vec<_>>().join(" ")
}

/// A failure and its causes, each with the bytes that it has in all, so that nothing that is lost
/// goes unseen.
pub fn chain(failure: &Failure) -> String {
    failure
        .chain()
        .map(|f| format!("{:?} ({} bytes)", f.message, f.to_bytes().len()))
        .collect::<Vec<_>>()
        .join(" < ")
}

/// A result that says `text`.
pub fn says(text: impl std::fmt::Display) -> crate::scripted::Outcome {
    Ok(Payload::json(format!("{text}")))
}

/// The text of an outcome.
pub fn told(outcome: &crate::scripted::Outcome) -> String {
    match outcome {
        Ok(payload) => String::from_utf8_lossy(&payload.data).into_owned(),
        Err(failure) => failed(failure),
    }
}

/// The messages of a failure.
pub fn failed(failure: &sandglass_core::worker::ShownFailure) -> String {
    let causes = failure.causes.iter().map(|cause| cause.message.as_str());
    let messages: Vec<&str> = std::iter::once(failure.message.as_str()).chain(causes).collect();
    messages.join(" < ")
}
