//! Sinks in threads of their own, those that may block and those in trouble: they delay nobody
//! else.
//!
//! The worker hands over where the frames are, not the frames: they stay in the queue, and are
//! replayed after a crash, until the sink has taken them. Chunks are pinned for as long.

mod driver;
mod entry;
mod share;
mod track;

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use prisma_log_core::support::Reporter;

use crate::batch::Batch;
use crate::definitions::Definitions;
use crate::merge::BATCH_RECORDS;
use crate::pool::Pool;
use crate::slot::{Facts, SharedSink};

pub(crate) use entry::Entry;
pub(crate) use share::{Receipt, Task};

use driver::Driver;
use share::Share;
use track::Track;

/// Batches that may wait for one sink; each has up to 2,048 records.
const WAITING_BATCHES: usize = 2048;
/// How long the worker waits for a sink that has too much waiting, and how often it does so in vain:
/// others are delayed by no more than that.
const GRACE: Duration = Duration::from_millis(20);
const GRACE_INTERVAL: Duration = Duration::from_secs(1);
/// The same for a sink that was the worker's: half of what a fork waits for the worker.
const LOCAL_GRACE: Duration = Duration::from_millis(500);
/// How long the worker waits for what a sink in trouble is being tried with, so that what goes to
/// another one is in order; seldom in vain, too.
const RETURN: Duration = GRACE;
/// How long the end waits for a sink's thread; less for one in a call, which may never come back.
const END_WAIT: Duration = Duration::from_secs(1);
const BUSY_END_WAIT: Duration = Duration::from_millis(200);

/// The worker's end of a sink's thread.
pub(crate) struct Apart {
    pub(crate) sink: SharedSink,
    pool: Arc<Pool>,
    share: Arc<Share>,
    track: Arc<Track>,
    last_grace: Option<Instant>,
    /// Most chunks that may be kept for this sink alone.
    quota: usize,
    /// It was the worker's to drive before it was in trouble: it is not left behind because it is
    /// slow, as it never was.
    pub(crate) was_local: bool,
    thread: JoinHandle<()>,
}

impl Apart {
    /// Starts the sink's thread; without one, the error.
    pub(crate) fn start(
        sink: SharedSink,
        index: usize,
        facts: &Arc<Facts>,
        pool: &Arc<Pool>,
        reporter: &Arc<Reporter>,
    ) -> Result<Self, std::io::Error> {
        let share = Arc::new(Share::default());
        let track = Arc::new(Track::new(Arc::clone(&pool.segment), index));
        let driver = Driver {
            sink: sink.clone(),
            index,
            facts: Arc::clone(facts),
            pool: Arc::clone(pool),
            reporter: Arc::clone(reporter),
            share: Arc::clone(&share),
            track: Arc::clone(&track),
            definitions: Definitions::default(),
            due: None,
        };
        let name = format!("log-{}", facts.name);
        let thread = std::thread::Builder::new().name(name).spawn(move || driver.run())?;
        facts.gets_thread();
        Ok(Apart {
            sink,
            pool: Arc::clone(pool),
            share,
            track,
            last_grace: None,
            quota: (pool.segment.chunk_count() as usize / 4).max(1),
            was_local: false,
            thread,
        })
    }

    /// Hands over a batch of the sink's own, whose chunks are pinned.
    pub(crate) fn put(&self, batch: Batch, handed_to: Vec<u16>) {
        let join = |last: &mut Entry, (batch, handed_to): (Batch, Vec<u16>)| {
            let fits = last.batch.items.len() + batch.items.len() <= BATCH_RECORDS
                && last.handed_to.is_empty() == handed_to.is_empty();
            // Small ones that wait become one: how many may wait is a matter of their bytes.
            if !(fits && Arc::ptr_eq(&last.track, &self.track)) {
                return Err((batch, handed_to));
            }
            self.track.lengthen(last.tracked_as, &batch.chunks);
            last.handed_to.extend(handed_to);
            Ok(last.batch.append(batch))
        };
        let make = |number, (batch, handed_to): (Batch, Vec<u16>)| {
            self.track.begin(number, &batch.chunks);
            let track = Arc::clone(&self.track);
            Entry { number, batch, handed_to, track, tracked_as: number }
        };
        let pinned_twice = self.share.put((batch, handed_to), join, make);
        self.pool.unpin(pinned_twice);
    }

