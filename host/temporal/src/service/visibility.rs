//! Listing and counting runs.

use super::Frontend;
use crate::convert::{duration, some_to_api, time};
use crate::refusal::Refusal;
use crate::visibility::{self, BadQuery, status_name};
use prost::Message;
use sandglass_host::core::policy::WorkflowExecutionStatus;
use sandglass_host::core::{Payload, Timestamp};
use sandglass_host::store::{Comparison, Condition, Cursor, NumberField, Place, Test, TextField};
use sandglass_host::{ListFilter, RunSummary};
use temporalio_protos::temporal::api::common::v1 as common;
use temporalio_protos::temporal::api::filter::v1 as filter;
use temporalio_protos::temporal::api::workflow::v1::WorkflowExecutionInfo;
use temporalio_protos::temporal::api::workflowservice::v1 as api;
use tonic::Request;

/// Runs in a page where nobody says otherwise, and at most.
const PAGE_RUNS_MAX: usize = 1_000;

/// The place after which a page begins.
#[derive(Clone, PartialEq, Message)]
struct PageToken {
    #[prost(int64, optional, tag = "1")]
    close_time: Option<i64>,
    #[prost(int64, tag = "2")]
    cursor: i64,
}

/// A page of runs, and the token of the next one.
struct RunPage {
    executions: Vec<WorkflowExecutionInfo>,
    next_page_token: Vec<u8>,
}

impl Frontend {
    pub(super) async fn list(
        &self,
        request: Request<api::ListWorkflowExecutionsRequest>,
    ) -> Result<api::ListWorkflowExecutionsResponse, Refusal> {
        let request = request.into_inner();
        self.check_namespace(&request.namespace)?;
        let condition = visibility::parse(&request.query)?.condition;
        let page = self.page_of(condition, request.page_size, &request.next_page_token).await?;
        let RunPage { executions, next_page_token } = page;
        Ok(api::ListWorkflowExecutionsResponse { executions, next_page_token })
    }

    pub(super) async fn scan(
        &self,
        request: Request<api::ScanWorkflowExecutionsRequest>,
    ) -> Result<api::ScanWorkflowExecutionsResponse, Refusal> {
        let request = request.into_inner();
        self.check_namespace(&request.namespace)?;
        let condition = visibility::parse(&request.query)?.condition;
        let page = self.page_of(condition, request.page_size, &request.next_page_token).await?;
        let RunPage { executions, next_page_token } = page;
        Ok(api::ScanWorkflowExecutionsResponse { executions, next_page_token })
    }

    pub(super) async fn count(
        &self,
        request: Request<api::CountWorkflowExecutionsRequest>,
    ) -> Result<api::CountWorkflowExecutionsResponse, Refusal> {
        let request = request.into_inner();
        self.check_namespace(&request.namespace)?;
        let query = visibility::parse(&request.query)?;
        let counts = self.client.count(query.condition).await?;
        let count = |count| i64::try_from(count).unwrap_or(i64::MAX);
        let total = counts.iter().map(|(_, runs)| runs).sum();
        let groups = counts.into_iter().filter(|_| query.by_status).map(|(status, runs)| {
            let group_values = vec![keyword(status_name(status))];
            api::count_workflow_executions_response::AggregationGroup {
                group_values,
                count: count(runs),
            }
        });
        let groups = groups.collect();
        Ok(api::CountWorkflowExecutionsResponse { count: count(total), groups })
    }

    pub(super) async fn list_open(
        &self,
        request: Request<api::ListOpenWorkflowExecutionsRequest>,
    ) -> Result<api::ListOpenWorkflowExecutionsResponse, Refusal> {
        use api::list_open_workflow_executions_request::Filters;
        let request = request.into_inner();
        self.check_namespace(&request.namespace)?;
        let mut all = vec![Condition::status(WorkflowExecutionStatus::Running)];
        let started = request.start_time_filter.as_ref();
        all.extend(within(NumberField::StartTime, started)?);
        match request.filters {
            Some(Filters::ExecutionFilter(filter)) => all.extend(of_execution(filter)),
            Some(Filters::TypeFilter(filter)) => all.push(is(TextField::WorkflowType, filter.name)),
            None => {}
        }
        let condition = Some(Condition::All(all));
        let (size, token) = (request.maximum_page_size, &request.next_page_token);
        let RunPage { executions, next_page_token } = self.page_of(condition, size, token).await?;
        Ok(api::ListOpenWorkflowExecutionsResponse { executions, next_page_token })
    }

