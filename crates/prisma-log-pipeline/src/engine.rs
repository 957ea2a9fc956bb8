//! The queue and its worker: what a process has of its own, and a forked child makes anew.
#![expect(unsafe_code, reason = "the engine in use is behind an atomic pointer")]

use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread::{JoinHandle, Thread};
use std::time::{Duration, Instant};

use prisma_log_core::Error;

use crate::apart::Receipt;
use crate::appender::Appender;
use crate::batch::whole_chunk;
use crate::emergency;
use crate::frame::{CONTEXT, Head};
use crate::local::with_local;
use crate::notice::Notice;
use crate::os;
use crate::pool::Pool;
use crate::reader::logger_of;
use crate::shared::Shared;
use crate::slot::Facts;
use crate::worker::{Passed, Worker};

/// Longest sleep between two batches while records come in: long enough to gather a batch.
const GATHER: Duration = Duration::from_millis(1);
/// How often the clock is renewed and memory made ready.
const TICK: Duration = Duration::from_secs(1);
/// The first tick: the clock can tell the speed of the processor's counter by then.
const FIRST_TICK: Duration = Duration::from_millis(20);
/// After so long without a record, the worker sleeps until a call wakes it. That costs the call some
/// microseconds, which those that come after a short pause do without.
const LONG_SILENCE: Duration = Duration::from_secs(2);
/// How long a call that writes its record itself waits for others that do.
const INLINE_WAIT: Duration = Duration::from_secs(1);
/// How long a record of the pipeline's own waits for others that put theirs.
const PUT_WAIT: Duration = Duration::from_millis(5);

/// Counts the forks between this process and the first of its line.
static GENERATION: AtomicU32 = AtomicU32::new(0);
/// A fork waits for the worker to pause.
static PAUSE: AtomicU32 = AtomicU32::new(0);

pub(crate) fn generation() -> u32 {
    GENERATION.load(Ordering::Acquire)
}

/// In a forked child: everything there is belongs to the parent.
pub(crate) fn next_generation() {
    GENERATION.fetch_add(1, Ordering::AcqRel);
}

/// Asks workers to pause between batches, or to go on.
pub(crate) fn pause(on: bool) {
    if on {
        PAUSE.fetch_add(1, Ordering::AcqRel)
    } else {
        PAUSE.fetch_sub(1, Ordering::AcqRel)
    };
}

pub(crate) fn end_pause() {
    PAUSE.store(0, Ordering::Release);
}

pub(crate) struct Engine {
    generation: u32,
    pub(crate) pool: Arc<Pool>,
    /// The shared stream of threads without a chunk.
    pub(crate) crowd: Mutex<Appender>,
    /// The shared stream of urgent records that the queue has no other room for.
    pub(crate) urgent: Mutex<Appender>,
    pub(crate) worker: Mutex<Worker>,
    /// Drops before this engine began.
    pub(crate) dropped_before: u64,
    /// The sinks, in their order.
    pub(crate) facts: Vec<Arc<Facts>>,
    latency: Duration,
    control: Control,
    asleep: AtomicBool,
    thread: Mutex<Option<(Thread, Option<JoinHandle<()>>)>>,
    /// The worker did not come back in time and was given up.
    abandoned: AtomicBool,
    /// Held by whoever closes the pipeline: the end of the process may come meanwhile.
    pub(crate) closing: Mutex<()>,
}

#[derive(Default)]
struct Control {
    state: Mutex<Wishes>,
    changed: Condvar,
    /// A flush is wanted, or the end.
    wanted: AtomicBool,
}

#[derive(Default)]
struct Wishes {
    asked: u64,
    done: u64,
    deadline: Option<Instant>,
    stop: bool,
    stopped: bool,
    round: Round,
}

/// What the worker's part of a flush came to.
#[derive(Clone, Default)]
struct Round {
    /// Everything was handed to the sinks.
    drained: bool,
    sinks: Vec<Step>,
}

