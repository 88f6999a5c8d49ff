//! TypeScript: compiled to JavaScript, then as that is.

use super::javascript::toolchains;
use super::{Language, Recipe};

pub(super) const LANGUAGE: Language = Language::with_recipe(
    "typescript",
    Recipe {
        shared: &["patterns/javascript", "bindings/typescript"],
        commands: &[
            "tsc",
            "componentize-qjs --sync --wit ../../../wit --world workflow \
             --module-root ../../target/javascript --js ../../target/javascript/{feature}/typescript/{feature}.js \
             --output ../../target/{feature}-typescript.wasm",
        ],
        toolchains,
    },
);
