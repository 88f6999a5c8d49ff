//! Waiting for the first of several: the order of readiness (D8), losers, what is taken.

use crate::scripted::{Script, Stopped, activity};
use crate::story::{Story, says, told};
use expect_test::expect;
use sandglass_core::worker::{ActivityOptions, CancellationType};

fn racer() -> Script {
    Script::new(|it| async move {
        let (timer, work) = (it.start_timer(5), it.start_activity(activity("work")));
        let go = it.on_signal("go");
        let first = it.race(&[work, timer, go]).await?;
        let name = if first == timer {
            "timer"
        } else if first == work {
            "work"
        } else {
            "go"
        };
        it.sleep(1).await?;
        says(name)
    })
}

#[test]
fn of_several_in_one_task_the_first_in_the_history_wins() {
    let mut log = String::new();
    for timer_first in [true, false] {
        let mut story = Story::new(racer());
        story.task();
        match timer_first {
            true => story.fire("1").complete("1"),
            false => story.complete("1").fire("1"),
        };
        story.task().fire("2").task();
        log += &story.log;
    }
    expect![[r#"
        StartTimer 1 5s; ScheduleActivityTask 1 work
        StartTimer 2 1s
        CompleteWorkflowExecution timer
        StartTimer 1 5s; ScheduleActivityTask 1 work
        StartTimer 2 1s
        CompleteWorkflowExecution work
    "#]]
    .assert_eq(&log);
}

#[test]
fn of_several_in_one_task_signals_come_first() {
    let mut story = Story::new(racer());
    story.task().fire("1").complete("1").signal("go").task().fire("2").task();
    expect![[r#"
        StartTimer 1 5s; ScheduleActivityTask 1 work
        StartTimer 2 1s
        CompleteWorkflowExecution go
    "#]]
    .assert_eq(&story.log);
}

#[test]
fn an_earlier_task_is_earlier_than_a_signal_of_a_later_one() {
    let mut story = Story::new(Script::new(|it| async move {
        let (timer, go) = (it.start_timer(5), it.on_signal("go"));
        it.receive("look").await?;
        let ready = it.ready(&[go, timer, go]);
        says(ready == [timer, go])
    }));
    story.task().fire("1").task().signal("go").signal("look").task();
    expect![[r#"
        StartTimer 1 5s
        -
        CompleteWorkflowExecution true
    "#]]
    .assert_eq(&story.log);
}

#[test]
fn on_replay_what_a_later_task_resolved_is_still_pending() {
    // The story replays after each task: the timer's task comes first although the activity's end
    // stands in the history as well.
    let mut story = Story::new(racer());
    story.task().fire("1").task().complete("1").task().fire("2").task();
    expect![[r#"
        StartTimer 1 5s; ScheduleActivityTask 1 work
        RequestCancelActivityTask 6; StartTimer 2 1s
        -
        CompleteWorkflowExecution timer
    "#]]
    .assert_eq(&story.log);
}

#[test]
fn wait_any_takes_nothing_and_outcome_does() {
    let mut story = Story::new(Script::new(|it| async move {
        let works = ["a", "b", "c"].map(|name| it.start_activity(activity(name)));
        let mut open = works.to_vec();
        let mut results = Vec::new();
        while !open.is_empty() {
            let first = it.wait_any(&open).await?;
            assert_eq!(it.wait_any(&open).await?, first);
            results.push(told(&it.outcome(first).await));
            open.retain(|operation| *operation != first);
        }
        says(results.join(" "))
    }));
    story.task().complete("2").task().complete("3").complete("1").task();
    expect![[r#"
        ScheduleActivityTask 1 a; ScheduleActivityTask 2 b; ScheduleActivityTask 3 c
        -
        CompleteWorkflowExecution "result 2" "result 3" "result 1"
    "#]]
    .assert_eq(&story.log);
    assert_eq!(story.open(), 0);
}

#[test]
fn what_was_canceled_became_ready_then() {
    let mut story = Story::new(Script::new(|it| async move {
        let timers = [it.start_timer(1), it.start_timer(9)];
        let works = [it.start_activity(activity("a")), it.start_activity(activity("b"))];
        it.receive("look").await?;
        it.cancel_timer(timers[1]);
        it.cancel_activity(works[1]);
        let all = [works[1], timers[1], works[0], timers[0]];
        says(it.ready(&all) == [timers[0], works[0], timers[1], works[1]])
    }));
    story.task().fire("1").complete("1").signal("look").task();
    assert!(story.log.ends_with("CompleteWorkflowExecution true\n"), "{}", story.log);
}

#[test]
fn settle_cancels_waits_and_takes_all() {
    let mut story = Story::new(Script::new(|it| async move {
        let waiting = ActivityOptions {
            cancellation_type: CancellationType::WaitCancellationCompleted,
            ..activity("slow")
        };
        let abandoned =
            ActivityOptions { cancellation_type: CancellationType::Abandon, ..activity("left") };
        let all = [
            it.start_timer(50),
            it.start_activity(waiting),
            it.start_activity(activity("quick")),
            it.start_activity(abandoned),
            it.on_signal("never"),
            it.on_cancel_request(),
        ];
        it.receive("go").await?;
        it.settle(&all).await;
        it.settle(&all).await;
        says("settled")
    }));
    story.task().signal("go").task().complete("3").complete("1").task();
    expect![[r#"
        StartTimer 1 50s; ScheduleActivityTask 1 slow; ScheduleActivityTask 2 quick; ScheduleActivityTask 3 left
        CancelTimer 1; RequestCancelActivityTask 6; RequestCancelActivityTask 7
        CompleteWorkflowExecution settled
    "#]]
    .assert_eq(&story.log);
    // What is never taken is left: the signal's and the request's.
    assert_eq!(story.open(), 2);
}

#[test]
fn misuse_traps_with_a_sentence() {
    let trap = |script: Script| match Story::new(script).try_task() {
        Err(Stopped::Trap(sentence)) => sentence,
        _ => panic!("no trap"),
    };
    let empty = Script::new(|it| async move {
        it.race(&[]).await?;
        says("")
    });
    expect!["race was called with nothing to wait for"].assert_eq(&trap(empty));
    let taken = Script::new(|it| async move {
        let timer = it.start_timer(1);
        it.settle(&[timer]).await;
        it.wait_any(&[timer]).await?;
        says("")
    });
    expect!["operation 1 was already taken"].assert_eq(&trap(taken));
    let unknown = Script::new(|it| async move {
        it.settle(&[3]).await;
        says("")
    });
    expect!["operation 3 was never given out by this run"].assert_eq(&trap(unknown));
}
