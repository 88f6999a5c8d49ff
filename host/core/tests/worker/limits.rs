//! A limit that is hit fails the workflow task, with its cause, and traps the guest there.

use crate::scripted::{Script, Stopped, activity};
use crate::story::{Story, says};
use expect_test::expect;
use sandglass_core::payload::Payload;
use sandglass_core::worker::{ActivityOptions, Limits, Run, ShownFailure};

fn fails(script: Script, limits: Limits) -> String {
    let mut story = Story::with(script, limits);
    story.signal("a").signal("a").signal("a");
    match story.try_task() {
        Err(Stopped::Task(failure)) => {
            assert_eq!(failure.failure.message, failure.to_string());
            format!("{}: {failure}", failure.cause.name())
        }
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("answered"),
    }
}

#[test]
fn sizes() {
    let limits = Limits::default();
    let large = "x".repeat(2 * 1024 * 1024);
    let text = large.clone();
    let input = Script::new(move |it| {
        let input = vec![Payload::json(text.clone())];
        async move { it.execute(ActivityOptions { input, ..activity("work") }).await }
    });
    expect![[r#"PAYLOADS_TOO_LARGE: the input of activity "work" has 2097170 bytes, more than the 2097152 that one may have"#]].assert_eq(&fails(input, limits.clone()));
    let text = large.clone();
    let result = Script::new(move |_| {
        let text = text.clone();
        async move { says(text) }
    });
    expect!["PAYLOADS_TOO_LARGE: the workflow's result has 2097170 bytes, more than the 2097152 that one may have"].assert_eq(&fails(result, limits.clone()));
    let failure = Script::new(move |_| {
        let text = large.clone();
        async move { Err(ShownFailure::application(text, "", false)) }
    });
    expect!["PAYLOADS_TOO_LARGE: the workflow's failure has 2097159 bytes, more than the 2097152 that one may have"].assert_eq(&fails(failure, limits.clone()));
    let published = Script::new(|it| async move {
        it.publish("status", &"x".repeat(64 * 1024));
        says("")
    });
    expect![[r#"PAYLOADS_TOO_LARGE: what is published as "status" has 65560 bytes, more than the 65536 that one may have"#]].assert_eq(&fails(published, limits));
}

#[test]
fn counts() {
    let commands = Script::new(|it| async move {
        loop {
            it.start_timer(1);
        }
    });
    let few = Limits { commands_max: 10, ..Limits::default() };
    expect!["WORKFLOW_WORKER_UNHANDLED_FAILURE: the workflow has more than 10 commands in one workflow task; it may not have more at once"].assert_eq(&fails(commands.clone(), few));
    let few = Limits { operations_max: 10, ..Limits::default() };
    expect!["WORKFLOW_WORKER_UNHANDLED_FAILURE: the workflow has more than 10 operations that are not taken; it may not have more at once"].assert_eq(&fails(commands, few));
    let names = Script::new(|it| async move {
        for n in 0.. {
            it.publish(&format!("name {n}"), "1");
        }
        says("")
    });
    expect!["WORKFLOW_WORKER_UNHANDLED_FAILURE: the workflow has more than 64 published names; it may not have more at once"].assert_eq(&fails(names, Limits::default()));
    let few = Limits { signals_max: 2, ..Limits::default() };
    let idle = Script::new(|_| async move { says("") });
    expect!["WORKFLOW_WORKER_UNHANDLED_FAILURE: the workflow has more than 2 signals that wait; it may not have more at once"].assert_eq(&fails(idle, few));
    let few = Limits { patches_max: 2, ..Limits::default() };
    let patches = Script::new(|it| async move {
        for n in 0.. {
            it.patched(&n.to_string());
        }
        says("")
    });
    expect!["WORKFLOW_WORKER_UNHANDLED_FAILURE: the workflow has more than 2 patches; it may not have more at once"].assert_eq(&fails(patches, few));
}

#[test]
fn what_is_within_the_limits_is_well() {
    let limits = Limits { commands_max: 2, operations_max: 2, signals_max: 1, ..Limits::default() };
    let mut story = Story::with(
        Script::new(|it| async move {
            for n in 0..64 {
                it.publish(&format!("name {n}"), "1");
            }
            it.publish("name 0", "2");
            it.receive("go").await?;
            it.receive("go").await?;
            it.start_timer(1);
            it.start_timer(1);
            says("done")
        }),
        limits,
    );
    story.signal("go").task().signal("go").task();
    expect![[r#"
        -
        StartTimer 1 1s; StartTimer 2 1s; CompleteWorkflowExecution done
    "#]]
    .assert_eq(&story.log);
}

#[test]
fn a_run_that_hit_a_limit_stays_failed() {
    let mut story = Story::new(Script::new(|_| async move { says("") }));
    story.start_task();
    let mut run = Run::new(Limits { operations_max: 0, ..Limits::default() });
    run.feed(&story.events).expect("fed");
    run.next_activation().expect("activated");
    run.on_signal("go").expect_err("a limit");
    let failure = run.parked().expect_err("failed");
    assert_eq!(run.failure(), Some(&failure));
}
