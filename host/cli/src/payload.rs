//! Payloads as people and programs read them.

use sandglass_host::core::{Failure, Payload, Payloads};
use serde_json::{Value, json};

/// Characters of a value that a table shows.
const SHOWN_MAX: usize = 80;

/// The whole value: JSON as it is, other encodings by their name and size.
pub(crate) fn text(payload: &Payload) -> String {
    match (payload.encoding(), std::str::from_utf8(&payload.data)) {
        ("binary/null", _) => "null".into(),
        ("json/plain", Ok(text)) => text.into(),
        ("", _) => format!("<{} bytes>", payload.data.len()),
        (encoding, _) => format!("<{} bytes of {encoding}>", payload.data.len()),
    }
}

/// The value as JSON; what is not JSON goes out as the payload itself, as Temporal prints it.
pub(crate) fn value(payload: &Payload) -> Value {
    match payload.encoding() {
        "binary/null" => Value::Null,
        "json/plain" => serde_json::from_slice(&payload.data)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&payload.data).into_owned())),
        _ => serde_json::to_value(payload).unwrap_or_else(|_| json!(text(payload))),
    }
}

/// Several values in a row, each shortened.
pub(crate) fn shown(payloads: Option<&Payloads>) -> String {
    let payloads = payloads.map_or(&[][..], |payloads| &payloads.payloads);
    payloads.iter().map(|payload| shortened(&text(payload))).collect::<Vec<_>>().join(", ")
}

/// A failure with its causes.
pub(crate) fn failure(failure: &Failure) -> String {
    let messages: Vec<&str> = failure.chain().map(|failure| failure.message.as_str()).collect();
    messages.join(": ")
}

/// One line of it, not too long.
pub(crate) fn shortened(text: &str) -> String {
    let line = text.lines().map(str::trim).collect::<Vec<_>>().join(" ");
    if line.chars().count() <= SHOWN_MAX {
        return line;
    }
    let mut short: String = line.chars().take(SHOWN_MAX - 1).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_shown_in_one_short_line() {
        assert_eq!(shortened("a\n  b"), "a b");
        assert_eq!(shortened(&"ü".repeat(81)).chars().count(), 80);
        assert_eq!(text(&Payload::nil()), "null");
        assert_eq!(text(&Payload::encoded("binary/plain", "ab")), "<2 bytes of binary/plain>");
        assert_eq!(value(&Payload::json("{\"a\":1}")), json!({"a": 1}));
    }
}
