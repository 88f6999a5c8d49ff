//! How fast a history is replayed: a run of many activities, whose last workflow task is asked again of a worker that does not hold the run.

use super::load::{echo, start};
use super::measure::{figure, median};
use super::{Figures, Setting};
use anyhow::{Context, Result, bail};
use sandglass_host::Host;
use sandglass_host::core::command::CommandKind;
use sandglass_host::core::event::Attributes;
use sandglass_host::core::payload::WorkflowExecution;
use sandglass_host::core::task::{Answer, TaskKind, TaskToken, WorkflowTask};
use sandglass_host::core::{Command, HistoryEvent};
use sandglass_host::wasm::{
    Engine, EngineOptions, HistorySource, Worker, WorkerOptions, WorkflowComponent,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Events that one activity in sequence leaves.
const EVENTS_AN_ACTIVITY: u64 = 6;

pub(super) async fn measure(setting: &Setting, figures: &mut Figures) -> Result<()> {
    let component = setting.guests.path("bench-ten-activities");
    let bytes = std::fs::read(&component)
        .with_context(|| format!("{} cannot be read", component.display()))?;
    let host = Host::builder()
        .component(&["ten"], bytes.clone())
        .activity("echo", echo())
        .start()
        .await
        .context("the host cannot be started")?;
    let engine = Engine::new(EngineOptions::default()).context("WebAssembly cannot be set up")?;
    // One core: guests run on one thread, and nothing else has work.
    let options = WorkerOptions { threads: 1, ..WorkerOptions::for_engine(&engine) };
    let worker = Worker::new(&engine, options).context("the worker cannot be started")?;
    worker.register("ten", WorkflowComponent::load(&engine, &bytes)?);
    for events in [1_000, 50_000] {
        let task = last_task(&host, events / EVENTS_AN_ACTIVITY).await?;
        // Short ones are replayed several times, so that the clock has something to measure.
        let times = 50_000 / events * setting.count(4, 1);
        let mut rates = Vec::new();
        for _ in 0..setting.rounds() {
            rates.push(round(&worker, &task, times).await?);
        }
        figures.insert(format!("replay_events_per_s_{events}"), figure(median(&rates)));
    }
    host.shutdown(Duration::ZERO).await;
    Ok(())
}

/// Replayed events a second.
async fn round(worker: &Worker, task: &WorkflowTask, times: u64) -> Result<f64> {
    let mut total = Duration::ZERO;
    for _ in 0..times {
        let task = task.clone();
        let run_id = task.execution.run_id.clone();
        let begun = Instant::now();
        let answer = worker.execute(task, Whole).await?;
        total += begun.elapsed();
        worker.evict(&run_id);
        match answer {
            Answer::Completed(completed) if completes(&completed.commands) => {}
            Answer::Completed(_) => bail!("the replayed run does not end as the recorded one"),
            Answer::Failed(failed) => bail!("the replay failed: {}", failed.failure.message),
        }
    }
    Ok(times as f64 * task.history.len() as f64 / total.as_secs_f64())
}

/// As the run did that was recorded.
fn completes(commands: &[Command]) -> bool {
    let [Command { kind, .. }] = commands else { return false };
    matches!(kind, CommandKind::CompleteWorkflowExecution { .. })
}

/// The task has all of it.
struct Whole;

impl HistorySource for Whole {
    async fn page(&mut self, _: i64) -> Result<Vec<Arc<HistoryEvent>>, String> {
        Err("the task has the whole history".into())
    }
}

/// Runs a workflow with that many activities, and makes its last workflow task again, with all of the history.
async fn last_task(host: &Host, activities: u64) -> Result<WorkflowTask> {
    let handle = host.client().start(start("ten").input(&activities)).await?;
    handle.result_payload().await.context("the run to be replayed did not complete")?;
    let mut history = handle.history().await?.events;
    let is_start =
        |event: &Arc<HistoryEvent>| matches!(event.attributes, Attributes::WorkflowTaskStarted(_));
    let last = history.iter().rposition(is_start).context("the history has no workflow task")?;
    history.truncate(last + 1);
    let started = Arc::clone(&history[last]);
    let previous = history[..last].iter().rev().find(|event| is_start(event));
    let execution = WorkflowExecution {
        workflow_id: handle.workflow_id().into(),
        run_id: handle.run_id().unwrap_or_default().into(),
        ..WorkflowExecution::default()
    };
    Ok(WorkflowTask {
        token: TaskToken {
            workflow_id: execution.workflow_id.clone(),
            run_id: execution.run_id.clone(),
            scheduled_event_id: started.event_id - 1,
            started_event_id: started.event_id,
            started_time: Some(started.event_time),
            attempt: 1,
            ..TaskToken::default()
        },
        execution,
        workflow_type: "ten".into(),
        kind: TaskKind::Normal,
        attempt: 1,
        scheduled_time: started.event_time,
        started_time: started.event_time,
        start_to_close_timeout: Duration::from_secs(3600),
        previous_started_event_id: previous.map_or(0, |event| event.event_id),
        started_event_id: started.event_id,
        history,
        queries: BTreeMap::new(),
        messages: Vec::new(),
        published: None,
    })
}
