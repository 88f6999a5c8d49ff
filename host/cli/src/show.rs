//! A history as a table: when what happened, and what decided. As `temporal workflow show` has it, with the deciding attributes.

use crate::payload::{self, shortened};
use comfy_table::{Table, presets};
use sandglass_host::History;
use sandglass_host::core::event::Attributes as A;
use sandglass_host::core::payload::{ActivityType, Payloads};
use sandglass_host::core::{Failure, HistoryEvent, Timestamp};
use std::time::Duration;

/// The history as lines of text, the last one without its end.
pub(crate) fn history(history: &History) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header(["ID", "Time", "Event", "Details"]);
    for event in &history.events {
        table.add_row([
            event.event_id.to_string(),
            time(event.event_time),
            event.attributes.name().to_owned(),
            details(event),
        ]);
    }
    let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n")
}

/// To the millisecond, always as many characters.
pub(crate) fn time(time: Timestamp) -> String {
    let millis = time.0.rem_euclid(1_000_000_000) / 1_000_000;
    let second = Timestamp(time.0 - time.0.rem_euclid(1_000_000_000)).to_string();
    format!("{}.{millis:03}Z", second.trim_end_matches('Z'))
}

/// `3s`, `1.500s`, `2m`.
pub(crate) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if duration.subsec_millis() != 0 {
        format!("{seconds:.3}s")
    } else if duration.as_secs() >= 60 && duration.as_secs().is_multiple_of(60) {
        format!("{}m", duration.as_secs() / 60)
    } else {
        format!("{seconds:.0}s")
    }
}

/// What of an event tells people something.
fn details(event: &HistoryEvent) -> String {
    match &event.attributes {
        A::WorkflowExecutionStarted(started) => {
            let name = started.workflow_type.as_ref().map_or("", |kind| &kind.name);
            call(name, started.input.as_ref())
        }
        A::WorkflowExecutionCompleted(e) => payload::shown(e.result.as_ref()),
        A::WorkflowExecutionFailed(e) => failed(e.failure.as_ref(), e.retry_state.name()),
        A::WorkflowExecutionTimedOut(e) => e.retry_state.name().into(),
        A::WorkflowExecutionCancelRequested(e) => shortened(&e.cause),
        A::WorkflowExecutionCanceled(e) => payload::shown(e.details.as_ref()),
        A::WorkflowExecutionTerminated(e) => {
            joined([shortened(&e.reason), payload::shown(e.details.as_ref())])
        }
        A::WorkflowExecutionSignaled(e) => call(&e.signal_name, e.input.as_ref()),
        A::WorkflowTaskScheduled(e) if e.attempt > 1 => format!("attempt {}", e.attempt),
        A::WorkflowTaskFailed(e) => failed(e.failure.as_ref(), e.cause.name()),
        A::WorkflowTaskTimedOut(e) => e.timeout_type.name().into(),
        A::ActivityTaskScheduled(e) => joined([
            format!("activity {}", e.activity_id),
            call(activity_name(e.activity_type.as_ref()), e.input.as_ref()),
        ]),
        A::ActivityTaskStarted(e) => {
            let last = e.last_failure.as_ref().map(payload::failure).unwrap_or_default();
            joined([of(e.scheduled_event_id), format!("attempt {}", e.attempt), shortened(&last)])
        }
        A::ActivityTaskCompleted(e) => {
            joined([of(e.scheduled_event_id), payload::shown(e.result.as_ref())])
        }
        A::ActivityTaskFailed(e) => {
            joined([of(e.scheduled_event_id), failed(e.failure.as_ref(), e.retry_state.name())])
        }
        A::ActivityTaskTimedOut(e) => {
            joined([of(e.scheduled_event_id), failed(e.failure.as_ref(), e.retry_state.name())])
        }
        A::ActivityTaskCancelRequested(e) => of(e.scheduled_event_id),
        A::ActivityTaskCanceled(e) => {
            joined([of(e.scheduled_event_id), payload::shown(e.details.as_ref())])
        }
        A::TimerStarted(e) => {
            let time = e.start_to_fire_timeout.map(duration).unwrap_or_default();
            joined([format!("timer {}", e.timer_id), time])
        }
        A::TimerFired(e) => format!("timer {}", e.timer_id),
        A::TimerCanceled(e) => format!("timer {}", e.timer_id),
        A::MarkerRecorded(e) => e.marker_name.clone(),
        A::Other(other) => format!("event type {}", other.event_type),
        _ => String::new(),
    }
}

fn activity_name(kind: Option<&ActivityType>) -> &str {
    kind.map_or("", |kind| &kind.name)
}

fn call(name: &str, input: Option<&Payloads>) -> String {
    format!("{name}({})", payload::shown(input))
}

/// Names the event that this one goes back to.
fn of(event_id: i64) -> String {
    format!("of {event_id}")
}

fn failed(failure: Option<&Failure>, why: &str) -> String {
    let message = failure.map(payload::failure).unwrap_or_default();
    joined([why.to_owned(), shortened(&message)])
}

fn joined<const N: usize>(parts: [String; N]) -> String {
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_digits() {
        assert_eq!(time(Timestamp(5_000_000)), "1970-01-01T00:00:00.005Z");
        assert_eq!(time(Timestamp(1_000_000_000)), "1970-01-01T00:00:01.000Z");
        assert_eq!(duration(Duration::from_millis(1500)), "1.500s");
        assert_eq!(duration(Duration::from_secs(3600)), "60m");
        assert_eq!(duration(Duration::from_secs(61)), "61s");
    }
}
