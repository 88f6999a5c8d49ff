//! Zig, on what it makes of the bindings of C, and `sandglass component new`.

use super::{Language, Recipe};
use crate::toolchains::{self, Toolchain};
use anyhow::Result;

pub(super) const LANGUAGE: Language = Language::with_recipe(
    "zig",
    Recipe {
        shared: &["patterns/zig"],
        commands: &["ZIG=python-zig ../../patterns/zig/build.sh ../../target/{feature}-zig.wasm"],
        toolchains,
    },
);

/// What Zig, C and C++ are built with.
pub(super) fn toolchains() -> Result<Vec<Toolchain>> {
    let requirements = toolchains::pins().join("zig/requirements.txt");
    Ok(vec![toolchains::from_pip("zig", &requirements)?, toolchains::sandglass()?])
}
