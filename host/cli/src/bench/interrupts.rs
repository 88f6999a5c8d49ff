//! How long a cancel and a terminate take, from the request to the closed run.

use super::commit::bare_commit;
use super::load::start;
use super::measure::{figure, median, millis, quantile};
use super::{Figures, Setting};
use anyhow::{Context, Result, ensure};
use sandglass_host::{Host, WorkflowError, WorkflowHandle};
use std::time::{Duration, Instant};

/// A guest that is not there by then never will be.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) async fn measure(setting: &Setting, figures: &mut Figures) -> Result<()> {
    let host = Host::builder()
        .sqlite(setting.database("interrupts"))
        .component_file("sleeps", setting.guests.path("cancellation"))
        .component_file("loops", setting.guests.path("bench-endless-loop"))
        .start()
        .await
        .context("the host cannot be started")?;
    let (mut commits, mut medians) = (Vec::new(), Vec::new());
    for _ in 0..setting.rounds() {
        commits.push(bare_commit(setting)?);
        let times = cancels(&host, setting.count(200, 50)).await?;
        medians.push(median(&times));
    }
    let terminates = terminates(&host, setting.count(200, 30)).await?;
    figures.insert("cancel_to_closed_p50_ms".into(), figure(median(&medians)));
    figures.insert("cancel_to_closed_p50_ms_commit".into(), figure(median(&commits)));
    figures.insert("terminate_busy_loop_p99_ms".into(), figure(quantile(&terminates, 0.99)));
    Ok(())
}

/// Cancels guests that sleep and end as canceled at once.
async fn cancels(host: &Host, count: u64) -> Result<Vec<f64>> {
    let mut times = Vec::new();
    for _ in 0..count {
        let handle = host.client().start(start("sleeps").input("nothing")).await?;
        waits(&handle, |run| !run.pending_timers.is_empty()).await?;
        let begun = Instant::now();
        handle.cancel("bench").await?;
        let result = handle.result_payload().await;
        times.push(millis(begun.elapsed()));
        ensure!(
            matches!(result, Err(WorkflowError::Canceled { .. })),
            "a canceled run ended otherwise"
        );
    }
    Ok(times)
}

/// Terminates guests that compute without end.
async fn terminates(host: &Host, count: u64) -> Result<Vec<f64>> {
    let mut times = Vec::new();
    for _ in 0..count {
        let handle = host.client().start(start("loops")).await?;
        waits(&handle, |run| run.pending_workflow_task.as_ref().is_some_and(|task| task.started))
            .await?;
        // It is in its loop, and not only about to be.
        tokio::time::sleep(Duration::from_millis(5)).await;
        let begun = Instant::now();
        handle.terminate("bench").await?;
        let result = handle.result_payload().await;
        times.push(millis(begun.elapsed()));
        ensure!(
            matches!(result, Err(WorkflowError::Terminated { .. })),
            "a terminated run ended otherwise"
        );
    }
    Ok(times)
}

async fn waits(
    handle: &WorkflowHandle,
    is_there: impl Fn(&sandglass_host::WorkflowDescription) -> bool,
) -> Result<()> {
    let begun = Instant::now();
    while !is_there(&handle.describe().await?) {
        ensure!(begun.elapsed() < PATIENCE, "the guest did not begin");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok(())
}
