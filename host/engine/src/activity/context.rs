//! What an attempt of an activity is given: who it is, its heartbeat, and its cancellation.

use sandglass_core::engine::{ActivityTask, CancelReason};
use sandglass_core::{Payload, Payloads};
use serde::{Serialize, de::DeserializeOwned};
use std::sync::{Arc, Weak};
use tokio::sync::watch;

/// Who an attempt is: Temporal's activity info.
pub type ActivityInfo = ActivityTask;

/// Why an attempt is asked to stop; `None` while it is not.
pub type CancelWord = Option<CancelReason>;

/// Takes heartbeats to the run's log.
pub(crate) trait Heartbeats: Send + Sync {
    /// Records it; answers whether the attempt is to stop.
    fn heartbeat(&self, attempt: &Arc<Attempt>, details: Option<Payloads>) -> CancelWord;
}

/// One attempt that runs in this process.
pub(crate) struct Attempt {
    pub(crate) task: ActivityTask,
    /// Pushed as soon as the request is durable; who does not await it learns from the answer to a heartbeat.
    pub(crate) cancel: watch::Sender<CancelWord>,
    pub(crate) heartbeats: Weak<dyn Heartbeats>,
}

impl Attempt {
    /// Its run, and the activity's ActivityTaskScheduled.
    pub(crate) fn key(&self) -> (Arc<str>, i64) {
        let token = &self.task.token;
        (token.run_id.as_str().into(), token.scheduled_event_id)
    }

    /// It is to stop. What is told at one time may come in any order: that nobody waits for it any more is not taken back by a cancel, and
    /// that it was lost to its timeout by nothing.
    pub(crate) fn is_to_stop(&self, reason: CancelReason) {
        self.cancel.send_if_modified(|word| {
            let news = match *word {
                Some(CancelReason::TimedOut) => false,
                Some(CancelReason::NotFound) => reason == CancelReason::TimedOut,
                other => other != Some(reason),
            };
            if news {
                *word = Some(reason);
            }
            news
        });
    }
}

/// What an attempt is given. It can be cloned and sent to other threads.
#[derive(Clone)]
pub struct ActivityContext {
    attempt: Arc<Attempt>,
}

impl ActivityContext {
    pub(crate) fn new(attempt: Arc<Attempt>) -> Self {
        ActivityContext { attempt }
    }

    /// Who this attempt is, and what it is given.
    #[must_use]
    pub fn info(&self) -> &ActivityInfo {
        &self.attempt.task
    }

    /// The arguments.
    #[must_use]
    pub fn input(&self) -> &[Payload] {
        self.attempt.task.input.as_ref().map_or(&[], |input| &input.payloads)
    }

    /// What the last attempt said in its last heartbeat, if it said something that is a `T`.
    #[must_use]
    pub fn last_heartbeat<T: DeserializeOwned>(&self) -> Option<T> {
        let details = self.attempt.task.heartbeat_details.as_ref()?;
        serde_json::from_slice(&details.payloads.first()?.data).ok()
    }

    /// Says that the attempt goes on and how far it is; restarts the heartbeat timeout.
    /// Answers why the attempt is to stop, if it is: without heartbeats, or awaiting [`ActivityContext::cancellation`], an activity
    /// never learns of a cancel (rule 80).
    pub fn heartbeat<T: Serialize + ?Sized>(&self, details: &T) -> CancelWord {
        let details = serde_json::to_string(details).map(|text| vec![Payload::json(text)]);
        let details = details.unwrap_or_else(|error| {
            let ActivityInfo { activity_type, activity_id, .. } = self.info();
            tracing::error!(%error, activity_type, activity_id, "heartbeat details are no JSON; the heartbeat has none");
            Vec::new()
        });
        self.heartbeat_payloads(details)
    }

    /// [`ActivityContext::heartbeat`] with details that are payloads already.
    pub fn heartbeat_payloads(&self, details: Vec<Payload>) -> CancelWord {
        let details = Payloads::some(details);
        match self.attempt.heartbeats.upgrade() {
            Some(heartbeats) => heartbeats.heartbeat(&self.attempt, details),
            // The host is gone; nobody will take the result either.
            None => Some(CancelReason::WorkerShutdown),
        }
    }

    /// Completes when the attempt is asked to stop, at once when that happens.
    #[must_use]
    pub fn cancellation(&self) -> Cancellation {
        Cancellation { word: self.attempt.cancel.subscribe() }
    }
}

/// A future of the request to stop.
#[derive(Clone, Debug)]
pub struct Cancellation {
    word: watch::Receiver<CancelWord>,
}

impl Cancellation {
    /// Why, if it was requested.
    #[must_use]
    pub fn requested(&self) -> CancelWord {
        *self.word.borrow()
    }

    /// Waits until it is requested, and says why.
    pub async fn wait(&mut self) -> CancelReason {
        match self.word.wait_for(Option::is_some).await {
            Ok(word) => word.unwrap_or(CancelReason::NotFound),
            // The attempt is not held any more: nobody waits for it.
            Err(_) => CancelReason::NotFound,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nobody.
    struct Nobody;

    impl Heartbeats for Nobody {
        fn heartbeat(&self, _: &Arc<Attempt>, _: Option<Payloads>) -> CancelWord {
            None
        }
    }

    #[test]
    fn the_last_word_is_the_same_in_any_order() {
        use CancelReason::{CancelRequested, NotFound, TimedOut};
        let told = |reasons: &[CancelReason]| {
            let heartbeats: Weak<dyn Heartbeats> = Weak::<Nobody>::new();
            let (task, cancel) = (ActivityTask::default(), watch::Sender::new(None));
            let attempt = Attempt { task, cancel, heartbeats };
            reasons.iter().for_each(|reason| attempt.is_to_stop(*reason));
            *attempt.cancel.borrow()
        };
        assert_eq!(told(&[CancelRequested]), Some(CancelRequested));
        for both in [[CancelRequested, NotFound], [NotFound, CancelRequested]] {
            assert_eq!(told(&both), Some(NotFound));
        }
        for both in [[NotFound, TimedOut], [TimedOut, NotFound], [TimedOut, CancelRequested]] {
            assert_eq!(told(&both), Some(TimedOut));
        }
    }
}
