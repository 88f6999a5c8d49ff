//! A run's history, written by hand: what an engine would append, without its rules. For tests of the worker alone.

use sandglass_core::command::CommandKind;
use sandglass_core::event::{Attributes, HistoryEvent, activity, timer, workflow, workflow_task};
use sandglass_core::payload::{ActivityType, Payloads, TaskQueue, WorkflowExecution};
use sandglass_core::task::{Answer, Completed, TaskKind, TaskToken, WorkflowTask};
use sandglass_core::{Failure, Payload, Timestamp};
use sandglass_host::wasm::{
    Engine, EngineOptions, HistorySource, Worker, WorkerOptions, WorkflowComponent,
};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// A worker of its own, with that component for that workflow type.
///
/// # Panics
/// If the component cannot be read, or is no workflow.
#[must_use]
pub fn worker_of(workflow_type: &str, component: &Path) -> Worker {
    let options = EngineOptions { cache_dir: Some(crate::compiled()), ..EngineOptions::default() };
    let engine = Engine::new(options).expect("an engine");
    let worker = Worker::new(&engine, WorkerOptions::for_engine(&engine)).expect("a worker");
    let bytes = fs::read(component).expect("the guest can be read");
    let component = WorkflowComponent::load(&engine, &bytes).expect("it is a workflow");
    worker.register(workflow_type, component);
    worker
}

/// A history that grows.
#[derive(Clone, Debug)]
pub struct Story {
    /// The events so far, without those that were forgotten.
    pub events: Vec<Arc<HistoryEvent>>,
    forgotten: i64,
    /// When the next event happens. It moves only when a test moves it.
    pub now: Timestamp,
    run_id: String,
    workflow_type: String,
    previous_started: i64,
    /// Events that the last completed task has not seen begin after this one.
    seen: i64,
}

impl Story {
    /// A run of that type and id that has just begun.
    #[must_use]
    pub fn new(workflow_type: &str, run_id: &str, input: Vec<Payload>) -> Story {
        let mut story = Story {
            events: Vec::new(),
            forgotten: 0,
            now: Timestamp(1_800_000_000_000_000_000),
            run_id: run_id.into(),
            workflow_type: workflow_type.into(),
            previous_started: 0,
            seen: 0,
        };
        story.push(workflow::Started {
            workflow_type: Some(workflow_type.into()),
            task_queue: Some(TaskQueue::normal("default")),
            input: Payloads::some(input),
            original_execution_run_id: run_id.into(),
            first_execution_run_id: run_id.into(),
            workflow_id: "story".into(),
            attempt: 1,
            ..workflow::Started::default()
        });
        story
    }

    /// Appends an event and says which it is.
    pub fn push(&mut self, attributes: impl Into<Attributes>) -> i64 {
        let event_id = self.forgotten + self.events.len() as i64 + 1;
        self.events.push(Arc::new(HistoryEvent::new(event_id, self.now, attributes)));
        event_id
    }

    /// A workflow task, scheduled and started now, with the events since the last one.
    pub fn task(&mut self) -> WorkflowTask {
        let scheduled = self.push(workflow_task::Scheduled { attempt: 1, ..Default::default() });
        let started = self.push(workflow_task::Started {
            scheduled_event_id: scheduled,
            ..workflow_task::Started::default()
        });
        WorkflowTask {
            token: TaskToken {
                workflow_id: "story".into(),
                run_id: self.run_id.clone(),
                scheduled_event_id: scheduled,
                started_event_id: started,
                started_time: Some(self.now),
                attempt: 1,
                ..TaskToken::default()
            },
            execution: WorkflowExecution {
                workflow_id: "story".into(),
                run_id: self.run_id.clone(),
                ..WorkflowExecution::default()
            },
            workflow_type: self.workflow_type.clone(),
            kind: TaskKind::Normal,
            attempt: 1,
            scheduled_time: self.now,
            started_time: self.now,
            start_to_close_timeout: Duration::from_secs(10),
            previous_started_event_id: self.previous_started,
            started_event_id: started,
            history: self.events.iter().filter(|e| e.event_id > self.seen).cloned().collect(),
            queries: BTreeMap::new(),
            messages: Vec::new(),
            published: None,
        }
    }

