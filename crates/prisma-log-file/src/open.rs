//! Safe opening: a regular file and nothing else, no link followed, permissions as asked.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{
    FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
};
use std::path::Path;
use std::time::{Duration, Instant};

use prisma_log_core::Error;

/// A FIFO never blocks the open, a terminal never becomes the controlling one.
pub(crate) const FLAGS: i32 = libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY;

/// What tells one file from another whatever their names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    device: u64,
    inode: u64,
}

impl Identity {
    pub(crate) fn of(metadata: &Metadata) -> Self {
        Identity { device: metadata.dev(), inode: metadata.ino() }
    }

    pub(crate) fn numbers(self) -> [u64; 2] {
        [self.device, self.inode]
    }

    pub(crate) fn from_numbers([device, inode]: [u64; 2]) -> Self {
        Identity { device, inode }
    }
}

/// A file just opened, and whether this call made it.
pub(crate) struct Opening {
    pub(crate) file: File,
    pub(crate) metadata: Metadata,
    pub(crate) created: bool,
}

/// Opens the regular file at `path` for reading and appending, or creates it with exactly the permissions `mode`.
pub(crate) fn open_regular(path: &Path, mode: u32) -> Result<Opening, Error> {
    let refused = |error| Error::io_at("open", path, error);
    // Creation and another process's deletion may alternate; each round lost needs both.
    for _ in 0..16 {
        match fs::symlink_metadata(path) {
            Ok(metadata) => check_regular(path, &metadata)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => match create(path, mode) {
                Ok((file, metadata)) => return Ok(Opening { file, metadata, created: true }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(Error::io_at("create", path, error)),
            },
            Err(error) => return Err(refused(error)),
        }
        let file = match options().open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(refused(error)),
        };
        let metadata = file.metadata().map_err(refused)?;
        check_regular(path, &metadata)?;
        return Ok(Opening { file, metadata, created: false });
    }
    Err(Error::state(format!("cannot open {}: it comes and goes", path.display())))
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).append(true).custom_flags(FLAGS);
    options
}

fn create(path: &Path, mode: u32) -> io::Result<(File, Metadata)> {
    let file = options().create_new(true).mode(mode).open(path)?;
    let chmod = file.set_permissions(Permissions::from_mode(mode));
    let metadata = file.metadata()?;
    // A file system without permission bits refuses; what it gives must not be more than asked.
    match chmod {
        Err(error) if metadata.mode() & 0o777 & !mode != 0 => Err(error),
        _ => Ok((file, metadata)),
    }
}

fn check_regular(path: &Path, metadata: &Metadata) -> Result<(), Error> {
    let kind = metadata.file_type();
    let what = match () {
        () if kind.is_file() => return Ok(()),
        () if kind.is_dir() => "a directory",
        () if kind.is_symlink() => "a symbolic link",
        () if kind.is_fifo() => "a FIFO",
        () if kind.is_socket() => "a socket",
        () => "a device",
    };
    Err(Error::config(format!("{} is {what}, not a regular file", path.display()))
        .with_hint("give the path of the log file itself"))
}

/// Creates the folder that `path` is in, and those above it.
pub(crate) fn create_folder_of(path: &Path) -> Result<(), Error> {
    let folder = folder_of(path);
    DirBuilder::new()
        .recursive(true)
        .create(folder)
        .map_err(|error| Error::io_at("create the folder", folder, error))
}

/// The folder that `path` is in.
pub(crate) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// `path` with `suffix` appended to its file name.
pub(crate) fn with_suffix(path: &Path, suffix: &str) -> std::path::PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// What came of an attempt to take a lock within a bounded time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Locking {
    Taken,
    /// Somebody else kept it.
    Held,
    /// The file system knows no locks.
    Unsupported,
}

/// Tries for up to `patience`: a process that was stopped while it held the lock must not stop
/// this one.
pub(crate) fn lock_within(
    patience: Duration,
    attempt: impl Fn() -> Result<(), TryLockError>,
) -> Locking {
    let give_up = Instant::now() + patience;
    loop {
        match attempt() {
            Ok(()) => return Locking::Taken,
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(TryLockError::Error(_)) => return Locking::Unsupported,
            Err(TryLockError::WouldBlock) if Instant::now() >= give_up => return Locking::Held,
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_micros(500)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::process::Command;

    use super::*;

    #[test]
    fn the_open_itself_follows_no_link_and_never_blocks() {
        // What is at the path may be swapped between the check and the open.
        let folder = tempfile::TempDir::new().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("target"), "").unwrap();
        symlink(path("target"), path("link")).unwrap();
        let error = options().open(path("link")).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ELOOP));
        let dangling = create(&path("link"), 0o640).unwrap_err();
        assert_eq!(dangling.kind(), io::ErrorKind::AlreadyExists);
        assert!(Command::new("mkfifo").arg(path("fifo")).status().unwrap().success());
        let fifo = options().open(path("fifo")).unwrap();
        assert!(check_regular(&path("fifo"), &fifo.metadata().unwrap()).is_err());
    }
}
