//! The server: an address, its services, and how it stops.

use crate::generated::workflow_service_server::WorkflowServiceServer;
use crate::methods::KnownMethods;
use crate::service::Frontend;
use sandglass_host::Host;
use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tonic::codec::CompressionEncoding;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Certificate, Identity, ServerTlsConfig};

/// The largest request that is read, as Temporal has it.
const REQUEST_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Requests of one connection that are served at once; further ones wait.
const REQUESTS_OF_A_CONNECTION_MAX: usize = 1_000;
/// How often a connection without a sign of life is asked for one, and how long it has to answer.
const KEEP_ALIVE: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(20));

/// Why the server cannot serve.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The address cannot be had.
    #[error("{address} cannot be listened on: {error}")]
    Listen {
        /// The address, as it was given.
        address: SocketAddr,
        /// What the operating system says.
        error: std::io::Error,
    },
    /// An address that others can reach, without TLS.
    #[error(
        "{address} can be reached from other machines: it needs TLS, or the word that none is wanted"
    )]
    Exposed {
        /// The address.
        address: SocketAddr,
    },
    /// The certificate, its key or the clients' authority cannot be used; or the server broke off.
    #[error("the server cannot serve: {0}")]
    Transport(#[from] tonic::transport::Error),
}

/// What the server shows of itself, in PEM.
#[derive(Clone)]
pub struct TlsOptions {
    /// Its certificate, and those that lead from it to an authority.
    pub certificate: Vec<u8>,
    /// The certificate's key.
    pub key: Vec<u8>,
    /// The authority of clients' certificates; with it, a client needs one.
    pub client_authority: Option<Vec<u8>>,
}

/// Temporal's gRPC API in front of a host.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    tls: Option<TlsOptions>,
    namespace: String,
    polls_max: usize,
}

impl Server {
    /// Listens on `address`; nothing is answered before [`Server::serve`]. Only loopback addresses go without TLS, unless `insecure` says
    /// that this is meant.
    ///
    /// # Errors
    /// The address is taken, or others can reach it and would not be safe.
    pub async fn bind(
        address: SocketAddr,
        tls: Option<TlsOptions>,
        insecure: bool,
    ) -> Result<Server, ServeError> {
        if !address.ip().is_loopback() && tls.is_none() && !insecure {
            return Err(ServeError::Exposed { address });
        }
        let listen = |error| ServeError::Listen { address, error };
        let listener = TcpListener::bind(address).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        Ok(Server { listener, address, tls, namespace: "default".into(), polls_max: 1_000 })
    }

    /// The name of the one namespace; `default`, if not said.
    #[must_use]
    pub fn namespace(mut self, name: &str) -> Server {
        self.namespace = name.into();
        self
    }

    /// Polls that may wait at one task queue; 1,000, if not said.
    #[must_use]
    pub fn polls_max(mut self, polls: usize) -> Server {
        self.polls_max = polls;
        self
    }

    /// Where it listens; with the port that the system has chosen, where 0 was asked for.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` completes. What waits then answers that nothing has come, and who is still being answered has `grace`.
    ///
    /// # Errors
    /// TLS cannot be set up, or the server broke off.
    pub async fn serve(
        self,
        host: &Host,
        stop: impl Future<Output = ()>,
        grace: Duration,
    ) -> Result<(), ServeError> {
        let (closing, closed) = watch::channel(false);
        let frontend = Frontend::new(
            host.client(),
            host.activity_tasks(),
            self.namespace,
            self.polls_max,
            closed.clone(),
        );
        let service = WorkflowServiceServer::new(frontend)
            .accept_compressed(CompressionEncoding::Gzip)
            .send_compressed(CompressionEncoding::Gzip)
            .max_decoding_message_size(REQUEST_BYTES_MAX);
        let (reporter, health) = tonic_health::server::health_reporter();
        reporter.set_serving::<WorkflowServiceServer<Frontend>>().await;
        let mut builder = tonic::transport::Server::builder()
            .concurrency_limit_per_connection(REQUESTS_OF_A_CONNECTION_MAX)
            .http2_keepalive_interval(Some(KEEP_ALIVE.0))
            .http2_keepalive_timeout(Some(KEEP_ALIVE.1));
        if let Some(tls) = self.tls {
            builder = builder.tls_config(tls.into())?;
        }
        let incoming = TcpIncoming::from(self.listener).with_nodelay(Some(true));
        let serving = builder
            .layer(KnownMethods)
            .add_service(
                health
                    .accept_compressed(CompressionEncoding::Gzip)
                    .send_compressed(CompressionEncoding::Gzip),
            )
            .add_service(service)
            .serve_with_incoming_shutdown(incoming, until(closed));
        let mut serving = std::pin::pin!(serving);
        tokio::select! {
            served = &mut serving => return Ok(served?),
            () = stop => {}
        }
        closing.send_replace(true);
        match tokio::time::timeout(grace, serving).await {
            Ok(served) => Ok(served?),
            // Somebody does not let go of his connection; his requests have no answer any more.
            Err(_) => Ok(()),
        }
    }
}

async fn until(mut closed: watch::Receiver<bool>) {
    // A sender that is gone has stopped, too.
    let _ = closed.wait_for(|closed| *closed).await;
}

impl From<TlsOptions> for ServerTlsConfig {
    fn from(tls: TlsOptions) -> Self {
        let config = ServerTlsConfig::new().identity(Identity::from_pem(tls.certificate, tls.key));
        match tls.client_authority {
            Some(authority) => config.client_ca_root(Certificate::from_pem(authority)),
            None => config,
        }
    }
}
