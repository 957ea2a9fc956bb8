//! Who has which chunk: a lock, taken once for hundreds of records.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::os;
use crate::segment::{PAYLOAD_AT, Segment};

/// Free chunks with pages in place that the worker keeps ready.
const READY: usize = 2;
/// Chunks that a stream has room for from its beginning.
const MOST_ROOM: usize = 64;

pub(crate) struct Pool {
    pub(crate) segment: Arc<Segment>,
    state: Mutex<State>,
    freed: Condvar,
    /// Chunks kept for records at WARNING and above.
    reserve: u32,
    in_use: AtomicU32,
    high_water: AtomicU32,
    waiting: AtomicU32,
    /// Counts what happens to the streams' chunks.
    changes: AtomicU32,
    /// A call has waited in vain since a chunk was last freed.
    stalled: AtomicBool,
}

#[derive(Default)]
struct State {
    /// Free chunks that have been used before, or were made ready; the last used is reused first.
    free: Vec<u32>,
    free_spill: Vec<u32>,
    /// Chunks from here on have never been used: their memory has yet to be taken.
    fresh: u32,
    fresh_spill: u32,
    streams: Vec<Stream>,
    /// Streams that are over.
    vacant: Vec<u32>,
    /// Streams of threads.
    own: u32,
    /// Counts the chunks that were ever handed out.
    order: u32,
    /// Chunks that a slow sink still reads, though they are through.
    pins: Vec<u16>,
    /// Records of each chunk that the worker has read.
    taken: Vec<u32>,
    /// Records that the worker has read in all.
    processed: u64,
    /// Chunks that are through but for their pins.
    retired: Vec<u32>,
    /// Up to where the worker has read each chunk.
    read: Vec<u32>,
}

#[derive(Default)]
struct Stream {
    chunks: VecDeque<u32>,
    /// Nothing will be added.
    ended: bool,
    /// The worker is reading the front.
    claimed: bool,
    own: bool,
    live: bool,
}

/// The front of a stream, for the worker to read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Claim {
    pub(crate) stream: u32,
    pub(crate) chunk: u32,
    /// Nothing will be added to this chunk.
    pub(crate) sealed: bool,
}

/// A place in a stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    pub(crate) stream: u32,
    /// Order of the chunk.
    pub(crate) order: u32,
    /// Up to where the chunk was written.
    pub(crate) committed: u32,
}

