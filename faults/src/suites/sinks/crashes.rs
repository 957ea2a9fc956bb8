//! A process that dies at any system call of a rotation.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use prisma_log_core::{Sink as _, SinkCommand};
use prisma_log_file::{Compression, FileSinkBuilder, Retention, Rotation};
use serde_json::{Value, json};

use super::Row;
use super::files::{self, Direct, Found};
use crate::kid::{self, Call, Place, Run, ask};
use crate::needs;
use crate::oracle::Oracle;
use crate::report::{Section, Table};
use crate::trace::{self, Say};

pub(super) static ROW: Row = Row {
    name: "crashes",
    faults: "20",
    what: "SIGKILL at every system call of a rotation",
    about: "A sink with a size limit, retention, compression, a link to the current file and \
        synchronisation rotates twice: because the file is full, and on demand. Its process is \
        traced, and killed as it enters its first system call, in the next round its second, and \
        so on, whichever thread makes it, until it ends by itself. Each time a new process opens \
        the file and goes on. Then everything that the sink took must be there once, archives that \
        retention may delete whole or not at all, and the folder must hold nothing else.",
    needs: needs::nothing,
    run,
    child,
};

const FORMATS: [&str; 3] = ["none", "gzip", "zstd"];
const FILE_BYTES: u64 = 8 << 10;
const ARCHIVES: usize = 3;
/// Runs of records: what retention may delete, what it must keep, the traced process's, the next's.
const DOOMED: [u64; 2] = [1, 2];
const KEPT: [u64; 2] = [3, 4];
const TRACED: u64 = 5;
const AFTER: u64 = 6;
/// Records in a file of the beginning.
const RECORDS: u64 = 30;
/// Records that the traced process writes, in batches of ten: more than a file holds.
const MORE: u64 = 60;

#[derive(Default)]
struct Totals {
    points: u64,
    lost: u64,
    repeated: u64,
    torn: u64,
    strays: u64,
    halves: u64,
    unfinished: u64,
}

fn run(run: &Run) -> Result<Section, String> {
    let mut section = Section::new();
    let mut table = Table::new(&["compression", "calls of the two rotations", "kills", "calls"]);
    let mut totals = Totals::default();
    for format in FORMATS {
        let place = run.place("crashes")?;
        let template = run.place("crashes-template")?;
        ask(&template, ROW.name, "prepare", &[format], Duration::from_secs(60))?;
        // A whole run kills at every call, a short one at every eleventh.
        let step = run.pick(11, 1);
        let mut at = 1;
        let mut kills = 0;
        let calls = loop {
            copy(&folder(&template), &folder(&place))?;
            let traced = kill_at(&place, format, at)?;
            if !traced.killed {
                if !traced.ended_well {
                    return Err(format!("{format}: the traced process failed by itself"));
                }
                check(&place, format, &mut totals)?;
                break traced.calls;
            }
            kills += 1;
            let before = totals.bad();
            check(&place, format, &mut totals)?;
            if totals.bad() != before {
                eprintln!("  {format}: killed at call {at}, {}: does not hold", traced.last);
            }
            at += step;
        };
        totals.points += kills;
        let made: u64 = calls.values().sum();
        let names: Vec<String> =
            calls.iter().map(|(name, count)| format!("{name} {count}")).collect();
        table.body.push(
            [format.to_owned(), made.to_string(), kills.to_string(), names.join(", ")].to_vec(),
        );
    }
    section.table(table);
    section.info("kills", totals.points);
    section.zero("records lost that the sink had taken", totals.lost);
    section.zero("records repeated", totals.repeated);
    section.zero("lines torn", totals.torn);
    section.zero("stray files after the next start", totals.strays);
    section.zero("archives deleted in part", totals.halves);
    section.zero("archives that the next start left to be compressed", totals.unfinished);
    Ok(section)
}

impl Totals {
    fn bad(&self) -> [u64; 6] {
        [self.lost, self.repeated, self.torn, self.strays, self.halves, self.unfinished]
    }
}

/// In memory: what is synchronised there costs nothing.
fn folder(place: &Place) -> PathBuf {
    place.ring.join("logs")
}

fn kill_at(place: &Place, format: &str, at: u64) -> Result<trace::Traced, String> {
    Oracle::open(&place.ring.join("oracle"))?.set(0, 0);
    let mut command = kid::command(place, ROW.name, "rotate", &[format])?;
    command.stdout(Stdio::null());
    trace::run(command, at)
}

/// Has the next process go on, and looks at what is there.
fn check(place: &Place, format: &str, totals: &mut Totals) -> Result<(), String> {
    ask(place, ROW.name, "restart", &[format], Duration::from_secs(60))?;
    let found = Found::look(&folder(place))?;
    let log = found.read()?;
    let acknowledged = Oracle::open(&place.ring.join("oracle"))?.get(0);
    let kept = KEPT.iter().map(|run| log.stream(*run, 0).missing(RECORDS)).sum::<u64>();
    let traced = log.stream(TRACED, 0);
    // A batch under way may be in the file whole or in part, though nobody was told.
    let strange = traced.beyond(acknowledged).saturating_sub(10);
    totals.lost += kept + traced.missing(acknowledged) + log.stream(AFTER, 0).missing(RECORDS);
    totals.repeated += log.repeated() + strange;
    totals.torn += log.torn + log.blank;
    totals.strays += found.strays.len() as u64;
    totals.halves +=
        DOOMED.iter().filter(|run| ![0, RECORDS].contains(&log.stream(**run, 0).distinct)).count()
            as u64;
    // The newest archive stays plain.
    let plain = found.archives - found.packed;
    totals.unfinished += if format == "none" { 0 } else { plain.saturating_sub(1) };
    Ok(())
}

