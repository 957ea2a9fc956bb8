//! What all handles of a pipeline share, and the way of a record into the queue.
#![expect(unsafe_code, reason = "threads write their chunks through raw pointers")]

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use prisma_log_core::support::Reporter;
use prisma_log_core::{DropReason, Error, Level};
use slog::OwnedKVList;

use crate::appender::Appender;
use crate::cache::Caches;
use crate::clock::Clock;
use crate::context::{current_context, push_context, push_no_context};
use crate::drops::Drops;
use crate::engine::{Engine, EngineSlot};
use crate::health::RecoveryReport;
use crate::levels::{Levels, Name};
use crate::local::{Local, turn_to, with_local};
use crate::overflow::Overflow;
use crate::segment::ChunkHeader;
use crate::store::Store;
use crate::writer::{Finished, FrameWriter, MIN_ROOM};

/// The worker writes records.
pub(crate) const ASYNC: u8 = 0;
/// There is no worker: each call writes its record itself.
pub(crate) const INLINE: u8 = 1;
/// The worker has gone to sleep for long, and is woken by the next call.
pub(crate) const DROWSY: u8 = 2;

/// Words of the buffer for records of threads without a chunk.
const STACK_WORDS: usize = 256;

pub(crate) struct Shared {
    /// Number of the pipeline in its process, from 1.
    pub(crate) id: u64,
    pub(crate) me: Weak<Shared>,
    pub(crate) max_record_bytes: usize,
    pub(crate) overflow: Overflow,
    pub(crate) clock: Clock,
    pub(crate) levels: Levels,
    pub(crate) drops: Drops,
    pub(crate) reporter: Arc<Reporter>,
    pub(crate) engine: EngineSlot,
    pub(crate) store: Store,
    why_anonymous: Option<String>,
    pub(crate) recovery: RecoveryReport,
    pub(crate) closed: AtomicBool,
    /// Texts of signal handlers that wait in their slots, and those that found none.
    pub(crate) emergencies: AtomicU32,
    pub(crate) emergency_dropped: AtomicU32,
    mode: AtomicU8,
    sequence: AtomicU64,
}

/// What a new pipeline's handles share.
pub(crate) struct Parts {
    pub(crate) max_record_bytes: usize,
    pub(crate) overflow: Overflow,
    pub(crate) clock: Clock,
    pub(crate) levels: Levels,
    pub(crate) reporter: Arc<Reporter>,
    pub(crate) store: Store,
    pub(crate) why_anonymous: Option<String>,
    pub(crate) recovery: RecoveryReport,
}

impl Shared {
    pub(crate) fn new(parts: Parts, engine: Engine) -> Arc<Self> {
        static PIPELINES: AtomicU64 = AtomicU64::new(0);
        Arc::new_cyclic(|me| Shared {
            id: PIPELINES.fetch_add(1, Ordering::Relaxed) + 1,
            me: me.clone(),
            max_record_bytes: parts.max_record_bytes,
            overflow: parts.overflow,
            clock: parts.clock,
            levels: parts.levels,
            drops: Drops::default(),
            reporter: parts.reporter,
            engine: EngineSlot::new(engine),
            store: parts.store,
            why_anonymous: parts.why_anonymous,
            recovery: parts.recovery,
            closed: AtomicBool::new(false),
            emergencies: AtomicU32::new(0),
            emergency_dropped: AtomicU32::new(0),
            mode: AtomicU8::new(ASYNC),
            sequence: AtomicU64::new(0),
        })
    }

    pub(crate) fn why_anonymous(&self) -> Option<String> {
        self.why_anonymous.clone()
    }

    /// Takes numbers for so many records: the first of them. A record gets its number when it is
    /// read from the queue, or dropped.
    pub(crate) fn next_sequences(&self, records: u64) -> u64 {
        self.sequence.fetch_add(records, Ordering::Relaxed) + 1
    }

    pub(crate) fn set_mode(&self, mode: u8) {
        self.mode.store(mode, Ordering::SeqCst);
    }

    /// The mode as this thread sees it.
    #[inline]
    pub(crate) fn mode_hint(&self) -> u8 {
        self.mode.load(Ordering::Relaxed)
    }

    pub(crate) fn mode(&self) -> u8 {
        self.mode.load(Ordering::SeqCst)
    }

