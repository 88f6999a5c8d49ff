//! How the command ends: its exit codes, and the errors that mean wrong usage.

use sandglass_host::core::Payload;
use sandglass_host::{ClientError, HostError, WorkflowError};
use std::fmt;
use std::process::ExitCode;

/// How the command ends, by its exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Completed = 0,
    Failed = 1,
    Usage = 2,
    Canceled = 3,
    Terminated = 4,
    TimedOut = 5,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

impl Exit {
    /// The exit code of a run that ended so.
    pub(crate) fn of(result: &Result<Payload, WorkflowError>) -> Exit {
        match result {
            Ok(_) => Exit::Completed,
            Err(WorkflowError::Canceled { .. }) => Exit::Canceled,
            Err(WorkflowError::Terminated { .. }) => Exit::Terminated,
            Err(WorkflowError::TimedOut) => Exit::TimedOut,
            Err(_) => Exit::Failed,
        }
    }
}

/// What was asked for is not right: nothing was done.
#[derive(Debug)]
pub(crate) struct Usage(String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// An error that ends the command with [`Exit::Usage`].
pub(crate) fn usage(message: impl Into<String>) -> anyhow::Error {
    Usage(message.into()).into()
}

/// Tells people what went wrong, and how the command ends for it.
pub(crate) fn report(error: &anyhow::Error) -> Exit {
    eprintln!("error: {error:#}");
    let wrong = error.chain().any(|cause| {
        cause.is::<Usage>()
            || matches!(cause.downcast_ref(), Some(ClientError::InvalidArgument(_)))
            // No host came to be: nothing was done.
            || cause.is::<HostError>()
    });
    if wrong { Exit::Usage } else { Exit::Failed }
}
