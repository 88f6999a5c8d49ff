//! Temporal's core replays one history: each activation has to tell what the history says, and what the guest answers has to be what was
//! recorded.

use crate::lang::{Lang, Resolved, Told};
use anyhow::{Context, bail};
use futures::stream;
use sandglass_core::HistoryEvent;
use std::sync::Arc;
use std::time::Duration;
use temporalio_common::worker::WorkerTaskTypes;
use temporalio_protos::coresdk::activity_result::activity_resolution::Status;
use temporalio_protos::coresdk::workflow_activation::remove_from_cache::EvictionReason;
use temporalio_protos::coresdk::workflow_activation::{
    WorkflowActivation, workflow_activation_job::Variant as Job,
};
use temporalio_protos::coresdk::workflow_completion::WorkflowActivationCompletion;
use temporalio_protos::temporal::api;
use temporalio_sdk_core::replay::{HistoryForReplay, ReplayWorkerInput};
use temporalio_sdk_core::{
    PollerBehavior, Worker, WorkerConfig, WorkerVersioningStrategy, init_replay_worker,
};

/// How long one history may take. It is a guard against a core that waits for ever, no figure.
const TIME_MAX: Duration = Duration::from_secs(60);

/// Has a history judged while the guest answers as `lang` has it. What differs, if something does.
pub async fn judge(events: &[Arc<HistoryEvent>], mut lang: Lang) -> anyhow::Result<Option<String>> {
    let replay = tokio::time::timeout(TIME_MAX, replay(events, &mut lang)).await;
    replay.context("the core waits for something")?
}

async fn replay(events: &[Arc<HistoryEvent>], lang: &mut Lang) -> anyhow::Result<Option<String>> {
    let worker = worker(events)?;
    let differs = loop {
        let activation = worker.poll_workflow_activation().await?;
        let run_id = activation.run_id.clone();
        let eviction = activation.jobs.iter().find_map(|job| match &job.variant {
            Some(Job::RemoveFromCache(eviction)) => Some(eviction.clone()),
            _ => None,
        });
        if let Some(eviction) = eviction {
            let empty = WorkflowActivationCompletion::empty(run_id);
            worker.complete_workflow_activation(empty).await?;
            break match eviction.reason() {
                EvictionReason::LangRequested => lang.difference(),
                reason => Some(format!("{}: {}", reason.as_str_name(), eviction.message)),
            };
        }
        let started_event_id = i64::from(activation.history_length);
        let answer = lang.answer(started_event_id, told(activation)?);
        let completion = WorkflowActivationCompletion::from_cmds(run_id, answer);
        worker.complete_workflow_activation(completion).await?;
    };
    worker.finalize_shutdown().await;
    Ok(differs)
}

/// What an activation tells the workflow's code.
fn told(activation: WorkflowActivation) -> anyhow::Result<Told> {
    let mut told = Told::default();
    for job in activation.jobs {
        match job.variant {
            // The seed is Temporal's own; how Sandglass seeds its guests is not its matter. Patches are asked for by the guest.
            Some(
                Job::InitializeWorkflow(_) | Job::UpdateRandomSeed(_) | Job::NotifyHasPatch(_),
            ) => {}
            Some(Job::FireTimer(it)) => told.resolved.push(Resolved::Fired(it.seq)),
            Some(Job::SignalWorkflow(it)) => told.signals.push(it.signal_name),
            Some(Job::CancelWorkflow(_)) => told.canceled = true,
            Some(Job::ResolveActivity(it)) => {
                let seq = it.seq;
                told.resolved.push(match it.result.and_then(|result| result.status) {
                    Some(Status::Completed(it)) => {
                        Resolved::Completed(seq, it.result.unwrap_or_default().data)
                    }
                    // The activity's failure, around what it failed with.
                    Some(Status::Failed(it)) => {
                        let cause = it.failure.and_then(|failure| failure.cause);
                        Resolved::Failed(seq, cause.map(|it| it.message).unwrap_or_default())
                    }
                    Some(Status::Cancelled(_)) => Resolved::Canceled(seq),
                    other => bail!("an activity is resolved as {other:?}"),
                });
            }
            other => bail!("a job that nothing here asks for: {other:?}"),
        }
    }
    Ok(told)
}

fn worker(events: &[Arc<HistoryEvent>]) -> anyhow::Result<Worker> {
    let events: Result<Vec<_>, _> = events
        .iter()
        .map(|event| <api::history::v1::HistoryEvent as prost::Message>::decode(&*event.to_bytes()))
        .collect();
    let history = api::history::v1::History { events: events? };
    let config = WorkerConfig::builder()
        .namespace("default")
        .task_queue("simulation")
        .versioning_strategy(WorkerVersioningStrategy::None { build_id: String::new() })
        .task_types(WorkerTaskTypes::workflow_only())
        .workflow_task_poller_behavior(PollerBehavior::SimpleMaximum(1))
        .max_outstanding_workflow_tasks(1_usize)
        .build()
        .map_err(anyhow::Error::msg)?;
    let histories = stream::iter([HistoryForReplay::new(history, "simulated")]);
    init_replay_worker(ReplayWorkerInput::new(config, histories))
}
