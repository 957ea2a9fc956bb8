//! What lines did to groups since a transaction took it: as much of each line as alerts keep, and no more
//! than a few lines of each group.

use std::collections::{HashMap, VecDeque};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use prisma_log_core::Timestamp;

use super::Firing;
use super::clock::is_quiet;
use super::found::{Hit, Hits, Seen};
use crate::alert::MAX_SAMPLES;
use crate::text::kept;

/// Findings in the order of their first lines.
///
/// In a storm most lines only count: they are in their group's last finding, so that a million of them
/// take as much room, and as long to write, as there are groups.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    list: Vec<Finding>,
    rules: Vec<OfRule>,
    /// The number of the first of `rules` in what transactions know.
    first_rule: usize,
    bytes: usize,
    fired: bool,
}

/// What is known of a rule.
#[derive(Debug, Default)]
struct OfRule {
    /// Where each group's last finding stands.
    last: HashMap<Box<str>, usize>,
    matches: u64,
    firings: u64,
}

/// Lines of one group of one source, one after the other.
///
/// Either none of them made the group fire, or the first one did. An alert that is open is the same
/// after a finding as after each of its lines; one that is not is raised by the first line or by none.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Finding {
    pub(crate) rule: usize,
    /// The group, as [`Group::to_key`](crate::Group::to_key) writes it.
    pub(crate) key: Box<str>,
    /// Empty when time alone made the group fire.
    pub(crate) source: Arc<Path>,
    /// The latest event time that was seen in the source when the first line was.
    pub(crate) watermark: Timestamp,
    /// What the first line adds to a count: nothing, when there is no line.
    pub(crate) first: Tally,
    /// What made the group fire with the first line.
    pub(crate) firing: Option<Firing>,
    /// The lines after the first.
    pub(crate) rest: Option<Box<Rest>>,
    /// How long a file must be quiet for the rule's alerts to be over.
    quiet: Duration,
}

/// Lines after the first of a finding.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Rest {
    pub(crate) tally: Tally,
    /// How often the group fired.
    pub(crate) firings: u64,
}

/// What lines add to an alert.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tally {
    pub(crate) lines: u64,
    /// Event time of the earliest and the latest of them.
    pub(crate) earliest: Timestamp,
    pub(crate) latest: Timestamp,
    /// What the last of them said, at most 1 KiB of it.
    pub(crate) message: String,
    /// The last of them, at most 1 KiB of each.
    pub(crate) samples: VecDeque<String>,
    /// The group's number of matches with the last of them.
    pub(crate) number: u64,
    /// Since when the source is quiet, in event time.
    pub(crate) quiet_since: Timestamp,
}

impl Findings {
    /// Findings of so many rules, the first of which has this number.
    pub(crate) fn new(rules: usize, first_rule: usize) -> Self {
        let rules = std::iter::repeat_with(OfRule::default).take(rules).collect();
        Findings { rules, first_rule, ..Findings::default() }
    }

    /// What they take, about.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether a group fired.
    pub(crate) fn have_fired(&self) -> bool {
        self.fired
    }

    /// How many lines counted for each rule, and how often groups fired, since this was last asked for.
    pub(crate) fn take_counts(&mut self) -> impl Iterator<Item = (u64, u64)> {
        self.rules
            .iter_mut()
            .map(|rule| (std::mem::take(&mut rule.matches), std::mem::take(&mut rule.firings)))
    }

    /// Hands the findings over.
    pub(crate) fn take_list(&mut self) -> Vec<Finding> {
        self.rules.iter_mut().for_each(|rule| rule.last.clear());
        (self.bytes, self.fired, self.first_rule) = (0, false, 0);
        std::mem::take(&mut self.list)
    }

    /// Goes on with other rules, which come after those before them; findings stay.
    pub(crate) fn exchange(&mut self, rules: usize) {
        let first_rule = self.first_rule + self.rules.len();
        let Findings { list, bytes, fired, .. } = std::mem::take(self);
        *self = Findings { list, bytes, fired, ..Findings::new(rules, first_rule) };
    }
}

