//! What is said of a trace, and of the files that were read, beside the tree.

use std::time::Duration;

use super::time;
use crate::present::style::{self, BAD};
use crate::present::text;
use crate::trace::{Scanned, Slowest, Trace, Tree};

/// `1 span`, `2 spans`.
pub(super) fn count(number: u64, what: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{number} {what}{s}")
}

/// When, how long, how much.
pub(super) fn head(trace: &Trace, tree: &Tree, total: &str) -> String {
    let spans = count(trace.spans.len() as u64, "span");
    let services = count(trace.services.len() as u64, "service");
    let records = count(trace.records, "record");
    let mut head = format!("{}  {total}  {spans} of {services}, {records}", tree.start);
    let failed = trace.failed();
    if failed > 0 {
        head += &format!(", {BAD}{failed} failed{BAD:#}");
    }
    if trace.unsampled > 0 {
        head += ", not sampled";
    }
    head
}

/// Whose time it was: the self times of each service's spans, the longest first.
pub(crate) fn by_service(trace: &Trace, tree: &Tree) -> Option<String> {
    if trace.services.len() < 2 || tree.places.is_empty() {
        return None;
    }
    let mut times = vec![Duration::ZERO; trace.services.len()];
    for (span, place) in trace.spans.iter().zip(&tree.places) {
        times[span.service] = times[span.service].saturating_add(place.self_time);
    }
    let all = times.iter().fold(Duration::ZERO, |all, &time| all.saturating_add(time));
    let mut services: Vec<_> = times.iter().enumerate().filter(|(_, t)| !t.is_zero()).collect();
    services.sort_by(|(_, a), (_, b)| b.cmp(a));
    let told = services.iter().map(|&(number, &time)| {
        let style = style::of_number(number);
        let name = text::shown(&trace.services[number], 40);
        let share = 100.0 * time.as_secs_f64() / all.as_secs_f64();
        format!("{style}{name}{style:#} {} ({share:.0} %)", time::shown(time))
    });
    let told: Vec<_> = told.collect();
    (!told.is_empty()).then(|| format!("where the time went: {}", told.join(", ")))
}

/// What a reader of the tree should know about it.
pub(crate) fn of_trace(trace: &Trace, hidden: bool) -> Vec<String> {
    let mut notes = Vec::new();
    if hidden {
        let all = trace.entries.len() as u64;
        let events = all.saturating_sub(trace.records);
        let and =
            if events > 0 { format!(" and {}", count(events, "event")) } else { String::new() };
        notes.push(format!("{}{and} not shown: add --records", count(trace.records, "record")));
    }
    if trace.duplicates > 0 {
        notes.push(format!(
            "{} found more than once, and shown once",
            count(trace.duplicates, "span")
        ));
    }
    if trace.without_time > 0 {
        notes.push(format!("{} without a time not shown", count(trace.without_time, "line")));
    }
    if trace.spans.is_empty() && !trace.is_empty() {
        notes.push("no span of this trace ended in these files".to_owned());
    }
    notes
}

/// What a reader of the table should know about it.
pub(crate) fn of_slowest(slowest: &Slowest) -> Vec<String> {
    let mut notes = vec![format!("{} in all", count(slowest.len() as u64, "trace"))];
    let without = slowest.without_spans();
    if without > 0 {
        notes[0] += &format!(", {without} of them without a span that ended");
    }
    if slowest.duplicates > 0 {
        let spans = count(slowest.duplicates, "span");
        notes.push(format!("{spans} found more than once, and counted once"));
    }
    if slowest.without_time > 0 {
        notes.push(format!("{} without a time not counted", count(slowest.without_time, "span")));
    }
    notes
}

/// What was read, and what was not.
pub(crate) fn of_files(scanned: &Scanned) -> Vec<String> {
    let Scanned { files, lines, not_json, cut_lines, compressed, .. } = scanned;
    let mut notes =
        vec![format!("{} read in {}", count(*lines, "line"), count(*files as u64, "file"))];
    if *not_json > 0 {
        notes[0] += &format!(", {not_json} of them no JSON");
    }
    if *cut_lines > 0 {
        notes.push(format!("{} cut: longer than 1 MiB", count(*cut_lines, "line")));
    }
    if !compressed.is_empty() {
        let names: Vec<_> = compressed.iter().map(|file| file.display().to_string()).collect();
        let names = text::shown(&names.join(", "), 400);
        let count = count(compressed.len() as u64, "compressed file");
        notes.push(format!("{count} not read: {names}; decompress first"));
    }
    notes
}
