//! Settings of a rule and their limits.

use std::time::Duration;

use prisma_log_core::{Error, Filter, Level};
use regex::Regex;

use super::compile::Compiler;
use super::{FieldCondition, FieldTest, Rule, Threshold};
use crate::Severity;

const MAX_NAME: usize = 64;
const MAX_COUNT: u32 = 1_000_000;
const MAX_DURATION: Duration = Duration::from_secs(30 * 86_400);
const MAX_GROUP_KEYS: usize = 8;
const MAX_KEY: usize = 256;

const DEFAULT_WINDOW: Duration = Duration::from_secs(60);
const DEFAULT_RESOLVE_AFTER: Duration = Duration::from_secs(300);

/// Collects a rule's settings.
///
/// Without a threshold every match fires. At least one condition is required.
#[derive(Clone, Debug)]
#[must_use = "a rule is made by `build`"]
pub struct RuleBuilder {
    name: String,
    description: String,
    severity: Severity,
    messages: Vec<String>,
    lines: Vec<String>,
    excepts: Vec<String>,
    level: Option<Level>,
    loggers: Vec<String>,
    fields: Vec<FieldCondition>,
    count: Option<u32>,
    window: Option<Duration>,
    bucket: Option<(u32, Duration)>,
    distinct: Option<String>,
    group_by: Vec<String>,
    cooldown: Duration,
    resolve_after: Duration,
}

impl RuleBuilder {
    pub(super) fn new(name: String) -> Self {
        RuleBuilder {
            name,
            description: String::new(),
            severity: Severity::default(),
            messages: Vec::new(),
            lines: Vec::new(),
            excepts: Vec::new(),
            level: None,
            loggers: Vec::new(),
            fields: Vec::new(),
            count: None,
            window: None,
            bucket: None,
            distinct: None,
            group_by: Vec::new(),
            cooldown: Duration::ZERO,
            resolve_after: DEFAULT_RESOLVE_AFTER,
        }
    }

    pub(super) fn of(rule: &Rule) -> Self {
        let owned = |patterns: &[Regex]| patterns.iter().map(|p| p.as_str().to_owned()).collect();
        let (mut count, mut window, mut bucket) = (None, None, None);
        match rule.threshold {
            Threshold::Count { count: n, window: w } => (count, window) = (Some(n), Some(w)),
            Threshold::LeakyBucket { capacity, leak_every } => {
                bucket = Some((capacity, leak_every))
            }
        }
        RuleBuilder {
            name: rule.name.clone(),
            description: rule.description.clone(),
            severity: rule.severity,
            messages: owned(&rule.messages),
            lines: owned(&rule.lines),
            excepts: owned(&rule.excepts),
            level: rule.level,
            loggers: rule.loggers.clone(),
            fields: rule.fields.clone(),
            count,
            window,
            bucket,
            distinct: rule.distinct.clone(),
            group_by: rule.group_by.clone(),
            cooldown: rule.cooldown,
            resolve_after: rule.resolve_after,
        }
    }

    /// What the rule is about, for people.
    pub fn description(mut self, text: impl Into<String>) -> Self {
        self.description = text.into();
        self
    }

    /// How urgent its alerts are; [`Severity::Warning`] unless told otherwise.
    pub fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    /// A pattern (syntax of the `regex` crate) that must be found in the message; with several
    /// calls all of them. Its named groups become fields.
    pub fn message(mut self, pattern: impl Into<String>) -> Self {
        self.messages.push(pattern.into());
        self
    }

    /// A pattern that must be found in the raw line; with several calls all of them. Its named
    /// groups become fields.
    pub fn line(mut self, pattern: impl Into<String>) -> Self {
        self.lines.push(pattern.into());
        self
    }

    /// A pattern that excludes a line when it is found in the message or in the raw line; with
    /// several calls each of them does.
    pub fn except(mut self, pattern: impl Into<String>) -> Self {
        self.excepts.push(pattern.into());
        self
    }

    /// The line states this level or a more severe one.
    pub fn level_at_least(mut self, level: Level) -> Self {
        self.level = Some(level);
        self
    }

    /// The line's logger is this one or below it (`shop` holds for `shop.orders`, not for
    /// `shopping`); with several calls one of them.
    pub fn logger(mut self, name: impl Into<String>) -> Self {
        self.loggers.push(name.into());
        self
    }

