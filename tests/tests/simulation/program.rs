//! A guest's program as data, so that a failing seed can show it, and how one is made at random.
//!
//! What each step does is in `guest`.

use crate::random::Random;
use sandglass_core::policy::RetryPolicy;
use sandglass_core::worker::{ActivityOptions, CancellationType};
use std::fmt;
use std::time::Duration;

/// What a guest does.
#[derive(Clone, Debug)]
pub struct Program {
    pub steps: Vec<Step>,
    pub interrupted: Interrupted,
    pub ending: Ending,
}

/// One thing that a guest does. Numbers choose among the operations that it has.
#[derive(Clone, Debug)]
pub enum Step {
    StartTimer(u64),
    StartActivity(Work),
    /// Waits for one operation's outcome, and has it no more.
    Take(usize),
    Cancel(usize),
    Receive,
    TakeSignal,
    WaitAny,
    Race,
    Settle,
    Shield,
    Unshield,
    Patched(u64),
    DeprecatePatch(u64),
    Publish,
    /// A sleep that nothing interrupts.
    Sleep(u64),
    /// Traps until the code is mended.
    Bug,
}

/// An activity.
#[derive(Clone, Debug)]
pub struct Work {
    pub options: ActivityOptions,
}

/// What a guest does when a call is interrupted by a cancel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interrupted {
    PassOn,
    CleanUp,
    Swallow,
    Fail,
}

/// What a guest does in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Return,
    SettleAndReturn,
    Fail,
}

impl Program {
    pub fn at_random(random: &mut Random) -> Program {
        let length = 3 + random.below(10);
        let mut steps: Vec<Step> = (0..length).map(|_| step(random)).collect();
        if random.once_in(8) {
            let at = random.index(steps.len());
            steps.insert(at, Step::Bug);
        }
        // An unshield needs a shield before it, else it is a misuse.
        let mut shields = 0;
        steps.retain(|step| {
            shields += i32::from(matches!(step, Step::Shield));
            let keep = !matches!(step, Step::Unshield) || shields > 0;
            shields -= i32::from(matches!(step, Step::Unshield) && keep);
            keep
        });
        use Interrupted as I;
        Program {
            steps,
            interrupted: random.one_of(&[I::PassOn, I::PassOn, I::CleanUp, I::Swallow, I::Fail]),
            ending: random.one_of(&[Ending::Return, Ending::SettleAndReturn, Ending::Fail]),
        }
    }
}

fn step(random: &mut Random) -> Step {
    let number = random.index(8);
    match random.below(26) {
        0..4 => Step::StartTimer(random.below(9)),
        4..9 => Step::StartActivity(Work::at_random(random)),
        9..12 => Step::Take(number),
        12 => Step::Cancel(number),
        13 => Step::Receive,
        14 => Step::TakeSignal,
        15 => Step::WaitAny,
        16 | 17 => Step::Race,
        18 => Step::Settle,
        19 => Step::Shield,
        20 => Step::Unshield,
        21 if random.once_in(3) => Step::DeprecatePatch(random.below(3)),
        21 => Step::Patched(random.below(3)),
        22 => Step::Publish,
        23 | 24 => Step::Cancel(number),
        _ => Step::Sleep(random.below(4)),
    }
}

impl Work {
    fn at_random(random: &mut Random) -> Work {
        let mut seconds = |once_in, most| {
            random.once_in(once_in).then(|| Duration::from_secs(1 + random.below(most)))
        };
        let schedule_to_close_timeout = seconds(3, 30);
        let schedule_to_start_timeout = seconds(3, 5);
        let heartbeat_timeout = seconds(2, 4);
        let start_to_close_timeout = Some(Duration::from_secs(4 + random.below(20)));
        let policy = RetryPolicy {
            initial_interval: Some(Duration::from_millis(random.one_of(&[1, 500, 2_000]))),
            backoff_coefficient: random.one_of(&[1.0, 2.0]),
            maximum_attempts: random.one_of(&[1, 2, 3, 4]),
            ..RetryPolicy::default()
        };
        use CancellationType as C;
        let waits = C::WaitCancellationCompleted;
        let cancellation_type = random.one_of(&[C::TryCancel, waits, waits, C::Abandon]);
        Work {
            options: ActivityOptions {
                activity_type: random.one_of(&["near", "far"]).into(),
                schedule_to_close_timeout,
                schedule_to_start_timeout,
                start_to_close_timeout,
                heartbeat_timeout,
                retry_policy: Some(policy),
                cancellation_type,
                ..ActivityOptions::default()
            },
        }
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.steps {
            match step {
                Step::StartActivity(work) => writeln!(f, "  {work}")?,
                other => writeln!(f, "  {other:?}")?,
            }
        }
        writeln!(f, "  in the end: {:?}; when interrupted: {:?}", self.ending, self.interrupted)
    }
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let it = &self.options;
        write!(f, "StartActivity({:?}, {:?}", it.activity_type, it.cancellation_type)?;
        let timeouts = [
            ("to close", it.schedule_to_close_timeout),
            ("to start", it.schedule_to_start_timeout),
            ("attempt", it.start_to_close_timeout),
            ("heartbeat", it.heartbeat_timeout),
        ];
        for (name, timeout) in timeouts {
            if let Some(timeout) = timeout {
                write!(f, ", {name} {timeout:?}")?;
            }
        }
        match &it.retry_policy {
            Some(policy) => write!(
                f,
                ", {} attempts, first after {:?})",
                policy.maximum_attempts,
                policy.initial_interval.unwrap_or_default()
            ),
            None => write!(f, ")"),
        }
    }
}
