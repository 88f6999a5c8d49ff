//! Rust functions as activities, typed by serde.

use super::{Activity, ActivityContext};
use futures::future::BoxFuture;
use sandglass_core::engine::ActivityEnd;
use sandglass_core::failure::{ApplicationFailureInfo, Failure, FailureInfo};
use sandglass_core::{Payload, Payloads};
use serde::{Serialize, de::DeserializeOwned};
use std::fmt::Display;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// How a function says that it did not succeed.
#[derive(Clone, Debug, PartialEq)]
pub enum ActivityError {
    /// A failure, which the retry policy judges.
    Failed(Box<Failure>),
    /// It stops because it was asked to. Reported though nobody asked, it is a failure of the activity.
    Canceled(Vec<Payload>),
}

impl ActivityError {
    /// A failure of the type `error_type`, by which retry policies go.
    #[must_use]
    pub fn application(message: impl Display, error_type: &str) -> Self {
        ActivityError::Failed(Box::new(Failure::application(
            message.to_string(),
            error_type,
            false,
        )))
    }

    /// A failure after which it is not tried again.
    #[must_use]
    pub fn non_retryable(message: impl Display, error_type: &str) -> Self {
        ActivityError::Failed(Box::new(Failure::application(message.to_string(), error_type, true)))
    }

    /// It stops because it was asked to.
    #[must_use]
    pub fn canceled() -> Self {
        ActivityError::Canceled(Vec::new())
    }

    /// Sets the wait before the next attempt, in place of the retry policy's.
    #[must_use]
    pub fn retry_after(mut self, delay: Duration) -> Self {
        if let ActivityError::Failed(failure) = &mut self
            && let Some(FailureInfo::Application(info)) = &mut failure.info
        {
            info.next_retry_delay = Some(delay);
        }
        self
    }
}

/// Any error is an application failure whose type is `Error`; its sources become its causes.
impl<E: std::error::Error> From<E> for ActivityError {
    fn from(error: E) -> Self {
        ActivityError::Failed(Box::new(failure_of(&error)))
    }
}

fn failure_of(error: &dyn std::error::Error) -> Failure {
    let info = ApplicationFailureInfo { r#type: "Error".into(), ..Default::default() };
    Failure {
        cause: error.source().map(|source| Box::new(failure_of(source))),
        ..Failure::new(error.to_string(), FailureInfo::Application(info))
    }
}

/// Makes an activity of an asynchronous function with one argument.
///
/// The argument is the first payload, as JSON; none at all reads as JSON's `null`. An argument that does not fit is a failure that is not
/// tried again, of type `BadInput`.
pub fn function<F, Fut, In, Out>(f: F) -> Arc<dyn Activity>
where
    F: Fn(ActivityContext, In) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Out, ActivityError>> + Send + 'static,
    In: DeserializeOwned + Send + 'static,
    Out: Serialize + Send + 'static,
{
    let f = Arc::new(f);
    Arc::new(move |context: ActivityContext| -> BoxFuture<'static, ActivityEnd> {
        let f = Arc::clone(&f);
        Box::pin(async move {
            let end = match decode(context.input()) {
                Ok(input) => f(context, input).await.and_then(|output| encode(&output)),
                Err(error) => Err(error),
            };
            match end {
                Ok(result) => ActivityEnd::Completed { result: Some(vec![result].into()) },
                Err(ActivityError::Canceled(details)) => {
                    ActivityEnd::Canceled { details: Payloads::some(details) }
                }
                Err(ActivityError::Failed(failure)) => {
                    ActivityEnd::Failed { failure: *failure, last_heartbeat_details: None }
                }
            }
        })
    })
}

fn decode<In: DeserializeOwned>(input: &[Payload]) -> Result<In, ActivityError> {
    let text = match input.first() {
        Some(payload) if payload.encoding() == "json/plain" => payload.data.as_ref(),
        None => b"null".as_slice(),
        Some(payload) if payload.encoding() == "binary/null" => b"null",
        Some(payload) => {
            let message = format!("the argument is {}, not JSON", payload.encoding());
            return Err(ActivityError::non_retryable(message, "BadInput"));
        }
    };
    serde_json::from_slice(text).map_err(|e| {
        ActivityError::non_retryable(format!("the argument does not fit: {e}"), "BadInput")
    })
}

fn encode<Out: Serialize>(output: &Out) -> Result<Payload, ActivityError> {
    match serde_json::to_string(output) {
        Ok(text) if text == "null" => Ok(Payload::nil()),
        Ok(text) => Ok(Payload::json(text)),
        Err(e) => {
            Err(ActivityError::non_retryable(format!("the result is no JSON: {e}"), "BadOutput"))
        }
    }
}
