//! `workflow start`, `execute` and `signal-with-start`.

use super::follow::{self, Ended};
use super::input::{self, Input, SignalInput};
use super::output::Rows;
use super::{Session, connection};
use crate::exit::{Exit, usage};
use crate::setup;
use clap::{Args, ValueEnum};
use prost_types::Duration as ProtoDuration;
use std::time::{Duration, Instant};
use temporalio_protos::temporal::api::common::v1::{Header, Memo, Priority, SearchAttributes};
use temporalio_protos::temporal::api::common::v1::{WorkflowExecution, WorkflowType};
use temporalio_protos::temporal::api::enums::v1 as enums;
use temporalio_protos::temporal::api::sdk::v1::UserMetadata;
use temporalio_protos::temporal::api::taskqueue::v1::TaskQueue;
use temporalio_protos::temporal::api::workflowservice::v1 as api;
use tonic::Code;

/// Starts a workflow.
#[derive(Args)]
pub(super) struct Start {
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    input: Input,
}

/// Starts a workflow, shows how it goes on, and what it ends with.
#[derive(Args)]
pub(super) struct Execute {
    #[command(flatten)]
    start: Start,
    /// Shows events with what they say.
    #[arg(long)]
    detailed: bool,
}

/// Sends a signal to a workflow, and starts it first if it is not running.
#[derive(Args)]
pub(super) struct SignalWithStart {
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    input: Input,
    /// The signal's name.
    #[arg(long, visible_alias = "signal-type")]
    signal_name: String,
    #[command(flatten)]
    signal_input: SignalInput,
}

/// What a workflow is started with.
#[derive(Args)]
struct Options {
    /// The workflow's type.
    #[arg(long = "type", visible_alias = "name", value_name = "TYPE")]
    workflow_type: String,
    /// Workflow id; one is made up when left out.
    #[arg(short, long)]
    workflow_id: Option<String>,
    /// The task queue.
    #[arg(short, long, default_value = "default")]
    task_queue: String,
    /// How long all runs of the workflow may take.
    #[arg(long, value_name = "DURATION", value_parser = setup::duration_or_none)]
    execution_timeout: Option<Duration>,
    /// How long the run may take.
    #[arg(long, value_name = "DURATION", value_parser = setup::duration_or_none)]
    run_timeout: Option<Duration>,
    /// How long one workflow task may take.
    #[arg(long, value_name = "DURATION", value_parser = setup::duration_or_none)]
    task_timeout: Option<Duration>,
    /// How long its first workflow task waits.
    #[arg(long, value_name = "DURATION", value_parser = setup::duration_or_none)]
    start_delay: Option<Duration>,
    /// Whether the id of a closed workflow may be used again.
    #[arg(long, value_enum, ignore_case = true)]
    id_reuse_policy: Option<Reuse>,
    /// What becomes of a running workflow of that id.
    #[arg(long, value_enum, ignore_case = true)]
    id_conflict_policy: Option<Conflict>,
    /// A memo field, as KEY=JSON; can be repeated.
    #[arg(long, value_name = "KEY=JSON")]
    memo: Vec<String>,
    /// A search attribute, as KEY=JSON; can be repeated.
    #[arg(long, value_name = "KEY=JSON")]
    search_attribute: Vec<String>,
    /// A header of the workflow, as KEY=JSON; can be repeated.
    #[arg(long, value_name = "KEY=JSON")]
    headers: Vec<String>,
    /// Which of several waiting tasks goes first: 1 to 5, 1 the first.
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    priority_key: i32,
    /// Tasks of one key share what a queue does with the others.
    #[arg(long, default_value = "", hide_default_value = true)]
    fairness_key: String,
    /// How large the share of that key is: 0.001 to 1000.
    #[arg(long, default_value_t = 0.0, hide_default_value = true)]
    fairness_weight: f32,
    /// Fails if the workflow is there already.
    #[arg(long)]
    fail_existing: bool,
    /// One line for people who look at the workflow.
    #[arg(long)]
    static_summary: Option<String>,
    /// Several lines for them.
    #[arg(long)]
    static_details: Option<String>,
}

#[derive(Clone, Copy, ValueEnum)]
#[value(rename_all = "PascalCase")]
enum Reuse {
    AllowDuplicate,
    AllowDuplicateFailedOnly,
    RejectDuplicate,
    TerminateIfRunning,
}

#[derive(Clone, Copy, ValueEnum)]
#[value(rename_all = "PascalCase")]
enum Conflict {
    Fail,
    UseExisting,
    TerminateExisting,
}

