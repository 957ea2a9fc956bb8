//! Settings of a rule.

use std::time::Duration;

use prisma_log_core::{Error, Level};

use super::compile::Compiler;
use super::{Condition, Escalation, FieldCondition, Kind, Measure, Rule, Settings, Tree, Windows};
use crate::Severity;

/// Groups that a rule keeps, unless told otherwise.
pub(crate) const DEFAULT_GROUPS: usize = 10_000;
const DEFAULT_WINDOW: Duration = Duration::from_secs(60);
const DEFAULT_RESOLVE_AFTER: Duration = Duration::from_secs(300);
pub(super) const DEFAULT_LATE: Duration = Duration::from_secs(10);

/// Collects a rule's settings.
///
/// Without a kind every match fires. At least one condition is required.
#[derive(Clone, Debug)]
#[must_use = "a rule is made by `build`"]
pub struct RuleBuilder {
    pub(super) settings: Settings,
    /// What the condition consists of; all of it has to hold.
    pub(super) conditions: Vec<Condition>,
    /// Logger names of which the line's has to be one.
    pub(super) loggers: Vec<Condition>,
    pub(super) kind: Option<Kind>,
    pub(super) count: Option<u32>,
    pub(super) window: Option<Duration>,
    pub(super) bucket: Option<(u32, Duration)>,
    pub(super) distinct: Option<String>,
}

impl RuleBuilder {
    pub(super) fn new(name: String) -> Self {
        Self::of(Settings {
            name,
            description: String::new(),
            severity: Severity::default(),
            labels: Vec::new(),
            condition: Condition::All(Vec::new()),
            kind: Kind::Any,
            group_by: Vec::new(),
            max_groups: DEFAULT_GROUPS,
            late: DEFAULT_LATE,
            cooldown: Duration::ZERO,
            resolve_after: DEFAULT_RESOLVE_AFTER,
            escalation: Vec::new(),
            should_match: Vec::new(),
            should_not: Vec::new(),
        })
    }

    pub(super) fn of(settings: Settings) -> Self {
        let conditions = match &settings.condition {
            Condition::All(list) => list.clone(),
            other => vec![other.clone()],
        };
        let (loggers, conditions) = conditions.into_iter().partition::<Vec<_>, _>(are_loggers);
        let loggers = loggers.into_iter().flat_map(|loggers| match loggers {
            Condition::Any(loggers) => loggers,
            other => vec![other],
        });
        let mut builder = RuleBuilder {
            conditions,
            loggers: loggers.collect(),
            kind: None,
            count: None,
            window: None,
            bucket: None,
            distinct: None,
            settings,
        };
        // What the short setters set stays open to them.
        match builder.settings.kind.clone() {
            Kind::Any => {}
            Kind::Frequency { measure, at_least, window, windows: Windows::Sliding }
                if !matches!(measure, Measure::Sum(_)) =>
            {
                builder.count = Some(at_least as u32);
                builder.window = Some(window);
                if let Measure::Distinct(key) = measure {
                    builder.distinct = Some(key);
                }
            }
            Kind::LeakyBucket { capacity, leak_every, distinct } => {
                builder.bucket = Some((capacity, leak_every));
                builder.distinct = distinct;
            }
            other => builder.kind = Some(other),
        }
        builder
    }

    /// What the rule is about, for people.
    pub fn description(mut self, text: impl Into<String>) -> Self {
        self.settings.description = text.into();
        self
    }

    /// How urgent its alerts are; [`Severity::Warning`] unless told otherwise.
    pub fn severity(mut self, severity: Severity) -> Self {
        self.settings.severity = severity;
        self
    }

    /// Something that its alerts carry for whoever routes them; up to 32.
    pub fn label(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.labels.push((key.into(), value.into()));
        self
    }

    /// A condition; with several calls, and together with those below, all of them have to hold.
    pub fn condition(mut self, condition: Condition) -> Self {
        self.conditions.push(condition);
        self
    }

