//! A writer that appends and rotates at random, a reader that is dropped and resumed at random:
//! every number must come exactly once.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use prisma_log_tail::{Checkpoint, Line, Tail};

use crate::support::Dir;

const RUNS: u64 = 50;
const LINES: u64 = 2_400;
const BACKUPS: u32 = 300;

struct Writer {
    path: PathBuf,
    file: File,
    random: fastrand::Rng,
    backups: u32,
    tag: &'static str,
    /// What may happen to a rotated file.
    compress: Option<fn(&Path)>,
}

impl Writer {
    fn new(path: &Path, seed: u64) -> Writer {
        let file = open(path);
        Writer {
            path: path.into(),
            file,
            random: fastrand::Rng::with_seed(seed),
            backups: 0,
            tag: "",
            compress: None,
        }
    }

    fn run(mut self, lines: u64, rotate_one_in: u64) -> u32 {
        let mut next = 0;
        while next < lines {
            let end = lines.min(next + self.random.u64(1..40));
            let tag = self.tag;
            let batch: String = (next..end)
                .map(|n| format!("{tag}{n} {}\n", "x".repeat(self.random.usize(0..120))))
                .collect();
            next = end;
            // Mostly whole batches, sometimes cut in two anywhere.
            let cut = self.random.usize(0..batch.len());
            let may_cut = tag.is_empty() && self.random.u8(0..4) == 0;
            let cut = if may_cut { cut } else { batch.len() };
            self.file.write_all(&batch.as_bytes()[..cut]).unwrap();
            if cut < batch.len() {
                thread::yield_now();
                self.file.write_all(&batch.as_bytes()[cut..]).unwrap();
            }
            for _ in 0..3 {
                if self.random.u64(0..rotate_one_in) == 0 && self.backups < BACKUPS {
                    self.rotate();
                }
            }
            match self.random.u8(0..20) {
                0 => thread::sleep(Duration::from_micros(self.random.u64(0..1500))),
                1..6 => thread::yield_now(),
                _ => {}
            }
        }
        self.backups
    }

    fn rotate(&mut self) {
        let numbered = |n: u32| PathBuf::from(format!("{}.{n}", self.path.display()));
        for n in (1..=self.backups).rev() {
            if fs::rename(numbered(n), numbered(n + 1)).is_err() {
                fs::rename(packed(&numbered(n)), packed(&numbered(n + 1))).unwrap();
            }
        }
        fs::rename(&self.path, numbered(1)).unwrap();
        self.backups += 1;
        if self.random.bool() {
            thread::yield_now();
        }
        let old = std::mem::replace(&mut self.file, open(&self.path));
        drop(old);
        if let Some(compress) = self.compress
            && self.random.bool()
        {
            let chosen = numbered(self.random.u32(1..=self.backups.min(3)));
            if chosen.exists() {
                compress(&chosen);
            }
        }
    }
}

fn packed(path: &Path) -> PathBuf {
    PathBuf::from(format!("{}.gz", path.display()))
}

fn open(path: &Path) -> File {
    OpenOptions::new().append(true).create(true).open(path).unwrap()
}

#[derive(Default)]
struct Totals {
    lines: u64,
    rotations: u64,
    restarts: u64,
}

fn one_run(seed: u64, totals: &mut Totals, compress: Option<fn(&Path)>) {
    let dir = Dir::new();
    let path = dir.path("app.log");
    let mut random = fastrand::Rng::with_seed(seed ^ 0x5eed);
    let rotate_one_in = [3, 10, 60][random.usize(0..3)];
    let writer = Writer { compress, ..Writer::new(&path, seed) };
    let done = AtomicBool::new(false);
    let started = std::sync::Barrier::new(2);
    let mut seen: Vec<u64> = Vec::new();
    let mut checkpoints: Vec<Vec<u8>> = Vec::new();
    thread::scope(|scope| {
        let (done, started) = (&done, &started);
        let writer = scope.spawn(move || {
            started.wait();
            let rotations = writer.run(LINES, rotate_one_in);
            done.store(true, Ordering::SeqCst);
            rotations
        });
        let mut first = true;
        'restart: loop {
            let stored = checkpoints.iter().map(|bytes| Checkpoint::from_bytes(bytes).unwrap());
            let mut tail = Tail::builder()
                .file(&path)
                .from_start(true)
                .poll_interval(Duration::ZERO)
                .checkpoints(stored)
                .build()
                .unwrap();
            // What is rotated away before the first reader is there is not its business.
            if std::mem::take(&mut first) {
                started.wait();
            }
            loop {
                let last_round = done.load(Ordering::SeqCst);
                let max = if last_round { usize::MAX } else { random.usize(1..300) };
                let mut take = |line: Line<'_>| {
                    assert!(!line.cut);
                    let text = std::str::from_utf8(line.bytes).unwrap();
                    let number = text.split(' ').next().unwrap();
                    seen.push(number.parse().unwrap_or_else(|_| panic!("torn line {text:?}")));
                };
                let outcome = match random.bool() {
                    true => tail.poll_blocks(max, &mut |block| block.lines().for_each(&mut take)),
                    false => tail.poll(max, &mut take),
                };
                // What a monitor does with the lines it commits together with the checkpoint.
                checkpoints = tail.checkpoints().iter().map(Checkpoint::to_bytes).collect();
                if last_round && !outcome.more {
                    let status = &tail.sources()[0];
                    assert_eq!((status.gaps, status.truncations), (0, 0), "seed {seed}");
                    assert_eq!(status.bytes_left, 0, "seed {seed}");
                    break 'restart;
                }
                if random.u8(0..4) == 0 {
                    // Killed after some more lines, which were not committed.
                    let uncommitted = random.usize(0..50);
                    tail.poll(uncommitted, &mut |_| {});
                    totals.restarts += 1;
                    if random.bool() {
                        thread::sleep(Duration::from_micros(random.u64(0..3000)));
                    }
                    continue 'restart;
                }
            }
        }
        totals.rotations += u64::from(writer.join().unwrap());
    });
    let expect: Vec<u64> = (0..LINES).collect();
    if seen != expect {
        let first = seen.iter().zip(&expect).position(|(a, b)| a != b);
        panic!("seed {seed}: {} lines of {LINES}, first wrong at {first:?}", seen.len());
    }
    totals.lines += seen.len() as u64;
}

