//! `kill -9` in a loop under load: every acknowledged start ends, exactly once and as it should, every acknowledged signal and cancel is in its
//! history, exactly once, and no attempt of an activity is called twice.
//!
//! A child process runs a host that starts workflows: with activities, with timers and retries, such that wait for a signal, and such that are
//! canceled. It is killed after a random number of acknowledgements (the seed is printed), and started again on the same database, which goes on
//! with what the dead one left. At the end one more process waits for all runs, and the database is read.

use rand::{Rng, SeedableRng, rngs::StdRng};
use sandglass_host::core::{Attributes, HistoryEvent};
use sandglass_host::{Host, ListFilter};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

const KILLS: usize = 12;
const STARTS_A_LIFE: u64 = 60;

fn spawn(folder: &Path, first: u64, count: u64) -> Child {
    Command::new(env!("CARGO_BIN_EXE_crash_load"))
        .arg(folder.join("sandglass.db"))
        .arg(folder.join("calls"))
        .args([first.to_string(), count.to_string()])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the load can be started")
}

/// Lets a host live until it has acknowledged `enough`, kills it, and tells what it has acknowledged: what was asked, and of which workflow.
fn life(folder: &Path, first: u64, enough: usize) -> Vec<(String, String)> {
    let mut child = spawn(folder, first, STARTS_A_LIFE);
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let mut acknowledged = Vec::new();
    let mut take = |line: String| {
        if let Some((asked, id)) = line.split_once(" w-") {
            acknowledged.push((asked.to_owned(), format!("w-{id}")));
        }
    };
    let mut taken = 0;
    for line in lines.by_ref() {
        take(line.expect("a line"));
        taken += 1;
        if taken >= enough {
            break;
        }
    }
    child.kill().expect("it can be killed");
    // What it had said before it died was acknowledged, too.
    lines.map_while(Result::ok).for_each(take);
    child.wait().expect("it can be waited for");
    acknowledged
}

#[test]
fn killed_again_and_again_nothing_is_lost_and_nothing_is_done_twice() {
    let seed = rand::random::<u64>();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let folder = tempfile::tempdir().expect("a folder");
    let mut acknowledged = BTreeSet::new();
    for kill in 0..KILLS {
        // Half of the starts are followed by a signal or a cancel.
        let enough = random.random_range(1..STARTS_A_LIFE as usize * 3 / 2);
        acknowledged.extend(life(folder.path(), kill as u64 * STARTS_A_LIFE, enough));
    }
    let output = spawn(folder.path(), 0, 0).wait_with_output().expect("the last life");
    assert!(output.status.success(), "seed {seed}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "drained\n", "seed {seed}");
    check_calls(folder.path(), seed);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(check_runs(folder.path(), &acknowledged, seed));
}

fn check_calls(folder: &Path, seed: u64) {
    let calls = std::fs::read_to_string(folder.join("calls")).expect("the calls");
    let mut seen = BTreeSet::new();
    for call in calls.lines() {
        assert!(seen.insert(call), "called twice: {call}, seed {seed}");
    }
    assert!(!seen.is_empty());
}

/// How a workflow of that number has to end.
fn ends(workflow_id: &str, last: &Attributes) -> bool {
    let number: u64 = workflow_id.trim_start_matches("w-").parse().expect("a number");
    match number % 4 {
        3 => matches!(last, Attributes::WorkflowExecutionCanceled(_)),
        _ => matches!(last, Attributes::WorkflowExecutionCompleted(_)),
    }
}

async fn check_runs(folder: &Path, acknowledged: &BTreeSet<(String, String)>, seed: u64) {
    let host = Host::builder().sqlite(folder.join("sandglass.db")).start().await.expect("a host");
    let client = host.client();
    let filter = ListFilter { limit: 100_000, ..ListFilter::default() };
    let mut runs = BTreeMap::<String, usize>::new();
    for run in client.list(filter).await.expect("a list") {
        *runs.entry(run.workflow_id.clone()).or_default() += 1;
        let id = run.workflow_id.clone();
        let history = client.run(run.workflow_id, run.run_id).history().await.expect("a history");
        let is_end = |event: &&Arc<HistoryEvent>| ends(&id, &event.attributes);
        let closing = history.events.iter().filter(is_end).count();
        assert_eq!(closing, 1, "{id}, seed {seed}");
        assert!(history.events.last().as_ref().is_some_and(is_end), "{id}, seed {seed}");
        let count =
            |name| history.events.iter().filter(|event| event.attributes.name() == name).count();
        for (asked, name) in [
            ("signaled", "WorkflowExecutionSignaled"),
            ("canceled", "WorkflowExecutionCancelRequested"),
        ] {
            assert!(count(name) <= 1, "{id} is {asked} twice, seed {seed}");
            let acknowledged = acknowledged.contains(&(asked.into(), id.clone()));
            assert!(!acknowledged || count(name) == 1, "{id} was {asked}, seed {seed}");
        }
        let ids = history.events.iter().map(|event| event.event_id);
        assert!(ids.eq(1..=history.events.len() as i64), "seed {seed}");
    }
    for (_, id) in acknowledged {
        assert_eq!(runs.get(id), Some(&1), "{id} was acknowledged, seed {seed}");
    }
    for asked in ["started", "signaled", "canceled"] {
        let any = acknowledged.iter().any(|(it, _)| it == asked);
        assert!(any, "nothing was {asked}, seed {seed}");
    }
    assert!(runs.values().all(|&count| count == 1), "seed {seed}");
    println!("{} runs, {} acknowledged", runs.len(), acknowledged.len());
}
