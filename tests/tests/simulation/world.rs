//! One world: a run, its host, its guest, and all who deal with them; what may happen next, and when everything has come to rest.

use crate::activities::{Attempt, Ended};
use crate::clients::Clients;
use crate::coverage::Seen;
use crate::disk::Disk;
use crate::guest::Code;
use crate::host::Process;
use crate::program::Program;
use crate::random::Random;
use sandglass_core::engine::{Entry, Limits, Request, RequestError};
use sandglass_core::task::{Answer, TaskToken};
use sandglass_core::{Command, Timestamp};
use std::collections::BTreeSet;
use std::time::Duration;

/// What may happen in a world, and how often.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Nothing goes wrong but what is asked for.
    pub calm: bool,
    /// Steps until everything bad is over.
    pub steps: u64,
    crashes: u64,
    failures: u64,
    signals: u64,
    cancels: u64,
    terminates: u64,
    time: u64,
    drops: u64,
    pub queued_once_in: u64,
    pub wire_once_in: u64,
    pub evict_once_in: u64,
    pub compare_once_in: u64,
    pub snapshot_entries: u64,
    pub run_timeout: Option<Duration>,
    /// The steps at which somebody asks for it, whatever chance says.
    pub cancel_at: Option<u64>,
    pub terminate_at: Option<u64>,
}

/// A guest's decision that was accepted.
pub struct Decided {
    pub ticket: u64,
    pub token: TaskToken,
    pub commands: Vec<Command>,
}

pub struct World {
    pub seed: u64,
    pub random: Random,
    pub plan: Plan,
    pub program: Program,
    pub code: Code,
    pub limits: Limits,
    pub now: Timestamp,
    pub disk: Disk,
    /// What the disk and the queue hold together.
    pub log: Vec<Entry>,
    pub process: Process,
    pub clients: Clients,
    pub attempts: Vec<Attempt>,
    /// Every attempt that ever was called.
    pub called: BTreeSet<(i64, i32)>,
    /// Attempts whose worker is another process.
    pub over_wire: BTreeSet<(i64, i32)>,
    pub ended: Vec<Ended>,
    pub late_ends: Vec<sandglass_core::engine::ActivityTaskToken>,
    pub late_answers: Vec<Answer>,
    pub decisions: Vec<Decided>,
    /// The ticket under which the run closed, and how often its code had run by then.
    pub closed: Option<(u64, u64)>,
    pub tickets: u64,
    pub runs: u64,
    pub processes: u64,
    pub polls: u64,
    pub step: u64,
    /// What happened, for people.
    pub trail: Vec<(u64, Timestamp, Action)>,
    pub seen: Seen,
}

/// What may happen next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    TakeHint,
    Compute,
    DeliverAnswer,
    DeliverLateAnswer,
    Write,
    WriteSome,
    CrashBeforeCommit,
    CrashAfterCommit,
    CrashBetween,
    FailCommit,
    FailDurableCommit,
    RunAttempt,
    EndAttemptLate,
    Signal,
    RepeatSignal,
    RepeatUnanswered,
    Cancel,
    Terminate,
    TimePasses,
    DueTime,
    DropRun,
    EvictGuest,
    Mend,
}

impl Plan {
    fn at_random(random: &mut Random) -> Plan {
        let faulty = !random.once_in(4);
        let mut weight = |most: u64| if faulty { random.below(most) } else { 0 };
        let (crashes, failures, drops) = (weight(4), weight(4), weight(8));
        Plan {
            calm: false,
            steps: 30 + random.below(100),
            crashes,
            failures,
            drops,
            signals: random.below(4),
            cancels: random.below(2),
            terminates: u64::from(random.once_in(4)),
            time: 2 + random.below(12),
            queued_once_in: random.one_of(&[1, 2, 4, 1_000]),
            wire_once_in: random.one_of(&[2, 4, 1_000, 1_000]),
            evict_once_in: random.one_of(&[1, 2, 4]),
            compare_once_in: 12,
            snapshot_entries: random.one_of(&[1, 7, 20, 1_000]),
            run_timeout: random.once_in(6).then(|| Duration::from_secs(5 + random.below(60))),
            cancel_at: None,
            terminate_at: None,
        }
    }

    /// Nothing goes wrong but what is asked for.
    fn calm(random: &mut Random) -> Plan {
        Plan {
            calm: true,
            steps: 1_000,
            crashes: 0,
            failures: 0,
            drops: 0,
            signals: 1,
            cancels: 0,
            terminates: 0,
            time: 3,
            queued_once_in: random.one_of(&[2, 1_000]),
            wire_once_in: random.one_of(&[3, 1_000]),
            evict_once_in: 4,
            compare_once_in: 50,
            snapshot_entries: 20,
            run_timeout: None,
            cancel_at: None,
            terminate_at: None,
        }
    }
}

