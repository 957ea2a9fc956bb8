//! Kills, forks, floods and starves a logger and the places it writes to, and counts what is lost.
//!
//! `prisma-log-faults SUITE [--quick] [ROW…]` runs all rows of a suite or those named, prints a table
//! for each, leaves the figures in `target/faults/SUITE.json` and, after a whole run of all rows,
//! writes the suite's part of `RELIABILITY.md`; both below the current folder. A row that misses a
//! program of somebody else's is skipped with a message; in a whole run, and where the variable `CI`
//! is set, it fails. The program starts itself again for whatever may die, hang or damage its own
//! process: `prisma-log-faults child ROW ROLE DIR RING ARGUMENTS`.

mod alloc;
mod kid;
mod lines;
mod load;
mod machine;
mod needs;
mod oracle;
mod os;
mod ours;
mod reliability;
mod report;
mod rivals;
mod suites;
mod trace;

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use crate::kid::{Call, Run};
use crate::report::Section;
use crate::suites::{Row, Suite};

#[global_allocator]
static ALLOCATOR: alloc::Counting = alloc::Counting;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|word| word == "child") {
        os::hear_end_signals();
        return child(&arguments[1..]);
    }
    match parent(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

/// What was asked for.
struct Wanted {
    suite: &'static Suite,
    quick: bool,
    /// Empty: all.
    rows: Vec<String>,
}

impl Wanted {
    fn parse(arguments: &[String]) -> Result<Self, String> {
        let mut words = arguments.iter().filter(|word| *word != "--quick");
        let name = words.next().map(String::as_str).unwrap_or_default();
        let suite = suites::find(name).ok_or_else(|| {
            let known: Vec<_> = suites::ALL.iter().map(|suite| suite.name).collect();
            format!("no suite `{name}`; there are: {}", known.join(", "))
        })?;
        let rows: Vec<String> = words.cloned().collect();
        if let Some(name) = rows.iter().find(|name| !suite.rows.iter().any(|r| r.name == **name)) {
            let known: Vec<_> = suite.rows.iter().map(|row| row.name).collect();
            return Err(format!("no row `{name}`; there are: {}", known.join(", ")));
        }
        let quick = arguments.iter().any(|word| word == "--quick");
        Ok(Wanted { suite, quick, rows })
    }

    fn takes(&self, row: &Row) -> bool {
        self.rows.is_empty() || self.rows.iter().any(|name| *name == row.name)
    }

    /// Whether the figures are all of the suite's, and fit to be published.
    fn is_whole(&self) -> bool {
        self.rows.is_empty() && !self.quick
    }
}

/// Runs the rows; whether all their figures hold.
fn parent(arguments: &[String]) -> Result<bool, String> {
    let wanted = Wanted::parse(arguments)?;
    let suite = wanted.suite;
    let strict = wanted.is_whole() || std::env::var_os("CI").is_some();
    let run = Run::new(wanted.quick)?;
    let begin = Instant::now();
    let mut sections = Vec::new();
    for row in suite.rows.iter().filter(|row| wanted.takes(row)) {
        println!("\n== {} (rows {}): {}", row.name, row.faults, row.what);
        let begin = Instant::now();
        let mut section = run_row(row, &run, strict);
        section.seconds = begin.elapsed().as_secs_f64();
        print!("{}", section.text());
        sections.push((*row, section));
    }
    let name = suite.name;
    report::write_json(
        &Path::new("target/faults").join(format!("{name}.json")),
        suite,
        wanted.quick,
        &sections,
    )?;
    if wanted.is_whole() {
        reliability::publish(Path::new("RELIABILITY.md"), suite, &sections)?;
    }
    let failed: Vec<String> = sections
        .iter()
        .flat_map(|(row, section)| section.failures().map(|check| format!("{}: {check}", row.name)))
        .collect();
    let skipped = sections.iter().filter(|(_, section)| section.skipped.is_some()).count();
    let checks: usize = sections.iter().map(|(_, section)| section.required()).sum();
    let seconds = begin.elapsed().as_secs();
    println!();
    for failure in &failed {
        println!("does not hold: {failure}");
    }
    let skipped = if skipped == 0 { String::new() } else { format!(", {skipped} rows skipped") };
    if failed.is_empty() {
        println!("{name}: ok: {checks} figures hold{skipped}, {seconds} s");
    } else {
        let failed = failed.len();
        println!("{name}: FAILED: {failed} of {checks} figures do not hold{skipped}, {seconds} s");
    }
    Ok(failed.is_empty())
}

/// One row, as far as it can be run here.
fn run_row(row: &Row, run: &Run, strict: bool) -> Section {
    let mut section = match (row.needs)() {
        Ok(()) => {
            let failed = |error| {
                let mut section = Section::new();
                section.check("ran to its end", "yes", error, false);
                section
            };
            return (row.run)(run).unwrap_or_else(failed);
        }
        Err(missing) => {
            let mut section = Section::new();
            section.skipped = Some(missing);
            section
        }
    };
    if strict {
        let missing = section.skipped.take().unwrap_or_default();
        section.check("what it needs is there", "yes", missing, false);
    }
    section
}

/// What a child does: the row's own code says.
fn child(arguments: &[String]) -> ExitCode {
    let outcome = Call::parse(arguments).and_then(|call| suites::child(&call));
    match outcome {
        Ok(value) => {
            kid::answer(&value);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(3)
        }
    }
}
