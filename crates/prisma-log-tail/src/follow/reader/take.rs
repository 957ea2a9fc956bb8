//! What of the buffer is handed out next.

use std::ops::Range;

use super::super::hash::{FNV_START, fnv1a};
use super::super::identity::Position;
use super::super::survey::Survey;
use super::Reader;
use crate::Joiner;

/// How much of a line that is handed out in pieces may be taken back, at least.
const REMEMBERED: u32 = 1 << 24;

/// Lines in the buffer.
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) struct Taken {
    /// With line ends; only a cut line and an incomplete one have none.
    pub(in super::super) range: Range<usize>,
    /// How many lines, at least one.
    pub(in super::super) lines: u64,
    pub(in super::super) is_utf8: bool,
    /// One line, which is longer than the limit and cut.
    pub(in super::super) cut: bool,
}

impl Reader {
    /// Complete lines, `lines` at most and at least one, or the front of one that is longer than
    /// `max`. With a joiner whole records, at least one, and the last one only when it has ended for
    /// sure.
    pub(in super::super) fn take(
        &mut self,
        max: usize,
        lines: u64,
        join: Option<&Joiner>,
    ) -> Option<Taken> {
        self.take_until(max, lines, join, false)
    }

    /// As [`Reader::take`], when the last record has ended because nothing more comes.
    pub(in super::super) fn take_ended(
        &mut self,
        max: usize,
        lines: u64,
        join: Option<&Joiner>,
    ) -> Option<Taken> {
        self.take_until(max, lines, join, true)
    }

    fn take_until(
        &mut self,
        max: usize,
        lines: u64,
        join: Option<&Joiner>,
        ended: bool,
    ) -> Option<Taken> {
        self.pass_rest();
        if join.is_some() {
            // The lines of a record that had not ended are there still.
            self.scanned = self.start;
        }
        let Some(mut to) = self.complete(lines) else {
            // One byte more than the limit may be the `\r` of a line end.
            if self.end - self.start <= max + 1 {
                return None;
            }
            let range = self.cut(max);
            self.consume(range.end);
            self.skipping = true;
            self.open_line = None;
            return Some(self.one_line(range, true));
        };
        if let Some(joiner) = join {
            // A line that will be cut continues no record.
            to = self.whole_records(joiner, to, ended || self.end - to > max + 1)?;
        }
        if let Some(long) = self.first_longer(to, max) {
            if long == self.start {
                let range = self.cut(max);
                let lf = memchr::memchr(b'\n', &self.buf[range.end..to]);
                self.consume(lf.map_or(to, |lf| range.end + lf + 1));
                return Some(self.one_line(range, true));
            }
            to = long;
        }
        let range = self.without_mark(self.start..to);
        self.consume(to);
        let Survey { lines, is_utf8 } = Survey::of(&self.buf[range.clone()]);
        Some(Taken { range, lines, is_utf8, cut: false })
    }

    /// What is held of a line without a line end, as a line.
    pub(in super::super) fn take_partial(&mut self, max: usize) -> Option<Taken> {
        if self.start == self.end {
            return None;
        }
        let cut = self.without_cr(self.end) - self.start > max;
        let range = if cut { self.cut(max) } else { self.without_mark(self.start..self.end) };
        // More of a line that was handed out already starts where that one did.
        let open_line = self.open_line.take().filter(|at| at.partial_len < REMEMBERED);
        let mut at = open_line
            .unwrap_or_else(|| Box::new(Position { partial_hash: FNV_START, ..self.position() }));
        at.partial_hash = fnv1a(at.partial_hash, self.unread());
        at.partial_len = at.partial_len.saturating_add(self.unread().len() as u32);
        self.open_line = Some(at);
        self.consume(self.end);
        Some(self.one_line(range, cut))
    }

    fn one_line(&self, range: Range<usize>, cut: bool) -> Taken {
        let Survey { is_utf8, .. } = Survey::of(&self.buf[range.clone()]);
        Taken { range, lines: 1, is_utf8, cut }
    }

    /// Passes over the rest of a line whose front was handed out: one that was cut, or the mere
    /// line end of one that was incomplete.
    fn pass_rest(&mut self) {
        while self.skipping || self.open_line.is_some() {
            let found = memchr::memchr(b'\n', &self.buf[self.scanned..self.end]);
            let Some(lf) = found.map(|at| self.scanned + at) else {
                self.scanned = self.end;
                if self.skipping {
                    self.consume(self.end);
                }
                return;
            };
            let is_empty = self.without_cr(lf) == self.start;
            let is_rest =
                std::mem::take(&mut self.skipping) || self.open_line.take().is_some() && is_empty;
            if is_rest {
                self.consume(lf + 1);
            }
        }
    }

    /// Where up to `most` complete lines end.
    fn complete(&mut self, most: u64) -> Option<usize> {
        let unscanned = &self.buf[self.scanned..self.end];
        // Of a few lines the end is looked for from the front, of all from the back.
        let few = usize::try_from(most).ok().filter(|&most| most <= unscanned.len());
        let nth = few.and_then(|few| memchr::memchr_iter(b'\n', unscanned).nth(few.max(1) - 1));
        if let Some(lf) = nth {
            return Some(self.scanned + lf + 1);
        }
        let Some(lf) = memchr::memrchr(b'\n', unscanned) else {
            self.scanned = self.end;
            return None;
        };
        Some(self.scanned + lf + 1)
    }

    /// Where whole records end, at `to` or before it. `ended`: the last record of the buffer too.
    fn whole_records(&self, joiner: &Joiner, to: usize, ended: bool) -> Option<usize> {
        let last_line = memchr::memrchr(b'\n', &self.buf[self.start..self.end])?;
        let complete = &self.buf[self.start..=self.start + last_line];
        let at = to - self.start;
        if at < complete.len() {
            // As many records as these lines are, or the first one.
            return match joiner.finder(complete).start(at) {
                0 => {
                    let (end, sure) = joiner.end_in(complete, 0);
                    (sure || ended).then_some(self.start + end)
                }
                start => Some(self.start + start),
            };
        }
        match joiner.last(complete) {
            (_, sure) if sure || ended => Some(to),
            (0, _) => None,
            (start, _) => Some(self.start + start),
        }
    }

    /// Where the first line starts that is longer than `max`, of those that end at `to`.
    fn first_longer(&self, to: usize, max: usize) -> Option<usize> {
        let mut line = self.start;
        while to - line > max + 1 {
            // From one line end on to the last one within reach of it.
            match memchr::memrchr(b'\n', &self.buf[line..=line + max]) {
                Some(lf) => line += lf + 1,
                None if self.buf[line + max..].starts_with(b"\r\n") => line += max + 2,
                None => return Some(line),
            }
        }
        None
    }

    /// The front of the next line up to the limit, not inside a UTF-8 character.
    fn cut(&self, max: usize) -> Range<usize> {
        let (start, end) = (self.start, self.start + max);
        let is_inside = |at: usize| self.buf[at] & 0xc0 == 0x80;
        let back = (0..4).take_while(|&back| end - back > start && is_inside(end - back)).count();
        self.without_mark(start..if back < 4 { end - back } else { end })
    }

    /// Without a byte order mark at the file's start.
    fn without_mark(&self, range: Range<usize>) -> Range<usize> {
        let marked = self.offset == 0 && self.buf[range.clone()].starts_with(b"\xef\xbb\xbf");
        range.start + if marked { 3 } else { 0 }..range.end
    }

    fn without_cr(&self, end: usize) -> usize {
        let cr = end > self.start && self.buf[end - 1] == b'\r';
        end - usize::from(cr)
    }
}
