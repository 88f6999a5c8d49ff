//! `sandglass new`: what it says to do next is done here, word by word, in every language.

use sandglass_tests::command::{programs, sandglass};
use sandglass_tests::languages::LANGUAGES;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn call(folder: &Path, args: &[&str]) -> Output {
    sandglass(args).current_dir(folder).output().expect("the command can be called")
}

/// The tools of a language, as an author has them.
fn tools(language: &str) -> Vec<PathBuf> {
    let known = LANGUAGES.iter().find(|known| known.name == language);
    known.expect("it is a language").programs().expect("its tools can be had")
}

/// What a first build would fetch into the project has been fetched before.
fn lay_tools_in(project: &Path, programs: &[PathBuf]) {
    for folder in programs.iter().filter_map(|programs| programs.parent()) {
        let link = match folder.file_name().and_then(|name| name.to_str()) {
            Some("node_modules") => "node_modules",
            Some("python") => ".venv",
            _ => continue,
        };
        std::os::unix::fs::symlink(folder, project.join(link)).expect("a link can be made");
    }
}

/// Makes a project and follows what is said, which ends with its result.
fn made_built_and_run(language: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let made = call(folder.path(), &["new", language, "say-hello"]);
    let told = String::from_utf8_lossy(&made.stdout).into_owned();
    assert!(made.status.success(), "{told}{}", String::from_utf8_lossy(&made.stderr));
    let (_, steps) = told.split_once("Next:\n").expect("it says what is next");
    let tools = tools(language);
    lay_tools_in(&folder.path().join("say-hello"), &tools);
    let inherited = std::env::var_os("PATH").unwrap_or_default();
    let first = tools.into_iter().chain([programs().to_owned()]);
    let path = std::env::join_paths(first.chain(std::env::split_paths(&inherited))).unwrap();
    let output = Command::new("sh")
        .args(["-e", "-c", steps])
        .current_dir(&folder)
        .env("PATH", path)
        // The tests' own, which an author has not.
        .env_remove("CARGO_TARGET_DIR")
        .env("XDG_CACHE_HOME", sandglass_tests::target().join("tmp"))
        .output()
        .expect("a shell can be called");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let heard = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{steps}{printed}{heard}");
    assert!(printed.ends_with("\"Hello, World!\"\n"), "{printed}{heard}");
}

#[test]
fn a_compiler_that_is_missing_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let programs = folder.path().join("programs");
    fs::create_dir(&programs).expect("a folder can be made");
    for (program, name) in [("/bin/sh", "sh"), ("/usr/bin/dirname", "dirname")] {
        std::os::unix::fs::symlink(program, programs.join(name)).expect("a link can be made");
    }
    for (language, words) in
        [("go", "Go 1.25"), ("c", "Zig 0.17"), ("cpp", "Zig 0.17"), ("zig", "Zig 0.17")]
    {
        let name = format!("in-{language}");
        assert!(call(folder.path(), &["new", language, &name]).status.success(), "{language}");
        let mut build = Command::new("/bin/sh");
        build.arg("build.sh").current_dir(folder.path().join(name)).env("PATH", &programs);
        let built = build.env_remove("ZIG").output().expect("a shell can be called");
        let told = String::from_utf8_lossy(&built.stderr).into_owned();
        assert!(!built.status.success(), "{language}: {told}");
        assert!(told.starts_with(words) && told.contains(" is missing: https://"), "{told}");
    }
}

#[test]
fn in_rust() {
    made_built_and_run("rust");
}

#[test]
fn in_python() {
    made_built_and_run("python");
}

#[test]
fn in_javascript() {
    made_built_and_run("javascript");
}

#[test]
fn in_typescript() {
    made_built_and_run("typescript");
}

#[test]
fn in_go() {
    made_built_and_run("go");
}

#[test]
fn in_c() {
    made_built_and_run("c");
}

#[test]
fn in_cpp() {
    made_built_and_run("cpp");
}

#[test]
fn in_zig() {
    made_built_and_run("zig");
}

#[test]
fn nothing_that_is_there_is_touched() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    fs::create_dir(path.join("full")).unwrap();
    fs::write(path.join("full/mine.txt"), "mine").unwrap();
    fs::write(path.join("file"), "mine").unwrap();
    fs::create_dir(path.join("empty")).unwrap();
    for (name, code) in
        [("full", 2), ("file", 2), ("empty", 0), ("empty", 2), ("Bad", 2), ("../out", 2)]
    {
        let output = call(path, &["new", "c", name]);
        assert_eq!(output.status.code(), Some(code), "{name}");
        assert_eq!(output.stderr.is_empty(), code == 0, "{name}");
    }
    assert_eq!(fs::read_dir(path.join("full")).unwrap().count(), 1);
    assert_eq!(fs::read_to_string(path.join("file")).unwrap(), "mine");
    assert!(path.join("empty/workflow.c").is_file());
}
