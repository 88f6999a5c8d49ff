//! Activities: their ends, their three types of cancellation, and what comes late.

use crate::scripted::{Script, Stopped, activity};
use crate::story::{Story, failed, says, show, told};
use expect_test::expect;
use sandglass_core::worker::{ActivityOptions, CancellationType, ShownInfo};

fn of_type(cancellation_type: CancellationType) -> ActivityOptions {
    ActivityOptions { cancellation_type, ..activity("work") }
}

fn worker() -> Script {
    Script::new(|it| async move {
        let outcome = it.execute(activity("work")).await;
        says(told(&outcome))
    })
}

/// Starts one, cancels it in the next task, and says how it ended.
fn canceler(cancellation_type: CancellationType) -> Script {
    Script::new(move |it| async move {
        let work = it.start_activity(of_type(cancellation_type));
        it.sleep(1).await?;
        it.cancel_activity(work);
        it.cancel_activity(work);
        let outcome = it.outcome(work).await;
        it.cancel_activity(work);
        it.sleep(2).await?;
        says(told(&outcome))
    })
}

#[test]
fn suspends() {
    let mut story = Story::new(worker());
    story.task();
    expect!["ScheduleActivityTask 1 work\n"].assert_eq(&story.log);
    assert_eq!(story.open(), 1);
}

