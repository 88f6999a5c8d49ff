//! Histories that a real Temporal server and the Python SDK have written, replayed by guests that
//! do the same: every task, and the live answer in place of the last completion.

use crate::scripted::{Imports, Outcome, Script, ScriptedGuest, activity};
use crate::story::{says, show, told};
use expect_test::{Expect, expect};
use sandglass_core::command::CommandKind;
use sandglass_core::event::workflow_task::FailedCause;
use sandglass_core::event::{
    Attributes, HistoryEvent, activity as activities, timer, workflow, workflow_task,
};
use sandglass_core::failure::{Failure, FailureInfo, RetryState, TimeoutFailureInfo, TimeoutType};
use sandglass_core::payload::{Payload, Payloads};
use sandglass_core::time::Timestamp;
use sandglass_core::worker::{ActivityOptions, CancellationType, Limits, ShownFailure};
use serde_json::Value;
use std::sync::Arc;

/// A recorded history, as far as a worker looks into it.
fn history(name: &str) -> Vec<Arc<HistoryEvent>> {
    let path = format!("{}/../../tests/data/golden/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let history: Value = serde_json::from_str(&text).expect("JSON");
    let events = history["events"].as_array().expect("events");
    events
        .iter()
        .enumerate()
        .map(|(index, event)| {
            let event_id = index as i64 + 1;
            Arc::new(HistoryEvent::new(event_id, Timestamp(event_id), attributes(event)))
        })
        .collect()
}

fn attributes(event: &Value) -> Attributes {
    let named = event.as_object().expect("an object").iter();
    let empty = Value::Null;
    let found = named.filter(|(key, _)| key.ends_with("EventAttributes")).map(|(_, a)| a).next();
    let a = found.unwrap_or(&empty);
    let started_event_id = id(a, "startedEventId");
    let workflow_task_completed_event_id = id(a, "workflowTaskCompletedEventId");
    let event_type = event["eventType"].as_str().expect("a type");
    match event_type.trim_start_matches("EVENT_TYPE_") {
        "WORKFLOW_EXECUTION_STARTED" => workflow::Started::default().into(),
        "WORKFLOW_EXECUTION_CANCEL_REQUESTED" => workflow::CancelRequested::default().into(),
        "WORKFLOW_EXECUTION_COMPLETED" => {
            workflow::Completed { workflow_task_completed_event_id, ..Default::default() }.into()
        }
        "WORKFLOW_EXECUTION_FAILED" => {
            workflow::Failed { workflow_task_completed_event_id, ..Default::default() }.into()
        }
        "WORKFLOW_EXECUTION_CANCELED" => {
            workflow::Canceled { workflow_task_completed_event_id, ..Default::default() }.into()
        }
        "WORKFLOW_EXECUTION_TERMINATED" => workflow::Terminated::default().into(),
        "WORKFLOW_TASK_SCHEDULED" => workflow_task::Scheduled::default().into(),
        "WORKFLOW_TASK_STARTED" => workflow_task::Started::default().into(),
        "WORKFLOW_TASK_COMPLETED" => {
            workflow_task::Completed { started_event_id, ..Default::default() }.into()
        }
        "WORKFLOW_TASK_FAILED" => {
            workflow_task::Failed { cause: FailedCause::UnhandledCommand, ..Default::default() }
                .into()
        }
        name => of_operation(name, a),
    }
}

fn text(a: &Value, key: &str) -> String {
    a[key].as_str().unwrap_or_default().to_owned()
}

fn id(a: &Value, key: &str) -> i64 {
    a[key].as_str().map_or(0, |id| id.parse().expect("an id"))
}

/// Those of timers and activities.
fn of_operation(name: &str, a: &Value) -> Attributes {
    let scheduled_event_id = id(a, "scheduledEventId");
    let started_event_id = id(a, "startedEventId");
    let workflow_task_completed_event_id = id(a, "workflowTaskCompletedEventId");
    match name {
        "TIMER_STARTED" => timer::Started {
            timer_id: text(a, "timerId"),
            workflow_task_completed_event_id,
            ..Default::default()
        }
        .into(),
        "TIMER_FIRED" => timer::Fired { started_event_id, ..Default::default() }.into(),
        "TIMER_CANCELED" => timer::Canceled {
            timer_id: text(a, "timerId"),
            started_event_id,
            workflow_task_completed_event_id,
            ..Default::default()
        }
        .into(),
        "ACTIVITY_TASK_SCHEDULED" => activities::Scheduled {
            activity_id: text(a, "activityId"),
            activity_type: a["activityType"]["name"].as_str().map(Into::into),
            workflow_task_completed_event_id,
            ..Default::default()
        }
        .into(),
        "ACTIVITY_TASK_STARTED" => {
            activities::Started { scheduled_event_id, ..Default::default() }.into()
        }
        "ACTIVITY_TASK_COMPLETED" => activities::Completed {
            result: Payloads::some(vec![Payload::json("\"recorded\"")]),
            scheduled_event_id,
            started_event_id,
            ..Default::default()
        }
        .into(),
        "ACTIVITY_TASK_FAILED" => activities::Failed {
            failure: Some(Failure::application("recorded", "Recorded", false)),
            scheduled_event_id,
            started_event_id,
            ..Default::default()
        }
        .into(),
        "ACTIVITY_TASK_TIMED_OUT" => timed_out(a, scheduled_event_id, started_event_id).into(),
        "ACTIVITY_TASK_CANCEL_REQUESTED" => activities::CancelRequested {
            scheduled_event_id,
            workflow_task_completed_event_id,
            ..Default::default()
        }
        .into(),
        "ACTIVITY_TASK_CANCELED" => {
            activities::Canceled { scheduled_event_id, started_event_id, ..Default::default() }
                .into()
        }
        other => panic!("no recording that is replayed here has {other}"),
    }
}

/// A heartbeat's timeout is the only one in these recordings.
fn timed_out(a: &Value, scheduled_event_id: i64, started_event_id: i64) -> activities::TimedOut {
    let info = TimeoutFailureInfo { timeout_type: TimeoutType::Heartbeat, ..Default::default() };
    let message = a["failure"]["message"].as_str().expect("a message");
    activities::TimedOut {
        failure: Some(Failure {
            source: "Server".into(),
            ..Failure::new(message, FailureInfo::Timeout(info))
        }),
        scheduled_event_id,
        started_event_id,
        retry_state: RetryState::MaximumAttemptsReached,
        ..Default::default()
    }
}

/// Replays all of it; then its last task as if it were live.
fn replay<F>(
    name: &str,
    code: impl Fn(Imports) -> F + Send + Sync + 'static,
) -> sandglass_core::worker::Decision
where
    F: Future<Output = Outcome> + Send + 'static,
{
    let (events, script) = (history(name), Script::new(code));
    let mut guest = ScriptedGuest::new(&script, Limits::default());
    match guest.work(&events) {
        Ok(None) => {}
        Ok(Some(decision)) => panic!("{name}: a task is open, {}", show(&decision)),
        Err(stopped) => panic!("{name}: {stopped:?}"),
    }
    let completed =
        events.iter().rposition(|e| matches!(e.attributes, Attributes::WorkflowTaskCompleted(_)));
    let mut guest = ScriptedGuest::new(&script, Limits::default());
    let live = guest.work(&events[..completed.expect("one task completed")]);
    live.expect("replayed").expect("a live task")
}

fn check<F>(name: &str, code: impl Fn(Imports) -> F + Send + Sync + 'static, answer: Expect)
where
    F: Future<Output = Outcome> + Send + 'static,
{
    answer.assert_eq(&show(&replay(name, code)));
}

#[test]
fn a_timer_that_is_canceled() {
    check(
        "k_timer_cancelled",
        |it| async move {
            let short = it.start_timer(1);
            let long = it.start_timer(3600);
            it.wait_timer(short).await?;
            it.cancel_timer(long);
            assert!(it.wait_timer(long).await.is_err());
            it.sleep(1).await?;
            says("timer cancelled")
        },
        expect!["CompleteWorkflowExecution timer cancelled"],
    );
}

#[test]
fn a_cancel_that_is_cleaned_up_after() {
    for name in ["a_cancel_in_sleep_cleanup_in_except", "a_cancel_in_sleep_cleanup_in_finally"] {
        check(
            name,
            |it| async move {
                let interrupted = it.sleep(3600).await.expect_err("interrupted");
                it.execute(activity("cleanup")).await?;
                Err(interrupted)
            },
            expect!["CancelWorkflowExecution "],
        );
    }
    check(
        "b_cancel_swallowed_then_completes",
        |it| async move {
            it.sleep(3600).await.expect_err("interrupted");
            says("\"swallowed\"")
        },
        expect![[r#"CancelTimer 1; CompleteWorkflowExecution "swallowed""#]],
    );
    check(
        "b_cancel_then_fails",
        |it| async move {
            it.sleep(3600).await.expect_err("interrupted");
            Err(ShownFailure::application("cleanup failed", "CleanupFailed", false))
        },
        expect![[r#"CancelTimer 1; FailWorkflowExecution "cleanup failed" (33 bytes)"#]],
    );
}

#[test]
fn a_shielded_activity() {
    check(
        "a_cancel_shielded_activity",
        |it| async move {
            it.shield();
            let result = it.execute(activity("never_hb")).await?;
            it.unshield();
            it.sleep(1).await?;
            Ok(result)
        },
        expect!["CancelWorkflowExecution "],
    );
}

async fn loops(it: Imports) -> Outcome {
    loop {
        it.execute(activity("noop")).await?;
    }
}

/// The one recording with a result and a cancel in one task (rule 123).
#[test]
fn a_result_and_a_cancel_in_one_task() {
    check("c_cancel_activity_loop", loops, expect!["CancelWorkflowExecution "]);
}

#[test]
fn a_run_that_was_terminated_is_not_over_for_its_guest() {
    let mut guest = ScriptedGuest::new(&Script::new(loops), Limits::default());
    guest.work(&history("c_terminate_activity_loop")).expect("replayed");
    assert!(!guest.run().is_over());
}

/// Cancels an activity after a second, and goes on for `tail` seconds.
async fn cancels(
    it: Imports,
    work: &'static str,
    cancellation_type: CancellationType,
    tail: bool,
) -> Outcome {
    let work = it.start_activity(ActivityOptions { cancellation_type, ..activity(work) });
    it.sleep(1).await?;
    it.cancel_activity(work);
    let outcome = it.outcome(work).await;
    if tail {
        it.sleep(3).await?;
    }
    says(told(&outcome))
}

#[test]
fn activities_that_are_canceled() {
    let mut log = String::new();
    for (kind, work, tails) in [
        ("d_activity_cancel_{}", "hb_forever", false),
        ("d_activity_cancel_{}_workflow_continues", "hb_forever", true),
        ("e_activity_swallows_cancel_{}", "hb_swallow", true),
        ("e_activity_turns_cancel_into_failure_{}", "hb_cancel_fails", true),
        ("f_activity_never_heartbeats_no_timeout_{}", "never_hb", false),
        ("f_activity_never_heartbeats_with_timeout_{}", "never_hb", true),
    ] {
        for (type_name, cancellation_type) in [
            ("try_cancel", CancellationType::TryCancel),
            ("wait_cancellation_completed", CancellationType::WaitCancellationCompleted),
            ("abandon", CancellationType::Abandon),
        ] {
            let name = kind.replace("{}", type_name);
            let path =
                format!("{}/../../tests/data/golden/{name}.json", env!("CARGO_MANIFEST_DIR"));
            if !std::path::Path::new(&path).exists() {
                continue;
            }
            let decision = replay(&name, move |it| cancels(it, work, cancellation_type, tails));
            log += &format!("{name}: {}\n", show(&decision));
        }
    }
    expect![[r#"
        d_activity_cancel_try_cancel: RequestCancelActivityTask 5; CompleteWorkflowExecution Activity cancelled < Cancelled
        d_activity_cancel_wait_cancellation_completed: CompleteWorkflowExecution Activity cancelled < Cancelled
        d_activity_cancel_abandon: CompleteWorkflowExecution Activity cancelled < Cancelled
        d_activity_cancel_try_cancel_workflow_continues: CompleteWorkflowExecution Activity cancelled < Cancelled
        d_activity_cancel_wait_cancellation_completed_workflow_continues: CompleteWorkflowExecution Activity cancelled < Cancelled
        d_activity_cancel_abandon_workflow_continues: CompleteWorkflowExecution Activity cancelled < Cancelled
        e_activity_swallows_cancel_try_cancel: CompleteWorkflowExecution Activity cancelled < Cancelled
        e_activity_swallows_cancel_wait_cancellation_completed: CompleteWorkflowExecution "recorded"
        e_activity_swallows_cancel_abandon: CompleteWorkflowExecution Activity cancelled < Cancelled
        e_activity_turns_cancel_into_failure_try_cancel: CompleteWorkflowExecution Activity cancelled < Cancelled
        e_activity_turns_cancel_into_failure_wait_cancellation_completed: CompleteWorkflowExecution Activity task failed < recorded
        e_activity_turns_cancel_into_failure_abandon: CompleteWorkflowExecution Activity cancelled < Cancelled
        f_activity_never_heartbeats_no_timeout_try_cancel: RequestCancelActivityTask 5; CompleteWorkflowExecution Activity cancelled < Cancelled
        f_activity_never_heartbeats_no_timeout_wait_cancellation_completed: CompleteWorkflowExecution "recorded"
        f_activity_never_heartbeats_with_timeout_wait_cancellation_completed: CompleteWorkflowExecution Activity task timed out < activity Heartbeat timeout
    "#]].assert_eq(&log);
}

#[test]
fn activities_that_were_never_started() {
    for (name, work) in [
        ("d_activity_unscheduled_cancel_try", "noop"),
        ("d_activity_unscheduled_cancel_wait", "noop"),
        ("d_activity_cancel_in_retry_backoff_wait", "fail_once"),
    ] {
        let cancellation_type = match name.ends_with("wait") {
            true => CancellationType::WaitCancellationCompleted,
            false => CancellationType::TryCancel,
        };
        let decision = replay(name, move |it| cancels(it, work, cancellation_type, false));
        assert!(show(&decision).ends_with("Activity cancelled < Cancelled"), "{name}");
    }
}

#[test]
fn a_cancel_that_reaches_the_activity_that_is_waited_for() {
    let mut log = String::new();
    for (name, work, cancellation_type) in [
        (
            "d_workflow_cancel_reaches_activity_try_cancel",
            "hb_forever",
            CancellationType::TryCancel,
        ),
        ("d_workflow_cancel_reaches_activity_abandon", "hb_forever", CancellationType::Abandon),
        (
            "e_workflow_cancel_activity_swallows_wait",
            "hb_swallow",
            CancellationType::WaitCancellationCompleted,
        ),
    ] {
        let decision = replay(name, move |it| async move {
            it.execute(ActivityOptions { cancellation_type, ..activity(work) }).await
        });
        log += &format!("{name}: {}\n", show(&decision));
    }
    expect![[r#"
        d_workflow_cancel_reaches_activity_try_cancel: RequestCancelActivityTask 5; CancelWorkflowExecution 
        d_workflow_cancel_reaches_activity_abandon: CancelWorkflowExecution 
        e_workflow_cancel_activity_swallows_wait: CompleteWorkflowExecution "recorded"
    "#]].assert_eq(&log);
}

#[test]
fn a_failure_is_recorded_as_temporals_sdk_records_it() {
    let name = "f_heartbeat_timeout_one_attempt";
    let decision = replay(name, |it| async move { it.execute(activity("never_hb")).await });
    let [command] = &decision.commands[..] else { panic!("{}", show(&decision)) };
    let CommandKind::FailWorkflowExecution { failure } = &command.kind else {
        panic!("{}", show(&decision))
    };
    let path = format!("{}/../../tests/data/golden/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).expect("a recording");
    let recorded: Value = serde_json::from_str(&text).expect("JSON");
    let last = recorded["events"].as_array().and_then(|events| events.last()).expect("an event");
    assert_eq!(
        serde_json::to_value(failure).expect("JSON"),
        last["workflowExecutionFailedEventAttributes"]["failure"]
    );
}
