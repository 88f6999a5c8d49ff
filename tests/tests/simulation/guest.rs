//! A program as a guest's code: what each step does with the imports.
//!
//! A guest tells all that it sees in what it asks for, so that one that sees something else asks for something else.

use crate::program::{Ending, Interrupted, Program, Step};
use sandglass_core::payload::Payload;
use sandglass_core::worker::{CancellationType, Operation, ShownFailure, ShownInfo, Signal};
use sandglass_tests::scripted::{Imports, Outcome, Script, activity};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The name of every signal.
pub const SIGNAL: &str = "go";

/// A guest's code, and what the world can see of it from outside.
#[derive(Clone)]
pub struct Code {
    pub script: Script,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    polls: AtomicU64,
    broken: AtomicBool,
    awaits_signal: AtomicBool,
    /// What the guest that started last has received.
    received: Mutex<Vec<Signal>>,
    /// What it has seen ready at once, in that order.
    orders: Mutex<Vec<Vec<Name>>>,
    /// How each activity is canceled.
    cancellation_types: Mutex<BTreeMap<Name, CancellationType>>,
}

impl Code {
    pub fn new(program: &Program) -> Code {
        let seen = Arc::new(Seen { broken: AtomicBool::new(true), ..Seen::default() });
        let (program, shared) = (Arc::new(program.clone()), Arc::clone(&seen));
        let script = Script::new(move |it| {
            let (program, seen) = (Arc::clone(&program), Arc::clone(&shared));
            async move {
                let counted = Arc::clone(&seen);
                let guest = Guest::new(it, seen);
                let mut guest = Box::pin(guest.run(program));
                poll_fn(|context| {
                    counted.polls.fetch_add(1, Ordering::Relaxed);
                    guest.as_mut().poll(context)
                })
                .await
            }
        });
        Code { script, seen }
    }

    /// How often it ran.
    pub fn polls(&self) -> u64 {
        self.seen.polls.load(Ordering::Relaxed)
    }

    /// Its bugs are mended.
    pub fn mend(&self) {
        self.seen.broken.store(false, Ordering::Relaxed);
    }

    /// Whether what it waits for may never come by itself.
    pub fn awaits_signal(&self) -> bool {
        self.seen.awaits_signal.load(Ordering::Relaxed)
    }

    /// The signals that the guest that started last has received.
    pub fn received(&self) -> Vec<Signal> {
        lock(&self.seen.received).clone()
    }

    /// What the guest that started last has seen ready at once, in that order.
    pub fn orders(&self) -> Vec<Vec<Name>> {
        lock(&self.seen.orders).clone()
    }

    /// How an activity is canceled.
    pub fn cancellation_type(&self, activity: Name) -> CancellationType {
        lock(&self.seen.cancellation_types).get(&activity).copied().unwrap_or_default()
    }
}

/// What the history calls an operation: its number among the run's timers or activities is its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Name {
    Timer(u32),
    Activity(u32),
}

#[derive(Clone, Copy)]
struct Started {
    operation: Operation,
    name: Name,
    /// The guest does not wait for the history any more.
    canceled: bool,
}

struct Guest {
    it: Imports,
    seen: Arc<Seen>,
    operations: Vec<Started>,
    timers: u32,
    activities: u32,
    said: String,
    interrupted: bool,
}

impl Guest {
    fn new(it: Imports, seen: Arc<Seen>) -> Guest {
        lock(&seen.received).clear();
        lock(&seen.orders).clear();
        Guest {
            it,
            seen,
            operations: Vec::new(),
            timers: 0,
            activities: 0,
            said: String::new(),
            interrupted: false,
        }
    }

