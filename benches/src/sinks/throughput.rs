//! Bytes a second, by who writes them.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use prisma_log_core::{
    Clock as _, Encoder, Fields, Level, Record, Shape, Sink as _, SystemClock, Timestamp,
};
use prisma_log_file::{FileSink, FileSinkBuilder};
use prisma_log_format::JsonEncoder;

use super::{KEPT, Upkeep, median};
use crate::logs::{MESSAGE, Values};

const BLOCK: usize = 64 << 10;
const FILE_BYTES: u64 = 16 << 20;

/// Who writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Writer {
    /// The bare system call.
    Raw,
    /// The sink, with an encoder that hands lines on.
    Lines,
    /// The sink, with its usual encoder.
    Json,
}

/// What one contender reached, by round.
pub(super) struct Speed {
    pub(super) writer: Writer,
    pub(super) upkeep: Upkeep,
    mb_s: Vec<f64>,
}

impl Speed {
    pub(super) fn name(&self) -> String {
        let who = match self.writer {
            Writer::Raw => "write(2) of 64 KiB",
            Writer::Lines => "file sink",
            Writer::Json => "file sink, JSON encoded",
        };
        format!("{who}, {}", self.upkeep.name())
    }

    /// The part of the other's speed, round by round: what disturbs one disturbs the other.
    pub(super) fn part_of(&self, other: &Speed) -> f64 {
        let parts: Vec<f64> =
            self.mb_s.iter().zip(&other.mb_s).map(|(one, other)| one / other).collect();
        median(&parts)
    }

    pub(super) fn median(&self) -> f64 {
        median(&self.mb_s)
    }

    pub(super) fn best(&self) -> f64 {
        self.mb_s.iter().copied().fold(0.0, f64::max)
    }
}

/// The records, and the lines that they make, in batches of a block.
struct Work {
    now: Timestamp,
    fields: Vec<Fields>,
    lines: Vec<String>,
    /// Records of each block.
    blocks: Vec<std::ops::Range<usize>>,
    /// How often all of it is written.
    times: usize,
}

impl Work {
    fn new(bytes: usize) -> Self {
        let now = SystemClock.now();
        let mut encoder = JsonEncoder::new();
        let (mut fields, mut lines, mut blocks) = (Vec::new(), Vec::new(), Vec::new());
        // One MiB, again and again: what matters is not how memory is read.
        while blocks.len() < 16 {
            let first = lines.len();
            let mut len = 0;
            while len < BLOCK {
                fields.push(values(lines.len() as u64));
                let mut line = Vec::new();
                if let Some(fields) = fields.last() {
                    encoder.encode(&record(now, MESSAGE, fields), &mut line);
                }
                len += line.len() + 1;
                lines.push(String::from_utf8_lossy(&line).into_owned());
            }
            blocks.push(first..lines.len());
        }
        let size: usize = lines.iter().map(|line| line.len() + 1).sum();
        Work { now, fields, lines, blocks, times: bytes.div_ceil(size) }
    }

    fn bytes(&self) -> usize {
        self.times * self.lines.iter().map(|line| line.len() + 1).sum::<usize>()
    }

    /// Bare blocks; how long it took. Rotated, each file is renamed when it is full, and the fifth
    /// last deleted.
    fn raw(&self, folder: &Path, upkeep: Upkeep) -> Result<Duration, String> {
        let text = |block: &std::ops::Range<usize>| {
            self.lines[block.clone()].iter().flat_map(|line| [line.as_str(), "\n"]).collect()
        };
        let blocks: Vec<String> = self.blocks.iter().map(text).collect();
        let current = folder.join("app.log");
        let archive = |number: usize| folder.join(format!("app.log.{number}"));
        let mut options = OpenOptions::new();
        options.append(true).create_new(true);
        let write = || -> std::io::Result<()> {
            let mut file = options.open(&current)?;
            let (mut len, mut archives) = (0, 0);
            for block in (0..self.times).flat_map(|_| &blocks) {
                if upkeep != Upkeep::None && len + block.len() as u64 > FILE_BYTES {
                    fs::rename(&current, archive(archives))?;
                    archives += 1;
                    if archives > KEPT {
                        fs::remove_file(archive(archives - KEPT - 1))?;
                    }
                    (file, len) = (options.open(&current)?, 0);
                }
                file.write_all(block.as_bytes())?;
                len += block.len() as u64;
            }
            Ok(())
        };
        let begin = Instant::now();
        write().map_err(|error| error.to_string())?;
        Ok(begin.elapsed())
    }

