//! The archives in the folder.

use std::ffi::OsString;
use std::io::{self, ErrorKind};

use prisma_log_core::Error;

use crate::fs::{Kind, Stat};
use crate::home::Home;
use crate::names::{Archive, Names};
use crate::retention::Found;

/// What is in the folder beside the current file.
#[derive(Default)]
pub(crate) struct Listing {
    /// Oldest first. What is there both plain and compressed counts as one.
    pub(crate) archives: Vec<Found>,
    /// The files of each archive.
    files: Vec<Vec<Archive>>,
    /// How much temporary files hold.
    pub(crate) temporary: u64,
}

impl Listing {
    /// Reads the folder; what is no regular file is passed over.
    pub(crate) fn read(home: &Home, names: &Names) -> io::Result<Listing> {
        let mut found = Vec::new();
        let mut temporary = 0;
        for name in home.folder.names()? {
            if let Some(archive) = names.parse(&name) {
                if let Some(stat) = regular(home, &name)? {
                    found.push((archive, stat));
                }
            } else if names.parse_temporary(&name).is_some()
                && let Some(stat) = regular(home, &name)?
            {
                temporary += stat.len;
            }
        }
        found.sort_unstable_by_key(|&(archive, _)| archive);
        let mut listing = Listing { temporary, ..Listing::default() };
        for (archive, stat) in found {
            listing.add(archive, &stat);
        }
        Ok(listing)
    }

    /// Adds the file of an archive that is not older than the others.
    pub(crate) fn add(&mut self, archive: Archive, stat: &Stat) {
        match (self.archives.last_mut(), self.files.last_mut()) {
            (Some(last), Some(files)) if last.archive.is_same(&archive) => {
                last.len += stat.len;
                last.modified = last.modified.max(stat.modified);
                files.push(archive);
            }
            _ => {
                self.archives.push(Found { archive, len: stat.len, modified: stat.modified });
                self.files.push(vec![archive]);
            }
        }
    }

    pub(crate) fn newest(&self) -> Option<&Archive> {
        self.archives.last().map(|found| &found.archive)
    }

    /// The names of the archives that are not compressed, newest first.
    pub(crate) fn plain<'a>(&'a self, names: &'a Names) -> impl Iterator<Item = OsString> + 'a {
        let files = self.files.iter().rev().flatten();
        files.filter(|archive| archive.packed.is_none()).map(|archive| names.name(archive))
    }

    /// How long the longest archive is that is not compressed; the newest stays as it is.
    pub(crate) fn longest_plain(&self) -> u64 {
        let older = self.archives.iter().zip(&self.files).rev().skip(1);
        let plain = older.filter(|(_, files)| files.iter().any(|file| file.packed.is_none()));
        plain.map(|(found, _)| found.len).max().unwrap_or(0)
    }

    /// Deletes the archive at `index`.
    pub(crate) fn delete(&self, index: usize, home: &Home, names: &Names) -> Result<(), Error> {
        for archive in &self.files[index] {
            let name = names.name(archive);
            match home.folder.remove(&name) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(Error::io_at("delete", &home.path_of(&name), error));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

fn regular(home: &Home, name: &OsString) -> io::Result<Option<Stat>> {
    match home.folder.stat(name) {
        Ok(stat) if stat.kind == Kind::Regular => Ok(Some(stat)),
        Ok(_) => Ok(None),
        // Deleted or compressed meanwhile.
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
