//! What the engine finds.

use std::path::Path;
use std::sync::Arc;

use prisma_log_core::Timestamp;

use crate::Group;

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

impl Match {
    /// Whether there is a line, and not only time that passed.
    pub(crate) fn is_line(&self) -> bool {
        !self.source.as_os_str().is_empty()
    }
}
