//! Activities: attempts, retries, the four timeouts, heartbeats and cancellation.

use super::driver::*;
use crate::command::ScheduleActivityTask;
use crate::engine::*;
use crate::event::Attributes;
use crate::failure::{ApplicationFailureInfo, Failure, FailureInfo};
use crate::policy::RetryPolicy;
use alloc::{
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};
use core::time::Duration;
use expect_test::expect;

fn policy(maximum_attempts: i32) -> Option<RetryPolicy> {
    Some(RetryPolicy { maximum_attempts, ..RetryPolicy::default() })
}

fn done() -> ActivityEnd {
    ActivityEnd::Completed { result: payloads("1") }
}

fn failed(message: &str) -> ActivityEnd {
    failed_with(Failure::application(message, "Oops", false))
}

fn failed_with(failure: Failure) -> ActivityEnd {
    ActivityEnd::Failed { failure, last_heartbeat_details: None }
}

fn canceled() -> ActivityEnd {
    ActivityEnd::Canceled { details: payloads("\"stopped\"") }
}

/// A run whose first task has scheduled these; their events are 5, 6, …
fn scheduled(activities: Vec<ScheduleActivityTask>) -> Driver {
    let mut driver = Driver::new();
    driver.task(activities.into_iter().map(schedule).collect());
    driver.dispatched();
    driver
}

