//! A forked child: it has its parent's memory, but none of its threads.
//!
//! Around the fork the workers pause between two batches, so that the child finds the sinks as no
//! call left them half done. The child's first log call makes it a segment and a worker of its own;
//! what was queued at the fork is the parent's to write.
#![expect(unsafe_code, reason = "guards are kept from one fork handler to the next")]

use std::cell::RefCell;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError, Weak};
use std::time::{Duration, Instant};

use prisma_log_core::{Error, Filter};

use crate::apart::{Apart, take_over};
use crate::drops;
use crate::engine::{self, Engine};
use crate::levels;
use crate::limit;
use crate::local::{forget_places, with_local};
use crate::os;
use crate::pool::Pool;
use crate::registry;
use crate::shared::{ASYNC, INLINE, Shared};
use crate::slot::{Admission, Facts, SinkState, Slot, SlotSink, panicked};
use crate::worker::Worker;

/// How long a fork waits for a worker to finish its batch. A child that was not waited for can't
/// use the sinks: its records stay in its segment, for the next start.
const PATIENCE: Duration = Duration::from_secs(1);

/// All pipelines of the process.
static PIPELINES: Mutex<Vec<Weak<Shared>>> = Mutex::new(Vec::new());
/// Held by whoever gives a child its own engine.
static RENEWAL: Mutex<()> = Mutex::new(());

/// Has forks heed this pipeline, and the end of the process.
pub(crate) fn enlist(shared: &Arc<Shared>) {
    if os::at_fork(prepare, in_parent, in_child) {
        prisma_log_context::forks::are_told();
    }
    let mut pipelines = PIPELINES.lock().unwrap_or_else(PoisonError::into_inner);
    pipelines.retain(|pipeline| pipeline.strong_count() > 0);
    pipelines.push(Arc::downgrade(shared));
}

/// The pipelines of this process; those of a parent that were not used since are left out.
pub(crate) fn pipelines() -> Vec<Arc<Shared>> {
    let pipelines = PIPELINES.lock().unwrap_or_else(PoisonError::into_inner);
    let ours = |shared: &Arc<Shared>| shared.engine.is_current();
    pipelines.iter().filter_map(Weak::upgrade).filter(ours).collect()
}

