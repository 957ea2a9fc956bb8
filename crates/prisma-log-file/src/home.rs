//! The folder that the file is in: held open, so that no link swapped on the way leads elsewhere.

use std::ffi::{OsStr, OsString};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use prisma_log_core::Error;

use crate::fs::{Folder, Fs, Identity, Stat};

/// Deleting and renaming in a folder is only for the owners of the files.
const STICKY: u32 = 0o1000;
const WRITABLE_BY_ALL: u32 = 0o002;

pub(crate) struct Home {
    pub(crate) fs: Arc<dyn Fs>,
    pub(crate) folder: Arc<dyn Folder>,
    /// The file's name in the folder.
    pub(crate) name: OsString,
    /// The file's path, the folder's links followed.
    pub(crate) file: PathBuf,
    /// The folder's path, links followed.
    at: PathBuf,
    identity: Identity,
    /// Whose the folder is: whatever is in it is in that user's hands.
    pub(crate) owner: u32,
}

impl Home {
    /// Finds the folder of `path`; links on the way to it are followed now and never again.
    pub(crate) fn find(fs: Arc<dyn Fs>, path: &Path, create: bool) -> Result<Self, Error> {
        let at = folder_of(path);
        let resolved = match fs.resolve(at) {
            Err(error) if create && error.kind() == ErrorKind::NotFound => {
                fs.create_folders(at)
                    .map_err(|error| Error::io_at("create the folder", at, error))?;
                fs.resolve(at)
            }
            other => other,
        };
        let at = resolved.map_err(|error| Error::io_at("open", path, error))?;
        let name = path.file_name().unwrap_or_default().to_owned();
        let (folder, stat) = open(&*fs, &at)?;
        let file = at.join(&name);
        Ok(Home { fs, folder, name, file, at, identity: stat.identity, owner: stat.owner })
    }

    /// Opens the folder anew if the path leads to another one by now, or to none; says whether so.
    pub(crate) fn renew(&mut self, create: bool) -> Result<bool, Error> {
        let found = self.fs.stat(&self.at);
        if found.as_ref().is_ok_and(|found| found.identity == self.identity) {
            return Ok(false);
        }
        if create && found.is_err_and(|error| error.kind() == ErrorKind::NotFound) {
            let created = self.fs.create_folders(&self.at);
            created.map_err(|error| Error::io_at("create the folder", &self.at, error))?;
        }
        self.reopen()?;
        Ok(true)
    }

    /// Opens the folder anew, be it the same one.
    pub(crate) fn reopen(&mut self) -> Result<(), Error> {
        let (folder, stat) = open(&*self.fs, &self.at)?;
        (self.folder, self.identity, self.owner) = (folder, stat.identity, stat.owner);
        Ok(())
    }

    /// Where a file of this name in the folder is, for messages.
    pub(crate) fn path_of(&self, name: &OsStr) -> PathBuf {
        self.at.join(name)
    }

    /// The folder's path.
    pub(crate) fn at(&self) -> &Path {
        &self.at
    }

    /// The name of a file beside the log file: its own with something before and after.
    pub(crate) fn beside(&self, before: &str, after: &str) -> OsString {
        let mut name = OsString::from(before);
        name.push(&self.name);
        name.push(after);
        name
    }
}

/// The folder that `path` is in.
pub(crate) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn open(fs: &dyn Fs, at: &Path) -> Result<(Arc<dyn Folder>, Stat), Error> {
    let refused = |error: io::Error| Error::io_at("open the folder", at, error);
    let folder = fs.folder(at).map_err(refused)?;
    let stat = folder.stat_self().map_err(refused)?;
    if stat.mode & WRITABLE_BY_ALL != 0 && stat.mode & STICKY == 0 {
        return Err(Error::config(format!(
            "anybody may replace files in the folder {}",
            at.display()
        ))
        .with_hint("take the permission to write from others, with `chmod o-w`"));
    }
    Ok((folder, stat))
}
