//! Python, by componentize-py: CPython itself, as it is once the module has been imported.

use super::{Language, Recipe};
use crate::toolchains::{self, Toolchain};
use anyhow::Result;

pub(super) const LANGUAGE: Language = Language::with_recipe(
    "python",
    Recipe {
        shared: &["patterns/python"],
        commands: &[
            "componentize-py -q -d ../../../wit -w sandglass:workflow/workflow componentize {feature_} \
             -p . -p ../../patterns/python -o ../../target/{feature}-python.wasm",
        ],
        toolchains,
    },
);

pub(super) const ACTIVITY: Language = Language::with_recipe(
    "python",
    Recipe {
        shared: &[],
        commands: &[
            "componentize-py -q -d ../../../wit -w sandglass:activity/activity-with-wasi componentize {feature_} \
             -p . -o ../../target/{feature}-python.wasm",
        ],
        toolchains,
    },
);

fn toolchains() -> Result<Vec<Toolchain>> {
    let requirements = toolchains::pins().join("python/requirements.txt");
    Ok(vec![toolchains::from_pip("python", &requirements)?])
}
