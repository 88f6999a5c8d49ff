//! Temporal's Python SDK, unmodified, as client and activity worker of `sandglass serve`. The tests are in `python/`; this file gives them a server.

use sandglass_tests::here;
use sandglass_tests::served::{Served, python};
use std::process::Command;

fn judge(file: &str) {
    let folder = here().join("python");
    let mut tests = Command::new(python("python", &folder.join("requirements.txt")));
    Served::start().judge(tests.arg(folder.join(file)));
}

#[test]
fn temporals_python_sdk_works_unmodified() {
    judge("test_interrupt.py");
}

#[test]
fn what_it_sees_is_what_it_saw_of_temporals_server() {
    judge("test_golden.py");
}
