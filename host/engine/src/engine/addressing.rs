//! Which run a request means, and the requests of clients through the door.

use super::{Ending, Engine, Live, Slot, SlotState};
use crate::client::ClientError;
use sandglass_core::engine::{Reply, Request, RequestError};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// How a client names a run.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    pub(crate) workflow_id: String,
    /// Exactly that run; the latest, if not given.
    pub(crate) run_id: Option<String>,
    /// The run with which the chain of the latest began; it is another's workflow otherwise (rule 22).
    pub(crate) first_run_id: Option<String>,
}

/// The first wait before a request is repeated that found the engine busy; it doubles from there.
const BUSY_WAIT_FIRST: Duration = Duration::from_millis(2);

impl Address {
    /// Refuses what can be no address; the sentences are Temporal's (rule 20). An id that is too long for a run is one that no run has.
    fn check(&self) -> Result<(), ClientError> {
        let invalid = |text: &str| Err(ClientError::InvalidArgument(text.into()));
        if self.workflow_id.is_empty() {
            return invalid("WorkflowId is not set on request.");
        }
        match &self.run_id {
            Some(run_id) if uuid::Uuid::parse_str(run_id).is_err() => invalid("Invalid RunId."),
            _ => Ok(()),
        }
    }

    fn check_chain(&self, live: &Live) -> Result<(), ClientError> {
        match &self.first_run_id {
            // A chain is one run until runs can follow on each other.
            Some(first) if **first != *live.run_id => {
                Err(ClientError::NotFound("workflow execution not found".into()))
            }
            _ => Ok(()),
        }
    }

    /// Temporal's sentences for a workflow or run that is not there (rules 18 and 19).
    pub(crate) fn not_found(&self) -> ClientError {
        let id = &self.workflow_id;
        ClientError::NotFound(match &self.run_id {
            None => format!("workflow not found for ID: {id}"),
            Some(run_id) => format!(
                "workflow execution not found for workflow ID \"{id}\" and run ID \"{run_id}\""
            ),
        })
    }
}

impl Engine {
    pub(crate) fn slot(&self, workflow_id: &str) -> Arc<Slot> {
        self.runs.slot(workflow_id, |ticket| self.writer.is_durable(ticket))
    }

    /// Calls `f` on the run that is meant, read from the store if need be. A closed run that is not the latest is read for this call alone.
    pub(crate) async fn with_run<R>(
        &self,
        address: &Address,
        f: impl FnOnce(&Arc<Slot>, &mut Live) -> R,
    ) -> Result<R, ClientError> {
        address.check()?;
        let slot = self.slot(&address.workflow_id);
        let mut f = Some(f);
        let result = self
            .with_loaded(&slot, |state| -> Result<Option<R>, ClientError> {
                let Some(live) = state.live(address.run_id.as_deref()) else { return Ok(None) };
                address.check_chain(live)?;
                Ok(f.take().map(|f| f(&slot, live)))
            })
            .await??;
        if let Some(result) = result {
            return Ok(result);
        }
        // An older run of this id: closed, so nothing changes and nothing is kept.
        let run_id = address.run_id.as_deref().ok_or_else(|| address.not_found())?;
        let loaded = self.load_run(run_id).await?;
        let mut live = match loaded {
            Some(live) if *live.execution.workflow_id() == *address.workflow_id => live,
            _ => return Err(address.not_found()),
        };
        live.is_latest = false;
        let f = f.take().ok_or_else(|| address.not_found())?;
        Ok(f(&slot, &mut live))
    }

    /// A client's request that changes a run, repeated within the deadline where the engine is busy; answered when it is durable.
    pub(crate) async fn request(
        &self,
        address: &Address,
        request: Request,
    ) -> Result<Reply, ClientError> {
        let deadline = tokio::time::Instant::now() + self.options.request_deadline;
        let mut wait = BUSY_WAIT_FIRST;
        loop {
            self.writer.admit().await;
            let (reply, run_id, ticket) = self
                .with_run(address, |slot, live| {
                    let canceled = matches!(request, Request::Cancel { .. });
                    let reply = self.step(slot, live, request.clone());
                    if canceled && reply.is_ok() && live.task_given_up && live.is_open() {
                        // The worker has given the task up; a cancel reaches the run at once all the same (D16).
                        live.task_given_up = false;
                        // What it leads to is in the log; there is nobody to tell.
                        let _ = self.step(slot, live, Request::RetryWorkflowTask);
                    }
                    (reply, Arc::clone(&live.run_id), live.ticket)
                })
                .await?;
            match reply {
                Err(RequestError::Closing) if tokio::time::Instant::now() + wait < deadline => {
                    tokio::time::sleep(wait).await;
                    wait *= 2;
                }
                reply => {
                    // A refusal rests on what it was refused for, which must be durable as well.
                    self.durable(ticket).await?;
                    return reply.map_err(|error| ClientError::of_run(&run_id, error));
                }
            }
        }
    }

    /// Waits until `f` finds what it wants in the run: it is asked now and after every change.
    pub(crate) async fn until<R>(
        &self,
        address: &Address,
        f: impl Fn(&mut Live) -> Option<R>,
    ) -> Result<R, ClientError> {
        loop {
            let look = |_: &Arc<Slot>, live: &mut Live| f(live).ok_or_else(|| live.watch());
            match self.with_run(address, look).await? {
                Ok(found) => return Ok(found),
                // Dropped without a word, the run is read again.
                Err(news) => match news.await {
                    Err(_) if self.is_stopping() => return Err(ClientError::ShutDown),
                    Ok(()) | Err(_) => {}
                },
            }
        }
    }

    /// Waits for the run's end.
    pub(crate) async fn ending(&self, address: &Address) -> Result<Ending, ClientError> {
        loop {
            let (waiter, mut end) = oneshot::channel();
            self.with_run(address, |_, live| live.wait_for_end(waiter)).await?;
            // A host that has halted meanwhile does not drop this waiter any more.
            let halted = *self.halted.borrow();
            let end = match halted {
                true => end.try_recv().ok(),
                false => end.await.ok(),
            };
            match end {
                Some(ending) => match self.durable(ending.ticket).await {
                    Ok(()) => return Ok(ending),
                    Err(error) if self.writer.has_stopped() => return Err(error),
                    // That end is void; the run goes on from what is stored.
                    Err(_) => {}
                },
                None if self.is_stopping() => return Err(ClientError::ShutDown),
                // The run was dropped after a failed commit: it is read again.
                None => tokio::task::yield_now().await,
            }
        }
    }

    /// Calls `f` on a slot whose latest run is known.
    pub(crate) async fn with_loaded<R>(
        &self,
        slot: &Arc<Slot>,
        f: impl FnOnce(&mut SlotState) -> R,
    ) -> Result<R, ClientError> {
        loop {
            let forgotten = {
                let mut state = slot.state.lock();
                if !matches!(*state, SlotState::Unknown) {
                    return Ok(f(&mut state));
                }
                slot.forgotten(&state)
            };
            let loaded = self.load_latest(&slot.workflow_id).await?;
            let mut state = slot.state.lock();
            // Another may have read it, changed it and forgotten it meanwhile: then it is read again.
            if matches!(*state, SlotState::Unknown) && slot.forgotten(&state) == forgotten {
                match loaded {
                    Some(live) => {
                        self.place_loaded(slot, &mut state, live);
                        self.recover_loaded(slot, &mut state);
                    }
                    None => *state = SlotState::Absent,
                }
            }
        }
    }
}
