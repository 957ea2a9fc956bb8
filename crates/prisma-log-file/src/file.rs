//! The file that is written now: opening it, and noticing that it was moved away.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use prisma_log_core::Error;

use crate::Sync;
use crate::compress::Compressor;
use crate::failure::{BackOff, Failures};
use crate::fs::{Folder, Fs, Handle, Identity, Lock};
use crate::home::Home;
use crate::limits::Kept;
use crate::names::Names;
use crate::open::{Locking, lock_shared, open_regular};
use crate::period::Period;
use crate::plan::Plan;
use crate::repair;
use crate::sync::Unsynced;

/// How long an opening waits for another process that repairs the file's tail.
const LOCK_PATIENCE: Duration = Duration::from_secs(1);

pub(crate) struct FileOptions {
    /// As it was given, made absolute.
    pub(crate) path: PathBuf,
    pub(crate) mode: u32,
    pub(crate) create_dirs: bool,
    pub(crate) plan: Plan,
    pub(crate) sync: Sync,
    pub(crate) sync_on_flush: bool,
    /// Where a link to the file is kept.
    pub(crate) link: Option<PathBuf>,
    /// How many archives stay when the others are deleted because the disk is full.
    pub(crate) keep_when_full: Option<usize>,
}

/// The open file and what is known about it.
pub(crate) struct Opened {
    pub(crate) handle: Arc<dyn Handle>,
    pub(crate) identity: Identity,
    /// When it was made, as [`Stat::born`](crate::fs::Stat::born) tells.
    pub(crate) born: u64,
    /// Where the last record that is known to be whole ends; `None` when the tail is unknown.
    pub(crate) whole_to: Option<u64>,
    /// Where the file ended when it was last looked at, or a place before that.
    pub(crate) end: u64,
    /// Whether this sink's presence is marked by a shared lock on the file.
    pub(crate) locked: bool,
    pub(crate) unsynced: bool,
    /// Why nothing more may be written through this handle.
    pub(crate) spoilt: Option<Spoilt>,
    /// Halves of records that are still to be taken out of the file, and where they begin.
    pub(crate) halves: Vec<(Vec<u8>, u64)>,
    /// Whether a process that forked this one still writes through the same open file.
    inherited: bool,
}

/// What went wrong with an open file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spoilt {
    /// A write failed in a way that the place in the file is to blame for: it is moved aside.
    Write,
    /// A synchronisation failed: it is moved aside.
    Sync,
    /// The handle leads nowhere any more: the file is opened anew.
    Handle,
}

impl Opened {
    /// Takes note that a record that is whole ends here.
    pub(crate) fn whole_up_to(&mut self, position: u64) {
        (self.whole_to, self.end) = (Some(position), position);
    }

    /// Takes note of the file's length as it is now.
    fn is_long(&mut self, len: u64) {
        if len < self.end {
            // Copied and truncated by somebody.
            (self.whole_to, self.end) = (None, len);
        }
    }
}

