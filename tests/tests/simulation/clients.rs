//! Clients: what they ask, what they were promised, and what they ask again because nobody answered.

use crate::guest::SIGNAL;
use crate::world::World;
use sandglass_core::engine::{Description, PendingActivityState as State, Request, RequestError};
use sandglass_core::{Payload, Payloads};

/// All clients of a world.
#[derive(Default)]
pub struct Clients {
    /// Each names itself by its place here.
    signals: Vec<Asked>,
    /// Signals that the engine has accepted, in order, and the tickets that make them durable.
    pub accepted: Vec<(u64, usize)>,
    cancel: Asked,
    /// The ticket of the cancel that was accepted while the run was open.
    pub cancel_accepted: Option<u64>,
    pub terminate: Asked,
    pub terminate_accepted: Option<u64>,
    pub start_acknowledged: bool,
}

/// How far a client is with what it asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Asked {
    #[default]
    Not,
    /// It is answered once this is durable.
    Waits(u64),
    /// Nobody answered: it is to be repeated.
    Unanswered,
    Acknowledged,
    Refused,
}

impl Asked {
    /// Whoever was to answer is gone.
    fn lose(&mut self) {
        if matches!(self, Asked::Waits(_)) {
            *self = Asked::Unanswered;
        }
    }

    fn answer(&mut self, durable: u64) -> bool {
        let answered = matches!(self, Asked::Waits(ticket) if *ticket <= durable);
        if answered {
            *self = Asked::Acknowledged;
        }
        answered
    }
}

/// Whether a signal's client gives it a request id. Who does not cannot repeat it.
fn has_id(number: usize) -> bool {
    !number.is_multiple_of(5)
}

impl Clients {
    pub fn signals_sent(&self) -> usize {
        self.signals.len()
    }

    pub fn has_unanswered(&self) -> bool {
        self.unanswered_signal().is_some()
            || self.cancel == Asked::Unanswered
            || self.terminate == Asked::Unanswered
    }

    fn unanswered_signal(&self) -> Option<usize> {
        let repeats = |(number, asked): (usize, &Asked)| {
            (*asked == Asked::Unanswered && has_id(number)).then_some(number)
        };
        self.signals.iter().enumerate().find_map(repeats)
    }

    /// Signals that were acknowledged.
    pub fn acknowledged(&self) -> impl Iterator<Item = usize> {
        let numbered = self.signals.iter().enumerate();
        numbered.filter(|(_, asked)| **asked == Asked::Acknowledged).map(|(number, _)| number)
    }

    pub fn cancel_acknowledged(&self) -> bool {
        self.cancel == Asked::Acknowledged
    }
}

/// A signal's argument.
pub fn signal_input(number: usize) -> Option<Payloads> {
    Payloads::some(vec![Payload::json(number.to_string())])
}

impl World {
    pub fn new_signal(&mut self) {
        self.clients.signals.push(Asked::Not);
        self.send_signal(self.clients.signals.len() - 1);
    }

    /// A request arrives twice, whatever its client knows of it.
    pub fn repeat_signal(&mut self) {
        let number = self.random.index(self.clients.signals.len());
        if has_id(number) {
            self.send_signal(number);
        }
    }

    fn send_signal(&mut self, number: usize) {
        let is_known =
            has_id(number) && self.clients.accepted.iter().any(|(_, accepted)| *accepted == number);
        let told = self.ask(Request::Signal {
            name: SIGNAL.into(),
            input: signal_input(number),
            identity: "client".into(),
            request_id: if has_id(number) { format!("signal-{number}") } else { String::new() },
            header: None,
        });
        let Some(told) = told else { return };
        let asked = match told.reply {
            Ok(_) if is_known => {
                assert_eq!(told.entries, 0, "a repeated signal writes something");
                self.seen.note("a repeated signal");
                Asked::Waits(told.ticket)
            }
            Ok(_) => {
                assert!(told.entries > 0, "a signal was accepted and is nowhere");
                self.clients.accepted.push((told.ticket, number));
                Asked::Waits(told.ticket)
            }
            Err(RequestError::Closing) => {
                self.seen.note("a signal finds the run closing");
                Asked::Unanswered
            }
            Err(RequestError::Closed) => Asked::Refused,
            Err(other) => panic!("a signal is told {other}"),
        };
        assert!(!(is_known && asked == Asked::Refused), "a repeated signal is refused");
        if self.clients.signals[number] != Asked::Acknowledged {
            self.clients.signals[number] = asked;
        }
    }

