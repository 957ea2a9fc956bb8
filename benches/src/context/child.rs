//! Each contender at each task has a process of its own: a program has one subscriber and one logger.

use std::process::{Command, ExitCode, Stdio};

use serde_json::json;

use super::subject::Subject;
use crate::figures::Figures;
use crate::parent::{this_program, wait};

/// The first argument of a child; the subject and the number of bursts follow.
pub(super) const CHILD: &str = "--subject";

/// Runs as a child.
pub(super) fn main(subjects: &[Subject], args: &[String]) -> ExitCode {
    let outcome = parse(subjects, args)
        .ok_or_else(|| format!("a child doesn't understand {args:?}"))
        .and_then(|(subject, bursts)| (subject.start)()?.measure(bursts));
    let answer = match outcome {
        Ok(figures) => json!({ "figures": figures.to_json() }),
        Err(why) => json!({ "why_not": why }),
    };
    println!("{answer}");
    ExitCode::SUCCESS
}

fn parse<'s>(subjects: &'s [Subject], args: &[String]) -> Option<(&'s Subject, u64)> {
    let [name, bursts] = args else { return None };
    let subject = subjects.iter().find(|subject| subject.name == name)?;
    Some((subject, bursts.parse().ok()?))
}

/// What a child finds out about this subject.
pub(super) fn figures_of(subject: &Subject, bursts: u64) -> Result<Figures, String> {
    let mut program = Command::new(this_program()?);
    program.args([CHILD, subject.name]).arg(bursts.to_string());
    program.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = program.spawn().map_err(|e| format!("cannot start a child: {e}"))?;
    let (output, _) = wait(child)?;
    let line = output.lines().last().unwrap_or_default();
    let answer: serde_json::Value =
        serde_json::from_str(line).map_err(|_| format!("the child answered `{line}`"))?;
    match answer["why_not"].as_str() {
        Some(why) => Err(why.to_owned()),
        None => Ok(Figures::from_json(&answer["figures"])),
    }
}
