//! Watching a log in full, beside counting in it, and records of the process itself.

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use prisma_log::Monitor;
use prisma_log::monitor::Rule;
use prisma_log_core::{Clock as _, Level, Record, Sink as _, SystemClock};
use prisma_log_match::{Pattern, PatternSet, Scratch};
use serde_json::json;

use super::part::{Part, Target};
use super::{lines, median, patterns, reading};

/// What a run waits for after the last line.
const IDLE: Duration = Duration::from_millis(1);

/// Measures in turn, in this process.
pub(super) fn measure(quick: bool) -> Result<Part, String> {
    let file = lines::file(if quick { 64 } else { 1024 }, 1)?;
    let size = std::fs::metadata(&file).map_err(|error| error.to_string())?.len();
    let rounds = if quick { 2 } else { 5 };
    let (mut counting, mut watching) = (Vec::new(), Vec::new());
    let (mut alerts, mut matches) = (0, 0);
    for _ in 0..rounds {
        counting.push(count(&file)?);
        let (seconds, report) = watch(&file)?;
        watching.push(seconds);
        alerts = report.raised;
        matches = report.rules.iter().map(|rule| rule.matches).sum();
    }
    let nanos = in_process(if quick { 200_000 } else { 2_000_000 })?;
    let (counting, watching) = (median(&counting), median(&watching));
    let rate = |seconds: f64| size as f64 / 1e6 / seconds;
    let table = format!(
        "{:<44} {:>9} {:>9}\n{:<44} {counting:>9.3} {:>9.0}\n{:<44} {watching:>9.3} {:>9.0}\n\n\
         {matches} matches of 8 rules in windows of a minute by service: {alerts} alerts.\n\
         A record of the process that matches none of the 8 rules: {nanos:.0} ns.\n",
        "one thread over the same file, in turn",
        "median s",
        "MB/s",
        "counting lines of 8 patterns in any case",
        rate(counting),
        "watching: windows, groups, alerts, a store",
        rate(watching),
    );
    Ok(Part {
        name: "watch",
        table,
        figures: json!({ "count_s": counting, "watch_s": watching, "bytes": size,
                         "alerts": alerts, "matches": matches, "record_ns": nanos }),
        targets: vec![
            Target::at_most("watching: time, in times of counting", watching / counting, 1.6),
            Target::at_most("a record of the process that matches nothing, ns", nanos, 100.0),
        ],
    })
}

/// Seconds that it takes to count.
fn count(path: &Path) -> Result<f64, String> {
    let mut set = PatternSet::builder();
    for pattern in patterns::EIGHT {
        set = set.pattern(Pattern::regex(pattern).ignore_case(true));
    }
    let set = set.build().map_err(|error| error.to_string())?;
    let begin = Instant::now();
    let mut scratch = Scratch::new();
    let mut counts = [0u64; patterns::EIGHT.len()];
    let read = reading::blocks(path, |block| {
        set.scan(block, &mut scratch, &mut |hit| {
            hit.patterns.iter().for_each(|&pattern| counts[pattern as usize] += 1);
        });
    });
    read.map_err(|error| error.to_string())?;
    black_box(counts);
    Ok(begin.elapsed().as_secs_f64())
}

fn rules() -> Result<Vec<Rule>, String> {
    let rule = |(number, pattern): (usize, &str)| {
        Rule::builder(format!("rule-{number}"))
            .message(format!("(?i){pattern}"))
            .count(5)
            .window(Duration::from_secs(60))
            .group_by(["service"])
            .build()
            .map_err(|error| error.to_string())
    };
    patterns::EIGHT.into_iter().enumerate().map(rule).collect()
}

/// Seconds that it takes to watch all of a file, and what was found.
fn watch(path: &Path) -> Result<(f64, prisma_log::monitor::Report), String> {
    let builder = Monitor::builder().rules(rules()?).file(path).from_start(true).until_idle(IDLE);
    let begin = Instant::now();
    let report = builder.start().and_then(Monitor::wait).map_err(|error| error.to_string())?;
    Ok((begin.elapsed().as_secs_f64(), report))
}

/// Nanoseconds of a record of the process that interests no rule.
fn in_process(records: u32) -> Result<f64, String> {
    let monitor = Monitor::builder().rules(rules()?).records_only().start();
    let monitor = monitor.map_err(|error| error.to_string())?;
    let mut sink = monitor.sink();
    let now = SystemClock.now();
    let messages = [
        "request done",
        "order 4711 was paid by card, the receipt is on its way to the customer",
        "cache miss for session 5d41402abc4b2a76b9719d911017c592, loaded from the database",
        "connection to payments.internal:8443 established after 2 tries",
    ];
    let batch: Vec<Record<'_>> =
        (0..64).map(|n| Record::new(now, Level::Info, "shop.orders", messages[n % 4])).collect();
    let mut rounds = Vec::new();
    for _ in 0..5 {
        let begin = Instant::now();
        for _ in 0..records / 64 {
            sink.write(&batch).map_err(|error| error.error.to_string())?;
        }
        rounds.push(begin.elapsed().as_secs_f64() * 1e9 / f64::from(records / 64 * 64));
    }
    monitor.stop().map_err(|error| error.to_string())?;
    Ok(median(&rounds))
}
