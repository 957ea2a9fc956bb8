//! What is done without a record: by the clock, or because an operator says so.

use std::time::Instant;

use prisma_log_core::{Error, SinkCommand};

use crate::file::LogFile;
use crate::period::instant;

impl LogFile {
    /// When something has to be done though no record may come.
    pub(crate) fn due(&self) -> Option<Instant> {
        let fs = &*self.home.fs;
        // An empty file is not rotated, and takes no time from anybody.
        let rotation = self.period.due(fs).filter(|_| self.opened.end > 0);
        let rotation = rotation.map(|due| self.rotation.not_before(due));
        let expiry = self.next_expiry().map(|time| instant(fs, time));
        let expiry = expiry.map(|due| self.kept.not_before(due));
        let compression = (self.to_compress && self.has_written).then(|| fs.now());
        [self.sync_due(), rotation, expiry, compression].into_iter().flatten().min()
    }

    /// Does what is due.
    pub(crate) fn maintain(&mut self) -> Result<(), Error> {
        let synced = self.sync_if_due();
        let rotated = self.rotate_if_over();
        if self.next_expiry().is_some() {
            let size = self.opened.end;
            self.keep_limits(size);
        }
        self.compress();
        synced.and(rotated)
    }

    fn rotate_if_over(&mut self) -> Result<(), Error> {
        let now = self.home.fs.now();
        if !self.period.is_over(&*self.home.fs) || !self.rotation.may_try(now) {
            return Ok(());
        }
        let rotated = self.rotate_over();
        if self.period.is_over(&*self.home.fs) && self.rotation.may_try(now) {
            // Not to be tried again at once, whatever is in the way.
            self.rotation.failed(now);
        }
        rotated
    }

    fn rotate_over(&mut self) -> Result<(), Error> {
        let target = self.prepare()?;
        if target.current && self.is_over(target.size) {
            self.rotate()?;
            self.prepare()?;
        }
        Ok(())
    }

    /// Whether the time of the current file, which is `size` bytes long, is over; an empty one is
    /// as if it were begun now.
    pub(crate) fn is_over(&mut self, size: u64) -> bool {
        let over = self.period.is_over(&*self.home.fs);
        if over && size == 0 {
            self.period.begin(self.home.fs.wall());
        }
        over && size > 0
    }

    /// Does what an operator asked for.
    pub(crate) fn command(&mut self, command: SinkCommand) -> Result<(), Error> {
        match command {
            SinkCommand::Reopen => {
                self.reopen()?;
                self.link()
            }
            SinkCommand::Rotate => {
                if self.prepare()?.current {
                    self.rotate()?;
                }
                self.prepare().map(drop)
            }
            _ => Ok(()),
        }
    }
}
