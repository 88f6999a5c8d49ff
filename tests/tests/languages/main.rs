//! Every example in every language leaves the same history: it ends as it should, leaves its golden history, goes on after a crash, replays what it
//! wrote, and replays what the same example wrote in every other language. What the examples are put through stands in `scenarios.rs`.
//!
//! `UPDATE_EXPECT=1 cargo test --workspace --test languages` writes the golden histories anew, as the Rust guests leave them.

mod mistakes;
mod orders;
mod payloads;
mod scenarios;
mod stage;

use anyhow::{Context, Result, ensure};
use expect_test::expect_file;
use sandglass_host::History;
use sandglass_host::testing::Replayer;
use sandglass_tests::golden::difference;
use sandglass_tests::{LANGUAGES, Scrubbed, guest_in, project, test_guest_in, toolchains};
use scenarios::{Scenario, scenarios};
use stage::{Stage, engine_options};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// The histories that one language left, in the order of the scenarios.
struct Recorded {
    language: &'static str,
    replayer: Replayer,
    histories: Vec<History>,
    /// What it took to build and compile the guest, and to play the scenarios.
    took: [Duration; 2],
}

async fn record(feature: &'static str, language: &'static str) -> Result<Recorded> {
    let begun = Instant::now();
    // Both take seconds, which the runtime's own threads must not spend on them.
    let build = move || {
        let is_example = FEATURES.contains(&feature);
        let guest = if is_example { guest_in } else { test_guest_in };
        let component = guest(feature, language);
        Replayer::with_options(&component, engine_options()).map(|replayer| (component, replayer))
    };
    let (component, replayer) = tokio::task::spawn_blocking(build).await??;
    let built = begun.elapsed();
    let mut histories = Vec::new();
    for scenario in scenarios(feature) {
        let play = play(feature, &component, &scenario);
        let what = || format!("{feature} in {language}, {}", scenario.name);
        histories.push(play.await.with_context(what)?);
    }
    let took = [built, begun.elapsed() - built];
    Ok(Recorded { language, replayer, histories, took })
}

/// Plays a scenario, and once more with a crash in the middle.
async fn play(feature: &str, component: &Path, scenario: &Scenario) -> Result<History> {
    let history = Stage::new(feature, component).await?.play(scenario, false).await?;
    let crashed = Stage::new(feature, component).await?.play(scenario, true).await?;
    let (ours, theirs) = (decisions(&crashed), decisions(&history));
    if let Some(difference) = difference(&ours, &theirs) {
        anyhow::bail!("a crash changes what it does:\n{difference}");
    }
    Ok(history)
}

fn scrubbed(history: &History) -> Scrubbed {
    Scrubbed::of(history.events.iter().map(AsRef::as_ref))
}

/// What the workflow has asked for, and how it has ended. An attempt that a crash has lost is made again, so what
/// becomes of activities, and when the workflow hears of it, is not the same.
fn decisions(history: &History) -> Scrubbed {
    const OF_THE_WORKFLOW: [&str; 6] = [
        "ACTIVITY_TASK_SCHEDULED",
        "ACTIVITY_TASK_CANCEL_REQUESTED",
        "TIMER_STARTED",
        "TIMER_CANCELED",
        "MARKER_RECORDED",
        "WORKFLOW_EXECUTION_",
    ];
    let mut events = scrubbed(history).events;
    events.retain(|(name, _)| OF_THE_WORKFLOW.iter().any(|of| name.starts_with(of)));
    for (_, attributes) in &mut events {
        if let Some(attributes) = attributes.as_object_mut() {
            attributes.retain(|name, _| !name.ends_with("EventId"));
        }
    }
    Scrubbed { events }
}

/// Everything of this file, for one feature.
async fn the_same_in_every_language(feature: &'static str) -> Result<()> {
    let recorded = the_same_in(&LANGUAGES.map(|language| language.name), feature, scrubbed).await?;
    let text = format!("{:#}\n", scrubbed(&recorded[0].histories[0]).to_json());
    expect_file![project().join("guest-examples").join(feature).join("history.json")]
        .assert_eq(&text);
    tokio::task::spawn_blocking(move || each_replays_all(feature, &recorded)).await?
}

