//! How a server is reached: its address, TLS, keys, and one call.

use super::input;
use super::profile::{Codec, Profile, Source, Tls};
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
/// Where a server is looked for.
const ADDRESS: &str = "localhost:7233";
/// How what is in PEM begins.
const BEGIN: &[u8] = b"-----BEGIN ";
/// The largest answer that is taken, in bytes.
const ANSWER_BYTES_MAX: usize = 128 * 1024 * 1024;

/// Where the server is, and who asks. Flags, variables and the configuration file are those of Temporal's own command.
#[derive(Args)]
pub(super) struct Connection {
    /// Where the server is, as HOST:PORT (TEMPORAL_ADDRESS); localhost:7233 when left out.
    #[arg(long, global = true)]
    address: Option<String>,
    /// The namespace (TEMPORAL_NAMESPACE); `default` when left out.
    #[arg(short, long, global = true)]
    namespace: Option<String>,
    /// The key that the server admits (TEMPORAL_API_KEY). It is sent over TLS, except to this machine or where --tls=false says otherwise.
    #[arg(long, global = true)]
    api_key: Option<String>,
    #[command(flatten)]
    source: Source,
    /// Speaks TLS, or does not (TEMPORAL_TLS). Any other option about TLS turns it on as well.
    #[arg(
        long,
        global = true,
        value_parser = BoolishValueParser::new(),
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        value_name = "BOOL"
    )]
    tls: Option<bool>,
    /// Who vouches for the server, in PEM (TEMPORAL_TLS_SERVER_CA_CERT_PATH); the machine's authorities when left out.
    #[arg(long, global = true, value_name = "FILE")]
    tls_ca_path: Option<PathBuf>,
    /// The same, not in a file (TEMPORAL_TLS_SERVER_CA_CERT_DATA).
    #[arg(
        long,
        global = true,
        value_name = "PEM",
        allow_hyphen_values = true,
        conflicts_with = "tls_ca_path"
    )]
    tls_ca_data: Option<String>,
    /// The client's certificate, in PEM (TEMPORAL_TLS_CLIENT_CERT_PATH).
    #[arg(long, global = true, value_name = "FILE")]
    tls_cert_path: Option<PathBuf>,
    /// The same, not in a file (TEMPORAL_TLS_CLIENT_CERT_DATA).
    #[arg(
        long,
        global = true,
        value_name = "PEM",
        allow_hyphen_values = true,
        conflicts_with = "tls_cert_path"
    )]
    tls_cert_data: Option<String>,
    /// The key of the client's certificate, in PEM (TEMPORAL_TLS_CLIENT_KEY_PATH).
    #[arg(long, global = true, value_name = "FILE")]
    tls_key_path: Option<PathBuf>,
    /// The same, not in a file (TEMPORAL_TLS_CLIENT_KEY_DATA).
    #[arg(
        long,
        global = true,
        value_name = "PEM",
        allow_hyphen_values = true,
        conflicts_with = "tls_key_path"
    )]
    tls_key_data: Option<String>,
    /// The name that the server's certificate has, where it is not the address (TEMPORAL_TLS_SERVER_NAME).
    #[arg(long, global = true, value_name = "NAME")]
    tls_server_name: Option<String>,
    /// Refused: who the server is, is always verified.
    #[arg(long, global = true, hide = true)]
    tls_disable_host_verification: bool,
    /// The authority that requests name, where it is not the address.
    #[arg(long, global = true, value_name = "NAME")]
    client_authority: Option<String>,
    /// How long reaching the server may take; as long as it takes when left out.
    #[arg(long, global = true, value_name = "DURATION", value_parser = setup::duration_or_none)]
    client_connect_timeout: Option<Duration>,
    /// Refused, like the next two: payloads are sent and shown as they are.
    #[arg(long, global = true, hide = true)]
    codec_endpoint: Option<String>,
    #[arg(long, global = true, hide = true)]
    codec_auth: Option<String>,
    #[arg(long, global = true, hide = true)]
    codec_header: Vec<String>,
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
        let profile = self.source.profile()?.under(self.flags()?);
        let has_codec = profile.codec != Codec::default() || !self.codec_header.is_empty();
        if has_codec {
            return Err(usage(
                "no codec is asked to encode or decode payloads: leave out --codec-endpoint, --codec-auth, \
                 --codec-header and what stands for them in TEMPORAL_CODEC_ENDPOINT, TEMPORAL_CODEC_AUTH or the profile",
            ));
        }
        let address = profile.address.clone().unwrap_or_else(|| ADDRESS.into());
        let tls = tls_config(&profile, &address)?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let wrong = |_| usage(format!("--address {address:?} is not HOST:PORT"));
        let mut endpoint = Endpoint::from_shared(format!("{scheme}://{address}")).map_err(wrong)?;
        if let Some(tls) = tls {
            endpoint = endpoint.tls_config(tls).context("the TLS options do not fit together")?;
        }
        if let Some(authority) = &self.client_authority {
            let origin = format!("{scheme}://{authority}").parse();
            endpoint = endpoint.origin(origin.map_err(|_| {
                usage(format!("--client-authority {authority:?} is no HOST or HOST:PORT"))
            })?);
        }
        if let Some(time) = self.client_connect_timeout.filter(|time| !time.is_zero()) {
            endpoint = endpoint.connect_timeout(time);
        }
        let grpc = Grpc::new(endpoint.connect_lazy())
            .send_compressed(CompressionEncoding::Gzip)
            .accept_compressed(CompressionEncoding::Gzip)
            .max_decoding_message_size(ANSWER_BYTES_MAX);
        Ok(Caller {
            grpc,
            headers: headers(&profile)?,
            address,
            namespace: profile.namespace.unwrap_or_else(|| "default".into()),
            identity: self.identity.clone().unwrap_or_else(identity),
        })
    }

    /// What the flags say, which stands over all else.
    fn flags(&self) -> anyhow::Result<Profile> {
        let tls = Tls {
            disabled: self.tls.map(|enabled| !enabled),
            server_ca_cert_path: self.tls_ca_path.clone(),
            server_ca_cert_data: self.tls_ca_data.clone(),
            client_cert_path: self.tls_cert_path.clone(),
            client_cert_data: self.tls_cert_data.clone(),
            client_key_path: self.tls_key_path.clone(),
            client_key_data: self.tls_key_data.clone(),
            server_name: self.tls_server_name.clone(),
            disable_host_verification: self.tls_disable_host_verification.then_some(true),
        };
        if self.tls == Some(false) && tls != (Tls { disabled: Some(true), ..Tls::default() }) {
            return Err(usage("--tls=false does not go with the other options about TLS"));
        }
        Ok(Profile {
            address: self.address.clone(),
            namespace: self.namespace.clone(),
            api_key: self.api_key.clone(),
            tls: Some(tls).filter(|tls| *tls != Tls::default()),
            codec: Codec { endpoint: self.codec_endpoint.clone(), auth: self.codec_auth.clone() },
            grpc_meta: input::pairs("--grpc-meta", &self.grpc_meta)?.into_iter().collect(),
        })
    }
}

