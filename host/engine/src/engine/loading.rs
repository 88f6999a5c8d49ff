//! Reading runs from the store, and forgetting what was ahead of a commit that failed.

use super::{Address, Engine, Live, Slot, SlotState, Work};
use crate::client::{ClientError, History, HistoryPage, WorkflowDescription};
use crate::store::{self, Page, Store, Stored};
use crate::writer::Ticket;
use bytes::Bytes;
use sandglass_core::engine::{
    Corrupt, Entry, Execution, Reply, Request, RequestError, entries_from_bytes,
};
use sandglass_core::task::Published;
use sandglass_core::{Attributes, HistoryEvent, Payload};
use std::sync::Arc;
use std::time::Duration;

/// The query that every run answers, whatever it has published.
const STACK_TRACE: &str = "__stack_trace";

/// How long nothing is read for a run after the store could not be read.
pub(crate) const READ_AGAIN: Duration = Duration::from_secs(1);

/// The attempt of a workflow task from which on queries do not wait for it.
const FAILED_ATTEMPTS: u32 = 3;

impl Engine {
    /// The latest run of a workflow id, from the store.
    pub(super) async fn load_latest(
        &self,
        workflow_id: &str,
    ) -> Result<Option<Box<Live>>, ClientError> {
        match self.store.latest_run(workflow_id)? {
            Some(summary) => self.load_run(&summary.run_id).await,
            None => Ok(None),
        }
    }

    /// One run, from the store.
    pub(super) async fn load_run(&self, run_id: &str) -> Result<Option<Box<Live>>, ClientError> {
        let (store, id) = (Arc::clone(&self.store), run_id.to_owned());
        // A long log takes a while to fold; the threads that serve requests must not wait for it.
        let load = move || load(&*store, &id);
        self.runtime.spawn_blocking(load).await.map_err(|_| ClientError::ShutDown)?
    }

    /// The latest run of a workflow id, on this thread, which may wait.
    pub(super) fn load_latest_here(
        &self,
        workflow_id: &str,
    ) -> Result<Option<Box<Live>>, ClientError> {
        match self.store.latest_run(workflow_id)? {
            Some(summary) => load(&*self.store, &summary.run_id),
            None => Ok(None),
        }
    }
}

fn load(store: &dyn Store, run_id: &str) -> Result<Option<Box<Live>>, ClientError> {
    let Some(stored) = store.load(run_id)? else { return Ok(None) };
    let execution = restore(store, run_id, &stored)?;
    Ok(Some(Box::new(Live::new(run_id.into(), execution))))
}

fn restore(store: &dyn Store, run_id: &str, stored: &Stored) -> Result<Execution, ClientError> {
    let corrupt = |reason| ClientError::Corrupt { run_id: run_id.into(), reason };
    let entries = stored.batches.iter().flat_map(entries_from_bytes);
    let restored = match Execution::restore(stored.snapshot.as_ref(), entries) {
        // The log says all that a snapshot does.
        Err(Corrupt::Snapshot { error }) => {
            tracing::warn!(run_id, %error, "a snapshot cannot be read; the whole log is, in its place");
            let log = whole_log(store, run_id)?;
            Execution::restore(None, log.iter().flat_map(entries_from_bytes))
        }
        restored => restored,
    };
    let execution = restored.map_err(|error| corrupt(error.to_string()))?;
    let (read, written) = (execution.entry_count(), stored.summary.entries);
    if read != written {
        return Err(corrupt(format!("{written} entries were stored, and {read} are there")));
    }
    Ok(execution)
}

fn whole_log(store: &dyn Store, run_id: &str) -> Result<Vec<Bytes>, store::Error> {
    let (mut log, mut page) = (Vec::new(), Some(Page::from_event(1)));
    while let Some(from) = page {
        let (batches, next) = store.history(run_id, from)?;
        log.extend(batches);
        page = next;
    }
    Ok(log)
}

impl Engine {
    /// Puts a run that was read into its slot.
    pub(super) fn place_loaded(&self, slot: &Arc<Slot>, state: &mut SlotState, live: Box<Live>) {
        let due = if live.is_open() { live.execution.due() } else { None };
        self.timers.set(&slot.workflow_id, due);
        *state = SlotState::Loaded(live);
    }

    /// Forgets runs that were ahead of a commit that failed, and puts them in motion again from what is stored (D14).
    pub(crate) fn forget(&self, workflow_ids: &[Arc<str>]) {
        for workflow_id in workflow_ids {
            let Some(slot) = self.runs.get(workflow_id) else { continue };
            let before = slot.forget(&mut slot.state.lock());
            if let (SlotState::Loaded(live), Some(worker)) = (before, self.worker()) {
                worker.evict(&live.run_id);
            }
            let Ok(engine) = self.this() else { return };
            self.runtime.spawn(async move {
                while let Err(error) = engine.set_in_motion(&slot, None).await {
                    let workflow_id = &*slot.workflow_id;
                    tracing::error!(workflow_id, %error, "the run cannot be read again");
                    if !engine.reads_again_after(&error).await {
                        return;
                    }
                }
            });
        }
    }

