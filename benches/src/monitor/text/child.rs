//! The process that counts by our matcher.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::thread;
use std::time::{Duration, Instant};

use prisma_log_match::{Pattern, PatternSet, Scratch};
use serde_json::json;

use super::super::reading;

/// The first argument of a child; the threads, the file of patterns and the logs follow.
pub(in super::super) const CHILD: &str = "--count-text";

/// What a child found.
pub(super) struct Counted {
    /// Lines that hold the pattern, for each.
    pub(super) counts: Vec<u64>,
    /// Lines that hold any.
    pub(super) lines: u64,
    /// Peak of its resident memory.
    pub(super) mebibytes: f64,
}

/// Counts in a child; tells how long that took, from its start to its end.
pub(super) fn count(
    threads: usize,
    patterns: &Path,
    files: &[&Path],
) -> Result<(Counted, Duration), String> {
    let program = std::env::current_exe().map_err(|error| format!("no program: {error}"))?;
    let mut command = Command::new(program);
    command.arg(CHILD).arg(threads.to_string()).arg(patterns).args(files);
    let begin = Instant::now();
    let output = command.output().map_err(|error| format!("cannot start a child: {error}"))?;
    let took = begin.elapsed();
    if !output.status.success() {
        return Err(format!("a child: {}", String::from_utf8_lossy(&output.stderr).trim()));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let answer: serde_json::Value =
        serde_json::from_str(&text).map_err(|_| format!("a child answered `{text}`"))?;
    let numbers = answer["counts"].as_array().into_iter().flatten();
    let counted = Counted {
        counts: numbers.filter_map(serde_json::Value::as_u64).collect(),
        lines: answer["lines"].as_u64().unwrap_or_default(),
        mebibytes: answer["rss_kib"].as_u64().map_or(f64::NAN, |kib| kib as f64 / 1024.0),
    };
    Ok((counted, took))
}

/// Runs as the child.
pub(in super::super) fn child(args: &[String]) -> ExitCode {
    match run(args) {
        Ok(answer) => {
            println!("{answer}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[String]) -> Result<serde_json::Value, String> {
    let [threads, patterns, files @ ..] = args else { return Err("arguments lack".to_owned()) };
    let text = std::fs::read_to_string(patterns).map_err(|error| format!("{patterns}: {error}"))?;
    let mut builder = PatternSet::builder();
    for pattern in text.lines() {
        builder = builder.pattern(Pattern::regex(pattern).ignore_case(true));
    }
    let set = builder.build().map_err(|error| error.to_string())?;
    let files: Vec<PathBuf> = files.iter().map(PathBuf::from).collect();
    let share = match threads {
        one if one == "1" => files.len(),
        _ => 1,
    };
    let counted: Vec<Result<(Vec<u64>, u64), String>> = thread::scope(|scope| {
        let shares = files.chunks(share.max(1));
        let threads: Vec<_> = shares.map(|share| scope.spawn(|| count_in(&set, share))).collect();
        let lost = |_| Err("a thread panicked".to_owned());
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(lost)).collect()
    });
    let mut counts = vec![0; set.len()];
    let mut lines = 0;
    for counted in counted {
        let (of_thread, lines_of_thread) = counted?;
        counts.iter_mut().zip(of_thread).for_each(|(sum, count)| *sum += count);
        lines += lines_of_thread;
    }
    Ok(json!({ "counts": counts, "lines": lines, "rss_kib": peak_kib() }))
}

fn count_in(set: &PatternSet, files: &[PathBuf]) -> Result<(Vec<u64>, u64), String> {
    let mut counts = vec![0; set.len()];
    let mut lines = 0;
    let mut scratch = Scratch::new();
    for file in files {
        let read = reading::blocks(file, |block| {
            set.scan(block, &mut scratch, &mut |hit| {
                lines += 1;
                hit.patterns.iter().for_each(|&pattern| counts[pattern as usize] += 1);
            });
        });
        read.map_err(|error| format!("{}: {error}", file.display()))?;
    }
    Ok((counts, lines))
}

/// The peak of this process's resident memory, as the system tells.
fn peak_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    peak.trim().trim_end_matches("kB").trim().parse().ok()
}
