//! What stands behind a workflow guest's imports: the run as the core has it, its log, its virtual WASI. The interfaces themselves are in
//! `imports` and `wasi`.

use super::control::Control;
use super::limits::Limiter;
use super::log::{Output, Stream};
use super::wasi::{Outside, Sleep, Wasi};
use parking_lot::{Mutex, MutexGuard};
use sandglass_core::Timestamp;
use sandglass_core::worker::{Misuse, Run, TimerKind, Wait};
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

/// A store's data. The run is shared with the worker, since the call that is parked borrows the store.
pub(super) struct Guest {
    run: Arc<Mutex<Run>>,
    pub(super) control: Arc<Control>,
    pub(super) output: Arc<Mutex<Output>>,
    pub(super) limiter: Limiter,
    /// Told to the worker: it cannot look into a store that is parked.
    pub(super) resident_bytes: Arc<std::sync::atomic::AtomicUsize>,
    pub(super) wasi: Wasi,
}

impl Guest {
    pub(super) fn new(
        run: Arc<Mutex<Run>>,
        control: Arc<Control>,
        output: Arc<Mutex<Output>>,
        limiter: Limiter,
        resident_bytes: Arc<std::sync::atomic::AtomicUsize>,
    ) -> Guest {
        Guest { run, control, output, limiter, resident_bytes, wasi: Wasi::default() }
    }

    pub(super) fn run(&self) -> MutexGuard<'_, Run> {
        self.run.lock()
    }

    /// Asks the run until it has an answer. It is asked again at each activation: the wait has no waker.
    pub(super) async fn ask<T>(
        &mut self,
        mut ask: impl FnMut(&mut Run) -> Result<Wait<T>, Misuse> + Send,
    ) -> wasmtime::Result<T> {
        poll_fn(|_| {
            let answer = ask(&mut self.run.lock());
            self.poll(answer)
        })
        .await
    }

    fn poll<T>(&mut self, answer: Result<Wait<T>, Misuse>) -> Poll<wasmtime::Result<T>> {
        match answer {
            Ok(Wait::Ready(answer)) => Poll::Ready(Ok(answer)),
            Ok(Wait::Blocked) => {
                if let Err(stopped) = self.run.lock().break_at_rest() {
                    return Poll::Ready(Err(stopped.into()));
                }
                let resident = self.limiter.resident_bytes();
                self.resident_bytes.store(resident, std::sync::atomic::Ordering::Relaxed);
                self.wasi.waits();
                Poll::Pending
            }
            Err(misuse) => Poll::Ready(Err(misuse.into())),
        }
    }
}

impl Outside for Guest {
    fn wasi(&mut self) -> &mut Wasi {
        &mut self.wasi
    }

    fn wall_clock(&self) -> Timestamp {
        self.run().now()
    }

    fn monotonic_clock(&self) -> u64 {
        self.run().now().0.unsigned_abs()
    }

    fn seed(&self) -> u64 {
        self.run().random_seed()
    }

    fn write(&mut self, stream: Stream, bytes: &[u8]) -> wasmtime::Result<()> {
        Ok(self.output.lock().write(stream, bytes)?)
    }

    fn begin_sleep(&mut self, duration: Duration) -> wasmtime::Result<Sleep> {
        Ok(self.run().start_timer(duration, TimerKind::Wasi, None)?)
    }

    fn is_awake(&mut self, sleep: Sleep) -> wasmtime::Result<bool> {
        Ok(!self.run().ready(&[sleep])?.is_empty())
    }

    fn poll_sleeps(
        &mut self,
        _context: &mut Context<'_>,
        sleeps: &[Sleep],
    ) -> Poll<wasmtime::Result<()>> {
        let answer = self.run.lock().wait_pollables(sleeps);
        self.poll(answer)
    }

    fn end_sleep(&mut self, sleep: Sleep) -> wasmtime::Result<()> {
        // Canceled if it runs, and taken. A timer ends at once when it is canceled, so this never waits.
        self.run().settle(&[sleep])?;
        Ok(())
    }
}
