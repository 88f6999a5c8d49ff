//! The workflow worker with real guests: parked and replayed, bounded, watched, ended from outside.

use sandglass_core::command::CommandKind;
use sandglass_core::event::workflow_task::FailedCause;
use sandglass_core::task::{Answer, Failed};
use sandglass_core::{FailureInfo, HistoryEvent, Payload};
use sandglass_host::wasm::{
    Abandoned, Engine, EngineOptions, HistorySource, Limits, LogSink, Worker, WorkerOptions,
    WorkflowComponent,
};
use sandglass_tests::guest;
use sandglass_tests::story::Story;
use std::fs;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

struct House {
    engine: Engine,
    worker: Worker,
    lines: Arc<Mutex<Vec<String>>>,
}

fn house(limits: Limits, options: impl FnOnce(&mut WorkerOptions)) -> House {
    let engine =
        Engine::new(EngineOptions { limits, instances_max: 64, ..EngineOptions::default() })
            .unwrap();
    let lines = Arc::new(Mutex::new(Vec::new()));
    let mut worker_options = WorkerOptions::for_engine(&engine);
    worker_options.log = sink(&lines);
    options(&mut worker_options);
    let worker = Worker::new(&engine, worker_options).unwrap();
    House { engine, worker, lines }
}

fn sink(lines: &Arc<Mutex<Vec<String>>>) -> LogSink {
    let lines = Arc::clone(lines);
    Arc::new(move |line| lines.lock().unwrap().push(format!("{}: {}", line.source, line.text)))
}

impl House {
    fn with(self, name: &str) -> House {
        let bytes = fs::read(guest(name)).unwrap();
        self.worker.register(name, WorkflowComponent::load(&self.engine, &bytes).unwrap());
        self
    }

    async fn answer(&self, story: &mut Story) -> Answer {
        let task = story.task();
        self.worker.execute(task, story.pages(3)).await.unwrap()
    }

    async fn commands(&self, story: &mut Story) -> Vec<CommandKind> {
        let answer = self.answer(story).await;
        story.complete(answer)
    }

    async fn failed(&self, guest: &str, input: &str) -> Failed {
        let mut story = Story::new(guest, guest, vec![Payload::json(input)]);
        match self.answer(&mut story).await {
            Answer::Failed(failed) => failed,
            Answer::Completed(completed) => panic!("no failure: {:?}", completed.commands),
        }
    }
}

fn result(commands: &[CommandKind]) -> String {
    match commands {
        [.., CommandKind::CompleteWorkflowExecution { result }] => {
            let payloads = &result.as_ref().unwrap().payloads;
            String::from_utf8(payloads[0].data.to_vec()).unwrap()
        }
        other => panic!("not completed: {other:?}"),
    }
}

#[tokio::test]
async fn a_parked_guest_goes_on_and_an_evicted_one_is_replayed() {
    for evict in [false, true] {
        let house = house(Limits::default(), |_| {}).with("timer");
        let mut story = Story::new("timer", "run", vec![Payload::json("2.5")]);
        let commands = house.commands(&mut story).await;
        assert!(matches!(
            commands[..],
            [CommandKind::StartTimer { .. }, CommandKind::StartTimer { .. }]
        ));
        assert_eq!(house.worker.stats().cached_runs, 1);
        assert!(house.worker.stats().cached_bytes <= 256 * 1024, "{:?}", house.worker.stats());
        if evict {
            house.worker.evict("run");
            assert_eq!(house.worker.stats().cached_runs, 0);
        }
        story.fire("2", Duration::from_millis(2500));
        let commands = house.commands(&mut story).await;
        assert_eq!(result(&commands), "\"slept for 2.5 s\"");
        let stats = house.worker.stats();
        let (hits, replays) = if evict { (0, 1) } else { (1, 0) };
        assert_eq!((stats.hits, stats.replays, stats.cached_runs), (hits, replays, 0));
    }
}

#[tokio::test]
async fn an_answer_says_what_decided() {
    let house = house(Limits::default(), |_| {}).with("timer");
    let mut story = Story::new("timer", "run", vec![]);
    let Answer::Completed(completed) = house.answer(&mut story).await else { panic!("failed") };
    let metadata = completed.metadata.unwrap();
    assert_eq!(metadata.sdk_name, "sandglass");
    assert!(!metadata.sdk_version.is_empty() && !metadata.lang_used_flags.is_empty());
    assert!(completed.build_id.starts_with("sha256:") && completed.build_id.len() == 71);
}

#[tokio::test]
async fn a_plain_sleep_is_a_durable_timer() {
    let house = house(Limits::default(), |_| {}).with("hostile");
    let mut story = Story::new("hostile", "run", vec![Payload::json("\"thread-sleep\"")]);
    let commands = house.commands(&mut story).await;
    let [CommandKind::StartTimer { timer_id, start_to_fire_timeout }] = &commands[..] else {
        panic!("{commands:?}");
    };
    assert_eq!(*start_to_fire_timeout, Duration::from_secs(2));
    story.fire(timer_id, Duration::from_secs(2));
    let commands = house.commands(&mut story).await;
    assert_eq!(result(&commands), "2.0");
}

