//! `plog monitor`: follow files, raise alerts by rules.

mod reload;

use std::io::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::ProgressBar;
use prisma_log_config::rules::{self, AlertConfig};
use prisma_log_core::Error;
use prisma_log_monitor::{
    AlertFilter, Monitor, MonitorBuilder, Notification, Progress, Report, Severity, SourceState,
    SourceStatus, default_rules,
};
use serde_json::json;

use self::reload::Watch;
use crate::args::MonitorArgs;
use crate::exit::{Failure, Outcome};
use crate::files::{is_pattern, no_match};
use crate::interrupt::Interrupt;
use crate::present;
use crate::present::style::{FAINT, STRONG};

pub(crate) fn run(args: &MonitorArgs) -> Outcome {
    let config = args.rules.as_deref().map(load).transpose()?;
    let mut watch = args.rules.as_deref().zip(config.clone()).map(|(f, c)| Watch::new(f, c));
    let mut builder = with_rules(Monitor::builder(), config)?.from_start(args.from_start);
    let interrupt = match watch {
        Some(_) => Interrupt::on_signals_with_reload()?,
        None => Interrupt::on_signals()?,
    };
    for file in &args.files {
        builder = match file.to_str() {
            Some(pattern) if is_pattern(file) => builder.glob(pattern),
            _ => builder.file(file),
        };
    }
    if let Some(store) = &args.store {
        builder = builder.store(store);
    }
    if let Some(idle) = args.until_idle {
        builder = builder.until_idle(idle);
    }
    let bar = if args.from_start { present::progress::bar() } else { ProgressBar::hidden() };
    let told = Arc::new(Mutex::new(String::new()));
    let builder = with_handlers(builder, args, &interrupt, &bar, &told);
    let monitor = builder.start()?;
    while !monitor.is_finished() && !interrupt.is_asked() {
        if let Some(watch) = &mut watch {
            watch.look(&monitor, interrupt.takes_reload(), &bar);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let store = monitor.store().clone();
    let ended = if interrupt.is_asked() { monitor.stop() } else { monitor.wait() };
    bar.finish_and_clear();
    let report = match ended {
        Ok(report) => report,
        Err(error) if *lock(&told) == error.to_string() => {
            return Err(Failure::Shown { usage: false });
        }
        Err(error) => return Err(error.into()),
    };

    let mut out = anstream::stdout().lock();
    if args.json {
        for alert in store.list(&AlertFilter::all())? {
            writeln!(out, "{}", with_event("alert", &alert.to_json()))?;
        }
        for source in &report.sources {
            writeln!(out, "{}", source_line(source))?;
        }
        writeln!(out, "{}", end_line(&report))?;
    } else {
        summary(&mut out, args, &report)?;
    }
    drop(out);
    ended_well(args, &report)
}

fn load(file: &Path) -> Result<AlertConfig, Failure> {
    let errors = rules::check(file);
    if errors.is_empty() { Ok(AlertConfig::load(file)?) } else { Err(Failure::all(errors)) }
}

/// Rules, policy and receivers of the file, or the rules that are built in.
fn with_rules(
    builder: MonitorBuilder,
    config: Option<AlertConfig>,
) -> Result<MonitorBuilder, Failure> {
    let Some(config) = config else { return Ok(builder.rules(default_rules())) };
    let mut builder = builder.policy(config.policy().clone());
    for receiver in config.receivers() {
        builder = builder.receiver(&receiver.name, receiver.build(None)?);
    }
    Ok(builder.rules(config.into_rules()))
}

fn lock(told: &Mutex<String>) -> MutexGuard<'_, String> {
    told.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Alerts go to stdout as they are raised, problems to stderr; `told` holds the last of them.
fn with_handlers(
    builder: MonitorBuilder,
    args: &MonitorArgs,
    interrupt: &Interrupt,
    bar: &ProgressBar,
    told: &Arc<Mutex<String>>,
) -> MonitorBuilder {
    let json = args.json;
    let print = {
        let (interrupt, bar) = (interrupt.clone(), bar.clone());
        move |news: &Notification| {
            let line = if json { news.to_json() } else { present::alert::news(news) };
            let printed = bar.suspend(|| writeln!(anstream::stdout().lock(), "{line}"));
            if printed.is_err() {
                // Whoever read the alerts has gone; what is committed stays in the store.
                interrupt.ask();
            }
        }
    };
    let complain = {
        let (bar, told) = (bar.clone(), Arc::clone(told));
        move |error: &Error| {
            *lock(&told) = error.to_string();
            bar.suspend(|| present::error::print(error));
        }
    };
    let progress = {
        let bar = bar.clone();
        move |progress: &Progress| {
            bar.set_length(progress.total_bytes);
            bar.set_position(progress.bytes);
            bar.set_message(format!("{} lines, {} alerts", progress.lines, progress.alerts));
        }
    };
    builder.on_alert(print.clone()).on_resolved(print).on_error(complain).on_progress(progress)
}

/// Puts `"event":NAME` in front of a JSON object's keys.
fn with_event(event: &str, object: &str) -> String {
    format!("{{\"event\":\"{event}\",{}", object.strip_prefix('{').unwrap_or(object))
}

fn source_line(source: &SourceStatus) -> serde_json::Value {
    json!({
        "event": "source",
        "path": source.path.to_string_lossy(),
        "state": state_word(source.state),
        "lines": source.lines,
        "bytes": source.bytes,
        "cut_lines": source.cut_lines,
        "invalid_utf8_lines": source.invalid_utf8_lines,
        "rotations": source.rotations,
        "truncations": source.truncations,
        "gaps": source.gaps,
        "bytes_left": source.bytes_left,
        "error": source.error.as_ref().map(ToString::to_string),
    })
}

fn end_line(report: &Report) -> serde_json::Value {
    json!({
        "event": "end",
        "files": report.sources.len(),
        "lines": report.lines,
        "bytes": report.bytes,
        "raised": report.raised,
        "reopened": report.reopened,
        "resolved": report.resolved,
        "redelivered": report.redelivered,
        "evicted_groups": evicted_groups(report),
        "errors": report.errors,
    })
}

/// Groups of all rules that were forgotten for want of room.
fn evicted_groups(report: &Report) -> u64 {
    report.rules.iter().map(|rule| rule.evicted_groups).sum()
}

fn state_word(state: SourceState) -> &'static str {
    match state {
        SourceState::Waiting => "missing",
        SourceState::Following => "read",
        _ => "failed",
    }
}

fn summary(
    out: &mut impl std::io::Write,
    args: &MonitorArgs,
    report: &Report,
) -> std::io::Result<()> {
    writeln!(out, "{FAINT}{:>12} {:>12}  file{FAINT:#}", "lines", "bytes")?;
    for source in &report.sources {
        let path = present::text::shown(&source.path.to_string_lossy(), 4096);
        write!(out, "{:>12} {:>12}  {path}", source.lines, source.bytes)?;
        let notes = [
            (source.cut_lines, "lines cut"),
            (source.invalid_utf8_lines, "lines not UTF-8"),
            (source.rotations, "rotations"),
            (source.truncations, "truncations"),
            (source.gaps, "gaps"),
        ];
        for (count, what) in notes.into_iter().filter(|&(count, _)| count > 0) {
            write!(out, "  {FAINT}{count} {what}{FAINT:#}")?;
        }
        if source.state != SourceState::Following {
            let style = present::style::severity(Severity::Error);
            write!(out, "  {style}{}{style:#}", state_word(source.state))?;
        }
        writeln!(out)?;
    }
    writeln!(
        out,
        "{STRONG}{}{STRONG:#} lines, {STRONG}{}{STRONG:#} alerts raised, {} opened again, {} resolved",
        report.lines, report.raised, report.reopened, report.resolved
    )?;
    for rule in report.rules.iter().filter(|rule| rule.evicted_groups > 0) {
        let style = present::style::severity(Severity::Warning);
        let (name, groups) = (&rule.rule, rule.evicted_groups);
        writeln!(out, "{style}rule {name} forgot {groups} groups: too many at once{style:#}")?;
    }
    if let Some(store) = &args.store {
        let store = store.display();
        writeln!(out, "{FAINT}see them: plog alerts list --store {store}{FAINT:#}")?;
    }
    Ok(())
}

/// A bounded run must have read all that it was told to read; what it could not has been said as it
/// came up.
fn ended_well(args: &MonitorArgs, report: &Report) -> Outcome {
    let bounded = args.until_idle.is_some();
    let unread = |source: &SourceStatus| match source.state {
        SourceState::Following => false,
        SourceState::Waiting => bounded,
        _ => true,
    };
    if bounded && report.sources.is_empty() {
        return Err(no_match(&args.files).into());
    }
    if report.sources.iter().any(unread) {
        return Err(Failure::Shown { usage: false });
    }
    Ok(())
}
