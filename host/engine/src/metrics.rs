//! What a host counts of itself, for who watches it. What lives here: the counters, and one reading of them all. What does not: how a reading
//! is written down (`sandglass-temporal` writes Prometheus's text).

use crate::client::ClientError;
use crate::engine::Engine;
use crate::store::{Comparison, Condition, NumberField, Test};
use crate::wasm::{self, WorkerStats};
use parking_lot::Mutex;
use sandglass_core::engine::Entry;
use sandglass_core::policy::WorkflowExecutionStatus;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// The upper bounds of the classes into which commits fall by how long they take, in seconds; the last class has none.
pub const COMMIT_SECONDS: [f64; 12] =
    [0.0001, 0.000_25, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5];

/// For how long a commit that the medium refused tells that the next one will be refused, too.
const REFUSAL_COUNTS: Duration = Duration::from_secs(60);

/// What is counted while entries are handed on.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// By Temporal's number of the type; the first is for types that are not known here.
    events: Numbered,
    /// In the order in which they were met first.
    changes: [Named; 32],
    pub(crate) workflow_tasks_started: AtomicU64,
    pub(crate) workflow_tasks_failed_again: AtomicU64,
}

impl Counters {
    pub(crate) fn count<'a>(&self, entries: impl Iterator<Item = &'a Entry>) {
        for entry in entries {
            match entry {
                Entry::Event(event) => {
                    let number = usize::try_from(event.attributes.event_type()).unwrap_or(0);
                    let known = self.events.0.get(number).unwrap_or(&self.events.0[0]);
                    known.is(event.attributes.name());
                }
                Entry::Change(change) => {
                    let name = change.name();
                    // There are fewer kinds than places.
                    let _ = self.changes.iter().any(|named| named.is(name));
                }
            }
        }
    }

    fn entries(&self) -> BTreeMap<&'static str, u64> {
        let named = self.events.0.iter().chain(&self.changes);
        let mut counts = BTreeMap::new();
        for Named { name, count } in named {
            if let Some(name) = name.get() {
                *counts.entry(*name).or_default() += count.load(Ordering::Relaxed);
            }
        }
        counts
    }
}

/// One for each of Temporal's event types, and for some that it may get.
#[derive(Debug)]
struct Numbered([Named; 96]);

impl Default for Numbered {
    fn default() -> Self {
        Numbered(std::array::from_fn(|_| Named::default()))
    }
}

/// A counter that has its name from what it counts first.
#[derive(Debug, Default)]
struct Named {
    name: OnceLock<&'static str>,
    count: AtomicU64,
}

impl Named {
    /// Counts, if that is its name.
    fn is(&self, name: &'static str) -> bool {
        let is = *self.name.get_or_init(|| name) == name;
        if is {
            self.count.fetch_add(1, Ordering::Relaxed);
        }
        is
    }
}

/// What the thread that commits counts.
#[derive(Debug, Default)]
pub(crate) struct CommitCounters {
    classes: [AtomicU64; COMMIT_SECONDS.len() + 1],
    nanoseconds: AtomicU64,
    failed: AtomicU64,
    refused_at: Mutex<Option<Instant>>,
}

impl CommitCounters {
    pub(crate) fn succeeded(&self, took: Duration) {
        let class = COMMIT_SECONDS.partition_point(|bound| *bound < took.as_secs_f64());
        self.classes[class].fetch_add(1, Ordering::Relaxed);
        let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
    }

