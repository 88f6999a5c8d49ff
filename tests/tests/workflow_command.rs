//! `sandglass workflow` against `sandglass serve`: each subcommand's text and JSON, its exit code, and what it says of wrong use.

use sandglass_tests::asked::{Asked, said};
use serde_json::json;

/// The names of the events that a text shows.
fn events(text: &str) -> Vec<&str> {
    let rows = text.lines().filter(|line| line.contains("Z  "));
    rows.filter_map(|line| line.rsplit("  ").next()).collect()
}

#[test]
fn a_workflow_is_executed_and_looked_at() {
    let served = Asked::start();
    let executed =
        served.text(&["execute", "--type", "bench-empty", "-w", "e", "-i", r#"{"a":1}"#]);
    let (head, rest) = executed.split_once("\n\n").expect("two parts");
    assert!(head.starts_with("Running execution:\n  WorkflowId  e\n  RunId       "), "{head}");
    assert!(head.ends_with("Namespace   default\n  TaskQueue   default"), "{head}");
    let expected = [
        "WorkflowExecutionStarted",
        "WorkflowTaskScheduled",
        "WorkflowTaskStarted",
        "WorkflowTaskCompleted",
        "WorkflowExecutionCompleted",
    ];
    assert_eq!(events(rest), expected);
    let end =
        "  Status          COMPLETED\n  Result          {\"a\":1}\n  ResultEncoding  json/plain\n";
    assert!(rest.ends_with(end), "{rest}");
    assert_eq!(served.text(&["result", "-w", "e"]), format!("Results:\n{end}"));
    let shown = served.text(&["show", "-w", "e"]);
    assert_eq!(events(&shown), expected);
    assert!(shown.ends_with(&format!("\n\nResults:\n{end}")), "{shown}");
    let mut newest_first = expected;
    newest_first.reverse();
    assert_eq!(events(&served.text(&["show", "-w", "e", "--reverse"])), newest_first);
    let history = served.json(&["show", "-w", "e"]);
    assert_eq!(history["events"][4]["eventType"], "EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED");
    let result = served.json(&["result", "-w", "e"]);
    assert_eq!((&result["status"], &result["result"]), (&json!("COMPLETED"), &json!({"a": 1})));
    assert_eq!(
        result["runId"],
        history["events"][0]["workflowExecutionStartedEventAttributes"]["originalExecutionRunId"]
    );
    let again = served.json(&["execute", "--type", "bench-empty", "-w", "e2", "-i", "7"]);
    assert_eq!(
        again["closeEvent"]["workflowExecutionCompletedEventAttributes"]["result"],
        json!([7])
    );
    assert!(again["durationMillis"].is_u64());
    let described = served.json(&["describe", "-w", "e"]);
    assert_eq!(described["result"], json!({"a": 1}));
    assert_eq!(described["closeEvent"]["eventId"], "5");
    let line = served.text(&["list", "--limit=-1", "-o", "jsonl", "--time-format", "iso"]);
    assert_eq!(line.lines().count(), 2, "{line}");
    assert_eq!(served.text(&["show", "-w", "e", "-o", "none"]), "");
    let detailed = served.text(&["show", "-w", "e", "--detailed", "--follow"]);
    let section = "--------------- [1] WorkflowExecutionStarted ---------------\nattempt: 1\n";
    assert!(detailed.contains(section) && detailed.contains("\ninput[0].a: 1\n"), "{detailed}");
    let times = ["--run-timeout", "1h30m", "--execution-timeout", "0s", "--task-timeout", "0"];
    served.text(&[&["execute", "--type", "bench-empty", "-w", "timed"][..], &times].concat());
    let timed = served.json(&["show", "-w", "timed"]).to_string();
    assert!(timed.contains("\"workflowRunTimeout\":\"5400s\""), "{timed}");
}

#[test]
fn a_workflow_that_runs_is_described_asked_signaled_and_interrupted() {
    let served = Asked::start();
    let script =
        r#"[{"publish":{"name":"status","value":"waiting"}},{"receive":"go"},"return-result"]"#;
    served.start_workflow("scripted", "asked", script);
    let twice = served.text(&["start", "--type", "scripted", "-w", "asked"]);
    let once = served.text(&["describe", "-w", "asked"]);
    let run_id = |text: &str| {
        text.split("RunId").nth(1).map(|it| it.split_whitespace().next().map(str::to_owned))
    };
    assert_eq!(run_id(&twice), run_id(&once));
    assert!(once.contains("Pending Activities: 0\nPending Child Workflows: 0"), "{once}");
    let refused =
        served.workflow(&["start", "--type", "scripted", "-w", "asked", "--fail-existing"]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.err.starts_with("error: failed starting workflow: Workflow execution is already running. WorkflowId: asked, RunId: "), "{}", refused.err);
    let answer = served.text(&["query", "-w", "asked", "--type", "status"]);
    assert_eq!(answer, "Query result:\n  QueryResult  \"waiting\"\n");
    assert_eq!(
        served.json(&["query", "-w", "asked", "--name", "status"]),
        json!({"queryResult": ["waiting"]})
    );
    let stack = served.text(&["stack", "-w", "asked"]);
    assert!(stack.contains("scripted::Player::play"), "{stack}");
    assert_eq!(
        served.text(&["signal", "-w", "asked", "--name", "go", "-i", "5"]),
        "Signal workflow succeeded\n"
    );
    assert!(served.text(&["result", "-w", "asked"]).contains("Result          5"));
    for (id, ask, told, code, status) in [
        ("c", "cancel", "Canceled workflow\n", 3, "CANCELED"),
        ("t", "terminate", "Workflow terminated\n", 4, "TERMINATED"),
    ] {
        served.start_workflow("cancellation", id, "\"nothing\"");
        served.until(&["show", "-w", id], "TimerStarted");
        assert_eq!(served.text(&[ask, "-w", id, "--reason", "enough"]), told);
        let ended = served.workflow(&["result", "-w", id]);
        assert_eq!(ended.code, Some(code), "{}", ended.err);
        assert!(
            ended.out.contains(&format!("Status    {status}"))
                || ended.out.contains(&format!("Status  {status}")),
            "{}",
            ended.out
        );
        assert_eq!(ended.err, format!("error: the workflow has ended as {status}\n"));
        assert!(served.json(&["show", "-w", id]).to_string().contains("enough"));
    }
    let over = served.workflow(&["terminate", "-w", "t"]);
    assert_eq!(
        over.err,
        "error: failed to terminate workflow: workflow execution already completed\n"
    );
}

#[test]
fn what_nobody_serves_is_said() {
    let served = Asked::start();
    served.start_workflow("unheard-of", "idle", "1");
    let described = served.text(&["describe", "-w", "idle", "--time-format", "iso"]);
    let nobody = "no worker takes workflow tasks of type unheard-of from task queue default";
    let (_, said) = described
        .split_once(&format!("Not Served: {nobody}; one was scheduled "))
        .expect(&described);
    assert!(said.ends_with("Z\n") && said.lines().count() == 1, "{described}");
    let script = r#"[{"activity":{"type":"a","task-queue":"far","start-to-close-timeout":60}}]"#;
    served.start_workflow("scripted", "acts", script);
    let described = served.until(&["describe", "-w", "acts"], "Pending Activities: 1");
    let row = "  NotServed        no worker takes activity tasks of type a from task queue far\n";
    assert!(described.contains(row) && !described.contains("Not Served"), "{described}");
    served.start_workflow("unheard-of", "idle-2", "1");
    let listed = served.workflow(&["list"]);
    assert_eq!(listed.err, format!("note: {nobody} (2 runs in this list)\n"));
    assert_eq!(listed.out.lines().count(), 4, "the table is as it was: {}", listed.out);
    for script in [&["list", "-o", "json"][..], &["describe", "-w", "idle", "-o", "json"]] {
        let said = served.workflow(script);
        assert!(said.err.is_empty() && !said.out.contains("no worker"), "{}{}", said.out, said.err);
    }
    served.text(&["terminate", "-w", "idle"]);
    served.text(&["terminate", "-w", "idle-2"]);
    assert_eq!(served.workflow(&["list"]).err, "", "what is closed needs no worker");
}

#[test]
fn workflows_are_listed_counted_and_asked_many_at_once() {
    let served = Asked::start();
    for number in 0..3 {
        served.start_workflow("cancellation", &format!("many-{number}"), "\"nothing\"");
    }
    served.text(&["execute", "--type", "bench-empty", "-w", "one"]);
    let running = "ExecutionStatus = 'Running'";
    let list = served.text(&["list", "--query", running]);
    assert_eq!(
        list.lines().filter(|line| line.starts_with("  Running  many-")).count(),
        3,
        "{list}"
    );
    assert_eq!(
        served.json(&["list", "--limit", "2", "--page-size", "1"]).as_array().map(Vec::len),
        Some(2)
    );
    assert_eq!(served.text(&["list", "--query", "WorkflowId = 'nobody'"]), "");
    assert_eq!(served.text(&["count"]), "Total: 4\n");
    let groups = served.text(&["count", "--query", "GROUP BY ExecutionStatus"]);
    assert!(groups.contains("Group total: 3, values: Running\n"), "{groups}");
    assert_eq!(served.json(&["count", "--query", running]), json!({"count": "3"}));
    let ask = ["cancel", "--query", running, "--reason", "all of them"];
    let denied = served.workflow(&ask);
    assert_eq!(denied.code, Some(1));
    assert!(denied.err.contains("approximately 3 workflow(s)? y/N"), "{}", denied.err);
    let batch = served.json(&[&ask[..], &["--yes"]].concat());
    assert!(batch["batchJobId"].is_string(), "{batch}");
    served.until(&["count", "--query", "ExecutionStatus = 'Canceled'"], "Total: 3\n");
    let asks = served.workflow(&["delete", "-w", "one", "-o", "json"]);
    assert!(asks.code == Some(1) && asks.err.contains("add --yes"), "{}", asks.err);
    assert_eq!(served.text(&["delete", "-w", "one", "--yes"]), "Delete workflow succeeded\n");
    served.until(&["count"], "Total: 3\n");
    let started = served.json(&[
        "signal-with-start",
        "--type",
        "scripted",
        "-w",
        "sws",
        "--signal-name",
        "go",
        "--signal-input",
        "1",
        "-i",
        r#"[{"receive":"go"},"return-result"]"#,
    ]);
    assert_eq!((&started["workflowId"], &started["type"]), (&json!("sws"), &json!("scripted")));
    assert!(served.text(&["result", "-w", "sws"]).contains("Result          1"));
}

#[test]
fn wrong_use_says_what_to_do() {
    let served = Asked::start();
    let refused = |args: &[&str], code: i32, words: &str| {
        let said = served.workflow(args);
        assert_eq!(said.code, Some(code), "{args:?}: {}", said.err);
        assert!(said.err.contains(words), "{args:?}: {}", said.err);
        assert!(!said.err.contains("panicked") && !said.err.contains("/src/"), "{}", said.err);
    };
    for ask in [&["describe"][..], &["cancel"], &["show"], &["result"], &["query", "--name", "q"]] {
        refused(&[ask, &["-w", "nobody"]].concat(), 1, "workflow not found for ID: nobody");
    }
    refused(&["start", "--type", "t", "-i", "{bad"], 2, "input #1 is not valid JSON");
    refused(&["start", "--type", "t", "--memo", "x"], 2, "--memo \"x\" is not KEY=VALUE");
    refused(&["start"], 2, "--type <TYPE>");
    refused(&["cancel"], 2, "give --workflow-id, or --query");
    refused(&["list", "--query", "Nothing = 1"], 1, "failed listing workflows: ");
    refused(&["list", "--bogus"], 2, "--bogus");
    refused(&["update", "-w", "w", "--name", "n"], 2, "workflow update comes in a later version");
    refused(&["reset"], 2, "workflow reset comes in a later version");
    refused(&["trace", "-w", "w"], 2, "workflow trace comes in a later version");
    refused(&["list", "--color", "pink"], 2, "always");
    refused(&["list", "--tls-key-path", "/nowhere/key.pem"], 2, "together");
    refused(&["list", "--tls=false", "--tls-ca-path", "/nowhere/ca.pem"], 2, "--tls=false");
    refused(&["cancel", "-q", "TaskQueue = 'q'", "-o", "json"], 1, "add --yes");
    assert_eq!(served.workflow(&["count", "--tls=false"]).code, Some(0));
    refused(&["list", "--tls-ca-path", "/nowhere/ca.pem"], 2, "/nowhere/ca.pem");
    let other = said(&["list", "--address", "127.0.0.1:1"]);
    assert_eq!(other.code, Some(1));
    assert!(
        other.err.contains("no server answers at 127.0.0.1:1")
            && other.err.contains("sandglass serve"),
        "{}",
        other.err
    );
    let wrong = said(&["list", "--address", "no address"]);
    assert_eq!((wrong.code, wrong.out.as_str()), (Some(2), ""));
    served.start_workflow("cancellation", "waits", "\"nothing\"");
    refused(&["result", "-w", "waits", "--command-timeout", "300ms"], 1, "took longer than");
}