    /// A condition on a field; with several calls all of them.
    pub fn field(mut self, condition: FieldCondition) -> Self {
        self.fields.push(condition);
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

    /// The keys whose values tell groups apart, up to 8; every group has its own threshold and
    /// alert. A match without the key belongs to the group with an empty value.
    pub fn group_by<K: Into<String>>(mut self, keys: impl IntoIterator<Item = K>) -> Self {
        self.group_by.extend(keys.into_iter().map(Into::into));
        self
    }

    /// How long, in event time, a group can't fire again after it fired: its matches raise the
    /// count of an alert that is not resolved yet, but don't fill the window or bucket. Up to 30
    /// days; default zero, which is none.
    pub fn cooldown(mut self, cooldown: Duration) -> Self {
        self.cooldown = cooldown;
        self
    }

    /// The quiet period without matches after which an alert is resolved by itself; up to 30 days,
    /// default five minutes. A shorter one than the cooldown is as long as the cooldown, so that no
    /// match of an incident falls between a resolved alert and the next firing.
    pub fn resolve_after(mut self, quiet: Duration) -> Self {
        self.resolve_after = quiet;
        self
    }

    /// Checks the settings and compiles the patterns.
    ///
    /// # Errors
    /// When a setting is outside its range, when there is no condition, or when a pattern can't be
    /// compiled; the message names the rule and the setting, and has the place in the pattern.
    pub fn build(self) -> Result<Rule, Error> {
        self.check_name()?;
        let threshold = self.threshold()?;
        self.check_duration("cooldown", self.cooldown, Duration::ZERO)?;
        self.check_duration("resolve_after", self.resolve_after, Duration::from_nanos(1))?;
        self.check_keys()?;
        if self.messages.is_empty()
            && self.lines.is_empty()
            && self.level.is_none()
            && self.loggers.is_empty()
            && self.fields.is_empty()
        {
            return Err(self.error("no condition: it would match every line").with_hint(
                "give it a message or line pattern, a level, a logger or a field condition",
            ));
        }
        let compiler = Compiler { rule: &self.name };
        let messages = compiler.all("message", &self.messages)?;
        let lines = compiler.all("line", &self.lines)?;
        let excepts = compiler.all("except", &self.excepts)?;
        let field_patterns = compiler.fields(&self.fields)?;
        let logger_filter = (!self.loggers.is_empty()).then(|| {
            self.loggers
                .iter()
                .fold(Filter::off(), |filter, name| filter.directive(name, Some(Level::Trace)))
        });
        Ok(Rule {
            name: self.name,
            description: self.description,
            severity: self.severity,
            messages,
            lines,
            excepts,
            level: self.level,
            loggers: self.loggers,
            logger_filter,
            fields: self.fields,
            field_patterns,
            threshold,
            distinct: self.distinct,
            group_by: self.group_by,
            cooldown: self.cooldown,
            resolve_after: self.resolve_after,
        })
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

    fn threshold(&self) -> Result<Threshold, Error> {
        if let Some((capacity, leak_every)) = self.bucket {
            if self.count.is_some() || self.window.is_some() {
                return Err(self.error("has both a leaky bucket and a count or window"));
            }
            if capacity > MAX_COUNT {
                return Err(self.error(format_args!("capacity {capacity} is above {MAX_COUNT}")));
            }
            self.check_duration("leak_every", leak_every, Duration::from_nanos(1))?;
            return Ok(Threshold::LeakyBucket { capacity, leak_every });
        }
        let count = self.count.unwrap_or(1);
        if count == 0 {
            let error = self.error("count is 0: it would fire without a match");
            return Err(error.with_hint("1 fires on every match"));
        }
        if count > MAX_COUNT {
            return Err(self.error(format_args!("count {count} is above {MAX_COUNT}")));
        }
        let window = self.window.unwrap_or(DEFAULT_WINDOW);
        self.check_duration("window", window, Duration::from_nanos(1))?;
        Ok(Threshold::Count { count, window })
    }

    fn check_duration(&self, what: &str, value: Duration, least: Duration) -> Result<(), Error> {
        if value < least {
            return Err(self.error(format_args!("{what} is zero")));
        }
        if value > MAX_DURATION {
            return Err(self.error(format_args!("{what} {value:?} is above 30 days")));
        }
        Ok(())
    }

    fn check_keys(&self) -> Result<(), Error> {
        if self.group_by.len() > MAX_GROUP_KEYS {
            let keys = self.group_by.len();
            return Err(self.error(format_args!("groups by {keys} keys, above {MAX_GROUP_KEYS}")));
        }
        for (i, key) in self.group_by.iter().enumerate() {
            if self.group_by[..i].contains(key) {
                return Err(self.error(format_args!("groups twice by `{key}`")));
            }
        }
        let conditions = self.fields.iter().map(|condition| condition.key());
        let keys = self.group_by.iter().chain(&self.distinct).map(String::as_str);
        for key in keys.chain(conditions).chain(self.loggers.iter().map(String::as_str)) {
            if key.is_empty() || key.len() > MAX_KEY || key.chars().any(char::is_control) {
                return Err(self.error(format_args!(
                    "invalid key or logger name {key:?}: expected 1 to {MAX_KEY} bytes without control characters"
                )));
            }
        }
        for condition in &self.fields {
            use FieldTest::{Greater, GreaterOrEqual, Less, LessOrEqual};
            let (Greater(bound) | GreaterOrEqual(bound) | Less(bound) | LessOrEqual(bound)) =
                condition.test()
            else {
                continue;
            };
            if bound.is_nan() {
                return Err(self.error(format_args!("`{condition}` can never hold")));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn rule() -> RuleBuilder {
        Rule::builder("r").message("x")
    }

    #[test]
    fn defaults() {
        let rule = rule().build().unwrap();
        assert_eq!(rule.threshold(), Threshold::Count { count: 1, window: MINUTE });
        assert_eq!(rule.severity(), Severity::Warning);
        assert_eq!(rule.resolve_after(), Duration::from_secs(300));
        assert_eq!(rule.cooldown(), Duration::ZERO);
        assert_eq!(rule.messages().collect::<Vec<_>>(), ["x"]);
    }

    #[test]
    fn equality_looks_at_every_setting() {
        let base = rule().build().unwrap();
        assert_eq!(base, rule().build().unwrap());
        let others = [
            Rule::builder("s").message("x"),
            Rule::builder("r").message("y"),
            Rule::builder("r").line("x"),
            rule().description("d"),
            rule().severity(Severity::Info),
            rule().line("x"),
            rule().except("x"),
            rule().level_at_least(Level::Error),
            rule().logger("l"),
            rule().field(FieldCondition::exists("f")),
            rule().count(2),
            rule().window(2 * MINUTE),
            rule().leaky_bucket(1, MINUTE),
            rule().distinct("f"),
            rule().group_by(["f"]),
            rule().cooldown(MINUTE),
            rule().resolve_after(MINUTE),
        ];
        for other in others {
            let other = other.build().unwrap();
            assert_ne!(base, other, "{other:?}");
            assert_eq!(other.to_builder().build().unwrap(), other);
        }
    }

    #[test]
    fn absurd_settings_are_refused() {
        let check = |rule: RuleBuilder, expect: &str| {
            let error = rule.build().unwrap_err();
            assert!(error.is_config(), "{error}");
            assert!(error.to_string().contains(expect), "{error}");
        };
        check(Rule::builder("").message("x"), "invalid name");
        check(Rule::builder("No Spaces").message("x"), "invalid name");
        check(Rule::builder("ü").message("x"), "invalid name");
        check(Rule::builder("a".repeat(65)).message("x"), "invalid name");
        check(Rule::builder("r"), "no condition");
        check(Rule::builder("r").except("x"), "no condition");
        check(rule().count(0), "count is 0");
        check(rule().count(1_000_001), "above 1000000");
        check(rule().window(Duration::ZERO), "window is zero");
        check(rule().window(MAX_DURATION + MINUTE), "above 30 days");
        check(rule().leaky_bucket(1, Duration::ZERO), "leak_every is zero");
        check(rule().leaky_bucket(1_000_001, MINUTE), "capacity 1000001");
        check(rule().leaky_bucket(1, MINUTE).count(2), "both");
        check(rule().cooldown(2 * MAX_DURATION), "cooldown");
        check(rule().resolve_after(Duration::ZERO), "resolve_after is zero");
        check(rule().group_by(["a", "a"]), "twice by `a`");
        check(rule().group_by([""]), "invalid key");
        check(rule().group_by(["a"; 9]), "9 keys");
        check(rule().distinct("a\nb"), "invalid key");
        check(rule().logger(""), "invalid key");
        check(rule().field(FieldCondition::less("k", f64::NAN)), "never hold");
        check(rule().message(""), "pattern of message is empty");
        check(rule().message("x".repeat(16 * 1024 + 1)), "16385 bytes");
    }

    #[test]
    fn a_broken_pattern_is_shown_with_the_place() {
        let check = |rule: RuleBuilder, expect: &[&str]| {
            let error = rule.build().unwrap_err().to_string();
            for part in expect {
                assert!(error.contains(part), "{error}");
            }
        };
        check(rule().message("a(b"), &["`r`", "message", "a(b\n     ^", "unclosed group"]);
        check(rule().line("["), &["line", "unclosed character class"]);
        check(rule().except(r"(?<=x)y"), &["except", "look-around"]);
        check(
            rule().field(FieldCondition::matches("k", "*")),
            &["field `k`", "missing expression"],
        );
        check(rule().message(r"(\pL{1000}){1000}"), &["size limit"]);
    }

    #[test]
    fn the_limits_themselves_are_allowed() {
        rule().count(1_000_000).window(MAX_DURATION).build().unwrap();
        rule().leaky_bucket(0, MAX_DURATION).build().unwrap();
    }
}
