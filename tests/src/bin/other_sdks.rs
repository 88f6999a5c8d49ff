//! Temporal's Go and Java SDKs, unmodified, as clients and activity workers of `sandglass serve`. The tests are in `go/` and `java/`; this program
//! gives each a server. It is no `#[test]`, because who builds Sandglass needs neither Go nor Java; where it is run, both have to be there.

use sandglass_tests::served::Served;
use sandglass_tests::{here, target};
use std::fs;
use std::path::Path;
use std::process::Command;

fn main() {
    go();
    java();
}

fn go() {
    let folder = here().join("go");
    let mut tests = Command::new("go");
    // `-count=1`: what passed against another server says nothing about this one.
    tests.args(["test", "-mod=readonly", "-count=1", "-v", "."]).current_dir(&folder);
    let said = Served::start().judge(&mut tests);
    let written = written(&folder.join("interrupt_test.go"), "(t *testing.T) {\n\tctx := begin(t)");
    let passed = said.matches("--- PASS: ").count();
    assert_eq!(passed, written, "a test was left out: {said}");
    println!("Go: {passed} passed, 0 failed");
}

fn java() {
    let folder = here().join("java");
    let mut tests = Command::new("mvn");
    tests
        .args(["--batch-mode", "--no-transfer-progress", "test"])
        .arg(format!("-Dfolder={}", target().join("java").display()))
        .current_dir(&folder);
    let said = Served::start().judge(&mut tests);
    let written = written(&folder.join("src/test/java/InterruptTest.java"), "  @Test\n");
    let passed = format!("Tests run: {written}, Failures: 0, Errors: 0, Skipped: 0");
    assert!(said.contains(&passed), "a test was left out: {said}");
    println!("Java: {written} passed, 0 failed");
}

/// How many tests a file has.
fn written(source: &Path, mark: &str) -> usize {
    let text = fs::read_to_string(source).expect("the tests can be read");
    let found = text.matches(mark).count();
    assert!(found > 0, "{} has no test", source.display());
    found
}
