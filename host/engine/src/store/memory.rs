//! A store that lives as long as the program: for tests, and for hosts without a file.

use super::view::PageStart;
use super::{
    Batch, BatchOperation, Commit, Condition, Cursor, Error, ListFilter, Page, Patience,
    RunSummary, Snapshot, Store, Stored,
};
use bytes::Bytes;
use parking_lot::RwLock;
use sandglass_core::Timestamp;
use sandglass_core::policy::WorkflowExecutionStatus;
use sandglass_core::task::Published;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::ControlFlow;

/// Keeps runs in memory. It does what [`super::SqliteStore`] does, except that nothing outlives it.
#[derive(Debug, Default)]
pub struct MemoryStore(RwLock<Runs>);

#[derive(Debug, Default)]
struct Runs {
    /// In the order in which they were stored first.
    all: BTreeMap<usize, Run>,
    by_run_id: HashMap<String, usize>,
    latest: HashMap<String, usize>,
    open: BTreeSet<usize>,
    closed: BTreeSet<(Timestamp, usize)>,
    due: BTreeSet<(Timestamp, usize)>,
    batch_operations: HashMap<String, BatchOperation>,
}

#[derive(Debug)]
struct Run {
    summary: RunSummary,
    log: Vec<StoredBatch>,
    snapshot: Option<Snapshot>,
    published: Published,
}

#[derive(Debug)]
struct StoredBatch {
    first_seq: u64,
    first_event_id: i64,
    bytes: Bytes,
}

impl Runs {
    fn get(&self, run_id: &str) -> Option<&Run> {
        self.by_run_id.get(run_id).map(|index| &self.all[index])
    }

    /// Finds what makes any of the commits impossible, before the first of them is applied.
    fn check(&self, commits: &[Commit]) -> Result<(), Error> {
        let mut ends: HashMap<&str, u64> = HashMap::new();
        for commit in commits {
            let stored = match ends.get(&*commit.run_id) {
                Some(&end) => Some(end),
                None => self.get(&commit.run_id).map(|run| run.summary.entries),
            };
            let follows = match &commit.start {
                Some(_) => stored.is_none() && commit.first_seq == 0,
                None => stored == Some(commit.first_seq),
            };
            if !follows {
                return Err(Error::Conflict {
                    run_id: commit.run_id.to_string(),
                    first_seq: commit.first_seq,
                    stored,
                });
            }
            ends.insert(&commit.run_id, commit.end_seq());
        }
        Ok(())
    }

    fn apply(&mut self, commit: &Commit) {
        let index = match &commit.start {
            Some(_) => self.insert(commit),
            None => self.by_run_id[&*commit.run_id],
        };
        let Some(run) = self.all.get_mut(&index) else { return };
        let mut seq = commit.first_seq;
        for batch in &commit.batches {
            run.log.push(StoredBatch::new(seq, batch));
            seq += batch.entries;
        }
        if let Some(snapshot) = &commit.snapshot {
            run.snapshot = Some(snapshot.clone());
        }
        if let Some(published) = &commit.published {
            run.published.clone_from(published);
        }
        if let Some(due) = run.summary.due {
            self.due.remove(&(due, index));
        }
        let state = &commit.state;
        run.summary.status = state.status;
        run.summary.close_time = state.close_time;
        run.summary.history_length = state.history_length;
        run.summary.history_size_bytes = state.history_size_bytes;
        run.summary.entries = commit.end_seq();
        run.summary.due = state.due.filter(|_| state.close_time.is_none());
        if let Some(due) = run.summary.due {
            self.due.insert((due, index));
        }
        if run.summary.is_open() {
            self.open.insert(index);
        } else {
            self.open.remove(&index);
        }
        if let Some(time) = state.close_time {
            self.closed.insert((time, index));
        }
    }

    fn insert(&mut self, commit: &Commit) -> usize {
        let index = self.all.last_key_value().map_or(0, |(last, _)| last + 1);
        let summary = RunSummary::first(commit, Cursor(index as i64 + 1));
        self.by_run_id.insert(summary.run_id.clone(), index);
        self.latest.insert(summary.workflow_id.clone(), index);
        let (log, published) = (Vec::new(), Published::new());
        self.all.insert(index, Run { summary, log, snapshot: None, published });
        index
    }

