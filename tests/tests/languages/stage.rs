//! One run of an example on a host, whose clock the test moves.

use crate::scenarios::{Scenario, Step};
use anyhow::{Context, Result, bail};
use sandglass_host::core::engine::{PendingActivity, PendingActivityState};
use sandglass_host::core::{Failure, FailureInfo, Timestamp};
use sandglass_host::store::Error as StoreError;
use sandglass_host::wasm::EngineOptions;
use sandglass_host::{
    ActivityContext, ActivityError, Clock, History, Host, HostBuilder, HostError, StartWorkflow,
    WorkflowError, WorkflowHandle, function,
};
use sandglass_tests::{Scrubbed, compiled};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// The type of the failure that a workflow ends with whose input makes no sense.
const BAD_PAYLOAD: &str = "BadPayload";

/// Goldens have `ID` in its place, so it is nothing that stands in another text.
const WORKFLOW_ID: &str = "the-only-run";

const PATIENCE: Duration = Duration::from_secs(60);

/// Hosts come and go here, each with room for a few instances: it is address space that is short.
pub fn engine_options() -> EngineOptions {
    EngineOptions { instances_max: 8, cache_dir: Some(compiled()), ..EngineOptions::default() }
}

/// What the run is on; the host may be replaced by another on the same database.
pub struct Stage {
    feature: String,
    component: PathBuf,
    folder: TempDir,
    clock: Clock,
    /// The items that may be shipped.
    shipped: watch::Sender<BTreeSet<String>>,
    host: Option<Host>,
}

impl Stage {
    pub async fn new(feature: &str, component: &Path) -> Result<Stage> {
        let mut stage = Stage {
            feature: feature.to_owned(),
            component: component.to_owned(),
            folder: tempfile::tempdir()?,
            clock: Clock::test(Timestamp(1_700_000_000_000_000_000)),
            shipped: watch::Sender::default(),
            host: None,
        };
        stage.open().await?;
        Ok(stage)
    }