/// What these languages, the first of which is Rust, leave of a feature.
async fn the_same_in(
    languages: &[&'static str],
    feature: &'static str,
    what_counts: fn(&History) -> Scrubbed,
) -> Result<Vec<Recorded>> {
    let plays = languages.iter().map(|language| tokio::spawn(record(feature, language)));
    let mut recorded = Vec::new();
    for play in futures::future::join_all(plays).await {
        recorded.push(play??);
    }
    let rust = &recorded[0];
    ensure!(rust.language == "rust", "the golden histories are those of the Rust guests");
    for other in &recorded[1..] {
        for (index, scenario) in scenarios(feature).iter().enumerate() {
            let [ours, theirs] =
                [other, rust].map(|recorded| what_counts(&recorded.histories[index]));
            let difference =
                difference(&without_words(ours), &without_words(theirs)).unwrap_or_default();
            ensure!(
                difference.is_empty(),
                "{feature} in {}, {}: not the history that Rust leaves\n{difference}",
                other.language,
                scenario.name
            );
        }
    }
    for one in &recorded {
        let [built, played] = one.took;
        println!("{feature} in {}: built in {built:.1?}, played in {played:.1?}", one.language);
    }
    Ok(recorded)
}

fn each_replays_all(feature: &str, recorded: &[Recorded]) -> Result<()> {
    for by in recorded {
        for of in recorded {
            for (scenario, history) in scenarios(feature).iter().zip(&of.histories) {
                let replayed = by.replayer.replay(history).with_context(|| {
                    format!(
                        "{feature} in {} does not replay {} in {}",
                        by.language, scenario.name, of.language
                    )
                })?;
                ensure!(replayed.events == history.events.len(), "{replayed:?}");
            }
        }
    }
    Ok(())
}

/// Without what is said of bad input, which each language says in its own words.
fn without_words(mut history: Scrubbed) -> Scrubbed {
    if let Some((_, attributes)) = history.events.last_mut() {
        let failure = &mut attributes["failure"];
        if failure["applicationFailureInfo"]["type"] == "BadPayload" {
            failure["message"] = "bad input".into();
        }
    }
    history
}

/// One test a feature.
macro_rules! features {
    ($($test:ident: $feature:literal,)*) => {
        const FEATURES: &[&str] = &[$($feature),*];
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $test() -> Result<()> {
                the_same_in_every_language($feature).await
            }
        )*
    };
}

features! {
    greeting: "greeting",
    cancellation: "cancellation",
    timer: "timer",
    signal_approval: "signal-approval",
    activity_retry: "activity-retry",
    patch: "patch",
    order_saga: "order-saga",
}

/// The patterns for several things at once, of the languages that have such. An activity that is told to stop may do so
/// before or after the cleanup.
#[tokio::test(flavor = "multi_thread")]
async fn concurrency() -> Result<()> {
    let languages = ["rust", "python", "javascript", "typescript"];
    let recorded = the_same_in(&languages, "concurrency", decisions).await?;
    tokio::task::spawn_blocking(move || each_replays_all("concurrency", &recorded)).await?
}

/// Every example is there in every language, and has its tests here.
#[test]
fn every_feature_is_there_in_every_language() {
    let examples = project().join("guest-examples");
    let mut missing = Vec::new();
    for feature in FEATURES {
        for language in &LANGUAGES {
            if !examples.join(feature).join(language.name).is_dir() {
                missing.push(format!("{feature} in {}", language.name));
            }
        }
    }
    assert!(missing.is_empty(), "not there: {missing:?}");
    for entry in std::fs::read_dir(&examples).expect("the folder can be read") {
        let entry = entry.expect("it can be read");
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_feature = entry.path().join("history.json").exists();
        assert!(!is_feature || FEATURES.contains(&&*name), "no test plays {name}");
    }
}

/// The guide links to every example, and its commands are the ones that have built them here.
#[test]
fn the_guide_tells_how_they_are_built() {
    let guide = project().join("guest-examples/README.md");
    let guide = std::fs::read_to_string(guide).expect("it can be read");
    for language in &LANGUAGES {
        for feature in FEATURES {
            let link = format!("[{0}]({feature}/{0})", language.name);
            assert!(guide.contains(&link), "the guide has no {link}");
        }
        for command in language.commands("greeting") {
            assert!(guide.contains(&format!("`{command}`")), "the guide does not say `{command}`");
        }
    }
}

/// The declarations for TypeScript are what the WIT says. `UPDATE_EXPECT=1` writes them anew.
#[test]
fn the_declarations_are_those_of_the_wit() -> Result<()> {
    let tools = toolchains::from_npm("javascript", &toolchains::pins().join("javascript"))?;
    // It finds its packages beside itself.
    let script = tools.programs.join("../../types.mjs");
    std::fs::copy(toolchains::pins().join("javascript/types.mjs"), &script)?;
    let made = tempfile::NamedTempFile::new()?;
    let mut node = Command::new("node");
    let output = node.arg(script).arg(project().join("wit")).arg(made.path()).output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    expect_file![project().join("guest-examples/bindings/typescript/workflow.d.ts")]
        .assert_eq(&std::fs::read_to_string(made.path())?);
    Ok(())
}
