//! Histories as they are compared: the order of their events and what decides, without what
//! differs from run to run (times, ids, who served it).

use std::collections::BTreeSet;
use std::fmt::{self, Write};
use std::fs;

use anyhow::{Context, Result};
use sandglass_core::HistoryEvent;
use serde_json::{Map, Value};

use crate::here;

/// The attributes that decide; all others are left out.
const KEPT: [&str; 28] = [
    "activityId",
    "activityType",
    "attempt",
    "cause",
    "details",
    "externalInitiatedEventId",
    "failure",
    "initiatedEventId",
    "initiator",
    "input",
    "latestCancelRequestedEventId",
    "markerName",
    "parentClosePolicy",
    "reason",
    "result",
    "retryState",
    "scheduledEventId",
    "signalName",
    "startToFireTimeout",
    "startedEventId",
    "timeoutType",
    "timerId",
    "workflowTaskCompletedEventId",
    "workflowType",
    "heartbeatTimeout",
    "startToCloseTimeout",
    "scheduleToCloseTimeout",
    "retryPolicy",
];

/// A history without what differs from run to run: each event's type and what decides about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Scrubbed {
    /// In the history's order.
    pub events: Vec<(String, Value)>,
}

/// A history recorded on a real Temporal server, from `data/golden`.
///
/// # Panics
/// If there is none of that name.
#[must_use]
pub fn golden(name: &str) -> Scrubbed {
    let json = golden_json(name).unwrap_or_else(|error| panic!("{error:#}"));
    Scrubbed::of_json(&json)
}

/// The recording itself, as proto3 JSON: `{"events": […]}`.
pub fn golden_json(name: &str) -> Result<Value> {
    let path = here().join("data/golden").join(name).with_extension("json");
    let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("parsing {}", path.display()))
}

/// The names of all recordings.
///
/// # Panics
/// If the folder cannot be read.
#[must_use]
pub fn golden_names() -> Vec<String> {
    let folder = fs::read_dir(here().join("data/golden")).expect("data/golden can be read");
    let mut names: Vec<String> = folder
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter_map(|name| Some(name.strip_suffix(".json")?.to_owned()))
        .collect();
    names.sort();
    names
}

impl Scrubbed {
    /// Of our own events.
    ///
    /// # Panics
    /// If an event cannot be written as JSON, which is a bug in the core.
    #[must_use]
    pub fn of<'a>(events: impl IntoIterator<Item = &'a HistoryEvent>) -> Scrubbed {
        let events: Vec<Value> = events
            .into_iter()
            .map(|event| serde_json::to_value(event).expect("every event has a JSON form"))
            .collect();
        Scrubbed::of_json(&serde_json::json!({ "events": events }))
    }

    /// Of proto3 JSON as Temporal's tools write it.
    #[must_use]
    pub fn of_json(history: &Value) -> Scrubbed {
        let events: &[Value] = history["events"].as_array().map_or(&[], Vec::as_slice);
        let mut ids = BTreeSet::new();
        for event in events {
            collect_ids(event, &mut ids);
        }
        // The longest first: an id may be part of another.
        let mut ids: Vec<String> = ids.into_iter().filter(|id| !id.is_empty()).collect();
        ids.sort_by_key(|id| std::cmp::Reverse(id.len()));
        let events = events.iter().map(|event| scrub_event(event, &ids)).collect();
        Scrubbed { events }
    }

    /// The types of its events, in order.
    #[must_use]
    pub fn types(&self) -> Vec<&str> {
        self.events.iter().map(|(event_type, _)| event_type.as_str()).collect()
    }

    /// As JSON, to be kept in a file: one object an event, its type beside its attributes.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let event = |(event_type, attributes): &(String, Value)| serde_json::json!({ "eventType": event_type, "attributes": attributes });
        self.events.iter().map(event).collect()
    }

    /// Without the workflow's own arguments: a scripted guest's are its script.
    #[must_use]
    pub fn without_input(mut self) -> Scrubbed {
        if let Some((_, Value::Object(started))) = self.events.first_mut() {
            started.remove("input");
        }
        self
    }
}

/// One line an event: `5 TIMER_STARTED {"startToFireTimeout":"3600s","timerId":"1"}`.
impl fmt::Display for Scrubbed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (event_type, attributes)) in self.events.iter().enumerate() {
            writeln!(f, "{} {event_type} {attributes}", index + 1)?;
        }
        Ok(())
    }
}

/// What differs between two histories, event by event; nothing if they are the same.
#[must_use]
pub fn difference(ours: &Scrubbed, theirs: &Scrubbed) -> Option<String> {
    if ours == theirs {
        return None;
    }
    let mut text = String::new();
    for index in 0..ours.events.len().max(theirs.events.len()) {
        let (left, right) = (ours.events.get(index), theirs.events.get(index));
        if left != right {
            let show = |event: Option<&(String, Value)>| {
                event.map_or("(none)".to_owned(), |(name, value)| format!("{name} {value}"))
            };
            let (number, left, right) = (index + 1, show(left), show(right));
            let _ = writeln!(text, "event {number}\n  ours   {left}\n  theirs {right}");
        }
    }
    Some(text)
}

