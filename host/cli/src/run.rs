//! `sandglass run`: one workflow to its end, in a host of this process.

mod interrupt;
mod outcome;
mod progress;

use crate::code::Code;
use crate::exit::{Exit, usage};
use crate::grants::GrantFlags;
use crate::limits::GuestLimits;
use crate::setup;
use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use interrupt::Interrupts;
use progress::Progress;
use sandglass_host::core::Payload;
use sandglass_host::core::policy::{WorkflowExecutionStatus, WorkflowIdConflictPolicy};
use sandglass_host::{
    Client, DEFAULT_TASK_QUEUE, Host, HostBuilder, StartWorkflow, WorkflowError, WorkflowHandle,
};
use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;

/// Runs one workflow to its end.
///
/// Ctrl-C cancels it: its code may clean up. A second Ctrl-C terminates it at once. With --db an
/// open run of the same --id goes on where it was.
///
/// Exit codes: 0 completed, 1 failed, 2 wrong usage, 3 canceled, 4 terminated, 5 timed out.
#[derive(Args)]
pub(crate) struct Run {
    /// Component files; after `=`, the workflow types that one serves (without, its name's stem)
    #[arg(required = true, value_name = "COMPONENT[=TYPE,…]")]
    components: Vec<String>,
    /// The workflow type to run, if the components serve several
    #[arg(long = "type", value_name = "TYPE")]
    workflow_type: Option<String>,
    /// The workflow id; a random one, if not given
    #[arg(long)]
    id: Option<String>,
    /// An argument as JSON; can be repeated
    #[arg(long, short, value_name = "JSON")]
    input: Vec<String>,
    /// The SQLite database, made if it is not there; without it, the run is kept in memory
    #[arg(long, value_name = "FILE", value_parser = setup::database)]
    db: Option<PathBuf>,
    /// An activity type and the component that does it; can be repeated
    #[arg(long = "activity", value_name = "TYPE=COMPONENT")]
    activities: Vec<String>,
    /// The task queues to serve, the first for the workflow; '*' serves all [default: default]
    #[arg(long = "task-queue", short = 't', value_name = "QUEUE", value_parser = setup::name)]
    task_queues: Vec<String>,
    /// How long the run may take, like 30s or 5m
    #[arg(long, value_name = "TIME", value_parser = setup::duration)]
    run_timeout: Option<Duration>,
    /// Prints the history, too
    #[arg(long)]
    history: bool,
    /// How to print what came out
    #[arg(long, short, value_enum, default_value_t)]
    output: Output,
    #[command(flatten)]
    grants: GrantFlags,
    #[command(flatten)]
    limits: GuestLimits,
}

/// How things are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people
    #[default]
    Text,
    /// For programs: one JSON object
    Json,
}

/// How long activities that are still at work have when the workflow has ended.
const GRACE: Duration = Duration::from_secs(1);

impl Run {
    pub(crate) fn run(self) -> Result<Exit> {
        // All that can be wrong with the words is found before anything is opened or written.
        let code = Code::read(&self.components, &self.activities, &self.grants)?;
        let start = self.start(&code)?;
        let builder = self.limits.bound(Host::builder(), setup::wasm_for_few());
        let builder = code.build(builder, &self.task_queues, self.db.as_deref())?;
        setup::runtime()?.block_on(self.to_its_end(builder, start))
    }

    fn start(&self, code: &Code) -> Result<StartWorkflow> {
        let types: Vec<&String> = code.workflow_types().collect();
        let workflow_type = match (&self.workflow_type, types.as_slice()) {
            (Some(wanted), types) if types.contains(&wanted) => wanted,
            (None, [only]) => *only,
            (wanted, types) => {
                let types = types.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ");
                return Err(usage(match wanted {
                    Some(name) => format!(
                        "no component serves the workflow type {name}; those given serve {types}"
                    ),
                    None => {
                        format!("several workflow types are served; say --type, one of {types}")
                    }
                }));
            }
        };
        let id = self.id.clone().unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
        let mut start = StartWorkflow::new(workflow_type, id).task_queue(self.task_queue());
        for text in &self.input {
            start = start.input_payload(json(text)?);
        }
        if let Some(timeout) = self.run_timeout {
            start = start.run_timeout(timeout);
        }
        Ok(start.id_conflict_policy(WorkflowIdConflictPolicy::UseExisting))
    }

    fn task_queue(&self) -> &str {
        let named = self.task_queues.iter().find(|name| *name != "*");
        named.map_or(DEFAULT_TASK_QUEUE, String::as_str)
    }

    async fn to_its_end(&self, builder: HostBuilder, start: StartWorkflow) -> Result<Exit> {
        let interrupts = Interrupts::listen()?;
        let host = builder.start().await.context("the host cannot be started")?;
        let client = host.client();
        let goes_on = self.goes_on(&client).await;
        let started = client.start(start).await.context("the workflow was not started");
        let ended = match started {
            Ok(handle) => {
                self.announce(&handle, goes_on);
                let result = wait(&handle, interrupts, Progress::new(self.activity_types())).await;
                outcome::print(self, &handle, result).await
            }
            Err(error) => Err(error),
        };
        host.shutdown(GRACE).await;
        ended
    }

    /// The activity types that components do.
    fn activity_types(&self) -> Vec<String> {
        let words = self.activities.iter().filter_map(|word| word.split_once('='));
        words.map(|(name, _)| name.to_owned()).collect()
    }

    /// Whether there is an open run of that id.
    async fn goes_on(&self, client: &Client) -> bool {
        let (Some(id), Some(_)) = (&self.id, &self.db) else { return false };
        let found = client.workflow(id).describe().await;
        found.is_ok_and(|run| run.status == WorkflowExecutionStatus::Running)
    }

    fn announce(&self, handle: &WorkflowHandle, goes_on: bool) {
        let word = if goes_on { "goes on" } else { "started" };
        let (id, run) = (handle.workflow_id(), handle.run_id().unwrap_or_default());
        eprintln!("{word}: workflow id {id}, run id {run}");
        if goes_on && !self.input.is_empty() {
            eprintln!("the run that goes on keeps the input that it was started with");
        }
    }
}

/// Waits for the run's end; shows meanwhile what it waits for, and hands on what Ctrl-C means.
async fn wait(
    handle: &WorkflowHandle,
    mut interrupts: Interrupts,
    mut progress: Progress,
) -> Result<Payload, WorkflowError> {
    let mut result = pin!(handle.result_payload());
    let mut looks = tokio::time::interval(progress::BETWEEN_LOOKS);
    // What ends soon needs no progress.
    looks.tick().await;
    loop {
        tokio::select! {
            ended = &mut result => {
                progress.clear();
                return ended;
            }
            () = interrupts.next() => interrupts.carry_out(handle, &progress).await,
            _ = looks.tick() => {
                if let Ok(description) = handle.describe().await {
                    progress.show(&description, interrupts.cancels());
                }
            }
        }
    }
}

/// The argument as it was written, if it is JSON.
fn json(text: &str) -> Result<Payload> {
    match serde_json::from_str::<serde::de::IgnoredAny>(text) {
        Ok(_) => Ok(Payload::json(text.trim())),
        Err(error) => Err(usage(format!(
            "--input {text} is not JSON ({error}); a text needs its quotes: --input '\"World\"'"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_stays_as_it_was_written() {
        assert_eq!(json(" {\"b\": 1.0, \"a\": 2}\n").unwrap().data, "{\"b\": 1.0, \"a\": 2}");
        assert!(json("World").is_err());
        assert!(json("1 2").is_err());
    }
}
