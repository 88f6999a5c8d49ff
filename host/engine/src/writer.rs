//! The writer: the one thread that commits (D11), and what waits for it (D14).
//!
//! What lives here: grouping transitions into commits, telling who waits when they are durable, and
//! what becomes of those that are not. What does not: how a commit is carried out (the store's),
//! and what a run does about a failed one (the engine's).

mod queue;
mod thread;
mod tickets;

#[cfg(test)]
mod tests;

pub use tickets::{CommitFailed, Ticket};

use crate::metrics::{CommitCounters, CommitMetrics};
use crate::store::{Commit, Store};
use parking_lot::{Condvar, Mutex};
use queue::Queue;
use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tickets::Tickets;
use tokio::sync::{Notify, watch};

/// Options and limits of the writer, each with a default.
#[derive(Clone, Debug)]
pub struct WriterOptions {
    /// How long the transitions of a run that has not come to rest wait for more, so that a short
    /// run is one commit, from when somebody waits for them.
    pub hold: Duration,
    /// How long they wait while nobody does. Nothing of them has been told to anybody.
    pub hold_unwatched: Duration,
    /// How long what is ready waits for runs that are under way, so that a busy host makes fewer
    /// and larger commits. Where nothing else is under way nothing waits.
    pub gather: Duration,
    /// Runs in one commit; more wait for the next one.
    pub commit_runs_max: usize,
    /// Bytes in one commit, about; more wait for the next one.
    pub commit_bytes_max: usize,
    /// Transitions ahead of the disk from which on requests wait.
    pub queue_transitions_max: usize,
    /// Bytes ahead of the disk, about, from which on requests wait.
    pub queue_bytes_max: usize,
    /// How long nothing is tried after a commit that the medium refused. It doubles with each that
    /// follows.
    pub pause_first: Duration,
    /// The longest of those pauses.
    pub pause_max: Duration,
}

impl Default for WriterOptions {
    fn default() -> Self {
        const MIB: usize = 1024 * 1024;
        WriterOptions {
            hold: Duration::from_micros(200),
            hold_unwatched: Duration::from_millis(50),
            gather: Duration::from_micros(500),
            commit_runs_max: 4_096,
            commit_bytes_max: 16 * MIB,
            queue_transitions_max: 16_384,
            queue_bytes_max: 64 * MIB,
            pause_first: Duration::from_millis(10),
            pause_max: Duration::from_secs(1),
        }
    }
}

/// Commits what is handed to it, in order, as much at once as there is.
///
/// Everything is ordered by workflow id: what was submitted later of one is never durable before
/// what was submitted earlier. Dropping it stops it after the commit that is under way, as a crash
/// would; [`Writer::shutdown`] writes everything first.
#[derive(Debug)]
pub struct Writer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    stopped: watch::Receiver<bool>,
}

type OnFailed = Box<dyn Fn(&[Arc<str>]) + Send + Sync>;

/// What the thread and those who submit share.
struct Shared {
    state: Mutex<State>,
    /// Wakes the thread.
    wake: Condvar,
    /// Wakes who waits to be admitted.
    room: Notify,
    full: AtomicBool,
    commits: AtomicU64,
    counters: CommitCounters,
    on_failed: OnceLock<OnFailed>,
    options: WriterOptions,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("options", &self.options).finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct State {
    queue: Queue,
    tickets: Tickets,
    /// Workflow ids whose commit has failed and whose memory is being dropped: nothing of them is
    /// taken. With each, whether something of it was refused meanwhile.
    refused: HashMap<Arc<str>, bool>,
    /// What they are told.
    refusal: CommitFailed,
    /// Transitions that are not durable yet, and their bytes; those of the commit that is under way
    /// too.
    ahead: Load,
    stop: Stop,
    sleep: Sleep,
}

#[derive(Clone, Copy, Debug, Default)]
struct Load {
    transitions: usize,
    bytes: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    No,
    Drain,
    Now,
}

/// What the thread waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sleep {
    Awake,
    UntilWoken,
    /// At most until the oldest held transition is due.
    UntilDue,
    /// The same, with transitions that are ready and wait for others to come along.
    Gathering,
    /// Until a pause is over, whatever comes.
    Pause,
}