/// How far a sink's flush is.
#[derive(Clone)]
pub(crate) enum Step {
    Done(Option<Arc<Error>>),
    /// The sink's own thread was asked.
    Asked(Receipt),
}

/// What a flush came to: for each sink the error, if there was one.
pub(crate) struct Flushed {
    pub(crate) complete: bool,
    pub(crate) outcomes: Vec<Option<Arc<Error>>>,
}

impl Engine {
    pub(crate) fn new(
        pool: Arc<Pool>,
        worker: Worker,
        facts: Vec<Arc<Facts>>,
        latency: Duration,
        dropped_before: u64,
    ) -> Self {
        let stream = || pool.begin_stream(false).unwrap_or(0);
        Engine {
            generation: generation(),
            crowd: Mutex::new(Appender::new(stream())),
            urgent: Mutex::new(Appender::new(stream())),
            pool,
            worker: Mutex::new(worker),
            dropped_before,
            facts,
            latency,
            control: Control::default(),
            asleep: AtomicBool::new(false),
            thread: Mutex::default(),
            abandoned: AtomicBool::new(false),
            closing: Mutex::default(),
        }
    }

    pub(crate) fn latency(&self) -> Duration {
        self.latency
    }

    /// Starts the worker's thread.
    pub(crate) fn start(&self, shared: &Arc<Shared>) -> std::io::Result<()> {
        let shared = Arc::clone(shared);
        let builder = std::thread::Builder::new().name("prisma-log".into());
        let handle = builder.spawn(move || {
            os::block_signals();
            with_local(|local| local.in_sink.set(true));
            shared.engine.get().run(&shared);
        })?;
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        *thread = Some((handle.thread().clone(), Some(handle)));
        Ok(())
    }

    pub(crate) fn has_thread(&self) -> bool {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        matches!(&*thread, Some((_, Some(_))))
    }

    /// Rouses the worker.
    pub(crate) fn wake(&self) {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((thread, _)) = &*thread {
            thread.unpark();
        }
    }

    /// Rouses the worker when a quarter of the queue is in use: otherwise it comes by itself.
    #[inline]
    pub(crate) fn wake_if_filling(&self) {
        if self.asleep.load(Ordering::Relaxed)
            && self.pool.chunks_in_use() * 4 >= self.pool.segment.sizes.chunks
            && self.asleep.swap(false, Ordering::Relaxed)
        {
            self.wake();
        }
    }

    fn run(&self, shared: &Arc<Shared>) {
        let mut idle = Duration::ZERO;
        let mut last_tick = Instant::now();
        let mut last_record = last_tick;
        let mut tick = FIRST_TICK;
        self.pool.make_ready();
        shared.clock.tick();
        loop {
            while PAUSE.load(Ordering::Acquire) > 0 {
                std::thread::sleep(Duration::from_micros(50));
            }
            if self.control.wanted.load(Ordering::Acquire) && self.obey(shared) {
                return;
            }
            self.collect_emergencies(shared);
            let limit = shared.clock.now();
            let passed = {
                let mut worker = self.worker.lock().unwrap_or_else(PoisonError::into_inner);
                if worker.has_nothing_new(&self.pool) {
                    Passed { records: 0, more: false }
                } else {
                    worker.pass(shared, &self.pool, limit)
                }
            };
            if last_tick.elapsed() >= tick {
                last_tick = Instant::now();
                tick = TICK;
                shared.clock.tick();
                let mut worker = self.worker.lock().unwrap_or_else(PoisonError::into_inner);
                worker.tell(shared, false, |notice| self.put(shared, notice));
            }
            if passed.more {
                idle = Duration::ZERO;
                continue;
            }
            self.pool.make_ready();
            idle = if passed.records > 0 {
                GATHER.min(self.latency)
            } else {
                (idle * 2).clamp(Duration::from_micros(100), self.latency)
            };
            if passed.records > 0 {
                last_record = Instant::now();
            }
            if last_record.elapsed() >= LONG_SILENCE && shared.falls_asleep() {
                self.sleep_until_woken(shared);
                continue;
            }
            self.asleep.store(true, Ordering::Relaxed);
            if !self.control.wanted.load(Ordering::Acquire) {
                std::thread::park_timeout(idle);
            }
            self.asleep.store(false, Ordering::Relaxed);
        }
    }

