//! The engine in this process: the one door to every run (D10), and what it sets in motion.
//!
//! What lives here: [`Engine::step`], which asks the core what follows from a request, hands the answer to the writer, and places the work
//! that comes of it. What does not: rules (the core's), SQL (the store's), guests (the worker's).

mod addressing;
mod attempts;
mod commit;
mod deleting;
mod loading;
mod open_task;
mod polling;
mod recovery;
mod runs;
mod slot;
mod starting;

pub(crate) use addressing::Address;
pub(crate) use loading::READ_AGAIN;
pub use open_task::{OpenTask, RunHistory};
pub(crate) use slot::{Ending, Live, Slot, SlotState};
pub(crate) use starting::Starting;

use crate::activity::Activities;
use crate::client::ClientError;
use crate::clock::Clock;
use crate::matching::{RANK, ServedQueues, Tasks, Waiting};
use crate::metrics::Counters;
use crate::options::HostOptions;
use crate::store::Store;
use crate::timers::Timers;
use crate::worker::WorkflowWorker;
use crate::writer::{Ticket, Writer};
use attempts::CancelAttempt;
use runs::Runs;
use sandglass_core::WorkflowTask;
use sandglass_core::engine::{
    ActivityTask, Dispatch, Outcome, Reply, Request, RequestError, Transition,
};
use sandglass_core::payload::Priority;
use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock, Weak};
use tokio::sync::{Semaphore, watch};

/// The engine in this process.
pub(crate) struct Engine {
    pub(crate) options: HostOptions,
    pub(crate) clock: Clock,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) writer: Writer,
    pub(crate) runs: Runs,
    pub(crate) timers: Timers,
    pub(crate) counters: Counters,
    pub(crate) workflow_tasks: Tasks,
    pub(crate) activity_tasks: Tasks,
    /// One for each list or count that searches the store.
    searches: Arc<Semaphore>,
    pub(crate) served: ServedQueues,
    pub(crate) activities: Activities,
    /// Names this process in the log: attempts that another has started are lost.
    pub(crate) host_id: String,
    pub(crate) identity: String,
    pub(crate) runtime: tokio::runtime::Handle,
    worker: OnceLock<Arc<dyn WorkflowWorker>>,
    /// True once no task is dispatched any more.
    stopping: watch::Sender<bool>,
    /// True once the host is gone: what runs for it ends where it is.
    halted: watch::Sender<bool>,
    this: Weak<Engine>,
}

/// What follows from one step, to be handed on in this order: entries to the writer, then work to workers.
#[derive(Default)]
struct Work {
    transitions: Vec<Transition>,
    dispatch: VecDeque<Dispatch>,
    workflow_task: Option<(String, Box<WorkflowTask>)>,
    #[expect(clippy::vec_box, reason = "they come boxed, and go on so")]
    activity_tasks: Vec<Box<ActivityTask>>,
    cancels: Vec<CancelAttempt>,
    closed: bool,
}

impl Work {
    fn absorb(&mut self, outcome: Outcome) -> Result<Reply, RequestError> {
        self.dispatch.extend(outcome.transition.dispatch().iter().cloned());
        self.transitions.push(outcome.transition);
        outcome.reply
    }
}

impl Engine {
    pub(crate) fn new(parts: EngineParts) -> Arc<Engine> {
        let EngineParts { options, clock, store, writer, served, activities, host_id, identity } =
            parts;
        Arc::new_cyclic(|this| Engine {
            runs: Runs::new(options.runs_in_memory_max),
            timers: Timers::default(),
            counters: Counters::default(),
            workflow_tasks: Tasks::new(options.workflow_tasks_at_once_max, false),
            activity_tasks: Tasks::new(options.activities_at_once_max, true),
            searches: Arc::new(Semaphore::new(
                options.searches_at_once_max.clamp(1, Semaphore::MAX_PERMITS),
            )),
            runtime: tokio::runtime::Handle::current(),
            worker: OnceLock::new(),
            stopping: watch::Sender::new(false),
            halted: watch::Sender::new(false),
            this: Weak::clone(this),
            options,
            clock,
            store,
            writer,
            served,
            activities,
            host_id,
            identity,
        })
    }

    /// Gives it the worker of this process, once.
    pub(crate) fn set_worker(&self, worker: Arc<dyn WorkflowWorker>) {
        // A second one is a defect of the builder, which calls this once; the first stays.
        let _ = self.worker.set(worker);
    }

    pub(crate) fn worker(&self) -> Option<&Arc<dyn WorkflowWorker>> {
        self.worker.get()
    }

    /// Ends the dispatching of tasks (D16).
    pub(crate) fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// Ends everything that runs for this host where it is, as a crash would.
    pub(crate) fn halt(&self) {
        self.stop();
        self.halted.send_replace(true);
        for slot in self.runs.all() {
            if let Some(live) = slot.state.lock().live(None) {
                // Who waits learns that nothing comes any more.
                live.waiters.clear();
            }
        }
    }

    /// Whether the host is gone.
    pub(crate) fn has_halted(&self) -> bool {
        *self.halted.borrow()
    }

