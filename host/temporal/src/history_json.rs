//! Histories as JSON: what `temporal workflow show -o json`, the SDKs and the UI export, and what we export.
//!
//! What lives here: proto3 JSON of `temporal.api.history.v1.History` in both directions, the enum names that older exports have included.
//! Everything is read by Temporal's descriptors, so events that have no machine here come through whole. What does not: files.

use crate::json::{DESCRIPTORS, whole_numbers};
use prost::Message;
use prost_reflect::{DeserializeOptions, DynamicMessage, EnumDescriptor, Kind, MessageDescriptor};
use sandglass_host::History;
use sandglass_host::core::HistoryEvent;
use serde_json::{Map, Value};
use std::sync::Arc;

/// Why a text is no history.
#[derive(Debug, thiserror::Error)]
pub enum HistoryJsonError {
    /// It is no JSON.
    #[error("it is no JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// It is JSON of something else.
    #[error(
        "it is no history: give an object with `events`, or an array of them, as `temporal workflow show -o json` prints it"
    )]
    NotAHistory,
    /// One of its events cannot be read.
    #[error("event {number}, counted from 1, cannot be read: {why}")]
    Event {
        /// Which, from 1.
        number: usize,
        /// Why not.
        why: String,
    },
}

/// Reads a history.
///
/// # Errors
/// The text is no history; the first event that cannot be read is named. Fields that Temporal's API has been given since are passed over.
pub fn history_from_json(text: &str) -> Result<History, HistoryJsonError> {
    let events = match serde_json::from_str(text)? {
        Value::Array(events) => events,
        Value::Object(mut history) => {
            // An answer with a history in it, `sandglass run --history -o json`'s for example.
            if let Some(Value::Object(within)) = history.remove("history") {
                history = within;
            }
            match history.remove("events") {
                Some(Value::Array(events)) => events,
                _ => return Err(HistoryJsonError::NotAHistory),
            }
        }
        _ => return Err(HistoryJsonError::NotAHistory),
    };
    let read = |(index, event)| {
        let event = event_from_json(event);
        event.map(Arc::new).map_err(|why| HistoryJsonError::Event { number: index + 1, why })
    };
    let events = events.into_iter().enumerate().map(read).collect::<Result<_, _>>()?;
    Ok(History { events })
}

/// Writes a history as `temporal workflow show -o json` does.
///
/// # Errors
/// The event that cannot be written: one with bytes that are no attributes.
pub fn history_to_json(history: &History) -> Result<Value, HistoryJsonError> {
    let write = |(index, event): (usize, &Arc<HistoryEvent>)| {
        event_to_json(event).map_err(|why| HistoryJsonError::Event { number: index + 1, why })
    };
    let events = history.events.iter().enumerate().map(write).collect::<Result<Vec<_>, _>>()?;
    Ok(Value::Object(Map::from_iter([("events".to_owned(), Value::Array(events))])))
}

fn descriptor() -> MessageDescriptor {
    DESCRIPTORS
        .get_message_by_name("temporal.api.history.v1.HistoryEvent")
        .expect("events are among Temporal's messages, and a test reads some")
}

fn event_from_json(mut event: Value) -> Result<HistoryEvent, String> {
    rename_enums(&mut event, &descriptor());
    let options = DeserializeOptions::new().deny_unknown_fields(false);
    let message = DynamicMessage::deserialize_with_options(descriptor(), event, &options)
        .map_err(|error| error.to_string())?;
    HistoryEvent::from_bytes(&message.encode_to_vec().into()).map_err(|error| error.to_string())
}

fn event_to_json(event: &HistoryEvent) -> Result<Value, String> {
    let message =
        DynamicMessage::decode(descriptor(), event.to_bytes()).map_err(|e| e.to_string())?;
    let mut json = serde_json::to_value(&message).map_err(|error| error.to_string())?;
    whole_numbers(&mut json);
    Ok(json)
}

