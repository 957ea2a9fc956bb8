//! What is measured, and how one process measures it.

use std::thread;
use std::time::{Duration, Instant};

use super::target::Written;
use crate::allocations;
use crate::figures::{Figures, percentile};
use crate::works::cpu_time;

/// The pause before each burst, in which queues drain.
const PAUSE: Duration = Duration::from_millis(10);
/// Bursts that warm up.
const WARM_UP: u64 = 3;

/// One contender at one task.
#[derive(Clone, Copy)]
pub(super) struct Subject {
    /// `TASK: CONTENDER`.
    pub(super) name: &'static str,
    pub(super) note: &'static str,
    pub(super) start: fn() -> Result<Running, String>,
}

impl Subject {
    pub(super) const fn new(
        name: &'static str,
        note: &'static str,
        start: fn() -> Result<Running, String>,
    ) -> Self {
        Subject { name, note, start }
    }

    /// What stands before the colon.
    pub(super) fn task(&self) -> &'static str {
        self.name.split(": ").next().unwrap_or_default()
    }
}

/// A contender that is set up.
pub(super) struct Running {
    run: Box<dyn FnMut(u64)>,
    /// Calls in a burst.
    burst: u64,
    lines: Option<Lines>,
}

struct Lines {
    written: Written,
    settle: Box<dyn FnMut() -> Result<(), String>>,
}

impl Running {
    /// Something that writes nothing and takes nanoseconds; `run` does it that many times.
    pub(super) fn silent(run: impl FnMut(u64) + 'static) -> Self {
        Running { run: Box::new(run), burst: 50_000, lines: None }
    }

    /// Something that leaves a line each time; `settle` returns when all are written.
    pub(super) fn logging(
        written: &Written,
        settle: impl FnMut() -> Result<(), String> + 'static,
        run: impl FnMut(u64) + 'static,
    ) -> Self {
        let lines = Lines { written: written.clone(), settle: Box::new(settle) };
        Running { run: Box::new(run), burst: 1_000, lines: Some(lines) }
    }

    /// The same burst as of things that log, for what is compared with them.
    pub(super) fn in_short_bursts(mut self) -> Self {
        self.burst = 1_000;
        self
    }

    /// The caller's time in bursts, the processor's by all threads, allocations of the caller, and
    /// bytes of a line.
    pub(super) fn measure(mut self, bursts: u64) -> Result<Figures, String> {
        let mut figures = Figures::default();
        let mut nanos = Vec::new();
        for burst in 0..bursts + WARM_UP {
            if self.lines.is_some() {
                thread::sleep(PAUSE);
            }
            let begin = Instant::now();
            (self.run)(self.burst);
            let time = begin.elapsed().as_nanos() as f64 / self.burst as f64;
            if burst >= WARM_UP {
                nanos.push(time);
            }
        }
        nanos.sort_by(f64::total_cmp);
        figures.set("best_ns", percentile(&nanos, 0.0));
        figures.set("caller_ns", percentile(&nanos, 0.5));

        self.settle()?;
        let before = cpu_time()?;
        for _ in 0..bursts {
            (self.run)(self.burst);
        }
        self.settle()?;
        let used = (cpu_time()? - before).as_nanos() as f64;
        figures.set("cpu_ns", used / (bursts * self.burst) as f64);

        let count = allocations::count(|| (self.run)(self.burst));
        figures.set("allocations", count as f64 / self.burst as f64);
        self.settle()?;
        let calls = (2 * bursts + WARM_UP + 1) * self.burst;
        if let Some(Lines { written, .. }) = &self.lines {
            let lines = written.lines();
            if lines != calls {
                return Err(format!("{lines} lines came out of {calls} calls"));
            }
            figures.set("line_bytes", written.bytes() as f64 / lines as f64);
        }
        Ok(figures)
    }

    fn settle(&mut self) -> Result<(), String> {
        self.lines.as_mut().map_or(Ok(()), |lines| (lines.settle)())
    }
}
