//! The engine half and the worker half of the core together, in simulated worlds: one thread, no I/O, no clock, no wasm. A seed decides
//! everything, and thousands of seeds run.
//!
//! `SANDGLASS_SEED=7` runs just that one and shows it; `SANDGLASS_SEEDS=100000` runs as many. What lives here: which worlds run, and what they
//! must have seen. What does not: any rule of the product; `rules` says what has to hold of any run.
#![allow(clippy::result_large_err, reason = "guests return failures by value, as the WIT has them")]
#![allow(unreachable_pub, reason = "a test has no outside")]

mod activities;
mod clients;
mod coverage;
mod disk;
mod guest;
mod host;
mod program;
mod random;
mod report;
mod rules;
mod worker;
mod world;

use coverage::{ANY_STEP, ANYTHING, Coverage};
use world::World;

/// Seeds, unless `SANDGLASS_SEEDS` says how many.
const SEEDS: u64 = 10_000;
/// Guests that are canceled and terminated at each of their steps.
const FIXED_GUESTS: u64 = 48;

#[test]
fn whatever_happens_the_rules_hold() {
    if let Some(seed) = number("SANDGLASS_SEED") {
        return run_one(World::at_random(seed));
    }
    let seeds = number("SANDGLASS_SEEDS").unwrap_or(SEEDS);
    let coverage = on_two_threads(|thread| {
        let mut coverage = Coverage::default();
        for seed in (thread..seeds).step_by(2) {
            let mut world = World::at_random(seed);
            report::run(&mut world);
            coverage.add(&world.seen);
        }
        coverage
    });
    // Fewer need not have seen everything.
    coverage.check(if seeds < SEEDS { &[] } else { &ANYTHING });
}

#[test]
fn a_cancel_or_a_terminate_at_any_step() {
    if let Some(seed) = number("SANDGLASS_GUEST") {
        let (cancel, terminate) = (number("SANDGLASS_CANCEL_AT"), number("SANDGLASS_TERMINATE_AT"));
        return run_one(World::calm(seed, cancel, terminate));
    }
    let coverage = on_two_threads(|thread| {
        let mut coverage = Coverage::default();
        for seed in (thread..FIXED_GUESTS).step_by(2) {
            let mut undisturbed = World::calm(seed, None, None);
            report::run(&mut undisturbed);
            for step in 0..undisturbed.step {
                let later = step + 1 + step % 5;
                let asked = [(Some(step), None), (None, Some(step)), (Some(step), Some(later))];
                for (cancel_at, terminate_at) in asked {
                    let mut world = World::calm(seed, cancel_at, terminate_at);
                    report::run(&mut world);
                    coverage.add(&world.seen);
                }
            }
        }
        coverage
    });
    coverage.check(&ANY_STEP);
}

/// Runs a world and shows it.
fn run_one(mut world: World) {
    report::run(&mut world);
    println!("{}", report::show(&world));
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable}={text} is no number")))
}

fn on_two_threads(work: impl Fn(u64) -> Coverage + Sync) -> Coverage {
    let mut coverage = Coverage::default();
    std::thread::scope(|scope| {
        let threads = [0, 1].map(|thread| {
            let work = &work;
            scope.spawn(move || work(thread))
        });
        for thread in threads {
            // The thread has said what went wrong.
            coverage.join(thread.join().unwrap_or_else(|_| panic!("a seed failed")));
        }
    });
    coverage
}
