//! Temporal's own worker core as the judge of what Sandglass writes: histories of simulated worlds are replayed by it, the same guests
//! answer, and it must find nothing that differs.
//!
//! What lives here: which worlds are judged, and what they must have shown. The worlds themselves are those of the simulation; how a guest
//! answers the judge is in `lang`, what it is told and what it says in `judge`.
#![deny(warnings)]
#![allow(dead_code, reason = "the simulation has more than is judged here")]
#![allow(clippy::result_large_err, reason = "guests return failures by value, as the WIT has them")]
#![allow(unreachable_pub, reason = "a program has no outside")]

// The simulation names what it shares with other tests so.
extern crate self as sandglass_tests;

#[path = "../../tests/simulation/activities.rs"]
mod activities;
#[path = "../../tests/simulation/clients.rs"]
mod clients;
#[path = "../../tests/simulation/coverage.rs"]
mod coverage;
#[path = "../../tests/simulation/disk.rs"]
mod disk;
#[path = "../../tests/simulation/guest.rs"]
mod guest;
#[path = "../../tests/simulation/host.rs"]
mod host;
mod judge;
mod lang;
#[path = "../../tests/simulation/program.rs"]
mod program;
#[path = "../../tests/simulation/random.rs"]
mod random;
#[path = "../../tests/simulation/report.rs"]
mod report;
#[path = "../../tests/simulation/rules.rs"]
mod rules;
#[path = "../../src/scripted.rs"]
pub mod scripted;
#[path = "../../tests/simulation/worker.rs"]
mod worker;
#[path = "../../tests/simulation/world.rs"]
mod world;

use anyhow::{Context, bail, ensure};
use lang::Lang;
use std::collections::BTreeMap;
use world::World;

/// Worlds in which everything may happen, unless the first argument says how many.
const WORLDS: u64 = 3_000;
/// Guests that are canceled at some of their steps while nothing else goes wrong.
const GUESTS: u64 = 24;
/// What the judged histories have to have among them: else little was judged.
const NEEDED: [&str; 17] = [
    "ActivityTaskCancelRequested",
    "ActivityTaskCanceled",
    "ActivityTaskCompleted",
    "ActivityTaskFailed",
    "ActivityTaskTimedOut",
    "MarkerRecorded",
    "TimerCanceled",
    "TimerFired",
    "WorkflowExecutionCancelRequested",
    "WorkflowExecutionCanceled",
    "WorkflowExecutionCompleted",
    "WorkflowExecutionFailed",
    "WorkflowExecutionSignaled",
    "WorkflowExecutionTerminated",
    "WorkflowExecutionTimedOut",
    "WorkflowTaskFailed",
    "WorkflowTaskTimedOut",
];
/// Of the judged histories, as many at least have the end of an activity that Temporal's core took for over when it was asked to stop.
const LATE_ENDS_MIN: usize = 5;

#[derive(Default)]
struct Tally {
    accepted: usize,
    refused: usize,
    late_ends: usize,
    events: BTreeMap<&'static str, usize>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let worlds = match std::env::args().nth(1) {
        Some(text) => text.parse().with_context(|| format!("{text} is no number of worlds"))?,
        None => WORLDS,
    };
    let mut tally = Tally::default();
    for seed in 0..worlds {
        tally.judge(format!("seed {seed}"), World::at_random(seed)).await?;
    }
    for seed in 0..GUESTS.min(worlds) {
        let mut undisturbed = World::calm(seed, None, None);
        report::run(&mut undisturbed);
        for step in (0..undisturbed.step).step_by(3) {
            let world = World::calm(seed, Some(step), None);
            tally.judge(format!("guest {seed}, canceled at step {step}"), world).await?;
        }
    }
    tally.finish(worlds < WORLDS)
}

impl Tally {
    async fn judge(&mut self, name: String, mut world: World) -> anyhow::Result<()> {
        report::run(&mut world);
        let events = worker::events(&world.log);
        let lang = Lang::new(&world, &events);
        self.late_ends += usize::from(lang.ends_late);
        match judge::judge(&events, lang).await.with_context(|| name.clone())? {
            None => self.accepted += 1,
            Some(why) => {
                self.refused += 1;
                println!("{name}: {why}\n{}", report::show(&world));
            }
        }
        for event in &events {
            *self.events.entry(event.attributes.name()).or_default() += 1;
        }
        Ok(())
    }

    fn finish(self, few: bool) -> anyhow::Result<()> {
        let judged = self.accepted + self.refused;
        println!("{judged} histories: {} accepted", self.accepted);
        println!("  {:6} with the late end of an activity", self.late_ends);
        for (name, count) in &self.events {
            println!("  {count:6} {name}");
        }
        if self.refused > 0 {
            bail!("Temporal's core refuses {} histories of {judged}", self.refused);
        }
        if few {
            return Ok(());
        }
        for needed in NEEDED {
            ensure!(self.events.contains_key(needed), "no history has {needed}");
        }
        ensure!(self.late_ends >= LATE_ENDS_MIN, "too few histories have a late end");
        Ok(())
    }
}
