//! The examples in every language: how a guest is built by its language's own tools, with the
//! commands that `guest-examples/README.md` gives to authors.
//!
//! One file a language; what lies in this one is the same for all. A guest is built again when its
//! sources, the files that it shares, the WIT, its toolchain or its recipe change.

mod c;
mod cpp;
mod go;
mod javascript;
mod python;
mod rust;
mod typescript;
mod zig;

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};

use crate::toolchains::Toolchain;
use crate::{project, target};

/// All languages that the examples are written in.
pub const LANGUAGES: [Language; 8] = [
    rust::LANGUAGE,
    python::LANGUAGE,
    javascript::LANGUAGE,
    typescript::LANGUAGE,
    go::LANGUAGE,
    c::LANGUAGE,
    cpp::LANGUAGE,
    zig::LANGUAGE,
];

/// The languages that the examples of activities are written in.
pub const ACTIVITY_LANGUAGES: [Language; 4] =
    [rust::LANGUAGE, python::ACTIVITY, javascript::ACTIVITY, go::ACTIVITY];

/// A language that guests are written in.
pub struct Language {
    /// Its folder beside a feature's other languages.
    pub name: &'static str,
    build: Build,
}

/// How its guests are built.
enum Build {
    /// All of them at once, by cargo.
    Cargo,
    /// Each by itself.
    Recipe(Recipe),
}

struct Recipe {
    /// Folders of `guest-examples` that its guests may read beside their own.
    shared: &'static [&'static str],
    /// What an author types in the folder of the guest, with the toolchain on the `PATH`. `{feature}` is the name of the
    /// feature's folder, `{feature_}` the same with underscores. The component is written to `OUTPUT`.
    commands: &'static [&'static str],
    toolchains: fn() -> Result<Vec<Toolchain>>,
}

/// Where the commands leave the component, seen from the folder of the guest.
const OUTPUT: &str = "../../target/{feature}-{language}.wasm";

impl Language {
    const fn with_recipe(name: &'static str, recipe: Recipe) -> Language {
        Language { name, build: Build::Recipe(recipe) }
    }

    /// The commands that build a feature's guest, as an author types them.
    #[must_use]
    pub fn commands(&self, feature: &str) -> Vec<String> {
        match &self.build {
            Build::Cargo => vec!["cargo build --release --target wasm32-wasip2".to_owned()],
            Build::Recipe(recipe) => {
                recipe.commands.iter().map(|command| self.fill(command, feature)).collect()
            }
        }
    }

    /// The folders of the tools that build its guests, which are installed if need be.
    ///
    /// # Errors
    /// If they cannot be had.
    pub fn programs(&self) -> Result<Vec<PathBuf>> {
        match &self.build {
            Build::Cargo => Ok(Vec::new()),
            Build::Recipe(recipe) => {
                Ok((recipe.toolchains)()?.into_iter().map(|toolchain| toolchain.programs).collect())
            }
        }
    }

    fn fill(&self, text: &str, feature: &str) -> String {
        text.replace("{feature_}", &feature.replace('-', "_"))
            .replace("{feature}", feature)
            .replace("{language}", self.name)
    }
}

/// The component of a feature's example in that language.
///
/// # Panics
/// If there is no such example, its toolchain cannot be had, or it does not build.
#[must_use]
pub fn guest_in(feature: &str, language: &str) -> PathBuf {
    built_by(&LANGUAGES, "guest-examples", feature, language)
}

/// The component of a test's own guest, in `tests/guests`, in a language that has a recipe.
///
/// # Panics
/// As [`guest_in`].
#[must_use]
pub fn test_guest_in(name: &str, language: &str) -> PathBuf {
    built_by(&LANGUAGES, "tests/guests", name, language)
}

/// The component of an activity's example in that language.
///
/// # Panics
/// As [`guest_in`].
#[must_use]
pub fn activity_in(feature: &str, language: &str) -> PathBuf {
    built_by(&ACTIVITY_LANGUAGES, "guest-examples", feature, language)
}

fn built_by(languages: &[Language], home: &str, feature: &str, language: &str) -> PathBuf {
    let known = languages.iter().find(|known| known.name == language);
    let known = known.unwrap_or_else(|| panic!("there are no guests in {language}"));
    match &known.build {
        Build::Cargo => crate::guest(feature),
        Build::Recipe(recipe) => built(home, feature, known, recipe)
            .unwrap_or_else(|error| panic!("{feature} in {language} cannot be built: {error:#}")),
    }
}

