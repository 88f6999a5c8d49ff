//! Histories replayed with components, away from the host that wrote them: `sandglass_host::testing`.

use anyhow::Result;
use sandglass_core::{Attributes, HistoryEvent, Payload, Payloads};
use sandglass_host::testing::{Divergence, ReplayError, Replayed, Replayer, assert_replays};
use sandglass_host::{ActivityContext, ActivityError, Host, StartWorkflow, function};
use sandglass_host::{History, WorkflowHandle};
use sandglass_tests::{compiled, guest};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

async fn echo(_: ActivityContext, input: Value) -> Result<Value, ActivityError> {
    Ok(input)
}

async fn host(component: &str) -> Result<Host> {
    let host = Host::builder()
        .in_memory()
        .component_file("w", guest(component))
        .activity("charge", function(echo))
        .activity("cleanup", function(echo))
        .start()
        .await?;
    Ok(host)
}

/// Runs the component to its end.
async fn recorded(component: &str) -> Result<History> {
    let host = host(component).await?;
    let handle = host.client().start(StartWorkflow::new("w", "id")).await?;
    handle.result_payload().await?;
    Ok(handle.history().await?)
}

/// Runs `cancellation`, which sleeps, and cancels it.
async fn canceled() -> Result<History> {
    let host = host("cancellation").await?;
    let handle = host.client().start(StartWorkflow::new("w", "id")).await?;
    until_it_sleeps(&handle).await?;
    handle.cancel("enough").await?;
    handle.result_payload().await.expect_err("it ends as canceled");
    Ok(handle.history().await?)
}

async fn until_it_sleeps(handle: &WorkflowHandle) -> Result<()> {
    while handle.describe().await?.pending_timers.is_empty() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    Ok(())
}

fn diverged(component: &str, history: &History) -> Divergence {
    let replayer = Replayer::new(guest(component)).expect("the component can be loaded");
    match replayer.replay(history) {
        Err(ReplayError::Diverged(divergence)) => *divergence,
        other => panic!("{component} should part from the history: {other:?}"),
    }
}

#[tokio::test]
async fn a_component_replays_what_it_wrote() -> Result<()> {
    let history = recorded("changed-before").await?;
    assert_replays(guest("changed-before"), &history);
    let replayed = Replayer::new(guest("changed-before"))?.replay(&history)?;
    assert_eq!(replayed, Replayed { events: history.events.len(), tasks: 3 });
    let history = canceled().await?;
    assert_replays(guest("cancellation"), &history);
    Ok(())
}

/// Wherever a history is cut, which is what an export of an open run is, what is there is replayed.
#[tokio::test]
async fn a_history_may_end_anywhere() -> Result<()> {
    let replayer = Replayer::new(guest("cancellation"))?;
    let whole = canceled().await?;
    let mut tasks = 0;
    for end in 1..=whole.events.len() {
        let cut = History { events: whole.events[..end].to_vec() };
        match replayer.replay(&cut) {
            Ok(replayed) => {
                assert!(replayed.tasks >= tasks && replayed.events == end, "{end}: {replayed:?}");
                tasks = replayed.tasks;
            }
            // No export ends within what one workflow task decided.
            Err(ReplayError::Diverged(divergence)) => {
                assert!(divergence.mismatch.recorded.is_none(), "{end}: {divergence:?}");
                assert_eq!(divergence.mismatch.event_id, end as i64 + 1);
            }
            Err(other) => panic!("cut after {end}: {other}"),
        }
    }
    assert_eq!(tasks, 3);
    Ok(())
}

#[tokio::test]
async fn another_command_is_told_with_its_place_in_the_code() -> Result<()> {
    let divergence = diverged("changed-after", &recorded("changed-before").await?);
    let mismatch = &divergence.mismatch;
    assert_eq!(mismatch.event_id, 5);
    assert!(mismatch.recorded.as_ref().is_some_and(|r| r.contains("\"charge\"")), "{mismatch:?}");
    assert!(mismatch.issued.as_ref().is_some_and(|i| i.contains("charge_twice")), "{mismatch:?}");
    let difference = mismatch.difference.as_ref().expect("both schedule an activity");
    assert_eq!((&*difference.recorded, &*difference.issued), ("charge", "charge_twice"));
    // The author's own line, not only the glue that calls the import.
    let own = divergence.stack_trace.lines().find(|line| line.contains("changed_after"));
    assert!(own.is_some(), "{}", divergence.stack_trace);
    assert!(divergence.stack_trace.contains("lib.rs:"), "{}", divergence.stack_trace);
    let shown = ReplayError::Diverged(Box::new(divergence)).to_string();
    assert!(shown.contains("was \"charge\" and is \"charge_twice\""), "{shown}");
    assert!(shown.contains("\n    in "), "{shown}");
    Ok(())
}