    pub(crate) fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    fn this(&self) -> Result<Arc<Engine>, ClientError> {
        self.this.upgrade().ok_or(ClientError::ShutDown)
    }

    /// Asks the core what follows from `request`, applies it in memory, hands it to the writer, and places the work that comes of it.
    /// What is answered may be told once the run's ticket is durable.
    pub(crate) fn step(
        &self,
        slot: &Arc<Slot>,
        live: &mut Live,
        request: Request,
    ) -> Result<Reply, RequestError> {
        let mut work = Work::default();
        let reply =
            work.absorb(live.execution.handle(request, &self.options.run, self.clock.now()));
        if live.is_latest {
            self.finish(slot, live, work);
        } else {
            debug_assert!(work.transitions.iter().all(|it| it.entries().is_empty()));
        }
        reply
    }

    /// Places what waits, hands the entries to the writer, and sets the work in motion.
    fn finish(&self, slot: &Arc<Slot>, live: &mut Live, mut work: Work) {
        while let Some(dispatch) = work.dispatch.pop_front() {
            self.place(slot, live, dispatch, &mut work);
        }
        live.task_running |= work.workflow_task.is_some();
        self.submit(slot, live, &work.transitions, !live.task_running);
        let due = if live.is_open() { live.execution.due() } else { None };
        self.timers.set(&slot.workflow_id, due);
        self.cancel_attempts(slot, live, &work.cancels);
        for task in work.activity_tasks {
            self.begin_attempt(slot, live, *task);
        }
        if work.closed {
            self.tell_the_end(live);
        }
        live.tell_news();
        if let Some((queue, task)) = work.workflow_task {
            live.task_given_up = false;
            self.begin_workflow_task(slot, queue, *task);
        }
    }

    fn place(&self, slot: &Arc<Slot>, live: &mut Live, dispatch: Dispatch, work: &mut Work) {
        match dispatch {
            Dispatch::WorkflowTask { task_queue, workflow_type, attempt } => {
                let is_served = self.serves_workflow(&task_queue, &workflow_type);
                let task = || waiting(slot, live, &workflow_type, (0, attempt), rank(live, None));
                let begins =
                    self.workflow_tasks.begin_or_wait(&task_queue, &workflow_type, is_served, task);
                if begins {
                    self.take_workflow_task(live, task_queue, work);
                }
            }
            Dispatch::ActivityTask {
                task_queue,
                activity_type,
                scheduled_event_id,
                attempt,
                priority,
            } => {
                let is_served = self.serves_activity(&task_queue, &activity_type);
                let task = || {
                    let rank = rank(live, priority.as_ref());
                    waiting(slot, live, &activity_type, (scheduled_event_id, attempt), rank)
                };
                let begins =
                    self.activity_tasks.begin_or_wait(&task_queue, &activity_type, is_served, task);
                if begins {
                    self.take_activity_task(live, &task_queue, scheduled_event_id, attempt, work);
                }
            }
            Dispatch::CancelActivity { scheduled_event_id, attempt, reason } => {
                work.cancels.push(CancelAttempt { scheduled_event_id, attempt, reason });
            }
            Dispatch::EvictWorkflow => {
                if let Some(worker) = self.worker() {
                    worker.evict(&live.run_id);
                }
                live.task_running = false;
            }
            Dispatch::Closed => work.closed = true,
        }
    }

    fn serves_workflow(&self, queue: &str, workflow_type: &str) -> bool {
        !self.is_stopping()
            && self.served.contains(queue)
            && self.worker().is_some_and(|worker| worker.serves(workflow_type))
    }

    fn serves_activity(&self, queue: &str, activity_type: &str) -> bool {
        !self.is_stopping()
            && self.served.contains(queue)
            && self.activities.get(activity_type).is_some()
    }

    /// Starts the workflow task for which a slot was taken; gives the slot back if the task does not stand any more.
    fn take_workflow_task(&self, live: &mut Live, queue: String, work: &mut Work) {
        let request = Request::StartWorkflowTask {
            identity: self.identity.clone(),
            request_id: String::new(),
            durable: false,
        };
        let outcome = live.execution.handle(request, &self.options.run, self.clock.now());
        match work.absorb(outcome) {
            Ok(Reply::WorkflowTask(task)) => {
                self.counters.workflow_tasks_started.fetch_add(1, Ordering::Relaxed);
                work.workflow_task = Some((queue, task));
            }
            Ok(_) | Err(_) => self.workflow_tasks.end(&queue),
        }
    }

    /// Starts the attempt for which a slot was taken; gives the slot back if it does not stand any more.
    fn take_activity_task(
        &self,
        live: &mut Live,
        queue: &str,
        scheduled_event_id: i64,
        attempt: u32,
        work: &mut Work,
    ) {
        let request = Request::StartActivity {
            scheduled_event_id,
            attempt,
            identity: self.identity.clone(),
            request_id: String::new(),
            host: self.host_id.clone(),
        };
        let outcome = live.execution.handle(request, &self.options.run, self.clock.now());
        match work.absorb(outcome) {
            Ok(Reply::ActivityTask(task)) => work.activity_tasks.push(task),
            Ok(_) | Err(_) => self.activity_tasks.end(queue),
        }
    }

