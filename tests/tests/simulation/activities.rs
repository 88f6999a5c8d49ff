//! Activity workers: attempts in this process, which die with it, and over a wire, which do not; each does one of the things that may happen.

use crate::world::World;
use sandglass_core::engine::{
    ActivityEnd, ActivityTask, ActivityTaskToken, AddressedActivity, CancelReason, Reply, Request,
    RequestError,
};
use sandglass_core::{Failure, Payload, Payloads};

/// An attempt that was taken.
pub struct Attempt {
    pub task: ActivityTask,
    /// Whether its worker is another process.
    pub wire: bool,
    /// It is called once this is durable.
    ticket: u64,
    pub called: bool,
    told: Option<CancelReason>,
    does: Does,
    heartbeats: u64,
}

/// What an attempt does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Does {
    Complete,
    Fail {
        again: bool,
    },
    /// Heartbeats until it is asked to stop, then stops.
    UntilCanceled,
    /// Stops though nobody asked.
    CancelUnasked,
    /// Never answers; perhaps it says that it goes on.
    Hang {
        beats: bool,
    },
}

impl Attempt {
    /// Whether nothing but its timeout ends it.
    pub fn hangs(&self) -> bool {
        matches!(self.does, Does::Hang { .. })
    }
}

/// An attempt's end that was accepted.
pub struct Ended {
    pub ticket: u64,
    token: ActivityTaskToken,
}

impl World {
    pub fn begin_attempt(&mut self, task: ActivityTask, wire: bool, ticket: u64) {
        let does = match self.random.below(10) {
            0..3 => Does::Complete,
            3 | 4 => Does::Fail { again: true },
            5 => Does::Fail { again: false },
            6 | 7 => Does::UntilCanceled,
            8 => Does::CancelUnasked,
            _ => Does::Hang { beats: self.random.once_in(2) },
        };
        // Whoever took it before, and lost that with the memory of the process, has it no more.
        let id = (task.token.scheduled_event_id, task.token.attempt);
        match wire {
            true => self.over_wire.insert(id),
            false => self.over_wire.remove(&id),
        };
        let attempt =
            Attempt { task, wire, ticket, called: false, told: None, does, heartbeats: 0 };
        self.attempts.push(attempt);
    }

    /// Attempts whose start has become durable are called.
    pub fn call_attempts(&mut self) {
        for attempt in &mut self.attempts {
            if attempt.called || attempt.ticket > self.disk.durable {
                continue;
            }
            attempt.called = true;
            let token = &attempt.task.token;
            let id = (token.scheduled_event_id, token.attempt);
            let last = self.called.iter().filter(|(other, _)| *other == id.0).max();
            if let Some(last) = last {
                assert!(last.1 < id.1, "attempt {id:?} is called after {last:?}");
                self.seen.note("an activity is tried again");
            }
            self.called.insert(id);
        }
    }

    /// Those that were not called never will be.
    pub fn lose_attempts(&mut self) {
        let durable = self.disk.durable;
        self.attempts.retain(|attempt| attempt.ticket <= durable);
        self.ended.retain(|ended| ended.ticket <= durable);
    }

    /// An attempt in this process learns at once that it is to stop.
    pub fn tell_attempt(&mut self, scheduled_event_id: i64, attempt: u32, reason: CancelReason) {
        self.seen.note(format!("an attempt is told: {reason:?}"));
        for it in &mut self.attempts {
            if (it.task.token.scheduled_event_id, it.task.attempt) == (scheduled_event_id, attempt)
                && !it.wire
            {
                it.told = Some(reason);
            }
        }
        let gone = |it: &Attempt| !it.wire && it.told == Some(CancelReason::TimedOut);
        self.attempts.retain(|it| !gone(it));
    }