    async fn run(mut self, program: Arc<Program>) -> Outcome {
        for step in &program.steps {
            if let Err(failure) = self.step(step).await {
                let interrupted = failure.is_canceled() && self.it.cancel_requested().is_some();
                self.say("interrupted");
                match program.interrupted {
                    _ if !interrupted => {}
                    Interrupted::Swallow => {}
                    Interrupted::PassOn => return Err(failure),
                    Interrupted::Fail => return Err(broken("interrupted", &self.said)),
                    Interrupted::CleanUp => {
                        self.clean_up().await;
                        return Err(failure);
                    }
                }
            }
        }
        match program.ending {
            Ending::Return => {}
            Ending::SettleAndReturn => self.it.settle(&self.all()).await,
            Ending::Fail => return Err(broken("it was to fail", &self.said)),
        }
        Ok(self.payload())
    }

    /// Sets things right before it gives in: nothing may interrupt that.
    async fn clean_up(&mut self) {
        self.it.shield();
        let mut options = activity("near");
        options.input = vec![self.payload()];
        let outcome = self.it.execute(options).await;
        self.say_outcome("cleaned up", &outcome.map(|_| ()));
        let slept = self.it.sleep(1).await;
        self.say_outcome("slept", &slept);
        self.it.unshield();
    }

    async fn step(&mut self, step: &Step) -> Result<(), ShownFailure> {
        match step {
            Step::StartTimer(seconds) => {
                let operation = self.it.start_timer(*seconds);
                self.timers += 1;
                let name = Name::Timer(self.timers);
                self.operations.push(Started { operation, name, canceled: false });
            }
            Step::StartActivity(work) => {
                let mut options = work.options.clone();
                options.input = vec![self.payload()];
                let operation = self.it.start_activity(options);
                self.activities += 1;
                let name = Name::Activity(self.activities);
                lock(&self.seen.cancellation_types).insert(name, work.options.cancellation_type);
                self.operations.push(Started { operation, name, canceled: false });
            }
            Step::Take(number) => return self.take(*number).await,
            Step::Cancel(number) => self.cancel(*number),
            Step::Race | Step::WaitAny => return self.wait_for_first(step).await,
            Step::Settle => {
                self.it.settle(&self.all()).await;
                self.operations.clear();
                self.say("settled");
            }
            Step::Receive => return self.receive().await,
            Step::TakeSignal => {
                let signal = self.it.take_signal(SIGNAL);
                self.say_signal(signal.as_ref());
            }
            Step::Shield => self.it.shield(),
            Step::Unshield => self.it.unshield(),
            Step::Patched(id) => {
                let patched = self.it.patched(&id.to_string());
                self.say(if patched { "patched" } else { "as before" });
            }
            Step::DeprecatePatch(id) => self.it.deprecate_patch(&id.to_string()),
            Step::Publish => self.it.publish("said", &format!("{:?}", self.said)),
            Step::Sleep(seconds) => {
                self.timers += 1;
                self.it.wasi_sleep(*seconds).await;
            }
            Step::Bug if self.seen.broken.load(Ordering::Relaxed) => self.it.trap("a bug"),
            Step::Bug => {}
        }
        Ok(())
    }

    fn all(&self) -> Vec<Operation> {
        self.operations.iter().map(|started| started.operation).collect()
    }

    fn chosen(&self, number: usize) -> Option<Started> {
        self.operations.get(number % self.operations.len().max(1)).copied()
    }

    fn cancel(&mut self, number: usize) {
        let Some(chosen) = self.chosen(number) else { return };
        match chosen.name {
            Name::Timer(_) => self.it.cancel_timer(chosen.operation),
            Name::Activity(_) => self.it.cancel_activity(chosen.operation),
        }
        self.let_go(&[chosen.operation]);
    }

    /// Those were canceled: when they are ready is not the history's matter.
    fn let_go(&mut self, canceled: &[Operation]) {
        for started in &mut self.operations {
            started.canceled |= canceled.contains(&started.operation);
        }
    }

