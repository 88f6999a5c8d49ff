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
            (Field::Status, Literal::Fraction(_)) => {
                expression(format!("unexpected value type float64 for search attribute {name}"))
            }
            (Field::Time(_), Literal::Text(text)) => match time(&text) {
                Some(time) => Ok(Value::Number(time)),
                None => expression(format!("unable to parse datetime '{text}'")),
            },
            (Field::Duration, Literal::Text(text)) => match duration(&text) {
                Some(nanos) => Ok(Value::Number(nanos)),
                None => expression(format!(
                    "invalid value for search attribute {name}: {text:?} is no duration"
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

/// RFC 3339, as nanoseconds; what they cannot say is as early or late as they can.
fn time(text: &str) -> Option<i64> {
    let time = chrono::DateTime::parse_from_rfc3339(text).ok()?;
    let limit = if time.timestamp() < 0 { i64::MIN } else { i64::MAX };
    Some(time.timestamp_nanos_opt().unwrap_or(limit))
}

/// `1h30m`, `1.5s`, `-2ms`: numbers and their units, as nanoseconds.
fn duration(text: &str) -> Option<i64> {
    const UNITS: [(&str, f64); 7] = [
        // Those that another begins with stand after it.
        ("ns", 1.0),
        ("us", 1e3),
        ("µs", 1e3),
        ("ms", 1e6),
        ("s", 1e9),
        ("m", 60e9),
        ("h", 3_600e9),
    ];
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text),
    };
    let mut nanos = 0.0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let length = rest.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
        let number: f64 = rest[..length].parse().ok()?;
        let (unit, factor) = UNITS.iter().find(|(unit, _)| rest[length..].starts_with(unit))?;
        nanos += number * factor;
        rest = &rest[length + unit.len()..];
    }
    // Saturates, as times do.
    Some((sign * nanos) as i64)
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
        for bad in ["", "noon", "2020-01-01", "2020-01-01T00:00:00", "2020-02-30T00:00:00Z", "é"] {
            assert_eq!(time(bad), None, "{bad}");
        }
        assert_eq!(duration("1h30m"), Some(5_400_000_000_000));
        assert_eq!((duration("1.5s"), duration("-2ms")), (Some(1_500_000_000), Some(-2_000_000)));
        for bad in ["", "-", "5", "1x", "s", "1..5s", "é"] {
            assert_eq!(duration(bad), None, "{bad}");
        }
    }
}
