//! How each type of field is written, read and shown.

use super::{DecodeError, Message, Reader, Value, json, put_len, put_tag, put_varint};
use alloc::{boxed::Box, collections::BTreeMap, string::String, vec::Vec};
use bytes::Bytes;
use core::time::Duration;
use serde::Serializer;

use crate::time::Timestamp;

/// The type of a message's field.
pub trait Field: Default {
    /// Whether proto3 leaves it out.
    fn is_empty(&self) -> bool;
    /// Appends the field; callers leave out empty ones.
    fn encode(&self, tag: u32, out: &mut Vec<u8>);
    /// Takes in a value that was read; a repeated field grows by it.
    fn merge(&mut self, value: Value<'_>) -> Result<(), DecodeError>;
    /// Writes the value as proto3 JSON.
    fn json<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error>;
}

macro_rules! varint_field {
    ($($ty:ty => $json:ident),*) => {$(
        impl Field for $ty {
            fn is_empty(&self) -> bool {
                *self == <$ty>::default()
            }
            fn encode(&self, tag: u32, out: &mut Vec<u8>) {
                put_tag(tag, 0, out);
                // Sign extension to 64 bits is what protobuf does with negative int32.
                put_varint(*self as i64 as u64, out);
            }
            fn merge(&mut self, value: Value<'_>) -> Result<(), DecodeError> {
                let Value::Varint(v) = value else { return Err(DecodeError::Mismatch) };
                *self = v as $ty;
                Ok(())
            }
            fn json<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                json::$json(*self, serializer)
            }
        }
    )*};
}
varint_field!(i32 => int32, u32 => uint32, i64 => int64, u64 => uint64);

impl Field for bool {
    fn is_empty(&self) -> bool {
        !*self
    }
    fn encode(&self, tag: u32, out: &mut Vec<u8>) {
        put_tag(tag, 0, out);
        out.push(u8::from(*self));
    }
    fn merge(&mut self, value: Value<'_>) -> Result<(), DecodeError> {
        let Value::Varint(v) = value else { return Err(DecodeError::Mismatch) };
        *self = v != 0;
        Ok(())
    }
    fn json<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bool(*self)
    }
}

impl Field for f64 {
    fn is_empty(&self) -> bool {
        self.to_bits() == 0
    }
    fn encode(&self, tag: u32, out: &mut Vec<u8>) {
        put_tag(tag, 1, out);
        out.extend_from_slice(&self.to_le_bytes());
    }
    fn merge(&mut self, value: Value<'_>) -> Result<(), DecodeError> {
        let Value::Fixed64(v) = value else { return Err(DecodeError::Mismatch) };
        *self = f64::from_bits(v);
        Ok(())
    }
    fn json<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        json::double(*self, serializer)
    }
}

impl Field for f32 {
    fn is_empty(&self) -> bool {
        self.to_bits() == 0
    }
    fn encode(&self, tag: u32, out: &mut Vec<u8>) {
        put_tag(tag, 5, out);
        out.extend_from_slice(&self.to_le_bytes());
    }
    fn merge(&mut self, value: Value<'_>) -> Result<(), DecodeError> {
        let Value::Fixed32(v) = value else { return Err(DecodeError::Mismatch) };
        *self = f32::from_bits(v);
        Ok(())
    }
    fn json<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        json::double(f64::from(*self), serializer)
    }
}

impl Field for String {
    fn is_empty(&self) -> bool {
        String::is_empty(self)
    }
    fn encode(&self, tag: u32, out: &mut Vec<u8>) {
        put_tag(tag, 2, out);
        put_varint(self.len() as u64, out);
        out.extend_from_slice(self.as_bytes());
    }
    fn merge(&mut self, value: Value<'_>) -> Result<(), DecodeError> {
        let Value::Len(reader) = value else { return Err(DecodeError::Mismatch) };
        *self = core::str::from_utf8(reader.slice()).map_err(|_| DecodeError::Utf8)?.into();
        Ok(())
    }
    fn json<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}

