//! One workflow id in memory: its latest run, who waits for it, and what this process does for it.

use crate::activity::Attempt;
use crate::writer::Ticket;
use parking_lot::Mutex;
use sandglass_core::HistoryEvent;
use sandglass_core::engine::Execution;
use sandglass_core::task::Published;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tokio::sync::oneshot;

type Attempts = BTreeMap<(Arc<str>, i64), Arc<Attempt>>;

/// One workflow id. All that changes its runs happens under its lock.
pub(crate) struct Slot {
    pub(crate) workflow_id: Arc<str>,
    pub(crate) state: Mutex<SlotState>,
    /// Attempts of activities that run in this process, by run and ActivityTaskScheduled. They outlive a run that is read again.
    pub(crate) attempts: Mutex<Attempts>,
    /// Whether its latest run, left by another host, is still to be put right before anybody deals with it.
    pub(crate) unrecovered: AtomicBool,
    /// How often what was known of its latest run was dropped. Changes under the lock of `state`.
    forgotten: AtomicU64,
    /// When it was used last, by a counter; who is used least is dropped first.
    used: AtomicU64,
}

/// What is known of a workflow id's latest run.
#[derive(Default)]
pub(crate) enum SlotState {
    /// Nothing yet: the store has to be asked.
    #[default]
    Unknown,
    /// It has no run.
    Absent,
    /// Its latest run, open or closed.
    Loaded(Box<Live>),
}

/// A run that is held in memory, perhaps ahead of the disk (D14).
pub(crate) struct Live {
    pub(crate) run_id: Arc<str>,
    pub(crate) execution: Execution,
    /// Whether it stands in its slot. An older run of the id is read for one request, is closed, and has nothing set in motion: timers and
    /// waiting tasks are the latest run's.
    pub(crate) is_latest: bool,
    /// Covers everything of this run that was handed to the writer.
    pub(crate) ticket: Ticket,
    /// What it says to queries, where that is known in memory.
    pub(crate) published: Option<Published>,
    /// Whether the worker in this process is busy with its workflow task.
    pub(crate) task_running: bool,
    /// Whether that worker has given up the started task: it waits for its timeout (rule 111).
    pub(crate) task_given_up: bool,
    /// Who waits for its end.
    pub(crate) waiters: Vec<oneshot::Sender<Ending>>,
    /// Who waits for anything to change.
    pub(crate) watchers: Vec<oneshot::Sender<()>>,
    /// Entries since the last snapshot.
    pub(crate) entries_since_snapshot: u64,
}

/// A run's end, which may be told once the ticket is durable.
#[derive(Clone)]
pub(crate) struct Ending {
    pub(crate) event: Arc<HistoryEvent>,
    pub(crate) ticket: Ticket,
}

impl Slot {
    pub(crate) fn new(workflow_id: Arc<str>) -> Self {
        Slot {
            workflow_id,
            state: Mutex::default(),
            attempts: Mutex::default(),
            unrecovered: AtomicBool::new(false),
            forgotten: AtomicU64::new(0),
            used: AtomicU64::new(0),
        }
    }

    /// Drops what is known of the latest run, and returns it. What anybody has read before from the store, and has not placed yet, is old.
    pub(crate) fn forget(&self, state: &mut SlotState) -> SlotState {
        self.forgotten.fetch_add(1, Ordering::Relaxed);
        std::mem::take(state)
    }

    /// How often the latest run was forgotten, while `_state` is locked: what was read at another count is not to be placed.
    pub(crate) fn forgotten(&self, _state: &SlotState) -> u64 {
        self.forgotten.load(Ordering::Relaxed)
    }

    pub(crate) fn touch(&self, now: u64) {
        self.used.store(now, Ordering::Relaxed);
    }

    pub(crate) fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }
}

impl SlotState {
    /// The run in memory, if there is one and `run_id` (where given) names it.
    pub(crate) fn live(&mut self, run_id: Option<&str>) -> Option<&mut Live> {
        match self {
            SlotState::Loaded(live) if run_id.is_none_or(|id| *live.run_id == *id) => Some(live),
            SlotState::Loaded(_) | SlotState::Unknown | SlotState::Absent => None,
        }
    }

    /// Whether nothing is lost when it is forgotten, once `durable` holds for its ticket.
    pub(crate) fn can_be_dropped(&self, durable: impl Fn(Ticket) -> bool) -> bool {
        match self {
            SlotState::Unknown | SlotState::Absent => true,
            SlotState::Loaded(live) => {
                !live.task_running
                    && live.waiters.iter().all(oneshot::Sender::is_closed)
                    && live.watchers.iter().all(oneshot::Sender::is_closed)
                    && !live.execution.workflow_task_started()
                    && durable(live.ticket)
            }
        }
    }
}

impl Live {
    pub(crate) fn new(run_id: Arc<str>, execution: Execution) -> Self {
        Live {
            run_id,
            execution,
            is_latest: true,
            ticket: Ticket::default(),
            published: None,
            task_running: false,
            task_given_up: false,
            waiters: Vec::new(),
            watchers: Vec::new(),
            entries_since_snapshot: 0,
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.execution.closed().is_none()
    }

    /// Lets somebody know of the next change.
    pub(crate) fn watch(&mut self) -> oneshot::Receiver<()> {
        // Who has given up waiting leaves nothing behind, however often he comes back.
        self.watchers.retain(|watcher| !watcher.is_closed());
        let (watcher, news) = oneshot::channel();
        self.watchers.push(watcher);
        news
    }

    /// Something has changed.
    pub(crate) fn tell_news(&mut self) {
        for watcher in self.watchers.drain(..) {
            // Who does not wait any more has dropped the receiver.
            let _ = watcher.send(());
        }
    }
}
