//! Mistakes in the code of a guest, as its author is told of them: in the words of the language, with file and line.

use crate::stage::{Stage, engine_options};
use anyhow::{Context, Result};
use sandglass_host::WorkflowHandle;
use sandglass_host::core::Attributes;
use sandglass_host::core::event::workflow_task::FailedCause;
use sandglass_host::testing::Replayer;
use sandglass_tests::{LANGUAGES, guest, guest_in, test_guest_in};
use serde_json::json;
use std::time::Duration;

/// The message of the workflow task's failure.
async fn told(feature: &'static str, language: &'static str) -> Result<String> {
    let component = tokio::task::spawn_blocking(move || test_guest_in(feature, language)).await?;
    let stage = Stage::new(feature, &component).await?;
    let handle = stage.start(&json!("World")).await?;
    Ok(failure(&handle).await?.1)
}

/// Why a workflow task of the run fails.
async fn failure(handle: &WorkflowHandle) -> Result<(FailedCause, String)> {
    let failed = async {
        loop {
            for event in handle.history().await?.events {
                if let Attributes::WorkflowTaskFailed(failed) = &event.attributes {
                    let failure = failed.failure.as_ref().context("there is a failure")?;
                    return Ok((failed.cause, failure.message.clone()));
                }
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), failed).await?
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exception_in_python_is_told_with_its_traceback() -> Result<()> {
    let expected = "AttributeError: 'Payload_Json' object has no attribute 'amount'
  File \"/0/mistake.py\", line 16, in run
  File \"/0/mistake.py\", line 20, in mistaken";
    assert_eq!(told("mistake", "python").await?, expected);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exception_in_javascript_is_told_with_its_stack() -> Result<()> {
    let told = told("mistake", "javascript").await?;
    let (message, stack) = told.split_once('\n').context("it has a stack")?;
    assert_eq!(message, "cannot read property 'amount' of undefined");
    assert!(
        stack.starts_with("    at mistaken (/mistake/javascript/mistake.js:16:10)\n"),
        "{stack}"
    );
    assert!(stack.ends_with("    at run (/mistake/javascript/mistake.js:8:10)"), "{stack}");
    Ok(())
}

/// The lines are those of the JavaScript that it was compiled to.
#[tokio::test(flavor = "multi_thread")]
async fn an_exception_in_typescript_is_told_with_its_stack() -> Result<()> {
    let told = told("mistake", "typescript").await?;
    let first = "cannot read property 'amount' of undefined\n    at mistaken (/mistake/typescript/mistake.js:";
    assert!(told.starts_with(first), "{told}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_in_rust_is_told_with_its_place() -> Result<()> {
    let hostile = guest("hostile");
    let stage = Stage::new("hostile", &hostile).await?;
    let handle = stage.start(&json!("trap")).await?;
    let told = failure(&handle).await?.1;
    assert!(told.contains("panicked at hostile/src/"), "{told}");
    Ok(())
}

/// A run that goes on with code that does something else: the task fails with what was recorded and what is done
/// instead, the run stays open, and goes on with the code that it began with.
async fn other_code_is_told(language: &'static str) -> Result<()> {
    let both = move || (guest_in("timer", language), guest_in("patch", language));
    let (timer, patch) = tokio::task::spawn_blocking(both).await?;
    let mut stage = Stage::new("timer", &timer).await?;
    // A handle keeps its host alive, and with it the database.
    drop(stage.start(&json!(7)).await?);
    stage.until("TIMER_STARTED", 2).await?;
    stage.replace(&patch).await?;
    stage.advance(Duration::from_secs(7));
    let (cause, told) = failure(&stage.handle()?).await?;
    assert_eq!(cause, FailedCause::NonDeterministicError, "{language}: {told}");
    assert!(told.contains("TimerStarted"), "{language}: {told}");
    stage.replace(&timer).await?;
    // The task is tried again after a while.
    stage.advance(Duration::from_secs(600));
    assert_eq!(stage.ending().await?, json!("slept for 7 s"), "{language}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn other_code_is_told_in_every_language() -> Result<()> {
    for language in &LANGUAGES {
        other_code_is_told(language.name).await?;
    }
    Ok(())
}

/// Runs from before the patch go on as they were, whatever language the patched code is written in.
#[tokio::test(flavor = "multi_thread")]
async fn runs_from_before_a_patch_replay_in_every_language() -> Result<()> {
    let stage = Stage::new("patch", &guest("patch-before")).await?;
    let handle = stage.start(&json!("World")).await?;
    assert_eq!(stage.ending().await?, json!("World"));
    let history = handle.history().await?;
    let replay = move || {
        for language in &LANGUAGES {
            let patched = guest_in("patch", language.name);
            let replayer = Replayer::with_options(&patched, engine_options())?;
            let replayed = replayer.replay(&history).context(language.name)?;
            anyhow::ensure!(replayed.events == history.events.len(), "{replayed:?}");
        }
        Ok(())
    };
    tokio::task::spawn_blocking(replay).await?
}