    /// Waits, if the store could not be read and may be soon; whether it is to be tried again.
    pub(super) async fn reads_again_after(&self, error: &ClientError) -> bool {
        let may_pass = matches!(error, ClientError::Store(_)) && !self.is_stopping();
        if may_pass {
            tokio::time::sleep(READ_AGAIN).await;
        }
        may_pass
    }

    /// Places what waits in a run that was read; `recover` is what is put right first, after a crash.
    pub(super) async fn set_in_motion(
        &self,
        slot: &Arc<Slot>,
        recover: Option<Request>,
    ) -> Result<(), ClientError> {
        self.with_loaded(slot, |state| match state.live(None) {
            Some(live) => self.move_on(slot, live, recover),
            None => Ok(()),
        })
        .await?
    }

    /// The same of a run that is loaded.
    pub(super) fn move_on(
        &self,
        slot: &Arc<Slot>,
        live: &mut Live,
        recover: Option<Request>,
    ) -> Result<(), ClientError> {
        if !live.is_open() {
            return Ok(());
        }
        let mut work = Work::default();
        let now = self.clock.now();
        let recovered = recover.map_or(Ok(Reply::Done), |recover| {
            work.absorb(live.execution.handle(recover, &self.options.run, now))
        });
        // Everything that waits, in place of what the recovery alone has made ready.
        work.dispatch.retain(|dispatch| !dispatch.is_task());
        work.dispatch.extend(live.execution.ready());
        // Also of what was refused: it can have ended a run whose history is full, and memory must not know what the disk never gets.
        self.finish(slot, live, work);
        match recovered {
            Ok(_) | Err(RequestError::Closed) => Ok(()),
            Err(error) => Err(ClientError::of_run(&live.run_id, error)),
        }
    }

    /// How a run stands. What is told is durable.
    pub(crate) async fn describe(
        &self,
        address: &Address,
    ) -> Result<WorkflowDescription, ClientError> {
        self.writer.admit().await;
        self.look(address, |live| live.execution.describe()).await
    }

    /// What `f` sees in a run, which is durable: where memory was ahead of a commit that failed, what is stored is looked at.
    async fn look<R>(&self, address: &Address, f: impl Fn(&Live) -> R) -> Result<R, ClientError> {
        loop {
            let (seen, run_id, ticket) = self
                .with_run(address, |_, live| (f(live), Arc::clone(&live.run_id), live.ticket))
                .await?;
            match self.durable(ticket).await {
                Ok(()) => return Ok(seen),
                Err(error) if self.writer.has_stopped() => return Err(error),
                Err(_) => {}
            }
            if let Some(stored) = self.load_run(&run_id).await? {
                return Ok(f(&stored));
            }
            // That run never was: the one before it is the latest.
        }
    }

    /// What a run says to a query: what it has published, which is durable. A workflow task that is pending is waited for, so that the
    /// answer rests on all that was accepted before (rule 23).
    pub(crate) async fn query(
        &self,
        address: &Address,
        name: &str,
    ) -> Result<Payload, ClientError> {
        if name == STACK_TRACE
            && let Some(stack) = self.stack_trace(address).await?
        {
            return Ok(stack);
        }
        let (run_id, ticket, published) = self.until(address, answers_queries).await??;
        self.durable(ticket).await?;
        let mut published: Published = match published {
            Some(published) => published,
            None => self.store.published(&run_id)?,
        };
        published.remove(name).ok_or_else(|| ClientError::UnknownQuery {
            name: name.into(),
            known: published.into_keys().collect::<Vec<_>>().join(", "),
        })
    }

    /// Where in its code the run waits, as a JSON string; `None` if the worker cannot tell of any run.
    async fn stack_trace(&self, address: &Address) -> Result<Option<Payload>, ClientError> {
        let events = self.history(address).await?.events;
        let Some(worker) = self.worker().map(Arc::clone) else { return Ok(None) };
        let replay = move || {
            let started = events.first().map(|event| &event.attributes);
            let Some(Attributes::WorkflowExecutionStarted(started)) = started else { return None };
            let workflow_type = started.workflow_type.as_ref().map_or("", |kind| &kind.name);
            worker.stack_trace(workflow_type, &events)
        };
        let replayed = self.runtime.spawn_blocking(replay).await;
        match replayed.map_err(|error| ClientError::QueryFailed(error.to_string()))? {
            None => Ok(None),
            Some(Err(why)) => Err(ClientError::QueryFailed(why)),
            Some(Ok(stack)) => Ok(Some(Payload::json(serde_json::Value::from(stack).to_string()))),
        }
    }

