//! What a failing seed shows: the guest's program, the last steps, the history, and how to run just that seed.

use crate::worker::events;
use crate::world::World;
use sandglass_core::engine::Entry;
use std::fmt::Write;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Steps that are shown.
const STEPS_SHOWN: usize = 60;

/// Runs a world; shows it if a rule is broken.
pub fn run(world: &mut World) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| world.run())) {
        println!("{}", show(world));
        resume_unwind(panic);
    }
}

/// A world, for people.
pub fn show(world: &World) -> String {
    let mut text = format!("seed {}\n{:?}\nguest:\n{}", world.seed, world.plan, world.program);
    let from = world.trail.len().saturating_sub(STEPS_SHOWN);
    text += "last steps:\n";
    for (step, now, action) in &world.trail[from..] {
        // Into a string, nothing fails.
        let _ = writeln!(text, "  {step} {now} {action:?}");
    }
    text += "log:\n";
    for entry in &world.log {
        let _ = match entry {
            Entry::Event(it) => {
                writeln!(text, "  {} {} {}", it.event_id, it.event_time, it.attributes.name())
            }
            Entry::Change(it) => writeln!(text, "       {}", it.name()),
        };
    }
    let _ =
        writeln!(text, "{} events, {} ahead", events(&world.log).len(), world.process.queue.len());
    text + &command(world)
}

fn command(world: &World) -> String {
    let (seed, plan) = (world.seed, &world.plan);
    let variables = match plan.calm {
        false => format!("SANDGLASS_SEED={seed}"),
        true => [("CANCEL", plan.cancel_at), ("TERMINATE", plan.terminate_at)]
            .into_iter()
            .filter_map(|(what, at)| Some(format!(" SANDGLASS_{what}_AT={}", at?)))
            .fold(format!("SANDGLASS_GUEST={seed}"), |all, one| all + &one),
    };
    format!("\n{variables} cargo test --locked --workspace --test simulation -- --nocapture\n")
}
