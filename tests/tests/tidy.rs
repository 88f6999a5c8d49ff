//! The project's own rules, as tests: what lives where, how long it may be, what may be imported.
//!
//! Each failure says file, line and rule. A rule that turns out wrong is changed here, in the open.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use sandglass_tests::project;

const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 70;
/// rustfmt holds code to 100; this is for what it leaves alone: comments, and tables in macros.
const WIDTH_MAX: usize = 150;

/// What may stand at the top, dot-folders and build output aside.
const TOP: [&str; 11] = [
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "guest-examples",
    "host",
    "rust-toolchain.toml",
    "target",
    "tests",
    "wit",
    "clippy.toml",
];

/// All that the core may depend on: no I/O, no clock, no randomness. (`serde_json` reads what a
/// patch's marker says.)
const CORE_DEPENDENCIES: [&str; 5] = ["bytes", "postcard", "serde", "serde_json", "thiserror"];

/// Names that say nothing about what lives there.
const EMPTY_NAMES: [&str; 8] =
    ["util", "utils", "common", "manager", "helper", "helpers", "misc", "prelude"];

#[test]
fn the_top_level_holds_what_the_layout_says() {
    let found = names(&project());
    let unknown: Vec<_> = found
        .iter()
        .filter(|name| !name.starts_with('.') && !TOP.contains(&name.as_str()))
        .collect();
    assert!(unknown.is_empty(), "not in the layout: {unknown:?}");
    for name in ["LICENSE", "README.md", "guest-examples", "host", "tests", "wit"] {
        assert!(found.contains(name), "{name} is missing");
    }
}

#[test]
fn files_and_functions_are_short_enough_to_be_read() {
    let mut wrong = Vec::new();
    for source in sources() {
        let production = source.production_lines();
        if production > FILE_LINES_MAX {
            wrong.push(format!("{}: {production} lines", source.name));
        }
        for (line, length) in source.functions() {
            if length > FUNCTION_LINES_MAX {
                wrong.push(format!("{}:{line}: a function of {length} lines", source.name));
            }
        }
        for (number, line) in source.lines() {
            // What a test expects is as wide as it is.
            if line.chars().count() > WIDTH_MAX && !source.is_test() {
                wrong.push(format!("{}:{number}: wider than {WIDTH_MAX}", source.name));
            }
        }
    }
    none(&wrong);
}

#[test]
fn every_file_says_what_lives_in_it() {
    let wrong: Vec<_> = sources()
        .into_iter()
        .filter(|source| !source.text.starts_with("//! ") || source.text.starts_with("//! stub"))
        .map(|source| source.name)
        .collect();
    none(&wrong);
}

#[test]
fn names_say_something() {
    let named = |path: &str| {
        Path::new(path).components().any(|part| {
            let part = part.as_os_str().to_string_lossy();
            EMPTY_NAMES.contains(&part.trim_end_matches(".rs"))
        })
    };
    let wrong: Vec<_> =
        sources().into_iter().map(|source| source.name).filter(|name| named(name)).collect();
    none(&wrong);
}

#[test]
fn nothing_is_left_undone_and_no_machine_is_named() {
    // Put together here, so that this file does not find itself.
    let undone =
        [["TO", "DO"], ["FIX", "ME"], ["XX", "X:"], ["todo", "!("], ["unimplemented", "!("]];
    let machine = [["/wo", "rk/"], ["/ho", "me/"], ["/ro", "ot/"], ["/Us", "ers/"]];
    let words: Vec<String> = undone.iter().chain(&machine).map(|parts| parts.concat()).collect();
    let mut wrong = Vec::new();
    for source in sources().into_iter().chain(texts()) {
        for (number, line) in source.lines() {
            for word in words.iter().filter(|word| line.contains(word.as_str())) {
                wrong.push(format!("{}:{number}: {word}", source.name));
            }
        }
    }
    none(&wrong);
}