impl World {
    /// A world in which everything may happen.
    pub fn at_random(seed: u64) -> World {
        let mut random = Random::new(seed);
        let plan = Plan::at_random(&mut random);
        let mut limits = Limits::default();
        if random.once_in(12) {
            limits.buffered_events_max = 2;
        }
        if random.once_in(12) {
            limits.history_events_max = 20 + random.below(40) as i64;
        }
        World::new(seed, random, plan, limits)
    }

    /// A world in which only what is asked for goes wrong.
    pub fn calm(seed: u64, cancel_at: Option<u64>, terminate_at: Option<u64>) -> World {
        let mut random = Random::new(seed);
        let plan = Plan { cancel_at, terminate_at, ..Plan::calm(&mut random) };
        World::new(seed, random, plan, Limits::default())
    }

    fn new(seed: u64, mut random: Random, plan: Plan, limits: Limits) -> World {
        let program = Program::at_random(&mut random);
        World {
            seed,
            plan,
            code: Code::new(&program),
            program,
            limits,
            now: Timestamp(1_800_000_000_000_000_000),
            disk: Disk::default(),
            log: Vec::new(),
            process: Process { host: "host-0".into(), ..Process::default() },
            clients: Clients::default(),
            attempts: Vec::new(),
            called: BTreeSet::new(),
            over_wire: BTreeSet::new(),
            ended: Vec::new(),
            late_ends: Vec::new(),
            late_answers: Vec::new(),
            decisions: Vec::new(),
            closed: None,
            tickets: 0,
            runs: 0,
            processes: 0,
            polls: 0,
            step: 0,
            trail: Vec::new(),
            seen: Seen::default(),
            random,
        }
    }

    /// Runs it to its end, and checks all that has to hold.
    pub fn run(&mut self) {
        self.start();
        while self.step < self.plan.steps && !(self.is_closed() && self.plan.calm) {
            self.ask_as_planned();
            let actions = self.possible();
            let action = self.random.weighted(&actions).expect("time can always pass");
            self.act(action);
        }
        self.come_to_rest();
        self.check_end();
    }

    /// Somebody asks for what was planned for this step.
    fn ask_as_planned(&mut self) {
        if self.plan.cancel_at == Some(self.step) {
            self.cancel();
        }
        if self.plan.terminate_at == Some(self.step) {
            self.terminate();
        }
    }

    fn act(&mut self, action: Action) {
        self.step += 1;
        self.trail.push((self.step, self.now, action));
        if self.random.once_in(2) {
            self.now = self.now.after(Duration::from_micros(self.random.below(50_000)));
        }
        self.perform(action);
        self.check_closed();
    }

    /// What may happen next, and how often it does.
    fn possible(&self) -> Vec<(u64, Action)> {
        use Action as A;
        let plan = &self.plan;
        let if_any = |weight, any: bool| if any { weight } else { 0 };
        let queued = !self.process.queue.is_empty();
        let answered = self.process.worker.open.as_ref().is_some_and(|it| it.answer.is_some());
        let waits = self.process.timer.is_some();
        vec![
            (if_any(16, !self.process.hints.is_empty()), A::TakeHint),
            (if_any(32, self.can_compute()), A::Compute),
            (if_any(20, answered), A::DeliverAnswer),
            (if_any(2, !self.late_answers.is_empty()), A::DeliverLateAnswer),
            (if_any(32, queued), A::Write),
            (if_any(8, queued), A::WriteSome),
            (if_any(plan.crashes, queued), A::CrashBeforeCommit),
            (if_any(plan.crashes, queued), A::CrashAfterCommit),
            (plan.crashes.min(1), A::CrashBetween),
            (if_any(plan.failures, queued), A::FailCommit),
            (if_any(plan.failures, queued), A::FailDurableCommit),
            (if_any(20, self.attempts.iter().any(|it| it.called)), A::RunAttempt),
            (if_any(2, !self.late_ends.is_empty()), A::EndAttemptLate),
            (plan.signals, A::Signal),
            (if_any(plan.signals, self.clients.signals_sent() > 0), A::RepeatSignal),
            (if_any(8, self.clients.has_unanswered()), A::RepeatUnanswered),
            (plan.cancels, A::Cancel),
            (plan.terminates, A::Terminate),
            (1, A::TimePasses),
            (if_any(plan.time, waits), A::DueTime),
            (if_any(plan.drops, self.can_be_dropped()), A::DropRun),
            (if_any(1, self.process.worker.parked.is_some()), A::EvictGuest),
            (1, A::Mend),
        ]
    }

