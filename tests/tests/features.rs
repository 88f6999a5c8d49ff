//! Every example, run on a real host: it ends as it says, and leaves its golden history. Guests
//! of other languages will be held against the same files.
//!
//! `UPDATE_EXPECT=1 cargo test -p sandglass-tests --test features` writes the files anew.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};
use expect_test::expect_file;
use sandglass_host::{
    ActivityContext, ActivityError, Host, HostBuilder, StartWorkflow, WorkflowError,
    WorkflowHandle, function,
};
use sandglass_tests::{Scrubbed, guest, project};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

const PATIENCE: Duration = Duration::from_secs(60);

/// A host with one example as the workflow type of its name, and activities that answer at once.
fn host(feature: &str) -> HostBuilder {
    Host::builder()
        .in_memory()
        .component_file(feature, guest(feature))
        .activity("cleanup", function(echo))
        .activity("charge", function(echo))
        .activity("greet", function(echo))
        .activity("greet_politely", function(echo))
        .activity("flaky", function(flaky))
        .activity("cancellable_activity", function(beating))
}

async fn echo(_: ActivityContext, input: Value) -> Result<Value, ActivityError> {
    Ok(input)
}

/// Fails as its argument says, or, if it says nothing, on each of three attempts but the last.
async fn flaky(context: ActivityContext, error_type: Option<String>) -> Result<i64, ActivityError> {
    match error_type {
        Some(error_type) => Err(ActivityError::application("as asked", &error_type)),
        None if context.info().attempt < 3 => Err(ActivityError::application("flaky", "Flaky")),
        None => Ok(context.info().attempt.into()),
    }
}

/// Hears that it is canceled, and takes its time: whatever the machine does, the run has ended by then.
async fn slow_to_stop(context: ActivityContext, input: Value) -> Result<Value, ActivityError> {
    let heard = beating(context, input).await;
    sleep(PATIENCE).await;
    heard
}

async fn beating(context: ActivityContext, _: Value) -> Result<Value, ActivityError> {
    while context.heartbeat(&"beat").is_none() {
        sleep(Duration::from_millis(20)).await;
    }
    Err(ActivityError::canceled())
}

/// How it ended: its result, or the kind of its end.
async fn ending(handle: &WorkflowHandle) -> Result<Value> {
    let ended = timeout(PATIENCE, handle.result::<Value>()).await.context("it did not end")?;
    Ok(match ended {
        Ok(result) => result,
        Err(WorkflowError::Canceled { .. }) => json!({ "canceled": null }),
        Err(WorkflowError::Failed(failure)) => json!({ "failed": failure.message }),
        Err(error) => return Err(error.into()),
    })
}

async fn scrubbed(handle: &WorkflowHandle) -> Result<Scrubbed> {
    let history = handle.history().await?;
    Ok(Scrubbed::of(history.events.iter().map(AsRef::as_ref)))
}

