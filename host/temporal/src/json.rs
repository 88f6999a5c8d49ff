//! Temporal's messages as proto3 JSON, by their descriptors.
//!
//! What does not live here: histories, whose older forms are read as well (`history_json`).

use prost_reflect::{DescriptorPool, DynamicMessage};
use serde_json::Value;
use std::sync::LazyLock;

/// Temporal's messages, as `temporalio-protos` publishes them.
pub(crate) static DESCRIPTORS: LazyLock<DescriptorPool> = LazyLock::new(|| {
    DescriptorPool::decode(&include_bytes!(env!("TEMPORAL_DESCRIPTORS"))[..])
        .expect("the descriptors are from the build, and a test reads them")
});

/// Why a message has no JSON.
#[derive(Debug, thiserror::Error)]
pub enum MessageJsonError {
    /// No message of Temporal's has that name.
    #[error("no message of Temporal's is named {0}")]
    Unknown(String),
    /// The message is another than its name says.
    #[error("the message is no {name}: {why}")]
    Malformed {
        /// What it was to be.
        name: String,
        /// What is wrong.
        why: String,
    },
}

/// Writes the message of that full name as proto3 JSON, as Temporal's own tools do.
///
/// # Errors
/// There is no such message, or it is another.
pub fn message_to_json<M: prost::Message>(
    name: &str,
    message: &M,
) -> Result<Value, MessageJsonError> {
    let descriptor = DESCRIPTORS.get_message_by_name(name);
    let descriptor = descriptor.ok_or_else(|| MessageJsonError::Unknown(name.into()))?;
    let malformed = |why: String| MessageJsonError::Malformed { name: name.into(), why };
    let message = DynamicMessage::decode(descriptor, message.encode_to_vec().as_slice())
        .map_err(|error| malformed(error.to_string()))?;
    let mut json = serde_json::to_value(&message).map_err(|error| malformed(error.to_string()))?;
    whole_numbers(&mut json);
    Ok(json)
}

/// Temporal writes a double without a fraction as a whole number.
pub(crate) fn whole_numbers(json: &mut Value) {
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
    match json {
        Value::Object(fields) => fields.values_mut().for_each(whole_numbers),
        Value::Array(values) => values.iter_mut().for_each(whole_numbers),
        Value::Number(number) if number.is_f64() => {
            if let Some(whole) = number.as_f64().filter(|n| n.fract() == 0.0 && n.abs() < EXACT_MAX)
            {
                *json = Value::from(whole as i64);
            }
        }
        _ => {}
    }
}
