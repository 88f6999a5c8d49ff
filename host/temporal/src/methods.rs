//! Which methods there are. Any other answers with the sentence by which Temporal's clients know that a server has no such method.

use futures::future::{Either, Ready, ready};
use std::task::{Context, Poll};
use tonic::Status;
use tonic::body::Body;
use tower::{Layer, Service};

/// What is built of `temporal.api.workflowservice.v1.WorkflowService`, one name a line; the build script reads it, too.
const WORKFLOW_SERVICE: &str = include_str!("methods.txt");
/// The same of `temporal.api.operatorservice.v1.OperatorService`.
const OPERATOR_SERVICE: &str = include_str!("operator_methods.txt");

/// Refuses the methods of Temporal's services that are not built, before anything is read of the request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KnownMethods;

impl<S> Layer<S> for KnownMethods {
    type Service = OnlyKnown<S>;

    fn layer(&self, inner: S) -> OnlyKnown<S> {
        OnlyKnown { inner }
    }
}

/// What [`KnownMethods`] wraps around the services.
#[derive(Clone, Debug)]
pub(crate) struct OnlyKnown<S> {
    inner: S,
}

impl<S, B> Service<http::Request<B>> for OnlyKnown<S>
where
    S: Service<http::Request<B>, Response = http::Response<Body>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Either<Ready<Result<S::Response, S::Error>>, S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        match unknown(request.uri().path()) {
            Some(refusal) => Either::Left(ready(Ok(Status::unimplemented(refusal).into_http()))),
            None => Either::Right(self.inner.call(request)),
        }
    }
}

/// The method's name, if there is one at that path.
pub(crate) fn known(path: &str) -> Option<&'static str> {
    match path.strip_prefix('/')?.rsplit_once('/')? {
        ("temporal.api.workflowservice.v1.WorkflowService", method) => {
            WORKFLOW_SERVICE.lines().find(|known| *known == method)
        }
        ("grpc.health.v1.Health", "Check") => Some("Check"),
        ("grpc.health.v1.Health", "Watch") => Some("Watch"),
        _ => None,
    }
}

/// Why there is nothing at that path, if there is not.
fn unknown(path: &str) -> Option<String> {
    let Some((service, method)) = path.strip_prefix('/').and_then(|path| path.rsplit_once('/'))
    else {
        return Some(format!("malformed method name: {path:?}"));
    };
    let is_known = match service {
        "temporal.api.workflowservice.v1.WorkflowService" => {
            WORKFLOW_SERVICE.lines().any(|known| known == method)
        }
        "temporal.api.operatorservice.v1.OperatorService" => {
            OPERATOR_SERVICE.lines().any(|known| known == method)
        }
        "grpc.reflection.v1.ServerReflection" | "grpc.reflection.v1alpha.ServerReflection" => {
            method == "ServerReflectionInfo"
        }
        "grpc.health.v1.Health" => matches!(method, "Check" | "Watch"),
        _ => return Some(format!("unknown service {service}")),
    };
    (!is_known).then(|| format!("unknown method {method} for service {service}"))
}

#[cfg(test)]
mod tests {
    use super::unknown;

    #[test]
    fn clients_know_the_sentence() {
        let service = "temporal.api.workflowservice.v1.WorkflowService";
        assert_eq!(unknown(&format!("/{service}/GetSystemInfo")), None);
        assert_eq!(
            unknown(&format!("/{service}/ListSchedules")),
            Some(format!("unknown method ListSchedules for service {service}"))
        );
        assert_eq!(unknown("/no.such.Service/It"), Some("unknown service no.such.Service".into()));
        assert!(unknown("/").is_some_and(|text| text.starts_with("malformed method name")));
    }
}
