//! Answers to workflow tasks: which are refused, and what that writes.

use super::driver::*;
use crate::command::{Command, CommandKind};
use crate::engine::*;
use crate::event::Attributes;
use crate::failure::Failure;
use alloc::{
    boxed::Box,
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};
use expect_test::expect;

#[test]
fn a_closing_command_must_be_the_last() {
    let mut driver = Driver::new();
    let task = driver.start_task();
    let refused = |driver: &mut Driver, commands| {
        driver.answer(&task, commands).expect_err("it is refused").to_string()
    };
    assert_eq!(
        refused(&mut driver, vec![complete(), timer("1", seconds(1))]),
        "invalid command sequence: [CompleteWorkflowExecution, StartTimer], \
         command CompleteWorkflowExecution must be the last command."
    );
    assert_eq!(
        refused(&mut driver, vec![cancel_run(), complete()]),
        "invalid command sequence: [CancelWorkflowExecution, CompleteWorkflowExecution], \
         command CancelWorkflowExecution must be the last command."
    );
    // The task stays started.
    driver.answer(&task, vec![complete()]).unwrap();
}

#[test]
fn what_was_buffered_comes_after_the_commands() {
    let mut driver = Driver::new();
    let task = driver.start_task();
    driver.ok(cancel(""));
    assert!(driver.run.describe().cancel_requested);
    driver.answer(&task, vec![timer("1", seconds(100))]).unwrap();
    driver.task(vec![cancel_run()]);
    expect![[r#"
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled attempt 1 10s
        3 WorkflowTaskStarted
        4 WorkflowTaskCompleted
        5 TimerStarted 1
        6 WorkflowExecutionCancelRequested
        7 WorkflowTaskScheduled attempt 1 10s
        8 WorkflowTaskStarted
        9 WorkflowTaskCompleted
        10 WorkflowExecutionCanceled
    "#]]
    .assert_eq(&driver.history());
}

#[test]
fn a_run_does_not_close_before_its_code_has_seen_all() {
    let fail =
        || CommandKind::FailWorkflowExecution { failure: Failure::application("no", "No", false) };
    let closing: [Command; 3] = [complete(), cancel_run(), fail().into()];
    let text = closing.map(|command| {
        let mut driver = Driver::new();
        let task = driver.start_task();
        driver.ok(signal("s", "1"));
        let refused = driver.answer(&task, vec![timer("1", seconds(1)), command.clone()]);
        assert_eq!(refused.err(), Some(RequestError::UnhandledCommand));
        // While the next task waits, signals are taken; while it runs, they are not (rule 42).
        driver.ok(signal("t", "2"));
        let task = driver.start_task();
        assert_eq!(driver.ask(signal("u", "3")).err(), Some(RequestError::Closing));
        driver.ok(signal("t", "2"));
        driver.ok(cancel(""));
        let refused = driver.answer(&task, vec![command]);
        assert_eq!(refused.err(), Some(RequestError::UnhandledCommand));
        driver.task(vec![timer("1", seconds(1))]);
        driver.ok(signal("v", "4"));
        let _task = driver.start_task();
        driver.ok(signal("w", "5"));
        driver.history()
    });
    assert!(text.iter().all(|it| *it == text[0]));
    expect![[r#"
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled attempt 1 10s
        3 WorkflowTaskStarted
        4 WorkflowTaskFailed UNHANDLED_COMMAND
        5 WorkflowExecutionSignaled s
        6 WorkflowTaskScheduled attempt 1 10s
        7 WorkflowExecutionSignaled t
        8 WorkflowTaskStarted
        9 WorkflowTaskFailed UNHANDLED_COMMAND
        10 WorkflowExecutionCancelRequested
        11 WorkflowTaskScheduled attempt 1 10s
        12 WorkflowTaskStarted
        13 WorkflowTaskCompleted
        14 TimerStarted 1
        15 WorkflowExecutionSignaled v
        16 WorkflowTaskScheduled attempt 1 10s
        17 WorkflowTaskStarted
    "#]]
    .assert_eq(&text[0]);
}

#[test]
fn a_later_attempt_that_may_not_close_leaves_no_event() {
    let mut driver = Driver::new();
    let task = driver.start_task();
    driver.fail(&task).unwrap();
    let task = driver.start_task();
    driver.ok(cancel(""));
    let refused = driver.answer(&task, vec![complete()]);
    assert_eq!(refused.err(), Some(RequestError::UnhandledCommand));
    expect![[r#"
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled attempt 1 10s
        3 WorkflowTaskStarted
        4 WorkflowTaskFailed WORKFLOW_WORKER_UNHANDLED_FAILURE
        5 WorkflowExecutionCancelRequested
        6 WorkflowTaskScheduled attempt 1 10s
    "#]]
    .assert_eq(&driver.history());
}

#[test]
fn bad_commands_fail_the_task_and_record_nothing() {
    let long = || "x".repeat(1_001);
    let cases: Vec<(&str, Vec<Command>)> = vec![
        ("timer twice", vec![timer("1", seconds(1)), timer("1", seconds(1))]),
        ("timer without id", vec![timer("", seconds(1))]),
        ("timer with a long id", vec![timer(&long(), seconds(1))]),
        ("unknown timer", vec![cancel_timer("1")]),
        ("canceled twice", vec![timer("1", seconds(1)), cancel_timer("1"), cancel_timer("1")]),
        ("activity twice", vec![schedule(activity("1")), schedule(activity("1"))]),
        ("activity without id", vec![schedule(activity(""))]),
        ("unknown activity", vec![cancel_activity(3)]),
        ("no activity", vec![cancel_activity(0)]),
        (
            "no timeout",
            vec![schedule(crate::command::ScheduleActivityTask {
                start_to_close_timeout: None,
                ..activity("1")
            })],
        ),
    ];
    let mut text = String::new();
    for (name, mut commands) in cases {
        let mut driver = Driver::new();
        commands.insert(0, timer("other", seconds(1)));
        let task = driver.start_task();
        let Err(RequestError::BadCommand { cause, message }) =
            driver.answer(&task, commands.clone())
        else {
            panic!("{name} is accepted");
        };
        let message = message.replace(&long(), "(long)");
        text += &format!("{name}: {} {message}\n", cause.name());
        assert_eq!(driver.events().len(), 4, "{name}");
        assert!(matches!(driver.events()[3].attributes, Attributes::WorkflowTaskFailed(_)));
        // Later attempts are told, and nothing is written (the task's timeout slows the worker down).
        let task = driver.start_task();
        let before = driver.log.len();
        assert!(driver.answer(&task, commands).is_err(), "{name}");
        assert_eq!(driver.log.len(), before, "{name}");
        driver.answer(&task, vec![complete()]).unwrap();
    }
    expect![[r#"
        timer twice: START_TIMER_DUPLICATE_ID StartTimerDuplicateId: invalid history builder state for action: add-timer-started-event, TimerID: 1
        timer without id: BAD_START_TIMER_ATTRIBUTES BadStartTimerAttributes: TimerId is not set on StartTimerCommand.
        timer with a long id: BAD_START_TIMER_ATTRIBUTES BadStartTimerAttributes: TimerId on StartTimerCommand exceeds length limit. TimerId=(long) Length=1001 Limit=1000
        unknown timer: BAD_CANCEL_TIMER_ATTRIBUTES BadCancelTimerAttributes: invalid history builder state for action: add-timer-canceled-event, TimerID: 1
        canceled twice: BAD_CANCEL_TIMER_ATTRIBUTES BadCancelTimerAttributes: invalid history builder state for action: add-timer-canceled-event, TimerID: 1
        activity twice: SCHEDULE_ACTIVITY_DUPLICATE_ID ScheduleActivityDuplicateId: invalid history builder state for action: add-activitytask-scheduled-event, ActivityID: 1
        activity without id: BAD_SCHEDULE_ACTIVITY_ATTRIBUTES BadScheduleActivityAttributes: ActivityId is not set. ActivityType=A
        unknown activity: BAD_REQUEST_CANCEL_ACTIVITY_ATTRIBUTES BadRequestCancelActivityAttributes: invalid history builder state for action: add-activitytask-cancel-requested-event, ScheduledEventID: 3
        no activity: BAD_REQUEST_CANCEL_ACTIVITY_ATTRIBUTES BadRequestCancelActivityAttributes: ScheduledEventId is not set on RequestCancelActivityTaskCommand.
        no timeout: BAD_SCHEDULE_ACTIVITY_ATTRIBUTES BadScheduleActivityAttributes: A valid StartToClose or ScheduleToCloseTimeout is not set on command. ActivityId=1 ActivityType=A
    "#]].assert_eq(&text);
}

#[test]
fn too_many_pending_activities_fail_the_task() {
    let limits = Limits { pending_activities_max: 2, ..Limits::default() };
    let mut driver = Driver::with(start(), limits);
    let task = driver.start_task();
    let three = || vec![schedule(activity("1")), schedule(activity("2")), schedule(activity("3"))];
    let refused = driver.answer(&task, three()).expect_err("it is refused").to_string();
    assert_eq!(
        refused,
        "PendingActivitiesLimitExceeded: the number of pending activities, 2, \
         has reached the per-workflow limit of 2"
    );
    // One that is canceled before anybody has it makes room.
    driver.task(vec![schedule(activity("1")), schedule(activity("2"))]);
    driver.ok(signal("s", ""));
    driver.task(vec![cancel_activity(8), schedule(activity("3"))]);
    expect![[r#"
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled attempt 1 10s
        3 WorkflowTaskStarted
        4 WorkflowTaskFailed PENDING_ACTIVITIES_LIMIT_EXCEEDED
        5 WorkflowTaskScheduled attempt 2 10s
        6 WorkflowTaskStarted
        7 WorkflowTaskCompleted
        8 ActivityTaskScheduled 1
        9 ActivityTaskScheduled 2
        10 WorkflowExecutionSignaled s
        11 WorkflowTaskScheduled attempt 1 10s
        12 WorkflowTaskStarted
        13 WorkflowTaskCompleted
        14 ActivityTaskCancelRequested of 8
        15 ActivityTaskScheduled 3
        16 ActivityTaskCanceled of 8 started 0 requested 14
        17 WorkflowTaskScheduled attempt 1 10s
    "#]]
    .assert_eq(&driver.history());
}

#[test]
fn what_is_too_large_ends_the_run() {
    let limits = Limits { blob_bytes_max: 100, ..Limits::default() };
    let large = || payloads(&"x".repeat(200));
    let cases: Vec<CommandKind> = vec![
        CommandKind::ScheduleActivityTask(crate::command::ScheduleActivityTask {
            input: large(),
            ..activity("1")
        }),
        CommandKind::CompleteWorkflowExecution { result: large() },
        CommandKind::FailWorkflowExecution {
            failure: Failure::application("x".repeat(200), "X", false),
        },
        CommandKind::CancelWorkflowExecution { details: large() },
        CommandKind::RecordMarker {
            marker_name: "m".into(),
            details: [("d".into(), large().unwrap())].into(),
            header: None,
            failure: None,
        },
    ];
    let mut text = String::new();
    for command in cases {
        let mut driver = Driver::with(start(), limits.clone());
        let task = driver.start_task();
        assert!(driver.answer(&task, vec![command.into()]).is_err());
        let history = driver.history();
        text += history.split_once("3 WorkflowTaskStarted\n").expect("it was started").1;
    }
    expect![[r#"
        4 WorkflowTaskFailed BAD_SCHEDULE_ACTIVITY_ATTRIBUTES
        5 WorkflowExecutionTerminated BadScheduleActivityAttributes: ScheduleActivityTaskCommandAttributes.Input exceeds size limit. by history-service
        4 WorkflowTaskFailed BAD_SCHEDULE_ACTIVITY_ATTRIBUTES
        5 WorkflowExecutionTerminated BadScheduleActivityAttributes: CompleteWorkflowExecutionCommandAttributes.Result exceeds size limit. by history-service
        4 WorkflowTaskFailed BAD_FAIL_WORKFLOW_EXECUTION_ATTRIBUTES
        5 WorkflowExecutionTerminated BadFailWorkflowExecutionAttributes: FailWorkflowExecutionCommandAttributes.Failure exceeds size limit. by history-service
        4 WorkflowTaskFailed BAD_CANCEL_WORKFLOW_EXECUTION_ATTRIBUTES
        5 WorkflowExecutionTerminated BadCancelWorkflowExecutionAttributes: CancelWorkflowExecutionCommandAttributes.Details exceeds size limit. by history-service
        4 WorkflowTaskFailed BAD_RECORD_MARKER_ATTRIBUTES
        5 WorkflowExecutionTerminated BadRecordMarkerAttributes: RecordMarkerCommandAttributes.Details exceeds size limit. by history-service
    "#]].assert_eq(&text);
}

#[test]
fn a_completion_carries_what_decided() {
    let mut driver = Driver::new();
    let task = driver.start_task();
    let metadata = crate::event::workflow_task::SdkMetadata {
        sdk_name: "sandglass".into(),
        ..Default::default()
    };
    let mut command = timer("1", seconds(1));
    let seen = crate::payload::UserMetadata {
        summary: Some(crate::Payload::json("\"a nap\"")),
        ..Default::default()
    };
    command.user_metadata = Some(seen.clone());
    let published = [("progress".into(), crate::Payload::json("1"))].into();
    let completed = crate::task::Completed {
        token: task.token.clone(),
        commands: vec![command],
        metadata: Some(metadata.clone()),
        build_id: "digest".into(),
        identity: "worker".into(),
        published: Some(published),
        force_create_new_task: true,
        ..Default::default()
    };
    let limits = Limits::default();
    let outcome =
        driver.run.handle(Request::CompleteWorkflowTask(Box::new(completed)), &limits, driver.now);
    outcome.reply.unwrap();
    assert_eq!(outcome.transition.published().map(|it| it.len()), Some(1));
    let events: Vec<_> = outcome.transition.events().cloned().collect();
    let Attributes::WorkflowTaskCompleted(completed) = &events[1].attributes else {
        panic!("{:?}", events[1]);
    };
    assert_eq!(completed.sdk_metadata, Some(metadata));
    let stamp = completed.worker_version.as_ref();
    assert_eq!(stamp.map(|stamp| stamp.build_id.as_str()), Some("digest"));
    assert_eq!(events[2].user_metadata, Some(seen));
    assert!(matches!(events[3].attributes, Attributes::WorkflowTaskScheduled(_)));
}
