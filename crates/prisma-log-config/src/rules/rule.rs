//! One rule: calls the builder's setters.

use std::time::Duration;

use prisma_log_core::Error;
use prisma_log_monitor::{Rule, RuleBuilder, Severity};

use super::condition;
use super::pattern::check_pattern;
use crate::hint;
use crate::scalars::{Number, Scalar, Threshold};
use crate::section::{Report, Section, read as read_scalar};
use crate::tree::Node;

impl Scalar for Severity {
    const EXPECTED: &'static str = "a severity: info, warning, error or critical";

    fn read(text: &str) -> Result<Self, Option<String>> {
        text.parse().map_err(|_: Error| {
            let names = Severity::ALL.map(Severity::as_str);
            hint::closest(text, names).map(|meant| format!("did you mean `{meant}`?"))
        })
    }

    fn show(&self) -> String {
        self.as_str().to_owned()
    }
}

/// A whole number whose limits are the builder's.
type Count = Number<0, { u32::MAX as u64 }>;

/// Reads one rule; `None` when there is anything wrong with it, which is reported.
pub(super) fn read(report: &Report, path: &str, node: &Node) -> Option<Rule> {
    let found = Report::default();
    let builder = read_settings(&found, path, node);
    let (_, errors) = found.take();
    if errors.is_empty() {
        return match builder?.build() {
            Ok(rule) => Some(rule),
            Err(error) => {
                report.error(at_node(node, error));
                None
            }
        };
    }
    errors.into_iter().for_each(|error| report.error(error));
    None
}

fn read_settings(report: &Report, path: &str, node: &Node) -> Option<RuleBuilder> {
    let mut section = Section::new(report, path, Some(node));
    if node.is_null() {
        report.error(node.error(format!("`{path}`: expected a map, found nothing")));
    }
    node.map()?;
    let name = section.required::<String>("name").unwrap_or_default();
    if let Some(node) = section.node("name") {
        report_refusal(report, node, Rule::builder(name.clone()).line("x"));
    }
    let mut reading = Reading { builder: Rule::builder(name) };
    if let Some(text) = section.optional::<String>("description") {
        reading.set(|builder| builder.description(text));
    }
    if let Some(severity) = section.optional::<Severity>("severity") {
        reading.set(|builder| builder.severity(severity));
    }
    reading.read_match(&mut section);
    reading.read_threshold(&mut section);
    reading.read_bucket(&mut section);
    reading.read_grouping(&mut section);
    section.finish();
    Some(reading.builder)
}

type PatternSetter = fn(RuleBuilder, String) -> RuleBuilder;

struct Reading {
    builder: RuleBuilder,
}

impl Reading {
    fn set(&mut self, setter: impl FnOnce(RuleBuilder) -> RuleBuilder) {
        self.builder = setter(std::mem::replace(&mut self.builder, Rule::builder("")));
    }

    /// Applies a setter; what the builder refuses is reported at the node the value comes from.
    fn set_checked(
        &mut self,
        report: &Report,
        node: &Node,
        setter: impl Fn(RuleBuilder) -> RuleBuilder,
    ) {
        report_refusal(report, node, setter(probe()));
        self.set(setter);
    }