    pub(super) async fn list_closed(
        &self,
        request: Request<api::ListClosedWorkflowExecutionsRequest>,
    ) -> Result<api::ListClosedWorkflowExecutionsResponse, Refusal> {
        use api::list_closed_workflow_executions_request::Filters;
        let request = request.into_inner();
        self.check_namespace(&request.namespace)?;
        let open = Condition::Number(NumberField::CloseTime, Test::Missing);
        let mut all = vec![Condition::Not(Box::new(open))];
        // The times of closed runs are those of their closes, as with Temporal.
        let closed = request.start_time_filter.as_ref();
        all.extend(within(NumberField::CloseTime, closed)?);
        match request.filters {
            Some(Filters::ExecutionFilter(filter)) => all.extend(of_execution(filter)),
            Some(Filters::TypeFilter(filter)) => all.push(is(TextField::WorkflowType, filter.name)),
            Some(Filters::StatusFilter(filter)) => {
                match filter.status {
                    0 | 1 => {
                        let text = "StatusFilter must be specified and must be not Running.";
                        return Err(Refusal::Invalid(text.into()));
                    }
                    2..=8 => {}
                    none => {
                        let text = format!("invalid ExecutionStatus value '{none}'");
                        return Err(BadQuery::Expression(text).into());
                    }
                }
                let status = WorkflowExecutionStatus::from_number(filter.status);
                all.push(Condition::status(status));
            }
            None => {}
        }
        let condition = Some(Condition::All(all));
        let (size, token) = (request.maximum_page_size, &request.next_page_token);
        let RunPage { executions, next_page_token } = self.page_of(condition, size, token).await?;
        Ok(api::ListClosedWorkflowExecutionsResponse { executions, next_page_token })
    }

    async fn page_of(
        &self,
        condition: Option<Condition>,
        page_size: i32,
        token: &[u8],
    ) -> Result<RunPage, Refusal> {
        let after = place(token)?;
        let limit = match usize::try_from(page_size) {
            Ok(runs @ 1..=PAGE_RUNS_MAX) => runs,
            Ok(_) | Err(_) => PAGE_RUNS_MAX,
        };
        let runs = self.client.list(ListFilter { condition, after, limit }).await?;
        let last = runs.last().filter(|_| runs.len() == limit).map(RunSummary::place);
        let token = last.map(|place| PageToken {
            close_time: place.close_time.map(|time| time.0),
            cursor: place.cursor.to_number(),
        });
        Ok(RunPage {
            executions: runs.iter().map(info).collect::<Result<_, _>>()?,
            next_page_token: token.map(|token| token.encode_to_vec()).unwrap_or_default(),
        })
    }
}

fn place(token: &[u8]) -> Result<Option<Place>, Refusal> {
    if token.is_empty() {
        return Ok(None);
    }
    let token =
        PageToken::decode(token).map_err(|_| Refusal::Invalid("Invalid NextPageToken.".into()))?;
    let close_time = token.close_time.map(Timestamp);
    Ok(Some(Place { close_time, cursor: Cursor::from_number(token.cursor) }))
}

/// How a run is listed: what Temporal's lists leave out of an open run is left out here.
fn info(run: &RunSummary) -> Result<WorkflowExecutionInfo, Refusal> {
    let execution = common::WorkflowExecution {
        workflow_id: run.workflow_id.clone(),
        run_id: run.run_id.clone(),
    };
    let (history_length, history_size_bytes) = match run.is_open() {
        true => (0, 0),
        false => (run.history_length, run.history_size_bytes),
    };
    Ok(WorkflowExecutionInfo {
        root_execution: Some(execution.clone()),
        execution: Some(execution),
        r#type: Some(common::WorkflowType { name: run.workflow_type.clone() }),
        start_time: Some(time(run.start_time)),
        execution_time: Some(time(run.start_time)),
        close_time: run.close_time.map(time),
        execution_duration: run.close_time.map(|close| duration(close.since(run.start_time))),
        status: run.status.number(),
        history_length,
        history_size_bytes,
        memo: Some(some_to_api(run.memo.as_ref())?.unwrap_or_default()),
        search_attributes: Some(some_to_api(run.search_attributes.as_ref())?.unwrap_or_default()),
        task_queue: run.task_queue.clone(),
        ..Default::default()
    })
}

/// A text as search attributes have it.
fn keyword(text: &str) -> common::Payload {
    let metadata = [("encoding", "json/plain"), ("type", "Keyword")];
    common::Payload {
        metadata: metadata.map(|(name, value)| (name.into(), value.into())).into(),
        data: Payload::json(format!("{text:?}")).data.to_vec(),
        ..Default::default()
    }
}

fn is(field: TextField, text: String) -> Condition {
    Condition::Text(field, Test::Is(Comparison::Equal, text))
}

fn of_execution(filter: filter::WorkflowExecutionFilter) -> Vec<Condition> {
    let mut all = vec![is(TextField::WorkflowId, filter.workflow_id)];
    if !filter.run_id.is_empty() {
        all.push(is(TextField::RunId, filter.run_id));
    }
    all
}

/// From the earliest to the latest time, both included.
fn within(
    field: NumberField,
    filter: Option<&filter::StartTimeFilter>,
) -> Result<Vec<Condition>, Refusal> {
    let Some(filter) = filter else { return Ok(Vec::new()) };
    let bounds = [
        (Comparison::GreaterOrEqual, filter.earliest_time.as_ref()),
        (Comparison::LessOrEqual, filter.latest_time.as_ref()),
    ];
    let mut conditions = Vec::new();
    for (comparison, time) in bounds {
        let Some(time) = time else { continue };
        // No run is that early or late: what lies beyond is as good as the last moment there is.
        let beyond = if time.seconds < 0 { i64::MIN } else { i64::MAX };
        let nanos = Timestamp::from_seconds_and_nanos(time.seconds, time.nanos);
        let nanos = nanos.map_or(beyond, |nanos| nanos.0);
        conditions.push(Condition::Number(field, Test::Is(comparison, nanos)));
    }
    Ok(conditions)
}
