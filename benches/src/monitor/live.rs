//! From the writing of a line to the handler, while it happens.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use prisma_log::monitor::{MonitorBuilder, Rule};
use prisma_log::{FileSink, Filter, Logging, Monitor, info};
use serde_json::json;

use super::part::{Part, Target};
use crate::report;

const FILES: usize = 100;
/// Lines a second that are written by hand, and by the pipeline.
const BY_HAND: u64 = 20_000;
const BY_PIPELINE: u64 = 200_000;
/// One in so many lines is one that the handler is told of.
const EVERY: u64 = 200;
const EVERY_OF_PIPELINE: u64 = 2_000;

/// Latencies in milliseconds, and the share of a processor that the monitor took.
struct Seen {
    millis: Vec<f64>,
    share: f64,
    lines: u64,
}

/// Measures one after the other.
pub(super) fn measure(quick: bool) -> Result<Part, String> {
    let seconds = if quick { 2 } else { 10 };
    let folder = report::folder().join("monitor/live");
    // Left by a run before this one.
    let _absent = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    let idle = idle(&folder, seconds)?;
    let mut by_hand = by_hand(&folder, seconds)?;
    let mut by_pipeline = by_pipeline(&folder, seconds)?;
    let mut table = format!(
        "{:<44} {:>8} {:>8} {:>8} {:>8} {:>10}\n",
        "write to handler, ms", "lines/s", "p50", "p99", "max", "CPU share"
    );
    let mut figures = Vec::new();
    for (name, seen) in
        [("100 files", &mut by_hand), ("one file, by the pipeline", &mut by_pipeline)]
    {
        seen.millis.sort_by(f64::total_cmp);
        let [p50, p99, most] = [0.5, 0.99, 1.0].map(|part| quantile(&seen.millis, part));
        let (rate, share) = (seen.lines / seconds, seen.share * 100.0);
        table +=
            &format!("{name:<44} {rate:>8} {p50:>8.3} {p99:>8.3} {most:>8.3} {share:>8.1} %\n");
        figures.push(json!({ "name": name, "lines_s": rate, "p50_ms": p50, "p99_ms": p99,
                             "max_ms": most, "cpu_percent": share, "samples": seen.millis.len() }));
    }
    table +=
        &format!("\nWatching 100 files to which nothing is written: {idle:.3} % of a processor.\n");
    figures.push(json!({ "name": "idle", "cpu_percent": idle }));
    Ok(Part {
        name: "live",
        table,
        figures: figures.into(),
        targets: vec![
            Target::at_most(
                "100 files, 20,000 lines/s: write to handler, p50, ms",
                quantile(&by_hand.millis, 0.5),
                0.5,
            ),
            Target::at_most(
                "100 files, 20,000 lines/s: write to handler, p99, ms",
                quantile(&by_hand.millis, 0.99),
                5.0,
            ),
            Target::at_most("100 idle files: % of a processor", idle, 0.2),
            Target::at_most(
                "200,000 lines/s by the pipeline: p99, ms",
                quantile(&by_pipeline.millis, 0.99),
                100.0,
            ),
        ],
    })
}

fn quantile(sorted: &[f64], part: f64) -> f64 {
    let at = (sorted.len() as f64 * part).ceil() as usize;
    sorted.get(at.saturating_sub(1)).copied().unwrap_or(f64::NAN)
}

/// A monitor that tells when it heard of a line, by the line's number.
fn listener() -> Result<(MonitorBuilder, Receiver<(u64, Instant)>), String> {
    let rule = Rule::builder("marked")
        .message("^marked line")
        .group_by(["number"])
        .build()
        .map_err(|error| error.to_string())?;
    let (heard, told) = channel();
    let builder = Monitor::builder().rules([rule]).from_start(true).on_alert(move |news| {
        let now = Instant::now();
        if let Some(number) = news.alert.group.get("number").and_then(|text| text.parse().ok()) {
            // Nobody listens once all is measured.
            let _ = heard.send((number, now));
        }
    });
    Ok((builder, told))
}

fn files(folder: &Path) -> Result<Vec<File>, String> {
    let open = |number: usize| {
        let path = folder.join(format!("service-{number}.log"));
        OpenOptions::new().create(true).append(true).open(path).map_err(|error| error.to_string())
    };
    (0..FILES).map(open).collect()
}

