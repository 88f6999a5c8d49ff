//! Temporal's TypeScript SDK, unmodified, as client and activity worker of `sandglass serve`. The tests are in `typescript/`; this file gives them a
//! server, and the compiler.

use sandglass_tests::here;
use sandglass_tests::served::{Served, run};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The tests as JavaScript, beside the packages of `package-lock.json`; those are installed once, and again when that file changes.
fn compiled() -> PathBuf {
    let source = here().join("typescript");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("typescript");
    fs::create_dir_all(&folder).expect("a folder can be made");
    for file in ["package.json", "package-lock.json", "tsconfig.json", "interrupt.ts"] {
        fs::copy(source.join(file), folder.join(file)).expect("a file can be copied");
    }
    let wanted = fs::read_to_string(folder.join("package-lock.json")).expect("it is there");
    let stamp = folder.join("made-for.txt");
    if !fs::read_to_string(&stamp).is_ok_and(|made_for| made_for == wanted) {
        // The SDK's native part lies in its package; no package needs a script to run.
        run(Command::new("npm")
            .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
            .current_dir(&folder));
        fs::write(&stamp, wanted).expect("the folder is there");
    }
    run(Command::new("node").arg("node_modules/typescript/bin/tsc").current_dir(&folder));
    folder.join("compiled/interrupt.js")
}

#[test]
fn temporals_typescript_sdk_works_unmodified() {
    let mut tests = Command::new("node");
    let said = Served::start().judge(tests.args(["--test", "--test-reporter=tap"]).arg(compiled()));
    let source = fs::read_to_string(here().join("typescript/interrupt.ts")).expect("it is there");
    let passed = format!("# pass {}\n", source.matches("\ntest('").count());
    assert!(said.contains(&passed), "a test was left out: {said}");
}
