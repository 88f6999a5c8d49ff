//! Patches: the first answer holds; old runs keep their side; deprecated markers replay with or
//! without the call.

use crate::scripted::{Script, Stopped, activity};
use crate::story::{Story, says};
use expect_test::expect;

fn old() -> Script {
    Script::new(|it| async move {
        it.execute(activity("old")).await?;
        it.sleep(1).await?;
        says("old")
    })
}

fn patched() -> Script {
    Script::new(|it| async move {
        let side = if it.patched("new \"way\"") { "new" } else { "old" };
        it.execute(activity(side)).await?;
        it.sleep(1).await?;
        assert_eq!(it.patched("new \"way\""), side == "new");
        says(side)
    })
}

fn deprecated() -> Script {
    Script::new(|it| async move {
        it.deprecate_patch("new \"way\"");
        it.execute(activity("new")).await?;
        it.sleep(1).await?;
        assert!(it.patched("new \"way\""));
        says("new")
    })
}

fn removed() -> Script {
    Script::new(|it| async move {
        it.execute(activity("new")).await?;
        it.sleep(1).await?;
        says("new")
    })
}

#[test]
fn live_it_is_true_and_writes_its_marker_once() {
    let mut story = Story::new(patched());
    story.task().complete("1").task().fire("1").task();
    expect![[r#"
        RecordMarker core_patch {"id":"new \"way\"","deprecated":false}; ScheduleActivityTask 1 new
        StartTimer 1 1s
        CompleteWorkflowExecution new
    "#]]
    .assert_eq(&story.log);
}

#[test]
fn a_run_on_the_old_side_stays_there() {
    let mut story = Story::new(old());
    story.task().change(patched()).complete("1").task().fire("1").task();
    expect![[r#"
        ScheduleActivityTask 1 old
        StartTimer 1 1s
        CompleteWorkflowExecution old
    "#]]
    .assert_eq(&story.log);
}

#[test]
fn code_that_deprecates_it_replays_runs_with_the_marker() {
    let mut story = Story::new(patched());
    story.task().change(deprecated()).complete("1").task().fire("1").task();
    expect![[r#"
        RecordMarker core_patch {"id":"new \"way\"","deprecated":false}; ScheduleActivityTask 1 new
        StartTimer 1 1s
        CompleteWorkflowExecution new
    "#]]
    .assert_eq(&story.log);
}

#[test]
fn code_that_deprecates_it_replays_runs_without_the_marker() {
    let mut story = Story::new(removed());
    story.task().change(deprecated()).complete("1").task().fire("1").task();
    expect![[r#"
        ScheduleActivityTask 1 new
        StartTimer 1 1s
        CompleteWorkflowExecution new
    "#]]
    .assert_eq(&story.log);
}

#[test]
fn a_deprecated_marker_replays_where_the_call_is_gone() {
    let mut story = Story::new(deprecated());
    story.task().change(removed()).complete("1").task().fire("1").task();
    expect![[r#"
        RecordMarker core_patch {"id":"new \"way\"","deprecated":true}; ScheduleActivityTask 1 new
        StartTimer 1 1s
        CompleteWorkflowExecution new
    "#]]
    .assert_eq(&story.log);
}

#[test]
fn a_marker_that_is_not_deprecated_needs_the_call() {
    let mut story = Story::new(patched());
    story.task().change(removed()).complete("1");
    let Err(Stopped::Task(failure)) = story.try_task() else { panic!("replayed") };
    expect![[r#"the code does not do what its history says: event 5 is MarkerRecorded (patch "new \"way\""), but the code asks for ScheduleActivityTask (activity "1" of type "new"). Run it with the component that wrote this history, or guard the change with `patched`"#]].assert_eq(&failure.to_string());
}

#[test]
fn an_answer_that_was_false_on_replay_holds_later() {
    let asks_late = Script::new(|it| async move {
        it.execute(activity("old")).await?;
        let first = it.patched("p");
        it.sleep(1).await?;
        says(format!("{first} {}", it.patched("p")))
    });
    let mut story = Story::new(old());
    story.task().complete("1").task().change(asks_late).fire("1").task();
    expect![[r#"
        ScheduleActivityTask 1 old
        StartTimer 1 1s
        CompleteWorkflowExecution false false
    "#]]
    .assert_eq(&story.log);
}

#[test]
fn a_marker_of_an_earlier_task_says_true() {
    let asks_late = Script::new(|it| async move {
        it.execute(activity("new")).await?;
        let told = it.patched("new \"way\"");
        it.sleep(1).await?;
        says(told)
    });
    let mut story = Story::new(deprecated());
    story.task().complete("1").task().signal("news").task().change(asks_late).fire("1").task();
    assert!(story.log.ends_with("CompleteWorkflowExecution true\n"), "{}", story.log);
}
