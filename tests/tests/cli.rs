//! The command as people and programs meet it: its words on stdout and stderr, and its exit codes.

use expect_test::{Expect, expect};
use sandglass_tests::command::{Running, sandglass};
use sandglass_tests::guest;
use std::process::Stdio;

/// What a call said, without what differs from call to call.
fn said(args: &[&str]) -> String {
    let output = sandglass(args).output().expect("the command can be called");
    let text = format!(
        "exit {}\n{}---\n{}",
        output.status.code().map_or_else(|| "by a signal".into(), |code| code.to_string()),
        String::from_utf8_lossy(&output.stdout),
        without_progress(&String::from_utf8_lossy(&output.stderr)),
    );
    scrubbed(&text)
}

/// How much of it there is depends on how busy the machine is.
fn without_progress(stderr: &str) -> String {
    let is_progress = |line: &&str| {
        let said = [" fires at ", "the workflow task waits", "the workflow's code runs"];
        said.iter().any(|words| line.contains(words))
    };
    stderr.split_inclusive('\n').filter(|line| !is_progress(line)).collect()
}

fn check(args: &[&str], expected: Expect) {
    expected.assert_eq(&said(args));
}

/// Run ids, times, digests and folders have their names in place of their values. Words are what stands between white space and quotes.
fn scrubbed(text: &str) -> String {
    let folder = guest("greeting").parent().expect("a guest lies in a folder").to_owned();
    let text = text.replace(&format!("{}/", folder.display()), "");
    let separators = |c: char| c.is_whitespace() || c == '"' || c == ',';
    text.split_inclusive(separators).map(scrubbed_word).collect()
}

fn scrubbed_word(piece: &str) -> String {
    let word = piece.trim_end_matches(|c: char| c.is_whitespace() || c == '"' || c == ',');
    let end = &piece[word.len()..];
    let hex = |c: char| c.is_ascii_hexdigit() || c == '-';
    let name = if word.len() == 36 && word.matches('-').count() == 4 && word.chars().all(hex) {
        "UUID"
    } else if word.len() == 24 && word.ends_with('Z') && word.contains('T') {
        // The table keeps its columns.
        "TTTT-TT-TTTTT:TT:TT.TTTZ"
    } else if word.len() > 20 && word.ends_with('Z') && word.contains('T') {
        "TIME"
    } else if word.starts_with("sha256:") {
        "DIGEST"
    } else {
        return piece.to_owned();
    };
    format!("{name}{end}")
}

fn file(name: &str) -> String {
    guest(name).display().to_string()
}

