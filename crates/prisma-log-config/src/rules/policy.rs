//! Who is told: `routes`, `inhibit`, `maintenance` and `limits`.

mod maintenance;
mod route;

use std::time::Duration;

use prisma_log_monitor::{Inhibition, Matcher, Policy, PolicyBuilder};

use super::matching::texts;
use super::pattern::reason_of;
use super::probe::at_node;
use crate::scalars::{Number, Scalar};
use crate::section::{Report, Section};
use crate::tree::{Kind, Node};

/// A whole number whose limits are the builder's.
type Count = Number<0, { u32::MAX as u64 }>;

/// Reads the policy; `receivers` are the names that routes may lead to.
pub(super) fn read(file: &mut Section<'_>, receivers: &[String]) -> Policy {
    let report = file.report();
    let mut builder = Policy::builder();
    for (path, node) in maps(file, "routes") {
        if let Some(route) = route::read(report, &path, node, receivers) {
            builder = builder.route(route);
        }
    }
    for (path, node) in maps(file, "inhibit") {
        if let Some(inhibition) = inhibition(report, &path, node) {
            builder = builder.inhibit(inhibition);
        }
    }
    for (path, node) in maps(file, "maintenance") {
        if let Some(window) = maintenance::read(report, &path, node) {
            builder = builder.maintenance(window);
        }
    }
    builder = limits(file.section("limits"), builder);
    // Each of its parts has been tried, and what is wrong has been reported.
    builder.build().unwrap_or_default()
}

/// The maps of a list, each with its path.
fn maps<'a>(section: &mut Section<'a>, key: &'static str) -> Vec<(String, &'a Node)> {
    let path = section.path_of(key);
    let nodes = match section.node(key) {
        Some(Node { kind: Kind::Seq(nodes), .. }) => nodes.as_slice(),
        Some(node) => {
            let error = node.error(format!("`{path}`: expected a list, found {}", node.found()));
            section.report().error(error);
            &[]
        }
        None => &[],
    };
    let path = |(index, node)| (format!("{path}[{index}]"), node);
    nodes.iter().enumerate().map(path).collect()
}

fn report_refusal(report: &Report, node: &Node, probe: PolicyBuilder) {
    if let Err(error) = probe.build() {
        report.error(at_node(node, error));
    }
}

/// What alerts must satisfy: `severity=critical`, `host=~"web-.*"`; one stands for a list of one.
fn matchers(section: &mut Section<'_>, key: &'static str) -> Vec<Matcher> {
    let report = section.report();
    let mut matchers = Vec::new();
    for (node, text) in texts(section, key) {
        match text.parse::<Matcher>() {
            Ok(matcher) => matchers.push(matcher),
            // The drawing of a pattern that can't be compiled is left out.
            Err(error) if error.message().contains('\n') => {
                let path = section.path_of(key);
                let (reason, _) = reason_of(error.message());
                report.error(node.error(format!("`{path}`: bad pattern in `{text}`: {reason}")));
            }
            Err(error) => report.error(at_node(node, error)),
        }
    }
    matchers
}

/// Reports a map that is missing what it can't be without.
fn require_map(report: &Report, path: &str, node: &Node) -> Option<()> {
    if node.is_null() {
        report.error(node.error(format!("`{path}`: expected a map, found nothing")));
    }
    node.map().map(|_| ())
}

fn inhibition(
    report: &Report,
    path: &str,
    node: &Node,
) -> Option<prisma_log_monitor::InhibitionBuilder> {
    let mut section = Section::new(report, path, Some(node));
    require_map(report, path, node)?;
    let mut builder = Inhibition::builder();
    for key in ["source", "target"] {
        if section.is_missing(key) {
            let error = section.error(format!("`{path}.{key}` is missing"));
            report.error(error.with_hint("expected what alerts must satisfy: `severity=critical`"));
        }
    }
    let source = matchers(&mut section, "source");
    let target = matchers(&mut section, "target");
    let are_both = !source.is_empty() && !target.is_empty();
    for matcher in source {
        builder = builder.source(matcher);
    }
    for matcher in target {
        builder = builder.target(matcher);
    }
    builder = builder.equal(texts(&mut section, "equal").into_iter().map(|(_, key)| key));
    if are_both {
        report_refusal(report, node, Policy::builder().inhibit(builder.clone()));
    }
    section.finish();
    Some(builder)
}

