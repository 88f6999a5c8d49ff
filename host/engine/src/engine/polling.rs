//! Activity workers over the wire: a poll waits for a task of its queue and takes it through the door. Wherever a poll is dropped, what it
//! was about to get goes to another one.

use super::{Address, Engine, Slot};
use crate::client::{ClientError, TaskQueueDescription};
use crate::matching::{Polled, Waiting};
use crate::worker::WorkflowWorker;
use crate::writer::Ticket;
use sandglass_core::engine::{ActivityTask, ActivityTaskToken, AddressedActivity};
use sandglass_core::engine::{Heartbeat, Reply, Request};
use std::sync::Arc;
use tokio::sync::oneshot;

impl Engine {
    /// How a task queue stands; of whoever serves it only for tasks of that type, where one is named.
    pub(crate) fn describe_queue(
        &self,
        queue: &str,
        task_type: Option<&str>,
    ) -> TaskQueueDescription {
        let is_served = !self.is_stopping() && self.served.contains(queue);
        let serves_type = |worker: &Arc<dyn WorkflowWorker>| {
            task_type.is_none_or(|task_type| worker.serves(task_type))
        };
        let serves_activities = match task_type {
            Some(task_type) => self.activities.get(task_type).is_some(),
            None => !self.activities.is_empty(),
        };
        TaskQueueDescription {
            identity: self.identity.clone(),
            serves_workflows: is_served && self.worker().is_some_and(serves_type),
            serves_activities: is_served && serves_activities,
            workflow_tasks: self.workflow_tasks.waiting_in(queue),
            activity_tasks: self.activity_tasks.waiting_in(queue),
        }
    }

    /// Waits for a task in that queue. Its start is durable before it is handed out.
    pub(crate) async fn poll_activity(
        &self,
        queue: &str,
        identity: &str,
    ) -> Result<ActivityTask, ClientError> {
        loop {
            let Some((slot, task, ticket)) = self.take_polled(queue, identity).await? else {
                continue;
            };
            let taken = Taken { engine: self.this()?, slot, token: Some(task.token.clone()) };
            self.durable(ticket).await?;
            taken.hand_out();
            return Ok(*task);
        }
    }

    /// The next task of that queue, started; nothing if it stands no more.
    async fn take_polled(
        &self,
        queue: &str,
        identity: &str,
    ) -> Result<Option<(Arc<Slot>, Box<ActivityTask>, Ticket)>, ClientError> {
        let mut hint = self.next_polled(queue).await?;
        let Some(waiting) = hint.waiting.clone() else { return Ok(None) };
        let slot = self.slot(&waiting.workflow_id);
        let request = Request::StartActivity {
            scheduled_event_id: waiting.scheduled_event_id,
            attempt: waiting.attempt,
            identity: identity.into(),
            request_id: uuid::Uuid::new_v4().to_string(),
            // No host's: the attempt goes on whatever happens to this process.
            host: String::new(),
        };
        let started = self
            .with_loaded(&slot, |state| {
                hint.waiting = None;
                let live = state.live(Some(&waiting.run_id))?;
                match self.step(&slot, live, request) {
                    Ok(Reply::ActivityTask(task)) => Some((task, live.ticket)),
                    Ok(_) | Err(_) => None,
                }
            })
            .await?;
        Ok(started.map(|(task, ticket)| (slot, task, ticket)))
    }

    async fn next_polled(&self, queue: &str) -> Result<Hint, ClientError> {
        let engine = self.this()?;
        let mut stopping = self.stopping.subscribe();
        if *stopping.borrow() {
            return Err(ClientError::ShutDown);
        }
        let hint = |waiting| Hint {
            engine: Arc::clone(&engine),
            queue: queue.into(),
            waiting: Some(waiting),
        };
        match self.activity_tasks.poll(queue) {
            Polled::Task(waiting) => Ok(hint(waiting)),
            Polled::Later(number, receiver) => {
                let mut poll =
                    Poll { engine: Arc::clone(&engine), queue: queue.into(), number, receiver };
                tokio::select! {
                    waiting = &mut poll.receiver => waiting.map(hint).map_err(|_| ClientError::ShutDown),
                    _ = stopping.wait_for(|stopping| *stopping) => Err(ClientError::ShutDown),
                }
            }
        }
    }

    /// How many workers wait at that queue.
    pub(crate) fn polls(&self, queue: &str) -> usize {
        self.activity_tasks.polls(queue)
    }

    /// An attempt goes on.
    pub(crate) async fn heartbeat_activity(
        &self,
        address: &Address,
        activity: AddressedActivity,
        details: Option<sandglass_core::Payloads>,
    ) -> Result<Heartbeat, ClientError> {
        match self.request(address, Request::HeartbeatActivity { activity, details }).await? {
            Reply::Heartbeat(heartbeat) => Ok(heartbeat),
            Reply::Done | Reply::WorkflowTask(_) | Reply::ActivityTask(_) => {
                Ok(Heartbeat::default())
            }
        }
    }
}

/// A poll that waits. Dropped, it waits no more, and what was sent to it meanwhile goes on.
struct Poll {
    engine: Arc<Engine>,
    queue: String,
    number: u64,
    receiver: oneshot::Receiver<Waiting>,
}

impl Drop for Poll {
    fn drop(&mut self) {
        self.engine.activity_tasks.give_up(&self.queue, self.number);
        self.receiver.close();
        if let Ok(waiting) = self.receiver.try_recv() {
            self.engine.activity_tasks.wait_again(&self.queue, waiting);
            self.engine.pump();
        }
    }
}

/// A task that a poll is about to start.
struct Hint {
    engine: Arc<Engine>,
    queue: String,
    waiting: Option<Waiting>,
}

impl Drop for Hint {
    fn drop(&mut self) {
        if let Some(waiting) = self.waiting.take() {
            self.engine.activity_tasks.wait_again(&self.queue, waiting);
            self.engine.pump();
        }
    }
}

/// An attempt that was started for a poll. Dropped before it is handed out, it waits again.
struct Taken {
    engine: Arc<Engine>,
    slot: Arc<Slot>,
    token: Option<ActivityTaskToken>,
}

impl Taken {
    fn hand_out(mut self) {
        self.token = None;
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let Some(token) = self.token.take() else { return };
        let (engine, slot) = (Arc::clone(&self.engine), Arc::clone(&self.slot));
        self.engine.runtime.spawn(async move { engine.release(&slot, token).await });
    }
}

impl Engine {
    /// Tells that nobody got an attempt, and again until that is durable: nobody else knows.
    async fn release(&self, slot: &Arc<Slot>, token: ActivityTaskToken) {
        loop {
            let released = self
                .with_loaded(slot, |state| {
                    let live = state.live(Some(&token.run_id))?;
                    let request = Request::ReleaseActivity { token: token.clone() };
                    // Refused, the attempt is over in another way, or waits already.
                    let _ = self.step(slot, live, request);
                    Some(live.ticket)
                })
                .await;
            match released {
                Ok(None) => return,
                Ok(Some(ticket)) => {
                    if self.writer.durable(ticket).await.is_ok() || self.writer.has_stopped() {
                        return;
                    }
                }
                Err(error) => {
                    let workflow_id = &*slot.workflow_id;
                    tracing::error!(workflow_id, %error, "an attempt that nobody got cannot be given back");
                    if !self.reads_again_after(&error).await {
                        return;
                    }
                }
            }
        }
    }
}
