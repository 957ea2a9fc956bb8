//! The groups of one rule and how near each is to its threshold.

mod ages;
mod group;
mod recency;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use prisma_log_core::{Error, Timestamp};

use super::Firing;
use super::event::Event;
use crate::{Kind, Rule};
use ages::Ages;
use group::{Group, shape};
use recency::Recency;

/// What a rule's groups may take, in bytes, before some are forgotten.
const MAX_BYTES: usize = 16 << 20;
/// Groups that are looked at when one has to go. Few, so that what stopped long ago goes too,
/// however near its threshold it came.
const CANDIDATES: usize = 32;
/// What a group takes besides its state: map entries, keys, rounding.
const GROUP_BYTES: usize = 320;
/// All groups are looked through for those whose time has passed after so many pushes per group.
const SWEEP_EVERY: usize = 8;

#[derive(Debug, Default)]
pub(super) struct Groups {
    numbers: HashMap<Arc<str>, u32>,
    groups: Recency<Entry>,
    bytes: usize,
    /// Groups that were forgotten although they might have fired.
    pub(super) evicted: u64,
    /// What groups forgot to stay within their own bounds: lines, values, windows.
    pub(super) forgotten: u64,
    /// Groups whose state is not what the store has.
    dirty: HashSet<u32>,
    /// Keys of groups that are gone; the store may still have them.
    gone: HashSet<Arc<str>>,
    /// When time alone may do something next, for groups where it can.
    due: BTreeSet<(Timestamp, u32)>,
    ages: Ages,
    /// Pushes since all groups were looked through.
    pushes: usize,
}

#[derive(Debug)]
struct Entry {
    key: Arc<str>,
    group: Group,
    bytes: usize,
    is_dirty: bool,
    due: Option<Timestamp>,
}

impl Groups {
    /// Takes a line into its group; returns the line's number in the group, zero if these are not
    /// counted, and the firing if there is one.
    pub(super) fn push(
        &mut self,
        rule: &Rule,
        key: &str,
        event: &Event<'_>,
    ) -> (u64, Option<Firing>) {
        if rule.remembers_nothing() {
            let samples = vec![event.sample.to_owned()];
            let (first, last) = (event.time, event.time);
            return (0, Some(Firing { count: 1, first, last, samples, why: None }));
        }
        let number = match self.numbers.get(key) {
            Some(&number) => number,
            None => self.insert(key, Group::new(rule, event.time)),
        };
        self.groups.touch(number);
        self.ages.observe(event.time);
        self.pushes += 1;
        let Some(entry) = self.groups.get_mut(number) else { return (0, None) };
        let firing = entry.group.push(rule, event);
        let matches = entry.group.matches;
        let is_unchanged = entry.group.progress.is_unchanged();
        self.forgotten += entry.group.progress.take_forgotten();
        if firing.is_some() || !is_unchanged {
            self.note(number);
        }
        self.schedule(rule, number, None);
        self.make_room(rule);
        (matches, firing)
    }

    /// The groups that time alone makes fire, by `now` in event time: key, the group's number of
    /// lines, and the firing.
    pub(super) fn tick(&mut self, rule: &Rule, now: Timestamp) -> Vec<(String, u64, Firing)> {
        let is_watching = matches!(rule.kind(), Kind::Flatline { .. } | Kind::Spike { .. });
        if is_watching && rule.group_by().is_empty() && self.numbers.is_empty() {
            let mut group = Group::new(rule, now);
            group.progress.begin(now);
            let number = self.insert("", group);
            self.note(number);
            self.schedule(rule, number, None);
        }
        let mut fired = Vec::new();
        while let Some(&(due, number)) = self.due.first().filter(|(due, _)| *due <= now) {
            self.due.remove(&(due, number));
            let Some(entry) = self.groups.get_mut(number) else { continue };
            entry.due = None;
            if let Some(firing) = entry.group.tick(rule, now) {
                fired.push((entry.key.to_string(), entry.group.matches, firing));
            }
            self.note(number);
            self.schedule(rule, number, Some(now));
        }
        fired
    }

    /// Notes when the group has to be looked at next, unless that is noted; after `now`, if there is
    /// one.
    fn schedule(&mut self, rule: &Rule, number: u32, now: Option<Timestamp>) {
        let Some(entry) = self.groups.get_mut(number).filter(|entry| entry.due.is_none()) else {
            return;
        };
        let Some(mut due) = entry.group.progress.due(rule.kind(), rule.late()) else { return };
        if let Some(now) = now {
            due = due.max(now.saturating_add(Duration::from_nanos(1)));
        }
        // At the end of time nothing comes after it.
        if now != Some(due) {
            entry.due = Some(due);
            self.due.insert((due, number));
        }
    }

