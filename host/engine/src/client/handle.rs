//! A handle to one workflow: what can be asked of it.

use super::view::{self, History, HistoryPage, WorkflowDescription};
use super::{Client, ClientError, WorkflowError};
use crate::engine::{Address, Live};
use sandglass_core::engine::Request;
use sandglass_core::payload::Header;
use sandglass_core::{HistoryEvent, Payload, Payloads};
use serde::{Serialize, de::DeserializeOwned};
use std::sync::Arc;

/// A workflow by its id, and perhaps one run of it. Cheap to clone.
#[derive(Clone)]
pub struct WorkflowHandle {
    client: Client,
    address: Address,
}

impl WorkflowHandle {
    pub(super) fn new(client: Client, workflow_id: String, run_id: Option<String>) -> Self {
        WorkflowHandle { client, address: Address { workflow_id, run_id, first_run_id: None } }
    }

    /// The same workflow, but only while its latest run belongs to the chain that began with that run; which run was named before does
    /// not matter then.
    #[must_use]
    pub fn in_chain_of(mut self, first_run_id: impl Into<String>) -> Self {
        self.address.run_id = None;
        self.address.first_run_id = Some(first_run_id.into());
        self
    }

    /// The workflow's id.
    #[must_use]
    pub fn workflow_id(&self) -> &str {
        &self.address.workflow_id
    }

    /// The run, if the handle is to one run.
    #[must_use]
    pub fn run_id(&self) -> Option<&str> {
        self.address.run_id.as_deref()
    }

    /// Waits for the run's end and reads its result as a `T`, from JSON.
    pub async fn result<T: DeserializeOwned>(&self) -> Result<T, WorkflowError> {
        view::decode(&self.result_payload().await?)
    }

    /// Waits for the run's end.
    pub async fn result_payload(&self) -> Result<Payload, WorkflowError> {
        let ending = self.client.engine.ending(&self.address).await?;
        view::result_of(&ending.event)
    }

    /// Waits for the run's end, and gives its last event.
    pub async fn closing_event(&self) -> Result<Arc<HistoryEvent>, ClientError> {
        self.client.engine.ending(&self.address).await.map(|ending| ending.event)
    }

    /// Asks the run to stop. Its code learns of it and may clean up; nothing forces it. Of no effect on a run that is closed or was asked before.
    pub async fn cancel(&self, reason: &str) -> Result<(), ClientError> {
        let request = Request::Cancel {
            reason: reason.into(),
            identity: self.client.identity().into(),
            request_id: uuid::Uuid::new_v4().to_string(),
        };
        self.client.engine.request(&self.address, request).await.map(drop)
    }

    /// Ends the run at once, wherever its code is, without running any of it.
    pub async fn terminate(&self, reason: &str) -> Result<(), ClientError> {
        self.terminate_with(reason, Vec::new()).await
    }

    /// [`WorkflowHandle::terminate`], with details for who asks for the result.
    pub async fn terminate_with(
        &self,
        reason: &str,
        details: Vec<Payload>,
    ) -> Result<(), ClientError> {
        let request = Request::Terminate {
            reason: reason.into(),
            details: Payloads::some(details),
            identity: self.client.identity().into(),
        };
        self.client.engine.request(&self.address, request).await.map(drop)
    }

    /// Removes the run and its history; one that is open is terminated first. When this returns, nothing of it is left but what others
    /// recorded of it.
    pub async fn delete(&self) -> Result<(), ClientError> {
        self.client.engine.delete(&self.address, self.client.identity()).await
    }

    /// Sends a signal with one argument, as JSON.
    pub async fn signal<T: Serialize + ?Sized>(
        &self,
        name: &str,
        argument: &T,
    ) -> Result<(), ClientError> {
        let text = serde_json::to_string(argument).map_err(|e| {
            ClientError::InvalidArgument(format!("the signal's argument is no JSON: {e}"))
        })?;
        self.signal_payloads(name, vec![Payload::json(text)], None).await
    }

    /// Sends a signal. A repeated one with the same request id is taken once.
    pub async fn signal_payloads(
        &self,
        name: &str,
        input: Vec<Payload>,
        request_id: Option<&str>,
    ) -> Result<(), ClientError> {
        let request_id = request_id.map_or_else(|| uuid::Uuid::new_v4().to_string(), Into::into);
        self.signal_with(name, Payloads::some(input), None, &request_id).await
    }

    /// Sends a signal with headers. An empty request id is no id: the signal is taken as often as it is sent.
    pub async fn signal_with(
        &self,
        name: &str,
        input: Option<Payloads>,
        header: Option<Header>,
        request_id: &str,
    ) -> Result<(), ClientError> {
        let request = Request::Signal {
            name: name.into(),
            input,
            identity: self.client.identity().into(),
            request_id: request_id.into(),
            header,
        };
        self.client.engine.request(&self.address, request).await.map(drop)
    }

    /// What the run says to that query: what it published last under that name, also when it is closed.
    pub async fn query<T: DeserializeOwned>(&self, name: &str) -> Result<T, WorkflowError> {
        view::decode(&self.query_payload(name).await?)
    }

    /// [`WorkflowHandle::query`], not decoded.
    pub async fn query_payload(&self, name: &str) -> Result<Payload, ClientError> {
        self.client.engine.query(&self.address, name).await
    }

    /// How the run stands: what it waits for, and what it has pending.
    pub async fn describe(&self) -> Result<WorkflowDescription, ClientError> {
        self.client.engine.describe(&self.address).await
    }

    /// The stored events from `first_event_id` on, at most `events_max`.
    pub async fn history_page(
        &self,
        first_event_id: i64,
        events_max: usize,
    ) -> Result<HistoryPage, ClientError> {
        self.client.engine.history_page(&self.address, first_event_id, events_max).await
    }

    /// Waits until the history has that event, or the run is closed.
    pub async fn wait_for_event(&self, event_id: i64) -> Result<(), ClientError> {
        let reached = |live: &mut Live| {
            let reached = live.execution.last_event_id() >= event_id || !live.is_open();
            reached.then_some(())
        };
        self.client.engine.until(&self.address, reached).await
    }

    /// The run's history, as Temporal has it.
    pub async fn history(&self) -> Result<History, ClientError> {
        self.client.engine.history(&self.address).await
    }
}
