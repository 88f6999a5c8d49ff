//! Protobuf's wire format and proto3 JSON, as much of them as Temporal's messages need.
//!
//! What lives here: the codec, without any message. What does not: the messages (`event`, `failure`, `payload`, …), and reading JSON.
//! Every message keeps the fields that it does not know, so that a history from elsewhere goes out as it came.

mod field;
mod json;
mod macros;
mod wire;

pub use field::Field;
pub use json::Json;
pub(crate) use json::{camel_case, fraction, message as write_message};
pub(crate) use macros::{message, one_of, open_enum};
pub use wire::{DecodeError, Reader, Unknown, Value, put_len, put_tag, put_varint};

use bytes::Bytes;

/// A protobuf message: how its fields are written and read.
pub trait Message: Default + Clone + PartialEq + core::fmt::Debug {
    /// Appends the fields, without a length before them.
    fn encode(&self, out: &mut alloc::vec::Vec<u8>);

    /// Takes in one field that was read. A field that is not known is kept in the message's `unknown`.
    fn merge(&mut self, tag: u32, value: Value<'_>) -> Result<(), DecodeError>;

    /// Writes the fields as entries of a proto3 JSON object.
    fn entries<M: serde::ser::SerializeMap>(&self, map: &mut M) -> Result<(), M::Error>;

    /// The message's bytes.
    fn to_bytes(&self) -> Bytes {
        let mut out = alloc::vec::Vec::new();
        self.encode(&mut out);
        out.into()
    }

    /// Reads a message that fills `bytes`; byte fields share its memory.
    fn from_bytes(bytes: &Bytes) -> Result<Self, DecodeError> {
        let mut message = Self::default();
        message.merge_all(Reader::new(bytes))?;
        Ok(message)
    }

    /// Takes in all fields of `reader`.
    fn merge_all(&mut self, mut reader: Reader<'_>) -> Result<(), DecodeError> {
        while let Some((tag, value)) = reader.next_field()? {
            self.merge(tag, value)?;
        }
        Ok(())
    }
}

/// The alternatives of a protobuf `oneof`.
pub trait OneOf: Sized {
    /// Appends the alternative that is set.
    fn encode(&self, out: &mut alloc::vec::Vec<u8>);

    /// Takes in a field if its tag is one of the alternatives, else gives it back.
    fn merge<'a>(
        slot: &mut Option<Self>,
        tag: u32,
        value: Value<'a>,
    ) -> Result<Option<Value<'a>>, DecodeError>;

    /// Writes the alternative as an entry of a proto3 JSON object.
    fn entry<M: serde::ser::SerializeMap>(&self, map: &mut M) -> Result<(), M::Error>;
}
