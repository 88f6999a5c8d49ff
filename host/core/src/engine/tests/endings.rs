//! Activities: how attempts end, above all those that are to stop.

use super::activities::{done, failed, failed_with, scheduled};
use super::driver::*;
use crate::engine::*;
use crate::event::Attributes;
use crate::failure::{Failure, FailureInfo};
use alloc::string::{String, ToString};
use alloc::{format, vec};
use core::time::Duration;
use expect_test::expect;

fn canceled() -> ActivityEnd {
    ActivityEnd::Canceled { details: payloads("\"stopped\"") }
}

#[test]
fn canceling_reaches_an_attempt_that_runs() {
    let mut driver = scheduled(vec![activity("1"), activity("2")]);
    let one = driver.start_activity(5, 1);
    let two = driver.start_activity(6, 1);
    assert_eq!(driver.heartbeat(&one, "1"), Ok(None));
    assert_eq!(driver.end(&two, canceled()).err(), Some(RequestError::CancelNotRequested));
    driver.ok(signal("s", ""));
    driver.dispatched();
    driver.task(vec![cancel_activity(5)]);
    expect![[r#"
        CancelActivity { scheduled_event_id: 5, attempt: 1, reason: CancelRequested }
    "#]]
    .assert_eq(&driver.dispatched());
    assert_eq!(driver.heartbeat(&one, "2"), Ok(Some(CancelReason::CancelRequested)));
    assert_eq!(driver.heartbeat(&two, "2"), Ok(None));
    driver.end(&one, canceled()).unwrap();
    driver.end(&two, done()).unwrap();
    expect![[r#"
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled attempt 1 10s
        3 WorkflowTaskStarted
        4 WorkflowTaskCompleted
        5 ActivityTaskScheduled 1
        6 ActivityTaskScheduled 2
        7 WorkflowExecutionSignaled s
        8 WorkflowTaskScheduled attempt 1 10s
        9 WorkflowTaskStarted
        10 WorkflowTaskCompleted
        11 ActivityTaskCancelRequested of 5
        12 ActivityTaskStarted of 5 attempt 1
        13 ActivityTaskCanceled of 5 started 12 requested 11
        14 WorkflowTaskScheduled attempt 1 10s
        15 ActivityTaskStarted of 6 attempt 1
        16 ActivityTaskCompleted of 6 started 15
    "#]]
    .assert_eq(&driver.history());
}

#[test]
fn an_attempt_that_is_to_stop_may_end_otherwise_but_not_again() {
    let text = [done(), failed("cleanup"), canceled()].map(|end| {
        let mut driver = scheduled(vec![activity("1")]);
        let task = driver.start_activity(5, 1);
        driver.ok(signal("s", ""));
        driver.task(vec![cancel_activity(5)]);
        driver.end(&task, end).unwrap();
        driver.history().lines().skip(9).map(|line| format!("{line}\n")).collect::<String>()
    });
    expect![[r#"
        10 ActivityTaskCancelRequested of 5
        11 ActivityTaskStarted of 5 attempt 1
        12 ActivityTaskCompleted of 5 started 11
        13 WorkflowTaskScheduled attempt 1 10s
        10 ActivityTaskCancelRequested of 5
        11 ActivityTaskStarted of 5 attempt 1
        12 ActivityTaskFailed of 5 started 11 CANCEL_REQUESTED: cleanup
        13 WorkflowTaskScheduled attempt 1 10s
        10 ActivityTaskCancelRequested of 5
        11 ActivityTaskStarted of 5 attempt 1
        12 ActivityTaskCanceled of 5 started 11 requested 10
        13 WorkflowTaskScheduled attempt 1 10s
    "#]]
    .assert_eq(&text.concat());
}

#[test]
fn what_nobody_has_is_canceled_at_once() {
    // It waits; it is in backoff; it was scheduled in the same completion; and one that runs beside them.
    let mut driver = scheduled(vec![activity("1"), activity("2"), activity("3")]);
    let two = driver.start_activity(6, 1);
    driver.end(&two, failed("no")).unwrap();
    let _three = driver.start_activity(7, 1);
    driver.ok(signal("s", ""));
    driver.dispatched();
    driver.task(vec![
        cancel_activity(5),
        cancel_activity(6),
        cancel_activity(7),
        schedule(activity("4")),
        cancel_activity(15),
        schedule(activity("5")),
        timer("1", seconds(1)),
    ]);
    expect![[r#"
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled attempt 1 10s
        3 WorkflowTaskStarted
        4 WorkflowTaskCompleted
        5 ActivityTaskScheduled 1
        6 ActivityTaskScheduled 2
        7 ActivityTaskScheduled 3
        8 WorkflowExecutionSignaled s
        9 WorkflowTaskScheduled attempt 1 10s
        10 WorkflowTaskStarted
        11 WorkflowTaskCompleted
        12 ActivityTaskCancelRequested of 5
        13 ActivityTaskCancelRequested of 6
        14 ActivityTaskCancelRequested of 7
        15 ActivityTaskScheduled 4
        16 ActivityTaskCancelRequested of 15
        17 ActivityTaskScheduled 5
        18 TimerStarted 1
        19 ActivityTaskCanceled of 5 started 0 requested 12
        20 ActivityTaskCanceled of 6 started 0 requested 13
        21 ActivityTaskCanceled of 15 started 0 requested 16
        22 WorkflowTaskScheduled attempt 1 10s
    "#]]
    .assert_eq(&driver.history());
    expect![[r#"
        CancelActivity { scheduled_event_id: 7, attempt: 1, reason: CancelRequested }
        activity 17 in q, attempt 1
        workflow task in q, attempt 1
    "#]]
    .assert_eq(&driver.dispatched());
    let events = driver.events();
    let canceled = events.iter().find_map(|event| match &event.attributes {
        Attributes::ActivityTaskCanceled(canceled) => Some(canceled.clone()),
        _ => None,
    });
    let canceled = canceled.expect("one was canceled");
    assert_eq!(canceled.details, payloads("\"ACTIVITY_ID_NOT_STARTED\""));
    assert_eq!(canceled.identity, "worker");
}

#[test]
fn a_cancellation_before_the_start_does_not_keep_a_run_open() {
    let mut driver = scheduled(vec![activity("1")]);
    driver.ok(signal("s", ""));
    driver.task(vec![cancel_activity(5), complete()]);
    expect![[r#"
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled attempt 1 10s
        3 WorkflowTaskStarted
        4 WorkflowTaskCompleted
        5 ActivityTaskScheduled 1
        6 WorkflowExecutionSignaled s
        7 WorkflowTaskScheduled attempt 1 10s
        8 WorkflowTaskStarted
        9 WorkflowTaskCompleted
        10 ActivityTaskCancelRequested of 5
        11 WorkflowExecutionCompleted
    "#]]
    .assert_eq(&driver.history());
    assert!(driver.run.describe().pending_activities.is_empty());
}

#[test]
fn to_cancel_twice_fails_the_task() {
    let mut driver = scheduled(vec![activity("1")]);
    let _task = driver.start_activity(5, 1);
    driver.ok(signal("s", ""));
    let task = driver.start_task();
    let refused = driver.answer(&task, vec![cancel_activity(5), cancel_activity(5)]);
    assert!(refused.is_err());
    driver.task(vec![cancel_activity(5)]);
    driver.ok(signal("s", ""));
    let task = driver.start_task();
    let message = driver.answer(&task, vec![cancel_activity(5)]).expect_err("refused").to_string();
    assert_eq!(
        message,
        "BadRequestCancelActivityAttributes: invalid history builder state for action: \
         add-activitytask-cancel-requested-event, ScheduledEventID: 5"
    );
}

#[test]
fn ends_that_come_while_a_task_runs_come_after_all_else() {
    let mut driver = scheduled(vec![activity("1"), activity("2"), activity("3")]);
    let one = driver.start_activity(5, 1);
    let two = driver.start_activity(6, 1);
    let _three = driver.start_activity(7, 1);
    driver.ok(signal("a", ""));
    let task = driver.start_task();
    driver.end(&one, done()).unwrap();
    driver.ok(signal("b", ""));
    driver.end(&two, failed_with(Failure::application("no", "No", true))).unwrap();
    driver.pass(Duration::from_secs(5));
    driver.ok(cancel(""));
    assert_eq!(driver.end(&one, done()).err(), Some(RequestError::ActivityNotFound));
    assert_eq!(driver.run.describe().pending_activities.len(), 1);
    // It is over, though the history does not say so yet: recorded, and of no effect; its id is free.
    driver.answer(&task, vec![cancel_activity(5), schedule(activity("1"))]).unwrap();
    expect![[r#"
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled attempt 1 10s
        3 WorkflowTaskStarted
        4 WorkflowTaskCompleted
        5 ActivityTaskScheduled 1
        6 ActivityTaskScheduled 2
        7 ActivityTaskScheduled 3
        8 WorkflowExecutionSignaled a
        9 WorkflowTaskScheduled attempt 1 10s
        10 WorkflowTaskStarted
        11 WorkflowTaskCompleted
        12 ActivityTaskCancelRequested of 5
        13 ActivityTaskScheduled 1
        14 ActivityTaskStarted of 5 attempt 1
        15 WorkflowExecutionSignaled b
        16 ActivityTaskStarted of 6 attempt 1
        17 WorkflowExecutionCancelRequested
        18 ActivityTaskCompleted of 5 started 14
        19 ActivityTaskFailed of 6 started 16 NON_RETRYABLE_FAILURE: no
        20 WorkflowTaskScheduled attempt 1 10s
    "#]]
    .assert_eq(&driver.history());
}

#[test]
fn attempts_are_named_by_their_activity_too() {
    let mut driver = scheduled(vec![activity("1")]);
    let by_id = |id: &str| Request::EndActivity {
        activity: AddressedActivity::Id(id.into()),
        end: done(),
        identity: "act".into(),
    };
    assert_eq!(
        driver.ask(by_id("9")).unwrap_err().to_string(),
        "cannot find pending activity with ActivityID 9, check workflow execution history for more details"
    );
    assert_eq!(driver.ask(by_id("1")).err(), Some(RequestError::ActivityNotFound));
    driver.start_activity(5, 1);
    driver.ok(by_id("1"));
    assert!(matches!(driver.ask(by_id("1")), Err(RequestError::ActivityIdNotFound { .. })));
}

#[test]
fn answers_that_are_too_large_end_the_activity() {
    let limits = Limits { blob_bytes_max: 100, ..Limits::default() };
    let large = || payloads(&"x".repeat(200));
    let ends = [
        ActivityEnd::Completed { result: large() },
        failed(&"x".repeat(200)),
        ActivityEnd::Canceled { details: large() },
    ];
    let mut text = ends
        .map(|end| {
            let mut driver = Driver::with(start(), limits.clone());
            driver.task(vec![schedule(activity("1"))]);
            let task = driver.start_activity(5, 1);
            driver.end(&task, end).unwrap();
            driver.history().lines().nth(6).map(|line| format!("{line}\n")).expect("a line")
        })
        .concat();
    let mut driver = Driver::with(start(), limits);
    driver.task(vec![schedule(activity("1"))]);
    let task = driver.start_activity(5, 1);
    let cancel = driver.heartbeat(&task, &"x".repeat(200));
    assert_eq!(cancel, Ok(Some(CancelReason::CancelRequested)));
    text += driver.history().lines().nth(6).expect("a line");
    expect![[r#"
        7 ActivityTaskFailed of 5 started 6 NON_RETRYABLE_FAILURE: Complete result exceeds size limit.
        7 ActivityTaskFailed of 5 started 6 NON_RETRYABLE_FAILURE: Failure exceeds size limit.
        7 ActivityTaskFailed of 5 started 6 NON_RETRYABLE_FAILURE: Cancel details exceed size limit.
        7 ActivityTaskFailed of 5 started 6 NON_RETRYABLE_FAILURE: Heartbeat details exceed size limit."#]].assert_eq(&text);
}

#[test]
fn a_large_failure_is_shortened_while_it_waits() {
    let mut driver = scheduled(vec![activity("1")]);
    let task = driver.start_activity(5, 1);
    let mut failure = Failure::application("ö".repeat(5_000), "Oops", false);
    failure.stack_trace = "at\n".repeat(5_000);
    driver.end(&task, failed_with(failure)).unwrap();
    let kept = driver.run.describe().pending_activities[0].last_failure.clone().expect("a failure");
    let bytes = crate::proto::Message::to_bytes(&kept).len();
    assert!((1_000..=4_096).contains(&bytes), "{bytes}");
    let Some(FailureInfo::Application(info)) = kept.info else { panic!("{:?}", kept.info) };
    assert_eq!(info.r#type, "Oops");
}
