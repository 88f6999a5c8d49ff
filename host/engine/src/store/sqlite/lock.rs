//! One host a file: a lock of the operating system beside the database, which ends with the process
//! whatever happens to it.

use crate::store::Error;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Seek, Write};
use std::path::{Path, PathBuf};

/// Held from opening a database to closing it. The file stays: removing it would let two hosts hold
/// two files of one name.
#[derive(Debug)]
pub(super) struct FileLock {
    /// Open, it holds the lock.
    _file: File,
    /// Its file, where this has made it.
    made: Option<PathBuf>,
}

impl FileLock {
    /// Takes the lock of the database at `path`, and writes into it who has it.
    ///
    /// Two names of one file, by a symbolic link, are one database; by a hard link, they are refused.
    pub(super) fn take(path: &Path) -> Result<Self, Error> {
        if has_other_names(path) {
            return Err(Error::Io(format!(
                "{} has other names (hard links), and SQLite keeps its log beside only one of them: make a copy, and name that; nothing was changed",
                path.display()
            )));
        }
        let lock = lock_path(&path.canonicalize().unwrap_or_else(|_| path.to_owned()));
        let mut how = OpenOptions::new();
        how.read(true).write(true).truncate(false);
        let (opened, is_new) = match how.clone().create_new(true).open(&lock) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                (how.create(true).open(&lock), false)
            }
            opened => (opened, true),
        };
        let mut file =
            opened.map_err(|error| Error::Io(format!("{}.lock: {error}", path.display())))?;
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
        Ok(FileLock { _file: file, made: is_new.then_some(lock) })
    }

    /// Gives the lock up where the file is none of ours: nobody can want it, so one that was made for it goes, too.
    pub(super) fn give_up(self) {
        if let Some(made) = &self.made {
            // What stays is an empty promise, and does no harm.
            let _ = fs::remove_file(made);
        }
    }
}

#[cfg(unix)]
fn has_other_names(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(path).is_ok_and(|file| file.is_file() && file.nlink() > 1)
}

#[cfg(not(unix))]
fn has_other_names(_: &Path) -> bool {
    false
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

    #[cfg(unix)]
    #[test]
    fn a_file_with_other_names_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (folder.path().join("one"), folder.path().join("two"));
        fs::write(&one, "").unwrap();
        fs::hard_link(&one, &two).unwrap();
        let refused = FileLock::take(&two).unwrap_err();
        assert!(refused.to_string().contains("hard links"), "{refused}");
        assert!(!lock_path(&two).exists());
        fs::remove_file(&two).unwrap();
        FileLock::take(&one).unwrap();
    }
}
