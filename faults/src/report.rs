//! Figures: what was wanted and what was seen, as text, Markdown and JSON.

use std::fmt;
use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};

use crate::machine;
use crate::suites::{Row, Suite};

/// A figure, and whether it holds if something is asked of it.
pub(crate) struct Check {
    what: String,
    /// Empty: the figure is for information.
    wanted: String,
    got: String,
    holds: bool,
}

/// A table with a head.
pub(crate) struct Table {
    pub(crate) head: Vec<String>,
    pub(crate) body: Vec<Vec<String>>,
}

/// What one row found.
pub(crate) struct Section {
    pub(crate) seconds: f64,
    /// Why nothing was run.
    pub(crate) skipped: Option<String>,
    tables: Vec<Table>,
    checks: Vec<Check>,
}

impl Section {
    pub(crate) fn new() -> Self {
        Section { seconds: 0.0, skipped: None, tables: Vec::new(), checks: Vec::new() }
    }

    pub(crate) fn table(&mut self, table: Table) {
        self.tables.push(table);
    }

    pub(crate) fn check(
        &mut self,
        what: impl Into<String>,
        wanted: impl Into<String>,
        got: impl ToString,
        holds: bool,
    ) {
        let (what, wanted, got) = (what.into(), wanted.into(), got.to_string());
        self.checks.push(Check { what, wanted, got, holds });
    }

    /// A figure of which nothing is asked.
    pub(crate) fn info(&mut self, what: impl Into<String>, got: impl ToString) {
        self.check(what, "", got, true);
    }

    /// A figure that must be exactly this.
    pub(crate) fn equals(&mut self, what: impl Into<String>, wanted: u64, got: u64) {
        self.check(what, thousands(wanted), thousands(got), wanted == got);
    }

    /// A figure that must be zero.
    pub(crate) fn zero(&mut self, what: impl Into<String>, got: u64) {
        self.equals(what, 0, got);
    }

    /// A figure that must not exceed a limit, both in `unit`.
    pub(crate) fn at_most(&mut self, what: impl Into<String>, limit: f64, got: f64, unit: &str) {
        self.check(what, format!("≤ {limit} {unit}"), format!("{got:.3} {unit}"), got <= limit);
    }

    /// A figure that must reach a limit, both in `unit`.
    pub(crate) fn at_least(&mut self, what: impl Into<String>, limit: f64, got: f64, unit: &str) {
        self.check(what, format!("≥ {limit} {unit}"), format!("{got:.3} {unit}"), got >= limit);
    }

    /// A condition that must be true.
    pub(crate) fn holds(&mut self, what: impl Into<String>, holds: bool) {
        self.check(what, "yes", if holds { "yes" } else { "no" }, holds);
    }

    pub(crate) fn failures(&self) -> impl Iterator<Item = &Check> {
        self.checks.iter().filter(|check| !check.holds)
    }

    /// How many figures something is asked of.
    pub(crate) fn required(&self) -> usize {
        self.checks.iter().filter(|check| !check.wanted.is_empty()).count()
    }

    fn all_tables(&self) -> impl Iterator<Item = Table> {
        let copy = |table: &Table| Table { head: table.head.clone(), body: table.body.clone() };
        let mut tables: Vec<Table> = self.tables.iter().map(copy).collect();
        if !self.checks.is_empty() {
            let body = self.checks.iter().map(|check| {
                let mark = match (check.holds, check.wanted.is_empty()) {
                    (false, _) => "FAILS",
                    (true, true) => "",
                    (true, false) => "holds",
                };
                vec![check.what.clone(), check.wanted.clone(), check.got.clone(), mark.to_owned()]
            });
            let head = ["figure", "wanted", "seen", ""].map(str::to_owned).to_vec();
            tables.push(Table { head, body: body.collect() });
        }
        tables.into_iter()
    }

    /// For a terminal.
    pub(crate) fn text(&self) -> String {
        if let Some(why) = &self.skipped {
            return format!("\nskipped: {why}\n");
        }
        let mut text = String::new();
        for table in self.all_tables() {
            text += "\n";
            text += &table.text();
        }
        // Writing to a `String` can't fail.
        let _ = writeln!(text, "({:.1} s)", self.seconds);
        text
    }

    /// For a page.
    pub(crate) fn markdown(&self) -> String {
        self.all_tables().map(|table| table.markdown() + "\n").collect()
    }

    fn json(&self) -> Value {
        let tables: Vec<Value> = self
            .tables
            .iter()
            .map(|table| json!({ "head": table.head, "rows": table.body }))
            .collect();
        let checks: Vec<Value> = self
            .checks
            .iter()
            .map(|check| {
                json!({ "figure": check.what, "wanted": check.wanted, "seen": check.got,
                        "holds": check.holds })
            })
            .collect();
        json!({ "seconds": self.seconds, "skipped": self.skipped, "tables": tables, "figures": checks })
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: wanted {}, seen {}", self.what, self.wanted, self.got)
    }
}

impl Table {
    pub(crate) fn new(head: &[&str]) -> Self {
        Table { head: head.iter().map(|&word| word.to_owned()).collect(), body: Vec::new() }
    }

    fn text(&self) -> String {
        let lines: Vec<&Vec<String>> = std::iter::once(&self.head).chain(&self.body).collect();
        let width = |column: usize| {
            lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max()
        };
        let widths: Vec<usize> = (0..self.head.len()).filter_map(width).collect();
        let mut text = String::new();
        for line in lines {
            let mut row = String::new();
            for (cell, width) in line.iter().zip(&widths) {
                // Writing to a `String` can't fail.
                let _ = write!(row, "  {cell:<width$}");
            }
            text += row.trim_end();
            text += "\n";
        }
        text
    }

    fn markdown(&self) -> String {
        let row = |cells: &[String]| {
            let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
            format!("| {} |\n", cells.join(" | ")).replace("|  |", "| |")
        };
        let rule = vec!["---".to_owned(); self.head.len()];
        let body: String = self.body.iter().map(|cells| row(cells)).collect();
        row(&self.head) + &row(&rule) + &body
    }
}

/// `1,234,567`.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `7` or `5–9`.
pub(crate) fn range(values: &[u64]) -> String {
    let (Some(least), Some(most)) = (values.iter().min(), values.iter().max()) else {
        return "–".to_owned();
    };
    if least == most { least.to_string() } else { format!("{least}–{most}") }
}

/// The value below which this share of them lies; sorts them.
pub(crate) fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let at = (values.len() as f64 * share) as usize;
    values.get(at.min(values.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
}

/// Leaves the figures for other programs.
pub(crate) fn write_json(
    path: &Path,
    suite: &Suite,
    quick: bool,
    sections: &[(&Row, Section)],
) -> Result<(), String> {
    let cannot = |error| format!("cannot write {}: {error}", path.display());
    let json = |row: &Row, section: &Section| {
        let mut json = section.json();
        json["what"] = row.what.into();
        json["faults"] = row.faults.into();
        json
    };
    let rows: serde_json::Map<String, Value> =
        sections.iter().map(|(row, section)| (row.name.to_owned(), json(row, section))).collect();
    let holds = sections.iter().all(|(_, section)| section.failures().next().is_none());
    let report = json!({ "faults": suite.name, "date": machine::date(), "machine": machine::name(),
                         "quick": quick, "holds": holds, "rows": rows });
    std::fs::create_dir_all(path.parent().unwrap_or(Path::new("."))).map_err(cannot)?;
    std::fs::write(path, format!("{report:#}\n")).map_err(cannot)
}
