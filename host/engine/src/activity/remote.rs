//! The door for workers outside this process: they poll a task queue, heartbeat, and say how an attempt ended.
//!
//! An attempt that such a worker has taken is its own: it goes on when this host stops, and its token is good for the next one.

use crate::client::ClientError;
use crate::engine::{Address, Engine};
use sandglass_core::Payloads;
use sandglass_core::engine::{
    ActivityEnd, ActivityTask, ActivityTaskToken, AddressedActivity, CancelReason, Request,
};
use std::sync::Arc;

/// Where workers outside this process get activities. Cheap to clone.
#[derive(Clone)]
pub struct ActivityTasks {
    engine: Arc<Engine>,
}

impl ActivityTasks {
    pub(crate) fn new(engine: Arc<Engine>) -> Self {
        ActivityTasks { engine }
    }

    /// Waits for a task in that queue, of whatever type. Its start is durable. A future that is dropped swallows no task.
    ///
    /// # Errors
    /// [`ClientError::ShutDown`] as soon as the host stops.
    pub async fn poll(
        &self,
        task_queue: &str,
        identity: &str,
    ) -> Result<ActivityTask, ClientError> {
        self.engine.poll_activity(task_queue, identity).await
    }

    /// How many polls wait at that queue.
    #[must_use]
    pub fn polls(&self, task_queue: &str) -> usize {
        self.engine.polls(task_queue)
    }

    /// Says that an attempt goes on, and learns whether it is to stop.
    ///
    /// # Errors
    /// The attempt is over, or its run is.
    pub async fn heartbeat(
        &self,
        token: ActivityTaskToken,
        details: Option<Payloads>,
    ) -> Result<Option<CancelReason>, ClientError> {
        let address = address_of(&token);
        let activity = AddressedActivity::Token(token);
        self.engine.heartbeat_activity(&address, activity, details).await.map(|beat| beat.cancel)
    }

    /// [`ActivityTasks::heartbeat`], for the activity of that id.
    ///
    /// # Errors
    /// No attempt of it runs, or its run is closed.
    pub async fn heartbeat_by_id(
        &self,
        workflow_id: &str,
        run_id: Option<&str>,
        activity_id: &str,
        details: Option<Payloads>,
    ) -> Result<Option<CancelReason>, ClientError> {
        let activity = AddressedActivity::Id(activity_id.into());
        let address = address(workflow_id, run_id);
        self.engine.heartbeat_activity(&address, activity, details).await.map(|beat| beat.cancel)
    }

    /// Says how an attempt ended.
    ///
    /// # Errors
    /// The attempt is over already, or its run is; or it was canceled and nobody had asked for that.
    pub async fn end(
        &self,
        token: ActivityTaskToken,
        end: ActivityEnd,
        identity: &str,
    ) -> Result<(), ClientError> {
        let address = address_of(&token);
        self.end_activity(&address, AddressedActivity::Token(token), end, identity).await
    }

    /// [`ActivityTasks::end`], for the activity of that id.
    ///
    /// # Errors
    /// As [`ActivityTasks::end`].
    pub async fn end_by_id(
        &self,
        workflow_id: &str,
        run_id: Option<&str>,
        activity_id: &str,
        end: ActivityEnd,
        identity: &str,
    ) -> Result<(), ClientError> {
        let activity = AddressedActivity::Id(activity_id.into());
        self.end_activity(&address(workflow_id, run_id), activity, end, identity).await
    }

    async fn end_activity(
        &self,
        address: &Address,
        activity: AddressedActivity,
        end: ActivityEnd,
        identity: &str,
    ) -> Result<(), ClientError> {
        let request = Request::EndActivity { activity, end, identity: identity.into() };
        self.engine.request(address, request).await.map(drop)
    }
}

fn address(workflow_id: &str, run_id: Option<&str>) -> Address {
    let run_id = run_id.map(Into::into);
    Address { workflow_id: workflow_id.into(), run_id, first_run_id: None }
}

fn address_of(token: &ActivityTaskToken) -> Address {
    address(&token.workflow_id, Some(&token.run_id))
}
