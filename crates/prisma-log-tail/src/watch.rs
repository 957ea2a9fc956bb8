//! Hints of the kernel that something was written.

use std::collections::{BTreeMap, BTreeSet};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use prisma_log_core::Error;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use rustix::io::Errno;

/// More than these are not watched: the kernel's own limit may be a little above.
const MAX_FILES: usize = 4_096;
const BUFFER: usize = 4_096;

/// What the kernel hints at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Hint {
    /// A followed file was written.
    Written,
    /// Another file may stand at a followed path.
    Replaced,
}

/// Shortens the pause between two polls of a [`Tail`](crate::Tail): tells that a followed file may
/// have grown, or another may stand at its path.
///
/// It is a hint and no more (inotify): what happens on network file systems, and to more than 4,096
/// files, is found by polling alone. A hint for nothing does no harm.
#[derive(Debug)]
pub struct Watch {
    inotify: OwnedFd,
    /// Number of the kernel's watch, by path.
    watches: BTreeMap<PathBuf, i32>,
    /// The files by number.
    files: BTreeMap<i32, PathBuf>,
}

impl Watch {
    /// Watches nothing yet.
    ///
    /// # Errors
    /// When the kernel has no more of them for this user.
    pub fn new() -> Result<Self, Error> {
        let inotify = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)
            .map_err(|errno| Error::io("cannot watch files", errno.into()))?;
        Ok(Watch { inotify, watches: BTreeMap::new(), files: BTreeMap::new() })
    }

    /// Watches these files and the folders that they are in, and no others. To be called again after
    /// [`Hint::Replaced`], and now and then besides.
    ///
    /// What can't be watched is left out.
    pub fn follow<'p>(&mut self, files: impl IntoIterator<Item = &'p Path>) {
        let in_file = WatchFlags::MODIFY | WatchFlags::ATTRIB | WatchFlags::MOVE_SELF;
        let in_folder = WatchFlags::CREATE | WatchFlags::MOVED_TO | WatchFlags::ONLYDIR;
        let mut watches = BTreeMap::new();
        self.files.clear();
        for file in files.into_iter().take(MAX_FILES) {
            if let Ok(watch) = inotify::add_watch(&self.inotify, file, in_file) {
                watches.insert(file.to_owned(), watch);
                self.files.insert(watch, file.to_owned());
            }
            let Some(folder) = file.parent().filter(|folder| !watches.contains_key(*folder)) else {
                continue;
            };
            if let Ok(watch) = inotify::add_watch(&self.inotify, folder, in_folder) {
                watches.insert(folder.to_owned(), watch);
            }
        }
        let kept: BTreeSet<i32> = watches.values().copied().collect();
        for old in self.watches.values() {
            if !kept.contains(old) {
                // The kernel removes it by itself when the file is gone.
                let _gone = inotify::remove_watch(&self.inotify, *old);
            }
        }
        self.watches = watches;
    }

    /// Waits for hints, at most this long; the gravest of them. The files that were written are added
    /// to `written`.
    pub fn wait(&self, most: Duration, written: &mut BTreeSet<PathBuf>) -> Option<Hint> {
        let timeout = Timespec::try_from(most).ok();
        let mut wanted = [PollFd::new(&self.inotify, PollFlags::IN)];
        if !matches!(poll(&mut wanted, timeout.as_ref()), Ok(1..)) {
            return None;
        }
        let mut buffer = [MaybeUninit::uninit(); BUFFER];
        let mut events = Reader::new(&self.inotify, &mut buffer);
        let mut hint = None;
        loop {
            match events.next() {
                Ok(event) if event.events() == ReadFlags::MODIFY => {
                    hint = hint.or(Some(Hint::Written));
                    if let Some(file) = self.files.get(&event.wd())
                        && !written.contains(file)
                    {
                        written.insert(file.clone());
                    }
                }
                Ok(_) => hint = Some(Hint::Replaced),
                Err(Errno::INTR) => {}
                Err(_) => return hint,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, OpenOptions};
    use std::io::Write as _;

    use super::*;

    const LONG: Duration = Duration::from_secs(30);
    const NOT: Duration = Duration::from_millis(50);

    fn hint(watch: &Watch, most: Duration) -> Option<Hint> {
        watch.wait(most, &mut BTreeSet::new())
    }

    #[test]
    fn what_happens_to_files_is_hinted_at() {
        let dir = tempfile::tempdir().unwrap();
        let (log, other) = (dir.path().join("a.log"), dir.path().join("b.log"));
        fs::write(&log, "one\n").unwrap();
        let mut watch = Watch::new().unwrap();
        assert_eq!(hint(&watch, NOT), None);
        watch.follow([log.as_path(), other.as_path()]);
        assert_eq!(hint(&watch, NOT), None, "nothing happened since");

        let append = |path: &Path| {
            let mut file = OpenOptions::new().append(true).open(path).unwrap();
            file.write_all(b"two\n").unwrap();
        };
        append(&log);
        let mut written = BTreeSet::new();
        assert_eq!(watch.wait(LONG, &mut written), Some(Hint::Written), "a line");
        assert_eq!(written, BTreeSet::from([log.clone()]));
        fs::write(&other, "").unwrap();
        assert_eq!(hint(&watch, LONG), Some(Hint::Replaced), "a file that was not there");
        watch.follow([log.as_path(), other.as_path()]);
        append(&other);
        assert_eq!(hint(&watch, LONG), Some(Hint::Written), "a line of it");
        fs::rename(&log, dir.path().join("a.log.1")).unwrap();
        assert_eq!(hint(&watch, LONG), Some(Hint::Replaced), "moved away");
        fs::write(&log, "three\n").unwrap();
        assert_eq!(hint(&watch, LONG), Some(Hint::Replaced), "created again");
        watch.follow([log.as_path()]);
        hint(&watch, NOT);
        append(&other);
        assert_eq!(hint(&watch, NOT), None, "no longer watched");
        append(&log);
        assert_eq!(hint(&watch, LONG), Some(Hint::Written), "the new file");
    }

    #[test]
    fn what_is_not_there_is_no_error() {
        let mut watch = Watch::new().unwrap();
        watch.follow([Path::new("/nonexistent/a.log"), Path::new("b.log")]);
        assert_eq!(hint(&watch, Duration::ZERO), None);
    }
}
