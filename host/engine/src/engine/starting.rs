//! Starting a run: the policies on its workflow id, and the start itself.

use super::{Ending, Engine, Live, Slot, SlotState, Work};
use crate::client::ClientError;
use crate::store::RunSummary;
use crate::writer::Ticket;
use sandglass_core::engine::{Execution, LatestRun, Start, StartDecision, StartIds, decide_start};
use sandglass_core::engine::{Request, Transition};
use sandglass_core::event::signal::Signaled;
use sandglass_core::policy::{WorkflowIdConflictPolicy, WorkflowIdReusePolicy};
use std::sync::Arc;
use tokio::sync::oneshot;

/// A start with all that decides it.
pub(crate) struct Starting {
    pub(crate) start: Start,
    pub(crate) reuse: WorkflowIdReusePolicy,
    pub(crate) conflict: WorkflowIdConflictPolicy,
    /// Who waits for the end of the run that is the answer.
    pub(crate) waiter: Option<oneshot::Sender<Ending>>,
}

/// What a start has led to. It may be told once the ticket is durable.
pub(crate) struct Started {
    pub(crate) run_id: String,
    pub(crate) ticket: Ticket,
    /// Whether this request started it, now or when it was sent before.
    pub(crate) by_request: bool,
}

/// A start that leads to nothing. It may be told once the ticket is durable: a run that the disk never gets is in nobody's way.
struct Refused {
    error: ClientError,
    rests_on: Ticket,
    /// To be decided again, if that is not durable.
    starting: Option<Starting>,
}

impl From<ClientError> for Box<Refused> {
    fn from(error: ClientError) -> Self {
        Box::new(Refused { error, rests_on: Ticket::default(), starting: None })
    }
}

impl Engine {
    /// Starts a run, or finds the one that is the answer.
    pub(crate) async fn start(&self, mut starting: Starting) -> Result<Started, ClientError> {
        loop {
            let refused = match self.start_once(starting).await {
                Ok(started) => return Ok(started),
                Err(refused) => *refused,
            };
            match (self.durable(refused.rests_on).await, refused.starting) {
                (Ok(()), _) => return Err(refused.error),
                (Err(_), Some(again)) if !self.writer.has_stopped() => starting = again,
                (Err(failed), _) => return Err(failed),
            }
        }
    }

    async fn start_once(&self, starting: Starting) -> Result<Started, Box<Refused>> {
        self.writer.admit().await;
        let slot = self.slot(&starting.start.workflow_id);
        {
            let mut state = slot.state.lock();
            if !matches!(*state, SlotState::Unknown) {
                return self.start_in(&slot, &mut state, starting);
            }
            // Read under the lock, so that nobody starts another meanwhile.
            let latest = self.store.latest_run(&slot.workflow_id).map_err(ClientError::from)?;
            if latest.as_ref().is_none_or(|summary| !summary.is_open()) {
                let latest = latest.as_ref().map(latest_of_summary);
                return self.decide(&slot, &mut state, latest, starting);
            }
        }
        self.with_loaded(&slot, |state| self.start_in(&slot, state, starting)).await?
    }

    /// Starts a run where the latest one is known in memory.
    fn start_in(
        &self,
        slot: &Arc<Slot>,
        state: &mut SlotState,
        starting: Starting,
    ) -> Result<Started, Box<Refused>> {
        let latest = match state {
            SlotState::Loaded(live) => Some(latest_of_live(live)),
            SlotState::Unknown | SlotState::Absent => None,
        };
        self.decide(slot, state, latest, starting)
    }

    fn decide(
        &self,
        slot: &Arc<Slot>,
        state: &mut SlotState,
        latest: Option<LatestRun>,
        starting: Starting,
    ) -> Result<Started, Box<Refused>> {
        let (reuse, conflict) = (starting.reuse, starting.conflict);
        let decision = decide_start(latest.as_ref(), &starting.start.request_id, reuse, conflict)
            .map_err(|e| ClientError::InvalidArgument(e.to_string()))?;
        let latest = latest.unwrap_or_default();
        let rests_on = state.live(None).map(|live| live.ticket).unwrap_or_default();
        if decision == StartDecision::AlreadyStarted {
            let error = ClientError::AlreadyStarted {
                workflow_id: starting.start.workflow_id.clone(),
                run_id: latest.run_id,
                start_request_id: latest.start_request_id,
                status: latest.status,
                reuse,
            };
            return Err(Box::new(Refused { error, rests_on, starting: Some(starting) }));
        }
        let Starting { start, waiter, .. } = starting;
        let repeated = !start.request_id.is_empty() && latest.start_request_id == start.request_id;
        match decision {
            StartDecision::AlreadyStarted => unreachable!("it was answered above"),
            StartDecision::UseExisting => {
                let used = self.use_existing(slot, state, &latest.run_id, start.signal, waiter);
                // A refused signal can have ended the run.
                let rests_on = state.live(None).map(|live| live.ticket).unwrap_or_default();
                let ticket =
                    used.map_err(|error| Box::new(Refused { error, rests_on, starting: None }))?;
                Ok(Started { run_id: latest.run_id, ticket, by_request: repeated })
            }
            StartDecision::Start => Ok(self.start_run(slot, state, start, None, waiter)?),
            StartDecision::TerminateAndStart => {
                let old = match std::mem::take(state) {
                    SlotState::Loaded(old) => Some(old),
                    SlotState::Unknown | SlotState::Absent => None,
                };
                Ok(self.start_run(slot, state, start, old, waiter)?)
            }
        }
    }

