//! `plog demo`: the whole path in ten seconds. A service logs, a monitor watches, an operator acts.

mod operator;
mod service;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use prisma_log::{Logging, Retention, Rotation};
use prisma_log_core::{Error, Filter, Level};
use prisma_log_monitor::{AlertFilter, AlertState, Monitor, Rule, default_rules};

use self::operator::Operator;
use crate::args::DemoArgs;
use crate::exit::Outcome;
use crate::interrupt::Interrupt;
use crate::present;
use crate::present::style::{FAINT, GOOD, STRONG};

/// The service's log rotates at this size.
const MAX_FILE_BYTES: u64 = 4 << 20;
/// More than a run of the longest allowed time fills, so that the summary can count every record.
const MAX_ARCHIVES: usize = 1000;
/// How long a rule must be quiet until its alert resolves by itself: short, for a short show.
const QUIET: Duration = Duration::from_secs(2);
/// How long the monitor may take to read what was written last.
const CATCH_UP: Duration = Duration::from_secs(30);
/// Longest wait for what is still queued at the end.
const FLUSH_DEADLINE: Duration = Duration::from_secs(10);

pub(crate) fn run(args: &DemoArgs) -> Outcome {
    let (log, store) = prepare(&args.dir)?;
    let duration = Duration::from_secs(args.seconds);
    say(format_args!(
        "A small order service runs for {} s and writes {}. A monitor watches the file.\n",
        args.seconds,
        log.display()
    ))?;

    let interrupt = Interrupt::on_signals()?;
    let (news, received) = mpsc::channel();
    let resolved = news.clone();
    let read = Arc::new(AtomicU64::new(0));
    let reading = Arc::clone(&read);
    let monitor = Monitor::builder()
        .rules(short_lived_rules()?)
        .file(&log)
        .from_start(true)
        .store(&store)
        .on_alert(move |raised| drop(news.send(raised.clone())))
        .on_resolved(move |closed| drop(resolved.send(closed.clone())))
        .on_error(present::error::print)
        .on_progress(move |progress| reading.store(progress.lines, Ordering::Relaxed))
        .start()?;

    let file = prisma_log::FileSink::builder(&log)
        .rotation(Rotation::new().max_bytes(MAX_FILE_BYTES))
        .retention(Retention::new().archives(MAX_ARCHIVES))
        .build()?;
    let logging = Logging::builder().sink("file", Filter::at_least(Level::Debug), file).build()?;
    let service = service::Service::start(&logging, duration, interrupt.clone());
    let mut operator = Operator::new(&monitor, received);
    while !service.is_finished() {
        operator.watch(Duration::from_millis(50))?;
    }
    service.join();
    let flushed = logging.flush(FLUSH_DEADLINE);
    let written = flushed.sinks.iter().map(|sink| sink.written).sum::<u64>();
    // On a busy machine the monitor may be behind.
    let deadline = Instant::now() + CATCH_UP;
    while read.load(Ordering::Relaxed) < written && Instant::now() < deadline {
        operator.watch(Duration::from_millis(50))?;
    }
    // The last alerts need their quiet time; a reader who pressed Ctrl-C is not kept waiting.
    let patience = if interrupt.is_asked() { Duration::ZERO } else { QUIET * 3 };
    operator.watch_until_closed(patience)?;

    let lost = flushed.sinks.iter().map(|sink| sink.failed + sink.pending).sum::<u64>();
    let report = monitor.stop()?;
    summary(&args.dir, &log, &store, written, lost, report.lines)?;
    if lost > 0 || report.lines != written {
        let error = Error::state(format!(
            "{written} records written, {lost} dropped, {} read by the monitor",
            report.lines
        ));
        return Err(error.into());
    }
    Ok(())
}

/// Removes what an earlier demo left; nothing else in the folder is touched.
fn prepare(dir: &Path) -> Result<(PathBuf, PathBuf), Error> {
    std::fs::create_dir_all(dir).map_err(|error| Error::io_at("create", dir, error))?;
    let entries = std::fs::read_dir(dir).map_err(|error| Error::io_at("read", dir, error))?;
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let rotated = name
            .strip_prefix("app.log.")
            .is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()));
        if rotated || name == "app.log" || name == "alerts.redb" {
            let path = entry.path();
            std::fs::remove_file(&path).map_err(|error| Error::io_at("remove", &path, error))?;
        }
    }
    Ok((dir.join("app.log"), dir.join("alerts.redb")))
}

/// The built-in rules, with alerts that resolve while the reader still looks.
fn short_lived_rules() -> Result<Vec<Rule>, Error> {
    default_rules().iter().map(|rule| rule.to_builder().resolve_after(QUIET).build()).collect()
}

fn say(text: std::fmt::Arguments<'_>) -> std::io::Result<()> {
    anstream::stdout().lock().write_fmt(text)
}

fn summary(dir: &Path, log: &Path, store: &Path, written: u64, lost: u64, read: u64) -> Outcome {
    let alerts = prisma_log_monitor::Store::open_existing(store)?.list(&AlertFilter::all())?;
    let rules: std::collections::BTreeSet<_> = alerts.iter().map(|alert| &alert.rule).collect();
    let closed = alerts.iter().filter(|alert| alert.state == AlertState::Resolved).count();
    let files = std::fs::read_dir(dir).map_or(0, |entries| {
        let logs = entries.flatten();
        logs.filter(|entry| entry.file_name().to_string_lossy().starts_with("app.log")).count()
    });
    let (log, store) = (log.display(), store.display());
    let mut out = anstream::stdout().lock();
    writeln!(out, "\n{STRONG}Summary{STRONG:#}")?;
    writeln!(
        out,
        "  records   {GOOD}{written}{GOOD:#} written, {lost} lost, {read} read by the monitor"
    )?;
    writeln!(
        out,
        "  alerts    {GOOD}{}{GOOD:#} of {} different rules, {closed} resolved",
        alerts.len(),
        rules.len()
    )?;
    writeln!(out, "  log       {log} {FAINT}({files} files with the rotated ones){FAINT:#}")?;
    writeln!(out, "  alerts    {store}")?;
    writeln!(out, "\n{STRONG}Next{STRONG:#} {FAINT}(plog is target/release/plog){FAINT:#}")?;
    for (command, what) in [
        (format!("plog alerts list --store {store}"), "what was raised"),
        (format!("plog alerts show A000001 --store {store}"), "one alert with its history"),
        (format!("plog tail {log} --level error"), "the errors, in colour"),
        (format!("plog monitor --from-start --until-idle 1s {log}*"), "run the rules again"),
    ] {
        writeln!(out, "  {command}  {FAINT}# {what}{FAINT:#}")?;
    }
    Ok(())
}
