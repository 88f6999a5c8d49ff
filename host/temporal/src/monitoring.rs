//! Two pages over plain HTTP for who looks after the server: `/healthz` and `/metrics`. No client of workflows talks to it.

use crate::metrics::{CONTENT_TYPE, ServerMetrics};
use crate::server::ServeError;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use sandglass_host::Monitor;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

/// Connections at once; a further one is closed.
const CONNECTIONS_MAX: usize = 32;
/// How long one may last: it is for one request.
const CONNECTION_MAX: Duration = Duration::from_secs(10);
/// How long nothing is taken after the system had no connection to give.
const PAUSE: Duration = Duration::from_millis(100);

/// The address on which a server tells how it is.
pub struct Monitoring {
    listener: TcpListener,
    address: SocketAddr,
}

impl Monitoring {
    /// Listens on `address`. It speaks without TLS: only loopback addresses are taken, unless `insecure` says that this is meant.
    ///
    /// # Errors
    /// The address is taken, or others can reach it.
    pub async fn bind(address: SocketAddr, insecure: bool) -> Result<Monitoring, ServeError> {
        if !address.ip().is_loopback() && !insecure {
            return Err(ServeError::MonitoringExposed { address });
        }
        let listen = |error| ServeError::Listen { address, error };
        let listener = TcpListener::bind(address).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        Ok(Monitoring { listener, address })
    }

    /// Where it listens; with the port that the system has chosen, where 0 was asked for.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until it is dropped.
    pub async fn serve(self, host: Monitor, server: ServerMetrics) {
        let open = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        loop {
            let (stream, _) = match self.listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "no connection can be taken for monitoring");
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            };
            let Ok(permit) = Arc::clone(&open).try_acquire_owned() else { continue };
            let (host, server) = (host.clone(), server.clone());
            tokio::spawn(async move {
                let served = tokio::time::timeout(CONNECTION_MAX, answer_on(stream, host, server));
                if served.await.is_err() {
                    tracing::debug!("a connection for monitoring took too long");
                }
                drop(permit);
            });
        }
    }
}

async fn answer_on(stream: TcpStream, host: Monitor, server: ServerMetrics) {
    let service = service_fn(|request: Request<Incoming>| {
        let (host, server) = (host.clone(), server.clone());
        async move { Ok::<_, Infallible>(answer(&request, &host, &server).await) }
    });
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a connection for monitoring broke off");
    }
}

async fn answer<B>(
    request: &Request<B>,
    host: &Monitor,
    server: &ServerMetrics,
) -> Response<Full<Bytes>> {
    const TEXT: &str = "text/plain; charset=utf-8";
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return page(StatusCode::METHOD_NOT_ALLOWED, TEXT, "only GET is answered\n".into());
    }
    match request.uri().path() {
        "/healthz" if server.is_stopping() => {
            page(StatusCode::SERVICE_UNAVAILABLE, TEXT, "the server stops\n".into())
        }
        "/healthz" => match host.ready() {
            Ok(()) => page(StatusCode::OK, TEXT, "ready\n".into()),
            Err(why) => page(StatusCode::SERVICE_UNAVAILABLE, TEXT, format!("{why}\n")),
        },
        "/metrics" => {
            let text = match host.read().await {
                Ok(reading) => server.text(reading).map_err(|error| error.to_string()),
                Err(error) => Err(error.to_string()),
            };
            match text {
                Ok(text) => page(StatusCode::OK, CONTENT_TYPE, text),
                Err(error) => page(StatusCode::SERVICE_UNAVAILABLE, TEXT, format!("{error}\n")),
            }
        }
        _ => page(StatusCode::NOT_FOUND, TEXT, "there are /healthz and /metrics\n".into()),
    }
}

fn page(status: StatusCode, content_type: &'static str, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    let value = http::HeaderValue::from_static(content_type);
    response.headers_mut().insert(http::header::CONTENT_TYPE, value);
    response
}
