//! What an activity can call of `sandglass:activity` and `sandglass:workflow`.

use super::ActivityGuest;
use crate::wasm::bindings::activity::sandglass::activity::attempt;
use crate::wasm::bindings::workflow::sandglass::workflow::{
    execution, failures, log as wit_log, types,
};
use crate::wasm::convert;
use crate::wasm::imports::failures as shown;
use crate::wasm::log::Level;
use crate::wasm::worker::NAMESPACE;
use sandglass_core::Payloads;
use sandglass_core::engine::{ActivityTask, CancelReason};
use sandglass_core::worker::Misuse;
use std::time::Duration;

impl types::Host for ActivityGuest {}

impl execution::Host for ActivityGuest {
    fn info(&mut self) -> wasmtime::Result<execution::WorkflowInfo> {
        Err(of_workflows("info"))
    }

    fn is_replaying(&mut self) -> wasmtime::Result<bool> {
        Err(of_workflows("is-replaying"))
    }

    fn patched(&mut self, _: String) -> wasmtime::Result<bool> {
        Err(of_workflows("patched"))
    }

    fn deprecate_patch(&mut self, _: String) -> wasmtime::Result<()> {
        Err(of_workflows("deprecate-patch"))
    }

    fn publish(&mut self, _: String, _: types::Payload) -> wasmtime::Result<()> {
        Err(of_workflows("publish"))
    }
}

/// The world `activity` has `execution` for the sake of its types alone.
fn of_workflows(function: &str) -> wasmtime::Error {
    Misuse(format!("execution.{function} is for workflows; an activity cannot call it")).into()
}

impl failures::Host for ActivityGuest {
    fn application(
        &mut self,
        message: String,
        error_type: String,
        non_retryable: bool,
    ) -> wasmtime::Result<types::Failure> {
        Ok(shown::application(message, error_type, non_retryable))
    }

    fn canceled(&mut self, details: Vec<types::Payload>) -> wasmtime::Result<types::Failure> {
        Ok(shown::canceled(details))
    }

    fn is_canceled(&mut self, failure: types::Failure) -> wasmtime::Result<bool> {
        shown::is_canceled(failure)
    }
}

impl wit_log::Host for ActivityGuest {
    fn debug(&mut self, message: String) -> wasmtime::Result<()> {
        Ok(self.output.lock().log(Level::Debug, &message)?)
    }

    fn info(&mut self, message: String) -> wasmtime::Result<()> {
        Ok(self.output.lock().log(Level::Info, &message)?)
    }

    fn warn(&mut self, message: String) -> wasmtime::Result<()> {
        Ok(self.output.lock().log(Level::Warn, &message)?)
    }

    fn error(&mut self, message: String) -> wasmtime::Result<()> {
        Ok(self.output.lock().log(Level::Error, &message)?)
    }
}

impl attempt::Host for ActivityGuest {
    fn info(&mut self) -> wasmtime::Result<attempt::ActivityInfo> {
        Ok(shown_info(self.host.task()))
    }

    async fn heartbeat(
        &mut self,
        details: Vec<types::Payload>,
    ) -> wasmtime::Result<Option<attempt::CancelReason>> {
        let reason = self.host.heartbeat(convert::payloads(details)).await;
        Ok(reason.map(shown_reason))
    }

    fn last_heartbeat_details(&mut self) -> wasmtime::Result<Vec<types::Payload>> {
        Ok(shown_payloads(self.host.task().heartbeat_details.as_ref()))
    }
}

fn shown_reason(reason: CancelReason) -> attempt::CancelReason {
    match reason {
        CancelReason::CancelRequested => attempt::CancelReason::CancelRequested,
        CancelReason::NotFound => attempt::CancelReason::NotFound,
        CancelReason::TimedOut => attempt::CancelReason::TimedOut,
        CancelReason::WorkerShutdown => attempt::CancelReason::WorkerShutdown,
        CancelReason::Paused => attempt::CancelReason::Paused,
        CancelReason::Reset => attempt::CancelReason::Reset,
    }
}

pub(super) fn shown_payloads(payloads: Option<&Payloads>) -> Vec<types::Payload> {
    payloads.map(|payloads| convert::shown_payloads(&payloads.payloads)).unwrap_or_default()
}

fn shown_info(task: &ActivityTask) -> attempt::ActivityInfo {
    let seconds = |duration: Option<Duration>| duration.map(|it| it.as_secs_f64());
    attempt::ActivityInfo {
        activity_id: task.activity_id.clone(),
        activity_type: task.activity_type.clone(),
        task_queue: task.task_queue.clone(),
        namespace: NAMESPACE.into(),
        attempt: task.attempt,
        workflow_execution: execution::WorkflowExecution {
            workflow_id: task.execution.workflow_id.clone(),
            run_id: task.execution.run_id.clone(),
        },
        workflow_type: task.workflow_type.clone(),
        scheduled_time: task.scheduled_time.as_seconds_f64(),
        current_attempt_scheduled_time: task.current_attempt_scheduled_time.as_seconds_f64(),
        started_time: task.started_time.as_seconds_f64(),
        schedule_to_close_timeout: seconds(task.schedule_to_close_timeout),
        start_to_close_timeout: seconds(task.start_to_close_timeout),
        heartbeat_timeout: seconds(task.heartbeat_timeout),
        retry_policy: task.retry_policy.as_ref().map(|policy| types::RetryPolicy {
            initial_interval: seconds(policy.initial_interval),
            backoff_coefficient: Some(policy.backoff_coefficient),
            maximum_interval: seconds(policy.maximum_interval),
            maximum_attempts: u32::try_from(policy.maximum_attempts).ok(),
            non_retryable_error_types: Some(policy.non_retryable_error_types.clone()),
        }),
    }
}
