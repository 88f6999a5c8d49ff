//! What the whole-system tests share: guests built from source, recorded histories, the command and the front door under test.

pub mod asked;
pub mod command;
pub mod front_door;
pub mod golden;
pub mod guests;
pub mod languages;
pub mod native;
pub mod scripted;
pub mod served;
pub mod story;
pub mod toolchains;

pub use golden::{Scrubbed, golden};
pub use guests::{compiled, guest, target};
pub use languages::{LANGUAGES, guest_in, test_guest_in};

use std::path::{Path, PathBuf};

/// The folder of this crate.
#[must_use]
pub fn here() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The folder of the whole project.
///
/// # Panics
/// If this crate is not where it was built.
#[must_use]
pub fn project() -> PathBuf {
    here().parent().map(Path::to_owned).expect("this crate lies within the project")
}
