//! What the engine finds.

use std::path::Path;
use std::sync::Arc;

use prisma_log_core::Timestamp;

use crate::text::kept;
use crate::{Group, Rule};

/// A line that counts for a rule, or a group that fired.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Match {
    /// The rule's index in [`Engine::rules`](crate::Engine::rules).
    pub rule: usize,
    /// The file that the line stands in; empty when time alone made the group fire.
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
    /// Set when the group fired with this line.
    pub firing: Option<Firing>,
}

/// A group that fired.
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
    /// What was reached, where that is not plain from the rule: `error rate 7.3 % of 1200`.
    pub why: Option<String>,
}

/// A line that was seen, and when; without a source, time that passed.
#[derive(Clone, Copy)]
pub(crate) struct Seen<'a> {
    pub(crate) source: &'a Arc<Path>,
    /// The line's event time.
    pub(crate) time: Timestamp,
    /// The latest event time that was seen in the line's file.
    pub(crate) watermark: Timestamp,
    /// The whole message.
    pub(crate) message: &'a str,
    /// The line as it is kept in an alert.
    pub(crate) sample: &'a str,
}

impl Seen<'_> {
    /// Whether there is a line, and not only time that passed.
    pub(crate) fn is_line(&self) -> bool {
        !self.source.as_os_str().is_empty()
    }
}

/// What a line, or time, did to a group.
pub(crate) struct Hit<'a> {
    pub(crate) rule: &'a Rule,
    /// The rule's index.
    pub(crate) index: usize,
    /// The group, as [`Group::to_key`] writes it.
    pub(crate) key: &'a str,
    pub(crate) seen: &'a Seen<'a>,
    /// How many matches the group has had, this one included; zero where nobody counts.
    pub(crate) number: u64,
    pub(crate) firing: Option<Firing>,
}

/// What takes the hits.
pub(crate) trait Hits {
    fn take(&mut self, hit: Hit<'_>);
}

impl Hits for Vec<Match> {
    fn take(&mut self, hit: Hit<'_>) {
        let Hit { rule, index, key, seen, number, firing } = hit;
        self.push(Match {
            rule: index,
            source: Arc::clone(seen.source),
            group: Group::from_key(rule.group_by(), key),
            time: seen.time,
            watermark: seen.watermark,
            number,
            message: kept(seen.message).into_owned(),
            sample: seen.sample.to_owned(),
            firing,
        });
    }
}
