//! A log's folder that is deleted again and again.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;
use std::time::{Duration, Instant};

use memchr::memrchr;
use serde_json::{Value, json};

use super::files;
use super::service::{self, Load};
use super::{Row, got};
use crate::kid::{Call, Run, ask};
use crate::lines::Log;
use crate::needs;
use crate::ours::{self, Options};
use crate::report::{Section, thousands};

pub(super) static ROW: Row = Row {
    name: "folder-gone",
    faults: "16",
    what: "the log's folder is deleted every 50 ms under load",
    about: "Two threads log through the queue while somebody deletes the folder with all that is in \
        it, every other time after renaming it. The deleted files are kept open, and read at the end: \
        each record must have been in a file before that was deleted, or be in one that is there. \
        What went into a deleted file afterwards does not count.",
    needs: needs::nothing,
    run,
    child,
};

fn run(run: &Run) -> Result<Section, String> {
    let place = run.place(ROW.name)?;
    let times: u64 = run.pick(30, 1_000);
    let answer = ask(&place, ROW.name, "service", &[&times.to_string()], Duration::from_secs(900))?;
    let mut section = Section::new();
    section.equals("deletions", times, got(&answer, "deletions"));
    section.info("records", thousands(got(&answer, "logged")));
    section.info("of them deleted with their file", thousands(got(&answer, "deleted")));
    section.zero("records that no file with a name ever held", got(&answer, "lost"));
    section.zero("records repeated in files that are there", got(&answer, "repeated"));
    section.zero("lines torn", got(&answer, "torn"));
    section.zero("records dropped, by the ledger", got(&answer, "dropped"));
    let millis = answer["millis"].as_array().into_iter().flatten().filter_map(Value::as_f64);
    let what = "from the deletion to the next record in a file";
    service::times(&mut section, what, 1000.0, millis.collect());
    Ok(section)
}

/// A file without a name, and how long it was when it lost that.
struct Deleted(File, u64);

fn child(call: &Call) -> Result<Value, String> {
    let place =
        crate::kid::Place { dir: files::folder(&call.place), ring: call.place.ring.clone() };
    let logging = ours::to_file(&place, &Options::default())?;
    let log = logging.logger("gone");
    let load = Load { threads: 2, burst: 10, pause: Duration::from_micros(500) };
    let stop = std::sync::atomic::AtomicBool::new(false);
    let mut deleted = Vec::new();
    let mut millis = Vec::new();
    let times = call.number(0)?;
    let away = call.place.dir.join("renamed");
    let (deletions, logged) = std::thread::scope(|scope| {
        use std::sync::atomic::Ordering;
        let load = scope.spawn(|| load.run(&log, || stop.load(Ordering::Acquire)));
        let mut deletions = || -> Result<u64, String> {
            for number in 0..times {
                std::thread::sleep(Duration::from_millis(50));
                let begin = Instant::now();
                if number % 2 == 0 {
                    delete(&place.dir, &mut deleted)?;
                } else {
                    fs::rename(&place.dir, &away).map_err(text)?;
                    delete(&away, &mut deleted)?;
                }
                millis.push(until_there(&place.log(), begin)?.as_secs_f64() * 1e3);
            }
            Ok(times)
        };
        let deletions = deletions();
        stop.store(true, Ordering::Release);
        (deletions, load.join().unwrap_or_default())
    });
    let deletions = deletions?;
    if !ours::flush(&logging, Duration::from_secs(60)) {
        return Err("a flush of a minute did not get through".to_owned());
    }
    let dropped = ours::counts(&logging, "file").dropped;
    drop(logging);
    let there = files::Found::look(&place.dir)?.read()?;
    let mut gone = Log::default();
    let mut torn = there.torn;
    for Deleted(file, len) in &mut deleted {
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(text)?;
        let mut whole = Log::default();
        whole.add_all(&bytes[..], |_| {}).map_err(text)?;
        torn += whole.torn;
        // The length may have been asked for in the middle of a `write`, of which the kernel shows
        // the beginning before the end is there: such a line does not count, torn or whole.
        bytes.truncate(*len as usize);
        bytes.truncate(memrchr(b'\n', &bytes).map_or(0, |end| end + 1));
        gone.add_all(&bytes[..], |_| {}).map_err(text)?;
    }
    let lost = logged.iter().zip(0..).map(|(count, thread)| {
        let (there, gone) = (there.stream(0, thread), gone.stream(0, thread));
        (0..*count).filter(|n| !there.has(*n) && !gone.has(*n)).count()
    });
    Ok(json!({
        "deletions": deletions,
        "logged": logged.iter().sum::<u64>(),
        "deleted": gone.distinct(),
        "lost": lost.sum::<usize>(),
        "repeated": there.repeated(),
        "torn": torn + there.blank,
        "dropped": dropped,
        "millis": millis,
    }))
}

fn text(error: impl ToString) -> String {
    error.to_string()
}

/// Deletes the folder, and keeps what was in it open.
fn delete(folder: &Path, deleted: &mut Vec<Deleted>) -> Result<(), String> {
    let begin = Instant::now();
    loop {
        for entry in fs::read_dir(folder).map_err(text)? {
            let path = entry.map_err(text)?.path();
            let file = File::open(&path).map_err(text)?;
            fs::remove_file(&path).map_err(text)?;
            let len = file.metadata().map_err(text)?.len();
            deleted.push(Deleted(file, len));
        }
        // The sink may have put a new file there meanwhile.
        match fs::remove_dir(folder) {
            Ok(()) => return Ok(()),
            Err(error) if begin.elapsed() > Duration::from_secs(10) => return Err(text(error)),
            Err(_) => {}
        }
    }
}

/// Waits for a file with something in it.
fn until_there(log: &Path, begin: Instant) -> Result<Duration, String> {
    while fs::metadata(log).map_or(0, |data| data.len()) == 0 {
        if begin.elapsed() > Duration::from_secs(20) {
            return Err("nothing was written for 20 s after a deletion".to_owned());
        }
        std::thread::sleep(Duration::from_micros(100));
    }
    Ok(begin.elapsed())
}
