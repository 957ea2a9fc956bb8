//! The queue and its worker: what a process has of its own, and a forked child makes anew.

mod asking;
mod control;
mod current;
mod dropped;
mod generation;
mod run;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread::{JoinHandle, Thread};
use std::time::{Duration, Instant};

use crate::appender::Appender;
use crate::emergency;
use crate::local::with_local;
use crate::notice::Notice;
use crate::os;
use crate::pool::Pool;
use crate::shared::Shared;
use crate::slot::Facts;
use crate::worker::Worker;

pub(crate) use control::Step;
pub(crate) use current::EngineSlot;
pub(crate) use generation::{end_pause, generation, next_generation, pause};

use control::Control;

/// How long a call that writes its record itself waits for others that do.
const INLINE_WAIT: Duration = Duration::from_secs(1);
/// How long a record of the pipeline's own waits for others that put theirs.
const PUT_WAIT: Duration = Duration::from_millis(5);

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

    /// Whether the worker sleeps, and may be roused before its time.
    fn sleeps(&self, on: bool) {
        self.asleep.store(on, Ordering::Relaxed);
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

    /// Writes what is queued, in the calling thread.
    pub(crate) fn write_inline(&self, shared: &Shared) {
        if self.abandoned.load(Ordering::Relaxed) {
            return;
        }
        as_sink(|| {
            let Some(mut worker) = self.worker_until(Instant::now() + INLINE_WAIT) else { return };
            self.collect_emergencies(shared);
            while worker.pass(shared, &self.pool, u64::MAX).more {}
            worker.keep_up(shared);
        });
    }

    fn lock_worker(&self) -> MutexGuard<'_, Worker> {
        self.worker.lock().unwrap_or_else(PoisonError::into_inner)
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
        self.put_in(shared, &[], notice)
    }

    /// The same, in the context of this frame.
    pub(crate) fn put_in(&self, shared: &Shared, context: &[u8], notice: &Notice<'_>) -> bool {
        let taken = self.put_at(context, notice, shared.clock.now());
        if shared.wakes_up() {
            self.wake();
        }
        taken
    }

    fn put_at(&self, context: &[u8], notice: &Notice<'_>, nanos: u64) -> bool {
        let frame = notice.frame(nanos);
        // Who holds it may wait for room that only the worker can make: the worker does not wait.
        let Some(mut appender) = try_for(&self.urgent, Instant::now() + PUT_WAIT) else {
            return false;
        };
        crate::shared::append_to(self, &mut appender, true, context, &frame, || None)
    }

    /// Makes records of what signal handlers left.
    fn collect_emergencies(&self, shared: &Shared) {
        let waiting = shared.emergencies.swap(0, Ordering::AcqRel);
        if waiting > 0 {
            let segment = &self.pool.segment;
            let taken =
                emergency::collect(segment, |notice, nanos| self.put_at(&[], notice, nanos));
            // Those that found no room stay in their slots.
            shared.emergencies.fetch_add(waiting.saturating_sub(taken), Ordering::AcqRel);
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
