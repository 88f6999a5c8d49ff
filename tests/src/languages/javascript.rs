//! JavaScript. Workflows by componentize-qjs: QuickJS, with the modules loaded. Activities by componentize-js: StarlingMonkey, which has
//! `fetch`, and is ten times as large.

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

pub(super) const ACTIVITY: Language = Language::with_recipe(
    "javascript",
    Recipe {
        shared: &[],
        commands: &["componentize-js {feature}.js --wit ../../../wit \
             --world-name sandglass:activity/activity-with-wasi --disable fetch-event \
             --out ../../target/{feature}-javascript.wasm"],
        toolchains: || {
            Ok(vec![toolchains::from_npm(
                "starlingmonkey",
                &toolchains::pins().join("starlingmonkey"),
            )?])
        },
    },
);

/// The packages that JavaScript and TypeScript are built with.
pub(super) fn toolchains() -> Result<Vec<Toolchain>> {
    Ok(vec![toolchains::from_npm("javascript", &toolchains::pins().join("javascript"))?])
}
