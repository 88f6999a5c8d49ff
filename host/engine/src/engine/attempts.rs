//! Attempts of activities that run in this process: begun once their start is durable (D14), told of a cancel at once, ended through the door.

use super::{Engine, Live, Slot};
use crate::activity::{ActivityContext, Attempt, CancelWord, Heartbeats};
use crate::client::ClientError;
use crate::writer::Ticket;
use futures::FutureExt;
use sandglass_core::engine::{
    ActivityEnd, ActivityTask, AddressedActivity, CancelReason, Reply, Request, RequestError,
};
use sandglass_core::{Failure, Payloads};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Weak};
use tokio::sync::watch;

impl Engine {
    /// Runs an attempt as soon as its start is durable: so it is called at most once.
    pub(super) fn begin_attempt(&self, slot: &Arc<Slot>, live: &mut Live, task: ActivityTask) {
        let Ok(engine) = self.this() else { return };
        let Some(activity) = self.activities.get(&task.activity_type) else { return };
        let heartbeats: Weak<dyn Heartbeats> = Weak::<Engine>::clone(&self.this);
        let attempt = Arc::new(Attempt { task, cancel: watch::Sender::new(None), heartbeats });
        let key = (Arc::clone(&live.run_id), attempt.task.token.scheduled_event_id);
        slot.attempts.lock().insert(key, Arc::clone(&attempt));
        let (slot, ticket) = (Arc::clone(slot), live.ticket);
        self.runtime.spawn(async move {
            let _taken = TakenSlot { engine: &engine, slot: &slot, attempt: &attempt };
            if engine.writer.durable(ticket).await.is_err() || *engine.halted.borrow() {
                // The run was dropped and is loaded again; what it says then is what counts.
                return;
            }
            let (mut given_up, mut halted) =
                (attempt.cancel.subscribe(), engine.halted.subscribe());
            let run = activity.run(ActivityContext::new(Arc::clone(&attempt)));
            let end = tokio::select! {
                end = AssertUnwindSafe(run).catch_unwind() => end,
                () = dropped(&mut given_up) => return,
                _ = halted.wait_for(|halted| *halted) => return,
            };
            let end = end.unwrap_or_else(|panic| ActivityEnd::Failed {
                failure: panicked(&*panic),
                last_heartbeat_details: None,
            });
            engine.end_attempt(&slot, &attempt, end).await;
        });
    }

    /// Tells how an attempt has ended, and again until that is durable: nobody else knows, and a run that is read again after a commit
    /// that failed would wait for the attempt until its time is over.
    async fn end_attempt(&self, slot: &Arc<Slot>, attempt: &Arc<Attempt>, end: ActivityEnd) {
        loop {
            match self.tell_end(slot, attempt, end.clone()).await {
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

    /// What has to be durable so that the end is told, or that nobody waits for it.
    async fn tell_end(
        &self,
        slot: &Arc<Slot>,
        attempt: &Arc<Attempt>,
        end: ActivityEnd,
    ) -> Result<Option<Ticket>, ClientError> {
        let token = &attempt.task.token;
        let request = |end| Request::EndActivity {
            activity: AddressedActivity::Token(token.clone()),
            end,
            identity: self.identity.clone(),
        };
        self.with_loaded(slot, |state| {
            let Some(live) = state.live(Some(&token.run_id)) else {
                return state.live(None).map(|next| next.ticket);
            };
            let canceled = matches!(end, ActivityEnd::Canceled { .. });
            let ended = self.step(slot, live, request(end));
            // Canceled though nobody asked: Temporal refuses the answer and the activity hangs until it times out. In process it is a
            // failure at once, so that the retry policy can judge it.
            if canceled && matches!(ended, Err(RequestError::CancelNotRequested)) {
                let end = ActivityEnd::Failed {
                    failure: uncalled_cancel(),
                    last_heartbeat_details: None,
                };
                // Refused like this, the attempt is over already: nobody waits for it.
                let _ = self.step(slot, live, request(end));
            }
            Some(live.ticket)
        })
        .await
    }
}

/// Forgets the attempt and gives its place in the task queue back, however it ends.
struct TakenSlot<'a> {
    engine: &'a Engine,
    slot: &'a Slot,
    attempt: &'a Arc<Attempt>,
}

impl Drop for TakenSlot<'_> {
    fn drop(&mut self) {
        let token = &self.attempt.task.token;
        let key = (token.run_id.as_str().into(), token.scheduled_event_id);
        let mut attempts = self.slot.attempts.lock();
        if attempts.get(&key).is_some_and(|held| Arc::ptr_eq(held, self.attempt)) {
            attempts.remove(&key);
        }
        drop(attempts);
        self.engine.activity_tasks.end(&self.attempt.task.task_queue);
        self.engine.pump();
    }
}

/// Completes when nobody holds the attempt any more: it was lost to its timeout, or its run was loaded again.
async fn dropped(cancel: &mut watch::Receiver<CancelWord>) {
    let gone = |word: &CancelWord| matches!(word, Some(CancelReason::TimedOut));
    if cancel.wait_for(gone).await.is_err() {
        std::future::pending::<()>().await;
    }
}

impl Heartbeats for Engine {
    fn heartbeat(&self, task: &ActivityTask, details: Option<Payloads>) -> CancelWord {
        let token = &task.token;
        let Some(slot) = self.runs.get(&token.workflow_id) else {
            return Some(CancelReason::NotFound);
        };
        let mut state = slot.state.lock();
        let Some(live) = state.live(Some(&token.run_id)) else {
            return Some(CancelReason::NotFound);
        };
        let request = Request::HeartbeatActivity {
            activity: AddressedActivity::Token(token.clone()),
            details,
        };
        match self.step(&slot, live, request) {
            Ok(Reply::Heartbeat(heartbeat)) if heartbeat.cancel.is_some() => heartbeat.cancel,
            Ok(_) if self.is_stopping() => Some(CancelReason::WorkerShutdown),
            Ok(_) => None,
            Err(_) => Some(CancelReason::NotFound),
        }
    }
}

impl Slot {
    /// Tells a running attempt that it is to stop.
    pub(super) fn cancel_attempt(&self, live: &Live, id: i64, attempt: u32, reason: CancelReason) {
        let attempts = self.attempts.lock();
        let Some(running) = attempts.get(&(Arc::clone(&live.run_id), id)) else { return };
        if running.task.attempt == attempt {
            running.cancel.send_replace(Some(reason));
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
