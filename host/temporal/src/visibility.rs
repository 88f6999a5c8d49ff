//! The language by which runs are listed and counted: Temporal's, for what this host knows of a run.
//!
//! What lives here: what a query may name, and how it is refused. Reading its text is `parse`, cutting it into pieces `lexer`. What does not:
//! finding the runs, which is the store's.

mod lexer;
mod parse;
#[cfg(test)]
mod tests;
mod value;

pub(crate) use parse::parse;

use sandglass_host::core::policy::WorkflowExecutionStatus;
use sandglass_host::store::{Condition, NumberField, TextField};
use temporalio_protos::temporal::api::enums::v1::IndexedValueType;

/// A query that was read.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Query {
    /// Which runs; all of them, if it does not say.
    pub(crate) condition: Option<Condition>,
    /// Whether it counts by status. A list takes no notice of it, as with Temporal.
    pub(crate) by_status: bool,
}

/// Why a text is no query; said in Temporal's sentences.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(crate) enum BadQuery {
    /// It breaks off, or goes on with something else than it may.
    #[error("malformed SQL query: syntax error at position {position}{}", shown_near(.near.as_deref()))]
    Syntax {
        /// Where, as Temporal counts.
        position: usize,
        /// The word there.
        near: Option<String>,
    },
    /// There is nothing of that name.
    #[error("invalid search attribute: {0}")]
    UnknownField(String),
    /// It says what no query can mean.
    #[error("invalid expression: {0}")]
    Expression(String),
    /// It says what is not built, here or at Temporal.
    #[error("operation is not supported: {0}")]
    NotSupported(String),
}

fn shown_near(word: Option<&str>) -> String {
    word.map(|word| format!(" near '{word}'")).unwrap_or_default()
}

/// What can be asked of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    /// A text.
    Text(TextField),
    /// A status, by its name or number.
    Status,
    /// A point in time, as text or in nanoseconds.
    Time(NumberField),
    /// Nanoseconds, or a text like `1h30m`.
    Duration,
    /// A number.
    Number(NumberField),
}

/// All of them, by their names.
pub(crate) const FIELDS: [(&str, Field); 13] = [
    ("CloseTime", Field::Time(NumberField::CloseTime)),
    ("ExecutionDuration", Field::Duration),
    ("ExecutionStatus", Field::Status),
    // When its first workflow task may begin; shown as the start.
    ("ExecutionTime", Field::Time(NumberField::StartTime)),
    ("HistoryLength", Field::Number(NumberField::HistoryLength)),
    ("HistorySizeBytes", Field::Number(NumberField::HistorySizeBytes)),
    // A run that no other has begun is its own root, and so is shown.
    ("RootRunId", Field::Text(TextField::RunId)),
    ("RootWorkflowId", Field::Text(TextField::WorkflowId)),
    ("RunId", Field::Text(TextField::RunId)),
    ("StartTime", Field::Time(NumberField::StartTime)),
    ("TaskQueue", Field::Text(TextField::TaskQueue)),
    ("WorkflowId", Field::Text(TextField::WorkflowId)),
    ("WorkflowType", Field::Text(TextField::WorkflowType)),
];

/// Where a store has it.
enum Stored {
    Text(TextField),
    Number(NumberField),
}

impl Field {
    fn named(name: &str) -> Option<Field> {
        FIELDS.iter().find(|(known, _)| *known == name).map(|(_, field)| *field)
    }

    fn stored(self) -> Stored {
        match self {
            Field::Text(field) => Stored::Text(field),
            Field::Status => Stored::Number(NumberField::Status),
            Field::Duration => Stored::Number(NumberField::Duration),
            Field::Time(field) | Field::Number(field) => Stored::Number(field),
        }
    }

    /// The name of its type.
    fn type_name(self) -> &'static str {
        match self.value_type() {
            IndexedValueType::Datetime => "Datetime",
            IndexedValueType::Int => "Int",
            _ => "Keyword",
        }
    }

    /// What Temporal says it is.
    pub(crate) fn value_type(self) -> IndexedValueType {
        match self {
            Field::Text(_) | Field::Status => IndexedValueType::Keyword,
            Field::Time(_) => IndexedValueType::Datetime,
            Field::Duration | Field::Number(_) => IndexedValueType::Int,
        }
    }
}

/// A status as queries name it.
pub(crate) fn status_name(status: WorkflowExecutionStatus) -> &'static str {
    use WorkflowExecutionStatus as S;
    match status {
        S::Running => "Running",
        S::Completed => "Completed",
        S::Failed => "Failed",
        S::Canceled => "Canceled",
        S::Terminated => "Terminated",
        S::ContinuedAsNew => "ContinuedAsNew",
        S::TimedOut => "TimedOut",
        S::Paused => "Paused",
        S::Unspecified | S::Unknown(_) => "Unspecified",
    }
}
