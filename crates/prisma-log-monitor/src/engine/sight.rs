//! What a rule sees in a line, before the line's time is known.

use super::event::Event;
use super::facts::{Captured, Facts};
use super::groups::Groups;
use super::{Firing, Match};
use crate::rule::as_number;
use crate::{Group, Kind, Measure, Rule};

/// What a rule sees in a line that concerns it.
pub(super) struct Sight {
    pub(super) rule: usize,
    is_match: bool,
    /// Bit `i` is set when condition `i` of the rule's kind holds.
    holds: u32,
    pub(super) group: Group,
    text: Option<String>,
    number: Option<f64>,
}

impl Sight {
    /// Asks a rule about a line; `None` when the line does not concern it.
    pub(super) fn of<'a>(index: usize, rule: &'a Rule, facts: &Facts<'a>) -> Option<Sight> {
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
        Some(Sight {
            rule: index,
            is_match,
            holds,
            group: group_of(rule, facts, &captured),
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

    /// Gives the line to its group; what is to be told of it.
    pub(super) fn take(self, rule: &Rule, groups: &mut Groups, line: &Seen<'_>) -> Option<Match> {
        let event = Event {
            time: line.time,
            is_match: self.is_match,
            holds: self.holds,
            text: self.text.as_deref(),
            number: self.number,
            message: line.message,
            sample: line.sample,
        };
        let (number, firing) = groups.push(rule, &self.group.to_key(), &event);
        if firing.is_none() && !self.counts(rule) {
            return None;
        }
        Some(line.found(self.rule, self.group, number, firing))
    }
}

/// A line that was seen, and when.
pub(super) struct Seen<'a> {
    pub(super) source: &'a std::sync::Arc<std::path::Path>,
    pub(super) time: prisma_log_core::Timestamp,
    pub(super) watermark: prisma_log_core::Timestamp,
    /// The whole message.
    pub(super) message: &'a str,
    /// The line as it is kept in an alert.
    pub(super) sample: &'a str,
}

impl Seen<'_> {
    pub(super) fn found(
        &self,
        rule: usize,
        group: Group,
        number: u64,
        firing: Option<Firing>,
    ) -> Match {
        Match {
            rule,
            source: std::sync::Arc::clone(self.source),
            group,
            time: self.time,
            watermark: self.watermark,
            number,
            message: crate::text::kept(self.message),
            sample: self.sample.to_owned(),
            firing,
        }
    }
}

fn group_of<'a>(rule: &Rule, facts: &Facts<'a>, captured: &Captured<'a>) -> Group {
    let values = rule.group_by().iter().map(|key| {
        facts.get(captured, key).map(|found| found.value().to_string()).unwrap_or_default()
    });
    Group::new(rule.group_by().iter().map(String::as_str), values)
}
