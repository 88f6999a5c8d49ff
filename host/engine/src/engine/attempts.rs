//! Attempts of activities that run in this process: begun once their start is durable (D14), told of a cancel once that is, ended through the door.

use super::{Engine, Live, Slot, SlotState};
use crate::activity::{ActivityContext, Attempt, CancelWord, Heartbeats};
use crate::client::ClientError;
use crate::clock::Clock;
use crate::writer::Ticket;
use futures::FutureExt;
use sandglass_core::engine::{
    ActivityEnd, ActivityTask, ActivityTaskToken, AddressedActivity, CancelReason, Reply, Request,
    RequestError,
};
use sandglass_core::{Failure, Payloads, Timestamp};
use std::collections::btree_map::Entry;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::watch;

impl Engine {
    /// Runs an attempt as soon as its start is durable: so it is called at most once.
    pub(super) fn begin_attempt(&self, slot: &Arc<Slot>, live: &mut Live, task: ActivityTask) {
        let Ok(engine) = self.this() else { return };
        let Some(activity) = self.activities.get(&task.activity_type) else { return };
        let heartbeats: Weak<dyn Heartbeats> = Weak::<Engine>::clone(&self.this);
        let attempt = Arc::new(Attempt { task, cancel: watch::Sender::new(None), heartbeats });
        slot.attempts.lock().insert(attempt.key(), Arc::clone(&attempt));
        let (slot, ticket) = (Arc::clone(slot), live.ticket);
        self.runtime.spawn(async move {
            let _taken = TakenSlot { engine: &engine, slot: &slot, attempt: &attempt };
            if engine.writer.durable(ticket).await.is_err() {
                // It may be on the disk all the same, and then nobody else knows that the attempt was never called.
                if engine.writer.has_stopped() {
                    return;
                }
                engine.tell_until_durable(&slot, &attempt, Outcome::NeverCalled).await;
                return;
            }
            if *engine.halted.borrow() {
                return;
            }
            let (mut given_up, mut halted) =
                (attempt.cancel.subscribe(), engine.halted.subscribe());
            let context = ActivityContext::new(Arc::clone(&attempt));
            let run = async { activity.run(context).await };
            let end = tokio::select! {
                end = AssertUnwindSafe(run).catch_unwind() => end,
                () = dropped(&engine.clock, &attempt.task, &mut given_up) => return,
                _ = halted.wait_for(|halted| *halted) => return,
            };
            let end = end.unwrap_or_else(|panic| ActivityEnd::Failed {
                failure: panicked(&*panic),
                last_heartbeat_details: None,
            });
            engine.tell_until_durable(&slot, &attempt, Outcome::Ended(end)).await;
        });
    }

    /// Tells what became of an attempt, and again until that is durable: nobody else knows, and a run that is read again after a commit
    /// that failed would wait for the attempt until its time is over.
    async fn tell_until_durable(&self, slot: &Arc<Slot>, attempt: &Arc<Attempt>, outcome: Outcome) {
        loop {
            match self.tell(slot, attempt, outcome.clone()).await {
                Ok(None) => return,
                Ok(Some(ticket)) => {
                    if self.writer.durable(ticket).await.is_ok() || self.writer.has_stopped() {
                        return;
                    }
                }
                Err(error) => {
                    let workflow_id = &*slot.workflow_id;
                    tracing::error!(workflow_id, %error, "an activity's end cannot be recorded");
                    if !self.reads_again_after(&error).await {
                        return;
                    }
                }
            }
        }
    }

    /// What has to be durable so that it is told, or that nobody waits for it.
    async fn tell(
        &self,
        slot: &Arc<Slot>,
        attempt: &Arc<Attempt>,
        outcome: Outcome,
    ) -> Result<Option<Ticket>, ClientError> {
        let token = &attempt.task.token;
        self.with_loaded(slot, |state| {
            let Some(live) = state.live(Some(&token.run_id)) else {
                return state.live(None).map(|next| next.ticket);
            };
            match outcome {
                Outcome::Ended(end) => self.end_attempt(slot, live, token, end),
                // What was not on the disk may have been begun anew by now: that one is called, and must not be taken for this one.
                Outcome::NeverCalled if slot.holds(attempt) => {
                    let request = Request::ReleaseActivity { token: token.clone() };
                    // Refused, it waits in its queue already, or is over in another way.
                    let _ = self.step(slot, live, request);
                }
                Outcome::NeverCalled => {}
            }
            Some(live.ticket)
        })
        .await
    }

    fn end_attempt(
        &self,
        slot: &Arc<Slot>,
        live: &mut Live,
        token: &ActivityTaskToken,
        end: ActivityEnd,
    ) {
        let request = |end| Request::EndActivity {
            activity: AddressedActivity::Token(token.clone()),
            end,
            identity: self.identity.clone(),
        };
        let canceled = matches!(end, ActivityEnd::Canceled { .. });
        let ended = self.step(slot, live, request(end));
        // Canceled though nobody asked: Temporal refuses the answer and the activity hangs until it times out. In process it is a
        // failure at once, so that the retry policy can judge it.
        if canceled && matches!(ended, Err(RequestError::CancelNotRequested)) {
            let end =
                ActivityEnd::Failed { failure: uncalled_cancel(), last_heartbeat_details: None };
            // Refused like this, the attempt is over already: nobody waits for it.
            let _ = self.step(slot, live, request(end));
        }
    }

