//! Deleting runs, and what the store is asked about many of them.

use super::{Address, Engine, Slot, SlotState};
use crate::client::ClientError;
use crate::store::{BatchOperation, Condition, Error, ListFilter, Patience, RunSummary, Store};
use sandglass_core::Timestamp;
use sandglass_core::engine::Request;
use sandglass_core::policy::WorkflowExecutionStatus;
use std::sync::Arc;

/// What the closing event of a run says that was open when it was deleted; Temporal's words.
const DELETED: &str = "Delete workflow execution";

impl Engine {
    /// Removes a run and its history; an open one is terminated first (rule 67). It is gone when this returns.
    pub(crate) async fn delete(
        &self,
        address: &Address,
        identity: &str,
    ) -> Result<(), ClientError> {
        let look = |_: &Arc<Slot>, live: &mut super::Live| {
            (Arc::clone(&live.run_id), live.is_open(), live.ticket)
        };
        let (run_id, is_open, ticket) = self.with_run(address, look).await?;
        let address = Address { run_id: Some(run_id.to_string()), ..address.clone() };
        self.durable(ticket).await?;
        if is_open {
            let (reason, identity) = (DELETED.into(), identity.into());
            let terminated = self
                .request(&address, Request::Terminate { reason, details: None, identity })
                .await;
            match terminated {
                // Somebody was faster to end it.
                Ok(_) | Err(ClientError::AlreadyCompleted) => {}
                Err(error) => return Err(error),
            }
        }
        let (engine, slot) = (self.this()?, self.slot(&address.workflow_id));
        let remove = move || engine.remove(&slot, &run_id);
        match self.runtime.spawn_blocking(remove).await.map_err(|_| ClientError::ShutDown)?? {
            true => Ok(()),
            false => Err(address.not_found()),
        }
    }

    /// Removes a closed run that is durable. The slot stays locked meanwhile, so that nobody who has read the run from the store puts it
    /// back into memory, and nobody takes the run before it for the latest too early.
    fn remove(&self, slot: &Arc<Slot>, run_id: &str) -> Result<bool, ClientError> {
        let mut state = slot.state.lock();
        let deleted = self.store.delete(run_id)?;
        if state.live(None).is_some_and(|live| *live.run_id != *run_id) {
            return Ok(deleted);
        }
        let before = match self.load_latest_here(&slot.workflow_id) {
            Ok(Some(live)) => SlotState::Loaded(live),
            Ok(None) => SlotState::Absent,
            // Who asks for that run will be told.
            Err(_) => SlotState::Unknown,
        };
        if let SlotState::Loaded(mut gone) = slot.forget(&mut state) {
            gone.tell_news();
        }
        *state = before;
        Ok(deleted)
    }

    /// Runs that fit the filter. What is not durable yet is not listed.
    pub(crate) async fn list(&self, filter: ListFilter) -> Result<Vec<RunSummary>, ClientError> {
        self.search(move |store, patience| store.list(&filter, patience)).await
    }

    /// How many runs fit the condition, by status.
    pub(crate) async fn count(
        &self,
        condition: Option<Condition>,
    ) -> Result<Vec<(WorkflowExecutionStatus, u64)>, ClientError> {
        self.search(move |store, patience| store.count(condition.as_ref(), patience)).await
    }

    /// Asks what may take the store long. The search is told to end when its time is over, and when who asks has gone. Its place is given
    /// back by the search itself: until it has ended, it makes no room for the next.
    async fn search<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&dyn Store, &Patience) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, ClientError> {
        let place = Arc::clone(&self.searches).acquire_owned().await;
        let place = place.map_err(|_| ClientError::ShutDown)?;
        let time_max = self.options.search_time_max;
        let patience = Patience::of(time_max);
        let _while_waited_for = Waiting(patience.clone());
        let found = self.ask_store(move |store| {
            let _until_it_ends = place;
            ask(store, &patience)
        });
        match found.await {
            Err(ClientError::Store(Error::Interrupted)) => {
                Err(ClientError::SearchTooLong(time_max))
            }
            found => found,
        }
    }

    pub(crate) async fn put_batch_operation(
        &self,
        operation: BatchOperation,
    ) -> Result<(), ClientError> {
        self.ask_store(move |store| store.put_batch_operation(&operation)).await
    }

    pub(crate) async fn batch_operation(
        &self,
        job_id: String,
    ) -> Result<Option<BatchOperation>, ClientError> {
        self.ask_store(move |store| store.batch_operation(&job_id)).await
    }

    pub(crate) async fn batch_operations(
        &self,
        after: Option<(Timestamp, String)>,
        limit: usize,
    ) -> Result<Vec<BatchOperation>, ClientError> {
        self.ask_store(move |store| {
            let after = after.as_ref().map(|(time, job_id)| (*time, job_id.as_str()));
            store.batch_operations(after, limit)
        })
        .await
    }

    pub(crate) async fn forget_batch_operations(&self, keep: usize) -> Result<(), ClientError> {
        self.ask_store(move |store| store.forget_batch_operations(keep)).await
    }

    /// Asks the store on a thread that may wait for the disk.
    async fn ask_store<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&dyn Store) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, ClientError> {
        let store = Arc::clone(&self.store);
        let answer = self.runtime.spawn_blocking(move || ask(&*store)).await;
        Ok(answer.map_err(|_| ClientError::ShutDown)??)
    }
}

/// Somebody who waits for a search, for as long as this lives.
struct Waiting(Patience);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.end();
    }
}