impl Field for Bytes {
    fn is_empty(&self) -> bool {
        Bytes::is_empty(self)
    }
    fn encode(&self, tag: u32, out: &mut Vec<u8>) {
        put_tag(tag, 2, out);
        put_varint(self.len() as u64, out);
        out.extend_from_slice(self);
    }
    fn merge(&mut self, value: Value<'_>) -> Result<(), DecodeError> {
        let Value::Len(reader) = value else { return Err(DecodeError::Mismatch) };
        *self = reader.bytes();
        Ok(())
    }
    fn json<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        json::base64(self, serializer)
    }
}

impl<M: Message> Field for Option<M> {
    fn is_empty(&self) -> bool {
        self.is_none()
    }
    fn encode(&self, tag: u32, out: &mut Vec<u8>) {
        if let Some(message) = self {
            put_len(tag, out, |out| message.encode(out));
        }
    }
    fn merge(&mut self, value: Value<'_>) -> Result<(), DecodeError> {
        let Value::Len(reader) = value else { return Err(DecodeError::Mismatch) };
        self.get_or_insert_with(M::default).merge_all(reader)
    }
    fn json<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Some(message) => json::message(message, serializer),
            None => serializer.serialize_none(),
        }
    }
}

impl<M: Message> Field for Vec<M> {
    fn is_empty(&self) -> bool {
        Vec::is_empty(self)
    }
    fn encode(&self, tag: u32, out: &mut Vec<u8>) {
        for message in self {
            put_len(tag, out, |out| message.encode(out));
        }
    }
    fn merge(&mut self, value: Value<'_>) -> Result<(), DecodeError> {
        let Value::Len(reader) = value else { return Err(DecodeError::Mismatch) };
        let mut message = M::default();
        message.merge_all(reader)?;
        self.push(message);
        Ok(())
    }
    fn json<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(json::Object))
    }
}

impl Field for Vec<String> {
    fn is_empty(&self) -> bool {
        Vec::is_empty(self)
    }
    fn encode(&self, tag: u32, out: &mut Vec<u8>) {
        for text in self {
            text.encode(tag, out);
        }
    }
    fn merge(&mut self, value: Value<'_>) -> Result<(), DecodeError> {
        let mut text = String::new();
        text.merge(value)?;
        self.push(text);
        Ok(())
    }
    fn json<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self)
    }
}

impl Field for Vec<u32> {
    fn is_empty(&self) -> bool {
        Vec::is_empty(self)
    }
    fn encode(&self, tag: u32, out: &mut Vec<u8>) {
        put_len(tag, out, |out| self.iter().for_each(|v| put_varint(u64::from(*v), out)));
    }
    fn merge(&mut self, value: Value<'_>) -> Result<(), DecodeError> {
        match value {
            Value::Varint(v) => self.push(v as u32),
            Value::Len(mut packed) => {
                while !packed.is_empty() {
                    self.push(packed.varint()? as u32);
                }
            }
            _ => return Err(DecodeError::Mismatch),
        }
        Ok(())
    }
    fn json<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self)
    }
}

/// A map is a list of messages with a key and a value.
impl<V: MapValue> Field for BTreeMap<String, V> {
    fn is_empty(&self) -> bool {
        BTreeMap::is_empty(self)
    }
    fn encode(&self, tag: u32, out: &mut Vec<u8>) {
        for (key, value) in self {
            put_len(tag, out, |out| {
                key.encode(1, out);
                value.encode_value(out);
            });
        }
    }
    fn merge(&mut self, value: Value<'_>) -> Result<(), DecodeError> {
        let Value::Len(mut reader) = value else { return Err(DecodeError::Mismatch) };
        let (mut key, mut entry) = (String::new(), V::default());
        while let Some((tag, value)) = reader.next_field()? {
            match tag {
                1 => key.merge(value)?,
                2 => entry.merge_value(value)?,
                _ => {}
            }
        }
        self.insert(key, entry);
        Ok(())
    }
    fn json<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter().map(|(key, value)| (key, json::Entry(value))))
    }
}