    /// Writes what follows from an answer.
    ///
    /// # Panics
    /// If the task failed.
    pub fn complete(&mut self, answer: Answer) -> Vec<CommandKind> {
        let completed = match answer {
            Answer::Completed(completed) => completed,
            Answer::Failed(failed) => {
                panic!("the task failed: {:?} {}", failed.cause, failed.failure.message)
            }
        };
        let Completed { token, commands, metadata, build_id, .. } = completed;
        let task = self.push(workflow_task::Completed {
            scheduled_event_id: token.scheduled_event_id,
            started_event_id: token.started_event_id,
            sdk_metadata: metadata,
            worker_version: Some(workflow_task::WorkerVersionStamp {
                build_id,
                ..workflow_task::WorkerVersionStamp::default()
            }),
            ..workflow_task::Completed::default()
        });
        self.previous_started = token.started_event_id;
        self.seen = token.started_event_id;
        let kinds: Vec<CommandKind> = commands.into_iter().map(|it| it.kind).collect();
        for kind in &kinds {
            self.record(kind, task);
        }
        kinds
    }

    fn record(&mut self, kind: &CommandKind, task: i64) {
        match kind {
            CommandKind::StartTimer { timer_id, start_to_fire_timeout } => {
                self.push(timer::Started {
                    timer_id: timer_id.clone(),
                    start_to_fire_timeout: Some(*start_to_fire_timeout),
                    workflow_task_completed_event_id: task,
                    ..timer::Started::default()
                });
            }
            CommandKind::CancelTimer { timer_id } => {
                let started_event_id = self.timer(timer_id);
                self.push(timer::Canceled {
                    timer_id: timer_id.clone(),
                    started_event_id,
                    workflow_task_completed_event_id: task,
                    ..timer::Canceled::default()
                });
            }
            CommandKind::ScheduleActivityTask(schedule) => {
                self.push(activity::Scheduled {
                    activity_id: schedule.activity_id.clone(),
                    activity_type: Some(ActivityType::clone(&schedule.activity_type)),
                    input: schedule.input.clone(),
                    workflow_task_completed_event_id: task,
                    ..activity::Scheduled::default()
                });
            }
            CommandKind::CompleteWorkflowExecution { result } => {
                self.push(workflow::Completed {
                    result: result.clone(),
                    workflow_task_completed_event_id: task,
                    ..workflow::Completed::default()
                });
            }
            _ => {}
        }
    }

    fn timer(&self, id: &str) -> i64 {
        let started = self.events.iter().find(
            |event| matches!(&event.attributes, Attributes::TimerStarted(it) if it.timer_id == id),
        );
        started.map_or(0, |event| event.event_id)
    }

    /// Lets time pass and a timer fire.
    pub fn fire(&mut self, timer_id: &str, after: Duration) {
        self.now = self.now.after(after);
        let started_event_id = self.timer(timer_id);
        self.push(timer::Fired {
            timer_id: timer_id.into(),
            started_event_id,
            ..timer::Fired::default()
        });
    }

    /// Completes the activity of that id.
    pub fn complete_activity(&mut self, activity_id: &str, result: Payload) {
        let (scheduled_event_id, started_event_id) = self.start_activity(activity_id);
        self.push(activity::Completed {
            scheduled_event_id,
            started_event_id,
            result: Payloads::some(vec![result]),
            ..activity::Completed::default()
        });
    }

    /// Fails the activity of that id for good.
    pub fn fail_activity(&mut self, activity_id: &str, failure: Failure) {
        let (scheduled_event_id, started_event_id) = self.start_activity(activity_id);
        self.push(activity::Failed {
            scheduled_event_id,
            started_event_id,
            failure: Some(failure),
            ..activity::Failed::default()
        });
    }

    fn start_activity(&mut self, activity_id: &str) -> (i64, i64) {
        let scheduled = self.events.iter().find(|event| {
            matches!(&event.attributes, Attributes::ActivityTaskScheduled(it) if it.activity_id == activity_id)
        });
        let scheduled_event_id = scheduled.map_or(0, |event| event.event_id);
        let started_event_id =
            self.push(activity::Started { scheduled_event_id, attempt: 1, ..Default::default() });
        (scheduled_event_id, started_event_id)
    }

    /// Forgets what a worker has seen: one that keeps the run parked does not ask for it again.
    pub fn forget(&mut self) {
        self.events.retain(|event| event.event_id > self.seen);
        self.forgotten = self.seen;
    }

    /// The pages of this history, `page` events each.
    ///
    /// # Panics
    /// If some of it was forgotten.
    #[must_use]
    pub fn pages(&self, page: usize) -> Pages {
        assert_eq!(self.forgotten, 0, "the history is not all there");
        Pages { events: self.events.clone(), page }
    }
}

/// The pages of a history.
#[derive(Clone, Debug)]
pub struct Pages {
    events: Vec<Arc<HistoryEvent>>,
    page: usize,
}

impl HistorySource for Pages {
    async fn page(&mut self, first_event_id: i64) -> Result<Vec<Arc<HistoryEvent>>, String> {
        let from = usize::try_from(first_event_id - 1).map_err(|error| error.to_string())?;
        Ok(self.events.iter().skip(from).take(self.page).cloned().collect())
    }
}
