//! The table, as text and as Markdown.

use std::fmt::Write as _;

use crate::comparison::Row;

struct Column {
    title: &'static str,
    figure: &'static str,
    scale: f64,
    digits: usize,
    /// In Markdown, which must fit on a page, as well.
    brief: bool,
    what: &'static str,
}

const fn column(
    title: &'static str,
    figure: &'static str,
    scale: f64,
    digits: usize,
    what: &'static str,
) -> Column {
    Column { title, figure, scale, digits, brief: false, what }
}

const fn brief(
    title: &'static str,
    figure: &'static str,
    scale: f64,
    digits: usize,
    what: &'static str,
) -> Column {
    Column { brief: true, ..column(title, figure, scale, digits, what) }
}

const COLUMNS: [Column; 22] = [
    brief("mean ns", "mean_ns", 1.0, 0, "a call in bursts of 1,000, median burst"),
    column("best", "best_ns", 1.0, 0, "the best burst"),
    column("p50", "p50_ns", 1.0, 0, "of means over 10 calls, as are the next"),
    column("p99", "p99_ns", 1.0, 0, ""),
    brief("p99.9", "p999_ns", 1.0, 0, "ns, of means over 10 calls"),
    column("max us", "max_ns", 1e-3, 0, ""),
    brief("idle us", "idle_us", 1.0, 1, "the first call after 10 ms, median"),
    column("bare", "bare_ns", 1.0, 0, "mean ns without a field"),
    column("1 field", "one_field_ns", 1.0, 0, ""),
    column("5", "five_fields_ns", 1.0, 0, ""),
    column("5 + text", "five_and_text_ns", 1.0, 0, "five fields, and two arguments in the message"),
    column("5 by %", "five_displayed_ns", 1.0, 0, "five through `Display`"),
    brief("off ns", "disabled_ns", 1.0, 2, "a call whose level is off"),
    brief("allocs", "allocations", 1.0, 1, "by the caller, a call"),
    column("instr", "instructions", 1.0, 0, "by the caller, a call"),
    brief(
        "M/s 1t",
        "records_s_1",
        1e-6,
        2,
        "million records a second by one thread until the file is complete",
    ),
    brief("M/s 4t", "records_s_4", 1e-6, 2, "by four"),
    brief("CPU us 1t", "cpu_us_1", 1.0, 2, "processor time of all threads, a record"),
    column("CPU us 4t", "cpu_us_4", 1.0, 2, ""),
    column("MiB 1t", "rss_mib_1", 1.0, 1, ""),
    brief("MiB 4t", "rss_mib_4", 1.0, 1, "peak of resident memory"),
    brief("x mean", "", 1.0, 1, "the mean by the first row's"),
];

const METHOD: &str = "Each logger and question has a process of its own; files are checked line by \
    line; queues hold 16,384 records, where that can be chosen, and block.";

/// The rows of a comparison.
pub(crate) struct Table<'a> {
    pub(crate) rows: &'a [Row],
}

impl Table<'_> {
    /// The table and what its columns mean, then why figures are missing.
    pub(crate) fn text(&self, markdown: bool) -> String {
        let any = |column: &&Column| {
            (column.brief || !markdown)
                && self.rows.iter().any(|row| self.value(column, row).is_some())
        };
        let columns: Vec<&Column> = COLUMNS.iter().filter(any).collect();
        let head = ["logger"].into_iter().chain(columns.iter().map(|column| column.title));
        let mut lines: Vec<Vec<String>> = vec![head.map(str::to_owned).collect()];
        for row in self.rows {
            let name = match row.entry.note {
                "" => row.entry.name.to_owned(),
                note => format!("{} ({note})", row.entry.name),
            };
            let cell = |column: &&Column| match self.value(column, row) {
                Some(value) => with_commas(value * column.scale, column.digits),
                None => "-".to_owned(),
            };
            lines.push([name].into_iter().chain(columns.iter().map(cell)).collect());
        }
        let mut text = if markdown { as_markdown(&lines) } else { as_text(&lines) };
        let legend = columns.iter().filter(|column| !column.what.is_empty());
        let legend: Vec<_> = legend.map(|it| format!("{}: {}", it.title, it.what)).collect();
        let legend = format!("{}. {METHOD}", legend.join("; "));
        // Writing to a `String` can't fail.
        let _ = writeln!(text, "\n{}", wrapped(&legend, 100));
        for line in self.rows.iter().flat_map(|row| &row.why_not) {
            let _ = writeln!(text, "- {line}");
        }
        text
    }

    fn value(&self, column: &Column, row: &Row) -> Option<f64> {
        if !column.figure.is_empty() {
            return row.figures.get(column.figure);
        }
        let base = self.rows.first()?.figures.get("mean_ns")?;
        Some(row.figures.get("mean_ns")? / base)
    }
}

fn with_commas(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$}");
    let (whole, part) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut grouped = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + part
}

fn wrapped(text: &str, width: usize) -> String {
    let mut lines = String::new();
    let mut room = width;
    for word in text.split(' ') {
        let length = word.chars().count();
        if length + 1 > room && !lines.is_empty() {
            lines.push('\n');
            room = width;
        } else if !lines.is_empty() {
            lines.push(' ');
            room -= 1;
        }
        lines += word;
        room = room.saturating_sub(length);
    }
    lines
}

fn as_text(lines: &[Vec<String>]) -> String {
    let columns = lines.first().map_or(0, Vec::len);
    let width = |at: usize| lines.iter().map(|line| line[at].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for line in lines {
        let (name, rest) = (&line[0], &line[1..]);
        let _ = write!(text, "{name:<0$}", widths[0]);
        for (cell, width) in rest.iter().zip(&widths[1..]) {
            let _ = write!(text, "  {cell:>width$}");
        }
        text.push('\n');
    }
    text
}

fn as_markdown(lines: &[Vec<String>]) -> String {
    let mut text = String::new();
    for (at, line) in lines.iter().enumerate() {
        let _ = writeln!(text, "| {} |", line.join(" | "));
        if at == 0 {
            let _ = writeln!(text, "|---|{}", "---:|".repeat(line.len() - 1));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        let check = |value, digits, expect: &str| assert_eq!(with_commas(value, digits), expect);
        check(0.25, 2, "0.25");
        check(999.0, 0, "999");
        check(1_000.0, 0, "1,000");
        check(1_234_567.891, 1, "1,234,567.9");
    }

    #[test]
    fn long_texts_are_wrapped() {
        let check = |text, expect: &str| assert_eq!(wrapped(text, 7), expect, "{text}");
        check("one two", "one two");
        check("one two three", "one two\nthree");
        check("a beginning", "a\nbeginning");
        check("beginnings end", "beginnings\nend");
    }

    #[test]
    fn columns_line_up() {
        let lines = [vec!["a".to_owned(), "1".to_owned()], vec!["bcd".to_owned(), "22".to_owned()]];
        assert_eq!(as_text(&lines), "a     1\nbcd  22\n");
        assert_eq!(as_markdown(&lines), "| a | 1 |\n|---|---:|\n| bcd | 22 |\n");
    }
}