    /// A part of a run's history, which is durable.
    pub(crate) async fn history_page(
        &self,
        address: &Address,
        first: i64,
        events_max: usize,
    ) -> Result<HistoryPage, ClientError> {
        let page = self
            .look(address, |live| HistoryPage {
                run_id: live.run_id.to_string(),
                events: Vec::new(),
                last_event_id: live.execution.last_event_id(),
                is_open: live.is_open(),
                unwritten: live.execution.unwritten_events(),
            })
            .await?;
        let count = i64::try_from(events_max).unwrap_or(i64::MAX);
        let end = first.saturating_add(count).min(page.last_event_id + 1);
        let events = self.read_events(&page.run_id, first, end).await?;
        Ok(HistoryPage { events, ..page })
    }

    /// A run's whole history, with the events that exist only in memory at its end (D4).
    pub(crate) async fn history(&self, address: &Address) -> Result<History, ClientError> {
        let (run_id, unwritten) = self
            .look(address, |live| (Arc::clone(&live.run_id), live.execution.unwritten_events()))
            .await?;
        let mut events = self.read_events(&run_id, 1, i64::MAX).await?;
        let next = events.last().map_or(1, |event| event.event_id + 1);
        // What was written meanwhile is read from the store already.
        events.extend(unwritten.into_iter().filter(|event| event.event_id >= next));
        Ok(History { events })
    }

    /// A run's events from `first` up to, not including, `end`, for a worker that lacks them.
    pub(super) async fn events_before(
        &self,
        slot: &Arc<Slot>,
        run_id: &str,
        first: i64,
        end: i64,
    ) -> Result<Vec<Arc<HistoryEvent>>, ClientError> {
        if first >= end {
            return Ok(Vec::new());
        }
        let ticket = slot.state.lock().live(Some(run_id)).map(|live| live.ticket);
        if let Some(ticket) = ticket {
            self.durable(ticket).await?;
        }
        self.read_events(run_id, first, end).await
    }

    async fn read_events(
        &self,
        run_id: &str,
        first: i64,
        end: i64,
    ) -> Result<Vec<Arc<HistoryEvent>>, ClientError> {
        if first >= end {
            // Who asks how far a run is, and for none of its events, costs the disk nothing.
            return Ok(Vec::new());
        }
        let (store, id) = (Arc::clone(&self.store), run_id.to_owned());
        let read = move || -> Result<Vec<Arc<HistoryEvent>>, ClientError> {
            let mut events = Vec::new();
            let mut page = Some(Page::from_event(first));
            while let Some(from) = page {
                let (batches, next) = store.history(&id, from)?;
                for batch in &batches {
                    decode_events(&id, batch, &mut events)?;
                }
                page = next.filter(|_| events.last().is_none_or(|last| last.event_id + 1 < end));
            }
            events.retain(|event| (first..end).contains(&event.event_id));
            Ok(events)
        };
        self.runtime.spawn_blocking(read).await.map_err(|_| ClientError::ShutDown)?
    }

    /// Whether attempts of activities run in this process.
    pub(crate) fn has_attempts(&self) -> bool {
        self.runs.all().iter().any(|slot| !slot.attempts.lock().is_empty())
    }
}

/// What answers queries, once nothing is to be waited for (rule 119).
fn answers_queries(
    live: &mut Live,
) -> Option<Result<(Arc<str>, Ticket, Option<Published>), ClientError>> {
    let not_ready = |text: &str| Some(Err(ClientError::NotReady(text.into())));
    let execution = &live.execution;
    match execution.pending_workflow_task() {
        Some(task) if task.attempt >= FAILED_ATTEMPTS => {
            return not_ready("Unable to query workflow due to Workflow Task in failed state.");
        }
        Some(_) => return None,
        None if !live.is_open() && !execution.has_completed_a_task() => {
            return not_ready("Workflow execution closed before WorkflowTaskStarted event");
        }
        None => {}
    }
    Some(Ok((Arc::clone(&live.run_id), live.ticket, live.published.clone())))
}

fn decode_events(
    run_id: &str,
    batch: &bytes::Bytes,
    events: &mut Vec<Arc<HistoryEvent>>,
) -> Result<(), ClientError> {
    for entry in entries_from_bytes(batch) {
        match entry {
            Ok(Entry::Event(event)) => events.push(event),
            Ok(Entry::Change(_)) => {}
            Err(error) => {
                return Err(ClientError::Corrupt {
                    run_id: run_id.into(),
                    reason: error.to_string(),
                });
            }
        }
    }
    Ok(())
}
