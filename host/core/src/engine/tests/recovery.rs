//! A host died, and another one opens what it left.

use super::driver::*;
use crate::command::ScheduleActivityTask;
use crate::engine::*;
use crate::policy::RetryPolicy;
use alloc::{format, string::String, vec, vec::Vec};
use expect_test::expect;

impl Driver {
    fn recover(&mut self) {
        self.reopen();
        self.dispatch.clear();
        self.ok(Request::Recover { host: "host-2".into() });
    }

    fn waits(&self) -> String {
        let shown = |dispatch: &Dispatch| match dispatch {
            Dispatch::WorkflowTask { attempt, .. } => format!("workflow task {attempt}\n"),
            Dispatch::ActivityTask { scheduled_event_id, attempt, .. } => {
                format!("activity {scheduled_event_id} attempt {attempt}\n")
            }
            other => format!("{other:?}\n"),
        };
        self.run.ready().iter().map(shown).collect()
    }
}

#[test]
fn a_task_whose_start_was_in_memory_only_waits_again() {
    let mut driver = Driver::new();
    let task = driver.start_task();
    driver.recover();
    assert_eq!(driver.waits(), "workflow task 1\n");
    let late = driver.answer(&task, vec![complete()]);
    assert_eq!(late.err(), Some(RequestError::WorkflowTaskNotFound));
    driver.task(vec![complete()]);
    expect![[r#"
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled attempt 1 10s
        3 WorkflowTaskStarted
        4 WorkflowTaskCompleted
        5 WorkflowExecutionCompleted
    "#]]
    .assert_eq(&driver.history());
}

#[test]
fn a_task_whose_start_is_recorded_times_out_at_once() {
    let mut driver = Driver::new();
    driver.durable = true;
    driver.start_task();
    driver.recover();
    assert_eq!(driver.waits(), "workflow task 2\n");
    // Once more: nobody holds it, so its attempt is kept.
    driver.start_task();
    driver.recover();
    assert_eq!(driver.waits(), "workflow task 2\n");
    expect![[r#"
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled attempt 1 10s
        3 WorkflowTaskStarted
        4 WorkflowTaskTimedOut START_TO_CLOSE
    "#]]
    .assert_eq(&driver.history());
}

#[test]
fn an_accepted_cancel_is_kept() {
    // It is buffered behind a normal task, and behind a later attempt.
    let text = [1, 2].map(|attempt| {
        let mut driver = Driver::new();
        if attempt == 2 {
            let task = driver.start_task();
            driver.fail(&task).unwrap();
        }
        driver.start_task();
        driver.ok(cancel(""));
        driver.recover();
        assert!(driver.run.describe().cancel_requested);
        driver.task(vec![cancel_run()]);
        driver.history()
    });
    expect![[r#"
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled attempt 1 10s
        3 WorkflowTaskStarted
        4 WorkflowTaskTimedOut START_TO_CLOSE
        5 WorkflowExecutionCancelRequested
        6 WorkflowTaskScheduled attempt 1 10s
        7 WorkflowTaskStarted
        8 WorkflowTaskCompleted
        9 WorkflowExecutionCanceled

        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled attempt 1 10s
        3 WorkflowTaskStarted
        4 WorkflowTaskFailed WORKFLOW_WORKER_UNHANDLED_FAILURE
        5 WorkflowExecutionCancelRequested
        6 WorkflowTaskScheduled attempt 1 10s
        7 WorkflowTaskStarted
        8 WorkflowTaskCompleted
        9 WorkflowExecutionCanceled
    "#]]
    .assert_eq(&text.join("\n"));
}

#[test]
fn attempts_of_the_dead_host_fail_at_once() {
    let once = RetryPolicy { maximum_attempts: 1, ..RetryPolicy::default() };
    let mut driver = Driver::new();
    driver.task(vec![
        schedule(activity("waits")),
        schedule(activity("lost")),
        schedule(ScheduleActivityTask { retry_policy: Some(once), ..activity("lost for good") }),
        schedule(activity("over the wire")),
        schedule(activity("of this host")),
    ]);
    driver.start_activity_on(6, 1, "host-1");
    driver.start_activity_on(7, 1, "host-1");
    let wire = driver.start_activity_on(8, 1, "");
    let own = driver.start_activity_on(9, 1, "host-2");
    driver.recover();
    expect![[r#"
        workflow task 1
        activity 5 attempt 1
    "#]]
    .assert_eq(&driver.waits());
    expect![[r#"
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled attempt 1 10s
        3 WorkflowTaskStarted
        4 WorkflowTaskCompleted
        5 ActivityTaskScheduled waits
        6 ActivityTaskScheduled lost
        7 ActivityTaskScheduled lost for good
        8 ActivityTaskScheduled over the wire
        9 ActivityTaskScheduled of this host
        10 ActivityTaskStarted of 7 attempt 1
        11 ActivityTaskFailed of 7 started 10 MAXIMUM_ATTEMPTS_REACHED: the host that ran this attempt stopped before the attempt ended
        12 WorkflowTaskScheduled attempt 1 10s
    "#]].assert_eq(&driver.history());
    let failures: Vec<_> = driver
        .run
        .describe()
        .pending_activities
        .into_iter()
        .filter_map(|activity| Some((activity.activity_id, activity.last_failure?.info?)))
        .collect();
    assert_eq!(failures.len(), 1);
    assert!(format!("{failures:?}").contains("WorkerLost"));
    driver.pass(seconds(1));
    driver.start_activity_on(6, 2, "host-2");
    for task in [wire, own] {
        driver.end(&task, ActivityEnd::Completed { result: None }).unwrap();
    }
    // The second time there is nothing left to put right.
    let before = driver.log.len();
    driver.ok(Request::Recover { host: "host-2".into() });
    assert_eq!(driver.log.len(), before);
}

#[test]
fn what_a_lost_attempt_says_is_news_for_the_task_that_was_lost_with_it() {
    let mut driver = Driver::new();
    driver.durable = true;
    let retry_policy = Some(RetryPolicy { maximum_attempts: 1, ..RetryPolicy::default() });
    driver.task(vec![
        schedule(ScheduleActivityTask { retry_policy, ..activity("1") }),
        timer("1", seconds(1)),
    ]);
    driver.start_activity(5, 1);
    driver.pass(seconds(1));
    driver.start_task();
    driver.recover();
    assert_eq!(driver.waits(), "workflow task 1\n");
    expect![[r#"
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled attempt 1 10s
        3 WorkflowTaskStarted
        4 WorkflowTaskCompleted
        5 ActivityTaskScheduled 1
        6 TimerStarted 1
        7 TimerFired 1 of 6
        8 WorkflowTaskScheduled attempt 1 10s
        9 WorkflowTaskStarted
        10 WorkflowTaskTimedOut START_TO_CLOSE
        11 ActivityTaskStarted of 5 attempt 1
        12 ActivityTaskFailed of 5 started 11 MAXIMUM_ATTEMPTS_REACHED: the host that ran this attempt stopped before the attempt ended
        13 WorkflowTaskScheduled attempt 1 10s
    "#]].assert_eq(&driver.history());
}

#[test]
fn a_closed_run_is_left_alone() {
    let mut driver = Driver::new();
    driver.task(vec![complete()]);
    let before = driver.log.len();
    driver.recover();
    assert_eq!(driver.log.len(), before);
}

#[test]
fn logs_that_cannot_be_read() {
    let mut driver = Driver::new();
    driver.task(vec![timer("1", seconds(1)), complete()]);
    let restore = |snapshot: Option<&bytes::Bytes>, log: &[Entry]| {
        Execution::restore(snapshot, log.iter().cloned().map(Ok)).map(|_| ())
    };
    assert_eq!(restore(None, &[]), Err(Corrupt::NoBeginning));
    assert_eq!(restore(None, &driver.log[1..]), Err(Corrupt::NoBeginning));
    // An entry is missing, or there twice, or one follows the close.
    let mut text = String::new();
    for change in 0..3 {
        let mut log = driver.log.clone();
        match change {
            0 => drop(log.remove(4)),
            1 => log.insert(4, log[4].clone()),
            _ => log.push(Entry::Change(StateChange::BufferFlushed(BufferFlushed::default()))),
        }
        text += &format!("{}\n", restore(None, &log).expect_err("it is corrupt"));
    }
    expect![[r#"
        entry 4 cannot follow: TimerStarted cannot follow while the run is before another event id
        entry 5 cannot follow: WorkflowTaskCompleted cannot follow while the run is before another event id
        entry 7 cannot follow: BufferFlushed cannot follow while the run is closed
    "#]].assert_eq(&text);
    // A snapshot that cannot be read is no loss where the log is whole.
    let snapshot = bytes::Bytes::from_static(&[0x08, 0x63]);
    assert_eq!(restore(Some(&snapshot), &driver.log), Ok(()));
    let damaged = restore(Some(&snapshot), &driver.log[3..]);
    assert!(matches!(damaged, Err(Corrupt::Snapshot { .. })), "{damaged:?}");
    // Bytes that end too early, or hold a kind of entry that is not known.
    let bytes = entries_to_bytes(&driver.log);
    let cut = bytes.slice(..bytes.len() - 1);
    assert!(entries_from_bytes(&cut).any(|entry| entry.is_err()));
    let unknown = bytes::Bytes::from_static(&[0x12, 0x03, 0xfa, 0x3f, 0x00]);
    assert!(entries_from_bytes(&unknown).all(|entry| entry.is_err()));
}
