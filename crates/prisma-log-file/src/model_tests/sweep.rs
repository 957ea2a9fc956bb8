//! The fault sweep: scripts in which each call goes wrong once, and from then on for ever.

mod scripts;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use prisma_log_core::{SinkCommand, SinkPosition, Timestamp};

use super::calls::{Call, Fault, Shared, Trouble};
use super::ledger::{Id, State};
use super::names;
use super::outside::Outsider;
use super::service::{Book, Ended, Service};
use super::steps::{leave_figures, number};
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
/// How long a sink may take to forget a fault: its longest back-off and a little.
const RECOVERY: Duration = Duration::from_secs(61);
const BEGUN: i64 = 1_795_507_200;

/// Calls of which nothing need be heard when they fail: there is another way to the same end, or
/// the next call of another kind tells.
const MAY_BE_SILENT: [Call; 11] = [
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

/// What came of a run.
#[derive(Clone, Copy, Debug, Default)]
struct Outcome {
    struck: bool,
    /// A call of the sink failed, or the error handler heard of it.
    told: bool,
    retried: u64,
    records: u64,
}

struct Run<'a> {
    script: &'a Script,
    shared: Shared,
    book: Book,
    outsider: Outsider,
    service: Service,
    other: Option<Service>,
    last: Option<(Vec<Id>, SinkPosition)>,
    /// A record that is stuck to half of another one is written again, behind those after it.
    out_of_order: bool,
    outcome: Outcome,
}

impl<'a> Run<'a> {
    fn new(script: &'a Script, told: bool) -> Run<'a> {
        let shared = Shared::new(Timestamp::from_unix_seconds(BEGUN), told);
        let book = Book::default();
        let setup = (script.setup)();
        book.open().limits = setup.limits(script.batch());
        let service = Service::new(0, &shared, &book, &setup);
        let other = script.two.then(|| Service::new(1, &shared, &book, &setup));
        let outsider = Outsider::new(&shared, &book);
        let outcome = Outcome::default();
        Run {
            script,
            shared,
            book,
            outsider,
            service,
            other,
            last: None,
            out_of_order: false,
            outcome,
        }
    }

    fn play(&mut self, fault: Option<Fault>) -> Result<(), String> {
        if self.script.folder {
            let disk = &mut self.shared.lock().disk;
            let made = disk.create_folders(Path::new(names::FOLDER));
            made.map_err(|error| error.to_string())?;
        }
        if let Some(other) = &mut self.other {
            other.start(None)?;
        }
        self.service.os.start_trace();
        self.service.os.fault(fault);
        for step in self.script.steps {
            self.shared.lock().tell(|| format!("{step:?}"));
            self.step(step)?;
            self.settle()?;
        }
        Ok(())
    }

    fn settle(&mut self) -> Result<(), String> {
        let mut world = self.shared.lock();
        let mut book = self.book.open();
        book.settle(&mut world.disk)?;
        // What can't be taken back now is set apart later.
        book.explain_broken();
        book.check(&mut world.disk)?;
        self.outcome.told |= !self.service.take_errors().is_empty();
        world.disk.collect();
        Ok(())
    }

    fn note(&mut self, ended: &Ended) {
        if let Ended::Failed(error) = ended {
            self.shared.lock().tell(|| format!("  fails: {error}"));
            self.outcome.told = true;
        }
    }

    fn started(&mut self) -> Result<bool, String> {
        if !self.service.is_running() {
            let ended = self.service.start_again()?;
            self.note(&ended);
        }
        Ok(self.service.is_running())
    }

    fn step(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::Write(sizes) => self.write(sizes)?,
            Step::OtherWrites(sizes) => {
                if let Some(other) = &mut self.other {
                    other.log(sizes);
                    other.write()?;
                }
            }
            Step::OtherRotates => {
                if let Some(other) = &mut self.other {
                    other.command(SinkCommand::Rotate)?;
                }
            }
            Step::Wait(time) => self.wait(*time),
            Step::Maintain => {
                if self.started()? {
                    let ended = self.service.maintain()?;
                    self.note(&ended);
                }
            }
            Step::Flush => {
                if self.started()? {
                    let ended = self.service.flush_checked()?;
                    self.note(&ended);
                }
            }
            Step::Tell(command) => {
                if self.started()? {
                    let ended = self.service.command(*command)?;
                    self.note(&ended);
                }
            }
            Step::Compress => {
                if self.started()? {
                    self.service.compress()?;
                }
            }
            Step::Restart => {
                let ended = self.service.start_again()?;
                self.note(&ended);
            }
            Step::Forget => {
                if let Some((ids, since)) = self.last.take()
                    && self.service.is_running()
                {
                    self.service.forget(&ids, since);
                    let ended = self.service.start_again()?;
                    self.note(&ended);
                }
            }
            Step::Somebody(act) => self.outsider.does(*act, &mut fastrand::Rng::with_seed(7)),
            Step::Room(room) => match room {
                Some(room) => self.shared.lock().disk.fill_up_to(*room),
                None => self.shared.lock().disk.capacity = None,
            },
            Step::Half => self.shared.lock().disk.append_half(),
        }
        Ok(())
    }

