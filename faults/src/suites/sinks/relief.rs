//! What may be done about a disk that stays full.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use prisma_log::Filter;
use prisma_log_core::DropReason;
use prisma_log_file::{FileSink, Retention, Rotation};
use serde_json::{Value, json};

use super::files::{self, Found};
use super::full::fill;
use super::service::Load;
use super::trouble::tool;
use super::{Row, got};
use crate::kid::{Call, Run, ask};
use crate::ours::{self, Logging, Options};
use crate::report::{Section, thousands};
use crate::{needs, os};

pub(super) static ROW: Row = Row {
    name: "relief",
    faults: "12",
    what: "a disk that stays full: own archives go, or records go elsewhere",
    about: "First, a sink that may delete all but its two newest archives when the disk is full \
        (`delete_when_full`) logs several times as much as its tmpfs of 1 MiB holds, without any \
        other limit: it must neither stop nor drop anything, and what is left must be the newest \
        records, without a gap. Then, the disk is filled by somebody else and stays full; the sink has \
        a fallback, and more is logged than its share of the queue holds. Everything must be in one of \
        the two, and the ledger must know how much went to the other.",
    needs: needs::root,
    run,
    child,
};

fn run(run: &Run) -> Result<Section, String> {
    let mut section = Section::new();
    let limit = Duration::from_secs(300);
    let millis = run.pick("1000", "10000");
    let answer = ask(&run.place(ROW.name)?, ROW.name, "delete", &[millis], limit)?;
    section.info("own archives go: records", thousands(got(&answer, "logged")));
    section.info("own archives go: records kept", thousands(got(&answer, "kept")));
    section
        .holds("own archives go: the disk was full", got(&answer, "kept") < got(&answer, "logged"));
    section.zero("own archives go: gaps in what is kept", got(&answer, "gaps"));
    section.zero("own archives go: lines torn", got(&answer, "torn"));
    section.zero("own archives go: records dropped", got(&answer, "dropped"));
    let answer = ask(&run.place(ROW.name)?, ROW.name, "fallback", &[], limit)?;
    section.info("fallback: records", thousands(got(&answer, "logged")));
    section.zero("fallback: records lost", got(&answer, "lost"));
    section.zero("fallback: records in both", got(&answer, "both"));
    section.zero("fallback: lines torn or repeated", got(&answer, "torn"));
    section.holds("fallback: it was used", got(&answer, "elsewhere") > 0);
    let (there, told) = (got(&answer, "elsewhere"), got(&answer, "failed_over"));
    section.equals("fallback: records there, by the ledger", there, told);
    section.zero("fallback: records dropped for other reasons", got(&answer, "dropped"));
    Ok(section)
}

fn child(call: &Call) -> Result<Value, String> {
    os::own_mounts()?;
    let folder = files::folder(&call.place);
    fs::create_dir_all(&folder).map_err(text)?;
    let size = if call.role == "delete" { "1M" } else { "64M" };
    tool(&format!("mount -t tmpfs -o size={size} none"), &[&folder])?;
    match call.role.as_str() {
        "delete" => delete(call, &folder),
        "fallback" => fallback(call, &folder),
        _ => Err(call.unknown()),
    }
}

fn text(error: impl ToString) -> String {
    error.to_string()
}

const LOAD: Load = Load { threads: 1, burst: 20, pause: Duration::from_micros(900) };

/// Logs until `meanwhile` is through; how many records.
fn log(logging: &Logging, meanwhile: impl FnOnce() -> Result<(), String>) -> Result<u64, String> {
    let log = logging.logger("relief");
    let stop = AtomicBool::new(false);
    let logged = std::thread::scope(|scope| {
        let load = scope.spawn(|| LOAD.run(&log, || stop.load(Ordering::Acquire)));
        let outcome = meanwhile();
        stop.store(true, Ordering::Release);
        outcome.map(|()| load.join().unwrap_or_default())
    })?;
    if !ours::flush(logging, Duration::from_secs(60)) {
        return Err("a flush of a minute did not get through".to_owned());
    }
    Ok(logged.iter().sum())
}

fn delete(call: &Call, folder: &Path) -> Result<Value, String> {
    let sink = files::builder(folder)
        .rotation(Rotation::new().max_bytes(64 << 10))
        .retention(Retention::new().archives(usize::MAX))
        .delete_when_full(2)
        .build()
        .map_err(text)?;
    let builder = ours::builder(&call.place, &Options::default());
    let logging = ours::build(builder.sink("file", Filter::default(), sink))?;
    let time = Duration::from_millis(call.number(0)?);
    let logged = log(&logging, || {
        sleep(time);
        Ok(())
    })?;
    let dropped = ours::counts(&logging, "file").dropped;
    drop(logging);
    let log = Found::look(folder)?.read()?;
    let kept = log.stream(0, 0);
    let first = (0..logged).find(|n| kept.has(*n)).unwrap_or(logged);
    Ok(json!({
        "logged": logged,
        "kept": kept.distinct,
        "gaps": (first..logged).filter(|n| !kept.has(*n)).count(),
        "torn": log.torn + log.blank,
        "dropped": dropped,
    }))
}

fn fallback(call: &Call, folder: &Path) -> Result<Value, String> {
    let spare = call.place.dir.join("spare");
    let sink = files::builder(folder).build().map_err(text)?;
    let other = FileSink::builder(spare.join("app.log")).build().map_err(text)?;
    let options = Options { queue_bytes: Some(2 << 20), ..Options::default() };
    let builder = ours::builder(&call.place, &options)
        .sink("file", Filter::default(), sink)
        .sink("spare", Filter::off(), other)
        .fallback("file", "spare");
    let logging = ours::build(builder)?;
    let ballast = folder.join("ballast");
    let failed_over = || ours::dropped_by(&logging, "file", DropReason::FailedOver);
    let logged = log(&logging, || {
        sleep(Duration::from_millis(20));
        fill(&ballast)?;
        let begin = Instant::now();
        while failed_over() < 10_000 {
            if begin.elapsed() > Duration::from_secs(60) {
                return Err("nothing went to the fallback within a minute".to_owned());
            }
            sleep(Duration::from_millis(5));
        }
        fs::remove_file(&ballast).map_err(text)?;
        sleep(Duration::from_millis(20));
        Ok(())
    })?;
    let told = failed_over();
    let dropped = ours::counts(&logging, "file").dropped - told;
    drop(logging);
    let (here, there) = (Found::look(folder)?.read()?, Found::look(&spare)?.read()?);
    let (mine, others) = (here.stream(0, 0), there.stream(0, 0));
    Ok(json!({
        "logged": logged,
        "lost": (0..logged).filter(|n| !mine.has(*n) && !others.has(*n)).count(),
        "both": (0..logged).filter(|n| mine.has(*n) && others.has(*n)).count(),
        "torn": here.torn + here.blank + here.repeated() + there.torn + there.repeated(),
        "elsewhere": others.distinct,
        "failed_over": told,
        "dropped": dropped,
    }))
}
