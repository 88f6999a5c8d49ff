//! How a server is reached, as it stands outside of the command's own flags: in the configuration that Temporal's clients share, a TOML file with
//! profiles, and in their environment variables.
//!
//! What does not live here: what the flags are, and what follows from all that (`connection`).

use crate::exit::usage;
use clap::Args;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::{env, fs, io};

/// Where Temporal's configuration is read from.
#[derive(Args)]
pub(super) struct Source {
    /// The profile of the configuration file that is used (TEMPORAL_PROFILE); `default` when left out.
    #[arg(long, global = true, value_name = "NAME")]
    profile: Option<String>,
    /// The configuration file (TEMPORAL_CONFIG_FILE); `temporalio/temporal.toml` in the user's folder for configuration when left out.
    #[arg(long, global = true, value_name = "FILE")]
    config_file: Option<PathBuf>,
    /// Reads no configuration file.
    #[arg(long, global = true)]
    disable_config_file: bool,
    /// Takes nothing from the TEMPORAL_ variables but where the configuration file is.
    #[arg(long, global = true)]
    disable_config_env: bool,
    /// What `temporal env` keeps is not read: refused.
    #[arg(long, global = true, hide = true)]
    env: Option<String>,
    /// Likewise.
    #[arg(long, global = true, hide = true)]
    env_file: Option<PathBuf>,
}

/// What is said about a server, in one place. Fields that are not known are another client's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Profile {
    pub(super) address: Option<String>,
    pub(super) namespace: Option<String>,
    pub(super) api_key: Option<String>,
    /// TLS is spoken if this is there, and not disabled.
    pub(super) tls: Option<Tls>,
    pub(super) codec: Codec,
    /// Headers to send with each request.
    pub(super) grpc_meta: BTreeMap<String, String>,
}

/// What is said about TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Tls {
    pub(super) disabled: Option<bool>,
    pub(super) server_ca_cert_path: Option<PathBuf>,
    pub(super) server_ca_cert_data: Option<String>,
    pub(super) client_cert_path: Option<PathBuf>,
    pub(super) client_cert_data: Option<String>,
    pub(super) client_key_path: Option<PathBuf>,
    pub(super) client_key_data: Option<String>,
    pub(super) server_name: Option<String>,
    pub(super) disable_host_verification: Option<bool>,
}

/// What is said about a service that encodes payloads.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Codec {
    pub(super) endpoint: Option<String>,
    pub(super) auth: Option<String>,
}

/// A configuration file.
#[derive(Default, Deserialize)]
#[serde(default)]
struct File {
    profile: BTreeMap<String, Profile>,
}

impl Source {
    /// What the file says, and over it the variables.
    pub(super) fn profile(&self) -> anyhow::Result<Profile> {
        if self.env.is_some() || self.env_file.is_some() || variable("TEMPORAL_ENV").is_some() {
            return Err(usage(
                "the environments of `temporal env` are not read (--env, --env-file, TEMPORAL_ENV): write a profile, \
                 and name it with --profile",
            ));
        }
        let file = if self.disable_config_file { Profile::default() } else { self.file()? };
        if self.disable_config_env {
            return Ok(file);
        }
        Ok(file.under(of_variables(variable, env::vars())?))
    }

    fn file(&self) -> anyhow::Result<Profile> {
        let named = self.config_file.clone();
        let named = named.or_else(|| variable("TEMPORAL_CONFIG_FILE").map(PathBuf::from));
        let text = match named.or_else(default_file) {
            None => String::new(),
            Some(path) => match fs::read_to_string(&path) {
                Ok(text) => text,
                // As with Temporal's clients, a file that is not there says nothing.
                Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
                Err(error) => return Err(usage(format!("{}: {error}", path.display()))),
            },
        };
        let name = self.profile.clone().or_else(|| variable("TEMPORAL_PROFILE"));
        of_file(&text, name.as_deref())
    }
}

