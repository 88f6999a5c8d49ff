//! Rust: a workspace, which cargo builds as a whole.

use super::{Build, Language};

pub(super) const LANGUAGE: Language = Language { name: "rust", build: Build::Cargo };
