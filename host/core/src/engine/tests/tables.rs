//! The transition table of each machine: all states, all steps.

// `expect_file` names a file, which the core itself cannot.
extern crate std;

use crate::Timestamp;
use crate::engine::activity::{self, Activity};
use crate::engine::change::{
    ActivityAttemptFailed, ActivityAttemptReleased, ActivityAttemptStarted, ActivityHeartbeat,
    TransientTaskScheduled, TransientTaskStarted,
};
use crate::engine::illegal::Illegal;
use crate::engine::workflow_task::{self, Scheduled, Started, Task};
use crate::engine::{cancel, timer};
use crate::event::HistoryEvent;
use alloc::{format, string::String, sync::Arc, vec::Vec};
use core::time::Duration;
use expect_test::{expect, expect_file};

/// One line a step, one column a state.
fn table<S: Clone>(
    states: &[S],
    state: impl Fn(&S) -> &'static str,
    steps: &[&str],
    apply: impl Fn(S, usize) -> Result<&'static str, Illegal>,
) -> String {
    let mut text = String::new();
    for (number, step) in steps.iter().enumerate() {
        text += &format!("{step}\n");
        for before in states {
            let after = apply(before.clone(), number);
            let after = after.unwrap_or_else(|illegal| {
                assert_eq!(illegal.state, state(before));
                "-"
            });
            if after != "-" {
                text += &format!("    {} -> {after}\n", state(before));
            }
        }
    }
    text
}

