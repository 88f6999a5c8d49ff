//! One host a file: a lock of the operating system beside the database, which ends with the process
//! whatever happens to it.

use crate::store::Error;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

/// Held from opening a database to closing it. The file stays: removing it would let two hosts hold
/// two files of one name.
#[derive(Debug)]
pub(super) struct FileLock(#[expect(dead_code, reason = "open, it holds the lock")] File);

impl FileLock {
    /// Takes the lock of the database at `path`, and writes into it who has it.
    ///
    /// Two names of one file, by a symbolic link, are one database.
    pub(super) fn take(path: &Path) -> Result<Self, Error> {
        let lock = lock_path(&path.canonicalize().unwrap_or_else(|_| path.to_owned()));
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&lock)
            .map_err(|error| Error::Io(format!("{}.lock: {error}", path.display())))?;
        if !is_ours(&mut file) {
            return Err(Error::Io(format!(
                "{} is needed for a lock, and holds something else; nothing was changed",
                lock.display()
            )));
        }
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

/// Whether it is new, or was written here: an id of a process. Who writes it just now may have got no further.
fn is_ours(file: &mut File) -> bool {
    let mut text = String::new();
    let read = file.take(32).read_to_string(&mut text);
    let is_id = text.trim().is_empty() || text.trim().parse::<u32>().is_ok();
    read.is_ok() && is_id && file.rewind().is_ok()
}

fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn what_is_somebody_elses_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("project");
        for theirs in ["precious", "12 34", "x".repeat(100).as_str()] {
            fs::write(lock_path(&database), theirs).unwrap();
            assert!(matches!(FileLock::take(&database), Err(Error::Io(_))), "{theirs}");
            assert_eq!(fs::read_to_string(lock_path(&database)).unwrap(), theirs);
        }
        fs::write(lock_path(&database), "1234\n").unwrap();
        FileLock::take(&database).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn two_names_are_one_database() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (folder.path().join("one"), folder.path().join("two"));
        fs::write(&one, "").unwrap();
        std::os::unix::fs::symlink(&one, &two).unwrap();
        let _held = FileLock::take(&one).unwrap();
        assert!(matches!(FileLock::take(&two), Err(Error::InUse { .. })));
    }
}