    /// Sleeps until the next call, or tick: looking every few milliseconds would cost more than all
    /// the rest of an idle program.
    fn sleep_until_woken(&self, shared: &Shared) {
        // From here on every thread sees that it has to wake the worker, or has shown its record.
        let is_seen = os::heavy_fence();
        let nothing_new = {
            let worker = self.worker.lock().unwrap_or_else(PoisonError::into_inner);
            worker.has_nothing_new(&self.pool)
        };
        if nothing_new && !self.control.wanted.load(Ordering::Acquire) {
            // Without the fence a record may go unseen, and waits for as long as ever.
            std::thread::park_timeout(if is_seen { TICK } else { self.latency });
        }
        shared.wakes_up();
    }

    /// Does what is wanted; whether the worker is to end.
    fn obey(&self, shared: &Shared) -> bool {
        let (asked, deadline, stop) = {
            let mut state = self.control.state.lock().unwrap_or_else(PoisonError::into_inner);
            self.control.wanted.store(false, Ordering::Release);
            (state.asked, state.deadline.take(), state.stop)
        };
        let deadline = deadline.unwrap_or_else(Instant::now);
        let round = {
            let mut worker = self.worker.lock().unwrap_or_else(PoisonError::into_inner);
            self.flush_with(shared, &mut worker, deadline)
        };
        let mut state = self.control.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.done = state.done.max(asked);
        state.round = round;
        state.stopped = stop;
        drop(state);
        self.control.changed.notify_all();
        stop
    }

    /// Writes everything that was logged so far, and flushes the sinks; those with a thread of their
    /// own are asked to, and whoever wants the flush waits for them: the worker has others to serve.
    fn flush_with(&self, shared: &Shared, worker: &mut Worker, deadline: Instant) -> Round {
        self.collect_emergencies(shared);
        let mut drained = self.drain(shared, worker, deadline);
        // What was dropped meanwhile is told as well.
        if worker.tell(shared, true, |notice| self.put(shared, notice)) {
            drained &= self.drain(shared, worker, deadline);
        }
        if worker.parked {
            let error = || Error::state("the sinks were at work when the process was forked");
            let sinks = self.facts.iter().map(|_| Step::Done(Some(Arc::new(error()))));
            return Round { drained: false, sinks: sinks.collect() };
        }
        Round { drained, sinks: worker.flush_sinks(shared) }
    }

    /// Writes everything that was logged so far, whatever is logged meanwhile.
    fn drain(&self, shared: &Shared, worker: &mut Worker, deadline: Instant) -> bool {
        let marks = self.pool.marks();
        loop {
            let passed = worker.pass(shared, &self.pool, u64::MAX);
            if worker.is_past(&self.pool, &marks) {
                return true;
            }
            if worker.parked || Instant::now() >= deadline {
                return false;
            }
            // A pass that reads nothing may turn to the next chunk of a stream.
            if passed.records == 0 {
                std::thread::yield_now();
            }
        }
    }

    /// Flushes through the worker, or in the calling thread where there is none.
    pub(crate) fn flush(&self, shared: &Shared, deadline: Instant, stop: bool) -> Flushed {
        if with_local(|local| local.in_sink.get()) {
            return self.not_flushed(|_| "a sink can't wait for itself");
        }
        let Some(round) = self.flush_round(shared, deadline, stop) else {
            return self.not_flushed(|facts| {
                if facts.is_at_work() {
                    "the sink has not come back in time"
                } else {
                    "the queue was not written in time: another sink is at work"
                }
            });
        };
        let mut complete = round.drained;
        let outcome = |step: Step| match step {
            Step::Done(error) => error,
            Step::Asked(receipt) => match receipt.wait(deadline) {
                Some(error) => error,
                None => {
                    complete = false;
                    Some(Arc::new(Error::state("the sink has not come back in time")))
                }
            },
        };
        let outcomes = round.sinks.into_iter().map(outcome).collect();
        Flushed { complete, outcomes }
    }

