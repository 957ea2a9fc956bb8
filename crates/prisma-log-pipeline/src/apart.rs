//! Sinks that may block, each in a thread of its own: a hung one delays nobody else.
//!
//! The worker hands over where the frames are, not the frames: they stay in the queue, and are
//! replayed after a crash, until the sink has taken them. Chunks are pinned for as long.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use prisma_log_core::support::Reporter;
use prisma_log_core::{Error, Sink};

use crate::batch::Batch;
use crate::definitions::Definitions;
use crate::local::with_local;
use crate::os;
use crate::pool::Pool;
use crate::reader::Shapes;
use crate::slot::{Facts, SinkState, deliver, flush, position};

/// Batches that may wait for one sink; each has up to 2,048 records.
const WAITING_BATCHES: usize = 2048;
/// How long the worker waits for a sink that has too much waiting, and how often it does so in vain:
/// others are delayed by no more than that.
const GRACE: Duration = Duration::from_millis(20);
const GRACE_INTERVAL: Duration = Duration::from_secs(1);

enum Job {
    Write(Batch),
    /// Look for flushes that are wanted.
    Look,
}

/// The worker's end.
pub(crate) struct Apart {
    jobs: Sender<Job>,
    pub(crate) sink: Arc<Mutex<Box<dyn Sink>>>,
    pool: Arc<Pool>,
    state: Arc<State>,
    /// Batches that were handed over so far.
    submitted: u64,
    flushes: u64,
    last_grace: Option<Instant>,
    /// Most chunks that may be kept for this sink alone.
    quota: usize,
}

#[derive(Default)]
struct State {
    flushes: Mutex<Flushes>,
    changed: Condvar,
    /// By how many batches that wait each chunk is needed.
    needed: Mutex<HashMap<u32, u32>>,
    waiting: AtomicU64,
}

#[derive(Default)]
struct Flushes {
    /// Those that are wanted: after how many batches, under which number.
    wanted: VecDeque<(u64, u64)>,
    done: u64,
    outcome: Option<Arc<Error>>,
}

/// A flush that was asked for.
#[derive(Clone)]
pub(crate) struct Receipt {
    state: Arc<State>,
    number: u64,
}

impl Receipt {
    /// Waits for the flush: its error, if it failed. `None` when it was not done in time.
    pub(crate) fn wait(&self, deadline: Instant) -> Option<Option<Arc<Error>>> {
        let mut flushes = self.state.flushes.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if flushes.done >= self.number {
                return Some(flushes.outcome.clone());
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            let waited = self.state.changed.wait_timeout(flushes, left);
            flushes = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
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
                written: 0,
                definitions: Definitions::default(),
                shapes: Shapes::default(),
            };
            let name = format!("log-{}", facts.name);
            std::thread::Builder::new().name(name).spawn(move || driver.run())?;
        }
        Ok(Apart {
            jobs,
            sink,
            pool: Arc::clone(pool),
            state,
            submitted: 0,
            flushes: 0,
            last_grace: None,
            quota: (pool.segment.chunk_count() as usize / 4).max(1),
        })
    }

    /// Hands a batch over; gives it back when the sink has too much waiting already.
    pub(crate) fn submit(&mut self, batch: Batch) -> Result<(), Batch> {
        if self.has_too_much() && !self.catches_up() {
            return Err(batch);
        }
        self.state.note(&batch);
        self.state.waiting.fetch_add(1, Ordering::Relaxed);
        match self.jobs.try_send(Job::Write(batch)) {
            Ok(()) => {
                self.submitted += 1;
                Ok(())
            }
            Err(TrySendError::Full(job) | TrySendError::Disconnected(job)) => {
                self.state.waiting.fetch_sub(1, Ordering::Relaxed);
                match job {
                    Job::Write(batch) => {
                        self.state.done_with(&batch);
                        Err(batch)
                    }
                    Job::Look => unreachable!("a batch was sent"),
                }
            }
        }
    }

    /// Whether the queue is short of room, or will be, and this sink has its share in that.
    fn has_too_much(&self) -> bool {
        let (mine, all) = self.pool.retired(|chunk| self.state.needs(chunk));
        let is_short = (self.pool.chunks_left() as usize) < self.quota;
        // Half of the queue is for records that are not read yet, whatever is left just now.
        mine > 0 && all >= 2 * self.quota || is_short && mine > self.quota
    }

    /// Waits a little, for a sink that only was not given the processor; now and then.
    fn catches_up(&mut self) -> bool {
        if self.last_grace.is_some_and(|last| last.elapsed() < GRACE_INTERVAL) {
            return false;
        }
        let until = Instant::now() + GRACE;
        while Instant::now() < until {
            std::thread::sleep(GRACE / 20);
            if !self.has_too_much() {
                return true;
            }
        }
        self.last_grace = Some(Instant::now());
        false
    }

    /// Asks for a flush behind everything submitted so far.
    pub(crate) fn ask_flush(&mut self) -> Receipt {
        self.flushes += 1;
        let number = self.flushes;
        let mut flushes = self.state.flushes.lock().unwrap_or_else(PoisonError::into_inner);
        flushes.wanted.push_back((self.submitted, number));
        drop(flushes);
        // One that has no room for this is at work, and looks by itself.
        let _busy = self.jobs.try_send(Job::Look);
        Receipt { state: Arc::clone(&self.state), number }
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
    /// Batches that were written so far.
    written: u64,
    definitions: Definitions,
    shapes: Shapes,
}

