//! The workflow worker of this process: it takes workflow tasks, and answers them by running guests (D13).
//!
//! How many runs are held, and which is dropped first, is its own affair: a run that it does not hold is replayed.

use super::component::WorkflowComponent;
use super::control::Control;
use super::engine::Engine;
use super::executor::{Executor, Job};
use super::held::{Held, Seat};
use super::log::{LogSink, Output, Writer, tracing_sink};
use super::turn::{Turn, failed};
use parking_lot::{Mutex, RwLock};
use sandglass_core::Failure;
use sandglass_core::event::HistoryEvent;
use sandglass_core::event::workflow_task::FailedCause;
use sandglass_core::task::{Answer, WorkflowTask};
use sandglass_core::worker::Run;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::oneshot;

/// The namespace of runs where nobody says otherwise.
pub(super) const NAMESPACE: &str = "default";

/// What a [`Worker`] is made with.
#[derive(Clone)]
pub struct WorkerOptions {
    /// The namespace of all runs.
    pub namespace: String,
    /// Who answers, as histories have it.
    pub identity: String,
    /// Threads for guests.
    pub threads: usize,
    /// Runs that are held while they wait.
    pub cached_runs_max: usize,
    /// About how many bytes those may hold.
    pub cached_bytes_max: usize,
    /// Where what guests write goes.
    pub log: LogSink,
    /// Whether lines go there that a guest writes again while it is replayed.
    pub log_replays: bool,
}

impl WorkerOptions {
    /// As many threads as cores, and as many runs as the engine has instances for (D17).
    #[must_use]
    pub fn for_engine(engine: &Engine) -> WorkerOptions {
        let threads = std::thread::available_parallelism().map_or(2, usize::from);
        let instances = engine.options().instances_max as usize;
        WorkerOptions {
            namespace: NAMESPACE.into(),
            identity: format!("{}@sandglass", std::process::id()),
            threads,
            // Those that run need instances, too.
            cached_runs_max: instances.saturating_sub(threads + instances / 16).max(1),
            cached_bytes_max: 768 * 1024 * 1024,
            log: tracing_sink(),
            log_replays: false,
        }
    }
}

impl std::fmt::Debug for WorkerOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WorkerOptions")
            .field("identity", &self.identity)
            .field("threads", &self.threads)
            .field("cached_runs_max", &self.cached_runs_max)
            .field("cached_bytes_max", &self.cached_bytes_max)
            .finish_non_exhaustive()
    }
}

/// Where a worker gets the history that a task does not bring.
pub trait HistorySource: Send {
    /// The events of the task's run from `first_event_id` on, as many as are convenient; at least one if there are any.
    fn page(
        &mut self,
        first_event_id: i64,
    ) -> impl Future<Output = Result<Vec<Arc<HistoryEvent>>, String>> + Send;

    /// Whether the task is still to be answered. It is asked once [`Worker::evict`] would find the task: of a run that was evicted
    /// before, no code runs.
    fn task_stands(&self) -> bool {
        true
    }
}

/// A task was given up without an answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Abandoned {
    /// Its run was evicted, or nobody waited for it any more.
    #[error("the run was evicted while its workflow task ran")]
    Evicted,
    /// The worker is gone.
    #[error("the worker was stopped while the workflow task waited")]
    Stopped,
    /// Its history could not be had, or did not fit together.
    #[error("the run's history cannot be used: {0}")]
    History(String),
    /// Every instance is in use: try again.
    #[error("{0}")]
    NoRoom(String),
}

/// What a worker has done, and what it holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WorkerStats {
    /// Runs that are held while they wait.
    pub cached_runs: usize,
    /// About how many bytes those hold.
    pub cached_bytes: usize,
    /// Tasks that wait for a thread, or for their turn on one.
    pub waiting: usize,
    /// Tasks that were taken.
    pub tasks: u64,
    /// Tasks whose run was held.
    pub hits: u64,
    /// Tasks whose run had to be replayed.
    pub replays: u64,
    /// Runs that were dropped to make room.
    pub evictions: u64,
    /// Tasks that failed.
    pub failures: u64,
    /// Those of them whose guest could not go on: it trapped, hit a bound, misused an import or ended its process.
    pub traps: u64,
}

/// The workflow worker. Cheap to clone; its threads end with the last handle.
#[derive(Clone, Debug)]
pub struct Worker(Arc<Handle>);

/// Ends the guests when the last handle goes; tasks that run hold only what is inside.
struct Handle(Arc<Inner>);

pub(super) struct Inner {
    pub(super) engine: Engine,
    pub(super) options: WorkerOptions,
    pub(super) stats: Counters,
    types: RwLock<BTreeMap<String, WorkflowComponent>>,
    held: Mutex<Held>,
    executor: Executor,
}

#[derive(Default)]
pub(super) struct Counters {
    tasks: AtomicU64,
    hits: AtomicU64,
    replays: AtomicU64,
    evictions: AtomicU64,
    pub(super) failures: AtomicU64,
    pub(super) traps: AtomicU64,
}

