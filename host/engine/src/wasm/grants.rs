//! What an operator grants an activity that is a component: environment variables, folders, hosts that it may reach over HTTP. Nothing, if not said.
//!
//! What lives here: what can be granted, and whether a request is. What does not: how a guest reaches it (`activity::outside`).

use http::Uri;
use http::uri::{Authority, Scheme};
use std::collections::BTreeMap;
use std::fmt;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::str::FromStr;

/// What one activity may have of the machine that it runs on. The default is nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Grants {
    pub(super) environment: BTreeMap<String, String>,
    pub(super) folders: Vec<Folder>,
    http: Vec<HttpHost>,
}

impl Grants {
    /// With that environment variable.
    pub fn environment(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.environment.insert(name.into(), value.into());
        self
    }

    /// With that folder and all that is in it.
    pub fn folder(mut self, folder: Folder) -> Self {
        self.folders.push(folder);
        self
    }

    /// With requests to that host.
    pub fn http(mut self, host: HttpHost) -> Self {
        self.http.push(host);
        self
    }

    /// Whether every folder is one, and can be read.
    pub(crate) fn check(&self) -> Result<(), (PathBuf, std::io::Error)> {
        for Folder { path, .. } in &self.folders {
            std::fs::read_dir(path).map_err(|error| (path.clone(), error))?;
        }
        Ok(())
    }

    /// Whether a request to that address is granted.
    #[must_use]
    pub fn allows(&self, uri: &Uri) -> bool {
        self.http.iter().any(|host| host.matches(uri))
    }
}

/// A folder that is granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// Where it is on this machine. Of what it holds, files and folders can be opened, and no pipes or devices.
    pub path: PathBuf,
    /// What guests call it, like `/data`.
    pub name: String,
    /// What they may do there.
    pub access: Access,
}

/// What may be done in a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Files are read and listed.
    Read,
    /// Files are made, changed and removed, too.
    Write,
}

/// A host that may be reached: `[http://|https://]HOST[:PORT]`. Without a scheme, both; without a port, the scheme's own. `*.example.com` is
/// every host below `example.com`, and `*` every host there is, those of the machine and its network among them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpHost {
    scheme: Option<Scheme>,
    host: Hosts,
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Hosts {
    Any,
    Below(String),
    One(String),
}

/// Text that names no host.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} names no host: write [http://|https://]HOST[:PORT], where HOST can begin with `*.` or be `*`"
)]
pub struct NoHttpHost(String);

impl FromStr for HttpHost {
    type Err = NoHttpHost;

    fn from_str(text: &str) -> Result<HttpHost, NoHttpHost> {
        let wrong = || NoHttpHost(text.to_owned());
        let (scheme, rest) = match text.split_once("://") {
            Some(("http", rest)) => (Some(Scheme::HTTP), rest),
            Some(("https", rest)) => (Some(Scheme::HTTPS), rest),
            Some(_) => return Err(wrong()),
            None => (None, text),
        };
        let authority: Authority = rest.parse().map_err(|_| wrong())?;
        let port = match (authority.port(), rest.ends_with(']')) {
            (Some(port), _) => Some(port.as_str().parse().map_err(|_| wrong())?),
            (None, true) => None,
            // `host:` and `host:port` are no ports.
            (None, false) if rest.contains(':') => return Err(wrong()),
            (None, false) => None,
        };
        let host = canonical(authority.host());
        let host = match host.strip_prefix("*.") {
            _ if authority.as_str().contains('@') || host.is_empty() => return Err(wrong()),
            _ if authority.host() == "*." => return Err(wrong()),
            Some(below) if !below.is_empty() && !below.contains('*') => Hosts::Below(below.into()),
            None if host == "*" => Hosts::Any,
            None if !host.contains('*') => Hosts::One(host),
            _ => return Err(wrong()),
        };
        Ok(HttpHost { scheme, host, port })
    }
}

impl fmt::Display for HttpHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(scheme) = &self.scheme {
            write!(f, "{scheme}://")?;
        }
        match &self.host {
            Hosts::Any => f.write_str("*")?,
            Hosts::Below(host) => write!(f, "*.{host}")?,
            Hosts::One(host) => f.write_str(host)?,
        }
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