/// A profile of a configuration file. One that is named has to be there.
fn of_file(text: &str, name: Option<&str>) -> anyhow::Result<Profile> {
    let mut file: File = toml::from_str(text)
        .map_err(|error| usage(format!("the configuration file cannot be read: {error}")))?;
    match (file.profile.remove(name.unwrap_or("default")), name) {
        (Some(mut profile), _) => {
            profile.grpc_meta =
                profile.grpc_meta.into_iter().map(|(key, value)| (header(&key), value)).collect();
            Ok(profile)
        }
        (None, None | Some("default")) => Ok(Profile::default()),
        (None, Some(name)) => Err(usage(format!("the configuration file has no profile {name:?}"))),
    }
}

fn of_variables(
    variable: impl Fn(&str) -> Option<String>,
    all: impl Iterator<Item = (String, String)>,
) -> anyhow::Result<Profile> {
    let bool_of = |name: &str| match variable(name) {
        None => Ok(None),
        Some(text) => match &*text.to_lowercase() {
            "1" | "t" | "true" => Ok(Some(true)),
            "0" | "f" | "false" => Ok(Some(false)),
            _ => Err(usage(format!("{name} is {text:?}, which is neither true nor false"))),
        },
    };
    let path = |name: &str| variable(name).map(PathBuf::from);
    let enabled = bool_of("TEMPORAL_TLS")?;
    let tls = Tls {
        disabled: enabled.map(|enabled| !enabled),
        server_ca_cert_path: path("TEMPORAL_TLS_SERVER_CA_CERT_PATH"),
        server_ca_cert_data: variable("TEMPORAL_TLS_SERVER_CA_CERT_DATA"),
        client_cert_path: path("TEMPORAL_TLS_CLIENT_CERT_PATH"),
        client_cert_data: variable("TEMPORAL_TLS_CLIENT_CERT_DATA"),
        client_key_path: path("TEMPORAL_TLS_CLIENT_KEY_PATH"),
        client_key_data: variable("TEMPORAL_TLS_CLIENT_KEY_DATA"),
        server_name: variable("TEMPORAL_TLS_SERVER_NAME"),
        disable_host_verification: bool_of("TEMPORAL_TLS_DISABLE_HOST_VERIFICATION")?,
    };
    let meta = all.filter_map(|(name, value)| {
        Some((header(name.strip_prefix("TEMPORAL_GRPC_META_")?), value))
    });
    Ok(Profile {
        address: variable("TEMPORAL_ADDRESS"),
        namespace: variable("TEMPORAL_NAMESPACE"),
        api_key: variable("TEMPORAL_API_KEY"),
        tls: Some(tls).filter(|tls| *tls != Tls::default()),
        codec: Codec {
            endpoint: variable("TEMPORAL_CODEC_ENDPOINT"),
            auth: variable("TEMPORAL_CODEC_AUTH"),
        },
        grpc_meta: meta.collect(),
    })
}

/// A variable that is set to something.
fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// A header's name, as Temporal's clients make it from a variable's.
fn header(name: &str) -> String {
    name.to_lowercase().replace('_', "-")
}

fn default_file() -> Option<PathBuf> {
    let folder = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let user = match cfg!(target_os = "macos") {
        true => folder("HOME").map(|home| home.join("Library/Application Support")),
        false => folder("XDG_CONFIG_HOME").or_else(|| Some(folder("HOME")?.join(".config"))),
    };
    Some(user?.join("temporalio").join("temporal.toml"))
}

impl Profile {
    /// This, except where `over` says otherwise.
    pub(super) fn under(mut self, over: Profile) -> Profile {
        self.grpc_meta.extend(over.grpc_meta);
        Profile {
            address: over.address.or(self.address),
            namespace: over.namespace.or(self.namespace),
            api_key: over.api_key.or(self.api_key),
            tls: match (self.tls, over.tls) {
                (Some(tls), Some(over)) => Some(tls.under(over)),
                (tls, over) => over.or(tls),
            },
            codec: Codec {
                endpoint: over.codec.endpoint.or(self.codec.endpoint),
                auth: over.codec.auth.or(self.codec.auth),
            },
            grpc_meta: self.grpc_meta,
        }
    }
}

