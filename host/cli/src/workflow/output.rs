//! How answers are shown: blocks of names and values, tables, JSON, and points in time.

use crate::payload;
use crate::stdout::print;
use base64::prelude::{BASE64_STANDARD, Engine};
use clap::{Args, ValueEnum};
use comfy_table::{CellAlignment, Table, presets};
use prost::Message;
use prost_types::Timestamp;
use sandglass_host::core;
use sandglass_temporal::message_to_json;
use serde_json::Value;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use temporalio_protos::temporal::api::common::v1::{Payload, Payloads};

/// How answers are shown. The flags are those of Temporal's own command.
#[derive(Args)]
pub(super) struct Output {
    /// The format of what is answered.
    #[arg(short, long, global = true, value_enum, default_value = "text")]
    pub(super) output: Format,
    /// How points in time are shown in text.
    #[arg(long, global = true, value_enum, default_value = "relative")]
    time_format: TimeFormat,
    /// Shows payloads in JSON as they are, not by what is in them.
    #[arg(long, global = true)]
    no_json_shorthand_payloads: bool,
    /// Taken for the sake of scripts: nothing here is colored.
    #[arg(long, global = true, value_name = "WHEN", hide = true, value_parser = ["always", "never", "auto"])]
    color: Option<String>,
    /// Likewise: this command keeps no log.
    #[arg(long, global = true, hide = true, value_parser = ["debug", "info", "warn", "error", "never"])]
    log_level: Option<String>,
    /// Likewise.
    #[arg(long, global = true, hide = true, value_parser = ["text", "json", "pretty"])]
    log_format: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    Text,
    Json,
    /// JSON, each value on one line.
    Jsonl,
    None,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum TimeFormat {
    Relative,
    Iso,
    Raw,
}

/// A block's lines: names and values.
pub(super) type Rows = Vec<(&'static str, String)>;

impl Output {
    pub(super) fn is_text(&self) -> bool {
        self.output == Format::Text
    }

    pub(super) fn is_json(&self) -> bool {
        matches!(self.output, Format::Json | Format::Jsonl)
    }

    /// Text, where text is wanted.
    pub(super) fn line(&self, text: &str) {
        if self.is_text() {
            print(text);
        }
    }

    /// A title and, below it, names and values; where text is wanted.
    pub(super) fn block(&self, title: &str, rows: &[(&'static str, String)]) {
        self.line(&format!("{title}:"));
        self.rows(rows);
    }

    /// Names and values, in two columns; where text is wanted.
    pub(super) fn rows(&self, rows: &[(&'static str, String)]) {
        let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
        for (name, value) in rows {
            self.line(&format!("  {name:width$}  {value}"));
        }
    }

    /// A value, where JSON is wanted.
    pub(super) fn json(&self, value: &Value) {
        match self.output {
            // Alternate formatting is indented, and a value can always be written.
            Format::Json => print(&format!("{value:#}")),
            Format::Jsonl => print(&value.to_string()),
            Format::Text | Format::None => {}
        }
    }

    /// A message as proto3 JSON.
    pub(super) fn message<M: Message>(&self, name: &str, message: &M) -> anyhow::Result<Value> {
        Ok(message_to_json(name, message)?)
    }

    /// The same, with what is in payloads in their place.
    pub(super) fn readable<M: Message>(&self, name: &str, message: &M) -> anyhow::Result<Value> {
        let mut value = self.message(name, message)?;
        if !self.no_json_shorthand_payloads {
            shorten(&mut value);
        }
        Ok(value)
    }

    /// What is in payloads.
    pub(super) fn values(&self, payloads: &[Payload]) -> anyhow::Result<Vec<Value>> {
        let name = "temporal.api.common.v1.Payload";
        payloads.iter().map(|payload| self.readable(name, payload)).collect()
    }

    pub(super) fn time(&self, time: Option<&Timestamp>) -> String {
        let Some(time) = time else { return String::new() };
        match self.time_format {
            TimeFormat::Raw => raw(time),
            TimeFormat::Iso => second(time),
            TimeFormat::Relative => {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                let then = Duration::from_secs(time.seconds.unsigned_abs());
                ago(now.saturating_sub(then).as_secs())
            }
        }
    }
}

/// A message with `metadata` and `data` that is JSON, and says no more of itself, becomes what it says; a list of them becomes the list.
fn shorten(value: &mut Value) {
    match value {
        Value::Array(all) => all.iter_mut().for_each(shorten),
        Value::Object(fields) => {
            if let (1, Some(Value::Array(payloads))) = (fields.len(), fields.get("payloads")) {
                *value = Value::Array(payloads.clone());
                return shorten(value);
            }
            match content(value) {
                Some(content) => *value = content,
                None => {
                    if let Value::Object(fields) = value {
                        fields.values_mut().for_each(shorten);
                    }
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// What is in a payload, if that is one and can be read.
fn content(value: &Value) -> Option<Value> {
    let fields = value.as_object()?;
    let is_payload = fields.keys().all(|key| key == "metadata" || key == "data");
    let metadata = fields.get("metadata").filter(|_| is_payload)?.as_object()?;
    // In proto3 JSON, bytes are in base64. What has more metadata than that, as search attributes have, would lose it.
    if metadata.len() != 1 || metadata.get("encoding")?.as_str()? != "anNvbi9wbGFpbg==" {
        return None;
    }
    let data = fields.get("data").and_then(Value::as_str).unwrap_or_default();
    serde_json::from_slice(&BASE64_STANDARD.decode(data).ok()?).ok()
}

/// A value as lines, each a path and what is there: `input[0].name: value`. What is empty has no line.
pub(super) fn lines(value: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    add_lines(&mut lines, "", value);
    lines
}

fn add_lines(lines: &mut Vec<String>, path: &str, value: &Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let dot = if path.is_empty() { "" } else { "." };
                add_lines(lines, &format!("{path}{dot}{name}"), value);
            }
        }
        Value::Array(values) => {
            for (index, value) in values.iter().enumerate() {
                add_lines(lines, &format!("{path}[{index}]"), value);
            }
        }
        Value::String(text) => lines.push(format!("{path}: {text}")),
        Value::Null | Value::Bool(_) | Value::Number(_) => lines.push(format!("{path}: {value}")),
    }
}

/// Payloads of ours, of which text is shown.
pub(super) fn ours(payloads: Option<&Payloads>) -> Vec<core::Payload> {
    let payloads = payloads.map_or(&[][..], |payloads| &payloads.payloads);
    let of = |payload: &Payload| core::Payload {
        metadata: payload
            .metadata
            .iter()
            .map(|(key, value)| (key.clone(), value.clone().into()))
            .collect(),
        data: payload.data.clone().into(),
        ..core::Payload::default()
    };
    payloads.iter().map(of).collect()
}

/// All of them as text, in a row.
pub(super) fn texts(payloads: Option<&Payloads>) -> String {
    ours(payloads).iter().map(payload::text).collect::<Vec<_>>().join(", ")
}

/// In UTC, to the second.
pub(super) fn second(time: &Timestamp) -> String {
    core::Timestamp(time.seconds.saturating_mul(1_000_000_000)).to_string()
}

/// As Temporal's command writes it: in UTC, to the nanosecond.
fn raw(time: &Timestamp) -> String {
    let second = second(time).replace('T', " ");
    let fraction = format!(".{:09}", time.nanos);
    let fraction = fraction.trim_end_matches('0').trim_end_matches('.');
    format!("{}{fraction} +0000 UTC", second.trim_end_matches('Z'))
}

/// How long ago that is, as people say it.
fn ago(seconds: u64) -> String {
    const UNITS: [(u64, &str); 7] = [
        (365 * 86_400, "year"),
        (30 * 86_400, "month"),
        (7 * 86_400, "week"),
        (86_400, "day"),
        (3_600, "hour"),
        (60, "minute"),
        (1, "second"),
    ];
    match UNITS.iter().find(|(unit, _)| seconds >= *unit) {
        None => "now".into(),
        Some((unit, name)) if seconds / unit == 1 => format!("1 {name} ago"),
        Some((unit, name)) => format!("{} {name}s ago", seconds / unit),
    }
}

/// A duration as Temporal's command shows it: to ten milliseconds.
pub(super) fn took(duration: Duration) -> String {
    let hundredths = (duration.as_millis() + 5) / 10;
    let (minutes, rest) = (hundredths / 6_000, hundredths % 6_000);
    let seconds = format!("{}.{:02}", rest / 100, rest % 100);
    let seconds = seconds.trim_end_matches('0').trim_end_matches('.');
    match (minutes / 60, minutes % 60) {
        (0, 0) if hundredths == 0 => "0s".into(),
        (0, 0) if hundredths < 100 => format!("{}ms", hundredths * 10),
        (0, 0) => format!("{seconds}s"),
        (0, minutes) => format!("{minutes}m{seconds}s"),
        (hours, minutes) => format!("{hours}h{minutes}m{seconds}s"),
    }
}

/// A table with its heads in the middle.
pub(super) fn table<const N: usize>(heads: [&str; N], rows: Vec<[String; N]>) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    let head = |text: &&str| comfy_table::Cell::new(text).set_alignment(CellAlignment::Center);
    table.set_header(heads.iter().map(head));
    table.add_rows(rows);
    let lines: Vec<String> = table.lines().map(|line| format!(" {}", line.trim_end())).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn times_are_told_as_people_tell_them() {
        let said = [0, 1, 59, 60, 7_200, 86_400, 15 * 86_400, 400 * 86_400].map(ago);
        let expected = [
            "now",
            "1 second ago",
            "59 seconds ago",
            "1 minute ago",
            "2 hours ago",
            "1 day ago",
            "2 weeks ago",
            "1 year ago",
        ];
        assert_eq!(said, expected);
        let said = [0, 4, 36, 1_234, 61_500, 3_723_000].map(|it| took(Duration::from_millis(it)));
        assert_eq!(said, ["0s", "0s", "40ms", "1.23s", "1m1.5s", "1h2m3s"]);
    }

    #[test]
    fn raw_times_are_whole() {
        let raw = |nanos| raw(&Timestamp { seconds: 1_795_420_712, nanos });
        assert_eq!(raw(879_181_300), "2026-11-23 07:58:32.8791813 +0000 UTC");
        assert_eq!(raw(0), "2026-11-23 07:58:32 +0000 UTC");
    }

    #[test]
    fn payloads_become_what_is_in_them() {
        let payload =
            |data: &str| json!({"metadata": {"encoding": "anNvbi9wbGFpbg=="}, "data": data});
        let mut value = json!({
            "result": {"payloads": [payload("NDI="), payload("eyJhIjoxfQ==")]},
            "nil": {"metadata": {"encoding": "YmluYXJ5L251bGw="}},
            "typed": {"metadata": {"encoding": "anNvbi9wbGFpbg==", "type": "S2V5d29yZA=="}, "data": "Imsi"},
            "raw": {"metadata": {"encoding": "YmluYXJ5L3BsYWlu"}, "data": "AAE="},
        });
        shorten(&mut value);
        assert_eq!(
            value,
            json!({
                "result": [42, {"a": 1}],
                "nil": {"metadata": {"encoding": "YmluYXJ5L251bGw="}},
                "typed": {"metadata": {"encoding": "anNvbi9wbGFpbg==", "type": "S2V5d29yZA=="}, "data": "Imsi"},
                "raw": {"metadata": {"encoding": "YmluYXJ5L3BsYWlu"}, "data": "AAE="},
            })
        );
    }
}
