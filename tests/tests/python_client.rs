//! Temporal's Python SDK, unmodified, as client and activity worker of `sandglass serve`. The tests are in `python/`; this file gives them a server.

use sandglass_tests::here;
use sandglass_tests::served::{Served, run};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A Python that has what `requirements.txt` says; made once, and again when that file changes.
fn python() -> PathBuf {
    let requirements = here().join("python/requirements.txt");
    let wanted = fs::read_to_string(&requirements).expect("the requirements can be read");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("python");
    let (python, stamp) = (folder.join("bin/python"), folder.join("made-for.txt"));
    if fs::read_to_string(&stamp).is_ok_and(|made_for| made_for == wanted) {
        return python;
    }
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder));
    run(Command::new(&python)
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"])
        .arg(&requirements));
    fs::write(&stamp, wanted).expect("the folder is there");
    python
}

#[test]
fn temporals_python_sdk_works_unmodified() {
    let script = here().join("python/test_interrupt.py");
    let mut tests = Command::new(python());
    Served::start().judge(tests.arg(script));
}
