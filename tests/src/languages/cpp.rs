//! C++, by Zig's compiler of it, and `sandglass component new`.

use super::zig::toolchains;
use super::{Language, Recipe};

pub(super) const LANGUAGE: Language = Language::with_recipe(
    "cpp",
    Recipe {
        shared: &["patterns/c", "patterns/cpp"],
        commands: &["ZIG=python-zig ../../patterns/cpp/build.sh ../../target/{feature}-cpp.wasm"],
        toolchains,
    },
);
