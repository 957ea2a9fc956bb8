//! Rules: what to look for, how much of it is too much, and by what to group it.

mod builder;
mod compile;
mod condition;

use std::fmt;
use std::time::Duration;

use prisma_log_core::{Filter, Level};
use regex::Regex;

pub use builder::RuleBuilder;
pub use condition::{FieldCondition, FieldTest};

use crate::Severity;

/// What to look for in lines, and when it becomes an alert.
///
/// A line *matches* a rule when all of the rule's conditions hold and none of its exceptions does.
/// Matches are grouped by the values of [`Rule::group_by`]; a group *fires* when its matches reach
/// the [`Threshold`]. All times are event times: what the lines themselves state.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use prisma_log_monitor::{Rule, Severity};
///
/// let rule = Rule::builder("ssh-brute-force")
///     .severity(Severity::Critical)
///     .message(r"^Failed password for .* from (?<source>\S+)")
///     .count(5)
///     .window(Duration::from_secs(60))
///     .group_by(["source"])
///     .build()?;
/// assert_eq!(rule.name(), "ssh-brute-force");
/// # Ok::<(), prisma_log_core::Error>(())
/// ```
#[derive(Clone)]
pub struct Rule {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) severity: Severity,
    pub(crate) messages: Vec<Regex>,
    pub(crate) lines: Vec<Regex>,
    pub(crate) excepts: Vec<Regex>,
    pub(crate) level: Option<Level>,
    pub(crate) loggers: Vec<String>,
    /// What `loggers` means, ready to use; `None` when any logger will do.
    pub(crate) logger_filter: Option<Filter>,
    pub(crate) fields: Vec<FieldCondition>,
    /// The compiled pattern of each field condition that has one.
    pub(crate) field_patterns: Vec<Option<Regex>>,
    pub(crate) threshold: Threshold,
    pub(crate) distinct: Option<String>,
    pub(crate) group_by: Vec<String>,
    pub(crate) cooldown: Duration,
    pub(crate) resolve_after: Duration,
}

/// How many matches of a group are too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Threshold {
    /// Fires when `count` matches lie within `window`, the newest and the oldest of them at most
    /// `window` apart (both ends belong to it), in whatever order they are read. The matches of a
    /// firing are used up: the next one needs `count` new ones.
    Count {
        /// Matches that it takes, 1 to 1,000,000.
        count: u32,
        /// Time that they have to lie in, up to 30 days.
        window: Duration,
    },
    /// Every match fills a bucket by one, and one leaks out every `leak_every`; fires when a match
    /// does not fit any more, which is the (`capacity` + 1)-th one in the bucket. The bucket is
    /// gone then. This is what CrowdSec calls a leaky bucket.
    LeakyBucket {
        /// Matches that fit in, 0 to 1,000,000.
        capacity: u32,
        /// Time in which one match leaks out, up to 30 days.
        leak_every: Duration,
    },
}

impl fmt::Display for Threshold {
    /// The threshold as people read it: `5 within 60s`, `more than 5 leaking one every 10s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Threshold::Count { count, window } => write!(f, "{count} within {window:?}"),
            Threshold::LeakyBucket { capacity, leak_every } => {
                write!(f, "more than {capacity} leaking one every {leak_every:?}")
            }
        }
    }
}

impl Rule {
    /// Starts a rule; `name` identifies it in alerts: 1 to 64 of `a` to `z`, `0` to `9` and `-`.
    pub fn builder(name: impl Into<String>) -> RuleBuilder {
        RuleBuilder::new(name.into())
    }

    /// The rule's settings, to make a rule that differs from it: such as a built-in one with another
    /// threshold.
    pub fn to_builder(&self) -> RuleBuilder {
        RuleBuilder::of(self)
    }

    /// The name that identifies the rule.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the rule is about, for people; may be empty.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// How urgent its alerts are.
    pub fn severity(&self) -> Severity {
        self.severity
    }

    /// The patterns that must all be found in the message.
    pub fn messages(&self) -> impl ExactSizeIterator<Item = &str> {
        self.messages.iter().map(Regex::as_str)
    }

    /// The patterns that must all be found in the raw line.
    pub fn lines(&self) -> impl ExactSizeIterator<Item = &str> {
        self.lines.iter().map(Regex::as_str)
    }

    /// The patterns of which none may be found in the message or the raw line.
    pub fn excepts(&self) -> impl ExactSizeIterator<Item = &str> {
        self.excepts.iter().map(Regex::as_str)
    }

    /// The least severe level that a line must state.
    pub fn level(&self) -> Option<Level> {
        self.level
    }

    /// The logger names of which the line's must be one, or be below one; any when empty.
    pub fn loggers(&self) -> &[String] {
        &self.loggers
    }

    /// The conditions on fields.
    pub fn fields(&self) -> &[FieldCondition] {
        &self.fields
    }

    /// How many matches are too many.
    pub fn threshold(&self) -> Threshold {
        self.threshold
    }

    /// The key of which only distinct values count.
    pub fn distinct(&self) -> Option<&str> {
        self.distinct.as_deref()
    }

    /// The keys whose values tell groups apart.
    pub fn group_by(&self) -> &[String] {
        &self.group_by
    }

    /// How long a group can't fire again after it fired; zero for none.
    pub fn cooldown(&self) -> Duration {
        self.cooldown
    }

    /// The quiet period after which an alert is resolved by itself.
    pub fn resolve_after(&self) -> Duration {
        self.resolve_after
    }
}

/// Rules are equal when all their settings are.
impl PartialEq for Rule {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
            && self.description == other.description
            && self.severity == other.severity
            && self.messages().eq(other.messages())
            && self.lines().eq(other.lines())
            && self.excepts().eq(other.excepts())
            && self.level == other.level
            && self.loggers == other.loggers
            && self.fields == other.fields
            && self.threshold == other.threshold
            && self.distinct == other.distinct
            && self.group_by == other.group_by
            && self.cooldown == other.cooldown
            && self.resolve_after == other.resolve_after
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rule")
            .field("name", &self.name)
            .field("description", &self.description)
            .field("severity", &self.severity)
            .field("messages", &self.messages)
            .field("lines", &self.lines)
            .field("excepts", &self.excepts)
            .field("level", &self.level)
            .field("loggers", &self.loggers)
            .field("fields", &self.fields)
            .field("threshold", &self.threshold)
            .field("distinct", &self.distinct)
            .field("group_by", &self.group_by)
            .field("cooldown", &self.cooldown)
            .field("resolve_after", &self.resolve_after)
            .finish()
    }
}
