//! Histories that a real Temporal server recorded, made again: a scripted guest does what the recorded workflow did, clients and activities
//! do what they did, and the sequence of events and what decides must be the same. Time is a test's clock.
//!
//! The recordings that a hand-written worker made are not here: no guest answers so. They are held against the core's engine half.

#[path = "golden_guests/scenario.rs"]
mod scenario;

use scenario::{Scenario, Step::*, activity, canceled_by_handle};
use serde_json::{Value, json};

/// Waits for the signal `finish`.
fn wait() -> Value {
    json!([{"receive": "finish"}, {"return": "done"}])
}

/// Counts how often it is interrupted; ends after `finish`.
fn cancel_counter() -> Value {
    json!([
        {"publish": {"name": "count", "value": 0}},
        {"try": {
            "steps": [{"receive": "finish"}, {"return": 0}],
            "catch": [{"publish": {"name": "count", "value": 1}}, {"receive": "finish"}, {"return": 1}],
        }},
    ])
}

fn on_cancel(catch: &Value) -> Value {
    json!([{"try": {"steps": [{"sleep": 3600}], "catch": catch}}])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_in_sleep_cleanup_in_except() {
    let cleanup = activity("cleanup", &json!({"input": ["x"], "start-to-close-timeout": 10}));
    let script = on_cancel(&json!([{"activity": cleanup}, "rethrow"]));
    Scenario::new(script).step(Cancel("")).same_as("a_cancel_in_sleep_cleanup_in_except").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_in_sleep_cleanup_in_finally() {
    let cleanup = activity("cleanup", &json!({"input": ["finally"], "start-to-close-timeout": 10}));
    let script = json!([{"try": {"steps": [{"sleep": 3600}], "finally": [{"activity": cleanup}]}}]);
    Scenario::new(script).step(Cancel("")).same_as("a_cancel_in_sleep_cleanup_in_finally").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_no_handler() {
    Scenario::new(wait()).step(Cancel("")).same_as("a_cancel_no_handler").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_with_reason() {
    Scenario::new(wait()).step(Cancel("operator asked")).same_as("a_cancel_with_reason_raw").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_shielded_activity() {
    let sleeps = activity("never_hb", &json!({"input": [1.5], "start-to-close-timeout": 10}));
    let script = json!(["shield", {"activity": sleeps}, "unshield", {"sleep": 3600}]);
    Scenario::new(script).step(Cancel("")).same_as("a_cancel_shielded_activity").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn b_cancel_swallowed_then_completes() {
    let script = on_cancel(&json!([{"return": "swallowed"}]));
    Scenario::new(script).step(Cancel("")).same_as("b_cancel_swallowed_then_completes").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn b_cancel_then_fails() {
    let fail = json!({"fail": {"message": "cleanup failed", "error-type": "CleanupFailed"}});
    // Python keeps the cancel as the cause of what was raised while it was handled; a guest says so by itself, and this one does not.
    Scenario::new(on_cancel(&json!([fail])))
        .step(Cancel(""))
        .without("failure", "cause")
        .same_as("b_cancel_then_fails")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c_terminate_while_waiting() {
    Scenario::new(wait())
        .step(Terminate("because", json!(["detail-1", 2])))
        .same_as("c_terminate_while_waiting")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c_terminate_no_reason() {
    let terminate = Terminate("", json!([]));
    Scenario::new(wait()).step(terminate).same_as("c_terminate_no_reason").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c_terminate_before_first_task() {
    let terminate = Terminate("early", json!([]));
    Scenario::new(wait()).unserved().step(terminate).same_as("c_terminate_before_first_task").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d_activity_cancel() {
    for (name, cancellation) in [
        ("try_cancel", "try-cancel"),
        ("wait_cancellation_completed", "wait-cancellation-completed"),
        ("abandon", "abandon"),
    ] {
        let script = |tail| canceled_by_handle("hb_forever", cancellation, 2.0, None, tail);
        let golden = format!("d_activity_cancel_{name}");
        Scenario::new(script(0.0)).with_golden_result().same_as(&golden).await;
        let golden = format!("d_activity_cancel_{name}_workflow_continues");
        Scenario::new(script(3.0)).with_golden_result().same_as(&golden).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn e_activity_swallows_cancel_or_fails() {
    for (name, cancellation) in [
        ("try_cancel", "try-cancel"),
        ("wait_cancellation_completed", "wait-cancellation-completed"),
        ("abandon", "abandon"),
    ] {
        let swallows = canceled_by_handle("hb_swallow", cancellation, 2.0, None, 3.0);
        let golden = format!("e_activity_swallows_cancel_{name}");
        Scenario::new(swallows).with_golden_result().same_as(&golden).await;
        let fails = canceled_by_handle("hb_cancel_fails", cancellation, 2.0, None, 3.0);
        let golden = format!("e_activity_turns_cancel_into_failure_{name}");
        // Python keeps the cancel as the cause of what was raised while it was handled; this activity does not.
        Scenario::new(fails)
            .with_golden_result()
            .without("failure", "cause")
            .same_as(&golden)
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f_activity_never_heartbeats() {
    for (name, cancellation) in [
        ("try_cancel", "try-cancel"),
        ("wait_cancellation_completed", "wait-cancellation-completed"),
    ] {
        let script = canceled_by_handle("never_hb", cancellation, 0.0, Some(4.0), 0.0);
        let golden = format!("f_activity_never_heartbeats_no_timeout_{name}");
        Scenario::new(script).with_golden_result().same_as(&golden).await;
    }
    let script = canceled_by_handle("never_hb", "wait-cancellation-completed", 2.0, Some(8.0), 3.0);
    let golden = "f_activity_never_heartbeats_with_timeout_wait_cancellation_completed";
    Scenario::new(script).with_golden_result().same_as(golden).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f_heartbeat_timeout_one_attempt() {
    let once = activity(
        "never_hb",
        &json!({
            "input": [5.0], "start-to-close-timeout": 60, "heartbeat-timeout": 1,
            "retry-policy": {"maximum-attempts": 1, "initial-interval": 0.2},
        }),
    );
    Scenario::new(json!([{"activity": once}, "return-result"]))
        .same_as("f_heartbeat_timeout_one_attempt")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d_activity_unscheduled() {
    for (name, cancellation) in [("try", "try-cancel"), ("wait", "wait-cancellation-completed")] {
        let nobody = activity(
            "noop",
            &json!({
                "task-queue": "golden-nobody", "start-to-close-timeout": 60,
                "cancellation-type": cancellation,
            }),
        );
        let golden = format!("d_activity_unscheduled_cancel_{name}");
        let script = scenario::cancel_after(nobody, 0.5, 0.0);
        Scenario::new(script).with_golden_result().same_as(&golden).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn d_activity_cancel_in_retry_backoff() {
    let fails = activity(
        "fail_once",
        &json!({
            "start-to-close-timeout": 60, "cancellation-type": "wait-cancellation-completed",
            "retry-policy": {"initial-interval": 30},
        }),
    );
    Scenario::new(scenario::cancel_after(fails, 1.0, 0.0))
        .with_golden_result()
        .same_as("d_activity_cancel_in_retry_backoff_wait")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn workflow_cancel_reaches_the_activity() {
    for (golden, activity_type, cancellation) in [
        ("d_workflow_cancel_reaches_activity_try_cancel", "hb_forever", "try-cancel"),
        ("d_workflow_cancel_reaches_activity_abandon", "hb_forever", "abandon"),
        ("e_workflow_cancel_activity_swallows_wait", "hb_swallow", "wait-cancellation-completed"),
    ] {
        let waits = activity(
            activity_type,
            &json!({
                "start-to-close-timeout": 60, "heartbeat-timeout": 2,
                "cancellation-type": cancellation, "retry-policy": {"maximum-attempts": 1},
            }),
        );
        Scenario::new(json!([{"activity": waits}, "return-result"]))
            .step(Cancel(""))
            .same_as(golden)
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn i_cancel_twice() {
    Scenario::new(cancel_counter())
        .step(Cancel(""))
        .step(Query("count", json!(1)))
        .step(Cancel(""))
        .step(Signal("finish"))
        .same_as("i_cancel_twice_different_request_ids")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i_cancel_then_terminate() {
    Scenario::new(cancel_counter())
        .step(Cancel(""))
        .step(Query("count", json!(1)))
        .step(Terminate("did not stop", json!([])))
        .same_as("i_cancel_then_terminate")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i_cancel_visible_to_query_and_signal() {
    Scenario::new(cancel_counter())
        .step(Cancel(""))
        .step(Query("count", json!(1)))
        .step(Signal("finish"))
        .same_as("i_cancel_visible_to_query_and_signal")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn k_timer_cancelled() {
    let script = json!([
        {"start-timer": {"name": "short", "seconds": 0.2}},
        {"start-timer": {"name": "long", "seconds": 3600}},
        {"wait": "short"}, {"cancel": "long"}, {"sleep": 0.1}, {"return": "timer cancelled"},
    ]);
    Scenario::new(script).same_as("k_timer_cancelled").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn o_timeouts() {
    Scenario::new(wait()).run_timeout(1.0).same_as("o_run_timeout").await;
    Scenario::new(wait()).execution_timeout(1.0).same_as("o_execution_timeout").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn q_what_the_activity_sees() {
    for (name, step, saw) in [
        ("cancel", Some(Cancel("")), "CancelRequested"),
        ("terminate", Some(Terminate("", json!([]))), "NotFound"),
        ("timeout", None, "NotFound"),
    ] {
        let watcher = activity(
            "hb_forever",
            &json!({
                "activity-id": "1", "start-to-close-timeout": 60, "heartbeat-timeout": 1,
                "cancellation-type": "wait-cancellation-completed",
                "retry-policy": {"maximum-attempts": 1},
            }),
        );
        let mut scenario = Scenario::new(json!([{"activity": watcher}, "return-result"]))
            .activity_called("watcher")
            .sees(saw);
        if name == "timeout" {
            scenario = scenario.run_timeout(8.0);
        }
        scenario.steps.extend(step);
        scenario.same_as(&format!("q_activity_sees_workflow_{name}")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s_history_count_limit() {
    let noop = activity("noop", &json!({"start-to-close-timeout": 10}));
    Scenario::new(json!([{"repeat": {"times": null, "steps": [{"activity": noop}]}}]))
        .history_events_max(40)
        .same_as("s_history_count_limit_terminates")
        .await;
}