impl Writer {
    /// Starts the thread.
    ///
    /// # Panics
    /// If the operating system gives no thread.
    #[must_use]
    pub fn start(store: Arc<dyn Store>, options: WriterOptions) -> Self {
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                queue: Queue::new(&options),
                tickets: Tickets::default(),
                refused: HashMap::new(),
                refusal: CommitFailed::Stopped,
                ahead: Load::default(),
                stop: Stop::No,
                sleep: Sleep::Awake,
            }),
            wake: Condvar::new(),
            room: Notify::new(),
            full: AtomicBool::new(false),
            commits: AtomicU64::new(0),
            counters: CommitCounters::default(),
            on_failed: OnceLock::new(),
            options,
        });
        let (stopping, stopped) = watch::channel(false);
        let thread = std::thread::Builder::new()
            .name("sandglass-writer".into())
            .spawn({
                let shared = Arc::clone(&shared);
                move || thread::run(&shared, &*store, stopping)
            })
            .expect("the operating system gives the writer a thread");
        Writer { shared, thread: Some(thread), stopped }
    }

    /// Calls `f` with the workflow ids whose commit has failed, on the writer's thread. It is to
    /// drop what memory has of them before it returns, and to load it again afterwards; it may be
    /// called again for an id if somebody was faster. Set once; a second has no effect.
    pub fn on_failed(&self, f: impl Fn(&[Arc<str>]) + Send + Sync + 'static) {
        // Who sets a second one has the first already, which says the same.
        let _ = self.shared.on_failed.set(Box::new(f));
    }

    /// Queues what follows from one request: it becomes durable as a whole or not at all. Does not
    /// wait, so it may be called under a run's lock, which is what keeps a run's transitions in
    /// order. Nothing is committed of a run that has not come to rest until it has, in a later call
    /// or by [`Writer::rest`], or until [`WriterOptions::hold`] is over.
    pub fn submit(&self, commits: Vec<Commit>, at_rest: bool) -> Ticket {
        if commits.is_empty() {
            return Ticket::default();
        }
        let load = Load { transitions: 1, bytes: commits.iter().map(Commit::bytes).sum() };
        let mut state = self.shared.state.lock();
        if let Some(failed) = state.refuses(&commits) {
            return state.tickets.refuse(failed);
        }
        state.ahead.transitions += load.transitions;
        state.ahead.bytes += load.bytes;
        self.shared.mark_full(&state);
        let State { queue, tickets, .. } = &mut *state;
        let ticket = queue.push(commits, load, at_rest, Instant::now(), || tickets.issue());
        self.wake(&state, at_rest);
        ticket
    }

    /// The run has come to rest: what was submitted of it under this ticket waits for nothing more.
    pub fn rest(&self, ticket: Ticket) {
        let mut state = self.shared.state.lock();
        if state.queue.rest(ticket, Instant::now()) {
            self.wake(&state, true);
        }
    }

    /// Wakes the thread, if it waits for what there is.
    fn wake(&self, state: &State, ready: bool) {
        let wake = match state.sleep {
            Sleep::UntilWoken => true,
            Sleep::UntilDue => ready,
            Sleep::Gathering => ready && !state.queue.is_any_under_way(),
            Sleep::Awake | Sleep::Pause => false,
        };
        if wake {
            self.shared.wake.notify_one();
        }
    }

    /// Waits while too much is ahead of the disk. To be called before a request begins, outside of
    /// any lock.
    pub async fn admit(&self) {
        while self.shared.full.load(Ordering::Acquire) {
            let room = self.shared.room.notified();
            tokio::pin!(room);
            room.as_mut().enable();
            if !self.shared.full.load(Ordering::Acquire) {
                return;
            }
            room.await;
        }
    }

    /// Waits until everything under that ticket is durable.
    ///
    /// # Errors
    /// [`CommitFailed`] if it will not be, or nobody knows: the run has been dropped from
    /// memory by then.
    pub async fn durable(&self, ticket: Ticket) -> Result<(), CommitFailed> {
        poll_fn(|context| {
            let mut state = self.shared.state.lock();
            let poll = state.tickets.poll(ticket, context.waker());
            // Whoever sleeps until something unwatched is due sleeps too long now.
            if poll.is_pending() && state.queue.watch(ticket, Instant::now()) {
                self.wake(&state, true);
            }
            poll
        })
        .await
    }

    /// Whether everything under that ticket is durable.
    #[must_use]
    pub fn is_durable(&self, ticket: Ticket) -> bool {
        ticket == Ticket::default() || self.shared.state.lock().tickets.is_durable(ticket)
    }

    /// Commits that have succeeded so far.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.shared.commits.load(Ordering::Relaxed)
    }

    /// How long commits took, and how many failed.
    #[must_use]
    pub fn metrics(&self) -> CommitMetrics {
        self.shared.counters.read()
    }

    /// Whether the medium takes what is written, as far as the last commit tells.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.shared.counters.is_well()
    }

    /// Transitions that are not durable yet.
    #[must_use]
    pub fn ahead(&self) -> usize {
        self.shared.state.lock().ahead.transitions
    }

    /// Writes everything that was submitted, and stops. What is submitted later fails.
    pub async fn shutdown(&self) {
        self.stop(Stop::Drain);
        let mut stopped = self.stopped.clone();
        // An error is a thread that is gone as well.
        let _ = stopped.wait_for(|stopped| *stopped).await;
    }

    /// Whether it takes nothing any more, since it was told to stop or its thread is gone.
    #[must_use]
    pub fn has_stopped(&self) -> bool {
        self.shared.state.lock().stop != Stop::No
    }

    fn stop(&self, stop: Stop) {
        let mut state = self.shared.state.lock();
        if state.stop != Stop::Now {
            state.stop = stop;
        }
        drop(state);
        self.shared.wake.notify_one();
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.stop(Stop::Now);
        let Some(thread) = self.thread.take() else { return };
        // The last owner may be what the thread itself calls; it cannot wait for itself.
        if thread.thread().id() != std::thread::current().id() {
            // A panic of the thread has been printed, and who waited has been told.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn mark_full(&self, state: &State) {
        let (ahead, options) = (&state.ahead, &self.options);
        let full = ahead.transitions >= options.queue_transitions_max
            || ahead.bytes >= options.queue_bytes_max;
        if full != self.full.load(Ordering::Relaxed) {
            self.full.store(full, Ordering::Release);
            if !full {
                self.room.notify_waiters();
            }
        }
    }
}

impl State {
    /// Why nothing of these is taken, if so.
    fn refuses(&mut self, commits: &[Commit]) -> Option<CommitFailed> {
        if self.stop != Stop::No {
            return Some(CommitFailed::Stopped);
        }
        let refused = !self.refused.is_empty()
            && commits.iter().any(|commit| self.refused.contains_key(&commit.workflow_id));
        if !refused {
            return None;
        }
        // Those that were not refused before were changed together with one that was.
        for commit in commits {
            self.refused.insert(Arc::clone(&commit.workflow_id), true);
        }
        Some(self.refusal.clone())
    }
}
