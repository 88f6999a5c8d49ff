//! A run begins and ends: start, signal, cancel, terminate, and the times that it may take.

use super::driver::*;
use crate::engine::*;
use crate::failure::RetryState;
use crate::policy::{RetryPolicy, WorkflowExecutionStatus};
use crate::{Attributes, Timestamp};
use alloc::string::{String, ToString};
use alloc::vec;
use expect_test::expect;

#[test]
fn an_empty_workflow() {
    let mut driver = Driver::new();
    driver.task(vec![complete()]);
    expect![[r#"
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled attempt 1 10s
        3 WorkflowTaskStarted
        4 WorkflowTaskCompleted
        5 WorkflowExecutionCompleted
    "#]]
    .assert_eq(&driver.history());
    expect![[r#"
        workflow task in q, attempt 1
        Closed
    "#]]
    .assert_eq(&driver.dispatched());
    assert_eq!(driver.ask(signal("s", "x")).err(), Some(RequestError::Closed));
    assert_eq!(driver.run.status(), WorkflowExecutionStatus::Completed);
    assert_eq!(driver.run.due(), None);
    assert!(driver.run.ready().is_empty());
    assert_eq!(driver.run.start_request_id(), "start-1");
}

#[test]
fn a_signal_comes_with_the_start() {
    let signaled = crate::event::signal::Signaled {
        signal_name: "go".into(),
        request_id: "both".into(),
        ..Default::default()
    };
    let mut driver = Driver::with(Start { signal: Some(signaled), ..start() }, Limits::default());
    expect![[r#"
        1 WorkflowExecutionStarted
        2 WorkflowExecutionSignaled go
        3 WorkflowTaskScheduled attempt 1 10s
    "#]]
    .assert_eq(&driver.history());
    // The same request, sent again, signals once.
    driver.ok(signal("go", "both"));
    assert_eq!(driver.events().len(), 3);
}

#[test]
fn a_start_that_is_not_right_is_refused() {
    let refused = |change: &dyn Fn(&mut Start)| {
        let mut start = start();
        change(&mut start);
        let ids = StartIds { run_id: "r".into() };
        let started = Execution::start(start, ids, &Limits::default(), Timestamp(0));
        started.map(|_| ()).expect_err("it is refused").to_string()
    };
    assert_eq!(refused(&|s| s.workflow_id.clear()), "WorkflowId is not set on request.");
    assert_eq!(refused(&|s| s.workflow_type.clear()), "WorkflowType is not set on request.");
    assert_eq!(refused(&|s| s.task_queue.name.clear()), "missing task queue name");
    let long = || "x".repeat(1_001);
    let too_long = "WorkflowId exceeds maximum allowed length (1001/1000)";
    assert_eq!(refused(&|s| s.workflow_id = long()), too_long);
    assert_eq!(refused(&|s| s.workflow_type = long()), "WorkflowType length exceeds limit.");
    assert_eq!(refused(&|s| s.request_id = long()), "RequestId length exceeds limit.");
    assert_eq!(
        refused(&|s| s.input = payloads(&"x".repeat(2 * 1024 * 1024))),
        "Blob data size exceeds limit."
    );
    let policy = || Some(RetryPolicy::default());
    assert_eq!(refused(&|s| s.retry_policy = policy()), "retry_policy is not supported yet");
    assert_eq!(
        refused(&|s| s.cron_schedule = "* * * * *".into()),
        "cron_schedule is not supported yet"
    );
    assert_eq!(refused(&|s| s.start_delay = Some(seconds(1))), "start_delay is not supported yet");
    // A thousand characters, however many bytes.
    let wide = Start { workflow_id: "ö".repeat(1_000), ..start() };
    let ids = StartIds { run_id: "r".into() };
    assert!(Execution::start(wide, ids, &Limits::default(), Timestamp(0)).is_ok());
}

#[test]
fn signals_are_taken_once_for_each_request() {
    let mut driver = Driver::new();
    driver.ok(signal("a", "1"));
    driver.ok(signal("a", "1"));
    driver.ok(signal("b", ""));
    driver.ok(signal("b", ""));
    let task = driver.start_task();
    driver.ok(signal("c", "2"));
    driver.ok(signal("c", "2"));
    driver.answer(&task, vec![timer("1", seconds(5))]).unwrap();
    driver.ok(signal("c", "2"));
    driver.reopen();
    driver.ok(signal("c", "2"));
    driver.task(vec![complete()]);
    driver.ok(signal("c", "2"));
    assert_eq!(driver.ask(signal("d", "3")).err(), Some(RequestError::Closed));
    expect![[r#"
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled attempt 1 10s
        3 WorkflowExecutionSignaled a
        4 WorkflowExecutionSignaled b
        5 WorkflowExecutionSignaled b
        6 WorkflowTaskStarted
        7 WorkflowTaskCompleted
        8 TimerStarted 1
        9 WorkflowExecutionSignaled c
        10 WorkflowTaskScheduled attempt 1 10s
        11 WorkflowTaskStarted
        12 WorkflowTaskCompleted
        13 WorkflowExecutionCompleted
    "#]]
    .assert_eq(&driver.history());
}

#[test]
fn signals_that_are_not_right_are_refused() {
    let limits = Limits { signals_max: 2, ..Limits::default() };
    let mut driver = Driver::with(start(), limits);
    let refused = |driver: &mut Driver, request| driver.ask(request).unwrap_err().to_string();
    assert_eq!(refused(&mut driver, signal("", "")), "SignalName is not set on request.");
    let name = "x".repeat(1_001);
    assert_eq!(refused(&mut driver, signal(&name, "")), "SignalName length exceeds limit.");
    driver.ok(signal("a", ""));
    let _task = driver.start_task();
    driver.ok(signal("b", ""));
    let many = "exceeded workflow execution limit for signal events";
    assert_eq!(refused(&mut driver, signal("c", "")), many);
}

#[test]
fn cancel_is_a_state() {
    let mut driver = Driver::new();
    driver.task(vec![timer("1", seconds(60))]);
    driver.dispatched();
    driver.ok(cancel("x"));
    assert!(driver.run.describe().cancel_requested);
    driver.ok(cancel("x"));
    driver.ok(cancel("y"));
    driver.ok(signal("s", ""));
    driver.task(vec![cancel_timer("1"), cancel_run()]);
    driver.ok(cancel("z"));
    expect![[r#"
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled attempt 1 10s
        3 WorkflowTaskStarted
        4 WorkflowTaskCompleted
        5 TimerStarted 1
        6 WorkflowExecutionCancelRequested
        7 WorkflowTaskScheduled attempt 1 10s
        8 WorkflowExecutionSignaled s
        9 WorkflowTaskStarted
        10 WorkflowTaskCompleted
        11 TimerCanceled 1 of 5
        12 WorkflowExecutionCanceled
    "#]]
    .assert_eq(&driver.history());
    expect![[r#"
        workflow task in q, attempt 1
        Closed
    "#]]
    .assert_eq(&driver.dispatched());
    assert_eq!(driver.run.status(), WorkflowExecutionStatus::Canceled);
}

#[test]
fn cancel_before_the_first_task() {
    let mut driver = Driver::new();
    driver.ok(cancel(""));
    driver.task(vec![cancel_run()]);
    expect![[r#"
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled attempt 1 10s
        3 WorkflowExecutionCancelRequested
        4 WorkflowTaskStarted
        5 WorkflowTaskCompleted
        6 WorkflowExecutionCanceled
    "#]]
    .assert_eq(&driver.history());
    let events = driver.events();
    let Attributes::WorkflowExecutionCancelRequested(requested) = &events[2].attributes else {
        panic!("{:?}", events[2]);
    };
    assert_eq!((requested.cause.as_str(), requested.identity.as_str()), ("why", "client"));
}

#[test]
fn the_code_may_cancel_without_being_asked() {
    let mut driver = Driver::new();
    driver.task(vec![cancel_run()]);
    expect![[r#"
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled attempt 1 10s
        3 WorkflowTaskStarted
        4 WorkflowTaskCompleted
        5 WorkflowExecutionCanceled
    "#]]
    .assert_eq(&driver.history());
}

#[test]
fn terminate_ends_the_run_here_and_now() {
    let mut driver = Driver::new();
    driver.task(vec![timer("1", seconds(60)), schedule(activity("1")), schedule(activity("2"))]);
    let running = driver.start_activity(6, 1);
    driver.dispatched();
    driver.ok(terminate(""));
    expect![[r#"
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled attempt 1 10s
        3 WorkflowTaskStarted
        4 WorkflowTaskCompleted
        5 TimerStarted 1
        6 ActivityTaskScheduled 1
        7 ActivityTaskScheduled 2
        8 WorkflowExecutionTerminated terminated by user via frontend by client
    "#]]
    .assert_eq(&driver.history());
    expect![[r#"
        CancelActivity { scheduled_event_id: 6, attempt: 1, reason: NotFound }
        Closed
    "#]]
    .assert_eq(&driver.dispatched());
    assert_eq!(driver.ask(terminate("again")).err(), Some(RequestError::Closed));
    // Rule 61.
    let description = driver.run.describe();
    assert_eq!(description.pending_activities.len(), 2);
    assert_eq!(description.close_time, Some(driver.now));
    assert_eq!(driver.heartbeat(&running, "1"), Err(RequestError::Closed));
    let end = ActivityEnd::Completed { result: None };
    assert_eq!(driver.end(&running, end).err(), Some(RequestError::Closed));
}

#[test]
fn terminate_fails_a_started_task_first() {
    let text = [false, true].map(|durable| {
        let mut driver = Driver::new();
        driver.durable = durable;
        let task = driver.start_task();
        driver.ok(signal("s", ""));
        driver.dispatched();
        driver.ok(terminate("stuck"));
        let late = driver.answer(&task, vec![complete()]);
        assert_eq!(late.err(), Some(RequestError::WorkflowTaskNotFound));
        assert_eq!(driver.fail(&task).err(), Some(RequestError::WorkflowTaskNotFound));
        assert!(driver.run.unwritten_events().is_empty());
        driver.history() + &driver.dispatched()
    });
    assert_eq!(text[0], text[1]);
    expect![[r#"
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled attempt 1 10s
        3 WorkflowTaskStarted
        4 WorkflowTaskFailed FORCE_CLOSE_COMMAND
        5 WorkflowExecutionSignaled s
        6 WorkflowExecutionTerminated stuck by client
        EvictWorkflow
        Closed
    "#]]
    .assert_eq(&text[0]);
}

#[test]
fn a_run_times_out() {
    let timeout = |run, execution| Start {
        workflow_run_timeout: run,
        workflow_execution_timeout: execution,
        ..start()
    };
    let retry_state = |start| {
        let mut driver = Driver::with(start, Limits::default());
        let _task = driver.start_task();
        driver.ok(cancel(""));
        driver.pass(seconds(5));
        let text = driver.history();
        let events = driver.events();
        let last = events.last().expect("an event").attributes.clone();
        let Attributes::WorkflowExecutionTimedOut(timed_out) = last else { panic!("{text}") };
        (timed_out.retry_state, text)
    };
    let (state, text) = retry_state(timeout(Some(seconds(5)), None));
    assert_eq!(state, RetryState::RetryPolicyNotSet);
    expect![[r#"
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled attempt 1 5s
        3 WorkflowTaskStarted
        4 WorkflowTaskFailed FORCE_CLOSE_COMMAND
        5 WorkflowExecutionCancelRequested
        6 WorkflowExecutionTimedOut RETRY_POLICY_NOT_SET
    "#]]
    .assert_eq(&text);
    assert_eq!(retry_state(timeout(None, Some(seconds(5)))).0, RetryState::Timeout);
    assert_eq!(retry_state(timeout(Some(seconds(9)), Some(seconds(5)))).0, RetryState::Timeout);
}

#[test]
fn timeouts_of_a_run_are_filled_in_and_capped() {
    let started = |run, execution, task| {
        let start = Start {
            workflow_run_timeout: run,
            workflow_execution_timeout: execution,
            workflow_task_timeout: task,
            ..start()
        };
        let driver = Driver::with(start, Limits::default());
        let Attributes::WorkflowExecutionStarted(a) = &driver.events()[0].attributes else {
            panic!("no start");
        };
        let shown = |timeout: Option<_>| timeout.map(|t: core::time::Duration| t.as_secs());
        (
            shown(a.workflow_run_timeout),
            shown(a.workflow_execution_timeout),
            shown(a.workflow_task_timeout),
        )
    };
    assert_eq!(started(None, None, None), (None, None, Some(10)));
    let s = |n| Some(seconds(n));
    assert_eq!(started(None, s(30), s(500)), (Some(30), Some(30), Some(30)));
    assert_eq!(started(s(3), None, None), (Some(3), None, Some(3)));
    assert_eq!(started(s(300), s(40), None), (Some(40), Some(40), Some(10)));
    assert_eq!(started(s(0), s(0), s(0)), (None, None, Some(10)));
    assert_eq!(started(None, None, s(500)), (None, None, Some(120)));
}

#[test]
fn a_history_that_is_too_long_ends_its_run() {
    let limits = Limits { history_events_max: 12, ..Limits::default() };
    let mut driver = Driver::with(start(), limits);
    driver.task(vec![timer("1", seconds(1))]);
    driver.pass(seconds(1));
    driver.task(vec![timer("2", seconds(1))]);
    let task = driver.start_task_after(|driver| driver.pass(seconds(1)));
    // 13 would be the completion, 14 the timer.
    let refused = driver.answer(&task, vec![timer("3", seconds(1))]);
    assert_eq!(refused.err(), Some(RequestError::Closed));
    expect![[r#"
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled attempt 1 10s
        3 WorkflowTaskStarted
        4 WorkflowTaskCompleted
        5 TimerStarted 1
        6 TimerFired 1 of 5
        7 WorkflowTaskScheduled attempt 1 10s
        8 WorkflowTaskStarted
        9 WorkflowTaskCompleted
        10 TimerStarted 2
        11 TimerFired 2 of 10
        12 WorkflowTaskScheduled attempt 1 10s
        13 WorkflowTaskStarted
        14 WorkflowTaskFailed FORCE_CLOSE_COMMAND
        15 WorkflowExecutionTerminated Workflow history count exceeds limit. by history-service
    "#]]
    .assert_eq(&driver.history());
}

#[test]
fn a_history_that_is_too_large_ends_its_run() {
    let limits = Limits { history_bytes_max: 10_000, ..Limits::default() };
    let mut driver = Driver::with(start(), limits);
    let mut count = 0;
    while driver.run.closed().is_none() {
        let name = String::from("s").repeat(500);
        let accepted = driver.ask(signal(&name, ""));
        count += 1;
        assert_eq!(accepted.is_err(), driver.run.closed().is_some());
    }
    assert!(count > 15, "{count}");
    let events = driver.events();
    let last = events.last().expect("an event");
    let Attributes::WorkflowExecutionTerminated(terminated) = &last.attributes else {
        panic!("{last:?}");
    };
    assert_eq!(terminated.reason, "Workflow history size exceeds limit.");
    assert_eq!(terminated.identity, "history-service");
    let bytes: usize = events.iter().map(|event| event.to_bytes().len()).sum();
    assert_eq!(driver.run.describe().history_size_bytes, bytes as i64);
}
