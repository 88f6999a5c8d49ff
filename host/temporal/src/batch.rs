//! Batch operations: one request to many runs, carried out one run after the other while clients do other things.
//!
//! What lives here: the loop, and what of it is kept so that the next server goes on where this one ended. What does not: what an operation
//! does to a run (the host's), how clients begin and watch one (`service::batch`), and what is kept (`progress`).
//!
//! How far it has come is written about once a second, so after a crash some runs have their turn again. That changes nothing: to cancel,
//! terminate or delete twice is to do it once, and a signal's request id is the same again. Nor does it change what is counted: the runs of
//! a query are written down before the first of them has its turn, since a query may not find them afterwards.

mod progress;

pub(crate) use progress::{Progress, kind, read, read_progress};

use crate::convert::some_from_api;
use crate::refusal::Refusal;
use crate::visibility;
use progress::{NextRun, close};
use prost::Message;
use sandglass_host::core::policy::WorkflowExecutionStatus;
use sandglass_host::core::{Payloads, Timestamp};
use sandglass_host::store::{BatchOperation, Condition};
use sandglass_host::{Client, ClientError, ListFilter, WorkflowHandle};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use temporalio_protos::temporal::api::enums::v1::BatchOperationState;
use temporalio_protos::temporal::api::workflowservice::v1 as api;
use temporalio_protos::temporal::api::workflowservice::v1::start_batch_operation_request::Operation;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

/// Batch operations that are under way at once.
const AT_ONCE_MAX: usize = 10;
/// Runs that one operation comes to in a second, and where the request wants fewer, at least.
const RATE_MAX: f32 = 200.0;
const RATE_MIN: f32 = 0.001;
/// Runs that are looked up at once.
const PAGE_RUNS: usize = 100;
/// Operations that have ended and can still be described; those that began before them are forgotten.
const ENDED_MAX: usize = 500;
/// How often something is tried that the store has refused, and the pause before it is tried again.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_secs(1);

/// The operations that this server carries out.
#[derive(Default)]
pub(crate) struct Batches {
    jobs: Mutex<HashMap<String, Arc<Job>>>,
    /// Held from looking for a job id to writing it down.
    beginning: tokio::sync::Mutex<()>,
}

/// One of them.
struct Job {
    operation: BatchOperation,
    request: api::StartBatchOperationRequest,
    targets: Targets,
    progress: Mutex<Progress>,
    stop: watch::Sender<bool>,
    ended: watch::Sender<bool>,
}

/// Whom it is about.
enum Targets {
    Query(Condition),
    /// Workflow ids and run ids; an empty one is the latest.
    Named(Vec<(String, String)>),
}

/// What came of a run's turn.
enum Done {
    Completed,
    Failed,
    /// The host is gone: whoever comes next goes on.
    Interrupted,
}

impl Batches {
    /// Writes the operation down and begins it.
    pub(crate) async fn begin(
        self: &Arc<Self>,
        client: &Client,
        request: api::StartBatchOperationRequest,
        closing: watch::Receiver<bool>,
    ) -> Result<(), Refusal> {
        let targets = targets(&request)?;
        let _beginning = self.beginning.lock().await;
        if let Some(known) = client.batch_operation(&request.job_id).await? {
            return Err(in_use(&known).into());
        }
        if self.jobs().len() >= AT_ONCE_MAX {
            return Err(Refusal::TooMany("Max concurrent batch operations is reached".into()));
        }
        let total = match &targets {
            Targets::Named(named) => named.len() as u64,
            Targets::Query(condition) => {
                let counts = client.count(Some(condition.clone())).await?;
                counts.iter().map(|(_, runs)| runs).sum()
            }
        };
        let progress = Progress {
            state: BatchOperationState::Running.into(),
            run_id: uuid::Uuid::now_v7().to_string(),
            total: i64::try_from(total).unwrap_or(i64::MAX),
            kind: kind(request.operation.as_ref()).0.into(),
            ..Progress::default()
        };
        let operation = BatchOperation {
            job_id: request.job_id.clone(),
            start_time: client.now(),
            close_time: None,
            request: Some(request.encode_to_vec().into()),
            progress: progress.encode_to_vec().into(),
        };
        client.put_batch_operation(operation.clone()).await?;
        if let Err(error) = client.forget_batch_operations(ENDED_MAX).await {
            // The next one that begins does it.
            tracing::warn!(%error, "batch operations that have ended cannot be forgotten");
        }
        self.run(client.clone(), Job::new(operation, request, targets, progress), closing);
        Ok(())
    }

