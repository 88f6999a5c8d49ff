//! The command under test: built once, called, or left running while a test does something to it.

use crate::guests::target;
use crate::project;
use std::env;
use std::io::{BufRead, BufReader, Read};
use std::mem;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::OnceLock;

/// Builds the command in this test's own profile, once, and says where it is.
fn binary() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let this = env::current_exe().expect("a test knows its file");
        let folder = this.parent().expect("a file lies in a folder");
        // Tests lie in PROFILE/deps, programs in PROFILE.
        let deps = folder.ends_with("deps").then(|| folder.parent()).flatten();
        let profile = deps.unwrap_or(folder);
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        // The same choice of packages as a test of the workspace makes: another one has other features, and compiles wasmtime once more. One
        // test among what is built is what makes it the same.
        cargo.args(["build", "--quiet", "--locked", "--workspace"]);
        cargo.args(["--bin", "sandglass", "--test", "tidy", "--target-dir"]);
        cargo.arg(profile.parent().expect("profiles lie in a target folder"));
        if profile.ends_with("release") {
            cargo.arg("--release");
        }
        // What cargo has told this test about its package, a dependency's build would take for a change of its own surroundings, and be done again.
        for (name, _) in env::vars_os() {
            if name.to_string_lossy().starts_with("CARGO_PKG_") || name == "CARGO_MANIFEST_DIR" {
                cargo.env_remove(name);
            }
        }
        let status = cargo.current_dir(project()).status().expect("cargo can be run");
        assert!(status.success(), "the command does not build");
        profile.join("sandglass")
    })
}

/// The folder that the command lies in.
///
/// # Panics
/// If it does not build.
#[must_use]
pub fn programs() -> &'static Path {
    binary().parent().expect("a program lies in a folder")
}

/// A call of the command, with a folder of its own for compiled components.
pub fn sandglass(args: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.args(args).env("XDG_CACHE_HOME", target().join("tmp")).env_remove("RUST_LOG");
    command
}

/// A run that goes on while the test does something to it.
pub struct Running {
    child: Child,
    stderr: BufReader<ChildStderr>,
    heard: String,
}

impl Running {
    /// Calls the command, and goes on.
    ///
    /// # Panics
    /// If it cannot be called.
    pub fn start(args: &[&str]) -> Running {
        Running::of(sandglass(args))
    }

    /// The same of a call that was prepared.
    ///
    /// # Panics
    /// If it cannot be called.
    pub fn of(mut call: Command) -> Running {
        let mut child = call
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the command can be called");
        let stderr = BufReader::new(child.stderr.take().expect("stderr is piped"));
        Running { child, stderr, heard: String::new() }
    }

    /// Reads on until it says that, and gives the line.
    ///
    /// # Panics
    /// If it ends before.
    pub fn until(&mut self, word: &str) -> String {
        loop {
            let mut line = String::new();
            let read = self.stderr.read_line(&mut line).expect("stderr can be read");
            assert!(read > 0, "it ended without saying `{word}`: {}", self.heard);
            self.heard += &line;
            if line.contains(word) {
                return line;
            }
        }
    }

    /// Sends it a signal, like `-TERM`.
    ///
    /// # Panics
    /// If it is gone.
    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args([name, &pid]).status();
        assert!(sent.expect("kill can be called").success());
    }

    /// Waits for its end: its exit code, and all that it has said.
    ///
    /// # Panics
    /// If it cannot be waited for.
    pub fn end(mut self) -> (Option<i32>, String) {
        self.stderr.read_to_string(&mut self.heard).expect("stderr can be read");
        let status = self.child.wait().expect("it can be waited for");
        (status.code(), mem::take(&mut self.heard))
    }
}

impl Drop for Running {
    /// A test that fails leaves nothing behind.
    fn drop(&mut self) {
        // It may have ended, and that is as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
