//! A store that fails as it is told to, on top of one that works.

use crate::store::{
    BatchOperation, Commit, Condition, Cursor, Error, ListFilter, Page, Patience, RunSummary,
    Store, Stored,
};
use bytes::Bytes;
use parking_lot::{Condvar, Mutex};
use sandglass_core::Timestamp;
use sandglass_core::policy::WorkflowExecutionStatus;
use sandglass_core::task::Published;
use std::collections::BTreeSet;

/// A store whose commits fail, wait, or are lost when a test says so, and whose reads fail. Commits are numbered from 1,
/// failed ones too.
#[derive(Debug, Default)]
pub struct FaultyStore<S> {
    inner: S,
    plan: Mutex<Plan>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Plan {
    /// How many commits each call brought.
    calls: Vec<usize>,
    fail_before: BTreeSet<usize>,
    fail_after: BTreeSet<usize>,
    crash_after: Option<usize>,
    panic: bool,
    full: bool,
    unreadable: bool,
    fail_loads: usize,
    /// The next run that is read is kept back.
    hold_load: bool,
    load_held: bool,
    held: bool,
    waiting: bool,
    searches_held: bool,
    searches: usize,
    searches_interrupted: usize,
}

impl<S> FaultyStore<S> {
    /// A store that works, until it is told otherwise.
    pub fn new(inner: S) -> Self {
        FaultyStore { inner, plan: Mutex::default(), changed: Condvar::new() }
    }

    /// The store below.
    pub fn inner(&self) -> &S {
        &self.inner
    }

    /// The store below, after a crash: what was committed, and nothing else.
    pub fn into_inner(self) -> S {
        self.inner
    }

    /// The `number`th commit fails and leaves nothing behind.
    pub fn fail_before(&self, number: usize) {
        self.plan.lock().fail_before.insert(number);
    }

    /// The `number`th commit is carried out, and its caller is told that it failed.
    pub fn fail_after(&self, number: usize) {
        self.plan.lock().fail_after.insert(number);
    }

    /// Every commit after the `number`th fails and leaves nothing behind, as after a crash.
    pub fn crash_after(&self, number: usize) {
        self.plan.lock().crash_after = Some(number);
    }

    /// Whether the disk is full from now on.
    pub fn set_full(&self, full: bool) {
        self.plan.lock().full = full;
    }

    /// Whether nothing can be read from now on.
    pub fn set_unreadable(&self, unreadable: bool) {
        self.plan.lock().unreadable = unreadable;
    }

    /// The next so many runs that are read cannot be.
    pub fn fail_loads(&self, count: usize) {
        self.plan.lock().fail_loads = count;
    }

    /// Reads of runs that are still to fail.
    pub fn loads_to_fail(&self) -> usize {
        self.plan.lock().fail_loads
    }

    /// The next run that is read is given out only at [`FaultyStore::release_load`], as it was when it was read.
    pub fn hold_next_load(&self) {
        self.plan.lock().hold_load = true;
    }

    /// Returns when a run that was read is kept back.
    pub fn wait_until_load_held(&self) {
        let mut plan = self.plan.lock();
        self.changed.wait_while(&mut plan, |plan| !plan.load_held);
    }

    /// Gives out the run that was kept back.
    pub fn release_load(&self) {
        self.plan.lock().load_held = false;
        self.changed.notify_all();
    }

    /// The next commit panics.
    pub fn panic(&self) {
        self.plan.lock().panic = true;
    }

    /// Lets no commit begin until [`FaultyStore::release`].
    pub fn hold(&self) {
        self.plan.lock().held = true;
    }

    /// Lets commits begin again.
    pub fn release(&self) {
        self.plan.lock().held = false;
        self.changed.notify_all();
    }

    /// Returns when a commit waits because commits are held.
    pub fn wait_until_held(&self) {
        let mut plan = self.plan.lock();
        self.changed.wait_while(&mut plan, |plan| !plan.waiting);
    }

    /// Lets no count end until [`FaultyStore::release_searches`].
    pub fn hold_searches(&self) {
        self.plan.lock().searches_held = true;
    }

    /// Lets counts end again.
    pub fn release_searches(&self) {
        self.plan.lock().searches_held = false;
        self.changed.notify_all();
    }

    /// Counts that have begun so far.
    pub fn searches(&self) -> usize {
        self.plan.lock().searches
    }

    /// Counts that ended before they had found everything.
    pub fn searches_interrupted(&self) -> usize {
        self.plan.lock().searches_interrupted
    }

    /// How many runs each call of `commit` brought so far, failed ones too.
    pub fn calls(&self) -> Vec<usize> {
        self.plan.lock().calls.clone()
    }

    /// The store below, for a read.
    fn read(&self) -> Result<&S, Error> {
        match self.plan.lock().unreadable {
            true => Err(Error::Io("told to fail".into())),
            false => Ok(&self.inner),
        }
    }

