//! Corners of the order saga that its golden history does not look into, the same in every language: what is no order, activities that return what
//! they should not, undoing that fails, and a cancel request at each of its steps.

use anyhow::{Context, Result, ensure};
use sandglass_host::core::command::CommandKind;
use sandglass_host::core::event::workflow::CancelRequested;
use sandglass_host::core::{Failure, FailureInfo, Payload};
use sandglass_host::wasm::Worker;
use sandglass_tests::story::{Story, worker_of};
use sandglass_tests::{LANGUAGES, guest_in};
use serde_json::{Value, json};

/// What the world does to a run.
#[derive(Clone, Copy, Default)]
struct World {
    /// What `ship` returns.
    tracking: Option<&'static str>,
    /// The activity that fails.
    fails: &'static str,
    /// Cancel is asked for while the activity of that number is under way.
    canceled_at: Option<usize>,
}

/// What a run did: the activities with their first argument, and how it ended.
async fn plays(worker: &Worker, order: &str, world: World) -> Result<Vec<Value>> {
    let run = format!("{order} {:?} {:?} {}", world.canceled_at, world.tracking, world.fails);
    let mut story = Story::new("order-saga", &run, vec![Payload::json(order)]);
    let (mut did, mut scheduled) = (Vec::new(), 0);
    loop {
        let answer = worker.execute(story.task(), story.pages(100)).await?;
        let commands = story.complete(answer);
        ensure!(!commands.is_empty(), "it waits for ever after {did:?}");
        for command in commands {
            match command {
                CommandKind::ScheduleActivityTask(task) => {
                    let (name, id) = (task.activity_type.name.clone(), task.activity_id.clone());
                    let first = &task.input.as_ref().context("no input")?.payloads[0].data;
                    did.push(json!([name, serde_json::from_slice::<Value>(first)?]));
                    if world.canceled_at == Some(scheduled) {
                        story.push(CancelRequested::default());
                    }
                    scheduled += 1;
                    if name == world.fails {
                        story.fail_activity(&id, Failure::application("no", "No", true));
                    } else {
                        let text = if name == "ship" { world.tracking } else { None };
                        story.complete_activity(&id, Payload::json(text.unwrap_or("\"T\"")));
                    }
                }
                CommandKind::CompleteWorkflowExecution { result } => {
                    let result = result.context("no result")?.payloads.remove(0);
                    did.push(
                        json!({ "completed": serde_json::from_slice::<Value>(&result.data)? }),
                    );
                    return Ok(did);
                }
                CommandKind::FailWorkflowExecution { failure } => {
                    did.push(json!({ "failed": type_of(&failure) }));
                    return Ok(did);
                }
                CommandKind::CancelWorkflowExecution { .. } => {
                    did.push(json!("canceled"));
                    return Ok(did);
                }
                other => did.push(json!(format!("{other:?}"))),
            }
        }
    }
}

fn type_of(failure: &Failure) -> String {
    match &failure.info {
        Some(FailureInfo::Application(application)) => application.r#type.clone(),
        Some(FailureInfo::Activity(_)) => "an activity's".into(),
        other => format!("{other:?}"),
    }
}

const ORDER: &str = r#"{"id":"o1","items":["book","pen"],"amount":30.5}"#;

/// What is no order: it fails the run before anything was done.
const NONE: [&str; 14] = [
    "null",
    "7",
    "[]",
    "{}",
    r#"{"ID":"o1","Items":["book"]}"#,
    r#"{"id":"","items":["book"],"amount":1}"#,
    r#"{"id":7,"items":["book"],"amount":1}"#,
    r#"{"id":"o1","items":"book","amount":1}"#,
    r#"{"id":"o1","items":null,"amount":1}"#,
    r#"{"id":"o1","items":["book",7],"amount":1}"#,
    r#"{"id":"o1","items":["book",null],"amount":1}"#,
    r#"{"id":"o1","items":["book"]}"#,
    r#"{"id":"o1","items":["book"],"amount":true}"#,
    r#"{"id":"o1","items":["book"],"amount":"2000"}"#,
];

async fn is_the_same(language: &'static str, rust: &Worker) -> Result<()> {
    let guest = tokio::task::spawn_blocking(move || guest_in("order-saga", language)).await?;
    let worker = worker_of("order-saga", &guest);
    let deep = format!("{}{}", "[".repeat(3_000), "]".repeat(3_000));
    for order in NONE.iter().copied().chain([deep.as_str()]) {
        let did =
            plays(&worker, order, World::default()).await.with_context(|| order.to_owned())?;
        ensure!(did == [json!({ "failed": "BadPayload" })], "{order}: {did:?}");
    }
    // Brackets that are no nesting: more than the patterns of Python look away from.
    let gift = json!([vec![json!({}); 600], "[".repeat(600), "\\\"["]);
    let with_more = ORDER.replace('{', &format!(r#"{{"gift":{gift},"#));
    let did = plays(&worker, &with_more, World::default()).await?;
    ensure!(did == plays(rust, ORDER, World::default()).await?, "what is not known: {did:?}");
    let mut worlds = Vec::new();
    worlds.extend(["null", "7", "{}"].map(|it| World { tracking: Some(it), ..World::default() }));
    worlds.extend(["reserve", "charge", "ship"].map(|fails| World { fails, ..World::default() }));
    for (tracking, fails) in [(Some("7"), "refund"), (Some("7"), "release")] {
        worlds.push(World { tracking, fails, ..World::default() });
    }
    for at in 0..6 {
        for tracking in [None, Some("7")] {
            worlds.push(World { canceled_at: Some(at), tracking, ..World::default() });
        }
    }
    for (number, world) in worlds.into_iter().enumerate() {
        let [did, expected] = [&worker, rust].map(|worker| plays(worker, ORDER, world));
        let (did, expected) = (did.await?, expected.await?);
        ensure!(did == expected, "world {number}: {did:#?}, and Rust's does {expected:#?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_have_the_same_corners_in_every_language() -> Result<()> {
    let guest = tokio::task::spawn_blocking(|| guest_in("order-saga", "rust")).await?;
    let rust = worker_of("order-saga", &guest);
    let undone = plays(&rust, ORDER, World { tracking: Some("7"), ..World::default() }).await?;
    ensure!(
        undone[4..]
            == [
                json!(["refund", "o1"]),
                json!(["release", "o1"]),
                json!({ "failed": "BadPayload" })
            ],
        "{undone:?}"
    );
    for language in &LANGUAGES {
        is_the_same(language.name, &rust).await.context(language.name)?;
    }
    Ok(())
}
