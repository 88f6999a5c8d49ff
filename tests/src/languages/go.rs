//! Go, by its own compiler for WASI 0.1, and `sandglass component new`.

use super::{Language, Recipe};
use crate::toolchains::{self, Toolchain};
use anyhow::Result;

pub(super) const LANGUAGE: Language = Language::with_recipe(
    "go",
    Recipe {
        shared: &["patterns/go"],
        commands: &["../../patterns/go/build.sh ../../target/{feature}-go.wasm"],
        toolchains,
    },
);

pub(super) const ACTIVITY: Language = Language::with_recipe(
    "go",
    Recipe {
        shared: &["patterns/go"],
        commands: &["../../patterns/go/build.sh ../../target/{feature}-go.wasm activity-with-wasi"],
        toolchains,
    },
);

fn toolchains() -> Result<Vec<Toolchain>> {
    let requirements = toolchains::pins().join("go/requirements.txt");
    Ok(vec![toolchains::from_pip("go", &requirements)?, toolchains::sandglass()?])
}
