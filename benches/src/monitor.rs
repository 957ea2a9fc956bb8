//! The monitor's parts, from text to alerts.

mod lines;
mod live;
mod part;
mod patterns;
mod reading;
mod ripgrep;
mod text;
mod watch;

use std::process::ExitCode;

use self::part::Part;
use crate::options::Options;
use crate::report;

const NAME: &str = "monitor";
const QUESTION: &str =
    "How fast are many patterns counted in a log, and what does watching it cost?";

/// Measures a part; in a short run or a whole one.
type Measure = fn(quick: bool) -> Result<Part, String>;

/// What is measured, in this order, and what `--only` calls it.
const PARTS: [(&str, Measure); 3] =
    [("text", text::measure), ("watch", watch::measure), ("live", live::measure)];

/// Runs all parts, prints their tables, leaves the JSON, and says whether the targets are met; as
/// a child, runs what a part started it for.
pub fn monitor() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, rest @ ..] = args.as_slice()
        && flag == text::CHILD
    {
        return text::child(rest);
    }
    let options = match Options::parse(&args, &PARTS.map(|(name, _)| name)) {
        Ok(options) if options.markdown => {
            eprintln!("{NAME}: its tables are not printed as Markdown");
            return ExitCode::from(2);
        }
        Ok(options) => options,
        Err(message) => {
            eprintln!("{NAME}: {message}");
            return ExitCode::from(2);
        }
    };
    let wanted = PARTS.iter().filter(|(name, _)| options.takes(name));
    let parts: Result<Vec<Part>, String> =
        wanted.map(|(_, measure)| measure(options.quick)).collect();
    match parts {
        Ok(parts) => conclude(&parts, options.quick),
        Err(error) => {
            eprintln!("{NAME}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn conclude(parts: &[Part], quick: bool) -> ExitCode {
    println!("{QUESTION}\n");
    for part in parts {
        println!("{}\n{}", part.table, part.verdicts());
    }
    let missed: Vec<&str> = parts.iter().flat_map(Part::missed).collect();
    let verdict = match missed.as_slice() {
        [] => "all targets are met".to_owned(),
        missed => format!("missed: {}", missed.join("; ")),
    };
    let rows: Vec<_> = parts.iter().map(Part::to_json).collect();
    let report = serde_json::json!({
        "bench": NAME, "question": QUESTION, "cpu": report::cpu(), "quick": quick, "parts": rows,
        "verdict": verdict, "holds": missed.is_empty(),
    });
    // A short run shows that the program works; its figures mean nothing.
    report::conclude(NAME, &report, missed.is_empty() || quick, &verdict)
}

/// The middle one of some figures.
fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}
