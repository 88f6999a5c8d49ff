//! Where the host reads the time. Everything below it takes `now` as an argument.

use parking_lot::Mutex;
use sandglass_core::Timestamp;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::Notify;

/// The longest sleep on the machine's clock before it is looked at again.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// A clock: the machine's, or a test's, which stands until it is moved.
#[derive(Clone, Debug)]
pub struct Clock(Kind);

#[derive(Clone, Debug)]
enum Kind {
    System,
    Test(Arc<TestTime>),
}

#[derive(Debug)]
struct TestTime {
    now: Mutex<Timestamp>,
    moved: Notify,
    /// Until when each of those sleeps that sleep.
    sleepers: Mutex<Vec<Timestamp>>,
}

/// One who sleeps on a test's clock.
struct Sleeper<'a> {
    time: &'a TestTime,
    deadline: Timestamp,
}

impl Drop for Sleeper<'_> {
    fn drop(&mut self) {
        let mut sleepers = self.time.sleepers.lock();
        if let Some(at) = sleepers.iter().position(|deadline| *deadline == self.deadline) {
            sleepers.swap_remove(at);
        }
    }
}

impl Default for Clock {
    fn default() -> Self {
        Clock::system()
    }
}

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub fn system() -> Clock {
        Clock(Kind::System)
    }

    /// A clock that stands at `start` until [`Clock::advance`] moves it.
    #[must_use]
    pub fn test(start: Timestamp) -> Clock {
        Clock(Kind::Test(Arc::new(TestTime {
            now: Mutex::new(start),
            moved: Notify::new(),
            sleepers: Mutex::default(),
        })))
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Kind::System => {
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                Timestamp::default().after(since)
            }
            Kind::Test(time) => *time.now.lock(),
        }
    }

    /// Moves a test's clock and wakes who waits for it; the machine's clock cannot be moved, so then nothing happens.
    pub fn advance(&self, duration: Duration) {
        if let Kind::Test(time) = &self.0 {
            let mut now = time.now.lock();
            *now = now.after(duration);
            drop(now);
            time.moved.notify_waiters();
        }
    }

    /// Whether somebody who sleeps on a test's clock is late: the time has come, and he has not gone on yet. A test that moves the clock
    /// waits for that, so that nobody misses a moment.
    #[must_use]
    pub fn has_late_sleepers(&self) -> bool {
        match &self.0 {
            Kind::System => false,
            Kind::Test(time) => {
                let now = *time.now.lock();
                time.sleepers.lock().iter().any(|deadline| *deadline <= now)
            }
        }
    }

    /// Returns when `deadline` has come.
    pub async fn sleep_until(&self, deadline: Timestamp) {
        match &self.0 {
            Kind::System => {
                // The machine's clock may be set, and may have gone on while the machine slept, which a sleep does not see.
                loop {
                    let wait = deadline.since(self.now());
                    if wait.is_zero() {
                        return;
                    }
                    tokio::time::sleep(wait.min(LOOK_AGAIN)).await;
                }
            }
            Kind::Test(time) => {
                time.sleepers.lock().push(deadline);
                let _sleeper = Sleeper { time, deadline };
                loop {
                    let moved = time.moved.notified();
                    tokio::pin!(moved);
                    moved.as_mut().enable();
                    if self.now() >= deadline {
                        return;
                    }
                    moved.await;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_test_clock_wakes_its_sleepers() {
        let clock = Clock::test(Timestamp(5));
        let sleeper = tokio::spawn({
            let clock = clock.clone();
            async move { clock.sleep_until(Timestamp(10)).await }
        });
        tokio::task::yield_now().await;
        clock.advance(Duration::from_nanos(4));
        tokio::task::yield_now().await;
        assert!(!sleeper.is_finished());
        clock.advance(Duration::from_nanos(1));
        sleeper.await.unwrap();
        assert_eq!(clock.now(), Timestamp(10));
    }
}
