//! Writing proto3 JSON, as `temporal workflow show -o json` does: int64 as strings, bytes as base64, enums by name.

use super::{Field, Message, field::MapValue};
use crate::time::Timestamp;
use alloc::{format, string::String};
use core::time::Duration;
use serde::{Serialize, Serializer, ser::SerializeMap};

/// A field's value as JSON.
pub struct Json<'a, T>(pub &'a T);

impl<T: Field> Serialize for Json<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.json(serializer)
    }
}

/// A map's value as JSON.
pub(super) struct Entry<'a, V>(pub(super) &'a V);

impl<V: MapValue> Serialize for Entry<'_, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.json_value(serializer)
    }
}

/// A message as a JSON object.
pub(super) struct Object<'a, M>(pub(super) &'a M);

impl<M: Message> Serialize for Object<'_, M> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        message(self.0, serializer)
    }
}

/// Writes a message as an object.
pub(crate) fn message<M: Message, S: Serializer>(
    message: &M,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(None)?;
    message.entries(&mut map)?;
    map.end()
}

pub(super) fn int32<S: Serializer>(value: i32, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_i32(value)
}

pub(super) fn uint32<S: Serializer>(value: u32, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u32(value)
}

pub(super) fn int64<S: Serializer>(value: i64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&value)
}

pub(super) fn uint64<S: Serializer>(value: u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&value)
}

/// Whole numbers are written without a fraction, as Go does.
pub(super) fn double<S: Serializer>(value: f64, serializer: S) -> Result<S::Ok, S::Error> {
    if value.is_nan() {
        serializer.serialize_str("NaN")
    } else if value.is_infinite() {
        serializer.serialize_str(if value > 0.0 { "Infinity" } else { "-Infinity" })
    } else if value as i64 as f64 == value {
        serializer.serialize_i64(value as i64)
    } else {
        serializer.serialize_f64(value)
    }
}

pub(super) fn base64<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = (0..3).fold(0u32, |n, i| (n << 8) | u32::from(*chunk.get(i).unwrap_or(&0)));
        for i in 0..4 {
            let digit = DIGITS[(group >> (18 - 6 * i)) as usize & 63];
            text.push(if i <= chunk.len() { digit as char } else { '=' });
        }
    }
    serializer.serialize_str(&text)
}

pub(super) fn duration<S: Serializer>(value: Duration, serializer: S) -> Result<S::Ok, S::Error> {
    let (seconds, nanos) = (value.as_secs(), value.subsec_nanos());
    serializer.serialize_str(&match fraction(nanos) {
        None => format!("{seconds}s"),
        Some(digits) => format!("{seconds}.{digits}s"),
    })
}

pub(super) fn timestamp<S: Serializer>(value: Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&value)
}

/// The digits after the point: none, three, six or nine.
pub(crate) fn fraction(nanos: u32) -> Option<String> {
    match nanos {
        0 => None,
        n if n % 1_000_000 == 0 => Some(format!("{:03}", n / 1_000_000)),
        n if n % 1_000 == 0 => Some(format!("{:06}", n / 1_000)),
        n => Some(format!("{n:09}")),
    }
}

/// `scheduled_event_id` → `scheduledEventId`.
pub(crate) fn camel_case(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut upper = false;
    for c in name.trim_start_matches("r#").chars() {
        match c {
            '_' => upper = true,
            c if upper => {
                out.extend(c.to_uppercase());
                upper = false;
            }
            c => out.push(c),
        }
    }
    out
}
