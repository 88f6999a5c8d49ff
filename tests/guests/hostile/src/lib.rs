//! Does what a guest should not do. Its input says what, as a JSON string.

use std::hint::black_box;
use std::process;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use sandglass::workflow::activities::{self, ActivityOptions};
use sandglass::workflow::{execution, log, select, timers};
use serde::Deserialize;

bindings::workflow!();

const GIANT: usize = 3 << 20;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Deed {
    /// Computes for ever.
    EndlessLoop,
    /// Takes memory until there is none.
    MemoryBomb,
    /// Calls itself until the stack is full.
    DeepRecursion,
    /// Writes a log without end.
    LogFlood,
    /// Writes to stderr without end.
    StderrFlood,
    /// Gives an activity more than a payload may hold.
    GiantInput,
    /// Returns more than a payload may hold.
    GiantResult,
    /// Publishes more than a name may hold.
    GiantPublish,
    /// Publishes under more names than a run may have.
    PublishFlood,
    /// Starts timers without end.
    CommandFlood,
    /// Panics.
    Trap,
    /// Ends the process.
    Exit,
    /// Waits in a loop for a clock that stands still while it computes.
    ClockLoop,
    /// Sleeps for two seconds by `thread::sleep` and says how long it took, in seconds.
    ThreadSleep,
    /// Waits twice for one timer.
    TakeTwice,
    /// Waits for what was never started.
    UnknownOperation,
    /// Waits for the first of nothing.
    EmptyWaitAny,
    /// Unshields without a shield.
    UnshieldFirst,
    /// Starts an activity that has no timeout.
    NoTimeout,
    /// Races a timer against the activity `work`, three times. What comes next depends on who won.
    Race,
}

struct Hostile;

impl Guest for Hostile {
    fn run(input: Vec<Payload>) -> Result<Payload, Failure> {
        match decode(&input)? {
            Deed::EndlessLoop => loop {
                black_box(());
            },
            Deed::MemoryBomb => memory_bomb(),
            Deed::DeepRecursion => return Ok(encode(&deep(1))),
            Deed::LogFlood => loop {
                log::info(&"all work and no play ".repeat(50));
            },
            Deed::StderrFlood => loop {
                eprintln!("{}", "all work and no play ".repeat(50));
            },
            Deed::GiantInput => {
                activities::execute("work", &[Payload::Binary(vec![7; GIANT])], &a_minute())?;
            }
            Deed::GiantResult => return Ok(Payload::Binary(vec![7; GIANT])),
            Deed::GiantPublish => execution::publish("giant", &Payload::Binary(vec![7; GIANT])),
            Deed::PublishFlood => (0..1_000).for_each(|number| {
                execution::publish(&format!("name {number}"), &encode(&number));
            }),
            Deed::CommandFlood => loop {
                timers::start(3600.0);
            },
            Deed::Trap => panic!("out of luck"),
            Deed::Exit => process::exit(3),
            Deed::ClockLoop => clock_loop(),
            Deed::ThreadSleep => return Ok(encode(&thread_sleep())),
            Deed::TakeTwice => {
                let timer = timers::start(0.01);
                timers::wait(timer)?;
                timers::wait(timer)?;
            }
            Deed::UnknownOperation => timers::wait(4711)?,
            Deed::EmptyWaitAny => {
                select::wait_any(&[])?;
            }
            Deed::UnshieldFirst => sandglass::workflow::cancellation::unshield(),
            Deed::NoTimeout => {
                activities::execute("work", &[], &ActivityOptions::default())?;
            }
            Deed::Race => return race(),
        }
        Ok(Payload::Nil)
    }
}
export!(Hostile);

fn a_minute() -> ActivityOptions {
    ActivityOptions { start_to_close_timeout: Some(60.0), ..Default::default() }
}

fn memory_bomb() {
    let mut hoard = Vec::new();
    loop {
        hoard.push(vec![7u8; 1 << 20]);
        black_box(&hoard);
    }
}

#[expect(unconditional_recursion, reason = "the stack is to end it")]
fn deep(depth: u64) -> u64 {
    let frame = black_box([depth; 64]);
    // The sum keeps the call from being the last thing done.
    deep(depth + 1) + black_box(frame[0])
}

fn clock_loop() {
    let begin = (SystemTime::now(), Instant::now());
    while begin.0.elapsed().is_ok_and(|it| it.is_zero()) && begin.1.elapsed().is_zero() {}
}

fn thread_sleep() -> f64 {
    let begin = Instant::now();
    thread::sleep(Duration::from_secs(2));
    begin.elapsed().as_secs_f64()
}

fn race() -> Result<Payload, Failure> {
    let mut winners = Vec::new();
    for round in 0..3 {
        let activity = activities::start("work", &[encode(&round)], &a_minute());
        let timer = timers::start(0.05);
        if select::race(&[activity, timer])? == activity {
            winners.push("activity");
            activities::execute("after_activity", &[], &a_minute())?;
        } else {
            winners.push("timer");
            timers::sleep(0.01)?;
        }
        select::settle(&[activity, timer]);
    }
    Ok(encode(&winners))
}