    /// Waits while commits are held; says what is to become of this one.
    fn begin(&self, runs: usize) -> (Option<Error>, bool) {
        let mut plan = self.plan.lock();
        plan.waiting = plan.held;
        self.changed.notify_all();
        self.changed.wait_while(&mut plan, |plan| plan.held);
        plan.waiting = false;
        plan.calls.push(runs);
        let number = plan.calls.len();
        assert!(!plan.panic, "told to panic in commit {number}");
        let before = if plan.full {
            Some(Error::Full)
        } else if plan.crash_after.is_some_and(|last| number > last) {
            Some(Error::Io(format!("crashed before commit {number}")))
        } else if plan.fail_before.contains(&number) {
            Some(Error::Io(format!("told to fail before commit {number}")))
        } else {
            None
        };
        (before, plan.fail_after.contains(&number))
    }
}

impl<S: Store> Store for FaultyStore<S> {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn commit(&self, commits: &[Commit]) -> Result<(), Error> {
        let (before, after) = self.begin(commits.len());
        if let Some(error) = before {
            return Err(error);
        }
        self.inner.commit(commits)?;
        if after { Err(Error::Io("told to fail after a commit".into())) } else { Ok(()) }
    }

    fn load(&self, run_id: &str) -> Result<Option<Stored>, Error> {
        let mut plan = self.plan.lock();
        if plan.fail_loads > 0 {
            plan.fail_loads -= 1;
            return Err(Error::Io("told to fail".into()));
        }
        let hold = std::mem::take(&mut plan.hold_load);
        drop(plan);
        let loaded = self.read()?.load(run_id);
        if hold {
            let mut plan = self.plan.lock();
            plan.load_held = true;
            self.changed.notify_all();
            self.changed.wait_while(&mut plan, |plan| plan.load_held);
        }
        loaded
    }

    fn latest_run(&self, workflow_id: &str) -> Result<Option<RunSummary>, Error> {
        self.read()?.latest_run(workflow_id)
    }

    fn run(&self, run_id: &str) -> Result<Option<RunSummary>, Error> {
        self.read()?.run(run_id)
    }

    fn history(&self, run_id: &str, page: Page) -> Result<(Vec<Bytes>, Option<Page>), Error> {
        self.read()?.history(run_id, page)
    }

    fn published(&self, run_id: &str) -> Result<Published, Error> {
        self.read()?.published(run_id)
    }

    fn due_until(&self, time: Timestamp, limit: usize) -> Result<Vec<RunSummary>, Error> {
        self.read()?.due_until(time, limit)
    }

    fn next_due(&self) -> Result<Option<Timestamp>, Error> {
        self.read()?.next_due()
    }

    fn open_runs(&self, after: Option<Cursor>, limit: usize) -> Result<Vec<RunSummary>, Error> {
        self.read()?.open_runs(after, limit)
    }

    fn list(&self, filter: &ListFilter, patience: &Patience) -> Result<Vec<RunSummary>, Error> {
        self.read()?.list(filter, patience)
    }

    fn count(
        &self,
        condition: Option<&Condition>,
        patience: &Patience,
    ) -> Result<Vec<(WorkflowExecutionStatus, u64)>, Error> {
        let mut plan = self.plan.lock();
        plan.searches += 1;
        self.changed.wait_while(&mut plan, |plan| plan.searches_held);
        drop(plan);
        let counted = self.read()?.count(condition, patience);
        if matches!(counted, Err(Error::Interrupted)) {
            self.plan.lock().searches_interrupted += 1;
        }
        counted
    }

    fn delete(&self, run_id: &str) -> Result<bool, Error> {
        let (before, after) = self.begin(1);
        if let Some(error) = before {
            return Err(error);
        }
        let deleted = self.inner.delete(run_id)?;
        if after { Err(Error::Io("told to fail after a commit".into())) } else { Ok(deleted) }
    }

    fn put_batch_operation(&self, operation: &BatchOperation) -> Result<(), Error> {
        let (before, after) = self.begin(0);
        if let Some(error) = before {
            return Err(error);
        }
        self.inner.put_batch_operation(operation)?;
        if after { Err(Error::Io("told to fail after a commit".into())) } else { Ok(()) }
    }

    fn batch_operation(&self, job_id: &str) -> Result<Option<BatchOperation>, Error> {
        self.read()?.batch_operation(job_id)
    }

    fn batch_operations(
        &self,
        after: Option<(Timestamp, &str)>,
        limit: usize,
    ) -> Result<Vec<BatchOperation>, Error> {
        self.read()?.batch_operations(after, limit)
    }

    fn forget_batch_operations(&self, keep: usize) -> Result<(), Error> {
        let (before, after) = self.begin(0);
        if let Some(error) = before {
            return Err(error);
        }
        self.inner.forget_batch_operations(keep)?;
        if after { Err(Error::Io("told to fail after a commit".into())) } else { Ok(()) }
    }
}