impl Hits for Findings {
    fn take(&mut self, hit: Hit<'_>) {
        let Some(rule) = self.rules.get_mut(hit.index) else { return };
        rule.matches += u64::from(hit.seen.is_line());
        rule.firings += u64::from(hit.firing.is_some());
        self.fired |= hit.firing.is_some();
        let last = rule.last.get_mut(hit.key);
        if let Some(finding) = last.as_ref().and_then(|at| self.list.get_mut(**at))
            && finding.goes_on_with(&hit)
        {
            self.bytes += finding.add(&hit);
            return;
        }
        let at = self.list.len();
        match last {
            Some(last) => *last = at,
            None => drop(rule.last.insert(hit.key.into(), at)),
        }
        let finding = Finding::new(self.first_rule + hit.index, hit);
        self.bytes += finding.bytes();
        self.list.push(finding);
    }
}

impl Finding {
    fn new(rule: usize, hit: Hit<'_>) -> Self {
        Finding {
            rule,
            key: hit.key.into(),
            source: Arc::clone(hit.seen.source),
            watermark: hit.seen.watermark,
            first: Tally::new(hit.seen, hit.number),
            firing: hit.firing,
            rest: None,
            quiet: hit.rule.resolve_after().max(hit.rule.cooldown()),
        }
    }

    /// How often the group fired.
    pub(crate) fn firings(&self) -> u64 {
        u64::from(self.firing.is_some()) + self.rest.as_ref().map_or(0, |rest| rest.firings)
    }

    /// Whether the line makes no difference that does not show in the sum. By the rule as it is now: an
    /// alert that was raised when its quiet period was shorter may outlive that until the transaction.
    fn goes_on_with(&self, hit: &Hit<'_>) -> bool {
        let seen = hit.seen;
        let is_same = Arc::ptr_eq(&self.source, seen.source) || self.source == *seen.source;
        let last = self.rest.as_ref().map_or(&self.first, |rest| &rest.tally);
        is_same
            && seen.is_line()
            && (hit.firing.is_none() || self.firing.is_some())
            && !is_quiet(last.quiet_since, seen.watermark, self.quiet)
    }

    /// Takes a line in; returns how much larger it is now.
    fn add(&mut self, hit: &Hit<'_>) -> usize {
        match &mut self.rest {
            Some(rest) => {
                let before = rest.tally.bytes();
                rest.tally.add(hit.seen, hit.number);
                rest.firings += u64::from(hit.firing.is_some());
                rest.tally.bytes().saturating_sub(before)
            }
            None => {
                let firings = u64::from(hit.firing.is_some());
                let rest = Rest { tally: Tally::new(hit.seen, hit.number), firings };
                let bytes = size_of::<Rest>() + rest.tally.bytes();
                self.rest = Some(Box::new(rest));
                bytes
            }
        }
    }

    fn bytes(&self) -> usize {
        let samples = self.firing.iter().flat_map(|firing| &firing.samples);
        let firing: usize = samples.map(|sample| size_of::<String>() + sample.capacity()).sum();
        // The key stands in the map, too.
        let entry = size_of::<Finding>() + size_of::<(Box<str>, usize)>() + 2 * self.key.len();
        entry + self.first.bytes() + firing
    }
}

impl Tally {
    fn new(seen: &Seen<'_>, number: u64) -> Self {
        let mut tally = Tally {
            lines: 0,
            earliest: seen.time,
            latest: seen.time,
            message: String::new(),
            samples: VecDeque::new(),
            number,
            quiet_since: seen.time,
        };
        tally.add(seen, number);
        tally
    }

    fn add(&mut self, seen: &Seen<'_>, number: u64) {
        self.earliest = self.earliest.min(seen.time);
        self.latest = self.latest.max(seen.time);
        self.message.clear();
        self.message.push_str(&kept(seen.message));
        self.number = number;
        self.quiet_since = seen.watermark.max(seen.time);
        if seen.is_line() {
            self.lines += 1;
            self.keep(seen.sample);
        }
    }

    /// Keeps a sample, in the place of the oldest one if there are enough.
    fn keep(&mut self, sample: &str) {
        let full = self.samples.len() >= MAX_SAMPLES;
        let mut place =
            if full { self.samples.pop_front().unwrap_or_default() } else { String::new() };
        place.clear();
        place.push_str(sample);
        self.samples.push_back(place);
    }

    fn bytes(&self) -> usize {
        let samples = self.samples.iter().map(|sample| size_of::<String>() + sample.capacity());
        self.message.capacity() + samples.sum::<usize>()
    }
}
