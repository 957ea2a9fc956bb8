//! Kills, forks, floods and starves a logger, and counts what is lost.
//!
//! `prisma-log-faults [--quick] [ROW…]` runs all rows or those named, prints a table for each,
//! leaves the figures in `target/faults/pipeline.json` and, after a whole run of all rows, writes
//! `RELIABILITY.md`; both below the current folder. The program starts itself again for whatever
//! may die, hang or damage its own process: `prisma-log-faults child ROW ROLE DIR RING ARGUMENTS`.

mod alloc;
mod kid;
mod lines;
mod load;
mod machine;
mod oracle;
mod os;
mod ours;
mod reliability;
mod report;
mod rivals;
mod rows;

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use crate::kid::{Call, Run};
use crate::report::Section;

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

/// Runs the rows; whether all their figures hold.
fn parent(arguments: &[String]) -> Result<bool, String> {
    let quick = arguments.iter().any(|word| word == "--quick");
    let names: Vec<&String> = arguments.iter().filter(|word| *word != "--quick").collect();
    for name in &names {
        if !rows::ALL.iter().any(|row| row.name == name.as_str()) {
            let known: Vec<_> = rows::ALL.iter().map(|row| row.name).collect();
            return Err(format!("no row `{name}`; there are: {}", known.join(", ")));
        }
    }
    let run = Run::new(quick)?;
    let begin = Instant::now();
    let mut sections = Vec::new();
    for row in rows::ALL {
        if !names.is_empty() && !names.iter().any(|name| *name == row.name) {
            continue;
        }
        println!("\n== {} (rows {}): {}", row.name, row.faults, row.what);
        let begin = Instant::now();
        let mut section = (row.run)(&run).unwrap_or_else(|error| {
            let mut section = Section::new();
            section.check("ran to its end", "yes", error, false);
            section
        });
        section.seconds = begin.elapsed().as_secs_f64();
        print!("{}", section.text());
        sections.push((row, section));
    }
    let failed: Vec<String> = sections
        .iter()
        .flat_map(|(row, section)| section.failures().map(|check| format!("{}: {check}", row.name)))
        .collect();
    let whole = names.is_empty();
    report::write_json(Path::new("target/faults/pipeline.json"), quick, &sections)?;
    if whole && !quick {
        let text = reliability::text(&sections);
        std::fs::write("RELIABILITY.md", text)
            .map_err(|error| format!("cannot write RELIABILITY.md: {error}"))?;
    }
    let checks: usize = sections.iter().map(|(_, section)| section.required()).sum();
    let seconds = begin.elapsed().as_secs();
    println!();
    for failure in &failed {
        println!("does not hold: {failure}");
    }
    if failed.is_empty() {
        println!("pipeline: ok: {checks} figures hold, {seconds} s");
    } else {
        println!("pipeline: FAILED: {} of {checks} figures do not hold, {seconds} s", failed.len());
    }
    Ok(failed.is_empty())
}

/// What a child does: the row's own code says.
fn child(arguments: &[String]) -> ExitCode {
    let outcome = Call::parse(arguments).and_then(|call| rows::child(&call));
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
