//! `workflow show` and `result`: a run's events, to its end, and what it ends with.

use super::output::{self, Rows};
use super::{Session, Which};
use crate::exit::Exit;
use crate::payload;
use clap::Args;
use serde_json::{Value, json};
use std::time::Duration;
use temporalio_protos::temporal::api::common::v1::{Payloads, WorkflowExecution};
use temporalio_protos::temporal::api::enums::v1::HistoryEventFilterType;
use temporalio_protos::temporal::api::failure::v1::Failure;
use temporalio_protos::temporal::api::history::v1::history_event::Attributes;
use temporalio_protos::temporal::api::history::v1::{History, HistoryEvent};
use temporalio_protos::temporal::api::workflowservice::v1 as api;

const EVENT: &str = "temporal.api.history.v1.HistoryEvent";

/// Shows a run's history.
#[derive(Args)]
pub(super) struct Show {
    #[command(flatten)]
    which: Which,
    /// Goes on until the run is closed. In JSON, which is one value, it waits for that.
    #[arg(short, long)]
    follow: bool,
    /// Shows events with what they say.
    #[arg(long)]
    detailed: bool,
    /// The newest event first.
    #[arg(long, conflicts_with = "follow")]
    reverse: bool,
}

/// Waits for a run's end, and shows what it ends with.
#[derive(Args)]
pub(super) struct ResultOf {
    #[command(flatten)]
    which: Which,
}

impl Show {
    pub(super) async fn run(&self, session: &Session<'_>) -> anyhow::Result<Exit> {
        let execution = self.which.execution().unwrap_or_default();
        let end = if session.output.is_text() {
            self.text(session, &execution).await?
        } else {
            self.json(session, &execution).await?
        };
        if let (Some(event), true) = (end, session.output.is_text()) {
            if !self.detailed {
                session.output.line("");
            }
            // That it has failed is no failure of having shown it.
            Ended { event, took: None }.rows(session);
        }
        Ok(Exit::Completed)
    }

    async fn text(
        &self,
        session: &Session<'_>,
        execution: &WorkflowExecution,
    ) -> anyhow::Result<Option<HistoryEvent>> {
        head(session, self.detailed);
        let mut last = None;
        let mut pages = self.pages(session, execution);
        while let Some(events) = pages.next().await? {
            for event in events {
                row(session, &event, self.detailed)?;
                last = last.filter(is_end).or(Some(event));
            }
        }
        Ok(last.filter(is_end))
    }

    async fn json(
        &self,
        session: &Session<'_>,
        execution: &WorkflowExecution,
    ) -> anyhow::Result<Option<HistoryEvent>> {
        let mut history = History::default();
        let mut pages = self.pages(session, execution);
        while let Some(events) = pages.next().await? {
            history.events.extend(events);
        }
        session.output.json(&session.output.message("temporal.api.history.v1.History", &history)?);
        Ok(None)
    }

    fn pages<'a>(&self, session: &'a Session<'_>, execution: &'a WorkflowExecution) -> Pages<'a> {
        Pages {
            session,
            execution,
            follow: self.follow,
            reverse: self.reverse,
            token: Some(Vec::new()),
        }
    }
}

impl ResultOf {
    pub(super) async fn run(&self, session: &Session<'_>) -> anyhow::Result<Exit> {
        let mut execution = self.which.execution().unwrap_or_default();
        if execution.run_id.is_empty() {
            execution = latest(session, execution).await?;
        }
        let event = end(session, &execution).await?;
        let names = json!({
            "workflowId": execution.workflow_id,
            "runId": execution.run_id,
            "namespace": session.server.namespace,
        });
        Ended { event, took: None }.show(session, names)
    }
}

/// The latest run of a workflow, which is waited for whatever follows it.
async fn latest(
    session: &Session<'_>,
    execution: WorkflowExecution,
) -> anyhow::Result<WorkflowExecution> {
    let request = api::DescribeWorkflowExecutionRequest {
        namespace: session.server.namespace.clone(),
        execution: Some(execution.clone()),
    };
    let told: api::DescribeWorkflowExecutionResponse = session
        .server
        .call("DescribeWorkflowExecution", request, "failed getting the result")
        .await?;
    let info = told.workflow_execution_info.and_then(|info| info.execution);
    Ok(info.unwrap_or(execution))
}

/// The pages of a history.
struct Pages<'a> {
    session: &'a Session<'a>,
    execution: &'a WorkflowExecution,
    follow: bool,
    reverse: bool,
    /// Where the next page begins; none after the last.
    token: Option<Vec<u8>>,
}