    /// A pattern (syntax of the `regex` crate) that must be found in the message; with several
    /// calls all of them. Its named groups become fields.
    pub fn message(self, pattern: impl Into<String>) -> Self {
        self.condition(Condition::Message(pattern.into()))
    }

    /// A pattern that must be found in the raw line; with several calls all of them. Its named
    /// groups become fields.
    pub fn line(self, pattern: impl Into<String>) -> Self {
        self.condition(Condition::Line(pattern.into()))
    }

    /// A pattern that excludes a line when it is found in the message or in the raw line; with
    /// several calls each of them does.
    pub fn except(self, pattern: impl Into<String>) -> Self {
        self.condition(Condition::except(pattern))
    }

    /// The line states this level or a more severe one.
    pub fn level_at_least(self, level: Level) -> Self {
        self.condition(Condition::Level(level))
    }

    /// The line's logger is this one or below it (`shop` holds for `shop.orders`, not for
    /// `shopping`); with several calls one of them.
    pub fn logger(mut self, name: impl Into<String>) -> Self {
        self.loggers.push(Condition::Logger(name.into()));
        self
    }

    /// A condition on a field; with several calls all of them.
    pub fn field(self, condition: FieldCondition) -> Self {
        self.condition(Condition::Field(condition))
    }

    /// When matches become an alert; instead of [`RuleBuilder::count`], [`RuleBuilder::window`],
    /// [`RuleBuilder::leaky_bucket`] and [`RuleBuilder::distinct`].
    pub fn kind(mut self, kind: Kind) -> Self {
        self.kind = Some(kind);
        (self.count, self.window, self.bucket, self.distinct) = (None, None, None, None);
        self
    }

    /// How many matches it takes, 1 to 1,000,000; default 1.
    pub fn count(mut self, count: u32) -> Self {
        self.count = Some(count);
        self
    }

    /// The time that they have to lie in, up to 30 days; default one minute.
    pub fn window(mut self, window: Duration) -> Self {
        self.window = Some(window);
        self
    }

    /// Instead of `count` within `window`: a bucket of 0 to 1,000,000 matches that leaks one every
    /// `leak_every`, and fires when it overflows.
    pub fn leaky_bucket(mut self, capacity: u32, leak_every: Duration) -> Self {
        self.bucket = Some((capacity, leak_every));
        self
    }

    /// Counts only matches with distinct values of this key. A match without the key counts as one
    /// with an empty value.
    pub fn distinct(mut self, key: impl Into<String>) -> Self {
        self.distinct = Some(key.into());
        self
    }

    /// The keys whose values tell groups apart, up to 8; every group has its own state and alert. A
    /// match without the key belongs to the group with an empty value.
    pub fn group_by<K: Into<String>>(mut self, keys: impl IntoIterator<Item = K>) -> Self {
        self.settings.group_by.extend(keys.into_iter().map(Into::into));
        self
    }

    /// Groups that are kept at once, 1 to 1,000,000, default 10,000; beyond it some are forgotten, and
    /// counted.
    pub fn max_groups(mut self, groups: usize) -> Self {
        self.settings.max_groups = groups;
        self
    }

    /// How long after its end, in event time, a window that tumbles still takes lines; up to a day,
    /// default ten seconds. Sliding windows take lines in any order.
    pub fn late(mut self, late: Duration) -> Self {
        self.settings.late = late;
        self
    }

    /// How long, in event time, a group can't fire again after it fired: its matches raise the
    /// count of an alert that is not resolved yet, but don't fill the window or bucket. Up to 30
    /// days; default zero, which is none.
    pub fn cooldown(mut self, cooldown: Duration) -> Self {
        self.settings.cooldown = cooldown;
        self
    }

