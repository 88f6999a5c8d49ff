//! What ActivityTaskScheduled says: the command's options, checked, and filled in from and capped by each other (rule 116).

use crate::command::ScheduleActivityTask;
use crate::engine::Limits;
use crate::engine::execution::Execution;
use crate::event::activity::Scheduled;
use crate::payload::TaskQueueKind;
use crate::policy::RetryPolicy;
use alloc::{format, string::String};
use core::time::Duration;

/// The longest wait of a retry policy that does not say, in first waits.
const MAXIMUM_INTERVAL_FACTOR: u32 = 100;

/// The event's attributes, or what is wrong with the command.
pub(in crate::engine) fn normalize(
    command: ScheduleActivityTask,
    execution: &Execution,
    limits: &Limits,
    workflow_task_completed_event_id: i64,
) -> Result<Scheduled, String> {
    check(&command, limits)?;
    let run = execution.info.started.workflow_run_timeout.unwrap_or_default();
    let times = Times::of(&command, run)?;
    let mut task_queue = match command.task_queue {
        Some(queue) if !queue.name.is_empty() => queue,
        _ => execution.info.started.task_queue.clone().unwrap_or_default(),
    };
    if task_queue.kind == TaskQueueKind::Unspecified {
        task_queue.kind = TaskQueueKind::Normal;
    }
    if task_queue.name.chars().count() > limits.id_chars_max {
        return Err(String::from("taskQueue length exceeds limit"));
    }
    Ok(Scheduled {
        activity_id: command.activity_id,
        activity_type: Some(command.activity_type),
        task_queue: Some(task_queue),
        header: command.header,
        input: command.input,
        schedule_to_close_timeout: Some(times.schedule_to_close),
        schedule_to_start_timeout: Some(times.schedule_to_start),
        start_to_close_timeout: Some(times.start_to_close),
        heartbeat_timeout: Some(times.heartbeat),
        workflow_task_completed_event_id,
        retry_policy: Some(policy(command.retry_policy, limits)?),
        priority: command.priority,
        ..Scheduled::default()
    })
}

fn check(command: &ScheduleActivityTask, limits: &Limits) -> Result<(), String> {
    let (id, kind) = (&command.activity_id, &command.activity_type.name);
    if id.is_empty() {
        return Err(format!("ActivityId is not set. ActivityType={kind}"));
    }
    if kind.is_empty() {
        return Err(format!("ActivityType is not set. ActivityID={id}"));
    }
    let limit = limits.id_chars_max;
    for (what, text) in [("ActivityID", id), ("ActivityType", kind)] {
        let length = text.chars().count();
        if length > limit {
            return Err(format!(
                "{what} exceeds length limit. ActivityId={id} ActivityType={kind} Length={length} Limit={limit}"
            ));
        }
    }
    Ok(())
}

/// The four timeouts; nothing long is no end.
struct Times {
    schedule_to_close: Duration,
    schedule_to_start: Duration,
    start_to_close: Duration,
    heartbeat: Duration,
}

impl Times {
    fn of(command: &ScheduleActivityTask, run: Duration) -> Result<Times, String> {
        let some = |duration: Option<Duration>| duration.filter(|duration| !duration.is_zero());
        let close = some(command.schedule_to_close_timeout);
        let start = some(command.schedule_to_start_timeout);
        let attempt = some(command.start_to_close_timeout);
        let (schedule_to_close, schedule_to_start, start_to_close) = match (close, attempt) {
            (Some(close), attempt) => (
                close,
                start.map_or(close, |start| start.min(close)),
                attempt.map_or(close, |attempt| attempt.min(close)),
            ),
            (None, Some(attempt)) => (run, start.unwrap_or(run), attempt),
            (None, None) => {
                return Err(format!(
                    "A valid StartToClose or ScheduleToCloseTimeout is not set on command. ActivityId={} ActivityType={}",
                    command.activity_id, command.activity_type.name
                ));
            }
        };
        let capped = |duration: Duration| {
            if run.is_zero() { duration } else { duration.min(run) }
        };
        let start_to_close = capped(start_to_close);
        let heartbeat = capped(command.heartbeat_timeout.unwrap_or_default());
        Ok(Times {
            schedule_to_close: capped(schedule_to_close),
            schedule_to_start: capped(schedule_to_start),
            start_to_close,
            heartbeat: heartbeat.min(start_to_close),
        })
    }
}

fn policy(given: Option<RetryPolicy>, limits: &Limits) -> Result<RetryPolicy, String> {
    let mut policy = given.unwrap_or_default();
    let first = policy.initial_interval.filter(|first| !first.is_zero());
    let first = first.unwrap_or(limits.retry_initial_interval_default);
    policy.initial_interval = Some(first);
    if policy.backoff_coefficient == 0.0 {
        policy.backoff_coefficient = 2.0;
    }
    if policy.maximum_interval.is_none_or(|maximum| maximum.is_zero()) {
        policy.maximum_interval = Some(first.saturating_mul(MAXIMUM_INTERVAL_FACTOR));
    }
    let wrong = if policy.backoff_coefficient.is_nan() || policy.backoff_coefficient < 1.0 {
        "BackoffCoefficient cannot be less than 1 on retry policy."
    } else if policy.maximum_interval < policy.initial_interval {
        "MaximumInterval cannot be less than InitialInterval on retry policy."
    } else if policy.maximum_attempts < 0 {
        "MaximumAttempts cannot be negative on retry policy."
    } else {
        return Ok(policy);
    };
    Err(String::from(wrong))
}
