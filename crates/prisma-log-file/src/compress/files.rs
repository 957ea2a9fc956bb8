//! Opening what is ours and nothing else.

use std::ffi::OsStr;
use std::io::{self, ErrorKind};
use std::sync::Arc;

use crate::fs::{Folder, Handle, Kind, Lock, Open, Stat};

/// A file of this user's own, open.
pub(super) struct Own {
    pub(super) handle: Arc<dyn Handle>,
    pub(super) stat: Stat,
}

impl Own {
    /// Opens a file; `None` when there is none of that name, or something that is not ours to
    /// touch: no regular file, another user's, or one with a second name.
    pub(super) fn open(
        folder: &dyn Folder,
        name: &OsStr,
        how: Open,
        user: u32,
    ) -> io::Result<Option<Own>> {
        let ours =
            |stat: &Stat| stat.kind == Kind::Regular && stat.owner == user && stat.links == 1;
        let gone = |error: io::Error| match error.kind() {
            ErrorKind::NotFound => Ok(None),
            _ => Err(error),
        };
        match folder.stat(name) {
            Ok(stat) if ours(&stat) => {}
            Ok(_) => return Ok(None),
            Err(error) => return gone(error),
        }
        let handle = match folder.open(name, how) {
            Ok(handle) => handle,
            Err(error) => return gone(error),
        };
        // Another file may have taken the name between the two calls.
        let stat = handle.stat()?;
        Ok(ours(&stat).then_some(Own { handle, stat }))
    }

    /// Makes sure that nobody else has a lock on the file, as all do that write it; says whether
    /// nobody had.
    pub(super) fn lock(&self) -> io::Result<bool> {
        loop {
            match self.handle.try_lock(Lock::Exclusive) {
                Ok(()) => return Ok(true),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Whether the name leads to this file.
    pub(super) fn is_at(&self, folder: &dyn Folder, name: &OsStr) -> io::Result<bool> {
        match folder.stat(name) {
            Ok(found) => Ok(found.identity == self.stat.identity),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        // Closing alone would not do: a child forked meanwhile has the file open as well.
        let _closing_is_left = self.handle.unlock();
    }
}

/// Takes the name from a file; it may have none any more.
pub(super) fn remove(folder: &dyn Folder, name: &OsStr) -> io::Result<()> {
    match folder.remove(name) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
