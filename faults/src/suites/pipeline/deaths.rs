//! How many lines of 20,000 are in the file when the process ends one way or another.

use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::time::Duration;

use serde_json::Value;

use super::{Row, recover};
use crate::kid::{Call, Kid, Place, Run};
use crate::lines::Log;
use crate::needs;
use crate::ours::{self, Options};
use crate::report::{Section, Table, range};
use crate::{load, os, rivals};

pub(crate) static ROW: Row = Row {
    name: "deaths",
    faults: "1, 2, 5, 6",
    what: "lines in the file out of 20,000, by how the process ends",
    about: "A program logs 20,000 records as fast as it can and then ends at once; each cell is the \
        least and the most over the runs. Where a process dies by force, ours are counted after the \
        next start of the service, with the count before it in brackets. Rivals run with the \
        settings of their own documentation.",
    needs: needs::nothing,
    run,
    child,
};

const RECORDS: u64 = 20_000;

const LIBRARIES: [(&str, &str); 4] = [
    ("ours", "prisma-log"),
    ("tracing-appender", "tracing-appender non_blocking"),
    ("slog-async", "slog-async + slog-json, default"),
    ("slog-async-block", "slog-async + slog-json, Block"),
];

/// Ways to end that all libraries are put to.
const ALL: [(&str, &str); 7] = [
    ("return", "return from main"),
    ("exit", "process::exit(0)"),
    ("flush", "flush(), then exit"),
    ("panic", "panic"),
    ("abort", "abort"),
    ("term", "SIGTERM"),
    ("kill", "SIGKILL"),
];

/// Ways that ours is put to besides.
const MORE: [(&str, &str); 6] = [
    ("forget", "forgotten guard"),
    ("exit-late", "process::exit in another thread"),
    ("panic-abort", "panic = abort"),
    ("segv", "SIGSEGV"),
    ("memory", "out of memory"),
    ("int", "SIGINT"),
];

/// What the operating system says of a process that ended this way.
fn ended_so(way: &str, status: ExitStatus) -> bool {
    let signal = status.signal();
    match way {
        "return" | "exit" | "flush" | "forget" | "exit-late" => status.success(),
        "panic" => status.code() == Some(101),
        "abort" | "panic-abort" | "memory" => signal == Some(libc::SIGABRT),
        "term" => signal == Some(libc::SIGTERM),
        "int" => signal == Some(libc::SIGINT),
        "kill" => signal == Some(libc::SIGKILL),
        _ => signal == Some(libc::SIGSEGV),
    }
}

fn by_force(way: &str) -> bool {
    !matches!(way, "return" | "exit" | "flush" | "panic" | "forget" | "exit-late")
}

fn run(run: &Run) -> Result<Section, String> {
    let mut section = Section::new();
    let mut totals = Totals::default();
    let place = run.place("deaths")?;
    let runs = run.pick(1, 5);
    let head = ["library"].into_iter().chain(ALL.iter().map(|&(_, title)| title));
    let mut table = Table::new(&head.collect::<Vec<_>>());
    for (library, title) in LIBRARIES {
        let mut row = vec![title.to_owned()];
        for (way, what) in ALL {
            row.push(match (library, way) {
                ("ours", _) => our_cell(&mut section, &mut totals, &place, way, what, runs)?,
                ("tracing-appender", "flush") => "no flush API".to_owned(),
                _ => rival_cell(&place, library, way, runs)?,
            });
        }
        table.body.push(row);
    }
    section.table(table);
    let head = ["library"].into_iter().chain(MORE.iter().map(|&(_, title)| title));
    let mut table = Table::new(&head.collect::<Vec<_>>());
    let mut row = vec![LIBRARIES[0].1.to_owned()];
    for (way, what) in MORE {
        row.push(our_cell(&mut section, &mut totals, &place, way, what, runs)?);
    }
    table.body.push(row);
    section.table(table);
    let cells = (ALL.len() + MORE.len()) as u64;
    section.equals("cells of ours with 20,000 lines in every run", cells, totals.cells);
    section.zero("torn or repeated lines of ours", totals.damaged);
    section.zero("rings of ours left behind", totals.left);
    Ok(section)
}

