//! Which runs are meant: a condition on what a store knows of a run, evaluated by the store itself.
//!
//! What lives here: the condition, and what it says of one run. What does not: how people write it
//! down (`sandglass-temporal` reads Temporal's query language), and SQL.

use super::RunSummary;
use sandglass_core::policy::WorkflowExecutionStatus;
use std::cmp::Ordering;

/// What must hold for a run. As in SQL, what a run does not have makes a test neither true nor
/// false, and only what is true holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// Each of them; of none, true.
    All(Vec<Condition>),
    /// One of them at least; of none, false.
    Any(Vec<Condition>),
    /// The contrary.
    Not(Box<Condition>),
    /// A test of a text.
    Text(TextField, Test<String>),
    /// That a text begins so, byte by byte.
    StartsWith(TextField, String),
    /// A test of a number.
    Number(NumberField, Test<i64>),
}

/// A text that every run has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextField {
    /// Its type.
    WorkflowType,
    /// Its workflow id.
    WorkflowId,
    /// Its own id.
    RunId,
    /// The task queue that it was started on.
    TaskQueue,
}

/// A number that a run has or does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberField {
    /// Its status, by Temporal's number.
    Status,
    /// When it started, in nanoseconds.
    StartTime,
    /// When it closed, in nanoseconds; an open run has none.
    CloseTime,
    /// Nanoseconds from start to close; an open run has none.
    Duration,
    /// Events in its history; an open run has none, as Temporal lists it.
    HistoryLength,
    /// Bytes of its history; an open run has none, as Temporal lists it.
    HistorySizeBytes,
}

/// How a value is tested.
#[derive(Clone, Debug, PartialEq)]
pub enum Test<T> {
    /// Against another.
    Is(Comparison, T),
    /// Whether it is one of these.
    In(Vec<T>),
    /// Whether the run has none. This is always true or false.
    Missing,
}

/// How two values stand to each other; texts byte by byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// The same.
    Equal,
    /// Not the same.
    NotEqual,
    /// The run's is less.
    Less,
    /// The run's is less, or the same.
    LessOrEqual,
    /// The run's is greater.
    Greater,
    /// The run's is greater, or the same.
    GreaterOrEqual,
}

impl Condition {
    /// Runs of that status.
    #[must_use]
    pub fn status(status: WorkflowExecutionStatus) -> Self {
        let test = Test::Is(Comparison::Equal, status.number().into());
        Condition::Number(NumberField::Status, test)
    }

    /// Whether it holds for that run.
    #[must_use]
    pub fn holds(&self, run: &RunSummary) -> bool {
        self.truth(run) == Some(true)
    }

    /// True, false, or neither.
    fn truth(&self, run: &RunSummary) -> Option<bool> {
        match self {
            Condition::All(all) => until(all, run, false),
            Condition::Any(any) => until(any, run, true),
            Condition::Not(condition) => condition.truth(run).map(|truth| !truth),
            Condition::Text(field, test) => {
                let value = field.of(run);
                test.truth(Some(|other: &String| value.cmp(other.as_str())))
            }
            Condition::StartsWith(field, prefix) => Some(field.of(run).starts_with(prefix)),
            Condition::Number(field, test) => {
                test.truth(field.of(run).map(|value| move |other: &i64| value.cmp(other)))
            }
        }
    }
}

/// Whether `end` is what any of the conditions is; if not, neither is what one of them is.
fn until(conditions: &[Condition], run: &RunSummary, end: bool) -> Option<bool> {
    let mut result = Some(!end);
    for condition in conditions {
        match condition.truth(run) {
            Some(truth) if truth == end => return Some(end),
            Some(_) => {}
            None => result = None,
        }
    }
    result
}

impl TextField {
    fn of(self, run: &RunSummary) -> &str {
        match self {
            TextField::WorkflowType => &run.workflow_type,
            TextField::WorkflowId => &run.workflow_id,
            TextField::RunId => &run.run_id,
            TextField::TaskQueue => &run.task_queue,
        }
    }
}

impl NumberField {
    fn of(self, run: &RunSummary) -> Option<i64> {
        match self {
            NumberField::Status => Some(run.status.number().into()),
            NumberField::StartTime => Some(run.start_time.0),
            NumberField::CloseTime => run.close_time.map(|time| time.0),
            NumberField::Duration => {
                run.close_time.map(|time| time.0.saturating_sub(run.start_time.0))
            }
            NumberField::HistoryLength => run.close_time.map(|_| run.history_length),
            NumberField::HistorySizeBytes => run.close_time.map(|_| run.history_size_bytes),
        }
    }
}

impl<T> Test<T> {
    /// `compare` says how the run's value stands to another, if the run has one.
    fn truth(&self, compare: Option<impl Fn(&T) -> Ordering>) -> Option<bool> {
        match (self, compare) {
            (Test::Missing, compare) => Some(compare.is_none()),
            (Test::In(others), None) if others.is_empty() => Some(false),
            (_, None) => None,
            (Test::Is(comparison, other), Some(compare)) => Some(comparison.holds(compare(other))),
            (Test::In(others), Some(compare)) => {
                Some(others.iter().any(|other| compare(other).is_eq()))
            }
        }
    }
}

impl Comparison {
    fn holds(self, order: Ordering) -> bool {
        match self {
            Comparison::Equal => order.is_eq(),
            Comparison::NotEqual => order.is_ne(),
            Comparison::Less => order.is_lt(),
            Comparison::LessOrEqual => order.is_le(),
            Comparison::Greater => order.is_gt(),
            Comparison::GreaterOrEqual => order.is_ge(),
        }
    }
}
