//! What rules see in a line, before the line's time is known.

use std::ops::Range;
use std::sync::Arc;

use super::event::Event;
use super::facts::{Captured, Facts};
use super::found::{Hit, Hits, Seen};
use super::groups::Groups;
use crate::rule::as_number;
use crate::{Group, Kind, Measure, Rule};

/// What rules see in one line; kept to be filled again.
#[derive(Debug, Default)]
pub(super) struct Sights {
    list: Vec<Sight>,
    /// The groups' keys, one after the other.
    keys: String,
}

/// What a rule sees in a line that concerns it.
#[derive(Debug)]
struct Sight {
    rule: usize,
    is_match: bool,
    /// Bit `i` is set when condition `i` of the rule's kind holds.
    holds: u32,
    /// Where the group's key stands.
    key: Range<usize>,
    text: Option<String>,
    number: Option<f64>,
}

impl Sights {
    /// Asks these rules about a line, and forgets the line before; whether it concerns any.
    pub(super) fn ask<'a>(
        &mut self,
        rules: impl IntoIterator<Item = (usize, &'a Arc<Rule>)>,
        facts: &Facts<'a>,
    ) -> bool {
        self.list.clear();
        self.keys.clear();
        let Sights { list, keys } = self;
        list.extend(
            rules.into_iter().filter_map(|(index, rule)| Sight::of(index, rule, facts, keys)),
        );
        !list.is_empty()
    }

    /// Gives the line to the groups that it concerns; `hits` takes what is to be told of it.
    pub(super) fn take(
        &self,
        rules: &[Arc<Rule>],
        groups: &mut [Groups],
        line: &Seen<'_>,
        hits: &mut impl Hits,
    ) {
        for sight in &self.list {
            let index = sight.rule;
            let (Some(rule), Some(groups)) = (rules.get(index), groups.get_mut(index)) else {
                continue;
            };
            let key = self.keys.get(sight.key.clone()).unwrap_or_default();
            let (number, firing) = groups.push(rule, key, &sight.event(line));
            if firing.is_some() || sight.counts(rule) {
                hits.take(Hit { rule, index, key, seen: line, number, firing });
            }
        }
    }
}

impl Sight {
    /// Asks a rule about a line, and adds the group's key to `keys`; `None` when the line does not
    /// concern it.
    fn of<'a>(index: usize, rule: &'a Rule, facts: &Facts<'a>, keys: &mut String) -> Option<Sight> {
        let (own, others) = rule.trees.split_first()?;
        let mut captured = Captured::new();
        let is_match = own.holds(facts, &mut captured);
        // A step of a sequence may be a line that the rule's own condition says nothing about.
        if !is_match && !matches!(rule.kind(), Kind::Sequence { .. }) {
            return None;
        }
        let mut holds = 0;
        for (bit, tree) in others.iter().enumerate() {
            let before = captured.len();
            if tree.holds(facts, &mut captured) {
                holds |= 1 << bit;
            } else {
                captured.truncate(before);
            }
        }
        if !is_match && holds == 0 {
            return None;
        }
        let field = rule.kind().field().and_then(|key| facts.get(&captured, key));
        let start = keys.len();
        for key in rule.group_by() {
            match facts.get(&captured, key).as_ref().map(|found| found.value()) {
                Some(prisma_log_core::Value::Str(text)) => Group::push_value(keys, text),
                Some(value) => Group::push_value(keys, &value.to_string()),
                None => Group::push_value(keys, ""),
            }
        }
        Some(Sight {
            rule: index,
            is_match,
            holds,
            key: start..keys.len(),
            text: field.as_ref().map(|found| found.value().to_string()),
            number: field.as_ref().and_then(|found| as_number(found.value())),
        })
    }

    /// Whether the line counts for the rule's alert even if the group does not fire with it.
    fn counts(&self, rule: &Rule) -> bool {
        match rule.kind() {
            Kind::Any | Kind::LeakyBucket { .. } => true,
            Kind::Frequency { measure, .. } => {
                !matches!(measure, Measure::Sum(_)) || self.number.is_some()
            }
            Kind::Rate { .. } => self.holds & 1 != 0,
            _ => false,
        }
    }

    fn event<'e>(&'e self, line: &Seen<'e>) -> Event<'e> {
        Event {
            time: line.time,
            is_match: self.is_match,
            holds: self.holds,
            text: self.text.as_deref(),
            number: self.number,
            message: line.message,
            sample: line.sample,
        }
    }
}
