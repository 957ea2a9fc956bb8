//! Which file a descriptor or a checkpoint means, whatever its name is by now.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::time::Duration;

use prisma_log_core::Timestamp;

use super::content::Content;
use super::hash::{FNV_START, fnv1a};

/// How many bytes from a file's start its fingerprint covers at most.
pub(super) const HEAD_BYTES: usize = 1024;
/// How many bytes before an offset the fingerprint of that offset covers at most.
pub(super) const TAIL_BYTES: usize = 64;

/// Device and inode: exact for as long as a descriptor keeps the inode from being used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct FileId {
    pub(super) dev: u64,
    pub(super) ino: u64,
}

impl FileId {
    pub(super) fn of(metadata: &Metadata) -> Self {
        FileId { dev: metadata.dev(), ino: metadata.ino() }
    }
}

/// Time of the last change of the content, in nanoseconds since the Unix epoch.
pub(super) fn mtime(metadata: &Metadata) -> i64 {
    nanos(metadata.mtime(), metadata.mtime_nsec())
}

/// Time of the last change of content, name, owner or mode.
pub(super) fn ctime(metadata: &Metadata) -> i64 {
    nanos(metadata.ctime(), metadata.ctime_nsec())
}

/// The least that a file's time says of something that came after `time`: files' times come from a
/// coarser clock than the one that is read, and may seem to lie a little before it.
pub(super) fn least_time(time: Timestamp) -> i64 {
    const COARSE_CLOCK: Duration = Duration::from_millis(20);
    time.saturating_sub(COARSE_CLOCK).unix_nanos()
}

fn nanos(seconds: i64, nanos: i64) -> i64 {
    seconds.saturating_mul(1_000_000_000).saturating_add(nanos)
}

/// When the inode was created; 0 where the file system does not say.
pub(super) fn birth(metadata: &Metadata) -> i64 {
    metadata.created().map_or(0, |time| Timestamp::from(time).unix_nanos())
}

/// The first bytes of a file, as a running hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) len: u16,
    pub(super) hash: u64,
}

impl Head {
    pub(super) const EMPTY: Head = Head { len: 0, hash: FNV_START };

    /// Extends the hash over bytes that follow those it covers, as far as it goes.
    pub(super) fn extend(&mut self, bytes: &[u8]) {
        let room = HEAD_BYTES - usize::from(self.len);
        let bytes = &bytes[..bytes.len().min(room)];
        self.hash = fnv1a(self.hash, bytes);
        self.len += bytes.len() as u16;
    }
}

/// A place in a file, with what is needed to tell whether a file is still the same one there.
///
/// Device and inode alone are not enough: inodes are used again at once on ext4, and a file may
/// be cut and grow past the old offset. The hashes cover only bytes before the offset, which
/// appending and repairing a torn last line leave alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) id: FileId,
    /// When the inode was created; 0 when unknown.
    pub(super) birth: i64,
    /// The file's last change as seen when the position was taken.
    pub(super) mtime: i64,
    /// Where the next line to hand out starts.
    pub(super) offset: u64,
    pub(super) head: Head,
    pub(super) tail_len: u8,
    pub(super) tail_hash: u64,
    /// The offset is inside a line that was handed out cut.
    pub(super) skipping: bool,
    /// How many bytes behind the offset were handed out as an incomplete line already. The offset
    /// stays in front of them, as their writer may take them back.
    pub(super) partial_len: u32,
    pub(super) partial_hash: u64,
}

impl Position {
    /// Whether device, inode and creation time are those of the position's file.
    pub(super) fn is_inode(&self, metadata: &Metadata) -> bool {
        self.is_file(FileId::of(metadata), birth(metadata))
    }

    /// As [`Position::is_inode`].
    pub(super) fn is_file(&self, id: FileId, birth: i64) -> bool {
        let same_birth = self.birth == 0 || birth == 0 || self.birth == birth;
        self.id == id && same_birth
    }

    /// Whether the content is long enough to recognise a file by it alone.
    pub(super) fn is_distinct(&self) -> bool {
        usize::from(self.tail_len) == TAIL_BYTES
    }

    /// Whether the text before the offset is that of the position's file.
    ///
    /// # Errors
    /// When the system can't read the file.
    pub(super) fn is_content(&self, content: &mut Content) -> io::Result<bool> {
        if !content.is_packed() && content.metadata()?.len() < self.offset {
            return Ok(false);
        }
        let mut bytes = [0; HEAD_BYTES];
        let head = &mut bytes[..usize::from(self.head.len).min(HEAD_BYTES)];
        if !content.read_exact_at(head, 0)? || fnv1a(FNV_START, head) != self.head.hash {
            return Ok(false);
        }
        let tail = &mut bytes[..usize::from(self.tail_len)];
        let start = self.offset.saturating_sub(u64::from(self.tail_len));
        Ok(content.read_exact_at(tail, start)? && fnv1a(FNV_START, tail) == self.tail_hash)
    }

    /// Whether the file, whatever its name and inode, has the text that was read up to here: as
    /// [`Position::is_content`], but a little text is only recognised if there is no more.
    ///
    /// # Errors
    /// When the system can't read the file.
    pub(super) fn is_text_of(
        &self,
        content: &mut Content,
        metadata: &Metadata,
    ) -> io::Result<bool> {
        if self.offset == 0 || !self.is_content(content)? {
            return Ok(false);
        }
        Ok(self.is_distinct() || self.is_inode(metadata) || content.len()? == self.offset)
    }

    /// Whether the incomplete line that was handed out still stands behind the offset.
    ///
    /// # Errors
    /// When the system can't read the file.
    pub(super) fn has_partial(&self, content: &mut Content) -> io::Result<bool> {
        let mut bytes = [0; HEAD_BYTES];
        let (mut at, end) = (self.offset, self.offset.saturating_add(self.partial_len.into()));
        let mut hash = FNV_START;
        while at < end {
            let len = (end - at).min(HEAD_BYTES as u64);
            let part = &mut bytes[..len as usize];
            if !content.read_exact_at(part, at)? {
                return Ok(false);
            }
            hash = fnv1a(hash, part);
            at += len;
        }
        Ok(hash == self.partial_hash)
    }
}

/// Reads into `into` from `offset` on as far as the file goes.
pub(super) fn read_at(file: &File, into: &mut [u8], offset: u64) -> io::Result<usize> {
    read_at_least(into.len(), file, into, offset)
}

/// Reads into `into` from `offset` on: as far as the file goes, or as one call gives that gives the
/// least that is wanted.
pub(super) fn read_at_least(
    least: usize,
    file: &File,
    into: &mut [u8],
    offset: u64,
) -> io::Result<usize> {
    let mut done = 0;
    loop {
        match file.read_at(&mut into[done..], offset + done as u64) {
            Ok(0) => break,
            Ok(n) => done += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        if done >= least {
            break;
        }
    }
    Ok(done)
}
