//! From places of literals to lines and their patterns.

use memchr::{memchr, memrchr};

use crate::hidden;
use crate::scratch::{Hit, LineState, Revealed, Scratch};
use crate::set::{PatternSet, Prepared};
use crate::sieve::Found;

/// Bytes that are sampled before what was found is attributed to lines.
const SEGMENT: usize = 32 << 10;

/// In place of a pattern's index: the line hides letters.
const HIDDEN: u32 = u32::MAX;

impl PatternSet {
    /// Calls `each` for each line of the block that holds a verified pattern or is nominated, in
    /// order, once.
    ///
    /// A block is whole lines, each ended by `\n`; the last may lack it. No match goes across a
    /// line's end. The range of a [`Hit`] is relative to the block.
    pub fn scan(&self, block: &[u8], scratch: &mut Scratch, each: &mut dyn FnMut(Hit<'_>)) {
        let Scratch { found, line, revealed } = scratch;
        let mut lines = Lines { set: self, block, open: None, behind: 0, line, revealed, each };
        let mut from = 0;
        while from < block.len() {
            let to = block.len().min(from + SEGMENT);
            self.find(block, from, to, found);
            for found in &*found {
                lines.add(*found);
            }
            from = to;
        }
        lines.end();
    }

    /// The patterns that this text holds, or may hold, as indices in ascending order.
    ///
    /// The text is taken as one, line ends included, and as it is: escapes are not looked into.
    pub fn matches<'s>(&self, text: &[u8], scratch: &'s mut Scratch) -> &'s [u32] {
        let Scratch { found, line, .. } = scratch;
        line.begin(self.patterns.len());
        found.clear();
        for sieve in &self.sieves {
            sieve.find(text, 0, text.len(), found);
        }
        for found in &*found {
            line.add(found.pattern);
        }
        self.judge(text, line);
        &line.patterns
    }

    /// What stands between these places of the block, in order.
    fn find(&self, block: &[u8], from: usize, to: usize, found: &mut Vec<Found>) {
        found.clear();
        for sieve in &self.sieves {
            sieve.find(block, from, to, found);
        }
        if self.nominates {
            hidden::places(block, from, to, |at| found.push(Found { at, pattern: HIDDEN }));
        }
        if !found.is_sorted() {
            found.sort_unstable();
        }
    }

    /// Keeps of a text's patterns those that hold, and adds those that need no literal.
    fn judge(&self, text: &[u8], line: &mut LineState) {
        line.patterns.retain(|&pattern| {
            self.patterns.get(pattern as usize).is_some_and(|prepared| prepared.holds(text))
        });
        line.patterns.extend(&self.always);
        if let Some(unsieved) = &self.unsieved {
            let matched = unsieved.set.matches(text);
            line.patterns.extend(matched.iter().filter_map(|at| unsieved.numbers.get(at)));
        }
        line.patterns.sort_unstable();
    }

    fn takes_every_line(&self) -> bool {
        self.unsieved.is_some() || !self.always.is_empty()
    }

    /// Adds the nominating patterns whose literals stand in another form of the text.
    fn look_behind(&self, text: &[u8], line: &mut LineState, revealed: &mut Revealed) {
        let Revealed { copy, found } = revealed;
        hidden::reveal(text, copy);
        found.clear();
        for sieve in &self.sieves {
            sieve.find(copy, 0, copy.len(), found);
        }
        let nominates = |found: &&Found| {
            let prepared: Option<&Prepared> = self.patterns.get(found.pattern as usize);
            prepared.is_some_and(|prepared| !prepared.is_verified)
        };
        for found in found.iter().filter(nominates) {
            line.add(found.pattern);
        }
    }
}

/// The lines of a block, one after the other.
struct Lines<'a> {
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

impl Lines<'_> {
    fn add(&mut self, found: Found) {
        if self.open.is_none_or(|(_, end)| found.at > end) {
            self.close();
            self.pass_over(found.at);
            let before = self.block.get(self.behind..found.at).unwrap_or_default();
            let start = memrchr(b'\n', before).map_or(self.behind, |at| self.behind + at + 1);
            self.open(start, self.end_of(found.at));
        }
        match found.pattern {
            HIDDEN => self.line.is_exotic = true,
            pattern => self.line.add(pattern),
        }
    }

    /// Ends the block.
    fn end(&mut self) {
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
        self.line.begin(self.set.patterns.len());
    }

    fn close(&mut self) {
        let Some((start, end)) = self.open.take() else { return };
        let text = self.block.get(start..end).unwrap_or_default();
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        if self.line.is_exotic {
            self.set.look_behind(text, self.line, self.revealed);
        }
        self.set.judge(text, self.line);
        if !self.line.patterns.is_empty() {
            let line = start..start + text.len();
            let (patterns, exotic) = (self.line.patterns.as_slice(), self.line.is_exotic);
            (self.each)(Hit { line, patterns, exotic });
        }
    }
}