impl Worker {
    /// A worker without types, and its threads.
    pub fn new(engine: &Engine, options: WorkerOptions) -> io::Result<Worker> {
        let inner = Inner {
            engine: engine.clone(),
            executor: Executor::new(options.threads.max(1))?,
            held: Mutex::new(Held::new(options.cached_runs_max, options.cached_bytes_max)),
            options,
            stats: Counters::default(),
            types: RwLock::default(),
        };
        Ok(Worker(Arc::new(Handle(Arc::new(inner)))))
    }

    /// Serves that workflow type with that component, from the next task on; open runs go on with it, too (D16).
    pub fn register(&self, workflow_type: impl Into<String>, component: WorkflowComponent) {
        self.inner().types.write().insert(workflow_type.into(), component);
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.inner().engine
    }

    /// The types that it serves.
    #[must_use]
    pub fn types(&self) -> Vec<String> {
        self.inner().types.read().keys().cloned().collect()
    }

    /// The component that serves a type.
    #[must_use]
    pub fn component(&self, workflow_type: &str) -> Option<WorkflowComponent> {
        self.inner().types.read().get(workflow_type).cloned()
    }

    /// Works on a task: resumes its run if it is held, else replays it, asking `history` for what the task does not bring. Dropping the
    /// future gives the task up, also if the guest computes without end.
    pub fn execute<H: HistorySource>(
        &self,
        task: WorkflowTask,
        history: H,
    ) -> impl Future<Output = Result<Answer, Abandoned>> + Send + use<H> {
        let inner = Arc::clone(self.inner());
        async move { execute(inner, task, history).await }
    }

    /// Drops a run. If its guest runs, it is ended wherever it is and never runs again; its task is [`Abandoned::Evicted`].
    pub fn evict(&self, run_id: &str) {
        let inner = self.inner();
        let mut held = inner.held.lock();
        let seat = held.take(run_id);
        let running = held.running(run_id).cloned();
        drop(held);
        if let Some(control) = running {
            control.end();
            inner.engine.wasmtime().increment_epoch();
        }
        if let Some(seat) = seat {
            inner.executor.submit(Box::new(Discard(seat)));
        }
    }

    /// Drops a run if it is parked. A guest that runs goes on.
    pub fn forget(&self, run_id: &str) {
        let inner = self.inner();
        let seat = inner.held.lock().take(run_id);
        if let Some(seat) = seat {
            inner.executor.submit(Box::new(Discard(seat)));
        }
    }

    /// What it has done, and what it holds.
    #[must_use]
    pub fn stats(&self) -> WorkerStats {
        let inner = self.inner();
        let (cached_runs, cached_bytes) = inner.held.lock().size();
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        WorkerStats {
            cached_runs,
            cached_bytes,
            waiting: inner.executor.waiting(),
            tasks: count(&inner.stats.tasks),
            hits: count(&inner.stats.hits),
            replays: count(&inner.stats.replays),
            evictions: count(&inner.stats.evictions),
            failures: count(&inner.stats.failures),
            traps: count(&inner.stats.traps),
        }
    }

    fn inner(&self) -> &Arc<Inner> {
        &self.0.0
    }
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Worker").field("options", &self.0.options).finish_non_exhaustive()
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        let inner = &self.0;
        inner.executor.close();
        for control in inner.held.lock().all_running() {
            control.end();
        }
        inner.engine.wasmtime().increment_epoch();
    }
}