/// Makes `to` a copy of a folder of files and links.
fn copy(from: &Path, to: &Path) -> Result<(), String> {
    let cannot = |error| format!("cannot copy {}: {error}", from.display());
    // Absent the first time.
    let _absent = fs::remove_dir_all(to);
    fs::create_dir(to).map_err(cannot)?;
    for entry in fs::read_dir(from).map_err(cannot)? {
        let entry = entry.map_err(cannot)?;
        let (path, name) = (entry.path(), to.join(entry.file_name()));
        if path.is_symlink() {
            let target = fs::read_link(&path).map_err(cannot)?;
            std::os::unix::fs::symlink(target, name).map_err(cannot)?;
        } else {
            fs::copy(&path, &name).map_err(cannot)?;
            let modified = entry.metadata().and_then(|data| data.modified()).map_err(cannot)?;
            let copied = fs::File::options().append(true).open(&name).map_err(cannot)?;
            copied.set_modified(modified).map_err(cannot)?;
        }
    }
    Ok(())
}

fn child(call: &Call) -> Result<Value, String> {
    let format = call.text(0)?;
    match call.role.as_str() {
        "prepare" => prepare(call, format),
        "rotate" => rotate(call, format),
        "restart" => restart(call, format),
        _ => Err(call.unknown()),
    }
}

fn builder(call: &Call, format: &str) -> Result<FileSinkBuilder, String> {
    let compression = match format {
        "none" => Compression::None,
        "gzip" => Compression::Gzip,
        "zstd" => Compression::Zstd,
        _ => return Err(call.unknown()),
    };
    let folder = folder(&call.place);
    Ok(files::builder(&folder)
        .rotation(Rotation::new().max_bytes(FILE_BYTES))
        .retention(Retention::new().archives(ARCHIVES).total_bytes(64 * FILE_BYTES))
        .compression(compression)
        .current_link(folder.join("current"))
        .sync_on_flush(true))
}

fn text(error: impl ToString) -> String {
    error.to_string()
}

/// Three archives, the older two of them compressed, and a current file.
fn prepare(call: &Call, format: &str) -> Result<Value, String> {
    let mut direct = Direct::new(builder(call, format)?)?;
    for run in [DOOMED, KEPT].into_iter().flatten() {
        if run != DOOMED[0] {
            direct.sink.command(SinkCommand::Rotate).map_err(text)?;
        }
        direct.write(run, 0, 0..RECORDS).map_err(|error| text(error.error))?;
    }
    settle(call, format)?;
    Ok(Value::Null)
}

/// What is traced.
fn rotate(call: &Call, format: &str) -> Result<Value, String> {
    let oracle = Oracle::open(&call.place.ring.join("oracle"))?;
    let mut direct = Direct::new(builder(call, format)?)?;
    trace::say(Say::Begin);
    for n in (0..MORE).step_by(10) {
        direct.write(TRACED, 0, n..n + 10).map_err(|error| text(error.error))?;
        oracle.set(0, n + 10);
    }
    direct.sink.command(SinkCommand::Rotate).map_err(text)?;
    direct.write(TRACED, 0, MORE..MORE + 10).map_err(|error| text(error.error))?;
    oracle.set(0, MORE + 10);
    direct.sink.flush().map_err(text)?;
    direct.maintain();
    trace::say(Say::Leave);
    settle(call, format)?;
    trace::say(Say::Begin);
    drop(direct);
    trace::say(Say::End);
    Ok(Value::Null)
}

fn restart(call: &Call, format: &str) -> Result<Value, String> {
    let mut direct = Direct::new(builder(call, format)?)?;
    direct.write(AFTER, 0, 0..RECORDS).map_err(|error| text(error.error))?;
    direct.sink.flush().map_err(text)?;
    direct.maintain();
    settle(call, format)?;
    Ok(json!({}))
}

/// Waits until the thread that compresses has no more to do; not for ever.
fn settle(call: &Call, format: &str) -> Result<(), String> {
    let begin = Instant::now();
    while format != "none" && begin.elapsed() < Duration::from_secs(5) {
        let names: Vec<String> = fs::read_dir(folder(&call.place))
            .map_err(text)?
            .flatten()
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        let temporary = names.iter().any(|name| name.ends_with(".tmp"));
        let is_packed = |name: &str| name.ends_with(".gz") || name.ends_with(".zst");
        let archives = names.iter().filter(|name| name.starts_with("app.log.2"));
        let plain = archives.filter(|name| !is_packed(name)).count();
        if !temporary && plain <= 1 {
            break;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}