/// Several writers on one file: one rotates, the others notice it late and write to files that
/// were renamed. Their order among each other is not defined, but no line is lost or repeated.
fn late_writers(seed: u64, totals: &mut Totals) -> u64 {
    const WRITERS: u64 = 3;
    let dir = Dir::new();
    let path = dir.path("app.log");
    let mut random = fastrand::Rng::with_seed(seed ^ 0x1a7e);
    let rotator = Writer::new(&path, seed);
    let running = std::sync::atomic::AtomicU64::new(WRITERS);
    let late = std::sync::atomic::AtomicU64::new(0);
    let mut seen = vec![Vec::new(); WRITERS as usize];
    // The first reader is there before the first rotation.
    let tail = Tail::builder().file(&path).from_start(true).build().unwrap();
    let mut checkpoints: Vec<Vec<u8>> =
        tail.checkpoints().iter().map(Checkpoint::to_bytes).collect();
    drop(tail);
    thread::scope(|scope| {
        let (running, late, path) = (&running, &late, &path);
        scope.spawn(move || {
            let mut rotator = rotator;
            rotator.tag = "0/";
            rotator.run(LINES, 40);
            running.fetch_sub(1, Ordering::SeqCst);
        });
        for writer in 1..WRITERS {
            scope.spawn(move || {
                let mut random = fastrand::Rng::with_seed(seed * 31 + writer);
                let mut file = open(path);
                for n in 0..LINES / 10 {
                    let written = file.metadata().unwrap().ino();
                    let current = fs::metadata(path).map(|metadata| metadata.ino());
                    if current.is_ok_and(|current| current != written) {
                        file = open(path);
                    }
                    thread::sleep(Duration::from_micros(random.u64(0..300)));
                    file.write_all(format!("{writer}/{n} late\n").as_bytes()).unwrap();
                    let moved = fs::metadata(path)
                        .is_ok_and(|now| now.ino() != file.metadata().unwrap().ino());
                    late.fetch_add(u64::from(moved), Ordering::SeqCst);
                }
                running.fetch_sub(1, Ordering::SeqCst);
            });
        }
        'restart: loop {
            let stored = checkpoints.iter().map(|bytes| Checkpoint::from_bytes(bytes).unwrap());
            let tail = Tail::builder().file(path).from_start(true).poll_interval(Duration::ZERO);
            let mut tail = tail.checkpoints(stored).build().unwrap();
            loop {
                let last_round = running.load(Ordering::SeqCst) == 0;
                let outcome = tail.poll(random.usize(1..400), &mut |line| {
                    let text = std::str::from_utf8(line.bytes).unwrap();
                    let (writer, rest) = text.split_once('/').unwrap();
                    let number: u64 = rest.split(' ').next().unwrap().parse().unwrap();
                    seen[writer.parse::<usize>().unwrap()].push(number);
                });
                checkpoints = tail.checkpoints().iter().map(Checkpoint::to_bytes).collect();
                if last_round && !outcome.more {
                    break 'restart;
                }
                if random.u8(0..10) == 0 {
                    totals.restarts += 1;
                    continue 'restart;
                }
            }
        }
    });
    for (writer, numbers) in seen.iter_mut().enumerate() {
        let expect = if writer == 0 { LINES } else { LINES / 10 };
        totals.lines += numbers.len() as u64;
        numbers.sort_unstable();
        let right = numbers.iter().copied().eq(0..expect);
        assert!(right, "seed {seed}, writer {writer}: {} of {expect}", numbers.len());
    }
    late.into_inner()
}

#[test]
fn lines_that_late_writers_write_to_renamed_files_come_once() {
    let mut totals = Totals::default();
    let late: u64 = (0..15).map(|seed| late_writers(seed, &mut totals)).sum();
    println!(
        "late writers: {} lines each seen exactly once, {late} of them written to a renamed file, \
         {} restarts",
        totals.lines, totals.restarts
    );
    assert!(late > 0 && totals.restarts >= 20);
}

#[test]
fn every_line_once_under_rotation_and_restarts() {
    let mut totals = Totals::default();
    for seed in 0..RUNS {
        one_run(seed, &mut totals, None);
    }
    println!(
        "model: {RUNS} runs, {} lines each seen exactly once and in order, {} rotations, {} restarts",
        totals.lines, totals.rotations, totals.restarts
    );
    assert!(totals.lines >= 100_000 && totals.rotations >= 500 && totals.restarts >= 20);
}

#[cfg(all(feature = "gzip", feature = "zstd"))]
#[test]
fn every_line_once_although_rotated_files_are_compressed() {
    let mut totals = Totals::default();
    for seed in 0..RUNS / 2 {
        one_run(seed, &mut totals, Some(crate::archives::compress_in_place));
    }
    println!(
        "archives: {} runs, {} lines each seen exactly once and in order, {} rotations, {} \
         restarts",
        RUNS / 2,
        totals.lines,
        totals.rotations,
        totals.restarts
    );
    assert!(totals.lines >= 50_000 && totals.rotations >= 250 && totals.restarts >= 10);
}
