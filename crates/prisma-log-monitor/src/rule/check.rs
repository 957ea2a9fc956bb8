//! Limits of a rule's settings.

use std::time::Duration;

use prisma_log_core::Error;

use super::compile::Compiler;
use super::{Baseline, Bound, Condition, FieldCondition, FieldTest, Kind, Measure, Settings};

const MAX_NAME: usize = 64;
const MAX_COUNT: u64 = 1_000_000;
const MAX_DURATION: Duration = Duration::from_secs(30 * 86_400);
const DAY: Duration = Duration::from_secs(86_400);
const MAX_GROUP_KEYS: usize = 8;
const MAX_KEY: usize = 256;
const MAX_LABELS: usize = 32;
const MAX_STEPS: usize = 15;
const MAX_ESCALATION: usize = 8;
/// Conditions of one rule, lists and negations included.
const MAX_CONDITIONS: usize = 1_000;
const MAX_DEPTH: usize = 32;

impl Settings {
    /// Checks everything but the patterns.
    pub(super) fn check(&self) -> Result<(), Error> {
        self.check_name()?;
        if self.condition.asks_nothing() {
            return Err(self.error("no condition: it would match every line").with_hint(
                "give it a message or line pattern, a level, a logger or a field condition",
            ));
        }
        let mut left = MAX_CONDITIONS;
        for condition in std::iter::once(&self.condition).chain(self.kind.conditions()) {
            self.check_condition(condition, &mut left, 0)?;
        }
        self.check_kind()?;
        self.duration("late", self.late, Duration::ZERO, DAY)?;
        self.duration("cooldown", self.cooldown, Duration::ZERO, MAX_DURATION)?;
        self.span("resolve_after", self.resolve_after)?;
        self.check_groups()?;
        self.check_labels()?;
        if self.escalation.len() > MAX_ESCALATION {
            return Err(self.error(format_args!("escalates in more than {MAX_ESCALATION} steps")));
        }
        for step in &self.escalation {
            self.span("escalate", step.after)?;
            if step.severity <= self.severity {
                let (to, from) = (step.severity, self.severity);
                return Err(self.error(format_args!("escalates from {from} to {to}")));
            }
        }
        Ok(())
    }

    fn error(&self, what: impl std::fmt::Display) -> Error {
        Compiler { rule: &self.name }.error(what)
    }

    fn check_name(&self) -> Result<(), Error> {
        let wellformed = (1..=MAX_NAME).contains(&self.name.len())
            && self.name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        if wellformed {
            return Ok(());
        }
        Err(self
            .error(format_args!("invalid name: expected 1 to {MAX_NAME} of `a-z`, `0-9` and `-`")))
    }

    fn check_kind(&self) -> Result<(), Error> {
        if let Some(key) = self.kind.field() {
            self.key(key)?;
        }
        match &self.kind {
            Kind::Any | Kind::Change { .. } => Ok(()),
            Kind::Frequency { measure, at_least, window, .. } => {
                self.span("window", *window)?;
                match measure {
                    Measure::Sum(_) if *at_least > 0.0 && at_least.is_finite() => Ok(()),
                    Measure::Sum(_) => Err(self.error("the sum is not above zero")),
                    _ if at_least.fract() != 0.0 => Err(self.error("count is no whole number")),
                    _ => self.count("count", *at_least as u64),
                }
            }
            Kind::LeakyBucket { capacity, leak_every, .. } => {
                if u64::from(*capacity) > MAX_COUNT {
                    return Err(
                        self.error(format_args!("capacity {capacity} is above {MAX_COUNT}"))
                    );
                }
                self.span("leak_every", *leak_every)
            }
            Kind::Rate { ratio, min_volume, window, .. } => {
                self.within("ratio", *ratio, *ratio > 0.0 && *ratio <= 1.0, "above 0, up to 1")?;
                self.count("min_volume", *min_volume)?;
                self.span("window", *window)
            }
            Kind::Spike { factor, baseline, min_count, window, .. } => {
                let is_factor = *factor > 1.0 && factor.is_finite();
                self.within("factor", *factor, is_factor, "above 1")?;
                self.count("min_count", *min_count)?;
                match baseline {
                    Baseline::Previous => self.span("window", *window),
                    Baseline::SameHour { days } => {
                        let hour = Duration::from_secs(3_600);
                        self.duration("window", *window, Duration::from_secs(1), hour)?;
                        self.within("days", *days, (1..=28).contains(days), "1 to 28")
                    }
                }
            }
            Kind::Flatline { at_least, window } => {
                self.count("at_least", *at_least)?;
                self.span("window", *window)
            }
            Kind::NewValue { learn, .. } | Kind::NewTemplate { learn } => {
                self.duration("learn", *learn, Duration::ZERO, MAX_DURATION)
            }
            Kind::Percentile { percentile, bound, min_volume, window, .. } => {
                let is_percentile = *percentile > 0.0 && *percentile <= 100.0;
                self.within("percentile", *percentile, is_percentile, "above 0, up to 100")?;
                let (Bound::Above(number) | Bound::Below(number)) = bound;
                self.within("bound", *number, number.is_finite(), "a number")?;
                self.count("min_volume", *min_volume)?;
                self.span("window", *window)
            }
            Kind::Sequence { then, within } => {
                let steps = then.len();
                self.within("steps", steps, (1..=MAX_STEPS).contains(&steps), "1 to 15")?;
                if then.iter().any(Condition::asks_nothing) {
                    return Err(self.error("a step asks nothing: every line would be it"));
                }
                self.span("within", *within)
            }
        }
    }

