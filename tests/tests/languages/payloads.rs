//! Payloads of every kind go through a guest in every language as they are: from its input to an activity, and from there to its result.

use anyhow::{Context, Result, ensure};
use sandglass_host::core::Payload;
use sandglass_host::core::command::CommandKind;
use sandglass_host::wasm::Worker;
use sandglass_tests::story::{Story, worker_of};
use sandglass_tests::{LANGUAGES, guest_in};

fn every_kind() -> Vec<Payload> {
    let every_byte = || (0..=u8::MAX).collect::<Vec<u8>>();
    let mut message = Payload::encoded("binary/protobuf", every_byte());
    message.metadata.insert("messageType".into(), "acme.Order".into());
    message.metadata.insert("signature".into(), every_byte().into());
    vec![
        Payload::nil(),
        Payload::json("{\"Größe\": [1.50, \"雪🐚\\u0000\"]}"),
        Payload::encoded("binary/plain", every_byte()),
        Payload::encoded("binary/plain", Vec::new()),
        Payload::encoded("binary/plain", every_byte().repeat(4096)),
        message,
    ]
}

async fn next(worker: &Worker, story: &mut Story) -> Result<Vec<CommandKind>> {
    let answer = worker.execute(story.task(), story.pages(100)).await?;
    Ok(story.complete(answer))
}

/// The example gives its input to an activity, and returns what that returns.
async fn go_through(language: &'static str) -> Result<()> {
    let guest = tokio::task::spawn_blocking(move || guest_in("activity-retry", language)).await?;
    let worker = worker_of("activity-retry", &guest);
    for (number, payload) in every_kind().into_iter().enumerate() {
        let input = every_kind();
        let mut story = Story::new("activity-retry", &format!("run {number}"), input.clone());
        let commands = next(&worker, &mut story).await?;
        let [CommandKind::ScheduleActivityTask(scheduled)] = &commands[..] else {
            anyhow::bail!("it does something else: {commands:?}");
        };
        let arguments = scheduled.input.as_ref().context("the activity has no input")?;
        ensure!(arguments.payloads == input, "the activity gets {:?}", arguments.payloads);
        story.complete_activity(&scheduled.activity_id, payload.clone());
        let commands = next(&worker, &mut story).await?;
        let [CommandKind::CompleteWorkflowExecution { result: Some(result) }] = &commands[..]
        else {
            anyhow::bail!("it does not complete with a result: {commands:?}");
        };
        ensure!(result.payloads == [payload], "it returns {:?}", result.payloads);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn payloads_of_every_kind_go_through_every_language_as_they_are() -> Result<()> {
    for language in &LANGUAGES {
        go_through(language.name).await.context(language.name)?;
    }
    Ok(())
}
