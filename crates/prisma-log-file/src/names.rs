//! Names of archives: when their last record was written, never used twice, never mistaken.

use std::cmp::Ordering;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;

use prisma_log_core::{Error, Timestamp};

use crate::compression::Packing;
use crate::zone::Zone;

mod text;

/// Longest file name on common file systems, in bytes.
const LONGEST_NAME: usize = 255;
/// Most bytes that a name of ours adds to the base name: dots, stamp, number and endings.
const LONGEST_ADDITION: usize = ".".len()
    + ".2026-11-23T23-59-58-050000".len()
    + ".4294967295".len()
    + ".zst".len()
    + ".tmp".len();
const TEMPORARY: &[u8] = b".tmp";

/// A second, and what the clocks on the wall showed then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// Seconds since 1970-01-01T00:00:00Z.
    pub(crate) seconds: i64,
    /// Seconds east of UTC.
    pub(crate) offset: i32,
}

/// A rotated file, as its name tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Archive {
    pub(crate) stamp: Stamp,
    /// From 1; 2 and more where archives share a second.
    pub(crate) number: u32,
    /// How it is compressed; `None` for a plain file.
    pub(crate) packed: Option<Packing>,
}

impl Archive {
    /// The same archive compressed by `packing`, or plain.
    pub(crate) fn packed_as(self, packing: Option<Packing>) -> Archive {
        Archive { packed: packing, ..self }
    }

    /// Whether both hold the same records: what one is packed by doesn't matter.
    pub(crate) fn is_same(&self, other: &Archive) -> bool {
        self.packed_as(None) == other.packed_as(None)
    }
}

impl Ord for Archive {
    /// In the order in which they were written, whatever the clock did between.
    fn cmp(&self, other: &Self) -> Ordering {
        let key = |archive: &Archive| {
            let Archive { stamp, number, packed } = *archive;
            (stamp.seconds, number, stamp.offset, packed)
        };
        key(self).cmp(&key(other))
    }
}

impl PartialOrd for Archive {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The names that belong to one log file.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    base: OsString,
    zone: Zone,
}

impl Names {
    /// Those of the file `base`, with times of `zone`.
    pub(crate) fn new(base: &OsStr, zone: Zone) -> Names {
        Names { base: base.to_owned(), zone }
    }

    /// Refuses a name that another log file's archive or temporary file could have, or to which
    /// nothing can be added.
    pub(crate) fn check_base(base: &OsStr) -> Result<(), Error> {
        let bytes = base.as_bytes();
        let longest = LONGEST_NAME - LONGEST_ADDITION;
        if bytes.len() > longest {
            return Err(Error::config(format!(
                "{base:?} is {} bytes long, must be at most {longest}",
                bytes.len()
            ))
            .with_hint("the names of its archives would be too long for the file system"));
        }
        // Any dot may be the one after another log file's name.
        let dots = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'.');
        let archive = dots.skip_while(|(at, _)| *at == 0).any(|(at, _)| {
            let rest = &bytes[at + 1..];
            let unfinished = bytes[0] == b'.' && at > 1;
            text::parse(rest).is_some()
                || unfinished && rest.strip_suffix(TEMPORARY).and_then(text::parse).is_some()
        });
        if archive {
            return Err(Error::config(format!("{base:?} has the form of a rotated file's name"))
                .with_hint("give the log file a name without such a time stamp"));
        }
        Ok(())
    }

    /// The archive that a file of this name is; `None` for everything else in the folder.
    pub(crate) fn parse(&self, name: &OsStr) -> Option<Archive> {
        text::parse(self.after_base(name.as_bytes())?)
    }

    /// The name of `archive`.
    pub(crate) fn name(&self, archive: &Archive) -> OsString {
        let mut name = self.base.clone();
        name.push(".");
        name.push(text::print(archive));
        name
    }

    /// The archive that is being made in a file of this name.
    pub(crate) fn parse_temporary(&self, name: &OsStr) -> Option<Archive> {
        let unhidden = name.as_bytes().strip_prefix(b".")?.strip_suffix(TEMPORARY)?;
        text::parse(self.after_base(unhidden)?).filter(|archive| archive.packed.is_some())
    }

    /// The name under which `archive`, which is a compressed one, is made.
    pub(crate) fn temporary(&self, archive: &Archive) -> OsString {
        let mut name = OsString::from(".");
        name.push(self.name(archive));
        name.push(OsStr::from_bytes(TEMPORARY));
        name
    }

    /// What the current file becomes, which was written last at `modified`: later than `newest`,
    /// which is the newest archive there is.
    pub(crate) fn next(&self, newest: Option<&Archive>, modified: Timestamp) -> Archive {
        let seconds = modified.unix_nanos().div_euclid(1_000_000_000);
        let (seconds, number) = match newest {
            // The clock stands, or stood in the future.
            Some(newest) if newest.stamp.seconds >= seconds => match newest.number.checked_add(1) {
                Some(number) => (newest.stamp.seconds, number),
                None => (newest.stamp.seconds + 1, 1),
            },
            _ => (seconds, 1),
        };
        let stamp = Stamp { seconds, offset: self.zone.offset(seconds) };
        Archive { stamp, number, packed: None }
    }

    fn after_base<'a>(&self, name: &'a [u8]) -> Option<&'a [u8]> {
        name.strip_prefix(self.base.as_bytes())?.strip_prefix(b".")
    }
}

#[cfg(test)]
mod tests;
