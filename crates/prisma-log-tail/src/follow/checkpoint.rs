//! Where a source stands, as bytes that survive a restart.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use prisma_log_core::{Error, Timestamp};

use super::hash::crc32;
use super::identity::{FileId, HEAD_BYTES, Head, Position, TAIL_BYTES};

/// Of a file's checkpoint.
const VERSION: u8 = 1;
/// Of one with a cursor in another log's own words.
const VERSION_CURSOR: u8 = 2;
const CRC_BYTES: usize = 4;
/// The longest line that a follower can be told to hand out, and what the reader remembers before.
const MAX_PARTIAL: u32 = (1 << 30) + (1 << 25);

/// A source's position, exactly after the last line handed out.
///
/// Opaque but for the path. That of a file recognises it by device, inode and creation time, and by
/// hashes of up to 1 KiB from the file's start and up to 64 bytes before the position, so a reused
/// inode, a file that was cut and grew again and a renamed file are all told apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    pub(super) source: PathBuf,
    /// When it was taken.
    pub(super) taken: Timestamp,
    /// Rotated files that may still grow, oldest first, then the file that is being read. Empty
    /// when there was no file yet.
    pub(super) positions: Vec<Position>,
    /// The place in the systemd journal, as it says it; then there are no positions.
    pub(super) cursor: Option<String>,
}

impl Checkpoint {
    /// The followed path, made absolute, or the source's name: the key to store the checkpoint under.
    pub fn source(&self) -> &Path {
        &self.source
    }

    /// The checkpoint as bytes, with a version and a checksum.
    pub fn to_bytes(&self) -> Vec<u8> {
        let path = self.source.as_os_str().as_bytes();
        let mut out = Vec::with_capacity(64 + path.len() + 64 * self.positions.len());
        out.push(if self.cursor.is_some() { VERSION_CURSOR } else { VERSION });
        out.extend((path.len() as u32).to_le_bytes());
        out.extend(path);
        out.extend(self.taken.unix_nanos().to_le_bytes());
        if let Some(cursor) = &self.cursor {
            out.extend((cursor.len() as u32).to_le_bytes());
            out.extend(cursor.as_bytes());
            return sealed(out);
        }
        out.extend((self.positions.len() as u16).to_le_bytes());
        for position in &self.positions {
            out.extend(position.id.dev.to_le_bytes());
            out.extend(position.id.ino.to_le_bytes());
            out.extend(position.birth.to_le_bytes());
            out.extend(position.mtime.to_le_bytes());
            out.extend(position.offset.to_le_bytes());
            out.extend(position.head.len.to_le_bytes());
            out.extend(position.head.hash.to_le_bytes());
            out.push(position.tail_len);
            out.extend(position.tail_hash.to_le_bytes());
            out.push(u8::from(position.skipping));
            out.extend(position.partial_len.to_le_bytes());
            out.extend(position.partial_hash.to_le_bytes());
        }
        sealed(out)
    }

    /// Reads back what [`Checkpoint::to_bytes`] wrote.
    ///
    /// # Errors
    /// When a byte is missing, added or changed, or the version is unknown.
    pub fn from_bytes(bytes: &[u8]) -> Result<Checkpoint, Error> {
        let damaged = |what: &str| {
            Error::data(format!("damaged checkpoint: {what}"))
                .with_hint("use an older one, or read the file from its start")
        };
        let body = bytes.len().checked_sub(CRC_BYTES).ok_or_else(|| damaged("too short"))?;
        let (body, crc) = bytes.split_at(body);
        if crc32(body).to_le_bytes() != crc {
            return Err(damaged("its checksum does not match"));
        }
        let mut rest = Bytes(body);
        let version = rest.u8().ok_or_else(|| damaged("too short"))?;
        if !matches!(version, VERSION | VERSION_CURSOR) {
            return Err(Error::data(format!(
                "checkpoint of version {version}, only versions up to {VERSION_CURSOR} are known"
            )));
        }
        rest.checkpoint(version).ok_or_else(|| damaged("its fields do not fit its length"))
    }
}

fn sealed(mut body: Vec<u8>) -> Vec<u8> {
    let crc = crc32(&body);
    body.extend(crc.to_le_bytes());
    body
}

