//! Alert rules from YAML.
//!
//! The file's format, key by key, is described in the guide (`docs/guide/configuration.md`);
//! `config/alerts.yaml` writes the default rules in it. What each setting means and its limits are
//! [`prisma_log_monitor::RuleBuilder`]'s.

mod condition;
mod pattern;
mod rule;

use std::path::Path;

use prisma_log_core::Error;
use prisma_log_monitor::Rule;

use crate::section::{Report, Section};
use crate::source::read_text;
use crate::tree::{Kind, Node};
use crate::yaml::{self, Origins};

/// The version of the file's format.
const VERSION: u64 = 1;

/// Reads the rules of a file, in their order.
///
/// # Errors
/// When the file can't be read or anything in it is wrong: the first mistake, whose hint says how
/// many more there are.
pub fn load(path: &Path) -> Result<Vec<Rule>, Error> {
    let (rules, errors) = read(path);
    if errors.is_empty() { Ok(rules) } else { Err(crate::config::first_of(errors, Some(path))) }
}

/// Every mistake of a file with rules; empty when there is none.
pub fn check(path: &Path) -> Vec<Error> {
    crate::config::sorted(read(path).1)
}

fn read(path: &Path) -> (Vec<Rule>, Vec<Error>) {
    let mut errors = Vec::new();
    let root =
        read_text(path).and_then(|text| yaml::parse(&text, Origins::File(path), &mut errors));
    let rules = match root {
        Ok(root) => {
            let report = Report::default();
            let rules = read_rules(&root, &report);
            errors.extend(report.take().1);
            rules
        }
        Err(error) => {
            errors.push(error);
            Vec::new()
        }
    };
    (rules, errors)
}

fn read_rules(root: &Node, report: &Report) -> Vec<Rule> {
    if root.is_null() {
        report.error(root.error("the file is empty").with_hint("it starts with `version: 1`"));
        return Vec::new();
    }
    let mut section = Section::new(report, "", Some(root));
    if root.map().is_none() {
        return Vec::new();
    }
    section.version(VERSION);
    let nodes = match section.node("rules") {
        Some(Node { kind: Kind::Seq(nodes), .. }) => nodes.as_slice(),
        Some(other) => {
            report.error(other.error(format!("`rules`: expected a list, found {}", other.found())));
            section.finish();
            return Vec::new();
        }
        None => &[],
    };
    if nodes.is_empty() {
        report.error(section.error("the file has no rules").with_hint("add `rules:` with a list"));
    }
    section.finish();
    let mut rules: Vec<Rule> = Vec::new();
    for (index, node) in nodes.iter().enumerate() {
        let path = format!("rules[{index}]");
        let Some(rule) = rule::read(report, &path, node) else { continue };
        if rules.iter().any(|other| other.name() == rule.name()) {
            let name = node.map().and_then(|map| map.get("name")).unwrap_or(node);
            report.error(name.error(format!("there is another rule `{}` above", rule.name())));
        }
        rules.push(rule);
    }
    rules
}
