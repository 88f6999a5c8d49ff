//! Values of the WIT to values of the core, and back. Times are rounded here, once.

use super::bindings::workflow::sandglass::workflow::{activities, types};
use bytes::Bytes;
use sandglass_core::Payload;
use sandglass_core::failure::{RetryState, TimeoutType};
use sandglass_core::payload::Priority;
use sandglass_core::policy::RetryPolicy;
use sandglass_core::worker::{
    ActivityOptions, CancellationType, Misuse, ShownCause, ShownFailure, ShownInfo,
};
use std::time::Duration;

/// Longer spans are mistakes: a hundred years of 365.25 days.
const DURATION_MAX_SECONDS: f64 = 100.0 * 365.25 * 86_400.0;

/// A span of time, rounded to the nanosecond.
pub(super) fn duration(seconds: f64, what: &str) -> Result<Duration, Misuse> {
    if !(0.0..=DURATION_MAX_SECONDS).contains(&seconds) {
        return Err(Misuse(format!(
            "{what} is {seconds} seconds; it has to be between 0 and 100 years"
        )));
    }
    let whole = seconds.trunc();
    // The whole seconds are taken off first: a double has room for the nanoseconds of what is left.
    let nanos = ((seconds - whole) * 1e9).round();
    Ok(Duration::from_secs(whole as u64) + Duration::from_nanos(nanos as u64))
}

fn optional_duration(seconds: Option<f64>, what: &str) -> Result<Option<Duration>, Misuse> {
    seconds.map(|seconds| duration(seconds, what)).transpose()
}

pub(super) fn payload(payload: types::Payload) -> Payload {
    match payload {
        types::Payload::Nil => Payload::nil(),
        types::Payload::Json(text) => Payload::json(text),
        types::Payload::Binary(data) => Payload::encoded("binary/plain", data),
        types::Payload::Encoded(encoded) => Payload {
            metadata: encoded
                .metadata
                .into_iter()
                .map(|(key, value)| (key, Bytes::from(value)))
                .collect(),
            data: encoded.data.into(),
            ..Payload::default()
        },
    }
}

pub(super) fn payloads(list: Vec<types::Payload>) -> Vec<Payload> {
    list.into_iter().map(payload).collect()
}

pub(super) fn shown_payload(payload: &Payload) -> types::Payload {
    // More metadata than the encoding would be lost.
    if payload.metadata.len() == 1 {
        match payload.encoding() {
            "binary/null" if payload.data.is_empty() => return types::Payload::Nil,
            "binary/plain" => return types::Payload::Binary(payload.data.to_vec()),
            "json/plain" => {
                if let Ok(text) = std::str::from_utf8(&payload.data) {
                    return types::Payload::Json(text.to_owned());
                }
            }
            _ => {}
        }
    }
    types::Payload::Encoded(types::EncodedPayload {
        metadata: payload
            .metadata
            .iter()
            .map(|(key, value)| (key.clone(), value.to_vec()))
            .collect(),
        data: payload.data.to_vec(),
    })
}

pub(super) fn shown_payloads(payloads: &[Payload]) -> Vec<types::Payload> {
    payloads.iter().map(shown_payload).collect()
}

/// A failure that a guest made or passes on.
pub(super) fn failure(failure: types::Failure) -> Result<ShownFailure, Misuse> {
    Ok(ShownFailure {
        message: failure.message,
        stack_trace: failure.stack_trace,
        info: info(failure.info)?,
        causes: failure
            .causes
            .into_iter()
            .map(|cause| {
                Ok(ShownCause {
                    message: cause.message,
                    stack_trace: cause.stack_trace,
                    info: info(cause.info)?,
                })
            })
            .collect::<Result<_, Misuse>>()?,
    })
}

fn info(info: types::FailureInfo) -> Result<ShownInfo, Misuse> {
    use types::FailureInfo as I;
    Ok(match info {
        I::Other => ShownInfo::Other,
        I::Application(info) => ShownInfo::Application {
            error_type: info.error_type,
            non_retryable: info.non_retryable,
            details: payloads(info.details),
            next_retry_delay: optional_duration(info.next_retry_delay, "next-retry-delay")?,
            benign: info.benign,
        },
        I::Canceled(details) => ShownInfo::Canceled(payloads(details)),
        I::Terminated => ShownInfo::Terminated,
        I::TimedOut(info) => ShownInfo::TimedOut {
            kind: timeout_kind(info.kind),
            last_heartbeat_details: payloads(info.last_heartbeat_details),
        },
        I::Activity(info) => ShownInfo::Activity {
            activity_id: info.activity_id,
            activity_type: info.activity_type,
            retry_state: retry_state(info.retry_state),
        },
        I::ChildWorkflow(info) => ShownInfo::ChildWorkflow {
            workflow_id: info.workflow_id,
            run_id: info.run_id,
            workflow_type: info.workflow_type,
            retry_state: retry_state(info.retry_state),
        },
    })
}

