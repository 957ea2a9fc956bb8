//! From places of literals to lines.

use memchr::{memchr, memrchr};

use crate::finder::HIDDEN;
use crate::judge;
use crate::scratch::{Hit, LineState, Revealed};
use crate::set::PatternSet;
use crate::sieve::Found;

/// The lines of a block, one after the other.
pub(crate) struct Lines<'a> {
    set: &'a PatternSet,
    block: &'a [u8],
    /// Where the open line begins and its end stands, if a line is open.
    open: Option<(usize, usize)>,
    /// Where the first line begins that was not looked at.
    behind: usize,
    line: &'a mut LineState,
    revealed: &'a mut Revealed,
    each: &'a mut dyn FnMut(Hit<'_>),
}

impl<'a> Lines<'a> {
    pub(crate) fn new(
        set: &'a PatternSet,
        block: &'a [u8],
        line: &'a mut LineState,
        revealed: &'a mut Revealed,
        each: &'a mut dyn FnMut(Hit<'_>),
    ) -> Self {
        Lines { set, block, open: None, behind: 0, line, revealed, each }
    }

    /// Takes what was found; places ascend.
    pub(crate) fn add(&mut self, found: Found) {
        let (line, _) = self.line_at(found.at);
        match found.pattern {
            HIDDEN => line.is_exotic = true,
            _ => line.add(found),
        }
    }

    /// The line at this place, which is not before the last one, and where it ends.
    pub(crate) fn line_at(&mut self, at: usize) -> (&mut LineState, usize) {
        if let Some((_, end)) = self.open
            && at <= end
        {
            return (self.line, end);
        }
        self.close();
        self.pass_over(at);
        let before = self.block.get(self.behind..at).unwrap_or_default();
        let start = memrchr(b'\n', before).map_or(self.behind, |at| self.behind + at + 1);
        let end = self.end_of(at);
        self.open(start, end);
        (self.line, end)
    }

    /// Ends the block.
    pub(crate) fn end(&mut self) {
        self.close();
        self.pass_over(self.block.len());
        if self.set.takes_every_line() && self.behind < self.block.len() {
            self.open(self.behind, self.block.len());
            self.close();
        }
    }

    /// Lines before this place in which nothing was found.
    fn pass_over(&mut self, to: usize) {
        if !self.set.takes_every_line() {
            return;
        }
        loop {
            let end = self.end_of(self.behind);
            if end >= to {
                return;
            }
            self.open(self.behind, end);
            self.close();
        }
    }

    fn end_of(&self, from: usize) -> usize {
        let rest = self.block.get(from..).unwrap_or_default();
        memchr(b'\n', rest).map_or(self.block.len(), |at| from + at)
    }

    fn open(&mut self, start: usize, end: usize) {
        self.open = Some((start, end));
        self.behind = end + 1;
        self.line.begin(self.set.len());
    }

    fn close(&mut self) {
        let Some((start, end)) = self.open.take() else { return };
        let text = self.block.get(start..end).unwrap_or_default();
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        if self.line.is_exotic {
            self.set.look_behind(text, self.line, self.revealed);
        }
        judge::judge(self.set, text, start, self.line);
        if !self.line.patterns.is_empty() {
            let line = start..start + text.len();
            let (patterns, exotic) = (self.line.patterns.as_slice(), self.line.is_exotic);
            (self.each)(Hit { line, patterns, exotic });
        }
    }
}
