//! Rotation: `app.log` becomes `app.log.2026-11-23T23-59-58Z` in one step.

use std::io::ErrorKind;

use prisma_log_core::Error;

use crate::archives::Listing;
use crate::file::{LogFile, Spoilt};
use crate::lock::RotationLock;

/// How many names that others have taken are passed over.
const MOST_TAKEN: usize = 1000;

impl LogFile {
    /// Rotates the file; a failure is reported, and rotation rests for a while.
    pub(crate) fn try_rotate(&mut self) {
        if let Err(error) = self.rotate() {
            self.failures.report(&error.with_hint("records go on into the current file"));
        }
    }

    /// Rotates the file, unless it is empty or somebody else did so meanwhile. After a failure,
    /// rotation rests for a while.
    pub(crate) fn rotate(&mut self) -> Result<(), Error> {
        match self.rotate_under_lock() {
            Ok(()) => {
                self.rotation.succeeded();
                Ok(())
            }
            Err(error) => {
                self.rotation.failed(self.home.fs.now());
                let path = self.options.path.display();
                Err(Error::state(format!("cannot rotate {path}")).with_source(error))
            }
        }
    }

    fn rotate_under_lock(&mut self) -> Result<(), Error> {
        // The file may have been moved to a new folder at the path, by somebody who tidied up.
        if self.renew_home()? {
            self.kept.outdated();
        }
        let Some(_only_one_rotates) = RotationLock::take(self)? else {
            return Ok(());
        };
        // Another process may have rotated before this one had the lock.
        if !self.is_at_path()? {
            return Ok(());
        }
        let stat = self.opened.handle.stat();
        let stat = stat.map_err(|error| Error::io_at("examine", &self.home.file, error))?;
        if stat.len == 0 {
            self.period.begin(self.home.fs.wall());
            return Ok(());
        }
        let mut listing = self.list()?;
        let mut archive = self.names.next(listing.newest(), stat.modified);
        for _ in 0..MOST_TAKEN {
            let name = self.names.name(&archive);
            match self.home.folder.rename(&self.home.name, &name) {
                Ok(()) => {
                    (self.unsynced.names, self.rotated) = (true, true);
                    // Others may have written to it until now.
                    listing.add(archive, &self.opened.handle.stat().unwrap_or(stat));
                    let kept = self.delete_surplus(&listing, 0);
                    self.deleted(kept);
                    return Ok(());
                }
                // Somebody else moved it this very moment.
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
                // By something that is no archive, or by somebody who doesn't know of the lock.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                    archive = self.names.next(Some(&archive), stat.modified);
                }
                Err(error) => {
                    let to = self.home.path_of(&name);
                    let doing =
                        format!("cannot rename {} to {}", self.home.file.display(), to.display());
                    return Err(Error::io(doing, error));
                }
            }
        }
        Err(Error::state(format!("no free name for what {} holds", self.home.file.display())))
    }

    pub(crate) fn list(&self) -> Result<Listing, Error> {
        Listing::read(&self.home, &self.names)
            .map_err(|error| Error::io_at("read the folder", self.home.at(), error))
    }

    /// Whether the path still leads to the open file.
    pub(crate) fn is_at_path(&self) -> Result<bool, Error> {
        match self.home.folder.stat(&self.home.name) {
            Ok(found) => Ok(found.identity == self.opened.identity),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(Error::io_at("examine", &self.home.file, error)),
        }
    }

    /// Moves a spoilt file out of the way, so that what it holds can be read and a new one is
    /// begun. Not again before the fault is over: each attempt would make another archive.
    pub(crate) fn put_aside(&mut self) {
        let Some(spoilt) = self.opened.spoilt else { return };
        if spoilt == Spoilt::Handle
            || self.aside.is_some()
            || !self.rotation.may_try(self.home.fs.now())
        {
            return;
        }
        match self.rotate() {
            Ok(()) => self.aside = Some(spoilt),
            Err(error) => {
                self.failures.report(&error.with_hint("the same file is opened anew"));
            }
        }
    }
}
