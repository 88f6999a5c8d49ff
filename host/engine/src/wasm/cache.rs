//! Compiled components on disk, by content, wasmtime's version and configuration.
//!
//! Loading one is as good as running native code, so only what this program wrote is loaded: the folder belongs to this user alone, a file
//! appears whole or not at all, and each has a checksum beside it. Whatever is wrong with the folder costs the compilation, nothing else.

use sha2::{Digest, Sha256};
use std::fs::{self, DirBuilder, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use wasmtime::component::Component;

/// The compiled `bytes`, from the folder if it is there, else compiled and put there.
pub(super) fn load_or_compile(
    engine: &wasmtime::Engine,
    folder: Option<&Path>,
    digest: &str,
    bytes: &[u8],
) -> wasmtime::Result<Component> {
    let Some(folder) = folder else { return Component::new(engine, bytes) };
    let file = match open_folder(folder) {
        Ok(()) => folder.join(format!("{}-{:016x}.cwasm", name(digest), configuration(engine))),
        Err(error) => {
            let folder = folder.display();
            tracing::warn!(%error, %folder, "compiled components cannot be kept in this folder");
            return Component::new(engine, bytes);
        }
    };
    if let Some(component) = load(engine, &file) {
        return Ok(component);
    }
    let compiled = engine.precompile_component(bytes)?;
    match store(&file, &compiled) {
        Ok(()) => {
            if let Some(component) = load(engine, &file) {
                return Ok(component);
            }
        }
        Err(error) => {
            let file = file.display();
            tracing::warn!(%error, %file, "a compiled component could not be kept");
        }
    }
    // SAFETY: these are the bytes that this engine has just compiled.
    unsafe { Component::deserialize(engine, &compiled) }
}

fn name(digest: &str) -> &str {
    digest.strip_prefix("sha256:").unwrap_or(digest)
}

/// wasmtime's version and all options that compiled code depends on.
fn configuration(engine: &wasmtime::Engine) -> u64 {
    let mut hasher = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hasher.finish()
}

/// The folder, made if need be, of this user and closed to all others.
fn open_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let metadata = fs::metadata(folder)?;
    // SAFETY: the call takes and changes nothing, and cannot fail.
    let user = unsafe { libc::geteuid() };
    if metadata.uid() != user {
        let owner = metadata.uid();
        return Err(io::Error::other(format!("it belongs to user {owner}, not to {user}")));
    }
    if metadata.mode() & 0o077 != 0 {
        return Err(io::Error::other("other users can enter it; its mode has to be 0700"));
    }
    Ok(())
}

fn checksum_file(file: &Path) -> PathBuf {
    file.with_extension("sha256")
}

fn load(engine: &wasmtime::Engine, file: &Path) -> Option<Component> {
    let recorded = fs::read_to_string(checksum_file(file)).ok()?;
    let found = hex(&hash_file(file).ok()?);
    if recorded != found {
        let file = file.display();
        tracing::warn!(%file, "a compiled component does not have its checksum: it is compiled again");
        return None;
    }
    // SAFETY: the file is one that this program wrote: nobody else can enter the folder, and it has the checksum that was recorded with it.
    let loaded = unsafe { Component::deserialize_file(engine, file) };
    loaded
        .inspect_err(|error| {
            let file = file.display();
            tracing::warn!(%error, %file, "a compiled component cannot be loaded: it is compiled again");
        })
        .ok()
}

fn hash_file(file: &Path) -> io::Result<[u8; 32]> {
    let mut hasher = Sha256::new();
    io::copy(&mut File::open(file)?, &mut hasher)?;
    Ok(hasher.finalize().into())
}

fn store(file: &Path, compiled: &[u8]) -> io::Result<()> {
    write_whole(file, compiled)?;
    write_whole(&checksum_file(file), hex(&Sha256::digest(compiled)).as_bytes())
}

/// Writes it beside its place and moves it there, so that it is never seen half written.
fn write_whole(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = file.with_extension(format!("{}.part", uuid::Uuid::new_v4().simple()));
    let written = File::create_new(&beside).and_then(|mut part| {
        part.write_all(bytes)?;
        part.sync_all()
    });
    let moved = written.and_then(|()| fs::rename(&beside, file));
    if moved.is_err() {
        // It is of no use to anybody; that it stays behind harms nobody.
        let _ = fs::remove_file(&beside);
    }
    moved
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