fn idle(folder: &Path, seconds: u64) -> Result<f64, String> {
    let _files = files(folder)?;
    let (builder, _told) = listener()?;
    let monitor = builder.glob(folder.join("service-*.log").to_string_lossy()).start();
    let monitor = monitor.map_err(|error| error.to_string())?;
    std::thread::sleep(Duration::from_secs(3));
    let (before, begin) = (cpu_of_monitor(), Instant::now());
    std::thread::sleep(Duration::from_secs(seconds));
    let share = (cpu_of_monitor() - before) / begin.elapsed().as_secs_f64();
    monitor.stop().map_err(|error| error.to_string())?;
    Ok(share * 100.0)
}

fn by_hand(folder: &Path, seconds: u64) -> Result<Seen, String> {
    let mut files = files(folder)?;
    let (builder, told) = listener()?;
    let monitor = builder.glob(folder.join("service-*.log").to_string_lossy()).start();
    let monitor = monitor.map_err(|error| error.to_string())?;
    std::thread::sleep(Duration::from_secs(1));
    let lines = BY_HAND * seconds;
    let (before, begin) = (cpu_of_monitor(), Instant::now());
    let mut written = Vec::new();
    for number in 0..lines {
        await_turn(begin, number, BY_HAND);
        let marked = number % EVERY == 0;
        let message = if marked { "marked line" } else { "a line of no interest" };
        let line = format!(
            "{{\"level\":\"info\",\"message\":\"{message}\",\"number\":{number},\"text\":\"{:x<200}\"}}\n",
            ""
        );
        let at = Instant::now();
        let file = &mut files[(number % FILES as u64) as usize];
        file.write_all(line.as_bytes()).map_err(|error| error.to_string())?;
        if marked {
            written.push((number, at));
        }
    }
    let share = (cpu_of_monitor() - before) / begin.elapsed().as_secs_f64();
    let millis = latencies(&written, &told)?;
    monitor.stop().map_err(|error| error.to_string())?;
    Ok(Seen { millis, share, lines })
}

fn by_pipeline(folder: &Path, seconds: u64) -> Result<Seen, String> {
    let path = folder.join("pipeline.log");
    let file = FileSink::builder(&path).build().map_err(|error| error.to_string())?;
    let logging = Logging::builder().sink("file", Filter::default(), file).build();
    let logging = logging.map_err(|error| error.to_string())?;
    let log = logging.logger("shop");
    let (builder, told) = listener()?;
    let monitor = builder.file(&path).start().map_err(|error| error.to_string())?;
    std::thread::sleep(Duration::from_secs(1));
    let lines = BY_PIPELINE * seconds;
    let (before, begin) = (cpu_of_monitor(), Instant::now());
    let mut written = Vec::new();
    for number in 0..lines {
        await_turn(begin, number, BY_PIPELINE);
        if number % EVERY_OF_PIPELINE == 0 {
            written.push((number, Instant::now()));
            info!(log, "marked line"; "number" => number);
        } else {
            info!(log, "a line of no interest"; "number" => number, "route" => "/orders");
        }
    }
    let share = (cpu_of_monitor() - before) / begin.elapsed().as_secs_f64();
    let millis = latencies(&written, &told)?;
    monitor.stop().map_err(|error| error.to_string())?;
    Ok(Seen { millis, share, lines })
}

/// Waits until it is this line's turn, at so many a second.
fn await_turn(begin: Instant, number: u64, rate: u64) {
    let due = Duration::from_nanos(number * 1_000_000_000 / rate);
    let ahead = due.saturating_sub(begin.elapsed());
    if ahead > Duration::from_micros(300) {
        std::thread::sleep(ahead);
    }
}

fn latencies(
    written: &[(u64, Instant)],
    told: &Receiver<(u64, Instant)>,
) -> Result<Vec<f64>, String> {
    let mut millis = Vec::with_capacity(written.len());
    while millis.len() < written.len() {
        let (number, heard) = told
            .recv_timeout(Duration::from_secs(30))
            .map_err(|_| format!("{} of {} lines were heard of", millis.len(), written.len()))?;
        let at = written.binary_search_by_key(&number, |&(number, _)| number);
        let (_, at) =
            at.map(|at| written[at]).map_err(|_| format!("line {number} was not marked"))?;
        millis.push(heard.duration_since(at).as_secs_f64() * 1e3);
    }
    Ok(millis)
}

/// Seconds that the monitor's threads have run.
fn cpu_of_monitor() -> f64 {
    let tasks = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let seconds = tasks.filter_map(|task| {
        let name = fs::read_to_string(task.path().join("comm")).ok()?;
        let is_monitor = ["prisma-monitor", "prisma-watch"].contains(&name.trim_end());
        let times = fs::read_to_string(task.path().join("schedstat")).ok()?;
        let nanos: f64 = times.split(' ').next()?.parse().ok()?;
        is_monitor.then_some(nanos / 1e9)
    });
    seconds.sum()
}
