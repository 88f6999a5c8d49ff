//! Tests of the engine half: a run that is driven by hand, and what its log says afterwards.

mod activities;
mod completions;
mod driver;
mod endings;
mod lifecycle;
mod races;
mod recovery;
mod tables;
mod tasks;
mod timers;
