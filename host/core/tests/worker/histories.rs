//! What histories may look like: pages, failed tries, resets, gaps, events that do not fit.

use crate::scripted::{Script, ScriptedGuest, Stopped, activity};
use crate::story::{Story, says, told};
use expect_test::{Expect, expect};
use sandglass_core::event::workflow_task::{Failed, FailedCause, SdkMetadata};
use sandglass_core::event::{Attributes, HistoryEvent, Other, activity as activities, timer};
use sandglass_core::payload::WorkflowExecution;
use sandglass_core::proto::{Unknown, Value};
use sandglass_core::worker::{Activation, FeedError, Limits, Run};
use sandglass_core::{Payload, Timestamp};
use std::sync::Arc;

fn steps() -> Script {
    Script::new(|it| async move {
        for name in ["a", "b", "c"] {
            it.execute(activity(name)).await?;
        }
        it.sleep(1).await?;
        says("done")
    })
}

fn long() -> Story {
    let mut story = Story::new(steps());
    story.task().complete("1").task().fail_task().complete("2").task().complete("3").task();
    story
}

#[test]
fn pages_of_any_size_replay_alike() {
    let story = long();
    for size in 1..story.events.len() {
        let mut guest = ScriptedGuest::new(&story.script, Limits::default());
        for page in story.events.chunks(size) {
            guest.run().feed(page).expect("no gap");
        }
        assert_eq!(guest.work(&[]), Ok(None), "pages of {size}");
        assert_eq!(guest.run().operations_open(), 1);
    }
}

