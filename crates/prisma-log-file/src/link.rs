//! The link that leads to the current file.

use std::ffi::OsString;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use prisma_log_core::Error;

use crate::file::LogFile;
use crate::fs::Kind;
use crate::home::Home;

impl LogFile {
    /// Makes the link to the current file, if one is asked for and it is not there already.
    ///
    /// # Errors
    /// When its name is taken by something else than a link of this user, or it can't be made.
    pub(crate) fn link(&mut self) -> Result<(), Error> {
        let Some(path) = &self.options.link else { return Ok(()) };
        let create = self.options.create_dirs;
        let place = match &mut self.link_home {
            // Links on the way to it were followed once; somebody may have made others since.
            Some(place) => {
                place.renew(create)?;
                place
            }
            none => none.insert(Home::find(self.home.fs.clone(), path, create)?),
        };
        let target = if place.at() == self.home.at() {
            PathBuf::from(&self.home.name)
        } else {
            self.home.file.clone()
        };
        make(place, &target).map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => Error::config(format!(
                "{} is there already and is no link of this user",
                path.display()
            ))
            .with_hint("delete it, or give the link another name"),
            _ => Error::io_at("make the link", path, error),
        })
    }
}

fn make(place: &Home, target: &Path) -> io::Result<()> {
    // Others may make or delete the same link at the same time.
    for _ in 0..16 {
        let stat = match place.folder.stat(&place.name) {
            Ok(stat) => stat,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                match place.folder.link(target, &place.name) {
                    Ok(()) => return remove_stale(place),
                    Err(error) if error.kind() == ErrorKind::AlreadyExists => continue,
                    Err(error) => return Err(error),
                }
            }
            Err(error) => return Err(error),
        };
        if stat.kind != Kind::Link {
            return Err(ErrorKind::AlreadyExists.into());
        }
        match place.folder.read_link(&place.name) {
            Ok(there) if there == target => {
                return remove_stale(place);
            }
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        }
        if stat.owner != place.fs.user() {
            return Err(ErrorKind::AlreadyExists.into());
        }
        let temporary = temporary(place);
        match place.folder.link(target, &temporary) {
            Ok(()) => match place.folder.replace(&temporary, &place.name) {
                // Another process took it for a dead one's.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                other => return other,
            },
            Err(error) if error.kind() == ErrorKind::AlreadyExists => remove_stale(place)?,
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other("others change it all the time"))
}

fn temporary(place: &Home) -> OsString {
    place.beside(".", ".link.tmp")
}

/// Removes what a process that died may have left of its attempt.
fn remove_stale(place: &Home) -> io::Result<()> {
    match place.folder.remove(&temporary(place)) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