#[test]
fn a_result_goes_to_stdout_and_the_rest_to_stderr() {
    check(
        &["run", &file("bench-empty"), "--input", r#"{"b": 1.0, "a": [null]}"#],
        expect![[r#"
            exit 0
            {"b": 1.0, "a": [null]}
            ---
            started: workflow id UUID, run id UUID
        "#]],
    );
    check(
        &["run", &file("bench-empty")],
        expect![[r#"
        exit 0
        null
        ---
        started: workflow id UUID, run id UUID
    "#]],
    );
}

#[test]
fn a_history_has_temporals_names() {
    check(
        &["run", &file("timer"), "--id", "nap", "--input", "0.05", "--history"],
        expect![[r#"
            exit 0
             ID  Time                      Event                       Details
             1   TTTT-TT-TTTTT:TT:TT.TTTZ  WorkflowExecutionStarted    timer(0.05)
             2   TTTT-TT-TTTTT:TT:TT.TTTZ  WorkflowTaskScheduled
             3   TTTT-TT-TTTTT:TT:TT.TTTZ  WorkflowTaskStarted
             4   TTTT-TT-TTTTT:TT:TT.TTTZ  WorkflowTaskCompleted
             5   TTTT-TT-TTTTT:TT:TT.TTTZ  TimerStarted                timer 1: 60m
             6   TTTT-TT-TTTTT:TT:TT.TTTZ  TimerStarted                timer 2: 0.050s
             7   TTTT-TT-TTTTT:TT:TT.TTTZ  TimerFired                  timer 2
             8   TTTT-TT-TTTTT:TT:TT.TTTZ  WorkflowTaskScheduled
             9   TTTT-TT-TTTTT:TT:TT.TTTZ  WorkflowTaskStarted
             10  TTTT-TT-TTTTT:TT:TT.TTTZ  WorkflowTaskCompleted
             11  TTTT-TT-TTTTT:TT:TT.TTTZ  TimerCanceled               timer 1
             12  TTTT-TT-TTTTT:TT:TT.TTTZ  WorkflowExecutionCompleted  "slept for 0.05 s"
            "slept for 0.05 s"
            ---
            started: workflow id nap, run id UUID
        "#]],
    );
}

#[test]
fn json_says_all_of_it() {
    let output = sandglass(&["run", &file("timer"), "--id", "nap", "--input", "0.05"])
        .args(["-o", "json", "--history"])
        .output()
        .expect("the command can be called");
    let mut printed: serde_json::Value =
        serde_json::from_slice(&output.stdout).expect("stdout is one JSON value");
    let history = printed["history"].take();
    let types: Vec<&str> = history["events"]
        .as_array()
        .expect("a history has events")
        .iter()
        .filter_map(|event| event["eventType"].as_str())
        .collect();
    assert_eq!(types[0], "EVENT_TYPE_WORKFLOW_EXECUTION_STARTED");
    assert_eq!(types.last(), Some(&"EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED"));
    expect![[r#"
        {
          "history": null,
          "result": "slept for 0.05 s",
          "runId": "UUID",
          "status": "COMPLETED",
          "taskQueue": "default",
          "type": "timer",
          "workflowId": "nap"
        }"#]]
    .assert_eq(&scrubbed(&format!("{printed:#}")));
}

#[test]
fn exit_codes_tell_how_it_ended() {
    check(
        &["run", &file("cancellation"), "--input", "\"dance\""],
        expect![[r#"
            exit 1
            ---
            started: workflow id UUID, run id UUID
            the workflow failed: unknown variant `dance`, expected one of `cleanup`, `nothing`, `swallow`, `fail`, `shield` at line 1 column 7
        "#]],
    );
    check(
        &["run", &file("cancellation"), "--input", "\"nothing\"", "--run-timeout", "50ms"],
        expect![[r#"
            exit 5
            ---
            started: workflow id UUID, run id UUID
            the workflow timed out
        "#]],
    );
}

#[test]
fn wrong_words_write_nothing() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let database = folder.path().join("untouched.db").display().to_string();
    let (empty, timer) = (file("bench-empty"), file("timer"));
    let mut all = String::new();
    let mut wrong = |args: &[&str]| {
        let args = [&["run", "--db", &database], args].concat();
        all += &said(&args);
    };
    wrong(&[&empty, "--input", "World"]);
    wrong(&[&empty, "--input", "1 2"]);
    wrong(&["missing.wasm"]);
    wrong(&[&empty, &timer]);
    wrong(&[&empty, "--type", "other"]);
    wrong(&[&format!("{empty}=a"), &format!("{timer}=b,a")]);
    wrong(&[&empty, "--activity", "echo"]);
    expect![[r#"
        exit 2
        ---
        error: --input World is not JSON (expected value at line 1 column 1); a text needs its quotes: --input '"World"'
        exit 2
        ---
        error: --input 1 2 is not JSON (trailing characters at line 1 column 3); a text needs its quotes: --input '"World"'
        exit 2
        ---
        error: there is no file missing.wasm; build the component first
        exit 2
        ---
        error: several workflow types are served; say --type, one of bench_empty, timer
        exit 2
        ---
        error: no component serves the workflow type other; those given serve bench_empty
        exit 2
        ---
        error: both bench_empty.wasm and timer.wasm serve the workflow type a; name others after `=`
        exit 2
        ---
        error: --activity echo: write TYPE=COMPONENT
    "#]].assert_eq(&all);
    let left = std::fs::read_dir(folder.path()).expect("the folder can be read").count();
    assert_eq!(left, 0, "something was written");
}

#[test]
fn components_that_cannot_run_are_refused() {
    let mut all = String::new();
    for name in ["core-module", "foreign-import", "missing-run", "greeting-activity"] {
        all += &said(&["run", &file(name)]);
    }
    expect![[r#"
        exit 2
        ---
        error: the host cannot be started: the component for core_module is refused: it is a core module, not a component: build it for wasm32-wasip2, or make a component of it with `sandglass component new`
        exit 2
        ---
        error: the host cannot be started: the component for foreign_import is refused: it imports what a workflow is not offered: foo:bar/baz; there are sandglass:workflow, sandglass:activity and WASI 0.2, of which wasi:http is for activities alone
        exit 2
        ---
        error: the host cannot be started: the component for missing_run is refused: it does not export the function run: export `run: func(input: list<payload>) -> result<payload, failure>`, as the world says
        exit 2
        ---
        error: the host cannot be started: the component for greeting_activity is refused: it is an activity, not a workflow: it imports sandglass:activity/attempt@0.1.0
    "#]].assert_eq(&all);
}

#[test]
fn an_id_that_is_too_long_is_refused() {
    let output = sandglass(&["run", &file("bench-empty"), "--id", &"i".repeat(1001)])
        .output()
        .expect("the command can be called");
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    expect![[r#"
        error: the workflow was not started: WorkflowId exceeds maximum allowed length (1001/1000)
    "#]]
    .assert_eq(&String::from_utf8_lossy(&output.stderr));
}

#[test]
fn inspect_tells_what_a_component_is() {
    let output = sandglass(&["component", "inspect", &file("timer")])
        .output()
        .expect("the command can be called");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    // Sizes, and who made it, change with the compiler.
    let stays = |line: &&str| {
        !["size", "language", "processed-by", "sdk"].iter().any(|word| line.starts_with(word))
    };
    let kept: Vec<&str> = text.lines().filter(stays).collect();
    expect![[r#"
        world     workflow
        digest    DIGEST
        imports
          sandglass:workflow/types@0.1.0
          sandglass:workflow/failures@0.1.0
          sandglass:workflow/timers@0.1.0
          wasi:io/poll@0.2.6
          wasi:io/error@0.2.6
          wasi:io/streams@0.2.6
          wasi:cli/environment@0.2.6
          wasi:cli/exit@0.2.6
          wasi:cli/stdin@0.2.6
          wasi:cli/stdout@0.2.6
          wasi:cli/stderr@0.2.6
          wasi:cli/terminal-input@0.2.6
          wasi:cli/terminal-output@0.2.6
          wasi:cli/terminal-stdin@0.2.6
          wasi:cli/terminal-stdout@0.2.6
          wasi:cli/terminal-stderr@0.2.6
        exports
          run
        It can be run."#]]
    .assert_eq(&scrubbed(&kept.join("\n")));
    let output = sandglass(&["component", "inspect", "-o", "json", &file("foreign-import")])
        .output()
        .expect("the command can be called");
    let found: serde_json::Value =
        serde_json::from_slice(&output.stdout).expect("stdout is one JSON value");
    let imports = found["imports"].as_array().expect("there are imports");
    let foreign = imports.iter().find(|import| import["offered"] == false);
    assert_eq!(foreign.expect("one is not offered")["name"], "foo:bar/baz");
    assert!(found["refused"].as_str().is_some_and(|why| why.contains("foo:bar/baz")));
}

#[test]
fn compile_fills_the_cache() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let status = sandglass(&["component", "compile", &file("bench-empty")])
        .env("XDG_CACHE_HOME", folder.path())
        .stdout(Stdio::null())
        .status()
        .expect("the command can be called");
    assert!(status.success());
    let kept = std::fs::read_dir(folder.path().join("sandglass/components"))
        .expect("the cache is there")
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .any(|name| name.ends_with(".cwasm"));
    assert!(kept, "nothing was kept");
}

#[test]
fn ctrl_c_cancels() {
    let mut run = Running::start(&["run", &file("cancellation"), "--input", "\"nothing\""]);
    run.until("timer 1 fires");
    run.signal("-INT");
    let (code, heard) = run.end();
    assert_eq!(code, Some(3), "{heard}");
    assert!(heard.contains("canceling… (Ctrl-C again terminates)"), "{heard}");
    assert!(heard.ends_with("the workflow was canceled\n"), "{heard}");
}

#[test]
fn an_activity_that_nobody_does_is_told() {
    let mut run = Running::start(&["run", &file("cancellation"), "--input", "\"shield\""]);
    run.until("activity charge is done by nobody: --activity charge=COMPONENT");
    run.signal("-INT");
    run.until("canceling…");
    run.signal("-INT");
    let (code, heard) = run.end();
    assert_eq!(code, Some(4), "{heard}");
}

#[test]
fn a_second_ctrl_c_terminates_what_does_not_listen() {
    let mut run = Running::start(&["run", &file("bench-endless-loop")]);
    run.until("the workflow's code runs");
    run.signal("-INT");
    run.until("canceling…");
    run.signal("-INT");
    let (code, heard) = run.end();
    assert_eq!(code, Some(4), "{heard}");
    assert!(heard.contains("terminating…"), "{heard}");
}

#[test]
fn a_killed_run_goes_on() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let database = folder.path().join("runs.db").display().to_string();
    let timer = file("timer");
    let args = ["run", &timer, "--db", &database, "--id", "nap", "--input", "3"];
    let mut run = Running::start(&args);
    run.until("timer 2 fires");
    let refused = said(&args);
    assert!(refused.contains("in use by"), "two hosts had one database: {refused}");
    run.signal("-KILL");
    run.end();
    check(
        &args,
        expect![[r#"
        exit 0
        "slept for 3 s"
        ---
        goes on: workflow id nap, run id UUID
        the run that goes on keeps the input that it was started with
    "#]],
    );
}

/// The failure of the first workflow task of a hostile guest that does `deed`, under those options.
fn task_failure(deed: &str, options: &[&str]) -> serde_json::Value {
    let (guest, input) = (file("hostile"), format!("{deed:?}"));
    let mut args = vec!["run", &guest, "--input", &input, "--run-timeout", "1s"];
    args.extend(["--history", "--output", "json"]);
    args.extend(options);
    let output = sandglass(&args).output().expect("the command can be called");
    assert_eq!(output.status.code(), Some(5), "{output:?}");
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).expect("an object");
    let events = said["history"]["events"].as_array().expect("events").iter();
    let failed =
        |event: &&serde_json::Value| event["eventType"] == "EVENT_TYPE_WORKFLOW_TASK_FAILED";
    let failed = events.into_iter().find(failed).expect("a failed task");
    failed["workflowTaskFailedEventAttributes"]["failure"].clone()
}

#[test]
fn limits_of_guests_are_options_and_traps_name_lines_of_source() {
    for (deed, options, words) in [
        ("memory-bomb", ["--guest-memory", "8MiB"], "more than the 8388608"),
        ("log-flood", ["--guest-log-bytes", "64KiB"], "more than the 65536 bytes of log"),
        ("endless-loop", ["--deadlock-timeout", "100ms"], "computed for 0.1 s"),
    ] {
        let failure = task_failure(deed, &options);
        assert!(failure["message"].as_str().expect("a message").contains(words), "{failure}");
    }
    let failure = task_failure("trap", &[]);
    let trace = failure["stackTrace"].as_str().expect("a stack trace");
    assert!(trace.contains("hostile/src/lib.rs:"), "{trace}");
}

#[test]
fn limits_show_their_defaults_and_refuse_what_makes_no_sense() {
    let help = said(&["run", "--help"]);
    for default in ["256MiB", "200000", "1MiB", "10000", "2s", "10s"] {
        assert!(help.contains(&format!("[default: {default}]")), "{default}: {help}");
    }
    for (option, value, words) in [
        ("--guest-memory", "100MB", "like 512KiB, 256MiB or 1GiB"),
        ("--guest-memory", "5GiB", "from 64KiB to 4GiB"),
        ("--guest-threads", "0", "0 is not in 1..=1024"),
        ("--workflow-task-timeout", "5m", "120s at most"),
    ] {
        let said = said(&["run", &file("bench-empty"), option, value]);
        assert!(said.starts_with("exit 2\n---\n"), "{said}");
        assert!(said.contains(option) && said.contains(words), "{said}");
    }
}
