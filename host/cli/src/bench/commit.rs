//! A bare commit, and what one workflow alone waits for.

use super::load::{echo, start};
use super::measure::{figure, median, millis};
use super::{Figures, Setting};
use anyhow::{Context, Result};
use sandglass_host::{Client, Host, bench};
use std::time::Instant;

/// One workflow at a time, between rounds of bare commits.
pub(super) async fn alone(setting: &Setting, figures: &mut Figures) -> Result<()> {
    let host = Host::builder()
        .sqlite(setting.database("alone"))
        .component_file("empty", setting.guests.path("bench-empty"))
        .component_file("ten", setting.guests.path("bench-ten-activities"))
        .activity("echo", echo())
        .start()
        .await
        .context("the host cannot be started")?;
    let client = host.client();
    // The first ones load code and warm caches.
    each(&host, &client, "empty", 20).await?;
    each(&host, &client, "ten", 2).await?;
    let (mut commits, mut times, mut waited) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..setting.rounds() {
        commits.push(bare_commit(setting)?);
        let round = each(&host, &client, "empty", setting.count(300, 100)).await?;
        times.push(median(&round.iter().map(|(time, _)| *time).collect::<Vec<_>>()));
        waited.extend(round.iter().map(|(_, commits)| *commits));
    }
    let ten = each(&host, &client, "ten", setting.count(100, 20)).await?;
    let ten: Vec<f64> = ten.into_iter().map(|(_, commits)| commits).collect();
    figures.insert("commit_p50_ms".into(), figure(median(&commits)));
    figures.insert("start_to_end_p50_ms".into(), figure(median(&times)));
    figures.insert("start_to_end_p50_ms_commit".into(), figure(median(&commits)));
    for (name, waited) in [("per_empty_workflow", &waited), ("ten_activities", &ten)] {
        figures.insert(format!("commits_waited_{name}"), figure(median(waited)));
        // On a busy machine a step can come after its batch has gone.
        figures.insert(format!("commits_waited_{name}_mean"), figure(mean(waited)));
    }
    Ok(())
}

/// The median of commits of one row, in milliseconds.
pub(super) fn bare_commit(setting: &Setting) -> Result<f64> {
    let count = setting.count(300, 100) as usize;
    let times = bench::bare_commits(&setting.database("bare"), count)
        .context("a bare commit cannot be measured")?;
    Ok(median(&times.into_iter().map(millis).collect::<Vec<_>>()))
}

/// Runs them one after the other: how long each took in milliseconds, and how many commits passed between request and answer.
async fn each(
    host: &Host,
    client: &Client,
    workflow_type: &str,
    count: u64,
) -> Result<Vec<(f64, f64)>> {
    let mut figures = Vec::new();
    for _ in 0..count {
        let (begun, before) = (Instant::now(), host.commits());
        client.execute(start(workflow_type)).await?;
        figures.push((millis(begun.elapsed()), (host.commits() - before) as f64));
    }
    Ok(figures)
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / (values.len().max(1) as f64)
}