    fn insert(&mut self, key: &str, group: Group) -> u32 {
        let key: Arc<str> = key.into();
        self.gone.remove(&key);
        let entry = Entry { key: Arc::clone(&key), group, bytes: 0, is_dirty: false, due: None };
        let number = self.groups.insert(entry);
        self.numbers.insert(key, number);
        self.weigh(number);
        number
    }

    fn remove(&mut self, number: u32) {
        let Some(entry) = self.groups.remove(number) else { return };
        self.numbers.remove(&entry.key);
        self.bytes -= entry.bytes;
        if entry.is_dirty {
            self.dirty.remove(&number);
        }
        if let Some(due) = entry.due {
            self.due.remove(&(due, number));
        }
        self.gone.insert(entry.key);
    }

    /// Notes that a group's state changed.
    fn note(&mut self, number: u32) {
        self.weigh(number);
        if let Some(entry) = self.groups.get_mut(number).filter(|entry| !entry.is_dirty) {
            entry.is_dirty = true;
            self.dirty.insert(number);
        }
    }

    fn weigh(&mut self, number: u32) {
        let Some(entry) = self.groups.get_mut(number) else { return };
        let bytes = GROUP_BYTES + 2 * entry.key.len() + entry.group.bytes();
        self.bytes = self.bytes + bytes - std::mem::replace(&mut entry.bytes, bytes);
    }

    fn is_full(&self, rule: &Rule) -> bool {
        let groups = self.numbers.len();
        groups > rule.max_groups() || (self.bytes > MAX_BYTES && groups > 1)
    }

    /// Forgets groups until the rest is within bounds: first those whose time has passed.
    fn make_room(&mut self, rule: &Rule) {
        if !self.is_full(rule) {
            return;
        }
        if self.pushes >= self.numbers.len() / SWEEP_EVERY {
            self.pushes = 0;
            let passed =
                self.groups.iter().filter(|(_, entry)| self.has_passed(rule, &entry.group));
            let passed: Vec<u32> = passed.map(|(number, _)| number).collect();
            passed.into_iter().for_each(|number| self.remove(number));
        }
        while self.is_full(rule) {
            self.evict(rule);
        }
    }

    fn has_passed(&self, rule: &Rule, group: &Group) -> bool {
        self.ages.has_passed(group.last, group.until(rule))
    }

    /// Forgets, of the least recently touched groups, the one farthest from its threshold: many
    /// groups with an event each must not wash away the few that go on.
    fn evict(&mut self, rule: &Rule) {
        let oldest = self.groups.iter().take(CANDIDATES);
        let of = |group: &Group| (!self.has_passed(rule, group), group.progress.len());
        let farthest =
            oldest.map(|(number, entry)| (of(&entry.group), number)).min_by_key(|&(of, _)| of);
        let Some(((may_fire, _), number)) = farthest else { return };
        self.remove(number);
        self.evicted += u64::from(may_fire);
    }

    /// Groups whose state changed since [`Groups::mark_clean`], with their rows; `None` for those
    /// that are gone.
    pub(super) fn dirty_rows(&self, rule: &Rule) -> impl Iterator<Item = (&str, Option<Vec<u8>>)> {
        let shape = if self.dirty.is_empty() { 0 } else { shape(rule) };
        let rows = self.dirty.iter().filter_map(move |&number| {
            let entry = self.groups.get(number)?;
            Some((&*entry.key, Some(entry.group.to_bytes(shape))))
        });
        self.gone.iter().map(|key| (&**key, None)).chain(rows)
    }

    pub(super) fn mark_clean(&mut self) {
        for number in self.dirty.drain() {
            if let Some(entry) = self.groups.get_mut(number) {
                entry.is_dirty = false;
            }
        }
        self.gone.clear();
    }

    /// Takes a stored group back; `false` when it was stored under another threshold.
    pub(super) fn restore(&mut self, rule: &Rule, key: &str, row: &[u8]) -> Result<bool, Error> {
        if rule.remembers_nothing() {
            return Ok(false);
        }
        let Some(group) = Group::from_bytes(rule, row)? else { return Ok(false) };
        if self.numbers.len() >= rule.max_groups() {
            return Ok(false);
        }
        if let Some(&number) = self.numbers.get(key) {
            self.remove(number);
        }
        self.ages.observe(group.last);
        let number = self.insert(key, group);
        self.schedule(rule, number, None);
        Ok(true)
    }
}