    /// Takes a record into the queue.
    pub(crate) fn log(&self, name: &Name, record: &slog::Record<'_>, values: &OwnedKVList) {
        with_local(|local| {
            if local.owner.get() == self.id && !local.busy.get() {
                self.log_in_chunk(local, name, record, values);
            } else {
                self.log_elsewhere(local, name, record, values);
            }
        });
    }

    /// The usual way: into the calling thread's chunk.
    #[inline]
    fn log_in_chunk(
        &self,
        local: &Local,
        name: &Name,
        record: &slog::Record<'_>,
        values: &OwnedKVList,
    ) {
        // A signal handler that logs finds the chunk in use from here on.
        local.busy.set(true);
        let nanos = self.clock.now();
        if local.context.get() != prisma_log_context::version() {
            self.change_context(local);
        }
        if local.end.get().addr() - local.at.get().addr() < MIN_ROOM
            && self.next_chunk(local, Level::from(record.level())).is_none()
        {
            local.busy.set(false);
            return self.log_on_stack(local, name, record, values);
        }
        // SAFETY: null, or the caches of this thread, which live until they are taken out of
        // `local`; while a record is being written nobody changes them.
        let cell: Option<&RefCell<Caches>> = unsafe { local.caches.get().as_ref() };
        let caches = cell.and_then(|cell| cell.try_borrow().ok());
        let mut writer = FrameWriter::in_chunk(self, local, name, record, caches.as_deref());
        local.writer.set(std::ptr::from_mut(&mut writer).addr());
        writer.fields(values);
        let finished = writer.finish(nanos);
        local.writer.set(0);
        if finished.in_chunk {
            commit(local, writer.frame_end());
        } else {
            self.put_elsewhere(local, &finished, &writer, name, record);
        }
        let lesson = writer.lesson(values);
        drop(caches);
        if let Some(lesson) = lesson
            && let Some(Ok(mut caches)) = cell.map(RefCell::try_borrow_mut)
        {
            lesson.learn(&mut caches);
        }
        local.busy.set(false);
        if self.mode_hint() != ASYNC {
            self.see_to_it(local);
        }
    }

    /// The way of a thread that has no chunk here, or is writing a record already: its values log.
    #[cold]
    #[inline(never)]
    fn log_elsewhere(
        &self,
        local: &Local,
        name: &Name,
        record: &slog::Record<'_>,
        values: &OwnedKVList,
    ) {
        if local.in_sink.get() {
            return self.drop_record(name, record, DropReason::Reentrant);
        }
        if !local.busy.get() && self.find_chunk(local) {
            return self.log_in_chunk(local, name, record, values);
        }
        self.log_on_stack(local, name, record, values);
    }

    /// Writes a record outside the thread's chunk, and appends it to a shared stream.
    #[cold]
    #[inline(never)]
    fn log_on_stack(
        &self,
        local: &Local,
        name: &Name,
        record: &slog::Record<'_>,
        values: &OwnedKVList,
    ) {
        let was_busy = local.busy.replace(true);
        let nanos = self.clock.now();
        let mut stack = [0_u64; STACK_WORDS];
        let mut writer = FrameWriter::on_stack(self, local, name, record, &mut stack);
        let outer = local.writer.replace(std::ptr::from_mut(&mut writer).addr());
        writer.fields(values);
        let finished = writer.finish(nanos);
        local.writer.set(outer);
        self.put_elsewhere(local, &finished, &writer, name, record);
        local.busy.set(was_busy);
        if !was_busy && self.mode() != ASYNC {
            self.see_to_it(local);
        }
    }

    /// Puts a finished frame that stands outside the thread's chunk where it belongs.
    #[cold]
    #[inline(never)]
    fn put_elsewhere(
        &self,
        local: &Local,
        finished: &Finished,
        writer: &FrameWriter<'_>,
        name: &Name,
        record: &slog::Record<'_>,
    ) {
        let urgent = Level::from(record.level()) >= Level::Warning;
        let bytes = &writer.bytes()[..finished.len];
        // One that found no room has waited already, if the policy says so.
        let taken = if finished.lost {
            urgent && self.append(local, true, false, bytes)
        } else {
            self.append(local, false, true, bytes)
                || urgent && self.append(local, true, false, bytes)
        };
        if !(taken || urgent && self.evict() && self.append(local, true, false, bytes)) {
            self.drop_record(name, record, DropReason::QueueFull);
        }
    }