#[test]
fn an_activity_completes() {
    let mut driver = Driver::new();
    driver.task(vec![schedule(activity("1"))]);
    expect![[r#"
        workflow task in q, attempt 1
        activity 5 in q, attempt 1
    "#]]
    .assert_eq(&driver.dispatched());
    let task = driver.start_activity(5, 1);
    driver.now = driver.now.after(seconds(3));
    driver.end(&task, done()).unwrap();
    expect![[r#"
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled attempt 1 10s
        3 WorkflowTaskStarted
        4 WorkflowTaskCompleted
        5 ActivityTaskScheduled 1
        6 ActivityTaskStarted of 5 attempt 1
        7 ActivityTaskCompleted of 5 started 6
        8 WorkflowTaskScheduled attempt 1 10s
    "#]]
    .assert_eq(&driver.history());
    let events = driver.events();
    assert_eq!(events[5].event_time, task.started_time);
    assert_eq!(events[6].event_time, driver.now);
    assert_eq!(driver.end(&task, done()).err(), Some(RequestError::ActivityNotFound));
    assert_eq!(driver.heartbeat(&task, "1"), Err(RequestError::ActivityNotFound));
    expect![[r#"
        workflow task in q, attempt 1
    "#]]
    .assert_eq(&driver.dispatched());
}

#[test]
fn an_attempt_is_started_once() {
    let mut driver = scheduled(vec![activity("1")]);
    let start = |attempt, request_id: &str| Request::StartActivity {
        scheduled_event_id: 5,
        attempt,
        identity: "act".into(),
        request_id: request_id.into(),
        host: String::new(),
    };
    assert_eq!(driver.ask(start(2, "a")).err(), Some(RequestError::ActivityNotFound));
    assert!(driver.ask(start(1, "a")).is_ok());
    assert_eq!(driver.ask(start(1, "b")).err(), Some(RequestError::ActivityNotFound));
    assert!(driver.ask(start(1, "a")).is_ok());
    assert_eq!(driver.log.iter().filter(|it| matches!(it, Entry::Change(_))).count(), 2);
}

#[test]
fn failed_attempts_are_tried_again_with_backoff() {
    let mut driver =
        scheduled(vec![ScheduleActivityTask { retry_policy: policy(4), ..activity("1") }]);
    for (attempt, wait) in [(1, 1), (2, 2), (3, 4)] {
        let task = driver.start_activity(5, attempt);
        let last = task.last_failure.as_ref().map(|failure| failure.message.clone());
        assert_eq!(last, (attempt > 1).then(|| format!("attempt {}", attempt - 1)));
        driver.end(&task, failed(&format!("attempt {attempt}"))).unwrap();
        assert_eq!(driver.end(&task, done()).err(), Some(RequestError::ActivityNotFound));
        let due = driver.now.after(seconds(wait));
        assert_eq!(driver.run.due(), Some(due));
        let pending = &driver.run.describe().pending_activities[0];
        assert_eq!((pending.attempt, pending.next_attempt_time), (attempt + 1, Some(due)));
        // Not before its time, and then once.
        let early = Request::StartActivity {
            scheduled_event_id: 5,
            attempt: attempt + 1,
            identity: String::new(),
            request_id: String::new(),
            host: String::new(),
        };
        assert_eq!(driver.ask(early).err(), Some(RequestError::ActivityNotFound));
        assert!(driver.run.ready().is_empty());
        driver.pass(seconds(wait));
        assert_eq!(driver.dispatched(), format!("activity 5 in q, attempt {}\n", attempt + 1));
        assert_eq!(driver.run.ready().len(), 1);
        driver.pass(seconds(1));
        assert_eq!(driver.dispatched(), "");
    }
    let task = driver.start_activity(5, 4);
    driver.end(&task, failed("the last")).unwrap();
    expect![[r#"
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled attempt 1 10s
        3 WorkflowTaskStarted
        4 WorkflowTaskCompleted
        5 ActivityTaskScheduled 1
        6 ActivityTaskStarted of 5 attempt 4
        7 ActivityTaskFailed of 5 started 6 MAXIMUM_ATTEMPTS_REACHED: the last
        8 WorkflowTaskScheduled attempt 1 10s
    "#]]
    .assert_eq(&driver.history());
    let events = driver.events();
    let Attributes::ActivityTaskStarted(started) = &events[5].attributes else { panic!() };
    assert_eq!(started.last_failure.as_ref().map(|it| it.message.as_str()), Some("attempt 3"));
}

#[test]
fn whether_a_failure_is_tried_again() {
    let types = vec![String::from("Fatal"), String::from("TemporalTimeout:Heartbeat")];
    let listed = RetryPolicy { non_retryable_error_types: types, ..RetryPolicy::default() };
    let state = |failure: Failure| {
        let mut driver = scheduled(vec![ScheduleActivityTask {
            retry_policy: Some(listed.clone()),
            schedule_to_close_timeout: Some(seconds(60)),
            ..activity("1")
        }]);
        let task = driver.start_activity(5, 1);
        driver.end(&task, failed_with(failure)).unwrap();
        let history = driver.history();
        let waits = driver.run.due().map(|due| due.since(driver.now).as_secs());
        match history.lines().find(|line| line.contains("ActivityTaskFailed")) {
            Some(line) => line.split(' ').nth(6).unwrap_or_default().trim_end_matches(':').into(),
            None => format!("again after {} s", waits.unwrap_or(0)),
        }
    };
    let delayed = |seconds| {
        let info = ApplicationFailureInfo {
            next_retry_delay: Some(Duration::from_secs(seconds)),
            ..Default::default()
        };
        Failure::new("later", FailureInfo::Application(info))
    };
    let info = |info| Failure::new("it", info);
    let text = [
        ("ordinary", state(Failure::application("it", "Oops", false))),
        ("no kind", state(Failure::default())),
        ("non-retryable", state(Failure::application("it", "Oops", true))),
        ("listed", state(Failure::application("it", "Fatal", false))),
        ("canceled", state(info(FailureInfo::Canceled(Default::default())))),
        ("terminated", state(info(FailureInfo::Terminated(Default::default())))),
        ("server", state(info(FailureInfo::Server(Default::default())))),
        ("delayed", state(delayed(30))),
        ("delayed beyond the end", state(delayed(61))),
    ]
    .map(|(name, state)| format!("{name}: {state}\n"))
    .concat();
    expect![[r#"
        ordinary: again after 1 s
        no kind: again after 1 s
        non-retryable: NON_RETRYABLE_FAILURE
        listed: NON_RETRYABLE_FAILURE
        canceled: NON_RETRYABLE_FAILURE
        terminated: NON_RETRYABLE_FAILURE
        server: again after 1 s
        delayed: again after 30 s
        delayed beyond the end: TIMEOUT
    "#]]
    .assert_eq(&text);
}

#[test]
fn options_are_filled_in_and_capped() {
    let shown = |run, change: &dyn Fn(&mut ScheduleActivityTask)| {
        let start = Start { workflow_run_timeout: run, ..start() };
        let mut driver = Driver::with(start, Limits::default());
        let mut command = ScheduleActivityTask { start_to_close_timeout: None, ..activity("1") };
        change(&mut command);
        driver.task(vec![schedule(command)]);
        let events = driver.events();
        let Attributes::ActivityTaskScheduled(a) = &events[4].attributes else { panic!() };
        let seconds = |timeout: Option<Duration>| timeout.expect("it is filled in").as_secs_f64();
        let policy = a.retry_policy.as_ref().expect("it is filled in");
        format!(
            "close {} start {} attempt {} heartbeat {}, policy {} x{} up to {} {} times\n",
            seconds(a.schedule_to_close_timeout),
            seconds(a.schedule_to_start_timeout),
            seconds(a.start_to_close_timeout),
            seconds(a.heartbeat_timeout),
            seconds(policy.initial_interval),
            policy.backoff_coefficient,
            seconds(policy.maximum_interval),
            policy.maximum_attempts,
        )
    };
    let s = |n| Some(seconds(n));
    let text = [
        shown(None, &|c| c.start_to_close_timeout = s(5)),
        shown(None, &|c| c.schedule_to_close_timeout = s(5)),
        shown(None, &|c| {
            c.schedule_to_close_timeout = s(5);
            c.schedule_to_start_timeout = s(9);
            c.start_to_close_timeout = s(9);
            c.heartbeat_timeout = s(9);
        }),
        shown(s(3), &|c| {
            c.start_to_close_timeout = s(9);
            c.heartbeat_timeout = s(2);
        }),
        shown(s(3), &|c| c.schedule_to_close_timeout = s(9)),
        shown(None, &|c| {
            c.start_to_close_timeout = s(5);
            c.retry_policy = Some(RetryPolicy {
                initial_interval: Some(Duration::from_millis(200)),
                maximum_attempts: 2,
                ..RetryPolicy::default()
            });
        }),
    ]
    .concat();
    expect![[r#"
        close 0 start 0 attempt 5 heartbeat 0, policy 1 x2 up to 100 0 times
        close 5 start 5 attempt 5 heartbeat 0, policy 1 x2 up to 100 0 times
        close 5 start 5 attempt 5 heartbeat 5, policy 1 x2 up to 100 0 times
        close 3 start 3 attempt 3 heartbeat 2, policy 1 x2 up to 100 0 times
        close 3 start 3 attempt 3 heartbeat 0, policy 1 x2 up to 100 0 times
        close 0 start 0 attempt 5 heartbeat 0, policy 0.2 x2 up to 20 2 times
    "#]]
    .assert_eq(&text);
}

#[test]
fn the_four_timeouts() {
    let run = |command: ScheduleActivityTask, starts: bool| {
        let mut driver = scheduled(vec![command]);
        if starts {
            let task = driver.start_activity(5, 1);
            driver.heartbeat(&task, "\"half\"").unwrap();
        }
        driver.pass(seconds(100));
        driver.dispatched() + driver.history().split_once("5 ").expect("it is scheduled").1
    };
    let s = |n| Some(seconds(n));
    let once = |command| ScheduleActivityTask { retry_policy: policy(1), ..command };
    let text = [
        run(once(activity("1")), true),
        run(once(ScheduleActivityTask { heartbeat_timeout: s(10), ..activity("1") }), true),
        run(ScheduleActivityTask { schedule_to_start_timeout: s(10), ..activity("1") }, false),
        run(ScheduleActivityTask { schedule_to_close_timeout: s(10), ..activity("1") }, false),
        run(ScheduleActivityTask { schedule_to_close_timeout: s(10), ..activity("1") }, true),
    ]
    .concat();
    expect![[r#"
        CancelActivity { scheduled_event_id: 5, attempt: 1, reason: TimedOut }
        workflow task in q, attempt 1
        ActivityTaskScheduled 1
        6 ActivityTaskStarted of 5 attempt 1
        7 ActivityTaskTimedOut of 5 started 6 MAXIMUM_ATTEMPTS_REACHED: activity StartToClose timeout
        8 WorkflowTaskScheduled attempt 1 10s
        CancelActivity { scheduled_event_id: 5, attempt: 1, reason: TimedOut }
        workflow task in q, attempt 1
        ActivityTaskScheduled 1
        6 ActivityTaskStarted of 5 attempt 1
        7 ActivityTaskTimedOut of 5 started 6 MAXIMUM_ATTEMPTS_REACHED: activity Heartbeat timeout
        8 WorkflowTaskScheduled attempt 1 10s
        workflow task in q, attempt 1
        ActivityTaskScheduled 1
        6 ActivityTaskTimedOut of 5 started 0 TIMEOUT: activity ScheduleToStart timeout
        7 WorkflowTaskScheduled attempt 1 10s
        workflow task in q, attempt 1
        ActivityTaskScheduled 1
        6 ActivityTaskTimedOut of 5 started 0 TIMEOUT: activity ScheduleToClose timeout
        7 WorkflowTaskScheduled attempt 1 10s
        CancelActivity { scheduled_event_id: 5, attempt: 1, reason: TimedOut }
        workflow task in q, attempt 1
        ActivityTaskScheduled 1
        6 ActivityTaskStarted of 5 attempt 1
        7 ActivityTaskTimedOut of 5 started 6 TIMEOUT: activity ScheduleToClose timeout
        8 WorkflowTaskScheduled attempt 1 10s
    "#]].assert_eq(&text);
}

#[test]
fn a_timeout_keeps_the_last_failure_as_its_cause() {
    let mut driver = scheduled(vec![ScheduleActivityTask {
        start_to_close_timeout: Some(seconds(10)),
        retry_policy: policy(2),
        ..activity("1")
    }]);
    let _one = driver.start_activity(5, 1);
    driver.pass(seconds(10));
    driver.pass(seconds(1));
    let _two = driver.start_activity(5, 2);
    driver.pass(seconds(10));
    expect![[r#"
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled attempt 1 10s
        3 WorkflowTaskStarted
        4 WorkflowTaskCompleted
        5 ActivityTaskScheduled 1
        6 ActivityTaskStarted of 5 attempt 2
        7 ActivityTaskTimedOut of 5 started 6 MAXIMUM_ATTEMPTS_REACHED: activity StartToClose timeout < activity StartToClose timeout
        8 WorkflowTaskScheduled attempt 1 10s
    "#]].assert_eq(&driver.history());
    expect![[r#"
        CancelActivity { scheduled_event_id: 5, attempt: 1, reason: TimedOut }
        activity 5 in q, attempt 2
        CancelActivity { scheduled_event_id: 5, attempt: 2, reason: TimedOut }
        workflow task in q, attempt 1
    "#]]
    .assert_eq(&driver.dispatched());
}

#[test]
fn there_is_no_time_for_another_attempt() {
    let mut driver = scheduled(vec![ScheduleActivityTask {
        start_to_close_timeout: Some(seconds(10)),
        schedule_to_close_timeout: Some(seconds(10) + Duration::from_millis(500)),
        ..activity("1")
    }]);
    let _one = driver.start_activity(5, 1);
    driver.pass(seconds(10));
    expect![[r#"
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled attempt 1 10s
        3 WorkflowTaskStarted
        4 WorkflowTaskCompleted
        5 ActivityTaskScheduled 1
        6 ActivityTaskStarted of 5 attempt 1
        7 ActivityTaskTimedOut of 5 started 6 TIMEOUT: activity ScheduleToClose timeout
        8 WorkflowTaskScheduled attempt 1 10s
    "#]]
    .assert_eq(&driver.history());
}

#[test]
fn heartbeats_restart_their_timeout_and_reach_the_next_attempt() {
    let mut driver = scheduled(vec![ScheduleActivityTask {
        heartbeat_timeout: Some(seconds(10)),
        ..activity("1")
    }]);
    let task = driver.start_activity(5, 1);
    let before = driver.log.len();
    for n in 0..50 {
        driver.heartbeat(&task, &format!("{n}")).unwrap();
        driver.pass(Duration::from_millis(200));
    }
    // They are written once in a while.
    let written = driver.log.len() - before;
    assert!((5..=15).contains(&written), "{written}");
    let described = driver.run.describe().pending_activities[0].heartbeat_details.clone();
    assert_eq!(described, payloads("49"));
    driver.heartbeat(&task, "50").unwrap();
    driver.pass(seconds(9));
    assert_eq!(driver.dispatched(), "");
    driver.pass(seconds(1));
    assert_eq!(
        driver.dispatched(),
        "CancelActivity { scheduled_event_id: 5, attempt: 1, reason: TimedOut }\n"
    );
    // The last one is written before the end of its attempt.
    driver.reopen();
    driver.pass(seconds(1));
    let task = driver.start_activity(5, 2);
    assert_eq!(task.heartbeat_details, payloads("50"));
    // A heartbeat of the attempt before does not count for this one.
    driver.pass(seconds(9));
    let last_heartbeat_details = payloads("\"all\"");
    let failure = Failure::application("it", "Oops", false);
    driver.end(&task, ActivityEnd::Failed { failure, last_heartbeat_details }).unwrap();
    driver.pass(seconds(2));
    assert_eq!(driver.start_activity(5, 3).heartbeat_details, payloads("\"all\""));
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
