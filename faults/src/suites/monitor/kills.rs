//! `kill -9` at random moments while files are rotated in every way.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use prisma_log::monitor::{AlertFilter, Store};
use prisma_log::{Monitor, Rule};
use serde_json::{Value, json};

use super::{Row, got};
use crate::kid::{Call, Kid, Place, Progress, Run, ask};
use crate::load::random;
use crate::needs;
use crate::report::{Section, thousands};

pub(super) static ROW: Row = Row {
    name: "watch-kills",
    faults: "39, 40, 41, 42, 43",
    what: "SIGKILL of the monitor while its files are written and rotated",
    about: "A writer appends numbered lines, also half lines that it ends later, and rotates the file \
        again and again: by rename, by deleting it, by copy and truncate, with gzip of what was \
        rotated away, and with files whose inode is used again. Meanwhile the monitor that counts the \
        lines into alerts, one for each round, is killed after 20 to 220 ms and started again. In the \
        end each alert must have counted each line of its round exactly once, and must have been told \
        once, or again only with the mark that says so. Rotations are 9 ms apart and more: within one \
        tick of the kernel's clock, 4 ms, an inode that is used again can't be told apart.",
    needs: needs::nothing,
    run,
    child,
};

/// Lines of a round: of the time between two kills.
const LINES: u64 = 10_000;
/// So often everything is read to its end, and what was rotated away is removed: their inodes are
/// used again.
const CLEAN_EVERY: u64 = 10;
/// Names of what is rotated away are dates, the later the newer.
const FIRST_ARCHIVE: u64 = 2026_1124_0000_0000;
/// Least time between two rotations: a file of which nothing was read yet can't be told from another
/// that gets its inode within one tick of the kernel's clock, 4 ms.
const TICKS: Duration = Duration::from_millis(9);
const PATIENCE: Duration = Duration::from_secs(120);

fn run(run: &Run) -> Result<Section, String> {
    let place = run.place("watch-kills")?;
    let kills = run.pick(30, 1_000);
    let mut writer = Writer::new(&place)?;
    let mut told = Told::default();
    // A monitor that has never been at the file owes it nothing.
    ask(&place, ROW.name, "watch", &["idle"], PATIENCE)?;
    let mut gaps = 0;
    let mut progress = Progress::new("kills", kills);
    let mut seed = 0x5eed;
    for round in 0..kills {
        let mut kid = Kid::start(&place, ROW.name, "watch", &["forever"])?;
        writer.round(round, 20 + random(&mut seed) % 200)?;
        kid.kill();
        // It was killed, so its end says nothing.
        let _ = kid.wait(PATIENCE)?;
        if round % CLEAN_EVERY == CLEAN_EVERY - 1 {
            gaps += got(&ask(&place, ROW.name, "watch", &["idle"], PATIENCE)?, "gaps");
            told.read(&place)?;
            writer.clean()?;
        }
        progress.at(round);
    }
    writer.end()?;
    let last = ask(&place, ROW.name, "watch", &["idle"], PATIENCE)?;
    told.read(&place)?;
    section(&place, &writer, &told, kills, gaps + got(&last, "gaps"))
}

fn section(
    place: &Place,
    writer: &Writer,
    told: &Told,
    kills: u64,
    gaps: u64,
) -> Result<Section, String> {
    let store = Store::open_existing(place.dir.join("alerts.redb")).map_err(|e| e.to_string())?;
    let alerts = store.list(&AlertFilter::all()).map_err(|e| e.to_string())?;
    let (mut missed, mut twice, mut alerts_twice) = (0, 0, 0);
    for round in 0..kills {
        let name = round.to_string();
        let mine: Vec<u64> = alerts
            .iter()
            .filter(|alert| alert.group.get("round") == Some(&name))
            .map(|alert| alert.count)
            .collect();
        let counted: u64 = mine.iter().sum();
        missed += LINES.saturating_sub(counted);
        twice += counted.saturating_sub(LINES);
        alerts_twice += (mine.len() as u64).saturating_sub(1);
        if counted != LINES {
            eprintln!("  round {round}: counted {counted} of {LINES} lines");
        }
    }
    let mut section = Section::new();
    section.info("kills", kills);
    section.info("lines written", thousands(kills * LINES));
    for (how, times) in HOW.iter().zip(writer.rotations) {
        section.info(format!("rotations: {how}"), times);
    }
    section.info("lines whose end came later", writer.halves);
    section.zero("lines missed", missed);
    section.zero("lines counted twice", twice);
    section.zero("alerts raised twice", alerts_twice);
    section.zero("alerts never told", told.missing(kills));
    section.zero("alerts told again without the mark", told.unmarked);
    section.info("alerts told again with the mark", told.marked);
    section.zero("gaps that the monitor reports", gaps);
    Ok(section)
}

const HOW: [&str; 5] = [
    "rename, with lines written after it",
    "rename and create",
    "copy and truncate",
    "rename and gzip",
    "rename, inodes used again",
];

struct Writer {
    log: PathBuf,
    file: File,
    rotations: [u64; 5],
    archives: u64,
    halves: u64,
    seed: u64,
}

impl Writer {
    fn new(place: &Place) -> Result<Self, String> {
        let log = place.log();
        let file = open(&log)?;
        Ok(Writer { log, file, rotations: [0; 5], archives: 0, halves: 0, seed: 7 })
    }

