//! Sinks that may block, each in a thread of its own: a hung one delays nobody else.
//!
//! The worker hands over where the frames are, not the frames: they stay in the queue, and are
//! replayed after a crash, until the sink has taken them. Chunks are pinned for as long.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, TryLockError};
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use prisma_log_core::support::Reporter;
use prisma_log_core::{Error, Sink};

use crate::batch::Batch;
use crate::definitions::Definitions;
use crate::local::with_local;
use crate::pool::Pool;
use crate::reader::Shapes;
use crate::slot::{Facts, SinkState, deliver, flush};

/// Batches that may wait for one sink; each has up to 512 records.
const WAITING_BATCHES: usize = 256;

enum Job {
    Write(Batch),
    /// Flush, and say so under this number.
    Flush(u64),
}

/// The worker's end.
pub(crate) struct Apart {
    jobs: Sender<Job>,
    pub(crate) sink: Arc<Mutex<Box<dyn Sink>>>,
    state: Arc<State>,
    flushes: u64,
    /// Most chunks that may wait for this sink.
    quota: u32,
}

#[derive(Default)]
struct State {
    flushed: Mutex<(u64, Option<Error>)>,
    changed: Condvar,
    /// Chunks pinned by batches that wait.
    pinned: AtomicU32,
    waiting: AtomicU64,
}

impl Apart {
    /// Starts the sink's thread; without one, the error.
    pub(crate) fn start(
        sink: Arc<Mutex<Box<dyn Sink>>>,
        index: usize,
        facts: &Arc<Facts>,
        pool: &Arc<Pool>,
        reporter: &Arc<Reporter>,
    ) -> Result<Self, std::io::Error> {
        let (jobs, receiver) = bounded(WAITING_BATCHES);
        let state = Arc::new(State::default());
        {
            let driver = Driver {
                jobs: receiver,
                sink: Arc::clone(&sink),
                index,
                facts: Arc::clone(facts),
                pool: Arc::clone(pool),
                reporter: Arc::clone(reporter),
                state: Arc::clone(&state),
                definitions: Definitions::default(),
                shapes: Shapes::default(),
            };
            let name = format!("log-{}", facts.name);
            std::thread::Builder::new().name(name).spawn(move || driver.run())?;
        }
        let quota = (pool.segment.sizes.chunks / 4).max(2);
        Ok(Apart { jobs, sink, state, flushes: 0, quota })
    }

    /// Hands a batch over; gives it back when the sink has too much waiting already.
    pub(crate) fn submit(&self, batch: Batch) -> Result<(), Batch> {
        let chunks = batch.chunks.len() as u32;
        // A batch pins its chunks, most of them pinned by its neighbours as well: an estimate that
        // errs on the side of dropping late.
        if self.state.pinned.load(Ordering::Relaxed) > self.quota * 8 {
            return Err(batch);
        }
        self.state.pinned.fetch_add(chunks, Ordering::Relaxed);
        self.state.waiting.fetch_add(1, Ordering::Relaxed);
        match self.jobs.try_send(Job::Write(batch)) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(job) | TrySendError::Disconnected(job)) => {
                self.state.pinned.fetch_sub(chunks, Ordering::Relaxed);
                self.state.waiting.fetch_sub(1, Ordering::Relaxed);
                match job {
                    Job::Write(batch) => Err(batch),
                    Job::Flush(_) => unreachable!("a batch was sent"),
                }
            }
        }
    }

    /// Asks for a flush behind everything submitted so far; its number.
    pub(crate) fn ask_flush(&mut self) -> Option<u64> {
        self.flushes += 1;
        self.jobs.try_send(Job::Flush(self.flushes)).is_ok().then_some(self.flushes)
    }

    /// Waits for a flush that was asked for.
    pub(crate) fn await_flush(&self, number: u64, deadline: Instant) -> Result<(), Error> {
        let mut flushed = self.state.flushed.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if flushed.0 >= number {
                return flushed.1.take().map_or(Ok(()), Err);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Error::state("the sink has not come back in time"));
            }
            let waited = self.state.changed.wait_timeout(flushed, left);
            flushed = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Whether everything that was submitted has been through the sink.
    pub(crate) fn is_idle(&self) -> bool {
        self.state.waiting.load(Ordering::Acquire) == 0
    }
}

struct Driver {
    jobs: Receiver<Job>,
    sink: Arc<Mutex<Box<dyn Sink>>>,
    index: usize,
    facts: Arc<Facts>,
    pool: Arc<Pool>,
    reporter: Arc<Reporter>,
    state: Arc<State>,
    definitions: Definitions,
    shapes: Shapes,
}

impl Driver {
    fn run(mut self) {
        with_local(|local| local.in_sink.set(true));
        while let Ok(job) = self.jobs.recv() {
            match job {
                Job::Write(batch) => self.write(batch),
                Job::Flush(number) => self.flush(number),
            }
        }
    }

    fn write(&mut self, batch: Batch) {
        let segment = &self.pool.segment;
        {
            let mut sink = self.sink.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(position) = sink.position() {
                segment.set_position(self.index, &position);
            }
            self.definitions.update(segment);
            let (records, _) = batch.records(segment, &self.definitions, &mut self.shapes);
            deliver(&self.facts, &self.reporter, &mut **sink, &records);
        }
        batch.advance(segment, self.index);
        self.pool.unpin(batch.chunks.iter().map(|place| place.chunk));
        self.state.pinned.fetch_sub(batch.chunks.len() as u32, Ordering::Relaxed);
        self.state.waiting.fetch_sub(1, Ordering::Release);
    }

    fn flush(&self, number: u64) {
        let outcome = {
            let mut sink = self.sink.lock().unwrap_or_else(PoisonError::into_inner);
            flush(&self.facts, &self.reporter, &mut **sink)
        };
        let mut flushed = self.state.flushed.lock().unwrap_or_else(PoisonError::into_inner);
        *flushed = (number, outcome.err());
        drop(flushed);
        self.state.changed.notify_all();
    }
}

/// Takes a sink over in a forked child, where its thread is gone: `None` when it was at work.
pub(crate) fn take_over(sink: &Arc<Mutex<Box<dyn Sink>>>) -> Option<Arc<Mutex<Box<dyn Sink>>>> {
    match sink.try_lock() {
        Ok(_) => Some(Arc::clone(sink)),
        Err(TryLockError::Poisoned(_)) => Some(Arc::clone(sink)),
        Err(TryLockError::WouldBlock) => None,
    }
}

/// Notes that records for a sink had to be dropped because it does not come back.
pub(crate) fn stalled(facts: &Facts) {
    facts.set_state(SinkState::Stalled);
}
