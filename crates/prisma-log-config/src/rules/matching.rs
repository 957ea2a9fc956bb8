//! What a line must satisfy: `match:`, and the same keys below `any`, `all` and `not`.

use prisma_log_core::Error;
use prisma_log_monitor::Condition;

use super::condition;
use super::pattern::check_pattern;
use super::probe::{probe, report_refusal};
use crate::scalars::Threshold;
use crate::section::{Report, Section, read as read_scalar};
use crate::tree::{Kind, Node};

/// Makes a condition of a pattern.
type Make = fn(String) -> Condition;

/// Reads what stands under `match`; all of it has to hold.
pub(super) fn read(section: &mut Section<'_>) -> Vec<Condition> {
    let mut conditions = Vec::new();
    let patterns: [(&'static str, Make); 4] = [
        ("message", Condition::Message),
        ("line", Condition::Line),
        ("text", Condition::Text),
        ("except", Condition::except),
    ];
    let report = section.report();
    for (key, condition) in patterns {
        for (node, pattern) in texts(section, key) {
            match check_pattern(node, &section.path_of(key), &pattern) {
                Ok(()) => conditions.push(condition(pattern)),
                Err(error) => report.error(error),
            }
        }
    }
    let contained = texts(section, "contains");
    if !contained.is_empty() {
        conditions.push(Condition::Contains(contained.into_iter().map(|(_, text)| text).collect()));
    }
    match (section.optional::<Threshold>("level"), section.node("level")) {
        (Some(Threshold(Some(level))), _) => conditions.push(Condition::Level(level)),
        (Some(Threshold(None)), Some(node)) => {
            report.error(node.error("`level: off` would never match"));
        }
        _ => {}
    }
    let loggers = checked(report, texts(section, "logger"), Condition::Logger);
    if !loggers.is_empty() {
        conditions.push(Condition::Any(loggers));
    }
    for node in section.list("fields").unwrap_or_default() {
        let path = section.path_of("fields");
        conditions.extend(condition::read(report, &path, node));
    }
    if let Some(any) = entries(section, "any") {
        conditions.push(Condition::Any(any));
    }
    if let Some(all) = entries(section, "all") {
        conditions.push(Condition::All(all));
    }
    let not = entries(section, "not").unwrap_or_default();
    conditions.extend(not.into_iter().map(|condition| Condition::Not(Box::new(condition))));
    conditions
}

/// Reads one condition: `KEY OPERATOR VALUE`, or a map with the keys of `match`.
pub(super) fn read_one(report: &Report, path: &str, node: &Node) -> Option<Condition> {
    match &node.kind {
        Kind::Scalar(_) => condition::read(report, path, node),
        Kind::Map(map) => {
            let mut section = Section::new(report, path, Some(node));
            let mut conditions = read(&mut section);
            section.finish_with(of_a_field);
            if map.items.iter().all(|item| item.node.is_null()) {
                report.error(node.error(format!("`{path}`: this condition asks nothing")));
            }
            match conditions.len() {
                0 => None,
                1 => conditions.pop(),
                _ => Some(Condition::All(conditions)),
            }
        }
        Kind::Null | Kind::Seq(_) => {
            report.error(expected_condition(path, node));
            None
        }
    }
}

fn expected_condition(path: &str, node: &Node) -> Error {
    let error = node.error(format!("`{path}`: expected a condition, found {}", node.found()));
    error.with_hint("write `status >= 500`, or a map such as `{message: refused}`")
}

fn of_a_field(key: &str) -> Option<String> {
    let is_of_a_field = ["key", "op", "value"].contains(&key);
    is_of_a_field.then(|| "a condition on a field goes below `fields`".to_owned())
}

/// The conditions under `key`; one stands for a list of one.
fn entries(section: &mut Section<'_>, key: &'static str) -> Option<Vec<Condition>> {
    let report = section.report();
    let node = section.node(key)?;
    let path = section.path_of(key);
    let Kind::Seq(nodes) = &node.kind else {
        return read_one(report, &path, node).map(|condition| vec![condition]);
    };
    if nodes.is_empty() {
        report.error(node.error(format!("`{path}`: the list is empty")));
    }
    let entry = |(index, node)| read_one(report, &format!("{path}[{index}]"), node);
    let conditions: Vec<Condition> = nodes.iter().enumerate().filter_map(entry).collect();
    (!conditions.is_empty()).then_some(conditions)
}

/// Makes conditions of texts; what the builder refuses is reported.
fn checked(
    report: &Report,
    texts: Vec<(&Node, String)>,
    condition: fn(String) -> Condition,
) -> Vec<Condition> {
    let conditions = texts.into_iter().map(|(node, text)| {
        let condition = condition(text);
        report_refusal(report, node, probe().condition(condition.clone()));
        condition
    });
    conditions.collect()
}

/// A list of texts, or one text for a list of one.
pub(super) fn texts<'a>(section: &mut Section<'a>, key: &'static str) -> Vec<(&'a Node, String)> {
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
