//! Trouble under load: a disk that fails again and again, and what became of the records.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use prisma_log::Filter;
use prisma_log_file::FileSinkBuilder;
use serde_json::{Value, json};

use super::files::{self, Found};
use super::got;
use super::service::{self, Load};
use crate::kid::{Call, Place, Run, ask};
use crate::lines::Log;
use crate::needs;
use crate::ours::{self, Logging, Options};
use crate::report::{Section, thousands};

/// Logs through the queue into a sink while something is done to its folder.
pub(super) struct Trial<'a> {
    pub(super) call: &'a Call,
    pub(super) sink: FileSinkBuilder,
    /// Where the log is.
    pub(super) folder: PathBuf,
    pub(super) load: Load,
}

impl Trial<'_> {
    /// Runs it; `trouble` says how long the sink took each time to write again. Then counts what
    /// is in the folder and in the files that were taken out of it.
    pub(super) fn run(
        self,
        trouble: impl FnOnce(&Logging) -> Result<Vec<Duration>, String>,
    ) -> Result<Value, String> {
        let sink = self.sink.build().map_err(|error| error.to_string())?;
        let builder = ours::builder(&self.call.place, &Options::default());
        let logging = ours::build(builder.sink("file", Filter::default(), sink))?;
        let log = logging.logger("trouble");
        let stop = AtomicBool::new(false);
        let (resumed, logged) = std::thread::scope(|scope| {
            let load = scope.spawn(|| self.load.run(&log, || stop.load(Ordering::Acquire)));
            let resumed = trouble(&logging);
            stop.store(true, Ordering::Release);
            (resumed, load.join().unwrap_or_default())
        });
        let resumed = resumed?;
        if !ours::flush(&logging, Duration::from_secs(60)) {
            return Err("a flush of a minute did not get through".to_owned());
        }
        let counts = ours::counts(&logging, "file");
        drop(logging);
        let mut log = Found::look(&self.folder)?.read()?;
        read_away(&mut log, &away(&self.call.place))?;
        let logged: Vec<u64> = logged;
        let lost =
            logged.iter().zip(0..).map(|(count, thread)| log.stream(0, thread).missing(*count));
        let millis: Vec<f64> = resumed.iter().map(|time| time.as_secs_f64() * 1e3).collect();
        Ok(json!({
            "logged": logged.iter().sum::<u64>(),
            "lost": lost.sum::<u64>(),
            "repeated": log.repeated(),
            "torn": log.torn,
            "blank": log.blank,
            "delivered": counts.delivered,
            "dropped": counts.dropped,
            "in_flight": counts.in_flight,
            "millis": millis,
        }))
    }
}

fn read_away(log: &mut Log, away: &Path) -> Result<(), String> {
    for entry in fs::read_dir(away).into_iter().flatten().flatten() {
        files::add_file(log, &entry.path())?;
    }
    Ok(())
}

/// Where files go that are taken out of the log's folder.
pub(super) fn away(place: &Place) -> PathBuf {
    place.dir.join("away")
}

/// Begins and ends trouble again and again, each time once the sink has stopped writing; how long
/// after each end it wrote again.
pub(super) fn rounds(
    logging: &Logging,
    rounds: u64,
    hold: Duration,
    mut begin: impl FnMut() -> Result<(), String>,
    mut end: impl FnMut() -> Result<(), String>,
) -> Result<Vec<Duration>, String> {
    let mut times = Vec::new();
    for round in 0..rounds {
        begin()?;
        until_stuck(logging, &mut begin)?;
        sleep(hold);
        end()?;
        let back = service::until_delivered(logging, "file", Duration::from_secs(20));
        times.push(back.ok_or_else(|| format!("round {round}: nothing written for 20 s"))?);
        sleep(Duration::from_millis(50));
    }
    Ok(times)
}

/// Waits until nothing has been delivered for a while.
fn until_stuck(
    logging: &Logging,
    begin: &mut impl FnMut() -> Result<(), String>,
) -> Result<(), String> {
    let start = Instant::now();
    let mut last = (ours::counts(logging, "file").delivered, Instant::now());
    while last.1.elapsed() < Duration::from_millis(60) {
        if start.elapsed() > Duration::from_secs(20) {
            return Err("the sink went on writing as if nothing were".to_owned());
        }
        sleep(Duration::from_millis(5));
        let delivered = ours::counts(logging, "file").delivered;
        if delivered != last.0 {
            last = (delivered, Instant::now());
            // What was freed in between may have let it go on.
            begin()?;
        }
    }
    Ok(())
}

/// Has a child do it, and reports.
pub(super) fn report(
    section: &mut Section,
    run: &Run,
    (row, role, title): (&str, &str, &str),
    rounds: u64,
) -> Result<(), String> {
    let place = run.place(row)?;
    fs::create_dir(away(&place)).map_err(|error| error.to_string())?;
    let limit = Duration::from_secs(900);
    let answer = ask(&place, row, role, &[&rounds.to_string()], limit)?;
    let millis: Vec<f64> =
        answer["millis"].as_array().into_iter().flatten().filter_map(Value::as_f64).collect();
    let name =
        |what: &str| if title.is_empty() { what.to_owned() } else { format!("{title}: {what}") };
    section.equals(name("times"), rounds, millis.len() as u64);
    section.info(name("records"), thousands(got(&answer, "logged")));
    section.zero(name("records lost"), got(&answer, "lost"));
    section.zero(name("records repeated"), got(&answer, "repeated"));
    section.zero(name("lines torn"), got(&answer, "torn"));
    let blanks = name("lines of blanks in place of half a record");
    if row == "quota" {
        // btrfs at its quota may refuse to cut half a record off, but let it be overwritten.
        section.info(blanks, got(&answer, "blank"));
    } else {
        section.zero(blanks, got(&answer, "blank"));
    }
    section.zero(name("records dropped, by the ledger"), got(&answer, "dropped"));
    section.zero(name("in flight at the end"), got(&answer, "in_flight"));
    service::times(
        section,
        &name("from the end of the trouble to the next record"),
        1000.0,
        millis,
    );
    Ok(())
}

/// A system program, with arguments that are separated by blanks and then paths.
pub(super) fn tool(line: &str, paths: &[&Path]) -> Result<(), String> {
    let mut words = line.split(' ');
    let name = words.next().unwrap_or_default();
    let program = needs::find(name).unwrap_or_else(|| name.into());
    let output = Command::new(program)
        .args(words)
        .args(paths)
        .output()
        .map_err(|error| format!("cannot run {name}: {error}"))?;
    if output.status.success() {
        Ok(())
    } else {
        Err(format!("{line}: {}", String::from_utf8_lossy(&output.stderr).trim()))
    }
}
