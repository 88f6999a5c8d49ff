//! `sandglass serve` for Temporal's SDKs: the guests that their tests need, and a verdict on what they said. The tests themselves are in each SDK's
//! language.

use crate::command::Running;
use crate::{guest, target};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// The guests that every SDK's tests use.
const GUESTS: [&str; 4] = ["greeting", "cancellation", "signal-approval", "activity-retry"];

/// The workflow types of recorded scenarios, which are scripts here.
const SCRIPTED: &str = "Wait,CancelCounter,Quick,SleepCleanup,SwallowComplete,ActCancelByWorkflow,ActHeartbeatTimeout,Watched,AsyncAct";

/// A server that runs until what it is for has been judged.
pub struct Served {
    server: Running,
    address: String,
    /// Where its database lies, as long as it runs.
    _folder: TempDir,
}

impl Served {
    /// Starts one that serves all task queues.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn start() -> Served {
        let scripted = format!("{}={SCRIPTED}", guest("scripted").display());
        let mut components = GUESTS.map(|name| guest(name).display().to_string()).to_vec();
        components.push(scripted);
        Served::with(&components)
    }

    /// Starts one with those components, given as `serve` takes them.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn with(components: &[String]) -> Served {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let database = folder.path().join("runs.db").display().to_string();
        let mut args = vec!["serve", "--listen", "127.0.0.1:0", "--db", &database, "-t", "*"];
        args.extend(components.iter().flat_map(|component| ["--component", component]));
        let mut server = Running::start(&args);
        let line = server.until("serving on ");
        let address = line.trim_start_matches("serving on ").split(',').next().unwrap_or_default();
        Served { server, address: address.to_owned(), _folder: folder }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Runs an SDK's tests, which find the address in `SANDGLASS_ADDRESS`, stops the server, and gives what the tests have said.
    ///
    /// # Panics
    /// If they fail, or the server does not stop in good order.
    pub fn judge(self, tests: &mut Command) -> String {
        let output = tests.env("SANDGLASS_ADDRESS", &self.address).output();
        self.server.signal("-TERM");
        let (code, heard) = self.server.end();
        let output = output.unwrap_or_else(|error| panic!("{tests:?}: {error}"));
        let said =
            String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{tests:?} failed:\n{said}\nthe server said:\n{heard}");
        assert_eq!(code, Some(0), "the server did not stop in good order: {heard}");
        said.into_owned()
    }
}

/// Runs a step before the tests, like the installation of what they need.
///
/// # Panics
/// If it fails.
pub fn run(step: &mut Command) {
    let output = step.output().unwrap_or_else(|error| panic!("{step:?}: {error}"));
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{step:?} failed:\n{said}");
}

/// A Python of that name that has what a `requirements.txt` says; made once, and again when that file changes.
///
/// # Panics
/// If it cannot be made.
#[must_use]
pub fn python(name: &str, requirements: &Path) -> PathBuf {
    let wanted = fs::read_to_string(requirements).expect("the requirements can be read");
    let folder = target().join("tmp").join(name);
    let (python, stamp) = (folder.join("bin/python"), folder.join("made-for.txt"));
    // Tests run at once, and each wants it. The lock ends with the file.
    fs::create_dir_all(target().join("tmp")).expect("a folder can be made");
    let lock = File::create(folder.with_extension("lock")).expect("a file can be made");
    lock.lock().expect("another test that makes it can be waited for");
    if fs::read_to_string(&stamp).is_ok_and(|made_for| made_for == wanted) {
        return python;
    }
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder));
    run(Command::new(&python)
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"])
        .arg(requirements));
    fs::write(&stamp, wanted).expect("the folder is there");
    python
}
