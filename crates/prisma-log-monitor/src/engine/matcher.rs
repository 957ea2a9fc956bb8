//! Which rules a line matches.

use std::ops::Range;
use std::sync::Arc;

use prisma_log_core::{Error, Level};
use regex::{Regex, RegexSet, RegexSetBuilder};

use super::facts::{Captured, Facts, capture};
use crate::Rule;

/// What all patterns of one kind together may take compiled, in bytes.
const MAX_COMPILED: usize = 256 << 20;
/// Cache of the sets' lazy automata, in bytes: enough that a hundred patterns don't thrash it.
const DFA_CACHE: usize = 16 << 20;

/// All rules' patterns in two sets, so that a line that interests no rule costs one pass each.
#[derive(Debug)]
pub(super) struct Matcher {
    messages: RegexSet,
    lines: RegexSet,
    /// Each rule's patterns in the sets.
    places: Vec<(Range<usize>, Range<usize>)>,
}

impl Matcher {
    pub(super) fn new(rules: &[Arc<Rule>]) -> Result<Self, Error> {
        let (mut messages, mut lines, mut places) = (Vec::new(), Vec::new(), Vec::new());
        for rule in rules {
            let place = |all: &mut Vec<_>, patterns: &[Regex]| {
                let start = all.len();
                all.extend(patterns.iter().map(|p| p.as_str().to_owned()));
                start..all.len()
            };
            places.push((place(&mut messages, &rule.messages), place(&mut lines, &rule.lines)));
        }
        Ok(Matcher { messages: set(&messages)?, lines: set(&lines)?, places })
    }

    /// Calls `hit` with the index of every rule that the line matches, and what was captured.
    pub(super) fn each_match<'a>(
        &self,
        rules: &'a [Arc<Rule>],
        facts: &Facts<'a>,
        mut hit: impl FnMut(usize, &Captured<'a>),
    ) {
        let found = |set: &RegexSet, text| (!set.is_empty()).then(|| set.matches(text));
        let messages = found(&self.messages, &facts.line.message);
        let lines = found(&self.lines, facts.raw);
        for (index, (rule, (in_messages, in_lines))) in rules.iter().zip(&self.places).enumerate() {
            let all = |matches: &Option<regex::SetMatches>, place: &Range<usize>| {
                place.is_empty()
                    || matches.as_ref().is_some_and(|m| place.clone().all(|i| m.matched(i)))
            };
            if all(&messages, in_messages) && all(&lines, in_lines) {
                let mut captured = Captured::new();
                if holds(rule, facts, &mut captured) {
                    hit(index, &captured);
                }
            }
        }
    }
}

/// Whether the conditions besides the patterns hold.
fn holds<'a>(rule: &'a Rule, facts: &Facts<'a>, captured: &mut Captured<'a>) -> bool {
    let line = facts.line;
    if rule.level.is_some_and(|least| line.level.is_none_or(|level| level < least)) {
        return false;
    }
    let any_level = Level::Critical;
    let logger_passes = rule.logger_filter.as_ref().is_none_or(|filter| {
        line.logger.as_deref().is_some_and(|logger| filter.passes(logger, any_level))
    });
    let excepted = || {
        let found = |p: &Regex| p.is_match(&line.message) || p.is_match(facts.raw);
        rule.excepts.iter().any(found)
    };
    if !logger_passes || excepted() {
        return false;
    }
    rule.messages.iter().for_each(|p| capture(p, &line.message, captured));
    rule.lines.iter().for_each(|p| capture(p, facts.raw, captured));
    rule.fields.iter().zip(&rule.field_patterns).all(|(condition, pattern)| {
        let found = facts.get(captured, condition.key());
        condition.holds(found.as_ref().map(|found| found.value()), pattern.as_ref())
    })
}

fn set(patterns: &[String]) -> Result<RegexSet, Error> {
    RegexSetBuilder::new(patterns)
        .size_limit(MAX_COMPILED)
        .dfa_size_limit(DFA_CACHE)
        .build()
        .map_err(|error| Error::config(format!("the rules' patterns together: {error}")))
}
