//! Safe opening: a regular file and nothing else, no link followed, permissions as asked.

use std::ffi::OsStr;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use prisma_log_core::Error;

use crate::fs::{Fs, Handle, Kind, Lock, Open, Stat};
use crate::home::Home;
use crate::trouble::retried;

const ROOT: u32 = 0;

/// A file just opened, and whether this call made it.
pub(crate) struct Opening {
    pub(crate) handle: Arc<dyn Handle>,
    pub(crate) stat: Stat,
    pub(crate) created: bool,
}

/// Opens the regular file of this name for reading and appending, or creates it with exactly the
/// permissions `mode`.
pub(crate) fn open_regular(home: &Home, name: &OsStr, mode: u32) -> Result<Opening, Error> {
    let path = home.path_of(name);
    let refused = |error| Error::io_at("open", &path, error);
    // Creation and another process's deletion may alternate; each round lost needs both.
    for _ in 0..16 {
        match home.folder.stat(name) {
            Ok(stat) => check_safe(home, &path, &stat)?,
            Err(error) if error.kind() == ErrorKind::NotFound => match create(home, name, mode) {
                Ok((handle, stat)) => return Ok(Opening { handle, stat, created: true }),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(Error::io_at("create", &path, error)),
            },
            Err(error) => return Err(refused(error)),
        }
        let handle = match home.folder.open(name, Open::Append) {
            Ok(handle) => handle,
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(refused(error)),
        };
        let stat = handle.stat().map_err(refused)?;
        if stat.links == 0 {
            continue;
        }
        // What is at the name may have been swapped between the two calls.
        check_safe(home, &path, &stat)?;
        // While a name is taken from a file, the kernel finds the file by it for some microseconds
        // more, with one name less. So a file of somebody else's that was linked here, and whose one
        // name is elsewhere, may have looked like ours.
        home.folder.settle().map_err(refused)?;
        match home.folder.stat(name) {
            Ok(named) if named.identity == stat.identity => check_safe(home, &path, &named)?,
            Ok(_) => continue,
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(refused(error)),
        }
        return Ok(Opening { handle, stat, created: false });
    }
    Err(Error::state(format!("cannot open {}: it comes and goes", path.display())))
}

fn create(home: &Home, name: &OsStr, mode: u32) -> io::Result<(Arc<dyn Handle>, Stat)> {
    let handle = home.folder.open(name, Open::Create { mode })?;
    let chmod = handle.set_mode(mode);
    let stat = handle.stat()?;
    // A file system without permission bits refuses; what it gives must not be more than asked.
    match chmod {
        Err(error) if stat.mode & 0o777 & !mode != 0 => Err(error),
        _ => Ok((handle, stat)),
    }
}

/// Refuses what is no regular file, has other names, or is in somebody else's hands.
fn check_safe(home: &Home, path: &Path, stat: &Stat) -> Result<(), Error> {
    let shown = path.display();
    let what = match stat.kind {
        Kind::Regular => None,
        Kind::Folder => Some("a directory"),
        Kind::Link => Some("a symbolic link"),
        Kind::Fifo => Some("a FIFO"),
        Kind::Socket => Some("a socket"),
        Kind::Device => Some("a device"),
    };
    if let Some(what) = what {
        return Err(Error::config(format!("{shown} is {what}, not a regular file"))
            .with_hint("give the path of the log file itself"));
    }
    if stat.links > 1 {
        return Err(Error::config(format!("{shown} has {} names, must have one", stat.links))
            .with_hint("a hard link somewhere else would let others reach what is written to it"));
    }
    // The folder's owner may replace the file anyway.
    if ![home.fs.user(), ROOT, home.owner].contains(&stat.owner) {
        let (owner, user) = (stat.owner, home.fs.user());
        return Err(Error::config(format!(
            "{shown} belongs to user {owner}, not to {user} or root"
        ))
        .with_hint("move the file away, or change its owner"));
    }
    Ok(())
}

/// Appends all of the bytes, in as many calls as it takes.
pub(crate) fn append_all(handle: &dyn Handle, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match retried(|| handle.append(bytes))? {
            0 => return Err(ErrorKind::WriteZero.into()),
            written => bytes = &bytes[written..],
        }
    }
    Ok(())
}

/// Fills the buffer from `offset` on.
pub(crate) fn read_exact_at(
    handle: &dyn Handle,
    mut buffer: &mut [u8],
    mut offset: u64,
) -> io::Result<()> {
    while !buffer.is_empty() {
        match retried(|| handle.read_at(buffer, offset))? {
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            read => {
                buffer = &mut buffer[read..];
                offset += read as u64;
            }
        }
    }
    Ok(())
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
    fs: &dyn Fs,
    patience: Duration,
    attempt: impl Fn() -> io::Result<()>,
) -> Locking {
    let give_up = fs.now() + patience;
    loop {
        match attempt() {
            Ok(()) => return Locking::Taken,
            Err(error)
                if !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) =>
            {
                return Locking::Unsupported;
            }
            Err(_) if fs.now() >= give_up => return Locking::Held,
            Err(_) => fs.sleep(Duration::from_micros(500)),
        }
    }
}

/// Takes a shared lock within a bounded time.
pub(crate) fn lock_shared(fs: &dyn Fs, handle: &dyn Handle, patience: Duration) -> Locking {
    lock_within(fs, patience, || handle.try_lock(Lock::Shared))
}
