//! Forks under load.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Row, got, recover};
use crate::kid::{Call, Kid, Place, Progress, Run, ask};
use crate::lines::Log;
use crate::needs;
use crate::os::{Forked, Reaped};
use crate::ours::{self, Logger, Logging, Options};
use crate::report::{Section, Table, thousands};
use crate::{load, os, rivals};

pub(crate) static ROW: Row = Row {
    name: "forks",
    faults: "7",
    what: "forks while four threads log; each child logs 100 records",
    about: "Each child logs through the logger that it inherits, then ends: a quarter by `exit`, a \
        quarter by dropping the guard first, a quarter by `_exit`, a quarter by becoming another \
        program. What the last two leave behind is counted after the next start of the service, \
        which happens again and again while the parent goes on.",
    needs: needs::nothing,
    run,
    child,
};

const THREADS: u64 = 4;
/// The thread number that forked children use; their run is their own number, from 1.
const CHILD: u64 = 9;
const EACH: u64 = 100;
/// Children that live at once.
const ALIVE: u64 = 4;
/// A child that is not done by then hangs.
const PATIENCE_SECONDS: u32 = 20;
const RIVAL_FORKS: u64 = 20;
/// More than the queue of slog-async holds.
const RIVAL_EACH: u64 = 200;

fn run(run: &Run) -> Result<Section, String> {
    let forks: u64 = run.pick(200, 10_000);
    let place = run.place("forks")?;
    let limit = Duration::from_secs(run.pick(120, 1_800));
    let mut kid = Kid::start(&place, ROW.name, "ours", &[&forks.to_string()])?;
    let mut progress = Progress::new("forks", forks);
    let (mut starts, mut replayed) = (0, 0);
    while kid.is_running() && kid.age() < limit {
        std::thread::sleep(Duration::from_millis(300));
        replayed += recover(&place)?.records;
        starts += 1;
        let done = fs::read_to_string(place.dir.join("progress")).unwrap_or_default();
        progress.at(done.parse().unwrap_or_default());
    }
    let answer = kid.wait(limit)?.answer()?;
    replayed += recover(&place)?.records;
    let log = Log::read(&place.log())?;
    let lost = (1..=forks).map(|fork| log.stream(fork, CHILD).missing(EACH)).sum::<u64>();
    let threads = |thread| log.stream(0, thread).missing(got(&answer, &format!("thread{thread}")));
    let mut section = Section::new();
    section.info("forks", thousands(forks));
    section.zero("children that hung", got(&answer, "hung"));
    section.zero("children that ended badly otherwise", got(&answer, "badly"));
    section.zero("records of children lost", lost);
    section.zero("records of the parent lost", (0..THREADS).map(threads).sum());
    section.zero("records repeated", log.repeated());
    section.zero("lines torn", log.torn);
    section.zero("rings left behind", place.rings_left());
    section.info("starts of the service meanwhile", starts);
    section.info("records they replayed", thousands(replayed));

    let mut table = Table::new(&[
        "library",
        "children of 20 that hang",
        "children that end by a panic",
        "records of 4,000 lost",
    ]);
    for (library, title) in [
        ("tracing-appender", "tracing-appender non_blocking"),
        ("slog-async", "slog-async + slog-json, default"),
        ("slog-async-block", "slog-async + slog-json, Block"),
    ] {
        place.clear()?;
        let answer = ask(&place, ROW.name, library, &[], Duration::from_secs(300))?;
        let log = Log::read(&place.log())?;
        let lost: u64 = (1..=RIVAL_FORKS).map(|fork| log.stream(fork, 0).missing(RIVAL_EACH)).sum();
        let count = |key: &str| got(&answer, key).to_string();
        table.body.push(vec![title.to_owned(), count("hung"), count("badly"), lost.to_string()]);
    }
    section.table(table);
    Ok(section)
}

fn child(call: &Call) -> Result<Value, String> {
    match call.role.as_str() {
        "ours" => ours_forks(&call.place, call.number(0)?),
        "tracing-appender" => {
            let guard = rivals::tracing_appender(&call.place.log())?;
            rival_forks(guard, rivals::tracing_record)
        }
        library => {
            let log = rivals::slog_async(&call.place.log(), library == "slog-async-block")?;
            let inner = log.clone();
            // The clone goes with the closure, so that the guard is the last.
            rival_forks(log, move |run, n| rivals::slog_record(&inner, run, n))
        }
    }
}

fn ours_forks(place: &Place, forks: u64) -> Result<Value, String> {
    let logging = ours::to_file(place, &Options::default())?;
    let log = logging.logger("forks");
    let stop = AtomicBool::new(false);
    // Logs until told to stop; enough to keep all threads busy, little enough for the disk.
    let work = |thread: u64, log: Logger| {
        let mut n = 0;
        while !stop.load(Ordering::Relaxed) {
            for _ in 0..20 {
                load::record(&log, 0, thread, n);
                n += 1;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        n
    };
    let mut logging = Some(logging);
    let mut ends = [0, 0, 0];
    let counts = std::thread::scope(|scope| -> Result<Vec<u64>, String> {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let log = log.clone();
                scope.spawn(move || work(thread, log))
            })
            .collect();
        let mut told = Instant::now();
        for fork in 1..=forks {
            match os::fork() {
                Ok(Forked::Child) => as_child(&log, &mut logging, fork),
                Ok(Forked::Parent) => {}
                Err(error) => {
                    stop.store(true, Ordering::Relaxed);
                    return Err(error);
                }
            }
            if fork >= ALIVE {
                count_end(&mut ends);
            }
            if told.elapsed() > Duration::from_secs(1) {
                told = Instant::now();
                // For the eyes of whoever waits; nothing depends on it.
                let _ = fs::write(place.dir.join("progress"), fork.to_string());
            }
        }
        while count_end(&mut ends) {}
        stop.store(true, Ordering::Relaxed);
        Ok(threads.into_iter().map(|thread| thread.join().unwrap_or_default()).collect())
    })?;
    drop(logging);
    Ok(json!({ "badly": ends[1], "hung": ends[2], "thread0": counts[0], "thread1": counts[1],
               "thread2": counts[2], "thread3": counts[3] }))
}

fn as_child(log: &Logger, logging: &mut Option<Logging>, fork: u64) -> ! {
    os::die_after(PATIENCE_SECONDS);
    (0..EACH).for_each(|n| load::record(log, fork, CHILD, n));
    match fork % 4 {
        0 => os::exit(0),
        1 => {
            drop(logging.take());
            os::exit(0)
        }
        2 => os::exit_at_once(0),
        _ => os::become_true(),
    }
}

fn count_end(ends: &mut [u64; 3]) -> bool {
    match os::reap() {
        None => return false,
        Some(Reaped::Well) => ends[0] += 1,
        Some(Reaped::Badly) => ends[1] += 1,
        Some(Reaped::Hung) => ends[2] += 1,
    }
    true
}

/// The same for a rival: the children drop its guard and exit.
fn rival_forks<G>(guard: G, record: impl Fn(u64, u64)) -> Result<Value, String> {
    record(0, 0);
    let mut parts = Some((guard, record));
    let mut ends = [0, 0, 0];
    for fork in 1..=RIVAL_FORKS {
        if let Forked::Child = os::fork()? {
            os::die_after(2);
            if let Some((guard, record)) = parts.take() {
                (0..RIVAL_EACH).for_each(|n| record(fork, n));
                drop(record);
                drop(guard);
            }
            os::exit(0);
        }
    }
    while count_end(&mut ends) {}
    Ok(json!({ "badly": ends[1], "hung": ends[2] }))
}