/// Bytes that are taken from the front.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (front, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*front)
    }

    fn u8(&mut self) -> Option<u8> {
        self.take::<1>().map(|[byte]| byte)
    }

    fn u16(&mut self) -> Option<u16> {
        self.take().map(u16::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }

    fn i64(&mut self) -> Option<i64> {
        self.take().map(i64::from_le_bytes)
    }

    /// Bytes behind their number.
    fn counted(&mut self) -> Option<&'a [u8]> {
        let len = usize::try_from(self.take().map(u32::from_le_bytes)?).ok()?;
        let (front, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(front)
    }

    fn checkpoint(&mut self, version: u8) -> Option<Checkpoint> {
        let source = PathBuf::from(OsStr::from_bytes(self.counted()?));
        let taken = Timestamp::from_unix_nanos(self.i64()?);
        if version == VERSION_CURSOR {
            let cursor = std::str::from_utf8(self.counted()?).ok()?.to_owned();
            let (positions, cursor) = (Vec::new(), Some(cursor));
            return self.0.is_empty().then_some(Checkpoint { source, taken, positions, cursor });
        }
        let count = self.u16()?;
        let positions = (0..count).map(|_| self.position()).collect::<Option<Vec<_>>>()?;
        self.0.is_empty().then_some(Checkpoint { source, taken, positions, cursor: None })
    }

    fn position(&mut self) -> Option<Position> {
        let id = FileId { dev: self.u64()?, ino: self.u64()? };
        let birth = self.i64()?;
        let mtime = self.i64()?;
        let offset = self.u64()?;
        let head = Head { len: self.u16()?, hash: self.u64()? };
        let tail_len = self.u8()?;
        let tail_hash = self.u64()?;
        let skipping = self.u8()?;
        let partial_len = self.take().map(u32::from_le_bytes)?;
        let partial_hash = self.u64()?;
        let plausible = usize::from(head.len) <= HEAD_BYTES
            && usize::from(tail_len) <= TAIL_BYTES
            && u64::from(head.len) <= offset
            && u64::from(tail_len) <= offset
            && skipping < 2
            && partial_len <= MAX_PARTIAL;
        let position = Position {
            id,
            birth,
            mtime,
            offset,
            head,
            tail_len,
            tail_hash,
            skipping: skipping == 1,
            partial_len,
            partial_hash,
        };
        plausible.then_some(position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Checkpoint {
        let position = Position {
            id: FileId { dev: 1, ino: u64::MAX },
            birth: -1,
            mtime: i64::MIN,
            offset: 1 << 40,
            head: Head { len: 1024, hash: 7 },
            tail_len: 64,
            tail_hash: 9,
            skipping: true,
            partial_len: 0,
            partial_hash: 0,
        };
        let second =
            Position { offset: 3, head: Head { len: 3, hash: 1 }, tail_len: 3, ..position };
        Checkpoint {
            source: PathBuf::from(OsStr::from_bytes(b"/var/log/\xff app.log")),
            taken: Timestamp::from_unix_nanos(5),
            positions: vec![position, Position { skipping: false, partial_len: 9, ..second }],
            cursor: None,
        }
    }

    fn of_cursor() -> Checkpoint {
        let cursor = Some("s=0639;i=4fc2e;b=36fd;m=5c;t=545;x=b1".to_owned());
        Checkpoint { positions: Vec::new(), source: "journal".into(), cursor, ..sample() }
    }

    #[test]
    fn comes_back_as_it_was() {
        let empty = Checkpoint { positions: Vec::new(), source: "/".into(), ..sample() };
        for checkpoint in [sample(), empty, of_cursor()] {
            assert_eq!(Checkpoint::from_bytes(&checkpoint.to_bytes()).unwrap(), checkpoint);
        }
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_found() {
        for good in [sample().to_bytes(), of_cursor().to_bytes()] {
            for at in 0..good.len() * 8 {
                let mut bad = good.clone();
                bad[at / 8] ^= 1 << (at % 8);
                assert!(Checkpoint::from_bytes(&bad).unwrap_err().is_data(), "bit {at}");
            }
            for len in 0..good.len() {
                assert!(Checkpoint::from_bytes(&good[..len]).is_err(), "cut to {len}");
            }
            let longer = [&good[..], b"x"].concat();
            assert!(Checkpoint::from_bytes(&longer).is_err());
        }
    }

    #[test]
    fn fields_that_contradict_each_other_are_refused_despite_a_right_checksum() {
        let seal = |mut body: Vec<u8>| {
            body.extend(crc32(&body).to_le_bytes());
            Checkpoint::from_bytes(&body).unwrap_err().to_string()
        };
        let good = sample().to_bytes();
        let body = good[..good.len() - CRC_BYTES].to_vec();
        assert!(seal([&[9], &body[1..]].concat()).contains("version 9"));
        assert!(seal(body[..body.len() - 1].to_vec()).contains("do not fit"));
        assert!(seal([&body[..], b"x"].concat()).contains("do not fit"));
        let mut long_path = body.clone();
        long_path[1..5].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(seal(long_path).contains("do not fit"));
    }
}