    async fn take(&mut self, number: usize) -> Result<(), ShownFailure> {
        let Some(chosen) = self.chosen(number) else { return Ok(()) };
        let outcome = match chosen.name {
            Name::Timer(_) => self.it.wait_timer(chosen.operation).await,
            Name::Activity(_) => match self.it.outcome(chosen.operation).await {
                Ok(result) => {
                    self.say(&String::from_utf8_lossy(&result.data));
                    Ok(())
                }
                Err(failure) => Err(failure),
            },
        };
        self.say_outcome("took", &outcome);
        self.operations.retain(|it| it.operation != chosen.operation);
        outcome
    }

    async fn wait_for_first(&mut self, step: &Step) -> Result<(), ShownFailure> {
        let mut all = self.all();
        let races = matches!(step, Step::Race) && !all.is_empty();
        let first = if races {
            self.it.race(&all).await
        } else {
            all.extend([self.it.on_signal(SIGNAL), self.it.on_cancel_request()]);
            self.seen.awaits_signal.store(true, Ordering::Relaxed);
            let first = self.it.wait_any(&all).await;
            self.seen.awaits_signal.store(false, Ordering::Relaxed);
            first
        };
        match first {
            Ok(first) => {
                let ready = self.it.ready(&all);
                assert_eq!(Some(&first), ready.first(), "not the first wins");
                self.say(&format!("first {first} of {ready:?}"));
                // The losers of a race are ready because they lost.
                let won = if races { &ready[..1] } else { &ready[..] };
                self.note_order(won);
                if races {
                    self.let_go(&all);
                }
                Ok(())
            }
            Err(failure) => {
                if races {
                    self.let_go(&all);
                }
                self.interrupt();
                Err(failure)
            }
        }
    }

    fn note_order(&mut self, ready: &[Operation]) {
        let name = |operation: &Operation| {
            let started = self.operations.iter().find(|it| it.operation == *operation)?;
            (!started.canceled).then_some(started.name)
        };
        let order = ready.iter().filter_map(name).collect();
        lock(&self.seen.orders).push(order);
    }

    /// Nothing but an interruption makes a wait for signals fail, and it comes once.
    fn interrupt(&mut self) {
        assert!(!self.interrupted, "one cancel has interrupted two calls");
        self.interrupted = true;
    }

    async fn receive(&mut self) -> Result<(), ShownFailure> {
        self.seen.awaits_signal.store(true, Ordering::Relaxed);
        let signal = self.it.receive(SIGNAL).await;
        self.seen.awaits_signal.store(false, Ordering::Relaxed);
        self.say_signal(signal.as_ref().ok());
        if signal.is_err() {
            self.interrupt();
        }
        signal.map(|_| ())
    }

    fn say_signal(&mut self, signal: Option<&Signal>) {
        lock(&self.seen.received).extend(signal.cloned());
        let input = signal.and_then(|signal| signal.input.first());
        let input = input.map(|input| String::from_utf8_lossy(&input.data).into_owned());
        self.say(&format!("signal {input:?}"));
    }

    fn say_outcome(&mut self, what: &str, outcome: &Result<(), ShownFailure>) {
        match outcome {
            Ok(()) => self.say(what),
            Err(failure) => self.say(&format!("{what}: {}", chain(failure))),
        }
    }

    fn say(&mut self, what: &str) {
        // Into a string, nothing fails.
        let _ = write!(self.said, "{what}; ");
    }

    fn payload(&self) -> Payload {
        Payload::json(format!("{:?}", self.said))
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn chain(failure: &ShownFailure) -> String {
    let mut text = failure.message.clone();
    for cause in &failure.causes {
        text = format!("{text} < {}", cause.message);
    }
    text
}

fn broken(message: &str, said: &str) -> ShownFailure {
    ShownFailure {
        message: format!("{message}: {said}"),
        stack_trace: String::new(),
        info: ShownInfo::Application {
            error_type: "Broken".into(),
            non_retryable: false,
            details: Vec::new(),
            next_retry_delay: None,
            benign: false,
        },
        causes: Vec::new(),
    }
}
