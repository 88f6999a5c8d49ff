//! What many workflows in Rust want beside the bindings. Take it along, or leave it: `mod patterns;`
//! in a guest that has called `bindings::workflow!()`.
//!
//! It is no SDK: what a workflow calls is the WIT itself.
#![allow(dead_code, reason = "a guest takes what it needs")]

use crate::sandglass::workflow::activities::{self, ActivityOptions};
use crate::sandglass::workflow::types::{Failure, Operation, Payload};
use crate::sandglass::workflow::{cancellation, log, select};
use std::collections::BTreeMap;

/// Does what is not to be cut short by a cancel request, which waits.
pub fn shielded<T>(work: impl FnOnce() -> T) -> T {
    cancellation::shield();
    let done = work();
    cancellation::unshield();
    done
}

/// What undoes the steps that were taken.
#[derive(Default)]
pub struct Saga<'a>(Vec<Box<dyn FnOnce() -> Result<Payload, Failure> + 'a>>);

impl<'a> Saga<'a> {
    /// To be called before the step that it undoes: one that failed or was canceled may have had
    /// its effect.
    pub fn undo(&mut self, step: impl FnOnce() -> Result<Payload, Failure> + 'a) {
        self.0.push(Box::new(step));
    }
}

/// Does the work, and if it fails, what it gave to `undo`, the newest first.
pub fn saga<'a, T>(work: impl FnOnce(&mut Saga<'a>) -> Result<T, Failure>) -> Result<T, Failure> {
    let mut saga = Saga::default();
    work(&mut saga).inspect_err(|_| {
        shielded(|| {
            for step in saga.0.into_iter().rev() {
                if let Err(failure) = step() {
                    log::error(&format!("could not be undone: {}", failure.message));
                }
            }
        });
    })
}

/// Executes activities, so many at once, and gives their results in order. If one fails, the others
/// are canceled.
pub fn at_most(
    count: usize,
    calls: &[(&str, Vec<Payload>)],
    options: &ActivityOptions,
) -> Result<Vec<Payload>, Failure> {
    let mut results = vec![Payload::Nil; calls.len()];
    let mut waiting = calls.iter().enumerate();
    let mut running = BTreeMap::<Operation, usize>::new();
    loop {
        while running.len() < count
            && let Some((index, (activity_type, input))) = waiting.next()
        {
            running.insert(activities::start(activity_type, input, options), index);
        }
        if running.is_empty() {
            return Ok(results);
        }
        let ended = select::wait_any(&running.keys().copied().collect::<Vec<_>>());
        let result = ended.and_then(|ended| {
            let index = running.remove(&ended).expect("it is one of those that were waited for");
            results[index] = activities::outcome(ended)?;
            Ok(())
        });
        if let Err(failure) = result {
            select::settle(&running.into_keys().collect::<Vec<_>>());
            return Err(failure);
        }
    }
}