fn die(place: &Place, library: &str, way: &str) -> Result<(), String> {
    place.clear()?;
    let ended = Kid::start(place, ROW.name, library, &[way])?.wait(Duration::from_secs(120))?;
    if ended_so(way, ended.status) {
        Ok(())
    } else {
        let stderr = ended.stderr.lines().last().unwrap_or_default().to_owned();
        Err(format!("{library}, {way}: ended with {}: {stderr}", ended.status))
    }
}

fn rival_cell(place: &Place, library: &str, way: &str, runs: u32) -> Result<String, String> {
    let mut counts = Vec::new();
    for _ in 0..runs {
        die(place, library, way)?;
        counts.push(Log::read(&place.log())?.distinct());
    }
    Ok(range(&counts))
}

/// Over all cells of ours.
#[derive(Default)]
struct Totals {
    /// With all records in every run.
    cells: u64,
    damaged: u64,
    left: u64,
}

fn our_cell(
    section: &mut Section,
    totals: &mut Totals,
    place: &Place,
    way: &str,
    what: &str,
    runs: u32,
) -> Result<String, String> {
    let (mut before, mut after) = (Vec::new(), Vec::new());
    let (mut damaged, mut left) = (0, 0);
    for _ in 0..runs {
        die(place, "ours", way)?;
        let log = Log::read(&place.log())?;
        before.push(log.stream(0, 0).distinct);
        recover(place)?;
        let log = Log::read(&place.log())?;
        after.push(log.stream(0, 0).distinct);
        damaged += log.torn + log.repeated();
        left += place.rings_left();
    }
    let counted = if by_force(way) { &after } else { &before };
    let all = counted.iter().chain(&after).all(|&count| count == RECORDS);
    if !all {
        section.check(format!("{what}: lines"), RECORDS.to_string(), range(counted), false);
    }
    totals.cells += u64::from(all);
    totals.damaged += damaged;
    totals.left += left;
    let before =
        if by_force(way) { format!(" (before: {})", range(&before)) } else { String::new() };
    Ok(range(counted) + &before)
}

fn child(call: &Call) -> Result<Value, String> {
    let way = call.text(0)?;
    let path = call.place.log();
    match call.role.as_str() {
        "ours" => {
            let options = Options { capture_panics: way == "panic-abort", ..Options::default() };
            let logging = ours::to_file(&call.place, &options)?;
            let log = logging.logger("deaths");
            (0..RECORDS).for_each(|n| load::record(&log, 0, 0, n));
            let flush = |logging: &_| assert!(ours::flush(logging, Duration::from_secs(30)));
            end(way, logging, flush);
        }
        "tracing-appender" => {
            let guard = rivals::tracing_appender(&path)?;
            (0..RECORDS).for_each(|n| rivals::tracing_record(0, n));
            end(way, guard, |_| {});
        }
        library => {
            let log = rivals::slog_async(&path, library == "slog-async-block")?;
            (0..RECORDS).for_each(|n| rivals::slog_record(&log, 0, n));
            // It says that it can't.
            end(way, log, |log| drop(log.flush()));
        }
    }
    Ok(Value::Null)
}

/// Ends the process, or returns into a `main` that does nothing more.
fn end<G: Send + 'static>(way: &str, guard: G, flush: impl FnOnce(&G)) {
    match way {
        "return" => {}
        "exit" => std::process::exit(0),
        "flush" => {
            flush(&guard);
            std::process::exit(0);
        }
        "panic" => panic!("the program has an error"),
        "panic-abort" => {
            // What a program built with `panic = "abort"` does once its hooks have run.
            let hooks = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |info| {
                hooks(info);
                std::process::abort();
            }));
            panic!("the program has an error");
        }
        "forget" => std::mem::forget(guard),
        "exit-late" => {
            let ending = std::thread::spawn(|| std::process::exit(0));
            // Never returns: the process ends meanwhile.
            drop(ending.join());
        }
        "abort" => std::process::abort(),
        "segv" => os::segfault(),
        "memory" => os::exhaust_memory(256 << 20),
        signal => {
            os::raise(match signal {
                "term" => libc::SIGTERM,
                "int" => libc::SIGINT,
                _ => libc::SIGKILL,
            });
            os::wait_for_death(Duration::from_secs(60));
        }
    }
}