/// What may be the value of a map, the field 2 of its entries: bytes and messages.
pub trait MapValue: Default {
    /// Appends it.
    fn encode_value(&self, out: &mut Vec<u8>);
    /// Takes in what was read.
    fn merge_value(&mut self, value: Value<'_>) -> Result<(), DecodeError>;
    /// Writes it as proto3 JSON.
    fn json_value<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error>;
}

impl MapValue for Bytes {
    fn encode_value(&self, out: &mut Vec<u8>) {
        self.encode(2, out);
    }
    fn merge_value(&mut self, value: Value<'_>) -> Result<(), DecodeError> {
        self.merge(value)
    }
    fn json_value<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.json(serializer)
    }
}

impl<M: Message> MapValue for M {
    fn encode_value(&self, out: &mut Vec<u8>) {
        put_len(2, out, |out| self.encode(out));
    }
    fn merge_value(&mut self, value: Value<'_>) -> Result<(), DecodeError> {
        let Value::Len(reader) = value else { return Err(DecodeError::Mismatch) };
        self.merge_all(reader)
    }
    fn json_value<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        json::message(self, serializer)
    }
}

impl<M: Message> Message for Box<M> {
    fn encode(&self, out: &mut Vec<u8>) {
        (**self).encode(out);
    }
    fn merge(&mut self, tag: u32, value: Value<'_>) -> Result<(), DecodeError> {
        (**self).merge(tag, value)
    }
    fn entries<S: serde::ser::SerializeMap>(&self, map: &mut S) -> Result<(), S::Error> {
        (**self).entries(map)
    }
}

/// `google.protobuf.Timestamp` and `Duration` are messages on the wire and strings in JSON.
macro_rules! well_known {
    ($ty:ty, $get:expr, $set:expr, $json:path) => {
        impl Field for Option<$ty> {
            fn is_empty(&self) -> bool {
                self.is_none()
            }
            fn encode(&self, tag: u32, out: &mut Vec<u8>) {
                let Some(value) = self else { return };
                let (seconds, nanos): (i64, i32) = $get(*value);
                put_len(tag, out, |out| {
                    if seconds != 0 {
                        seconds.encode(1, out);
                    }
                    if nanos != 0 {
                        nanos.encode(2, out);
                    }
                });
            }
            fn merge(&mut self, value: Value<'_>) -> Result<(), DecodeError> {
                let (seconds, nanos) = seconds_and_nanos(value)?;
                *self = Some($set(seconds, nanos)?);
                Ok(())
            }
            fn json<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self {
                    Some(value) => $json(*value, serializer),
                    None => serializer.serialize_none(),
                }
            }
        }
    };
}

fn seconds_and_nanos(value: Value<'_>) -> Result<(i64, i32), DecodeError> {
    let Value::Len(mut reader) = value else { return Err(DecodeError::Mismatch) };
    seconds_and_nanos_of(&mut reader)
}

fn seconds_and_nanos_of(reader: &mut Reader<'_>) -> Result<(i64, i32), DecodeError> {
    let (mut seconds, mut nanos) = (0i64, 0i32);
    while let Some((tag, value)) = reader.next_field()? {
        match tag {
            1 => seconds.merge(value)?,
            2 => nanos.merge(value)?,
            _ => {}
        }
    }
    Ok((seconds, nanos))
}

well_known!(
    Duration,
    |d: Duration| (d.as_secs().min(i64::MAX as u64) as i64, d.subsec_nanos() as i32),
    |seconds: i64, nanos: i32| match (u64::try_from(seconds), u32::try_from(nanos)) {
        (Ok(seconds), Ok(nanos)) if nanos < 1_000_000_000 => Ok(Duration::new(seconds, nanos)),
        _ => Err(DecodeError::Invalid("a duration")),
    },
    json::duration
);
well_known!(
    Timestamp,
    |t: Timestamp| t.to_seconds_and_nanos(),
    |seconds, nanos| Timestamp::from_seconds_and_nanos(seconds, nanos)
        .ok_or(DecodeError::Invalid("a point in time")),
    json::timestamp
);
