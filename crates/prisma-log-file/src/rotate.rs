//! Rotation by size: `app.log` becomes `app.log.1`, `app.log.1` becomes `app.log.2`, ….

use std::cell::Cell;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use prisma_log_core::Error;

use crate::file::LogFile;
use crate::open::{Identity, Locking, folder_of, lock_within, open_regular, with_suffix};

/// How long a sink waits for another process that rotates the same file.
const LOCK_PATIENCE: Duration = Duration::from_millis(500);

/// What stands at a rotated file's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slot {
    Free,
    Backup,
    /// Something that no rotation made: passed over.
    Foreign,
}

impl LogFile {
    /// Rotates the file; a failure is reported, and rotation rests for a while.
    pub(crate) fn try_rotate(&mut self) {
        match self.rotate() {
            Ok(()) => self.rotation.succeeded(),
            Err(error) => {
                self.rotation.failed(self.os.now());
                let path = self.options.path.display();
                let error = Error::state(format!("cannot rotate {path}")).with_source(error);
                self.failures.report(&error.with_hint("records go on into the current file"));
            }
        }
    }

    fn rotate(&mut self) -> Result<(), Error> {
        let Some(_only_one_rotates) = RotationLock::take(self)? else {
            return Ok(());
        };
        // Another process may have rotated before this one had the lock.
        if self.is_at_path()? {
            self.make_room()?;
            self.trim();
        }
        Ok(())
    }

    /// Whether the path still leads to the open file.
    fn is_at_path(&self) -> Result<bool, Error> {
        match fs::symlink_metadata(&self.options.path) {
            Ok(found) => Ok(Identity::of(&found) == self.opened.identity),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(Error::io_at("examine", &self.options.path, error)),
        }
    }

    /// Moves the current file to the first backup's name, and each backup to the next one's.
    fn make_room(&self) -> Result<(), Error> {
        let (mut names, free) = self.backups()?;
        names.push(free);
        for pair in names.windows(2).rev() {
            self.rename(&self.backup(pair[0]), &self.backup(pair[1]))?;
        }
        self.rename(&self.options.path, &self.backup(names[0]))
    }

    /// Renames onto a name that is free: nothing is ever overwritten.
    fn rename(&self, from: &Path, to: &Path) -> Result<(), Error> {
        if slot(to)? != Slot::Free {
            return Err(Error::state(format!("{} appeared in between", to.display())));
        }
        let renamed = self.os.rename(from, to);
        let doing = || format!("cannot rename {} to {}", from.display(), to.display());
        renamed.map_err(|error| Error::io(doing(), error))
    }

    /// Deletes the oldest backups beyond the limit.
    fn trim(&self) {
        let deleted = self.backups().and_then(|(names, _)| {
            let surplus = names.get(self.options.max_backups..).unwrap_or_default();
            surplus.iter().rev().try_for_each(|&name| {
                let path = self.backup(name);
                match self.os.remove(&path) {
                    Err(error) if error.kind() != ErrorKind::NotFound => {
                        Err(Error::io_at("delete", &path, error))
                    }
                    _ => Ok(()),
                }
            })
        });
        if let Err(error) = deleted {
            self.failures.report(&error.with_hint("tried again at the next rotation"));
        }
    }

    /// The numbers of the backups, newest first, and the first free number.
    ///
    /// They end at the first free name: what somebody put further on, such as
    /// `app.log.20261124`, is none of the rotation's business.
    pub(crate) fn backups(&self) -> Result<(Vec<u64>, u64), Error> {
        let mut found = Vec::new();
        for number in 1.. {
            match slot(&self.backup(number))? {
                Slot::Free => return Ok((found, number)),
                Slot::Backup => found.push(number),
                Slot::Foreign => {}
            }
        }
        Err(Error::state(format!("no free name after {}", self.options.path.display())))
    }

    pub(crate) fn backup(&self, number: u64) -> PathBuf {
        with_suffix(&self.options.path, &format!(".{number}"))
    }
}

fn slot(path: &Path) -> Result<Slot, Error> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_file() => Ok(Slot::Backup),
        Ok(_) => Ok(Slot::Foreign),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Slot::Free),
        Err(error) => Err(Error::io_at("examine", path, error)),
    }
}

/// Held while one process rotates: an exclusive lock on `.app.log.lock` beside the file. Released
/// with the open file, so a process that dies can't leave it behind.
pub(crate) struct RotationLock {
    file: File,
}

impl RotationLock {
    /// Waits for the lock; `None` when another process rotated the file meanwhile.
    pub(crate) fn take(log: &LogFile) -> Result<Option<Self>, Error> {
        let path = &log.options.path;
        let mut name = std::ffi::OsString::from(".");
        name.push(path.file_name().unwrap_or_default());
        name.push(".lock");
        let lock_path = folder_of(path).join(name);
        let refused = |what: &str| Err(Error::state(format!("{} is {what}", lock_path.display())));
        // Somebody may delete the lock file while it is waited for; a lock on a file without a
        // name keeps nobody out.
        for _ in 0..16 {
            let opening = open_regular(&lock_path, log.options.mode)?;
            let done = Cell::new(false);
            let locking = lock_within(LOCK_PATIENCE, || {
                let attempt = opening.file.try_lock();
                done.set(attempt.is_err() && log.is_at_path().is_ok_and(|ours| !ours));
                if done.get() { Ok(()) } else { attempt }
            });
            match locking {
                _ if done.get() => return Ok(None),
                Locking::Taken => {}
                Locking::Held => return refused("held by another process"),
                Locking::Unsupported => return refused("on a file system without file locks"),
            }
            if fs::symlink_metadata(&lock_path)
                .is_ok_and(|named| Identity::of(&named) == Identity::of(&opening.metadata))
            {
                return Ok(Some(RotationLock { file: opening.file }));
            }
        }
        refused("deleted all the time")
    }
}

impl Drop for RotationLock {
    fn drop(&mut self) {
        // Closing alone would not do: a child forked meanwhile has the file open as well.
        let _closing_is_left = self.file.unlock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Failures;
    use crate::file::FileOptions;
    use crate::os::RealOs;

    #[test]
    fn a_copy_of_the_lock_in_a_forked_child_keeps_nobody_out() {
        let folder = tempfile::TempDir::new().unwrap();
        let options = FileOptions {
            path: folder.path().join("app.log"),
            max_bytes: None,
            max_backups: 1,
            mode: 0o640,
            create_dirs: false,
            sync: false,
        };
        let log = LogFile::open(options, Box::new(RealOs), Failures::new(None)).unwrap();
        let lock = RotationLock::take(&log).unwrap().unwrap();
        assert!(RotationLock::take(&log).is_err());
        let _in_the_child = lock.file.try_clone().unwrap();
        drop(lock);
        assert!(RotationLock::take(&log).unwrap().is_some());
    }
}
