//! One archive from plain to compressed.

use std::ffi::{OsStr, OsString};
use std::io::{self, ErrorKind};

use super::encode::{self, Packer};
use super::files::{self, Own};
use super::pass::Task;
use super::{Progress, verify};
use crate::fs::{Folder, Open};
use crate::names::Archive;
use crate::open::append_all;

/// Nobody else reads the file while it is made.
const UNFINISHED_MODE: u32 = 0o600;

/// How the work on one archive ended, unless it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Done,
    /// Somebody deleted the archive.
    Gone,
    /// Somebody has the archive open or is at it as well: later.
    InUse,
    /// It is not to be touched, now or later.
    NotOurs,
    /// The sink is gone.
    Stopped,
}

/// How much of a source was compressed.
enum Pumped {
    /// So many bytes, and that was all.
    All(u64),
    Part(End),
}

impl Task<'_> {
    /// Compresses a plain archive.
    pub(super) fn compress(&self, plain: &Archive) -> io::Result<End> {
        let name = self.names.name(plain);
        let packed = plain.packed_as(Some(self.packing));
        let Some(source) = Own::open(self.folder, &name, Open::Read, self.user)? else {
            return Ok(End::NotOurs);
        };
        // A sink that has not noticed the rotation yet may be about to write to it.
        if !source.lock()? {
            return Ok(End::InUse);
        }
        let Some(target) = Target::create(self, self.names.temporary(&packed))? else {
            return Ok(End::InUse);
        };
        let packer = encode::packer(self.packing, source.stat.modified);
        let mut packer = packer.ok_or(ErrorKind::Unsupported)??;
        let len = match self.pump(&source, &target, &mut *packer)? {
            Pumped::All(len) => len,
            Pumped::Part(end) => return Ok(end),
        };
        let read = source.handle.stat()?;
        if (read.len, read.modified) != (len, source.stat.modified) {
            return Err(io::Error::other("somebody wrote to it meanwhile"));
        }
        target.seal(&source)?;
        if !source.is_at(self.folder, &name)? {
            return Ok(End::Gone);
        }
        if !target.publish(&self.names.name(&packed))? {
            return Ok(End::InUse); // Next time it is compared with what is there.
        }
        self.folder.sync()?;
        let end = match self.folder.remove(&name) {
            Ok(()) => End::Done,
            // Deleted in the moment before the compressed form had its name, so that goes as well:
            // what retention took away must not come back.
            Err(error) if error.kind() == ErrorKind::NotFound => {
                files::remove(self.folder, &self.names.name(&packed))?;
                End::Gone
            }
            Err(error) => return Err(error),
        };
        self.progress.changed();
        Ok(end)
    }

    /// Compresses all of the source, unless there is a reason to stop before its end.
    fn pump(
        &self,
        source: &Own,
        target: &Target<'_>,
        packer: &mut dyn Packer,
    ) -> io::Result<Pumped> {
        let mut piece = vec![0; self.piece];
        let mut at = 0;
        let mut written = 0;
        loop {
            if self.progress.stops() {
                return Ok(Pumped::Part(End::Stopped));
            }
            if source.handle.stat()?.links == 0 {
                return Ok(Pumped::Part(End::Gone));
            }
            let read = verify::read_at(&*source.handle, &mut piece, at)?;
            match read {
                0 => packer.finish()?,
                _ => packer.feed(&piece[..read])?,
            }
            let output = packer.output();
            append_all(&*target.file.handle, output)?;
            written += output.len() as u64;
            output.clear();
            self.progress.is_long(written);
            if read == 0 {
                return Ok(Pumped::All(at));
            }
            at += read as u64;
            std::thread::yield_now();
        }
    }

    /// Removes the plain archive if the compressed one holds the same.
    pub(super) fn remove_if_same(&self, plain: &Archive, packed: &Archive) -> io::Result<End> {
        let (name, packed_name) = (self.names.name(plain), self.names.name(packed));
        let open = |name: &OsStr| Own::open(self.folder, name, Open::Read, self.user);
        let Some(plain) = open(&name)? else { return Ok(End::Gone) };
        let Some(copy) = open(&packed_name)? else { return Ok(End::InUse) };
        let Some(packing) = packed.packed else { return Ok(End::NotOurs) };
        if !plain.lock()? || !copy.lock()? {
            return Ok(End::InUse);
        }
        let same = verify::is_same(&plain, &copy, packing, self)?;
        if self.progress.stops() {
            return Ok(End::Stopped);
        }
        if !same {
            return Ok(End::NotOurs);
        }
        if !plain.is_at(self.folder, &name)? || !copy.is_at(self.folder, &packed_name)? {
            return Ok(End::InUse);
        }
        copy.handle.sync()?;
        self.folder.sync()?;
        files::remove(self.folder, &name)?;
        self.progress.changed();
        Ok(End::Done)
    }
}

/// The compressed file while it is made; removed unless it is published.
struct Target<'a> {
    folder: &'a dyn Folder,
    progress: &'a Progress,
    name: OsString,
    file: Own,
    /// Whether the name still is the temporary one.
    unpublished: std::cell::Cell<bool>,
}

impl<'a> Target<'a> {
    /// Creates the file; `None` when another process has.
    fn create(task: &Task<'a>, name: OsString) -> io::Result<Option<Target<'a>>> {
        let handle = match task.folder.open(&name, Open::Create { mode: UNFINISHED_MODE }) {
            Ok(handle) => handle,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(None),
            Err(error) => return Err(error),
        };
        // From here on it goes again whatever fails.
        let Task { folder, progress, .. } = *task;
        let stat = match handle.stat() {
            Ok(stat) => stat,
            Err(error) => {
                let _next_time = folder.remove(&name);
                return Err(error);
            }
        };
        let file = Own { handle, stat };
        let unpublished = std::cell::Cell::new(true);
        let target = Target { folder, progress, name, file, unpublished };
        // A process that tidies up may have come before the lock.
        let ours = target.file.lock()? && target.file.is_at(folder, &target.name)?;
        if !ours {
            target.unpublished.set(false);
        }
        Ok(ours.then_some(target))
    }

    /// Brings the file to stable storage, with permissions and time of the archive.
    fn seal(&self, source: &Own) -> io::Result<()> {
        let mode = source.stat.mode & 0o777;
        let chmod = self.file.handle.set_mode(mode);
        match &chmod {
            // A file system without permission bits refuses; what it gives must not be more.
            Err(error)
                if matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::Unsupported)
                    && self.file.handle.stat()?.mode & 0o777 & !mode == 0 => {}
            Err(_) => return chmod,
            Ok(()) => {}
        }
        self.file.handle.set_modified(source.stat.modified)?;
        self.file.handle.sync()
    }

    /// Gives the file its name; says whether that was free.
    fn publish(&self, name: &OsStr) -> io::Result<bool> {
        if !self.file.is_at(self.folder, &self.name)? {
            self.unpublished.set(false);
            return Err(io::Error::other("somebody took the temporary file away"));
        }
        match self.folder.rename(&self.name, name) {
            Ok(()) => {
                self.unpublished.set(false);
                self.progress.changed();
                Ok(true)
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error),
        }
    }
}

impl Drop for Target<'_> {
    fn drop(&mut self) {
        self.progress.is_long(0);
        if self.unpublished.get() {
            // Where that fails, it is stale from now on.
            let _next_time = self.folder.remove(&self.name);
        }
    }
}
