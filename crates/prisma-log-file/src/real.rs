//! The operating system itself.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, FileTimes, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Seek as _, Write as _};
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{
    DirBuilderExt as _, FileExt as _, OpenOptionsExt as _, PermissionsExt as _,
};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use prisma_log_core::{Clock, Timestamp};
use rustix::fs::{AtFlags, CWD, FlockOperation, Mode, OFlags, RenameFlags, ResolveFlags};
use rustix::io::Errno;

use self::stat::stat_at;
use crate::fs::{Folder, Fs, Handle, Lock, Open, Stat};

mod stat;

/// No link is followed, a FIFO never blocks, a terminal never becomes the controlling one.
const SAFE: OFlags =
    OFlags::NOFOLLOW.union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);
const FOLDER: OFlags = OFlags::DIRECTORY.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// The file systems of this machine.
pub(crate) struct RealFs {
    clock: Box<dyn Clock>,
}

impl RealFs {
    pub(crate) fn new(clock: Box<dyn Clock>) -> Self {
        RealFs { clock }
    }
}

impl Fs for RealFs {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn wall(&self) -> Timestamp {
        self.clock.now()
    }

    fn sleep(&self, time: Duration) {
        std::thread::sleep(time);
    }

    fn user(&self) -> u32 {
        rustix::process::geteuid().as_raw()
    }

    fn largest_file(&self) -> Option<u64> {
        rustix::process::getrlimit(rustix::process::Resource::Fsize).current
    }

    fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        fs::canonicalize(path)
    }

    fn create_folders(&self, path: &Path) -> io::Result<()> {
        // Nobody else may replace files in them, whatever the umask.
        fs::DirBuilder::new().recursive(true).mode(0o755).create(path)
    }

    fn folder(&self, path: &Path) -> io::Result<Arc<dyn Folder>> {
        let fd = match open_folder(path, OFlags::RDONLY) {
            // Names in it can be used, but not read: enough without a rotation.
            Err(Errno::ACCESS) => open_folder(path, OFlags::PATH)?,
            other => other?,
        };
        Ok(Arc::new(RealFolder { fd: Arc::new(fd) }))
    }

    fn stat(&self, path: &Path) -> io::Result<Stat> {
        stat_at(CWD, path)
    }
}

fn open_folder(path: &Path, access: OFlags) -> rustix::io::Result<OwnedFd> {
    let flags = access | FOLDER;
    match rustix::fs::openat2(CWD, path, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS) {
        // An old kernel, or a container that forbids what it doesn't know.
        Err(Errno::NOSYS | Errno::PERM | Errno::INVAL) => {
            rustix::fs::open(path, flags, Mode::empty())
        }
        other => other,
    }
}

struct RealFolder {
    fd: Arc<OwnedFd>,
}

impl Folder for RealFolder {
    fn stat_self(&self) -> io::Result<Stat> {
        stat_at(&self.fd, "")
    }

    fn open(&self, name: &OsStr, how: Open) -> io::Result<Arc<dyn Handle>> {
        let (flags, mode) = match how {
            Open::Append => (OFlags::RDWR | OFlags::APPEND, 0),
            Open::Create { mode } => {
                (OFlags::RDWR | OFlags::APPEND | OFlags::CREATE | OFlags::EXCL, mode)
            }
            Open::Read => (OFlags::RDONLY, 0),
        };
        let mode = Mode::from_raw_mode(mode);
        let fd = rustix::fs::openat(&*self.fd, name, flags | SAFE, mode)?;
        Ok(Arc::new(RealHandle {
            file: fd.into(),
            folder: Arc::clone(&self.fd),
            name: name.to_owned(),
        }))
    }

    fn stat(&self, name: &OsStr) -> io::Result<Stat> {
        stat_at(&self.fd, name)
    }

