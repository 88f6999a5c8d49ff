//! Task queues: who polls them, and what waits in them.

use super::Frontend;
use crate::convert::{duration, time};
use crate::refusal::Refusal;
use sandglass_host::core::Timestamp;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use temporalio_protos::temporal::api::enums::v1::{DescribeTaskQueueMode, TaskQueueType};
use temporalio_protos::temporal::api::taskqueue::v1 as taskqueue;
use temporalio_protos::temporal::api::workflowservice::v1 as api;
use tonic::Request;

/// How long a poller is remembered after it came last, as with Temporal.
const REMEMBERED: Duration = Duration::from_secs(5 * 60);
/// Pollers that are remembered; beyond that, a new one is not.
const POLLERS_MAX: usize = 10_000;

/// The header of `DescribeTaskQueue` that names a workflow's or an activity's type: pollers that do not take tasks of that type are left out.
/// Temporal's workers take a task of whatever type and fail it, so its API has no field for that; here, such a task waits.
pub const TASK_TYPE_HEADER: &str = "sandglass-task-type-bin";

/// Who has polled for activities over the wire, by queue and identity, and when last.
#[derive(Clone, Default)]
pub(super) struct Pollers(Arc<Mutex<BTreeMap<(String, String), Timestamp>>>);

impl Pollers {
    /// Somebody polls.
    pub(super) fn note(&self, queue: &str, identity: &str, now: Timestamp) {
        let mut pollers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = pollers.get_mut(&(queue.to_owned(), identity.to_owned())) {
            *last = now;
            return;
        }
        if pollers.len() >= POLLERS_MAX {
            pollers.retain(|_, last| now.since(*last) < REMEMBERED);
        }
        if pollers.len() < POLLERS_MAX {
            pollers.insert((queue.to_owned(), identity.to_owned()), now);
        }
    }

    /// Who polled that queue of late, the last one first.
    fn of(&self, queue: &str, now: Timestamp) -> Vec<(Timestamp, String)> {
        let pollers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let from = (queue.to_owned(), String::new());
        let here = pollers.range(from..).take_while(|((of, _), _)| of == queue);
        let recent = here.filter(|(_, last)| now.since(**last) < REMEMBERED);
        let mut recent: Vec<_> = recent.map(|((_, who), last)| (*last, who.clone())).collect();
        recent.sort_by(|one, two| two.cmp(one));
        recent
    }
}

impl Frontend {
    pub(super) async fn task_queue(
        &self,
        request: Request<api::DescribeTaskQueueRequest>,
    ) -> Result<api::DescribeTaskQueueResponse, Refusal> {
        let task_type = task_type(&request)?;
        let of_type = task_type.as_deref();
        let request = request.into_inner();
        self.check_namespace(&request.namespace)?;
        let name = &*self.queue_name(request.task_queue.clone())?;
        #[expect(deprecated, reason = "clients still ask for it")]
        let (is_enhanced, with_status) = (
            request.api_mode() == DescribeTaskQueueMode::Enhanced,
            request.include_task_queue_status,
        );
        if is_enhanced {
            return Ok(self.by_kind(name, of_type));
        }
        let (pollers, stats) = self.polled(name, request.task_queue_type(), of_type);
        let status = with_status.then(|| taskqueue::TaskQueueStatus {
            backlog_count_hint: stats.approximate_backlog_count,
            ..Default::default()
        });
        #[expect(deprecated, reason = "clients still ask for it")]
        Ok(api::DescribeTaskQueueResponse {
            pollers,
            task_queue_status: status,
            stats: request.report_stats.then_some(stats),
            ..Default::default()
        })
    }

    /// The name of the task queue that a request is about.
    pub(super) fn queue_name(
        &self,
        queue: Option<taskqueue::TaskQueue>,
    ) -> Result<String, Refusal> {
        let queue = queue.ok_or_else(|| Refusal::Invalid("taskQueue is not set".into()))?;
        if queue.name.is_empty() {
            return Err(Refusal::Invalid("missing task queue name".into()));
        }
        if queue.name.chars().count() > self.client.limits().id_chars_max {
            return Err(Refusal::Invalid("taskQueue length exceeds limit".into()));
        }
        Ok(queue.name)
    }

