//! Guests that live long, in every language, and the worker alone: one instance goes through very many activities, and no memory that it does not need
//! any more is lost. The answers stand here, and no history is kept, so that nothing but the guest and the worker is at work.

use sandglass_core::command::CommandKind;
use sandglass_core::event::HistoryEvent;
use sandglass_core::{Failure, Payload};
use sandglass_host::wasm::{HistorySource, Limits};
use sandglass_tests::story::{Story, worker_of};
use sandglass_tests::{LANGUAGES, project, test_guest_in};
use std::sync::Arc;
use std::time::Instant;

/// The run stays parked, so nobody asks for what it has seen.
struct Forgotten;

impl HistorySource for Forgotten {
    async fn page(&mut self, first_event_id: i64) -> Result<Vec<Arc<HistoryEvent>>, String> {
        Err(format!("event {first_event_id} was forgotten"))
    }
}

/// Lets one instance execute so many activities, each with an answer of so many letters: a result, or every tenth time a failure. How much it holds, after each workflow task.
async fn goes_through(
    guest: &str,
    language: &str,
    activities: usize,
    letters: usize,
) -> Vec<usize> {
    let worker = worker_of(guest, &test_guest_in(guest, language));
    let begun = Instant::now();
    let input = Payload::json(activities.to_string());
    let mut story = Story::new(guest, "run", vec![input]);
    let answer = "x".repeat(letters);
    let result = Payload::json(format!("\"{answer}\""));
    let failure = Failure::application(answer, "Refused", true);
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
            done += 1;
            match done % 10 {
                0 => story.fail_activity(&scheduled.activity_id, failure.clone()),
                _ => story.complete_activity(&scheduled.activity_id, result.clone()),
            }
        }
        held.push(worker.stats().cached_bytes);
    };
    assert_eq!(done, activities);
    let length = result.expect("a result").payloads[0].data.clone();
    assert_eq!(&length[..], (activities * letters).to_string().as_bytes());
    assert_eq!((worker.stats().replays, worker.stats().failures), (0, 0));
    println!(
        "{guest} in {language}: {activities} activities in {:.1?}, parked: {} bytes after a tenth, {} at the end",
        begun.elapsed(),
        held[held.len() / 10],
        held[held.len() - 1]
    );
    held
}

/// So many that whatever is lost at each shows, and that a collector runs often: with the module that Go's bindings name, which allocates while
/// the host asks for memory, it traps now and then.
async fn is_bounded_in_memory(guest: &str, language: &str, many: usize) {
    let held = goes_through(guest, language, many, 100).await;
    let (early, late) = (held[held.len() / 10], held[held.len() - 1]);
    assert!(late <= early + (1 << 20), "its memory grows: {early} bytes, then {late}");
}

/// Answers that fit in no chunk at first, and more of them than a guest can hold.
async fn makes_room(guest: &str, language: &str) {
    let (activities, letters) = (2_000, 200_000);
    goes_through(guest, language, activities, letters).await;
    assert!(activities * letters > Limits::default().memory_bytes);
}

/// Two tests a language.
macro_rules! tests {
    ($many:literal of $guest:literal in $($language:ident)*) => {
        $(
            mod $language {
                #[tokio::test(flavor = "multi_thread")]
                async fn many_activities_take_bounded_memory() {
                    crate::is_bounded_in_memory($guest, stringify!($language), $many).await;
                }

                #[tokio::test(flavor = "multi_thread")]
                async fn what_is_not_needed_any_more_makes_room() {
                    crate::makes_room($guest, stringify!($language)).await;
                }
            }
        )*
        pub const TESTED: &[&str] = &[$(stringify!($language)),*];
    };
}

mod activities {
    tests! { 300_000 of "many-activities" in rust python javascript typescript go c cpp zig }
}

/// The patterns for several things at once, of the languages that have such. They are several times slower.
mod tasks {
    tests! { 100_000 of "many-tasks" in rust python javascript typescript }
}

#[test]
fn every_language_has_its_tests() {
    assert_eq!(LANGUAGES.map(|language| language.name), activities::TESTED);
    let guests = project().join("tests/guests/many-tasks");
    let written = |name: &&str| *name == "rust" || guests.join(name).is_dir();
    let written: Vec<_> = activities::TESTED.iter().copied().filter(written).collect();
    assert_eq!(written, tasks::TESTED);
}
