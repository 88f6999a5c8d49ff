//! One host a file: a lock of the operating system beside the database, which ends with the process
//! whatever happens to it.

use crate::store::Error;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// Held from opening a database to closing it. The file stays: removing it would let two hosts hold
/// two files of one name.
#[derive(Debug)]
pub(super) struct FileLock(#[expect(dead_code, reason = "open, it holds the lock")] File);

impl FileLock {
    /// Takes the lock of the database at `path`, and writes into it who has it.
    pub(super) fn take(path: &Path) -> Result<Self, Error> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(lock_path(path))
            .map_err(|error| Error::Io(format!("{}.lock: {error}", path.display())))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let pid = holder(&mut file);
                return Err(Error::InUse { path: path.to_owned(), pid });
            }
            Err(TryLockError::Error(error)) => {
                return Err(Error::Io(format!("{}.lock: {error}", path.display())));
            }
        }
        // Who has it is said for people; the lock holds without it, on a full disk too.
        let _ = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
        Ok(FileLock(file))
    }
}

fn lock_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}

fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}
