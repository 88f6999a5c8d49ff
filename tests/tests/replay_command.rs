//! `sandglass replay`: what a team sees of it in its CI.

use sandglass_tests::command::sandglass;
use sandglass_tests::{guest, here};
use serde_json::Value;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

/// The exit code, and what went to stdout and stderr.
fn replay(component: &str, args: &[&str]) -> (i32, String, String) {
    let component = guest(component).display().to_string();
    let args: Vec<&str> = ["replay", &component].into_iter().chain(args.iter().copied()).collect();
    let output = sandglass(&args).output().expect("the command can be called");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().expect("it ends"), text(&output.stdout), text(&output.stderr))
}

/// What `run` of a component prints, which is a history that the component replays.
fn recorded(component: &str, into: &Path) {
    let component = guest(component).display().to_string();
    let args = ["run", &component, "--history", "-o", "json", "--input", "7"];
    let output = sandglass(&args).output().expect("the command can be called");
    fs::write(into, output.stdout).expect("the folder can be written to");
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

#[test]
fn a_corpus_that_is_replayed_ends_with_0() {
    let corpus = folder();
    fs::create_dir(corpus.path().join("within")).expect("a folder");
    recorded("bench-empty", &corpus.path().join("within/one.json"));
    recorded("bench-empty", &corpus.path().join("two.json"));
    fs::write(corpus.path().join("notes.txt"), "no history").expect("a file");
    let path = corpus.path().display().to_string();
    let (code, stdout, stderr) = replay("bench-empty", &[&path]);
    assert_eq!(code, 0, "{stdout}{stderr}");
    let lines: Vec<&str> = stdout.lines().collect();
    assert_eq!(lines.len(), 3, "{stdout}");
    assert!(lines[0].starts_with("ok ") && lines[0].contains("two.json: 5 events, 1 workflow"));
    assert!(lines[1].contains("one.json"), "{stdout}");
    assert_eq!(lines[2], "2 histories replayed");
}

#[test]
fn a_divergence_is_told_with_its_place_and_ends_with_1() {
    let recording = here().join("data/golden/k_timer_cancelled.json").display().to_string();
    let (code, stdout, _) = replay("timer", &[&recording]);
    assert_eq!(code, 1);
    assert!(stdout.starts_with("DIVERGED "), "{stdout}");
    assert!(stdout.contains("event 11 is TimerCanceled (timer \"2\")"), "{stdout}");
    assert!(stdout.contains("\n    in run at ") && stdout.contains("timer/rust/src/lib.rs:"));
    assert!(stdout.ends_with("1 of 1 history not replayed\n"), "{stdout}");

    let (code, stdout, _) = replay("timer", &[&recording, "-o", "json"]);
    assert_eq!(code, 1);
    let report: Value = serde_json::from_str(&stdout).expect("one JSON object");
    assert_eq!((&report["replayed"], &report["failed"]), (&Value::from(0), &Value::from(1)));
    let told = &report["histories"][0];
    assert_eq!(told["outcome"], "diverged");
    assert_eq!((&told["eventId"], &told["issued"]), (&Value::from(11), &Value::Null));
    assert_eq!(told["recorded"], "TimerCanceled (timer \"2\")");
    assert!(!told["message"].as_str().expect("a text").contains("lib.rs"), "{told}");
    assert!(told["stackTrace"].as_array().is_some_and(|frames| frames.len() > 1), "{told}");
}

/// One that cannot be used fails the corpus, and the others are replayed all the same.
#[test]
fn a_file_that_is_no_history_is_told_beside_the_others() {
    let corpus = folder();
    recorded("bench-empty", &corpus.path().join("b.json"));
    fs::write(corpus.path().join("a.json"), "{\"events\": 7}").expect("a file");
    // An event that no machine here can replay.
    let child = here().join("data/golden/not-built-yet/h_parent_cancel_child_try_cancel.json");
    fs::copy(child, corpus.path().join("c.json")).expect("a recording");
    let (code, stdout, _) = replay("bench-empty", &[&corpus.path().display().to_string()]);
    assert_eq!(code, 1);
    let lines: Vec<&str> = stdout.lines().filter(|line| !line.starts_with(' ')).collect();
    assert!(lines[0].starts_with("UNUSABLE ") && lines[0].contains("a.json"), "{stdout}");
    assert!(lines[1].starts_with("ok ") && lines[1].contains("b.json"), "{stdout}");
    assert!(!lines[2].starts_with("ok ") && lines[2].contains("c.json"), "{stdout}");
    assert_eq!(lines[3], "2 of 3 histories not replayed");
}

#[test]
fn nothing_to_replay_is_wrong_usage() {
    let empty = folder();
    let path = empty.path().display().to_string();
    let missing = empty.path().join("missing.json").display().to_string();
    for args in [&[&*path][..], &[&*missing][..], &[][..]] {
        let (code, stdout, stderr) = replay("timer", args);
        assert_eq!((code, &*stdout), (2, ""), "{stderr}");
        assert!(!stderr.is_empty());
    }
    let history = here().join("data/golden/k_timer_cancelled.json").display().to_string();
    let output = sandglass(&["replay", &history, &history]).output().expect("it can be called");
    assert_eq!(output.status.code(), Some(2), "a history is no component");
}
