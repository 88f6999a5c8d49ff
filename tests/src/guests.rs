//! Builds the guests: those of the two Rust workspaces, and the few that only WebAssembly text can
//! say. They are built once a process; cargo knows what is up to date.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context, Result, bail, ensure};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use crate::{here, project};

const TARGET: &str = "wasm32-wasip2";

/// What `foreign-import` asks for beside the workflow's own imports.
const FOREIGN_WIT: &str = "package foo:bar;
interface baz { poke: func(); }
world workflow { include sandglass:workflow/workflow@0.1.0; import baz; }";

/// The file of a guest, by the name of its package (`greeting`, `hostile`) or of its text in
/// `guests/cores`.
///
/// # Panics
/// If the guests do not build, or none has that name.
#[must_use]
pub fn guest(name: &str) -> PathBuf {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let built = BUILT.get_or_init(|| build().map_err(|error| format!("{error:#}")));
    let folder = built.as_ref().unwrap_or_else(|error| panic!("the guests do not build: {error}"));
    let file = folder.join(format!("{}.wasm", name.replace('-', "_")));
    assert!(file.exists(), "no guest is named {name}: {} does not exist", file.display());
    file
}

/// Where hosts under test keep compiled components, so that each is compiled once.
#[must_use]
pub fn compiled() -> PathBuf {
    target().join("guests/compiled")
}

/// Where cargo builds.
#[must_use]
pub fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| project().join("target"), PathBuf::from)
}

/// Builds all of them and says where they lie.
fn build() -> Result<PathBuf> {
    let target = target().join("guests");
    fs::create_dir_all(&target).with_context(|| format!("creating {}", target.display()))?;
    // Tests run in several processes. The lock ends with the file.
    let lock = File::create(target.join(".lock")).context("creating the lock file")?;
    lock.lock().context("waiting for another process that builds the guests")?;
    require_target()?;
    cargo_build(&project().join("guest-examples"), &target)?;
    cargo_build(&here().join("guests"), &target)?;
    let folder = target.join(TARGET).join("release");
    let cores = here().join("guests/cores");
    for entry in fs::read_dir(&cores).context("reading guests/cores")? {
        let text = entry?.path();
        let wasm = assemble(&text).with_context(|| format!("assembling {}", text.display()))?;
        let stem = text.file_stem().unwrap_or_default().to_string_lossy().replace('-', "_");
        fs::write(folder.join(stem).with_extension("wasm"), wasm)?;
    }
    Ok(folder)
}

/// Installs the compiler's wasm target where it is missing.
fn require_target() -> Result<()> {
    let libdir =
        Command::new("rustc").args(["--print", "target-libdir", "--target", TARGET]).output();
    let installed = libdir.is_ok_and(|output| {
        output.status.success()
            && Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir()
    });
    if installed {
        return Ok(());
    }
    let added = Command::new("rustup").args(["target", "add", TARGET]).status();
    match added {
        Ok(status) if status.success() => Ok(()),
        outcome => bail!(
            "the Rust target {TARGET} is missing and `rustup target add {TARGET}` did not add it \
             ({outcome:?}); install it, then run the tests again"
        ),
    }
}

fn cargo_build(workspace: &Path, target: &Path) -> Result<()> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["build", "--locked", "--release", "--target", TARGET, "--target-dir"])
        .arg(target)
        .current_dir(workspace)
        // Flags for the host's own build (coverage, sanitizers) do not suit a guest.
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env_remove("CARGO_BUILD_TARGET")
        .output()
        .context("running cargo")?;
    ensure!(
        output.status.success(),
        "cargo build in {} failed:\n{}",
        workspace.display(),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

/// Turns text into wasm. A core module that exports memory becomes a component of the world
/// `workflow`; what else there is stays as it is.
fn assemble(text: &Path) -> Result<Vec<u8>> {
    let mut wasm = wat::parse_file(text)?;
    let core = !wasmparser::Parser::is_component(&wasm);
    if !core || !exports_memory(&wasm)? {
        return Ok(wasm);
    }
    let mut resolve = Resolve::default();
    let (workflow, _) = resolve.push_dir(project().join("wit"))?;
    let foreign = text.file_stem().is_some_and(|stem| stem == "foreign-import");
    let package = if foreign { resolve.push_str("foreign.wit", FOREIGN_WIT)? } else { workflow };
    let queryable = text.file_stem().is_some_and(|stem| stem == "queryable");
    let world = if queryable { "queryable-workflow" } else { "workflow" };
    let world = resolve.select_world(&[package], Some(world))?;
    embed_component_metadata(&mut wasm, &resolve, world, StringEncoding::UTF8)?;
    ComponentEncoder::default().module(&wasm)?.validate(true).encode()
}

fn exports_memory(wasm: &[u8]) -> Result<bool> {
    for payload in wasmparser::Parser::new(0).parse_all(wasm) {
        if let wasmparser::Payload::ExportSection(exports) = payload? {
            for export in exports {
                if export?.kind == wasmparser::ExternalKind::Memory {
                    return Ok(true);
                }
            }
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guests_and_texts_become_components() {
        for name in ["greeting", "greeting-activity", "scripted", "table-growth", "missing-run"] {
            let wasm = fs::read(guest(name)).expect("a guest can be read");
            assert!(wasmparser::Parser::is_component(&wasm), "{name} is no component");
        }
        let core = fs::read(guest("core-module")).expect("a guest can be read");
        assert!(wasmparser::Parser::is_core_wasm(&core));
    }
}