#[test]
fn timers() {
    let timer_id = || String::from("1");
    let states = [
        None,
        Some(timer::Timer::Running { timer_id: timer_id(), fires_at: Timestamp(1) }),
        Some(timer::Timer::Fired { timer_id: timer_id() }),
    ];
    let name = |state: &Option<timer::Timer>| match state {
        None => "absent",
        Some(timer::Timer::Running { .. }) => "running",
        Some(timer::Timer::Fired { .. }) => "fired",
    };
    let steps = ["TimerStarted", "a buffered TimerFired", "TimerFired", "TimerCanceled"];
    let text = table(&states, name, &steps, |state, step| {
        let step = match step {
            0 => timer::Step::Started { timer_id: timer_id(), fires_at: Timestamp(2) },
            1 => timer::Step::FireBuffered,
            2 => timer::Step::Fired,
            _ => timer::Step::Canceled,
        };
        timer::apply(state, step).map(|state| name(&state))
    });
    expect![[r#"
        TimerStarted
            absent -> running
        a buffered TimerFired
            running -> fired
        TimerFired
            running -> absent
            fired -> absent
        TimerCanceled
            running -> absent
            fired -> absent
    "#]]
    .assert_eq(&text);
}

#[test]
fn the_cancellation() {
    let states =
        [cancel::Cancel::NotRequested, cancel::Cancel::Buffered, cancel::Cancel::Requested];
    let name = |state: &cancel::Cancel| match state {
        cancel::Cancel::NotRequested => "not requested",
        cancel::Cancel::Buffered => "buffered",
        cancel::Cancel::Requested => "requested",
    };
    let text = table(&states, name, &["buffered", "recorded"], |state, step| {
        let step = if step == 0 { cancel::Step::Buffered } else { cancel::Step::Requested };
        cancel::apply(state, step).map(|state| name(&state))
    });
    expect![[r#"
        buffered
            not requested -> buffered
        recorded
            not requested -> requested
            buffered -> requested
    "#]]
    .assert_eq(&text);
}

#[test]
fn workflow_tasks() {
    let scheduled = |attempt| Scheduled {
        event_id: 2,
        time: Timestamp(1),
        attempt,
        start_to_close_timeout: Duration::from_secs(10),
    };
    let started = || Started {
        event_id: 3,
        time: Timestamp(2),
        identity: String::new(),
        request_id: String::new(),
        suggest_continue_as_new: false,
        history_size_bytes: 0,
    };
    let states = [
        Task::Idle { next_attempt: 1 },
        Task::Idle { next_attempt: 2 },
        Task::Scheduled(scheduled(1)),
        Task::TransientScheduled(scheduled(2)),
        Task::Started(scheduled(1), started()),
        Task::TransientStarted(scheduled(2), started()),
    ];
    let transient = |attempt| TransientTaskScheduled { attempt, ..Default::default() };
    let steps = [
        "WorkflowTaskScheduled",
        "WorkflowTaskStarted",
        "WorkflowTaskCompleted",
        "WorkflowTaskFailed",
        "WorkflowTaskTimedOut",
        "WorkflowTaskTimedOut of a task that nobody took",
        "TransientTaskScheduled of attempt 1",
        "TransientTaskScheduled of attempt 2",
        "TransientTaskScheduled of attempt 3",
        "TransientTaskStarted",
        "TransientTaskFailed",
        "TransientTaskReleased",
    ];
    let text = table(&states, Task::name, &steps, |state, step| {
        use workflow_task::Step as S;
        let (one, two, three) = (transient(1), transient(2), transient(3));
        let taken = TransientTaskStarted::default();
        let step = match step {
            0 => S::Scheduled(scheduled(1)),
            1 => S::Started(started()),
            2 => S::Completed,
            3 => S::Failed,
            4 => S::TimedOut,
            5 => S::NotTaken,
            6 => S::TransientScheduled(&one, 5),
            7 => S::TransientScheduled(&two, 5),
            8 => S::TransientScheduled(&three, 5),
            9 => S::TransientStarted(&taken),
            10 => S::TransientFailed,
            _ => S::TransientReleased,
        };
        workflow_task::apply(state, step).map(|state| state.name())
    });
    expect_file!["tables/workflow_task.txt"].assert_eq(&text);
}

/// An activity in each of its states.
fn activities(event: &Arc<HistoryEvent>) -> Vec<Option<Activity>> {
    use activity::Step as S;
    let started = ActivityAttemptStarted { attempt: 1, ..Default::default() };
    let failed = ActivityAttemptFailed { attempt: 1, ..Default::default() };
    let after = |steps: &[S<'_>]| {
        steps.iter().fold(None, |state, step| activity::apply(state, step).expect("it is legal"))
    };
    let begun = [S::Scheduled(event), S::AttemptStarted(&started)];
    Vec::from([
        None,
        after(&begun[..1]),
        after(&[begun[0].clone(), begun[1].clone(), S::AttemptFailed(&failed)]),
        after(&begun),
        after(&[begun[0].clone(), begun[1].clone(), S::CancelRequested(9)]),
        after(&[begun[0].clone(), begun[1].clone(), S::EndBuffered]),
    ])
}

#[test]
fn attempts_and_ends_of_activities() {
    use activity::Step as S;
    let attributes = crate::event::activity::Scheduled::default();
    let event = Arc::new(HistoryEvent::new(5, Timestamp(1), attributes));
    let steps = [
        "ActivityTaskScheduled",
        "ActivityAttemptStarted of attempt 1",
        "ActivityAttemptStarted of attempt 2",
        "ActivityHeartbeat",
        "ActivityAttemptFailed of attempt 1",
        "ActivityAttemptFailed of attempt 2",
        "ActivityTaskCancelRequested",
        "a buffered end",
        "ActivityTaskStarted",
        "ActivityTaskCompleted or ActivityTaskFailed",
        "ActivityTaskCanceled",
        "ActivityTaskTimedOut",
        "ActivityAttemptReleased of attempt 1",
        "ActivityAttemptReleased of attempt 2",
    ];
    let name = |state: &Option<Activity>| activity::name(state.as_ref());
    let text = table(&activities(&event), name, &steps, |state, step| {
        let started = |attempt| ActivityAttemptStarted { attempt, ..Default::default() };
        let failed = |attempt| ActivityAttemptFailed { attempt, ..Default::default() };
        let started = (started(1), started(2));
        let failed = (failed(1), failed(2));
        let released = |attempt| ActivityAttemptReleased { attempt, ..Default::default() };
        let released = (released(1), released(2));
        let beat = ActivityHeartbeat::default();
        let step = match step {
            0 => S::Scheduled(&event),
            1 => S::AttemptStarted(&started.0),
            2 => S::AttemptStarted(&started.1),
            3 => S::Heartbeat(&beat),
            4 => S::AttemptFailed(&failed.0),
            5 => S::AttemptFailed(&failed.1),
            6 => S::CancelRequested(9),
            7 => S::EndBuffered,
            8 => S::StartRecorded,
            9 => S::Ended,
            10 => S::Canceled,
            11 => S::TimedOut,
            12 => S::AttemptReleased(&released.0),
            _ => S::AttemptReleased(&released.1),
        };
        activity::apply(state, &step).map(|state| name(&state))
    });
    expect_file!["tables/activity.txt"].assert_eq(&text);
}

#[test]
fn other_events_make_no_activity() {
    let event =
        Arc::new(HistoryEvent::new(5, Timestamp(1), crate::event::timer::Started::default()));
    assert!(activity::apply(None, &activity::Step::Scheduled(&event)).is_err());
}