fn scrub_event(event: &Value, ids: &[String]) -> (String, Value) {
    let name = event["eventType"].as_str().unwrap_or("?").trim_start_matches("EVENT_TYPE_");
    let attributes = event.as_object().into_iter().flatten().find_map(|(key, value)| {
        key.ends_with("EventAttributes").then_some(value.as_object()).flatten()
    });
    let kept: Map<String, Value> = attributes
        .into_iter()
        .flatten()
        .filter(|(key, _)| KEPT.contains(&key.as_str()))
        .map(|(key, value)| (key.clone(), scrub(value, ids)))
        .collect();
    (name.to_owned(), Value::Object(kept))
}

fn scrub(value: &Value, ids: &[String]) -> Value {
    match value {
        Value::Object(object) if object.get("data").is_some_and(Value::is_string) => {
            scrub(&payload(object["data"].as_str().unwrap_or_default()), ids)
        }
        Value::Object(object) => Value::Object(scrub_object(object, ids)),
        Value::Array(items) => items.iter().map(|item| scrub(item, ids)).collect(),
        Value::String(text) => Value::String(scrub_text(text, ids)),
        // JSON has one kind of number; languages write `10` and `10.0`.
        Value::Number(number) => number.as_f64().map_or(value.clone(), Value::from),
        Value::Null | Value::Bool(_) => value.clone(),
    }
}

fn scrub_object(object: &Map<String, Value>, ids: &[String]) -> Map<String, Value> {
    let mut out = Map::new();
    for (key, value) in object {
        match key.as_str() {
            // Who made a failure and where in its code.
            "stackTrace" | "source" | "encodedAttributes" | "identity" => {}
            // Python's way to say canceled.
            "applicationFailureInfo" if value["type"] == "CancelledError" => {
                out.insert("canceledFailureInfo".into(), Value::Object(Map::new()));
            }
            _ => {
                out.insert(key.clone(), scrub(value, ids));
            }
        }
    }
    out
}

/// What a payload holds: a JSON value if it is one, else its text.
fn payload(base64: &str) -> Value {
    let bytes = decode_base64(base64);
    match String::from_utf8(bytes) {
        Ok(text) => serde_json::from_str(&text).unwrap_or(Value::String(text)),
        Err(_) => Value::String("(bytes)".into()),
    }
}

/// The bytes that a text in base64 stands for; a character that is none counts as the last one.
#[must_use]
pub fn decode_base64(text: &str) -> Vec<u8> {
    let digit = |c: u8| match c {
        b'A'..=b'Z' => c - b'A',
        b'a'..=b'z' => c - b'a' + 26,
        b'0'..=b'9' => c - b'0' + 52,
        b'+' | b'-' => 62,
        _ => 63,
    };
    let digits: Vec<u8> = text.bytes().filter(|c| *c != b'=').map(digit).collect();
    let group = |chunk: &[u8]| {
        let bits = (0..4).fold(0u32, |n, i| (n << 6) | u32::from(*chunk.get(i).unwrap_or(&0)));
        bits.to_be_bytes()[1..chunk.len()].to_vec()
    };
    digits.chunks(4).flat_map(group).collect()
}

fn collect_ids(value: &Value, ids: &mut BTreeSet<String>) {
    const IDS: [&str; 7] = [
        "originalExecutionRunId",
        "firstExecutionRunId",
        "workflowId",
        "runId",
        "newExecutionRunId",
        "continuedExecutionRunId",
        "requestId",
    ];
    for (key, value) in value.as_object().into_iter().flatten() {
        match value {
            Value::String(id) if IDS.contains(&key.as_str()) => {
                ids.insert(id.clone());
            }
            _ => collect_ids(value, ids),
        }
    }
}

fn scrub_text(text: &str, ids: &[String]) -> String {
    let text = ids.iter().fold(text.to_owned(), |text, id| text.replace(id.as_str(), "ID"));
    without_uuids(&text)
}

/// Run ids of other runs stand in messages, too.
fn without_uuids(text: &str) -> String {
    const LENGTH: usize = 36;
    let is_uuid = |part: &str| {
        part.bytes().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
    };
    let mut out = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let taken = match rest.get(..LENGTH) {
            Some(part) if is_uuid(part) => {
                out.push_str("UUID");
                LENGTH
            }
            _ => {
                out.push(first);
                first.len_utf8()
            }
        };
        rest = &rest[taken..];
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_recording_can_be_read() {
        let names = golden_names();
        assert!(names.len() > 60, "only {} recordings", names.len());
        for name in names {
            let scrubbed = golden(&name);
            assert_eq!(scrubbed.types().first(), Some(&"WORKFLOW_EXECUTION_STARTED"), "{name}");
        }
    }

    #[test]
    fn ids_and_languages_do_not_count_and_results_do() {
        let history = |run_id: &str, data: &str| {
            Scrubbed::of_json(&serde_json::json!({"events": [{
                "eventId": "1",
                "eventType": "EVENT_TYPE_ACTIVITY_TASK_COMPLETED",
                "activityTaskCompletedEventAttributes": {
                    "runId": run_id,
                    "identity": run_id,
                    "scheduledEventId": "5",
                    "result": {"payloads": [{"metadata": {}, "data": data}]},
                },
            }]}))
        };
        // `[10,"run-a"]` and `[10.0, "run-b"]`.
        let (a, b) =
            (history("run-a", "WzEwLCJydW4tYSJd"), history("run-b", "WzEwLjAsICJydW4tYiJd"));
        assert_eq!(difference(&a, &b), None);
        // `[11,"run-b"]`.
        let c = history("run-b", "WzExLCJydW4tYiJd");
        assert!(difference(&a, &c).is_some_and(|text| text.starts_with("event 1\n")));
    }
}
