//! How a Rust guest makes its bindings: `workflow!()` or `activity!()`, then `export!(Type)`.
//!
//! It is no SDK: what a guest calls is the WIT itself. The macros hold what would be the same in
//! every guest: the path of the WIT, seen from `<folder>/<guest>/Cargo.toml` two folders below its
//! parent, the types that can have no `Default`, and JSON in payloads.

#[doc(hidden)]
pub use {serde, serde_json, wit_bindgen};

/// The bindings of the world `workflow`: `Guest` with its `run`, and the imports in
/// `sandglass::workflow`. Records of options have a `Default`.
#[macro_export]
macro_rules! workflow {
    () => {
        $crate::generate!("sandglass:workflow/workflow");
        $crate::json!();
    };
}

/// The bindings of the world `activity`: `Guest` with its `run`, and the imports in
/// `sandglass::activity` and `sandglass::workflow`.
#[macro_export]
macro_rules! activity {
    () => {
        $crate::generate!("sandglass:activity/activity");
        $crate::json!();
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! generate {
    ($world:literal) => {
        $crate::wit_bindgen::generate!({
            path: "../../../wit",
            world: $world,
            runtime_path: "::bindings::wit_bindgen::rt",
            generate_all,
            additional_derives: [Default],
            // Variants, enums, and the records that hold one.
            additional_derives_ignore: [
                "payload", "failure", "failure-info", "cause", "timeout-kind", "retry-state",
                "timeout", "activity-failure", "child-workflow-failure", "cancellation-type",
                "cancel-reason",
            ],
        });
    };
}

/// `encode` and `decode`: plain data to a payload of JSON and back.
#[doc(hidden)]
#[macro_export]
macro_rules! json {
    () => {
        /// A payload that holds the value as JSON.
        #[allow(dead_code)]
        fn encode(value: &impl $crate::serde::Serialize) -> Payload {
            Payload::Json($crate::serde_json::to_string(value).expect("plain data"))
        }

        /// The first argument, or the failure to end with. No argument is JSON's `null`.
        #[allow(dead_code)]
        fn decode<T: $crate::serde::de::DeserializeOwned>(input: &[Payload]) -> Result<T, Failure> {
            let text = match input.first() {
                None | Some(Payload::Nil) => "null",
                Some(Payload::Json(text)) => text,
                Some(_) => return Err(bad_payload("the payload is not JSON")),
            };
            $crate::serde_json::from_str(text).map_err(|error| bad_payload(&error.to_string()))
        }

        #[allow(dead_code)]
        fn bad_payload(message: &str) -> Failure {
            sandglass::workflow::failures::application(message, "BadPayload", true)
        }
    };
}
