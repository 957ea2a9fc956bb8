//! `packs` and `disable`: the rules that come with the program, all but some.

use prisma_log_monitor::Rule;

use super::AlertConfig;
use super::matching::texts;
use super::probe::at_node;
use crate::hint;
use crate::packs;
use crate::section::Section;

/// Adds the rules of the packs that the file names; whether it names any.
pub(super) fn read(file: &mut Section<'_>, config: &mut AlertConfig) -> bool {
    let report = file.report();
    let wanted = texts(file, "packs");
    let mut rules = Vec::new();
    for (index, (node, name)) in wanted.iter().enumerate() {
        if wanted.iter().take(index).any(|(_, other)| other == name) {
            report.error(node.error(format!("the pack `{name}` is there already")));
            continue;
        }
        match packs::load(name) {
            Ok(found) => rules.extend(found),
            Err(error) => report.error(at_node(node, error)),
        }
    }
    let mut disabled = Vec::new();
    for (node, name) in texts(file, "disable") {
        if !rules.iter().any(|rule: &Rule| rule.name() == name) {
            let names: Vec<&str> = rules.iter().map(Rule::name).collect();
            let error = node.error(format!("the packs have no rule `{name}`"));
            let meant = hint::closest(&name, names.iter().copied());
            report.error(match meant {
                Some(meant) => error.with_hint(format!("did you mean `{meant}`?")),
                None => error.with_hint("a rule of the file itself is taken out of `rules`"),
            });
        }
        disabled.push(name);
    }
    for rule in rules {
        if !disabled.iter().any(|name| name == rule.name()) {
            config.push_of_pack(rule);
        }
    }
    !wanted.is_empty()
}