    /// Hands over what waited for another sink.
    pub(crate) fn put_for_another(&self, entry: Entry) {
        let make = |number, entry| Entry { number, ..entry };
        self.share.put(entry, |_, entry| Err(entry), make);
    }

    /// Has the sink wait before it gets its first batch.
    pub(crate) fn begin_with(&self, wait: Duration) {
        self.share.wait_first(wait);
    }

    /// Takes what has waited longest away from the sink.
    pub(crate) fn take_oldest(&mut self) -> Option<Entry> {
        if self.may_wait() && !self.share.await_return(RETURN) {
            self.last_grace = Some(Instant::now());
        }
        self.share.take_oldest()
    }

    /// Whether the sink has asked to be given records again, and is not through with those that wait.
    pub(crate) fn is_in_trouble(&self) -> bool {
        self.share.in_trouble()
    }

    /// Whether the queue is short of room, or will be, and this sink has its share in that.
    pub(crate) fn has_too_much(&self) -> bool {
        if self.share.waiting() >= WAITING_BATCHES {
            return true;
        }
        let (mine, all) = self.pool.retired(|chunk| self.share.needs(chunk));
        let is_short = (self.pool.chunks_left() as usize) < self.quota;
        // Half of the queue is for records that are not read yet, whatever is left just now.
        mine > 0 && all >= 2 * self.quota || is_short && mine > self.quota
    }

    /// Whether waiting for this sink was not in vain lately.
    fn may_wait(&self) -> bool {
        self.last_grace.is_none_or(|last| last.elapsed() >= GRACE_INTERVAL)
    }

    /// Whether the sink has so much of its own that it can't stand in for others.
    pub(crate) fn is_behind(&self) -> bool {
        let mine = || self.pool.retired(|chunk| self.share.needs(chunk)).0;
        self.share.waiting() >= WAITING_BATCHES || mine() > self.quota
    }

    /// Gives the sink a moment to write what it has, now and then in vain.
    pub(crate) fn await_idle(&mut self) {
        let until = Instant::now() + GRACE;
        while self.may_wait() && !self.is_idle() {
            if Instant::now() >= until {
                self.last_grace = Some(Instant::now());
            }
            std::thread::sleep(GRACE / 100);
        }
    }

    /// Waits for a sink that only was not given the processor, now and then: a little, but longer for
    /// one that was the worker's, if calls may wait that long.
    pub(crate) fn catches_up(&mut self, limit: Option<Duration>) -> bool {
        let is_slow =
            if self.was_local { !self.share.is_left_alone() } else { !self.is_in_trouble() };
        if !(is_slow && self.may_wait()) {
            return false;
        }
        let limit = limit.filter(|_| self.was_local).unwrap_or(GRACE);
        let grace = limit.clamp(GRACE, LOCAL_GRACE);
        let until = Instant::now() + grace;
        while Instant::now() < until && !(self.was_local && self.share.is_left_alone()) {
            std::thread::sleep(GRACE / 20);
            if !self.has_too_much() {
                return true;
            }
        }
        self.last_grace = Some(Instant::now());
        false
    }

    /// Asks for something behind everything handed over so far.
    pub(crate) fn ask(&self, task: Task) -> Receipt {
        self.share.ask(task)
    }

    /// Whether everything that was handed over has been through the sink.
    pub(crate) fn is_idle(&self) -> bool {
        self.share.is_idle()
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        self.share.close();
        if self.thread.thread().id() == std::thread::current().id() {
            return;
        }
        // The thread lets go of the segment when it ends: what is left is for the next start.
        let begun = Instant::now();
        let longest = |is_busy| if is_busy { BUSY_END_WAIT } else { END_WAIT };
        while !self.thread.is_finished() && begun.elapsed() < longest(self.share.is_busy()) {
            std::thread::sleep(Duration::from_micros(200));
        }
    }
}

/// Takes a sink over in a forked child, where its thread is gone: `None` when it was at work.
pub(crate) fn take_over(sink: &SharedSink) -> Option<SharedSink> {
    (!sink.is_in_use()).then(|| sink.clone())
}
