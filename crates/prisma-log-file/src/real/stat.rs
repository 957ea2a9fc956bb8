//! What the operating system knows about a file, from either of its calls.

use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use prisma_log_core::Timestamp;
use rustix::fs::{AtFlags, FileType, Statx, StatxFlags};
use rustix::io::Errno;
use rustix::path::Arg;

use crate::fs::{Identity, Kind, Stat};

/// What is at the name, links not followed; the open file itself where the name is empty.
pub(super) fn stat_at(fd: impl AsFd, name: impl Arg + Copy) -> io::Result<Stat> {
    let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::EMPTY_PATH;
    let mask = StatxFlags::BASIC_STATS | StatxFlags::BTIME;
    match rustix::fs::statx(&fd, name, flags, mask) {
        Ok(found) => Ok(from_statx(&found)),
        Err(Errno::NOSYS) => Ok(from_stat(&rustix::fs::statat(&fd, name, flags)?)),
        Err(error) => Err(error.into()),
    }
}

fn from_statx(found: &Statx) -> Stat {
    let born = match found.stx_btime {
        born if found.stx_mask & StatxFlags::BTIME.bits() != 0 => {
            nanos(born.tv_sec, born.tv_nsec.into()).unix_nanos()
        }
        _ => 0,
    };
    Stat {
        kind: kind(found.stx_mode.into()),
        identity: Identity {
            device: rustix::fs::makedev(found.stx_dev_major, found.stx_dev_minor),
            inode: found.stx_ino,
        },
        links: found.stx_nlink.into(),
        owner: found.stx_uid,
        mode: u32::from(found.stx_mode) & 0o7777,
        len: found.stx_size,
        modified: nanos(found.stx_mtime.tv_sec, found.stx_mtime.tv_nsec.into()),
        born: u64::try_from(born).unwrap_or(0),
    }
}

/// For kernels and containers without `statx`.
#[expect(clippy::useless_conversion, reason = "how wide the fields are differs between machines")]
pub(super) fn from_stat(found: &rustix::fs::Stat) -> Stat {
    Stat {
        kind: kind(found.st_mode),
        identity: Identity { device: found.st_dev, inode: found.st_ino },
        links: found.st_nlink.into(),
        owner: found.st_uid,
        mode: found.st_mode & 0o7777,
        len: found.st_size as u64,
        modified: nanos(found.st_mtime.into(), found.st_mtime_nsec as i64),
        born: 0,
    }
}

fn kind(mode: u32) -> Kind {
    match FileType::from_raw_mode(mode) {
        FileType::RegularFile => Kind::Regular,
        FileType::Directory => Kind::Folder,
        FileType::Symlink => Kind::Link,
        FileType::Fifo => Kind::Fifo,
        FileType::Socket => Kind::Socket,
        _ => Kind::Device,
    }
}

fn nanos(seconds: i64, nanos: i64) -> Timestamp {
    let nanos = Duration::from_nanos(u64::try_from(nanos).unwrap_or(0));
    Timestamp::from_unix_seconds(seconds).saturating_add(nanos)
}
