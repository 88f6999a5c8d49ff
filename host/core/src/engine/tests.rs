//! Tests of the engine half: a run that is driven by hand, and what its log says afterwards.

mod driver;
mod lifecycle;
