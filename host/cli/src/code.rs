//! The code that a host is given: component files, the types that each serves, and a host that is built of them.

use crate::exit::usage;
use crate::grants::GrantFlags;
use crate::setup;
use anyhow::Result;
use sandglass_host::HostBuilder;
use sandglass_host::wasm::Grants;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What stands behind which types.
pub(crate) struct Code {
    /// The files, and the workflow types that each serves.
    components: Vec<(PathBuf, Vec<String>)>,
    /// The activity types, and the file of each.
    activities: Vec<(String, PathBuf)>,
    /// What these may have of the machine.
    grants: BTreeMap<String, Grants>,
}

impl Code {
    /// From `COMPONENT[=TYPE,…]` and `TYPE=COMPONENT`.
    pub(crate) fn read(
        components: &[String],
        activities: &[String],
        grants: &GrantFlags,
    ) -> Result<Code> {
        let activities: Result<Vec<_>> = activities.iter().map(|word| activity(word)).collect();
        let (activities, grants) = (activities?, grants.read()?);
        for (n, (name, path)) in activities.iter().enumerate() {
            if let Some((_, other)) = activities[..n].iter().find(|(earlier, _)| earlier == name) {
                let (one, two) = (other.display(), path.display());
                return Err(usage(format!(
                    "both {one} and {two} do the activity type {name}; leave one of them out"
                )));
            }
        }
        for name in grants.keys() {
            if !activities.iter().any(|(activity_type, _)| activity_type == name) {
                return Err(usage(format!(
                    "something is granted to the activity type {name}, which no component does: say --activity {name}=COMPONENT"
                )));
            }
        }
        Ok(Code { components: files_and_types(components)?, activities, grants })
    }

    /// The workflow types that are served.
    pub(crate) fn workflow_types(&self) -> impl Iterator<Item = &String> {
        self.components.iter().flat_map(|(_, types)| types)
    }

    /// The host with this code, which serves those queues and keeps its runs in that file, or in memory.
    pub(crate) fn build(
        &self,
        mut builder: HostBuilder,
        queues: &[String],
        db: Option<&Path>,
    ) -> Result<HostBuilder> {
        if let Some(folder) = setup::cache_dir() {
            builder = builder.cache_dir(folder);
        }
        for (path, types) in &self.components {
            let types: Vec<&str> = types.iter().map(String::as_str).collect();
            builder = builder.component(&types, read(path)?);
        }
        for (activity_type, path) in &self.activities {
            builder = builder.activity_file(activity_type, path);
        }
        for (activity_type, grants) in &self.grants {
            builder = builder.grant(activity_type, grants.clone());
        }
        for name in queues {
            builder = if name == "*" { builder.any_task_queue() } else { builder.task_queue(name) };
        }
        Ok(match db {
            Some(path) => builder.sqlite(path),
            None => builder.in_memory(),
        })
    }
}

fn files_and_types(words: &[String]) -> Result<Vec<(PathBuf, Vec<String>)>> {
    let mut served = BTreeMap::new();
    let mut components = Vec::new();
    for word in words {
        let (path, types) = component(word)?;
        for name in &types {
            if let Some(other) = served.insert(name.clone(), path.clone()) {
                let (one, two) = (other.display(), path.display());
                return Err(usage(format!(
                    "both {one} and {two} serve the workflow type {name}; name others after `=`"
                )));
            }
        }
        components.push((path, types));
    }
    Ok(components)
}

fn activity(word: &str) -> Result<(String, PathBuf)> {
    let (name, path) = word
        .split_once('=')
        .filter(|(name, path)| !name.is_empty() && !path.is_empty())
        .ok_or_else(|| usage(format!("--activity {word}: write TYPE=COMPONENT")))?;
    existing(Path::new(path))?;
    Ok((name.to_owned(), PathBuf::from(path)))
}

/// `COMPONENT` or `COMPONENT=TYPE,…`. A file that has a `=` in its name is found first.
fn component(word: &str) -> Result<(PathBuf, Vec<String>)> {
    let (path, types) = match word.rsplit_once('=') {
        Some((path, types)) if !Path::new(word).exists() => (path, Some(types)),
        _ => (word, None),
    };
    let path = PathBuf::from(path);
    existing(&path)?;
    let types: Vec<String> = match types {
        Some(types) => types.split(',').map(|name| name.trim().to_owned()).collect(),
        None => vec![path.file_stem().unwrap_or_default().to_string_lossy().into_owned()],
    };
    if types.iter().any(String::is_empty) {
        return Err(usage(format!("{word}: a workflow type after `=` is empty")));
    }
    Ok((path, types))
}

fn existing(path: &Path) -> Result<()> {
    if path.is_file() {
        return Ok(());
    }
    if path.is_dir() {
        return Err(usage(format!(
            "{} is a folder; name the component file, which a build leaves in it or below",
            path.display()
        )));
    }
    Err(usage(format!("there is no file {}; build the component first", path.display())))
}

pub(crate) fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path)
        .map_err(|error| usage(format!("the file {} cannot be read: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_components_types_stand_after_it() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["greet.wasm", "a=b.wasm"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let file = |name: &str| folder.path().join(name).display().to_string();
        let types = |word: &str| component(&file(word)).map(|(_, types)| types);
        assert_eq!(types("greet.wasm").unwrap(), ["greet"]);
        assert_eq!(types("greet.wasm=Hello, Bye").unwrap(), ["Hello", "Bye"]);
        assert_eq!(types("a=b.wasm").unwrap(), ["a=b"]);
        assert_eq!(types("a=b.wasm=C").unwrap(), ["C"]);
        assert!(types("greet.wasm=").is_err());
        assert!(types("missing.wasm").is_err());
    }
}
