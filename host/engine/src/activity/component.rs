//! Components of the world `activity` as activities.

use super::{Activity, ActivityContext};
use crate::wasm::{
    self, ActivityComponent, ActivityHost, ActivityInfo, AttemptEnd, RegisterError, tracing_sink,
};
use futures::future::BoxFuture;
use sandglass_core::engine::{ActivityEnd, CancelReason};
use sandglass_core::{Failure, Payload, Payloads};
use std::sync::Arc;
use std::time::Duration;

/// How long an attempt waits for an instance that another gives back.
const ROOM_WAIT: Duration = Duration::from_millis(20);

/// An activity that is a component: one fresh instance an attempt.
pub(crate) struct ComponentActivity {
    engine: wasm::Engine,
    component: ActivityComponent,
}

impl ComponentActivity {
    pub(crate) fn load(engine: &wasm::Engine, bytes: &[u8]) -> Result<Self, RegisterError> {
        let component = ActivityComponent::load(engine, bytes)?;
        Ok(ComponentActivity { engine: engine.clone(), component })
    }
}

impl Activity for ComponentActivity {
    fn run(&self, context: ActivityContext) -> BoxFuture<'static, ActivityEnd> {
        let (engine, component) = (self.engine.clone(), self.component.clone());
        Box::pin(async move {
            let host: Arc<dyn ActivityHost> = Arc::new(Outside(context.clone()));
            loop {
                let input = context.input().to_vec();
                let attempt =
                    wasm::attempt(&engine, &component, Arc::clone(&host), input, tracing_sink());
                match attempt.await {
                    AttemptEnd::Returned(Ok(result)) => {
                        return ActivityEnd::Completed { result: Some(vec![result].into()) };
                    }
                    AttemptEnd::Returned(Err(failure)) => return ended(failure.into()),
                    AttemptEnd::Trapped(failure) => return failed(failure),
                    AttemptEnd::NoRoom(reason) => {
                        tracing::debug!(reason, "an activity waits for an instance");
                        tokio::time::sleep(ROOM_WAIT).await;
                    }
                }
            }
        })
    }
}

/// A failure that says `canceled` reports the activity as canceled, others as failed.
fn ended(failure: Failure) -> ActivityEnd {
    use sandglass_core::FailureInfo;
    match failure.info {
        Some(FailureInfo::Canceled(canceled)) => {
            ActivityEnd::Canceled { details: canceled.details }
        }
        _ => failed(failure),
    }
}

fn failed(failure: Failure) -> ActivityEnd {
    ActivityEnd::Failed { failure, last_heartbeat_details: None }
}

/// What an attempt's component reaches of the host.
struct Outside(ActivityContext);

impl ActivityHost for Outside {
    fn info(&self) -> ActivityInfo {
        let task = self.0.info().clone();
        ActivityInfo {
            activity_id: task.activity_id,
            activity_type: task.activity_type,
            task_queue: task.task_queue,
            namespace: "default".into(),
            attempt: task.attempt,
            workflow_execution: task.execution,
            workflow_type: task.workflow_type,
            scheduled_time: task.scheduled_time,
            current_attempt_scheduled_time: task.current_attempt_scheduled_time,
            started_time: task.started_time,
            schedule_to_close_timeout: task.schedule_to_close_timeout,
            start_to_close_timeout: task.start_to_close_timeout,
            heartbeat_timeout: task.heartbeat_timeout,
            retry_policy: task.retry_policy,
        }
    }

    fn heartbeat(&self, details: Vec<Payload>) -> BoxFuture<'_, Option<wasm::CancelReason>> {
        let word = self.0.heartbeat_payloads(details);
        Box::pin(std::future::ready(word.map(reason)))
    }

    fn last_heartbeat_details(&self) -> Vec<Payload> {
        let details: Option<&Payloads> = self.0.info().heartbeat_details.as_ref();
        details.map(|details| details.payloads.clone()).unwrap_or_default()
    }
}

fn reason(reason: CancelReason) -> wasm::CancelReason {
    match reason {
        CancelReason::CancelRequested => wasm::CancelReason::CancelRequested,
        CancelReason::NotFound => wasm::CancelReason::NotFound,
        CancelReason::TimedOut => wasm::CancelReason::TimedOut,
        CancelReason::WorkerShutdown => wasm::CancelReason::WorkerShutdown,
        CancelReason::Paused => wasm::CancelReason::Paused,
        CancelReason::Reset => wasm::CancelReason::Reset,
    }
}
