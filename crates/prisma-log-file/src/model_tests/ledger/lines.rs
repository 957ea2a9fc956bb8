//! The lines of one file.

use super::{Id, Line};

/// `r0000000.`
pub(super) const HEAD: usize = 9;
/// `.0000000r`
pub(super) const TAIL: usize = 9;
/// What marks a record as recovered.
pub(in super::super) const RECOVERED: char = '!';

/// What a writer that no test ever sees left behind.
pub(in super::super) const HALF: &[u8] = b"half of a rec";

/// How a file is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum How {
    /// It holds no records, or it has no name any more.
    #[default]
    Not,
    Plain,
    Gzip,
    Zstd,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Record(Id),
    Blank,
    Broken,
}

#[derive(Debug, Default)]
pub(super) struct Lines {
    pub(super) how: How,
    /// Where each line begins and ends, the line end included, and what it is.
    found: Vec<(usize, usize, Found)>,
}

impl Lines {
    /// Forgets what may have changed from this byte on; the records that were there.
    pub(super) fn forget(&mut self, from: usize) -> Vec<Id> {
        let from = if matches!(self.how, How::Gzip | How::Zstd) { 0 } else { from };
        let kept = self.found.partition_point(|(_, end, _)| *end <= from);
        // A line without an end goes on.
        let open = self.found.get(kept.wrapping_sub(1));
        let open = open.is_some_and(|last| !matches!(last.2, Found::Record(_)));
        let kept = if open { kept - 1 } else { kept };
        records(self.found.drain(kept..)).collect()
    }

    /// Reads on from the last line that is known; the records that are there.
    pub(super) fn read(&mut self, bytes: &[u8], lines: &[Line]) -> Vec<Id> {
        let unpacked;
        let bytes = match self.how {
            How::Not => return Vec::new(),
            How::Plain => bytes,
            packed => {
                unpacked = unpack(packed, bytes);
                &unpacked
            }
        };
        let known = self.found.len();
        let mut at = self.found.last().map_or(0, |(_, end, _)| *end);
        while at < bytes.len() {
            let rest = &bytes[at..];
            let end = rest.iter().position(|byte| *byte == b'\n');
            let found = match end {
                Some(end) => look(&rest[..end], lines),
                None if rest == HALF => Found::Blank,
                None => Found::Broken,
            };
            let next = at + end.map_or(rest.len(), |end| end + 1);
            self.found.push((at, next, found));
            at = next;
        }
        records(self.found[known..].iter().copied()).collect()
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = Id> {
        records(self.found.iter().copied())
    }

    /// Where the last line begins, if it is broken.
    pub(super) fn broken_tail(&self) -> Option<usize> {
        self.found.last().filter(|last| last.2 == Found::Broken).map(|last| last.0)
    }

    /// Where broken lines begin.
    pub(super) fn broken(&self) -> impl Iterator<Item = usize> {
        let broken = self.found.iter().filter(|(_, _, found)| *found == Found::Broken);
        broken.map(|(start, _, _)| *start)
    }
}

fn records(found: impl Iterator<Item = (usize, usize, Found)>) -> impl Iterator<Item = Id> {
    found.filter_map(|(_, _, found)| match found {
        Found::Record(id) => Some(id),
        Found::Blank | Found::Broken => None,
    })
}

fn look(line: &[u8], lines: &[Line]) -> Found {
    // Half a record of a dead writer's: what stood behind it in its line is elsewhere as well.
    if line.starts_with(&HALF[..HALF.len() - 1]) || line.iter().all(|byte| *byte == b' ') {
        return Found::Blank;
    }
    // NULs stand where others' data was lost with the power.
    let nuls = line.iter().take_while(|byte| **byte == 0).count();
    let text = str::from_utf8(&line[nuls..]).unwrap_or_default();
    let id = text.get(1..HEAD - 1).and_then(|digits| digits.parse::<Id>().ok());
    let known = id.and_then(|id| Some((id, lines.get(id)?)));
    match known {
        Some((id, line)) if text.strip_suffix(RECOVERED).unwrap_or(text) == &*line.text => {
            Found::Record(id)
        }
        _ => Found::Broken,
    }
}

/// The records in any text, and where their lines begin.
pub(super) fn records_in(text: &[u8], lines: &[Line]) -> Vec<(usize, Id)> {
    let unpacked = match text {
        [0x1F, 0x8B, ..] => unpack(How::Gzip, text),
        [0x28, 0xB5, 0x2F, 0xFD, ..] => unpack(How::Zstd, text),
        _ => text.to_vec(),
    };
    let mut at = 0;
    let mut found = Vec::new();
    for line in unpacked.split_inclusive(|byte| *byte == b'\n') {
        if let Some(bare) = line.strip_suffix(b"\n")
            && let Found::Record(id) = look(bare, lines)
        {
            found.push((at, id));
        }
        at += line.len();
    }
    found
}

fn unpack(how: How, bytes: &[u8]) -> Vec<u8> {
    let unpacked: Option<Vec<u8>> = match how {
        #[cfg(feature = "gzip")]
        How::Gzip => {
            let mut text = Vec::new();
            let mut reader = flate2::read::MultiGzDecoder::new(bytes);
            std::io::Read::read_to_end(&mut reader, &mut text).ok().map(|_| text)
        }
        #[cfg(feature = "zstd")]
        How::Zstd => zstd::decode_all(bytes).ok(),
        _ => Some(bytes.to_vec()),
    };
    // What can't be read holds no record, and one broken line.
    unpacked.unwrap_or_else(|| b"unreadable".to_vec())
}
