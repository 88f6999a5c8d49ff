//! An executor whose waiting is the workflow's own: several things at once, written with `await`.
//! `mod executor;` in a guest that has called `bindings::workflow!()`.
//!
//! What waits implements `Future`; combinators of other crates work with it. A workflow that does
//! one thing after another needs none of this.
#![allow(dead_code, reason = "a guest takes what it needs")]

use crate::sandglass::workflow::activities::{self, ActivityOptions};
use crate::sandglass::workflow::signals::{self, Signal};
use crate::sandglass::workflow::types::{Failure, Operation, Payload};
use crate::sandglass::workflow::{select, timers};
use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

thread_local! {
    static WAITING: RefCell<Waiting> = RefCell::default();
}

#[derive(Default)]
struct Waiting {
    /// What was polled since the last event, in that order.
    operations: Vec<Operation>,
    /// The event: the operation that has become ready, or that the run is to stop.
    event: Option<Result<Operation, Failure>>,
}

/// Runs the future to its end. A cancel request fails everything that waits at that time, once.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    // After an event all is polled again: at these sizes that is cheaper than to know who waits.
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(done) = future.as_mut().poll(&mut context) {
            return done;
        }
        let operations = WAITING.with_borrow_mut(|waiting| std::mem::take(&mut waiting.operations));
        assert!(!operations.is_empty(), "the workflow waits for something nothing brings about");
        let event = select::wait_any(&operations);
        WAITING.with_borrow_mut(|waiting| waiting.event = Some(event));
    }
}

/// Waits until an operation is ready, without taking it.
pub async fn ready(operation: Operation) -> Result<(), Failure> {
    let mut waits = false;
    poll_fn(|_| {
        WAITING.with_borrow_mut(|waiting| {
            // What has begun to wait since then is not meant.
            let polled = match &waiting.event {
                Some(Ok(ready)) if waits && *ready == operation => return Poll::Ready(Ok(())),
                Some(Err(failure)) if waits => return Poll::Ready(Err(failure.clone())),
                _ => &mut waiting.operations,
            };
            polled.push(operation);
            waits = true;
            Poll::Pending
        })
    })
    .await
}

/// Cancels an operation that nobody waits for any more.
struct CancelOnDrop(Option<Operation>, fn(Operation));

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        if let Some(operation) = self.0 {
            self.1(operation);
        }
    }
}

/// Executes an activity. If it is not awaited to its end, it is canceled.
pub async fn execute(
    activity_type: &str,
    input: &[Payload],
    options: &ActivityOptions,
) -> Result<Payload, Failure> {
    let activity = activities::start(activity_type, input, options);
    let mut unfinished = CancelOnDrop(Some(activity), activities::cancel);
    ready(activity).await?;
    unfinished.0 = None;
    activities::outcome(activity)
}

/// Sleeps for so many seconds.
pub async fn sleep(seconds: f64) -> Result<(), Failure> {
    let timer = timers::start(seconds);
    let mut unfinished = CancelOnDrop(Some(timer), timers::cancel);
    ready(timer).await?;
    unfinished.0 = None;
    timers::wait(timer)
}

/// The oldest signal of that name that waits, or the next.
pub async fn receive(name: &str) -> Result<Signal, Failure> {
    loop {
        if let Some(signal) = signals::take(name) {
            return Ok(signal);
        }
        ready(signals::on_signal(name)).await?;
    }
}

/// One of several that are of different types.
pub type Boxed<'a, T> = Pin<Box<dyn Future<Output = Result<T, Failure>> + 'a>>;

/// Runs all at once, and gives their results in order. If one fails, the others are dropped.
pub async fn all<T>(mut futures: Vec<Boxed<'_, T>>) -> Result<Vec<T>, Failure> {
    let mut results: Vec<Option<T>> = futures.iter().map(|_| None).collect();
    poll_fn(|context| {
        for (future, result) in futures.iter_mut().zip(&mut results) {
            if result.is_none()
                && let Poll::Ready(ended) = future.as_mut().poll(context)
            {
                match ended {
                    Ok(value) => *result = Some(value),
                    Err(failure) => return Poll::Ready(Err(failure)),
                }
            }
        }
        if results.iter().all(Option::is_some) { Poll::Ready(Ok(())) } else { Poll::Pending }
    })
    .await?;
    Ok(results.into_iter().flatten().collect())
}
