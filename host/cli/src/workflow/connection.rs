//! How a server is reached: its address, TLS, keys, and one call.

use crate::exit::usage;
use crate::setup;
use anyhow::{Context, anyhow};
use clap::Args;
use clap::builder::BoolishValueParser;
use prost::Message;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;
use tonic::client::Grpc;
use tonic::codec::CompressionEncoding;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::metadata::{Ascii, Binary, MetadataKey, MetadataMap, MetadataValue};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tonic::{Code, Request, Status};
use tonic_prost::ProstCodec;

const SERVICE: &str = "/temporal.api.workflowservice.v1.WorkflowService";
/// The largest answer that is taken, in bytes.
const ANSWER_BYTES_MAX: usize = 128 * 1024 * 1024;

/// Where the server is, and who asks. Flags and variables are those of Temporal's own command.
#[derive(Args)]
pub(super) struct Connection {
    /// Where the server is, as HOST:PORT.
    #[arg(long, global = true, env = "TEMPORAL_ADDRESS", default_value = "localhost:7233")]
    address: String,
    /// The namespace.
    #[arg(short, long, global = true, env = "TEMPORAL_NAMESPACE", default_value = "default")]
    namespace: String,
    /// The key that the server admits. It is sent over TLS, except to this machine or where --tls=false says otherwise.
    #[arg(long, global = true, env = "TEMPORAL_API_KEY", hide_env_values = true)]
    api_key: Option<String>,
    /// Speaks TLS, or does not. Any other option about TLS turns it on as well.
    #[arg(
        long,
        global = true,
        env = "TEMPORAL_TLS",
        value_parser = BoolishValueParser::new(),
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        value_name = "BOOL"
    )]
    tls: Option<bool>,
    /// Who vouches for the server, in PEM; the machine's authorities when left out.
    #[arg(long, global = true, value_name = "FILE", env = "TEMPORAL_TLS_SERVER_CA_CERT_PATH")]
    tls_ca_path: Option<PathBuf>,
    /// The client's certificate, in PEM.
    #[arg(long, global = true, value_name = "FILE", env = "TEMPORAL_TLS_CLIENT_CERT_PATH")]
    tls_cert_path: Option<PathBuf>,
    /// The key of the client's certificate, in PEM.
    #[arg(long, global = true, value_name = "FILE", env = "TEMPORAL_TLS_CLIENT_KEY_PATH")]
    tls_key_path: Option<PathBuf>,
    /// The name that the server's certificate has, where it is not the address.
    #[arg(long, global = true, value_name = "NAME", env = "TEMPORAL_TLS_SERVER_NAME")]
    tls_server_name: Option<String>,
    /// A header to send with each request, as KEY=VALUE; can be repeated.
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    grpc_meta: Vec<String>,
    /// Who asks, as histories show it.
    #[arg(long, global = true)]
    identity: Option<String>,
    /// How long the command may take.
    #[arg(long, global = true, value_name = "DURATION", value_parser = setup::duration_or_none)]
    command_timeout: Option<Duration>,
}

