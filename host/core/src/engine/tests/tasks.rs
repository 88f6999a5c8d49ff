//! Workflow tasks: who holds them, and what becomes of attempts that fail.

use super::driver::*;
use crate::engine::*;
use crate::event::Attributes;
use crate::task::TaskKind;
use alloc::{format, string::String, vec, vec::Vec};
use core::time::Duration;
use expect_test::expect;

#[test]
fn a_start_that_is_not_durable_writes_nothing() {
    let mut driver = Driver::new();
    let before = driver.log.len();
    let task = driver.start_task();
    assert_eq!(driver.log.len(), before);
    assert!(driver.run.workflow_task_started());
    assert_eq!(driver.run.unwritten_events(), task.history[2..]);
    let started = driver.now;
    driver.now = driver.now.after(seconds(1));
    // The first event that has to be buffered writes it, with the time that the guest saw.
    driver.ok(signal("s", ""));
    driver.ok(signal("s", ""));
    let events = driver.events();
    assert_eq!(events[2], task.history[2]);
    assert_eq!(events[2].event_time, started);
    assert!(driver.run.unwritten_events().is_empty());
    driver.answer(&task, vec![]).unwrap();
    expect![[r#"
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled attempt 1 10s
        3 WorkflowTaskStarted
        4 WorkflowTaskCompleted
        5 WorkflowExecutionSignaled s
        6 WorkflowExecutionSignaled s
        7 WorkflowTaskScheduled attempt 1 10s
    "#]]
    .assert_eq(&driver.history());
}

#[test]
fn a_task_is_started_once() {
    for durable in [false, true] {
        let mut driver = Driver::new();
        let poll = |request_id: &str| Request::StartWorkflowTask {
            identity: "worker".into(),
            request_id: request_id.into(),
            durable,
        };
        let first = match driver.ask(poll("a")) {
            Ok(Reply::WorkflowTask(task)) => task,
            other => panic!("{other:?}"),
        };
        assert_eq!(driver.ask(poll("b")).err(), Some(RequestError::WorkflowTaskNotFound));
        assert_eq!(driver.ask(poll("")).err(), Some(RequestError::WorkflowTaskNotFound));
        match driver.ask(poll("a")) {
            Ok(Reply::WorkflowTask(task)) => assert_eq!(task.token, first.token),
            other => panic!("{other:?}"),
        }
        driver.answer(&first, vec![timer("1", seconds(5))]).unwrap();
        let again = driver.answer(&first, vec![complete()]);
        assert_eq!(again.err(), Some(RequestError::WorkflowTaskNotFound));
        assert_eq!(driver.ask(poll("c")).err(), Some(RequestError::WorkflowTaskNotFound));
    }
}

#[test]
fn later_attempts_leave_no_events_until_one_completes() {
    let text = [false, true].map(|durable| {
        let mut driver = Driver::new();
        driver.durable = durable;
        let mut kinds = Vec::new();
        for _ in 1..=3 {
            let task = driver.start_task();
            kinds.push((task.kind, task.attempt));
            driver.fail(&task).unwrap();
        }
        assert_eq!(
            kinds,
            [(TaskKind::Normal, 1), (TaskKind::Transient, 2), (TaskKind::Transient, 3)]
        );
        let failure = driver.run.describe().pending_workflow_task.and_then(|it| it.last_failure);
        assert_eq!(failure.map(|failure| failure.message), Some("bug".into()));
        let task = driver.start_task();
        assert_eq!(task.history.len(), 6);
        driver.answer(&task, vec![complete()]).unwrap();
        driver.history() + &driver.dispatched()
    });
    assert_eq!(text[0], text[1]);
    expect![[r#"
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled attempt 1 10s
        3 WorkflowTaskStarted
        4 WorkflowTaskFailed WORKFLOW_WORKER_UNHANDLED_FAILURE
        5 WorkflowTaskScheduled attempt 4 15s
        6 WorkflowTaskStarted
        7 WorkflowTaskCompleted
        8 WorkflowExecutionCompleted
        workflow task in q, attempt 1
        workflow task in q, attempt 2
        workflow task in q, attempt 3
        workflow task in q, attempt 4
        Closed
    "#]]
    .assert_eq(&text[0]);
}

#[test]
fn the_time_of_a_task_grows_after_the_third_attempt() {
    let mut driver = Driver::new();
    let mut timeouts = String::new();
    for _ in 1..=14 {
        let task = driver.start_task();
        timeouts += &format!("{} ", task.start_to_close_timeout.as_secs());
        let due = driver.run.due().expect("the timeout");
        assert_eq!(due, driver.now.after(task.start_to_close_timeout));
        driver.pass(task.start_to_close_timeout - Duration::from_nanos(1));
        assert!(driver.run.workflow_task_started());
        driver.pass(Duration::from_nanos(1));
        assert!(!driver.run.workflow_task_started());
        let late = driver.answer(&task, vec![complete()]);
        assert_eq!(late.err(), Some(RequestError::WorkflowTaskNotFound));
    }
    expect!["10 10 10 15 20 30 50 90 170 330 610 610 610 610"].assert_eq(timeouts.trim_end());
    expect![[r#"
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled attempt 1 10s
        3 WorkflowTaskStarted
        4 WorkflowTaskTimedOut START_TO_CLOSE
    "#]]
    .assert_eq(&driver.history());
    assert!(driver.dispatched().contains("EvictWorkflow"));
}

#[test]
fn news_make_the_next_task_a_normal_one() {
    // It comes while the later attempt waits.
    let mut driver = Driver::new();
    let task = driver.start_task();
    driver.fail(&task).unwrap();
    driver.ok(cancel(""));
    let task = driver.start_task();
    assert_eq!((task.kind, task.attempt), (TaskKind::Normal, 1));
    driver.fail(&task).unwrap();
    expect![[r#"
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled attempt 1 10s
        3 WorkflowTaskStarted
        4 WorkflowTaskFailed WORKFLOW_WORKER_UNHANDLED_FAILURE
        5 WorkflowExecutionCancelRequested
        6 WorkflowTaskScheduled attempt 1 10s
        7 WorkflowTaskStarted
        8 WorkflowTaskFailed WORKFLOW_WORKER_UNHANDLED_FAILURE
    "#]]
    .assert_eq(&driver.history());

    // It comes while the later attempt runs, and that one fails, or is given up.
    let text = [false, true].map(|gives_up| {
        let mut driver = Driver::new();
        let task = driver.start_task();
        driver.fail(&task).unwrap();
        let task = driver.start_task();
        driver.ok(cancel(""));
        if gives_up {
            driver.ok(Request::RetryWorkflowTask);
        } else {
            driver.fail(&task).unwrap();
        }
        let task = driver.start_task();
        assert_eq!((task.kind, task.attempt), (TaskKind::Normal, 1));
        driver.history()
    });
    assert_eq!(text[0], text[1]);
    expect![[r#"
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled attempt 1 10s
        3 WorkflowTaskStarted
        4 WorkflowTaskFailed WORKFLOW_WORKER_UNHANDLED_FAILURE
        5 WorkflowExecutionCancelRequested
        6 WorkflowTaskScheduled attempt 1 10s
    "#]]
    .assert_eq(&text[0]);
}

#[test]
fn a_task_that_was_given_up_is_tried_again_at_once() {
    let mut driver = Driver::new();
    let task = driver.start_task();
    driver.fail(&task).unwrap();
    driver.ok(Request::RetryWorkflowTask);
    let attempt = |driver: &Driver| driver.run.describe().pending_workflow_task.unwrap().attempt;
    // Nobody holds it: there is nothing to end.
    assert_eq!(attempt(&driver), 2);
    driver.start_task();
    driver.dispatched();
    driver.ok(Request::RetryWorkflowTask);
    assert_eq!(attempt(&driver), 3);
    expect![[r#"
        EvictWorkflow
        workflow task in q, attempt 3
    "#]]
    .assert_eq(&driver.dispatched());
}

#[test]
fn a_task_gives_the_events_since_the_last_one() {
    let mut driver = Driver::new();
    driver.task(vec![timer("1", seconds(1))]);
    driver.pass(seconds(1));
    let task = driver.start_task();
    assert_eq!(task.previous_started_event_id, 3);
    let ids: Vec<i64> = task.history.iter().map(|event| event.event_id).collect();
    assert_eq!(ids, [4, 5, 6, 7, 8]);
    driver.answer(&task, vec![timer("2", seconds(1))]).unwrap();
    driver.pass(seconds(1));

    // From a snapshot less is there, without gaps.
    let snapshot = driver.run.snapshot();
    driver.run = Execution::restore(Some(&snapshot), []).unwrap();
    let task = driver.start_task();
    assert_eq!(task.history_first_event_id(), 13);
    assert_eq!(task.previous_started_event_id, 8);
    assert!(matches!(task.history[0].attributes, Attributes::WorkflowTaskStarted(_)));
}

#[test]
fn too_many_buffered_events_give_the_task_up() {
    let limits = Limits { buffered_events_max: 3, ..Limits::default() };
    let mut driver = Driver::with(start(), limits);
    let task = driver.start_task();
    for n in 1..=3 {
        driver.ok(signal(&format!("{n}"), ""));
    }
    assert_eq!(driver.events().len(), 3);
    driver.dispatched();
    driver.ok(signal("4", ""));
    let late = driver.answer(&task, vec![complete()]);
    assert_eq!(late.err(), Some(RequestError::WorkflowTaskNotFound));
    expect![[r#"
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled attempt 1 10s
        3 WorkflowTaskStarted
        4 WorkflowTaskFailed FORCE_CLOSE_COMMAND
        5 WorkflowExecutionSignaled 1
        6 WorkflowExecutionSignaled 2
        7 WorkflowExecutionSignaled 3
        8 WorkflowExecutionSignaled 4
    "#]]
    .assert_eq(&driver.history());
    expect![[r#"
        EvictWorkflow
        workflow task in q, attempt 2
    "#]]
    .assert_eq(&driver.dispatched());
    let task = driver.start_task();
    assert_eq!((task.kind, task.attempt), (TaskKind::Transient, 2));
    driver.answer(&task, vec![complete()]).unwrap();
}

#[test]
fn a_token_is_compared_as_a_whole() {
    let mut driver = Driver::new();
    let task = driver.start_task();
    let changes: [&dyn Fn(&mut crate::task::TaskToken); 6] = [
        &|token| token.workflow_id = "other".into(),
        &|token| token.run_id = "other".into(),
        &|token| token.scheduled_event_id += 1,
        &|token| token.started_event_id += 1,
        &|token| token.started_time = None,
        &|token| token.attempt += 1,
    ];
    for change in changes {
        let mut other = task.clone();
        change(&mut other.token);
        let refused = driver.answer(&other, vec![complete()]);
        assert_eq!(refused.err(), Some(RequestError::WorkflowTaskNotFound));
    }
    driver.answer(&task, vec![complete()]).unwrap();
}
