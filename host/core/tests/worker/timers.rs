//! Timers: fired, canceled, dropped, still pending; plain WASI sleeps.

use crate::scripted::{Script, Stopped};
use crate::story::{Story, failed, says, show};
use expect_test::expect;
use sandglass_core::worker::TimerKind;
use std::time::Duration;

fn sleeper() -> Script {
    Script::new(|it| async move {
        it.sleep(3).await?;
        it.sleep(0).await?;
        says("slept")
    })
}

#[test]
fn suspends() {
    let mut story = Story::new(sleeper());
    story.task();
    expect!["StartTimer 1 3s\n"].assert_eq(&story.log);
    assert_eq!(story.open(), 1);
}

#[test]
fn completes() {
    let mut story = Story::new(sleeper());
    story.task().fire("1").task().fire("2").task();
    expect![[r#"
        StartTimer 1 3s
        StartTimer 2 0ns
        CompleteWorkflowExecution slept
    "#]]
    .assert_eq(&story.log);
    assert_eq!(story.open(), 0);
    assert!(story.run().is_over());
}

#[test]
fn is_still_pending_while_others_come() {
    let mut story = Story::new(sleeper());
    story.task().signal("news").task().fire("1").task();
    expect![[r#"
        StartTimer 1 3s
        -
        StartTimer 2 0ns
    "#]]
    .assert_eq(&story.log);
}

#[test]
fn started_and_canceled_in_one_task_leaves_no_trace_but_its_number() {
    let mut story = Story::new(Script::new(|it| async move {
        let first = it.start_timer(1);
        it.cancel_timer(first);
        it.cancel_timer(first);
        let canceled = it.wait_timer(first).await.expect_err("canceled");
        assert!(canceled.is_canceled());
        it.cancel_timer(first);
        it.sleep(2).await?;
        says(failed(&canceled))
    }));
    story.task().fire("2").task();
    expect![[r#"
        StartTimer 2 2s
        CompleteWorkflowExecution Cancelled
    "#]]
    .assert_eq(&story.log);
    assert_eq!(story.open(), 0);
}

#[test]
fn canceled_later_sends_one_command() {
    let mut story = Story::new(Script::new(|it| async move {
        let long = it.start_timer(100);
        it.sleep(1).await?;
        it.cancel_timer(long);
        it.cancel_timer(long);
        it.sleep(5).await?;
        assert!(it.wait_timer(long).await.is_err());
        says("done")
    }));
    story.task().fire("2").task().fire("3").task();
    expect![[r#"
        StartTimer 1 100s; StartTimer 2 1s
        CancelTimer 1; StartTimer 3 5s
        CompleteWorkflowExecution done
    "#]]
    .assert_eq(&story.log);
}

#[test]
fn canceling_what_has_fired_has_no_effect() {
    let mut story = Story::new(Script::new(|it| async move {
        let short = it.start_timer(1);
        it.receive("go").await?;
        it.cancel_timer(short);
        it.wait_timer(short).await?;
        it.cancel_timer(short);
        says("fired")
    }));
    story.task().fire("1").signal("go").task();
    expect![[r#"
        StartTimer 1 1s
        CompleteWorkflowExecution fired
    "#]]
    .assert_eq(&story.log);
}

#[test]
fn before_a_close_in_the_same_task_is_sent() {
    let mut story = Story::new(Script::new(|it| async move {
        it.start_timer(9);
        says("bye")
    }));
    story.task();
    expect![[r#"
        StartTimer 1 9s; CompleteWorkflowExecution bye
    "#]]
    .assert_eq(&story.log);
}

#[test]
fn a_plain_sleep_is_a_timer_that_nothing_interrupts() {
    let mut story = Story::new(Script::new(|it| async move {
        it.wasi_sleep(7).await;
        let interrupted = it.sleep(1).await.expect_err("the interruption waited for this");
        says(failed(&interrupted))
    }));
    story.task().cancel().task().fire("1").task();
    expect![[r#"
        StartTimer 1 7s
        -
        CompleteWorkflowExecution Cancelled
    "#]]
    .assert_eq(&story.log);
    assert_eq!(story.open(), 0);
}

#[test]
fn a_plain_sleep_that_is_dropped_is_canceled_and_forgotten() {
    let mut story = Story::new(Script::new(|it| async move {
        let plain =
            it.try_call(|run| run.start_timer(Duration::from_secs(5), TimerKind::Wasi, None));
        it.sleep(1).await?;
        it.cancel_timer(plain);
        it.sleep(1).await?;
        says("done")
    }));
    story.task().fire("2").task();
    expect![[r#"
        StartTimer 1 5s; StartTimer 2 1s
        CancelTimer 1; StartTimer 3 1s
    "#]]
    .assert_eq(&story.log);
    assert_eq!(story.open(), 1);
}

fn trap(script: Script) -> String {
    let mut story = Story::new(script);
    match story.try_task() {
        Err(Stopped::Trap(sentence)) => sentence,
        other => panic!("{:?}", other.map(|decision| show(&decision))),
    }
}

#[test]
fn misuse_traps_with_a_sentence() {
    let unknown = Script::new(|it| async move {
        it.wait_timer(7).await?;
        says("")
    });
    expect!["operation 7 was never given out by this run"].assert_eq(&trap(unknown));
    let zero = Script::new(|it| async move {
        it.cancel_timer(0);
        says("")
    });
    expect!["operation 0 was never given out by this run"].assert_eq(&trap(zero));
    let taken = Script::new(|it| async move {
        let timer = it.start_timer(1);
        it.cancel_timer(timer);
        let _ = it.wait_timer(timer).await;
        it.wait_timer(timer).await?;
        says("")
    });
    expect!["operation 1 was already taken"].assert_eq(&trap(taken));
    let other = Script::new(|it| async move {
        let signal = it.on_signal("go");
        it.cancel_timer(signal);
        says("")
    });
    expect!["operation 1 is a signal, not a timer"].assert_eq(&trap(other));
    let plain = Script::new(|it| async move {
        let plain = it.try_call(|run| run.start_timer(Duration::ZERO, TimerKind::Wasi, None));
        it.wait_timer(plain).await?;
        says("")
    });
    expect!["operation 1 belongs to a plain sleep"].assert_eq(&trap(plain));
}
