//! A service that goes on logging while something happens to its log.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::load;
use crate::ours::{self, Logger, Logging};
use crate::report::{Section, quantile};

/// Threads that log until they are told to stop.
pub(super) struct Load {
    pub(super) threads: u64,
    /// Records between two pauses.
    pub(super) burst: u64,
    pub(super) pause: Duration,
}

impl Load {
    /// Logs as run 0; how many records each thread logged.
    pub(super) fn run(&self, log: &Logger, stop: impl Fn() -> bool + Sync) -> Vec<u64> {
        std::thread::scope(|scope| {
            let thread = |thread| {
                let stop = &stop;
                scope.spawn(move || self.thread(log, thread, stop))
            };
            let threads: Vec<_> = (0..self.threads).map(thread).collect();
            threads.into_iter().map(|thread| thread.join().unwrap_or_default()).collect()
        })
    }

    fn thread(&self, log: &Logger, thread: u64, stop: impl Fn() -> bool) -> u64 {
        let mut n = 0;
        while !stop() {
            while PAUSED.load(Ordering::Acquire) && !stop() {
                sleep(Duration::from_micros(200));
            }
            for _ in 0..self.burst {
                load::record(log, 0, thread, n);
                n += 1;
            }
            sleep(self.pause);
        }
        n
    }
}

static PAUSED: AtomicBool = AtomicBool::new(false);

/// Does something while this process's load is held up and the sink has taken everything.
pub(super) fn in_a_pause<T>(
    logging: &Logging,
    sink: &str,
    what: impl FnOnce() -> Result<T, String>,
) -> Result<T, String> {
    PAUSED.store(true, Ordering::Release);
    // Calls that have begun come to their end.
    sleep(Duration::from_millis(2));
    let begin = Instant::now();
    while ours::counts(logging, sink).in_flight > 0 && begin.elapsed() < Duration::from_secs(10) {
        sleep(Duration::from_micros(200));
    }
    let done = what();
    PAUSED.store(false, Ordering::Release);
    done
}

/// Waits until the sink takes records again, and says how long that took.
pub(super) fn until_delivered(logging: &Logging, sink: &str, limit: Duration) -> Option<Duration> {
    let before = ours::counts(logging, sink).delivered;
    let begin = Instant::now();
    while begin.elapsed() < limit {
        if ours::counts(logging, sink).delivered > before {
            return Some(begin.elapsed());
        }
        sleep(Duration::from_micros(200));
    }
    None
}

/// A time that was measured again and again; longest and usual.
pub(super) fn times(section: &mut Section, what: &str, limit_ms: f64, mut millis: Vec<f64>) {
    section.info(format!("{what}, p50"), format!("{:.0} ms", quantile(&mut millis, 0.5)));
    section.at_most(format!("{what}, longest"), limit_ms, quantile(&mut millis, 1.0), "ms");
}