impl Pool {
    pub(crate) fn new(segment: Arc<Segment>) -> Self {
        let chunks = segment.chunk_count();
        let reserve = (segment.sizes.chunks / 8).max(1);
        let zeros = || vec![0; chunks as usize];
        let pins = vec![0; chunks as usize];
        let state = State { pins, taken: zeros(), read: zeros(), ..State::default() };
        Pool {
            segment,
            state: Mutex::new(state),
            freed: Condvar::new(),
            reserve,
            in_use: AtomicU32::new(0),
            high_water: AtomicU32::new(0),
            waiting: AtomicU32::new(0),
            // A worker that has looked at nothing yet has something to look at.
            changes: AtomicU32::new(1),
            stalled: AtomicBool::new(false),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A number that another chunk in a stream, or one less, changes.
    pub(crate) fn changes(&self) -> u32 {
        self.changes.load(Ordering::Acquire)
    }

    fn change(&self) {
        self.changes.fetch_add(1, Ordering::Release);
    }

    pub(crate) fn chunks_in_use(&self) -> u32 {
        self.in_use.load(Ordering::Relaxed)
    }

    /// How many chunks nobody has.
    pub(crate) fn chunks_left(&self) -> u32 {
        self.segment.chunk_count().saturating_sub(self.chunks_in_use())
    }

    pub(crate) fn high_water(&self) -> u32 {
        self.high_water.load(Ordering::Relaxed)
    }

    /// Begins a stream. One of a thread of its own is refused once half the chunks are in such
    /// hands: those that fill up must find others.
    pub(crate) fn begin_stream(&self, own: bool) -> Option<u32> {
        let mut state = self.lock();
        if own && state.own >= (self.segment.sizes.chunks / 2).max(1) {
            return None;
        }
        let stream = match state.vacant.pop() {
            Some(vacant) => vacant,
            None => {
                // Streams keep room for all chunks of a usual queue: taking one allocates nothing.
                let mut chunks = VecDeque::new();
                let room = (self.segment.chunk_count() as usize).min(MOST_ROOM);
                if chunks.try_reserve_exact(room).is_err() || state.streams.try_reserve(1).is_err()
                {
                    return None;
                }
                state.streams.push(Stream { chunks, ..Stream::default() });
                (state.streams.len() - 1) as u32
            }
        };
        state.own += u32::from(own);
        let entry = &mut state.streams[stream as usize];
        (entry.own, entry.live, entry.ended) = (own, true, false);
        Some(stream)
    }

    /// Says that nothing will be added to a stream.
    pub(crate) fn end_stream(&self, stream: u32) {
        let mut state = self.lock();
        state.end(stream);
        self.change();
    }

    /// The next chunk of a stream; the one before is sealed by that. `None` when there is none left
    /// for records of this urgency.
    pub(crate) fn acquire(&self, stream: u32, urgent: bool) -> Option<u32> {
        self.give(&mut self.lock(), stream, urgent)
    }

    fn give(&self, state: &mut State, stream: u32, urgent: bool) -> Option<u32> {
        let chunk = self.take(state, urgent)?;
        self.begin(state, stream, chunk);
        Some(chunk)
    }

    fn begin(&self, state: &mut State, stream: u32, chunk: u32) {
        state.order = state.order.wrapping_add(1);
        state.taken[chunk as usize] = 0;
        state.read[chunk as usize] = 0;
        self.segment.chunk(chunk).begin(stream, state.order);
        state.streams[stream as usize].chunks.push_back(chunk);
        self.change();
        let in_use = self.in_use.fetch_add(1, Ordering::Relaxed) + 1;
        self.high_water.fetch_max(in_use, Ordering::Relaxed);
    }

    fn take(&self, state: &mut State, urgent: bool) -> Option<u32> {
        let left = state.free.len() as u32 + (self.segment.sizes.chunks - state.fresh);
        if urgent || left > self.reserve {
            if let Some(chunk) = state.free.pop() {
                return Some(chunk);
            }
            if state.fresh < self.segment.sizes.chunks && self.allocate(state.fresh) {
                state.fresh += 1;
                return Some(state.fresh - 1);
            }
        }
        if let Some(chunk) = state.free_spill.pop() {
            return Some(chunk);
        }
        let spill = self.segment.sizes.chunks + state.fresh_spill;
        if spill < self.segment.chunk_count() && self.allocate(spill) {
            state.fresh_spill += 1;
            return Some(spill);
        }
        None
    }

    /// Takes a chunk's memory from the file system now: writing where there is none left would end
    /// the process.
    fn allocate(&self, chunk: u32) -> bool {
        let (on_disk, at) = self.segment.chunk_place(chunk);
        let backing = if on_disk { &self.segment.spill_backing } else { &self.segment.backing };
        let Some(backing) = backing else { return !on_disk };
        os::reserve(&backing.file, (at + self.segment.sizes.chunk_bytes as usize) as u64).is_ok()
    }

    /// Takes memory for a few chunks ahead, so that no log call has to.
    pub(crate) fn make_ready(&self) {
        let chunk = {
            let mut state = self.lock();
            let fresh = state.fresh;
            if state.free.len() >= READY
                || fresh >= self.segment.sizes.chunks
                || !self.allocate(fresh)
            {
                return;
            }
            state.fresh += 1;
            fresh
        };
        self.segment.populate(chunk);
        self.lock().free.push(chunk);
        self.freed.notify_all();
    }

    /// Waits for a chunk for a stream, for as long as the limit says.
    pub(crate) fn wait(
        &self,
        stream: u32,
        urgent: bool,
        limit: Option<Duration>,
        wake: impl Fn(),
    ) -> Option<u32> {
        if limit.is_some() && self.stalled.load(Ordering::Relaxed) {
            return None;
        }
        let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
        let mut state = self.lock();
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let chunk = loop {
            if let Some(chunk) = self.give(&mut state, stream, urgent) {
                break Some(chunk);
            }
            wake();
            // Looked at again each 100 ms, whatever becomes of the worker.
            let mut longest = Duration::from_millis(100);
            if let Some(deadline) = deadline {
                let left = deadline.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    self.stalled.store(true, Ordering::Relaxed);
                    break None;
                }
                longest = longest.min(left);
            }
            let waited = self.freed.wait_timeout(state, longest);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        };
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        chunk
    }

    /// Takes the oldest full chunk that nobody reads away from its stream.
    pub(crate) fn evict(&self) -> Option<u32> {
        let mut state = self.lock();
        let mut oldest: Option<(u32, usize, usize)> = None;
        for (index, stream) in state.streams.iter().enumerate() {
            // The front may be claimed, the back may be written.
            let from = usize::from(stream.claimed);
            let to = stream.chunks.len() - usize::from(!stream.ended && !stream.chunks.is_empty());
            if from < to && state.pins[stream.chunks[from] as usize] == 0 {
                let order = self.order_of(stream.chunks[from]);
                if oldest.is_none_or(|(least, ..)| order < least) {
                    oldest = Some((order, index, from));
                }
            }
        }
        let (_, index, at) = oldest?;
        let chunk = state.streams[index].chunks.remove(at);
        self.change();
        state.vacate(index as u32);
        chunk
    }

    /// How many records the worker has read, and how many are there to be read.
    pub(crate) fn counts(&self) -> (u64, u64) {
        let state = self.lock();
        let chunks = state.streams.iter().flat_map(|stream| &stream.chunks);
        let unread = chunks.map(|&chunk| {
            let records = self.segment.chunk(chunk).header().records.load(Ordering::Acquire);
            u64::from(records.saturating_sub(state.taken[chunk as usize]))
        });
        (state.processed, unread.sum())
    }

    /// Up to where the streams are written now.
    pub(crate) fn marks(&self) -> Vec<Mark> {
        let state = self.lock();
        let marks = state.streams.iter().enumerate().filter_map(|(stream, entry)| {
            let &chunk = entry.chunks.back()?;
            let order = self.order_of(chunk);
            let committed = self.segment.chunk(chunk).committed();
            Some(Mark { stream: stream as u32, order, committed })
        });
        marks.collect()
    }

    /// Whether a stream has nothing left from before the mark, whoever took it.
    pub(crate) fn is_past(&self, mark: &Mark) -> bool {
        let state = self.lock();
        let front = state.streams[mark.stream as usize].chunks.front();
        front.is_none_or(|&chunk| self.order_of(chunk).wrapping_sub(mark.order) as i32 > 0)
    }

    /// Whether no chunk holds anything that was not read, but for those that threads write now.
    pub(crate) fn is_empty(&self) -> bool {
        let state = self.lock();
        let committed = |chunk: u32| self.segment.chunk(chunk).committed();
        let unread = |chunk: u32| state.read[chunk as usize].max(PAYLOAD_AT) < committed(chunk);
        state.retired.is_empty()
            && !state.streams.iter().flat_map(|stream| &stream.chunks).any(|&chunk| unread(chunk))
    }

    /// Up to where the worker has read a chunk.
    pub(crate) fn read_up_to(&self, chunk: u32) -> u32 {
        self.lock().read[chunk as usize]
    }

    /// How many chunks are there only because sinks of their own threads still read them: those that
    /// `mine` says yes to, and all.
    pub(crate) fn retired(&self, mine: impl Fn(u32) -> bool) -> (usize, usize) {
        let state = self.lock();
        (state.retired.iter().filter(|&&chunk| mine(chunk)).count(), state.retired.len())
    }

    fn order_of(&self, chunk: u32) -> u32 {
        self.segment.chunk(chunk).header().order.load(Ordering::Relaxed)
    }

    /// Gives a chunk that was evicted back.
    pub(crate) fn free_evicted(&self, chunk: u32) {
        let mut state = self.lock();
        self.free(&mut state, chunk);
        drop(state);
        self.tell_freed();
    }

    fn free(&self, state: &mut State, chunk: u32) {
        self.segment.chunk(chunk).free();
        if chunk < self.segment.sizes.chunks {
            state.free.push(chunk);
        } else {
            state.free_spill.push(chunk);
        }
        self.in_use.fetch_sub(1, Ordering::Relaxed);
    }

    fn tell_freed(&self) {
        self.stalled.store(false, Ordering::Relaxed);
        // Not with each chunk: callers that fill one at a time and wait again would take the
        // processor from the worker. They look for themselves now and then.
        let roomy = self.in_use.load(Ordering::Relaxed) * 4 <= self.segment.chunk_count() * 3;
        if roomy && self.waiting.load(Ordering::Relaxed) > 0 {
            self.freed.notify_all();
        }
    }

    /// The fronts of all streams; nobody evicts them until they are given back.
    pub(crate) fn claim(&self, claims: &mut Vec<Claim>) {
        claims.clear();
        let mut state = self.lock();
        for (index, stream) in state.streams.iter_mut().enumerate() {
            if let Some(&chunk) = stream.chunks.front() {
                stream.claimed = true;
                let sealed = stream.ended || stream.chunks.len() > 1;
                claims.push(Claim { stream: index as u32, chunk, sealed });
            }
        }
    }

    /// Gives the claims back; those chunks that are through are freed, or as soon as no sink reads
    /// them.
    pub(crate) fn release(
        &self,
        claims: &[Claim],
        records_read: impl Fn(&Claim) -> u32,
        read_up_to: impl Fn(&Claim) -> u32,
    ) {
        let mut freed = false;
        let mut state = self.lock();
        for claim in claims {
            let read = records_read(claim);
            let before = std::mem::replace(&mut state.taken[claim.chunk as usize], read);
            state.processed += u64::from(read - before);
            let read_up_to = read_up_to(claim);
            state.read[claim.chunk as usize] = read_up_to;
            let stream = &mut state.streams[claim.stream as usize];
            stream.claimed = false;
            if claim.sealed && read_up_to >= self.segment.chunk(claim.chunk).committed() {
                stream.chunks.pop_front();
                self.change();
                if state.pins[claim.chunk as usize] == 0 {
                    self.free(&mut state, claim.chunk);
                    freed = true;
                } else {
                    state.retired.push(claim.chunk);
                }
            }
            state.vacate(claim.stream);
        }
        drop(state);
        if freed {
            self.tell_freed();
        }
    }

    /// Keeps chunks from being freed while a sink of its own thread reads them.
    pub(crate) fn pin(&self, chunks: impl IntoIterator<Item = u32>) {
        let mut state = self.lock();
        for chunk in chunks {
            state.pins[chunk as usize] += 1;
        }
    }

    pub(crate) fn unpin(&self, chunks: impl IntoIterator<Item = u32>) {
        let mut freed = false;
        let mut state = self.lock();
        for chunk in chunks {
            state.pins[chunk as usize] -= 1;
            if state.pins[chunk as usize] == 0
                && let Some(at) = state.retired.iter().position(|&retired| retired == chunk)
            {
                state.retired.swap_remove(at);
                self.free(&mut state, chunk);
                freed = true;
            }
        }
        drop(state);
        if freed {
            self.tell_freed();
        }
    }
}

impl State {
    fn end(&mut self, stream: u32) {
        let entry = &mut self.streams[stream as usize];
        if entry.live && !entry.ended {
            entry.ended = true;
            self.own -= u32::from(entry.own);
            self.vacate(stream);
        }
    }

    /// Makes room for another stream where one is over and read.
    fn vacate(&mut self, stream: u32) {
        let entry = &mut self.streams[stream as usize];
        if entry.live && entry.ended && entry.chunks.is_empty() && !entry.claimed {
            entry.live = false;
            self.vacant.push(stream);
        }
    }
}