#[test]
fn the_core_is_pure() {
    let root = read("host/core/src/lib.rs");
    assert!(root.contains("#![no_std]"), "the core is not no_std");
    assert!(root.contains("#![forbid(unsafe_code)]"), "the core may use unsafe code");
    let manifest = read("host/core/Cargo.toml");
    let section = manifest.split("[dependencies]").nth(1).expect("the core has dependencies");
    let section = section.split("\n[").next().unwrap_or_default();
    let found: BTreeSet<&str> = section
        .lines()
        .filter_map(|line| line.split(['.', ' ', '=']).next())
        .filter(|name| !name.is_empty() && !name.starts_with('#'))
        .collect();
    assert_eq!(found, BTreeSet::from(CORE_DEPENDENCIES));
    let hashed: Vec<_> = sources()
        .into_iter()
        .filter(|source| source.name.starts_with("host/core/src"))
        .filter(|source| source.text.contains("HashMap") || source.text.contains("HashSet"))
        .map(|source| format!("{}: the order of a hash map is chance", source.name))
        .collect();
    none(&hashed);
}

#[test]
fn the_cores_halves_do_not_know_each_other() {
    let mut wrong = Vec::new();
    for source in sources() {
        let half = match source.name.strip_prefix("host/core/src/") {
            Some(name) if name.starts_with("engine") => "worker",
            Some(name) if name.starts_with("worker") => "engine",
            _ => continue,
        };
        let (path, group) = (format!("crate::{half}"), format!("{half}::"));
        for (number, line) in source.lines() {
            let code = !line.trim_start().starts_with("//");
            let grouped = line.contains("use crate::{") && line.contains(&group);
            if code && (line.contains(&path) || grouped) {
                wrong.push(format!("{}:{number}: {}", source.name, line.trim()));
            }
        }
    }
    none(&wrong);
}

#[test]
fn the_readme_is_true() {
    let readme = read("README.md");
    for command in ["cargo run --release -p sandglass-cli -- demo", "cargo test --workspace"] {
        assert!(readme.contains(command), "the README does not say `{command}`");
    }
    for feature in examples() {
        assert!(readme.contains(&format!("`{feature}`")), "the README does not name {feature}");
    }
    let mut missing = Vec::new();
    let compiled = ["guest-examples/greeting/rust/src/lib.rs", "host/engine/examples/embed.rs"];
    let compiled: String = compiled.into_iter().map(read).collect();
    for code in readme.split("```rust").skip(1).filter_map(|rest| rest.split("```").next()) {
        for line in code.lines().map(str::trim) {
            if !compiled.lines().any(|it| it.trim() == line) {
                missing.push(format!("the README's code is in no compiled file: {line}"));
            }
        }
    }
    for target in readme.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
        let path = target.split('#').next().unwrap_or_default();
        if !path.is_empty() && !target.contains("://") && !project().join(path).exists() {
            missing.push(format!("the README links to {path}, which does not exist"));
        }
    }
    none(&missing);
}

#[test]
fn every_guest_has_a_test() {
    let tests: String = sources()
        .into_iter()
        .filter(Source::is_test)
        .filter(|source| {
            !source.name.ends_with("/tidy.rs") && !source.name.starts_with("tests/guests")
        })
        .map(|source| source.text)
        .collect();
    let untested: Vec<_> = guests()
        .into_iter()
        .filter(|guest| !tests.contains(&format!("\"{guest}\"")))
        .map(|guest| format!("no test names the guest \"{guest}\""))
        .collect();
    none(&untested);
}

/// The features that have an example: folders of `guest-examples` with a golden history.
fn examples() -> BTreeSet<String> {
    let folder = project().join("guest-examples");
    names(&folder)
        .into_iter()
        .filter(|name| folder.join(name).join("history.json").exists())
        .collect()
}

