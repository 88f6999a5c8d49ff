//! Timers.

use super::driver::*;
use crate::engine::*;
use crate::event::workflow_task::FailedCause;
use alloc::vec;
use core::time::Duration;
use expect_test::expect;

#[test]
fn timers_fire_in_order_and_share_a_task() {
    let mut driver = Driver::new();
    driver.task(vec![timer("b", seconds(2)), timer("a", seconds(1)), timer("c", seconds(9))]);
    assert_eq!(driver.run.due(), Some(driver.now.after(seconds(1))));
    assert_eq!(driver.run.describe().pending_timers.len(), 3);
    driver.dispatched();
    driver.pass(Duration::from_millis(999));
    expect![[""]].assert_eq(&driver.dispatched());
    driver.pass(seconds(3));
    expect![[r#"
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled attempt 1 10s
        3 WorkflowTaskStarted
        4 WorkflowTaskCompleted
        5 TimerStarted b
        6 TimerStarted a
        7 TimerStarted c
        8 TimerFired a of 6
        9 TimerFired b of 5
        10 WorkflowTaskScheduled attempt 1 10s
    "#]]
    .assert_eq(&driver.history());
    expect![[r#"
        workflow task in q, attempt 1
    "#]]
    .assert_eq(&driver.dispatched());
    assert_eq!(driver.run.describe().pending_timers.len(), 1);
}

#[test]
fn a_timer_of_no_length_is_recorded_and_fires() {
    let mut driver = Driver::new();
    driver.task(vec![timer("1", Duration::ZERO)]);
    assert_eq!(driver.run.due(), Some(driver.now));
    driver.pass(Duration::ZERO);
    expect![[r#"
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled attempt 1 10s
        3 WorkflowTaskStarted
        4 WorkflowTaskCompleted
        5 TimerStarted 1
        6 TimerFired 1 of 5
        7 WorkflowTaskScheduled attempt 1 10s
    "#]]
    .assert_eq(&driver.history());
}

#[test]
fn a_timer_that_was_canceled_does_not_fire() {
    let mut driver = Driver::new();
    driver.task(vec![timer("1", seconds(5)), timer("2", seconds(5)), cancel_timer("2")]);
    driver.ok(signal("s", ""));
    // Its id is free again.
    driver.task(vec![cancel_timer("1"), timer("1", seconds(7))]);
    driver.pass(seconds(6));
    expect![[r#"
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled attempt 1 10s
        3 WorkflowTaskStarted
        4 WorkflowTaskCompleted
        5 TimerStarted 1
        6 TimerStarted 2
        7 TimerCanceled 2 of 6
        8 WorkflowExecutionSignaled s
        9 WorkflowTaskScheduled attempt 1 10s
        10 WorkflowTaskStarted
        11 WorkflowTaskCompleted
        12 TimerCanceled 1 of 5
        13 TimerStarted 1
    "#]]
    .assert_eq(&driver.history());
}

#[test]
fn a_timer_that_fired_in_the_buffer_can_be_canceled() {
    let mut driver = Driver::new();
    driver.task(vec![timer("1", seconds(1)), timer("2", seconds(1))]);
    driver.ok(cancel(""));
    let task = driver.start_task();
    driver.pass(seconds(2));
    // The other one is still buffered: its code has not seen that.
    let early = driver.answer(&task, vec![cancel_timer("1"), cancel_run()]);
    assert_eq!(early.err(), Some(RequestError::UnhandledCommand));
    expect![[r#"
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled attempt 1 10s
        3 WorkflowTaskStarted
        4 WorkflowTaskCompleted
        5 TimerStarted 1
        6 TimerStarted 2
        7 WorkflowExecutionCancelRequested
        8 WorkflowTaskScheduled attempt 1 10s
        9 WorkflowTaskStarted
        10 WorkflowTaskFailed UNHANDLED_COMMAND
        11 TimerFired 1 of 5
        12 TimerFired 2 of 6
        13 WorkflowTaskScheduled attempt 1 10s
    "#]]
    .assert_eq(&driver.history());

    let mut driver = Driver::new();
    driver.task(vec![timer("1", seconds(1))]);
    driver.ok(cancel(""));
    let task = driver.start_task();
    driver.pass(seconds(2));
    driver.answer(&task, vec![cancel_timer("1"), cancel_run()]).unwrap();
    expect![[r#"
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled attempt 1 10s
        3 WorkflowTaskStarted
        4 WorkflowTaskCompleted
        5 TimerStarted 1
        6 WorkflowExecutionCancelRequested
        7 WorkflowTaskScheduled attempt 1 10s
        8 WorkflowTaskStarted
        9 WorkflowTaskCompleted
        10 TimerCanceled 1 of 5
        11 WorkflowExecutionCanceled
    "#]]
    .assert_eq(&driver.history());
}

#[test]
fn a_timer_that_has_fired_cannot_be_canceled() {
    let mut driver = Driver::new();
    driver.task(vec![timer("1", seconds(1))]);
    driver.pass(seconds(1));
    let task = driver.start_task();
    let refused = driver.answer(&task, vec![cancel_timer("1")]);
    assert_eq!(
        refused.err(),
        Some(RequestError::BadCommand {
            cause: FailedCause::BadCancelTimerAttributes,
            message: "BadCancelTimerAttributes: invalid history builder state for action: \
                      add-timer-canceled-event, TimerID: 1"
                .into(),
        })
    );
    expect![[r#"
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled attempt 1 10s
        3 WorkflowTaskStarted
        4 WorkflowTaskCompleted
        5 TimerStarted 1
        6 TimerFired 1 of 5
        7 WorkflowTaskScheduled attempt 1 10s
        8 WorkflowTaskStarted
        9 WorkflowTaskFailed BAD_CANCEL_TIMER_ATTRIBUTES
    "#]]
    .assert_eq(&driver.history());
}