    fn delete(&mut self, run_id: &str) -> bool {
        let Some(index) = self.by_run_id.remove(run_id) else { return false };
        let Some(Run { summary, .. }) = self.all.remove(&index) else { return false };
        self.open.remove(&index);
        self.closed.retain(|(_, closed)| *closed != index);
        self.due.retain(|(_, due)| *due != index);
        let mut others = self.all.iter().rev();
        match others.find(|(_, other)| other.summary.workflow_id == summary.workflow_id) {
            Some((&latest, _)) => self.latest.insert(summary.workflow_id, latest),
            None => self.latest.remove(&summary.workflow_id),
        };
        true
    }
}

impl StoredBatch {
    fn new(first_seq: u64, batch: &Batch) -> Self {
        let bytes = Bytes::copy_from_slice(&batch.bytes);
        StoredBatch { first_seq, first_event_id: batch.first_event_id, bytes }
    }
}

impl Run {
    fn page(&self, page: Page) -> (Vec<Bytes>, Option<Page>) {
        let first = match page.from {
            PageStart::Batch(batch) => batch as usize,
            // The last batch that begins at or before the event holds it; those with the same
            // beginning before it hold no event.
            PageStart::Event(id) => {
                self.log.partition_point(|batch| batch.first_event_id <= id).saturating_sub(1)
            }
        };
        let mut batches = Vec::new();
        let rest = self.log.get(first..).unwrap_or_default();
        let full = rest.iter().try_fold(0, |bytes, batch| {
            batches.push(batch.bytes.clone());
            let bytes = bytes + batch.bytes.len();
            if bytes < page.bytes_max {
                ControlFlow::Continue(bytes)
            } else {
                ControlFlow::Break(())
            }
        });
        let next = first + batches.len();
        let more = full.is_break() && next < self.log.len();
        (batches, more.then(|| page.at_batch(next as u64)))
    }
}

impl Store for MemoryStore {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn commit(&self, commits: &[Commit]) -> Result<(), Error> {
        let mut runs = self.0.write();
        runs.check(commits)?;
        commits.iter().for_each(|commit| runs.apply(commit));
        Ok(())
    }

    fn load(&self, run_id: &str) -> Result<Option<Stored>, Error> {
        let runs = self.0.read();
        let Some(run) = runs.get(run_id) else { return Ok(None) };
        let snapshot_seq = run.snapshot.as_ref().map_or(0, |snapshot| snapshot.seq);
        let after = run.log.partition_point(|batch| batch.first_seq < snapshot_seq);
        Ok(Some(Stored {
            summary: run.summary.clone(),
            snapshot: run.snapshot.as_ref().map(|snapshot| snapshot.bytes.clone()),
            snapshot_seq,
            batches: run.log[after..].iter().map(|batch| batch.bytes.clone()).collect(),
        }))
    }

    fn latest_run(&self, workflow_id: &str) -> Result<Option<RunSummary>, Error> {
        let runs = self.0.read();
        Ok(runs.latest.get(workflow_id).map(|&index| runs.all[&index].summary.clone()))
    }

    fn run(&self, run_id: &str) -> Result<Option<RunSummary>, Error> {
        Ok(self.0.read().get(run_id).map(|run| run.summary.clone()))
    }

    fn history(&self, run_id: &str, page: Page) -> Result<(Vec<Bytes>, Option<Page>), Error> {
        Ok(self.0.read().get(run_id).map_or((Vec::new(), None), |run| run.page(page)))
    }

    fn published(&self, run_id: &str) -> Result<Published, Error> {
        Ok(self.0.read().get(run_id).map(|run| run.published.clone()).unwrap_or_default())
    }

    fn due_until(&self, time: Timestamp, limit: usize) -> Result<Vec<RunSummary>, Error> {
        let runs = self.0.read();
        let due = runs.due.range(..=(time, usize::MAX)).take(limit);
        Ok(due.map(|&(_, index)| runs.all[&index].summary.clone()).collect())
    }

    fn next_due(&self) -> Result<Option<Timestamp>, Error> {
        Ok(self.0.read().due.first().map(|&(due, _)| due))
    }

    fn open_runs(&self, after: Option<Cursor>, limit: usize) -> Result<Vec<RunSummary>, Error> {
        let runs = self.0.read();
        // A cursor is the index after its run's.
        let from = after.map_or(0, |cursor| usize::try_from(cursor.0).unwrap_or(0));
        let open = runs.open.range(from..).take(limit);
        Ok(open.map(|&index| runs.all[&index].summary.clone()).collect())
    }

