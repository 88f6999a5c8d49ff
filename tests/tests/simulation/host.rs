//! The host around the engine half: the one door, the queue ahead of the disk, crashes, and recovery. It does what `host/engine/src/engine` does,
//! without threads.

use crate::disk::Commit;
use crate::world::World;
use sandglass_core::Timestamp;
use sandglass_core::engine::{
    ActivityTask, Dispatch, Entry, Execution, Outcome, Reply, Request, RequestError, Start,
    StartIds, Transition, entries_to_bytes,
};
use sandglass_core::payload::TaskQueue;
use sandglass_core::task::WorkflowTask;
use std::collections::VecDeque;

/// A process: all of it is lost when it crashes.
#[derive(Default)]
pub struct Process {
    /// Names it in the log.
    pub host: String,
    pub queue: VecDeque<Commit>,
    pub live: Option<Live>,
    /// When the run is to be looked at.
    pub timer: Option<Timestamp>,
    /// What waits in task queues.
    pub hints: Vec<Hint>,
    pub worker: crate::worker::Worker,
}

/// The run in memory, perhaps ahead of the disk.
pub struct Live {
    pub execution: Execution,
    /// Covers everything of this run that was queued.
    pub ticket: u64,
    /// Whether the worker has given up the started task: it waits for its timeout (rule 111).
    pub task_given_up: bool,
    entries_since_snapshot: u64,
}

/// A task that waits in a queue. It may not stand any more.
#[derive(Clone, Copy, Debug)]
pub enum Hint {
    WorkflowTask,
    Activity { scheduled_event_id: i64, attempt: u32 },
}

/// What one step leads to.
#[derive(Default)]
pub struct Work {
    transitions: Vec<Transition>,
    dispatch: VecDeque<Dispatch>,
    workflow_task: Option<(Box<WorkflowTask>, bool)>,
    activity_tasks: Vec<(Box<ActivityTask>, bool)>,
    closed: bool,
}

impl Work {
    fn absorb(&mut self, outcome: Outcome) -> Result<Reply, RequestError> {
        self.dispatch.extend(outcome.transition.dispatch().iter().cloned());
        self.transitions.push(outcome.transition);
        outcome.reply
    }
}

/// What a caller is told, and what was written for it.
pub struct Told {
    pub reply: Result<Reply, RequestError>,
    pub entries: usize,
    /// May be told once this is durable.
    pub ticket: u64,
}

impl World {
    /// Starts the run; a client that does not know whether it was started repeats that.
    pub fn start(&mut self) {
        self.runs += 1;
        let start = Start {
            workflow_id: "w".into(),
            workflow_type: "W".into(),
            task_queue: TaskQueue::normal("q"),
            identity: "client".into(),
            request_id: "start".into(),
            workflow_run_timeout: self.plan.run_timeout,
            ..Start::default()
        };
        let ids = StartIds { run_id: format!("run-{}", self.runs) };
        let started = Execution::start(start, ids, &self.limits, self.now);
        let (execution, transition) = started.expect("it starts");
        assert!(self.log.is_empty(), "a run is started although there is one");
        self.process.live = Some(Live::new(execution));
        let dispatch = transition.dispatch().iter().cloned().collect();
        self.finish(Work { transitions: vec![transition], dispatch, ..Work::default() });
    }

    /// Asks the run. Nothing, if there is none.
    pub fn ask(&mut self, request: Request) -> Option<Told> {
        if !self.has_live() {
            return None;
        }
        let mut work = Work::default();
        let reply = self.handle(request, &mut work);
        let entries = work.transitions.iter().map(|it| it.entries().len()).sum();
        self.finish(work);
        let ticket = self.process.live.as_ref().map_or(0, |live| live.ticket);
        Some(Told { reply, entries, ticket })
    }

    fn handle(&mut self, request: Request, work: &mut Work) -> Result<Reply, RequestError> {
        let live = self.process.live.as_mut().expect("the run is in memory");
        let outcome = live.execution.handle(request, &self.limits, self.now);
        if let Err(RequestError::Inconsistent(what)) = &outcome.reply {
            panic!("the run's state is inconsistent: {what}");
        }
        work.absorb(outcome)
    }

    /// Whether the run is in memory; it is read if need be.
    pub fn has_live(&mut self) -> bool {
        if self.process.live.is_none() && self.disk.run_id.is_some() {
            let by_snapshot = !self.random.once_in(3);
            if by_snapshot && self.disk.has_snapshot() {
                self.seen.note("read by a snapshot and its tail");
            }
            let execution = self.disk.load(by_snapshot).expect("the log can be read");
            let other = self.disk.load(!by_snapshot).expect("the log can be read");
            assert_eq!(execution, other, "the snapshot leads elsewhere than the log");
            self.process.timer = execution.closed().map_or(execution.due(), |_| None);
            self.process.live = Some(Live::new(execution));
            assert_eq!(self.disk.log(), self.log, "the disk holds another log");
        }
        self.process.live.is_some()
    }