    /// An attempt goes on. Whether it did anything.
    pub fn run_attempt(&mut self, at: usize) {
        let attempt = &self.attempts[at];
        let end = match (attempt.does, attempt.told) {
            (Does::Complete, _) => completed(attempt.heartbeats),
            (Does::Fail { again }, _) => failed("it broke", "Broken", !again),
            (Does::CancelUnasked, _) => ActivityEnd::Canceled { details: None },
            (Does::UntilCanceled, Some(_)) => {
                ActivityEnd::Canceled { details: payloads("stopped") }
            }
            (Does::UntilCanceled, None) if attempt.heartbeats >= 6 => completed(6),
            (Does::UntilCanceled | Does::Hang { beats: true }, _) => return self.heartbeat(at),
            (Does::Hang { beats: false }, _) => return,
        };
        if attempt.heartbeats == 0 && self.random.once_in(4) {
            return self.heartbeat(at);
        }
        self.end_attempt(at, end);
    }

    fn heartbeat(&mut self, at: usize) {
        let attempt = &mut self.attempts[at];
        attempt.heartbeats += 1;
        let request = Request::HeartbeatActivity {
            activity: AddressedActivity::Token(attempt.task.token.clone()),
            details: payloads(&format!("beat {}", attempt.heartbeats)),
        };
        self.seen.note("a heartbeat");
        let told = self.ask(request);
        match told.map(|told| told.reply) {
            Some(Ok(Reply::Heartbeat(heartbeat))) => {
                if heartbeat.cancel.is_some() {
                    self.seen.note("a heartbeat learns of a cancel");
                    self.attempts[at].told = heartbeat.cancel;
                }
            }
            Some(Err(RequestError::ActivityNotFound | RequestError::Closed)) | None => {
                self.attempts[at].told = Some(CancelReason::NotFound);
            }
            other => panic!("a heartbeat is told {other:?}"),
        }
    }

    fn end_attempt(&mut self, at: usize, end: ActivityEnd) {
        let attempt = self.attempts.remove(at);
        let token = attempt.task.token;
        let told = self.end(&token, end);
        if matches!(told, Some(Err(RequestError::CancelNotRequested))) {
            self.seen.note("an attempt ends as canceled though nobody asked");
            let end = failed("nobody asked", "CanceledWithoutRequest", false);
            // Refused like this, the attempt is over already.
            let _ = self.end(&token, end);
        }
        if self.random.once_in(4) || attempt.wire {
            self.late_ends.push(token);
        }
    }

    /// The end of an attempt comes once more, or much too late.
    pub fn end_attempt_late(&mut self) {
        let at = self.random.index(self.late_ends.len());
        let token = self.late_ends.swap_remove(at);
        let was_accepted = self.ended.iter().any(|ended| ended.token == token);
        let accepted = matches!(self.end(&token, completed(99)), Some(Ok(_)));
        assert!(!(was_accepted && accepted), "an attempt ended twice");
        self.seen.note(match accepted {
            true => "an attempt's lost end is repeated",
            false => "a stale activity answer is refused",
        });
    }

    fn end(
        &mut self,
        token: &ActivityTaskToken,
        end: ActivityEnd,
    ) -> Option<Result<Reply, RequestError>> {
        let activity = AddressedActivity::Token(token.clone());
        let told = self.ask(Request::EndActivity { activity, end, identity: "worker".into() })?;
        match &told.reply {
            Ok(_) => self.ended.push(Ended { ticket: told.ticket, token: token.clone() }),
            // It would have made the history too long, and has ended the run instead.
            Err(RequestError::Closed) => {}
            Err(_) => assert_eq!(told.entries, 0, "a refused end writes something"),
        }
        Some(told.reply)
    }
}

fn payloads(text: &str) -> Option<Payloads> {
    Payloads::some(vec![Payload::json(format!("{text:?}"))])
}

fn completed(heartbeats: u64) -> ActivityEnd {
    ActivityEnd::Completed { result: payloads(&format!("done after {heartbeats}")) }
}

fn failed(message: &str, error_type: &str, non_retryable: bool) -> ActivityEnd {
    ActivityEnd::Failed {
        failure: Failure::application(message, error_type, non_retryable),
        last_heartbeat_details: None,
    }
}