    /// Tells an attempt that it is to stop, once `ticket`, on which that rests, is durable (D14). What it can be told already is answered.
    fn cancel_attempt(
        &self,
        attempt: &Arc<Attempt>,
        reason: CancelReason,
        ticket: Ticket,
    ) -> CancelWord {
        if self.writer.is_durable(ticket) {
            attempt.is_to_stop(reason);
        } else if let Ok(engine) = self.this() {
            let attempt = Arc::clone(attempt);
            self.runtime.spawn(async move {
                // A commit that failed takes the reason back with it.
                if engine.writer.durable(ticket).await.is_ok() {
                    attempt.is_to_stop(reason);
                }
            });
        }
        *attempt.cancel.borrow()
    }

    /// Tells the attempts of a run that are to stop, once its ticket is durable.
    pub(super) fn cancel_attempts(&self, slot: &Slot, live: &Live, cancels: &[CancelAttempt]) {
        for cancel in cancels {
            let key = (Arc::clone(&live.run_id), cancel.scheduled_event_id);
            let running = slot.attempts.lock().get(&key).cloned();
            if let Some(running) = running.filter(|it| it.task.attempt == cancel.attempt) {
                self.cancel_attempt(&running, cancel.reason, live.ticket);
            }
        }
    }
}

/// What became of an attempt.
#[derive(Clone)]
enum Outcome {
    /// Its code has ended.
    Ended(ActivityEnd),
    /// The commit of its start was reported as failed, so its code was not called.
    NeverCalled,
}

/// An attempt that is to stop.
pub(super) struct CancelAttempt {
    pub(super) scheduled_event_id: i64,
    pub(super) attempt: u32,
    pub(super) reason: CancelReason,
}

/// Forgets the attempt and gives its place in the task queue back, however it ends.
struct TakenSlot<'a> {
    engine: &'a Engine,
    slot: &'a Slot,
    attempt: &'a Arc<Attempt>,
}

impl Drop for TakenSlot<'_> {
    fn drop(&mut self) {
        self.slot.let_go(self.attempt);
        self.engine.activity_tasks.end(&self.attempt.task.task_queue);
        self.engine.pump();
    }
}

/// What an attempt has at least, from when it hears that nobody waits for it. Its time can be over at that very moment: without a
/// schedule-to-close timeout of its own it has its run's.
const LAST_MOMENTS: Duration = Duration::from_secs(5);

/// Completes when the attempt's time is over. After its run has closed nobody else counts it.
async fn dropped(clock: &Clock, task: &ActivityTask, cancel: &mut watch::Receiver<CancelWord>) {
    let gone =
        |word: &CancelWord| matches!(word, Some(CancelReason::TimedOut | CancelReason::NotFound));
    let reason = cancel.wait_for(gone).await.map(|word| *word);
    match (reason, deadline(task)) {
        (Ok(Some(CancelReason::TimedOut)), _) => {}
        (Ok(_), Some(deadline)) => {
            clock.sleep_until(deadline.max(clock.now().after(LAST_MOMENTS))).await;
        }
        (Ok(_), None) | (Err(_), _) => std::future::pending::<()>().await,
    }
}

/// When the attempt's time is over. One of the two timeouts is always given.
fn deadline(task: &ActivityTask) -> Option<Timestamp> {
    let after = |begin: Timestamp, timeout: Option<Duration>| {
        timeout.filter(|timeout| !timeout.is_zero()).map(|timeout| begin.after(timeout))
    };
    let of_attempt = after(task.started_time, task.start_to_close_timeout);
    let of_all = after(task.scheduled_time, task.schedule_to_close_timeout);
    of_attempt.into_iter().chain(of_all).min()
}

impl Heartbeats for Engine {
    fn heartbeat(&self, attempt: &Arc<Attempt>, details: Option<Payloads>) -> CancelWord {
        let token = &attempt.task.token;
        let Some(slot) = self.runs.get(&token.workflow_id) else {
            return Some(CancelReason::NotFound);
        };
        let mut state = slot.state.lock();
        let (reason, ticket) = match &mut *state {
            SlotState::Loaded(live) if *live.run_id == *token.run_id => {
                let request = Request::HeartbeatActivity {
                    activity: AddressedActivity::Token(token.clone()),
                    details,
                };
                let reason = match self.step(&slot, live, request) {
                    Ok(Reply::Heartbeat(heartbeat)) => heartbeat.cancel,
                    Ok(_) => None,
                    Err(_) => Some(CancelReason::NotFound),
                };
                (reason, live.ticket)
            }
            SlotState::Loaded(next) => (Some(CancelReason::NotFound), next.ticket),
            SlotState::Absent => (Some(CancelReason::NotFound), Ticket::default()),
            // It is being read again after a commit that failed, and counts the attempt as running, if its start is durable.
            SlotState::Unknown => (None, Ticket::default()),
        };
        drop(state);
        let known = match reason {
            Some(reason) => self.cancel_attempt(attempt, reason, ticket),
            None => *attempt.cancel.borrow(),
        };
        known.or_else(|| self.is_stopping().then_some(CancelReason::WorkerShutdown))
    }
}

impl Slot {
    /// Whether that very attempt is what this process runs, and no later one in its place.
    fn holds(&self, attempt: &Arc<Attempt>) -> bool {
        let held = self.attempts.lock().get(&attempt.key()).cloned();
        held.is_some_and(|held| Arc::ptr_eq(&held, attempt))
    }

    fn let_go(&self, attempt: &Arc<Attempt>) {
        if let Entry::Occupied(held) = self.attempts.lock().entry(attempt.key())
            && Arc::ptr_eq(held.get(), attempt)
        {
            held.remove();
        }
    }
}

fn uncalled_cancel() -> Failure {
    let message = "the activity ended as canceled, although its cancellation was not requested";
    Failure::application(message, "CanceledWithoutRequest", false)
}

fn panicked(panic: &(dyn std::any::Any + Send)) -> Failure {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "it gave no message".into());
    Failure::application(format!("the activity panicked: {text}"), "Panic", false)
}
