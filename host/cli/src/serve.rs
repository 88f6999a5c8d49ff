//! `sandglass serve`: a host with Temporal's API in front of it, until it is told to stop.

mod limits;

use self::limits::ClientLimits;
use crate::code::{self, Code};
use crate::exit::{Exit, usage};
use crate::grants::GrantFlags;
use crate::limits::GuestLimits;
use crate::logging::Logging;
use crate::setup;
use anyhow::{Context, Result};
use clap::Args;
use sandglass_host::Host;
use sandglass_host::wasm::EngineOptions;
use sandglass_temporal::{ApiKeys, Monitoring, Server, TlsOptions};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// Serves workflows to Temporal's clients, activity workers and command.
///
/// The components do the workflow tasks of their types. Activities are done by components, or by
/// workers that poll, written with any of Temporal's SDKs.
///
/// SIGTERM and Ctrl-C stop it in good order: no new tasks, and what is at work has --grace to end.
#[derive(Args)]
pub(crate) struct Serve {
    /// A TOML file with any of these options, by the same names; what is said here wins
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// A component file; after `=`, the workflow types that it serves (without, its name's stem);
    /// can be repeated
    #[arg(long = "component", value_name = "COMPONENT[=TYPE,…]")]
    components: Vec<String>,
    /// An activity type and the component that does it; can be repeated
    #[arg(long = "activity", value_name = "TYPE=COMPONENT")]
    activities: Vec<String>,
    /// A task queue to serve; '*' serves all; can be repeated [default: default]
    #[arg(long = "task-queue", short = 't', value_name = "QUEUE", value_parser = setup::name)]
    task_queues: Vec<String>,
    /// The SQLite database, made if it is not there; without it, runs are kept in memory
    #[arg(long, value_name = "FILE", value_parser = setup::database)]
    db: Option<PathBuf>,
    /// Where to listen; port 0 takes any that is free
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7233")]
    listen: SocketAddr,
    /// Where to tell over plain HTTP how the server is: /healthz and /metrics
    #[arg(long, value_name = "ADDRESS")]
    http: Option<SocketAddr>,
    /// The name of the one namespace
    #[arg(long, value_name = "NAME", default_value = "default")]
    namespace: String,
    /// The server's certificate, PEM
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The certificate's key, PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// The authority of clients' certificates, PEM; with it, every client needs one
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_client_ca: Option<PathBuf>,
    /// Keys of which every client needs one, one a line; `#` begins a comment
    #[arg(long, value_name = "FILE")]
    api_key_file: Option<PathBuf>,
    /// Listens without TLS where other machines can reach it
    #[arg(long)]
    insecure: bool,
    /// How long what is at work has to end when the server stops
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = setup::duration)]
    grace: Duration,
    #[command(flatten)]
    clients: ClientLimits,
    #[command(flatten)]
    grants: GrantFlags,
    #[command(flatten)]
    limits: GuestLimits,
    #[command(flatten)]
    logging: Logging,
}

impl Serve {
    /// What is logged, and how.
    pub(crate) fn logging(&self) -> &Logging {
        &self.logging
    }

    pub(crate) fn run(self) -> Result<Exit> {
        // All that can be wrong with the words is found before anything is opened or written.
        let code = Code::read(&self.components, &self.activities, &self.grants)?;
        if self.namespace.is_empty() {
            return Err(usage("--namespace: an empty name is none"));
        }
        let (tls, keys) = (self.tls()?, self.api_keys()?);
        let runtime = setup::runtime()?;
        let exit = runtime.block_on(self.serve(&code, tls, keys));
        // What still searches the store finds out that nobody waits for it any more.
        runtime.shutdown_timeout(Duration::from_secs(1));
        exit
    }

    fn tls(&self) -> Result<Option<TlsOptions>> {
        let (Some(certificate), Some(key)) = (&self.tls_cert, &self.tls_key) else {
            return Ok(None);
        };
        Ok(Some(TlsOptions {
            certificate: code::read(certificate)?,
            key: code::read(key)?,
            client_authority: self.tls_client_ca.as_deref().map(code::read).transpose()?,
        }))
    }

    fn api_keys(&self) -> Result<Option<ApiKeys>> {
        let Some(path) = &self.api_key_file else { return Ok(None) };
        let wrong = |error: &dyn std::fmt::Display| usage(format!("{}: {error}", path.display()));
        let text = String::from_utf8(code::read(path)?).map_err(|_| wrong(&"it is no text"))?;
        ApiKeys::parse(&text).map(Some).map_err(|error| wrong(&error))
    }

    async fn serve(
        &self,
        code: &Code,
        tls: Option<TlsOptions>,
        keys: Option<ApiKeys>,
    ) -> Result<Exit> {
        let mut stops = Stops::listen()?;
        // The address first: a second server on it is found before the store is opened.
        let mut server = Server::bind(self.listen, tls, self.insecure).await?;
        if let Some(keys) = keys {
            server = server.api_keys(keys)?;
        }
        let monitoring = match self.http {
            Some(address) => Some(Monitoring::bind(address, self.insecure).await?),
            None => None,
        };
        let builder = self.limits.bound(Host::builder(), EngineOptions::default());
        let builder = code.build(builder, &self.task_queues, self.db.as_deref())?;
        let host = builder.start().await.context("the host cannot be started")?;
        eprintln!("serving on {}, namespace {}", server.address(), self.namespace);
        let told = monitoring.map(|monitoring| {
            eprintln!("monitoring on http://{}", monitoring.address());
            tokio::spawn(monitoring.serve(host.monitor(), server.metrics()))
        });
        let server = server.namespace(&self.namespace).limits((&self.clients).into());
        let served = server.serve(&host, stops.next(), self.grace).await;
        eprintln!("stopping");
        tokio::select! {
            () = host.shutdown(self.grace) => {}
            // Who asks twice does not want to wait; a crash is the ordinary way to stop (D16).
            () = stops.next() => {}
        }
        if let Some(told) = told {
            told.abort();
        }
        served?;
        Ok(Exit::Completed)
    }
}

/// SIGTERM and Ctrl-C.
struct Stops {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Stops {
    fn listen() -> Result<Stops> {
        let listen = |kind| signal(kind).context("signals cannot be listened for");
        Ok(Stops {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