fn timeout_kind(kind: types::TimeoutKind) -> TimeoutType {
    match kind {
        types::TimeoutKind::StartToClose => TimeoutType::StartToClose,
        types::TimeoutKind::ScheduleToStart => TimeoutType::ScheduleToStart,
        types::TimeoutKind::ScheduleToClose => TimeoutType::ScheduleToClose,
        types::TimeoutKind::Heartbeat => TimeoutType::Heartbeat,
    }
}

fn retry_state(state: types::RetryState) -> RetryState {
    use types::RetryState as W;
    match state {
        W::Unspecified => RetryState::Unspecified,
        W::InProgress => RetryState::InProgress,
        W::NonRetryableFailure => RetryState::NonRetryableFailure,
        W::Timeout => RetryState::Timeout,
        W::MaximumAttemptsReached => RetryState::MaximumAttemptsReached,
        W::RetryPolicyNotSet => RetryState::RetryPolicyNotSet,
        W::InternalServerError => RetryState::InternalServerError,
        W::CancelRequested => RetryState::CancelRequested,
    }
}

/// A failure that the host hands to a guest.
pub(super) fn shown_failure(failure: ShownFailure) -> types::Failure {
    types::Failure {
        message: failure.message,
        stack_trace: failure.stack_trace,
        info: shown_info(failure.info),
        causes: failure
            .causes
            .into_iter()
            .map(|cause| types::Cause {
                message: cause.message,
                stack_trace: cause.stack_trace,
                info: shown_info(cause.info),
            })
            .collect(),
    }
}

fn shown_info(info: ShownInfo) -> types::FailureInfo {
    use types::FailureInfo as I;
    match info {
        ShownInfo::Other => I::Other,
        ShownInfo::Application { error_type, non_retryable, details, next_retry_delay, benign } => {
            I::Application(types::ApplicationFailure {
                error_type,
                non_retryable,
                details: shown_payloads(&details),
                next_retry_delay: next_retry_delay.map(|delay| delay.as_secs_f64()),
                benign,
            })
        }
        ShownInfo::Canceled(details) => I::Canceled(shown_payloads(&details)),
        ShownInfo::Terminated => I::Terminated,
        ShownInfo::TimedOut { kind, last_heartbeat_details } => I::TimedOut(types::Timeout {
            kind: shown_timeout_kind(kind),
            last_heartbeat_details: shown_payloads(&last_heartbeat_details),
        }),
        ShownInfo::Activity { activity_id, activity_type, retry_state } => {
            I::Activity(types::ActivityFailure {
                activity_id,
                activity_type,
                retry_state: shown_retry_state(retry_state),
            })
        }
        ShownInfo::ChildWorkflow { workflow_id, run_id, workflow_type, retry_state } => {
            I::ChildWorkflow(types::ChildWorkflowFailure {
                workflow_id,
                run_id,
                workflow_type,
                retry_state: shown_retry_state(retry_state),
            })
        }
    }
}

fn shown_timeout_kind(kind: TimeoutType) -> types::TimeoutKind {
    match kind {
        TimeoutType::ScheduleToStart => types::TimeoutKind::ScheduleToStart,
        TimeoutType::ScheduleToClose => types::TimeoutKind::ScheduleToClose,
        TimeoutType::Heartbeat => types::TimeoutKind::Heartbeat,
        // The core shows no other kind (`ShownInfo::TimedOut`).
        TimeoutType::StartToClose | TimeoutType::Unspecified | TimeoutType::Unknown(_) => {
            types::TimeoutKind::StartToClose
        }
    }
}

fn shown_retry_state(state: RetryState) -> types::RetryState {
    use types::RetryState as W;
    match state {
        RetryState::InProgress => W::InProgress,
        RetryState::NonRetryableFailure => W::NonRetryableFailure,
        RetryState::Timeout => W::Timeout,
        RetryState::MaximumAttemptsReached => W::MaximumAttemptsReached,
        RetryState::RetryPolicyNotSet => W::RetryPolicyNotSet,
        RetryState::InternalServerError => W::InternalServerError,
        RetryState::CancelRequested => W::CancelRequested,
        RetryState::Unspecified | RetryState::Unknown(_) => W::Unspecified,
    }
}

