//! `plog rules check`: mistakes, and what is hardly meant.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use prisma_log_config::rules::{self, AlertConfig};
use prisma_log_core::Error;
use prisma_log_monitor::Engine;
use serde_json::json;

use crate::exit::{Failure, Outcome};
use crate::present;
use crate::present::style::{GOOD, STRONG};

pub(super) fn run(files: &[PathBuf], json: bool) -> Outcome {
    let mut out = anstream::stdout().lock();
    let (mut mistakes, mut warnings, mut usage) = (0, 0, false);
    for file in files {
        let errors = rules::check(file);
        mistakes += errors.len();
        usage |= errors.iter().any(Error::is_config);
        for error in &errors {
            match json {
                true => writeln!(out, "{}", found("error", file, error))?,
                false => present::error::print(error),
            }
        }
        if !errors.is_empty() {
            continue;
        }
        let config = AlertConfig::load(file)?;
        let doubts = config.warnings();
        warnings += doubts.len();
        for doubt in &doubts {
            match json {
                true => writeln!(out, "{}", found("warning", file, doubt))?,
                false => present::error::warn(doubt),
            }
        }
        let engine = Engine::new(config.rules().to_vec())?;
        for rule in engine.rules_for_every_line() {
            let info = asked_about_every_line(rule.name());
            match json {
                true => writeln!(out, "{}", found("info", file, &info))?,
                false => present::error::note(&info),
            }
        }
        if !json {
            let count = config.rules().len();
            let s = if count == 1 { "" } else { "s" };
            writeln!(out, "{GOOD}ok{GOOD:#}  {}: {count} rule{s}", file.display())?;
        }
    }
    if !json && mistakes + warnings > 0 {
        let count = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
        anstream::eprintln!(
            "{STRONG}{}{STRONG:#}, {} in {}",
            count(mistakes, "mistake"),
            count(warnings, "warning"),
            count(files.len(), "file")
        );
    }
    if mistakes > 0 { Err(Failure::Shown { usage }) } else { Ok(()) }
}

fn asked_about_every_line(rule: &str) -> Error {
    let what = format!("rule `{rule}` is asked about every line");
    Error::config(what).with_hint(
        "no text is in all lines that it matches: one in `message` or `contains` lets it pass over \
         the others quickly",
    )
}

fn found(severity: &str, file: &Path, error: &Error) -> serde_json::Value {
    let place = error.place();
    json!({
        "severity": severity,
        "file": place.map_or(file, |place| &place.file).to_string_lossy(),
        "line": place.map(|place| place.line),
        "column": place.map(|place| place.column),
        "message": error.message(),
        "hint": error.hint(),
    })
}
