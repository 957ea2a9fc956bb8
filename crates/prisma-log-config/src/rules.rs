//! Alert rules from YAML.
//!
//! The file's format, key by key, is described in the guide (`docs/guide/configuration.md`);
//! `config/alerts.yaml` writes the default rules in it. What each setting means and its limits are
//! [`prisma_log_monitor::RuleBuilder`]'s.

mod alert_config;
mod condition;
mod kind;
mod matching;
mod pack_list;
mod pattern;
mod policy;
mod probe;
mod receivers;
mod rule;

use std::path::Path;

use prisma_log_core::Error;
use prisma_log_monitor::Rule;

pub use alert_config::AlertConfig;
pub use receivers::{
    AlertmanagerReceiver, CommandReceiver, EmailReceiver, EmailReceiverSecurity, ReceiverConfig,
    ReceiverHttp, ReceiverKind, SecretText, WebhookReceiver,
};

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
    AlertConfig::load(path).map(AlertConfig::into_rules)
}

/// Every mistake of a file with rules; empty when there is none.
pub fn check(path: &Path) -> Vec<Error> {
    crate::config::sorted(read(path).1)
}

/// The rules of a text that is part of the program.
pub(crate) fn built_in(text: &str) -> Result<Vec<Rule>, Error> {
    let (config, errors) = parse(text, Origins::BuiltIn);
    match errors.is_empty() {
        true => Ok(config.into_rules()),
        false => Err(crate::config::first_of(errors, None)),
    }
}

fn read(path: &Path) -> (AlertConfig, Vec<Error>) {
    match read_text(path) {
        Ok(text) => parse(&text, Origins::File(path)),
        Err(error) => (AlertConfig::default(), vec![error]),
    }
}

fn parse(text: &str, origins: Origins<'_>) -> (AlertConfig, Vec<Error>) {
    let mut errors = Vec::new();
    let config = match yaml::parse(text, origins, &mut errors) {
        Ok(root) => {
            let report = Report::default();
            let config = read_file(&root, &report);
            errors.extend(report.take().1);
            config
        }
        Err(error) => {
            errors.push(error);
            AlertConfig::default()
        }
    };
    (config, errors)
}

fn read_file(root: &Node, report: &Report) -> AlertConfig {
    let mut config = AlertConfig::default();
    if root.is_null() {
        report.error(root.error("the file is empty").with_hint("it starts with `version: 1`"));
        return config;
    }
    let mut section = Section::new(report, "", Some(root));
    if root.map().is_none() {
        return config;
    }
    section.version(VERSION);
    let nodes = match section.node("rules") {
        Some(Node { kind: Kind::Seq(nodes), .. }) => nodes.as_slice(),
        Some(other) => {
            report.error(other.error(format!("`rules`: expected a list, found {}", other.found())));
            section.finish();
            return config;
        }
        None => &[],
    };
    let has_packs = pack_list::read(&mut section, &mut config);
    if nodes.is_empty() && !has_packs {
        let hint = "add `rules:` with a list, or `packs:`";
        report.error(section.error("the file has no rules").with_hint(hint));
    }
    config.set_receivers(receivers::read(&mut section));
    let names = receivers::names(&mut section);
    config.set_policy(policy::read(&mut section, &names));
    section.finish();
    for (index, node) in nodes.iter().enumerate() {
        let path = format!("rules[{index}]");
        let Some(rule) = rule::read(report, &path, node) else { continue };
        let name = node.map().and_then(|map| map.get("name")).unwrap_or(node);
        if !config.push(rule.clone(), name.origin.place()) {
            report.error(name.error(format!("there is another rule `{}` above", rule.name())));
        }
    }
    config
}
