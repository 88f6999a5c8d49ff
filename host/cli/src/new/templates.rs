//! The files of a project that has just begun, one list a language. `NAME` and `LANGUAGE` in them stand for what they say.
//!
//! What examples and projects have in common is kept with the examples.

use crate::language::Language;

/// Where it lies in the project, and what it holds.
pub(super) type File = (&'static str, &'static str);

macro_rules! template {
    ($path:literal) => {
        include_str!(concat!("templates/", $path))
    };
}

macro_rules! pattern {
    ($path:literal) => {
        include_str!(concat!("../../../../guest-examples/patterns/", $path))
    };
}

/// What the examples' toolchains name, too.
macro_rules! toolchain {
    ($path:literal) => {
        include_str!(concat!("../../../../guest-examples/toolchains/", $path))
    };
}

const RUST: &[File] = &[
    ("Cargo.toml", template!("rust/Cargo.toml.txt")),
    (".cargo/config.toml", template!("rust/config.toml.txt")),
    ("src/lib.rs", template!("rust/lib.rs.txt")),
    (".gitignore", template!("rust/gitignore.txt")),
];

const PYTHON: &[File] = &[
    ("workflow.py", template!("python/workflow.py.txt")),
    ("patterns.py", pattern!("python/patterns.py")),
    ("requirements.txt", toolchain!("python/requirements.txt")),
    ("build.sh", template!("python/build.sh")),
    (".gitignore", template!("python/gitignore.txt")),
];

const JAVASCRIPT: &[File] = &[
    ("workflow.js", template!("javascript/workflow.js.txt")),
    ("patterns.js", pattern!("javascript/patterns.js")),
    ("package.json", template!("javascript/package.json.txt")),
    ("build.sh", template!("javascript/build.sh")),
    (".gitignore", template!("javascript/gitignore.txt")),
];

const TYPESCRIPT: &[File] = &[
    ("workflow.ts", template!("typescript/workflow.ts.txt")),
    ("patterns.js", pattern!("javascript/patterns.js")),
    ("package.json", template!("typescript/package.json.txt")),
    ("tsconfig.json", template!("typescript/tsconfig.json.txt")),
    ("build.sh", template!("typescript/build.sh")),
    (".gitignore", template!("typescript/gitignore.txt")),
];

const GO: &[File] = &[
    ("workflow.go", template!("go/workflow.go.txt")),
    ("go.mod", template!("go/go.mod.txt")),
    ("patterns/go/go.mod", pattern!("go/go.mod")),
    ("patterns/go/sandglass.go", pattern!("go/sandglass.go")),
    ("patterns/go/build.sh", pattern!("go/build.sh")),
    ("build.sh", template!("build.sh")),
    (".gitignore", template!("go/gitignore.txt")),
];

const C: &[File] = &[
    ("workflow.c", template!("c/workflow.c.txt")),
    ("patterns/c/sandglass.h", pattern!("c/sandglass.h")),
    ("patterns/c/build.sh", pattern!("c/build.sh")),
    ("patterns/c/cjson/cJSON.h", pattern!("c/cjson/cJSON.h")),
    ("patterns/c/cjson/cJSON.c", pattern!("c/cjson/cJSON.c")),
    ("patterns/c/cjson/LICENSE", pattern!("c/cjson/LICENSE")),
    ("build.sh", template!("build.sh")),
    (".gitignore", template!("c/gitignore.txt")),
];

const CPP: &[File] = &[
    ("workflow.cpp", template!("cpp/workflow.cpp.txt")),
    ("patterns/cpp/sandglass.hpp", pattern!("cpp/sandglass.hpp")),
    ("patterns/cpp/build.sh", pattern!("cpp/build.sh")),
    ("patterns/c/cjson/cJSON.h", pattern!("c/cjson/cJSON.h")),
    ("patterns/c/cjson/cJSON.c", pattern!("c/cjson/cJSON.c")),
    ("patterns/c/cjson/LICENSE", pattern!("c/cjson/LICENSE")),
    ("build.sh", template!("build.sh")),
    (".gitignore", template!("cpp/gitignore.txt")),
];

const ZIG: &[File] = &[
    ("workflow.zig", template!("zig/workflow.zig.txt")),
    ("patterns/zig/sandglass.zig", pattern!("zig/sandglass.zig")),
    ("patterns/zig/build.sh", pattern!("zig/build.sh")),
    ("build.sh", template!("build.sh")),
    (".gitignore", template!("zig/gitignore.txt")),
];

/// The files of a project in that language.
pub(super) fn files(language: Language) -> &'static [File] {
    match language {
        Language::Rust => RUST,
        Language::Python => PYTHON,
        Language::JavaScript => JAVASCRIPT,
        Language::TypeScript => TYPESCRIPT,
        Language::Go => GO,
        Language::C => C,
        Language::Cpp => CPP,
        Language::Zig => ZIG,
    }
}
