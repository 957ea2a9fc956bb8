//! The file sink against the bare system call, and calls while it rotates.

mod calls;
mod throughput;

use std::fmt::Write as _;
use std::process::ExitCode;

use prisma_log_file::{Compression, FileSinkBuilder, Retention, Rotation};

use crate::report;

const NAME: &str = "sinks";
const QUESTION: &str = "What does a sink cost beside the bare system call?";

/// The part of the bare system call's speed that the sink must reach.
const LEAST_PART: f64 = 0.7;
/// How many times as long the slowest thousandth of the calls may take while files are rotated.
const MOST_TIMES: f64 = 2.0;

/// Whether and how a file is rotated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Upkeep {
    None,
    Rotation,
    Compression,
}

impl Upkeep {
    const ALL: [Upkeep; 3] = [Upkeep::None, Upkeep::Rotation, Upkeep::Compression];

    fn name(self) -> &'static str {
        match self {
            Upkeep::None => "one file",
            Upkeep::Rotation => "rotation",
            Upkeep::Compression => "rotation and zstd",
        }
    }

    fn apply(self, builder: FileSinkBuilder, file_bytes: u64) -> FileSinkBuilder {
        let rotated = |builder: FileSinkBuilder| {
            let rotation = Rotation::new().max_bytes(file_bytes);
            builder.rotation(rotation).retention(Retention::new().archives(4))
        };
        match self {
            Upkeep::None => builder,
            Upkeep::Rotation => rotated(builder),
            Upkeep::Compression => rotated(builder).compression(Compression::Zstd),
        }
    }
}

/// Measures, prints the tables, leaves the JSON, and says whether the targets are met.
pub fn sinks(quick: bool) -> ExitCode {
    match measure(quick) {
        Ok(exit) => exit,
        Err(error) => {
            eprintln!("{NAME}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(quick: bool) -> Result<ExitCode, String> {
    let folder = report::folder().join(NAME);
    let speeds = throughput::measure(&folder, quick)?;
    let calls = calls::measure(&folder, quick)?;
    // What can't be removed stays, in a folder for it.
    let _ = std::fs::remove_dir_all(&folder);
    println!("{QUESTION}\n\n{}\n{}", speed_table(&speeds), calls_table(&calls));
    let raw = speeds[0].median();
    let sink = speeds.iter().find(|speed| speed.upkeep == Some(Upkeep::None) && !speed.json);
    let part = sink.map_or(0.0, throughput::Speed::median) / raw;
    let quiet = calls[0].median();
    let worst = calls[1..].iter().map(|call| call.median() / quiet).fold(0.0, f64::max);
    let holds = part >= LEAST_PART && worst <= MOST_TIMES;
    let verdict = format!(
        "the file sink writes {part:.2} of the {raw:.0} MB/s that bare write(2) reaches (at least \
         {LEAST_PART}); while it rotates and compresses, the slowest thousandth of the calls takes \
         {worst:.2} times as long (at most {MOST_TIMES})"
    );
    let rows: Vec<_> = speeds
        .iter()
        .map(|speed| {
            serde_json::json!({ "name": speed.name, "mb_s": speed.median(),
                                "best_mb_s": speed.best(), "part": speed.median() / raw })
        })
        .collect();
    let stalls: Vec<_> = calls
        .iter()
        .map(|call| {
            serde_json::json!({ "name": call.upkeep.name(), "p999_ns": call.median(),
                                "p50_ns": call.usual(), "max_ns": call.longest(),
                                "rotations_s": call.rotations_a_second() })
        })
        .collect();
    let report = serde_json::json!({
        "bench": NAME, "question": QUESTION, "cpu": report::cpu(), "quick": quick,
        "throughput": rows, "calls": stalls, "verdict": verdict, "holds": holds,
    });
    // A short run shows that the program works; its figures mean nothing.
    Ok(report::conclude(NAME, &report, holds || quick, &verdict))
}

fn speed_table(speeds: &[throughput::Speed]) -> String {
    let raw = speeds[0].median();
    let mut text = format!("{:<42} {:>8} {:>8} {:>6}\n", "MB/s", "median", "best", "part");
    for speed in speeds {
        let (name, median, best) = (&speed.name, speed.median(), speed.best());
        // Writing to a `String` can't fail.
        let _ = writeln!(text, "{name:<42} {median:>8.0} {best:>8.0} {:>6.2}", median / raw);
    }
    text += "\nWithout JSON, the records are there as lines already, and an encoder hands them on: \
             what is left is\nthe sink's own work. Blocks and batches are 64 KiB.\n";
    text
}

fn calls_table(calls: &[calls::Calls]) -> String {
    let mut text = format!(
        "{:<20} {:>9} {:>9} {:>9} {:>6} {:>12}\n",
        "ns per call", "p50", "p99.9", "max", "times", "rotations/s"
    );
    let quiet = calls[0].median();
    for call in calls {
        let _ = writeln!(
            text,
            "{:<20} {:>9.0} {:>9.0} {:>9.0} {:>6.2} {:>12.0}",
            call.upkeep.name(),
            call.usual(),
            call.median(),
            call.longest(),
            call.median() / quiet,
            call.rotations_a_second()
        );
    }
    text += "\nOne thread logs some 100,000 records a second through the queue. Medians over the \
             rounds; max is\nthe longest of all.\n";
    text
}

/// The middle one of some figures.
fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}
