//! When records are brought to stable storage, and what is told about it.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use prisma_log_core::Error;

use crate::file::{LogFile, Spoilt};
use crate::fs::{Folder, Identity};
use crate::trouble::retried;

/// How far records are brought without being asked for; a flush may bring them further.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Sync {
    /// To the kernel, which writes them to the disk in its own time: they survive the end of the
    /// process, not a power cut.
    #[default]
    PageCache,
    /// To stable storage (`fdatasync`), many at once: whichever limit is reached first. A power
    /// cut costs no more than what came since. A flush doesn't wait for the limits.
    Every {
        /// How long a record waits at most; longer than zero.
        interval: Duration,
        /// How many records wait at most; from 1 on. `u64::MAX` leaves it to the interval.
        records: u64,
    },
}

/// What is not on stable storage yet, or perhaps never will be.
#[derive(Default)]
pub(crate) struct Unsynced {
    /// Records written since the last synchronisation.
    records: u64,
    /// When the first of them was written.
    since: Option<Instant>,
    /// Whether names in the folder changed.
    pub(crate) names: bool,
    /// Something could not be brought to stable storage, and no flush has told so.
    doubt: Option<Error>,
    /// A file that could not be synchronised, and could not be left either.
    pub(crate) failed: Option<Identity>,
}

impl Unsynced {
    fn doubt(&mut self, error: Error) {
        self.doubt.get_or_insert(error);
    }
}

impl LogFile {
    /// Whether a flush brings records to stable storage.
    pub(crate) fn syncs(&self) -> bool {
        self.options.sync_on_flush || self.options.sync != Sync::PageCache
    }

    /// Takes note of records that were written, with so many bytes at most.
    pub(crate) fn wrote(&mut self, records: usize, bytes: u64) {
        self.used(bytes);
        if records > 0 && self.options.sync != Sync::PageCache {
            self.unsynced.records += records as u64;
            self.unsynced.since.get_or_insert_with(|| self.home.fs.now());
        }
    }

    /// When a group of records has to be on stable storage.
    pub(crate) fn sync_due(&self) -> Option<Instant> {
        match self.options.sync {
            Sync::PageCache => None,
            Sync::Every { interval, records } => {
                let since = self.unsynced.since?;
                if self.unsynced.records >= records {
                    Some(since)
                } else {
                    since.checked_add(interval)
                }
            }
        }
    }

    /// Brings the group of records to stable storage if it is time; says what failed. The next
    /// flush will say so too.
    pub(crate) fn sync_if_due(&mut self) -> Result<(), Error> {
        if self.sync_due().is_none_or(|due| self.home.fs.now() < due) {
            return Ok(());
        }
        self.sync_all().inspect_err(|error| {
            let path = self.options.path.display();
            let told = format!("an earlier synchronisation of {path} failed: {error}");
            self.unsynced.doubt(Error::state(told));
        })
    }

    /// The same after a batch; what fails is reported.
    pub(crate) fn sync_group(&mut self) {
        if let Err(error) = self.sync_if_due() {
            self.failures.report(&error.with_hint("the next flush fails"));
        }
    }

    /// Brings everything to stable storage, if the sink does so at all. What could not be brought
    /// there is told once.
    pub(crate) fn flush(&mut self) -> Result<(), Error> {
        if !self.syncs() {
            return Ok(());
        }
        let doubt = self.unsynced.doubt.take();
        let synced = self.sync_all();
        let Some(doubt) = doubt else { return synced };
        if let Err(error) = synced {
            self.unsynced.doubt(error);
        }
        Err(doubt)
    }

    fn sync_all(&mut self) -> Result<(), Error> {
        let file = self.sync_file();
        let names = self.sync_names();
        file.and(names)
    }

    /// After a failure the kernel may have dropped the data, and would answer the second attempt
    /// with success: this open file is never synchronised again. Nor does another handle of the
    /// same file help: what the file system could not write may read as zeros after a restart, with
    /// all that was written to the same block later. That it works again is good for the next file.
    fn sync_file(&mut self) -> Result<(), Error> {
        (self.unsynced.records, self.unsynced.since) = (0, None);
        if !std::mem::take(&mut self.opened.unsynced) {
            return Ok(());
        }
        let synced = retried(|| self.opened.handle.sync());
        if synced.is_ok() {
            self.aside = None;
        }
        let failed_before = self.unsynced.failed == Some(self.opened.identity);
        if synced.is_ok() && !failed_before {
            return Ok(());
        }
        self.opened.spoilt = Some(Spoilt::Sync);
        self.unsynced.failed = Some(self.opened.identity);
        let path = &self.options.path;
        synced.map_err(|error| Error::io_at("synchronise", path, error))?;
        let shown = path.display();
        Err(Error::state(format!("an earlier synchronisation of {shown} failed"))
            .with_hint("a new file is begun"))
    }

    fn sync_names(&mut self) -> Result<(), Error> {
        if !self.unsynced.names {
            return Ok(());
        }
        if let Some(left) = &self.left {
            self.sync_folder(&**left)?;
        }
        self.sync_folder(&*self.home.folder).inspect_err(|_| {
            // Not through the same descriptor again.
            if let Err(refused) = self.home.reopen() {
                self.failures.report(&refused);
            }
        })?;
        self.unsynced.names = false;
        Ok(())
    }

    fn sync_folder(&self, folder: &dyn Folder) -> Result<(), Error> {
        match retried(|| folder.sync()) {
            // A file system that keeps its names safe by other means, or not at all.
            Err(error)
                if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) =>
            {
                Ok(())
            }
            other => {
                other.map_err(|error| Error::io_at("synchronise the folder", self.home.at(), error))
            }
        }
    }

    /// Brings the file that is about to be closed to stable storage, and its name if the folder is
    /// left as well.
    pub(crate) fn sync_before_leaving(&mut self) {
        if !self.syncs() {
            return;
        }
        if let Err(error) = self.sync_file() {
            self.unsynced.doubt(error);
        }
        if self.unsynced.names
            && let Some(left) = &self.left
            && let Err(error) = self.sync_folder(&**left)
        {
            self.unsynced.doubt(error);
        }
    }

    /// What the parent wrote is the parent's to synchronise.
    pub(crate) fn forget_unsynced(&mut self) {
        self.opened.unsynced = false;
        self.unsynced = Unsynced::default();
    }
}
