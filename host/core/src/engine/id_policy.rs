//! Whether a workflow id may be used for a new run. What happens to the runs is elsewhere.

use crate::policy::{WorkflowExecutionStatus, WorkflowIdConflictPolicy, WorkflowIdReusePolicy};
use alloc::string::String;

/// The latest run of a workflow id.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LatestRun {
    /// Its run id.
    pub run_id: String,
    /// How far it has come.
    pub status: WorkflowExecutionStatus,
    /// The request id of its start; may be empty.
    pub start_request_id: String,
}

/// What a start does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartDecision {
    /// It starts a run.
    Start,
    /// The open run is terminated, and a run started, in one transition of both.
    TerminateAndStart,
    /// That run is the answer: it was asked for by the same request, or the policy says so.
    UseExisting,
    /// It is refused: the id is in use.
    AlreadyStarted,
}

/// Why two policies do not go together. INVALID_ARGUMENT.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "Invalid WorkflowIDReusePolicy: WORKFLOW_ID_REUSE_POLICY_TERMINATE_IF_RUNNING cannot be used together with a WorkflowIDConflictPolicy."
)]
pub struct PolicyConflict;

/// What a start does where `latest` is the latest run of its workflow id.
pub fn decide_start(
    latest: Option<&LatestRun>,
    request_id: &str,
    reuse: WorkflowIdReusePolicy,
    conflict: WorkflowIdConflictPolicy,
) -> Result<StartDecision, PolicyConflict> {
    use {StartDecision as D, WorkflowIdConflictPolicy as C, WorkflowIdReusePolicy as R};
    if reuse == R::TerminateIfRunning && conflict != C::Unspecified {
        return Err(PolicyConflict);
    }
    let Some(latest) = latest else { return Ok(D::Start) };
    if !request_id.is_empty() && latest.start_request_id == request_id {
        return Ok(D::UseExisting);
    }
    if latest.status == WorkflowExecutionStatus::Running {
        return Ok(match (conflict, reuse) {
            (C::UseExisting, _) => D::UseExisting,
            (C::TerminateExisting, _) | (_, R::TerminateIfRunning) => D::TerminateAndStart,
            (C::Unspecified | C::Fail | C::Unknown(_), _) => D::AlreadyStarted,
        });
    }
    Ok(match reuse {
        R::RejectDuplicate => D::AlreadyStarted,
        R::AllowDuplicateFailedOnly if latest.status == WorkflowExecutionStatus::Completed => {
            D::AlreadyStarted
        }
        _ => D::Start,
    })
}

#[cfg(test)]
mod tests {
    use super::{StartDecision as D, *};
    use WorkflowExecutionStatus as S;
    use WorkflowIdConflictPolicy as C;
    use WorkflowIdReusePolicy as R;

    fn decide(status: S, request_id: &str, reuse: R, conflict: C) -> Result<D, PolicyConflict> {
        let latest = LatestRun { run_id: "r".into(), status, start_request_id: "first".into() };
        decide_start(Some(&latest), request_id, reuse, conflict)
    }

    #[test]
    fn a_free_id_starts() {
        assert_eq!(decide_start(None, "", R::RejectDuplicate, C::Fail), Ok(D::Start));
    }

    #[test]
    fn the_same_request_finds_its_run_even_closed() {
        for status in [S::Running, S::Completed, S::Terminated] {
            assert_eq!(decide(status, "first", R::RejectDuplicate, C::Fail), Ok(D::UseExisting));
        }
    }

    #[test]
    fn an_open_run_is_for_the_conflict_policy() {
        let open = |reuse, conflict| decide(S::Running, "other", reuse, conflict);
        assert_eq!(open(R::AllowDuplicate, C::Unspecified), Ok(D::AlreadyStarted));
        assert_eq!(open(R::AllowDuplicate, C::UseExisting), Ok(D::UseExisting));
        assert_eq!(open(R::RejectDuplicate, C::TerminateExisting), Ok(D::TerminateAndStart));
        assert_eq!(open(R::TerminateIfRunning, C::Unspecified), Ok(D::TerminateAndStart));
        assert_eq!(open(R::TerminateIfRunning, C::Fail), Err(PolicyConflict));
    }

    #[test]
    fn a_closed_run_is_for_the_reuse_policy() {
        let closed = |status, reuse| decide(status, "", reuse, C::Unspecified);
        assert_eq!(closed(S::Completed, R::Unspecified), Ok(D::Start));
        assert_eq!(closed(S::Completed, R::AllowDuplicateFailedOnly), Ok(D::AlreadyStarted));
        assert_eq!(closed(S::Canceled, R::AllowDuplicateFailedOnly), Ok(D::Start));
        assert_eq!(closed(S::Failed, R::RejectDuplicate), Ok(D::AlreadyStarted));
        assert_eq!(closed(S::Completed, R::TerminateIfRunning), Ok(D::Start));
    }
}
