//! C, by Zig's compiler of it, and `sandglass component new`.

use super::zig::toolchains;
use super::{Language, Recipe};

pub(super) const LANGUAGE: Language = Language::with_recipe(
    "c",
    Recipe {
        shared: &["patterns/c"],
        commands: &["ZIG=python-zig ../../patterns/c/build.sh ../../target/{feature}-c.wasm"],
        toolchains,
    },
);
