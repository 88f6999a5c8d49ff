//! Builds the example guests from the checkout that this program was built in, for the demo and the benches.

use anyhow::{Context, Result, bail};
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

const TARGET: &str = "wasm32-wasip2";

/// Guests that were built.
pub(crate) struct Guests {
    folder: PathBuf,
}

impl Guests {
    /// Builds the packages of `guest-examples`; quick, if they are built already.
    pub(crate) fn build(packages: &[&str]) -> Result<Guests> {
        let project = checkout()?;
        require_target()?;
        let target = env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| project.join("target"), PathBuf::from)
            .join("guests");
        let mut cargo = Command::new("cargo");
        cargo.args(["build", "--quiet", "--locked", "--release", "--target", TARGET]);
        cargo.arg("--target-dir").arg(&target);
        for package in packages {
            cargo.args(["--package", package]);
        }
        let output = cargo
            .current_dir(project.join("guest-examples"))
            // Flags for this program's own build do not suit a guest.
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .env_remove("CARGO_BUILD_TARGET")
            .output()
            .context("cargo cannot be run; install Rust from https://rustup.rs and try again")?;
        if !output.status.success() {
            bail!("the guests do not build:\n{}", String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(Guests { folder: target.join(TARGET).join("release") })
    }

    /// The component of a package.
    pub(crate) fn path(&self, package: &str) -> PathBuf {
        self.folder.join(format!("{}.wasm", package.replace('-', "_")))
    }
}

/// The checkout: the one that this is called in, else the one that this program was built in.
fn checkout() -> Result<PathBuf> {
    let here = env::current_dir().unwrap_or_default();
    let built = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors()
        .chain(built.ancestors())
        .find(|folder| folder.join("guest-examples/Cargo.toml").is_file())
        .map(Path::to_owned)
        .context(
            "the example guests are not here; call this in a checkout of Sandglass, which has them \
             in the folder guest-examples",
        )
}

/// Installs the compiler's target for WebAssembly where it is missing.
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
    eprintln!("adding the Rust target {TARGET}");
    let added = Command::new("rustup").args(["target", "add", TARGET]).status();
    if !added.is_ok_and(|status| status.success()) {
        bail!(
            "the Rust target {TARGET} is missing, and `rustup target add {TARGET}` did not add it; \
             install it, then try again"
        );
    }
    Ok(())
}
