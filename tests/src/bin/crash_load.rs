//! A host under load that is made to be killed: it says on standard output what was acknowledged, and its activities say in a file
//! which attempts were called. The crash test kills it, starts it again, and holds what it said against the database.
//!
//! `crash_load DATABASE COMPONENT CALLS FIRST COUNT`: starts the workflows `w-FIRST` to `w-(FIRST+COUNT-1)`, several at once. With COUNT 0 it
//! waits until no run is open, prints `drained`, and ends.

use anyhow::{Context, Result};
use sandglass_host::core::policy::WorkflowExecutionStatus;
use sandglass_host::store::Condition;
use sandglass_host::{ActivityContext, ActivityError, Host, ListFilter, StartWorkflow, function};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::sync::Arc;

/// Starts that are under way at once.
const AT_ONCE: u64 = 8;

fn main() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(load())
}

async fn load() -> Result<()> {
    let args: Vec<String> = std::env::args().collect();
    let [_, database, component, calls, first, count] = args.as_slice() else {
        anyhow::bail!("usage: crash_load DATABASE COMPONENT CALLS FIRST COUNT");
    };
    let (first, count): (u64, u64) = (first.parse()?, count.parse()?);
    let calls = Arc::new(OpenOptions::new().create(true).append(true).open(calls)?);
    let echo = function(move |context: ActivityContext, _: serde_json::Value| {
        let calls = Arc::clone(&calls);
        async move { note_call(&calls, &context) }
    });
    let host = Host::builder()
        .sqlite(database)
        .component_file("ten_activities", component)
        .cache_dir(sandglass_tests::compiled())
        .activity("echo", echo)
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
                let start = StartWorkflow::new("ten_activities", &id).request_id(&id);
                client.start(start).await.with_context(|| format!("start {id}"))?;
                say(&format!("started {id}"))?;
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
        // How it ends is held against the history by the test.
        let _ = client.run(run.workflow_id, run.run_id).result_payload().await;
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
