//! Answers that are on their way: how long a client has to take one. Who asks and never takes would make the server keep what it has to say.

use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::{Bytes, Frame, SizeHint};
use parking_lot::Mutex;
use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Instant;
use tonic::Status;
use tonic::body::Body;

/// The answers of one connection that its client has not taken yet, by when they were there, and a number that tells them apart.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answers(Arc<Mutex<Waiting>>);

#[derive(Debug, Default)]
struct Waiting {
    since: BTreeSet<(Instant, u64)>,
    given: u64,
}

impl Answers {
    /// Whether one of them has waited for longer than that.
    pub(crate) fn has_waited(&self, max: Duration) -> bool {
        let waiting = self.0.lock();
        waiting.since.first().is_some_and(|(since, _)| since.elapsed() > max)
    }

    /// The answer, which counts until it has been taken or dropped.
    pub(crate) fn count(&self, response: http::Response<Body>) -> http::Response<Body> {
        let mut waiting = self.0.lock();
        waiting.given += 1;
        let place = (Instant::now(), waiting.given);
        waiting.since.insert(place);
        drop(waiting);
        let answers = self.clone();
        response.map(|body| Body::new(UnsyncBoxBody::new(Counted { body, answers, place })))
    }
}

struct Counted {
    body: Body,
    answers: Answers,
    place: (Instant, u64),
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.answers.0.lock().since.remove(&self.place);
    }
}

impl hyper::body::Body for Counted {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
