//! A changed guest is found out, and told what changed, where, and what to do.

use crate::scripted::{Imports, Outcome, Script, Stopped, activity};
use crate::story::{Story, says};
use expect_test::{Expect, expect};
use sandglass_core::event::workflow_task::FailedCause;
use sandglass_core::worker::{ActivityOptions, Difference, Nondeterminism, Reason};

/// A timer, an activity that is canceled, a timer that is canceled, a result.
fn original() -> Story {
    let mut story = Story::new(Script::new(|it| async move {
        it.sleep(1).await?;
        let work = it.start_activity(activity("work"));
        let long = it.start_timer(50);
        it.receive("go").await?;
        it.cancel_activity(work);
        it.cancel_timer(long);
        it.receive("end").await?;
        says("done")
    }));
    story.task().fire("1").task().signal("go").task().signal("end").task();
    story
}

fn check<F>(code: impl Fn(Imports) -> F + Send + Sync + 'static, message: Expect) -> Nondeterminism
where
    F: Future<Output = Outcome> + Send + 'static,
{
    let mut story = original();
    story.change(Script::new(code));
    let Err(Stopped::Task(failure)) = story.try_task() else { panic!("replayed") };
    assert_eq!(failure.cause, FailedCause::NonDeterministicError);
    message.assert_eq(&failure.failure.message);
    match *failure.reason {
        Reason::Nondeterminism(nondeterminism) => nondeterminism,
        other => panic!("{other}"),
    }
}

#[test]
fn another_type() {
    let found = check(
        |it| async move {
            it.sleep(1).await?;
            it.execute(activity("other")).await
        },
        expect![[
            r#"the code does not do what its history says: event 10 is ActivityTaskScheduled (activity "1" of type "work"), but the code asks for ScheduleActivityTask (activity "1" of type "other"); the activity type was "work" and is "other". Run it with the component that wrote this history, or guard the change with `patched`"#
        ]],
    );
    let difference =
        Difference { field: "activity type", recorded: "work".into(), issued: "other".into() };
    assert_eq!((found.event_id, found.difference), (10, Some(difference)));
}

#[test]
fn another_id() {
    check(
        |it| async move {
            it.sleep(1).await?;
            let activity_id = Some("mine".into());
            it.execute(ActivityOptions { activity_id, ..activity("work") }).await
        },
        expect![[
            r#"the code does not do what its history says: event 10 is ActivityTaskScheduled (activity "1" of type "work"), but the code asks for ScheduleActivityTask (activity "mine" of type "work"); the activity id was "1" and is "mine". Run it with the component that wrote this history, or guard the change with `patched`"#
        ]],
    );
}

#[test]
fn another_kind() {
    check(
        |it| async move { it.execute(activity("work")).await },
        expect![[
            r#"the code does not do what its history says: event 5 is TimerStarted (timer "1"), but the code asks for ScheduleActivityTask (activity "1" of type "work"). Run it with the component that wrote this history, or guard the change with `patched`"#
        ]],
    );
}

#[test]
fn a_command_less() {
    check(
        |it| async move {
            it.sleep(1).await?;
            it.execute(activity("work")).await
        },
        expect![[
            r#"the code does not do what its history says: event 11 is TimerStarted (timer "2"), but the code asks for nothing. Run it with the component that wrote this history, or guard the change with `patched`"#
        ]],
    );
}

#[test]
fn a_command_more() {
    check(
        |it| async move {
            it.start_timer(5);
            it.sleep(1).await?;
            says("")
        },
        expect![[
            r#"the code does not do what its history says: before event 6 the history has no further command, but the code asks for StartTimer (timer "2"). Run it with the component that wrote this history, or guard the change with `patched`"#
        ]],
    );
}

#[test]
fn an_end_too_early() {
    check(
        |it| async move {
            it.sleep(1).await?;
            it.start_activity(activity("work"));
            it.start_timer(50);
            says("early")
        },
        expect![
            "the code does not do what its history says: before event 12 the history has no further command, but the code asks for CompleteWorkflowExecution. Run it with the component that wrote this history, or guard the change with `patched`"
        ],
    );
}

#[test]
fn no_end() {
    check(
        |it| async move {
            it.sleep(1).await?;
            let work = it.start_activity(activity("work"));
            let long = it.start_timer(50);
            it.receive("go").await?;
            it.cancel_activity(work);
            it.cancel_timer(long);
            it.receive("never").await?;
            says("")
        },
        expect![
            "the code does not do what its history says: event 22 is WorkflowExecutionCompleted, but the code asks for nothing. Run it with the component that wrote this history, or guard the change with `patched`"
        ],
    );
}

#[test]
fn another_end() {
    check(
        |it| async move {
            it.sleep(1).await?;
            let work = it.start_activity(activity("work"));
            let long = it.start_timer(50);
            it.receive("go").await?;
            it.cancel_activity(work);
            it.cancel_timer(long);
            it.receive("end").await?;
            it.execute(ActivityOptions { activity_id: Some("a".into()), ..activity("b") }).await
        },
        expect![[
            r#"the code does not do what its history says: event 22 is WorkflowExecutionCompleted, but the code asks for ScheduleActivityTask (activity "a" of type "b"). Run it with the component that wrote this history, or guard the change with `patched`"#
        ]],
    );
}

#[test]
fn cancels_in_another_order() {
    check(
        |it| async move {
            it.sleep(1).await?;
            let work = it.start_activity(activity("work"));
            let long = it.start_timer(50);
            it.receive("go").await?;
            it.cancel_timer(long);
            it.cancel_activity(work);
            it.receive("end").await?;
            says("")
        },
        expect![[
            r#"the code does not do what its history says: event 16 is ActivityTaskCancelRequested (of event 10), but the code asks for CancelTimer (timer "2"). Run it with the component that wrote this history, or guard the change with `patched`"#
        ]],
    );
}

/// Durations, arguments, results and failures are not compared, as in Temporal's core.
#[test]
fn what_is_not_compared() {
    let mut story = original();
    story.change(Script::new(|it| async move {
        it.sleep(77).await?;
        let options = ActivityOptions {
            input: vec![sandglass_core::Payload::json("1")],
            start_to_close_timeout: Some(std::time::Duration::from_secs(1)),
            ..activity("work")
        };
        let work = it.start_activity(options);
        let long = it.start_timer(5);
        it.receive("go").await?;
        it.cancel_activity(work);
        it.cancel_timer(long);
        it.receive("end").await?;
        says("something else")
    }));
    let mut guest = crate::scripted::ScriptedGuest::new(&story.script, story.limits.clone());
    assert_eq!(guest.work(&story.events), Ok(None));
    assert!(guest.run().is_over());
}
