//! The file that is written now: opening, noticing that it was moved away, flushing.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use prisma_log_core::Error;

use crate::failure::{BackOff, Failures};
use crate::lookback::birth;
use crate::open::{Identity, Locking, create_folder_of, folder_of, lock_within, open_regular};
use crate::os::Os;
use crate::repair;

/// How long an opening waits for another process that repairs the file's tail.
const LOCK_PATIENCE: Duration = Duration::from_secs(1);

pub(crate) struct FileOptions {
    pub(crate) path: PathBuf,
    pub(crate) max_bytes: Option<u64>,
    pub(crate) max_backups: usize,
    pub(crate) mode: u32,
    pub(crate) create_dirs: bool,
    pub(crate) sync: bool,
}

/// The open file and what is known about it.
pub(crate) struct Opened {
    pub(crate) file: File,
    pub(crate) identity: Identity,
    /// When it was made, as `lookback::birth` tells.
    pub(crate) birth: u64,
    /// Where the last record that is known to be whole ends; `None` when the tail is unknown.
    pub(crate) whole_to: Option<u64>,
    /// Where the file ended when it was last looked at, or a place before that.
    pub(crate) end: u64,
    /// Whether this sink's presence is marked by a shared lock on the file.
    pub(crate) locked: bool,
    pub(crate) unsynced: bool,
    sync_failed: bool,
    /// Whether a process that forked this one still writes through the same open file.
    inherited: bool,
}

impl Opened {
    /// Takes note that a record that is whole ends here.
    pub(crate) fn whole_up_to(&mut self, position: u64) {
        (self.whole_to, self.end) = (Some(position), position);
    }
}

pub(crate) struct LogFile {
    pub(crate) options: FileOptions,
    pub(crate) os: Box<dyn Os>,
    pub(crate) failures: Failures,
    pub(crate) opened: Opened,
    pub(crate) rotation: BackOff,
    reopening: BackOff,
    /// Whether names in the folder changed since it was last synchronised.
    folder_unsynced: bool,
    /// A file that is no longer open could not be brought to stable storage.
    lost_sync: Option<Error>,
}

/// Where the next bytes will go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    /// The file's size.
    pub(crate) size: u64,
    /// Whether the path still leads to it.
    pub(crate) current: bool,
}