pub(crate) struct LogFile {
    pub(crate) options: FileOptions,
    pub(crate) home: Home,
    /// Where the link to the current file is, once it was found.
    pub(crate) link_home: Option<Home>,
    pub(crate) names: Names,
    pub(crate) failures: Arc<Failures>,
    pub(crate) opened: Opened,
    pub(crate) period: Period,
    pub(crate) kept: Kept,
    pub(crate) compressor: Option<Compressor>,
    /// Whether there may be archives that the compressor does not know of.
    pub(crate) to_compress: bool,
    /// Whether a batch went through this sink since it was opened.
    pub(crate) has_written: bool,
    pub(crate) unsynced: Unsynced,
    pub(crate) rotation: BackOff,
    reopening: BackOff,
    /// Whether this sink has just moved the open file away itself.
    pub(crate) rotated: bool,
    /// The folder that the open file is in, when the path leads to another one by now.
    pub(crate) left: Option<Arc<dyn Folder>>,
    /// How large the operating system lets this process make a file.
    pub(crate) largest: Option<u64>,
    /// Why a file was moved aside since which nothing of that kind has worked.
    pub(crate) aside: Option<Spoilt>,
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
        fs: Arc<dyn Fs>,
        failures: Arc<Failures>,
    ) -> Result<Self, Error> {
        let home = Home::find(fs, &options.path, options.create_dirs)?;
        let names = Names::new(&home.name, options.plan.zone.clone());
        let current = open(&options, &home, &failures)?;
        let mut period = Period::new(options.plan.schedule.clone());
        period.begin(current.begun(home.fs.wall()));
        let largest = home.fs.largest_file();
        let compressor = options.plan.packing.map(|packing| {
            Compressor::new(home.fs.clone(), names.clone(), packing, failures.clone())
        });
        let mut log = LogFile {
            options,
            home,
            link_home: None,
            names,
            failures,
            opened: current.opened,
            period,
            kept: Kept::default(),
            to_compress: compressor.is_some(),
            has_written: false,
            compressor,
            unsynced: Unsynced::default(),
            rotation: BackOff::default(),
            reopening: BackOff::default(),
            rotated: false,
            left: None,
            largest,
            aside: None,
        };
        // Whoever made the file may not have cared for its name.
        log.unsynced.names = true;
        log.link()?;
        if log.options.plan.on_start && current.len > 0 {
            log.try_rotate();
            log.prepare()?;
        }
        log.tidy_up();
        Ok(log)
    }

    /// The file's path as it was given.
    pub(crate) fn path(&self) -> &Path {
        &self.options.path
    }

    /// Makes sure that the open file is the one at the path and fit to be written; opens or
    /// creates that one otherwise.
    ///
    /// # Errors
    /// When it can't be opened, and the open one was deleted, so that nobody could read what is
    /// written to it, or is spoilt, or is the parent's.
    pub(crate) fn prepare(&mut self) -> Result<Target, Error> {
        self.erase_halves();
        if self.opened.spoilt.is_some() {
            self.put_aside();
        } else if let Ok(found) = self.home.fs.stat(&self.home.file)
            && found.identity == self.opened.identity
            && !self.opened.inherited
        {
            self.opened.is_long(found.len);
            return Ok(Target { size: found.len, current: true });
        }
        let old = self.opened.handle.stat();
        let unlinked = old.as_ref().map_or(true, |stat| stat.links == 0);
        let unusable = unlinked || self.opened.inherited || self.opened.spoilt.is_some();
        if unusable || self.reopening.may_try(self.home.fs.now()) {
            match self.reopen() {
                Ok(size) => return Ok(Target { size, current: true }),
                Err(error) if unusable => return Err(error),
                Err(error) => {
                    self.reopening.failed(self.home.fs.now());
                    self.failures.report(&error.with_hint("records still go to the moved file"));
                }
            }
        }
        let stat = old.map_err(|error| Error::io_at("examine", self.path(), error))?;
        Ok(Target { size: stat.len, current: false })
    }

    /// Opens what is at the path, or creates it; says how long it is.
    pub(crate) fn reopen(&mut self) -> Result<u64, Error> {
        self.renew_home()?;
        let current = match open(&self.options, &self.home, &self.failures) {
            Err(error) if error.io_kind() == Some(ErrorKind::StaleNetworkFileHandle) => {
                self.home.reopen()?;
                open(&self.options, &self.home, &self.failures)?
            }
            other => other?,
        };
        self.sync_before_leaving();
        if current.opened.identity != self.opened.identity {
            // Whoever made it may not have cared for its name, and may have made it long ago.
            self.unsynced.names = true;
            self.unsynced.failed = None;
            self.period.begin(current.begun(self.home.fs.wall()));
            if self.left.is_some() || !self.rotated {
                self.kept.outdated();
            }
            self.to_compress = self.compressor.is_some();
        }
        self.rotated = false;
        self.opened = current.opened;
        self.reopening.succeeded();
        if self.left.take().is_some()
            && let Err(error) = self.link()
        {
            self.failures.report(&error);
        }
        Ok(current.len)
    }

    /// Opens the folder anew if the path leads to another one by now; says whether so.
    pub(crate) fn renew_home(&mut self) -> Result<bool, Error> {
        let before = Arc::clone(&self.home.folder);
        let renewed = self.home.renew(self.options.create_dirs)?;
        if renewed {
            self.left.get_or_insert(before);
        }
        Ok(renewed)
    }

    /// Opens the file anew in a forked child. Offset and lock belong to the open file, which is
    /// the parent's as well: each would take the other's for its own.
    pub(crate) fn leave_parent(&mut self) -> Result<(), Error> {
        self.forget_unsynced();
        if let Some(compressor) = &mut self.compressor {
            compressor.after_fork();
        }
        (self.opened.spoilt, self.opened.inherited) = (None, true);
        self.reopen().map(drop)
    }

    /// Whether the open file still has a name, for all that is known.
    pub(crate) fn is_linked(&self) -> bool {
        self.opened.handle.stat().map_or(true, |stat| stat.links > 0)
    }
}

/// A file just opened for a sink.
struct Current {
    opened: Opened,
    created: bool,
    len: u64,
    modified: prisma_log_core::Timestamp,
}

impl Current {
    /// When its time began, seen from now.
    fn begun(&self, now: prisma_log_core::Timestamp) -> prisma_log_core::Timestamp {
        if self.created || self.len == 0 { now } else { self.modified }
    }
}

/// Opens the file at the path, or creates it.
fn open(options: &FileOptions, home: &Home, failures: &Failures) -> Result<Current, Error> {
    let opening = open_regular(home, &home.name, options.mode)?;
    let mut opened = Opened {
        handle: opening.handle,
        identity: opening.stat.identity,
        born: opening.stat.born,
        whole_to: None,
        end: 0,
        locked: false,
        unsynced: true,
        spoilt: None,
        halves: Vec::new(),
        inherited: false,
    };
    let handle = &*opened.handle;
    // Alone on the file: nobody is in the middle of a record, so a torn tail is a dead writer's.
    if handle.try_lock(Lock::Exclusive).is_ok() {
        opened.whole_to = repair::tail(handle, home, options, failures);
        let _stays_ours_until_shared = handle.unlock();
    }
    match lock_shared(&*home.fs, handle, LOCK_PATIENCE) {
        Locking::Taken => opened.locked = true,
        Locking::Unsupported => {}
        Locking::Held => {
            return Err(Error::state(format!(
                "{} is locked exclusively by another program",
                home.file.display()
            ))
            .with_hint("`lslocks` shows which"));
        }
    }
    // Now that its presence is marked, nobody cuts anything off.
    let stat = opened.handle.stat();
    let stat = stat.map_err(|error| Error::io_at("examine", &home.file, error))?;
    opened.end = opened.whole_to.unwrap_or(stat.len);
    Ok(Current { opened, created: opening.created, len: stat.len, modified: opening.stat.modified })
}