    /// The same by a sink.
    fn sink(&self, builder: FileSinkBuilder, json: bool) -> Result<Duration, String> {
        let record = |at: usize| match json {
            true => record(self.now, MESSAGE, &self.fields[at]),
            // The encoder hands on what stands here.
            false => Record::new(self.now, Level::Info, "bench", &self.lines[at]),
        };
        let batches: Vec<Vec<Record<'_>>> =
            self.blocks.iter().map(|block| block.clone().map(record).collect()).collect();
        let builder = if json { builder } else { builder.encoder(Lines) };
        let mut sink = builder.build().map_err(|error| error.to_string())?;
        let begin = Instant::now();
        for _ in 0..self.times {
            for batch in &batches {
                sink.write(batch).map_err(|error| error.error.to_string())?;
            }
        }
        sink.flush().map_err(|error| error.to_string())?;
        Ok(begin.elapsed())
    }
}

/// Hands the message on, as it is.
struct Lines;

impl Encoder for Lines {
    fn encode(&mut self, record: &Record<'_>, out: &mut Vec<u8>) {
        out.extend_from_slice(record.message.as_bytes());
    }
}

fn values(number: u64) -> Fields {
    let Values { number, millis, method, route, bytes } = Values::of(number);
    let mut fields = Fields::new();
    fields.push("number", number);
    fields.push("millis", millis);
    fields.push("method", method);
    fields.push("route", route);
    fields.push("bytes", bytes);
    fields
}

fn record<'a>(now: Timestamp, message: &'a str, fields: &'a Fields) -> Record<'a> {
    let mut record = Record::new(now, Level::Info, "bench", message);
    record.fields = fields.as_ref();
    // As from one call site.
    record.shape = Shape::new(1);
    record.message_is_constant = true;
    record
}

/// All contenders, the bare system call on one file first.
pub(super) fn measure(folder: &Path, quick: bool) -> Result<Vec<Speed>, String> {
    let (rounds, bytes) = if quick { (3, 8 << 20) } else { (41, 64 << 20) };
    let work = Work::new(bytes);
    let contenders = [
        (Writer::Raw, Upkeep::None),
        (Writer::Lines, Upkeep::None),
        (Writer::Json, Upkeep::None),
        (Writer::Raw, Upkeep::Rotation),
        (Writer::Lines, Upkeep::Rotation),
        (Writer::Json, Upkeep::Rotation),
        (Writer::Lines, Upkeep::Compression),
        (Writer::Json, Upkeep::Compression),
    ];
    let new = |(writer, upkeep)| Speed { writer, upkeep, mb_s: Vec::new() };
    let mut speeds: Vec<Speed> = contenders.into_iter().map(new).collect();
    for _ in 0..=rounds {
        for speed in &mut speeds {
            empty(folder)?;
            let time = match speed.writer {
                Writer::Raw => work.raw(folder, speed.upkeep)?,
                writer => {
                    let builder = FileSink::builder(folder.join("app.log"));
                    work.sink(speed.upkeep.apply(builder, FILE_BYTES), writer == Writer::Json)?
                }
            };
            speed.mb_s.push(work.bytes() as f64 / 1e6 / time.as_secs_f64());
        }
    }
    for speed in &mut speeds {
        // The first round warms up.
        speed.mb_s.remove(0);
    }
    Ok(speeds)
}

/// Makes the folder anew, once nothing is compressed in it any more.
pub(super) fn empty(folder: &Path) -> Result<(), String> {
    let begin = Instant::now();
    let busy = || {
        let names = fs::read_dir(folder).into_iter().flatten().flatten();
        names.map(|entry| entry.file_name()).any(|name| name.to_string_lossy().ends_with(".tmp"))
    };
    while busy() && begin.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_millis(5));
    }
    // Absent the first time.
    let _absent = fs::remove_dir_all(folder);
    fs::create_dir_all(folder)
        .map_err(|error| format!("cannot create {}: {error}", folder.display()))
}
