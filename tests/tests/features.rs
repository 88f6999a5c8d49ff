//! Components beside the workflows of `guest-examples` (those are in `languages`): activities, and what the benches run.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};
use sandglass_host::{
    ActivityContext, ActivityError, Host, StartWorkflow, WorkflowError, WorkflowHandle, function,
};
use sandglass_tests::{Scrubbed, guest, project};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

const PATIENCE: Duration = Duration::from_secs(60);

async fn echo(_: ActivityContext, input: Value) -> Result<Value, ActivityError> {
    Ok(input)
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

/// The greeting with its activities as components.
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
