//! The toolchains of guests that are not written in Rust, at the versions that
//! `guest-examples/toolchains` pins. The tests install them where cargo builds, once, and again when
//! a pin changes; one that cannot be had fails the test that needs it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::{command, project, target};

/// Programs that are ready to be run.
#[derive(Debug)]
pub struct Toolchain {
    /// The folder of its programs.
    pub programs: PathBuf,
    /// Its version, in the words of the file that pins it.
    pub pin: String,
}

/// What a `requirements.txt` names, by pip, in an environment of its own in `target/toolchains`.
///
/// # Errors
/// If it cannot be installed.
pub fn from_pip(name: &str, requirements: &Path) -> Result<Toolchain> {
    let pin = read(requirements)?;
    let folder = target().join("toolchains").join(name);
    install(&folder, &pin, || {
        let purpose = format!("an environment for {}", requirements.display());
        let venv = ["-m", "venv", "--clear"];
        run(Command::new("python3").args(venv).arg(&folder), &purpose, "Python 3 with venv")?;
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"];
        let mut pip_install = Command::new(folder.join("bin/python"));
        run(pip_install.args(pip).arg(requirements), &purpose, "pip and its registry")
    })?;
    Ok(Toolchain { programs: folder.join("bin"), pin })
}

/// What a `package-lock.json` names, by npm, in `target/toolchains`. The other files of its folder come along.
///
/// # Errors
/// If it cannot be installed.
pub fn from_npm(name: &str, source: &Path) -> Result<Toolchain> {
    let pin = read(&source.join("package-lock.json"))?;
    let folder = target().join("toolchains").join(name);
    install(&folder, &pin, || {
        fs::create_dir_all(&folder)?;
        for file in ["package.json", "package-lock.json"] {
            fs::copy(source.join(file), folder.join(file))?;
        }
        // Not `npm ci`, which insists on packages for other machines that not every registry has. No package needs a script
        // to run: what is native lies in the packages.
        let install = ["install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund"];
        let purpose = format!("the packages of {}", source.display());
        run(Command::new("npm").args(install).current_dir(&folder), &purpose, "Node 20 with npm")
    })?;
    Ok(Toolchain { programs: folder.join("node_modules/.bin"), pin })
}

/// This project's own command, as it is built for the tests. What it makes of a guest depends on a few of its sources.
///
/// # Errors
/// If they cannot be read.
pub fn sandglass() -> Result<Toolchain> {
    let mut pin = String::new();
    let runtime = "component/bindings/go/wit";
    for source in [
        "../Cargo.toml",
        "component/bindings.rs",
        "component/new.rs",
        &format!("{runtime}/runtime/runtime.go"),
        &format!("{runtime}/types/types.go"),
        "wit.rs",
    ] {
        pin += &read(&project().join("host/cli/src").join(source))?;
    }
    Ok(Toolchain { programs: command::programs().to_owned(), pin })
}

/// The folder that names the toolchains' versions.
#[must_use]
pub fn pins() -> PathBuf {
    project().join("guest-examples/toolchains")
}

/// Makes the folder unless it was made for that pin. Tests run in several processes; the lock ends with the file.
fn install(folder: &Path, pin: &str, make: impl FnOnce() -> Result<()>) -> Result<()> {
    let parent = folder.parent().context("a folder has a parent")?;
    fs::create_dir_all(parent).with_context(|| format!("creating {}", parent.display()))?;
    let lock = File::create(folder.with_extension("lock")).context("creating a lock file")?;
    lock.lock().context("waiting for another test that installs it")?;
    let stamp = folder.join("made-for.txt");
    if fs::read_to_string(&stamp).is_ok_and(|made_for| made_for == pin) {
        return Ok(());
    }
    make()?;
    fs::write(&stamp, pin).with_context(|| format!("writing {}", stamp.display()))
}

fn run(step: &mut Command, purpose: &str, needs: &str) -> Result<()> {
    let output = step
        .output()
        .with_context(|| format!("{purpose} needs {needs}, and {step:?} does not run"))?;
    ensure!(
        output.status.success(),
        "{purpose} needs {needs}, and {step:?} failed:\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

fn read(file: &Path) -> Result<String> {
    fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_had_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let requirements = folder.path().join("requirements.txt");
        fs::write(&requirements, "./there-is-no-such-package\n").expect("it is written");
        let error = from_pip("not-to-be-had", &requirements).expect_err("it is not to be had");
        let told = format!("{error:#}");
        assert!(told.contains("requirements.txt needs pip and its registry"), "{told}");
        assert!(told.contains("there-is-no-such-package"), "{told}");
    }

    #[test]
    fn it_is_made_once_for_a_pin() {
        let folder = tempfile::tempdir().expect("a folder");
        let made = folder.path().join("made");
        let mut times = 0;
        for pin in ["1", "1", "2"] {
            let make = || {
                times += 1;
                Ok(fs::create_dir_all(&made)?)
            };
            install(&made, pin, make).expect("it is made");
        }
        assert_eq!(times, 2);
        install(&made, "3", || anyhow::bail!("no network")).expect_err("it is not made");
        install(&made, "2", || Ok(fs::create_dir_all(&made)?)).expect("what was made is there");
    }
}
