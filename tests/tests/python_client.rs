//! Temporal's Python SDK, unmodified, as client and activity worker of `sandglass serve`. The tests are in `python/`; this file gives them a server.

use sandglass_tests::command::Running;
use sandglass_tests::{guest, here};
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

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed:\n{said}");
}

#[test]
fn temporals_python_sdk_works_unmodified() {
    let python = python();
    let components = ["greeting", "cancellation", "signal-approval", "activity-retry"]
        .map(|name| guest(name).display().to_string());
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let database = folder.path().join("runs.db").display().to_string();
    let mut args = vec!["serve", "--listen", "127.0.0.1:0", "--db", &database];
    args.extend(components.iter().flat_map(|component| ["--component", component]));
    let mut server = Running::start(&args);
    let line = server.until("serving on ");
    let address = line.trim_start_matches("serving on ").split(',').next().unwrap_or_default();
    let script = here().join("python/test_interrupt.py");
    let output = Command::new(python).arg(script).arg(address).output();
    let output = output.expect("Python can be called");
    server.signal("-TERM");
    let (code, heard) = server.end();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\nthe server said:\n{heard}");
    assert_eq!(code, Some(0), "the server did not stop in good order: {heard}");
}