/// Gives enums the names that proto3 JSON has for them: exports from before 2024 have `TimerFired` for `EVENT_TYPE_TIMER_FIRED`.
fn rename_enums(json: &mut Value, message: &MessageDescriptor) {
    let Value::Object(fields) = json else { return };
    for (name, value) in fields.iter_mut() {
        let field =
            message.get_field_by_json_name(name).or_else(|| message.get_field_by_name(name));
        let Some(field) = field else { continue };
        let kind = match field.is_map() {
            true => match field.kind() {
                Kind::Message(entry) => entry.map_entry_value_field().kind(),
                other => other,
            },
            false => field.kind(),
        };
        let values: Vec<&mut Value> = match value {
            Value::Array(values) => values.iter_mut().collect(),
            Value::Object(values) if field.is_map() => values.values_mut().collect(),
            value => vec![value],
        };
        for value in values {
            match &kind {
                // Well-known types have a JSON of their own, without names of enums.
                Kind::Message(message) if message.package_name() != "google.protobuf" => {
                    rename_enums(value, message);
                }
                Kind::Enum(kind) => rename_enum(value, kind),
                _ => {}
            }
        }
    }
}

fn rename_enum(value: &mut Value, kind: &EnumDescriptor) {
    let Value::String(name) = value else { return };
    if kind.get_value_by_name(name).is_some() {
        return;
    }
    let zero = kind.default_value();
    let Some(prefix) = zero.name().strip_suffix("UNSPECIFIED") else { return };
    let full = format!("{prefix}{}", screaming_snake_case(name));
    if kind.get_value_by_name(&full).is_some() {
        *name = full;
    }
}

fn screaming_snake_case(name: &str) -> String {
    let mut full = String::with_capacity(name.len() + 8);
    for (index, letter) in name.chars().enumerate() {
        if letter.is_ascii_uppercase() && index > 0 {
            full.push('_');
        }
        full.push(letter.to_ascii_uppercase());
    }
    full
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_of_older_exports_are_understood() {
        let old = json!([
            {
                "eventId": "1",
                "eventTime": "2023-05-04T03:02:01Z",
                "eventType": "WorkflowExecutionStarted",
                "workflowExecutionStartedEventAttributes": {
                    "workflowType": { "name": "w" },
                    "taskQueue": { "name": "q", "kind": "Normal" },
                    "initiator": "CronSchedule",
                    "continuedFailure": {
                        "message": "late",
                        "timeoutFailureInfo": { "timeoutType": "StartToClose" },
                        "cause": { "activityFailureInfo": { "retryState": "MaximumAttemptsReached" } },
                    },
                    "memo": { "fields": { "a": { "data": "MQ==" } } },
                },
            },
        ]);
        let history = history_from_json(&old.to_string()).expect("it is read");
        let new = history_to_json(&history).expect("it is written");
        let event = &new["events"][0];
        assert_eq!(event["eventType"], "EVENT_TYPE_WORKFLOW_EXECUTION_STARTED");
        let started = &event["workflowExecutionStartedEventAttributes"];
        assert_eq!(started["taskQueue"]["kind"], "TASK_QUEUE_KIND_NORMAL");
        assert_eq!(started["initiator"], "CONTINUE_AS_NEW_INITIATOR_CRON_SCHEDULE");
        let failure = &started["continuedFailure"];
        assert_eq!(failure["timeoutFailureInfo"]["timeoutType"], "TIMEOUT_TYPE_START_TO_CLOSE");
        assert_eq!(
            failure["cause"]["activityFailureInfo"]["retryState"],
            "RETRY_STATE_MAXIMUM_ATTEMPTS_REACHED"
        );
        assert_eq!(history_from_json(&new.to_string()).expect("it is read again"), history);
    }

    #[test]
    fn what_is_no_history_is_refused() {
        for text in ["", "{", "7", "{}", "{\"events\": 7}"] {
            assert!(history_from_json(text).is_err(), "{text} was taken");
        }
        let wrong = json!({ "events": [{ "eventId": "1", "eventTime": "yesterday" }] });
        let error = history_from_json(&wrong.to_string()).expect_err("a time that is none");
        assert!(error.to_string().starts_with("event 1,"), "{error}");
    }
}
