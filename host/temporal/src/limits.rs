//! What clients may take up, with names and defaults, and the polls that are counted for it. Each limit is kept where what it limits is.

use crate::answers::Answers;
use crate::metrics::ServerMetrics;
use crate::refusal::Refusal;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What clients may take up. Who is over a limit is refused, or waits; the others notice nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServeLimits {
    /// Bytes of a request; a larger one is `RESOURCE_EXHAUSTED`, as with Temporal.
    pub request_bytes_max: usize,
    /// Bytes of an answer; a larger one is `OUT_OF_RANGE`.
    pub answer_bytes_max: usize,
    /// Bytes of a request's headers, names and values.
    pub header_bytes_max: u32,
    /// Connections at once; a further one is closed at once.
    pub connections_max: usize,
    /// Requests of one connection at once; further ones wait in the client.
    pub requests_of_a_connection_max: u32,
    /// Requests that wait for something to come, at once.
    pub polls_max: usize,
    /// The same, of one connection.
    pub polls_of_a_connection_max: usize,
    /// Polls that may wait at one task queue.
    pub polls_of_a_queue_max: usize,
    /// How long a client has to begin a connection.
    pub handshake_timeout: Duration,
    /// How often a connection without a sign of life is asked for one.
    pub keepalive_interval: Duration,
    /// How long it then has to give one.
    pub keepalive_timeout: Duration,
    /// How long a request may take, from its headers to its answer. Polls wait for up to a minute.
    pub request_timeout: Duration,
    /// How long a client has to take an answer; the connection of one who does not is ended.
    pub answer_timeout: Duration,
}

impl Default for ServeLimits {
    fn default() -> Self {
        ServeLimits {
            request_bytes_max: 4 * 1024 * 1024,
            answer_bytes_max: 128 * 1024 * 1024,
            header_bytes_max: 16 * 1024,
            connections_max: 500,
            requests_of_a_connection_max: 1_000,
            polls_max: 10_000,
            polls_of_a_connection_max: 500,
            polls_of_a_queue_max: 1_000,
            handshake_timeout: Duration::from_secs(10),
            keepalive_interval: Duration::from_secs(30),
            keepalive_timeout: Duration::from_secs(15),
            request_timeout: Duration::from_secs(90),
            answer_timeout: Duration::from_secs(60),
        }
    }
}

impl ServeLimits {
    /// How long a live connection can be without a byte from its client: it would have answered.
    pub(crate) fn silence_max(&self) -> Duration {
        self.keepalive_interval + 2 * self.keepalive_timeout
    }
}

/// Who calls: the connection that a request came on.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    polls: Arc<Semaphore>,
    pub(crate) answers: Answers,
}

impl Caller {
    pub(crate) fn new(limits: &ServeLimits) -> Caller {
        Caller { polls: permits(limits.polls_of_a_connection_max), answers: Answers::default() }
    }
}

/// The requests that wait for something to come.
#[derive(Clone)]
pub(crate) struct Polls {
    metrics: ServerMetrics,
    all: Arc<Semaphore>,
    pub(crate) of_a_queue_max: usize,
}

/// A request that may wait, for as long as this lives.
#[derive(Debug)]
pub(crate) struct Polling {
    _of_all: OwnedSemaphorePermit,
    _of_the_caller: Option<OwnedSemaphorePermit>,
}

impl Polls {
    pub(crate) fn new(limits: &ServeLimits, metrics: ServerMetrics) -> Polls {
        let all = permits(limits.polls_max);
        Polls { metrics, all, of_a_queue_max: limits.polls_of_a_queue_max }
    }

    /// Too many wait at one task queue.
    pub(crate) fn too_many_at_a_queue(&self) -> Refusal {
        self.metrics.refused("polls_of_a_queue_max");
        Refusal::TooMany("too many polls wait at this task queue".into())
    }

    /// Begins to wait, if that is not too much. A request that came on no connection of the server is only counted among all.
    pub(crate) fn begin<T>(&self, request: &tonic::Request<T>) -> Result<Polling, Refusal> {
        let too_many = |limit, whose| {
            self.metrics.refused(limit);
            Refusal::TooMany(format!("{whose} concurrent poller limit exceeded"))
        };
        let of_the_caller = match request.extensions().get::<Caller>() {
            Some(caller) => Some(
                taken(&caller.polls)
                    .ok_or_else(|| too_many("polls_of_a_connection_max", "connection"))?,
            ),
            None => None,
        };
        let of_all = taken(&self.all).ok_or_else(|| too_many("polls_max", "namespace"))?;
        Ok(Polling { _of_all: of_all, _of_the_caller: of_the_caller })
    }
}

fn permits(number: usize) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(number.min(Semaphore::MAX_PERMITS)))
}

fn taken(permits: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
    Arc::clone(permits).try_acquire_owned().ok()
}