/// A workflow that was started.
struct Started {
    execution: WorkflowExecution,
    rows: Rows,
}

impl Start {
    pub(super) async fn run(&self, session: &Session<'_>) -> anyhow::Result<Exit> {
        let started = self.start(session).await?;
        session.output.block("Running execution", &started.rows);
        session.output.json(&json(&started.rows));
        Ok(Exit::Completed)
    }

    async fn start(&self, session: &Session<'_>) -> anyhow::Result<Started> {
        let request = self.request(session)?;
        let id = request.workflow_id.clone();
        let queue = Some(&*self.options.task_queue);
        let failed = "failed starting workflow";
        let answer: Result<api::StartWorkflowExecutionResponse, _> =
            session.server.try_call("StartWorkflowExecution", request).await;
        match answer {
            Ok(answer) => Ok(self.options.started(session, id, answer.run_id, queue)),
            Err(status) if status.code() == Code::AlreadyExists && !self.options.fail_existing => {
                match running(&status) {
                    Some(run_id) => Ok(self.options.started(session, id, run_id, queue)),
                    None => Err(session.server.failure(failed, &status)),
                }
            }
            Err(status) => Err(session.server.failure(failed, &status)),
        }
    }

    fn request(&self, session: &Session<'_>) -> anyhow::Result<api::StartWorkflowExecutionRequest> {
        let it = &self.options;
        Ok(api::StartWorkflowExecutionRequest {
            namespace: session.server.namespace.clone(),
            workflow_id: it.id(),
            workflow_type: it.kind(),
            task_queue: it.queue(),
            input: self.input.payloads()?,
            workflow_execution_timeout: duration(it.execution_timeout),
            workflow_run_timeout: duration(it.run_timeout),
            workflow_task_timeout: duration(it.task_timeout),
            workflow_start_delay: duration(it.start_delay),
            identity: session.server.identity.clone(),
            request_id: uuid::Uuid::new_v4().to_string(),
            workflow_id_reuse_policy: it.reuse().into(),
            workflow_id_conflict_policy: it.conflict().into(),
            memo: it.memo()?,
            search_attributes: it.search_attributes()?,
            header: it.header()?,
            user_metadata: it.user_metadata(),
            priority: it.priority(),
            ..Default::default()
        })
    }
}

impl Execute {
    pub(super) async fn run(&self, session: &Session<'_>) -> anyhow::Result<Exit> {
        let begun = Instant::now();
        let started = self.start.start(session).await?;
        session.output.block("Running execution", &started.rows);
        session.output.line("");
        let end = if session.output.is_text() {
            follow::events(session, &started.execution, self.detailed).await?
        } else {
            follow::end(session, &started.execution).await?
        };
        let ended = Ended { event: end, took: Some(begun.elapsed()) };
        ended.show(session, json(&started.rows))
    }
}

impl SignalWithStart {
    pub(super) async fn run(&self, session: &Session<'_>) -> anyhow::Result<Exit> {
        let it = &self.options;
        if it.fail_existing {
            return Err(usage(
                "--fail-existing has no effect there: a workflow that runs gets the signal; see --id-conflict-policy",
            ));
        }
        let id = it.id();
        let request = api::SignalWithStartWorkflowExecutionRequest {
            namespace: session.server.namespace.clone(),
            workflow_id: id.clone(),
            workflow_type: it.kind(),
            task_queue: it.queue(),
            input: self.input.payloads()?,
            workflow_execution_timeout: duration(it.execution_timeout),
            workflow_run_timeout: duration(it.run_timeout),
            workflow_task_timeout: duration(it.task_timeout),
            workflow_start_delay: duration(it.start_delay),
            identity: session.server.identity.clone(),
            request_id: uuid::Uuid::new_v4().to_string(),
            workflow_id_reuse_policy: it.reuse().into(),
            workflow_id_conflict_policy: it.conflict().into(),
            signal_name: self.signal_name.clone(),
            signal_input: self.signal_input.payloads()?,
            memo: it.memo()?,
            search_attributes: it.search_attributes()?,
            header: it.header()?,
            user_metadata: it.user_metadata(),
            priority: it.priority(),
            ..Default::default()
        };
        let failed = "failed signal-with-starting workflow";
        let method = "SignalWithStartWorkflowExecution";
        let answer: api::SignalWithStartWorkflowExecutionResponse =
            session.server.call(method, request, failed).await?;
        let started = it.started(session, id, answer.run_id, None);
        session.output.block("Running execution", &started.rows);
        session.output.json(&json(&started.rows));
        Ok(Exit::Completed)
    }
}

