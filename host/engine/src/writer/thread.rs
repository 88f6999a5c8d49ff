//! The thread that commits.

use super::queue::{Group, Next};
use super::tickets::CommitFailed;
use super::{Load, Shared, Sleep, Stop};
use crate::store::{Commit, Error, Store};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Commits until it is to stop.
pub(super) fn run(shared: &Shared, store: &dyn Store, stopped: watch::Sender<bool>) {
    let _ending = Ending { shared, stopped };
    let mut pause = Duration::ZERO;
    while let Some(groups) = next(shared, pause) {
        let healthy = commit(shared, store, groups);
        pause = match healthy {
            true => Duration::ZERO,
            false => shared.options.pause_first.max(pause * 2).min(shared.options.pause_max),
        };
    }
}

/// Waits for something to commit; nothing if the thread is to stop.
fn next(shared: &Shared, pause: Duration) -> Option<Vec<Group>> {
    let mut state = shared.state.lock();
    // A medium that has just refused is not asked again at once: runs that are read again would
    // keep it busy with what it refuses.
    let resume = Instant::now() + pause;
    while !pause.is_zero() && state.stop == Stop::No && Instant::now() < resume {
        state.sleep = Sleep::Pause;
        shared.wake.wait_until(&mut state, resume);
    }
    loop {
        state.sleep = Sleep::Awake;
        if state.stop == Stop::Now || (state.stop == Stop::Drain && state.queue.is_empty()) {
            return None;
        }
        let drain = state.stop == Stop::Drain;
        match state.queue.next(Instant::now(), drain) {
            Next::Commit(groups) => return Some(groups),
            Next::WaitUntil(until) => {
                state.sleep = Sleep::UntilDue;
                shared.wake.wait_until(&mut state, until);
            }
            Next::Gather(until) => {
                state.sleep = Sleep::Gathering;
                shared.wake.wait_until(&mut state, until);
            }
            Next::Wait => {
                state.sleep = Sleep::UntilWoken;
                shared.wake.wait(&mut state);
            }
        }
    }
}

/// Commits the groups, and tells everybody. A group that conflicts with what is stored fails alone;
/// anything else fails all of them, since it says something of the medium and not of a run. Returns
/// whether the medium is well.
fn commit(shared: &Shared, store: &dyn Store, mut groups: Vec<Group>) -> bool {
    let mut owners = Vec::new();
    let mut commits: Vec<Commit> = Vec::new();
    for (index, group) in groups.iter_mut().enumerate() {
        owners.extend(std::iter::repeat_n(index, group.commits.len()));
        commits.append(&mut group.commits);
    }
    let mut failed: Vec<(usize, CommitFailed)> = Vec::new();
    let mut workflow_ids = BTreeSet::new();
    let mut healthy = true;
    while !commits.is_empty() {
        let begun = Instant::now();
        let Err(error) = store.commit(&commits) else {
            shared.counters.succeeded(begun.elapsed());
            shared.commits.fetch_add(1, Ordering::Relaxed);
            break;
        };
        shared.counters.failed();
        let reason = CommitFailed::of(&error);
        let culprit = culprit(&error, &commits).map(|at| owners[at]);
        healthy &= culprit.is_some();
        let mut at = 0;
        let mut kept = Vec::new();
        commits.retain(|commit| {
            let owner = owners[at];
            at += 1;
            let keep = culprit.is_some_and(|culprit| culprit != owner);
            if keep {
                kept.push(owner);
            } else {
                workflow_ids.insert(Arc::clone(&commit.workflow_id));
                if failed.last().is_none_or(|(last, _)| *last != owner) {
                    failed.push((owner, reason.clone()));
                }
            }
            keep
        });
        owners = kept;
        tracing::error!(%error, runs = workflow_ids.len(), "a commit failed");
    }
    // Before anybody is told, so that who was refused finds the reason.
    shared.counters.medium(healthy);
    settle(shared, groups, failed, workflow_ids);
    healthy
}

