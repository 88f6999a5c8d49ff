//! What activities that are components may have of the machine: the options by which `run` and `serve` grant it.

use crate::exit::usage;
use anyhow::Result;
use clap::Args;
use sandglass_host::wasm::{Access, Folder, Grants};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Grants, by activity type.
#[derive(Args)]
#[command(next_help_heading = "What activities may have; nothing, if not said")]
pub(crate) struct GrantFlags {
    /// A host that the activity may reach over HTTP, like example.com, http://127.0.0.1:8080 or *.example.com; * is all of them; can be repeated
    #[arg(long, value_name = "TYPE=HOST")]
    allow_http: Vec<String>,
    /// An environment variable that the activity sees; without a value, with the one that it has here; can be repeated
    #[arg(long, value_name = "TYPE=NAME[=VALUE]")]
    allow_env: Vec<String>,
    /// A folder that the activity may read, and what the activity calls it if not the same; can be repeated
    #[arg(long, value_name = "TYPE=FOLDER[::NAME]")]
    allow_read: Vec<String>,
    /// A folder that the activity may read and write; can be repeated
    #[arg(long, value_name = "TYPE=FOLDER[::NAME]")]
    allow_write: Vec<String>,
}

impl GrantFlags {
    /// What is granted to which activity type.
    pub(crate) fn read(&self) -> Result<BTreeMap<String, Grants>> {
        let mut all: BTreeMap<String, Grants> = BTreeMap::new();
        let mut grant = |activity_type: &str, with: &dyn Fn(Grants) -> Grants| {
            let grants = all.entry(activity_type.to_owned()).or_default();
            *grants = with(std::mem::take(grants));
        };
        for word in &self.allow_http {
            let (activity_type, host) = split("--allow-http", word, "TYPE=HOST")?;
            let host =
                host.parse().map_err(|error| usage(format!("--allow-http {word}: {error}")))?;
            grant(activity_type, &|grants| grants.http(Clone::clone(&host)));
        }
        for word in &self.allow_env {
            let (activity_type, variable) = split("--allow-env", word, "TYPE=NAME[=VALUE]")?;
            let (name, value) = environment(word, variable)?;
            grant(activity_type, &|grants| grants.environment(&name, &value));
        }
        let folders = [
            ("--allow-read", &self.allow_read, Access::Read),
            ("--allow-write", &self.allow_write, Access::Write),
        ];
        for (flag, words, access) in folders {
            for word in words {
                let (activity_type, folder) = split(flag, word, "TYPE=FOLDER[::NAME]")?;
                let folder = granted_folder(flag, word, folder, access)?;
                grant(activity_type, &|grants| grants.folder(folder.clone()));
            }
        }
        Ok(all)
    }
}

fn split<'a>(flag: &str, word: &'a str, form: &str) -> Result<(&'a str, &'a str)> {
    word.split_once('=')
        .filter(|(name, rest)| !name.is_empty() && !rest.is_empty())
        .ok_or_else(|| usage(format!("{flag} {word}: write {form}")))
}

fn environment(word: &str, variable: &str) -> Result<(String, String)> {
    match variable.split_once('=') {
        Some(("", _)) => Err(usage(format!("--allow-env {word}: a variable has a name"))),
        Some((name, value)) => Ok((name.into(), value.into())),
        None => match std::env::var(variable) {
            Ok(value) => Ok((variable.into(), value)),
            Err(error) => Err(usage(format!("--allow-env {word}: {variable}: {error}"))),
        },
    }
}

fn granted_folder(flag: &str, word: &str, folder: &str, access: Access) -> Result<Folder> {
    let (path, name) = folder.split_once("::").unwrap_or((folder, folder));
    if path.is_empty() || name.is_empty() {
        return Err(usage(format!("{flag} {word}: write TYPE=FOLDER[::NAME]")));
    }
    let path = PathBuf::from(path);
    if !path.is_dir() {
        return Err(usage(format!("{flag} {word}: there is no folder {}", path.display())));
    }
    Ok(Folder { path, name: name.into(), access })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        grants: GrantFlags,
    }

    fn read(words: &[&str]) -> Result<BTreeMap<String, Grants>> {
        Line::try_parse_from([&["x"], words].concat()).unwrap().grants.read()
    }

    #[test]
    fn grants_are_put_together_by_type() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().display();
        let words = [
            "--allow-http=a=example.com".into(),
            "--allow-env=a=KEY=b=c".into(),
            format!("--allow-read=a={path}::/in"),
            format!("--allow-write=b={path}"),
        ];
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let folder = |name: String, access| Folder { path: folder.path().into(), name, access };
        let a = Grants::default()
            .http("example.com".parse().unwrap())
            .environment("KEY", "b=c")
            .folder(folder("/in".into(), Access::Read));
        let b = Grants::default().folder(folder(path.to_string(), Access::Write));
        assert_eq!(read(&words).unwrap(), BTreeMap::from([("a".into(), a), ("b".into(), b)]));
    }

    #[test]
    fn a_variable_without_a_value_has_the_one_that_it_has_here() {
        let path = std::env::var("PATH").unwrap();
        let granted = read(&["--allow-env", "a=PATH"]).unwrap();
        assert_eq!(granted["a"], Grants::default().environment("PATH", path));
    }

    #[test]
    fn what_cannot_be_granted_is_refused() {
        for words in [
            ["--allow-http", "example.com"],
            ["--allow-http", "a=ftp://b"],
            ["--allow-env", "a="],
            ["--allow-env", "a==b"],
            ["--allow-env", "a=NO_SUCH_VARIABLE_HERE"],
            ["--allow-read", "a=/no/such/folder"],
            ["--allow-write", "a=::/b"],
        ] {
            assert!(read(&words).is_err(), "{words:?}");
        }
    }
}