    fn within(
        &self,
        what: &str,
        value: impl std::fmt::Display,
        is: bool,
        expected: &str,
    ) -> Result<(), Error> {
        if is {
            Ok(())
        } else {
            Err(self.error(format_args!("{what} is {value}: expected {expected}")))
        }
    }

    fn count(&self, what: &str, count: u64) -> Result<(), Error> {
        if count == 0 {
            return Err(self.error(format_args!("{what} is 0")));
        }
        if count > MAX_COUNT {
            return Err(self.error(format_args!("{what} {count} is above {MAX_COUNT}")));
        }
        Ok(())
    }

    fn span(&self, what: &str, value: Duration) -> Result<(), Error> {
        self.duration(what, value, Duration::from_nanos(1), MAX_DURATION)
    }

    fn duration(
        &self,
        what: &str,
        value: Duration,
        least: Duration,
        most: Duration,
    ) -> Result<(), Error> {
        if value < least {
            let why = if value.is_zero() { "zero".into() } else { format!("below {least:?}") };
            return Err(self.error(format_args!("{what} is {why}")));
        }
        if value > most {
            let most = match most {
                MAX_DURATION => "30 days".into(),
                DAY => "a day".into(),
                other => format!("{other:?}"),
            };
            return Err(self.error(format_args!("{what} {value:?} is above {most}")));
        }
        Ok(())
    }

    fn check_groups(&self) -> Result<(), Error> {
        if self.group_by.len() > MAX_GROUP_KEYS {
            let keys = self.group_by.len();
            return Err(self.error(format_args!("groups by {keys} keys, above {MAX_GROUP_KEYS}")));
        }
        for (i, key) in self.group_by.iter().enumerate() {
            if self.group_by[..i].contains(key) {
                return Err(self.error(format_args!("groups twice by `{key}`")));
            }
            self.key(key)?;
        }
        self.count("max_groups", self.max_groups as u64)
    }

    fn check_labels(&self) -> Result<(), Error> {
        if self.labels.len() > MAX_LABELS {
            return Err(self.error(format_args!("has more than {MAX_LABELS} labels")));
        }
        for (i, (key, _)) in self.labels.iter().enumerate() {
            if self.labels[..i].iter().any(|(other, _)| other == key) {
                return Err(self.error(format_args!("has the label `{key}` twice")));
            }
            self.key(key)?;
        }
        Ok(())
    }

    fn check_condition(
        &self,
        condition: &Condition,
        left: &mut usize,
        depth: usize,
    ) -> Result<(), Error> {
        let Some(fewer) = left.checked_sub(1).filter(|_| depth < MAX_DEPTH) else {
            return Err(self.error(format_args!(
                "has more than {MAX_CONDITIONS} conditions, or deeper than {MAX_DEPTH}"
            )));
        };
        *left = fewer;
        match condition {
            Condition::All(list) | Condition::Any(list) => {
                list.iter().try_for_each(|inner| self.check_condition(inner, left, depth + 1))
            }
            Condition::Not(inner) => self.check_condition(inner, left, depth + 1),
            Condition::Logger(name) => self.key(name),
            Condition::Field(condition) => self.check_field(condition),
            Condition::Contains(texts)
                if texts.is_empty() || texts.iter().any(String::is_empty) =>
            {
                Err(self.error("contains an empty text"))
            }
            _ => Ok(()),
        }
    }

    fn check_field(&self, condition: &FieldCondition) -> Result<(), Error> {
        use FieldTest::{Greater, GreaterOrEqual, Less, LessOrEqual};
        self.key(condition.key())?;
        match condition.test() {
            Greater(bound) | GreaterOrEqual(bound) | Less(bound) | LessOrEqual(bound)
                if bound.is_nan() =>
            {
                Err(self.error(format_args!("`{condition}` can never hold")))
            }
            _ => Ok(()),
        }
    }

    fn key(&self, key: &str) -> Result<(), Error> {
        if key.is_empty() || key.len() > MAX_KEY || key.chars().any(char::is_control) {
            return Err(self.error(format_args!(
                "invalid key or logger name {key:?}: expected 1 to {MAX_KEY} bytes without control characters"
            )));
        }
        Ok(())
    }
}
