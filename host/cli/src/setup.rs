//! What several subcommands set up alike: the runtime, the folder of compiled components, durations as people write them.

use anyhow::{Context, Result};
use sandglass_host::wasm::EngineOptions;
use std::env;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::runtime::Runtime;

/// The threads that everything but guests runs on.
pub(crate) fn runtime() -> Result<Runtime> {
    // Clients' connections and the files of activities count against it, and many systems begin with 1,024.
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        tracing::warn!(%error, "the number of files that may be open stays as it is");
    }
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the threads of the host cannot be started")
}

/// Options of the guests where few of them are run: a trap names lines of source, though dropping a guest then takes a millisecond.
pub(crate) fn wasm_for_few() -> EngineOptions {
    EngineOptions { source_lines: true, ..EngineOptions::default() }
}

/// Where compiled components are kept: the user's folder for caches, if there is one.
pub(crate) fn cache_dir() -> Option<PathBuf> {
    let absolute = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let caches = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")))?;
    Some(caches.join("sandglass").join("components"))
}

/// Reads a name, which is not empty.
pub(crate) fn name(text: &str) -> Result<String, String> {
    match text {
        "" => Err("an empty name is none".into()),
        text => Ok(text.into()),
    }
}

/// Reads the name of a database's file.
pub(crate) fn database(text: &str) -> Result<PathBuf, String> {
    match name(text)?.as_str() {
        text if text.starts_with(":memory:") => {
            Err("it is no file; leave --db out, and nothing is written to a disk".into())
        }
        text if Path::new(text).is_dir() => Err("it is a folder; name a file in it".into()),
        text => Ok(text.into()),
    }
}

/// Reads `500ms`, `10s`, `1.5m`, `2h` or `1h30m`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    match duration_or_none(text)? {
        duration if duration.is_zero() => Err("it has to be more than nothing".into()),
        duration => Ok(duration),
    }
}

/// The same, and `0` or `0s`, which stand for no limit, as with Temporal's command.
pub(crate) fn duration_or_none(text: &str) -> Result<Duration, String> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let (mut rest, mut seconds) = (text, 0.0);
    while !rest.is_empty() || text.is_empty() {
        let unit_at = rest.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(rest.len());
        let (digits, unit) = rest.split_at(unit_at);
        let next = unit.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(unit.len());
        let (unit, after) = unit.split_at(next);
        let of_unit = match unit {
            "ms" => 0.001,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return Err("write a number and its unit, like 500ms, 10s, 1.5m or 1h30m".into()),
        };
        let number: f64 = digits.parse().map_err(|_| format!("{digits} is no number"))?;
        seconds += number * of_unit;
        rest = after;
    }
    Duration::try_from_secs_f64(seconds).map_err(|_| format!("{text} is no duration"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("1.5m"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("1h30m5s"), Ok(Duration::from_secs(5405)));
        for none in ["0", "0s", "0h0m"] {
            assert_eq!(duration_or_none(none), Ok(Duration::ZERO));
        }
        for wrong in ["", "5", "s", "-1s", "0s", "1d", "1 s", "1h5", "0", "1hm", "é"] {
            assert!(duration(wrong).is_err(), "{wrong} was taken");
        }
    }
}