impl Options {
    fn id(&self) -> String {
        let given = self.workflow_id.clone().filter(|id| !id.is_empty());
        given.unwrap_or_else(|| uuid::Uuid::new_v4().to_string())
    }

    fn kind(&self) -> Option<WorkflowType> {
        Some(WorkflowType { name: self.workflow_type.clone() })
    }

    fn queue(&self) -> Option<TaskQueue> {
        Some(TaskQueue { name: self.task_queue.clone(), ..TaskQueue::default() })
    }

    fn reuse(&self) -> enums::WorkflowIdReusePolicy {
        use enums::WorkflowIdReusePolicy as P;
        match self.id_reuse_policy {
            None => P::Unspecified,
            Some(Reuse::AllowDuplicate) => P::AllowDuplicate,
            Some(Reuse::AllowDuplicateFailedOnly) => P::AllowDuplicateFailedOnly,
            Some(Reuse::RejectDuplicate) => P::RejectDuplicate,
            #[expect(deprecated, reason = "it is what the flag says")]
            Some(Reuse::TerminateIfRunning) => P::TerminateIfRunning,
        }
    }

    fn conflict(&self) -> enums::WorkflowIdConflictPolicy {
        use enums::WorkflowIdConflictPolicy as P;
        match self.id_conflict_policy {
            None => P::Unspecified,
            Some(Conflict::Fail) => P::Fail,
            Some(Conflict::UseExisting) => P::UseExisting,
            Some(Conflict::TerminateExisting) => P::TerminateExisting,
        }
    }

    fn memo(&self) -> anyhow::Result<Option<Memo>> {
        let fields = input::fields("--memo", &self.memo)?;
        Ok((!fields.is_empty()).then_some(Memo { fields }))
    }

    fn search_attributes(&self) -> anyhow::Result<Option<SearchAttributes>> {
        let indexed_fields = input::fields("--search-attribute", &self.search_attribute)?;
        Ok((!indexed_fields.is_empty()).then_some(SearchAttributes { indexed_fields }))
    }

    fn header(&self) -> anyhow::Result<Option<Header>> {
        input::header(&self.headers)
    }

    fn priority(&self) -> Option<Priority> {
        let priority = Priority {
            priority_key: self.priority_key,
            fairness_key: self.fairness_key.clone(),
            fairness_weight: self.fairness_weight,
        };
        Some(priority).filter(|priority| *priority != Priority::default())
    }

    fn user_metadata(&self) -> Option<UserMetadata> {
        let text = |text: &Option<String>| text.as_deref().map(input::string);
        let (summary, details) = (text(&self.static_summary), text(&self.static_details));
        (summary.is_some() || details.is_some()).then_some(UserMetadata { summary, details })
    }

    fn started(
        &self,
        session: &Session<'_>,
        workflow_id: String,
        run_id: String,
        task_queue: Option<&str>,
    ) -> Started {
        let mut rows = vec![
            ("WorkflowId", workflow_id.clone()),
            ("RunId", run_id.clone()),
            ("Type", self.workflow_type.clone()),
            ("Namespace", session.server.namespace.clone()),
        ];
        rows.extend(task_queue.map(|queue| ("TaskQueue", queue.to_owned())));
        Started { execution: WorkflowExecution { workflow_id, run_id }, rows }
    }
}

/// The run that is in the way, from the details of the refusal.
fn running(status: &tonic::Status) -> Option<String> {
    connection::detail::<
        temporalio_protos::temporal::api::errordetails::v1::WorkflowExecutionAlreadyStartedFailure,
    >(status)
    .map(|failure| failure.run_id)
    .filter(|run_id| !run_id.is_empty())
}

fn duration(duration: Option<Duration>) -> Option<ProtoDuration> {
    // What is longer than a message can say has no limit; neither has nothing.
    duration.filter(|it| !it.is_zero()).and_then(|duration| duration.try_into().ok())
}

/// Names with a small first letter.
fn json(rows: &Rows) -> serde_json::Value {
    let small = |name: &str| {
        let (first, rest) = name.split_at(1);
        format!("{}{rest}", first.to_lowercase())
    };
    let field = |(name, value): &(&str, String)| (small(name), value.as_str().into());
    serde_json::Value::Object(rows.iter().map(field).collect())
}