impl LogFile {
    pub(crate) fn open(
        options: FileOptions,
        os: Box<dyn Os>,
        failures: Failures,
    ) -> Result<Self, Error> {
        let (opened, created) = open(&options, &*os, &failures)?;
        Ok(LogFile {
            options,
            os,
            failures,
            opened,
            rotation: BackOff::default(),
            reopening: BackOff::default(),
            folder_unsynced: created,
            lost_sync: None,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.options.path
    }

    pub(crate) fn syncs(&self) -> bool {
        self.options.sync
    }

    /// Makes sure that the open file is the one at the path; opens or creates that one otherwise.
    ///
    /// # Errors
    /// When it can't be opened, and the open one was deleted, so that nobody could read what is
    /// written to it, or is the parent's.
    pub(crate) fn prepare(&mut self) -> Result<Target, Error> {
        if let Ok(metadata) = fs::symlink_metadata(&self.options.path)
            && Identity::of(&metadata) == self.opened.identity
            && !self.opened.inherited
        {
            return Ok(Target { size: metadata.len(), current: true });
        }
        let old = self.opened.file.metadata();
        let unlinked = old.as_ref().map_or(true, |metadata| metadata.nlink() == 0);
        let unusable = unlinked || self.opened.inherited;
        if unusable || self.reopening.may_try(self.os.now()) {
            match self.reopen() {
                Ok(size) => {
                    self.reopening.succeeded();
                    return Ok(Target { size, current: true });
                }
                Err(error) if unusable => return Err(error),
                Err(error) => {
                    self.reopening.failed(self.os.now());
                    self.failures.report(&error.with_hint("records still go to the moved file"));
                }
            }
        }
        let metadata = old.map_err(|error| Error::io_at("examine", self.path(), error))?;
        Ok(Target { size: metadata.len(), current: false })
    }

    fn reopen(&mut self) -> Result<u64, Error> {
        let (opened, created) = open(&self.options, &*self.os, &self.failures)?;
        let metadata =
            opened.file.metadata().map_err(|error| Error::io_at("examine", self.path(), error))?;
        if self.options.sync
            && let Err(error) = self.sync_file()
        {
            self.lost_sync = Some(error);
        }
        self.opened = opened;
        self.folder_unsynced |= created;
        Ok(metadata.len())
    }

    /// Opens the file anew in a forked child. Offset and lock belong to the open file, which is
    /// the parent's as well: each would take the other's for its own.
    pub(crate) fn leave_parent(&mut self) -> Result<(), Error> {
        // What the parent wrote is the parent's to synchronise.
        (self.opened.unsynced, self.opened.sync_failed) = (false, false);
        self.opened.inherited = true;
        (self.folder_unsynced, self.lost_sync) = (false, None);
        self.reopen().map(drop)
    }

    /// Whether the open file still has a name.
    pub(crate) fn is_linked(&self) -> Result<bool, Error> {
        let metadata = self.opened.file.metadata();
        metadata
            .map(|metadata| metadata.nlink() > 0)
            .map_err(|error| Error::io_at("examine", self.path(), error))
    }

    pub(crate) fn flush(&mut self) -> Result<(), Error> {
        if !self.options.sync {
            return Ok(());
        }
        if let Some(error) = self.lost_sync.take() {
            return Err(error);
        }
        self.sync_file()?;
        if self.folder_unsynced {
            let folder = folder_of(&self.options.path);
            File::open(folder)
                .and_then(|folder| folder.sync_all())
                .map_err(|error| Error::io_at("synchronise the folder", folder, error))?;
            self.folder_unsynced = false;
        }
        Ok(())
    }

    fn sync_file(&mut self) -> Result<(), Error> {
        if self.opened.sync_failed {
            // The kernel reports a lost page once; a second, successful call would be a lie.
            return Err(Error::state(format!(
                "an earlier synchronisation of {} failed",
                self.options.path.display()
            )));
        }
        if self.opened.unsynced {
            self.os.sync(&self.opened.file).map_err(|error| {
                self.opened.sync_failed = true;
                Error::io_at("synchronise", &self.options.path, error)
            })?;
            self.opened.unsynced = false;
        }
        Ok(())
    }
}

/// Opens the file at the path and says whether it was created.
fn open(options: &FileOptions, os: &dyn Os, failures: &Failures) -> Result<(Opened, bool), Error> {
    let path = &options.path;
    let opening = match open_regular(path, options.mode) {
        Err(error)
            if options.create_dirs && error.io_kind() == Some(std::io::ErrorKind::NotFound) =>
        {
            create_folder_of(path)?;
            open_regular(path, options.mode)?
        }
        other => other?,
    };
    let mut opened = Opened {
        identity: Identity::of(&opening.metadata),
        birth: birth(&opening.metadata),
        file: opening.file,
        whole_to: None,
        end: 0,
        locked: false,
        unsynced: true,
        sync_failed: false,
        inherited: false,
    };
    // Alone on the file: nobody is in the middle of a record, so a torn tail is a dead writer's.
    if opened.file.try_lock().is_ok() {
        opened.whole_to = repair::tail(&opened.file, options, os, failures);
        let _stays_ours_until_shared = opened.file.unlock();
    }
    match lock_within(LOCK_PATIENCE, || opened.file.try_lock_shared()) {
        Locking::Taken => opened.locked = true,
        Locking::Unsupported => {}
        Locking::Held => {
            return Err(Error::state(format!(
                "{} is locked exclusively by another program",
                path.display()
            ))
            .with_hint("`lslocks` shows which"));
        }
    }
    opened.end = match opened.whole_to {
        Some(end) => end,
        // Now that its presence is marked, nobody cuts anything off.
        None => opened.file.metadata().map_err(|error| Error::io_at("examine", path, error))?.len(),
    };
    Ok((opened, opening.created))
}
