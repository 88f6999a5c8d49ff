//! What cannot follow: an entry that no state change leads to. It means a corrupt log, or a defect here.

use super::RequestError;
use alloc::string::ToString;

/// An entry that cannot follow a state.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{step} cannot follow while the {machine} is {state}")]
pub(super) struct Illegal {
    /// The machine that refuses.
    pub machine: &'static str,
    /// Its state.
    pub state: &'static str,
    /// What was to follow.
    pub step: &'static str,
}

impl From<Illegal> for RequestError {
    fn from(illegal: Illegal) -> Self {
        RequestError::Inconsistent(illegal.to_string())
    }
}