#[test]
fn completes() {
    let mut story = Story::new(worker());
    story.task().complete("1").task();
    expect![[r#"
        ScheduleActivityTask 1 work
        CompleteWorkflowExecution "result 1"
    "#]]
    .assert_eq(&story.log);
    assert_eq!(story.open(), 0);
}

#[test]
fn is_still_pending_while_others_come() {
    let mut story = Story::new(worker());
    story.task().signal("news").task().complete("1").task();
    expect![[r#"
        ScheduleActivityTask 1 work
        -
        CompleteWorkflowExecution "result 1"
    "#]]
    .assert_eq(&story.log);
}

#[test]
fn fails_and_times_out_in_the_shapes_of_temporals_sdks() {
    let mut story = Story::new(worker());
    story.task().fail("1").task();
    let mut slow = Story::new(worker());
    slow.task().time_out("1").task();
    expect![[r#"
        ScheduleActivityTask 1 work
        CompleteWorkflowExecution Activity task failed < it broke
        ScheduleActivityTask 1 work
        CompleteWorkflowExecution Activity task timed out < too slow
    "#]]
    .assert_eq(&(story.log + &slow.log));
}

#[test]
fn try_cancel_asks_and_returns_at_once() {
    let mut story = Story::new(canceler(CancellationType::TryCancel));
    story.task().fire("1").task().complete("1").task().fire("2").task();
    expect![[r#"
        ScheduleActivityTask 1 work; StartTimer 1 1s
        RequestCancelActivityTask 5; StartTimer 2 2s
        -
        CompleteWorkflowExecution Activity cancelled < Cancelled
    "#]]
    .assert_eq(&story.log);
    assert_eq!(story.open(), 0);
}

#[test]
fn waiting_asks_and_returns_what_it_really_ends_with() {
    let ends: [fn(&mut Story); 4] = [
        |story| {
            story.complete("1");
        },
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
        let mut story = Story::new(canceler(CancellationType::WaitCancellationCompleted));
        story.task().fire("1").task();
        end(&mut story);
        story.task().fire("2").task();
        log += &story.log;
    }
    expect![[r#"
        ScheduleActivityTask 1 work; StartTimer 1 1s
        RequestCancelActivityTask 5
        StartTimer 2 2s
        CompleteWorkflowExecution "result 1"
        ScheduleActivityTask 1 work; StartTimer 1 1s
        RequestCancelActivityTask 5
        StartTimer 2 2s
        CompleteWorkflowExecution Activity task failed < it broke
        ScheduleActivityTask 1 work; StartTimer 1 1s
        RequestCancelActivityTask 5
        StartTimer 2 2s
        CompleteWorkflowExecution Activity task timed out < too slow
        ScheduleActivityTask 1 work; StartTimer 1 1s
        RequestCancelActivityTask 5
        StartTimer 2 2s
        CompleteWorkflowExecution Activity cancelled < Cancelled
    "#]]
    .assert_eq(&log);
}

/// Rule 98; Temporal's core wedges a run for ever here.
#[test]
fn what_an_abandoned_activity_ends_with_is_ignored() {
    let ends: [fn(&mut Story); 4] = [
        |story| {
            story.complete("1");
        },
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
    for end in ends {
        let mut story = Story::new(canceler(CancellationType::Abandon));
        story.task().fire("1").task();
        end(&mut story);
        story.task().fire("2").task();
        expect![[r#"
            ScheduleActivityTask 1 work; StartTimer 1 1s
            StartTimer 2 2s
            -
            CompleteWorkflowExecution Activity cancelled < Cancelled
        "#]]
        .assert_eq(&story.log);
    }
}

#[test]
fn a_late_end_is_ignored_also_before_the_outcome_is_taken() {
    let mut story = Story::new(Script::new(|it| async move {
        let work = it.start_activity(activity("work"));
        it.sleep(1).await?;
        it.cancel_activity(work);
        it.sleep(1).await?;
        says(told(&it.outcome(work).await))
    }));
    story.task().fire("1").task().complete("1").fire("2").task();
    expect![[r#"
        ScheduleActivityTask 1 work; StartTimer 1 1s
        RequestCancelActivityTask 5; StartTimer 2 1s
        CompleteWorkflowExecution Activity cancelled < Cancelled
    "#]]
    .assert_eq(&story.log);
}

#[test]
fn started_and_canceled_in_one_task() {
    let mut log = String::new();
    for cancellation_type in [
        CancellationType::TryCancel,
        CancellationType::WaitCancellationCompleted,
        CancellationType::Abandon,
    ] {
        let mut story = Story::new(Script::new(move |it| async move {
            let work = it.start_activity(of_type(cancellation_type));
            it.cancel_activity(work);
            let outcome = it.outcome(work).await;
            it.execute(activity("next")).await?;
            says(told(&outcome))
        }));
        story.task().complete("2").task();
        log += &story.log;
    }
    expect![[r#"
        ScheduleActivityTask 2 next
        CompleteWorkflowExecution Activity cancelled < Cancelled
        ScheduleActivityTask 2 next
        CompleteWorkflowExecution Activity cancelled < Cancelled
        ScheduleActivityTask 1 work; ScheduleActivityTask 2 next
        CompleteWorkflowExecution Activity cancelled < Cancelled
    "#]]
    .assert_eq(&log);
}

#[test]
fn an_abandoned_one_of_this_task_may_end_later() {
    let mut story = Story::new(Script::new(|it| async move {
        let work = it.start_activity(of_type(CancellationType::Abandon));
        it.cancel_activity(work);
        let outcome = it.outcome(work).await;
        it.receive("go").await?;
        says(told(&outcome))
    }));
    story.task().fail("1").task().signal("go").task();
    expect![[r#"
        ScheduleActivityTask 1 work
        -
        CompleteWorkflowExecution Activity cancelled < Cancelled
    "#]]
    .assert_eq(&story.log);
}

#[test]
fn canceling_what_has_ended_has_no_effect() {
    let mut story = Story::new(Script::new(|it| async move {
        let work = it.start_activity(activity("work"));
        it.receive("go").await?;
        it.cancel_activity(work);
        says(told(&it.outcome(work).await))
    }));
    story.task().complete("1").signal("go").task();
    expect![[r#"
        ScheduleActivityTask 1 work
        CompleteWorkflowExecution "result 1"
    "#]]
    .assert_eq(&story.log);
}

#[test]
fn an_id_of_the_authors_uses_up_the_number() {
    let mut story = Story::new(Script::new(|it| async move {
        let named = ActivityOptions { activity_id: Some("mine".into()), ..activity("work") };
        it.start_activity(named);
        it.start_timer(1);
        it.start_activity(activity("next"));
        it.receive("go").await?;
        says("")
    }));
    story.task();
    expect![[r#"
        ScheduleActivityTask mine work; StartTimer 1 1s; ScheduleActivityTask 2 next
    "#]]
    .assert_eq(&story.log);
}

#[test]
fn a_try_canceled_failure_has_the_ids_that_are_known() {
    let mut story = Story::new(Script::new(|it| async move {
        let work = it.start_activity(activity("work"));
        it.sleep(1).await?;
        it.cancel_activity(work);
        let failure = it.outcome(work).await.expect_err("canceled");
        assert!(failure.is_canceled());
        assert!(
            matches!(&failure.info, ShownInfo::Activity { activity_id, .. } if activity_id == "1")
        );
        Err(failure)
    }));
    story.task().fire("1").task();
    let failed = story.events.last().expect("closed");
    expect![[r#"{"eventId":"12","eventTime":"2027-01-15T08:00:12Z","eventType":"EVENT_TYPE_WORKFLOW_EXECUTION_FAILED","workflowExecutionFailedEventAttributes":{"failure":{"message":"Activity cancelled","cause":{"message":"Cancelled","canceledFailureInfo":{}},"activityFailureInfo":{"scheduledEventId":"5","activityType":{"name":"work"},"activityId":"1","retryState":"RETRY_STATE_CANCEL_REQUESTED"}},"workflowTaskCompletedEventId":"10"}}"#]]
    .assert_eq(&serde_json::to_string(&**failed).expect("JSON"));
}

#[test]
fn a_summary_stands_beside_the_command() {
    let mut story = Story::new(Script::new(|it| async move {
        let summary = Some("\"one\" line".into());
        it.execute(ActivityOptions { summary, ..activity("work") }).await
    }));
    let decision = story.try_task().expect("answered");
    let metadata = decision.commands[0].user_metadata.clone().expect("metadata");
    assert_eq!(&metadata.summary.expect("summary").data[..], br#""\"one\" line""#);
}

#[test]
fn misuse_traps_with_a_sentence() {
    let trap = |script: Script| match Story::new(script).try_task() {
        Err(Stopped::Trap(sentence)) => sentence,
        other => panic!("{:?}", other.map(|decision| show(&decision))),
    };
    let endless = Script::new(|it| async move {
        it.execute(ActivityOptions { start_to_close_timeout: None, ..activity("work") }).await
    });
    expect![[r#"activity "work" has neither a start-to-close-timeout nor a schedule-to-close-timeout; give one of them"#]]
    .assert_eq(&trap(endless));
    let taken = Script::new(|it| async move {
        let work = it.start_activity(activity("work"));
        it.cancel_activity(work);
        let failure = it.outcome(work).await.expect_err("canceled");
        assert_eq!(failed(&failure), "Activity cancelled < Cancelled");
        it.outcome(work).await
    });
    expect!["operation 1 was already taken"].assert_eq(&trap(taken));
    let timer = Script::new(|it| async move {
        let timer = it.start_timer(1);
        it.outcome(timer).await
    });
    expect!["operation 1 is a timer, not an activity"].assert_eq(&trap(timer));
}
