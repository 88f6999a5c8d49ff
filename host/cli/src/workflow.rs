//! `sandglass workflow`: what `temporal workflow` does, with the same flags and the same output, against any server that speaks Temporal's
//! protocol.
//!
//! What lives here: which subcommands there are. What does not: how a server is reached (`connection`), and how its answers are shown (`output`).

mod batch;
mod connection;
mod describe;
mod follow;
mod input;
mod interrupt;
mod list;
mod output;
mod profile;
mod query;
mod served;
mod start;

use crate::exit::{Exit, usage};
use clap::{Args, Subcommand};
use connection::{Caller, Connection};
use output::Output;
use temporalio_protos::temporal::api::common::v1::WorkflowExecution;

/// Start workflows, look at them, and interrupt them, on a server that speaks Temporal's protocol.
#[derive(Args)]
pub(crate) struct Workflow {
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    output: Output,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Start(start::Start),
    Execute(start::Execute),
    SignalWithStart(start::SignalWithStart),
    Result(follow::ResultOf),
    Show(follow::Show),
    List(list::List),
    Count(list::Count),
    Describe(describe::Describe),
    Signal(interrupt::Signal),
    Query(query::Query),
    Stack(query::Stack),
    Cancel(interrupt::Cancel),
    Terminate(interrupt::Terminate),
    Delete(interrupt::Delete),
    /// Not there yet.
    Update(Later),
    /// Not there yet.
    Reset(Later),
    /// Not there yet.
    Pause(Later),
    /// Not there yet.
    Unpause(Later),
    /// Not there yet.
    UpdateOptions(Later),
    /// Not there yet.
    StartUpdateWithStart(Later),
    /// Not there yet.
    ExecuteUpdateWithStart(Later),
    /// Not there yet.
    Metadata(Later),
    /// Not there yet.
    Trace(Later),
    /// Not there yet: `sandglass replay` reads older files as they are.
    FixHistoryJson(Later),
}

/// A subcommand that `temporal` has.
#[derive(Args)]
struct Later {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    _arguments: Vec<String>,
}

/// Which workflow.
#[derive(Args)]
struct Which {
    /// Workflow id.
    #[arg(short, long)]
    workflow_id: String,
    /// Run id; the latest run when left out.
    #[arg(short, long, default_value = "", hide_default_value = true)]
    run_id: String,
}

impl Which {
    fn execution(&self) -> Option<WorkflowExecution> {
        let (workflow_id, run_id) = (self.workflow_id.clone(), self.run_id.clone());
        Some(WorkflowExecution { workflow_id, run_id })
    }
}

/// What every subcommand is given.
struct Session<'a> {
    server: Caller,
    output: &'a Output,
}

impl Workflow {
    pub(crate) fn run(&self) -> anyhow::Result<Exit> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(self.connection.within_time(self.perform()))
    }

    async fn perform(&self) -> anyhow::Result<Exit> {
        // What needs no server is refused without one.
        if let Some(name) = self.command.later() {
            return Err(usage(format!("workflow {name} comes in a later version")));
        }
        let session = Session { server: self.connection.open()?, output: &self.output };
        match &self.command {
            Command::Start(it) => it.run(&session).await,
            Command::Execute(it) => it.run(&session).await,
            Command::SignalWithStart(it) => it.run(&session).await,
            Command::Result(it) => it.run(&session).await,
            Command::Show(it) => it.run(&session).await,
            Command::List(it) => it.run(&session).await,
            Command::Count(it) => it.run(&session).await,
            Command::Describe(it) => it.run(&session).await,
            Command::Signal(it) => it.run(&session).await,
            Command::Query(it) => it.run(&session).await,
            Command::Stack(it) => it.run(&session).await,
            Command::Cancel(it) => it.run(&session).await,
            Command::Terminate(it) => it.run(&session).await,
            Command::Delete(it) => it.run(&session).await,
            later => unreachable!("{:?} was refused above", later.later()),
        }
    }
}

impl Command {
    /// Its name, if it is not there yet.
    fn later(&self) -> Option<&'static str> {
        Some(match self {
            Command::Update(_) => "update",
            Command::Reset(_) => "reset",
            Command::Pause(_) => "pause",
            Command::Unpause(_) => "unpause",
            Command::UpdateOptions(_) => "update-options",
            Command::StartUpdateWithStart(_) => "start-update-with-start",
            Command::ExecuteUpdateWithStart(_) => "execute-update-with-start",
            Command::Metadata(_) => "metadata",
            Command::Trace(_) => "trace",
            Command::FixHistoryJson(_) => "fix-history-json",
            _ => return None,
        })
    }
}
