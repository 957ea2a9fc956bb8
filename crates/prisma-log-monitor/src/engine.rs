//! Lines in, firings out: no I/O, no clock, no store.

mod clock;
mod event;
mod facts;
mod findings;
mod found;
mod groups;
mod nominate;
mod plan;
mod progress;
mod scan;
mod sight;
mod sources;
mod subject;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use prisma_log_core::{Clock, Error, SystemClock, Timestamp};
use prisma_log_tail::{Joiner, LineParser};

pub(crate) use clock::{DISORDER, SourceClock, is_quiet};
pub(crate) use facts::{Captured, Facts, capture};
pub(crate) use findings::{Finding, Findings, Tally};
pub use found::{Firing, Match};
pub(crate) use found::{Hit, Seen};

use crate::Rule;
use found::Hits;
use groups::Groups;
use nominate::Nominated;
use plan::Plan;
use sight::Sights;
use sources::{Source, Sources};

/// Separates rule name and group key in stored windows.
const SEPARATOR: u8 = 0;

/// Finds what rules match lines, and which groups reach their threshold.
///
/// All times are event times: what a line states, else the time of the line before it in the same
/// file (when that was read less than a minute ago), else the time at which it was read. Lines may
/// come in any order and from any number of eras.
///
/// Memory is bounded: a rule keeps at most [`Rule::max_groups`] groups and 16 MiB. Groups whose time
/// has passed go first; then it forgets, of the 32 least recently touched groups, the one with the
/// fewest events on their way to a firing ([`Engine::evicted_groups`] counts these). A group keeps a
/// bounded number of events and values, and forgets those farthest in time ([`Engine::forgotten`]).
///
/// Patterns are asked of the first 64 KiB of a message, line or field; large ones of less
/// ([`Expression`](prisma_log_match::Expression)).
pub struct Engine {
    rules: Vec<Arc<Rule>>,
    groups: Vec<Groups>,
    plan: Arc<Plan>,
    nominated: Nominated,
    sights: Sights,
    sources: Sources,
    /// Reads lines that lie before a line of interest.
    parser: LineParser,
    joiner: Option<Joiner>,
    /// How many sources have a parser.
    parsers: usize,
    /// What engines with other rules before this one gave up.
    undecided_before: u64,
    clock: Arc<dyn Clock>,
}

/// Windows and clocks that the store does not have as they stand.
#[derive(Debug, Default)]
pub(crate) struct Changed {
    /// Key and row; `None` for windows that are gone.
    pub(crate) windows: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    pub(crate) clocks: Vec<(PathBuf, SourceClock)>,
}

impl Engine {
    /// An engine for these rules.
    ///
    /// # Errors
    /// When two rules have the same name, or all patterns together are too large.
    pub fn new(rules: impl IntoIterator<Item = Rule>) -> Result<Engine, Error> {
        let rules: Vec<Arc<Rule>> = rules.into_iter().map(Arc::new).collect();
        for (i, rule) in rules.iter().enumerate() {
            if rules[..i].iter().any(|other| other.name() == rule.name()) {
                return Err(Error::config(format!("two rules are called `{}`", rule.name())));
            }
        }
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        Ok(Engine {
            groups: rules.iter().map(|_| Groups::default()).collect(),
            plan: Arc::new(Plan::new(&rules)?),
            rules,
            nominated: Nominated::default(),
            sights: Sights::default(),
            sources: Sources::default(),
            parser: parser(&clock),
            joiner: None,
            parsers: 0,
            undecided_before: 0,
            clock,
        })
    }

