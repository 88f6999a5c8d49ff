//! For tests: what every store must do, a store that fails on demand, and commits without a core to
//! make them.
//!
//! It is public so that stores elsewhere can be held to the same, and panics where something is not
//! as it should be.

mod conformance;
mod faulty;
mod lists;
mod sample;

pub use conformance::conformance;
pub use faulty::FaultyStore;
pub use sample::SampleRun;
