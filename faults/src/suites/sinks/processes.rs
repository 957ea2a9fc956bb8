//! Several processes on one file, all of them rotating it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use prisma_log_core::Sink as _;
use prisma_log_file::{Retention, Rotation};
use serde_json::{Value, json};

use super::files::{self, Direct, Found};
use super::{Row, got};
use crate::kid::{Call, Kid, Run};
use crate::lines::Log;
use crate::load;
use crate::needs;
use crate::report::{Section, thousands};

pub(super) static ROW: Row = Row {
    name: "processes",
    faults: "19",
    what: "16 processes write one file and rotate it, 1,000 times each",
    about: "Each process has a sink of its own on the same path, and writes batches of 1 to 8 \
        records into a file that is full after 4 KiB, until the file has been rotated 16 times \
        1,000 times. What is old is taken away meanwhile, as a log shipper does. Every record must be in \
        the files once, whole, and in its writer's order.",
    needs: needs::nothing,
    run,
    child,
};

const PROCESSES: u64 = 16;
const FILE_BYTES: u64 = 4096;
/// More of the shortest lines than go into one file.
const RECORDS_PER_FILE: u64 = 40;

fn run(run: &Run) -> Result<Section, String> {
    let place = run.place("processes")?;
    let rotations = PROCESSES * run.pick(40, 1_000);
    let each = rotations * RECORDS_PER_FILE / PROCESSES;
    let begin = Instant::now();
    let mut kids = Vec::new();
    for writer in 0..PROCESSES {
        let arguments = [writer.to_string(), each.to_string()];
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        kids.push(Kid::start(&place, ROW.name, "writer", &arguments)?);
    }
    let mut taken = Taken::new(&place.dir)?;
    while kids.iter_mut().any(Kid::is_running) {
        taken.take(&files::folder(&place))?;
        std::thread::sleep(Duration::from_millis(20));
    }
    let mut refused = 0;
    for kid in kids {
        refused += got(&kid.wait(Duration::from_secs(900))?.answer()?, "refused");
    }
    let seconds = begin.elapsed().as_secs_f64();
    let found = Found::look(&files::folder(&place))?;
    let mut log = Log::default();
    for file in taken.files.iter().chain(&found.files) {
        files::add_file(&mut log, file)?;
    }
    let archives = found.archives + taken.files.len() as u64;
    let lost = (0..PROCESSES).map(|writer| log.stream(0, writer).missing(each)).sum();
    let mut section = Section::new();
    section.info("records", thousands(PROCESSES * each));
    section.check(
        "rotations",
        format!("≥ {}", thousands(rotations)),
        thousands(archives),
        archives >= rotations,
    );
    section.zero("records lost", lost);
    section.zero("records repeated", log.repeated());
    section.zero("lines interleaved or torn", log.torn + log.blank);
    section.zero("records out of their writer's order", log.disordered());
    section.zero("stray files", found.strays.len() as u64);
    section.zero("batches refused", refused);
    section.info("rotations a second", format!("{:.0}", archives as f64 / seconds));
    Ok(section)
}

/// Archives that were taken out of the folder, oldest first.
struct Taken {
    away: PathBuf,
    files: Vec<PathBuf>,
}

impl Taken {
    /// Archives that stay: a writer that missed a rotation may still write to the newest ones.
    const LEFT: usize = 40;

    fn new(dir: &Path) -> Result<Self, String> {
        let away = dir.join("away");
        fs::create_dir(&away).map_err(|error| error.to_string())?;
        Ok(Taken { away, files: Vec::new() })
    }

    fn take(&mut self, folder: &Path) -> Result<(), String> {
        // Not there before the first process has begun.
        let Ok(found) = Found::look(folder) else { return Ok(()) };
        let archives = found.archives as usize;
        for file in &found.files[..archives.saturating_sub(Self::LEFT)] {
            let to = self.away.join(format!("{:06}", self.files.len()));
            fs::rename(file, &to).map_err(|error| format!("{}: {error}", file.display()))?;
            self.files.push(to);
        }
        Ok(())
    }
}

fn child(call: &Call) -> Result<Value, String> {
    let (writer, each) = (call.number(0)?, call.number(1)?);
    let builder = files::builder(&files::folder(&call.place))
        .rotation(Rotation::new().max_bytes(FILE_BYTES))
        .retention(Retention::new().archives(usize::MAX));
    let mut direct = Direct::new(builder)?;
    let mut seed = writer;
    let mut n = 0;
    let mut refused = 0;
    while n < each {
        let end = (n + 1 + load::random(&mut seed) % 8).min(each);
        refused += direct.insist(0, writer, n..end, Duration::from_secs(60))?;
        n = end;
    }
    direct.sink.flush().map_err(|error| error.to_string())?;
    Ok(json!({ "refused": refused }))
}