    /// Makes room for an urgent record at the cost of the oldest others, if that is the policy.
    fn evict(&self) -> bool {
        let engine = self.engine.get();
        let evicted = match self.overflow {
            Overflow::DropOldest => engine.pool.evict(),
            _ => None,
        };
        evicted.is_some_and(|chunk| {
            self.drop_chunk(engine, chunk);
            true
        })
    }

    fn drop_record(&self, name: &Name, record: &slog::Record<'_>, reason: DropReason) {
        let sequence = self.next_sequences(1);
        let logger = if name.text.is_empty() { record.module() } else { &name.text };
        self.drops.count(logger, record.level().into(), reason, sequence);
        if reason == DropReason::Reentrant {
            let error = Error::state("a sink logs to the pipeline that it is a part of");
            self.reporter.report(logger, &error);
        }
    }

    /// Turns the thread to its chunk in this pipeline, or to a new one.
    fn find_chunk(&self, local: &Local) -> bool {
        let engine = self.engine.after_fork(self);
        turn_to(local, self.id, &self.me, |local| {
            let pool = &engine.pool;
            let Some(stream) = pool.begin_stream(true) else { return false };
            let Some(chunk) = pool.acquire(stream, false) else {
                pool.end_stream(stream);
                return false;
            };
            local.stream.set(stream);
            begin_chunk(local, engine, chunk);
            true
        })
    }

    /// Says that a thread that ended, or left for good, adds nothing to its stream.
    pub(crate) fn end_stream(&self, stream: u32) {
        self.engine.get().pool.end_stream(stream);
    }

    /// Another chunk for the calling thread, with its context at the front: where the frame goes
    /// that the last one had no room for. `None` when there is none, and waiting did not help.
    pub(crate) fn next_chunk(&self, local: &Local, level: Level) -> Option<(*mut u8, *mut u8)> {
        let engine = self.engine.get();
        let stream = local.stream.get();
        let chunk = engine.pool.acquire(stream, false).or_else(|| {
            // Urgent ones go to the reserve.
            if level >= Level::Warning { None } else { self.make_room(engine, stream, false) }
        })?;
        engine.wake_if_filling();
        begin_chunk(local, engine, chunk);
        if prisma_log_context::version() != 0 {
            self.change_context(local);
        }
        Some((local.at.get(), local.end.get()))
    }

    /// What the overflow policy does about a full queue.
    #[cold]
    fn make_room(&self, engine: &Engine, stream: u32, urgent: bool) -> Option<u32> {
        if self.mode() == INLINE {
            engine.write_inline(self);
            return engine.pool.acquire(stream, urgent);
        }
        if let Some(limit) = self.overflow.wait() {
            return engine.pool.wait(stream, urgent, limit, || engine.wake());
        }
        engine.wake();
        if self.overflow == Overflow::DropOldest && !urgent {
            let evicted = engine.pool.evict()?;
            self.drop_chunk(engine, evicted);
            return engine.pool.acquire(stream, false);
        }
        None
    }

    /// Drops what is in an evicted chunk, but for urgent records.
    fn drop_chunk(&self, engine: &Engine, chunk: u32) {
        let mut rescued = Vec::new();
        engine.for_each_dropped(chunk, |logger, head, context, frame| {
            let level = head.level().unwrap_or(Level::Info);
            if level >= Level::Warning {
                rescued.push((context.to_vec(), frame.to_vec(), logger.to_owned(), head));
            } else {
                self.drops.count(logger, level, DropReason::QueueFull, self.next_sequences(1));
            }
        });
        engine.pool.free_evicted(chunk);
        for (context, frame, logger, head) in rescued {
            let mut appender = engine.urgent.lock().unwrap_or_else(PoisonError::into_inner);
            if !append_to(engine, &mut appender, true, &context, &frame, || None) {
                let level = head.level().unwrap_or(Level::Warning);
                self.drops.count(&logger, level, DropReason::QueueFull, self.next_sequences(1));
            }
        }
    }

    /// Appends a frame to a shared stream; whether it found room.
    fn append(&self, local: &Local, urgent: bool, may_wait: bool, frame: &[u8]) -> bool {
        if local.appending.replace(true) {
            // A signal handler that logs while this thread holds the lock.
            return false;
        }
        let engine = self.engine.after_fork(self);
        let context = current_context(self.max_record_bytes);
        let appender: &Mutex<Appender> = if urgent { &engine.urgent } else { &engine.crowd };
        let mut appender = appender.lock().unwrap_or_else(PoisonError::into_inner);
        let stream = appender.stream;
        let taken = append_to(engine, &mut appender, urgent, &context, frame, || {
            if may_wait || urgent { self.make_room(engine, stream, urgent) } else { None }
        });
        drop(appender);
        local.appending.set(false);
        if taken {
            engine.wake_if_filling();
        }
        taken
    }