#[tokio::test]
async fn nothing_outside_is_reached_and_all_of_it_is_the_same_again() {
    let mut results = Vec::new();
    for _ in 0..2 {
        let house = house(Limits::default(), |_| {}).with("outside");
        let mut story = Story::new("outside", "the same run", vec![]);
        results.push(result(&house.commands(&mut story).await));
    }
    assert_eq!(results[0], results[1]);
    let reached: serde_json::Value = serde_json::from_str(&results[0]).unwrap();
    for name in ["open", "create", "list", "connect", "listen", "spawn"] {
        assert_eq!(reached[name], "refused", "{name}");
    }
    assert_eq!(reached["environment"], 0);
    assert_eq!(reached["wall-clock"], 1_800_000_000.0);
    assert_eq!(reached["monotonic-clock"], 0.0);
    let house = house(Limits::default(), |_| {}).with("outside");
    let mut story = Story::new("outside", "another run", vec![]);
    let other: serde_json::Value =
        serde_json::from_str(&result(&house.commands(&mut story).await)).unwrap();
    assert_ne!(reached["random"], other["random"]);
}

#[tokio::test]
async fn each_limit_has_a_name() {
    let limits = Limits {
        memory_bytes: 16 << 20,
        table_elements: 5_000,
        log_bytes: 1 << 16,
        deadlock_timeout: Duration::from_millis(200),
        ..Limits::default()
    };
    let house = house(limits, |_| {}).with("hostile").with("table-growth");
    let unhandled = FailedCause::WorkflowWorkerUnhandledFailure;
    for (deed, cause, words) in [
        ("endless-loop", unhandled, "limit deadlock_timeout"),
        ("clock-loop", unhandled, "limit deadlock_timeout"),
        ("memory-bomb", unhandled, "limit memory_bytes"),
        ("deep-recursion", unhandled, "call itself without end"),
        ("log-flood", unhandled, "limit log_bytes"),
        ("stderr-flood", unhandled, "limit log_bytes"),
        ("command-flood", unhandled, "20000"),
        ("publish-flood", unhandled, "64"),
        ("giant-input", FailedCause::PayloadsTooLarge, "2097152"),
        ("giant-result", FailedCause::PayloadsTooLarge, "2097152"),
        ("giant-publish", FailedCause::PayloadsTooLarge, "65536"),
        ("trap", unhandled, "out of luck"),
        ("exit", unhandled, "a status that is not 0"),
        ("unknown-operation", unhandled, "4711"),
        ("empty-wait-any", unhandled, "nothing to wait for"),
        ("unshield-first", unhandled, "without a shield"),
        ("no-timeout", unhandled, "start-to-close-timeout"),
    ] {
        let failed = house.failed("hostile", &format!("\"{deed}\"")).await;
        assert_eq!(failed.cause, cause, "{deed}: {}", failed.failure.message);
        assert!(failed.failure.message.contains(words), "{deed}: {}", failed.failure.message);
        assert!(!failed.failure.message.contains("/engine/src"), "{}", failed.failure.message);
    }
    let failed = house.failed("table-growth", "null").await;
    assert!(failed.failure.message.contains("limit table_elements"), "{}", failed.failure.message);
    let stats = house.worker.stats();
    assert_eq!((stats.cached_runs, stats.failures), (0, 18));
}