pub(super) fn activity_options(
    activity_type: String,
    input: Vec<types::Payload>,
    options: activities::ActivityOptions,
) -> Result<ActivityOptions, Misuse> {
    Ok(ActivityOptions {
        activity_type,
        input: payloads(input),
        activity_id: options.activity_id,
        task_queue: options.task_queue,
        schedule_to_close_timeout: optional_duration(
            options.schedule_to_close_timeout,
            "schedule-to-close-timeout",
        )?,
        schedule_to_start_timeout: optional_duration(
            options.schedule_to_start_timeout,
            "schedule-to-start-timeout",
        )?,
        start_to_close_timeout: optional_duration(
            options.start_to_close_timeout,
            "start-to-close-timeout",
        )?,
        heartbeat_timeout: optional_duration(options.heartbeat_timeout, "heartbeat-timeout")?,
        retry_policy: options.retry_policy.map(retry_policy).transpose()?,
        cancellation_type: match options.cancellation_type {
            None | Some(activities::CancellationType::TryCancel) => CancellationType::TryCancel,
            Some(activities::CancellationType::WaitCancellationCompleted) => {
                CancellationType::WaitCancellationCompleted
            }
            Some(activities::CancellationType::Abandon) => CancellationType::Abandon,
        },
        summary: options.summary,
        priority: options.priority.map(priority).transpose()?,
    })
}

/// What is left out of a policy is Temporal's default.
fn retry_policy(policy: types::RetryPolicy) -> Result<RetryPolicy, Misuse> {
    let initial = optional_duration(policy.initial_interval, "initial-interval")?
        .unwrap_or(Duration::from_secs(1));
    let maximum = optional_duration(policy.maximum_interval, "maximum-interval")?;
    Ok(RetryPolicy {
        initial_interval: Some(initial),
        backoff_coefficient: policy.backoff_coefficient.unwrap_or(2.0),
        maximum_interval: Some(maximum.unwrap_or_else(|| initial.saturating_mul(100))),
        maximum_attempts: number(policy.maximum_attempts.unwrap_or(0), "maximum-attempts")?,
        non_retryable_error_types: policy.non_retryable_error_types.unwrap_or_default(),
        ..RetryPolicy::default()
    })
}

fn priority(priority: activities::Priority) -> Result<Priority, Misuse> {
    Ok(Priority {
        priority_key: number(priority.priority_key.unwrap_or(0), "priority-key")?,
        fairness_key: priority.fairness_key.unwrap_or_default(),
        fairness_weight: priority.fairness_weight.unwrap_or(0.0),
        ..Priority::default()
    })
}

fn number(number: u32, what: &str) -> Result<i32, Misuse> {
    i32::try_from(number)
        .map_err(|_| Misuse(format!("{what} is {number}; it can be at most {}", i32::MAX)))
}

#[cfg(test)]
mod tests {
    use super::{duration, payload, shown_payload};
    use sandglass_core::Payload;
    use std::time::Duration;

    #[test]
    fn spans_are_rounded_once() {
        assert_eq!(duration(0.1, "d").unwrap(), Duration::from_nanos(100_000_000));
        assert_eq!(duration(1.999_999_999_9, "d").unwrap(), Duration::from_secs(2));
        assert_eq!(duration(-0.0, "d").unwrap(), Duration::ZERO);
        for bad in [-1.0, f64::NAN, f64::INFINITY, 4e9] {
            let misuse = duration(bad, "the span").unwrap_err();
            assert!(misuse.to_string().starts_with("the span is "), "{misuse}");
        }
    }

    #[test]
    fn payloads_come_back_as_they_went() {
        let mut tagged = Payload::json("1");
        tagged.metadata.insert("messageType".into(), "x".into());
        let all = [
            Payload::nil(),
            Payload::json("{}"),
            Payload::encoded("binary/plain", vec![0, 255]),
            Payload::encoded("json/plain", vec![255]),
            Payload::encoded("binary/null", vec![1]),
            Payload::encoded("json/protobuf", vec![]),
            Payload::default(),
            tagged,
        ];
        for original in all {
            assert_eq!(payload(shown_payload(&original)), original);
        }
    }
}
