//! Logging outside the logger's life, and without a thread for its worker.

use std::os::unix::fs::chown;
use std::time::Duration;

use prisma_log::info;
use serde_json::{Value, json};

use super::{Row, got};
use crate::kid::{Call, Kid, Place, Run, ask};
use crate::lines::Log;
use crate::needs;
use crate::ours::{self, Options};
use crate::report::Section;
use crate::{load, os};

pub(crate) static OUTSIDE: Row = Row {
    name: "outside",
    faults: "56",
    what: "records before the logger is set up and after it is closed",
    about: "1,000 records through the global logger before there is one, which go to stderr; 1,000 \
        while it lives; 1,000 through a logger that outlives its `Logging`, which are written \
        before the call returns.",
    needs: needs::nothing,
    run: run_outside,
    child,
};

pub(crate) static NO_WORKER: Row = Row {
    name: "no-worker",
    faults: "59",
    what: "no thread can be started",
    about: "The process is allowed no second thread, so that the worker cannot start; records are \
        written all the same.",
    needs: needs::nothing,
    run: run_without_worker,
    child,
};

const RECORDS: u64 = 1_000;

fn run_outside(run: &Run) -> Result<Section, String> {
    let place = run.place("outside")?;
    let kid = Kid::start(&place, OUTSIDE.name, "outside", &[])?;
    let ended = kid.wait(Duration::from_secs(60))?;
    let said = ended.stderr.lines().filter(|line| line.contains("before the start")).count();
    ended.answer()?;
    let log = Log::read(&place.log())?;
    let mut section = Section::new();
    section.equals("before the start: lines on stderr", RECORDS, said as u64);
    section.equals("while it lives: records in the file", RECORDS, log.stream(1, 0).distinct);
    section.equals("after the end: records in the file", RECORDS, log.stream(2, 0).distinct);
    section.zero("lines torn or repeated", log.torn + log.repeated());
    Ok(section)
}

fn run_without_worker(run: &Run) -> Result<Section, String> {
    let above = run.place("no-worker")?;
    // In folders of the other user's.
    let place = Place { dir: above.ring.join("logs"), ring: above.ring.join("rings") };
    place.clear()?;
    for folder in [&place.dir, &place.ring] {
        if os::is_root() {
            chown(folder, Some(os::NOBODY), None).map_err(|error| error.to_string())?;
        }
    }
    let answer = ask(&place, NO_WORKER.name, "no-worker", &[], Duration::from_secs(60))?;
    let log = Log::read(&place.log())?;
    let mut section = Section::new();
    section.holds("a thread could not be started", got(&answer, "threads") == 0);
    section.equals("records in the file", RECORDS, log.stream(0, 0).distinct);
    section.zero("lines torn or repeated", log.torn + log.repeated());
    Ok(section)
}

fn child(call: &Call) -> Result<Value, String> {
    match call.role.as_str() {
        "outside" => outside(call),
        "no-worker" => without_worker(call),
        _ => Err(call.unknown()),
    }
}

fn outside(call: &Call) -> Result<Value, String> {
    for n in 0..RECORDS {
        info!("before the start"; "n" => n);
    }
    let logging = ours::to_file(&call.place, &Options::default())?;
    let log = logging.logger("outside");
    ours::set_global(&log)?;
    for n in 0..RECORDS {
        info!("while it lives"; "r" => 1, "t" => 0, "n" => n);
    }
    drop(logging);
    (0..RECORDS).for_each(|n| load::record(&log, 2, 0, n));
    // Nothing is left to be flushed, in whatever way the process ends.
    crate::kid::answer(&json!({}));
    os::exit_at_once(0)
}

fn without_worker(call: &Call) -> Result<Value, String> {
    if !os::leave_root() {
        return Err("cannot become another user".to_owned());
    }
    os::set_limit(libc::RLIMIT_NPROC, 1);
    let spawned = std::thread::Builder::new().spawn(|| ());
    let logging = ours::to_file(&call.place, &Options::default())?;
    let log = logging.logger("no-worker");
    (0..RECORDS).for_each(|n| load::record(&log, 0, 0, n));
    drop(logging);
    Ok(json!({ "threads": u64::from(spawned.is_ok()) }))
}