    /// The clock from which lines' missing years are guessed; the system's unless told otherwise.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.parser = parser(&clock);
        self.clock = clock;
        self
    }

    /// Which lines are one record; without a joiner each is one of its own.
    #[must_use]
    pub fn with_joiner(mut self, joiner: Option<Joiner>) -> Self {
        self.joiner = joiner;
        self
    }

    /// Takes over what an engine with other rules knows: the times of all files, and the windows of
    /// rules whose name, kind and groups are the same.
    pub(crate) fn adopt(&mut self, other: &mut Engine) {
        self.joiner = other.joiner.take();
        self.sources = std::mem::take(&mut other.sources);
        self.parsers = other.parsers;
        self.undecided_before = other.undecided();
        for (rule, groups) in self.rules.iter().zip(&mut self.groups) {
            let same = |old: &Arc<Rule>| {
                old.name() == rule.name()
                    && old.kind() == rule.kind()
                    && old.group_by() == rule.group_by()
                    && old.max_groups() <= rule.max_groups()
            };
            let at = other.rules.iter().position(same);
            if let Some(old) = at.and_then(|at| other.groups.get_mut(at)) {
                *groups = std::mem::take(old);
            }
        }
    }

    /// The rules, in the order in which they were given.
    pub fn rules(&self) -> &[Arc<Rule>] {
        &self.rules
    }

    /// The rules that have to be asked about every line, because nothing in them has to be found in
    /// all lines that concern them: such as those on a level, a logger or a field alone. The others
    /// cost nothing where their texts are not found.
    pub fn rules_for_every_line(&self) -> impl Iterator<Item = &Rule> {
        let rule = |&number: &u32| self.rules.get(number as usize).map(Arc::as_ref);
        self.plan.hungry.iter().filter_map(rule)
    }

    /// Groups that the rule with this index has forgotten because there were too many.
    pub fn evicted_groups(&self, rule: usize) -> u64 {
        self.groups.get(rule).map_or(0, |groups| groups.evicted)
    }

    /// Lines, values and windows that groups of the rule with this index did without, because there
    /// were too many or they came too late.
    pub fn forgotten(&self, rule: usize) -> u64 {
        self.groups.get(rule).map_or(0, |groups| groups.forgotten)
    }

    /// Times that a pattern of a rule was given up on a line, because that took more work than a line
    /// may: the line then counts as one that the rule has nothing to do with. It takes a line of
    /// hundreds of kilobytes and patterns that are made for it.
    pub fn undecided(&self) -> u64 {
        self.undecided_before + self.nominated.undecided()
    }

    /// Lets rules see that it is `now` in event time; adds to `matches` the groups that fired by that.
    pub fn tick(&mut self, now: Timestamp, matches: &mut Vec<Match>) {
        self.tick_into(now, matches);
    }

    pub(crate) fn tick_into(&mut self, now: Timestamp, hits: &mut impl Hits) {
        let nowhere: Arc<Path> = Path::new("").into();
        let seen = Seen { source: &nowhere, time: now, watermark: now, message: "", sample: "" };
        for (index, (rule, groups)) in self.rules.iter().zip(&mut self.groups).enumerate() {
            for (key, number, firing) in groups.tick(rule, now) {
                let firing = Some(firing);
                hits.take(Hit { rule, index, key: &key, seen: &seen, number, firing });
            }
        }
    }

    /// What time it is in the sources. Once everything is read it is the latest of their times, which
    /// goes on with the wall clock; before, the earliest: of the others there is more to come. `None`
    /// while nothing was read and more is there.
    pub(crate) fn event_time(&self, now: Timestamp, caught_up: bool) -> Option<Timestamp> {
        let clocks = self.sources.list.iter().map(|source| &source.clock);
        if caught_up {
            return clocks.filter_map(|clock| clock.now(now)).max().or(Some(now));
        }
        clocks.filter_map(SourceClock::watermark).min()
    }

    pub(crate) fn source_clock(&self, source: &Path) -> Option<&SourceClock> {
        self.sources.get(source).map(|source| &source.clock)
    }

    pub(crate) fn set_source_clock(&mut self, source: &Path, clock: SourceClock) {
        let place = self.sources.place(source);
        if let Some(state) = self.sources.list.get_mut(place) {
            state.clock = clock;
        }
    }

    /// What changed since this was last asked for.
    pub(crate) fn take_changed(&mut self) -> Changed {
        self.take_changed_of(|source| source.has_changed)
    }

    /// The same without the clocks of sources whose lines did nothing to any group: read again, they
    /// would do nothing again.
    pub(crate) fn take_effects(&mut self) -> Changed {
        self.take_changed_of(|source| source.has_effect)
    }

    fn take_changed_of(&mut self, of: impl Fn(&Source) -> bool) -> Changed {
        let mut changed = Changed::default();
        for (rule, groups) in self.rules.iter().zip(&mut self.groups) {
            let rows = groups.dirty_rows(rule);
            changed.windows.extend(rows.map(|(group, row)| (row_key(rule.name(), group), row)));
            groups.mark_clean();
        }
        for source in self.sources.list.iter_mut().filter(|source| of(source)) {
            (source.has_changed, source.has_effect) = (false, false);
            changed.clocks.push((source.path.to_path_buf(), source.clock));
        }
        changed
    }

    /// Takes a stored window back; `false` when no rule can use it any more.
    pub(crate) fn restore(&mut self, key: &[u8], row: &[u8]) -> Result<bool, Error> {
        let damaged = || Error::data("the stored window is damaged: its key is malformed");
        let at = key.iter().position(|&b| b == SEPARATOR).ok_or_else(damaged)?;
        let group = std::str::from_utf8(&key[at + 1..]).map_err(|_| damaged())?;
        let index = self.rules.iter().position(|rule| rule.name().as_bytes() == &key[..at]);
        let Some(index) = index else { return Ok(false) };
        self.groups[index].restore(&self.rules[index], group, row)
    }
}

/// The key of a rule and group: of windows, and of alerts (their fingerprint).
pub(crate) fn row_key(rule: &str, group: &str) -> Vec<u8> {
    [rule.as_bytes(), &[SEPARATOR], group.as_bytes()].concat()
}

fn parser(clock: &Arc<dyn Clock>) -> LineParser {
    LineParser::builder().clock(Arc::clone(clock)).build().unwrap_or_default()
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("rules", &self.rules).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
