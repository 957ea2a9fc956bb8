//! How much of the disk a log takes.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use prisma_log_file::{Compression, FileSinkBuilder, Retention, Rotation};
use serde_json::{Value, json};

use super::files::{self, Direct, Found};
use super::trouble::tool;
use super::{Row, got};
use crate::kid::{Call, Run, ask};
use crate::report::{Section, thousands};
use crate::{load, needs, os};

pub(super) static ROW: Row = Row {
    name: "room",
    faults: "60",
    what: "a log keeps within its bytes, and leaves room on the disk",
    about: "A sink writes as fast as it can into a tmpfs of its own, while another thread asks the \
        file system thousands of times a second how much of it is in use, one number, taken at one \
        moment, and adds up the lengths of the log and its archives. First with `total_bytes` of 1 MiB, with and \
        without compression. On the disk a file takes whole pages of 4 KiB, so that much a file may \
        come on top; and an archive that has to go while it is being compressed, because nothing \
        older is left, keeps its bytes until the compressing thread has noticed. Then with `free_space` of 4 MiB out of 8, \
        alone, and while another program takes and gives back up to 3 MiB. What is left must be the \
        newest records, without a gap.",
    needs: needs::root,
    run,
    child,
};

const MIB: u64 = 1 << 20;
const CAP: u64 = MIB;
const DISK: u64 = 8 * MIB;
const FLOOR: u64 = 4 * MIB;
const PAGE: u64 = 4096;
const FILE_BYTES: u64 = CAP / 8;

fn run(run: &Run) -> Result<Section, String> {
    let mut section = Section::new();
    let kinds = [("plain", "total bytes", 0), ("zstd", "total bytes, compressed", FILE_BYTES)];
    for (role, title, open) in kinds {
        let answer = trial(run, role)?;
        let most = got(&answer, "most_named");
        let name = format!("{title}: most bytes of log and archives");
        let wanted = format!("≤ {}", thousands(CAP));
        section.check(name, wanted, thousands(most), most <= CAP);
        let pages = got(&answer, "files") + 1;
        let limit = CAP + pages * PAGE + open;
        let most = got(&answer, "most_used");
        let also = if open == 0 { "" } else { ", a file" };
        let wanted = format!("≤ {}{also} and {pages} pages", thousands(CAP));
        let name = format!("{title}: most bytes of the disk");
        section.check(name, wanted, thousands(most), most <= limit);
        common(&mut section, title, &answer);
    }
    let title = "free space, alone";
    let answer = trial(run, "floor")?;
    let least = got(&answer, "least_free");
    let wanted = format!("≥ {} less a page", thousands(FLOOR));
    let holds = least + PAGE >= FLOOR;
    section.check(format!("{title}: least bytes free"), wanted, thousands(least), holds);
    common(&mut section, title, &answer);
    let title = "free space, not alone";
    let answer = trial(run, "shared")?;
    let below = got(&answer, "longest_below_us") as f64 / 1e3;
    section.info(format!("{title}: times that the other one took room"), got(&answer, "grabs"));
    section.at_most(format!("{title}: longest time with less"), 1000.0, below, "ms");
    common(&mut section, title, &answer);
    Ok(section)
}

fn trial(run: &Run, role: &str) -> Result<Value, String> {
    let place = run.place(ROW.name)?;
    let millis = run.pick(600, 20_000).to_string();
    ask(&place, ROW.name, role, &[&millis], Duration::from_secs(300))
}

fn common(section: &mut Section, title: &str, answer: &Value) {
    section.info(format!("{title}: samples"), thousands(got(answer, "samples")));
    section.info(format!("{title}: records written"), thousands(got(answer, "written")));
    section.info(format!("{title}: records kept"), thousands(got(answer, "kept")));
    section.zero(format!("{title}: gaps in what is kept"), got(answer, "gaps"));
    section.zero(format!("{title}: lines torn"), got(answer, "torn"));
    section.zero(format!("{title}: stray files"), got(answer, "strays"));
    section.zero(format!("{title}: batches refused"), got(answer, "refused"));
}

fn child(call: &Call) -> Result<Value, String> {
    os::own_mounts()?;
    let folder = files::folder(&call.place);
    fs::create_dir_all(&folder).map_err(text)?;
    // What the file system itself has in use when it is empty is not the log's.
    tool(&format!("mount -t tmpfs -o size={DISK} none"), &[&folder])?;
    let floor = Retention::new().archives(usize::MAX).free_space(FLOOR);
    let (retention, compression) = match call.role.as_str() {
        "plain" => (Retention::new().total_bytes(CAP), Compression::None),
        "zstd" => (Retention::new().total_bytes(CAP), Compression::Zstd),
        "floor" | "shared" => (floor, Compression::None),
        _ => return Err(call.unknown()),
    };
    let builder = files::builder(&folder)
        .rotation(Rotation::new().max_bytes(FILE_BYTES))
        .retention(retention)
        .compression(compression);
    soak(builder, &folder, Duration::from_millis(call.number(0)?), call.role == "shared")
}