    /// What the `temporal` command asks for: all kinds of tasks at once, of the one version that there is.
    fn by_kind(&self, name: &str, of_type: Option<&str>) -> api::DescribeTaskQueueResponse {
        let kinds = [TaskQueueType::Workflow, TaskQueueType::Activity].map(|kind| {
            let (pollers, stats) = self.polled(name, kind, of_type);
            (i32::from(kind), taskqueue::TaskQueueTypeInfo { pollers, stats: Some(stats) })
        });
        let info =
            taskqueue::TaskQueueVersionInfo { types_info: kinds.into(), ..Default::default() };
        api::DescribeTaskQueueResponse {
            versions_info: [(String::new(), info)].into(),
            ..Default::default()
        }
    }

    /// Who polls for tasks of that kind, and how many wait.
    fn polled(
        &self,
        name: &str,
        kind: TaskQueueType,
        of_type: Option<&str>,
    ) -> (Vec<taskqueue::PollerInfo>, taskqueue::TaskQueueStats) {
        let queue = match of_type {
            Some(task_type) => self.client.task_queue_of(name, task_type),
            None => self.client.task_queue(name),
        };
        let now = self.client.now();
        let (is_served, waiting, mut pollers) = match kind {
            TaskQueueType::Activity => {
                (queue.serves_activities, queue.activity_tasks, self.pollers.of(name, now))
            }
            TaskQueueType::Workflow | TaskQueueType::Unspecified => {
                (queue.serves_workflows, queue.workflow_tasks, Vec::new())
            }
            TaskQueueType::Nexus => (false, 0, Vec::new()),
        };
        if is_served {
            // The worker of this process waits all the time.
            pollers.insert(0, (now, queue.identity));
        }
        let pollers = pollers.into_iter().map(|(last, identity)| taskqueue::PollerInfo {
            last_access_time: Some(time(last)),
            identity,
            ..Default::default()
        });
        let stats = taskqueue::TaskQueueStats {
            approximate_backlog_count: i64::try_from(waiting).unwrap_or(i64::MAX),
            // How long they have waited is not known.
            approximate_backlog_age: Some(duration(Duration::ZERO)),
            ..Default::default()
        };
        (pollers.collect(), stats)
    }
}

fn task_type(request: &Request<api::DescribeTaskQueueRequest>) -> Result<Option<String>, Refusal> {
    let Some(value) = request.metadata().get_bin(TASK_TYPE_HEADER) else { return Ok(None) };
    let text = value.to_bytes().ok().and_then(|bytes| String::from_utf8(bytes.into()).ok());
    let wrong = || Refusal::Invalid(format!("{TASK_TYPE_HEADER} is no text in UTF-8."));
    text.map(Some).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_poller_is_forgotten_after_a_while() {
        let at = |seconds: i64| Timestamp(seconds * 1_000_000_000);
        let pollers = Pollers::default();
        pollers.note("q", "old", at(0));
        pollers.note("q", "new", at(200));
        pollers.note("q2", "other", at(250));
        let who = |now| pollers.of("q", at(now)).into_iter().map(|it| it.1).collect::<Vec<_>>();
        assert_eq!((who(299), who(300)), (vec!["new".into(), "old".into()], vec!["new".into()]));
        pollers.note("q", "old", at(400));
        assert_eq!(who(400), ["old", "new"]);
        for n in 0..POLLERS_MAX {
            pollers.note("many", &n.to_string(), at(1_000));
        }
        assert!(pollers.of("q", at(400)).is_empty(), "they made room");
        assert_eq!(pollers.of("many", at(1_000)).len(), POLLERS_MAX);
    }
}
