//! Tries an activity a few times, and says how it ended.

use sandglass::workflow::activities::{self, ActivityOptions};
use sandglass::workflow::types::{FailureInfo, RetryPolicy};

bindings::workflow!();

struct ActivityRetry;

impl Guest for ActivityRetry {
    /// Its input goes to the activity `flaky`.
    fn run(input: Vec<Payload>) -> Result<Payload, Failure> {
        let options = ActivityOptions {
            start_to_close_timeout: Some(10.0),
            retry_policy: Some(RetryPolicy {
                initial_interval: Some(0.1),
                maximum_attempts: Some(3),
                non_retryable_error_types: Some(vec!["OutOfStock".into()]),
                ..Default::default()
            }),
            ..Default::default()
        };
        let failure = match activities::execute("flaky", &input, &options) {
            Ok(result) => return Ok(result),
            Err(failure) => failure,
        };
        // The activity's own failure is the cause of the one that says that it was given up.
        match failure.causes.first().map(|cause| &cause.info) {
            Some(FailureInfo::Application(cause)) if cause.error_type == "OutOfStock" => {
                Ok(encode(&"ordered elsewhere"))
            }
            _ => Err(failure),
        }
    }
}
export!(ActivityRetry);