    fn write(&mut self, sizes: &[usize]) -> Result<(), String> {
        self.service.log(sizes);
        if !self.started()? {
            return Ok(());
        }
        let ids: Vec<Id> = self.service.queue.iter().copied().collect();
        let since = self.service.position();
        let ended = self.service.write()?;
        self.note(&ended);
        if matches!(ended, Ended::Failed(_)) {
            self.outcome.retried += self.service.queue.len() as u64;
            self.last = None;
        } else {
            self.last = since.map(|since| (ids, since));
        }
        Ok(())
    }

    fn wait(&mut self, time: Duration) {
        let disk = &mut self.shared.lock().disk;
        disk.elapsed += time;
        disk.wall = disk.wall.saturating_add(time);
    }

    /// The fault is over: everything that was not taken is, and nothing is left of the trouble.
    fn recover(&mut self) -> Result<(), String> {
        self.outcome.struck = self.service.os.struck() > 0;
        self.service.os.fault(None);
        self.shared.lock().disk.capacity = None;
        self.shared.lock().tell(|| "the fault is over".to_owned());
        for _ in 0..3 {
            self.wait(RECOVERY);
            self.write(&[60])?;
            self.settle()?;
        }
        if !self.service.queue.is_empty() || self.service.has_doubt() {
            return Err("the fault is over, and not all records are taken".to_owned());
        }
        self.step(&Step::Maintain)?;
        self.step(&Step::Flush)?;
        let ended = self.service.flush_checked()?;
        if !matches!(ended, Ended::Well) {
            return Err(format!("the fault is over, and a flush ends like this: {ended:?}"));
        }
        self.step(&Step::Compress)?;
        self.step(&Step::Restart)?;
        self.step(&Step::Compress)?;
        self.end()
    }

    fn end(&mut self) -> Result<(), String> {
        let mut world = self.shared.lock();
        let mut book = self.book.open();
        book.settle(&mut world.disk)?;
        book.check(&mut world.disk)?;
        let folder = world.disk.walk(Path::new(names::FOLDER));
        let folder = folder.map_err(|_| "the folder was not made anew".to_owned())?;
        book.check_limits(&world.disk, folder, 0)?;
        if !self.out_of_order {
            book.check_order(&world.disk, folder)?;
        }
        book.check_stray(&world.disk, folder, |name, ino| {
            name == "current" || self.outsider.owns(ino)
        })?;
        let counts = book.counts();
        if counts.broken_tails > 0 {
            return Err(format!("{} lines are broken", counts.broken_tails));
        }
        let wrong =
            book.lines.iter().find(|line| matches!(line.state, State::Waiting | State::Refused));
        if let Some(line) = wrong {
            return Err(format!("{} is {:?} at the end", line.text, line.state));
        }
        self.outcome.records = counts.records;
        Ok(())
    }
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
