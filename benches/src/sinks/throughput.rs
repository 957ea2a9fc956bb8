//! Bytes a second, by who writes them.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use prisma_log_core::{
    Clock as _, Encoder, Fields, Level, Record, Sink as _, SystemClock, Timestamp,
};
use prisma_log_file::{FileSink, FileSinkBuilder};
use prisma_log_format::JsonEncoder;

use super::{Upkeep, median};
use crate::logs::{MESSAGE, Values};

const BLOCK: usize = 64 << 10;
const FILE_BYTES: u64 = 8 << 20;

/// What one contender reached, by round.
pub(super) struct Speed {
    pub(super) name: String,
    /// None for the bare system call.
    pub(super) upkeep: Option<Upkeep>,
    pub(super) json: bool,
    mb_s: Vec<f64>,
}

impl Speed {
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

    /// Bare blocks; how long it took.
    fn raw(&self, folder: &Path) -> Result<Duration, String> {
        let text = |block: &std::ops::Range<usize>| {
            self.lines[block.clone()].iter().flat_map(|line| [line.as_str(), "\n"]).collect()
        };
        let blocks: Vec<String> = self.blocks.iter().map(text).collect();
        let mut options = OpenOptions::new();
        let file = options.append(true).create_new(true).open(folder.join("app.log"));
        let mut file = file.map_err(|error| error.to_string())?;
        let begin = Instant::now();
        for _ in 0..self.times {
            for block in &blocks {
                file.write_all(block.as_bytes()).map_err(|error| error.to_string())?;
            }
        }
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
    record
}

/// All contenders, the bare system call first.
pub(super) fn measure(folder: &Path, quick: bool) -> Result<Vec<Speed>, String> {
    let (rounds, bytes) = if quick { (3, 8 << 20) } else { (21, 64 << 20) };
    let work = Work::new(bytes);
    let raw = Speed {
        name: "write(2) of 64 KiB".to_owned(),
        upkeep: None,
        json: false,
        mb_s: Vec::new(),
    };
    let mut speeds = vec![raw];
    for json in [false, true] {
        for upkeep in Upkeep::ALL {
            let what = if json { "file sink, JSON encoded" } else { "file sink" };
            let name = format!("{what}, {}", upkeep.name());
            speeds.push(Speed { name, upkeep: Some(upkeep), json, mb_s: Vec::new() });
        }
    }
    for _ in 0..=rounds {
        for speed in &mut speeds {
            empty(folder)?;
            let time = match speed.upkeep {
                None => work.raw(folder)?,
                Some(upkeep) => {
                    let builder = FileSink::builder(folder.join("app.log"));
                    work.sink(upkeep.apply(builder, FILE_BYTES), speed.json)?
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
    fs::create_dir_all(folder).map_err(|error| format!("cannot create {}: {error}", folder.display()))
}
