//! What came out of a run, on stdout: its result, and its history if that was asked for.

use super::{Output, Run};
use crate::exit::Exit;
use crate::stdout;
use crate::{payload, show};
use anyhow::{Context, Result};
use sandglass_host::core::Payload;
use sandglass_host::core::policy::WorkflowExecutionStatus;
use sandglass_host::{ClientError, WorkflowError, WorkflowHandle};
use serde_json::{Map, Value, json};

/// Prints it, and says how the command ends.
pub(super) async fn print(
    run: &Run,
    handle: &WorkflowHandle,
    result: Result<Payload, WorkflowError>,
) -> Result<Exit> {
    if let Err(WorkflowError::Client(error)) = result {
        return Err(lost(error));
    }
    match run.output {
        Output::Text => text(run, handle, &result).await?,
        Output::Json => {
            let object = object(run, handle, &result).await?;
            stdout::print(&serde_json::to_string_pretty(&object)?);
        }
    }
    Ok(Exit::of(&result))
}

fn lost(error: ClientError) -> anyhow::Error {
    anyhow::Error::new(error).context("the run's end could not be waited for")
}

async fn text(
    run: &Run,
    handle: &WorkflowHandle,
    result: &Result<Payload, WorkflowError>,
) -> Result<()> {
    if run.history {
        let history = handle.history().await.context("the history cannot be read")?;
        stdout::print(&show::history(&history));
    }
    match result {
        Ok(value) => stdout::print(&payload::text(value)),
        Err(error) => {
            eprintln!("{error}");
            if let WorkflowError::Canceled { details } | WorkflowError::Terminated { details, .. } =
                error
            {
                details.iter().for_each(|detail| eprintln!("  {}", payload::text(detail)));
            }
        }
    }
    Ok(())
}

async fn object(
    run: &Run,
    handle: &WorkflowHandle,
    result: &Result<Payload, WorkflowError>,
) -> Result<Map<String, Value>> {
    let mut object = Map::new();
    let mut put = |key: &str, value: Value| object.insert(key.into(), value);
    let description = handle.describe().await.context("the run cannot be described")?;
    put("workflowId", handle.workflow_id().into());
    put("runId", handle.run_id().unwrap_or_default().into());
    put("type", description.workflow_type.clone().into());
    put("taskQueue", description.task_queue.clone().into());
    put("status", status(description.status).into());
    match result {
        Ok(value) => put("result", payload::value(value)),
        Err(WorkflowError::Failed(failure)) => put("failure", serde_json::to_value(failure)?),
        Err(WorkflowError::Canceled { details }) => put("details", values(details)),
        Err(WorkflowError::Terminated { reason, details, identity }) => {
            put("reason", json!(reason));
            put("identity", json!(identity));
            put("details", values(details))
        }
        Err(_) => None,
    };
    if run.history {
        let history = handle.history().await.context("the history cannot be read")?;
        put("history", serde_json::to_value(history)?);
    }
    Ok(object)
}

/// As `temporal workflow execute -o json` has it.
fn status(status: WorkflowExecutionStatus) -> &'static str {
    status.name()
}

fn values(payloads: &[Payload]) -> Value {
    payloads.iter().map(payload::value).collect()
}