    pub(crate) fn failed(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether the medium took the last batch.
    pub(crate) fn medium(&self, is_well: bool) {
        *self.refused_at.lock() = (!is_well).then(Instant::now);
    }

    /// Whether what is handed to it now will be written, as far as that is known.
    pub(crate) fn is_well(&self) -> bool {
        self.refused_at.lock().is_none_or(|at| at.elapsed() >= REFUSAL_COUNTS)
    }

    pub(crate) fn read(&self) -> CommitMetrics {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        CommitMetrics {
            classes: std::array::from_fn(|class| count(&self.classes[class])),
            seconds: Duration::from_nanos(count(&self.nanoseconds)).as_secs_f64(),
            failed: count(&self.failed),
        }
    }
}

/// The commits of a host since it was started.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CommitMetrics {
    /// Those that succeeded, by how long they took: up to each of [`COMMIT_SECONDS`], and longer.
    pub classes: [u64; COMMIT_SECONDS.len() + 1],
    /// How long they took together, in seconds.
    pub seconds: f64,
    /// Those that failed.
    pub failed: u64,
}

/// What a host has done since it was started, and what it is about.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct HostMetrics {
    /// Open runs in the store.
    pub workflows_open: u64,
    /// Entries of runs' logs by name: Temporal's event types, and the state changes that Temporal keeps out of histories. An entry counts
    /// when it is handed to the writer.
    pub entries: BTreeMap<&'static str, u64>,
    /// Workflow tasks that the worker of this process took.
    pub workflow_tasks_started: u64,
    /// Those of them that failed, from the second attempt on: their histories do not tell.
    pub workflow_tasks_failed_again: u64,
    /// Workflow tasks that wait for a worker.
    pub workflow_tasks_waiting: usize,
    /// Attempts of activities that wait for a worker.
    pub activity_tasks_waiting: usize,
    /// Transitions that are not durable yet.
    pub transitions_ahead: usize,
    /// The writer's commits.
    pub commits: CommitMetrics,
    /// The worker that runs components, if this host has one.
    pub worker: Option<WorkerStats>,
}

/// Watches a host. Cheap to clone; it does not keep the host alive.
#[derive(Clone)]
pub struct Monitor {
    engine: std::sync::Weak<Engine>,
    worker: Option<wasm::Worker>,
}

/// Why a host cannot do its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotReady {
    /// It stops, or is gone.
    #[error("the host stops")]
    Stopping,
    /// The last commit was refused, or there is nobody who commits.
    #[error("the store cannot be written")]
    Unwritable,
}

impl Monitor {
    pub(crate) fn new(engine: &Arc<Engine>, worker: Option<wasm::Worker>) -> Monitor {
        Monitor { engine: Arc::downgrade(engine), worker }
    }

    /// Whether the host can do its work.
    ///
    /// # Errors
    /// Why it cannot.
    pub fn ready(&self) -> Result<(), NotReady> {
        let engine = self.engine.upgrade().ok_or(NotReady::Stopping)?;
        match () {
            () if engine.is_stopping() => Err(NotReady::Stopping),
            () if engine.writer.has_stopped() || !engine.writer.is_well() => {
                Err(NotReady::Unwritable)
            }
            () => Ok(()),
        }
    }

    /// Reads everything.
    ///
    /// # Errors
    /// The store does not say how many runs are open, or the host is gone.
    pub async fn read(&self) -> Result<HostMetrics, ClientError> {
        // One that is halted is gone, though the last of its tasks may still be ending.
        let engine = self.engine.upgrade().filter(|engine| !engine.has_halted());
        let engine = engine.ok_or(ClientError::ShutDown)?;
        let running = i64::from(WorkflowExecutionStatus::Running.number());
        let is_open = Condition::Number(NumberField::Status, Test::Is(Comparison::Equal, running));
        let open = engine.count(Some(is_open)).await?;
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Ok(HostMetrics {
            workflows_open: open.iter().map(|(_, runs)| runs).sum(),
            entries: engine.counters.entries(),
            workflow_tasks_started: count(&engine.counters.workflow_tasks_started),
            workflow_tasks_failed_again: count(&engine.counters.workflow_tasks_failed_again),
            workflow_tasks_waiting: engine.workflow_tasks.waiting(),
            activity_tasks_waiting: engine.activity_tasks.waiting(),
            transitions_ahead: engine.writer.ahead(),
            commits: engine.writer.metrics(),
            worker: self.worker.as_ref().map(wasm::Worker::stats),
        })
    }
}
