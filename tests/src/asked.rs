//! `sandglass workflow` against a server of its own, for the tests of that command.

use crate::command::sandglass;
use crate::served::Served;
use crate::{guest, target};
use serde_json::Value;
use std::process::Stdio;

/// The command, as it is called about one server.
pub struct Asked {
    served: Served,
}

/// What a call of the command has led to.
pub struct Said {
    /// Its exit code.
    pub code: Option<i32>,
    /// What is on stdout.
    pub out: String,
    /// What is on stderr.
    pub err: String,
}

impl Asked {
    /// Starts a server with a few guests.
    #[must_use]
    pub fn start() -> Asked {
        let component = |name: &str| format!("{}={name}", guest(name).display());
        let names = ["cancellation", "signal-approval", "bench-empty", "scripted"];
        Asked { served: Served::with(&names.map(component)) }
    }

    /// Where the server listens.
    #[must_use]
    pub fn address(&self) -> &str {
        self.served.address()
    }

    /// Calls `sandglass workflow` with those arguments.
    #[must_use]
    pub fn workflow(&self, args: &[&str]) -> Said {
        said(&[args, &["--address", self.served.address()]].concat())
    }

    /// What it says in good order.
    ///
    /// # Panics
    /// If it fails.
    pub fn text(&self, args: &[&str]) -> String {
        let said = self.workflow(args);
        assert_eq!(said.code, Some(0), "{args:?}: {}{}", said.out, said.err);
        said.out
    }

    /// The same, as JSON.
    ///
    /// # Panics
    /// If it fails, or says something else.
    #[must_use]
    pub fn json(&self, args: &[&str]) -> Value {
        let text = self.text(&[args, &["-o", "json"]].concat());
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{args:?}: {error}: {text}"))
    }

    /// Starts a workflow and does not wait for it.
    ///
    /// # Panics
    /// If it is not started.
    pub fn start_workflow(&self, kind: &str, id: &str, input: &str) {
        self.text(&["start", "--type", kind, "-w", id, "-i", input]);
    }

    /// Asks until it says that.
    ///
    /// # Panics
    /// If it fails.
    pub fn until(&self, args: &[&str], word: &str) -> String {
        loop {
            let text = self.text(args);
            if text.contains(word) {
                return text;
            }
        }
    }
}

/// Calls `sandglass workflow` with those arguments, with no server of its own.
///
/// # Panics
/// If it is not called at all.
#[must_use]
pub fn said(args: &[&str]) -> Said {
    said_with(args, &[])
}

/// The same, with those variables.
///
/// # Panics
/// If it is not called at all.
#[must_use]
pub fn said_with(args: &[&str], variables: &[(&str, &str)]) -> Said {
    let call = [&["workflow"], args].concat();
    let mut command = sandglass(&call);
    // What the user's own configuration says has no part in a test.
    command.env("XDG_CONFIG_HOME", target().join("tmp")).envs(variables.iter().copied());
    let output = command.stdin(Stdio::null()).output().expect("the command is called");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Said { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
}
