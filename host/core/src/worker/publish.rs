//! What a run says to queries (D9): derived from the code, so replay brings it back.

use super::failure::{Misuse, Reason};
use super::run::Run;
use crate::payload::Payload;
use crate::task::Published;

/// The values of a run.
#[derive(Debug, Default)]
pub(super) struct Publications {
    values: Published,
    changed: bool,
}

impl Publications {
    /// All values, if any changed since the last answer.
    pub(super) fn take_changed(&mut self) -> Option<Published> {
        core::mem::take(&mut self.changed).then(|| self.values.clone())
    }
}

impl Run {
    /// Says what a query by that name answers, from the end of this task on.
    pub fn publish(&mut self, name: &str, value: Payload) -> Result<(), Misuse> {
        let values = &self.publications.values;
        let (bytes, max) = (name.len() + value.size(), self.limits.published_bytes_max);
        if bytes > max {
            let what = alloc::format!("what is published as {name:?}");
            return Err(self.exceed(Reason::PayloadTooLarge { what, bytes, max }));
        }
        let max = self.limits.published_names_max;
        if values.len() >= max && !values.contains_key(name) {
            return Err(self.exceed(Reason::TooMany { what: "published names", max }));
        }
        self.publications.values.insert(name.into(), value);
        self.publications.changed = true;
        Ok(())
    }

    /// All that the run has published.
    #[must_use]
    pub fn published(&self) -> &Published {
        &self.publications.values
    }
}
