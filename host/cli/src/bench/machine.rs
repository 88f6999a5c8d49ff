//! What the figures were measured on.

use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::thread::available_parallelism;

/// Cores, kernel, disk, versions, and whether this is a build whose figures count.
pub(super) fn describe(folder: &Path) -> Value {
    let line = |file: &str| fs::read_to_string(file).unwrap_or_default().trim().to_owned();
    json!({
        "cores": available_parallelism().map_or(0, usize::from),
        "cpu": cpu(),
        "kernel": line("/proc/sys/kernel/osrelease"),
        "database": folder.display().to_string(),
        "filesystem": filesystem(folder).unwrap_or_else(|| "unknown".into()),
        "wasmtime": wasmtime(),
        "sandglass": env!("CARGO_PKG_VERSION"),
        "build": if cfg!(debug_assertions) { "debug (figures mean nothing)" } else { "release" },
    })
}

/// The version that this program was built with.
fn wasmtime() -> &'static str {
    let lock = include_str!("../../../../Cargo.lock");
    let version = lock.split("name = \"wasmtime\"\nversion = \"").nth(1);
    version.and_then(|rest| rest.split('"').next()).unwrap_or("unknown")
}

fn cpu() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find(|line| line.starts_with("model name"));
    model.and_then(|line| line.split_once(": ")).map_or("unknown", |(_, name)| name).to_owned()
}

/// Type and device of the file system that a folder is on.
fn filesystem(folder: &Path) -> Option<String> {
    let device = fs::metadata(folder).ok()?.dev();
    let number = format!("{}:{}", libc::major(device), libc::minor(device));
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    let mount = mounts.lines().find(|line| line.split(' ').nth(2) == Some(&number))?;
    let mut fields = mount.split(" - ").nth(1)?.split(' ');
    Some(format!("{} on {}", fields.next()?, fields.next()?))
}