/// Waits for an event of that type.
async fn until(handle: &WorkflowHandle, event_type: &str) -> Result<()> {
    let wait = async {
        while !scrubbed(handle).await?.types().contains(&event_type) {
            sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    };
    timeout(PATIENCE, wait).await.with_context(|| format!("no {event_type}"))?
}

async fn golden(feature: &str, handle: &WorkflowHandle) -> Result<()> {
    let text = format!("{:#}\n", scrubbed(handle).await?.to_json());
    let file = project().join("guest-examples").join(feature).join("history.json");
    expect_file![file].assert_eq(&text);
    Ok(())
}

#[tokio::test]
async fn greeting_is_canceled_by_its_handle_and_cleans_up() -> Result<()> {
    let host = host("greeting").activity("cancellable_activity", function(slow_to_stop));
    let host = host.start().await?;
    let start = StartWorkflow::new("greeting", "w").input("World");
    let handle = host.client().start(start).await?;
    assert_eq!(ending(&handle).await?, json!({ "failed": "Activity cancelled" }));
    golden("greeting", &handle).await
}

/// The same with its activities as components.
#[tokio::test]
async fn greeting_with_activities_as_components() -> Result<()> {
    let host = Host::builder()
        .in_memory()
        .component_file("greeting", guest("greeting"))
        .activity_file("cancellable_activity", guest("greeting-activity"))
        .activity_file("cleanup", guest("greeting-activity"))
        .start()
        .await?;
    let start = StartWorkflow::new("greeting", "w").input("World");
    let handle = host.client().start(start).await?;
    assert_eq!(ending(&handle).await?, json!({ "failed": "Activity cancelled" }));
    let text = fs::read_to_string(project().join("guest-examples/greeting/history.json"))?;
    let golden: Vec<Value> = serde_json::from_str(&text)?;
    let golden = golden.iter().filter_map(|event| event["eventType"].as_str());
    let golden: Vec<_> = golden.filter(is_of_the_workflow).collect();
    let recorded = scrubbed(&handle).await?;
    let recorded: Vec<_> = recorded.types().into_iter().filter(is_of_the_workflow).collect();
    assert_eq!(recorded, golden);
    Ok(())
}

/// Whether an event does not depend on when the canceled activity hears of it, which is after the run has ended, or just before.
fn is_of_the_workflow(event_type: &&str) -> bool {
    let of_a_worker = ["WORKFLOW_TASK_", "ACTIVITY_TASK_STARTED", "ACTIVITY_TASK_CANCELED"];
    !of_a_worker.iter().any(|of| event_type.starts_with(of))
}

#[tokio::test]
async fn cancellation_does_what_its_input_says() -> Result<()> {
    let host = host("cancellation").start().await?;
    let cases = [
        (json!(null), json!({ "canceled": null })),
        (json!("nothing"), json!({ "canceled": null })),
        (json!("swallow"), json!("swallowed")),
        (json!("fail"), json!({ "failed": "the cleanup failed" })),
        (json!("shield"), json!({ "canceled": null })),
    ];
    for (input, expected) in cases {
        let start = StartWorkflow::new("cancellation", format!("w-{input}")).input(&input);
        let handle = host.client().start(start).await?;
        until(&handle, "TIMER_STARTED").await?;
        handle.cancel("enough").await?;
        assert_eq!(ending(&handle).await?, expected, "{input}");
        if input.is_null() {
            golden("cancellation", &handle).await?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn timer_sleeps_and_cancels_the_other() -> Result<()> {
    let host = host("timer").start().await?;
    let handle = host.client().start(StartWorkflow::new("timer", "w").input(&0.05)).await?;
    assert_eq!(ending(&handle).await?, json!("slept for 0.05 s"));
    golden("timer", &handle).await
}

#[tokio::test]
async fn signal_approval_takes_the_first() -> Result<()> {
    let host = host("signal-approval").start().await?;
    let cases =
        [("approve", json!("approved by Ada")), ("reject", json!({ "failed": "rejected" }))];
    for (signal, expected) in cases {
        let handle = host.client().start(StartWorkflow::new("signal-approval", signal)).await?;
        until(&handle, "TIMER_STARTED").await?;
        assert_eq!(handle.query::<String>("status").await?, "waiting");
        handle.signal(signal, "Ada").await?;
        assert_eq!(ending(&handle).await?, expected);
        if signal == "approve" {
            golden("signal-approval", &handle).await?;
            assert_eq!(handle.query::<String>("status").await?, "approved");
        }
    }
    Ok(())
}

#[tokio::test]
async fn activity_retry_succeeds_gives_up_or_takes_another_way() -> Result<()> {
    let host = host("activity-retry").start().await?;
    let cases = [
        (json!(null), json!(3)),
        (json!("Broken"), json!({ "failed": "Activity task failed" })),
        (json!("OutOfStock"), json!("ordered elsewhere")),
    ];
    for (input, expected) in cases {
        let start = StartWorkflow::new("activity-retry", format!("w-{input}")).input(&input);
        let handle = host.client().start(start).await?;
        assert_eq!(ending(&handle).await?, expected, "{input}");
        if input.is_null() {
            golden("activity-retry", &handle).await?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn patch_takes_the_new_side() -> Result<()> {
    let host = host("patch").start().await?;
    let handle = host.client().start(StartWorkflow::new("patch", "w").input("World")).await?;
    assert_eq!(ending(&handle).await?, json!("World"));
    golden("patch", &handle).await
}

#[tokio::test]
async fn the_guests_of_the_benches_do_what_they_say() -> Result<()> {
    let host = Host::builder()
        .in_memory()
        .component_file("empty", guest("bench-empty"))
        .component_file("ten", guest("bench-ten-activities"))
        .component_file("loop", guest("bench-endless-loop"))
        .activity("echo", function(echo))
        .start()
        .await?;
    let empty = host.client().start(StartWorkflow::new("empty", "e").input(&[1, 2])).await?;
    assert_eq!(ending(&empty).await?, json!([1, 2]));
    let ten = host.client().start(StartWorkflow::new("ten", "t")).await?;
    assert_eq!(ending(&ten).await?, json!(10));
    let endless = host.client().start(StartWorkflow::new("loop", "l")).await?;
    until(&endless, "WORKFLOW_TASK_STARTED").await?;
    endless.terminate("enough").await?;
    assert!(matches!(ending(&endless).await, Err(error) if error.to_string().contains("enough")));
    Ok(())
}