    fn not_flushed(&self, why: impl Fn(&Facts) -> &'static str) -> Flushed {
        let outcomes = self.facts.iter().map(|facts| Some(Arc::new(Error::state(why(facts)))));
        Flushed { complete: false, outcomes: outcomes.collect() }
    }

    /// The worker's part of a flush; `None` when it was not done in time.
    fn flush_round(&self, shared: &Shared, deadline: Instant, stop: bool) -> Option<Round> {
        if !self.has_thread() {
            return self.flush_inline(shared, deadline);
        }
        let mut state = self.control.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.stopped {
            drop(state);
            return self.flush_inline(shared, deadline);
        }
        state.asked += 1;
        let number = state.asked;
        state.stop |= stop;
        state.deadline = Some(state.deadline.map_or(deadline, |other| other.max(deadline)));
        self.control.wanted.store(true, Ordering::Release);
        drop(state);
        self.wake();
        let mut state = self.control.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if state.done >= number {
                return Some(state.round.clone());
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            let waited = self.control.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn flush_inline(&self, shared: &Shared, deadline: Instant) -> Option<Round> {
        as_sink(|| {
            let mut worker = self.worker_until(deadline)?;
            Some(self.flush_with(shared, &mut worker, deadline))
        })
        .flatten()
    }

    /// Writes what is queued, in the calling thread.
    pub(crate) fn write_inline(&self, shared: &Shared) {
        if self.abandoned.load(Ordering::Relaxed) {
            return;
        }
        as_sink(|| {
            let Some(mut worker) = self.worker_until(Instant::now() + INLINE_WAIT) else { return };
            self.collect_emergencies(shared);
            while worker.pass(shared, &self.pool, u64::MAX).more {}
        });
    }

    pub(crate) fn worker_until(&self, deadline: Instant) -> Option<MutexGuard<'_, Worker>> {
        try_for(&self.worker, deadline)
    }

    /// Waits for the worker's thread, which was told to stop; gives it up at the deadline.
    pub(crate) fn join(&self, deadline: Instant) {
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((_, handle)) = &mut *thread else { return };
        let Some(handle) = handle.take() else { return };
        drop(thread);
        if handle.thread().id() == std::thread::current().id() {
            return;
        }
        while !handle.is_finished() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_micros(200));
        }
        if handle.is_finished() {
            // Whatever sinks raise is contained.
            let _ended = handle.join();
        } else {
            self.abandoned.store(true, Ordering::Relaxed);
        }
    }

    /// Whether nothing is left to be written.
    pub(crate) fn is_empty(&self) -> bool {
        self.pool.is_empty() && self.worker_until(Instant::now()).is_some_and(|w| w.is_idle())
    }

    /// Puts a record of the pipeline's own into the queue; whether it found room.
    pub(crate) fn put(&self, shared: &Shared, notice: &Notice<'_>) -> bool {
        let taken = self.put_at(notice, shared.clock.now());
        if shared.wakes_up() {
            self.wake();
        }
        taken
    }

    fn put_at(&self, notice: &Notice<'_>, nanos: u64) -> bool {
        let frame = notice.frame(nanos);
        // Who holds it may wait for room that only the worker can make: the worker does not wait.
        let Some(mut appender) = try_for(&self.urgent, Instant::now() + PUT_WAIT) else {
            return false;
        };
        crate::shared::append_to(self, &mut appender, true, &[], &frame, || None)
    }

    /// Makes records of what signal handlers left.
    fn collect_emergencies(&self, shared: &Shared) {
        let waiting = shared.emergencies.swap(0, Ordering::AcqRel);
        if waiting > 0 {
            let segment = &self.pool.segment;
            let taken = emergency::collect(segment, |notice, nanos| self.put_at(notice, nanos));
            // Those that found no room stay in their slots.
            shared.emergencies.fetch_add(waiting.saturating_sub(taken), Ordering::AcqRel);
        }
    }

    /// Goes through the records of a chunk that is dropped and that nobody reads any more: those
    /// that not all sinks have taken. `tell` gets the logger, the head, the context's frame and the
    /// record's.
    pub(crate) fn for_each_dropped(
        &self,
        chunk: u32,
        mut tell: impl FnMut(&str, Head, &[u8], &[u8]),
    ) {
        let segment = &self.pool.segment;
        let mut definitions = crate::definitions::Definitions::default();
        definitions.update(segment);
        let (bytes, from) = whole_chunk(segment, chunk, self.pool.read_up_to(chunk));
        let (mut at, mut context) = (0, 0..0);
        while let Some(head) = Head::read(&bytes[at..]) {
            let frame = at..at + head.len as usize;
            if head.has(CONTEXT) {
                context = if head.count == 0 && frame.len() == crate::frame::HEAD_BYTES {
                    0..0
                } else {
                    frame.clone()
                };
            } else if at >= from {
                let logger = logger_of(&definitions, &head, &bytes[frame.clone()]);
                tell(logger, head, &bytes[context.clone()], &bytes[frame.clone()]);
            }
            at = frame.end;
        }
    }
}

