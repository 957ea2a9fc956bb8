//! The record around a line.

use std::ops::Range;

use super::Joiner;

/// Finds the records around chosen lines of a block, in the order of the lines.
#[derive(Debug)]
pub struct RecordFinder<'a> {
    joiner: &'a Joiner,
    block: &'a [u8],
    /// The last place where a record is known to begin.
    known: usize,
}

impl<'a> RecordFinder<'a> {
    pub(super) fn new(joiner: &'a Joiner, block: &'a [u8]) -> Self {
        RecordFinder { joiner, block, known: 0 }
    }

    /// The record that the line is in, without its last line end. Lines before one that was asked
    /// for earlier may be given another record than [`Joiner::records`] gives them.
    pub fn around(&mut self, line: Range<usize>) -> Range<usize> {
        let start = self.start(line.start.min(self.block.len()));
        let end = self.joiner.end(self.block, start);
        start..without_line_end(self.block, start, end)
    }

    /// Where the record begins that the line at `line` is in.
    pub(crate) fn start(&mut self, line: usize) -> usize {
        let mut start = line;
        // A line that always begins a record needs no look at what is before it.
        while start > self.known {
            let end = line_end(self.block, start);
            if self.joiner.begins(&self.block[start..without_line_end(self.block, start, end)]) {
                break;
            }
            start = memchr::memrchr(b'\n', &self.block[..start - 1]).map_or(0, |lf| lf + 1);
        }
        loop {
            let end = self.joiner.end(self.block, start);
            if end > line || end == self.block.len() {
                break;
            }
            start = end;
        }
        self.known = start;
        start
    }
}

/// Where the line that begins at `start` ends, with its line end.
pub(super) fn line_end(block: &[u8], start: usize) -> usize {
    memchr::memchr(b'\n', &block[start..]).map_or(block.len(), |lf| start + lf + 1)
}

/// The end of the last line between `start` and `end` without its line end.
pub(super) fn without_line_end(block: &[u8], start: usize, end: usize) -> usize {
    let bytes = &block[start..end];
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    start + bytes.strip_suffix(b"\r").unwrap_or(bytes).len()
}