    fn begin_workflow_task(&self, slot: &Arc<Slot>, queue: String, task: WorkflowTask) {
        let (Ok(engine), Some(worker)) = (self.this(), self.worker()) else { return };
        worker.begin(task, OpenTask::new(engine, Arc::clone(slot), queue));
    }

    /// The run has closed: who waits for that may be told once it is durable.
    fn tell_the_end(&self, live: &mut Live) {
        self.workflow_tasks.forget(&live.run_id);
        self.activity_tasks.forget(&live.run_id);
        let Some(closed) = live.execution.closed() else { return };
        let ending = Ending { event: Arc::clone(&closed.event), ticket: live.ticket };
        for waiter in live.waiters.drain(..) {
            // Who does not wait any more has dropped the receiver.
            let _ = waiter.send(ending.clone());
        }
        if let Some(worker) = self.worker() {
            worker.evict(&live.run_id);
        }
    }

    /// Gives waiting tasks to the slots that are free.
    pub(crate) fn pump(&self) {
        if self.is_stopping() {
            return;
        }
        while let Some((queue, waiting)) = self
            .workflow_tasks
            .next(&self.served, |t| self.worker().is_some_and(|worker| worker.serves(t)))
        {
            self.take_waiting(queue, waiting);
        }
        while let Some((queue, waiting)) =
            self.activity_tasks.next(&self.served, |t| self.activities.get(t).is_some())
        {
            self.take_waiting(queue, waiting);
        }
    }

    fn take_waiting(&self, queue: String, waiting: Waiting) {
        let slot = self.runs.slot(&waiting.workflow_id, |ticket| self.writer.is_durable(ticket));
        let mut state = slot.state.lock();
        if let Some(live) = state.live(Some(&waiting.run_id)) {
            self.take(&slot, live, queue, &waiting);
            return;
        }
        let known = !matches!(*state, SlotState::Unknown);
        drop(state);
        let (false, Ok(engine)) = (known, self.this()) else {
            self.give_back(&queue, &waiting);
            return;
        };
        self.runtime.spawn(async move {
            let taken = engine
                .with_loaded(&slot, |state| match state.live(Some(&waiting.run_id)) {
                    Some(live) => engine.take(&slot, live, queue.clone(), &waiting),
                    None => engine.give_back(&queue, &waiting),
                })
                .await;
            let Err(error) = taken else {
                // It may have stood no more, and its place is another's.
                return engine.pump();
            };
            tracing::error!(workflow_id = &*waiting.workflow_id, %error, "cannot load the run");
            engine.give_back(&queue, &waiting);
            engine.pump();
            if engine.reads_again_after(&error).await {
                // Nothing else puts it in its queue again: a workflow task that nobody takes has no timeout. It goes behind those that can be read.
                engine.tasks_of(&waiting).wait(&queue, waiting);
                engine.pump();
            }
        });
    }

    fn take(&self, slot: &Arc<Slot>, live: &mut Live, queue: String, waiting: &Waiting) {
        let mut work = Work::default();
        if waiting.scheduled_event_id == 0 {
            self.take_workflow_task(live, queue, &mut work);
        } else {
            let (id, attempt) = (waiting.scheduled_event_id, waiting.attempt);
            self.take_activity_task(live, &queue, id, attempt, &mut work);
        }
        self.finish(slot, live, work);
    }

    fn give_back(&self, queue: &str, waiting: &Waiting) {
        self.tasks_of(waiting).end(queue);
    }

    fn tasks_of(&self, waiting: &Waiting) -> &Tasks {
        match waiting.scheduled_event_id {
            0 => &self.workflow_tasks,
            _ => &self.activity_tasks,
        }
    }

    /// Waits until `ticket` is durable.
    pub(crate) async fn durable(&self, ticket: Ticket) -> Result<(), ClientError> {
        self.writer.durable(ticket).await.map_err(ClientError::from)
    }
}

/// What an engine is made of.
pub(crate) struct EngineParts {
    pub(crate) options: HostOptions,
    pub(crate) clock: Clock,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) writer: Writer,
    pub(crate) served: ServedQueues,
    pub(crate) activities: Activities,
    pub(crate) host_id: String,
    pub(crate) identity: String,
}

/// What goes first: the activity's priority key, else its workflow's, else the middle.
fn rank(live: &Live, priority: Option<&Priority>) -> i32 {
    let key = |priority: &Priority| (priority.priority_key > 0).then_some(priority.priority_key);
    let own = priority.and_then(key);
    own.or_else(|| live.execution.priority().and_then(key)).unwrap_or(RANK)
}

fn waiting(
    slot: &Slot,
    live: &Live,
    task_type: &str,
    (scheduled_event_id, attempt): (i64, u32),
    rank: i32,
) -> Waiting {
    Waiting {
        workflow_id: Arc::clone(&slot.workflow_id),
        run_id: Arc::clone(&live.run_id),
        task_type: task_type.into(),
        scheduled_event_id,
        attempt,
        rank,
    }
}