    fn read_match(&mut self, section: &mut Section<'_>) {
        let mut section = section.section("match");
        let report = section.report();
        let patterns: [(&'static str, PatternSetter); 3] = [
            ("message", |builder, pattern| builder.message(pattern)),
            ("line", |builder, pattern| builder.line(pattern)),
            ("except", |builder, pattern| builder.except(pattern)),
        ];
        for (key, setter) in patterns {
            for (node, pattern) in texts(&mut section, key) {
                match check_pattern(node, &section.path_of(key), &pattern) {
                    Ok(()) => self.set(|builder| setter(builder, pattern)),
                    Err(error) => report.error(error),
                }
            }
        }
        match (section.optional::<Threshold>("level"), section.node("level")) {
            (Some(Threshold(Some(level))), _) => self.set(|builder| builder.level_at_least(level)),
            (Some(Threshold(None)), Some(node)) => {
                report.error(node.error("`level: off` would never match"));
            }
            _ => {}
        }
        for (node, logger) in texts(&mut section, "logger") {
            self.set_checked(report, node, |builder| builder.logger(logger.clone()));
        }
        for node in section.list("fields").unwrap_or_default() {
            if let Some(condition) = condition::read(report, &section.path_of("fields"), node) {
                self.set_checked(report, node, |builder| builder.field(condition.clone()));
            }
        }
        section.finish();
    }

    fn read_threshold(&mut self, section: &mut Section<'_>) {
        if section.node("threshold").is_none() {
            return;
        }
        let mut section = section.section("threshold");
        self.number(&mut section, "count", |builder, count| builder.count(count));
        self.duration(&mut section, "window", |builder, window| builder.window(window));
        self.text(&mut section, "distinct", |builder, key| builder.distinct(key));
        section.finish();
    }

    fn read_bucket(&mut self, section: &mut Section<'_>) {
        if section.node("leaky_bucket").is_none() {
            return;
        }
        let mut section = section.section("leaky_bucket");
        let report = section.report();
        let capacity = section.required::<Count>("capacity").map(to_u32);
        let leak_every = section.required::<Duration>("leak_every");
        if let (Some(capacity), Some(leak_every)) = (capacity, leak_every) {
            // Each with a harmless other one, so that a refusal is placed at the one it is about.
            let harmless = Duration::from_secs(1);
            if let Some(node) = section.node("capacity") {
                report_refusal(report, node, probe().leaky_bucket(capacity, harmless));
            }
            if let Some(node) = section.node("leak_every") {
                report_refusal(report, node, probe().leaky_bucket(1, leak_every));
            }
            self.set(|builder| builder.leaky_bucket(capacity, leak_every));
        }
        self.text(&mut section, "distinct", |builder, key| builder.distinct(key));
        section.finish();
    }

    fn read_grouping(&mut self, section: &mut Section<'_>) {
        let report = section.report();
        let keys: Vec<_> = texts(section, "group_by");
        for (node, key) in &keys {
            report_refusal(report, node, probe().group_by([key.clone()]));
        }
        self.set(|builder| builder.group_by(keys.into_iter().map(|(_, key)| key)));
        self.duration(section, "cooldown", |builder, cooldown| builder.cooldown(cooldown));
        self.duration(section, "resolve_after", |builder, quiet| builder.resolve_after(quiet));
    }

    fn number(
        &mut self,
        section: &mut Section<'_>,
        key: &'static str,
        setter: impl Fn(RuleBuilder, u32) -> RuleBuilder,
    ) {
        let value = section.optional::<Count>(key).map(to_u32);
        if let (Some(value), Some(node)) = (value, section.node(key)) {
            self.set_checked(section.report(), node, |builder| setter(builder, value));
        }
    }

    fn duration(
        &mut self,
        section: &mut Section<'_>,
        key: &'static str,
        setter: impl Fn(RuleBuilder, Duration) -> RuleBuilder,
    ) {
        let value = section.optional::<Duration>(key);
        if let (Some(value), Some(node)) = (value, section.node(key)) {
            self.set_checked(section.report(), node, |builder| setter(builder, value));
        }
    }

    fn text(
        &mut self,
        section: &mut Section<'_>,
        key: &'static str,
        setter: impl Fn(RuleBuilder, String) -> RuleBuilder,
    ) {
        let value = section.optional::<String>(key);
        if let (Some(value), Some(node)) = (value, section.node(key)) {
            self.set_checked(section.report(), node, |builder| setter(builder, value.clone()));
        }
    }
}

/// A list of texts, or one text for a list of one.
fn texts<'a>(section: &mut Section<'a>, key: &'static str) -> Vec<(&'a Node, String)> {
    let path = section.path_of(key);
    let mut texts = Vec::new();
    for node in section.list(key).unwrap_or_default() {
        match read_scalar::<String>(node, &path) {
            Ok(text) => texts.push((node, text)),
            Err(error) => section.report().error(error),
        }
    }
    texts
}

fn to_u32(Number(value): Count) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// A rule that needs nothing more, to try one setting on.
fn probe() -> RuleBuilder {
    Rule::builder("rule").line("x")
}

fn report_refusal(report: &Report, node: &Node, probe: RuleBuilder) {
    if let Err(error) = probe.build() {
        report.error(at_node(node, error));
    }
}

/// The builder's error at a place in the file, which says which rule is meant.
fn at_node(node: &Node, error: Error) -> Error {
    let message = error.message();
    let bare = message.strip_prefix("rule `").and_then(|rest| rest.split_once("`: "));
    let placed = node.error(bare.map_or(message, |(_, what)| what));
    match error.hint() {
        Some(hint) => placed.with_hint(hint),
        None => placed,
    }
}
