//! Which lines may concern which rules: one pattern set for all of them.

use std::sync::Arc;

use prisma_log_core::Error;
use prisma_log_match::{Pattern, PatternSet};

use crate::{Condition, Kind, Rule};

/// How a block is searched for lines that rules have to be asked about.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) set: PatternSet,
    /// The rule that each pattern of the set nominates lines for.
    owners: Vec<u32>,
    /// Rules that have to be asked about every line, ascending.
    pub(super) hungry: Vec<u32>,
}

impl Plan {
    pub(super) fn new(rules: &[Arc<Rule>]) -> Result<Self, Error> {
        let (mut set, mut owners, mut hungry) = (PatternSet::builder(), Vec::new(), Vec::new());
        for (number, rule) in (0..).zip(rules) {
            let Some(patterns) = nominators(rule) else {
                hungry.push(number);
                continue;
            };
            for pattern in patterns {
                set = set.pattern(pattern);
                owners.push(number);
            }
        }
        Ok(Plan { set: set.build()?, owners, hungry })
    }

    /// Puts the rules into `into` that have to be asked about a line which these patterns nominate,
    /// ascending.
    pub(super) fn rules(&self, patterns: &[u32], into: &mut Vec<u32>) {
        into.clear();
        into.extend_from_slice(&self.hungry);
        let owners = patterns.iter().filter_map(|&pattern| self.owners.get(pattern as usize));
        into.extend(owners);
        into.sort_unstable();
        into.dedup();
    }
}

/// Patterns of which one is found in every line that concerns the rule; `None` when there may be
/// nothing to look for.
fn nominators(rule: &Rule) -> Option<Vec<Pattern>> {
    let mut patterns = needed(rule.condition())?;
    if let Kind::Sequence { then, .. } = rule.kind() {
        for step in then {
            patterns.extend(needed(step)?);
        }
    }
    Some(patterns)
}

fn needed(condition: &Condition) -> Option<Vec<Pattern>> {
    match condition {
        Condition::All(list) => list.iter().find_map(needed),
        Condition::Any(list) => {
            let each: Option<Vec<_>> = list.iter().map(needed).collect();
            each.map(|each| each.into_iter().flatten().collect())
        }
        Condition::Message(pattern) | Condition::Line(pattern) | Condition::Text(pattern) => {
            usable(Pattern::nominate_regex(pattern))
        }
        Condition::Contains(texts) => usable(Pattern::nominate_literals(texts)),
        // What a line states as its level, logger or field may be written in many ways.
        Condition::Not(_) | Condition::Level(_) | Condition::Logger(_) | Condition::Field(_) => {
            None
        }
    }
}

/// The pattern, unless it would nominate every line.
fn usable(pattern: Pattern) -> Option<Vec<Pattern>> {
    let alone = PatternSet::builder().pattern(pattern.clone()).build().ok()?;
    alone.unfiltered().is_empty().then(|| vec![pattern])
}

#[cfg(test)]
mod tests {
    use prisma_log_core::Level;

    use super::*;
    use crate::RuleBuilder;

    #[test]
    fn rules_with_something_to_look_for_are_not_asked_about_every_line() {
        let check = |rule: RuleBuilder, hungry: bool| {
            let rule = rule.build().unwrap();
            let plan = Plan::new(&[Arc::new(rule.clone())]).unwrap();
            assert_eq!(plan.hungry, if hungry { vec![0] } else { Vec::new() }, "{rule:?}");
        };
        let rule = || Rule::builder("r");
        check(rule().message("connection refused"), false);
        check(rule().message("(?i)(?:connection|link) refused|timed out"), false);
        check(rule().message(r"^\d+$"), true);
        check(rule().level_at_least(Level::Error), true);
        check(rule().level_at_least(Level::Error).message("refused"), false);
        check(rule().message(r"\d").line("refused"), false);
        let any = |list: &[&str]| {
            Condition::Any(list.iter().map(|one| Condition::Message((*one).into())).collect())
        };
        check(rule().condition(any(&["refused", "timed out"])), false);
        check(rule().condition(any(&["refused", r"\d"])), true);
        check(rule().condition(Condition::Contains(vec!["refused".into()])), false);
        check(rule().logger("shop").except("refused"), true);
    }
}
