//! Memory that scans use again.

use std::ops::Range;

use crate::sieve::Found;

/// Working memory of a scan; one for each thread, whatever the sets.
#[derive(Debug, Default)]
pub struct Scratch {
    pub(crate) found: Vec<Found>,
    pub(crate) line: LineState,
    pub(crate) revealed: Revealed,
}

/// Another form of a line, and what was found in it.
#[derive(Debug, Default)]
pub(crate) struct Revealed {
    pub(crate) copy: Vec<u8>,
    pub(crate) found: Vec<Found>,
}

/// The patterns of the line that is looked at.
#[derive(Debug, Default)]
pub(crate) struct LineState {
    /// Patterns of which a literal was found, each once, with the place of the first.
    pub(crate) candidates: Vec<Found>,
    /// Those that hold, ascending.
    pub(crate) patterns: Vec<u32>,
    /// For each pattern the number of the last line that it was added to.
    last: Vec<u64>,
    number: u64,
    /// Whether the line hides letters.
    pub(crate) is_exotic: bool,
    /// Patterns of lines for which there were too few steps.
    pub(crate) undecided: u64,
}

impl Scratch {
    /// An empty one; it grows to what a scan needs and keeps that.
    pub fn new() -> Self {
        Scratch::default()
    }

    /// How many times, since it was made, a pattern was given up on a line because that took too
    /// much work; it then counts as not held. Each pattern on each line is one.
    pub fn undecided(&self) -> u64 {
        self.line.undecided
    }
}

impl LineState {
    /// Begins a line for a set of that many patterns.
    pub(crate) fn begin(&mut self, patterns: usize) {
        self.candidates.clear();
        self.number += 1;
        self.is_exotic = false;
        if self.last.len() < patterns {
            self.last.resize(patterns, 0);
        }
    }

    /// Whether the pattern was added to this line.
    pub(crate) fn has(&self, pattern: u32) -> bool {
        self.last.get(pattern as usize) == Some(&self.number)
    }

    /// Adds a pattern, unless it is there.
    pub(crate) fn add(&mut self, found: Found) {
        match self.last.get_mut(found.pattern as usize) {
            Some(last) if *last != self.number => *last = self.number,
            _ => return,
        }
        self.candidates.push(found);
    }
}

/// A line that holds at least one pattern, or may do so.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Hit<'a> {
    /// Where it stands in the block, without its end: neither `\n` nor a `\r` before it.
    pub line: Range<usize>,
    /// Indices of the patterns, ascending: verified ones hold, nominating ones may.
    pub patterns: &'a [u32],
    /// Whether the line has escapes or terminal sequences that may hide letters; it was searched
    /// without them too.
    pub exotic: bool,
}
