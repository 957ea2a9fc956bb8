//! `plog config`: what is wrong with a file, and what is in effect.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use prisma_log_config::{Config, Environment, rules};
use prisma_log_core::Error;
use serde_json::json;

use crate::args::{ConfigAction, ConfigArgs};
use crate::exit::{Failure, Outcome};
use crate::present;
use crate::present::style::{FAINT, GOOD, STRONG};

pub(crate) fn run(args: ConfigArgs) -> Outcome {
    match args.action {
        ConfigAction::Check { files, json } => check(&files, json),
        ConfigAction::Show { file, profile, json } => show(file, profile, json),
    }
}

fn check(files: &[PathBuf], json: bool) -> Outcome {
    let mut all = Vec::new();
    let mut out = anstream::stdout().lock();
    for file in files {
        let errors = if holds_rules(file) {
            rules::check(file)
        } else {
            prisma_log_config::check(file, &Environment::from_process())
        };
        if json {
            for error in &errors {
                writeln!(out, "{}", mistake(file, error))?;
            }
        } else if errors.is_empty() {
            writeln!(out, "{GOOD}ok{GOOD:#}  {}", file.display())?;
        } else {
            errors.iter().for_each(present::error::print);
        }
        all.extend(errors);
    }
    match (all.is_empty(), json) {
        (true, _) => Ok(()),
        (false, true) => Err(Failure::Shown { usage: all.iter().any(Error::is_config) }),
        (false, false) => {
            let (mistakes, files) = (all.len(), files.len());
            anstream::eprintln!(
                "{STRONG}{mistakes}{STRONG:#} mistake{} in {files} file{}",
                if mistakes == 1 { "" } else { "s" },
                if files == 1 { "" } else { "s" },
            );
            Err(Failure::Shown { usage: all.iter().any(Error::is_config) })
        }
    }
}

/// Whether a file is one of alert rules: it has `rules:` or `packs:` at its top and no `profiles:`. What can't
/// be read is taken for profiles, whose check says what is wrong.
fn holds_rules(file: &Path) -> bool {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let has = |key: &str| text.lines().any(|line| line.starts_with(key));
    (has("rules:") || has("packs:")) && !has("profiles:")
}

fn mistake(file: &Path, error: &Error) -> serde_json::Value {
    let place = error.place();
    json!({
        "file": place.map_or(file, |place| &place.file).to_string_lossy(),
        "line": place.map(|place| place.line),
        "column": place.map(|place| place.column),
        "message": error.message(),
        "hint": error.hint(),
    })
}

fn show(file: Option<PathBuf>, profile: Option<String>, json: bool) -> Outcome {
    let mut environment = Environment::from_process();
    if let Some(profile) = profile {
        environment = environment.profile(profile);
    }
    let config = match &file {
        Some(file) => Config::load(file, &environment)?,
        None => Config::find(&environment)?,
    };
    for warning in config.warnings() {
        anstream::eprintln!("plog: warning: {warning}");
    }
    let mut out = anstream::stdout().lock();
    if json {
        for entry in config.entries() {
            let origin = entry.origin.to_string();
            let line = json!({"key": entry.path, "value": entry.value, "origin": origin});
            writeln!(out, "{line}")?;
        }
        return Ok(());
    }
    let source = config.file().map_or("built-in".into(), |file| file.display().to_string());
    writeln!(out, "{FAINT}# profile {} of {source}{FAINT:#}", config.profile())?;
    let width = |of: fn(&prisma_log_config::Entry) -> &str| {
        config.entries().iter().map(|entry| of(entry).chars().count()).max().unwrap_or(0)
    };
    let (keys, values) = (width(|entry| &entry.path), width(|entry| &entry.value).min(40));
    for entry in config.entries() {
        writeln!(
            out,
            "{STRONG}{:<keys$}{STRONG:#}  {:<values$}  {FAINT}{}{FAINT:#}",
            entry.path, entry.value, entry.origin
        )?;
    }
    Ok(())
}