/// The names of all guests: packages, and texts.
fn guests() -> Vec<String> {
    let mut found = Vec::new();
    for path in walk(&project()) {
        let name = relative(&path);
        let guest = name.starts_with("guest-examples/") || name.starts_with("tests/guests/");
        if guest && name.ends_with("/Cargo.toml") {
            let manifest = fs::read_to_string(&path).unwrap_or_default();
            if manifest.contains("cdylib") {
                let line = manifest.lines().find_map(|line| line.strip_prefix("name = \""));
                found.extend(line.map(|name| name.trim_end_matches('"').to_owned()));
            }
        } else if guest && name.ends_with(".wat") {
            found.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
        }
    }
    assert!(found.len() > 10, "only {found:?} were found");
    found
}

struct Source {
    /// From the project's folder on.
    name: String,
    text: String,
}

impl Source {
    fn is_test(&self) -> bool {
        self.name.contains("/tests/") || self.name.ends_with("/tests.rs")
    }

    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line))
    }

    /// Those before the file's own tests.
    fn production_lines(&self) -> usize {
        if self.is_test() {
            return 0;
        }
        self.text.lines().take_while(|line| *line != "#[cfg(test)]").count()
    }

    /// Where each function begins and how many lines it has. rustfmt puts the closing brace
    /// under the line that begins it.
    fn functions(&self) -> Vec<(usize, usize)> {
        let lines: Vec<&str> = self.text.lines().collect();
        let mut found = Vec::new();
        for (index, line) in lines.iter().enumerate() {
            let code = line.trim_start();
            let indent = &line[..line.len() - code.len()];
            let words = code.split(['(', '<']).next().unwrap_or_default();
            let begins = words.split(' ').any(|word| word == "fn") && !code.starts_with("//");
            if !begins || code.ends_with(';') || code.ends_with('}') {
                continue;
            }
            let (closing, declared) = (format!("{indent}}}"), format!("{indent})"));
            let ends = |line: &&str| *line == closing || line.starts_with(&declared);
            let Some(end) = lines[index..].iter().position(ends) else { continue };
            // A signature over several lines: of a trait's method, or with its body below.
            let signature = lines[index + end].starts_with(&declared);
            if signature && lines[index + end].ends_with(';') {
                continue;
            }
            let length = lines[index..].iter().position(|line| *line == closing);
            found.extend(length.map(|length| (index + 1, length + 1)));
        }
        found
    }
}

/// All Rust of the project, guests included.
fn sources() -> Vec<Source> {
    let found = load(|name| name.ends_with(".rs"));
    assert!(found.len() > 50, "only {} files were found", found.len());
    found
}

/// What is read beside the code.
fn texts() -> Vec<Source> {
    load(|name| {
        let data = name.starts_with("tests/data/");
        !data && [".md", ".toml", ".wit", ".wat", ".ci/run"].iter().any(|end| name.ends_with(end))
    })
}

fn load(wanted: impl Fn(&str) -> bool) -> Vec<Source> {
    let mut found = Vec::new();
    for path in walk(&project()) {
        let name = relative(&path);
        if wanted(&name) {
            let text = fs::read_to_string(&path).expect("a source can be read");
            found.push(Source { name, text });
        }
    }
    found
}

fn relative(path: &Path) -> String {
    let path = path.strip_prefix(project()).expect("within the project");
    path.to_string_lossy().replace('\\', "/")
}

fn read(name: &str) -> String {
    fs::read_to_string(project().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).expect("the folder can be read");
    entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect()
}

/// All files below, without build output and the repository's own.
fn walk(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for name in names(folder) {
        let path = folder.join(&name);
        if path.is_dir() {
            if !["target", ".git"].contains(&name.as_str()) {
                found.extend(walk(&path));
            }
        } else {
            found.push(path);
        }
    }
    found
}

fn none(wrong: &[String]) {
    assert!(wrong.is_empty(), "{} found:\n{}", wrong.len(), wrong.join("\n"));
}