/// Locks, unless that takes longer than this.
fn try_for<T>(mutex: &Mutex<T>, deadline: Instant) -> Option<MutexGuard<'_, T>> {
    let mut pause = Duration::from_micros(5);
    loop {
        match mutex.try_lock() {
            Ok(guard) => return Some(guard),
            Err(TryLockError::Poisoned(guard)) => return Some(guard.into_inner()),
            Err(TryLockError::WouldBlock) if Instant::now() >= deadline => return None,
            Err(TryLockError::WouldBlock) => std::thread::sleep(pause),
        }
        pause = (pause * 2).min(Duration::from_millis(1));
    }
}

/// Runs `f` as a sink's driver does: what is logged meanwhile comes from a sink. `None` in one.
fn as_sink<R>(f: impl FnOnce() -> R) -> Option<R> {
    // Busy as well: what a sink logs must not go the usual way, which asks nobody.
    let was_busy = with_local(|local| {
        if local.in_sink.replace(true) { None } else { Some(local.busy.replace(true)) }
    })?;
    struct Leave(bool);
    impl Drop for Leave {
        fn drop(&mut self) {
            with_local(|local| {
                local.in_sink.set(false);
                local.busy.set(self.0);
            });
        }
    }
    let _leave = Leave(was_busy);
    Some(f())
}

/// The engine in use; replaced in a forked child.
pub(crate) struct EngineSlot(AtomicPtr<Engine>);

impl EngineSlot {
    pub(crate) fn new(engine: Engine) -> Self {
        EngineSlot(AtomicPtr::new(Box::into_raw(Box::new(engine))))
    }

    #[inline]
    pub(crate) fn get(&self) -> &Engine {
        // SAFETY: made by `new` or `replace`, and freed with the slot alone.
        unsafe { &*self.0.load(Ordering::Acquire) }
    }

    /// The engine of this process: the parent's is replaced in a forked child's first call.
    #[inline]
    pub(crate) fn after_fork<'a>(&'a self, shared: &'a Shared) -> &'a Engine {
        let engine = self.get();
        if engine.generation == generation() { engine } else { crate::fork::renew(shared) }
    }

    pub(crate) fn is_current(&self) -> bool {
        self.get().generation == generation()
    }

    /// Puts another engine in place. The old one stays, unused: threads of the parent, which the
    /// child does not have, may have been anywhere in it.
    pub(crate) fn replace(&self, engine: Engine) -> &Engine {
        let new = Box::into_raw(Box::new(engine));
        let old = self.0.swap(new, Ordering::AcqRel);
        let _leaked: *mut Engine = old;
        self.get()
    }
}

impl Drop for EngineSlot {
    fn drop(&mut self) {
        // SAFETY: nobody else has the slot any more.
        drop(unsafe { Box::from_raw(self.0.load(Ordering::Acquire)) });
    }
}
