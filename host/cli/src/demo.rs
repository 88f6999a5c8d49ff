//! `sandglass demo`: a newcomer's first minute. It builds guests, runs them, and shows the histories that they leave.

mod recover;

use crate::exit::Exit;
use crate::guests::Guests;
use crate::{payload, setup, show};
use anyhow::{Context, Result, ensure};
use clap::Args;
use sandglass_host::core::Payload;
use sandglass_host::{
    ActivityContext, ActivityError, Client, Host, StartWorkflow, WorkflowDescription,
    WorkflowError, WorkflowHandle, function,
};
use std::path::Path;
use std::time::{Duration, Instant};

/// Shows in under a minute what Sandglass does.
///
/// It builds workflows from the folder guest-examples, runs them on a database in a temporary
/// folder, cancels one, terminates one, kills and recovers one, and prints their histories.
#[derive(Args)]
pub(crate) struct Demo {}

/// A workflow that does not get where the demo wants it within this time never will.
const PATIENCE: Duration = Duration::from_secs(20);

const GUESTS: [&str; 4] = ["greeting", "cancellation", "bench-endless-loop", "timer"];

impl Demo {
    #[expect(clippy::unused_self, reason = "all subcommands are called alike")]
    pub(crate) fn run(self) -> Result<Exit> {
        let begun = Instant::now();
        say(
            "Building four small workflows, written in Rust, as WebAssembly components; the first time, that \
             takes half a minute. A component can reach \
             nothing but what the host hands it.",
        );
        let guests = Guests::build(&GUESTS)?;
        let folder = tempfile::tempdir().context("a temporary folder cannot be made")?;
        setup::runtime()?.block_on(in_this_process(&guests, folder.path()))?;
        recover::show(&guests, &folder.path().join("recovered.db"))?;
        next(&guests, begun);
        Ok(Exit::Completed)
    }
}

/// The steps that need no crash, on one host.
async fn in_this_process(guests: &Guests, folder: &Path) -> Result<()> {
    let mut builder = Host::builder()
        .wasm(setup::wasm_for_few())
        .sqlite(folder.join("demo.db"))
        .activity("cancellable_activity", function(cancellable_activity))
        .activity("cleanup", function(cleanup));
    if let Some(cache) = setup::cache_dir() {
        builder = builder.cache_dir(cache);
    }
    for package in ["greeting", "cancellation", "bench-endless-loop"] {
        builder = builder.component_file(package, guests.path(package));
    }
    let host = builder.start().await.context("the demo's host cannot be started")?;
    let client = host.client();
    greet(&client).await?;
    cancel(&client).await?;
    terminate(&client).await?;
    host.shutdown(Duration::from_secs(1)).await;
    Ok(())
}

/// Works until it is told to stop; its heartbeats say how far it is, and hear whether to stop.
async fn cancellable_activity(
    context: ActivityContext,
    name: Option<String>,
) -> Result<String, ActivityError> {
    for step in 0..1_000 {
        if context.heartbeat(&step).is_some() {
            return Err(ActivityError::canceled());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(format!("Hello, {}!", name.as_deref().unwrap_or("World")))
}

async fn cleanup(_: ActivityContext, _: Option<()>) -> Result<String, ActivityError> {
    Ok("cleaned up".into())
}

async fn greet(client: &Client) -> Result<()> {
    say(
        "1. The greeting. This workflow starts an activity, a Rust function in this program that sends heartbeats; \
         sleeps for three seconds; and cancels the activity through its handle. The activity hears of that at its \
         next heartbeat. The workflow then cleans up and ends with the failure of its activity.",
    );
    let handle = client.start(StartWorkflow::new("greeting", "greeting").input("World")).await?;
    told(&handle).await
}

async fn cancel(client: &Client) -> Result<()> {
    say(
        "2. Cancel asks. This workflow sleeps for an hour. A cancel request interrupts the sleep, and the workflow \
         runs the activity `cleanup` before it ends as canceled.",
    );
    let handle = client.start(StartWorkflow::new("cancellation", "canceled")).await?;
    until(&handle, "sleeps", |run| !run.pending_timers.is_empty()).await?;
    handle.cancel("the demo has no hour").await?;
    told(&handle).await
}

async fn terminate(client: &Client) -> Result<()> {
    say(
        "3. Terminate ends. This workflow is caught in an endless loop, so nobody can ask it anything. A terminate \
         runs none of its code.",
    );
    let handle = client.start(StartWorkflow::new("bench-endless-loop", "terminated")).await?;
    let looping = |run: &WorkflowDescription| {
        run.pending_workflow_task.as_ref().is_some_and(|task| task.started)
    };
    until(&handle, "runs", looping).await?;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let asked = Instant::now();
    handle.terminate("it never gives way").await?;
    let took = asked.elapsed();
    told(&handle).await?;
    println!("The terminate took {:.1} ms.", took.as_secs_f64() * 1e3);
    Ok(())
}

/// Waits for the end, then tells it and the history.
async fn told(handle: &WorkflowHandle) -> Result<()> {
    let result = handle.result_payload().await;
    let history = handle.history().await.context("the history cannot be read")?;
    println!("{}", show::history(&history));
    println!("{}", ending(&result));
    Ok(())
}

fn ending(result: &Result<Payload, WorkflowError>) -> String {
    match result {
        Ok(value) => format!("The workflow completed with {}.", payload::text(value)),
        Err(error) => {
            let text = error.to_string();
            let mut letters = text.chars();
            let first =
                letters.next().map_or(String::new(), |first| first.to_uppercase().collect());
            format!("{first}{}.", letters.as_str())
        }
    }
}

async fn until(
    handle: &WorkflowHandle,
    what: &str,
    is_there: impl Fn(&WorkflowDescription) -> bool,
) -> Result<()> {
    let begun = Instant::now();
    while !is_there(&handle.describe().await?) {
        let id = handle.workflow_id();
        ensure!(begun.elapsed() < PATIENCE, "the workflow {id} should be one that {what} by now");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}

fn next(guests: &Guests, begun: Instant) {
    let timer = guests.path("timer");
    let component = timer.strip_prefix(std::env::current_dir().unwrap_or_default());
    let component = component.unwrap_or(&timer).display();
    say(&format!("That took {:.0} seconds. Try next:", begun.elapsed().as_secs_f64()));
    println!(
        "  sandglass run {component} --db my.db --id nap --input 20    (press Ctrl-C, or kill it and repeat)"
    );
    println!("  sandglass component inspect {component}");
    println!("  README.md: a workflow of your own in twenty lines, and how to embed the host");
}

/// What a step is about.
fn say(sentences: &str) {
    println!("\n{sentences}\n");
}
