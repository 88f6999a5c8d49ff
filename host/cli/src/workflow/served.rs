//! Whether anybody takes a run's tasks: a task that nobody takes waits, and nothing else says so.
//!
//! What does not live here: who takes what. The server knows, by the pollers of its task queues.

use super::Session;
use sandglass_temporal::TASK_TYPE_HEADER;
use std::collections::BTreeMap;
use temporalio_protos::temporal::api::enums::v1::{TaskQueueType, WorkflowExecutionStatus};
use temporalio_protos::temporal::api::taskqueue::v1::TaskQueue;
use temporalio_protos::temporal::api::workflow::v1::{PendingActivityInfo, WorkflowExecutionInfo};
use temporalio_protos::temporal::api::workflowservice::v1 as api;
use tonic::metadata::MetadataValue;

/// Kinds of tasks that a list asks about; a list has far fewer, unless it is of everything.
const ASKED_MAX: usize = 100;

/// Tasks that one worker takes or does not.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Tasks {
    task_queue: String,
    /// The workflow's or the activity's type.
    task_type: String,
    is_activity: bool,
}

/// What is to be said of a run's workflow tasks; nothing where a worker takes them.
pub(super) async fn of_workflow(
    session: &Session<'_>,
    info: &WorkflowExecutionInfo,
) -> Option<String> {
    let tasks = Tasks::of_run(info)?;
    tasks.said(session).await
}

/// What is to be said of an activity that waits.
pub(super) async fn of_activity(
    session: &Session<'_>,
    activity: &PendingActivityInfo,
) -> Option<String> {
    let queue = activity.activity_options.as_ref().and_then(|it| it.task_queue.as_ref());
    let tasks = Tasks {
        // A server that is older than the field does not say where it waits.
        task_queue: queue?.name.clone(),
        task_type: activity.activity_type.as_ref()?.name.clone(),
        is_activity: true,
    };
    tasks.said(session).await
}

/// What is to be said of runs that are listed, a sentence for each kind.
pub(super) async fn of_list(session: &Session<'_>, runs: &[WorkflowExecutionInfo]) -> Vec<String> {
    let mut kinds = BTreeMap::<Tasks, usize>::new();
    for tasks in runs.iter().filter_map(Tasks::of_run) {
        *kinds.entry(tasks).or_default() += 1;
    }
    let mut said = Vec::new();
    for (tasks, runs) in kinds.iter().take(ASKED_MAX) {
        if let Some(sentence) = tasks.said(session).await {
            let noun = if *runs == 1 { "run" } else { "runs" };
            said.push(format!("{sentence} ({runs} {noun} in this list)"));
        }
    }
    if let Some(more) = kinds.len().checked_sub(ASKED_MAX).filter(|more| *more > 0) {
        said.push(format!(
            "{more} more combinations of type and task queue were not looked at; name fewer with --query"
        ));
    }
    said
}

impl Tasks {
    /// Those of an open run.
    fn of_run(info: &WorkflowExecutionInfo) -> Option<Tasks> {
        if info.status() != WorkflowExecutionStatus::Running || info.task_queue.is_empty() {
            return None;
        }
        let task_type = info.r#type.as_ref()?.name.clone();
        Some(Tasks { task_queue: info.task_queue.clone(), task_type, is_activity: false })
    }

    async fn said(&self, session: &Session<'_>) -> Option<String> {
        let kind = if self.is_activity { "activity" } else { "workflow" };
        let what =
            format!("{kind} tasks of type {} from task queue {}", self.task_type, self.task_queue);
        match self.is_served(session).await {
            Ok(true) => None,
            Ok(false) => Some(format!("no worker takes {what}")),
            // How the run stands is known all the same.
            Err(error) => Some(format!("it is not known whether a worker takes {what}: {error}")),
        }
    }

    async fn is_served(&self, session: &Session<'_>) -> anyhow::Result<bool> {
        let kind = match self.is_activity {
            true => TaskQueueType::Activity,
            false => TaskQueueType::Workflow,
        };
        let request = api::DescribeTaskQueueRequest {
            namespace: session.server.namespace.clone(),
            task_queue: Some(TaskQueue { name: self.task_queue.clone(), ..Default::default() }),
            task_queue_type: kind.into(),
            ..Default::default()
        };
        // Another server takes no notice of the header, and tells of whoever polls the queue.
        let mut server = session.server.clone();
        let task_type = MetadataValue::from_bytes(self.task_type.as_bytes());
        server.header_bin(TASK_TYPE_HEADER, task_type);
        let told: api::DescribeTaskQueueResponse =
            server.call("DescribeTaskQueue", request, "failed describing the task queue").await?;
        Ok(!told.pollers.is_empty())
    }
}
