//! Time has passed: what is due happens, earliest first.

use super::deadlines::Deadline;
use super::execution::Execution;
use super::recorder::Recorder;
use super::{Reply, RequestError};
use crate::time::Timestamp;

/// What is due next.
pub(super) fn next(execution: &Execution) -> Option<(Timestamp, Deadline)> {
    if execution.closed.is_some() {
        return None;
    }
    // The timeout of a task that is held in memory only is not among the deadlines.
    let task = execution.task_deadline().map(|time| (time, Deadline::WorkflowTask));
    execution.deadlines.first().into_iter().chain(task).min()
}

impl Recorder<'_> {
    /// Does all that is due. It ends: everything that happens moves its deadline behind `now`, or is over. What a timer of no length
    /// leads to needs an answer of a worker first.
    pub(super) fn advance(&mut self) -> Result<Reply, RequestError> {
        while let Some((time, deadline)) = next(self.execution)
            && time <= self.now
        {
            match deadline {
                Deadline::Timer(started_event_id) => self.fire_timer(started_event_id)?,
                Deadline::Activity(scheduled_event_id) => self.activity_due(scheduled_event_id)?,
                Deadline::WorkflowTask => self.time_out_task()?,
                Deadline::Run => self.time_out_run()?,
            }
        }
        Ok(Reply::Done)
    }
}