/// What is held still over a fork.
struct Held {
    /// Above what they borrow from: fields are dropped in their order.
    drops: Vec<drops::Held<'static>>,
    levels: Vec<levels::Held<'static>>,
    workers: Vec<(MutexGuard<'static, Worker>, Arc<Shared>)>,
    others: Vec<Arc<Shared>>,
    _registry: registry::Held,
    _renewal: MutexGuard<'static, ()>,
    _pipelines: MutexGuard<'static, Vec<Weak<Shared>>>,
}

thread_local! {
    static HELD: RefCell<Option<Held>> = const { RefCell::new(None) };
}

extern "C" fn prepare() {
    let pipelines = PIPELINES.lock().unwrap_or_else(PoisonError::into_inner);
    let renewal = RENEWAL.lock().unwrap_or_else(PoisonError::into_inner);
    let registry = registry::hold();
    engine::pause(true);
    let mut held = Held {
        drops: Vec::new(),
        levels: Vec::new(),
        workers: Vec::new(),
        others: Vec::new(),
        _registry: registry,
        _renewal: renewal,
        _pipelines: pipelines,
    };
    let in_sink = with_local(|local| local.in_sink.get());
    let deadline = Instant::now() + PATIENCE;
    let alive: Vec<Arc<Shared>> = held._pipelines.iter().filter_map(Weak::upgrade).collect();
    for shared in alive {
        let guard = if in_sink { None } else { shared.engine.get().worker_until(deadline) };
        // SAFETY: the guard borrows from the engine, which lives as long as `shared`, which is
        // kept beside it and dropped after it; an engine is never moved.
        let guard = guard.map(|guard| unsafe {
            std::mem::transmute::<MutexGuard<'_, Worker>, MutexGuard<'static, Worker>>(guard)
        });
        match guard {
            Some(guard) => held.workers.push((guard, shared)),
            None => held.others.push(shared),
        }
    }
    for shared in held.workers.iter().map(|(_, shared)| shared).chain(&held.others) {
        // SAFETY: as above; `held` drops these first.
        held.drops.push(unsafe {
            std::mem::transmute::<drops::Held<'_>, drops::Held<'static>>(shared.drops.hold())
        });
        // SAFETY: likewise.
        held.levels.push(unsafe {
            std::mem::transmute::<levels::Held<'_>, levels::Held<'static>>(shared.levels.hold())
        });
    }
    // Without thread-local storage, in a thread that is ending, everything is let go again: then the
    // child does without the sinks.
    let _ended = HELD.try_with(|cell| *cell.borrow_mut() = Some(held));
}

extern "C" fn in_parent() {
    let held = HELD.try_with(RefCell::take);
    engine::pause(false);
    drop(held);
}

extern "C" fn in_child() {
    engine::next_generation();
    prisma_log_context::forks::happened();
    let mut held = HELD.try_with(RefCell::take).ok().flatten();
    if let Some(held) = &mut held {
        held.drops.iter_mut().for_each(drops::Held::forget);
        let workers = held.workers.iter().map(|(_, shared)| shared);
        for shared in workers.chain(&held.others) {
            // The lock on the parent's segment must end with the parent.
            let segment = &shared.engine.get().pool.segment;
            for backing in segment.backing.iter().chain(&segment.spill_backing) {
                os::disconnect(&backing.file);
            }
        }
    }
    engine::end_pause();
    forget_places();
    drop(held);
    limit::after_fork();
}

/// Gives a forked child its own segment and worker.
#[cold]
pub(crate) fn renew(shared: &Shared) -> &Engine {
    let _renewal = RENEWAL.lock().unwrap_or_else(PoisonError::into_inner);
    if shared.engine.is_current() {
        return shared.engine.get();
    }
    let old = shared.engine.get();
    let taken = match old.worker.try_lock() {
        Ok(mut worker) => Some(worker.take_sinks()),
        Err(TryLockError::Poisoned(worker)) => Some(worker.into_inner().take_sinks()),
        // It was at work at the fork, and nobody is there to finish.
        Err(TryLockError::WouldBlock) => None,
    };
    let segment = match shared.store.segment(shared.clock.now()) {
        Ok((segment, _)) => Arc::new(segment),
        Err(error) => {
            shared.reporter.report("queue", &error);
            match shared.store.anonymous_segment(shared.clock.now()) {
                Ok(segment) => Arc::new(segment),
                Err(error) => {
                    // No memory is left at all. What is there belongs to the parent: nothing is
                    // taken in any more.
                    shared.reporter.report("queue", &error);
                    shared.levels.set_filter(Filter::off());
                    return old;
                }
            }
        }
    };
    registry::add_segment(&segment);
    let pool = Arc::new(Pool::new(segment));
    let filters = shared.levels.sink_filters();
    let mut slots = Vec::new();
    let mut parked = taken.is_none();
    // Sinks keep what they know of shapes under the numbers that the parent gave them.
    let (taken, shapes) = taken.unwrap_or_default();
    for (index, (slot, filter)) in taken.into_iter().zip(filters).enumerate() {
        let facts = Arc::new(slot.facts.renewed());
        match renew_sink(shared, slot.sink, index, &facts, &pool) {
            Some(sink) => {
                let (admission, fallback) = (Admission::new(filter), slot.fallback);
                slots.push(Slot { facts, admission, sink, fallback });
            }
            None => parked = true,
        }
    }
    let facts = if parked {
        slots.clear();
        let names = old.facts.iter().map(|facts| {
            let facts = Arc::new(facts.renewed());
            facts.set_state(SinkState::Unavailable);
            facts
        });
        names.collect()
    } else {
        slots.iter().map(|slot| Arc::clone(&slot.facts)).collect()
    };
    let mut worker = Worker::new(slots, shapes);
    worker.parked = parked;
    let dropped_before = shared.drops.total();
    // The parent may have closed it: this process has not.
    shared.closed.store(false, Ordering::Release);
    let engine =
        shared.engine.replace(Engine::new(pool, worker, facts, old.latency(), dropped_before));
    let started = shared.me.upgrade().map(|shared| engine.start(&shared));
    let is_async = matches!(started, Some(Ok(())));
    shared.set_mode(if is_async { ASYNC } else { INLINE });
    engine
}

fn renew_sink(
    shared: &Shared,
    sink: SlotSink,
    index: usize,
    facts: &Arc<Facts>,
    pool: &Arc<Pool>,
) -> Option<SlotSink> {
    let report = |outcome: Result<Result<(), Error>, String>| match outcome {
        Ok(Ok(())) => {}
        Ok(Err(error)) => shared.reporter.report(&facts.name, &error),
        Err(reason) => {
            shared.reporter.report(&facts.name, &panicked(&reason));
        }
    };
    match sink {
        SlotSink::Local(sink) => {
            sink.is_forked(report);
            Some(SlotSink::Local(sink))
        }
        SlotSink::Apart(apart) => {
            let (sink, was_local) = (take_over(&apart.sink), apart.was_local);
            // Its locks may be in the hands of a thread that is not here.
            std::mem::forget(apart);
            let sink = sink?;
            sink.is_forked(report);
            let mut apart = Apart::start(sink, index, facts, pool, &shared.reporter).ok()?;
            apart.was_local = was_local;
            Some(SlotSink::Apart(apart))
        }
    }
}
