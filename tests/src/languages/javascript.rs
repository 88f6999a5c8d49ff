//! JavaScript, by componentize-qjs: QuickJS, with the modules loaded.

use super::{Language, Recipe};
use crate::toolchains::{self, Toolchain};
use anyhow::Result;

pub(super) const LANGUAGE: Language = Language::with_recipe(
    "javascript",
    Recipe {
        shared: &["patterns/javascript"],
        commands: &["componentize-qjs --sync --wit ../../../wit --world workflow \
             --module-root ../.. --js {feature}.js \
             --output ../../target/{feature}-javascript.wasm"],
        toolchains,
    },
);

/// The packages that JavaScript and TypeScript are built with.
pub(super) fn toolchains() -> Result<Vec<Toolchain>> {
    Ok(vec![toolchains::from_npm("javascript", &toolchains::pins().join("javascript"))?])
}
