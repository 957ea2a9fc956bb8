//! A sink that logs, and a `Display` that logs, with the queue full.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use prisma_log::{Filter, Record, info};
use serde_json::{Value, json};

use super::{Row, got};
use crate::kid::{Call, Run, ask};
use crate::lines::Log;
use crate::load;
use crate::needs;
use crate::ours::{self, Before, Logger, Options};
use crate::report::{Section, thousands};

pub(crate) static ROW: Row = Row {
    name: "reentry",
    faults: "9",
    what: "a sink that logs and a `Display` that logs, with the queue full",
    about: "Two threads log faster than the sink writes, through a queue of 2 MiB. For each record \
        the sink, or the record's own value, logs another one through the same logger. Nothing \
        hangs, and each of the nested records is either in the file or in the ledger as dropped.",
    needs: needs::nothing,
    run,
    child,
};

const THREADS: u64 = 2;
/// Nested records have this run.
const NESTED: u64 = 1;

fn run(run: &Run) -> Result<Section, String> {
    let mut section = Section::new();
    let records: u64 = run.pick(20_000, 200_000);
    section.info("records, each with a nested one", thousands(records));
    for (role, title) in [("sink", "a sink that logs"), ("display", "a `Display` that logs")] {
        let place = run.place(role)?;
        let limit = Duration::from_secs(120);
        let answer = ask(&place, ROW.name, role, &[&records.to_string()], limit)?;
        let log = Log::read(&place.log())?;
        let each = records / THREADS;
        let lost = |thread| log.stream(0, thread).missing(each);
        let nested: u64 = (0..THREADS).map(|t| log.stream(NESTED, t).distinct).sum();
        section.zero(format!("{title}: outer records lost"), (0..THREADS).map(lost).sum());
        section.equals(
            format!("{title}: nested, in the file or counted"),
            records,
            nested + got(&answer, "dropped"),
        );
        section.info(format!("{title}: of them counted as dropped"), got(&answer, "dropped"));
        section.zero(format!("{title}: in flight at the end"), got(&answer, "in_flight"));
        section.zero(format!("{title}: lines torn or repeated"), log.torn + log.repeated());
    }
    Ok(section)
}

/// Logs a record for each in the batch, but not for those.
fn echo(batch: &[Record<'_>], log: &OnceLock<Logger>) {
    for record in batch {
        let number = |key| match record.fields.get(key) {
            Some(prisma_log::Value::U64(number)) => number,
            _ => NESTED,
        };
        if number("r") != NESTED
            && let Some(log) = log.get()
        {
            load::record(log, NESTED, number("t"), number("n"));
        }
    }
    std::thread::sleep(Duration::from_micros(100));
}

/// Logs whenever it is shown.
struct Chatty<'a> {
    log: &'a Logger,
    thread: u64,
    n: u64,
}

impl fmt::Display for Chatty<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("before ")?;
        load::record(self.log, NESTED, self.thread, self.n);
        f.write_str("after")
    }
}

fn child(call: &Call) -> Result<Value, String> {
    let each = call.number(0)? / THREADS;
    let options = Options { queue_bytes: Some(2 << 20), ..Options::default() };
    let builder = ours::builder(&call.place, &options);
    let slot = Arc::new(OnceLock::new());
    let inner = ours::file(&call.place)?;
    let logs_itself = call.role == "display";
    let builder = if logs_itself {
        let sink = Before(ours::pause(Duration::from_micros(1)), inner);
        builder.sink("file", Filter::default(), sink)
    } else {
        let log = Arc::clone(&slot);
        let echo = move |batch: &[Record<'_>]| echo(batch, &log);
        builder.sink("file", Filter::default(), Before(echo, inner))
    };
    let logging = ours::build(builder)?;
    let log = logging.logger("reentry");
    // Filled once, just here.
    let _ = slot.set(log.clone());
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let log = &log;
            scope.spawn(move || {
                for n in 0..each {
                    if logs_itself {
                        let value = Chatty { log, thread, n };
                        info!(log, "outer"; "r" => 0_u64, "t" => thread, "n" => n, "v" => %value);
                    } else {
                        load::record(log, 0, thread, n);
                    }
                }
            });
        }
    });
    // Twice: the sink makes records while it is flushed.
    let flushed = (0..2).all(|_| ours::flush(&logging, Duration::from_secs(60)));
    if !flushed {
        return Err("a flush of a minute did not get through".to_owned());
    }
    let counts = ours::counts(&logging, "file");
    Ok(json!({ "dropped": counts.dropped, "in_flight": counts.in_flight }))
}
