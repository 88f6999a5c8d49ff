//! What each example is put through, and how it ends. A feature's first scenario is its golden history.

use serde_json::{Value, json};
use std::time::Duration;

/// One run, from its start to its end.
pub struct Scenario {
    pub name: &'static str,
    pub input: Value,
    pub steps: Vec<Step>,
    /// What it ends with, as `Stage::ending` says it.
    pub ends: Value,
}

/// What happens to a run.
#[derive(Debug)]
pub enum Step {
    /// The run goes on until so many events of that type are in its history, and a workflow task has seen the last.
    Until(&'static str, usize),
    /// An attempt of an activity of that type runs.
    Running(&'static str),
    /// Nothing that matters is under way: here the host may crash.
    Quiet,
    /// Somebody sends a signal with an argument.
    Signal(&'static str, &'static str),
    Cancel,
    Advance(Duration),
    /// The activity that waits is on that attempt, and its backoff ends.
    Retry(u32),
    /// What the run has published as its status.
    Status(&'static str),
    /// The activity that ships that item may end.
    Ship(&'static str),
}

use Step::{Advance, Cancel, Quiet, Retry, Running, Ship, Signal, Status, Until};

const SCHEDULED: &str = "ACTIVITY_TASK_SCHEDULED";
const COMPLETED: &str = "ACTIVITY_TASK_COMPLETED";
const SLEEPS: &str = "TIMER_STARTED";
const A_DAY: Duration = Duration::from_secs(24 * 3600);

/// All scenarios of a feature.
///
/// # Panics
/// If there is no such feature.
pub fn scenarios(feature: &str) -> Vec<Scenario> {
    match feature {
        "greeting" => greeting(),
        "cancellation" => cancellation(),
        "timer" => timer(),
        "signal-approval" => signal_approval(),
        "activity-retry" => activity_retry(),
        "patch" => patch(),
        "order-saga" => order_saga(),
        "concurrency" => concurrency(),
        _ => panic!("nothing is known of {feature}"),
    }
}

fn scenario(name: &'static str, input: Value, steps: Vec<Step>, ends: Value) -> Scenario {
    Scenario { name, input, steps, ends }
}

fn failed(message: &str) -> Value {
    json!({ "failed": message })
}

fn canceled() -> Value {
    json!({ "canceled": null })
}

fn greeting() -> Vec<Scenario> {
    const ACTIVITY: &str = "cancellable_activity";
    let three_seconds = Advance(Duration::from_secs(3));
    vec![
        scenario(
            "canceled by its handle",
            json!("World"),
            vec![Until(SLEEPS, 1), Running(ACTIVITY), Quiet, three_seconds],
            failed("Activity cancelled"),
        ),
        scenario(
            "canceled as a whole",
            json!("World"),
            vec![Until(SLEEPS, 1), Running(ACTIVITY), Quiet, Cancel],
            canceled(),
        ),
    ]
}

fn cancellation() -> Vec<Scenario> {
    let sleeping = || vec![Until(SLEEPS, 1), Quiet, Cancel];
    vec![
        scenario("no input", json!(null), sleeping(), canceled()),
        scenario("nothing", json!("nothing"), sleeping(), canceled()),
        scenario("swallow", json!("swallow"), sleeping(), json!("swallowed")),
        scenario("fail", json!("fail"), sleeping(), failed("the cleanup failed")),
        scenario("shield", json!("shield"), sleeping(), canceled()),
    ]
}

fn timer() -> Vec<Scenario> {
    let long = Advance(Duration::from_secs(7));
    let steps = |advance| vec![Until(SLEEPS, 2), Quiet, advance];
    vec![
        scenario(
            "a moment",
            json!(0.05),
            steps(Advance(Duration::from_millis(50))),
            json!("slept for 0.05 s"),
        ),
        scenario("whole seconds", json!(7), steps(long), json!("slept for 7 s")),
        scenario(
            "no input",
            json!(null),
            steps(Advance(Duration::from_secs(1))),
            json!("slept for 1 s"),
        ),
    ]
}

fn signal_approval() -> Vec<Scenario> {
    let steps = |then| vec![Until(SLEEPS, 1), Status("waiting"), Quiet, then];
    vec![
        scenario(
            "approved",
            json!(null),
            steps(Signal("approve", "Ada")),
            json!("approved by Ada"),
        ),
        scenario("rejected", json!(null), steps(Signal("reject", "Ada")), failed("rejected")),
        scenario(
            "neither",
            json!(null),
            steps(Advance(A_DAY)),
            failed("nobody approved within a day"),
        ),
        scenario("canceled", json!(null), steps(Cancel), canceled()),
    ]
}

fn activity_retry() -> Vec<Scenario> {
    let thrice = || vec![Until(SCHEDULED, 1), Retry(2), Quiet, Retry(3)];
    vec![
        scenario("the third attempt", json!(null), thrice(), json!(3)),
        scenario("given up", json!("Broken"), thrice(), failed("Activity task failed")),
        scenario("another way", json!("OutOfStock"), vec![], json!("ordered elsewhere")),
    ]
}

fn patch() -> Vec<Scenario> {
    vec![scenario("the new side", json!("World"), vec![], json!("World"))]
}

fn order(amount: f64, items: &[&str]) -> Value {
    json!({ "id": "o-1", "items": items, "amount": amount })
}

fn order_saga() -> Vec<Scenario> {
    let mut all = vec![order_saga_that_ships_all()];
    let large = || order(1500.5, &["book", "pen", "ink", "desk"]);
    // Reserved and charged; then somebody has to approve.
    for (name, then, ends) in [
        ("rejected", Signal("reject", "Ada"), failed("rejected")),
        ("nobody approves", Advance(A_DAY), failed("nobody approved within a day")),
        ("canceled before it is shipped", Cancel, canceled()),
    ] {
        let steps = vec![Until(SLEEPS, 1), Status("waiting for approval"), Quiet, then];
        all.push(scenario(name, large(), steps, ends));
    }
    all.extend([
        scenario(
            "canceled while it is shipped",
            order(10.0, &["pen"]),
            vec![Until(SCHEDULED, 3), Running("ship"), Cancel],
            canceled(),
        ),
        scenario(
            "no approval needed",
            order(1000.0, &["pen"]),
            vec![Until(SCHEDULED, 3), Ship("pen")],
            json!({ "status": "shipped", "trackings": ["T-pen"] }),
        ),
        scenario(
            "nothing to ship",
            order(1.0, &[]),
            vec![],
            json!({ "status": "shipped", "trackings": [] }),
        ),
        scenario("no order at all", json!(null), vec![], failed("BadPayload")),
    ]);
    all
}

/// Four items, of which three are under way at a time; they do not end in the order in which they began.
fn order_saga_that_ships_all() -> Scenario {
    let steps = vec![
        Until(SLEEPS, 1),
        Status("waiting for approval"),
        Quiet,
        Signal("approve", "Ada"),
        Until(SCHEDULED, 5),
        Status("approved"),
        Ship("pen"),
        Until(SCHEDULED, 6),
        Ship("desk"),
        Until(COMPLETED, 4),
        Ship("book"),
        Until(COMPLETED, 5),
        Ship("ink"),
    ];
    let trackings = json!(["T-book", "T-pen", "T-ink", "T-desk"]);
    let ends = json!({ "status": "shipped", "trackings": trackings });
    scenario("approved and shipped", order(1500.5, &["book", "pen", "ink", "desk"]), steps, ends)
}

/// No example, but a test of the patterns for several things at once.
fn concurrency() -> Vec<Scenario> {
    let begun = || vec![Until(SLEEPS, 1), Until(COMPLETED, 2), Quiet];
    let mut to_the_end = begun();
    to_the_end.extend([Advance(Duration::from_secs(3)), Until(COMPLETED, 3), Signal("go", "gone")]);
    let mut canceled_halfway = begun();
    canceled_halfway.push(Cancel);
    vec![
        scenario("to the end", json!("World"), to_the_end, json!(["World", "World", "gone"])),
        scenario("canceled", json!("World"), canceled_halfway, canceled()),
        scenario(
            "canceled while an activity runs",
            json!("slow"),
            vec![Running("greet"), Cancel],
            canceled(),
        ),
    ]
}
