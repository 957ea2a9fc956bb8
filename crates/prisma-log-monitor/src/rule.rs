//! Rules: what to look for, how much of it is too much, and by what to group it.

mod builder;
mod check;
mod compile;
mod condition;
mod doubt;
mod explain;
mod field;
mod kind;
mod tree;

use std::fmt;
use std::time::Duration;

pub use builder::RuleBuilder;
pub use condition::Condition;
pub use explain::{Explanation, Reason};
pub(crate) use field::as_number;
pub use field::{FieldCondition, FieldTest};
pub use kind::{Baseline, Bound, Direction, Kind, Measure, Windows};
pub(crate) use tree::Tree;

use crate::Severity;

/// What to look for in lines, and when it becomes an alert.
///
/// A line *matches* a rule when the rule's [`Condition`] holds. Matches are grouped by the values of
/// [`Rule::group_by`]; a group *fires* as the rule's [`Kind`] says. All times are event times: what
/// the lines themselves state.
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
    pub(crate) settings: Settings,
    /// The condition, ready to use, and after it those of the kind.
    pub(crate) trees: Vec<Tree>,
}

/// Everything that a rule says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Settings {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) severity: Severity,
    pub(crate) labels: Vec<(String, String)>,
    pub(crate) condition: Condition,
    pub(crate) kind: Kind,
    pub(crate) group_by: Vec<String>,
    pub(crate) max_groups: usize,
    pub(crate) late: Duration,
    pub(crate) cooldown: Duration,
    pub(crate) resolve_after: Duration,
    pub(crate) escalation: Vec<Escalation>,
    pub(crate) should_match: Vec<String>,
    pub(crate) should_not: Vec<String>,
}

/// A higher severity for an alert that nobody takes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Escalation {
    /// How long the alert has been open, not acknowledged.
    pub after: Duration,
    /// Its severity from then on.
    pub severity: Severity,
}

impl Rule {
    /// Starts a rule; `name` identifies it in alerts: 1 to 64 of `a` to `z`, `0` to `9` and `-`.
    pub fn builder(name: impl Into<String>) -> RuleBuilder {
        RuleBuilder::new(name.into())
    }

    /// The rule's settings, to make a rule that differs from it: such as a built-in one with another
    /// threshold.
    pub fn to_builder(&self) -> RuleBuilder {
        RuleBuilder::of(self.settings.clone())
    }

    /// The name that identifies the rule.
    pub fn name(&self) -> &str {
        &self.settings.name
    }

    /// What the rule is about, for people; may be empty.
    pub fn description(&self) -> &str {
        &self.settings.description
    }

    /// How urgent its alerts are.
    pub fn severity(&self) -> Severity {
        self.settings.severity
    }

    /// What its alerts carry for whoever routes them: keys and values.
    pub fn labels(&self) -> &[(String, String)] {
        &self.settings.labels
    }

    /// What a line must satisfy to match.
    pub fn condition(&self) -> &Condition {
        &self.settings.condition
    }

    /// When matches become an alert.
    pub fn kind(&self) -> &Kind {
        &self.settings.kind
    }

    /// The keys whose values tell groups apart.
    pub fn group_by(&self) -> &[String] {
        &self.settings.group_by
    }

    /// Groups that are kept at once.
    pub fn max_groups(&self) -> usize {
        self.settings.max_groups
    }

    /// How long after its end a window that tumbles still takes lines.
    pub fn late(&self) -> Duration {
        self.settings.late
    }

    /// How long a group can't fire again after it fired; zero for none.
    pub fn cooldown(&self) -> Duration {
        self.settings.cooldown
    }

    /// Whether each match fires, whatever came before it.
    pub(crate) fn remembers_nothing(&self) -> bool {
        *self.kind() == Kind::Any && self.cooldown().is_zero()
    }

    /// The quiet period after which an alert is resolved by itself.
    pub fn resolve_after(&self) -> Duration {
        self.settings.resolve_after
    }

    /// Higher severities for alerts that nobody takes on, soonest first.
    pub fn escalation(&self) -> &[Escalation] {
        &self.settings.escalation
    }

    /// Lines that must match: `plog rules test` checks them.
    pub fn should_match(&self) -> &[String] {
        &self.settings.should_match
    }

    /// Lines that must not match.
    pub fn should_not(&self) -> &[String] {
        &self.settings.should_not
    }
}

/// Rules are equal when all their settings are.
impl PartialEq for Rule {
    fn eq(&self, other: &Self) -> bool {
        self.settings == other.settings
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.settings.fmt(f)
    }
}