    fn use_existing(
        &self,
        slot: &Arc<Slot>,
        state: &mut SlotState,
        run_id: &str,
        signal: Option<Signaled>,
        waiter: Option<oneshot::Sender<Ending>>,
    ) -> Result<Ticket, ClientError> {
        Ok(match state.live(Some(run_id)) {
            Some(live) => {
                if let Some(signal) = signal {
                    self.step(slot, live, signal_request(signal))
                        .map_err(|refused| ClientError::of_run(run_id, refused))?;
                }
                if let Some(waiter) = waiter {
                    live.wait_for_end(waiter);
                }
                live.ticket
            }
            // Closed, and read from the store: durable. A waiter that is dropped makes its owner read the end there.
            None => Ticket::default(),
        })
    }

    /// Starts a run; `old` is terminated in the same transaction.
    fn start_run(
        &self,
        slot: &Arc<Slot>,
        state: &mut SlotState,
        start: Start,
        old: Option<Box<Live>>,
        waiter: Option<oneshot::Sender<Ending>>,
    ) -> Result<Started, ClientError> {
        let run_id = uuid::Uuid::now_v7().to_string();
        let ids = StartIds { run_id: run_id.clone() };
        let now = self.clock.now();
        let started = Execution::start(start, ids, &self.options.run, now);
        let (execution, transition) = match started {
            Ok(started) => started,
            Err(refused) => {
                if let Some(old) = old {
                    *state = SlotState::Loaded(old);
                }
                return Err(ClientError::of_run(&run_id, refused));
            }
        };
        let terminated = old.map(|old| self.terminate_for(old, &run_id));
        let mut live = Box::new(Live::new(run_id.as_str().into(), execution));
        live.waiters.extend(waiter);
        self.finish_start(slot, &mut live, transition, terminated);
        let ticket = live.ticket;
        *state = SlotState::Loaded(live);
        Ok(Started { run_id, ticket, by_request: true })
    }

    /// What terminating `old` in favour of the run `run_id` leads to (rule 66).
    fn terminate_for(&self, mut old: Box<Live>, run_id: &str) -> (Box<Live>, Transition) {
        let details = format!("terminated by new runID: {run_id}");
        let request = Request::Terminate {
            reason: "TerminateIfRunning WorkflowIdReusePolicy".into(),
            details: Some(vec![sandglass_core::Payload::json(format!("{details:?}"))].into()),
            identity: "history-service".into(),
        };
        let outcome = old.execution.handle(request, &self.options.run, self.clock.now());
        (old, outcome.transition)
    }

    fn finish_start(
        &self,
        slot: &Arc<Slot>,
        live: &mut Live,
        transition: Transition,
        terminated: Option<(Box<Live>, Transition)>,
    ) {
        let mut work = Work::default();
        work.dispatch.extend(transition.dispatch().iter().cloned());
        work.transitions.push(transition);
        match terminated {
            None => self.finish(slot, live, work),
            Some((mut old, transition)) => {
                let mut last_work = Work::default();
                last_work.dispatch.extend(transition.dispatch().iter().cloned());
                last_work.transitions.push(transition);
                self.finish_both(slot, (&mut old, last_work), (live, work));
            }
        }
    }
}

impl Live {
    /// Lets `waiter` know of the run's end, at once if it has ended.
    pub(crate) fn wait_for_end(&mut self, waiter: oneshot::Sender<Ending>) {
        match self.execution.closed() {
            Some(closed) => {
                let ending = Ending { event: Arc::clone(&closed.event), ticket: self.ticket };
                // Who does not wait any more has dropped the receiver.
                let _ = waiter.send(ending);
            }
            None => {
                self.waiters.retain(|waiter| !waiter.is_closed());
                self.waiters.push(waiter);
            }
        }
    }
}

fn signal_request(signal: Signaled) -> Request {
    let Signaled { signal_name, input, identity, header, request_id, .. } = signal;
    Request::Signal { name: signal_name, input, identity, request_id, header }
}

fn latest_of_live(live: &Live) -> LatestRun {
    LatestRun {
        run_id: live.run_id.to_string(),
        status: live.execution.status(),
        start_request_id: live.execution.start_request_id().into(),
    }
}

fn latest_of_summary(summary: &RunSummary) -> LatestRun {
    LatestRun {
        run_id: summary.run_id.clone(),
        status: summary.status,
        start_request_id: summary.start_request_id.clone(),
    }
}
