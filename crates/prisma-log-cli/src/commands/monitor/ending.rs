//! What is said at the end of a run.

use std::io::Write;

use prisma_log_monitor::{AlertFilter, Report, Severity, SourceState, SourceStatus, Store};
use serde_json::json;

use crate::args::MonitorArgs;
use crate::exit::Outcome;
use crate::files::is_well;
use crate::present;
use crate::present::style::{FAINT, STRONG};

/// All alerts as they stand, the sources and the totals, as JSON lines.
pub(super) fn json(out: &mut impl Write, store: &Store, report: &Report) -> Outcome {
    for alert in store.list(&AlertFilter::all())? {
        writeln!(out, "{}", with_event("alert", &alert.to_json()))?;
    }
    for source in &report.sources {
        writeln!(out, "{}", source_line(source))?;
    }
    writeln!(out, "{}", end_line(report))?;
    Ok(())
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
        "dropped": source.dropped,
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
        "not_opened": report.not_opened,
        "undecided": report.undecided,
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
        SourceState::Ended => "ended",
        _ => "failed",
    }
}

/// What was read and raised, for people.
pub(super) fn summary(
    out: &mut impl Write,
    args: &MonitorArgs,
    report: &Report,
) -> std::io::Result<()> {
    writeln!(out, "{FAINT}{:>12} {:>12}  source{FAINT:#}", "lines", "bytes")?;
    for source in &report.sources {
        let path = present::text::shown(&source.path.to_string_lossy(), 4096);
        write!(out, "{:>12} {:>12}  {path}", source.lines, source.bytes)?;
        let notes = [
            (source.cut_lines, "lines cut"),
            (source.invalid_utf8_lines, "lines not UTF-8"),
            (source.rotations, "rotations"),
            (source.truncations, "truncations"),
            (source.gaps, "gaps"),
            (source.dropped, "lines dropped"),
        ];
        for (count, what) in notes.into_iter().filter(|&(count, _)| count > 0) {
            write!(out, "  {FAINT}{count} {what}{FAINT:#}")?;
        }
        if !is_well(source) {
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
    let style = present::style::severity(Severity::Warning);
    let losses = [
        (report.not_opened, "firings raised no alert: too many are not resolved"),
        (report.undecided, "times a pattern was given up on a line: too much work"),
    ];
    for (count, what) in losses.into_iter().filter(|&(count, _)| count > 0) {
        writeln!(out, "{style}{count} {what}{style:#}")?;
    }
    for rule in report.rules.iter().filter(|rule| rule.evicted_groups > 0) {
        let (name, groups) = (&rule.rule, rule.evicted_groups);
        writeln!(out, "{style}rule {name} forgot {groups} groups: too many at once{style:#}")?;
    }
    if let Some(store) = &args.store {
        let store = store.display();
        writeln!(out, "{FAINT}see them: plog alerts list --store {store}{FAINT:#}")?;
    }
    Ok(())
}
