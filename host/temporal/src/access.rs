//! Who may call: API keys, as Temporal's clients send them (`authorization: Bearer KEY`).
//!
//! Certificates are TLS's matter and are judged before anything is read. Who may do what is not told apart: a key opens everything.

use sha2::{Digest, Sha256};
use std::fmt;
use std::sync::Arc;
use subtle::{Choice, ConstantTimeEq};

/// The keys of which a caller needs one. Only their digests are kept, so that they stand in no dump and no log.
#[derive(Clone)]
pub struct ApiKeys {
    digests: Arc<[[u8; 32]]>,
}

/// What is wrong with a list of keys. A key is never part of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ApiKeysError {
    /// There is none, so nobody could call.
    #[error("there is no key in it")]
    Empty,
    /// A line that no client can send as a key.
    #[error("line {line}: a key is made of visible ASCII characters, without blanks")]
    NoKey {
        /// Which line, from 1.
        line: usize,
    },
}

impl ApiKeys {
    /// Reads a key from each line. Empty lines, and those that begin with `#`, are none.
    ///
    /// # Errors
    /// There is no key, or a line is none.
    pub fn parse(text: &str) -> Result<ApiKeys, ApiKeysError> {
        let mut digests = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let key = line.trim();
            if key.is_empty() || key.starts_with('#') {
                continue;
            }
            if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(ApiKeysError::NoKey { line: index + 1 });
            }
            digests.push(Sha256::digest(key).into());
        }
        match digests.is_empty() {
            true => Err(ApiKeysError::Empty),
            false => Ok(ApiKeys { digests: digests.into() }),
        }
    }

    /// Whether a request with these headers comes with a key. How long that takes tells nothing of the keys: digests are compared, each to its
    /// end, and with all of them.
    pub(crate) fn admit(&self, headers: &http::HeaderMap) -> bool {
        let Some(key) = headers.get(http::header::AUTHORIZATION).and_then(bearer) else {
            return false;
        };
        let digest: [u8; 32] = Sha256::digest(key).into();
        let known = |known: &[u8; 32]| known.ct_eq(&digest);
        self.digests.iter().map(known).fold(Choice::from(0), |any, it| any | it).into()
    }
}

impl fmt::Debug for ApiKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKeys({})", self.digests.len())
    }
}

/// The key after the scheme, whose case does not matter.
fn bearer(value: &http::HeaderValue) -> Option<&[u8]> {
    let (scheme, key) = value.as_bytes().split_at_checked("Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| key.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(keys: &ApiKeys, value: Option<&str>) -> bool {
        let mut headers = http::HeaderMap::new();
        if let Some(value) = value {
            headers.insert("authorization", value.parse().expect("a header"));
        }
        keys.admit(&headers)
    }

    #[test]
    fn who_has_a_key_is_admitted() {
        let keys = ApiKeys::parse("# ours\n\n first-key \r\nsecond-key").expect("keys");
        for good in ["Bearer first-key", "bearer second-key", "BEARER  first-key"] {
            assert!(admitted(&keys, Some(good)), "{good}");
        }
        for bad in ["", "Bearer", "Bearer ", "first-key", "Bearer first", "Basic first-key"] {
            assert!(!admitted(&keys, Some(bad)), "{bad}");
        }
        assert!(!admitted(&keys, Some("Bearer # ours")) && !admitted(&keys, None));
    }

    #[test]
    fn a_wrong_list_says_where_and_keeps_the_key() {
        assert_eq!(ApiKeys::parse("# none\n\n").unwrap_err(), ApiKeysError::Empty);
        let error = ApiKeys::parse("good\nsecret with blanks").unwrap_err();
        assert_eq!(error, ApiKeysError::NoKey { line: 2 });
        assert!(!error.to_string().contains("secret"));
        let keys = ApiKeys::parse("secret").expect("a key");
        assert_eq!(format!("{keys:?}"), "ApiKeys(1)");
    }
}
