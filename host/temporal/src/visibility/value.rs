//! What a value in a query means for the field that it is held against.

use super::{BadQuery, Field, status_name};
use sandglass_host::core::policy::WorkflowExecutionStatus;
use temporalio_protos::temporal::api::enums::v1::WorkflowExecutionStatus as ApiStatus;

/// A value as it was written.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Literal {
    Text(String),
    Whole(i64),
    Fraction(f64),
    Bool(bool),
    Null,
    /// The name of a field, which is no value.
    Name(String),
}

/// A value as it is compared.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Text(String),
    Number(i64),
}

impl Literal {
    /// A number as it was written.
    pub(super) fn number(text: &str) -> Option<Literal> {
        match text.parse() {
            Ok(whole) => Some(Literal::Whole(whole)),
            Err(_) => text.parse().ok().map(Literal::Fraction),
        }
    }

    /// What it means for a field of that name.
    ///
    /// # Errors
    /// It is no value of that field.
    pub(super) fn of(self, name: &str, field: Field) -> Result<Value, BadQuery> {
        let expression = |text: String| Err(BadQuery::Expression(text));
        match (field, self) {
            (_, Literal::Name(word)) => Err(BadQuery::NotSupported(format!(
                "column name on the right side of comparison expression (did you forget to quote \"{word}\"?)"
            ))),
            (_, Literal::Null) => expression("unexpected value type *sqlparser.NullVal".into()),
            (Field::Text(_), Literal::Text(text)) => Ok(Value::Text(text)),
            (Field::Status, Literal::Text(text)) => match status(&text) {
                Some(status) => Ok(Value::Number(status.number().into())),
                None => expression(format!("invalid ExecutionStatus value '{text}'")),
            },
            (Field::Status, Literal::Whole(number)) => match number {
                0..=8 => Ok(Value::Number(number)),
                _ => expression(format!("invalid ExecutionStatus value {number}")),
            },
            (Field::Status | Field::Duration, Literal::Fraction(_)) => {
                expression(format!("unexpected value type float64 for search attribute {name}"))
            }
            (Field::Time(_), Literal::Text(text)) => match time(&text) {
                Some(time) => Ok(Value::Number(time)),
                None => expression(format!("unable to parse datetime '{text}'")),
            },
            (Field::Duration, Literal::Text(text)) => match duration(&text) {
                Some(nanos) => Ok(Value::Number(nanos)),
                None => expression(format!(
                    "invalid duration value for search attribute {name}: {text}"
                )),
            },
            (Field::Time(_) | Field::Duration | Field::Number(_), Literal::Whole(number)) => {
                Ok(Value::Number(number))
            }
            (field, literal) => {
                let (shown, its_type) = literal.shown();
                let wanted = field.type_name();
                expression(format!(
                    "invalid value type for search attribute {name} of type {wanted}: {shown} (type: {its_type})"
                ))
            }
        }
    }

    /// As Temporal shows it, and the name of its type.
    fn shown(&self) -> (String, &'static str) {
        match self {
            Literal::Text(text) => (format!("{text:?}"), "string"),
            Literal::Whole(number) => (number.to_string(), "int64"),
            Literal::Fraction(number) => (number.to_string(), "float64"),
            Literal::Bool(it) => (it.to_string(), "bool"),
            Literal::Null => ("null".into(), "null"),
            Literal::Name(name) => (name.clone(), "name"),
        }
    }
}

/// By the name in queries, or by that of the protocol.
fn status(name: &str) -> Option<WorkflowExecutionStatus> {
    let protocol = ApiStatus::from_str_name(name).map(|it| it as i32);
    (1..=8)
        .map(WorkflowExecutionStatus::from_number)
        .find(|it| status_name(*it) == name || Some(it.number()) == protocol)
}

/// RFC 3339 as Temporal reads it, with capital letters and without leap seconds, as nanoseconds; what they cannot say is as early or late
/// as they can.
fn time(text: &str) -> Option<i64> {
    let time = chrono::DateTime::parse_from_rfc3339(text).ok()?;
    let is_leap = time.timestamp_subsec_nanos() >= 1_000_000_000;
    if is_leap || !text.contains('T') || text.ends_with('z') {
        return None;
    }
    let limit = if time.timestamp() < 0 { i64::MIN } else { i64::MAX };
    Some(time.timestamp_nanos_opt().unwrap_or(limit))
}

