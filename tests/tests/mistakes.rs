//! What an author is told of a mistake in a guest, language by language: in whose words, and at which of the guest's lines. The worker alone;
//! what a host makes of it, exceptions in a saga and diverging replays are in `languages`, what a guest may do wrong with its imports in `wasm_worker`.
//!
//! A mistake that is missing in a language cannot be made there: its compiler refuses it (a number in place of a payload in Rust, a socket in C
//! and C++, a thread in C++ and Zig), or it is none (goroutines share the one thread).

use sandglass_core::command::CommandKind;
use sandglass_core::task::Answer;
use sandglass_core::{Failure, Payload};
use sandglass_host::wasm::{
    Engine, EngineOptions, Limits, Worker, WorkerOptions, WorkflowComponent,
};
use sandglass_tests::story::Story;
use sandglass_tests::{compiled, test_guest_in};
use std::fs;
use std::path::Path;
use std::time::Duration;

/// What a mistake ends, and what is said: words of the failure's message or stack trace. One that begins with `@` stands for the line of the
/// guest's source that has the rest of it.
enum Ends {
    /// The workflow task.
    Task(&'static [&'static str]),
    /// The run: the guest has returned an error of its language.
    Run(&'static [&'static str]),
}
use Ends::{Run, Task};

type Mistakes = [(&'static str, Ends)];

const EXITED: &str = "the guest ended its process, with a status that is not 0";
const LOOPED: &str = "longer than it may (limit deadlock_timeout)";
const CLOCK: &str = "asks for the time again and again, which stands still until it waits";
const MISFIT: &str = "what `run` returned or threw does not have the type that the interface wants";
const NO_PAYLOAD: &str = "what `run` returned is neither a payload nor a failure";

const RUST: &Mistakes = &[
    ("panic", Task(&["the guest aborted", "the stock is inconsistent", "@panic!("])),
    ("out-of-bounds", Task(&["the len is 1 but the index is 13", "@input[which.len()]"])),
    ("exit", Task(&[EXITED, "@process::exit"])),
    ("clock", Task(&[LOOPED, CLOCK, "@while begin.elapsed()"])),
    ("file", Task(&["No such file or directory", "@File::open"])),
    ("socket", Task(&["Permission denied", "@TcpStream::connect"])),
    ("thread", Task(&["failed to spawn thread", "Not supported", "@thread::spawn"])),
];

const PYTHON: &Mistakes = &[
    ("throw", Task(&["ValueError: the stock is inconsistent\n", "@raise ValueError"])),
    (
        "throw-because",
        Task(&[
            "RuntimeError: no order\n",
            "@raise RuntimeError",
            "It was caused by KeyError: 'stock'\n",
            "@{}[\"stock\"]",
        ]),
    ),
    (
        "throw-while-handling",
        Task(&["NameError: name 'stock'", "It was raised while another was handled, KeyError:"]),
    ),
    ("exit", Task(&[EXITED])),
    ("number", Task(&[MISFIT, "it is <class 'int'>, none of the variant's cases"])),
    ("nothing", Task(&[MISFIT, "it is <class 'NoneType'>, none of the variant's cases"])),
    ("inner-number", Task(&[MISFIT, "'int' object is not an instance of 'str'"])),
    ("wrong-failure", Task(&[MISFIT, "'str' object has no attribute"])),
    ("argument", Task(&["what `execute` was given", "it is 13, not <class 'list'>"])),
    ("clock", Task(&[LOOPED, CLOCK])),
    ("file", Task(&["FileNotFoundError", "'/stock.txt'", "@open("])),
    ("socket", Task(&["PermissionError", "@socket.socket("])),
    ("thread", Task(&["RuntimeError: can't start new thread", "@threading.Thread"])),
];

const JAVASCRIPT: &Mistakes = &[
    ("throw", Task(&["the stock is inconsistent\n", "@throw new Error("])),
    ("throw-text", Task(&[MISFIT, "expected object"])),
    ("throw-object", Task(&[MISFIT, "it is undefined, not string"])),
    ("exit", Task(&["process is not defined", "@process.exit"])),
    ("number", Task(&[MISFIT, "it is int, not variant"])),
    ("nothing", Task(&[MISFIT, "it is undefined, not variant"])),
    ("inner-number", Task(&[MISFIT, "it is int, not string"])),
    ("wrong-tag", Task(&["unknown variant tag: jsn"])),
    ("promise", Task(&[MISFIT, "it is undefined, not string"])),
    ("argument", Task(&["what `execute` was given", "expected array"])),
    ("clock", Task(&[LOOPED, CLOCK])),
    ("file", Task(&["require is not defined", "@require("])),
    ("socket", Task(&["fetch is not defined", "@fetch("])),
    ("thread", Task(&["Worker is not defined", "@new Worker"])),
];

/// The lines are those of the JavaScript that it was compiled to.
const TYPESCRIPT: &Mistakes = &[
    ("throw", Task(&["the stock is inconsistent\n", "/mistakes/typescript/mistakes.js:"])),
    ("exit", Task(&["process is not defined", "/mistakes/typescript/mistakes.js:"])),
    ("number", Task(&[MISFIT, "it is int, not variant"])),
    ("nothing", Task(&[MISFIT, "it is undefined, not variant"])),
    ("clock", Task(&[LOOPED, CLOCK])),
    ("file", Task(&["require is not defined", "/mistakes/typescript/mistakes.js:"])),
    ("socket", Task(&["fetch is not defined", "/mistakes/typescript/mistakes.js:"])),
    ("thread", Task(&["Worker is not defined", "/mistakes/typescript/mistakes.js:"])),
];

/// Its panics tell their lines; of anything else there are the functions.
const GO: &Mistakes = &[
    ("panic", Task(&["panic: the stock is inconsistent\n", "@panic("])),
    ("out-of-bounds", Task(&["index out of range [13] with length 0\n", "@[len(which)]"])),
    ("exit", Task(&[EXITED, "export_wit_world.mistake"])),
    ("not-utf-8", Task(&[NO_PAYLOAD, "utf-8"])),
    ("clock", Task(&[LOOPED, CLOCK, "export_wit_world.mistake"])),
    ("file", Run(&["open /stock.txt: Bad file number"])),
    ("socket", Run(&["dial tcp 127.0.0.1:80", "Connection refused"])),
];

const C: &Mistakes = &[
    ("panic", Task(&["the guest aborted", "the stock is inconsistent", "@assert(strcmp"])),
    ("abort", Task(&["the stock is gone", "@abort()"])),
    ("exit", Task(&[EXITED, "@exit(3)"])),
    ("not-utf-8", Task(&[NO_PAYLOAD, "utf-8"])),
    ("wild-pointer", Task(&[NO_PAYLOAD, "out of bounds"])),
    ("clock", Task(&[LOOPED, CLOCK, "@while (time(NULL)"])),
    ("file", Run(&["No such file or directory"])),
    ("thread", Run(&["Resource temporarily unavailable"])),
];

const CPP: &Mistakes = &[
    ("panic", Task(&["the guest aborted", "the stock is inconsistent", "@assert(which"])),
    ("out-of-bounds", Task(&["out_of_range", "@.at(which.size())"])),
    ("exit", Task(&[EXITED, "@std::exit(3)"])),
    ("not-utf-8", Task(&[NO_PAYLOAD, "utf-8"])),
    ("wild-pointer", Task(&[NO_PAYLOAD, "out of bounds"])),
    ("clock", Task(&[LOOPED, CLOCK, "@clock::now() < begin"])),
    ("file", Run(&["No such file or directory"])),
];

const ZIG: &Mistakes = &[
    ("panic", Task(&["the guest aborted", "the stock is inconsistent", "@@panic("])),
    ("out-of-bounds", Task(&["index out of bounds", "@return input["])),
    ("exit", Task(&[EXITED, "@std.process.exit"])),
    ("not-utf-8", Task(&[NO_PAYLOAD, "utf-8"])),
    ("wild-pointer", Task(&[NO_PAYLOAD, "out of bounds"])),
    ("clock", Task(&[LOOPED, CLOCK, "@begin.durationTo"])),
    ("file", Task(&["the workflow returned error.FileNotFound"])),
    ("socket", Task(&["the workflow returned error.NetworkDown"])),
];

fn worker(language: &str) -> Worker {
    let limits = Limits { deadlock_timeout: Duration::from_millis(300), ..Limits::default() };
    let cache_dir = Some(compiled());
    let options =
        EngineOptions { cache_dir, source_lines: true, limits, ..EngineOptions::default() };
    let engine = Engine::new(options).expect("an engine");
    let worker = Worker::new(&engine, WorkerOptions::for_engine(&engine)).expect("a worker");
    let bytes = fs::read(test_guest_in("mistakes", language)).expect("the guest can be read");
    let component = WorkflowComponent::load(&engine, &bytes).expect("it is a workflow");
    worker.register("mistakes", component);
    worker
}

/// What the guest does that is told to make that mistake.
async fn answer(worker: &Worker, mistake: &str) -> Answer {
    let mut story = Story::new("mistakes", mistake, vec![Payload::json(format!("\"{mistake}\""))]);
    let pages = story.pages(100);
    worker.execute(story.task(), pages).await.expect("it is not abandoned")
}

/// Each of the mistakes ends as the table says, and the run that makes none completes. The source is that in `tests/guests`.
async fn told(language: &str, source: &str, mistakes: &Mistakes) {
    let worker = worker(language);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("guests").join(source);
    let source = fs::read_to_string(&path).expect("the source can be read");
    let file = path.file_name().and_then(|name| name.to_str()).expect("a file has a name");
    for (mistake, ends) in mistakes {
        let failure = match (answer(&worker, mistake).await, ends) {
            (Answer::Failed(failed), Task(_)) => failed.failure,
            (Answer::Completed(done), Run(_)) => failure_of_the_run(&done.commands[0].kind),
            (other, _) => panic!("{language}, {mistake} ends as {other:?}"),
        };
        let said = format!("{}\n{}", failure.message, failure.stack_trace);
        println!("{language}, {mistake}: {}", failure.message);
        let (Task(words) | Run(words)) = ends;
        for word in *words {
            let found = match word.strip_prefix('@') {
                Some(text) => names_line(&said, file, line_of(&source, text)),
                None => said.contains(word),
            };
            assert!(found, "{language}, {mistake}: {word} is not said in {said}");
        }
    }
    let Answer::Completed(done) = answer(&worker, "none").await else { panic!("it completes") };
    assert!(matches!(done.commands[0].kind, CommandKind::CompleteWorkflowExecution { .. }));
}

fn failure_of_the_run(command: &CommandKind) -> Failure {
    match command {
        CommandKind::FailWorkflowExecution { failure } => failure.clone(),
        other => panic!("it does not fail: {other:?}"),
    }
}

/// The number of the one line that has the text.
fn line_of(source: &str, text: &str) -> usize {
    let mut lines = source.lines().zip(1..).filter(|(line, _)| line.contains(text));
    let (_, number) = lines.next().unwrap_or_else(|| panic!("no line has {text}"));
    assert!(lines.next().is_none(), "several lines have {text}");
    number
}

/// Whether a line of the file is named, in the way of some language.
fn names_line(said: &str, file: &str, line: usize) -> bool {
    [format!("{file}:{line}"), format!("{file}\", line {line}")].iter().any(|place| {
        said.match_indices(place.as_str())
            .any(|(at, _)| !said[at + place.len()..].starts_with(|c: char| c.is_ascii_digit()))
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_in_rust_are_told() {
    told("rust", "mistakes-in-rust/src/lib.rs", RUST).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_in_python_are_told() {
    told("python", "mistakes/python/mistakes.py", PYTHON).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_in_javascript_are_told() {
    told("javascript", "mistakes/javascript/mistakes.js", JAVASCRIPT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_in_typescript_are_told() {
    told("typescript", "mistakes/typescript/mistakes.ts", TYPESCRIPT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_in_go_are_told() {
    told("go", "mistakes/go/mistakes.go", GO).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_in_c_are_told() {
    told("c", "mistakes/c/mistakes.c", C).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_in_cpp_are_told() {
    told("cpp", "mistakes/cpp/mistakes.cpp", CPP).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_in_zig_are_told() {
    told("zig", "mistakes/zig/workflow.zig", ZIG).await;
}