/// A store is dropped on a guest thread: it takes its time.
struct Discard(#[expect(dead_code, reason = "it is there to be dropped")] Seat);

impl Job for Discard {
    fn step(self: Box<Self>) -> Option<Box<dyn Job>> {
        None
    }
}

/// Ends the guest when the task's future is dropped before its time.
struct Watch {
    inner: Arc<Inner>,
    run_id: String,
    control: Arc<Control>,
    armed: bool,
}

impl Drop for Watch {
    fn drop(&mut self) {
        if self.armed {
            self.inner.held.lock().rest(&self.run_id, &self.control);
            self.control.end();
            self.inner.engine.wasmtime().increment_epoch();
        }
    }
}

async fn execute<H: HistorySource>(
    inner: Arc<Inner>,
    mut task: WorkflowTask,
    mut history: H,
) -> Result<Answer, Abandoned> {
    inner.stats.tasks.fetch_add(1, Ordering::Relaxed);
    let component = inner.types.read().get(&task.workflow_type).cloned();
    let Some(component) = component else { return Ok(unknown_type(&inner, task)) };
    let (seat, fresh) = inner.seat(&task, component);
    let mut watch = Watch {
        inner: Arc::clone(&inner),
        run_id: task.execution.run_id.clone(),
        control: Arc::clone(&seat.control),
        armed: true,
    };
    if !history.task_stands() {
        inner.executor.submit(Box::new(Discard(seat)));
        return Err(Abandoned::Evicted);
    }
    let events = match fresh {
        false => std::mem::take(&mut task.history),
        true => whole_history(&mut task, &mut history).await?,
    };
    let (reply, answer) = oneshot::channel();
    inner.executor.submit(Box::new(Turn {
        inner: Arc::clone(&inner),
        seat,
        token: task.token,
        decided_by: None,
        events,
        in_guest: false,
        refusals: 0,
        reply,
    }));
    let Ok(answer) = answer.await else { return Err(Abandoned::Stopped) };
    watch.armed = false;
    answer
}

/// All events up to the task's WorkflowTaskStarted.
async fn whole_history<H: HistorySource>(
    task: &mut WorkflowTask,
    history: &mut H,
) -> Result<Vec<Arc<HistoryEvent>>, Abandoned> {
    let hint_from = task.history_first_event_id();
    let hint = std::mem::take(&mut task.history);
    if hint_from == 1 {
        return Ok(hint);
    }
    let mut events: Vec<Arc<HistoryEvent>> = Vec::new();
    let mut next = 1;
    while next < hint_from {
        let page = history.page(next).await.map_err(Abandoned::History)?;
        let Some(last) = page.last() else {
            let sentence =
                format!("event {next} is missing: the page that begins with it is empty");
            return Err(Abandoned::History(sentence));
        };
        next = last.event_id + 1;
        events.extend(page.into_iter().filter(|event| event.event_id < hint_from));
    }
    events.extend(hint);
    Ok(events)
}

fn unknown_type(inner: &Inner, task: WorkflowTask) -> Answer {
    let known: Vec<String> = inner.types.read().keys().cloned().collect();
    let known = match known.is_empty() {
        true => "none is".to_owned(),
        false => format!("registered: {}", known.join(", ")),
    };
    let failure = Failure {
        source: "sandglass".into(),
        ..Failure::application(
            format!("workflow type {:?} is not registered here; {known}", task.workflow_type),
            "NotFound",
            false,
        )
    };
    let cause = FailedCause::WorkflowWorkerUnhandledFailure;
    failed(inner, task.token, String::new(), cause, failure)
}

impl Inner {
    /// The run's seat, and whether it is a fresh one that needs all of the history.
    fn seat(&self, task: &WorkflowTask, component: WorkflowComponent) -> (Seat, bool) {
        let run_id = &task.execution.run_id;
        let mut held = self.held.lock();
        let parked = held.take(run_id);
        let (usable, stale) = match parked {
            Some(seat) if fits(&seat, task, &component) => (Some(seat), None),
            other => (None, other),
        };
        let fresh = usable.is_none();
        let seat = usable.unwrap_or_else(|| self.fresh_seat(task, component));
        held.begin(run_id, &seat.control);
        drop(held);
        if let Some(stale) = stale {
            self.executor.submit(Box::new(Discard(stale)));
        }
        let counter = match fresh {
            false => &self.stats.hits,
            true => &self.stats.replays,
        };
        // A first task has nothing to replay.
        if !fresh || task.previous_started_event_id != 0 {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        (seat, fresh)
    }

    fn fresh_seat(&self, task: &WorkflowTask, component: WorkflowComponent) -> Seat {
        let limits = &self.engine.options().limits;
        let mut run = Run::new(limits.run.clone());
        run.identify(&self.options.namespace, &task.execution);
        let mut output = Output::new(Arc::clone(&self.options.log), limits);
        output.writer = Writer {
            workflow_id: task.execution.workflow_id.clone(),
            run_id: task.execution.run_id.clone(),
            type_name: task.workflow_type.clone(),
            attempt: task.attempt,
        };
        output.replays_shown = self.options.log_replays;
        let control = Control::new(limits.deadlock_timeout, self.engine.options().tick / 2);
        Seat {
            run: Arc::new(Mutex::new(run)),
            output: Arc::new(Mutex::new(output)),
            control: Arc::new(control),
            component,
            instance: None,
        }
    }

    /// A task has come to its end: its run is kept for the next one, or dropped.
    pub(super) fn rest(&self, run_id: String, seat: Seat, keeps: bool) {
        let mut held = self.held.lock();
        held.rest(&run_id, &seat.control);
        // Whoever evicts it now finds it parked, so none slips through.
        if !keeps || seat.control.is_ended() {
            drop(held);
            return;
        }
        let out = held.park(run_id, seat);
        drop(held);
        self.stats.evictions.fetch_add(out.len() as u64, Ordering::Relaxed);
    }

    /// Drops runs that are held, so that another finds room; whether there was any.
    pub(super) fn make_room(&self) -> bool {
        const AT_ONCE: usize = 16;
        let mut held = self.held.lock();
        let out: Vec<Seat> = std::iter::from_fn(|| held.take_oldest()).take(AT_ONCE).collect();
        drop(held);
        self.stats.evictions.fetch_add(out.len() as u64, Ordering::Relaxed);
        !out.is_empty()
    }
}

/// Whether a run that is held can go on with this task: it saw the task before it, the task brings all that happened since, and its code is
/// the newest.
fn fits(seat: &Seat, task: &WorkflowTask, component: &WorkflowComponent) -> bool {
    let run = seat.run.lock();
    run.last_started_event_id() == task.previous_started_event_id
        && task.history_first_event_id() <= run.last_event_id() + 1
        && seat.component.digest() == component.digest()
}