    fn finish(&mut self, mut work: Work) {
        while let Some(dispatch) = work.dispatch.pop_front() {
            self.place(dispatch, &mut work);
        }
        self.submit(&work.transitions);
        let live = self.process.live.as_mut().expect("the run is in memory");
        self.process.timer = live.execution.closed().map_or(live.execution.due(), |_| None);
        let ticket = live.ticket;
        if work.workflow_task.is_some() {
            live.task_given_up = false;
        }
        for (task, wire) in work.activity_tasks {
            self.begin_attempt(*task, wire, ticket);
        }
        if work.closed {
            self.process.worker.evict();
            self.closed = Some((ticket, self.code.polls()));
        }
        assert_eq!(
            self.is_closed(),
            self.closed.is_some(),
            "who works for it knows that it closed"
        );
        if let Some((task, wire)) = work.workflow_task {
            self.begin_workflow_task(*task, wire, ticket);
        }
        self.become_durable();
    }

    fn place(&mut self, dispatch: Dispatch, work: &mut Work) {
        let at_once = !self.random.once_in(self.plan.queued_once_in);
        match dispatch {
            Dispatch::WorkflowTask { .. } if at_once => self.take_workflow_task(work),
            Dispatch::WorkflowTask { .. } => self.process.hints.push(Hint::WorkflowTask),
            Dispatch::ActivityTask { scheduled_event_id, attempt, .. } if at_once => {
                self.take_activity_task(scheduled_event_id, attempt, work);
            }
            Dispatch::ActivityTask { scheduled_event_id, attempt, .. } => {
                self.process.hints.push(Hint::Activity { scheduled_event_id, attempt });
            }
            Dispatch::CancelActivity { scheduled_event_id, attempt, reason } => {
                self.tell_attempt(scheduled_event_id, attempt, reason);
            }
            Dispatch::EvictWorkflow => {
                self.seen.note("the worker is told to drop a run");
                self.process.worker.evict();
            }
            Dispatch::Closed => work.closed = true,
        }
    }

    /// A worker looks into the queue.
    pub fn take_hint(&mut self, at: usize) {
        let hint = self.process.hints.swap_remove(at);
        if !self.has_live() {
            return;
        }
        let mut work = Work::default();
        match hint {
            Hint::WorkflowTask => self.take_workflow_task(&mut work),
            Hint::Activity { scheduled_event_id, attempt } => {
                self.take_activity_task(scheduled_event_id, attempt, &mut work);
            }
        }
        self.finish(work);
    }

    fn take_workflow_task(&mut self, work: &mut Work) {
        let wire = self.random.once_in(self.plan.wire_once_in);
        self.polls += 1;
        let request = Request::StartWorkflowTask {
            identity: "worker".into(),
            request_id: if wire { format!("poll-{}", self.polls) } else { String::new() },
            durable: wire,
        };
        let Ok(Reply::WorkflowTask(task)) = self.handle(request.clone(), work) else { return };
        if wire && self.random.once_in(2) {
            // The answer to the poll was lost, and the worker polls again.
            let written = work.transitions.iter().map(|it| it.entries().len()).sum::<usize>();
            match self.handle(request, work) {
                Ok(Reply::WorkflowTask(again)) => assert_eq!(again.token, task.token),
                other => panic!("a repeated poll is told {other:?}"),
            }
            let after = work.transitions.iter().map(|it| it.entries().len()).sum::<usize>();
            assert_eq!(written, after, "a repeated poll writes something");
            self.seen.note("a repeated poll for a workflow task");
        }
        work.workflow_task = Some((task, wire));
    }

    fn take_activity_task(&mut self, scheduled_event_id: i64, attempt: u32, work: &mut Work) {
        let wire = self.random.once_in(self.plan.wire_once_in);
        self.polls += 1;
        let request = Request::StartActivity {
            scheduled_event_id,
            attempt,
            identity: "worker".into(),
            request_id: if wire { format!("poll-{}", self.polls) } else { String::new() },
            host: if wire { String::new() } else { self.process.host.clone() },
        };
        let Ok(Reply::ActivityTask(task)) = self.handle(request.clone(), work) else { return };
        assert_eq!(task.attempt, attempt, "another attempt was started");
        if wire && self.random.once_in(2) {
            match self.handle(request, work) {
                Ok(Reply::ActivityTask(again)) => assert_eq!(again.token, task.token),
                other => panic!("a repeated poll is told {other:?}"),
            }
            self.seen.note("a repeated poll for an activity task");
        }
        work.activity_tasks.push((task, wire));
    }