    fn perform(&mut self, action: Action) {
        match action {
            Action::TakeHint => {
                let at = self.random.index(self.process.hints.len());
                self.take_hint(at);
            }
            Action::Compute => self.compute(),
            Action::DeliverAnswer => self.deliver_answer(),
            Action::DeliverLateAnswer => self.deliver_late_answer(),
            Action::Write
            | Action::WriteSome
            | Action::CrashBeforeCommit
            | Action::CrashAfterCommit
            | Action::CrashBetween
            | Action::FailCommit
            | Action::FailDurableCommit => self.write_or_fail(action),
            Action::RunAttempt => {
                let called = self.attempts.iter().enumerate().filter(|(_, it)| it.called);
                let called: Vec<usize> = called.map(|(at, _)| at).collect();
                let at = self.random.one_of(&called);
                self.run_attempt(at);
            }
            Action::EndAttemptLate => self.end_attempt_late(),
            Action::Signal => self.new_signal(),
            Action::RepeatSignal => self.repeat_signal(),
            Action::RepeatUnanswered => self.repeat_unanswered(),
            Action::Cancel => self.cancel(),
            Action::Terminate => self.terminate(),
            Action::TimePasses => {
                let time = Duration::from_millis(self.random.below(1_500));
                self.now = self.now.after(time);
                if self.process.timer.is_some_and(|due| due <= self.now) {
                    self.advance();
                }
            }
            Action::DueTime => {
                self.now = self.now.max(self.process.timer.unwrap_or_default());
                self.advance();
            }
            Action::DropRun => {
                self.seen.note("an idle run is dropped from memory");
                self.process.live = None;
            }
            Action::EvictGuest => {
                self.seen.note("a parked guest is evicted");
                self.process.worker.parked = None;
            }
            Action::Mend => {
                self.code.mend();
                self.retry_given_up();
            }
        }
    }

    fn write_or_fail(&mut self, action: Action) {
        let waits = self.process.queue.len();
        let some = 1 + self.random.index(waits);
        match action {
            Action::Write => self.write(waits),
            Action::WriteSome => self.write(some),
            Action::CrashBeforeCommit => {
                self.seen.note("a crash before a commit");
                return self.crash();
            }
            Action::CrashAfterCommit => {
                self.seen.note("a crash after a commit, before anybody is answered");
                self.write(waits);
                return self.crash();
            }
            Action::CrashBetween => {
                if some < waits {
                    self.seen.note("a crash between two commits");
                    self.write(some);
                } else if waits == 0 {
                    self.seen.note("a crash with nothing ahead of the disk");
                }
                return self.crash();
            }
            Action::FailCommit => {
                self.seen.note("a failed commit");
                return self.forget();
            }
            _ => {
                self.seen.note("a commit that is durable though it is said to have failed");
                self.write(some);
                return self.forget();
            }
        }
        self.become_durable();
    }

    /// The code was mended, or a cancel came: a task that nobody works on does not wait for its timeout.
    pub fn retry_given_up(&mut self) {
        let Some(live) = &mut self.process.live else { return };
        if live.task_given_up && live.execution.closed().is_none() {
            live.task_given_up = false;
            self.seen.note("a task that was given up is tried again at once");
            let told = self.ask(Request::RetryWorkflowTask).expect("there is a run");
            match told.reply {
                // It would have made the history too long, and has ended the run instead.
                Ok(_) | Err(RequestError::Closed) => {}
                Err(other) => panic!("it cannot be tried again: {other}"),
            }
        }
    }

    pub fn is_closed(&self) -> bool {
        self.process.live.as_ref().is_some_and(|live| live.execution.closed().is_some())
    }

    /// Whether a task runs before whose end a signal may be refused.
    fn is_closing(&self) -> bool {
        let live = self.process.live.as_ref();
        live.is_some_and(|live| live.execution.workflow_task_started())
    }

    /// Nothing goes wrong any more: whatever can be done is done, and who waits for a signal gets one.
    fn come_to_rest(&mut self) {
        const STEPS_MAX: u64 = 3_000;
        let begin = self.step;
        self.act(Action::Mend);
        while self.step < begin + STEPS_MAX {
            self.ask_as_planned();
            match self.next_of_rest() {
                Some(action) => self.act(action),
                None => {
                    self.has_live();
                    if self.is_closed() {
                        return;
                    }
                    self.check_rest();
                    self.act(Action::Signal);
                }
            }
        }
        panic!("it does not come to rest");
    }

    fn next_of_rest(&mut self) -> Option<Action> {
        let open = self.process.worker.open.as_ref();
        let can_run = |attempt: &Attempt| attempt.called && !attempt.hangs();
        if !self.process.queue.is_empty() {
            Some(Action::Write)
        } else if open.is_some_and(|open| open.answer.is_some()) {
            Some(Action::DeliverAnswer)
        } else if self.can_compute() {
            Some(Action::Compute)
        } else if !self.process.hints.is_empty() {
            Some(Action::TakeHint)
        } else if self.clients.has_unanswered() && !self.is_closing() {
            Some(Action::RepeatUnanswered)
        } else if !self.is_closed() && self.attempts.iter().any(can_run) {
            self.attempts.retain(can_run);
            Some(Action::RunAttempt)
        } else if self.process.timer.is_some() {
            Some(Action::DueTime)
        } else {
            None
        }
    }
}