fn built(home: &str, feature: &str, language: &Language, recipe: &Recipe) -> Result<PathBuf> {
    let source = format!("{home}/{feature}/{}", language.name);
    ensure!(project().join(&source).is_dir(), "{source} does not exist");
    // What is shared lies at the same place for all.
    let own = format!("guest-examples/{feature}/{}", language.name);
    let shared = recipe.shared.iter().map(|folder| format!("guest-examples/{folder}"));
    let folders: Vec<String> = ["wit".into(), source.clone()].into_iter().chain(shared).collect();
    let mut files = read_all(&folders)?;
    for (name, _) in &mut files {
        if let Some(rest) = name.strip_prefix(&source) {
            *name = format!("{own}{rest}");
        }
    }
    let toolchains = (recipe.toolchains)()?;
    let commands = language.commands(feature);
    let name = format!("{feature}-{}", language.name);
    let kept = target().join("guests/languages");
    let output = kept.join(format!("{name}-{}.wasm", key(&files, &toolchains, &commands)));
    fs::create_dir_all(&kept).with_context(|| format!("creating {}", kept.display()))?;
    // Tests run in several processes. The lock ends with the file.
    let lock = File::create(kept.join(format!("{name}.lock"))).context("creating a lock file")?;
    lock.lock().context("waiting for another test that builds it")?;
    if output.exists() {
        return Ok(output);
    }
    // A copy, so that nothing is left between the sources, and nothing is read that the key leaves out.
    let copy = kept.join(&name);
    lay_out(&copy, &files)?;
    for command in commands {
        run(&command, &copy.join(&own), &toolchains)?;
    }
    let made = copy.join(&own).join(language.fill(OUTPUT, feature));
    fs::rename(&made, &output).with_context(|| format!("{} was not made", made.display()))?;
    fs::remove_dir_all(&copy).with_context(|| format!("removing {}", copy.display()))?;
    Ok(output)
}

/// A file by its path within the project, and what it holds.
type Read = (String, Vec<u8>);

fn read_all(folders: &[String]) -> Result<Vec<Read>> {
    let mut files = Vec::new();
    let mut left = folders.to_vec();
    while let Some(folder) = left.pop() {
        let entries = fs::read_dir(project().join(&folder));
        for entry in entries.with_context(|| format!("reading {folder}"))? {
            let entry = entry?;
            let name = format!("{folder}/{}", entry.file_name().to_string_lossy());
            // What Python leaves beside sources that were run.
            if name.ends_with("__pycache__") {
                continue;
            }
            if entry.file_type()?.is_dir() {
                left.push(name);
            } else {
                files.push((name, fs::read(entry.path())?));
            }
        }
    }
    files.sort();
    Ok(files)
}

/// A name for all that the component depends on.
fn key(files: &[Read], toolchains: &[Toolchain], commands: &[String]) -> String {
    let mut hasher = Sha256::new();
    let mut add = |part: &[u8]| {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    };
    for (name, bytes) in files {
        add(name.as_bytes());
        add(bytes);
    }
    toolchains.iter().for_each(|toolchain| add(toolchain.pin.as_bytes()));
    commands.iter().for_each(|command| add(command.as_bytes()));
    hasher.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

fn lay_out(copy: &Path, files: &[Read]) -> Result<()> {
    if copy.exists() {
        fs::remove_dir_all(copy).with_context(|| format!("removing {}", copy.display()))?;
    }
    fs::create_dir_all(copy.join("guest-examples/target"))?;
    for (name, bytes) in files {
        let file = copy.join(name);
        fs::create_dir_all(file.parent().unwrap_or(copy))?;
        fs::write(&file, bytes).with_context(|| format!("writing {}", file.display()))?;
        if bytes.starts_with(b"#!") {
            fs::set_permissions(&file, fs::Permissions::from_mode(0o755))?;
        }
    }
    Ok(())
}

fn run(command: &str, folder: &Path, toolchains: &[Toolchain]) -> Result<()> {
    let inherited = std::env::var_os("PATH").unwrap_or_default();
    let first = toolchains.iter().map(|toolchain| toolchain.programs.clone());
    let path = std::env::join_paths(first.chain(std::env::split_paths(&inherited)))?;
    let output = Command::new("sh")
        .args(["-c", command])
        .current_dir(folder)
        .env("PATH", path)
        // What compilers keep between builds is kept where cargo builds.
        .env("XDG_CACHE_HOME", target().join("tmp"))
        .output()
        .context("running a shell")?;
    ensure!(
        output.status.success(),
        "`{command}` failed:\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_component_depends_on_changes_its_name() {
        let file = |text: &str| vec![("a.py".to_owned(), text.as_bytes().to_vec())];
        let toolchain = |pin: &str| vec![Toolchain { programs: "bin".into(), pin: pin.into() }];
        let command = |text: &str| vec![text.to_owned()];
        let keys = [
            key(&file("a"), &toolchain("1"), &command("make")),
            key(&file("b"), &toolchain("1"), &command("make")),
            key(&file("a"), &toolchain("2"), &command("make")),
            key(&file("a"), &toolchain("1"), &command("make all")),
        ];
        for (index, one) in keys.iter().enumerate() {
            assert!(keys[..index].iter().all(|other| other != one), "{keys:?}");
        }
        assert_eq!(keys[0], key(&file("a"), &toolchain("1"), &command("make")));
    }

    #[test]
    fn a_command_that_fails_is_told_with_what_it_said() {
        let error = run("echo so; echo and so >&2; false", Path::new("."), &[]).expect_err("fails");
        assert!(format!("{error:#}").ends_with("failed:\nso\nand so\n"), "{error:#}");
    }

    #[test]
    fn every_language_builds_its_greeting() {
        for language in &LANGUAGES {
            let wasm = fs::read(guest_in("greeting", language.name)).expect("it can be read");
            assert!(wasmparser::Parser::is_component(&wasm), "{}", language.name);
        }
    }
}
