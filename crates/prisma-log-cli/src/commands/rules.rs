//! `plog rules`: check, test, replay and explain alert rules.

mod check;
mod explain;
mod histogram;
mod merge;
mod receivers;
mod replay;
mod test;

use std::path::Path;

use prisma_log_config::rules;
use prisma_log_core::Error;
use prisma_log_monitor::{Rule, default_rules};

use crate::args::{RulesAction, RulesArgs};
use crate::exit::{Failure, Outcome};

pub(crate) fn run(args: RulesArgs) -> Outcome {
    match args.action {
        RulesAction::Check { files, json } => check::run(&files, json),
        RulesAction::Test { files, rule, json } => test::run(&files, &rule, json),
        RulesAction::TestReceivers { file, receiver, json } => {
            receivers::test(&file, &receiver, json)
        }
        RulesAction::Replay(args) => replay::run(&args),
        RulesAction::Explain(args) => explain::run(&args),
    }
}

/// The rules of a file, or those that are built in; of them those with these names, if any are named.
fn rules_of(file: Option<&Path>, names: &[String]) -> Result<Vec<Rule>, Failure> {
    let all = match file {
        Some(file) => {
            let errors = rules::check(file);
            if !errors.is_empty() {
                return Err(Failure::all(errors));
            }
            rules::load(file)?
        }
        None => default_rules(),
    };
    for name in names {
        if all.iter().all(|rule| rule.name() != name) {
            let known: Vec<&str> = all.iter().map(Rule::name).collect();
            let error = Error::config(format!("there is no rule `{name}`"));
            return Err(Failure::usage(error.with_hint(format!("rules: {}", known.join(", ")))));
        }
    }
    let wanted = |rule: &Rule| names.is_empty() || names.iter().any(|name| name == rule.name());
    Ok(all.into_iter().filter(wanted).collect())
}