    fn rename(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        let fd = &*self.fd;
        match rustix::fs::renameat_with(fd, from, fd, to, RenameFlags::NOREPLACE) {
            // The kernel or the file system knows no such flag. Others of this crate are kept out
            // by the rotation's lock; anybody else would have to take the name this very moment.
            Err(Errno::NOSYS | Errno::INVAL | Errno::NOTSUP) => match stat_at(&self.fd, to) {
                Ok(_) => Err(ErrorKind::AlreadyExists.into()),
                Err(error) if error.kind() == ErrorKind::NotFound => self.replace(from, to),
                Err(error) => Err(error),
            },
            other => Ok(other?),
        }
    }

    fn replace(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        Ok(rustix::fs::renameat(&*self.fd, from, &*self.fd, to)?)
    }

    fn remove(&self, name: &OsStr) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&*self.fd, name, AtFlags::empty())?)
    }

    fn names(&self) -> io::Result<Vec<OsString>> {
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(&*self.fd)? {
            let entry = entry?;
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            if name != "." && name != ".." {
                names.push(name.to_owned());
            }
        }
        Ok(names)
    }

    fn settle(&self) -> io::Result<()> {
        // Reading, be it one entry, takes the lock that whoever takes a name away holds.
        rustix::fs::Dir::read_from(&*self.fd)?.next().transpose()?;
        Ok(())
    }

    fn link(&self, target: &Path, name: &OsStr) -> io::Result<()> {
        Ok(rustix::fs::symlinkat(target, &*self.fd, name)?)
    }

    fn read_link(&self, name: &OsStr) -> io::Result<PathBuf> {
        let target = rustix::fs::readlinkat(&*self.fd, name, Vec::new())?;
        Ok(PathBuf::from(OsStr::from_bytes(target.to_bytes())))
    }

    fn sync(&self) -> io::Result<()> {
        Ok(rustix::fs::fsync(&*self.fd)?)
    }

    fn available(&self) -> io::Result<u64> {
        let found = rustix::fs::fstatvfs(&*self.fd)?;
        Ok(found.f_bavail.saturating_mul(found.f_frsize))
    }
}

struct RealHandle {
    file: File,
    folder: Arc<OwnedFd>,
    /// What it was opened as.
    name: OsString,
}

impl RealHandle {
    /// Opens the same file for writing at any place: in append mode Linux ignores the offset.
    fn for_any_place(&self) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.write(true).custom_flags(SAFE.difference(OFlags::NOFOLLOW).bits() as i32);
        let by_number = options.open(format!("/proc/self/fd/{}", self.file.as_raw_fd()));
        let Err(error) = by_number else { return by_number };
        // No /proc here: by name, if that still leads to it.
        let flags = OFlags::WRONLY | SAFE;
        let by_name: File =
            rustix::fs::openat(&*self.folder, &self.name, flags, Mode::empty())?.into();
        let same = stat_at(&by_name, "")?.identity == self.stat()?.identity;
        if same { Ok(by_name) } else { Err(error) }
    }
}

impl Handle for RealHandle {
    fn append(&self, bytes: &[u8]) -> io::Result<usize> {
        (&self.file).write(bytes)
    }

    fn written_to(&self) -> io::Result<u64> {
        (&self.file).stream_position()
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buffer, offset)
    }

    fn overwrite(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.for_any_place()?.write_all_at(bytes, offset)
    }

    fn cut(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn stat(&self) -> io::Result<Stat> {
        stat_at(&self.file, "")
    }

    fn set_mode(&self, mode: u32) -> io::Result<()> {
        self.file.set_permissions(Permissions::from_mode(mode))
    }

    fn set_modified(&self, time: Timestamp) -> io::Result<()> {
        self.file.set_times(FileTimes::new().set_modified(SystemTime::from(time)))
    }

    fn try_lock(&self, lock: Lock) -> io::Result<()> {
        let operation = match lock {
            Lock::Shared => FlockOperation::NonBlockingLockShared,
            Lock::Exclusive => FlockOperation::NonBlockingLockExclusive,
        };
        Ok(rustix::fs::flock(self.file.as_fd(), operation)?)
    }

    fn unlock(&self) -> io::Result<()> {
        Ok(rustix::fs::flock(self.file.as_fd(), FlockOperation::Unlock)?)
    }
}

#[cfg(test)]
mod tests;