    /// Goes on with what an earlier server began.
    pub(crate) async fn resume(
        self: Arc<Self>,
        client: Client,
        closing: watch::Receiver<bool>,
    ) -> Result<(), Refusal> {
        let mut after = None;
        loop {
            let _beginning = self.beginning.lock().await;
            let page = || client.batch_operations(after.clone(), PAGE_RUNS);
            let operations = again(page).await?;
            let Some(last) = operations.last() else { return Ok(()) };
            after = Some((last.start_time, last.job_id.clone()));
            for listed in operations.into_iter().filter(|it| it.close_time.is_none()) {
                if self.jobs().contains_key(&listed.job_id) {
                    continue;
                }
                let whole = || client.batch_operation(&listed.job_id);
                let Some(operation) = again(whole).await? else { continue };
                let of = read(&operation)
                    .and_then(|(request, progress)| Ok((targets(&request)?, request, progress)));
                match of {
                    Ok((targets, request, progress)) => {
                        let job = Job::new(operation, request, targets, progress);
                        self.run(client.clone(), job, closing.clone());
                    }
                    Err(why) => {
                        // The others go on, and this one is not tried for ever.
                        tracing::error!(job_id = operation.job_id, %why, "a batch operation is closed: it makes no sense");
                        close(&client, operation).await?;
                    }
                }
            }
        }
    }

    /// Ends an operation that is under way; returns when that is durable.
    pub(crate) async fn stop(&self, client: &Client, job_id: &str) -> Result<(), Refusal> {
        let Some(job) = self.jobs().get(job_id).cloned() else {
            return match client.batch_operation(job_id).await? {
                // Nobody carries it out here, and nobody is to.
                Some(open) if open.close_time.is_none() => Ok(close(client, open).await?),
                Some(_) => Err(ClientError::AlreadyCompleted.into()),
                None => Err(not_found(job_id)),
            };
        };
        job.stop.send_replace(true);
        // A job that is gone has ended, too.
        let _ = job.ended.subscribe().wait_for(|ended| *ended).await;
        Ok(())
    }

    /// The operation as it stands now.
    pub(crate) async fn describe(
        &self,
        client: &Client,
        job_id: &str,
    ) -> Result<(BatchOperation, api::StartBatchOperationRequest, Progress), Refusal> {
        let stored = client.batch_operation(job_id).await?.ok_or_else(|| not_found(job_id))?;
        let (request, progress) = read(&stored)?;
        let live = self.jobs().get(job_id).map(|job| job.progress());
        match live {
            // That it has ended is told once that is written.
            Some(live) if stored.close_time.is_none() => {
                let state = BatchOperationState::Running.into();
                Ok((stored, request, Progress { state, ..live }))
            }
            _ => Ok((stored, request, progress)),
        }
    }

    fn run(self: &Arc<Self>, client: Client, job: Job, closing: watch::Receiver<bool>) {
        let (batches, job) = (Arc::clone(self), Arc::new(job));
        let job_id = job.operation.job_id.clone();
        self.jobs().insert(job_id.clone(), Arc::clone(&job));
        tokio::spawn(async move {
            job.carry_out(&client, closing).await;
            batches.jobs().remove(&job_id);
            job.ended.send_replace(true);
        });
    }