/// The one commit that the error is about, if it is about one.
fn culprit(error: &Error, commits: &[Commit]) -> Option<usize> {
    match error {
        Error::Conflict { run_id, .. } | Error::Corrupt { run_id: Some(run_id), .. } => {
            commits.iter().position(|commit| *commit.run_id == **run_id)
        }
        _ => None,
    }
}

/// Tells who waits; first those whose commit succeeded.
fn settle(
    shared: &Shared,
    groups: Vec<Group>,
    mut failed: Vec<(usize, CommitFailed)>,
    workflow_ids: BTreeSet<Arc<str>>,
) {
    failed.sort_by_key(|(index, _)| *index);
    let mut failed = failed.into_iter().peekable();
    let (mut wakers, mut lost) = (Vec::with_capacity(groups.len()), Vec::new());
    let mut state = shared.state.lock();
    for (index, group) in groups.into_iter().enumerate() {
        state.ahead.subtract(group.load);
        match failed.next_if(|(failed, _)| *failed == index) {
            Some((_, reason)) => lost.push((group.tickets, reason)),
            None => state.tickets.settle(group.tickets, None, &mut wakers),
        }
    }
    shared.mark_full(&state);
    drop(state);
    wakers.drain(..).for_each(std::task::Waker::wake);
    if !lost.is_empty() {
        fail(shared, lost, workflow_ids);
    }
}

/// Everything of these workflow ids that memory has ahead of the disk is void: what is queued, and
/// what comes until the memory is dropped.
fn fail(
    shared: &Shared,
    mut lost: Vec<(Vec<super::Ticket>, CommitFailed)>,
    mut workflow_ids: BTreeSet<Arc<str>>,
) {
    let reason = lost.first().map_or(CommitFailed::Stopped, |(_, it)| it.of_what_rests_on_it());
    let mut state = shared.state.lock();
    while !workflow_ids.is_empty() {
        for group in state.queue.remove_resting_on(&mut workflow_ids) {
            state.ahead.subtract(group.load);
            lost.push((group.tickets, reason.clone()));
        }
        state.refused = workflow_ids.into_iter().map(|id| (id, false)).collect();
        state.refusal.clone_from(&reason);
        let ids: Vec<Arc<str>> = state.refused.keys().cloned().collect();
        drop(state);
        if let Some(on_failed) = shared.on_failed.get() {
            on_failed(&ids);
        }
        state = shared.state.lock();
        // What was refused meanwhile is ahead in memory again, perhaps in memory that has just been
        // read. The others are well: only those are dropped once more, so that a thousand runs that
        // are read at once come to an end.
        let refused = std::mem::take(&mut state.refused);
        workflow_ids = refused.into_iter().filter(|(_, more)| *more).map(|(id, _)| id).collect();
    }
    shared.mark_full(&state);
    let mut wakers = Vec::new();
    for (tickets, reason) in lost {
        state.tickets.settle(tickets, Some(&reason), &mut wakers);
    }
    drop(state);
    wakers.into_iter().for_each(std::task::Waker::wake);
}

impl Load {
    fn subtract(&mut self, other: Load) {
        self.transitions -= other.transitions;
        self.bytes -= other.bytes;
    }
}

/// Whatever way the thread ends, nobody waits for it for ever.
struct Ending<'a> {
    shared: &'a Shared,
    stopped: watch::Sender<bool>,
}

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        let mut state = self.shared.state.lock();
        state.stop = Stop::Now;
        state.ahead = Load::default();
        self.shared.mark_full(&state);
        let (open, mut wakers) = (state.tickets.open(), Vec::new());
        let failed = CommitFailed::Unknown("the host has stopped".into());
        state.tickets.settle(open, Some(&failed), &mut wakers);
        drop(state);
        wakers.into_iter().for_each(std::task::Waker::wake);
        self.stopped.send_replace(true);
    }
}
