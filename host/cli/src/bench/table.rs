//! The figures as a table, with their goals. The keys are the promise: they stay.

use super::Figures;
use comfy_table::{CellAlignment, Table, presets};
use serde_json::Value;
use std::fmt::Write;

/// What a figure should be.
enum Goal {
    /// It is there for the others.
    Measured,
    AtLeast(f64),
    AtMost(f64),
    /// So many times a bare commit, and a constant, in milliseconds.
    Commits(f64, f64),
}

const GIB: f64 = 1024.0 * 1024.0 * 1024.0;

const GOALS: [(&str, Goal); 14] = [
    ("commit_p50_ms", Goal::Measured),
    ("empty_workflows_per_s_64", Goal::Measured),
    ("empty_workflows_per_s_512", Goal::AtLeast(10_000.0)),
    ("cpu_us_per_empty_workflow", Goal::AtMost(150.0)),
    ("commits_waited_per_empty_workflow", Goal::AtMost(1.0)),
    ("ten_activities_workflows_per_s_512", Goal::AtLeast(1_000.0)),
    ("commits_waited_ten_activities", Goal::AtMost(11.0)),
    ("start_to_end_p50_ms", Goal::Commits(1.5, 0.5)),
    ("cancel_to_closed_p50_ms", Goal::Commits(2.5, 0.5)),
    ("terminate_busy_loop_p99_ms", Goal::AtMost(20.0)),
    ("replay_events_per_s_1000", Goal::AtLeast(500_000.0)),
    ("replay_events_per_s_50000", Goal::AtLeast(500_000.0)),
    ("parked_guest_bytes", Goal::AtMost(65_536.0)),
    ("open_workflows_100k_rss_bytes", Goal::AtMost(2.0 * GIB)),
];

/// The table, and what it was measured on.
pub(super) fn text(figures: &Figures, machine: &Value) -> String {
    let number = |key: &str| figures.get(key).and_then(Value::as_f64);
    // A section that measures in milliseconds brings the commit of its own minutes along.
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header(["Key", "Measured", "Goal", "Reached"]);
    for (key, goal) in &GOALS {
        let commit = number(&format!("{key}_commit")).or_else(|| number("commit_p50_ms"));
        let (goal, reached) = goal.judged(number(key), commit.unwrap_or_default());
        let measured = number(key).map_or_else(|| "missing".into(), shown);
        table.add_row([(*key).to_owned(), measured, goal, reached.to_owned()]);
    }
    for column in [1, 2] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let mut text = String::new();
    for line in table.lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text.push('\n');
    if let Value::Object(machine) = machine {
        for (name, value) in machine {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            // Writing to a String does not fail.
            let _ = writeln!(text, "{name:<11}{value}");
        }
    }
    text
}

impl Goal {
    /// The goal in words, and whether the figure reaches it.
    fn judged(&self, measured: Option<f64>, commit: f64) -> (String, &'static str) {
        let answer = |reached: bool| if reached { "yes" } else { "NO" };
        let measured = measured.unwrap_or(f64::NAN);
        match self {
            Goal::Measured => ("measured".into(), ""),
            Goal::AtLeast(goal) => (format!("≥ {}", shown(*goal)), answer(measured >= *goal)),
            Goal::AtMost(goal) => (format!("≤ {}", shown(*goal)), answer(measured <= *goal)),
            Goal::Commits(times, more) => {
                let goal = times * commit + more;
                (format!("≤ {} ({times} commits + {more})", shown(goal)), answer(measured <= goal))
            }
        }
    }
}

/// Thousands apart, and digits after the point only where they matter.
fn shown(value: f64) -> String {
    if value.abs() < 100.0 {
        return format!("{value:.3}");
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_can_be_read() {
        assert_eq!(shown(1_234_567.8), "1,234,568");
        assert_eq!(shown(0.25), "0.250");
        assert_eq!(shown(512.0), "512");
    }

    #[test]
    fn a_missing_figure_reaches_no_goal() {
        assert_eq!(Goal::AtMost(1.0).judged(None, 0.0).1, "NO");
        assert_eq!(Goal::Commits(1.5, 0.5).judged(Some(1.25), 0.5).1, "yes");
        assert_eq!(Goal::Commits(1.5, 0.5).judged(Some(1.26), 0.5).1, "NO");
    }
}