fn limits(mut section: Section<'_>, mut builder: PolicyBuilder) -> PolicyBuilder {
    type Setter = fn(PolicyBuilder, u64) -> PolicyBuilder;
    let numbers: [(&'static str, Setter); 3] = [
        ("max_per_minute", |builder, n| {
            builder.max_per_minute(u32::try_from(n).unwrap_or(u32::MAX))
        }),
        ("max_alerts_per_message", |builder, n| {
            builder.max_alerts_per_message(usize::try_from(n).unwrap_or(usize::MAX))
        }),
        ("max_open_alerts", |builder, n| builder.max_open_alerts(n)),
    ];
    let report = section.report();
    for (key, setter) in numbers {
        let number = section.optional::<Count>(key);
        if let (Some(Number(number)), Some(node)) = (number, section.node(key)) {
            report_refusal(report, node, setter(Policy::builder(), number));
            builder = setter(builder, number);
        }
    }
    type Timed = fn(PolicyBuilder, Duration) -> PolicyBuilder;
    let times: [(&'static str, Timed); 2] = [
        ("give_up_after", PolicyBuilder::give_up_after),
        ("shutdown_wait", PolicyBuilder::shutdown_wait),
    ];
    for (key, setter) in times {
        let time = section.optional::<Duration>(key);
        if let (Some(time), Some(node)) = (time, section.node(key)) {
            report_refusal(report, node, setter(Policy::builder(), time));
            builder = setter(builder, time);
        }
    }
    builder = flapping(&mut section, builder);
    section.finish();
    builder
}

/// `flapping: off`, or how many changes are too many within which time.
fn flapping(section: &mut Section<'_>, builder: PolicyBuilder) -> PolicyBuilder {
    let report = section.report();
    let Some(node) = section.node("flapping") else { return builder };
    match node.scalar() {
        Some("off") => return builder.no_flapping(),
        Some(_) => {
            let path = section.path_of("flapping");
            let found = node.found();
            let error = node.error(format!("`{path}`: expected a map or off, found {found}"));
            report.error(error.with_hint("write `{changes: 6, within: 1h}`"));
            return builder;
        }
        None => {}
    }
    let mut inner = section.section("flapping");
    let changes = inner.required::<Count>("changes");
    let within = inner.required::<Duration>("within");
    let to_u32 = |Number(n): Count| u32::try_from(n).unwrap_or(u32::MAX);
    if let (Some(changes), Some(node)) = (changes, inner.node("changes")) {
        let probe = Policy::builder().flapping(to_u32(changes), Duration::from_secs(60));
        report_refusal(report, node, probe);
    }
    if let (Some(within), Some(node)) = (within, inner.node("within")) {
        report_refusal(report, node, Policy::builder().flapping(2, within));
    }
    inner.finish();
    match (changes, within) {
        (Some(changes), Some(within)) => builder.flapping(to_u32(changes), within),
        _ => builder,
    }
}

/// A word of the monitor's own, read by its `FromStr`.
struct Word<T>(T);

impl<T: std::str::FromStr + std::fmt::Display> Scalar for Word<T> {
    const EXPECTED: &'static str = "a day of the week: monday to sunday, or mon to sun";

    fn read(text: &str) -> Result<Self, Option<String>> {
        text.parse().map(Word).map_err(|_| None)
    }

    fn show(&self) -> String {
        self.0.to_string()
    }
}
