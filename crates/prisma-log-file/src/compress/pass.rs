//! One look over the folder: what is half-finished is tidied up, what is plain is compressed.

use std::ffi::OsStr;
use std::io::{self, ErrorKind};
use std::path::Path;

use prisma_log_core::Error;

use super::Progress;
use super::files::{self, Own};
use super::job::End;
use crate::compression::Packing;
use crate::failure::Failures;
use crate::fs::{Folder, Open};
use crate::names::{Archive, Names};

/// What is done, and for whom.
pub(super) struct Task<'a> {
    pub(super) folder: &'a dyn Folder,
    /// The folder's path, for messages.
    pub(super) path: &'a Path,
    pub(super) names: &'a Names,
    pub(super) packing: Packing,
    /// Whose files are touched.
    pub(super) user: u32,
    /// How many bytes are worked on before the thread looks whether it is to stop.
    pub(super) piece: usize,
    pub(super) progress: &'a Progress,
    pub(super) failures: &'a Failures,
}

impl Task<'_> {
    /// Does all that can be done now; says whether that was all there is.
    ///
    /// Archives in `left_alone` are not looked at; those that never will be anybody's to compress
    /// are added to them.
    pub(super) fn run(&self, left_alone: &mut Vec<Archive>) -> bool {
        let archives = match self.survey() {
            Ok(archives) => archives,
            Err(error) => {
                self.report("compress archives in", OsStr::new(""), error);
                return false;
            }
        };
        left_alone.retain(|archive| archives.contains(archive));
        let mut all = true;
        for forms in before_newest(&archives) {
            let Some(plain) = forms.iter().find(|archive| archive.packed.is_none()) else {
                continue;
            };
            if left_alone.contains(plain) {
                continue;
            }
            let end = match forms {
                [_] => self.compress(plain),
                _ => self.finish(plain, forms),
            };
            match end {
                Ok(End::Done | End::Gone) => {}
                Ok(End::InUse) => all = false,
                Ok(End::NotOurs) => left_alone.push(*plain),
                Ok(End::Stopped) => return false,
                Err(error) => {
                    all = false;
                    let full = matches!(
                        error.kind(),
                        ErrorKind::StorageFull
                            | ErrorKind::QuotaExceeded
                            | ErrorKind::ReadOnlyFilesystem
                    );
                    self.report("compress", &self.names.name(plain), error);
                    if full {
                        break; // The next one would fare no better.
                    }
                }
            }
        }
        all
    }

    /// Removes what is stale and says which archives there are, in order.
    fn survey(&self) -> io::Result<Vec<Archive>> {
        let names = self.folder.names()?;
        remove_stale_of(self.folder, self.names, self.user, &names)?;
        let mut archives: Vec<_> = names.iter().filter_map(|name| self.names.parse(name)).collect();
        archives.sort_unstable();
        Ok(archives)
    }

    /// Goes on where a process died between giving the compressed file its name and removing the
    /// plain one.
    fn finish(&self, plain: &Archive, forms: &[Archive]) -> io::Result<End> {
        for packed in forms.iter().filter(|archive| archive.packed.is_some()) {
            match self.remove_if_same(plain, packed)? {
                End::NotOurs => {}
                end => return Ok(end),
            }
        }
        let name = self.names.name(plain);
        let path = self.path.join(name);
        self.failures.report(
            &Error::state(format!("cannot compress {}", path.display()))
                .with_hint("a compressed file of that name is there, which holds something else"),
        );
        Ok(End::NotOurs)
    }

    fn report(&self, doing: &str, name: &OsStr, error: io::Error) {
        let error = Error::io_at(doing, &self.path.join(name), error);
        self.failures.report(&error.with_hint("nothing is lost; tried again later"));
    }
}

/// One look over the folder without a thread; says whether nothing is left to do.
#[cfg(test)]
pub(crate) fn look_over(
    folder: &dyn Folder,
    path: &Path,
    names: &Names,
    packing: Packing,
    user: u32,
    failures: &Failures,
) -> bool {
    let progress = Progress::default();
    let task =
        Task { folder, path, names, packing, user, piece: 1024, progress: &progress, failures };
    task.run(&mut Vec::new())
}

/// The forms that each archive is there in, without the newest archive: that one stays as it is,
/// for whoever follows the log, and for a queue that survived its process.
///
/// From the newest to the oldest: where room is short, the oldest are deleted meanwhile.
fn before_newest(archives: &[Archive]) -> impl Iterator<Item = &[Archive]> {
    archives.chunk_by(|one, next| one.is_same(next)).rev().skip(1)
}

/// Removes compressed files that nobody is making any more.
///
/// # Errors
/// When the operating system refuses to read the folder or to remove a file.
pub(crate) fn remove_stale(folder: &dyn Folder, names: &Names, user: u32) -> io::Result<()> {
    remove_stale_of(folder, names, user, &folder.names()?)
}

fn remove_stale_of(
    folder: &dyn Folder,
    names: &Names,
    user: u32,
    found: &[std::ffi::OsString],
) -> io::Result<()> {
    for name in found.iter().filter(|name| names.parse_temporary(name).is_some()) {
        let Some(file) = Own::open(folder, name, Open::Read, user)? else { continue };
        // Whoever makes one keeps it locked. One that was finished meanwhile has another name.
        if file.lock()? && file.is_at(folder, name)? {
            files::remove(folder, name)?;
        }
    }
    Ok(())
}
