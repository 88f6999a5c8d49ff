//! How a guest that runs is watched and ended from outside (D6). Nothing that a guest sees depends on it.

use super::limits::LimitHit;
use parking_lot::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use wasmtime::UpdateDeadline;

/// The guest's run is over: it never runs again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the guest was ended from outside")]
pub(super) struct Ended;

/// One instance's own flag and its clock.
#[derive(Debug)]
pub(super) struct Control {
    ended: AtomicBool,
    /// The thread's processor time when the guest was last given a core, in nanoseconds.
    began: AtomicU64,
    /// Processor time of the activation's earlier slices, in nanoseconds.
    earlier: AtomicU64,
    deadlock_timeout: Duration,
    /// How long a guest may hold a core while others wait.
    slice: Duration,
    /// Told when the guest is ended; an activity waits for it.
    waker: Mutex<Option<Waker>>,
}

impl Control {
    pub(super) fn new(deadlock_timeout: Duration, slice: Duration) -> Control {
        Control {
            ended: AtomicBool::new(false),
            began: AtomicU64::new(0),
            earlier: AtomicU64::new(0),
            deadlock_timeout,
            slice,
            waker: Mutex::new(None),
        }
    }

    /// Ends the guest at its next look at the epoch, which the caller raises.
    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::Release);
        if let Some(waker) = self.waker.lock().take() {
            waker.wake();
        }
    }

    /// Ready once the guest is ended.
    pub(super) fn poll_ended(&self, context: &mut Context<'_>) -> Poll<()> {
        *self.waker.lock() = Some(context.waker().clone());
        match self.is_ended() {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }

    pub(super) fn is_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// A new activation begins.
    pub(super) fn activate(&self) {
        self.earlier.store(0, Ordering::Relaxed);
    }

    /// The guest is given this thread's core.
    pub(super) fn give_core(&self) {
        self.began.store(thread_time(), Ordering::Relaxed);
    }

    /// What becomes of the guest when the epoch was raised.
    pub(super) fn look(&self) -> wasmtime::Result<UpdateDeadline> {
        if self.is_ended() {
            return Err(Ended.into());
        }
        let slice =
            Duration::from_nanos(thread_time().saturating_sub(self.began.load(Ordering::Relaxed)));
        let on_core = Duration::from_nanos(self.earlier.load(Ordering::Relaxed)) + slice;
        if on_core > self.deadlock_timeout {
            return Err(LimitHit::Deadlock { max: self.deadlock_timeout }.into());
        }
        if slice < self.slice {
            return Ok(UpdateDeadline::Continue(1));
        }
        self.earlier
            .store(u64::try_from(on_core.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
        Ok(UpdateDeadline::Yield(1))
    }
}

/// Processor time of this thread, in nanoseconds: on a busy machine a guest is not charged for what others compute.
fn thread_time() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is valid for writing, which is all that the call needs. It cannot fail with this clock.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs()
}
