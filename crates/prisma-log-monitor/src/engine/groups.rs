//! The groups of one rule and how near each is to its threshold.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use prisma_log_core::{Error, Timestamp};

use super::Firing;
use super::event::Event;
use super::progress::Progress;
use crate::Rule;
use crate::alert::MAX_SAMPLES;
use crate::codec::{Reader, Writer, fnv1a};

/// What a rule's groups may take, in bytes, before some are forgotten.
const MAX_BYTES: usize = 16 << 20;
/// Groups that are looked at when one has to go. Few, so that what stopped long ago goes too,
/// however near its threshold it came.
const CANDIDATES: usize = 32;
/// What a group takes besides its events and samples: map entries, keys, rounding.
const GROUP_BYTES: usize = 256;

#[derive(Debug, Default)]
pub(super) struct Groups {
    groups: HashMap<Arc<str>, GroupState>,
    /// Keys by when they were last touched.
    order: BTreeMap<u64, Arc<str>>,
    touches: u64,
    bytes: usize,
    pub(super) evicted: u64,
    /// Keys whose state is not what the store has.
    dirty: HashSet<Arc<str>>,
}

#[derive(Debug)]
struct GroupState {
    touched: u64,
    bytes: usize,
    /// Matches of the group so far.
    matches: u64,
    fired: Option<Timestamp>,
    progress: Progress,
    samples: VecDeque<(Timestamp, String)>,
}

impl Groups {
    /// Takes a match into its group; returns the match's number in the group, and the firing if the
    /// threshold is reached.
    pub(super) fn push(
        &mut self,
        rule: &Rule,
        key: String,
        event: &Event<'_>,
    ) -> (u64, Option<Firing>) {
        let key: Arc<str> = key.into();
        self.touches += 1;
        let group = self.groups.entry(Arc::clone(&key)).or_insert_with(|| GroupState::new(rule));
        self.order.remove(&group.touched);
        group.touched = self.touches;
        let before = group.bytes;
        let firing = group.push(rule, event);
        group.bytes = GROUP_BYTES + 3 * key.len() + group.size();
        let number = group.matches;
        self.bytes = self.bytes + group.bytes - before;
        self.order.insert(self.touches, Arc::clone(&key));
        self.dirty.insert(key);
        while self.groups.len() > rule.max_groups() || (self.bytes > MAX_BYTES && self.groups.len() > 1) {
            self.evict();
        }
        (number, firing)
    }

    /// The groups that time alone makes fire, by `now` in event time.
    pub(super) fn tick(&mut self, rule: &Rule, now: Timestamp) -> Vec<(String, u64, Firing)> {
        let _: (&Rule, Timestamp) = (rule, now);
        Vec::new()
    }

    /// Forgets, of the least recently touched groups, the one farthest from its threshold: many
    /// groups with an event each must not wash away the few that go on.
    fn evict(&mut self) {
        let oldest = self.order.iter().take(CANDIDATES);
        let events = |key: &Arc<str>| self.groups.get(key).map_or(0, GroupState::events);
        let farthest = oldest.min_by_key(|(_, key)| events(key)).map(|(&touched, _)| touched);
        let Some(key) = farthest.and_then(|touched| self.order.remove(&touched)) else { return };
        if let Some(group) = self.groups.remove(&key) {
            self.bytes -= group.bytes;
            self.evicted += 1;
            self.dirty.insert(key);
        }
    }

    /// Groups whose state changed since [`Groups::mark_clean`], with their rows; `None` for those
    /// that are gone.
    pub(super) fn dirty_rows(&self, rule: &Rule) -> impl Iterator<Item = (&str, Option<Vec<u8>>)> {
        let shape = shape(rule);
        self.dirty
            .iter()
            .map(move |key| (&**key, self.groups.get(key).map(|group| group.to_bytes(shape))))
    }

    pub(super) fn mark_clean(&mut self) {
        self.dirty.clear();
    }

    /// Takes a stored group back; `false` when it was stored under another threshold.
    pub(super) fn restore(&mut self, rule: &Rule, key: &str, row: &[u8]) -> Result<bool, Error> {
        let Some(mut group) = GroupState::from_bytes(rule, row)? else { return Ok(false) };
        if self.groups.len() >= rule.max_groups() {
            return Ok(false);
        }
        self.touches += 1;
        group.touched = self.touches;
        group.bytes = GROUP_BYTES + 3 * key.len() + group.size();
        self.bytes += group.bytes;
        let key: Arc<str> = key.into();
        self.order.insert(self.touches, Arc::clone(&key));
        self.groups.insert(key, group);
        Ok(true)
    }
}

impl GroupState {
    fn new(rule: &Rule) -> Self {
        GroupState {
            touched: 0,
            bytes: 0,
            matches: 0,
            fired: None,
            progress: Progress::new(rule.kind()),
            samples: VecDeque::new(),
        }
    }

    fn push(&mut self, rule: &Rule, event: &Event<'_>) -> Option<Firing> {
        let time = event.time;
        self.matches += 1;
        let cooling = self.fired.is_some_and(|fired| {
            let distance = time.saturating_since(fired).max(fired.saturating_since(time));
            distance < rule.cooldown()
        });
        if cooling {
            return None;
        }
        if self.samples.len() == MAX_SAMPLES {
            self.samples.pop_front();
        }
        self.samples.push_back((time, event.sample.to_owned()));
        let reached = self.progress.push(rule.kind(), event)?;
        if rule.cooldown() > Duration::ZERO {
            self.fired = Some(time);
        }
        let part_of_it = |at: Timestamp| (reached.first..=reached.last).contains(&at);
        let (samples, rest): (VecDeque<_>, _) =
            self.samples.drain(..).partition(|(at, _)| part_of_it(*at));
        self.samples = rest;
        Some(Firing {
            count: reached.count,
            first: reached.first,
            last: reached.last,
            samples: samples.into_iter().map(|(_, sample)| sample).collect(),
            why: None,
        })
    }

    fn events(&self) -> usize {
        self.progress.len()
    }

    fn size(&self) -> usize {
        self.progress.bytes() + self.samples.iter().map(|(_, sample)| sample.len() + 32).sum::<usize>()
    }

    fn to_bytes(&self, shape: u64) -> Vec<u8> {
        let mut out = Writer::new();
        out.fixed(shape);
        out.u64(self.matches);
        out.option(self.fired, Writer::time);
        self.progress.write(&mut out);
        out.list(self.samples.iter(), |out, (time, sample)| {
            out.time(*time);
            out.text(sample);
        });
        out.finish()
    }

    fn from_bytes(rule: &Rule, row: &[u8]) -> Result<Option<Self>, Error> {
        let mut from = Reader::new(row, "window")?;
        if from.fixed()? != shape(rule) {
            return Ok(None);
        }
        let mut group = GroupState::new(rule);
        group.matches = from.u64()?;
        group.fired = from.option(Reader::time)?;
        group.progress = Progress::read(rule.kind(), &mut from)?;
        group.samples = from.list(|from| Ok((from.time()?, from.text()?.to_owned())))?.into();
        from.finish()?;
        Ok(Some(group))
    }
}

/// Differs when the states of two rules must not be mixed up.
fn shape(rule: &Rule) -> u64 {
    let shape = format!("{:?}\0{:?}", rule.kind(), rule.group_by());
    fnv1a(shape.as_bytes())
}
