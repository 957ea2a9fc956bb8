//! Blocks and texts searched for a set's patterns.

use crate::finder::Finder;
use crate::hidden;
use crate::judge;
use crate::lines::Lines;
use crate::scratch::{Hit, LineState, Revealed, Scratch};
use crate::set::PatternSet;
use crate::sieve::Found;

/// Bytes that are sampled before what was found is attributed to lines.
const SEGMENT: usize = 32 << 10;

impl PatternSet {
    /// Calls `each` for each line of the block that holds a verified pattern or is nominated, in
    /// order, once.
    ///
    /// A block is whole lines, each ended by `\n`; the last may lack it. No match goes across a
    /// line's end. The range of a [`Hit`] is relative to the block.
    ///
    /// Of a line longer than 64 KiB, a regular expression sees the 16 KiB before the first of its
    /// literals and the 16 KiB from there on; without literals, the first 32 KiB. What the
    /// patterns of one line may cost together is bounded too, at about ten milliseconds;
    /// [`Scratch::undecided`] counts what was given up.
    pub fn scan(&self, block: &[u8], scratch: &mut Scratch, each: &mut dyn FnMut(Hit<'_>)) {
        let Scratch { found, line, revealed } = scratch;
        let mut finder = Finder::new(self, block);
        let mut lines = Lines::new(self, block, line, revealed, each);
        let mut from = 0;
        while from < block.len() {
            let to = block.len().min(from + SEGMENT);
            let reached = finder.find(from..to, found);
            for found in &*found {
                lines.add(*found);
            }
            from = reached;
            if finder.is_dense() && from < block.len() {
                let (line, end) = lines.line_at(from);
                from = finder.thin_out(line, from, end);
            }
        }
        lines.end();
    }

    /// The patterns that this text holds, or may hold, as indices in ascending order.
    ///
    /// The text is taken as one, line ends included, and as it is: escapes are not looked into.
    /// The bounds of [`scan`](PatternSet::scan) are those of a line.
    pub fn matches<'s>(&self, text: &[u8], scratch: &'s mut Scratch) -> &'s [u32] {
        let Scratch { found, line, .. } = scratch;
        line.begin(self.len());
        self.candidates(text, found, line, |_| true);
        judge::judge(self, text, 0, line);
        &line.patterns
    }

    /// Adds the nominating patterns whose literals stand in another form of the line.
    pub(crate) fn look_behind(&self, text: &[u8], line: &mut LineState, revealed: &mut Revealed) {
        let Revealed { copy, found } = revealed;
        hidden::reveal(text, copy);
        self.candidates(copy, found, line, |pattern| self.nominates_by(pattern));
    }

    /// Adds the patterns whose literals stand in the text, of those that are wanted.
    fn candidates(
        &self,
        text: &[u8],
        found: &mut Vec<Found>,
        line: &mut LineState,
        is_wanted: impl Fn(u32) -> bool,
    ) {
        let mut finder = Finder::of_text(self, text);
        let mut from = 0;
        while from < text.len() {
            from = finder.find(from..text.len(), found);
            for found in found.iter().filter(|found| is_wanted(found.pattern)) {
                line.add(*found);
            }
            if finder.is_dense() {
                from = finder.thin_out(line, from, text.len());
            }
        }
    }
}