    fn list(&self, filter: &ListFilter, patience: &Patience) -> Result<Vec<RunSummary>, Error> {
        let runs = self.0.read();
        let fits = |run: &&Run| patience.is_over() || filter.fits(&run.summary);
        let open = runs.open.iter().rev().map(|&index| &runs.all[&index]);
        let closed = runs.closed.iter().rev().map(|&(_, index)| &runs.all[&index]);
        let fitting = open.chain(closed).filter(fits).take(filter.limit);
        within(patience, fitting.map(|run| run.summary.clone()).collect())
    }

    fn count(
        &self,
        condition: Option<&Condition>,
        patience: &Patience,
    ) -> Result<Vec<(WorkflowExecutionStatus, u64)>, Error> {
        let mut counts = BTreeMap::new();
        let runs = self.0.read();
        let summaries = runs.all.values().map(|run| &run.summary);
        let summaries = summaries.take_while(|_| !patience.is_over());
        for run in summaries.filter(|run| condition.is_none_or(|it| it.holds(run))) {
            *counts.entry(run.status.number()).or_insert(0) += 1;
        }
        let counts = counts.into_iter();
        let counts = counts.map(|(status, n)| (WorkflowExecutionStatus::from_number(status), n));
        within(patience, counts.collect())
    }

    fn delete(&self, run_id: &str) -> Result<bool, Error> {
        Ok(self.0.write().delete(run_id))
    }

    fn put_batch_operation(&self, operation: &BatchOperation) -> Result<(), Error> {
        let mut runs = self.0.write();
        let mut operation = operation.clone();
        let job_id = operation.job_id.clone();
        let before = runs.batch_operations.remove(&job_id);
        operation.request = operation.request.or(before.and_then(|before| before.request));
        runs.batch_operations.insert(job_id, operation);
        Ok(())
    }

    fn batch_operation(&self, job_id: &str) -> Result<Option<BatchOperation>, Error> {
        Ok(self.0.read().batch_operations.get(job_id).cloned())
    }

    fn batch_operations(
        &self,
        after: Option<(Timestamp, &str)>,
        limit: usize,
    ) -> Result<Vec<BatchOperation>, Error> {
        let runs = self.0.read();
        let all = runs.batch_operations.values();
        let mut found: Vec<_> =
            all.filter(|it| after.is_none_or(|after| place(it) < after)).collect();
        found.sort_by(|one, two| place(two).cmp(&place(one)));
        let found = found.into_iter().take(limit);
        Ok(found.map(|it| BatchOperation { request: None, ..it.clone() }).collect())
    }

    fn forget_batch_operations(&self, keep: usize) -> Result<(), Error> {
        let all = &mut self.0.write().batch_operations;
        let mut ended: Vec<_> = all.values().filter(|it| it.close_time.is_some()).collect();
        ended.sort_by(|one, two| place(two).cmp(&place(one)));
        let forgotten: Vec<_> = ended.iter().skip(keep).map(|it| it.job_id.clone()).collect();
        for job_id in forgotten {
            all.remove(&job_id);
        }
        Ok(())
    }
}

/// By what batch operations are ordered.
fn place(operation: &BatchOperation) -> (Timestamp, &str) {
    (operation.start_time, &operation.job_id)
}

/// What was found, if the search has come to its end.
fn within<T>(patience: &Patience, found: T) -> Result<T, Error> {
    if patience.is_over() { Err(Error::Interrupted) } else { Ok(found) }
}

impl ListFilter {
    fn fits(&self, run: &RunSummary) -> bool {
        self.after.is_none_or(|place| place.is_before(run.place()))
            && self.condition.as_ref().is_none_or(|condition| condition.holds(run))
    }
}

impl RunSummary {
    /// How a run stands before its first commit is applied.
    fn first(commit: &Commit, cursor: Cursor) -> Self {
        let start = commit.start.clone().unwrap_or_default();
        RunSummary {
            workflow_id: commit.workflow_id.to_string(),
            run_id: commit.run_id.to_string(),
            workflow_type: start.workflow_type,
            task_queue: start.task_queue,
            start_request_id: start.request_id,
            status: commit.state.status,
            start_time: start.time,
            close_time: None,
            history_length: 0,
            history_size_bytes: 0,
            memo: start.memo,
            search_attributes: start.search_attributes,
            due: None,
            entries: 0,
            cursor,
        }
    }
}
