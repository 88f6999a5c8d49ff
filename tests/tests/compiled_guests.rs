//! Guests in Go, C, C++ and Zig, and the worker alone: a guest in Go that lives long, and mistakes, told in the words of whoever made them.

use sandglass_core::Payload;
use sandglass_core::command::CommandKind;
use sandglass_core::event::HistoryEvent;
use sandglass_core::task::{Answer, Failed};
use sandglass_host::wasm::{
    Engine, EngineOptions, HistorySource, Limits, Worker, WorkerOptions, WorkflowComponent,
};
use sandglass_tests::story::Story;
use sandglass_tests::{compiled, test_guest_in};
use std::fs;
use std::sync::Arc;

fn worker(guest: &str, language: &str) -> Worker {
    let options = EngineOptions { cache_dir: Some(compiled()), ..EngineOptions::default() };
    let engine = Engine::new(options).expect("an engine");
    let worker = Worker::new(&engine, WorkerOptions::for_engine(&engine)).expect("a worker");
    let bytes = fs::read(test_guest_in(guest, language)).expect("the guest can be read");
    worker.register(guest, WorkflowComponent::load(&engine, &bytes).expect("it is a workflow"));
    worker
}

/// The run stays parked, so nobody asks for what it has seen.
struct Forgotten;

impl HistorySource for Forgotten {
    async fn page(&mut self, first_event_id: i64) -> Result<Vec<Arc<HistoryEvent>>, String> {
        Err(format!("event {first_event_id} was forgotten"))
    }
}

/// Lets one instance execute so many activities, each with an answer of so many letters. How much it holds, after each workflow task.
async fn goes_through(activities: usize, letters: usize) -> Vec<usize> {
    let worker = worker("many-activities", "go");
    let input = Payload::json(activities.to_string());
    let mut story = Story::new("many-activities", "run", vec![input]);
    let answer = Payload::json(format!("\"{}\"", "x".repeat(letters)));
    let (mut done, mut held) = (0, Vec::new());
    let result = loop {
        let answered = worker.execute(story.task(), Forgotten).await.expect("it is not abandoned");
        let commands = story.complete(answered);
        story.forget();
        if let [CommandKind::CompleteWorkflowExecution { result }] = &commands[..] {
            break result.clone();
        }
        for command in &commands {
            let CommandKind::ScheduleActivityTask(scheduled) = command else {
                panic!("it does something else: {command:?}");
            };
            story.complete_activity(&scheduled.activity_id, answer.clone());
            done += 1;
        }
        held.push(worker.stats().cached_bytes);
    };
    assert_eq!(done, activities);
    let length = result.expect("a result").payloads[0].data.clone();
    assert_eq!(&length[..], (activities * letters).to_string().as_bytes());
    assert_eq!((worker.stats().replays, worker.stats().failures), (0, 0));
    held
}

/// So many that the collector runs often. With the module that the bindings name, which allocates while the host asks for memory, it traps.
#[tokio::test(flavor = "multi_thread")]
async fn a_guest_in_go_goes_through_many_activities_in_bounded_memory() {
    let held = goes_through(300_000, 100).await;
    let (early, late) = (held[held.len() / 10], held[held.len() - 1]);
    println!("parked: {early} bytes after a tenth, {late} at the end");
    assert!(late <= early + (8 << 20), "its memory grows: {early} bytes, then {late}");
}

/// Answers that fit in no chunk at first, and more of them than a guest can hold.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_guest_in_go_does_not_need_any_more_makes_room() {
    let (activities, letters) = (2_000, 200_000);
    let held = goes_through(activities, letters).await;
    println!("parked: {} bytes at the end", held[held.len() - 1]);
    assert!(activities * letters > Limits::default().memory_bytes);
}

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
    let worker = worker("mistakes", language);
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
