//! What every request passes on its way in, and every answer on its way out: keys, time, and the statuses that Temporal has where the library
//! below has others.

use crate::access::ApiKeys;
use crate::limits::{Caller, ServeLimits};
use crate::metrics::ServerMetrics;
use crate::refusal::Refusal;
use futures::future::BoxFuture;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tonic::body::Body;
use tonic::{Code, Status};
use tower::{Layer, Service};

/// The one service that everybody may call, since what looks after servers has no keys.
const HEALTH: &str = "/grpc.health.v1.Health/";

/// The services that answer once. What streams is taken as it comes.
const UNARY: &str = "/temporal.api.";

/// Lets requests in and answers out.
#[derive(Clone)]
pub(crate) struct Gate {
    keys: Option<ApiKeys>,
    request_timeout: Duration,
    metrics: ServerMetrics,
}

impl Gate {
    pub(crate) fn new(keys: Option<ApiKeys>, limits: &ServeLimits, metrics: ServerMetrics) -> Gate {
        Gate { keys, request_timeout: limits.request_timeout, metrics }
    }

    fn admits<B>(&self, request: &http::Request<B>) -> bool {
        match &self.keys {
            Some(keys) => request.uri().path().starts_with(HEALTH) || keys.admit(request.headers()),
            None => true,
        }
    }
}

impl<S> Layer<S> for Gate {
    type Service = Gated<S>;

    fn layer(&self, inner: S) -> Gated<S> {
        Gated { inner, gate: self.clone() }
    }
}

/// What a [`Gate`] stands before.
#[derive(Clone)]
pub(crate) struct Gated<S> {
    inner: S,
    gate: Gate,
}

impl<S, B> Service<http::Request<B>> for Gated<S>
where
    S: Service<http::Request<B>, Response = http::Response<Body>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let (begun, metrics) = (Instant::now(), self.gate.metrics.clone());
        let path = request.uri().path().to_owned();
        if !self.gate.admits(&request) {
            metrics.answered(&path, Code::PermissionDenied, begun.elapsed());
            let refused = Status::from(Refusal::Unauthorized).into_http();
            return Box::pin(async { Ok(refused) });
        }
        let caller =
            request.extensions().get::<Caller>().filter(|_| path.starts_with(UNARY)).cloned();
        let answering = tokio::time::timeout(self.gate.request_timeout, self.inner.call(request));
        Box::pin(async move {
            let response = match answering.await {
                Ok(response) => response?,
                Err(_) => {
                    metrics.refused("request_timeout");
                    Status::from(Refusal::TimedOut).into_http()
                }
            };
            let response = as_temporal(response, &metrics);
            // Only a refusal has its status among the headers; the others answer.
            let code = response.headers().get(Status::GRPC_STATUS);
            let code = code.map_or(Code::Ok, |code| Code::from_bytes(code.as_bytes()));
            metrics.answered(&path, code, begun.elapsed());
            Ok(match caller {
                Some(caller) => caller.answers.count(response),
                None => response,
            })
        })
    }
}

/// A request that is too large has another status here than there.
fn as_temporal(response: http::Response<Body>, metrics: &ServerMetrics) -> http::Response<Body> {
    let status = response.headers().get(Status::GRPC_STATUS);
    if status.is_none_or(|status| status.as_bytes() != b"11") {
        return response;
    }
    let too_large = Status::from_header_map(response.headers())
        .filter(|status| status.code() == Code::OutOfRange)
        .and_then(|status| too_large(status.message()));
    match too_large {
        Some(refusal) => {
            metrics.refused("request_bytes_max");
            Status::from(refusal).into_http()
        }
        None => response,
    }
}

/// The sizes in the library's sentence, if it is that one.
fn too_large(sentence: &str) -> Option<Refusal> {
    let sizes = sentence.strip_prefix("Error, decoded message length too large: found ")?;
    let (found, max) = sizes.split_once(" bytes, the limit is: ")?;
    let max = max.strip_suffix(" bytes")?;
    Some(Refusal::TooLarge(format!("grpc: received message larger than max ({found} vs. {max})")))
}
