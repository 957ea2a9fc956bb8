//! When the calendar says that the current file is full.

use std::time::{Duration, Instant};

use prisma_log_core::Timestamp;

use crate::fs::Fs;
use crate::schedule::Schedule;

/// Longest sleep until a time on the wall clock: that clock may be set meanwhile.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

/// The time that one file is for.
#[derive(Debug)]
pub(crate) struct Period {
    schedule: Option<Schedule>,
    begun: Timestamp,
    end: Option<Timestamp>,
}

impl Period {
    pub(crate) fn new(schedule: Option<Schedule>) -> Self {
        Period { schedule, begun: Timestamp::UNIX_EPOCH, end: None }
    }

    /// A file's time begins.
    pub(crate) fn begin(&mut self, now: Timestamp) {
        self.begun = now;
        self.end = self.schedule.as_ref().and_then(|schedule| schedule.next_after(now));
    }

    /// Whether the file's time is over.
    pub(crate) fn is_over(&mut self, fs: &dyn Fs) -> bool {
        if self.schedule.is_none() {
            return false;
        }
        let now = fs.wall();
        if now < self.begun {
            // The clock was put back: as if the file were begun now.
            self.begin(now);
        }
        self.end.is_some_and(|end| now >= end)
    }

    /// When to look whether the time is over.
    pub(crate) fn due(&self, fs: &dyn Fs) -> Option<Instant> {
        self.end.map(|end| instant(fs, end))
    }
}

/// When to look at the wall clock next, if something is to be done at `time`.
pub(crate) fn instant(fs: &dyn Fs, time: Timestamp) -> Instant {
    fs.now() + time.saturating_since(fs.wall()).min(LONGEST_SLEEP)
}
