//! Many workflows at once: how many a second, and what one costs.

use super::measure::{cpu_time, figure, median};
use super::{Figures, Setting};
use anyhow::{Context, Result};
use sandglass_host::{
    Activity, ActivityContext, ActivityError, Client, Host, StartWorkflow, function,
};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Empty workflows, 64 and 512 of them open at any time.
pub(super) async fn empty(setting: &Setting, figures: &mut Figures) -> Result<()> {
    let component = setting.guests.path("bench-empty");
    for (at_once, count) in
        [(64, setting.count(10_000, 2_000)), (512, setting.count(30_000, 5_000))]
    {
        let (mut rates, mut costs) = (Vec::new(), Vec::new());
        for _ in 0..setting.rounds() {
            let host = host(setting, "empty", &component).await?;
            let round = round(&host.client(), "empty", at_once, count).await?;
            rates.push(round.rate(count));
            costs.push(round.cpu.as_secs_f64() * 1e6 / count as f64);
            host.shutdown(Duration::ZERO).await;
        }
        figures.insert(format!("empty_workflows_per_s_{at_once}"), figure(median(&rates)));
        if at_once == 512 {
            figures.insert("cpu_us_per_empty_workflow".into(), figure(median(&costs)));
        }
    }
    Ok(())
}

/// Workflows with ten activities in sequence, 512 of them open at any time.
pub(super) async fn ten_activities(setting: &Setting, figures: &mut Figures) -> Result<()> {
    let component = setting.guests.path("bench-ten-activities");
    let count = setting.count(5_000, 1_000);
    let mut rates = Vec::new();
    for _ in 0..setting.rounds() {
        let host = host(setting, "ten", &component).await?;
        rates.push(round(&host.client(), "ten", 512, count).await?.rate(count));
        host.shutdown(Duration::ZERO).await;
    }
    figures.insert("ten_activities_workflows_per_s_512".into(), figure(median(&rates)));
    Ok(())
}

/// Gives back its argument.
pub(super) fn echo() -> Arc<dyn Activity> {
    function(
        |_: ActivityContext, value: serde_json::Value| async move { Ok::<_, ActivityError>(value) },
    )
}

/// A run under an id of its own.
pub(super) fn start(workflow_type: &str) -> StartWorkflow {
    StartWorkflow::new(workflow_type, uuid::Uuid::new_v4().to_string())
}

async fn host(setting: &Setting, workflow_type: &str, component: &PathBuf) -> Result<Host> {
    Host::builder()
        .sqlite(setting.database(workflow_type))
        .component_file(workflow_type, component)
        .activity("echo", echo())
        .start()
        .await
        .context("the host cannot be started")
}

/// What a round took.
struct Round {
    time: Duration,
    cpu: Duration,
}

impl Round {
    fn rate(&self, count: u64) -> f64 {
        count as f64 / self.time.as_secs_f64()
    }
}

/// Executes `count` workflows from `at_once` callers, after a few that warm up.
async fn round(client: &Client, workflow_type: &str, at_once: u64, count: u64) -> Result<Round> {
    execute(client, workflow_type, at_once, at_once).await?;
    let (begun, cpu) = (Instant::now(), cpu_time());
    execute(client, workflow_type, at_once, count).await?;
    Ok(Round { time: begun.elapsed(), cpu: cpu_time() - cpu })
}

async fn execute(client: &Client, workflow_type: &str, at_once: u64, count: u64) -> Result<()> {
    let taken = Arc::new(AtomicU64::new(0));
    let callers: Vec<_> = (0..at_once)
        .map(|_| {
            let (client, taken) = (client.clone(), Arc::clone(&taken));
            let workflow_type = workflow_type.to_owned();
            tokio::spawn(async move {
                while taken.fetch_add(1, Ordering::Relaxed) < count {
                    client.execute(start(&workflow_type)).await?;
                }
                anyhow::Ok(())
            })
        })
        .collect();
    for caller in callers {
        caller.await.context("a caller panicked")??;
    }
    Ok(())
}