    fn submit(&mut self, transitions: &[Transition]) {
        let entries: Vec<Entry> =
            transitions.iter().flat_map(Transition::entries).cloned().collect();
        let published = transitions.iter().any(|it| it.published().is_some());
        if entries.is_empty() && !published {
            return;
        }
        self.note_entries(&entries);
        self.tickets += 1;
        let live = self.process.live.as_mut().expect("the run is in memory");
        live.ticket = self.tickets;
        live.entries_since_snapshot += entries.len() as u64;
        let snapshot = (live.entries_since_snapshot >= self.plan.snapshot_entries).then(|| {
            live.entries_since_snapshot = 0;
            live.execution.snapshot()
        });
        let open = live.execution.closed().is_none();
        // When the run has to be looked at if this process dies: at once if anything is being done for it or waits to be.
        let due = match live.execution.is_quiet() {
            true => live.execution.due(),
            false => Some(Timestamp::default()),
        };
        self.process.queue.push_back(Commit {
            ticket: self.tickets,
            run_id: live.execution.run_id().into(),
            first_seq: self.log.len() as u64,
            entries: entries.len() as u64,
            bytes: entries_to_bytes(&entries),
            snapshot,
            open,
            due: due.filter(|_| open),
        });
        self.log.extend(entries);
        assert_eq!(live.execution.entry_count(), self.log.len() as u64);
        if self.random.once_in(self.plan.compare_once_in) {
            self.compare_with_log();
        }
    }

    /// The first `count` commits that wait are written in one transaction.
    pub fn write(&mut self, count: usize) {
        for commit in self.process.queue.drain(..count) {
            self.disk.commit(commit);
        }
    }

    /// What rests on what has become durable may be told.
    pub fn become_durable(&mut self) {
        self.call_attempts();
        self.answer_clients();
    }

    /// Everything that was ahead of the disk is void.
    fn lose(&mut self) {
        let durable = self.disk.durable;
        self.process.queue.clear();
        self.log.truncate(self.disk.entries as usize);
        self.decisions.retain(|decision| decision.ticket <= durable);
        if self.closed.is_some_and(|(ticket, _)| ticket > durable) {
            self.closed = None;
        }
        self.lose_attempts();
        self.lose_clients();
        // No clock stands still for as long as it takes to read a run.
        self.now = Timestamp(self.now.0 + 1);
    }

    /// The process dies where it is, and another one opens the store.
    pub fn crash(&mut self) {
        self.lose();
        self.processes += 1;
        let before = std::mem::take(&mut self.process);
        self.late_answers.extend(before.worker.into_answer());
        self.attempts.retain(|attempt| attempt.wire);
        self.process.host = format!("host-{}", self.processes);
        if self.disk.run_id.is_none() {
            return self.start_again();
        }
        match self.disk.due {
            _ if !self.disk.open => {}
            Some(due) if due > Timestamp::default() => {
                self.seen.note("left where it is by recovery");
                self.check_quiet();
                self.process.timer = Some(due);
            }
            None => {
                self.seen.note("left where it is by recovery");
                self.check_quiet();
            }
            Some(_) => {
                let host = self.process.host.clone();
                self.set_in_motion(Some(Request::Recover { host }));
            }
        }
    }

    /// A commit has failed: the run is dropped, and read again (D14).
    pub fn forget(&mut self) {
        self.lose();
        let answer = std::mem::take(&mut self.process.worker).into_answer();
        self.late_answers.extend(answer);
        self.process.live = None;
        if self.disk.run_id.is_none() {
            self.process.timer = None;
            return self.start_again();
        }
        self.set_in_motion(None);
    }

    fn start_again(&mut self) {
        assert!(!self.clients.start_acknowledged, "a run that was acknowledged is not stored");
        self.seen.note("the start was lost and is repeated");
        self.log.clear();
        self.start();
    }

    fn set_in_motion(&mut self, recover: Option<Request>) {
        assert!(self.has_live());
        let mut work = Work::default();
        if let Some(recover) = recover {
            let before = self.describe().expect("there is a run");
            match self.handle(recover, &mut work) {
                // What the lost attempts say would have made the history too long, and has ended the run instead.
                Ok(_) | Err(RequestError::Closed) => {}
                Err(other) => panic!("it cannot be recovered: {other}"),
            }
            self.check_recovered(&before);
        }
        let live = self.process.live.as_ref().expect("the run is in memory");
        work.dispatch.retain(|dispatch| !dispatch.is_task());
        work.dispatch.extend(live.execution.ready());
        self.finish(work);
    }

    /// What is due happens.
    pub fn advance(&mut self) {
        self.process.timer = None;
        if !self.has_live() {
            return;
        }
        let told = self.ask(Request::Advance).expect("there is a run");
        match told.reply {
            // What was due would have made the history too long, and has ended the run instead.
            Ok(_) | Err(RequestError::Closed) => {}
            Err(other) => panic!("time cannot pass: {other}"),
        }
        let live = self.process.live.as_ref().expect("the run is in memory");
        let due = live.execution.due();
        assert!(due.is_none_or(|due| due > self.now), "something due was left");
    }

    /// An idle run is dropped from memory, to make room for others.
    pub fn can_be_dropped(&self) -> bool {
        self.process.live.as_ref().is_some_and(|live| {
            live.ticket <= self.disk.durable
                && self.process.queue.is_empty()
                && !live.execution.workflow_task_started()
                && self.attempts.iter().all(|attempt| attempt.wire)
        })
    }
}

impl Live {
    fn new(execution: Execution) -> Live {
        Live { execution, ticket: 0, task_given_up: false, entries_since_snapshot: 0 }
    }
}
