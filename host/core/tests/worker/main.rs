//! The worker half through its public API: guests that are scripted, histories that a small
//! stand-in for the engine makes of what they ask for.
//!
//! Every scenario is replayed from its beginning after each of its tasks, and has to ask for the
//! same.
#![allow(clippy::result_large_err, reason = "guests return failures by value, as the WIT has them")]
#![allow(unreachable_pub, reason = "the scripted guests are shared with another crate")]

mod activities;
mod cancellation;
mod failures;
mod fuzz;
mod golden;
mod histories;
mod limits;
mod long_history;
mod patches;
mod publishing;
mod replay;
#[path = "../../../../tests/src/scripted.rs"]
#[allow(dead_code, reason = "not every import is used here")]
mod scripted;
mod select;
mod signals;
mod story;
mod timers;
