//! The server: an address, its services, and how it stops.

use crate::access::ApiKeys;
use crate::connection::incoming;
use crate::gate::Gate;
use crate::generated::operator::operator_service_server::OperatorServiceServer;
use crate::generated::workflow_service_server::WorkflowServiceServer;
use crate::limits::{Polls, ServeLimits};
use crate::methods::KnownMethods;
use crate::metrics::ServerMetrics;
use crate::reflection;
use crate::service::Frontend;
use sandglass_host::Host;
use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tonic::codec::CompressionEncoding;
use tonic::transport::{Certificate, Identity, ServerTlsConfig};

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
    /// API keys on an address that others can reach, without TLS.
    #[error("{address} can be reached from other machines: API keys need TLS there")]
    KeysExposed {
        /// The address.
        address: SocketAddr,
    },
    /// Monitoring, which has no TLS, on an address that others can reach.
    #[error(
        "{address} can be reached from other machines, and monitoring has no TLS: it needs the word that none is wanted"
    )]
    MonitoringExposed {
        /// The address.
        address: SocketAddr,
    },
    /// The certificate, its key or the clients' authority cannot be used.
    #[error("the certificate, its key or the authority of clients cannot be used: {0}")]
    Tls(String),
    /// The server broke off.
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
    keys: Option<ApiKeys>,
    limits: ServeLimits,
    metrics: ServerMetrics,
}

impl Server {
    /// Listens on `address`; nothing is answered before [`Server::serve`]. Only loopback addresses go without TLS, unless `insecure` says
    /// that this is meant.
    ///
    /// # Errors
    /// The address is taken, others can reach it and would not be safe, or TLS cannot be had with what is given for it.
    pub async fn bind(
        address: SocketAddr,
        tls: Option<TlsOptions>,
        insecure: bool,
    ) -> Result<Server, ServeError> {
        if !address.ip().is_loopback() && tls.is_none() && !insecure {
            return Err(ServeError::Exposed { address });
        }
        if let Some(tls) = &tls {
            let tried = tonic::transport::Server::builder().tls_config(tls.clone().into());
            tried.map_err(|error| ServeError::Tls(cause(&error)))?;
        }
        let listen = |error| ServeError::Listen { address, error };
        let listener = TcpListener::bind(address).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        Ok(Server {
            listener,
            address,
            tls,
            namespace: "default".into(),
            keys: None,
            limits: ServeLimits::default(),
            metrics: ServerMetrics::new(),
        })
    }

    /// The name of the one namespace; `default`, if not said.
    #[must_use]
    pub fn namespace(mut self, name: &str) -> Server {
        self.namespace = name.into();
        self
    }

    /// Demands one of these keys of everybody who calls anything but `grpc.health`.
    ///
    /// # Errors
    /// Others could read the keys on their way.
    pub fn api_keys(mut self, keys: ApiKeys) -> Result<Server, ServeError> {
        let address = self.address;
        if !address.ip().is_loopback() && self.tls.is_none() {
            return Err(ServeError::KeysExposed { address });
        }
        self.keys = Some(keys);
        Ok(self)
    }

    /// What clients may take up.
    #[must_use]
    pub fn limits(mut self, limits: ServeLimits) -> Server {
        self.limits = limits;
        self
    }

    /// What it counts, for a [`crate::Monitoring`].
    #[must_use]
    pub fn metrics(&self) -> ServerMetrics {
        self.metrics.clone()
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
        let limits = self.limits;
        let (closing, closed) = watch::channel(false);
        let frontend = Frontend::new(
            host.client(),
            host.activity_tasks(),
            self.namespace,
            Polls::new(&limits, self.metrics.clone()),
            closed.clone(),
        );
        frontend.resume_batches().await;
        let service = WorkflowServiceServer::new(frontend.clone())
            .accept_compressed(CompressionEncoding::Gzip)
            .send_compressed(CompressionEncoding::Gzip)
            .max_decoding_message_size(limits.request_bytes_max)
            .max_encoding_message_size(limits.answer_bytes_max);
        let operator = OperatorServiceServer::new(frontend)
            .accept_compressed(CompressionEncoding::Gzip)
            .send_compressed(CompressionEncoding::Gzip)
            .max_decoding_message_size(limits.request_bytes_max);
        let (reporter, health) = tonic_health::server::health_reporter();
        reporter.set_serving::<WorkflowServiceServer<Frontend>>().await;
        let mut builder = tonic::transport::Server::builder()
            .max_concurrent_streams(limits.requests_of_a_connection_max)
            .http2_max_header_list_size(limits.header_bytes_max)
            .http2_keepalive_interval(Some(limits.keepalive_interval))
            .http2_keepalive_timeout(Some(limits.keepalive_timeout));
        if let Some(tls) = self.tls {
            let tls = ServerTlsConfig::from(tls).timeout(limits.handshake_timeout);
            builder = builder.tls_config(tls)?;
        }
        let serving = builder
            .layer(Gate::new(self.keys, &limits, self.metrics.clone()))
            .layer(KnownMethods)
            .add_service(
                health
                    .accept_compressed(CompressionEncoding::Gzip)
                    .send_compressed(CompressionEncoding::Gzip),
            )
            .add_service(service)
            .add_service(operator)
            .add_service(reflection::v1())
            .add_service(reflection::v1alpha())
            .serve_with_incoming_shutdown(
                incoming(self.listener, limits, self.metrics.clone()),
                until(closed),
            );
        let mut serving = std::pin::pin!(serving);
        tokio::select! {
            served = &mut serving => return Ok(served?),
            () = stop => {}
        }
        self.metrics.stop();
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

/// What is behind an error that says little itself.
fn cause(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), cause)
}
