//! Commits of runs that nobody ran: their entries are no more than text, which a store cannot tell
//! from others.

use crate::store::{Batch, Commit, RunStart, RunState, Snapshot};
use sandglass_core::payload::Memo;
use sandglass_core::policy::WorkflowExecutionStatus;
use sandglass_core::task::Published;
use sandglass_core::{Payload, Timestamp};
use std::sync::Arc;

/// A run that makes one commit after the other.
#[derive(Clone, Debug)]
pub struct SampleRun {
    workflow_id: Arc<str>,
    run_id: Arc<str>,
    workflow_type: String,
    start_time: i64,
    memo: Option<Memo>,
    seq: u64,
    last_event_id: i64,
}

impl SampleRun {
    /// A run that has not started.
    #[must_use]
    pub fn new(workflow_id: &str, run_id: &str) -> Self {
        SampleRun {
            workflow_id: workflow_id.into(),
            run_id: run_id.into(),
            workflow_type: "sample".into(),
            start_time: 1_000,
            memo: None,
            seq: 0,
            last_event_id: 0,
        }
    }

    /// The same run, of another type.
    #[must_use]
    pub fn of_type(self, workflow_type: &str) -> Self {
        SampleRun { workflow_type: workflow_type.into(), ..self }
    }

    /// The same run, started at `nanos`.
    #[must_use]
    pub fn started_at(self, nanos: i64) -> Self {
        SampleRun { start_time: nanos, ..self }
    }

    /// The same run, with a memo of one value.
    #[must_use]
    pub fn with_memo(self, name: &str, json: &str) -> Self {
        let fields = [(name.into(), Payload::json(json))].into_iter().collect();
        SampleRun { memo: Some(Memo { fields, ..Memo::default() }), ..self }
    }

    /// Its id.
    #[must_use]
    pub fn run_id(&self) -> &str {
        &self.run_id
    }

    /// Its workflow id.
    #[must_use]
    pub fn workflow_id(&self) -> &str {
        &self.workflow_id
    }

    /// The next commit: as many batches as there are numbers, each with so many events and one
    /// state change. The first one starts the run.
    pub fn next(&mut self, events: &[i64]) -> Commit {
        let first_seq = self.seq;
        let batches: Vec<Batch> = events.iter().map(|&events| self.batch(events)).collect();
        Commit {
            run_id: Arc::clone(&self.run_id),
            workflow_id: Arc::clone(&self.workflow_id),
            first_seq,
            batches,
            snapshot: None,
            start: (first_seq == 0).then(|| self.start()),
            state: RunState {
                status: WorkflowExecutionStatus::Running,
                close_time: None,
                due: None,
                history_length: self.last_event_id,
                history_size_bytes: self.last_event_id * 10,
            },
            published: None,
        }
    }

    /// The next commit, which closes the run as completed.
    pub fn close(&mut self, events: &[i64]) -> Commit {
        let mut commit = self.next(events);
        commit.state.status = WorkflowExecutionStatus::Completed;
        commit.state.close_time = Some(Timestamp(1_000 + self.seq as i64));
        commit
    }

    fn start(&self) -> RunStart {
        RunStart {
            workflow_type: self.workflow_type.clone(),
            task_queue: "queue".into(),
            request_id: format!("request of {}", self.run_id),
            time: Timestamp(self.start_time),
            memo: self.memo.clone(),
            search_attributes: None,
        }
    }

    fn batch(&mut self, events: i64) -> Batch {
        let first_event_id = self.last_event_id + 1;
        self.last_event_id += events;
        let bytes = format!("{}: {first_event_id}..={}", self.run_id, self.last_event_id);
        let entries = events as u64 + 1;
        self.seq += entries;
        Batch { first_event_id, entries, bytes: bytes.into_bytes(), ended: true }
    }
}

impl Commit {
    /// The same commit, which closes the run so, at `nanos`.
    #[must_use]
    pub fn closing(mut self, status: WorkflowExecutionStatus, nanos: i64) -> Self {
        self.state.status = status;
        self.state.close_time = Some(Timestamp(nanos));
        self
    }

    /// The same commit, after which something is due at `nanos`.
    #[must_use]
    pub fn due_at(mut self, nanos: i64) -> Self {
        self.state.due = Some(Timestamp(nanos));
        self
    }

    /// The same commit, with a snapshot after its entries.
    #[must_use]
    pub fn with_snapshot(mut self, text: &'static str) -> Self {
        self.snapshot = Some(Snapshot { seq: self.end_seq(), bytes: text.into() });
        self
    }

    /// The same commit, after which the run says these values, and no others, to queries.
    #[must_use]
    pub fn publishing(mut self, values: &[(&str, &str)]) -> Self {
        let values = values.iter().map(|&(name, json)| (name.into(), Payload::json(json)));
        self.published = Some(Published::from_iter(values));
        self
    }
}
