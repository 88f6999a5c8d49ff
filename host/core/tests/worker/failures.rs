//! A failure passes through whole (D2): returned as it was received, it is recorded as the original
//! bytes.

use crate::scripted::{Script, activity};
use crate::story::{Story, chain, says};
use expect_test::expect;
use sandglass_core::event::Attributes;
use sandglass_core::failure::Failure;
use sandglass_core::payload::Payload;
use sandglass_core::worker::{ActivityOptions, ShownCause, ShownFailure, ShownInfo};

fn recorded(story: &Story) -> Failure {
    match &story.events.last().expect("closed").attributes {
        Attributes::WorkflowExecutionFailed(failed) => failed.failure.clone().expect("a failure"),
        other => panic!("{}", other.name()),
    }
}

fn ends_with(wrap: fn(ShownFailure) -> ShownFailure) -> Failure {
    let mut story = Story::new(Script::new(move |it| async move {
        it.execute(activity("work")).await.map_err(wrap)
    }));
    story.task().fail("1").task();
    recorded(&story)
}

#[test]
fn returned_as_it_was_it_is_recorded_whole() {
    let failure = ends_with(|failure| failure);
    expect![[r#""Activity task failed" (84 bytes) < "it broke" (33 bytes)"#]]
        .assert_eq(&chain(&failure));
    // Neither of these is shown to a guest.
    assert_eq!(failure.cause.expect("a cause").source, "elsewhere");
}

#[test]
fn as_the_causes_of_a_new_one_it_is_recorded_whole() {
    let failure = ends_with(|failure| {
        let ShownFailure { message, stack_trace, info, causes } = failure;
        let mut own = ShownFailure::application("order failed", "Order", true);
        own.causes.push(ShownCause { message, stack_trace, info });
        own.causes.extend(causes);
        own
    });
    expect![[
        r#""order failed" (111 bytes) < "Activity task failed" (84 bytes) < "it broke" (33 bytes)"#
    ]]
    .assert_eq(&chain(&failure));
    let causes: Vec<&str> = failure.chain().map(|f| f.source.as_str()).collect();
    assert_eq!(causes, ["", "", "elsewhere"]);
}

#[test]
fn changed_it_is_what_the_guest_made() {
    let failure = ends_with(|mut failure| {
        failure.message = "changed".into();
        failure
    });
    expect![[r#""changed" (48 bytes) < "it broke" (22 bytes)"#]].assert_eq(&chain(&failure));
}

#[test]
fn only_the_last_256_are_kept() {
    for (later, source) in [(255, "elsewhere"), (256, "")] {
        let mut story = Story::new(Script::new(move |it| async move {
            let first = it.execute(activity("work")).await.expect_err("failed");
            for _ in 0..later {
                let timer = it.start_timer(1);
                it.cancel_timer(timer);
                it.wait_timer(timer).await.expect_err("canceled");
            }
            Err(first)
        }));
        story.task().fail("1").task();
        assert_eq!(recorded(&story).cause.expect("a cause").source, source, "after {later}");
    }
}

/// Works one after the other under one id, so that failures look alike, and returns the failure of
/// one of them.
fn alike(count: usize, returned: usize, message: &str) -> String {
    let mut story = Story::new(Script::new(move |it| async move {
        let mut failures = Vec::new();
        for _ in 0..count {
            let activity_id = Some("mine".into());
            let options = ActivityOptions { activity_id, ..activity("work") };
            failures.push(it.execute(options).await.expect_err("failed"));
        }
        Err(failures.swap_remove(returned))
    }));
    story.task();
    for number in 0..count {
        story.fail_from("mine", &format!("source {number}"), &format!("{number} {message}")).task();
    }
    recorded(&story).cause.expect("a cause").source
}

#[test]
fn of_several_that_look_alike_it_is_the_latest() {
    let mut story = Story::new(Script::new(|it| async move {
        let mut failures = Vec::new();
        for _ in 0..2 {
            let activity_id = Some("mine".into());
            let options = ActivityOptions { activity_id, ..activity("work") };
            failures.push(it.execute(options).await.expect_err("failed"));
        }
        assert_eq!(failures[0], failures[1]);
        Err(failures.swap_remove(0))
    }));
    story.task().fail_from("mine", "first", "m").task().fail_from("mine", "second", "m").task();
    assert_eq!(recorded(&story).cause.expect("a cause").source, "second");
}

#[test]
fn at_most_a_mebibyte_is_kept_the_oldest_forgotten_first() {
    let large = "x".repeat(400 * 1024);
    assert_eq!(alike(2, 0, &large), "source 0");
    assert_eq!(alike(3, 0, &large), "");
    assert_eq!(alike(3, 1, &large), "source 1");
    assert_eq!(alike(9, 8, &large), "source 8");
}

#[test]
fn without_its_root_cause_it_is_what_the_guest_made() {
    let failure = ends_with(|mut failure| {
        failure.causes.clear();
        failure
    });
    assert!(failure.cause.is_none());
}

#[test]
fn every_kind_survives_the_way_there_and_back() {
    let kinds = [
        ShownInfo::Other,
        ShownInfo::Application {
            error_type: "E".into(),
            non_retryable: true,
            details: vec![Payload::json("1")],
            next_retry_delay: Some(std::time::Duration::from_millis(1500)),
            benign: true,
        },
        ShownInfo::Canceled(vec![Payload::json("2")]),
        ShownInfo::Terminated,
        ShownInfo::TimedOut {
            kind: sandglass_core::failure::TimeoutType::Heartbeat,
            last_heartbeat_details: vec![Payload::json("3")],
        },
        ShownInfo::Activity {
            activity_id: "1".into(),
            activity_type: "t".into(),
            retry_state: sandglass_core::failure::RetryState::Timeout,
        },
        ShownInfo::ChildWorkflow {
            workflow_id: "w".into(),
            run_id: "r".into(),
            workflow_type: "t".into(),
            retry_state: sandglass_core::failure::RetryState::InternalServerError,
        },
    ];
    for info in kinds {
        let made = ShownFailure {
            message: "m".into(),
            stack_trace: "s".into(),
            info: info.clone(),
            causes: vec![ShownCause { message: "c".into(), stack_trace: "t".into(), info }],
        };
        let returned = made.clone();
        let mut story = Story::new(Script::new(move |_| {
            let returned = returned.clone();
            async move { Err(returned) }
        }));
        story.task();
        // A run that gets it from an activity sees the same again.
        assert_eq!(ShownFailure::from(&recorded(&story)), made);
    }
}

#[test]
fn canceled_is_told_by_its_nearest_cause() {
    let canceled = ShownCause {
        message: String::new(),
        stack_trace: String::new(),
        info: ShownInfo::Canceled(vec![]),
    };
    let mut failure = ShownFailure::application("", "", false);
    failure.causes.push(canceled.clone());
    assert!(!failure.is_canceled());
    failure.info = ShownInfo::ChildWorkflow {
        workflow_id: String::new(),
        run_id: String::new(),
        workflow_type: String::new(),
        retry_state: sandglass_core::failure::RetryState::Unspecified,
    };
    assert!(failure.is_canceled());
    failure.causes.insert(0, ShownCause { info: ShownInfo::Other, ..canceled });
    assert!(!failure.is_canceled());
    drop(says(""));
}
