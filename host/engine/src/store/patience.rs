//! How long a search goes on. A store asks this while it searches; who waits for the answer, and for how long, is decided elsewhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// It is over when its time is, or when nobody waits any more. Its clones are one; the default one has no end of its own.
#[derive(Clone, Debug, Default)]
pub struct Patience {
    until: Option<Instant>,
    ended: Arc<AtomicBool>,
}

impl Patience {
    /// From now on for that time.
    #[must_use]
    pub fn of(time: Duration) -> Self {
        // What no clock can say is no end.
        Patience { until: Instant::now().checked_add(time), ..Patience::default() }
    }

    /// Nobody waits any more.
    pub fn end(&self) {
        self.ended.store(true, Ordering::Relaxed);
    }

    /// Whether it is over.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
            || self.until.is_some_and(|until| Instant::now() >= until)
    }
}
