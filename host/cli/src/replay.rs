//! `sandglass replay`: does a component still do what recorded histories say? Offline: no host, no database, no activity.

use crate::exit::{Exit, usage};
use crate::limits::GuestBounds;
use crate::run::Output;
use crate::setup;
use anyhow::{Context, Result};
use clap::Args;
use sandglass_host::testing::{ReplayError, Replayed, Replayer};
use sandglass_host::wasm::EngineOptions;
use sandglass_temporal::history_from_json;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

/// Replays recorded histories with a component.
///
/// Says of each whether the component still does what is recorded, and if not, where they first
/// part: what was recorded, what the component did, and where in its code. Ends with 0 if it
/// replays all of them, with 1 if it does not, and with 2 if there was nothing to replay.
#[derive(Args)]
pub(crate) struct Replay {
    /// The component file
    component: PathBuf,
    /// Histories as JSON, as `temporal workflow show -o json` prints them, or folders with such
    /// files
    #[arg(required = true, value_name = "HISTORY")]
    histories: Vec<PathBuf>,
    #[command(flatten)]
    bounds: GuestBounds,
    /// How to print what was found
    #[arg(long, short, value_enum, default_value_t)]
    output: Output,
}

/// What became of one file.
struct Outcome {
    path: PathBuf,
    result: Result<Replayed, Failed>,
}

/// Why a file was not replayed to its end.
enum Failed {
    Unreadable(String),
    Replay(ReplayError),
}

impl Replay {
    pub(crate) fn run(self) -> Result<Exit> {
        let files = files(&self.histories)?;
        if files.is_empty() {
            return Err(usage("there is no history to replay: no folder has a .json file"));
        }
        let options = EngineOptions {
            cache_dir: setup::cache_dir(),
            // One instance lives at a time.
            instances_max: 8,
            ..self.bounds.engine(setup::wasm_for_few())
        };
        let replayer = Replayer::with_options(&self.component, options)
            .map_err(|error| usage(error.to_string()))?;
        let mut outcomes = Vec::with_capacity(files.len());
        for path in files {
            let outcome = Outcome { result: replayed(&replayer, &path), path };
            if self.output == Output::Text {
                outcome.print();
            }
            outcomes.push(outcome);
        }
        let failed = outcomes.iter().filter(|outcome| outcome.result.is_err()).count();
        match self.output {
            Output::Text => println!("{}", summary(outcomes.len(), failed)),
            Output::Json => println!("{:#}", report(&replayer, &outcomes)),
        }
        Ok(if failed == 0 { Exit::Completed } else { Exit::Failed })
    }
}

fn replayed(replayer: &Replayer, path: &Path) -> Result<Replayed, Failed> {
    let text = fs::read_to_string(path).map_err(|error| Failed::Unreadable(error.to_string()))?;
    let history =
        history_from_json(&text).map_err(|error| Failed::Unreadable(error.to_string()))?;
    replayer.replay(&history).map_err(Failed::Replay)
}

/// The files that are named, and those in folders that are, in the order of their names.
fn files(named: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in named {
        let about = fs::metadata(path).map_err(|e| usage(format!("{}: {e}", path.display())))?;
        match about.is_dir() {
            true => walk(path, &mut files)?,
            false => files.push(path.clone()),
        }
    }
    Ok(files)
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let read = || format!("the folder {} cannot be read", folder.display());
    let entries = fs::read_dir(folder).with_context(read)?.collect::<Result<Vec<_>, _>>();
    let mut entries: Vec<_> = entries.with_context(read)?;
    entries.sort_by_key(fs::DirEntry::path);
    for entry in entries {
        let path = entry.path();
        // A link could lead back to where it stands.
        if entry.file_type().with_context(read)?.is_dir() {
            walk(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "json") {
            files.push(path);
        }
    }
    Ok(())
}

impl Outcome {
    fn print(&self) {
        let path = self.path.display();
        match &self.result {
            Ok(Replayed { events, tasks }) => {
                println!("ok        {path}: {events} events, {tasks} workflow tasks");
            }
            Err(Failed::Replay(error @ ReplayError::Diverged(_))) => {
                println!("DIVERGED  {path}: {error}");
            }
            Err(Failed::Replay(error @ ReplayError::Trapped { .. })) => {
                println!("TRAPPED   {path}: {error}");
            }
            Err(Failed::Replay(ReplayError::History(why)) | Failed::Unreadable(why)) => {
                println!("UNUSABLE  {path}: {why}");
            }
        }
    }

    fn to_json(&self) -> Value {
        let path = self.path.display().to_string();
        match &self.result {
            Ok(Replayed { events, tasks }) => {
                json!({ "path": path, "outcome": "replayed", "events": events, "workflowTasks": tasks })
            }
            Err(Failed::Replay(ReplayError::Diverged(divergence))) => {
                let mismatch = &divergence.mismatch;
                let difference = mismatch.difference.as_ref().map(|difference| {
                    let (field, recorded) = (difference.field, &difference.recorded);
                    json!({ "field": field, "recorded": recorded, "issued": difference.issued })
                });
                json!({
                    "path": path,
                    "outcome": "diverged",
                    "message": mismatch.to_string(),
                    "eventId": mismatch.event_id,
                    "workflowTaskStartedEventId": mismatch.breakpoint.started_event_id,
                    "recorded": mismatch.recorded,
                    "issued": mismatch.issued,
                    "difference": difference,
                    "stackTrace": frames(&divergence.stack_trace),
                })
            }
            Err(Failed::Replay(ReplayError::Trapped {
                started_event_id,
                message,
                stack_trace,
            })) => json!({
                "path": path,
                "outcome": "trapped",
                "message": message,
                "workflowTaskStartedEventId": started_event_id,
                "stackTrace": frames(stack_trace),
            }),
            Err(Failed::Replay(ReplayError::History(why)) | Failed::Unreadable(why)) => {
                json!({ "path": path, "outcome": "unusable", "message": why })
            }
        }
    }
}

fn frames(stack_trace: &str) -> Vec<&str> {
    stack_trace.lines().collect()
}

fn summary(count: usize, failed: usize) -> String {
    let histories = if count == 1 { "history" } else { "histories" };
    match failed {
        0 => format!("{count} {histories} replayed"),
        _ => format!("{failed} of {count} {histories} not replayed"),
    }
}

fn report(replayer: &Replayer, outcomes: &[Outcome]) -> Value {
    let failed = outcomes.iter().filter(|outcome| outcome.result.is_err()).count();
    json!({
        "component": replayer.digest(),
        "replayed": outcomes.len() - failed,
        "failed": failed,
        "histories": outcomes.iter().map(Outcome::to_json).collect::<Vec<_>>(),
    })
}