/// What is sent with each request.
fn headers(profile: &Profile) -> anyhow::Result<MetadataMap> {
    let mut headers = MetadataMap::new();
    headers.insert("client-name", MetadataValue::from_static("sandglass-cli"));
    headers.insert("client-version", MetadataValue::from_static(env!("CARGO_PKG_VERSION")));
    for (name, value) in &profile.grpc_meta {
        let key = name.parse::<MetadataKey<Ascii>>();
        let (Ok(key), Ok(value)) = (key, value.parse()) else {
            return Err(usage(format!("{name:?} with {value:?} is no header that can be sent")));
        };
        headers.insert(key, value);
    }
    if let Some(key) = &profile.api_key {
        let text = format!("Bearer {key}").parse();
        // The key itself is not shown.
        headers.insert("authorization", text.map_err(|_| usage("the API key is no ASCII"))?);
    }
    Ok(headers)
}

fn tls_config(profile: &Profile, address: &str) -> anyhow::Result<Option<ClientTlsConfig>> {
    let implied = profile.tls.is_some() || profile.api_key.is_some() && !is_this_machine(address);
    let given = profile.tls.clone().unwrap_or_default();
    if !given.disabled.map_or(implied, |disabled| !disabled) {
        return Ok(None);
    }
    if given.disable_host_verification == Some(true) {
        return Err(usage(
            "who the server is, is always verified: instead of --tls-disable-host-verification, say who vouches for it \
             with --tls-ca-path, or what its certificate calls it with --tls-server-name",
        ));
    }
    let authority =
        pem("certificate of an authority", given.server_ca_cert_path, given.server_ca_cert_data)?;
    let mut tls = match authority {
        Some(pem) => ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem)),
        None => ClientTlsConfig::new().with_enabled_roots(),
    };
    let certificate = (given.client_cert_path, given.client_cert_data);
    let key = (given.client_key_path, given.client_key_data);
    if (certificate == (None, None)) != (key == (None, None)) {
        return Err(usage("give the client's certificate and its key together"));
    }
    let certificate = pem("certificate", certificate.0, certificate.1)?;
    if let (Some(certificate), Some(key)) = (certificate, pem("key", key.0, key.1)?) {
        tls = tls.identity(Identity::from_pem(certificate, key));
    }
    if let Some(name) = &given.server_name {
        tls = tls.domain_name(name);
    }
    Ok(Some(tls))
}

/// What lies in a file or is given whole, in PEM.
fn pem(what: &str, path: Option<PathBuf>, data: Option<String>) -> anyhow::Result<Option<Vec<u8>>> {
    let pem = match (path, data) {
        (Some(_), Some(_)) => {
            return Err(usage(format!("the {what} is given twice, as a file and whole")));
        }
        (Some(path), None) => {
            fs::read(&path).map_err(|error| usage(format!("{}: {error}", path.display())))?
        }
        (None, Some(data)) => data.into_bytes(),
        (None, None) => return Ok(None),
    };
    // What is none would only show as a certificate that nobody vouches for.
    if !pem.windows(BEGIN.len()).any(|it| it == BEGIN) {
        return Err(usage(format!("the {what} is not in PEM")));
    }
    Ok(Some(pem))
}

fn is_this_machine(address: &str) -> bool {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    matches!(host, "localhost" | "127.0.0.1" | "[::1]")
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
