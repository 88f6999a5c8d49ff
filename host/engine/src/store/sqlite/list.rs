//! Lists and counts: conditions as SQL. Every value goes in as a parameter.

use super::super::{
    Comparison, Condition, Error, ListFilter, NumberField, Place, RunSummary, Test, TextField,
};
use super::read::{SELECT, sql_limit, summary};
use super::write::{RunKey, count as count_of};
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};
use sandglass_core::policy::WorkflowExecutionStatus;

/// The statuses after `Completed`, which an index is kept for.
pub(super) const NOT_COMPLETED: &str = "status > 2";
pub(super) const OPEN: &str = "close_time IS NULL";
pub(super) const OPEN_ORDER: &str = "ORDER BY id DESC";
pub(super) const CLOSED: &str = "close_time IS NOT NULL";
pub(super) const CLOSED_ORDER: &str = "ORDER BY close_time DESC, id DESC";

/// A run's id as text, where most are stored as the 16 bytes of a UUID.
const RUN_ID_TEXT: &str = "CASE typeof(run_id) WHEN 'blob' THEN lower(\
    substr(hex(run_id), 1, 8) || '-' || substr(hex(run_id), 9, 4) || '-' || \
    substr(hex(run_id), 13, 4) || '-' || substr(hex(run_id), 17, 4) || '-' || \
    substr(hex(run_id), 21)) ELSE run_id END";

pub(super) fn list(connection: &Connection, filter: &ListFilter) -> Result<Vec<RunSummary>, Error> {
    let mut runs = Vec::new();
    let is_open = filter.after.is_none_or(|place| place.close_time.is_none());
    if is_open {
        let mut sql = Sql::new(OPEN);
        if let Some(place) = filter.after {
            sql.and("id < ?", place.cursor.0);
        }
        runs = sql.runs(connection, filter, OPEN_ORDER, filter.limit)?;
    }
    if runs.len() < filter.limit {
        let mut sql = Sql::new(CLOSED);
        if let Some(Place { close_time: Some(time), cursor }) = filter.after {
            sql.and("(close_time, id) < (?, ", time.0);
            sql.push("?)", cursor.0);
        }
        let rest = filter.limit - runs.len();
        runs.extend(sql.runs(connection, filter, CLOSED_ORDER, rest)?);
    }
    Ok(runs)
}

pub(super) fn count(
    connection: &Connection,
    condition: Option<&Condition>,
) -> Result<Vec<(WorkflowExecutionStatus, u64)>, Error> {
    let mut sql = Sql::new("TRUE");
    sql.and_condition(condition);
    let text =
        format!("SELECT status, count(*) FROM runs WHERE {} GROUP BY status ORDER BY 1", sql.text);
    let mut statement = connection.prepare(&text)?;
    let counts = statement.query_map(params_from_iter(sql.values), |row| {
        Ok((WorkflowExecutionStatus::from_number(row.get(0)?), count_of(row, 1)?))
    })?;
    Ok(counts.collect::<Result<_, _>>()?)
}

/// The text of a condition, and the values of its parameters in their order.
struct Sql {
    text: String,
    values: Vec<Value>,
}

impl Sql {
    fn new(text: &str) -> Self {
        Sql { text: text.into(), values: Vec::new() }
    }

    fn push(&mut self, text: &str, value: impl Into<Value>) {
        self.text.push_str(text);
        self.values.push(value.into());
    }

    fn and(&mut self, text: &str, value: impl Into<Value>) {
        self.text.push_str(" AND ");
        self.push(text, value);
    }

    fn and_condition(&mut self, condition: Option<&Condition>) {
        let Some(condition) = condition else { return };
        self.text.push_str(" AND ");
        self.condition(condition);
        // Says what is known anyway, so that the partial index is used.
        let completed = WorkflowExecutionStatus::Completed.number().into();
        if status_of(condition).is_some_and(|status| status > completed) {
            self.text.push_str(" AND ");
            self.text.push_str(NOT_COMPLETED);
        }
    }

