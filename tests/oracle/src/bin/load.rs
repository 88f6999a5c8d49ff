//! How many empty workflows a second Temporal's own Rust client gets out of a server.
//!
//! `cargo run --release --manifest-path tests/oracle/Cargo.toml --bin load -- http://127.0.0.1:7233 [AT-ONCE] [SECONDS] [SERVER-PID]`: executes the
//! workflow type `empty` (`guest-examples/bench/empty`) so many at once for so long. With the server's process id it tells the CPU that each side
//! has used for one (Linux).
#![deny(warnings)]

use anyhow::{Context, ensure};
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use temporalio_client::{
    Client, ClientOptions, Connection, ConnectionOptions, UntypedWorkflow,
    WorkflowGetResultOptions, WorkflowStartOptions,
};
use temporalio_common::data_converters::RawValue;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut args = std::env::args().skip(1);
    let address = args.next().context("name the server, as http://127.0.0.1:7233")?;
    let mut number = |default: u64| match args.next() {
        Some(text) => text.parse().with_context(|| format!("{text} is no number")),
        None => Ok(default),
    };
    let (at_once, seconds, server) = (number(64)?, number(5)?, number(0)?);
    let options = ConnectionOptions::new(address.parse::<url::Url>()?).identity("load").build();
    let connection = Connection::connect(options).await?;
    let client = Client::new(connection, ClientOptions::new("default").build())?;
    // Once over, so that nothing is measured that happens once.
    run(&client, at_once, Duration::from_secs(1)).await?;
    let before = (cpu("self")?, cpu_of(server)?);
    let begun = Instant::now();
    let done = run(&client, at_once, Duration::from_secs(seconds)).await?;
    let took = begun.elapsed().as_secs_f64();
    ensure!(done > 0, "nothing was done");
    println!("{at_once} at once: {:.0} empty workflows/s", done as f64 / took);
    let millis = |before: f64, after: f64| (after - before) / done as f64 * 1e3;
    println!("client CPU {:.3} ms a workflow", millis(before.0, cpu("self")?));
    if server > 0 {
        println!("server CPU {:.3} ms a workflow", millis(before.1, cpu_of(server)?));
    }
    Ok(())
}

/// Executes workflows, as many at once, for as long; how many ended.
async fn run(client: &Client, at_once: u64, time: Duration) -> anyhow::Result<u64> {
    let until = Instant::now() + time;
    let done = Arc::new(AtomicU64::new(0));
    let lanes = (0..at_once).map(|_| {
        let (client, done) = (client.clone(), Arc::clone(&done));
        tokio::spawn(async move {
            while Instant::now() < until {
                let id = format!("load-{}", uuid::Uuid::new_v4());
                let options = WorkflowStartOptions::new("default", id).build();
                let workflow = UntypedWorkflow::new("empty");
                let handle = client.start_workflow(workflow, RawValue::empty(), options).await?;
                handle.get_result(WorkflowGetResultOptions::default()).await?;
                done.fetch_add(1, Ordering::Relaxed);
            }
            anyhow::Ok(())
        })
    });
    for lane in lanes.collect::<Vec<_>>() {
        lane.await??;
    }
    Ok(done.load(Ordering::Relaxed))
}

fn cpu_of(pid: u64) -> anyhow::Result<f64> {
    if pid == 0 { Ok(0.0) } else { cpu(&pid.to_string()) }
}

/// Seconds of CPU that a process has used. Linux counts them in hundredths for whoever asks.
fn cpu(process: &str) -> anyhow::Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))
        .with_context(|| format!("process {process}"))?;
    let fields = stat.rsplit(") ").next().unwrap_or_default();
    let ticks: Vec<f64> =
        fields.split(' ').skip(11).take(2).filter_map(|it| it.parse().ok()).collect();
    ensure!(ticks.len() == 2, "/proc/{process}/stat is not as expected");
    Ok(ticks.iter().sum::<f64>() / 100.0)
}