impl HttpHost {
    fn matches(&self, uri: &Uri) -> bool {
        let (Some(scheme), Some(authority)) = (uri.scheme(), uri.authority()) else { return false };
        // What stands before an `@` could make a host look like another.
        if authority.as_str().contains('@') {
            return false;
        }
        let own_port = match scheme {
            _ if *scheme == Scheme::HTTP => 80,
            _ if *scheme == Scheme::HTTPS => 443,
            _ => return false,
        };
        let host = canonical(authority.host());
        let is_host = match &self.host {
            Hosts::Any => true,
            Hosts::Below(below) => host
                .strip_suffix(below.as_str())
                .is_some_and(|it| it.len() > 1 && it.ends_with('.')),
            Hosts::One(one) => host == *one,
        };
        let Some(port) = port_of(authority, own_port) else { return false };
        let is_port = match (self.port, &self.host) {
            (Some(granted), _) => port == granted,
            (None, Hosts::Any) => true,
            (None, _) => port == own_port,
        };
        is_host && is_port && self.scheme.as_ref().is_none_or(|granted| granted == scheme)
    }
}

/// Which port that address means; none if it is written in a way that not everybody reads alike.
fn port_of(authority: &Authority, own_port: u16) -> Option<u16> {
    let rest = authority.as_str().strip_prefix(authority.host())?;
    let Some(written) = rest.strip_prefix(':') else { return Some(own_port) };
    written.parse().ok().filter(|port: &u16| port.to_string() == written)
}

/// Names of hosts know no case, and a dot at their end changes nothing. Behind a number it makes a name of it.
fn canonical(host: &str) -> String {
    let name = host.strip_suffix('.').filter(|name| name.parse::<Ipv4Addr>().is_err());
    name.unwrap_or(host).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(granted: &str, uri: &str) -> bool {
        let grants = Grants::default().http(granted.parse().unwrap());
        grants.allows(&uri.parse().unwrap())
    }

    #[test]
    fn nothing_is_granted_by_default() {
        assert!(!Grants::default().allows(&Uri::from_static("https://example.com/")));
    }

    #[test]
    fn a_host_is_granted_with_the_ports_of_its_schemes() {
        for uri in ["https://example.com/a?b", "http://example.com", "https://EXAMPLE.com.:443/"] {
            assert!(allows("example.com", uri), "{uri}");
        }
        for uri in [
            "https://example.com:8443/",
            "http://example.com:443/",
            "https://www.example.com/",
            "https://notexample.com/",
            "https://example.com.evil.org/",
            "https://example.com@evil.org/",
            "https://evil.org@example.com/",
            "ftp://example.com/",
            "/path",
        ] {
            assert!(!allows("example.com", uri), "{uri}");
        }
    }

    #[test]
    fn a_scheme_and_a_port_narrow_it() {
        assert!(allows("http://127.0.0.1:8080", "http://127.0.0.1:8080/"));
        assert!(!allows("http://127.0.0.1:8080", "https://127.0.0.1:8080/"));
        assert!(!allows("http://127.0.0.1:8080", "http://127.0.0.1/"));
        assert!(allows("https://example.com", "https://example.com/"));
        assert!(!allows("https://example.com", "http://example.com/"));
        assert!(allows("[::1]:81", "http://[::1]:81/"));
        assert!(allows("[::1]", "http://[::1]/"));
        for uri in ["http://127.1/", "http://127.0.0.1./", "http://127.0.0.1:/"] {
            assert!(!allows("127.0.0.1", uri), "{uri}");
        }
    }

    #[test]
    fn a_port_is_written_in_one_way() {
        assert!(allows("example.com:8080", "http://example.com:8080/"));
        for port in ["08080", "+8080", "73616", ""] {
            let uri = format!("http://example.com:{port}/");
            for granted in ["example.com:8080", "example.com"] {
                // What the address itself cannot be read with is no request at all.
                if let Ok(uri) = uri.parse::<Uri>() {
                    assert!(
                        !Grants::default().http(granted.parse().unwrap()).allows(&uri),
                        "{uri}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_star_is_every_host_below() {
        assert!(allows("*.example.com", "https://a.b.example.com/"));
        assert!(!allows("*.example.com", "https://example.com/"));
        assert!(!allows("*.example.com", "https://badexample.com/"));
        assert!(!allows("*.example.com", "https://.example.com/"));
        assert!(allows("*", "http://10.0.0.1:99/"));
        assert!(allows("https://*", "https://anything/"));
        assert!(!allows("https://*", "http://anything/"));
    }

    #[test]
    fn what_names_no_host_is_refused() {
        for text in [
            "", "https://", "ftp://a", "a b", "a/b", "a:b", "a:", "a:99999", "*a", "a.*", "*.",
            "u@h", "**",
        ] {
            assert!(text.parse::<HttpHost>().is_err(), "{text}");
        }
        for text in ["https://*.a.com:8443", "a", "http://[::1]:3", "*"] {
            assert_eq!(text.parse::<HttpHost>().unwrap().to_string(), text);
        }
    }
}
