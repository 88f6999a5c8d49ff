//! The host that programs embed: a store, an engine, workers, and the client to them.

mod builder;

pub use builder::{HostBuilder, HostError};

use crate::activity::ActivityTasks;
use crate::client::{Client, ClientError};
use crate::engine::{Engine, READ_AGAIN};
use crate::metrics::Monitor;
use crate::wasm;
use sandglass_core::engine::{CancelReason, Request};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;

/// A running host. Dropping it stops it at once, as a crash would: everything that was answered is durable, and the next host on the
/// same store goes on. [`Host::shutdown`] stops it in good order. The store's file stays locked until the last [`Client`] is gone, too.
pub struct Host {
    engine: Arc<Engine>,
    timekeeper: JoinHandle<()>,
    /// Where components are loaded; none if the embedder brought a worker of its own.
    guests: Option<(wasm::Engine, wasm::Worker)>,
}

impl Host {
    /// What a host is made of.
    pub fn builder() -> HostBuilder {
        HostBuilder::default()
    }

    /// A client to this host.
    #[must_use]
    pub fn client(&self) -> Client {
        Client::new(Arc::clone(&self.engine))
    }

    /// Where workers outside this process get activities.
    #[must_use]
    pub fn activity_tasks(&self) -> ActivityTasks {
        ActivityTasks::new(Arc::clone(&self.engine))
    }

    /// What watches this host.
    #[must_use]
    pub fn monitor(&self) -> Monitor {
        Monitor::new(&self.engine, self.guests.as_ref().map(|(_, worker)| worker.clone()))
    }

    /// Commits so far, for measurements.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.engine.writer.commits()
    }

    /// Stops in good order (D16): no new tasks; activities learn `WorkerShutdown` and have until `grace` is over; then everything
    /// that was accepted is written.
    pub async fn shutdown(self, grace: Duration) {
        self.engine.stop();
        self.timekeeper.abort();
        let until = tokio::time::Instant::now() + grace;
        for slot in self.engine.runs.all() {
            for attempt in slot.attempts.lock().values() {
                attempt.cancel.send_if_modified(|word| {
                    let first = word.is_none();
                    word.get_or_insert(CancelReason::WorkerShutdown);
                    first
                });
            }
        }
        while self.engine.has_attempts() && tokio::time::Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.engine.writer.shutdown().await;
    }

    /// Serves that workflow type with that component from the next task on. Open runs go on with it, and those whose task keeps failing
    /// try it at once (D16).
    ///
    /// # Errors
    /// The component is refused, or the host was built with a worker that runs no components.
    pub async fn register(
        &self,
        workflow_type: &str,
        component: impl Into<Vec<u8>>,
    ) -> Result<(), HostError> {
        let Some((wasm, worker)) = &self.guests else { return Err(HostError::NoComponents) };
        let (wasm, bytes) = (wasm.clone(), component.into());
        // Compiling takes seconds; the threads that serve requests must not wait for it.
        let load = move || wasm::WorkflowComponent::load(&wasm, &bytes);
        let loaded = self.engine.runtime.spawn_blocking(load).await;
        let component = loaded
            .map_err(|error| HostError::Threads(error.to_string()))?
            .map_err(|error| HostError::Component { name: workflow_type.into(), error })?;
        worker.register(workflow_type, component);
        self.engine.retry_failing(workflow_type);
        self.engine.pump();
        Ok(())
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.engine.halt();
        self.timekeeper.abort();
    }
}

/// Puts runs in motion when their time has come.
async fn keep_time(engine: Arc<Engine>) {
    loop {
        let due = engine.timers.next_due(&engine.clock, engine.options.due_runs_at_once).await;
        for workflow_id in due {
            engine.writer.admit().await;
            let slot = engine.slot(&workflow_id);
            let advanced = engine
                .with_loaded(&slot, |state| {
                    let live = state.live(None)?;
                    live.is_open().then(|| engine.step(&slot, live, Request::Advance))
                })
                .await;
            match advanced {
                Ok(None | Some(Ok(_))) => {}
                // The run stands still and the others go on.
                Ok(Some(Err(error))) => tracing::error!(%workflow_id, %error, "the run is stuck"),
                Err(error) => {
                    tracing::error!(%workflow_id, %error, "the run cannot be read");
                    if matches!(error, ClientError::Store(_)) {
                        let again = engine.clock.now().after(READ_AGAIN);
                        engine.timers.set(&workflow_id, Some(again));
                    }
                }
            }
        }
    }
}
