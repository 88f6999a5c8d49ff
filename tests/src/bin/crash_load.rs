//! A host under load that is made to be killed: it says on standard output what was acknowledged, and its activities say in a file
//! which attempts were called. The crash test kills it, starts it again, and holds what it said against the database.
//!
//! `crash_load DATABASE CALLS FIRST COUNT`: starts the workflows `w-FIRST` to `w-(FIRST+COUNT-1)`, several at once, each of the [`Kind`] that its
//! number has. With COUNT 0 it asks again for what a dead one may not have had acknowledged, waits until no run is open, prints `drained`, and
//! ends.

use anyhow::{Context, Result};
use sandglass_host::core::policy::WorkflowExecutionStatus;
use sandglass_host::store::Condition;
use sandglass_host::{
    ActivityContext, ActivityError, Host, ListFilter, StartWorkflow, WorkflowHandle, function,
};
use sandglass_tests::guest;
use serde_json::json;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::sync::Arc;

/// Starts that are under way at once.
const AT_ONCE: u64 = 8;

/// What a workflow does, by its number.
#[derive(Clone, Copy)]
enum Kind {
    /// Ten activities, one after the other.
    Activities,
    /// A timer, and an activity whose first attempt fails.
    Retries,
    /// Ends with the signal `finish`.
    Signaled,
    /// Sleeps until it is canceled.
    Canceled,
}

impl Kind {
    fn of(workflow_id: &str) -> Result<Kind> {
        let number = workflow_id.strip_prefix("w-").context("a workflow of this load")?;
        Ok(match number.parse::<u64>()? % 4 {
            0 => Kind::Activities,
            1 => Kind::Retries,
            2 => Kind::Signaled,
            _ => Kind::Canceled,
        })
    }

    fn start(self, id: &str) -> StartWorkflow {
        let start = match self {
            Kind::Activities => StartWorkflow::new("ten_activities", id),
            Kind::Retries => {
                let retry = json!({"initial-interval": 0.005, "maximum-attempts": 5});
                let options = json!({"start-to-close-timeout": 60, "retry-policy": retry});
                let mut activity = options;
                activity["type"] = json!("fails_first");
                StartWorkflow::new("scripted", id).input(&json!([
                    {"sleep": 0.02}, {"activity": activity}, {"sleep": 0.02}, "return-result"
                ]))
            }
            Kind::Signaled => StartWorkflow::new("scripted", id)
                .input(&json!([{"receive": "finish"}, "return-result"])),
            Kind::Canceled => StartWorkflow::new("scripted", id).input(&json!([{"sleep": 3600}])),
        };
        start.request_id(id)
    }

    /// Asks for what ends it. It may have been asked for before: a signal counts once all the same.
    async fn finish(self, handle: &WorkflowHandle) -> Result<Option<&'static str>> {
        Ok(match self {
            Kind::Activities | Kind::Retries => None,
            Kind::Signaled => {
                let id = format!("signal {}", handle.workflow_id());
                handle.signal_payloads("finish", Vec::new(), Some(&id)).await?;
                Some("signaled")
            }
            Kind::Canceled => {
                handle.cancel("it is done").await?;
                Some("canceled")
            }
        })
    }
}

fn main() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(load())
}

async fn load() -> Result<()> {
    let args: Vec<String> = std::env::args().collect();
    let [_, database, calls, first, count] = args.as_slice() else {
        anyhow::bail!("usage: crash_load DATABASE CALLS FIRST COUNT");
    };
    let (first, count): (u64, u64) = (first.parse()?, count.parse()?);
    let calls = Arc::new(OpenOptions::new().create(true).append(true).open(calls)?);
    let of_echo = Arc::clone(&calls);
    let echo = function(move |context: ActivityContext, _: serde_json::Value| {
        let calls = Arc::clone(&of_echo);
        async move { note_call(&calls, &context) }
    });
    let fails_first = function(move |context: ActivityContext, (): ()| {
        let calls = Arc::clone(&calls);
        async move {
            match note_call(&calls, &context)? {
                1 => Err(ActivityError::application("the first attempt fails", "First")),
                attempt => Ok(attempt),
            }
        }
    });
    let host = Host::builder()
        .sqlite(database)
        .component_file("ten_activities", guest("bench-ten-activities"))
        .component_file("scripted", guest("scripted"))
        .cache_dir(sandglass_tests::compiled())
        .activity("echo", echo)
        .activity("fails_first", fails_first)
        .start()
        .await?;
    match count {
        0 => drain(&host).await,
        count => start_all(&host, first, count).await,
    }
}

/// One line a call, written in one piece: what is in the file was called.
fn note_call(mut calls: &File, context: &ActivityContext) -> Result<u32, ActivityError> {
    let info = context.info();
    let line = format!("{} {} {}\n", info.execution.run_id, info.activity_id, info.attempt);
    calls.write_all(line.as_bytes())?;
    Ok(info.attempt)
}

async fn start_all(host: &Host, first: u64, count: u64) -> Result<()> {
    let starters = (0..AT_ONCE).map(|lane| {
        let client = host.client();
        tokio::spawn(async move {
            for n in (first + lane..first + count).step_by(AT_ONCE as usize) {
                let id = format!("w-{n}");
                let kind = Kind::of(&id)?;
                let started = client.start(kind.start(&id)).await;
                let handle = started.with_context(|| format!("start {id}"))?;
                say(&format!("started {id}"))?;
                if let Some(asked) = kind.finish(&handle).await? {
                    say(&format!("{asked} {id}"))?;
                }
            }
            anyhow::Ok(())
        })
    });
    for starter in starters.collect::<Vec<_>>() {
        starter.await??;
    }
    say("all started")?;
    std::future::pending().await
}

async fn drain(host: &Host) -> Result<()> {
    let client = host.client();
    let open = || ListFilter {
        condition: Some(Condition::status(WorkflowExecutionStatus::Running)),
        limit: 100_000,
        ..ListFilter::default()
    };
    for run in client.list(open()).await? {
        let kind = Kind::of(&run.workflow_id)?;
        let handle = client.run(run.workflow_id, run.run_id);
        match kind.finish(&handle).await {
            Ok(_) => {}
            // It ends already.
            Err(error) if handle.describe().await?.close_time.is_some() => drop(error),
            Err(error) => return Err(error),
        }
        // How it ends is held against the history by the test.
        let _ = handle.result_payload().await;
    }
    anyhow::ensure!(client.list(open()).await?.is_empty(), "runs are left open");
    say("drained")?;
    Ok(())
}

fn say(line: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()?;
    Ok(())
}
