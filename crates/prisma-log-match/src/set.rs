//! Patterns together, ready to be looked for.

use std::ops::Range;

use prisma_log_core::Error;

use crate::extract::{Needed, needed, needed_in_notation};
use crate::machine::Machine;
use crate::pattern::Pattern;
use crate::sieve::Needle;
use crate::sieves::{Way, ways};

/// Bytes of regular expressions that are kept compiled from the start.
const COMPILED: usize = 32 << 20;

/// Patterns that are looked for in one pass.
///
/// A set is immutable and can be shared by threads; each thread has its own [`Scratch`].
///
/// [`Scratch`]: crate::Scratch
#[derive(Debug)]
pub struct PatternSet {
    pub(crate) ways: Vec<Way>,
    pub(crate) patterns: Vec<Prepared>,
    /// Nominating patterns that every line may match.
    pub(crate) always: Vec<u32>,
    /// Verified patterns without literals, all matched at once.
    pub(crate) unsieved: Option<Unsieved>,
    unfiltered: Vec<u32>,
    /// Whether lines may hide what nominates them.
    pub(crate) nominates: bool,
}

/// A pattern, and what is left to do when a literal of it was found.
#[derive(Debug)]
pub(crate) struct Prepared {
    is_verified: bool,
    /// `None` when a literal is all of it, or nominates.
    check: Option<Machine>,
}

/// Patterns whose matches need no literal.
#[derive(Debug)]
pub(crate) struct Unsieved {
    pub(crate) numbers: Vec<u32>,
    pub(crate) machine: Machine,
}

/// Makes a [`PatternSet`].
#[derive(Clone, Debug, Default)]
pub struct PatternSetBuilder {
    patterns: Vec<Pattern>,
}

impl PatternSetBuilder {
    /// Adds a pattern; its index is how many were added before.
    #[must_use]
    pub fn pattern(mut self, pattern: Pattern) -> Self {
        self.patterns.push(pattern);
        self
    }

    /// Compiles the patterns.
    ///
    /// # Errors
    /// When an expression is malformed, or too big and to be verified, or a pattern of literals has
    /// none or an empty one; the message names the pattern.
    pub fn build(self) -> Result<PatternSet, Error> {
        let mut set = PatternSet {
            ways: Vec::new(),
            patterns: Vec::with_capacity(self.patterns.len()),
            always: Vec::new(),
            unsieved: None,
            unfiltered: Vec::new(),
            nominates: false,
        };
        let mut needles = Vec::new();
        let mut room = COMPILED;
        let mut unsieved = Vec::new();
        for (number, pattern) in (0..).zip(&self.patterns) {
            let hir = pattern.parse()?;
            let needed = match pattern.is_verified {
                true => needed(&hir),
                false => needed_in_notation(&hir),
            };
            set.nominates |= !pattern.is_verified;
            let is_all = needed.as_ref().is_some_and(|needed| needed.is_all);
            let is_checked = pattern.is_verified && needed.is_some() && !is_all;
            let check = match is_checked {
                true => Some(Machine::new(vec![pattern.clone()], &mut room)?),
                false => None,
            };
            set.patterns.push(Prepared { is_verified: pattern.is_verified, check });
            if let Some(Needed { literals, .. }) = needed {
                let of_pattern = |literal| Needle { literal, pattern: number };
                needles.extend(literals.into_iter().map(of_pattern));
                continue;
            }
            set.unfiltered.push(number);
            match pattern.is_verified {
                true => unsieved.push((number, pattern.clone())),
                false => set.always.push(number),
            }
        }
        set.ways = ways(needles);
        let (numbers, unsieved): (Vec<u32>, Vec<Pattern>) = unsieved.into_iter().unzip();
        if !unsieved.is_empty() {
            set.unsieved = Some(Unsieved { numbers, machine: Machine::new(unsieved, &mut room)? });
        }
        Ok(set)
    }
}

impl PatternSet {
    /// Begins a set.
    pub fn builder() -> PatternSetBuilder {
        PatternSetBuilder::default()
    }

    /// The number of patterns.
    pub fn len(&self) -> usize {
        self.patterns.len()
    }

    /// Whether there are no patterns.
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// Indices, ascending, of patterns that can match without any literal of three bytes or more.
    ///
    /// Each line is matched against them, or nominated by them, which costs ten to twenty times as
    /// much as looking for literals; a single one is enough.
    pub fn unfiltered(&self) -> &[u32] {
        &self.unfiltered
    }
}

impl PatternSet {
    /// Whether it is enough for some pattern to be a line.
    pub(crate) fn takes_every_line(&self) -> bool {
        self.unsieved.is_some() || !self.always.is_empty()
    }

    /// Whether that pattern nominates.
    pub(crate) fn nominates_by(&self, pattern: u32) -> bool {
        self.patterns.get(pattern as usize).is_some_and(|prepared| !prepared.is_verified)
    }
}

impl Prepared {
    /// Whether that part of the text, in which a literal of the pattern was found, matches it;
    /// `None` when there are too few steps to know.
    pub(crate) fn holds(&self, text: &[u8], part: Range<usize>, steps: &mut u64) -> Option<bool> {
        let Some(machine) = &self.check else { return Some(true) };
        let mut holds = false;
        let is_known = machine.decide(text, part, steps, &mut |_| holds = true);
        (holds || is_known).then_some(holds)
    }
}
