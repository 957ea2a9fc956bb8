//! The file sink against the bare system call, and calls while it rotates.

mod calls;
mod throughput;

use std::fmt::Write as _;
use std::process::ExitCode;

use prisma_log_file::{Compression, FileSinkBuilder, Retention, Rotation};

use self::throughput::Writer;
use crate::report;

const NAME: &str = "sinks";
const QUESTION: &str = "What does a sink cost beside the bare system call?";

/// Archives that are kept where files are rotated.
const KEPT: usize = 4;
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
            builder.rotation(rotation).retention(Retention::new().archives(KEPT))
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
    // Like is compared with like: lines that are there already, files rotated by both or by none.
    let parts = [Upkeep::None, Upkeep::Rotation].map(|upkeep| {
        let of = |writer| speeds.iter().find(|s| (s.writer, s.upkeep) == (writer, upkeep));
        match (of(Writer::Lines), of(Writer::Raw)) {
            (Some(sink), Some(raw)) => sink.part_of(raw),
            _ => f64::NAN,
        }
    });
    let least = parts.iter().copied().fold(f64::INFINITY, f64::min);
    let quiet = calls[0].median();
    let worst = calls[1..].iter().map(|call| call.median() / quiet).fold(0.0, f64::max);
    let holds = least >= LEAST_PART && worst <= MOST_TIMES;
    let verdict = format!(
        "the file sink reaches {:.2} of the speed of bare write(2), rotated {:.2} of it rotated by \
         hand (at least {LEAST_PART}); while it rotates and compresses, the slowest thousandth of \
         the calls takes {worst:.2} times as long (at most {MOST_TIMES})",
        parts[0], parts[1]
    );
    let rows: Vec<_> = speeds
        .iter()
        .map(|speed| {
            serde_json::json!({ "name": speed.name(), "mb_s": speed.median(),
                                "best_mb_s": speed.best(), "part": speed.part_of(&speeds[0]) })
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
    let mut text = format!("{:<42} {:>8} {:>8} {:>6}\n", "MB/s", "median", "best", "part");
    for speed in speeds {
        let (name, median, best) = (speed.name(), speed.median(), speed.best());
        let part = speed.part_of(&speeds[0]);
        // Writing to a `String` can't fail.
        let _ = writeln!(text, "{name:<42} {median:>8.0} {best:>8.0} {part:>6.2}");
    }
    text += "\nWithout JSON, the records are there as lines already, and an encoder hands them on: \
             what is left is\nthe sink's own work. Blocks and batches are 64 KiB; parts are medians over the rounds of \
             what the\nfirst one reached in the same round. Rotated, a file holds 16 MiB, and four \
             older ones are kept.\n";
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
