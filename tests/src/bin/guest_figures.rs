//! How large guests are and how fast they start, in every language: the table of `guest-examples/README.md`, from one run on this machine. The
//! worker alone, with the example `timer`; what a whole host does in what time is measured by `sandglass bench`.

use anyhow::{Context, Result, bail, ensure};
use sandglass_core::command::CommandKind;
use sandglass_core::{Payload, task::Answer};
use sandglass_host::wasm::{Engine, EngineOptions, Worker, WorkerOptions, WorkflowComponent};
use sandglass_tests::story::Story;
use sandglass_tests::{LANGUAGES, guest_in};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

/// Runs of which each has a fresh instance; the median counts.
const RUNS: usize = 31;

const MIB: f64 = (1 << 20) as f64;

struct Figures {
    component_bytes: u64,
    compiled_bytes: u64,
    compiling: Duration,
    loading: Duration,
    /// The first workflow task of a run: an instance is made, and runs until it waits for its timer.
    first_task: Duration,
    /// A workflow task of a run that is not in memory: the same, and on from there to its end.
    replayed_task: Duration,
    /// What a parked instance holds.
    parked_bytes: usize,
}

#[tokio::main]
async fn main() -> Result<()> {
    println!(
        "| language | component | compiled | compiling | loading | first task | after a replay | parked |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for language in &LANGUAGES {
        let figures = measure(&guest_in("timer", language.name)).await?;
        let millis = |time: Duration| format!("{:.2} ms", time.as_secs_f64() * 1e3);
        println!(
            "| {} | {:.2} MiB | {:.2} MiB | {:.2} s | {} | {} | {} | {:.2} MiB |",
            language.name,
            figures.component_bytes as f64 / MIB,
            figures.compiled_bytes as f64 / MIB,
            figures.compiling.as_secs_f64(),
            millis(figures.loading),
            millis(figures.first_task),
            millis(figures.replayed_task),
            figures.parked_bytes as f64 / MIB,
        );
    }
    Ok(())
}

async fn measure(component: &Path) -> Result<Figures> {
    let bytes = fs::read(component)?;
    let folder = tempfile::tempdir()?;
    // One that the host makes itself, for it is particular about who may enter.
    let compiled = folder.path().join("compiled");
    let options = EngineOptions { cache_dir: Some(compiled.clone()), ..EngineOptions::default() };
    let engine = Engine::new(options.clone())?;
    let begun = Instant::now();
    WorkflowComponent::load(&engine, &bytes)?;
    let compiling = begun.elapsed();
    // As another process does it.
    let engine = Engine::new(options)?;
    let begun = Instant::now();
    let loaded = WorkflowComponent::load(&engine, &bytes)?;
    let loading = begun.elapsed();
    let worker = Worker::new(&engine, WorkerOptions::for_engine(&engine))?;
    worker.register("timer", loaded);
    let (mut first, mut replayed, mut parked_bytes) = (Vec::new(), Vec::new(), 0);
    for run in 0..RUNS {
        let mut story = Story::new("timer", &format!("run-{run}"), vec![Payload::json("7")]);
        let (took, commands) = task(&worker, &mut story).await?;
        first.push(took);
        parked_bytes = worker.stats().cached_bytes;
        // An alarm clock that it cancels, and the sleep itself.
        let Some(CommandKind::StartTimer { timer_id, .. }) = commands.last() else {
            bail!("it does something else: {commands:?}");
        };
        worker.evict(&format!("run-{run}"));
        story.fire(timer_id, Duration::from_secs(7));
        let (took, commands) = task(&worker, &mut story).await?;
        replayed.push(took);
        ensure!(
            matches!(commands.last(), Some(CommandKind::CompleteWorkflowExecution { .. })),
            "it does not complete: {commands:?}"
        );
    }
    ensure!(worker.stats().replays == RUNS as u64, "{:?}", worker.stats());
    let sizes = fs::read_dir(compiled)?.map(|entry| Ok(entry?.metadata()?.len()));
    Ok(Figures {
        component_bytes: bytes.len() as u64,
        compiled_bytes: sizes.sum::<Result<u64>>()?,
        compiling,
        loading,
        first_task: median(first)?,
        replayed_task: median(replayed)?,
        parked_bytes,
    })
}

/// The next workflow task, how long it took, and what the guest asks for.
async fn task(worker: &Worker, story: &mut Story) -> Result<(Duration, Vec<CommandKind>)> {
    let task = story.task();
    let pages = story.pages(100);
    let begun = Instant::now();
    let answer = worker.execute(task, pages).await?;
    let took = begun.elapsed();
    ensure!(matches!(answer, Answer::Completed(_)), "the task failed: {answer:?}");
    Ok((took, story.complete(answer)))
}

fn median(mut times: Vec<Duration>) -> Result<Duration> {
    times.sort_unstable();
    times.get(times.len() / 2).copied().context("there are some")
}