    /// The quiet period without matches after which an alert is resolved by itself; up to 30 days,
    /// default five minutes. A shorter one than the cooldown is as long as the cooldown, so that no
    /// match of an incident falls between a resolved alert and the next firing.
    pub fn resolve_after(mut self, quiet: Duration) -> Self {
        self.settings.resolve_after = quiet;
        self
    }

    /// Raises the severity of an alert that has been open for `after` and that nobody acknowledged;
    /// with several calls in steps. Up to 30 days and 8 steps.
    pub fn escalate(mut self, after: Duration, severity: Severity) -> Self {
        self.settings.escalation.push(Escalation { after, severity });
        self.settings.escalation.sort_by_key(|step| step.after);
        self
    }

    /// A raw line that must match; `plog rules test` checks it.
    pub fn should_match(mut self, line: impl Into<String>) -> Self {
        self.settings.should_match.push(line.into());
        self
    }

    /// A raw line that must not match; `plog rules test` checks it.
    pub fn should_not(mut self, line: impl Into<String>) -> Self {
        self.settings.should_not.push(line.into());
        self
    }

    /// Checks the settings and compiles the patterns.
    ///
    /// # Errors
    /// When a setting is outside its range, when there is no condition, or when a pattern can't be
    /// compiled; the message names the rule and the setting, and has the place in the pattern.
    pub fn build(mut self) -> Result<Rule, Error> {
        let kind = self.the_kind()?;
        if !self.loggers.is_empty() {
            self.conditions.push(Condition::Any(self.loggers));
        }
        // What is cheap to ask comes first, and what captures before the fields that ask for captures.
        self.conditions.sort_by_key(rank);
        let condition = Condition::All(self.conditions);
        let settings = Settings { condition, kind, ..self.settings };
        settings.check()?;
        let compiler = Compiler { rule: &settings.name };
        let conditions = std::iter::once(&settings.condition).chain(settings.kind.conditions());
        let trees = conditions.map(|condition| Tree::new(condition, &compiler));
        Ok(Rule { trees: trees.collect::<Result<_, Error>>()?, settings })
    }

    fn the_kind(&mut self) -> Result<Kind, Error> {
        let compiler = Compiler { rule: &self.settings.name };
        let short = self.count.is_some()
            || self.window.is_some()
            || self.bucket.is_some()
            || self.distinct.is_some();
        if let Some(kind) = self.kind.take() {
            if short {
                return Err(compiler.error("has both a kind and a count, window or bucket"));
            }
            return Ok(kind);
        }
        let distinct = self.distinct.take();
        if let Some((capacity, leak_every)) = self.bucket {
            if self.count.is_some() || self.window.is_some() {
                return Err(compiler.error("has both a leaky bucket and a count or window"));
            }
            return Ok(Kind::LeakyBucket { capacity, leak_every, distinct });
        }
        let count = self.count.unwrap_or(1);
        if count == 0 {
            let error = compiler.error("count is 0: it would fire without a match");
            return Err(error.with_hint("1 fires on every match"));
        }
        if !short {
            return Ok(Kind::Any);
        }
        Ok(Kind::Frequency {
            measure: distinct.map_or(Measure::Matches, Measure::Distinct),
            at_least: f64::from(count),
            window: self.window.unwrap_or(DEFAULT_WINDOW),
            windows: Windows::Sliding,
        })
    }
}

fn rank(condition: &Condition) -> u8 {
    match condition {
        Condition::Level(_) => 0,
        Condition::Logger(_) => 1,
        loggers if are_loggers(loggers) => 1,
        Condition::Contains(_) => 2,
        Condition::Message(_) => 3,
        Condition::Line(_) | Condition::Text(_) => 4,
        Condition::Field(_) => 5,
        Condition::All(_) | Condition::Any(_) | Condition::Not(_) => 6,
    }
}

fn are_loggers(condition: &Condition) -> bool {
    match condition {
        Condition::Any(list) => {
            !list.is_empty() && list.iter().all(|one| matches!(one, Condition::Logger(_)))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;
