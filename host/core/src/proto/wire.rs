//! Varints, tags and lengths, and the fields that nobody knows.

use alloc::vec::Vec;
use bytes::Bytes;

/// Why bytes are no protobuf message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// A field begins before the end and ends after it.
    #[error("the message ends in the middle of a field")]
    Truncated,
    /// A varint of more than ten bytes.
    #[error("a number is longer than ten bytes")]
    Overlong,
    /// Groups, or a wire type that does not exist.
    #[error("field {tag} has the wire type {wire_type}, which is not supported")]
    WireType {
        /// The field's number.
        tag: u32,
        /// What its key says.
        wire_type: u8,
    },
    /// The field is there with another wire type than its type has.
    #[error("a field does not have the wire type of its type")]
    Mismatch,
    /// A string that is not UTF-8.
    #[error("a string is not UTF-8")]
    Utf8,
    /// Messages within messages deeper than [`Reader::DEPTH_MAX`].
    #[error("messages are nested too deeply")]
    TooDeep,
    /// The bytes are a message, but not what was expected here.
    #[error("{0} is missing or out of range")]
    Invalid(&'static str),
}

/// A field's value as it stands on the wire.
#[derive(Clone, Debug)]
pub enum Value<'a> {
    /// Integers, booleans and enums.
    Varint(u64),
    /// `double`.
    Fixed64(u64),
    /// `float`.
    Fixed32(u32),
    /// Strings, bytes, messages and packed lists.
    Len(Reader<'a>),
}

/// Walks over the fields of a message.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    source: &'a Bytes,
    at: usize,
    end: usize,
    depth: u8,
}

impl<'a> Reader<'a> {
    /// How deep messages may be nested. A failure's chain of causes is the only thing that nests by itself.
    pub const DEPTH_MAX: u8 = 100;

    /// Over all of `source`.
    pub fn new(source: &'a Bytes) -> Self {
        Reader { source, at: 0, end: source.len(), depth: 0 }
    }

    /// The bytes that are left, sharing the source's memory.
    pub fn bytes(&self) -> Bytes {
        self.source.slice(self.at..self.end)
    }

    /// The bytes that are left.
    pub fn slice(&self) -> &'a [u8] {
        &self.source[self.at..self.end]
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.at >= self.end
    }

    /// The next field's tag and value, or `None` at the end.
    pub fn next_field(&mut self) -> Result<Option<(u32, Value<'a>)>, DecodeError> {
        if self.is_empty() {
            return Ok(None);
        }
        let key = self.varint()?;
        let tag = u32::try_from(key >> 3).map_err(|_| DecodeError::Invalid("a field's number"))?;
        let value = match (key & 7) as u8 {
            0 => Value::Varint(self.varint()?),
            1 => Value::Fixed64(u64::from_le_bytes(self.array()?)),
            2 => {
                let len = usize::try_from(self.varint()?).map_err(|_| DecodeError::Truncated)?;
                Value::Len(self.sub(len)?)
            }
            5 => Value::Fixed32(u32::from_le_bytes(self.array()?)),
            wire_type => return Err(DecodeError::WireType { tag, wire_type }),
        };
        Ok(Some((tag, value)))
    }

    /// Reads a varint.
    pub fn varint(&mut self) -> Result<u64, DecodeError> {
        let mut value = 0u64;
        for shift in (0..70).step_by(7) {
            if self.at >= self.end {
                return Err(DecodeError::Truncated);
            }
            let byte = self.source[self.at];
            self.at += 1;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(DecodeError::Overlong)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let field = self.sub(N)?;
        field.slice().try_into().map_err(|_| DecodeError::Truncated)
    }

    fn sub(&mut self, len: usize) -> Result<Reader<'a>, DecodeError> {
        if self.end - self.at < len {
            return Err(DecodeError::Truncated);
        }
        if self.depth >= Self::DEPTH_MAX {
            return Err(DecodeError::TooDeep);
        }
        let start = self.at;
        self.at += len;
        Ok(Reader { source: self.source, at: start, end: self.at, depth: self.depth + 1 })
    }
}

/// Fields that the code does not know, as they came.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Unknown(Vec<u8>);

impl Unknown {
    /// Keeps a field.
    pub fn push(&mut self, tag: u32, value: &Value<'_>) {
        match value {
            Value::Varint(v) => {
                put_tag(tag, 0, &mut self.0);
                put_varint(*v, &mut self.0);
            }
            Value::Fixed64(v) => {
                put_tag(tag, 1, &mut self.0);
                self.0.extend_from_slice(&v.to_le_bytes());
            }
            Value::Len(reader) => {
                put_tag(tag, 2, &mut self.0);
                put_varint(reader.slice().len() as u64, &mut self.0);
                self.0.extend_from_slice(reader.slice());
            }
            Value::Fixed32(v) => {
                put_tag(tag, 5, &mut self.0);
                self.0.extend_from_slice(&v.to_le_bytes());
            }
        }
    }

    /// The kept fields, ready to be appended to a message.
    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }

    /// Whether nothing was kept.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Appends a varint.
pub fn put_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push((value as u8) | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a field's key.
pub fn put_tag(tag: u32, wire_type: u8, out: &mut Vec<u8>) {
    put_varint((u64::from(tag) << 3) | u64::from(wire_type), out);
}

/// Appends a field of bytes that `fill` writes, its length before it.
pub fn put_len(tag: u32, out: &mut Vec<u8>, fill: impl FnOnce(&mut Vec<u8>)) {
    put_tag(tag, 2, out);
    let at = out.len();
    // One byte is enough for most lengths; a longer one makes room for itself afterwards.
    out.push(0);
    fill(out);
    let len = out.len() - at - 1;
    if len < 0x80 {
        out[at] = len as u8;
        return;
    }
    let mut prefix = Vec::with_capacity(10);
    put_varint(len as u64, &mut prefix);
    out.splice(at..=at, prefix);
}