impl Connection {
    /// Ends `command` when it has taken too long.
    pub(super) async fn within_time<T>(
        &self,
        command: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<T> {
        let Some(time) = self.command_timeout.filter(|time| !time.is_zero()) else {
            return command.await;
        };
        let ended = tokio::time::timeout(time, command).await;
        ended.map_err(|_| anyhow!("the command took longer than {time:?} (--command-timeout)"))?
    }

    /// Prepares calls; the server is reached with the first.
    pub(super) fn open(&self) -> anyhow::Result<Caller> {
        let mut headers = MetadataMap::new();
        headers.insert("client-name", MetadataValue::from_static("sandglass-cli"));
        headers.insert("client-version", MetadataValue::from_static(env!("CARGO_PKG_VERSION")));
        for header in &self.grpc_meta {
            let (key, value) = header
                .split_once('=')
                .and_then(|(key, value)| {
                    Some((key.parse::<MetadataKey<Ascii>>().ok()?, value.parse().ok()?))
                })
                .ok_or_else(|| usage(format!("--grpc-meta {header:?} is not KEY=VALUE")))?;
            headers.insert(key, value);
        }
        let tls = self.tls_config()?;
        if let Some(key) = &self.api_key {
            let text = format!("Bearer {key}").parse();
            // The key itself is not shown.
            headers.insert("authorization", text.map_err(|_| usage("the API key is no ASCII"))?);
        }
        let scheme = if tls.is_some() { "https" } else { "http" };
        let wrong = |_| usage(format!("--address {:?} is not HOST:PORT", self.address));
        let mut endpoint =
            Endpoint::from_shared(format!("{scheme}://{}", self.address)).map_err(wrong)?;
        if let Some(tls) = tls {
            endpoint = endpoint.tls_config(tls).context("the TLS options do not fit together")?;
        }
        let grpc = Grpc::new(endpoint.connect_lazy())
            .send_compressed(CompressionEncoding::Gzip)
            .accept_compressed(CompressionEncoding::Gzip)
            .max_decoding_message_size(ANSWER_BYTES_MAX);
        let identity = self.identity.clone().unwrap_or_else(identity);
        let (address, namespace) = (self.address.clone(), self.namespace.clone());
        Ok(Caller { grpc, headers, address, namespace, identity })
    }

    fn tls_config(&self) -> anyhow::Result<Option<ClientTlsConfig>> {
        let read = |path: &PathBuf| {
            fs::read(path).map_err(|error| usage(format!("{}: {error}", path.display())))
        };
        let options = self.tls_ca_path.is_some()
            || self.tls_cert_path.is_some()
            || self.tls_key_path.is_some()
            || self.tls_server_name.is_some();
        let implied = options || self.api_key.is_some() && !self.is_this_machine();
        if self.tls == Some(false) && options {
            return Err(usage("--tls=false does not go with the other options about TLS"));
        }
        if !self.tls.unwrap_or(implied) {
            return Ok(None);
        }
        let mut tls = match &self.tls_ca_path {
            Some(path) => ClientTlsConfig::new().ca_certificate(Certificate::from_pem(read(path)?)),
            None => ClientTlsConfig::new().with_enabled_roots(),
        };
        match (&self.tls_cert_path, &self.tls_key_path) {
            (Some(certificate), Some(key)) => {
                tls = tls.identity(Identity::from_pem(read(certificate)?, read(key)?));
            }
            (None, None) => {}
            _ => return Err(usage("give --tls-cert-path and --tls-key-path together")),
        }
        if let Some(name) = &self.tls_server_name {
            tls = tls.domain_name(name);
        }
        Ok(Some(tls))
    }

    fn is_this_machine(&self) -> bool {
        let host = self.address.rsplit_once(':').map_or(&*self.address, |(host, _)| host);
        matches!(host, "localhost" | "127.0.0.1" | "[::1]")
    }
}

/// `sandglass-cli:USER@HOST`.
fn identity() -> String {
    let host = fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let host = host.or_else(|| std::env::var("HOSTNAME").ok()).unwrap_or_default();
    format!("sandglass-cli:{}@{}", user(), host.trim())
}

/// Who calls.
pub(super) fn user() -> String {
    std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_else(|_| "unknown".into())
}

/// Calls methods of one server.
#[derive(Clone)]
pub(super) struct Caller {
    grpc: Grpc<Channel>,
    headers: MetadataMap,
    address: String,
    pub(super) namespace: String,
    pub(super) identity: String,
}

impl Caller {
    /// Sends that header with each call.
    pub(super) fn header_bin(&mut self, key: &'static str, value: MetadataValue<Binary>) {
        self.headers.insert_bin(key, value);
    }

    /// Calls a method. `failed` says what was tried, as `failed starting workflow`.
    pub(super) async fn call<A, B>(
        &self,
        method: &str,
        message: A,
        failed: &str,
    ) -> anyhow::Result<B>
    where
        A: Message + Send + Sync + 'static,
        B: Message + Default + Send + Sync + 'static,
    {
        self.try_call(method, message).await.map_err(|status| self.failure(failed, &status))
    }

    /// The same, for who wants to see the refusal.
    pub(super) async fn try_call<A, B>(&self, method: &str, message: A) -> Result<B, Status>
    where
        A: Message + Send + Sync + 'static,
        B: Message + Default + Send + Sync + 'static,
    {
        let mut grpc = self.grpc.clone();
        grpc.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
        let path: PathAndQuery = format!("{SERVICE}/{method}")
            .parse()
            .map_err(|_| Status::internal(format!("{method} is no name of a method")))?;
        let mut request = Request::new(message);
        *request.metadata_mut() = self.headers.clone();
        let answer = grpc.unary(request, path, ProstCodec::<A, B>::default()).await?;
        Ok(answer.into_inner())
    }

    /// What was tried, and what the server, or the way to it, says.
    pub(super) fn failure(&self, failed: &str, status: &Status) -> anyhow::Error {
        let mut cause = std::error::Error::source(status);
        let Some(first) = cause else { return anyhow!("{failed}: {}", status.message()) };
        // The server has said nothing; the innermost cause says why.
        let mut text = first.to_string();
        while let Some(inner) = cause {
            (text, cause) = (inner.to_string(), inner.source());
        }
        match status.code() {
            Code::Unavailable | Code::Unknown => anyhow!(
                "{failed}: no server answers at {}: {text}; name another with --address, or start one with \
                 `sandglass serve`",
                self.address
            ),
            _ => anyhow!("{failed}: {text}"),
        }
    }
}

/// The typed detail of a refusal, if it has one of that kind.
pub(super) fn detail<M: Message + Default>(status: &Status) -> Option<M> {
    let details = temporalio_protos::google::rpc::Status::decode(status.details()).ok()?.details;
    details.iter().find_map(|any| M::decode(any.value.as_slice()).ok())
}