    /// Opens the database, anew if there was a host before, as if that had crashed.
    async fn open(&mut self) -> Result<()> {
        drop(self.host.take());
        let begun = Instant::now();
        loop {
            match self.builder().start().await {
                Ok(host) => {
                    self.host = Some(host);
                    return Ok(());
                }
                // What was under way in the host before holds it a moment longer.
                Err(HostError::Store(StoreError::InUse { .. })) if begun.elapsed() < PATIENCE => {
                    sleep(Duration::from_millis(2)).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn builder(&self) -> HostBuilder {
        let shipped = self.shipped.subscribe();
        let ship = function(move |context, _: Value| ship(context, shipped.clone()));
        let builder = Host::builder()
            .sqlite(self.folder.path().join("runs.db"))
            .wasm(engine_options())
            .clock(self.clock.clone())
            .component_file(&self.feature, &self.component)
            .activity("cancellable_activity", function(slow_to_stop))
            .activity("flaky", function(flaky))
            .activity("ship", ship);
        let names =
            ["cleanup", "charge", "greet", "greet_politely", "reserve", "release", "refund"];
        names.into_iter().fold(builder, |builder, name| builder.activity(name, function(echo)))
    }

    /// Plays a scenario to its end, with a crash at each quiet moment if `crashes`, and gives its history.
    pub async fn play(&mut self, scenario: &Scenario, crashes: bool) -> Result<History> {
        self.start(&scenario.input).await?;
        for step in &scenario.steps {
            if crashes && matches!(step, Step::Quiet) {
                self.open().await?;
            }
            self.step(step).await.with_context(|| format!("{step:?}"))?;
        }
        let ended = self.ending().await?;
        if ended != scenario.ends {
            bail!("it ended with {ended}, not with {}", scenario.ends);
        }
        Ok(self.handle()?.history().await?)
    }

    /// Starts the run, and gives its handle.
    pub async fn start(&self, input: &Value) -> Result<WorkflowHandle> {
        let start = StartWorkflow::new(&self.feature, WORKFLOW_ID).input(input);
        Ok(self.host()?.client().start(start).await?)
    }

    /// Goes on with other code, on another host.
    pub async fn replace(&mut self, component: &Path) -> Result<()> {
        self.component = component.to_owned();
        self.open().await
    }

    pub fn advance(&self, duration: Duration) {
        self.clock.advance(duration);
    }

    fn host(&self) -> Result<&Host> {
        self.host.as_ref().context("there is a host")
    }

    pub fn handle(&self) -> Result<WorkflowHandle> {
        Ok(self.host()?.client().workflow(WORKFLOW_ID))
    }

    async fn step(&self, step: &Step) -> Result<()> {
        let handle = self.handle()?;
        match step {
            Step::Quiet => {}
            Step::Until(event_type, count) => self.until(event_type, *count).await?,
            Step::Signal(name, argument) => handle.signal(name, argument).await?,
            Step::Cancel => handle.cancel("enough").await?,
            Step::Advance(duration) => self.clock.advance(*duration),
            Step::Running(activity_type) => self.running(activity_type).await?,
            Step::Retry(attempt) => self.retry(*attempt).await?,
            Step::Status(status) => {
                let published: String = handle.query("status").await?;
                anyhow::ensure!(published == *status, "its status is {published}");
            }
            Step::Ship(item) => {
                self.shipped.send_modify(|items| {
                    items.insert((*item).to_owned());
                });
            }
        }
        Ok(())
    }

    pub async fn until(&self, event_type: &str, count: usize) -> Result<()> {
        let handle = self.handle()?;
        let wait = async {
            loop {
                let history =
                    Scrubbed::of(handle.history().await?.events.iter().map(AsRef::as_ref));
                let types = history.types();
                let seen = types.iter().rposition(|it| *it == event_type);
                let found = types.iter().filter(|it| **it == event_type).count();
                let answered = types.iter().rposition(|it| *it == "WORKFLOW_TASK_COMPLETED");
                let asked = types.iter().rposition(|it| *it == "WORKFLOW_TASK_SCHEDULED");
                // What a workflow task decides stands behind its completion; what it is told of, before.
                let of_the_guest =
                    event_type.ends_with("_SCHEDULED") || event_type == "TIMER_STARTED";
                if found >= count && asked < answered && (of_the_guest || seen < answered) {
                    return Ok(());
                }
                sleep(Duration::from_millis(2)).await;
            }
        };
        match timeout(PATIENCE, wait).await {
            Ok(waited) => waited,
            Err(_) => {
                let history =
                    Scrubbed::of(handle.history().await?.events.iter().map(AsRef::as_ref));
                bail!("not {count} of {event_type} in\n{history}")
            }
        }
    }

    async fn running(&self, activity_type: &str) -> Result<()> {
        self.pending(|it| {
            it.activity_type == activity_type && it.state == PendingActivityState::Started
        })
        .await
        .context("no attempt has started")
    }

    async fn retry(&self, attempt: u32) -> Result<()> {
        let backs_off = |it: &PendingActivity| {
            it.attempt == attempt && it.state == PendingActivityState::Scheduled
        };
        self.pending(backs_off).await.with_context(|| format!("no attempt {attempt}"))?;
        self.clock.advance(Duration::from_secs(1));
        Ok(())
    }

    /// Waits until an activity is in that state.
    async fn pending(&self, is: impl Fn(&PendingActivity) -> bool) -> Result<()> {
        let handle = self.handle()?;
        let wait = async {
            while !handle.describe().await?.pending_activities.iter().any(&is) {
                sleep(Duration::from_millis(2)).await;
            }
            Ok(())
        };
        timeout(PATIENCE, wait).await?
    }

    /// How it ended: its result, or the kind of its end.
    pub async fn ending(&self) -> Result<Value> {
        let handle = self.handle()?;
        let ended = timeout(PATIENCE, handle.result::<Value>()).await.context("it did not end")?;
        match ended {
            Ok(result) => Ok(result),
            Err(WorkflowError::Canceled { .. }) => Ok(json!({ "canceled": null })),
            Err(WorkflowError::Failed(failure)) => {
                Ok(json!({ "failed": failure_in_words(&failure) }))
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// Its message; but each language says in its own words what is wrong with bad input.
fn failure_in_words(failure: &Failure) -> &str {
    match &failure.info {
        Some(FailureInfo::Application(info)) if info.r#type == BAD_PAYLOAD => BAD_PAYLOAD,
        _ => &failure.message,
    }
}

/// Gives its argument back; if that is `slow`, not before it is canceled.
async fn echo(context: ActivityContext, input: Value) -> Result<Value, ActivityError> {
    if input == "slow" {
        context.cancellation().wait().await;
        return Err(ActivityError::canceled());
    }
    Ok(input)
}

/// Fails as its argument says, or, if it says nothing, on each of three attempts but the last.
async fn flaky(context: ActivityContext, error_type: Option<String>) -> Result<i64, ActivityError> {
    match error_type {
        Some(error_type) => Err(ActivityError::application("as asked", &error_type)),
        None if context.info().attempt < 3 => Err(ActivityError::application("flaky", "Flaky")),
        None => Ok(context.info().attempt.into()),
    }
}

/// Hears that it is canceled, and takes its time: whatever the machine does, the run has ended by then.
async fn slow_to_stop(context: ActivityContext, _: Value) -> Result<Value, ActivityError> {
    context.cancellation().wait().await;
    sleep(PATIENCE).await;
    Err(ActivityError::canceled())
}

/// Ships an item when the test says so, or hears that it is canceled.
async fn ship(
    context: ActivityContext,
    mut shipped: watch::Receiver<BTreeSet<String>>,
) -> Result<String, ActivityError> {
    let [_, item] = context.input() else {
        return Err(ActivityError::application("an order and an item are needed", "BadInput"));
    };
    let item: String = serde_json::from_slice(&item.data)
        .map_err(|error| ActivityError::application(error.to_string(), "BadInput"))?;
    let mut stop = context.cancellation();
    tokio::select! {
        _ = stop.wait() => Err(ActivityError::canceled()),
        _ = shipped.wait_for(|items| items.contains(&item)) => Ok(format!("T-{item}")),
    }
}
