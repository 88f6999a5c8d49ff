//! Whether an activity is tried again, and when (rule 117).

use super::Activity;
use crate::engine::Limits;
use crate::failure::{ApplicationFailureInfo, Failure, FailureInfo, RetryState, TimeoutType};
use crate::policy::RetryPolicy;
use crate::time::Timestamp;
use alloc::string::String;
use core::time::Duration;

/// What stands before the timeout's type in a list of types that are not retried.
const TIMEOUT_PREFIX: &str = "TemporalTimeout:";

impl Activity {
    /// When the next attempt is due after `failure`, or why there is none.
    pub(in crate::engine) fn retry(
        &self,
        failure: &Failure,
        now: Timestamp,
    ) -> Result<Timestamp, RetryState> {
        let policy = self.options().retry_policy.as_ref().ok_or(RetryState::RetryPolicyNotSet)?;
        if self.is_canceling() {
            return Err(RetryState::CancelRequested);
        }
        if let Some(FailureInfo::Timeout(info)) = &failure.info
            && matches!(
                info.timeout_type,
                TimeoutType::ScheduleToStart | TimeoutType::ScheduleToClose
            )
        {
            return Err(RetryState::Timeout);
        }
        if !is_retryable(failure, policy) {
            return Err(RetryState::NonRetryableFailure);
        }
        let attempts_max = i64::from(policy.maximum_attempts);
        if attempts_max > 0 && i64::from(self.attempt) >= attempts_max {
            return Err(RetryState::MaximumAttemptsReached);
        }
        let next = now.after(backoff(failure, policy, self.attempt));
        match self.expiration() {
            Some(expiration) if next > expiration => Err(RetryState::Timeout),
            _ => Ok(next),
        }
    }
}

fn is_retryable(failure: &Failure, policy: &RetryPolicy) -> bool {
    let listed = |name: &str| policy.non_retryable_error_types.iter().any(|listed| listed == name);
    match &failure.info {
        Some(FailureInfo::Terminated(_) | FailureInfo::Canceled(_)) => false,
        Some(FailureInfo::Timeout(info)) => match info.timeout_type {
            TimeoutType::StartToClose => !listed(&alloc::format!("{TIMEOUT_PREFIX}StartToClose")),
            TimeoutType::Heartbeat => !listed(&alloc::format!("{TIMEOUT_PREFIX}Heartbeat")),
            _ => false,
        },
        Some(FailureInfo::Server(info)) => !info.non_retryable,
        Some(FailureInfo::Application(info)) => !info.non_retryable && !listed(&info.r#type),
        Some(
            FailureInfo::ResetWorkflow(_)
            | FailureInfo::Activity(_)
            | FailureInfo::ChildWorkflow(_),
        )
        | None => true,
    }
}

/// How long the next attempt waits after attempt number `attempt`.
fn backoff(failure: &Failure, policy: &RetryPolicy, attempt: u32) -> Duration {
    let maximum = policy.maximum_interval.filter(|maximum| !maximum.is_zero());
    let asked = match &failure.info {
        Some(FailureInfo::Application(info)) => info.next_retry_delay,
        _ => None,
    };
    let interval = match asked.filter(|asked| !asked.is_zero()) {
        Some(asked) => asked,
        None => {
            let first = policy.initial_interval.unwrap_or_default();
            grown(first, policy.backoff_coefficient, attempt)
        }
    };
    maximum.map_or(interval, |maximum| interval.min(maximum))
}

/// `first` × `coefficient` ^ (`attempt` - 1). There is no `powi` without the standard library; the loop ends where nothing grows any more.
fn grown(first: Duration, coefficient: f64, attempt: u32) -> Duration {
    const LONGEST: f64 = 1e9;
    let mut seconds = first.as_secs_f64();
    if coefficient > 1.0 {
        for _ in 1..attempt {
            seconds *= coefficient;
            if seconds >= LONGEST || seconds == 0.0 {
                break;
            }
        }
    }
    Duration::try_from_secs_f64(seconds.min(LONGEST)).unwrap_or(Duration::MAX)
}

/// The failure as it is kept while the activity is tried again: a large one loses its details, its causes and the rest of its texts.
pub(super) fn shortened(failure: Failure, limits: &Limits) -> Failure {
    use crate::proto::Message;
    let most = limits.activity_failure_bytes_max;
    if failure.to_bytes().len() <= most {
        return failure;
    }
    let info = match failure.info {
        Some(FailureInfo::Application(info)) => {
            Some(FailureInfo::Application(ApplicationFailureInfo { details: None, ..info }))
        }
        Some(FailureInfo::Timeout(info)) => {
            Some(FailureInfo::Timeout(crate::failure::TimeoutFailureInfo {
                last_heartbeat_details: None,
                ..info
            }))
        }
        other => other,
    };
    Failure {
        message: cut(failure.message, most / 2),
        source: cut(failure.source, most / 16),
        stack_trace: cut(failure.stack_trace, most / 4),
        info,
        ..Failure::default()
    }
}

fn cut(mut text: String, bytes_max: usize) -> String {
    let mut end = bytes_max.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text
}
