//! Lines in, firings out: no I/O, no clock, no store.

mod bucket;
mod clock;
mod facts;
mod groups;
mod matcher;
mod window;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use prisma_log_core::{Error, Timestamp};
use prisma_log_tail::LogLine;

pub(crate) use clock::{DISORDER, SourceClock};
pub(crate) use groups::MAX_GROUPS;

use crate::codec::fnv1a;
use crate::text::kept;
use crate::{Group, Rule};
use facts::{Captured, Facts};
use groups::Groups;
use matcher::Matcher;

/// Separates rule name and group key in stored windows.
const SEPARATOR: u8 = 0;

/// Finds what rules match lines, and which groups reach their threshold.
///
/// All times are event times: what a line states, else the time of the line before it in the same
/// file (when that was read less than a minute ago), else the time at which it was read. Lines may
/// come in any order and from any number of eras.
///
/// Memory is bounded: a rule keeps at most 10,000 groups and 16 MiB. Beyond that it forgets, of the
/// 32 least recently touched groups, the one with the fewest events on their way to the threshold
/// ([`Engine::evicted_groups`] counts them). A group keeps at most the larger of 64 and four times
/// `count` events, and forgets those farthest in time.
#[derive(Debug)]
pub struct Engine {
    rules: Vec<Arc<Rule>>,
    matcher: Matcher,
    groups: Vec<Groups>,
    sources: HashMap<Arc<Path>, SourceClock>,
}

/// A line that matched a rule.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Match {
    /// The rule's index in [`Engine::rules`].
    pub rule: usize,
    /// The file that the line stands in.
    pub source: Arc<Path>,
    /// The group that the line belongs to.
    pub group: Group,
    /// The line's event time.
    pub time: Timestamp,
    /// The latest event time that was seen in the line's file.
    pub(crate) watermark: Timestamp,
    /// How many matches the group has had, this one included.
    pub(crate) number: u64,
    /// The line's message, at most 1 KiB of it.
    pub message: String,
    /// The line as it stands in the file, at most 1 KiB of it.
    pub sample: String,
    /// Set when the group reached the threshold with this line.
    pub firing: Option<Firing>,
}

/// A group that reached its rule's threshold.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Firing {
    /// Matches that led to it.
    pub count: u64,
    /// Time of the earliest of them.
    pub first: Timestamp,
    /// Time of the latest of them.
    pub last: Timestamp,
    /// The last of them, oldest first: at most 5 of at most 1 KiB.
    pub samples: Vec<String>,
}

impl Engine {
    /// An engine for these rules.
    ///
    /// # Errors
    /// When two rules have the same name, or all patterns together are too large.
    pub fn new(rules: impl IntoIterator<Item = Rule>) -> Result<Engine, Error> {
        let rules: Vec<Arc<Rule>> = rules.into_iter().map(Arc::new).collect();
        for (i, rule) in rules.iter().enumerate() {
            if rules[..i].iter().any(|other| other.name == rule.name) {
                return Err(Error::config(format!("two rules are called `{}`", rule.name)));
            }
        }
        Ok(Engine {
            matcher: Matcher::new(&rules)?,
            groups: rules.iter().map(|_| Groups::default()).collect(),
            rules,
            sources: HashMap::new(),
        })
    }

    /// The rules, in the order in which they were given.
    pub fn rules(&self) -> &[Arc<Rule>] {
        &self.rules
    }

    /// Groups that the rule with this index has forgotten because there were too many.
    pub fn evicted_groups(&self, rule: usize) -> u64 {
        self.groups.get(rule).map_or(0, |groups| groups.evicted)
    }

    /// Takes a line in; returns one match for every rule that it matches.
    ///
    /// `raw` is the line as it stands in `source`, `line` what it was read as, and `now` when it
    /// was read.
    pub fn observe(
        &mut self,
        source: &Path,
        line: &LogLine,
        raw: &[u8],
        now: Timestamp,
    ) -> Vec<Match> {
        let Engine { rules, matcher, groups, sources } = self;
        if !sources.contains_key(source) {
            sources.insert(source.into(), SourceClock::default());
        }
        let Some(clock) = sources.get_mut(source) else { return Vec::new() };
        let time = clock.observe(line.timestamp, now);
        let watermark = clock.watermark().unwrap_or(time);
        let raw = String::from_utf8_lossy(raw);
        let facts = Facts { source, line, raw: &raw };
        let mut matches = Vec::new();
        matcher.each_match(rules, &facts, |index, captured| {
            let rule = &*rules[index];
            let group = group_of(rule, &facts, captured);
            let value = rule.distinct.as_deref().map(|key| {
                let value = facts.get(captured, key).map(|found| found.value().to_string());
                fnv1a(value.unwrap_or_default().as_bytes())
            });
            let sample = kept(&raw);
            let (number, firing) = groups[index].push(rule, group.to_key(), time, value, &sample);
            let source = Arc::from(source);
            let message = kept(&line.message);
            matches.push(Match {
                rule: index,
                source,
                group,
                time,
                watermark,
                number,
                message,
                sample,
                firing,
            });
        });
        matches
    }

    pub(crate) fn source_clock(&self, source: &Path) -> Option<&SourceClock> {
        self.sources.get(source)
    }

    pub(crate) fn set_source_clock(&mut self, source: PathBuf, clock: SourceClock) {
        self.sources.insert(source.into(), clock);
    }

    /// Windows that changed since [`Engine::mark_clean`]: key and row, `None` for those that are gone.
    pub(crate) fn dirty_rows(&self) -> impl Iterator<Item = (Vec<u8>, Option<Vec<u8>>)> {
        self.rules.iter().zip(&self.groups).flat_map(|(rule, groups)| {
            groups.dirty_rows(rule).map(|(group, row)| (row_key(&rule.name, group), row))
        })
    }

    pub(crate) fn mark_clean(&mut self) {
        self.groups.iter_mut().for_each(Groups::mark_clean);
    }

    /// Takes a stored window back; `false` when no rule can use it any more.
    pub(crate) fn restore(&mut self, key: &[u8], row: &[u8]) -> Result<bool, Error> {
        let damaged = || Error::data("the stored window is damaged: its key is malformed");
        let at = key.iter().position(|&b| b == SEPARATOR).ok_or_else(damaged)?;
        let group = std::str::from_utf8(&key[at + 1..]).map_err(|_| damaged())?;
        let index = self.rules.iter().position(|rule| rule.name.as_bytes() == &key[..at]);
        let Some(index) = index else { return Ok(false) };
        self.groups[index].restore(&self.rules[index], group, row)
    }
}

/// The key of a rule and group: of windows, and of alerts (their fingerprint).
pub(crate) fn row_key(rule: &str, group: &str) -> Vec<u8> {
    [rule.as_bytes(), &[SEPARATOR], group.as_bytes()].concat()
}

fn group_of<'a>(rule: &Rule, facts: &Facts<'a>, captured: &Captured<'a>) -> Group {
    let values = rule.group_by.iter().map(|key| {
        facts.get(captured, key).map(|found| found.value().to_string()).unwrap_or_default()
    });
    Group::new(rule.group_by.iter().map(String::as_str), values)
}

#[cfg(test)]
mod tests;