    /// Writes the lines of a round in about this time, and rotates three to five times.
    fn round(&mut self, round: u64, millis: u64) -> Result<(), String> {
        let parts = 4 + random(&mut self.seed) % 3;
        for part in 0..parts {
            let (from, to) = (LINES * part / parts, LINES * (part + 1) / parts);
            let mut text = String::new();
            for line in from..to {
                text += &format!("{{\"message\":\"work\",\"round\":{round},\"line\":{line}}}\n");
            }
            // What is written at once need not end with a line.
            let cut = 1 + random(&mut self.seed) as usize % (text.len() - 2);
            self.halves += u64::from(text.as_bytes()[cut - 1] != b'\n');
            self.write(&text[..cut])?;
            std::thread::sleep(Duration::from_millis(millis / parts).max(TICKS));
            if part + 1 < parts {
                self.rotate(&text[cut..])?;
            } else {
                self.write(&text[cut..])?;
            }
        }
        Ok(())
    }

    fn write(&mut self, text: &str) -> Result<(), String> {
        self.file.write_all(text.as_bytes()).map_err(|error| format!("writing: {error}"))
    }

    /// Rotates the file in some way, before or after it writes these lines.
    fn rotate(&mut self, text: &str) -> Result<(), String> {
        let how = random(&mut self.seed) as usize % HOW.len();
        self.rotations[how] += 1;
        self.archives += 1;
        let archive = self.log.with_file_name(format!("app.log-{}", FIRST_ARCHIVE + self.archives));
        if how != 0 {
            self.write(text)?;
        }
        let result = match how {
            0 | 1 => fs::rename(&self.log, &archive),
            2 => fs::copy(&self.log, &archive).and_then(|_| self.file.set_len(0)),
            3 => fs::rename(&self.log, &archive).and_then(|()| gzip(&archive)),
            _ => fs::rename(&self.log, &archive).and_then(|()| use_inodes_again(&self.log)),
        };
        result.map_err(|error| format!("{}: {error}", HOW[how]))?;
        if how == 0 {
            self.write(text)?;
        }
        if how != 2 {
            self.file = open(&self.log)?;
        }
        Ok(())
    }

    /// Removes what was rotated away, once it was read.
    fn clean(&mut self) -> Result<(), String> {
        for entry in fs::read_dir(self.log.parent().unwrap_or(Path::new("."))).into_iter().flatten()
        {
            let path = entry.map_err(|error| error.to_string())?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if name.starts_with("app.log-") {
                fs::remove_file(&path).map_err(|error| error.to_string())?;
            }
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), String> {
        self.file.sync_all().map_err(|error| error.to_string())
    }
}

fn open(path: &Path) -> Result<File, String> {
    let file = OpenOptions::new().create(true).append(true).open(path);
    file.map_err(|error| format!("{}: {error}", path.display()))
}

fn gzip(path: &Path) -> std::io::Result<()> {
    let to = path.with_added_extension("gz");
    let mut encoder =
        flate2::write::GzEncoder::new(File::create(&to)?, flate2::Compression::fast());
    std::io::copy(&mut File::open(path)?, &mut encoder)?;
    encoder.finish()?.sync_all()?;
    fs::remove_file(path)
}

/// Makes and removes files, so that the next one is likely to have an inode that was used before.
fn use_inodes_again(log: &Path) -> std::io::Result<()> {
    let other = log.with_file_name("other.tmp");
    for _ in 0..3 {
        fs::write(&other, "{\"message\":\"work\",\"round\":0,\"line\":0}\n")?;
        fs::remove_file(&other)?;
    }
    Ok(())
}

/// What the monitors told, by what they left in their files.
#[derive(Default)]
struct Told {
    rounds: std::collections::BTreeSet<u64>,
    numbers: std::collections::BTreeSet<u64>,
    marked: u64,
    unmarked: u64,
}

impl Told {
    fn read(&mut self, place: &Place) -> Result<(), String> {
        let path = place.dir.join("told");
        let text = fs::read_to_string(&path).map_err(|error| error.to_string())?;
        fs::remove_file(&path).map_err(|error| error.to_string())?;
        // The last line of a killed process may be torn.
        for line in text.lines() {
            let words: Vec<u64> = line.split(' ').filter_map(|word| word.parse().ok()).collect();
            let [number, round, marked, 0] = words[..] else { continue };
            self.rounds.insert(round);
            if !self.numbers.insert(number) {
                self.marked += marked;
                self.unmarked += 1 - marked;
            }
        }
        Ok(())
    }

    fn missing(&self, rounds: u64) -> u64 {
        (0..rounds).filter(|round| !self.rounds.contains(round)).count() as u64
    }
}

fn child(call: &Call) -> Result<Value, String> {
    let forever = call.text(0)? == "forever";
    let rule = Rule::builder("work")
        .message("^work$")
        .group_by(["round"])
        .resolve_after(Duration::from_secs(86_400));
    let mut told = OpenOptions::new()
        .create(true)
        .append(true)
        .open(call.place.dir.join("told"))
        .map_err(|error| error.to_string())?;
    let mut monitor = Monitor::builder()
        .rules([rule.build().map_err(|error| error.to_string())?])
        .file(call.place.log())
        .store(call.place.dir.join("alerts.redb"))
        .from_start(true)
        .on_error(|error| eprintln!("{error}"))
        .on_alert(move |news| {
            let round = news.alert.group.get("round").unwrap_or_default();
            let marked = u8::from(news.redelivered);
            // A line that can't be written is an alert that was not told, which the parent sees.
            let _ = writeln!(told, "{} {round} {marked} 0", news.number);
        });
    if !forever {
        monitor = monitor.until_idle(Duration::from_millis(500));
    }
    let report = monitor.start().and_then(Monitor::wait).map_err(|error| error.to_string())?;
    let gaps: u64 = report.sources.iter().map(|source| source.gaps).sum();
    Ok(json!({ "gaps": gaps, "lines": report.lines }))
}
