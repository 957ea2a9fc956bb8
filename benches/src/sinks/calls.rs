//! The time of a log call, by what happens to the file behind it.

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use prisma_log::{Filter, Logging, info};
use prisma_log_file::FileSink;

use super::{Upkeep, median};
use crate::figures::percentile;
use crate::logs::Values;

/// Small, so that rotations follow each other closely.
const FILE_BYTES: u64 = 256 << 10;
/// Calls between two pauses.
const BURST: u64 = 200;
const PAUSE: Duration = Duration::from_millis(2);

/// Calls with one kind of upkeep, by round.
pub(super) struct Calls {
    pub(super) upkeep: Upkeep,
    p50: Vec<f64>,
    p999: Vec<f64>,
    max: Vec<f64>,
    rotations_s: Vec<f64>,
}

impl Calls {
    /// The slowest thousandth begins here.
    pub(super) fn median(&self) -> f64 {
        median(&self.p999)
    }

    pub(super) fn usual(&self) -> f64 {
        median(&self.p50)
    }

    pub(super) fn longest(&self) -> f64 {
        self.max.iter().copied().fold(0.0, f64::max)
    }

    pub(super) fn rotations_a_second(&self) -> f64 {
        median(&self.rotations_s)
    }

    fn round(&mut self, folder: &Path, calls: u64) -> Result<(), String> {
        super::throughput::empty(folder)?;
        let text = |error: prisma_log::Error| error.to_string();
        let path = folder.join("app.log");
        let sink = self.upkeep.apply(FileSink::builder(&path), FILE_BYTES).build().map_err(text)?;
        let logging = Logging::builder()
            .service("bench")
            .sink("file", Filter::default(), sink)
            .build()
            .map_err(text)?;
        let log = logging.logger("bench");
        let clock = quanta::Clock::new();
        let mut nanos = Vec::with_capacity(calls as usize);
        let begin = Instant::now();
        for number in 0..calls {
            let Values { number, millis, method, route, bytes } = Values::of(black_box(number));
            let start = clock.raw();
            info!(log, "request served"; "number" => number, "millis" => millis,
                "method" => method, "route" => route, "bytes" => bytes);
            nanos.push(clock.delta_as_nanos(start, clock.raw()) as f64);
            if number % BURST == BURST - 1 {
                std::thread::sleep(PAUSE);
            }
        }
        if !logging.flush(Duration::from_secs(60)).is_ok() {
            return Err("the records did not get through within a minute".to_owned());
        }
        let seconds = begin.elapsed().as_secs_f64();
        drop(logging);
        nanos.sort_by(f64::total_cmp);
        self.p50.push(percentile(&nanos, 0.5));
        self.p999.push(percentile(&nanos, 0.999));
        self.max.push(percentile(&nanos, 1.0));
        self.rotations_s.push(match self.upkeep {
            Upkeep::None => 0.0,
            // Files are full before they are rotated, but for what a batch would have exceeded.
            _ => calls as f64 * line_bytes(&path)? / FILE_BYTES as f64 / seconds,
        });
        Ok(())
    }
}

/// How long a line of the file is on average.
fn line_bytes(path: &Path) -> Result<f64, String> {
    let bytes = std::fs::read(path).map_err(|error| format!("no log to look at: {error}"))?;
    let lines = memchr::memchr_iter(b'\n', &bytes).count();
    Ok(bytes.len() as f64 / lines.max(1) as f64)
}

/// All kinds of upkeep, none first.
pub(super) fn measure(folder: &Path, quick: bool) -> Result<Vec<Calls>, String> {
    let (rounds, calls) = if quick { (2, 10_000) } else { (15, 100_000) };
    let new = |upkeep| Calls {
        upkeep,
        p50: Vec::new(),
        p999: Vec::new(),
        max: Vec::new(),
        rotations_s: Vec::new(),
    };
    let mut all: Vec<Calls> = Upkeep::ALL.into_iter().map(new).collect();
    for _ in 0..rounds {
        for calls_of_one in &mut all {
            calls_of_one.round(folder, calls)?;
        }
    }
    Ok(all)
}
