//! The operating system as the sink sees it: one method for each call, so that a fault can be put
//! at every one of them.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use prisma_log_core::Timestamp;

/// Where a sink lives: its clocks, and the way to folders.
pub(crate) trait Fs: Send + Sync {
    /// The monotonic clock.
    fn now(&self) -> Instant;

    /// The wall clock.
    fn wall(&self) -> Timestamp;

    /// Waits for a moment: somebody else holds a lock.
    fn sleep(&self, time: Duration);

    /// Whose files this process makes.
    fn user(&self) -> u32;

    /// How large a file this process may make; a write beyond that would end it.
    fn largest_file(&self) -> Option<u64> {
        None
    }

    /// The path with all links in it followed.
    fn resolve(&self, path: &Path) -> io::Result<PathBuf>;

    /// Creates the folder and those above it that are missing.
    fn create_folders(&self, path: &Path) -> io::Result<()>;

    /// Opens the folder at a path that has no links in it.
    fn folder(&self, path: &Path) -> io::Result<Arc<dyn Folder>>;

    /// What is at the path; a link at its end is not followed.
    fn stat(&self, path: &Path) -> io::Result<Stat>;
}

/// A folder held open: what is in it is reached by name, wherever the folder itself is moved to.
///
/// A name is one component of a path. No method follows a link.
pub(crate) trait Folder: Send + Sync {
    /// The folder itself.
    fn stat_self(&self) -> io::Result<Stat>;

    fn open(&self, name: &OsStr, how: Open) -> io::Result<Arc<dyn Handle>>;

    fn stat(&self, name: &OsStr) -> io::Result<Stat>;

    /// Gives a file another name; `AlreadyExists` when that is taken, by whatever it is.
    fn rename(&self, from: &OsStr, to: &OsStr) -> io::Result<()>;

    /// Gives a file another name, and what had that is gone.
    fn replace(&self, from: &OsStr, to: &OsStr) -> io::Result<()>;

    /// Takes the name from a file; never from a folder.
    fn remove(&self, name: &OsStr) -> io::Result<()>;

    /// The names of everything in the folder, in any order.
    fn names(&self) -> io::Result<Vec<OsString>>;

    /// Returns once no name is in the middle of being taken away.
    fn settle(&self) -> io::Result<()> {
        self.names().map(drop)
    }

    /// Makes a symbolic link to `target` under a free name.
    fn link(&self, target: &Path, name: &OsStr) -> io::Result<()>;

    /// Where a symbolic link leads.
    fn read_link(&self, name: &OsStr) -> io::Result<PathBuf>;

    /// Brings the names in the folder to stable storage.
    fn sync(&self) -> io::Result<()>;

    /// How many bytes of the file system are left for this user.
    fn available(&self) -> io::Result<u64>;
}

/// An open file.
pub(crate) trait Handle: Send + Sync {
    /// One `write` call, at the end of the file whoever wrote there last.
    fn append(&self, bytes: &[u8]) -> io::Result<usize>;

    /// Where this handle's last [`Handle::append`] ended.
    fn written_to(&self) -> io::Result<u64>;

    /// One `pread` call.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Replaces bytes that are there.
    fn overwrite(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Makes the file this long.
    fn cut(&self, len: u64) -> io::Result<()>;

    /// Brings the file's content and length to stable storage.
    fn sync(&self) -> io::Result<()>;

    fn stat(&self) -> io::Result<Stat>;

    /// Sets the permission bits, whatever the umask.
    fn set_mode(&self, mode: u32) -> io::Result<()>;

    fn set_modified(&self, time: Timestamp) -> io::Result<()>;

    /// Takes a lock that goes with the open file, or turns the one that is held into this one;
    /// `WouldBlock` when somebody else's is in the way.
    fn try_lock(&self, lock: Lock) -> io::Result<()>;

    fn unlock(&self) -> io::Result<()>;
}

/// How a file is opened: without following a link, without blocking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Open {
    /// To read, and to write at its end. It must be there.
    Append,
    /// Like [`Open::Append`], but nothing must be at the name.
    Create {
        /// Permission bits, less those that the umask takes.
        mode: u32,
    },
    /// To read. It must be there.
    Read,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lock {
    Shared,
    Exclusive,
}

/// What the operating system knows about a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) kind: Kind,
    pub(crate) identity: Identity,
    /// How many names it has.
    pub(crate) links: u64,
    pub(crate) owner: u32,
    /// Permission bits, with those above them: `0o7777`.
    pub(crate) mode: u32,
    pub(crate) len: u64,
    pub(crate) modified: Timestamp,
    /// When it was made, in nanoseconds since 1970; 0 where the file system doesn't know.
    pub(crate) born: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Regular,
    Folder,
    Link,
    Fifo,
    Socket,
    Device,
}

/// What tells one file from another whatever their names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Identity {
    pub(crate) device: u64,
    pub(crate) inode: u64,
}
