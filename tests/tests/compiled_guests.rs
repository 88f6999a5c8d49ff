//! Mistakes in Go, C, C++ and Zig, and the worker alone: they are told in the words of whoever made them. Those in the other languages are in `languages`.

use sandglass_core::Payload;
use sandglass_core::command::CommandKind;
use sandglass_core::task::{Answer, Failed};
use sandglass_host::wasm::Worker;
use sandglass_tests::story::{Story, worker_of};
use sandglass_tests::test_guest_in;

async fn failed(worker: &Worker, mistake: &str) -> Failed {
    let mut story = Story::new("mistakes", mistake, vec![Payload::json(format!("\"{mistake}\""))]);
    let pages = story.pages(100);
    match worker.execute(story.task(), pages).await.expect("it is not abandoned") {
        Answer::Failed(failed) => failed,
        Answer::Completed(done) => panic!("{mistake} is no failure: {:?}", done.commands),
    }
}

/// Each of the mistakes fails the workflow task, with these words, and the run that makes none completes.
async fn told(language: &str, mistakes: &[(&str, &str)]) {
    let worker = worker_of("mistakes", &test_guest_in("mistakes", language));
    for (mistake, words) in mistakes {
        let failed = failed(&worker, mistake).await;
        let message = failed.failure.message;
        println!("{language}, {mistake}: {message}");
        assert!(message.contains(words), "{language}, {mistake}: {message}");
    }
    let mut story = Story::new("mistakes", "none", vec![Payload::json("\"none\"")]);
    let pages = story.pages(100);
    let done = worker.execute(story.task(), pages).await.expect("it is not abandoned");
    assert!(matches!(story.complete(done)[..], [CommandKind::CompleteWorkflowExecution { .. }]));
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_in_go_are_told() {
    let mistakes = [
        ("panic", "panic: the stock is inconsistent"),
        ("out-of-bounds", "index out of range [13]"),
        ("exit", "ended its process with status 1"),
        ("not-utf-8", "utf-8"),
    ];
    told("go", &mistakes).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_in_c_are_told() {
    let mistakes = [
        ("panic", "the stock is inconsistent"),
        ("abort", "the stock is gone"),
        ("exit", "ended its process with status 1"),
        ("not-utf-8", "utf-8"),
    ];
    told("c", &mistakes).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_in_cpp_are_told() {
    let mistakes = [
        ("panic", "the stock is inconsistent"),
        ("out-of-bounds", "out_of_range"),
        ("exit", "ended its process with status 1"),
        ("not-utf-8", "utf-8"),
    ];
    told("cpp", &mistakes).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_in_zig_are_told() {
    let mistakes = [
        ("panic", "the stock is inconsistent"),
        ("out-of-bounds", "index out of bounds"),
        ("exit", "ended its process with status 1"),
        ("not-utf-8", "utf-8"),
    ];
    told("zig", &mistakes).await;
}
