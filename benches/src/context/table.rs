//! The table, a part for each task.

use std::fmt::Write as _;

use super::Row;

const COLUMNS: [(&str, &str, usize); 5] = [
    ("caller ns", "caller_ns", 1),
    ("best", "best_ns", 1),
    ("CPU ns", "cpu_ns", 1),
    ("allocs", "allocations", 1),
    ("bytes", "line_bytes", 0),
];

const LEGEND: &str = "caller ns: a call's time in bursts, median; CPU ns: processor time of all \
    threads, a call;\nratio: the caller's time by the first row's; allocs: by the caller; bytes: of \
    the line.\nBoth sides make JSON lines whole and throw them away; each contender has a process \
    of its own, and\nevery line is counted. Medians over the rounds.\n";

/// All rows, and what the columns mean.
pub(super) fn text(rows: &[Row]) -> String {
    let mut text = format!("{:<32}", "");
    for (title, _, _) in COLUMNS {
        // Writing to a `String` can't fail.
        let _ = write!(text, " {title:>9}");
    }
    text += "   ratio\n";
    let mut task = "";
    let mut base = None;
    for row in rows {
        if row.subject.task() != task {
            task = row.subject.task();
            base = row.figures.get("caller_ns");
            let _ = writeln!(text, "{task}");
        }
        let contender = row.subject.name[task.len()..].trim_start_matches([':', ' ']);
        let _ = write!(text, "  {contender:<30}");
        for (_, figure, digits) in COLUMNS {
            let _ = match row.figures.get(figure) {
                Some(value) => write!(text, " {value:>9.digits$}"),
                None => write!(text, " {:>9}", "-"),
            };
        }
        let _ = match row.figures.get("caller_ns").zip(base) {
            Some((value, base)) => write!(text, " {:>7.2}", value / base),
            None => write!(text, " {:>7}", "-"),
        };
        let _ = writeln!(text, "  {}", row.subject.note);
    }
    text += "\n";
    text += LEGEND;
    for row in rows {
        if let Some(why) = &row.why_not {
            let _ = writeln!(text, "- {}: {why}", row.subject.name);
        }
    }
    text
}
