//! Tests of queries: what Temporal 1.32 reads and refuses, and in which words.

use super::parse;
use sandglass_host::RunSummary;
use sandglass_host::core::Timestamp;
use sandglass_host::core::policy::WorkflowExecutionStatus;
use sandglass_host::store::Cursor;
use std::hash::BuildHasher;

fn run(workflow_id: &str, workflow_type: &str, start: i64) -> RunSummary {
    let is_open = !workflow_id.ends_with('!');
    let start = 1_600_000_000_000_000_000 + start;
    RunSummary {
        workflow_id: workflow_id.trim_end_matches('!').into(),
        run_id: format!("run of {workflow_id}"),
        workflow_type: workflow_type.into(),
        task_queue: if start % 2 == 0 { "yard" } else { "shop" }.into(),
        start_request_id: String::new(),
        status: match is_open {
            true => WorkflowExecutionStatus::Running,
            false => WorkflowExecutionStatus::Terminated,
        },
        start_time: Timestamp(start),
        close_time: (!is_open).then_some(Timestamp(start + 300_000_000)),
        history_length: 3,
        history_size_bytes: 262,
        memo: None,
        search_attributes: None,
        due: None,
        entries: 5,
        cursor: Cursor::from_number(start),
    }
}

/// The runs that fit, of those with which a real server was asked the same.
fn found(text: &str) -> String {
    let runs = [
        run("b%6", "Pay", 6),
        run("it's", "Quote", 5),
        run("B-5", "order", 4),
        run("b-3", "Pay", 2),
        run("a-1", "Order", 0),
        run("b_4!", "Pay", 3),
        run("a-2!", "Order", 1),
    ];
    let condition = match parse(text) {
        Ok(query) => query.condition,
        Err(refused) => return format!("invalid query: {refused}"),
    };
    let fits = |run: &&RunSummary| condition.as_ref().is_none_or(|it| it.holds(run));
    let ids: Vec<&str> = runs.iter().filter(fits).map(|run| run.workflow_id.as_str()).collect();
    ids.join(" ")
}

/// Queries, and what a real server answered; what is left out on purpose is told in the test below.
const ANSWERED: &str = include_str!("answered.txt");

#[test]
fn queries_are_answered_as_by_temporal() {
    let mut lines = ANSWERED.lines();
    let mut number = 0;
    while let (Some(query), Some(answer)) = (lines.next(), lines.next()) {
        assert_eq!(found(query), answer, "{query}");
        number += 1;
    }
    assert!(number > 100, "only {number} queries");
}

#[test]
fn what_is_otherwise_than_at_temporal() {
    // On SQLite, Temporal finds `B-5`, too; on the databases of real installations it does not.
    assert_eq!(found("WorkflowId STARTS_WITH 'b'"), "b%6 b-3 b_4");
    // Temporal takes no notice of it.
    assert_eq!(
        found("WorkflowId = 'a-1' HAVING WorkflowId = 'a'"),
        "invalid query: operation is not supported: 'HAVING' clause"
    );
    // Nothing is known here of what a run never has.
    for name in ["BuildIds", "ParentWorkflowId", "StateTransitionCount"] {
        let unknown = format!("invalid query: invalid search attribute: {name}");
        assert_eq!(found(&format!("{name} IS NULL")), unknown);
    }
}

#[test]
fn what_is_too_large_is_refused() {
    let refused = |text: String| parse(&text).expect_err("too large").to_string();
    assert!(refused("(".repeat(10_000)).contains("64 deep"));
    assert!(refused("NOT ".repeat(10_000)).contains("64 deep"));
    let or = " OR WorkflowId = 'a'".repeat(500);
    assert!(refused(format!("WorkflowId = 'a'{or}")).contains("500 conditions"));
    let values = ", 'a'".repeat(10_000);
    assert!(refused(format!("WorkflowId IN ('a'{values})")).contains("10000 values"));
}

/// Whatever comes, it is read or refused: nothing panics. The pieces are those of queries, so that much of it goes deep.
#[test]
fn any_text_is_read_or_refused() {
    const PIECES: [&str; 40] = [
        "WorkflowId",
        "StartTime",
        "ExecutionStatus",
        "CloseTime",
        "RunId",
        "HistoryLength",
        "ExecutionDuration",
        "NoSuch",
        "`WorkflowType`",
        "=",
        "!=",
        "<",
        ">=",
        "<=>",
        "(",
        ")",
        ",",
        "'a'",
        "\"2026-11-23T10:00:00Z\"",
        "'Running'",
        "'1h'",
        "7",
        "-",
        "1.5e3",
        "AND",
        "OR",
        "NOT",
        "BETWEEN",
        "IN",
        "IS",
        "NULL",
        "STARTS_WITH",
        "LIKE",
        "ORDER BY",
        "GROUP BY",
        "é",
        "'",
        "/*",
        "*/",
        "--",
    ];
    let seed = match std::env::var("SANDGLASS_SEED") {
        Ok(seed) => seed.parse().expect("SANDGLASS_SEED is a number"),
        Err(_) => std::collections::hash_map::RandomState::new().hash_one(0),
    };
    println!("SANDGLASS_SEED={seed}");
    let mut state: u64 = seed;
    let mut next = |below: usize| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap_or(0) % below
    };
    let (mut read, mut meant_wrongly) = (0, 0);
    for _ in 0..100_000 {
        let length = next(14);
        let mut text = String::new();
        for _ in 0..length {
            text.push_str(PIECES[next(PIECES.len())]);
            text.push_str(if next(8) == 0 { "" } else { " " });
        }
        match parse(&text) {
            Ok(_) => read += 1,
            Err(super::BadQuery::Syntax { .. }) => {}
            Err(_) => meant_wrongly += 1,
        }
    }
    assert!(read > 50 && meant_wrongly > 50, "{read} were queries, {meant_wrongly} meant nothing");
}
