//! From transitions to what the store takes: entries cut into batches, and what is derived from them.

use super::{Engine, Live, Slot, Work};
use crate::store::{Commit, RunStart, RunState, Snapshot, batches};
use sandglass_core::engine::{Entry, Transition};
use sandglass_core::event::workflow::Started;
use sandglass_core::{Attributes, Timestamp};
use std::sync::Arc;

impl Engine {
    /// Hands a run's transitions to the writer.
    pub(super) fn submit(
        &self,
        slot: &Slot,
        live: &mut Live,
        transitions: &[Transition],
        at_rest: bool,
    ) {
        match self.commit_of(slot, live, transitions) {
            Some(commit) => live.ticket = self.writer.submit(vec![commit], at_rest),
            None if at_rest => self.writer.rest(live.ticket),
            None => {}
        }
    }

    /// Ends `old` and begins `new` in one transaction, then sets both in motion.
    pub(super) fn finish_both(
        &self,
        slot: &Arc<Slot>,
        (old, mut old_work): (&mut Live, Work),
        (new, new_work): (&mut Live, Work),
    ) {
        let ended = self.commit_of(slot, old, &old_work.transitions);
        let begun = self.commit_of(slot, new, &new_work.transitions);
        let ticket = self.writer.submit(ended.into_iter().chain(begun).collect(), false);
        (old.ticket, new.ticket) = (ticket, ticket);
        old_work.transitions.clear();
        let new_work = Work { transitions: Vec::new(), ..new_work };
        self.finish(slot, old, old_work);
        self.finish(slot, new, new_work);
    }

    fn commit_of(
        &self,
        slot: &Slot,
        live: &mut Live,
        transitions: &[Transition],
    ) -> Option<Commit> {
        let entries = || transitions.iter().flat_map(Transition::entries);
        let count = entries().count() as u64;
        self.counters.count(entries());
        let published = transitions.iter().rev().find_map(Transition::published).cloned();
        if count == 0 && published.is_none() {
            return None;
        }
        let execution = &live.execution;
        let after = execution.entry_count();
        live.entries_since_snapshot += count;
        let snapshot = (live.entries_since_snapshot >= self.options.snapshot_entries).then(|| {
            live.entries_since_snapshot = 0;
            Snapshot { seq: after, bytes: execution.snapshot() }
        });
        let first_seq = after - count;
        let request_id = execution.start_request_id();
        let start = (first_seq == 0)
            .then(|| entries().find_map(|entry| run_start(entry, request_id)))
            .flatten();
        Some(Commit {
            run_id: Arc::clone(&live.run_id),
            workflow_id: Arc::clone(&slot.workflow_id),
            first_seq,
            batches: batches(entries(), execution.last_event_id()),
            snapshot,
            start,
            state: RunState {
                status: execution.status(),
                close_time: execution.closed().map(|closed| closed.time),
                due: self.due_after_a_crash(live),
                history_length: execution.last_event_id(),
                history_size_bytes: execution.history_size_bytes(),
            },
            published,
        })
    }

    /// When the run has to be looked at if this host dies: at once if anything is being done for it or waits to be.
    fn due_after_a_crash(&self, live: &Live) -> Option<Timestamp> {
        if !live.is_open() {
            return None;
        }
        match live.execution.is_quiet() {
            true => live.execution.due(),
            false => Some(Timestamp::default()),
        }
    }
}

fn run_start(entry: &Entry, request_id: &str) -> Option<RunStart> {
    let Entry::Event(event) = entry else { return None };
    let Attributes::WorkflowExecutionStarted(started) = &event.attributes else { return None };
    let Started { workflow_type, task_queue, memo, search_attributes, .. } = &**started;
    Some(RunStart {
        workflow_type: workflow_type.as_ref().map(|it| it.name.clone()).unwrap_or_default(),
        task_queue: task_queue.as_ref().map(|it| it.name.clone()).unwrap_or_default(),
        request_id: request_id.into(),
        time: event.event_time,
        memo: memo.clone(),
        search_attributes: search_attributes.clone(),
    })
}