    fn jobs(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Job>>> {
        // The map is whole whenever it is not locked.
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Job {
    fn new(
        operation: BatchOperation,
        request: api::StartBatchOperationRequest,
        targets: Targets,
        progress: Progress,
    ) -> Job {
        let (stop, ended) = (watch::Sender::new(false), watch::Sender::new(false));
        Job { operation, request, targets, progress: Mutex::new(progress), stop, ended }
    }

    fn progress(&self) -> Progress {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn advance(&self, change: impl FnOnce(&mut Progress)) {
        change(&mut self.progress.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Gives each run its turn, until all had theirs, somebody stops it, or the server ends.
    async fn carry_out(&self, client: &Client, mut closing: watch::Receiver<bool>) {
        let rate = rate(self.request.max_operations_per_second);
        let mut turns = tokio::time::interval(Duration::from_secs_f32(1.0 / rate));
        turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut stop = self.stop.subscribe();
        let mut unwritten = 0.0;
        let state = 'all: loop {
            let page = match self.page(client).await {
                Ok(page) if page.is_empty() => break BatchOperationState::Completed,
                Ok(page) => page,
                Err(ClientError::ShutDown) => return,
                Err(error @ ClientError::SearchTooLong(_)) => {
                    let job_id = &self.operation.job_id;
                    tracing::error!(%job_id, %error, "a batch operation has failed");
                    break BatchOperationState::Failed;
                }
                Err(error) => {
                    let job_id = &self.operation.job_id;
                    tracing::error!(%job_id, %error, "the runs of a batch operation cannot be read");
                    match wait(tokio::time::sleep(PAUSE), &mut stop, &mut closing).await {
                        Waited::Over => continue,
                        Waited::Stopped => break BatchOperationState::Failed,
                        Waited::Closing => return self.write(client, None).await,
                    }
                }
            };
            for turn in page {
                match wait(turns.tick(), &mut stop, &mut closing).await {
                    Waited::Over => {}
                    Waited::Stopped => break 'all BatchOperationState::Failed,
                    Waited::Closing => return self.write(client, None).await,
                }
                match self.give(client, &turn).await {
                    Done::Completed => self.advance(|it| it.completed += 1),
                    Done::Failed => self.advance(|it| it.failed += 1),
                    Done::Interrupted => return,
                }
                self.advance(Progress::pass);
                unwritten += 1.0;
                if unwritten >= rate {
                    self.write(client, None).await;
                    unwritten = 0.0;
                }
            }
        };
        self.advance(|it| it.state = state.into());
        self.write(client, Some(client.now())).await;
    }

    /// The runs whose turn is next.
    async fn page(&self, client: &Client) -> Result<Vec<NextRun>, ClientError> {
        let progress = self.progress();
        if !progress.next.is_empty() {
            return Ok(progress.next);
        }
        let condition = match &self.targets {
            Targets::Query(condition) => condition,
            Targets::Named(named) => {
                let passed = usize::try_from(progress.named).unwrap_or(usize::MAX);
                let rest = named.iter().skip(passed).take(PAGE_RUNS);
                let turn = |(workflow_id, run_id): &(String, String)| {
                    let (workflow_id, run_id) = (workflow_id.clone(), run_id.clone());
                    NextRun { workflow_id, run_id }
                };
                return Ok(rest.map(turn).collect());
            }
        };
        let filter = ListFilter {
            condition: Some(condition.clone()),
            after: progress.place(),
            limit: PAGE_RUNS,
        };
        let runs = again(|| client.list(filter.clone())).await?;
        let Some(last) = runs.last() else { return Ok(Vec::new()) };
        let place = last.place();
        let next = runs.into_iter();
        let next = next.map(|run| NextRun { workflow_id: run.workflow_id, run_id: run.run_id });
        let next: Vec<_> = next.collect();
        self.advance(|it| it.come_to(next.clone(), place));
        self.write(client, None).await;
        Ok(next)
    }

    /// Does to a run what the operation is about. One that is not there any more, or closed, needs nothing.
    async fn give(&self, client: &Client, turn: &NextRun) -> Done {
        match again(|| self.ask(client, turn)).await {
            Ok(()) | Err(ClientError::NotFound(_) | ClientError::AlreadyCompleted) => {
                Done::Completed
            }
            Err(ClientError::ShutDown) => Done::Interrupted,
            Err(error) => {
                let (job_id, workflow_id) = (&self.operation.job_id, &turn.workflow_id);
                tracing::warn!(%job_id, %workflow_id, %error, "a batch operation failed for a run");
                Done::Failed
            }
        }
    }

    async fn ask(&self, client: &Client, turn: &NextRun) -> Result<(), ClientError> {
        let handle = |identity: &str| -> WorkflowHandle {
            let client = match identity {
                "" => client.clone(),
                identity => client.with_identity(identity),
            };
            match turn.run_id.as_str() {
                "" => client.workflow(&turn.workflow_id),
                run_id => client.run(&turn.workflow_id, run_id),
            }
        };
        let payloads = |given| {
            let read: Result<Option<Payloads>, _> = some_from_api(given);
            read.map_err(|refused| ClientError::InvalidArgument(refused.to_string()))
        };
        match &self.request.operation {
            Some(Operation::TerminationOperation(it)) => {
                let details = payloads(it.details.as_ref())?.map(|it| it.payloads);
                let details = details.unwrap_or_default();
                handle(&it.identity).terminate_with(&self.request.reason, details).await
            }
            Some(Operation::CancellationOperation(it)) => handle(&it.identity).cancel("").await,
            Some(Operation::DeletionOperation(it)) => handle(&it.identity).delete().await,
            Some(Operation::SignalOperation(it)) => {
                let input = payloads(it.input.as_ref())?;
                let header = some_from_api(it.header.as_ref())
                    .map_err(|refused| ClientError::InvalidArgument(refused.to_string()))?;
                let (job, run) = (&self.operation.job_id, &turn.run_id);
                let request_id = format!("batch {job} {run}");
                handle(&it.identity).signal_with(&it.signal, input, header, &request_id).await
            }
            _ => Err(ClientError::InvalidArgument("this operation is not known".into())),
        }
    }

    /// Writes down how far it has come. What cannot be written is done again by the next server.
    async fn write(&self, client: &Client, close_time: Option<Timestamp>) {
        let progress = self.progress().encode_to_vec().into();
        let operation =
            BatchOperation { close_time, progress, request: None, ..self.operation.clone() };
        let written = again(|| client.put_batch_operation(operation.clone())).await;
        if let Err(error) = written {
            let job_id = &self.operation.job_id;
            tracing::error!(%job_id, %error, "how far a batch operation has come cannot be written");
        }
    }
}

/// How a wait ended.
enum Waited {
    Over,
    /// Somebody stopped the operation.
    Stopped,
    /// The server ends.
    Closing,
}

async fn wait<T>(
    until: impl Future<Output = T>,
    stop: &mut watch::Receiver<bool>,
    closing: &mut watch::Receiver<bool>,
) -> Waited {
    tokio::select! {
        biased;
        _ = stop.wait_for(|stop| *stop) => Waited::Stopped,
        _ = closing.wait_for(|closing| *closing) => Waited::Closing,
        _ = until => Waited::Over,
    }
}

/// Asks again, some times, where the store may be better soon.
async fn again<T, F: Future<Output = Result<T, ClientError>>>(
    ask: impl Fn() -> F,
) -> Result<T, ClientError> {
    let mut tries = 1;
    loop {
        match ask().await {
            Err(
                ClientError::Store(_)
                | ClientError::NotWritten(_)
                | ClientError::OutcomeUnknown(_)
                | ClientError::Busy(_),
            ) if tries < TRIES => {
                tries += 1;
                tokio::time::sleep(PAUSE).await;
            }
            answer => return answer,
        }
    }
}

fn rate(wanted: f32) -> f32 {
    if wanted > 0.0 { wanted.clamp(RATE_MIN, RATE_MAX) } else { RATE_MAX }
}

/// Whom a request is about. Only what is open can be signaled, canceled or terminated.
fn targets(request: &api::StartBatchOperationRequest) -> Result<Targets, Refusal> {
    if request.visibility_query.is_empty() {
        #[expect(deprecated, reason = "clients still send it")]
        let executions = request.executions.iter();
        let named = executions.map(|it| (it.workflow_id.clone(), it.run_id.clone()));
        let targets = request.target_executions.iter();
        let targets = targets.map(|it| (it.business_id.clone(), it.run_id.clone()));
        return Ok(Targets::Named(named.chain(targets).collect()));
    }
    let query = visibility::parse(&request.visibility_query)
        .map_err(|bad| Refusal::Invalid(format!("invalid visibility query: {bad}")))?;
    // A query that leaves nobody out would end every run there is, for the want of a word.
    let condition = query.condition.filter(|_| !query.by_status).ok_or_else(|| {
        Refusal::Invalid(
            "invalid visibility query: it says no condition for whom it is about".into(),
        )
    })?;
    let mut all = vec![condition];
    if !matches!(request.operation, Some(Operation::DeletionOperation(_))) {
        all.push(Condition::status(WorkflowExecutionStatus::Running));
    }
    Ok(Targets::Query(Condition::All(all)))
}

fn not_found(job_id: &str) -> Refusal {
    ClientError::NotFound(format!("workflow not found for ID: {job_id}")).into()
}

/// A job id is used once, like a workflow id whose policy allows no second run.
fn in_use(known: &BatchOperation) -> ClientError {
    let run_id = read(known).map(|(_, progress)| progress.run_id).unwrap_or_default();
    ClientError::AlreadyStarted {
        workflow_id: known.job_id.clone(),
        run_id,
        start_request_id: String::new(),
        status: match known.close_time {
            None => WorkflowExecutionStatus::Running,
            Some(_) => WorkflowExecutionStatus::Completed,
        },
        reuse: sandglass_host::core::policy::WorkflowIdReusePolicy::RejectDuplicate,
    }
}