impl Driver {
    fn run(mut self) {
        os::block_signals();
        with_local(|local| local.in_sink.set(true));
        while let Ok(job) = self.jobs.recv() {
            match job {
                Job::Write(batch) => self.write(batch),
                Job::Look => {}
            }
            self.flush_if_wanted();
        }
    }

    fn write(&mut self, batch: Batch) {
        let segment = &self.pool.segment;
        {
            let mut sink = self.sink.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(position) = position(&**sink) {
                segment.set_position(self.index, &position);
            }
            self.definitions.update(segment);
            let (records, _) = batch.records(segment, &self.definitions, &mut self.shapes);
            deliver(&self.facts, &self.reporter, &mut **sink, &records);
        }
        batch.advance(segment, self.index);
        self.pool.unpin(batch.chunks.iter().map(|place| place.chunk));
        self.state.done_with(&batch);
        self.state.waiting.fetch_sub(1, Ordering::Release);
        self.written += 1;
    }

    fn flush_if_wanted(&self) {
        let mut flushes = self.state.flushes.lock().unwrap_or_else(PoisonError::into_inner);
        let mut number = None;
        while let Some((_, wanted)) =
            flushes.wanted.pop_front_if(|(after, _)| *after <= self.written)
        {
            number = Some(wanted);
        }
        drop(flushes);
        let Some(number) = number else { return };
        let outcome = {
            let mut sink = self.sink.lock().unwrap_or_else(PoisonError::into_inner);
            flush(&self.facts, &self.reporter, &mut **sink)
        };
        let mut flushes = self.state.flushes.lock().unwrap_or_else(PoisonError::into_inner);
        flushes.done = number;
        flushes.outcome = outcome.err().map(Arc::new);
        drop(flushes);
        self.state.changed.notify_all();
    }
}

impl State {
    fn needed(&self) -> MutexGuard<'_, HashMap<u32, u32>> {
        self.needed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn needs(&self, chunk: u32) -> bool {
        self.needed().contains_key(&chunk)
    }

    fn note(&self, batch: &Batch) {
        let mut needed = self.needed();
        for place in &batch.chunks {
            *needed.entry(place.chunk).or_default() += 1;
        }
    }

    fn done_with(&self, batch: &Batch) {
        let mut needed = self.needed();
        for place in &batch.chunks {
            if let Some(count) = needed.get_mut(&place.chunk) {
                *count -= 1;
                if *count == 0 {
                    needed.remove(&place.chunk);
                }
            }
        }
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