#[tokio::test]
async fn a_trap_is_told_in_the_guests_words() {
    let house = house(Limits::default(), |_| {}).with("hostile");
    let failed = house.failed("hostile", "\"trap\"").await;
    let failure = failed.failure;
    assert!(failure.message.contains("the guest aborted"), "{}", failure.message);
    assert!(failure.message.contains("out of luck"), "{}", failure.message);
    assert!(failure.stack_trace.contains("hostile"), "{}", failure.stack_trace);
    assert!(
        matches!(failure.info, Some(FailureInfo::Application(info)) if info.r#type == "GuestTrap")
    );
    assert!(house.lines.lock().unwrap().iter().any(|line| line.starts_with("stderr: ")));
}

#[tokio::test]
async fn replay_is_silent() {
    let house = house(Limits::default(), |_| {}).with("scripted");
    let script = r#"[{"log": "before"}, {"sleep": 1.0}, {"log": "after"}]"#;
    let mut story = Story::new("scripted", "run", vec![Payload::json(script)]);
    house.commands(&mut story).await;
    house.worker.evict("run");
    story.fire("1", Duration::from_secs(1));
    house.commands(&mut story).await;
    assert_eq!(*house.lines.lock().unwrap(), ["log: before", "log: after"]);
}

#[tokio::test]
async fn the_least_recently_used_is_dropped_first() {
    let house = house(Limits::default(), |options| options.cached_runs_max = 2).with("timer");
    let mut stories: Vec<Story> =
        ["a", "b", "c"].map(|run| Story::new("timer", run, vec![])).into();
    for story in &mut stories {
        house.commands(story).await;
    }
    let stats = house.worker.stats();
    assert_eq!((stats.cached_runs, stats.evictions), (2, 1));
    for story in stories.iter_mut().rev() {
        story.fire("2", Duration::from_secs(1));
        house.commands(story).await;
    }
    let stats = house.worker.stats();
    assert_eq!((stats.hits, stats.replays), (2, 1));
}

#[tokio::test]
async fn an_instance_that_finds_no_room_evicts_another() {
    let house = house(Limits::default(), |options| options.cached_runs_max = 10_000).with("timer");
    for run in 0..200 {
        let mut story = Story::new("timer", &format!("run {run}"), vec![]);
        house.commands(&mut story).await;
    }
    let stats = house.worker.stats();
    assert!(stats.cached_runs <= 64 && stats.evictions >= 136, "{stats:?}");
    assert_eq!(stats.failures, 0);
}

#[tokio::test]
async fn an_unknown_type_is_named() {
    let house = house(Limits::default(), |_| {}).with("timer");
    let failed = house.failed("order", "null").await;
    assert_eq!(
        failed.failure.message,
        "workflow type \"order\" is not registered here; registered: timer"
    );
}

#[tokio::test]
async fn changed_code_is_a_mismatch_that_names_both_builds() {
    let house = house(Limits::default(), |_| {}).with("changed-before").with("changed-after");
    let mut story = Story::new("changed-before", "run", vec![]);
    house.commands(&mut story).await;
    let after = house.worker.component("changed-after").unwrap();
    let before = house.worker.component("changed-before").unwrap();
    house.worker.register("changed-before", after.clone());
    story.push(sandglass_core::event::signal::Signaled {
        signal_name: "go".into(),
        ..Default::default()
    });
    let Answer::Failed(failed) = house.answer(&mut story).await else { panic!("no mismatch") };
    assert_eq!(failed.cause, FailedCause::NonDeterministicError);
    for digest in [after.digest(), before.digest()] {
        assert!(failed.failure.message.contains(digest), "{}", failed.failure.message);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_loop_is_ended_at_once() {
    let limits = Limits { deadlock_timeout: Duration::from_secs(60), ..Limits::default() };
    let house = house(limits, |_| {}).with("bench-endless-loop");
    let mut story = Story::new("bench-endless-loop", "run", vec![]);
    let pages = story.pages(1);
    let task = tokio::spawn(house.worker.execute(story.task(), pages));
    tokio::time::sleep(Duration::from_millis(100)).await;
    let begun = Instant::now();
    house.worker.evict("run");
    assert_eq!(task.await.unwrap().unwrap_err(), Abandoned::Evicted);
    assert!(begun.elapsed() < Duration::from_millis(500), "{:?}", begun.elapsed());
}

/// A run that has been evicted before its task has come so far that it could be found.
struct Evicted;

impl HistorySource for Evicted {
    async fn page(&mut self, first_event_id: i64) -> Result<Vec<Arc<HistoryEvent>>, String> {
        Err(format!("event {first_event_id} is asked for"))
    }

    fn task_stands(&self) -> bool {
        false
    }
}

#[tokio::test]
async fn no_code_runs_of_a_run_that_was_evicted_before() {
    let house = house(Limits::default(), |_| {}).with("bench-endless-loop");
    let mut story = Story::new("bench-endless-loop", "run", vec![]);
    let given_up = house.worker.execute(story.task(), Evicted).await.unwrap_err();
    assert_eq!(given_up, Abandoned::Evicted);
    assert_eq!(house.worker.stats().failures, 0);
    assert_eq!(house.worker.stats().cached_runs, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn endless_loops_delay_others_by_little() {
    let limits = Limits { deadlock_timeout: Duration::from_secs(60), ..Limits::default() };
    let house =
        house(limits, |options| options.threads = 2).with("bench-endless-loop").with("timer");
    let mut loops = Vec::new();
    for run in 0..8 {
        let mut story = Story::new("bench-endless-loop", &format!("loop {run}"), vec![]);
        let pages = story.pages(1);
        loops.push(tokio::spawn(house.worker.execute(story.task(), pages)));
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    let begun = Instant::now();
    for run in 0..100 {
        let mut story = Story::new("timer", &format!("honest {run}"), vec![]);
        house.commands(&mut story).await;
    }
    // One after the other, each behind at most a slice: on an idle machine it takes 0.3 s.
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert!(loops.iter().all(|it| !it.is_finished()));
    for task in &loops {
        task.abort();
    }
    drop(house);
}

#[tokio::test]
async fn a_worker_that_goes_ends_its_guests() {
    let limits = Limits { deadlock_timeout: Duration::from_secs(60), ..Limits::default() };
    let House { worker, .. } = house(limits, |_| {}).with("bench-endless-loop");
    let mut story = Story::new("bench-endless-loop", "run", vec![]);
    let pages = story.pages(1);
    let task = tokio::spawn(worker.execute(story.task(), pages));
    tokio::time::sleep(Duration::from_millis(50)).await;
    drop(worker);
    assert!(task.await.unwrap().is_err());
}