impl Pages<'_> {
    async fn next(&mut self) -> anyhow::Result<Option<Vec<HistoryEvent>>> {
        let Some(next_page_token) = self.token.take() else { return Ok(None) };
        let (server, failed) = (&self.session.server, "displaying history failed");
        let (namespace, execution) = (server.namespace.clone(), Some(self.execution.clone()));
        let (history, token) = if self.reverse {
            let request = api::GetWorkflowExecutionHistoryReverseRequest {
                namespace,
                execution,
                next_page_token,
                ..Default::default()
            };
            let answer: api::GetWorkflowExecutionHistoryReverseResponse =
                server.call("GetWorkflowExecutionHistoryReverse", request, failed).await?;
            (answer.history, answer.next_page_token)
        } else {
            let request = api::GetWorkflowExecutionHistoryRequest {
                namespace,
                execution,
                next_page_token,
                wait_new_event: self.follow,
                ..Default::default()
            };
            let answer: api::GetWorkflowExecutionHistoryResponse =
                server.call("GetWorkflowExecutionHistory", request, failed).await?;
            (answer.history, answer.next_page_token)
        };
        self.token = (!token.is_empty()).then_some(token);
        Ok(Some(history.unwrap_or_default().events))
    }
}

/// Shows a run's events as they come, to the last, and gives that.
pub(super) async fn events(
    session: &Session<'_>,
    execution: &WorkflowExecution,
    detailed: bool,
) -> anyhow::Result<HistoryEvent> {
    head(session, detailed);
    let mut pages =
        Pages { session, execution, follow: true, reverse: false, token: Some(Vec::new()) };
    let mut last = HistoryEvent::default();
    while let Some(events) = pages.next().await? {
        for event in events {
            row(session, &event, detailed)?;
            last = event;
        }
    }
    if !detailed {
        session.output.line("");
    }
    Ok(last)
}

/// Waits for the event that closes a run.
pub(super) async fn end(
    session: &Session<'_>,
    execution: &WorkflowExecution,
) -> anyhow::Result<HistoryEvent> {
    let mut next_page_token = Vec::new();
    loop {
        let request = api::GetWorkflowExecutionHistoryRequest {
            namespace: session.server.namespace.clone(),
            execution: Some(execution.clone()),
            next_page_token,
            wait_new_event: true,
            history_event_filter_type: HistoryEventFilterType::CloseEvent.into(),
            skip_archival: true,
            ..Default::default()
        };
        let answer: api::GetWorkflowExecutionHistoryResponse = session
            .server
            .call("GetWorkflowExecutionHistory", request, "failed getting the result")
            .await?;
        let last = answer.history.unwrap_or_default().events.pop();
        if let Some(event) = last {
            return Ok(event);
        }
        anyhow::ensure!(!answer.next_page_token.is_empty(), "the run has no end");
        next_page_token = answer.next_page_token;
    }
}

fn head(session: &Session<'_>, detailed: bool) {
    session.output.line("Progress:");
    if !detailed {
        session.output.line("  ID           Time                     Type");
    }
}

fn row(session: &Session<'_>, event: &HistoryEvent, detailed: bool) -> anyhow::Result<()> {
    let name = camel(event.event_type().as_str_name());
    if !detailed {
        let time = event.event_time.as_ref().map(output::second).unwrap_or_default();
        session.output.line(&format!("{:>5}  {time}  {name}", event.event_id));
        return Ok(());
    }
    session.output.line(&format!("--------------- [{}] {name} ---------------", event.event_id));
    if let Value::Object(mut fields) = session.output.readable(EVENT, event)? {
        // They stand in the title.
        fields.remove("eventId");
        fields.remove("eventType");
        let attributes = fields.keys().find(|name| name.ends_with("EventAttributes")).cloned();
        if let Some(Value::Object(attributes)) = attributes.and_then(|name| fields.remove(&name)) {
            fields.extend(attributes);
        }
        output::lines(&Value::Object(fields)).iter().for_each(|line| session.output.line(line));
    }
    session.output.line("");
    Ok(())
}

/// `EVENT_TYPE_TIMER_FIRED` is `TimerFired`.
fn camel(name: &str) -> String {
    let words = name.trim_start_matches("EVENT_TYPE_").split('_');
    words
        .map(|word| {
            let (first, rest) = word.split_at(word.len().min(1));
            format!("{first}{}", rest.to_lowercase())
        })
        .collect()
}

