//! A run's history: in pages, and by long polls for what is still to come.

use super::{Frontend, wait_of};
use crate::convert::{event_to_api, non_empty};
use crate::refusal::Refusal;
use prost::Message;
use sandglass_host::core::HistoryEvent;
use sandglass_host::{ClientError, HistoryPage, WorkflowHandle};
use std::sync::Arc;
use std::time::Duration;
use temporalio_protos::temporal::api::common::v1::WorkflowExecution;
use temporalio_protos::temporal::api::enums::v1::HistoryEventFilterType;
use temporalio_protos::temporal::api::history::v1 as history;
use temporalio_protos::temporal::api::workflowservice::v1 as api;
use tonic::Request;

/// How long a long poll waits before it answers with no events and a token.
const WAIT_MAX: Duration = Duration::from_secs(20);
/// Events in a page where nobody says otherwise, and at most.
const PAGE_EVENTS_MAX: usize = 1_000;
/// Bytes of events after which a page ends; it has one event at least. Clients take messages of 4 MiB.
const PAGE_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Callers that show what is stored and nothing else, by the header `client-name`.
const SHOW_WHAT_IS_STORED: [&str; 3] = ["temporal-cli", "temporal-ui", "sandglass-cli"];

/// Where a page begins.
#[derive(Clone, PartialEq, Message)]
struct PageToken {
    #[prost(string, tag = "1")]
    run_id: String,
    #[prost(int64, tag = "2")]
    first_event_id: i64,
    /// That all that there was has been given: the next call waits for more.
    #[prost(bool, tag = "3")]
    caught_up: bool,
}

/// What a request asks for.
struct Wanted {
    from: PageToken,
    events_max: usize,
    /// How long it may wait, if it may.
    wait: Option<Duration>,
    with_unwritten: bool,
}

impl Frontend {
    pub(super) async fn history(
        &self,
        request: Request<api::GetWorkflowExecutionHistoryRequest>,
    ) -> Result<api::GetWorkflowExecutionHistoryResponse, Refusal> {
        self.check_namespace(&request.get_ref().namespace)?;
        let client_name = request.metadata().get("client-name").and_then(|it| it.to_str().ok());
        let shows_stored = client_name.is_some_and(|name| SHOW_WHAT_IS_STORED.contains(&name));
        let wait = wait_of(&request, WAIT_MAX);
        let _polling = match request.get_ref().wait_new_event {
            true => Some(self.polls.begin(&request)?),
            false => None,
        };
        let request = request.into_inner();
        let close_only = request.history_event_filter_type() == HistoryEventFilterType::CloseEvent;
        self.handle(request.execution.as_ref(), "")?;
        let execution = request.execution.unwrap_or_default();
        let from = page_token(&request.next_page_token, &execution.run_id)?;
        let execution = WorkflowExecution { run_id: from.run_id.clone(), ..execution };
        let handle = self.handle(Some(&execution), "")?;
        let wanted = Wanted {
            from,
            events_max: page_events(request.maximum_page_size),
            wait: request.wait_new_event.then_some(wait),
            with_unwritten: !shows_stored && !request.wait_new_event,
        };
        match close_only {
            true => self.closing_event(&handle, wait, request.wait_new_event).await,
            false => self.page(&handle, &wanted).await,
        }
    }

    /// The last event of a run, which is waited for: as in Temporal, whether that was said or not. Only who said so is told how to go on.
    async fn closing_event(
        &self,
        handle: &WorkflowHandle,
        wait: Duration,
        goes_on: bool,
    ) -> Result<api::GetWorkflowExecutionHistoryResponse, Refusal> {
        let page = handle.history_page(1, 0).await?;
        let handle = self.client.run(handle.workflow_id(), &page.run_id);
        if page.is_open {
            let ended = self.within(wait, handle.closing_event()).await;
            let Some(ended) = ended else {
                let token = PageToken { run_id: page.run_id, first_event_id: 1, caught_up: true };
                return response(Vec::new(), goes_on.then_some(token));
            };
            return response(vec![event_to_api(&*ended?)?], None);
        }
        response(vec![event_to_api(&*handle.closing_event().await?)?], None)
    }

    async fn page(
        &self,
        handle: &WorkflowHandle,
        wanted: &Wanted,
    ) -> Result<api::GetWorkflowExecutionHistoryResponse, Refusal> {
        let first = wanted.from.first_event_id.max(1);
        if let (true, Some(wait)) = (wanted.from.caught_up, wanted.wait)
            && let Some(come) = self.within(wait, handle.wait_for_event(first)).await
        {
            come?;
        }
        let page = handle.history_page(first, wanted.events_max).await?;
        let mut events = within_a_page(page.events.iter())?;
        let next = events.last().map_or(first, |event: &history::HistoryEvent| event.event_id + 1);
        let token = next_token(&page, next, wanted);
        if token.is_none() && wanted.with_unwritten {
            for event in page.unwritten.iter().filter(|event| event.event_id >= next) {
                events.push(event_to_api(event)?);
            }
        }
        response(events, token)
    }

