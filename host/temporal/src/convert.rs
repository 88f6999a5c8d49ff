//! Between the core's messages and those of `temporalio-protos`: the same bytes, written by the one and read by the other.

use crate::refusal::Refusal;
use prost::bytes::Bytes;
use sandglass_host::core::proto::Message;
use sandglass_host::core::{HistoryEvent, Timestamp};
use std::time::Duration;
use temporalio_protos::temporal::api::history::v1 as history;

/// One of ours as one of theirs.
///
/// # Errors
/// The codecs do not agree, which is a defect of ours.
pub(crate) fn to_api<T: prost::Message + Default>(message: &impl Message) -> Result<T, Refusal> {
    read(message.to_bytes())
}

/// [`to_api`], where there is one.
pub(crate) fn some_to_api<T: prost::Message + Default>(
    message: Option<&impl Message>,
) -> Result<Option<T>, Refusal> {
    message.map(to_api).transpose()
}

/// An event as one of theirs.
pub(crate) fn event_to_api(event: &HistoryEvent) -> Result<history::HistoryEvent, Refusal> {
    let mut bytes = Vec::new();
    event.encode(&mut bytes);
    read(bytes.into())
}

fn read<T: prost::Message + Default>(bytes: Bytes) -> Result<T, Refusal> {
    T::decode(bytes).map_err(|error| Refusal::Internal(format!("a message does not fit: {error}")))
}

/// One of theirs as one of ours.
///
/// # Errors
/// It has a value that no message of ours can have, a time out of range for example.
pub(crate) fn from_api<T: Message>(message: &impl prost::Message) -> Result<T, Refusal> {
    T::from_bytes(&message.encode_to_vec().into())
        .map_err(|error| Refusal::Invalid(format!("a field cannot be read: {error}")))
}

/// [`from_api`], where there is one.
pub(crate) fn some_from_api<T: Message>(
    message: Option<&impl prost::Message>,
) -> Result<Option<T>, Refusal> {
    message.map(from_api).transpose()
}

pub(crate) fn time(time: Timestamp) -> prost_types::Timestamp {
    let (seconds, nanos) = time.to_seconds_and_nanos();
    prost_types::Timestamp { seconds, nanos }
}

pub(crate) fn duration(duration: Duration) -> prost_types::Duration {
    prost_types::Duration {
        seconds: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
        nanos: i32::try_from(duration.subsec_nanos()).unwrap_or_default(),
    }
}

/// A timeout that a caller gave; `what` names its field in Temporal's sentence.
pub(crate) fn timeout(
    duration: Option<prost_types::Duration>,
    what: &str,
) -> Result<Option<Duration>, Refusal> {
    let Some(duration) = duration else { return Ok(None) };
    match (u64::try_from(duration.seconds), u32::try_from(duration.nanos)) {
        (Ok(seconds), Ok(nanos)) if nanos < 1_000_000_000 => {
            Ok(Some(Duration::new(seconds, nanos)))
        }
        _ => Err(Refusal::Invalid(format!("An invalid {what} is set on request."))),
    }
}

/// An id that may be missing.
pub(crate) fn non_empty(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use temporalio_protos::temporal::api::common::v1 as common;

    #[test]
    fn a_timeout_is_not_negative() {
        let given = |seconds, nanos| Some(prost_types::Duration { seconds, nanos });
        assert_eq!(timeout(None, "T").ok(), Some(None));
        assert_eq!(timeout(given(1, 5), "T").ok(), Some(Some(Duration::new(1, 5))));
        for (seconds, nanos) in [(-1, 0), (0, -1), (0, 1_000_000_000)] {
            assert!(timeout(given(seconds, nanos), "T").is_err());
        }
    }

    #[test]
    fn both_codecs_write_the_same() {
        let ours = sandglass_host::core::Payload::json("1");
        let theirs: common::Payload = to_api(&ours).expect("it can be read");
        assert_eq!(theirs.metadata["encoding"], b"json/plain");
        let back: sandglass_host::core::Payload = from_api(&theirs).expect("it can be read");
        assert_eq!(back, ours);
    }
}