/// The code waits where its history has a command: the place is where it waits.
#[tokio::test]
async fn a_missing_command_is_told_with_where_the_guest_waits() -> Result<()> {
    let mut history = recorded("changed-before").await?;
    // The recorded run asked for one more timer than the code does, in its first task.
    let scheduled =
        |event: &HistoryEvent| matches!(event.attributes, Attributes::ActivityTaskScheduled(_));
    let timer = |event: &HistoryEvent| matches!(event.attributes, Attributes::TimerStarted(_));
    let at = history.events.iter().position(|event| scheduled(event)).expect("an activity");
    let mut extra =
        history.events.iter().find(|event| timer(event)).expect("a timer").as_ref().clone();
    let completed = history.events[at - 1].event_id;
    if let Attributes::TimerStarted(started) = &mut extra.attributes {
        started.workflow_task_completed_event_id = completed;
    }
    extra.event_id = completed + 2;
    history.events.truncate(at + 1);
    history.events.push(Arc::new(extra));
    let divergence = diverged("changed-before", &history);
    assert_eq!(divergence.mismatch.issued, None);
    assert_eq!(divergence.mismatch.event_id, completed + 2);
    assert!(divergence.stack_trace.contains("changed_before"), "{}", divergence.stack_trace);
    Ok(())
}

#[tokio::test]
async fn code_that_returns_early_has_no_place() -> Result<()> {
    // The other component's first command is the same; what follows is not.
    let history = recorded("changed-before").await?;
    let cut = History { events: history.events[..5].to_vec() };
    assert_replays(guest("changed-before"), &cut);
    let divergence = diverged("timer", &cut);
    assert!(divergence.mismatch.recorded.is_some(), "{divergence:?}");
    Ok(())
}

#[tokio::test]
async fn a_trap_and_a_damaged_history_are_told_apart() -> Result<()> {
    let history = recorded("changed-before").await?;
    let mut traps = history.clone();
    let mut first = traps.events[0].as_ref().clone();
    if let Attributes::WorkflowExecutionStarted(started) = &mut first.attributes {
        started.input = Payloads::some(vec![Payload::json("\"trap\"")]);
    }
    traps.events[0] = Arc::new(first);
    match Replayer::new(guest("hostile"))?.replay(&traps) {
        Err(ReplayError::Trapped { started_event_id, message, stack_trace }) => {
            assert_eq!(started_event_id, 3);
            assert!(message.contains("stderr"), "{message}");
            assert!(stack_trace.contains("hostile"), "{stack_trace}");
        }
        other => panic!("{other:?}"),
    }
    let mut gap = history.clone();
    gap.events.remove(2);
    match Replayer::new(guest("changed-before"))?.replay(&gap) {
        Err(ReplayError::History(why)) => assert!(why.contains("gap"), "{why}"),
        other => panic!("{other:?}"),
    }
    Ok(())
}

#[test]
fn what_is_no_component_is_refused() {
    let error = Replayer::new(compiled().join("nothing-there.wasm")).expect_err("no such file");
    assert!(error.to_string().contains("nothing-there.wasm"), "{error}");
    let error = Replayer::new(file!().replace("tests/tests", "tests")).expect_err("no component");
    assert!(!error.to_string().is_empty());
}

/// `__stack_trace`, of a run whose guest is parked, and of one that is over.
#[tokio::test]
async fn a_waiting_run_tells_where_it_waits() -> Result<()> {
    let host = host("cancellation").await?;
    let handle = host.client().start(StartWorkflow::new("w", "id")).await?;
    until_it_sleeps(&handle).await?;
    for _ in 0..2 {
        let stack: String = handle.query("__stack_trace").await?;
        assert!(stack.contains("cancellation") && stack.contains("sleep"), "{stack}");
    }
    // The run goes on as if nobody had looked.
    handle.cancel("enough").await?;
    handle.result_payload().await.expect_err("it ends as canceled");
    assert_eq!(handle.query::<String>("__stack_trace").await?, "");
    assert_replays(guest("cancellation"), &handle.history().await?);
    Ok(())
}
