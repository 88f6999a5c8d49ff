//! Activities: attempts, retries, the four timeouts, heartbeats and cancellation.

use super::driver::*;
use crate::command::ScheduleActivityTask;
use crate::engine::*;
use crate::event::Attributes;
use crate::failure::{ApplicationFailureInfo, Failure, FailureInfo};
use crate::policy::RetryPolicy;
use alloc::{format, string::String, vec, vec::Vec};
use core::time::Duration;
use expect_test::expect;

fn policy(maximum_attempts: i32) -> Option<RetryPolicy> {
    Some(RetryPolicy { maximum_attempts, ..RetryPolicy::default() })
}

pub(super) fn done() -> ActivityEnd {
    ActivityEnd::Completed { result: payloads("1") }
}

pub(super) fn failed(message: &str) -> ActivityEnd {
    failed_with(Failure::application(message, "Oops", false))
}

pub(super) fn failed_with(failure: Failure) -> ActivityEnd {
    ActivityEnd::Failed { failure, last_heartbeat_details: None }
}

/// A run whose first task has scheduled these; their events are 5, 6, …
pub(super) fn scheduled(activities: Vec<ScheduleActivityTask>) -> Driver {
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
fn an_attempt_that_its_worker_never_got_waits_again() {
    let release = |task: &ActivityTask| Request::ReleaseActivity { token: task.token.clone() };
    let mut driver =
        scheduled(vec![ScheduleActivityTask { retry_policy: policy(2), ..activity("1") }]);
    for attempt in [1, 2] {
        let lost = driver.start_activity(5, attempt);
        driver.now = driver.now.after(seconds(1));
        driver.ok(release(&lost));
        assert_eq!(driver.dispatched(), format!("activity 5 in q, attempt {attempt}\n"));
        assert_eq!(driver.run.ready().len(), 1);
        // It is nobody's any more, and as many attempts are left as before.
        assert_eq!(driver.ask(release(&lost)).err(), Some(RequestError::ActivityNotFound));
        assert_eq!(driver.end(&lost, done()).err(), Some(RequestError::ActivityNotFound));
        let task = driver.start_activity(5, attempt);
        driver.end(&task, failed("once more")).unwrap();
        driver.pass(seconds(1));
        driver.dispatched();
    }
    assert!(driver.history().contains("ActivityTaskStarted of 5 attempt 2"));
    assert!(driver.history().contains("MAXIMUM_ATTEMPTS_REACHED"), "{}", driver.history());
}

#[test]
fn an_attempt_that_its_worker_never_got_ends_if_it_was_to_stop() {
    let mut driver = scheduled(vec![activity("1")]);
    let lost = driver.start_activity(5, 1);
    driver.ok(signal("go", "1"));
    driver.task(vec![cancel_activity(5)]);
    driver.dispatched();
    driver.ok(Request::ReleaseActivity { token: lost.token.clone() });
    let history = driver.history();
    assert!(history.contains("ActivityTaskCanceled"), "{history}");
    assert!(driver.run.describe().pending_activities.is_empty());
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