fn text(error: impl ToString) -> String {
    error.to_string()
}

/// What was seen of the file system.
#[derive(Default)]
struct Seen {
    samples: u64,
    most_used: u64,
    most_named: u64,
    least_free: u64,
    longest_below: Duration,
}

fn soak(
    builder: FileSinkBuilder,
    folder: &Path,
    time: Duration,
    shared: bool,
) -> Result<Value, String> {
    let stop = AtomicBool::new(false);
    let grabs = AtomicU64::new(0);
    let mut direct = Direct::new(builder)?;
    let mut n = 0;
    let mut refused = 0;
    let mut files = 0;
    let seen = std::thread::scope(|scope| {
        let seen = scope.spawn(|| observe(folder, &stop));
        if shared {
            scope.spawn(|| grab(folder, &stop, &grabs));
        }
        let begin = Instant::now();
        let mut written = Ok(());
        while begin.elapsed() < time && written.is_ok() {
            for _ in 0..50 {
                written = direct
                    .insist(0, 0, n..n + 20, Duration::from_secs(10))
                    .map(|times| refused += times);
                n += 20;
            }
            files = files.max(fs::read_dir(folder).map_or(0, Iterator::count) as u64);
        }
        stop.store(true, Ordering::Release);
        let seen = seen.join().unwrap_or_else(|_| Err("the observer panicked".to_owned()));
        written.and(seen)
    })?;
    drop(direct);
    let found = Found::look(folder)?;
    let log = found.read()?;
    let kept = log.stream(0, 0);
    let first = (0..n).find(|n| kept.has(*n)).unwrap_or(n);
    let strays = found.strays.iter().filter(|name| *name != "grabbed").count();
    Ok(json!({
        "samples": seen.samples,
        "most_used": seen.most_used,
        "most_named": seen.most_named,
        "least_free": seen.least_free,
        "longest_below_us": seen.longest_below.as_micros() as u64,
        "files": files,
        "grabs": grabs.load(Ordering::Relaxed),
        "written": n,
        "kept": kept.distinct,
        "gaps": (first..n).filter(|n| !kept.has(*n)).count(),
        "torn": log.torn + log.blank,
        "strays": strays,
        "refused": refused,
    }))
}

fn observe(folder: &Path, stop: &AtomicBool) -> Result<Seen, String> {
    let mut seen = Seen { least_free: u64::MAX, ..Seen::default() };
    let mut below: Option<Instant> = None;
    while !stop.load(Ordering::Acquire) {
        let (all, free) = os::space(folder)?;
        seen.samples += 1;
        seen.most_used = seen.most_used.max(all - free);
        seen.least_free = seen.least_free.min(free);
        if free >= FLOOR {
            below = None;
        } else {
            let since = *below.get_or_insert_with(Instant::now);
            seen.longest_below = seen.longest_below.max(since.elapsed());
        }
        seen.most_named = seen.most_named.max(named_bytes(folder).unwrap_or_default());
        std::thread::sleep(Duration::from_micros(20));
    }
    Ok(seen)
}

/// The lengths of the log and its archives, if none came or went meanwhile: files only grow, so that they
/// have at least that much together in the end.
fn named_bytes(folder: &Path) -> Option<u64> {
    let names = || -> Option<BTreeSet<OsString>> {
        let entries = fs::read_dir(folder).ok()?;
        entries.map(|entry| entry.ok().map(|entry| entry.file_name())).collect()
    };
    let before = names()?;
    let ours = before.iter().filter(|name| name.to_string_lossy().starts_with("app.log"));
    let lengths = ours.map(|name| fs::metadata(folder.join(name)).ok().map(|data| data.len()));
    let sum = lengths.sum::<Option<u64>>()?;
    (names()? == before).then_some(sum)
}

/// Takes room and gives it back.
fn grab(folder: &Path, stop: &AtomicBool, grabs: &AtomicU64) {
    let mut seed = 7;
    let path = folder.join("grabbed");
    while !stop.load(Ordering::Acquire) {
        let bytes = load::random(&mut seed) % (3 * MIB);
        // There is always that much: the sink leaves 4 MiB.
        if fs::write(&path, vec![0; bytes as usize]).is_ok() {
            grabs.fetch_add(1, Ordering::Relaxed);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
