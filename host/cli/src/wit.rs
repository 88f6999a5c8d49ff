//! The interfaces of guests, which this program carries along: as files for authors, and resolved for what makes bindings and components.

use anyhow::{Context, Result, anyhow};
use clap::ValueEnum;
use std::fmt;
use std::path::Path;
use wit_parser::{Resolve, SourceMap, UnresolvedPackageGroup, WorldId};

/// One file of the packages `sandglass:workflow` and `sandglass:activity`, or of one that they need.
struct File {
    name: &'static str,
    text: &'static str,
}

impl File {
    /// Whether it is of a package that is not this project's.
    fn is_of_others(&self) -> bool {
        self.name.starts_with("deps/")
    }
}

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        [$(File { name: $name, text: include_str!(concat!("../../../wit/", $name)) }),*]
    };
}

const FILES: [File; 16] = files!(
    "activities.wit",
    "activity.wit",
    "cancellation.wit",
    "deps/cli.wit",
    "deps/clocks.wit",
    "deps/filesystem.wit",
    "deps/http.wit",
    "deps/io.wit",
    "execution.wit",
    "failures.wit",
    "log.wit",
    "select.wit",
    "signals.wit",
    "timers.wit",
    "types.wit",
    "world.wit",
);

/// What a guest is to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum World {
    /// A workflow
    #[default]
    Workflow,
    /// An activity
    Activity,
    /// An activity that reaches what it is granted: hosts over HTTP, folders, environment variables
    ActivityWithWasi,
}

impl World {
    /// Its name, and that of its files.
    pub(crate) fn name(self) -> &'static str {
        match self {
            World::Workflow => "workflow",
            World::Activity => "activity",
            World::ActivityWithWasi => "activity-with-wasi",
        }
    }

    /// Its name with its package, by which tools find it.
    pub(crate) fn path(self) -> String {
        let package = match self {
            World::Workflow => "workflow",
            World::Activity | World::ActivityWithWasi => "activity",
        };
        format!("sandglass:{package}/{}@0.1.0", self.name())
    }
}

impl fmt::Display for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The world, and all that it needs.
pub(crate) fn resolve(world: World) -> Result<(Resolve, WorldId)> {
    let (needed, own): (Vec<_>, Vec<_>) = FILES.iter().partition(|file| file.is_of_others());
    let needed = needed.into_iter().map(|file| parse([file])).collect::<Result<_>>()?;
    let mut resolve = Resolve::default();
    let package = resolve.push_groups(parse(own)?, needed)?;
    let world = resolve.select_world(&[package], Some(&world.path()))?;
    Ok((resolve, world))
}

fn parse<'a>(files: impl IntoIterator<Item = &'a File>) -> Result<UnresolvedPackageGroup> {
    let mut sources = SourceMap::new();
    for file in files {
        sources.push(Path::new(file.name), file.text);
    }
    sources.parse().map_err(|(_, error)| anyhow!("{error}"))
}

/// Writes all files into a folder, which is made.
pub(crate) fn write(folder: &Path) -> Result<()> {
    let deps = folder.join("deps");
    std::fs::create_dir_all(&deps)
        .with_context(|| format!("the folder {} cannot be made", deps.display()))?;
    for file in &FILES {
        let path = folder.join(file.name);
        std::fs::write(&path, file.text)
            .with_context(|| format!("the file {} cannot be written", path.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_file_is_left_out() {
        let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit");
        let names = |folder: &str| -> Vec<String> {
            let entries = std::fs::read_dir(wit.join(folder)).unwrap();
            let files = entries.map(|entry| entry.unwrap()).filter(|it| it.path().is_file());
            files.map(|it| format!("{folder}{}", it.file_name().to_str().unwrap())).collect()
        };
        let there: BTreeSet<String> = [names(""), names("deps/")].concat().into_iter().collect();
        let carried: BTreeSet<String> = FILES.iter().map(|file| file.name.to_owned()).collect();
        assert_eq!(carried, there);
    }

    #[test]
    fn every_world_is_found() {
        for world in World::value_variants() {
            let world = *world;
            let (resolve, id) = resolve(world).unwrap();
            assert_eq!(resolve.worlds[id].name, world.name());
        }
    }
}
