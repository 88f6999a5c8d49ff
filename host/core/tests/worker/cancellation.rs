//! D5, bullet by bullet: interruption is an edge, cancellation is a state, and nothing is lost.

use crate::scripted::{Imports, Script, Stopped, activity};
use crate::story::{Story, failed, says, show, told};
use expect_test::{Expect, expect};
use sandglass_core::worker::{ActivityOptions, CancellationType};

fn of_type(cancellation_type: CancellationType) -> ActivityOptions {
    ActivityOptions { cancellation_type, ..activity("work") }
}

fn check(story: &Story, log: Expect) {
    log.assert_eq(&story.log);
}

fn story<F>(code: impl Fn(Imports) -> F + Send + Sync + 'static) -> Story
where
    F: Future<Output = crate::scripted::Outcome> + Send + 'static,
{
    Story::new(Script::new(code))
}

#[test]
fn the_next_call_that_waits_is_interrupted_once_and_the_state_stays() {
    let mut story = story(|it| async move {
        let interrupted = it.sleep(100).await.expect_err("interrupted");
        assert!(interrupted.is_canceled());
        let request = it.cancel_requested().expect("requested");
        assert_eq!((request.reason.as_str(), request.identity.as_str()), ("enough", "tester"));
        it.execute(activity("cleanup")).await?;
        assert!(it.cancel_requested().is_some());
        Err(interrupted)
    });
    story.task().cancel().task().complete("1").task();
    check(
        &story,
        expect![[r#"
        StartTimer 1 100s
        CancelTimer 1; ScheduleActivityTask 1 cleanup
        CancelWorkflowExecution 
    "#]],
    );
    assert_eq!(story.open(), 0);
}

#[test]
fn before_the_first_task_the_first_wait_is_interrupted() {
    let mut story = story(|it| async move {
        it.sleep(100).await?;
        says("slept")
    });
    story.cancel().task();
    check(&story, expect!["CancelWorkflowExecution \n"]);
}

#[test]
fn code_that_never_waits_completes() {
    let mut story = story(|_| async move { says("quick") });
    story.cancel().task();
    check(&story, expect!["CompleteWorkflowExecution quick\n"]);
}

#[test]
fn every_interruptible_call_is() {
    for call in 0..6 {
        let mut story = story(move |it| async move {
            let operation = it.start_timer(50);
            let interrupted = match call {
                0 => it.sleep(9).await.map_err(|f| failed(&f)),
                1 => it.wait_timer(operation).await.map_err(|f| failed(&f)),
                2 => it.execute(activity("work")).await.map(drop).map_err(|f| failed(&f)),
                3 => it.receive("never").await.map(drop).map_err(|f| failed(&f)),
                4 => it.wait_any(&[operation]).await.map(drop).map_err(|f| failed(&f)),
                _ => it.race(&[operation]).await.map(drop).map_err(|f| failed(&f)),
            };
            let interrupted = interrupted.expect_err("interrupted");
            it.sleep(1).await?;
            says(interrupted)
        });
        story.task().cancel().task().fire(if call == 0 { "3" } else { "2" }).task();
        let expected = if call == 2 { "Activity cancelled < Cancelled" } else { "Cancelled" };
        let log = &story.log;
        assert!(log.ends_with(&format!("CompleteWorkflowExecution {expected}\n")), "{call}: {log}");
    }
}

#[test]
fn what_is_already_there_is_returned_and_the_edge_stays() {
    for cancel_first in [true, false] {
        let mut story = story(|it| async move {
            let result = it.execute(activity("charge")).await?;
            let interrupted = it.sleep(9).await.expect_err("the edge stayed");
            says(format!("{} then {}", told(&Ok(result)), failed(&interrupted)))
        });
        story.task();
        match cancel_first {
            true => story.cancel().complete("1"),
            false => story.complete("1").cancel(),
        };
        story.task();
        check(
            &story,
            expect![[r#"
            ScheduleActivityTask 1 charge
            CompleteWorkflowExecution "result 1" then Cancelled
        "#]],
        );
    }
}

#[test]
fn a_signal_that_is_there_is_returned_and_the_edge_stays() {
    let mut story = story(|it| async move {
        let signal = it.receive("go").await?;
        let interrupted = it.receive("go").await.expect_err("the edge stayed");
        says(format!("{} then {}", signal.name, failed(&interrupted)))
    });
    story.task().cancel().signal("go").task();
    check(
        &story,
        expect![[r#"
        -
        CompleteWorkflowExecution go then Cancelled
    "#]],
    );
}

#[test]
fn under_a_shield_the_edge_waits_for_the_last_unshield() {
    let mut story = story(|it| async move {
        it.shield();
        it.shield();
        it.sleep(1).await?;
        it.unshield();
        it.sleep(2).await?;
        it.unshield();
        let interrupted = it.sleep(3).await.expect_err("the last shield is gone");
        says(failed(&interrupted))
    });
    story.task().cancel().task().fire("1").task().fire("2").task();
    check(
        &story,
        expect![[r#"
        StartTimer 1 1s
        -
        StartTimer 2 2s
        CompleteWorkflowExecution Cancelled
    "#]],
    );
}

#[test]
fn a_run_may_end_with_a_shield_held() {
    let mut story = story(|it| async move {
        it.shield();
        it.execute(activity("cleanup")).await
    });
    story.cancel().task().complete("1").task();
    check(
        &story,
        expect![[r#"
        ScheduleActivityTask 1 cleanup
        CompleteWorkflowExecution "result 1"
    "#]],
    );
}

#[test]
fn unshield_without_a_shield_traps() {
    let mut story = story(|it| async move {
        it.unshield();
        says("")
    });
    let stopped = story.try_task().expect_err("trapped");
    assert_eq!(stopped, Stopped::Trap("unshield was called without a shield before it".into()));
}

#[test]
fn an_interrupted_outcome_of_try_cancel_asks_and_is_canceled_for_good() {
    let mut story = story(|it| async move {
        let outcome = it.execute(of_type(CancellationType::TryCancel)).await;
        it.sleep(1).await?;
        says(told(&outcome))
    });
    story.task().cancel().task().complete("1").task().fire("1").task();
    check(
        &story,
        expect![[r#"
        ScheduleActivityTask 1 work
        RequestCancelActivityTask 5; StartTimer 1 1s
        -
        CompleteWorkflowExecution Activity cancelled < Cancelled
    "#]],
    );
}

#[test]
fn an_interrupted_outcome_of_abandon_only_returns() {
    let mut story = story(|it| async move {
        let outcome = it.execute(of_type(CancellationType::Abandon)).await;
        it.sleep(1).await?;
        says(told(&outcome))
    });
    story.task().cancel().task().fail("1").task().fire("1").task();
    check(
        &story,
        expect![[r#"
        ScheduleActivityTask 1 work
        StartTimer 1 1s
        -
        CompleteWorkflowExecution Activity cancelled < Cancelled
    "#]],
    );
}

fn waiter() -> Script {
    Script::new(|it| async move {
        let outcome = it.execute(of_type(CancellationType::WaitCancellationCompleted)).await;
        let next = match it.sleep(1).await {
            Ok(()) => "slept".into(),
            Err(failure) => failed(&failure),
        };
        says(format!("{}, then {next}", told(&outcome)))
    })
}

#[test]
fn waiting_for_completion_a_success_leaves_the_edge() {
    let mut story = Story::new(waiter());
    story.task().cancel().task().signal("news").task().complete("1").task();
    check(
        &story,
        expect![[r#"
        ScheduleActivityTask 1 work
        RequestCancelActivityTask 5
        -
        CompleteWorkflowExecution "result 1", then Cancelled
    "#]],
    );
}

#[test]
fn waiting_for_completion_a_failure_or_canceled_takes_the_edge() {
    let ends: [fn(&mut Story); 3] = [
        |story| {
            story.fail("1");
        },
        |story| {
            story.time_out("1");
        },
        |story| {
            story.canceled("1");
        },
    ];
    let mut log = String::new();
    for end in ends {
        let mut story = Story::new(waiter());
        story.task().cancel().task();
        end(&mut story);
        story.task().fire("1").task();
        log += &story.log;
    }
    expect![[r#"
        ScheduleActivityTask 1 work
        RequestCancelActivityTask 5
        StartTimer 1 1s
        CompleteWorkflowExecution Activity task failed < it broke, then slept
        ScheduleActivityTask 1 work
        RequestCancelActivityTask 5
        StartTimer 1 1s
        CompleteWorkflowExecution Activity task timed out < too slow, then slept
        ScheduleActivityTask 1 work
        RequestCancelActivityTask 5
        StartTimer 1 1s
        CompleteWorkflowExecution Activity cancelled < Cancelled, then slept
    "#]]
    .assert_eq(&log);
}

#[test]
fn a_failure_that_was_already_there_leaves_the_edge() {
    let mut story = Story::new(waiter());
    story.task().cancel().fail("1").task();
    check(
        &story,
        expect![[r#"
        ScheduleActivityTask 1 work
        CompleteWorkflowExecution Activity task failed < it broke, then Cancelled
    "#]],
    );
}

#[test]
fn wait_any_cancels_nothing() {
    let mut story = story(|it| async move {
        let (timer, work) = (it.start_timer(50), it.start_activity(activity("work")));
        it.wait_any(&[timer, work]).await.expect_err("interrupted");
        it.sleep(1).await?;
        says("done")
    });
    story.task().cancel().task();
    check(
        &story,
        expect![[r#"
        StartTimer 1 50s; ScheduleActivityTask 1 work
        StartTimer 2 1s
    "#]],
    );
}

#[test]
fn race_cancels_the_losers_also_when_it_is_interrupted() {
    let mut story = story(|it| async move {
        let (timer, work) = (it.start_timer(50), it.start_activity(activity("work")));
        let signal = it.on_signal("go");
        it.race(&[timer, signal, work]).await.expect_err("interrupted");
        it.sleep(1).await?;
        says("done")
    });
    story.task().cancel().task();
    check(
        &story,
        expect![[r#"
        StartTimer 1 50s; ScheduleActivityTask 1 work
        CancelTimer 1; RequestCancelActivityTask 6; StartTimer 2 1s
    "#]],
    );
}

#[test]
fn nothing_interrupts_settle_and_the_edge_stays() {
    let mut story = story(|it| async move {
        let work = it.start_activity(of_type(CancellationType::WaitCancellationCompleted));
        it.receive("go").await?;
        it.settle(&[work]).await;
        let interrupted = it.sleep(1).await.expect_err("the edge stayed");
        says(failed(&interrupted))
    });
    story.task().signal("go").task().cancel().task().complete("1").task();
    check(
        &story,
        expect![[r#"
        ScheduleActivityTask 1 work
        RequestCancelActivityTask 5
        -
        CompleteWorkflowExecution Cancelled
    "#]],
    );
}

#[test]
fn ready_never_takes_the_edge() {
    let mut story = story(|it| async move {
        let (timer, request) = (it.start_timer(50), it.on_cancel_request());
        it.receive("go").await?;
        let ready = it.ready(&[timer, request]);
        let interrupted = it.wait_timer(timer).await.expect_err("the edge stayed");
        says(format!("{:?} then {}", ready == [request], failed(&interrupted)))
    });
    story.task().signal("go").cancel().task();
    check(
        &story,
        expect![[r#"
        StartTimer 1 50s
        CancelTimer 1; CompleteWorkflowExecution true then Cancelled
    "#]],
    );
}

#[test]
fn a_wait_any_that_returns_on_request_has_told_the_guest() {
    let mut story = story(|it| async move {
        let (timer, request) = (it.start_timer(50), it.on_cancel_request());
        assert_eq!(it.wait_any(&[timer, request]).await?, request);
        it.wait_timer(timer).await?;
        says("not told twice")
    });
    story.task().cancel().task().fire("1").task();
    check(
        &story,
        expect![[r#"
        StartTimer 1 50s
        -
        CompleteWorkflowExecution not told twice
    "#]],
    );
}

#[test]
fn under_a_shield_on_request_leaves_the_edge() {
    let mut story = story(|it| async move {
        let (timer, request) = (it.start_timer(50), it.on_cancel_request());
        it.shield();
        assert_eq!(it.wait_any(&[timer, request]).await?, request);
        it.unshield();
        let interrupted = it.wait_timer(timer).await.expect_err("the edge stayed");
        says(failed(&interrupted))
    });
    story.task().cancel().task();
    check(
        &story,
        expect![[r#"
        StartTimer 1 50s
        CancelTimer 1; CompleteWorkflowExecution Cancelled
    "#]],
    );
}

#[test]
fn an_operation_that_is_ready_first_leaves_the_edge_where_on_request_stands_beside_it() {
    let mut story = story(|it| async move {
        let (timer, request) = (it.start_timer(1), it.on_cancel_request());
        assert_eq!(it.wait_any(&[request, timer]).await?, timer);
        let interrupted = it.sleep(1).await.expect_err("the edge stayed");
        says(failed(&interrupted))
    });
    story.task().fire("1").cancel().task();
    check(
        &story,
        expect![[r#"
        StartTimer 1 1s
        CompleteWorkflowExecution Cancelled
    "#]],
    );
}

#[test]
fn started_and_interrupted_in_one_task_sends_neither_command() {
    for (cancellation_type, sent) in [
        (CancellationType::TryCancel, ""),
        (CancellationType::WaitCancellationCompleted, ""),
        (CancellationType::Abandon, "ScheduleActivityTask 1 work; "),
    ] {
        let mut story = story(move |it| async move {
            let outcome = it.execute(of_type(cancellation_type)).await;
            it.sleep(1).await?;
            says(told(&outcome))
        });
        story.cancel().task().fire("1").task();
        assert_eq!(
            story.log,
            format!(
                "{sent}StartTimer 1 1s\nCompleteWorkflowExecution Activity cancelled < Cancelled\n"
            )
        );
    }
}

#[test]
fn rule_35_canceled_that_escapes_after_any_request_closes_as_canceled() {
    let activity_canceled = |it: Imports| async move {
        let failure = it.execute(activity("work")).await.expect_err("interrupted");
        it.sleep(1).await?;
        Err(failure)
    };
    let mut canceled = story(activity_canceled);
    canceled.task().cancel().task().fire("1").task();
    check(
        &canceled,
        expect![[r#"
        ScheduleActivityTask 1 work
        RequestCancelActivityTask 5; StartTimer 1 1s
        CancelWorkflowExecution 
    "#]],
    );
    let mut unasked = story(|it| async move {
        let timer = it.start_timer(1);
        it.cancel_timer(timer);
        it.wait_timer(timer).await?;
        says("")
    });
    unasked.task();
    check(
        &unasked,
        expect![[r#"
        FailWorkflowExecution "Cancelled" (13 bytes)
    "#]],
    );
}

#[test]
fn a_second_request_changes_nothing() {
    let mut story = story(|it| async move {
        it.sleep(1).await.expect_err("interrupted");
        it.sleep(2).await?;
        says("once")
    });
    story.task().cancel().task().cancel().task().fire("2").task();
    check(
        &story,
        expect![[r#"
        StartTimer 1 1s
        CancelTimer 1; StartTimer 2 2s
        -
        CompleteWorkflowExecution once
    "#]],
    );
}

#[test]
fn the_details_of_the_canceled_are_recorded() {
    let mut story = story(|it| async move {
        it.execute(of_type(CancellationType::WaitCancellationCompleted)).await
    });
    story.task().cancel().task().canceled("1");
    let decision = story.try_task().expect("answered");
    expect![[r#"CancelWorkflowExecution "stopped""#]].assert_eq(&show(&decision));
}