fn is_end(event: &HistoryEvent) -> bool {
    status(event).is_some()
}

/// How a run has ended.
pub(super) struct Ended {
    pub(super) event: HistoryEvent,
    pub(super) took: Option<Duration>,
}

fn status(event: &HistoryEvent) -> Option<(&'static str, Exit)> {
    Some(match event.attributes.as_ref()? {
        Attributes::WorkflowExecutionCompletedEventAttributes(_) => ("COMPLETED", Exit::Completed),
        Attributes::WorkflowExecutionFailedEventAttributes(_) => ("FAILED", Exit::Failed),
        Attributes::WorkflowExecutionCanceledEventAttributes(_) => ("CANCELED", Exit::Canceled),
        Attributes::WorkflowExecutionTerminatedEventAttributes(_) => {
            ("TERMINATED", Exit::Terminated)
        }
        Attributes::WorkflowExecutionTimedOutEventAttributes(_) => ("TIMEOUT", Exit::TimedOut),
        Attributes::WorkflowExecutionContinuedAsNewEventAttributes(_) => {
            ("CONTINUED_AS_NEW", Exit::Completed)
        }
        _ => return None,
    })
}

impl Ended {
    /// Shows it: as text, or as JSON after `names`. Its exit code says it, too.
    pub(super) fn show(&self, session: &Session<'_>, names: Value) -> anyhow::Result<Exit> {
        let (status, exit) = status(&self.event).unwrap_or(("RUNNING", Exit::Failed));
        if session.output.is_json() {
            let mut value = names;
            if let Some(took) = self.took {
                value["durationMillis"] = json!(took.as_millis());
            }
            value["status"] = status.into();
            let (event, result) = self.json(session)?;
            value["closeEvent"] = event;
            if let Some(result) = result {
                value["result"] = result;
            }
            session.output.json(&value);
        } else {
            self.rows(session);
        }
        if exit != Exit::Completed {
            eprintln!("error: the workflow has ended as {status}");
        }
        Ok(exit)
    }

    /// The event and the result.
    pub(super) fn json(&self, session: &Session<'_>) -> anyhow::Result<(Value, Option<Value>)> {
        let event = session.output.readable(EVENT, &self.event)?;
        let Some(result) = self.result() else { return Ok((event, None)) };
        let first = session.output.values(&result.payloads)?.into_iter().next();
        Ok((event, Some(first.unwrap_or_default())))
    }

    /// As text.
    pub(super) fn rows(&self, session: &Session<'_>) {
        let mut rows: Rows = Vec::new();
        rows.extend(self.took.map(|took| ("RunTime", output::took(took))));
        rows.push(("Status", status(&self.event).map_or("RUNNING", |(status, _)| status).into()));
        if let Some(result) = self.result() {
            let ours = output::ours(Some(result));
            rows.push(("Result", output::texts(Some(result))));
            rows.extend(ours.first().map(|it| ("ResultEncoding", it.encoding().to_owned())));
        }
        match self.event.attributes.as_ref() {
            Some(Attributes::WorkflowExecutionFailedEventAttributes(it)) => {
                let failure = it.failure.as_ref();
                rows.push(("Failure", failure.map(|it| failure_text(it, 4)).unwrap_or_default()));
            }
            Some(Attributes::WorkflowExecutionCanceledEventAttributes(it)) => {
                let details = output::texts(it.details.as_ref());
                rows.extend((!details.is_empty()).then_some(("Details", details)));
            }
            Some(Attributes::WorkflowExecutionTerminatedEventAttributes(it)) => {
                rows.push(("Reason", payload::shortened(&it.reason)));
                rows.push(("Identity", it.identity.clone()));
            }
            _ => {}
        }
        session.output.block("Results", &rows);
    }

    fn result(&self) -> Option<&Payloads> {
        match self.event.attributes.as_ref()? {
            Attributes::WorkflowExecutionCompletedEventAttributes(it) => it.result.as_ref(),
            _ => None,
        }
    }
}

/// A failure over several lines.
fn failure_text(failure: &Failure, indent: usize) -> String {
    let space = " ".repeat(indent);
    let mut text = format!("\n{space}Message: {}", failure.message);
    if !failure.stack_trace.is_empty() {
        text += &format!("\n{space}StackTrace:");
        for line in failure.stack_trace.lines() {
            text += &format!("\n{space}    {line}");
        }
    }
    if let Some(cause) = &failure.cause {
        text += &format!("\n{space}Cause:{}", failure_text(cause, indent + 4));
    }
    text
}
