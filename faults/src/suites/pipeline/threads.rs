//! Threads: many short ones, many at once, and many that panic.

use std::sync::Barrier;
use std::thread::Builder;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Row, got};
use crate::kid::{Call, Run, ask};
use crate::lines::Log;
use crate::needs;
use crate::ours::{self, Logger, Logging, Options};
use crate::report::{Section, thousands};
use crate::{load, os};

pub(crate) static SHORT: Row = Row {
    name: "short-threads",
    faults: "55",
    what: "threads that log a little and end",
    about: "Eight at a time; each logs ten records and one more from the destructor of a \
        thread-local value.",
    needs: needs::nothing,
    run: |run| {
        let count: u64 = run.pick(5_000, 100_000);
        let (mut section, log, answer) = ask_for(run, "short", count)?;
        let missing = |thread| log.stream(thread, 0).missing(EACH + 1);
        section.zero("records lost", (0..count).map(missing).sum());
        section.zero("lines torn or repeated", log.torn + log.repeated());
        let grown = got(&answer, "after").saturating_sub(got(&answer, "before"));
        // What a thread leaves behind would show as bytes times 90,000; the queue itself may
        // have touched more of its 8 MiB meanwhile.
        let limit = run.pick(16.0, 8.0);
        let what = "memory grown between the first tenth of the threads and the last";
        section.at_most(what, limit, mebibytes(grown), "MiB");
        Ok(section)
    },
    child,
};

pub(crate) static MANY: Row = Row {
    name: "many-threads",
    faults: "54",
    what: "thousands of threads that log at once",
    about: "All are alive before the first logs its ten records, and stay until the last has.",
    needs: needs::nothing,
    run: |run| {
        let count: u64 = run.pick(500, 10_000);
        let (mut section, log, answer) = ask_for(run, "many", count)?;
        let missing = |thread| log.stream(thread, 0).missing(EACH);
        section.zero("records lost", (0..count).map(missing).sum());
        section.zero("lines torn or repeated", log.torn + log.repeated());
        let (before, after) = (got(&answer, "before"), got(&answer, "after"));
        section.info("memory with all threads alive", format!("{:.1} MiB", mebibytes(before)));
        section.info("memory once all have logged", format!("{:.1} MiB", mebibytes(after)));
        let each = after.saturating_sub(before) as f64 / count as f64 / 1024.0;
        section.info("growth for each thread, its own stack included", format!("{each:.1} KiB"));
        Ok(section)
    },
    child,
};

pub(crate) static PANICS: Row = Row {
    name: "panics",
    faults: "3",
    what: "threads that panic",
    about: "Each logs a record and panics; the hook writes one record for each panic, with its \
        place and a backtrace. Logging goes on afterwards.",
    needs: needs::nothing,
    run: |run| {
        let count: u64 = run.pick(500, 10_000);
        let place = run.place("panics")?;
        ask(&place, "panics", "panics", &[&count.to_string()], LIMIT)?;
        let mut told = crate::lines::Seen::default();
        let mut placed = 0;
        let log = Log::read_from(&place.log(), 0, |line| {
            if let Some(number) = crate::lines::number(line, b"thread gives up: ") {
                told.add(number);
                let has = |text: &str| memchr::memmem::find(line, text.as_bytes()).is_some();
                placed += u64::from(has("threads.rs") && has("backtrace"));
            }
        })?;
        let mut section = Section::new();
        section.equals("panic records", count, told.distinct);
        section.zero("panic records repeated", told.repeated);
        section.equals("panic records with place and backtrace", count, placed);
        let missing = |thread| log.stream(thread, 0).missing(1);
        section.zero("other records lost", (0..=count).map(missing).sum());
        Ok(section)
    },
    child,
};

const EACH: u64 = 10;
const LIMIT: Duration = Duration::from_secs(600);

fn ask_for(run: &Run, role: &str, count: u64) -> Result<(Section, Log, Value), String> {
    let place = run.place(role)?;
    let answer = ask(&place, SHORT.name, role, &[&count.to_string()], LIMIT)?;
    let mut section = Section::new();
    section.info("threads", thousands(count));
    Ok((section, Log::read(&place.log())?, answer))
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

fn child(call: &Call) -> Result<Value, String> {
    let count = call.number(0)?;
    let panics = call.role == "panics";
    let options = Options { capture_panics: panics, ..Options::default() };
    let logging = ours::to_file(&call.place, &options)?;
    match call.role.as_str() {
        "short" => short(&logging, count),
        "many" => many(&logging, count),
        "panics" => panic_often(&logging, count),
        _ => Err(call.unknown()),
    }
}

/// Logs when its thread ends.
struct Last(Logger, u64);

impl Drop for Last {
    fn drop(&mut self) {
        load::record(&self.0, self.1, 0, EACH);
    }
}

thread_local! {
    static LAST: std::cell::RefCell<Option<Last>> = const { std::cell::RefCell::new(None) };
}

fn short(logging: &Logging, count: u64) -> Result<Value, String> {
    let log = logging.logger("short");
    let mut before = 0;
    for first in (0..count).step_by(8) {
        std::thread::scope(|scope| {
            for thread in first..count.min(first + 8) {
                let log = log.clone();
                scope.spawn(move || {
                    LAST.set(Some(Last(log.clone(), thread)));
                    (0..EACH).for_each(|n| load::record(&log, thread, 0, n));
                });
            }
        });
        if before == 0 && first >= count / 10 {
            before = os::memory_in_use();
        }
    }
    // A scope ends with the threads' closures, not with their destructors.
    std::thread::sleep(Duration::from_millis(200));
    Ok(json!({ "before": before, "after": os::memory_in_use() }))
}

fn many(logging: &Logging, count: u64) -> Result<Value, String> {
    let log = logging.logger("many");
    let gates: [Barrier; 4] = std::array::from_fn(|_| Barrier::new(count as usize + 1));
    std::thread::scope(|scope| {
        for thread in 0..count {
            let (log, gates) = (log.clone(), &gates);
            let work = move || {
                gates[0].wait();
                gates[1].wait();
                (0..EACH).for_each(|n| load::record(&log, thread, 0, n));
                gates[2].wait();
                gates[3].wait();
            };
            let spawned = Builder::new().stack_size(64 << 10).spawn_scoped(scope, work);
            if let Err(error) = spawned {
                // The others wait at a gate that will never open.
                eprintln!("cannot start thread {thread}: {error}");
                std::process::exit(5);
            }
        }
        gates[0].wait();
        let before = os::memory_in_use();
        gates[1].wait();
        gates[2].wait();
        let after = os::memory_in_use();
        gates[3].wait();
        Ok(json!({ "before": before, "after": after }))
    })
}

fn panic_often(logging: &Logging, count: u64) -> Result<Value, String> {
    let log = logging.logger("panics");
    for thread in 0..count {
        let log = log.clone();
        let thread = std::thread::spawn(move || {
            load::record(&log, thread, 0, 0);
            panic!("thread gives up: {thread}");
        });
        if thread.join().is_ok() {
            return Err("a thread did not panic".to_owned());
        }
    }
    load::record(&log, count, 0, 0);
    Ok(Value::Null)
}
