//! One rule: calls the builder's setters.

use std::time::Duration;

use prisma_log_core::Error;
use prisma_log_monitor::{Rule, RuleBuilder, Severity};

use super::kind;
use super::matching::{self, texts};
use super::probe::{at_node, probe, report_refusal};
use crate::hint;
use crate::scalars::{Number, Scalar};
use crate::section::{Report, Section, read as read_scalar};
use crate::tree::{Kind, Node};

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
    let mut builder = Rule::builder(name);
    if let Some(text) = section.optional::<String>("description") {
        builder = builder.description(text);
    }
    let severity = section.optional::<Severity>("severity");
    if let Some(severity) = severity {
        builder = builder.severity(severity);
    }
    let mut conditions = section.section("match");
    for condition in matching::read(&mut conditions) {
        builder = builder.condition(condition);
    }
    conditions.finish();
    if let Some(setter) = kind::read(&mut section) {
        builder = setter(builder);
    }
    let mut reading = Reading { builder };
    reading.labels(&mut section);
    reading.grouping(&mut section);
    reading.escalation(&mut section, severity);
    for (_, line) in texts(&mut section, "should_match") {
        reading.set(|builder| builder.should_match(line));
    }
    for (_, line) in texts(&mut section, "should_not") {
        reading.set(|builder| builder.should_not(line));
    }
    section.finish();
    Some(reading.builder)
}

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

    fn labels(&mut self, section: &mut Section<'_>) {
        let path = section.path_of("labels");
        let report = section.report();
        let items = section.map_under("labels").map(|map| map.items.as_slice());
        for item in items.unwrap_or_default().iter().filter(|item| !item.node.is_null()) {
            match read_scalar::<String>(&item.node, &format!("{path}.{}", item.key)) {
                Ok(value) => self.set_checked(report, &item.node, |builder| {
                    builder.label(item.key.clone(), value.clone())
                }),
                Err(error) => report.error(error),
            }
        }
    }

    fn grouping(&mut self, section: &mut Section<'_>) {
        let report = section.report();
        let keys: Vec<_> = texts(section, "group_by");
        for (node, key) in &keys {
            report_refusal(report, node, probe().group_by([key.clone()]));
        }
        self.set(|builder| builder.group_by(keys.into_iter().map(|(_, key)| key)));
        let groups = section.optional::<Number<0, { u32::MAX as u64 }>>("max_groups");
        if let (Some(Number(groups)), Some(node)) = (groups, section.node("max_groups")) {
            let groups = usize::try_from(groups).unwrap_or(usize::MAX);
            self.set_checked(report, node, |builder| builder.max_groups(groups));
        }
        self.duration(section, "late", |builder, late| builder.late(late));
        self.duration(section, "cooldown", |builder, cooldown| builder.cooldown(cooldown));
        self.duration(section, "resolve_after", |builder, quiet| builder.resolve_after(quiet));
    }

    /// Each step must be above the rule's own severity.
    fn escalation(&mut self, section: &mut Section<'_>, own: Option<Severity>) {
        let report = section.report();
        let path = section.path_of("escalate");
        let nodes = match section.node("escalate") {
            Some(Node { kind: Kind::Seq(nodes), .. }) => nodes.as_slice(),
            Some(node) => std::slice::from_ref(node),
            None => &[],
        };
        for (index, node) in nodes.iter().enumerate() {
            let mut step = Section::new(report, format!("{path}[{index}]"), Some(node));
            let after = step.required::<Duration>("after");
            let severity = step.required::<Severity>("severity");
            if let (Some(after), Some(node)) = (after, step.node("after")) {
                let probe = probe().severity(Severity::Info).escalate(after, Severity::Critical);
                report_refusal(report, node, probe);
            }
            if let (Some(severity), Some(node)) = (severity, step.node("severity")) {
                let probe = probe().severity(own.unwrap_or_default());
                report_refusal(report, node, probe.escalate(HARMLESS, severity));
            }
            step.finish();
            if let (Some(after), Some(severity)) = (after, severity) {
                self.set(|builder| builder.escalate(after, severity));
            }
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
}

/// A time that no limit forbids, beside the severity that is tried.
const HARMLESS: Duration = Duration::from_secs(1);
