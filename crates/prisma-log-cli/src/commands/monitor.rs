//! `plog monitor`: follow files and other sources, raise alerts by rules.

mod ending;
mod reload;
mod sources;

use std::io::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::ProgressBar;
use prisma_log_config::rules::{self, AlertConfig};
use prisma_log_core::Error;
use prisma_log_monitor::{
    Monitor, MonitorBuilder, Notification, Progress, Report, SourceState, SourceStatus,
    default_rules,
};

use self::reload::Watch;
use crate::args::MonitorArgs;
use crate::exit::{Failure, Outcome};
use crate::files::{is_well, no_match};
use crate::interrupt::Interrupt;
use crate::present;

pub(crate) fn run(args: &MonitorArgs) -> Outcome {
    let config = args.rules.as_deref().map(load).transpose()?;
    let mut watch = args.rules.as_deref().zip(config.clone()).map(|(f, c)| Watch::new(f, c));
    let mut builder = with_rules(Monitor::builder(), config)?.from_start(args.from_start);
    let interrupt = match watch {
        Some(_) => Interrupt::on_signals_with_reload()?,
        None => Interrupt::on_signals()?,
    };
    builder = sources::add(builder, args)?;
    if let Some(store) = &args.store {
        builder = builder.store(store);
    }
    if let Some(idle) = args.until_idle {
        builder = builder.until_idle(idle);
    }
    let bar = if args.from_start { present::progress::bar() } else { ProgressBar::hidden() };
    let told = Arc::new(Mutex::new(String::new()));
    let builder = with_handlers(builder, args, &interrupt, &bar, &told);
    let monitor = builder.start()?;
    while !monitor.is_finished() && !interrupt.is_asked() {
        if let Some(watch) = &mut watch {
            watch.look(&monitor, interrupt.takes_reload(), &bar);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let store = monitor.store().clone();
    let ended = if interrupt.is_asked() { monitor.stop() } else { monitor.wait() };
    bar.finish_and_clear();
    let report = match ended {
        Ok(report) => report,
        Err(error) if *lock(&told) == error.to_string() => {
            return Err(Failure::Shown { usage: false });
        }
        Err(error) => return Err(error.into()),
    };

    let mut out = anstream::stdout().lock();
    match args.json {
        true => ending::json(&mut out, &store, &report)?,
        false => ending::summary(&mut out, args, &report)?,
    }
    drop(out);
    ended_well(args, &report)
}

fn load(file: &Path) -> Result<AlertConfig, Failure> {
    let errors = rules::check(file);
    if errors.is_empty() { Ok(AlertConfig::load(file)?) } else { Err(Failure::all(errors)) }
}

/// Rules, policy and receivers of the file, or the rules that are built in.
fn with_rules(
    builder: MonitorBuilder,
    config: Option<AlertConfig>,
) -> Result<MonitorBuilder, Failure> {
    let Some(config) = config else { return Ok(builder.rules(default_rules())) };
    let mut builder = builder.policy(config.policy().clone());
    for receiver in config.receivers() {
        builder = builder.receiver(&receiver.name, receiver.build(None)?);
    }
    Ok(builder.rules(config.into_rules()))
}

fn lock(told: &Mutex<String>) -> MutexGuard<'_, String> {
    told.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Alerts go to stdout as they are raised, problems to stderr; `told` holds the last of them.
fn with_handlers(
    builder: MonitorBuilder,
    args: &MonitorArgs,
    interrupt: &Interrupt,
    bar: &ProgressBar,
    told: &Arc<Mutex<String>>,
) -> MonitorBuilder {
    let json = args.json;
    let print = {
        let (interrupt, bar) = (interrupt.clone(), bar.clone());
        move |news: &Notification| {
            let line = if json { news.to_json() } else { present::alert::news(news) };
            let printed = bar.suspend(|| writeln!(anstream::stdout().lock(), "{line}"));
            if printed.is_err() {
                // Whoever read the alerts has gone; what is committed stays in the store.
                interrupt.ask();
            }
        }
    };
    let complain = {
        let (bar, told) = (bar.clone(), Arc::clone(told));
        move |error: &Error| {
            *lock(&told) = error.to_string();
            bar.suspend(|| present::error::print(error));
        }
    };
    let progress = {
        let bar = bar.clone();
        move |progress: &Progress| {
            bar.set_length(progress.total_bytes);
            bar.set_position(progress.bytes);
            bar.set_message(format!("{} lines, {} alerts", progress.lines, progress.alerts));
        }
    };
    builder.on_alert(print.clone()).on_resolved(print).on_error(complain).on_progress(progress)
}

/// A bounded run must have read all that it was told to read; what it could not has been said as it
/// came up.
fn ended_well(args: &MonitorArgs, report: &Report) -> Outcome {
    let bounded = args.until_idle.is_some();
    let unread = |source: &SourceStatus| match source.state {
        SourceState::Waiting => bounded,
        _ => !is_well(source),
    };
    if bounded && report.sources.is_empty() {
        return Err(no_match(&args.files).into());
    }
    if report.sources.iter().any(unread) {
        return Err(Failure::Shown { usage: false });
    }
    Ok(())
}
