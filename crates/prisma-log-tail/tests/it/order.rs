//! Writes, rotations of every kind, looks, checkpoints and kills in any order, one after the other:
//! every line must come exactly once.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use prisma_log_tail::{Checkpoint, Tail};

use crate::support::{Dir, lines, status, stored};

const RUNS: u64 = 1_000;
const STEPS: u32 = 60;
/// As many as are kept open for late writes: older ones are only told apart by what was read of them
/// in the same run.
const ROTATIONS: u32 = 30;

struct World {
    dir: Dir,
    random: fastrand::Rng,
    file: File,
    /// A copy that is being made: the log is cut when it is whole.
    copying: Option<PathBuf>,
    /// Kept open, so that no inode is used again.
    old: Vec<File>,
    written: u32,
    tail: Tail,
    got: Vec<String>,
    saved: (Vec<Checkpoint>, usize),
    /// A file without text was compressed: whether one came between is not to be known then.
    lost_track: bool,
    /// What was done, for the message of a failure.
    story: VecDeque<String>,
}

impl World {
    fn new(seed: u64) -> World {
        let dir = Dir::new();
        let file = append(&dir.path("app.log"));
        let tail = follow(&dir, Vec::new());
        let saved = (stored(&tail), 0);
        World {
            random: fastrand::Rng::with_seed(seed),
            file,
            copying: None,
            old: Vec::new(),
            written: 0,
            tail,
            got: Vec::new(),
            saved,
            lost_track: false,
            story: VecDeque::new(),
            dir,
        }
    }

    fn step(&mut self) {
        match self.random.u32(0..12) {
            0..=3 => self.write(),
            4 | 5 if self.old.len() < ROTATIONS as usize => self.rotate(),
            6..=8 => {
                self.got.extend(lines(&mut self.tail));
                self.tell(format!("look: {} lines in all", self.got.len()));
            }
            9 => {
                self.saved = (stored(&self.tail), self.got.len());
                self.tell("checkpoint".into());
            }
            10 if self.random.bool() => {
                self.got.truncate(self.saved.1);
                self.tail = follow(&self.dir, self.saved.0.clone());
                self.tell(format!("kill: back to {} lines", self.got.len()));
            }
            _ => {}
        }
    }

    fn write(&mut self) {
        let mut text = String::new();
        for _ in 0..self.random.u32(1..6) {
            let _ = writeln!(
                text,
                "{{\"message\":\"a line as long as they are\",\"line\":{:06},\"more\":\"and more\"}}",
                self.written
            );
            self.written += 1;
        }
        self.file.write_all(text.as_bytes()).unwrap();
        self.tell(format!("written up to {}", self.written));
    }

    fn rotate(&mut self) {
        let log = self.dir.path("app.log");
        let to = self.dir.path(&format!("app.log-{}", 2026_1124_0000_0000 + self.old.len() as u64));
        if let Some(copy) = self.copying.take() {
            return if self.random.bool() {
                self.copy_part(copy)
            } else {
                self.copy_and_cut(&copy)
            };
        }
        let how = self.random.u32(0..5);
        match how {
            0 => return self.copy_and_cut(&to),
            4 => return self.copy_part(to),
            _ => {}
        }
        fs::rename(&log, &to).unwrap();
        if how == 1 {
            self.tell("renamed".into());
            self.write();
        }
        let old = std::mem::replace(&mut self.file, append(&log));
        self.old.push(old);
        if how == 2 {
            self.lost_track |= to.metadata().unwrap().len() == 0;
            gzip(&to);
        }
        self.tell(["", "", "rename and gzip", "rename"][how as usize].into());
    }

    fn copy_part(&mut self, to: PathBuf) {
        let text = fs::read(self.dir.path("app.log")).unwrap();
        // Nobody copies some bytes only; nothing is there before the first are.
        let part = self.random.usize(0..=text.len());
        let part = if part < 64 && part < text.len() { 0 } else { part };
        let done = to.metadata().map_or(0, |metadata| metadata.len() as usize);
        let mut copy = append(&to);
        copy.write_all(&text[done..part.max(done)]).unwrap();
        self.tell(format!("{} bytes of a copy", part.max(done)));
        self.copying = Some(to);
    }

    fn copy_and_cut(&mut self, to: &Path) {
        let text = fs::read(self.dir.path("app.log")).unwrap();
        let done = to.metadata().map_or(0, |metadata| metadata.len() as usize);
        append(to).write_all(&text[done..]).unwrap();
        self.file.set_len(0).unwrap();
        self.old.push(File::open(to).unwrap());
        self.tell("copy and truncate".into());
    }

    fn tell(&mut self, what: String) {
        self.story.push_back(what);
    }

    fn end(mut self, seed: u64) {
        // That a file without text was cut may be seen only when there is text.
        self.write();
        self.got.extend(lines(&mut self.tail));
        self.got.sort();
        let numbers: Vec<u32> = self.got.iter().map(|line| line[47..53].parse().unwrap()).collect();
        let expect: Vec<u32> = (0..self.written).collect();
        let missed: Vec<_> = expect.iter().filter(|n| !numbers.contains(n)).collect();
        assert!(
            numbers == expect,
            "seed {seed}: {} of {} lines, missed {missed:?}\n{:#?}\n{numbers:?}",
            numbers.len(),
            self.written,
            self.story
        );
        let gaps = status(&self.tail).gaps;
        assert!(self.lost_track || gaps == 0, "seed {seed}: {gaps} gaps\n{:#?}", self.story);
    }
}

fn append(path: &Path) -> File {
    OpenOptions::new().append(true).create(true).open(path).unwrap()
}

fn follow(dir: &Dir, checkpoints: Vec<Checkpoint>) -> Tail {
    let path: PathBuf = dir.path("app.log");
    // Files are kept open for late writes for longer than a run takes.
    let tail = dir.tail().linger(Duration::from_secs(600)).file(path);
    tail.from_start(true).checkpoints(checkpoints).build().unwrap()
}

fn gzip(path: &Path) {
    let to = File::create(path.with_added_extension("gz")).unwrap();
    let mut encoder = flate2::write::GzEncoder::new(to, flate2::Compression::fast());
    encoder.write_all(&fs::read(path).unwrap()).unwrap();
    encoder.finish().unwrap();
    fs::remove_file(path).unwrap();
}

#[test]
fn every_line_once_whatever_happens_between_two_looks() {
    for seed in 0..RUNS {
        let mut world = World::new(seed);
        for _ in 0..STEPS {
            world.step();
        }
        world.end(seed);
    }
}