    pub fn cancel(&mut self) {
        let Some(before) = self.describe() else { return };
        let open = before.close_time.is_none();
        let request = Request::Cancel {
            reason: "enough".into(),
            identity: "client".into(),
            request_id: "cancel".into(),
        };
        let Some(told) = self.ask(request) else { return };
        match told.reply {
            Ok(_) => {}
            // It would have made the history too long, and has ended the run instead.
            Err(RequestError::Closed) if open && self.is_closed() => return,
            Err(other) => panic!("a cancel is told {other}"),
        }
        if open && self.clients.cancel_accepted.is_none() {
            self.note_pending("a cancel", &before);
            assert!(told.entries > 0, "a cancel was accepted and is nowhere");
            self.clients.cancel_accepted = Some(told.ticket);
        } else {
            assert_eq!(told.entries, 0, "a repeated cancel writes something");
            self.seen.note("a repeated cancel");
        }
        if self.clients.cancel != Asked::Acknowledged {
            self.clients.cancel = Asked::Waits(told.ticket);
        }
        if self.clients.cancel_accepted.is_some() {
            let description = self.describe().expect("there is a run");
            assert!(description.cancel_requested, "nobody can see the cancel");
        }
        // The worker has given the task up; a cancel reaches the run at once all the same.
        self.retry_given_up();
        self.become_durable();
    }

    pub fn terminate(&mut self) {
        let Some(before) = self.describe() else { return };
        let request = Request::Terminate {
            reason: "at once".into(),
            details: None,
            identity: "client".into(),
        };
        let Some(told) = self.ask(request) else { return };
        match told.reply {
            Ok(_) => {
                self.note_pending("a terminate", &before);
                self.clients.terminate_accepted = Some(told.ticket);
                assert!(self.is_closed(), "a terminated run is open");
            }
            Err(RequestError::Closed) => assert!(before.close_time.is_some()),
            Err(other) => panic!("a terminate is told {other}"),
        }
        self.clients.terminate = Asked::Waits(told.ticket);
        self.become_durable();
    }

    /// Clients whose answer never came ask again.
    pub fn repeat_unanswered(&mut self) {
        if let Some(number) = self.clients.unanswered_signal() {
            self.send_signal(number);
            self.seen.note("a signal without an answer is repeated");
        } else if self.clients.cancel == Asked::Unanswered {
            self.cancel();
            self.seen.note("a cancel without an answer is repeated");
        } else if self.clients.terminate == Asked::Unanswered {
            self.terminate();
            self.seen.note("a terminate without an answer is repeated");
        }
    }

    /// What rests on durable entries is answered.
    pub fn answer_clients(&mut self) {
        let durable = self.disk.durable;
        self.clients.start_acknowledged |= self.disk.run_id.is_some();
        for number in 0..self.clients.signals.len() {
            if self.clients.signals[number].answer(durable) {
                let kept = self.clients.accepted.iter().any(|(_, it)| *it == number);
                assert!(kept, "signal {number} is acknowledged and lost");
            }
        }
        self.clients.cancel.answer(durable);
        self.clients.terminate.answer(durable);
    }

    /// Nobody answers who waits for what is lost.
    pub fn lose_clients(&mut self) {
        let durable = self.disk.durable;
        let clients = &mut self.clients;
        clients.signals.iter_mut().for_each(Asked::lose);
        clients.cancel.lose();
        clients.terminate.lose();
        clients.accepted.retain(|(ticket, _)| *ticket <= durable);
        clients.cancel_accepted = clients.cancel_accepted.filter(|ticket| *ticket <= durable);
        clients.terminate_accepted = clients.terminate_accepted.filter(|it| *it <= durable);
    }

    pub fn describe(&mut self) -> Option<Description> {
        self.has_live();
        self.process.live.as_ref().map(|live| live.execution.describe())
    }

    fn note_pending(&mut self, what: &str, before: &Description) {
        let mut note = |pending: &str| self.seen.note(format!("{what} while {pending}"));
        if !before.pending_timers.is_empty() {
            note("a timer runs");
        }
        for activity in &before.pending_activities {
            note(match activity.state {
                State::Scheduled if activity.next_attempt_time.is_some() => "an activity backs off",
                State::Scheduled => "an activity waits",
                State::Started => "an activity runs",
                State::CancelRequested => "an activity is to stop",
            });
        }
        match &before.pending_workflow_task {
            Some(task) if task.attempt > 1 => note("a workflow task is tried again"),
            Some(task) if task.started => note("a workflow task runs"),
            Some(_) => note("a workflow task waits"),
            None if self.code.awaits_signal() => note("a signal is awaited"),
            None => {}
        }
    }
}
