//! Patterns together, ready to be looked for.

use std::sync::OnceLock;

use prisma_log_core::Error;
use regex::bytes::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};

use crate::extract::{Needed, needed, needed_in_notation};
use crate::pattern::{Pattern, refused};
use crate::sieve::{Needle, Sieve, sieves};

/// Patterns that are looked for in one pass.
///
/// A set is immutable and can be shared by threads; each thread has its own [`Scratch`].
///
/// [`Scratch`]: crate::Scratch
#[derive(Debug)]
pub struct PatternSet {
    pub(crate) sieves: Vec<Sieve>,
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
    pub(crate) is_verified: bool,
    /// `None` when a literal is all of it, or nominates.
    check: Option<Check>,
}

/// A regular expression that is compiled when it is first needed: of many patterns, few ever
/// find a literal of theirs.
#[derive(Debug)]
struct Check {
    expression: String,
    ignores_case: bool,
    compiled: OnceLock<Option<Regex>>,
}

/// Patterns whose matches need no literal.
#[derive(Debug)]
pub(crate) struct Unsieved {
    pub(crate) numbers: Vec<u32>,
    pub(crate) set: RegexSet,
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
    /// When an expression is malformed or too big, or a pattern of literals has none or an empty
    /// one; the message names the pattern.
    pub fn build(self) -> Result<PatternSet, Error> {
        let mut set = PatternSet {
            sieves: Vec::new(),
            patterns: Vec::with_capacity(self.patterns.len()),
            always: Vec::new(),
            unsieved: None,
            unfiltered: Vec::new(),
            nominates: false,
        };
        let mut needles = Vec::new();
        let mut unsieved: Vec<(u32, &Pattern)> = Vec::new();
        for (number, pattern) in (0..).zip(&self.patterns) {
            let hir = pattern.parse()?;
            let needed = match pattern.is_verified {
                true => needed(&hir),
                false => needed_in_notation(&hir),
            };
            set.nominates |= !pattern.is_verified;
            let is_all = needed.as_ref().is_some_and(|needed| needed.is_all);
            // Nominating patterns too: what is refused is refused here.
            let check = if is_all { None } else { Some(Check::of(pattern)?) };
            let check = check.filter(|_| pattern.is_verified && needed.is_some());
            set.patterns.push(Prepared { is_verified: pattern.is_verified, check });
            if let Some(Needed { literals, .. }) = needed {
                let of_pattern = |literal| Needle { literal, pattern: number };
                needles.extend(literals.into_iter().map(of_pattern));
                continue;
            }
            set.unfiltered.push(number);
            match pattern.is_verified {
                true => unsieved.push((number, pattern)),
                false => set.always.push(number),
            }
        }
        set.sieves = sieves(needles);
        set.unsieved = Unsieved::of(&unsieved)?;
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
    /// Each line is matched against them, or nominated by them, which costs a hundred times as
    /// much as a sieve for literals; a single one is enough.
    pub fn unfiltered(&self) -> &[u32] {
        &self.unfiltered
    }
}

impl Prepared {
    /// Whether the line, in which a literal of the pattern was found, matches it.
    pub(crate) fn holds(&self, line: &[u8]) -> bool {
        match &self.check {
            None => true,
            // What could be compiled when the set was built can be compiled again.
            Some(check) => check.compiled().is_none_or(|regex| regex.is_match(line)),
        }
    }
}

impl Check {
    fn of(pattern: &Pattern) -> Result<Self, Error> {
        let expression = pattern.expression();
        let check =
            Check { ignores_case: pattern.ignores_case, expression, compiled: OnceLock::new() };
        // Compiled once to know that it can be, and let go of.
        check.compile().map_err(|error| refused(&check.expression, &error.to_string()))?;
        Ok(check)
    }

    fn compile(&self) -> Result<Regex, regex::Error> {
        RegexBuilder::new(&self.expression).case_insensitive(self.ignores_case).build()
    }

    fn compiled(&self) -> Option<&Regex> {
        self.compiled.get_or_init(|| self.compile().ok()).as_ref()
    }
}

impl Unsieved {
    fn of(patterns: &[(u32, &Pattern)]) -> Result<Option<Self>, Error> {
        if patterns.is_empty() {
            return Ok(None);
        }
        // Case is a matter of each, so it is written into the expression.
        let expression = |(_, pattern): &(u32, &Pattern)| match pattern.ignores_case {
            true => format!("(?i:{})", pattern.expression()),
            false => pattern.expression(),
        };
        let expressions: Vec<String> = patterns.iter().map(expression).collect();
        let limit = SET_BYTES.saturating_mul(patterns.len());
        let mut builder = RegexSetBuilder::new(&expressions);
        let set = builder.size_limit(limit).build();
        let set = set.map_err(|error| refused(&expressions.join("` and `"), &error.to_string()))?;
        Ok(Some(Unsieved { numbers: patterns.iter().map(|(number, _)| *number).collect(), set }))
    }
}

/// What a compiled expression may have, and in a set each: the default of the `regex` crate.
const SET_BYTES: usize = 10 << 20;
