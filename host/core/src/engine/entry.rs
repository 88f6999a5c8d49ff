//! Entries as bytes: a batch is a protobuf message of repeated fields, 1 an event, 2 a state change, in the order of the log.

use super::{Entry, StateChange};
use crate::event::HistoryEvent;
use crate::proto::{DecodeError, Reader, Value, put_len};
use alloc::{sync::Arc, vec::Vec};
use bytes::Bytes;

impl Entry {
    /// Appends it to a batch.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Entry::Event(event) => put_len(1, out, |out| event.encode(out)),
            Entry::Change(change) => put_len(2, out, |out| change.encode_fields(out)),
        }
    }

    /// Reads the one entry that fills what is left of `reader`.
    pub fn read(mut reader: Reader<'_>) -> Result<Entry, DecodeError> {
        let entry = next(&mut reader)?.ok_or(DecodeError::Invalid("an entry"))?;
        if reader.is_empty() { Ok(entry) } else { Err(DecodeError::Invalid("the end of an entry")) }
    }
}

fn next(reader: &mut Reader<'_>) -> Result<Option<Entry>, DecodeError> {
    match reader.next_field()? {
        None => Ok(None),
        Some((1, Value::Len(event))) => {
            Ok(Some(Entry::Event(Arc::new(HistoryEvent::read(event)?))))
        }
        Some((2, Value::Len(change))) => Ok(Some(Entry::Change(StateChange::read(change)?))),
        Some(_) => Err(DecodeError::Invalid("the kind of an entry")),
    }
}

/// A batch of entries as bytes.
#[must_use]
pub fn entries_to_bytes(entries: &[Entry]) -> Bytes {
    let mut out = Vec::with_capacity(entries.len() * 128);
    entries.iter().for_each(|entry| entry.encode(&mut out));
    out.into()
}

/// The entries of a batch, in order. After an error there is no more.
pub fn entries_from_bytes(bytes: &Bytes) -> impl Iterator<Item = Result<Entry, DecodeError>> {
    let mut reader = Some(Reader::new(bytes));
    core::iter::from_fn(move || {
        let result = next(reader.as_mut()?).transpose();
        if !matches!(result, Some(Ok(_))) {
            reader = None;
        }
        result
    })
}
