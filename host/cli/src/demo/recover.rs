//! The demo's crash: `sandglass run` in a process of its own, killed while its workflow sleeps, and called again.

use super::say;
use crate::guests::Guests;
use anyhow::{Context, Result, bail, ensure};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

/// What `run` says on stderr when the workflow sleeps.
const SLEEPS: &str = "timer ";

/// Runs the workflow `timer`, kills the host with SIGKILL, and lets another go on.
pub(super) fn show(guests: &Guests, database: &Path) -> Result<()> {
    say(
        "4. Recovery. `sandglass run` runs a workflow that sleeps for three seconds, in a process of its own. That is \
         killed in its sleep with SIGKILL, as a crash would. The same command again goes on with the open run, by its id.",
    );
    let mut first = command(guests, database)?;
    let mut first = first
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .context("this program cannot call itself")?;
    let stderr = first.stderr.take().context("the process has no stderr")?;
    let mut asleep = false;
    for line in BufReader::new(stderr).lines() {
        let line = line.context("the process cannot be listened to")?;
        println!("  [process {}] {line}", first.id());
        if line.contains(SLEEPS) {
            asleep = true;
            break;
        }
    }
    // SIGKILL: nothing in that process can prepare for it.
    first.kill().context("the process cannot be killed")?;
    let id = first.id();
    first.wait().context("the process does not end")?;
    ensure!(asleep, "the process {id} ended before its workflow slept");
    println!("  [process {id}] killed");
    let second = command(guests, database)?
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("this program cannot call itself")?;
    let id = second.id();
    let output = second.wait_with_output().context("the process cannot be waited for")?;
    for line in String::from_utf8_lossy(&output.stderr).lines() {
        println!("  [process {id}] {line}");
    }
    if !output.status.success() {
        bail!("the run was not recovered: the process {id} ended with {}", output.status);
    }
    let stdout = String::from_utf8_lossy(&output.stdout);
    let (history, result) = stdout.trim_end().rsplit_once('\n').unwrap_or(("", stdout.trim_end()));
    println!("{history}");
    println!(
        "The workflow completed with {result}. Its timer fired once, at the time that was set before the crash."
    );
    Ok(())
}

fn command(guests: &Guests, database: &Path) -> Result<Command> {
    let this = std::env::current_exe().context("this program does not find itself")?;
    let mut command = Command::new(this);
    command.arg("run").arg(guests.path("timer")).arg("--db").arg(database);
    command.args(["--id", "recovered", "--input", "3", "--history"]);
    Ok(command)
}