    fn runs(
        mut self,
        connection: &Connection,
        filter: &ListFilter,
        order: &str,
        limit: usize,
    ) -> Result<Vec<RunSummary>, Error> {
        self.and_condition(filter.condition.as_ref());
        self.text.push(' ');
        self.text.push_str(order);
        self.push(" LIMIT ?", sql_limit(limit));
        // Not kept: people's conditions would drive out the statements that the host itself uses.
        let mut statement = connection.prepare(&format!("{SELECT} WHERE {}", self.text))?;
        let runs = statement.query_map(params_from_iter(self.values), summary)?;
        Ok(runs.collect::<Result<_, _>>()?)
    }

    fn condition(&mut self, condition: &Condition) {
        match condition {
            Condition::All(all) => self.joined(all, " AND ", "TRUE"),
            Condition::Any(any) => self.joined(any, " OR ", "FALSE"),
            Condition::Not(condition) => {
                self.text.push_str("(NOT ");
                self.condition(condition);
                self.text.push(')');
            }
            // Only whether it is the same can be asked of the bytes that are stored.
            Condition::Text(
                TextField::RunId,
                test @ (Test::Is(Comparison::Equal | Comparison::NotEqual, _) | Test::In(_)),
            ) => self.test("run_id", test, |id: &String| RunKey::new(id).into()),
            Condition::Text(field, test) => self.test(field.sql(), test, |it| it.clone().into()),
            Condition::StartsWith(field, prefix) => {
                self.push(&format!("({} >= ?", field.sql()), prefix.clone());
                if let Some(end) = after_prefix(prefix) {
                    self.and(&format!("{} < ?", field.sql()), end);
                }
                self.text.push(')');
            }
            Condition::Number(field, test) => self.test(field.sql(), test, |it| (*it).into()),
        }
    }

    fn joined(&mut self, conditions: &[Condition], between: &str, none: &str) {
        self.text.push('(');
        for (n, condition) in conditions.iter().enumerate() {
            self.text.push_str(if n == 0 { "" } else { between });
            self.condition(condition);
        }
        self.text.push_str(if conditions.is_empty() { none } else { "" });
        self.text.push(')');
    }

    fn test<T>(&mut self, field: &str, test: &Test<T>, value: impl Fn(&T) -> Value) {
        match test {
            Test::Is(comparison, other) => {
                self.push(&format!("({field}) {} ?", comparison.sql()), value(other));
            }
            Test::In(others) => {
                self.text.push_str(&format!("({field}) IN ("));
                for (n, other) in others.iter().enumerate() {
                    self.push(if n == 0 { "?" } else { ", ?" }, value(other));
                }
                self.text.push(')');
            }
            Test::Missing => self.text.push_str(&format!("({field}) IS NULL")),
        }
    }
}

/// The one status that the condition asks for, if it is so simple.
fn status_of(condition: &Condition) -> Option<i64> {
    match condition {
        Condition::Number(NumberField::Status, Test::Is(Comparison::Equal, status)) => {
            Some(*status)
        }
        Condition::All(all) => all.iter().find_map(status_of),
        _ => None,
    }
}

impl TextField {
    fn sql(self) -> &'static str {
        match self {
            TextField::WorkflowType => "workflow_type",
            TextField::WorkflowId => "workflow_id",
            TextField::RunId => RUN_ID_TEXT,
            TextField::TaskQueue => "task_queue",
        }
    }
}

impl NumberField {
    fn sql(self) -> &'static str {
        match self {
            NumberField::Status => "status",
            NumberField::StartTime => "start_time",
            NumberField::CloseTime => "close_time",
            NumberField::Duration => "close_time - start_time",
            NumberField::HistoryLength => {
                "CASE WHEN close_time IS NOT NULL THEN history_length END"
            }
        }
    }
}

impl Comparison {
    fn sql(self) -> &'static str {
        match self {
            Comparison::Equal => "=",
            Comparison::NotEqual => "<>",
            Comparison::Less => "<",
            Comparison::LessOrEqual => "<=",
            Comparison::Greater => ">",
            Comparison::GreaterOrEqual => ">=",
        }
    }
}

/// The least text after all that begin with `prefix`, byte by byte; none if there is no such text.
fn after_prefix(prefix: &str) -> Option<String> {
    let mut chars: Vec<char> = prefix.chars().collect();
    while let Some(last) = chars.pop() {
        let next = match last {
            '\u{d7ff}' => Some('\u{e000}'),
            last => char::from_u32(last as u32 + 1),
        };
        if let Some(next) = next {
            chars.push(next);
            return Some(chars.into_iter().collect());
        }
    }
    None
}
