//! Lists and counts: conditions as SQL. Every value goes in as a parameter.

use super::super::{
    Comparison, Condition, Error, ListFilter, NumberField, Place, RunSummary, Test, TextField,
};
use super::read::{SELECT, sql_limit, summary};
use super::write::{RunKey, count as count_of};
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};
use sandglass_core::policy::WorkflowExecutionStatus;
use uuid::Uuid;

/// The statuses after `Completed`, which an index is kept for.
pub(super) const NOT_COMPLETED: &str = "status > 2";
pub(super) const OPEN: &str = "close_time IS NULL";
pub(super) const OPEN_ORDER: &str = "ORDER BY id DESC";
pub(super) const CLOSED: &str = "close_time IS NOT NULL";
pub(super) const CLOSED_ORDER: &str = "ORDER BY close_time DESC, id DESC";

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
            Condition::Text(TextField::RunId, Test::Is(comparison, text)) => match comparison {
                Comparison::Less => self.run_id("<", text.clone()),
                Comparison::GreaterOrEqual => self.run_id(">=", text.clone()),
                // No text is between one and the same with this character more.
                Comparison::LessOrEqual => self.run_id("<", format!("{text}\0")),
                _ => self.run_id(">=", format!("{text}\0")),
            },
            Condition::StartsWith(TextField::RunId, prefix) => {
                self.text.push('(');
                self.run_id(">=", prefix.clone());
                if let Some(end) = after_prefix(prefix) {
                    self.text.push_str(" AND ");
                    self.run_id("<", end);
                }
                self.text.push(')');
            }
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

    /// How the text of a run's id stands to another. Most ids are stored as the 16 bytes of a UUID, whose order is that of their texts; no
    /// text is made for them.
    fn run_id(&mut self, sign: &str, text: String) {
        self.text.push_str("(CASE typeof(run_id) WHEN 'blob' THEN ");
        match least_uuid(&text) {
            Some(least) => self.push(&format!("run_id {sign} ?"), least.as_bytes().to_vec()),
            None => self.text.push_str(if sign == "<" { "TRUE" } else { "FALSE" }),
        }
        self.push(&format!(" ELSE run_id {sign} ? END)"), text);
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
            TextField::RunId => "run_id",
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
            NumberField::HistorySizeBytes => {
                "CASE WHEN close_time IS NOT NULL THEN history_size END"
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

/// The first UUID whose text is not less than that text; none if there is no such UUID.
fn least_uuid(text: &str) -> Option<Uuid> {
    const LEAST: [u8; 36] = *b"00000000-0000-0000-0000-000000000000";
    let next = |least: u8, than: u8| match least {
        b'-' => [b'-'].into_iter().find(|it| *it >= than),
        _ => b"0123456789abcdef".iter().copied().find(|it| *it >= than),
    };
    let mut uuid = LEAST;
    let mut at = 0;
    let text = text.as_bytes();
    // As far as they are the same.
    while at < LEAST.len() && at < text.len() && next(LEAST[at], text[at]) == Some(text[at]) {
        uuid[at] = text[at];
        at += 1;
    }
    if at < text.len() {
        // Greater at one place, the last that can be, and the least after it.
        let greater = (0..=at.min(LEAST.len() - 1)).rev().find_map(|place| {
            let than = if place == at { text[at] } else { uuid[place] + 1 };
            next(LEAST[place], than).map(|byte| (place, byte))
        });
        let (place, byte) = greater?;
        uuid[place] = byte;
        uuid[place + 1..].copy_from_slice(&LEAST[place + 1..]);
    }
    Uuid::try_parse_ascii(&uuid).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn uuids_are_found_as_their_texts_are(
            uuid in any::<u128>(),
            length in 0..40usize,
            changed in "[-0-9a-g/:`]{0,3}",
        ) {
            let (uuid, other) = (Uuid::from_u128(uuid), Uuid::from_u128(uuid ^ 1));
            let mut text = uuid.to_string();
            text.truncate(length);
            text.push_str(&changed);
            for uuid in [uuid, other, Uuid::nil(), Uuid::max()] {
                let found = least_uuid(&text).is_some_and(|least| uuid >= least);
                prop_assert_eq!(found, uuid.to_string() >= text, "{} {}", uuid, text);
            }
        }
    }

    #[test]
    fn the_first_uuid_after_a_text() {
        let least = |text| least_uuid(text).map(|uuid| uuid.to_string()).unwrap_or_default();
        assert_eq!(least(""), "00000000-0000-0000-0000-000000000000");
        assert_eq!(least("0g"), "10000000-0000-0000-0000-000000000000");
        assert_eq!(least("0123456:"), "0123456a-0000-0000-0000-000000000000");
        assert_eq!(least("01234567/"), "01234568-0000-0000-0000-000000000000");
        let last = "ffffffff-ffff-ffff-ffff-ffffffffffff";
        assert_eq!(
            (least(last), least(&format!("{last}0")), least("g")),
            (last.into(), String::new(), String::new())
        );
    }
}