/// As nanoseconds: a whole number of them, hours, minutes and seconds as on a clock, or numbers and their units.
fn duration(text: &str) -> Option<i64> {
    if let Ok(nanos) = text.parse() {
        return Some(nanos);
    }
    let nanos = if text.contains(':') { clock(text)? } else { units(text)? };
    // More than can be said.
    (nanos.abs() < i64::MAX as f64).then_some(nanos as i64)
}

/// `1:02:03`, `100:00:00.5`.
fn clock(text: &str) -> Option<f64> {
    let mut parts = text.split(':');
    let (hours, minutes, seconds) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || hours.contains('.') || minutes.contains('.') {
        return None;
    }
    let [hours, minutes, seconds] = [number(hours)?, number(minutes)?, number(seconds)?];
    let is_clock = minutes < 60.0 && seconds < 60.0;
    is_clock.then_some((hours * 3_600.0 + minutes * 60.0 + seconds) * 1e9)
}

/// `1h30m`, `1.5s`, `-2ms`, `1d`.
fn units(text: &str) -> Option<f64> {
    const UNITS: [(&str, f64); 9] = [
        // Those that another begins with stand after it.
        ("ns", 1.0),
        ("us", 1e3),
        // The sign for micro, and the Greek letter.
        ("\u{b5}s", 1e3),
        ("\u{3bc}s", 1e3),
        ("ms", 1e6),
        ("s", 1e9),
        ("m", 60e9),
        ("h", 3_600e9),
        ("d", 86_400e9),
    ];
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    let mut nanos = 0.0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let length = rest.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
        let (unit, factor) = UNITS.iter().find(|(unit, _)| rest[length..].starts_with(unit))?;
        nanos += number(&rest[..length])? * factor;
        rest = &rest[length + unit.len()..];
    }
    Some(sign * nanos)
}

/// Digits, and perhaps a point.
fn number(text: &str) -> Option<f64> {
    let is_number = text.chars().all(|c| c.is_ascii_digit() || c == '.');
    text.parse().ok().filter(|_| is_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_durations() {
        assert_eq!(time("1970-01-01T00:00:01.5Z"), Some(1_500_000_000));
        assert_eq!(time("1970-01-01T02:00:00+02:00"), Some(0));
        assert_eq!(time("9999-01-01T00:00:00Z"), Some(i64::MAX));
        assert_eq!(time("0001-01-01T00:00:00Z"), Some(i64::MIN));
        for bad in [
            "",
            "noon",
            "2020-01-01",
            "2020-01-01T00:00:00",
            "2020-02-30T00:00:00Z",
            "2020-01-01 00:00:00Z",
            "2020-01-01t00:00:00z",
            "2020-01-01T00:00:00+0200",
            "2020-01-01T00:00:60Z",
            "é",
        ] {
            assert_eq!(time(bad), None, "{bad}");
        }
        assert_eq!(duration("1h30m"), Some(5_400_000_000_000));
        assert_eq!((duration("1.5s"), duration("-2ms")), (Some(1_500_000_000), Some(-2_000_000)));
        assert_eq!((duration("5"), duration("-5"), duration("+5")), (Some(5), Some(-5), Some(5)));
        let day = 86_400_000_000_000;
        assert_eq!((duration("1d"), duration("2h1.5d")), (Some(day), Some(day * 3 / 2 + day / 12)));
        assert_eq!(
            (duration("01:00:00"), duration("24:00:0.5")),
            (Some(day / 24), Some(day + 500_000_000))
        );
        assert_eq!((duration(".5s"), duration("+5.s")), (Some(500_000_000), Some(5_000_000_000)));
        assert_eq!((duration("5\u{b5}s"), duration("5\u{3bc}s")), (Some(5_000), Some(5_000)));
        for bad in [
            "",
            "-",
            "1x",
            "s",
            "1..5s",
            "1w",
            "1h30",
            "1D",
            "5.5",
            " 5",
            "5 s",
            ".s",
            "d",
            "-01:02:03",
            "1:60:00",
            "10:00:60",
            "60:00",
            "1:2:3:4",
            ":1:1",
            "1.5:00:00",
            "106752d",
            "9223372036854775808",
            "infs",
            "é",
        ] {
            assert_eq!(duration(bad), None, "{bad}");
        }
    }
}
