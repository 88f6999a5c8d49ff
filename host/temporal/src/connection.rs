//! The connections of clients: how many there are, and for how long one may be silent. What is said on them is HTTP/2's matter.

use crate::limits::{Caller, ServeLimits};
use crate::metrics::ServerMetrics;
use futures::{Stream, stream};
use std::future::Future;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep};
use tonic::transport::server::Connected;

/// How long no connection is taken when the system has none to give, as when too many files are open.
const PAUSE: Duration = Duration::from_millis(100);
/// What every client of HTTP/2 says first.
const PREFACE_BYTES: usize = 24;

/// The connections that come in, up to the limit of those that are open at once. It never ends.
pub(crate) fn incoming(
    listener: TcpListener,
    limits: ServeLimits,
    metrics: ServerMetrics,
) -> impl Stream<Item = io::Result<Connection>> + Send {
    let most = limits.connections_max.min(Semaphore::MAX_PERMITS);
    let open = Arc::new(Semaphore::new(most));
    stream::unfold(
        (listener, open, limits, metrics),
        |(listener, open, limits, metrics)| async move {
            let connection = loop {
                let (stream, peer) = match listener.accept().await {
                    Ok(accepted) => accepted,
                    Err(error) => {
                        pause_after(&error).await;
                        continue;
                    }
                };
                let Ok(permit) = Arc::clone(&open).try_acquire_owned() else {
                    // Dropping it closes it: the client learns at once, and tries again later.
                    metrics.refused("connections_max");
                    tracing::debug!(%peer, "a connection is refused: there are too many");
                    continue;
                };
                break Connection::new(stream, permit, &limits, &metrics);
            };
            Some((connection, (listener, open, limits, metrics)))
        },
    )
}

/// A client that is gone before it was met is nobody's fault; anything else will not be better at once.
async fn pause_after(error: &io::Error) {
    use ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    if !matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted) {
        tracing::warn!(%error, "no connection can be taken");
        tokio::time::sleep(PAUSE).await;
    }
}

/// One client's connection. It breaks off if nothing comes for so long that the client cannot be alive: who lives answers what
/// HTTP/2 asks him. HTTP/2 itself only asks whom it has met.
pub(crate) struct Connection {
    stream: TcpStream,
    caller: Caller,
    silence: Silence,
    answer_timeout: Duration,
    open: Open,
}

/// Counts among those that are open at once.
struct Open {
    _permit: OwnedSemaphorePermit,
    metrics: ServerMetrics,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.metrics.connections().dec();
    }
}

struct Silence {
    /// Bytes that are missing before there is a connection to speak of.
    missing: usize,
    last_heard: Instant,
    max: Duration,
    /// When to look next. It is not set anew for each byte that comes.
    look: Pin<Box<Sleep>>,
}

impl Connection {
    fn new(
        stream: TcpStream,
        permit: OwnedSemaphorePermit,
        limits: &ServeLimits,
        metrics: &ServerMetrics,
    ) -> io::Result<Connection> {
        stream.set_nodelay(true)?;
        let silence = Silence {
            missing: PREFACE_BYTES,
            last_heard: Instant::now(),
            max: limits.silence_max(),
            look: Box::pin(tokio::time::sleep(limits.handshake_timeout)),
        };
        metrics.connections().inc();
        let open = Open { _permit: permit, metrics: metrics.clone() };
        let (caller, answer_timeout) = (Caller::new(limits), limits.answer_timeout);
        Ok(Connection { stream, caller, silence, answer_timeout, open })
    }
}

impl Silence {
    fn heard(&mut self, bytes: usize) {
        self.missing = self.missing.saturating_sub(bytes);
        self.last_heard = Instant::now();
    }

    /// Whether it has lasted too long; if not, the task is woken when it may have.
    fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        while self.look.as_mut().poll(cx).is_ready() {
            let until = self.last_heard + self.max;
            if self.missing > 0 || until <= Instant::now() {
                return true;
            }
            self.look.as_mut().reset(until);
        }
        false
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        match read {
            Poll::Ready(Ok(())) => self.silence.heard(buffer.filled().len() - before),
            Poll::Pending if self.silence.is_over(cx) => {
                return Poll::Ready(Err(ErrorKind::TimedOut.into()));
            }
            // A client that is alive is asked for a sign of life now and then: so this is looked at that often.
            Poll::Pending if self.caller.answers.has_waited(self.answer_timeout) => {
                self.open.metrics.refused("answer_timeout");
                return Poll::Ready(Err(ErrorKind::TimedOut.into()));
            }
            Poll::Ready(Err(_)) | Poll::Pending => {}
        }
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl Connected for Connection {
    type ConnectInfo = Caller;

    fn connect_info(&self) -> Caller {
        self.caller.clone()
    }
}