    /// What is stored, the last event first.
    pub(super) async fn history_reverse(
        &self,
        request: Request<api::GetWorkflowExecutionHistoryReverseRequest>,
    ) -> Result<api::GetWorkflowExecutionHistoryReverseResponse, Refusal> {
        let request = request.into_inner();
        self.check_namespace(&request.namespace)?;
        let given = request.execution.as_ref();
        self.handle(given, "")?;
        let execution = given.cloned().unwrap_or_default();
        let is_first = request.next_page_token.is_empty();
        let from = page_token(&request.next_page_token, &execution.run_id)?;
        let execution = WorkflowExecution { run_id: from.run_id, ..execution };
        let handle = self.handle(Some(&execution), "")?;
        let whole = handle.history_page(1, 0).await?;
        let last = if is_first { whole.last_event_id } else { from.first_event_id };
        let last = last.clamp(0, whole.last_event_id);
        let count = page_events(request.maximum_page_size);
        let first = last.saturating_sub(count as i64 - 1).max(1);
        let handle = self.client.run(handle.workflow_id(), &whole.run_id);
        let page =
            handle.history_page(first, usize::try_from(last - first + 1).unwrap_or(0)).await?;
        let events = within_a_page(page.events.iter().rev())?;
        let next = events.last().map_or(0, |event| event.event_id - 1);
        let token = (next > 0).then(|| {
            let run_id = whole.run_id.clone();
            PageToken { run_id, first_event_id: next, caught_up: false }.encode_to_vec()
        });
        Ok(api::GetWorkflowExecutionHistoryReverseResponse {
            history: Some(history::History { events }),
            next_page_token: token.unwrap_or_default(),
        })
    }

    /// What comes within that time, unless the server stops before.
    async fn within<T>(
        &self,
        wait: Duration,
        coming: impl Future<Output = Result<T, ClientError>>,
    ) -> Option<Result<T, ClientError>> {
        tokio::select! {
            come = coming => Some(come),
            () = tokio::time::sleep(wait) => None,
            () = self.is_closing() => None,
        }
    }
}

/// How many events a page has, by what a request says.
fn page_events(wanted: i32) -> usize {
    match usize::try_from(wanted) {
        Ok(events @ 1..=PAGE_EVENTS_MAX) => events,
        Ok(_) | Err(_) => PAGE_EVENTS_MAX,
    }
}

/// As many of the events as a page holds; one at least.
fn within_a_page<'a>(
    all: impl Iterator<Item = &'a Arc<HistoryEvent>>,
) -> Result<Vec<history::HistoryEvent>, Refusal> {
    let (mut events, mut bytes) = (Vec::new(), 0);
    for event in all {
        let event = event_to_api(event)?;
        bytes += event.encoded_len();
        if bytes > PAGE_BYTES_MAX && !events.is_empty() {
            break;
        }
        events.push(event);
    }
    Ok(events)
}

fn page_token(token: &[u8], run_id: &str) -> Result<PageToken, Refusal> {
    if token.is_empty() {
        return Ok(PageToken { run_id: run_id.into(), first_event_id: 1, caught_up: false });
    }
    let token = PageToken::decode(token)
        .ok()
        .filter(|token| !token.run_id.is_empty())
        .ok_or_else(|| Refusal::Invalid("Invalid NextPageToken.".into()))?;
    match non_empty(run_id) {
        Some(run_id) if run_id != token.run_id => {
            let text = "RunID in the request does not match the NextPageToken.";
            Err(Refusal::Invalid(text.into()))
        }
        _ => Ok(token),
    }
}

/// Where the next page begins, if there is or can be one.
fn next_token(page: &HistoryPage, next: i64, wanted: &Wanted) -> Option<PageToken> {
    let caught_up = next > page.last_event_id;
    let goes_on = !caught_up || (page.is_open && wanted.wait.is_some());
    let run_id = page.run_id.clone();
    goes_on.then_some(PageToken { run_id, first_event_id: next, caught_up })
}

fn response(
    events: Vec<history::HistoryEvent>,
    token: Option<PageToken>,
) -> Result<api::GetWorkflowExecutionHistoryResponse, Refusal> {
    Ok(api::GetWorkflowExecutionHistoryResponse {
        history: Some(history::History { events }),
        next_page_token: token.map(|token| token.encode_to_vec()).unwrap_or_default(),
        ..Default::default()
    })
}
