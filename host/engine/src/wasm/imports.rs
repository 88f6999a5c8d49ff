//! The interfaces of `sandglass:workflow`, one file each. Every import is one call to the core's worker half.

mod activities;
mod cancellation;
mod execution;
pub(super) mod failures;
mod log;
mod select;
mod signals;
mod timers;
mod types;