#[test]
fn tries_that_failed_leave_no_mark() {
    let mut story = Story::new(steps());
    story.fail_task().time_out_task().task().complete("1").time_out_task().fail_task().task();
    expect![[r#"
        ScheduleActivityTask 1 a
        ScheduleActivityTask 2 b
    "#]]
    .assert_eq(&story.log);
}

#[test]
fn a_closed_history_replays_to_its_end() {
    let mut story = long();
    story.fire("1").task();
    let mut guest = ScriptedGuest::new(&story.script, Limits::default());
    assert_eq!(guest.work(&story.events), Ok(None));
    assert!(guest.run().is_over());
    assert_eq!(guest.run().operations_open(), 0);
    assert_eq!(guest.run().last_event_id(), story.events.len() as i64);
    assert_eq!(guest.run().last_started_event_id(), story.events.len() as i64 - 2);
}

fn activations(run: &mut Run) -> Vec<Activation> {
    let mut all = Vec::new();
    while let Some(activation) = run.next_activation().expect("an activation") {
        all.push(activation);
        run.parked().expect("parked");
    }
    all
}

#[test]
fn clocks_stand_at_the_task_and_never_go_back() {
    let idle = || Script::new(|it| async move { it.execute(activity("never")).await });
    let mut story = Story::new(idle());
    story.signal("one");
    story.task().signal("two").task();
    let back = {
        let mut events = story.events.clone();
        let second = events.len() - 2;
        let event = HistoryEvent { event_time: Timestamp(5), ..(*events[second]).clone() };
        assert!(matches!(event.attributes, Attributes::WorkflowTaskStarted(_)));
        events[second] = Arc::new(event);
        events
    };
    let mut guest = ScriptedGuest::new(&story.script, Limits::default());
    guest.work(&back).expect("replayed");
    let first = back.iter().find(|e| matches!(e.attributes, Attributes::WorkflowTaskStarted(_)));
    assert_eq!(guest.run().now(), first.expect("started").event_time);
    let mut run = Run::new(Limits::default());
    let empty = Story::new(Script::new(|_| async move { says("") })).events;
    run.feed(&empty).expect("fed");
    assert!(activations(&mut run).is_empty());
}

#[test]
fn a_run_says_who_it_is() {
    let script = Script::new(|it| async move {
        let info = it.call(|run| run.info().clone());
        assert_eq!(it.call(|run| run.input()), [Payload::json("\"input\"")]);
        says(format!(
            "{} {} {} {} {} {} {:?}",
            info.namespace,
            info.workflow_id,
            info.run_id,
            info.workflow_type,
            info.task_queue,
            info.attempt,
            info.parent.is_some() || info.continued_run_id.is_some()
        ))
    });
    let mut story = Story::new(script.clone());
    story.task();
    expect!["CompleteWorkflowExecution default story run-1 story default 1 false\n"]
        .assert_eq(&story.log);
    let mut guest = ScriptedGuest::new(&script, Limits::default());
    let execution = WorkflowExecution {
        workflow_id: "mine".into(),
        run_id: "run-2".into(),
        ..WorkflowExecution::default()
    };
    guest.run().identify("elsewhere", &execution);
    guest.work(&story.events[..3]).expect("answered");
    let info = guest.run().info().clone();
    assert_eq!((info.namespace.as_str(), info.run_id.as_str()), ("elsewhere", "run-2"));
}

#[test]
fn randomness_is_seeded_by_the_run_and_anew_after_a_reset() {
    let mut story = Story::new(steps());
    story.task().complete("1");
    let before = story.run().random_seed();
    // Open runs depend on this number.
    assert_eq!(before, 11_299_357_166_616_095_959);
    for cause in [FailedCause::UnhandledCommand, FailedCause::ResetWorkflow] {
        assert_eq!(story.run().random_seed(), before);
        let (scheduled_event_id, started_event_id) = story.start_task();
        story.event(Failed {
            scheduled_event_id,
            started_event_id,
            cause,
            new_run_id: "run-2".into(),
            ..Failed::default()
        });
        story.task();
    }
    let after = story.run().random_seed();
    assert_ne!(after, before);
    story.complete("2").task();
    assert_eq!(story.run().random_seed(), after);
}

#[test]
fn gaps_are_refused_and_what_it_had_is_passed_over() {
    let story = long();
    let mut run = Run::new(Limits::default());
    assert_eq!(run.feed(&story.events[1..]), Err(FeedError::Gap { expected: 1, got: 2 }));
    run.feed(&story.events[..4]).expect("fed");
    run.feed(&story.events[..6]).expect("fed again");
    assert_eq!(run.last_event_id(), 6);
    assert_eq!(run.feed(&story.events[8..]), Err(FeedError::Gap { expected: 7, got: 9 }));
}

#[test]
fn a_task_whose_answer_was_not_taken_is_noticed() {
    let mut story = Story::new(steps());
    let mut guest = ScriptedGuest::new(&story.script, Limits::default());
    story.fail_task();
    guest.work(&story.events[..3]).expect("answered");
    let Err(Stopped::Feed(error)) = guest.work(&story.events[3..]) else { panic!("fed") };
    expect!["event 4 (WorkflowTaskFailed) follows the task that began with event 3, which this run has answered: the answer was not taken, so the run has to be replayed from its beginning"].assert_eq(&error.to_string());
}

#[test]
fn flags_are_said_once_and_unknown_ones_refused() {
    let mut story = Story::new(steps());
    assert_eq!(story.try_task().expect("answered").lang_used_flags, [1]);
    story.complete("1");
    assert_eq!(story.try_task().expect("answered").lang_used_flags, [0; 0]);
    story.complete("2");
    let mut events = story.events.clone();
    let mut completed = (*events[3]).clone();
    let Attributes::WorkflowTaskCompleted(attributes) = &mut completed.attributes else { panic!() };
    attributes.sdk_metadata = Some(SdkMetadata {
        sdk_name: "sandglass".into(),
        lang_used_flags: vec![1, 99],
        ..SdkMetadata::default()
    });
    events[3] = Arc::new(completed);
    let mut guest = ScriptedGuest::new(&story.script, Limits::default());
    let Err(Stopped::Task(failure)) = guest.work(&events) else { panic!("replayed") };
    expect!["event 4 (WorkflowTaskCompleted) was decided with flag 99, which this host does not know; run it with the host version that wrote it"].assert_eq(&failure.to_string());
}

fn unfit(spoil: impl Fn(&mut Story), message: Expect) {
    let mut story = Story::new(Script::new(|it| async move {
        it.start_timer(5);
        let work = it.start_activity(activity("work"));
        says(told(&it.outcome(work).await))
    }));
    story.task();
    spoil(&mut story);
    let Err(Stopped::Task(failure)) = story.try_task() else { panic!("answered") };
    assert_eq!(failure.cause, FailedCause::NonDeterministicError);
    message.assert_eq(&failure.to_string());
}

#[test]
fn events_that_do_not_fit_fail_the_task() {
    unfit(
        |story| {
            story.fire("1").fire("1");
        },
        expect![
            "event 8 (TimerFired) does not fit the history before it: no timer is running that it could be about; the history is damaged, or was written by other code"
        ],
    );
    unfit(
        |story| {
            story.complete("1").complete("1");
        },
        expect![
            "event 9 (ActivityTaskStarted) does not fit the history before it: no activity is open that it could be about; the history is damaged, or was written by other code"
        ],
    );
    unfit(
        |story| {
            story.event(timer::Fired { started_event_id: 6, ..timer::Fired::default() });
        },
        expect![
            "event 7 (TimerFired) does not fit the history before it: it is about something that is no timer; the history is damaged, or was written by other code"
        ],
    );
    unfit(
        |story| {
            let scheduled_event_id = 5;
            story.event(activities::Completed { scheduled_event_id, ..Default::default() });
        },
        expect![
            "event 7 (ActivityTaskCompleted) does not fit the history before it: it is about something that is no activity; the history is damaged, or was written by other code"
        ],
    );
    unfit(
        |story| {
            story.event(timer::Started::default());
        },
        expect![
            "event 7 (TimerStarted) does not fit the history before it: no workflow task decided it; the history is damaged, or was written by other code"
        ],
    );
}

#[test]
fn an_event_without_a_machine_fails_the_task_unless_a_worker_may_ignore_it() {
    let child = || Other { event_type: 29, bytes: Unknown::default() };
    unfit(
        |story| {
            story.event(Attributes::Other(child()));
        },
        expect![
            "event 7 is StartChildWorkflowExecutionInitiated, which this host does not know how to replay; replay this run with a host that does"
        ],
    );
    let mut story = Story::new(steps());
    story.task();
    story.event(Attributes::Other(child()));
    let last = story.events.pop().expect("an event");
    let mut unknown = Unknown::default();
    unknown.push(300, &Value::Varint(1));
    story.events.push(Arc::new(HistoryEvent { unknown, ..(*last).clone() }));
    story.complete("1").task();
    expect![[r#"
        ScheduleActivityTask 1 a
        ScheduleActivityTask 2 b
    "#]]
    .assert_eq(&story.log);
}

#[test]
fn the_hosts_mistakes_are_told() {
    let story = long();
    let mut run = Run::new(Limits::default());
    assert_eq!(run.parked().expect_err("refused").to_string(), "no guest is running");
    let mut run = Run::new(Limits::default());
    run.feed(&story.events).expect("fed");
    run.next_activation().expect("activated");
    let refused = run.next_activation().expect_err("refused");
    assert_eq!(refused.to_string(), "the guest is still running");
}
