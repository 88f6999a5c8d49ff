//! What workflows that wait take up in RAM.

use super::load::start;
use super::measure::{figure, resident_bytes};
use super::{Figures, Setting};
use anyhow::{Context, Result, ensure};
use sandglass_host::core::policy::WorkflowExecutionStatus;
use sandglass_host::store::Condition;
use sandglass_host::{Host, ListFilter};
use serde_json::json;
use std::time::{Duration, Instant};

/// Starts that are under way at once.
const AT_ONCE: u64 = 256;

/// A guest that has not parked by then never will.
const PATIENCE: Duration = Duration::from_secs(120);

/// One more guest that waits, all that the host keeps for its run included.
pub(super) async fn parked(setting: &Setting, figures: &mut Figures) -> Result<()> {
    let host = sleepers(setting, "parked").await?;
    // The first ones pay for what all share.
    start_all(&host, 500).await?;
    let before = resident_bytes()?;
    let count = setting.count(4_000, 1_000);
    start_all(&host, count).await?;
    let after = resident_bytes()?;
    let each = after.saturating_sub(before) as f64 / count as f64;
    figures.insert("parked_guest_bytes".into(), figure(each.round()));
    Ok(())
}

/// A hundred thousand of them, most of which are evicted.
pub(super) async fn open(setting: &Setting, figures: &mut Figures) -> Result<()> {
    let host = sleepers(setting, "open").await?;
    // Also when it has to be quick: the key names the number.
    let count = 100_000;
    let begun = Instant::now();
    start_all(&host, count).await?;
    let seconds = begun.elapsed().as_secs_f64();
    let resident = resident_bytes()?;
    figures.insert("open_workflows_100k_rss_bytes".into(), json!(resident));
    figures.insert("open_workflows_started_per_s".into(), figure(count as f64 / seconds));
    figures.insert("open_workflows".into(), json!(count));
    Ok(())
}

async fn sleepers(setting: &Setting, name: &str) -> Result<Host> {
    Host::builder()
        .sqlite(setting.database(name))
        .component_file("sleeps", setting.guests.path("cancellation"))
        .start()
        .await
        .context("the host cannot be started")
}

/// Starts that many, and returns when the last of them waits.
async fn start_all(host: &Host, count: u64) -> Result<()> {
    let starters: Vec<_> = (0..AT_ONCE)
        .map(|lane| {
            let client = host.client();
            tokio::spawn(async move {
                let mut last = None;
                for _ in (lane..count).step_by(AT_ONCE as usize) {
                    last = Some(client.start(start("sleeps")).await?);
                }
                anyhow::Ok(last)
            })
        })
        .collect();
    let begun = Instant::now();
    for starter in starters {
        let Some(last) = starter.await.context("a starter panicked")?? else { continue };
        while last.describe().await?.pending_timers.is_empty() {
            ensure!(begun.elapsed() < PATIENCE, "a guest did not begin to wait");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    let running = ListFilter {
        condition: Some(Condition::status(WorkflowExecutionStatus::Running)),
        limit: 1,
        ..ListFilter::default()
    };
    ensure!(!host.client().list(running).await?.is_empty(), "no run is open");
    Ok(())
}