impl Tls {
    fn under(self, over: Tls) -> Tls {
        // What is named by a path in one place and given whole in another is one thing, said twice.
        let (server_ca_cert_path, server_ca_cert_data) = latter(
            (self.server_ca_cert_path, self.server_ca_cert_data),
            (over.server_ca_cert_path, over.server_ca_cert_data),
        );
        let (client_cert_path, client_cert_data) = latter(
            (self.client_cert_path, self.client_cert_data),
            (over.client_cert_path, over.client_cert_data),
        );
        let (client_key_path, client_key_data) = latter(
            (self.client_key_path, self.client_key_data),
            (over.client_key_path, over.client_key_data),
        );
        Tls {
            disabled: over.disabled.or(self.disabled),
            server_ca_cert_path,
            server_ca_cert_data,
            client_cert_path,
            client_cert_data,
            client_key_path,
            client_key_data,
            server_name: over.server_name.or(self.server_name),
            disable_host_verification: over
                .disable_host_verification
                .or(self.disable_host_verification),
        }
    }
}

type PathOrData = (Option<PathBuf>, Option<String>);

fn latter(one: PathOrData, over: PathOrData) -> PathOrData {
    if over == (None, None) { one } else { over }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"
        [profile.default]
        address = "one:1"
        [profile.other]
        address = "two:2"
        namespace = "n"
        of_another_client = 1
        [profile.other.tls]
        server_ca_cert_path = "ca.pem"
        server_name = "name"
        [profile.other.grpc_meta]
        Some_Header = "v"
    "#;

    fn of_pairs(pairs: &[(&str, &str)]) -> anyhow::Result<Profile> {
        let of = |name: &str| {
            pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        };
        of_variables(of, pairs.iter().map(|(key, value)| ((*key).into(), (*value).into())))
    }

    #[test]
    fn variables_stand_over_the_file() {
        let file = of_file(FILE, Some("other")).expect("it is there");
        assert_eq!(file.grpc_meta["some-header"], "v");
        let over = [
            ("TEMPORAL_NAMESPACE", "m"),
            ("TEMPORAL_TLS_SERVER_CA_CERT_DATA", "pem"),
            ("TEMPORAL_TLS", "false"),
            ("TEMPORAL_GRPC_META_SOME_HEADER", "w"),
        ];
        let both = file.under(of_pairs(&over).expect("they make sense"));
        assert_eq!(
            (both.address.as_deref(), both.namespace.as_deref()),
            (Some("two:2"), Some("m"))
        );
        let tls = both.tls.expect("both speak of it");
        assert_eq!((tls.server_ca_cert_path, tls.server_ca_cert_data), (None, Some("pem".into())));
        assert_eq!((tls.disabled, tls.server_name.as_deref()), (Some(true), Some("name")));
        assert_eq!(both.grpc_meta["some-header"], "w");
        assert!(of_pairs(&[("TEMPORAL_TLS", "perhaps")]).is_err());
        assert_eq!(of_pairs(&[]).expect("none says nothing"), Profile::default());
    }

    #[test]
    fn a_profile_that_is_named_has_to_be_there() {
        let address = |text, name| of_file(text, name).map(|it| it.address);
        assert_eq!(address(FILE, None).expect("it is there"), Some("one:1".into()));
        assert_eq!(address("", None).expect("none says nothing"), None);
        assert_eq!(address("", Some("default")).expect("none says nothing"), None);
        assert!(address(FILE, Some("third")).is_err());
        assert!(address("[profile", None).is_err());
    }
}
