//! Tools of other projects that some languages need: found in `PATH` or among a project's own packages, or named with how to install them.

use crate::exit::usage;
use anyhow::{Context, Result, bail};
use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;

/// A tool that is not part of this program.
pub(crate) struct Tool {
    name: &'static str,
    program: &'static str,
    /// Where a project's own packages have the program.
    local: &'static str,
    /// What the program says if the tool is missing though the program is there.
    missing: Option<&'static str>,
    install: &'static str,
}

/// Makes Python's bindings and components.
pub(crate) const COMPONENTIZE_PY: Tool = Tool {
    name: "componentize-py",
    program: "componentize-py",
    local: ".venv/bin/componentize-py",
    missing: None,
    install: "pip install componentize-py==0.25.1",
};

/// Makes the types of JavaScript's guests. Its own command finds no WIT, so it is called from Node.
pub(crate) const JCO_TRANSPILE: Tool = Tool {
    name: "jco-transpile",
    program: "node",
    local: "node_modules/.bin/node",
    missing: Some("ERR_MODULE_NOT_FOUND"),
    install: "npm install @bytecodealliance/jco-transpile@0.15.0",
};

impl Tool {
    /// A call of it, to which arguments are added.
    pub(crate) fn call(&self) -> Command {
        match Path::new(self.local).canonicalize() {
            Ok(local) => Command::new(local),
            Err(_) => Command::new(self.program),
        }
    }

    /// Makes the call; what it says on success is nobody's concern.
    pub(crate) fn run(&self, call: &mut Command) -> Result<()> {
        let output = match call.output() {
            Err(error) if error.kind() == ErrorKind::NotFound => return Err(self.is_missing()),
            output => output.with_context(|| format!("{} cannot be run", self.name))?,
        };
        if output.status.success() {
            return Ok(());
        }
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        if self.missing.is_some_and(|word| said.contains(word)) {
            return Err(self.is_missing());
        }
        bail!("{} failed:\n{}", self.name, said.trim());
    }

    fn is_missing(&self) -> anyhow::Error {
        let Tool { name, install, .. } = self;
        usage(format!("{name} is missing, which this language needs; install it: {install}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Tool = Tool {
        name: "a tool",
        program: "there-is-no-such-program",
        local: "there/is/none",
        missing: Some("NOT_FOUND"),
        install: "take it",
    };

    #[test]
    fn what_is_missing_is_told_with_how_to_get_it() {
        let shell = Tool { program: "sh", ..NONE };
        let calls = [(&NONE, vec![]), (&shell, vec!["-c", "echo NOT_FOUND >&2; false"])];
        for (tool, words) in calls {
            let told = tool.run(tool.call().args(words)).unwrap_err().to_string();
            assert_eq!(told, "a tool is missing, which this language needs; install it: take it");
        }
        let told = shell.run(shell.call().args(["-c", "echo so; false"])).unwrap_err().to_string();
        assert_eq!(told, "a tool failed:\nso");
        shell.run(shell.call().args(["-c", "true"])).unwrap();
    }
}