    /// Puts a frame with the thread's context, or without one, where the next record goes.
    #[cold]
    #[inline(never)]
    fn change_context(&self, local: &Local) {
        // SAFETY: as in `log_in_chunk`.
        let caches = unsafe { local.caches.get().as_ref() };
        let caches = caches.and_then(|cell| cell.try_borrow().ok());
        let scratch = caches.as_ref().and_then(|caches| caches.scratch.try_borrow_mut().ok());
        match scratch {
            Some(mut scratch) => self.put_context(local, &mut scratch),
            None => self.put_context(local, &mut Vec::new()),
        }
    }

    fn put_context(&self, local: &Local, bytes: &mut Vec<u8>) {
        let version = prisma_log_context::version();
        bytes.clear();
        prisma_log_context::with_current(|context| match context {
            Some(context) => push_context(context, self.max_record_bytes, bytes),
            None => push_no_context(bytes),
        });
        if local.end.get().addr() - local.at.get().addr() < bytes.len() {
            // Nothing more goes into this chunk: the next one begins with the context.
            local.end.set(local.at.get());
            return;
        }
        // SAFETY: there is room in the thread's chunk, beyond what is committed.
        unsafe {
            let at = local.at.get();
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), at, bytes.len());
            local.at.set(at.add(bytes.len()));
        }
        local.context.set(version);
    }

    /// Sees to it that a record just queued is written, where the worker does not look by itself:
    /// wakes it, or writes in the calling thread.
    #[cold]
    #[inline(never)]
    pub(crate) fn see_to_it(&self, local: &Local) {
        if self.wakes_up() {
            self.engine.get().wake();
        } else if self.mode() == INLINE && !local.in_sink.get() {
            self.engine.after_fork(self).write_inline(self);
        }
    }

    /// Has the worker sleep until a call wakes it, unless it is not to sleep, or was woken already.
    pub(crate) fn falls_asleep(&self) -> bool {
        self.change_mode(ASYNC, DROWSY)
    }

    /// Ends that; whether it had to be ended.
    pub(crate) fn wakes_up(&self) -> bool {
        self.change_mode(DROWSY, ASYNC)
    }

    fn change_mode(&self, from: u8, to: u8) -> bool {
        self.mode.compare_exchange(from, to, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }
}

/// Appends frames to a shared stream, in another chunk if need be.
pub(crate) fn append_to(
    engine: &Engine,
    appender: &mut Appender,
    urgent: bool,
    context: &[u8],
    frame: &[u8],
    make_room: impl FnOnce() -> Option<u32>,
) -> bool {
    let segment = &engine.pool.segment;
    let mut cleared = Vec::new();
    let mut before = context;
    if context.is_empty() && appender.in_context() {
        push_no_context(&mut cleared);
        before = &cleared;
    }
    if !appender.fits(segment, before.len() + frame.len()) {
        let chunk = engine.pool.acquire(appender.stream, urgent).or_else(make_room);
        let Some(chunk) = chunk else { return false };
        appender.turn_to(chunk);
        if context.is_empty() {
            before = &[];
        }
    }
    appender.append(segment, [before, frame], !context.is_empty());
    true
}

/// Makes the whole frames up to `end` readable: from here on they survive the process.
#[inline]
pub(crate) fn commit(local: &Local, end: *mut u8) {
    local.at.set(end);
    let records = local.records.get() + 1;
    local.records.set(records);
    let base = local.base.get();
    // SAFETY: `base` is the chunk of this thread, which stays mapped while the pipeline's handle
    // that the call came through is there.
    let header = unsafe { &*base.cast::<ChunkHeader>() };
    header.records.store(records, Ordering::Relaxed);
    header.committed.store((end.addr() - base.addr()) as u32, Ordering::Release);
}

fn begin_chunk(local: &Local, engine: &Engine, chunk: u32) {
    let chunk = engine.pool.segment.chunk(chunk);
    local.base.set(chunk.base());
    // SAFETY: a chunk is longer than its header.
    local.at.set(unsafe { chunk.base().add(crate::segment::PAYLOAD_AT as usize) });
    local.end.set(chunk.end());
    local.records.set(0);
    local.context.set(0);
}
