//! All literals of a set over one text, in bounded time.
//!
//! A line may hold the same literals a million times. Once many literals have been compared
//! within one line, those of patterns that it was found to hold are not looked for until its
//! end; and when that doesn't help, its rest is passed over.

use std::ops::Range;

use crate::hidden;
use crate::scratch::LineState;
use crate::set::PatternSet;
use crate::sieve::Found;
use crate::sieves::Thinner;

/// In place of a pattern's index: the line hides letters.
pub(crate) const HIDDEN: u32 = u32::MAX;

/// Bytes of a line still to come for which less is looked for.
const FAR: usize = 4 << 10;
/// Times that a search may stop within one line: what it compares between is a thousand literals.
const MOST_STOPS: u32 = 200;

pub(crate) struct Finder<'a> {
    set: &'a PatternSet,
    text: &'a [u8],
    /// Whether hidden letters are looked for.
    reveals: bool,
    is_dense: bool,
    /// What to look for without what a line holds already, as long as that line lasts.
    thinned: Option<Thinned>,
}

struct Thinned {
    thinners: Vec<Thinner>,
    /// Up to here, a multiple of eight.
    until: usize,
    /// Patterns that the line held when they were made.
    held: usize,
    stops: u32,
}

impl<'a> Finder<'a> {
    /// For a block of lines.
    pub(crate) fn new(set: &'a PatternSet, text: &'a [u8]) -> Self {
        Finder { set, text, reveals: set.nominates, is_dense: false, thinned: None }
    }

    /// For a text that hides nothing.
    pub(crate) fn of_text(set: &'a PatternSet, text: &'a [u8]) -> Self {
        Finder { reveals: false, ..Finder::new(set, text) }
    }

    /// Replaces `found` by what stands in this part, in order; returns where it stopped, which may
    /// be before the part's end.
    pub(crate) fn find(&mut self, part: Range<usize>, found: &mut Vec<Found>) -> usize {
        found.clear();
        let mut end = part.end;
        match &self.thinned {
            Some(thinned) if part.start < thinned.until => end = end.min(thinned.until),
            _ => self.thinned = None,
        }
        let planned = end;
        for (at, way) in self.set.ways.iter().enumerate() {
            let thinner = self.thinned.as_ref().and_then(|thinned| thinned.thinners.get(at));
            end = way.find(thinner, self.text, part.start..end, found);
        }
        self.is_dense = end < planned;
        if self.is_dense && self.set.ways.len() > 1 {
            // One got further than another.
            found.retain(|found| found.at < end);
        }
        if self.reveals {
            let mut hidden = |at| found.push(Found { at, pattern: HIDDEN });
            hidden::places(self.text, part.start, end, &mut hidden);
        }
        if !found.is_sorted() {
            found.sort_unstable();
        }
        end
    }

    /// Whether it stopped because it had compared many literals.
    pub(crate) fn is_dense(&self) -> bool {
        self.is_dense
    }

    /// Makes less of what is left of a line that ends at `end`; returns where to go on.
    pub(crate) fn thin_out(&mut self, line: &mut LineState, from: usize, end: usize) -> usize {
        let until = end / 8 * 8;
        if until < from + FAR {
            return from;
        }
        let held = line.candidates.len();
        let stops = self.thinned.as_ref().map_or(0, |thinned| thinned.stops + 1);
        if stops > MOST_STOPS {
            line.undecided += self.set.len().saturating_sub(held) as u64;
            return until;
        }
        match &mut self.thinned {
            Some(thinned) if thinned.held == held => thinned.stops = stops,
            _ => {
                let is_wanted = |pattern| !line.has(pattern);
                let thinners = self.set.ways.iter().map(|way| way.thinner(is_wanted)).collect();
                self.thinned = Some(Thinned { thinners, until, held, stops });
            }
        }
        from
    }
}

#[cfg(test)]
mod tests {
    use crate::{Pattern, PatternSet, Scratch};

    fn check(patterns: &[&str], line: &str, expect: &[u32], undecided: bool) {
        let mut builder = PatternSet::builder();
        for pattern in patterns {
            builder = builder.pattern(Pattern::literals([*pattern]));
        }
        let set = builder.build().expect("the patterns are valid");
        let block = format!("quick\n{line}\nquick\n");
        let mut scratch = Scratch::new();
        let mut hits = Vec::new();
        set.scan(block.as_bytes(), &mut scratch, &mut |hit| {
            hits.push((hit.line, hit.patterns.to_vec()));
        });
        let length = line.len();
        let mut lines = vec![(0..5, vec![0]), (6..6 + length, expect.to_vec())];
        lines.push((7 + length..12 + length, vec![0]));
        lines.retain(|(_, patterns)| !patterns.is_empty());
        assert_eq!(hits, lines);
        assert_eq!(scratch.undecided() > 0, undecided);
        let found = set.matches(line.as_bytes(), &mut scratch);
        assert_eq!(found, expect);
    }

    #[test]
    fn lines_full_of_literals_are_searched_to_their_end() {
        let line = format!("{}quick brown fox", "aaaabbbb".repeat(1 << 15));
        check(&["quick", "aaa", "bbb", "aaaabbbb"], &line, &[0, 1, 2, 3], false);
        check(&["quick", "bbbbquick", "aaaab", "quick brown fox"], &line, &[0, 1, 2, 3], false);
        check(&["quick", "slow", "aaaabbb"], &line, &[0, 2], false);
    }

    #[test]
    fn what_is_almost_there_a_million_times_is_given_up() {
        let line = format!("{}quick and more", "a".repeat(1 << 20));
        let almost = format!("{}c", "a".repeat(20));
        check(&["quick", &almost, "aaac"], &line[(1 << 20) - 1000..], &[0], false);
        // Each eighth place is compared with eight parts of the literal.
        check(&["quick", &almost], &line, &[], true);
    }
}
