//! The fault sweep: scripts in which each call goes wrong once, and from then on for ever.

mod run;
mod scripts;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::calls::{Call, Fault, Trouble};
use super::steps::{leave_figures, number};
use run::{Outcome, Run};
use scripts::{Script, Step};

/// How many points are run at least, spread evenly; all of them if there are not so many.
const POINTS: &str = "PRISMA_SWEEP_POINTS";
const DEFAULT_POINTS: u64 = 12_000;
/// Runs this one script only, all of its points.
const ONLY: &str = "PRISMA_SWEEP_ONLY";
/// Runs the points of this call only, and tells the story of those that fail.
const AT: &str = "PRISMA_SWEEP_AT";
/// How many points there are at least.
const LEAST_POINTS: u64 = 10_000;
/// So many interruptions in a row stand for any number of them.
const INTERRUPTIONS: u64 = 50;

/// Calls of which nothing need be heard when they fail: there is another way to the same end, or
/// the next call of another kind tells.
const MAY_BE_SILENT: [Call; 12] = [
    // The file is opened anew.
    Call::StatPath,
    Call::StatName,
    // Space is freed, or what was written is kept by other means.
    Call::Append,
    Call::Available,
    Call::Cut,
    Call::WrittenTo,
    Call::Stat,
    // No more is allowed than was asked for.
    Call::SetMode,
    // The file looks younger than its last record.
    Call::SetModified,
    // A file system without locks.
    Call::Lock,
    Call::Unlock,
    // Tried again without one.
    Call::ReadAt,
];

const CODES: [(i32, &str); 6] = [
    (libc::EIO, "EIO"),
    (libc::ENOSPC, "ENOSPC"),
    (libc::EDQUOT, "EDQUOT"),
    (libc::EROFS, "EROFS"),
    (libc::EMFILE, "EMFILE"),
    (libc::EINTR, "EINTR"),
];

/// One run of a script with one fault.
#[derive(Clone, Copy, Debug)]
struct Point {
    fault: Fault,
    call: Call,
    what: &'static str,
    how_long: &'static str,
}

/// Every point of a script.
fn points(script: &Script) -> Vec<Point> {
    let mut run = Run::new(script, false);
    let name = script.name;
    run.play(None).unwrap_or_else(|error| panic!("{name}, without a fault: {error}"));
    let trace = run.service.os.take_trace();
    run.recover().unwrap_or_else(|error| panic!("{name}, without a fault: {error}"));
    let mut points = Vec::new();
    for (index, &call) in trace.iter().enumerate() {
        let at = index as u64 + 1;
        for (code, what) in CODES {
            for (times, how_long) in [(1, "once"), (u64::MAX, "for ever")] {
                let times = if code == libc::EINTR { times.min(INTERRUPTIONS) } else { times };
                let trouble = Trouble::Fails(code);
                let fault = Fault { at, times, only: Some(call), trouble };
                points.push(Point { fault, call, what, how_long });
            }
        }
        if matches!(call, Call::Append | Call::ReadAt) {
            for (times, how_long) in [(1, "once"), (u64::MAX, "for ever")] {
                let fault = Fault { at, times, only: Some(call), trouble: Trouble::Short };
                points.push(Point { fault, call, what: "short", how_long });
            }
        }
        // Not one kind of call, but whatever comes. Where a dead writer left half a record, the
        // record behind it would be stuck to it, though it is in the file.
        let halves = script.steps.iter().any(|step| matches!(step, Step::Half));
        if halves {
            continue;
        }
        for (code, what) in [(libc::EIO, "EIO"), (libc::EROFS, "EROFS")] {
            let trouble = Trouble::Fails(code);
            let fault = Fault { at, times: u64::MAX, only: None, trouble };
            points.push(Point { fault, call, what, how_long: "for ever, and all calls" });
        }
    }
    points
}

fn run(script: &Script, point: Point, told: bool) -> Result<Outcome, String> {
    let mut run = Run::new(script, told);
    run.out_of_order = point.fault.times > 1 && point.call == Call::Overwrite;
    let ended = run.play(Some(point.fault)).and_then(|()| run.recover());
    ended.map(|()| run.outcome).map_err(|error| {
        let Point { fault, call, what, how_long } = point;
        let story = if told {
            let story = run.shared.lock().story.take().unwrap_or_default().join("\n");
            format!("\n{story}\n{}", run.book.open().show())
        } else {
            String::new()
        };
        format!("{}, call {} ({call:?}), {what} {how_long}: {error}{story}", script.name, fault.at)
    })
}

#[derive(Default)]
struct Sum {
    points: u64,
    struck: u64,
    records: u64,
    retried: u64,
    /// Faults that struck and of which nothing was heard: one for each kind of call.
    silent: BTreeMap<Call, (&'static str, u64, &'static str, &'static str)>,
    failed: Vec<String>,
}

#[test]
fn ten_thousand_faults_and_the_ledger_is_exact() {
    let (only, at) = (std::env::var(ONLY).ok(), number(AT));
    let scripts = scripts::ALL.iter().filter(|script| {
        only.as_ref().is_none_or(|only| only == script.name) && script.is_built_in()
    });
    let mut jobs: Vec<(&Script, Point)> = scripts
        .flat_map(|script| points(script).into_iter().map(move |point| (script, point)))
        .filter(|(_, point)| at.is_none_or(|at| at == point.fault.at))
        .collect();
    if only.is_none() && at.is_none() {
        let wanted = number(POINTS).unwrap_or(DEFAULT_POINTS);
        jobs = spread(jobs, wanted);
    }
    let next = AtomicUsize::new(0);
    let sum = Mutex::new(Sum::default());
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some((script, point)) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let outcome = run(script, *point, at.is_some());
                    let mut sum = sum.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    sum.points += 1;
                    match outcome {
                        Ok(outcome) => sum.add(script, point, outcome),
                        Err(error) => sum.failed.push(error),
                    }
                }
            });
        }
    });
    let sum = sum.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    sum.failed.iter().for_each(|failed| println!("{failed}"));
    leave_figures(&[
        ("points", sum.points),
        ("faults struck", sum.struck),
        ("records", sum.records),
        ("records tried again", sum.retried),
        ("points failed", sum.failed.len() as u64),
    ]);
    let kept_quiet: Vec<_> =
        sum.silent.iter().filter(|(call, _)| !MAY_BE_SILENT.contains(call)).collect();
    assert!(kept_quiet.is_empty(), "nothing was heard of {kept_quiet:?}");
    assert!(sum.failed.is_empty(), "{} points failed", sum.failed.len());
    assert!(only.is_some() || at.is_some() || sum.points >= LEAST_POINTS, "{}", sum.points);
}

/// So many of the jobs or a few more, from all parts alike.
fn spread<T>(jobs: Vec<T>, wanted: u64) -> Vec<T> {
    let all = jobs.len() as u64;
    if wanted >= all {
        return jobs;
    }
    let mut random = fastrand::Rng::with_seed(all);
    let share = wanted + wanted / 20;
    jobs.into_iter().filter(|_| random.u64(..all) < share).collect()
}

impl Sum {
    fn add(&mut self, script: &Script, point: &Point, outcome: Outcome) {
        self.struck += u64::from(outcome.struck);
        self.records += outcome.records;
        self.retried += outcome.retried;
        if outcome.struck && !outcome.told && !matches!(point.what, "EINTR" | "short") {
            let example = (script.name, point.fault.at, point.what, point.how_long);
            self.silent.insert(point.call, example);
        }
    }
}
