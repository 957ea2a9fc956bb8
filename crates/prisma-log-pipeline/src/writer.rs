//! Writes one record into a frame, in one pass.
#![expect(unsafe_code, reason = "frames are written through raw pointers into shared memory")]

mod call;
mod compare;
mod lesson;
mod site;
mod text;

pub use site::Cursor;

use std::mem::MaybeUninit;

use prisma_log_core::Level;

use crate::cache::Caches;
use crate::frame::{
    ALIGN, HEAD_BYTES, Head, LOGGER_INLINE, MESSAGE_INLINE, SITE_INLINE, TAG_INLINE, TRUNCATED,
};
use crate::levels::Name;
use crate::local::Local;
use crate::shared::Shared;

/// Kept free behind a frame's body for what ends it: padding, and the count of bytes cut off.
const TAIL: usize = 2 * ALIGN;
/// Fields whose starts are remembered.
const QUICK_FIELDS: usize = 16;
/// Words of an unfinished frame that is moved without allocating.
const PARTIAL_WORDS: usize = 64;
/// Room that a frame must have where it is begun.
pub(crate) const MIN_ROOM: usize = HEAD_BYTES + TAIL;

/// Where the frame stands while it is written.
enum Room {
    /// In the calling thread's chunk.
    Chunk,
    /// On the stack of the caller.
    Stack,
    /// On the heap: a large record of a thread without a chunk, or one that found no room.
    Heap(#[expect(dead_code, reason = "held for the memory that the frame stands in")] Vec<u64>),
}

/// Which fields are being written.
#[derive(Clone, Copy, PartialEq)]
enum Phase {
    /// Nothing is known yet: the first field, or the end, shows whether the call came through one
    /// of our macros or one of slog's.
    Start,
    /// A call through our macros: keys are constants of the site.
    Site,
    /// Within a value of such a call that writes itself, under whatever keys.
    Free,
    /// A call through slog's macros.
    Call,
    /// The logger's own fields.
    List,
}

/// What a finished frame looks like.
pub(crate) struct Finished {
    /// Bytes of the frame.
    pub(crate) len: usize,
    /// Whether it stands in the thread's chunk.
    pub(crate) in_chunk: bool,
    /// No room was found for it, or the policy drops it.
    pub(crate) lost: bool,
}

/// Writes one frame.
pub struct FrameWriter<'a> {
    start: *mut u8,
    at: *mut u8,
    /// The body goes up to here at most.
    end: *mut u8,
    /// Up to where fields are written in the quick way.
    quick_end: *mut u8,
    room: Room,
    phase: Phase,
    flags: u8,
    /// The cap is reached: what comes is counted, not kept.
    full: bool,
    lost: bool,
    // Each of its own width: a load of two that were stored apart waits for both.
    count: u32,
    list: u32,
    site: u32,
    /// Fields before this phase, and where its fields start, from `start`.
    phase_count: u32,
    phase_at: usize,
    /// The keys that this phase's fields should have, in the order in which they come.
    expected: &'a [Box<str>],
    next: usize,
    /// Keys of the site, when the call came through our macros, and whether they go inline: then
    /// `next` is the one to write next.
    site_keys: &'static [&'static str],
    names_inline: bool,
    /// Where the call's own fields are, and how many, once the logger's are being written.
    call_at: usize,
    call_count: u32,
    /// The call came through slog's macros.
    from_slog: bool,
    /// Where the fields of this phase start, as long as all of them were written in the quick way.
    starts: [MaybeUninit<u32>; QUICK_FIELDS],
    all_quick: bool,
    cut: u64,
    max: usize,
    level: Level,
    name: &'a Name,
    record: &'a slog::Record<'a>,
    caches: Option<&'a Caches>,
    shared: &'a Shared,
    local: &'a Local,
}

impl<'a> FrameWriter<'a> {
    /// A writer at the calling thread's place in its chunk, where there is [`MIN_ROOM`] at least.
    #[inline(always)]
    pub(crate) fn in_chunk(
        shared: &'a Shared,
        local: &'a Local,
        name: &'a Name,
        record: &'a slog::Record<'a>,
        caches: Option<&'a Caches>,
    ) -> Self {
        let (at, end) = (local.at.get(), local.end.get());
        FrameWriter::new(shared, local, name, record, caches, at, end, Room::Chunk)
    }

    /// A writer into memory of the caller's, for a thread that has no chunk.
    pub(crate) fn on_stack(
        shared: &'a Shared,
        local: &'a Local,
        name: &'a Name,
        record: &'a slog::Record<'a>,
        stack: &'a mut [u64],
    ) -> Self {
        let range = stack.as_mut_ptr_range();
        let (at, end) = (range.start.cast(), range.end.cast());
        FrameWriter::new(shared, local, name, record, None, at, end, Room::Stack)
    }

    #[inline(always)]
    #[expect(clippy::too_many_arguments, reason = "the two public forms name them")]
    fn new(
        shared: &'a Shared,
        local: &'a Local,
        name: &'a Name,
        record: &'a slog::Record<'a>,
        caches: Option<&'a Caches>,
        start: *mut u8,
        memory_end: *mut u8,
        room: Room,
    ) -> Self {
        let max = shared.max_record_bytes;
        let memory = memory_end.addr() - start.addr();
        debug_assert!(memory >= MIN_ROOM);
        // SAFETY: within the memory, which is as long at least.
        let (at, end) = unsafe { (start.add(HEAD_BYTES), start.add(memory.min(max) - TAIL)) };
        FrameWriter {
            start,
            at,
            end,
            quick_end: at,
            room,
            phase: Phase::Start,
            flags: 0,
            full: false,
            lost: false,
            count: 0,
            list: 0,
            site: 0,
            phase_count: 0,
            phase_at: HEAD_BYTES,
            expected: &[],
            next: 0,
            site_keys: &[],
            names_inline: false,
            call_at: HEAD_BYTES,
            call_count: 0,
            from_slog: false,
            starts: [MaybeUninit::uninit(); QUICK_FIELDS],
            all_quick: true,
            cut: 0,
            max,
            level: Level::from(record.level()),
            name,
            record,
            caches,
            shared,
            local,
        }
    }

    #[inline]
    fn used(&self) -> usize {
        self.at.addr() - self.start.addr()
    }

    /// Makes sure that `need` more bytes can be written; `false` once the record is at its cap.
    #[inline]
    fn has_room(&mut self, need: usize) -> bool {
        if self.end.addr() - self.at.addr() >= need { true } else { self.make_room(need) }
    }

    #[cold]
    #[inline(never)]
    fn make_room(&mut self, need: usize) -> bool {
        if self.used() + need > self.max - TAIL {
            return false;
        }
        self.relocate(need);
        true
    }

    /// Moves the frame to where it and `need` more bytes fit; what is over the cap never gets here.
    #[cold]
    #[inline(never)]
    fn relocate(&mut self, need: usize) {
        let used = self.used();
        // Taken out of the chunk first: with the next one, this one is sealed, and whoever gets it
        // after the worker writes where the unfinished frame stands.
        let mut small = [0_u64; PARTIAL_WORDS];
        let large: Vec<u64>;
        let partial: *const u8 = if used <= size_of_val(&small) {
            // SAFETY: the buffer is long enough.
            unsafe {
                std::ptr::copy_nonoverlapping(self.start, small.as_mut_ptr().cast(), used);
            }
            small.as_ptr().cast()
        } else {
            let mut copy = vec![0_u64; used.div_ceil(8)];
            // SAFETY: as above.
            unsafe { std::ptr::copy_nonoverlapping(self.start, copy.as_mut_ptr().cast(), used) };
            large = copy;
            large.as_ptr().cast()
        };
        let (start, room) = match self.next_room() {
            Some((start, end)) => (start, end.addr() - start.addr()),
            None => self.heap_room(used + need),
        };
        // SAFETY: a new chunk has room for a frame of the greatest size, and the heap for what is
        // used and needed, each with the tail.
        unsafe {
            std::ptr::copy_nonoverlapping(partial, start, used);
            self.at = start.add(used);
            self.end = start.add(room.min(self.max) - TAIL);
        }
        self.start = start;
    }

    /// The thread's next chunk, if the frame is in its chunk and there is a next one.
    fn next_room(&self) -> Option<(*mut u8, *mut u8)> {
        match self.room {
            Room::Chunk => self.shared.next_chunk(self.local, self.level),
            Room::Stack | Room::Heap(_) => None,
        }
    }

    /// Room on the heap for so many bytes, and some more.
    fn heap_room(&mut self, bytes: usize) -> (*mut u8, usize) {
        self.lost |= matches!(self.room, Room::Chunk);
        let words = (2 * bytes + TAIL).clamp(1024, self.max.max(1024)).div_ceil(8);
        let mut heap = vec![0_u64; words];
        let start = heap.as_mut_ptr().cast::<u8>();
        self.room = Room::Heap(heap);
        (start, words * 8)
    }

    /// Copies bytes that there is room for.
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        debug_assert!(self.end.addr() - self.at.addr() >= bytes.len());
        // SAFETY: every caller has made room for them before.
        unsafe {
            copy_short(bytes.as_ptr(), self.at, bytes.len());
            self.at = self.at.add(bytes.len());
        }
    }

    /// Writes a number that there is room for.
    #[inline]
    fn put_array<const N: usize>(&mut self, bytes: [u8; N]) {
        debug_assert!(self.end.addr() - self.at.addr() >= N);
        // SAFETY: as above; unaligned, as the fields of a frame are.
        unsafe {
            self.at.cast::<[u8; N]>().write_unaligned(bytes);
            self.at = self.at.add(N);
        }
    }

    /// The frame's bytes from `from` on, as far as they are written.
    fn written(&self, from: usize) -> &[u8] {
        // SAFETY: everything up to `at` is initialised: by this writer, or as part of the mapping.
        unsafe { std::slice::from_raw_parts(self.start.add(from), self.used() - from) }
    }

    /// Goes back to a length that the frame had before.
    fn cut_back(&mut self, used: usize) {
        debug_assert!(used <= self.used());
        // SAFETY: not beyond what is written.
        self.at = unsafe { self.start.add(used) };
    }

    // What comes before the fields.

    /// Writes what is not constant before the fields.
    #[cold]
    #[inline(never)]
    fn begin_inline(&mut self, site: bool, constant: bool) {
        if site {
            self.flags |= SITE_INLINE;
            let location = self.record.location();
            self.put_text(location.file);
            self.put_small(&location.line.to_le_bytes());
            self.put_small(&location.column.to_le_bytes());
            self.put_text(location.module);
            self.put_text(location.function);
        }
        if self.name.inline {
            self.flags |= LOGGER_INLINE;
            let name = self.name;
            self.put_text(&name.text);
        }
        if !self.record.tag().is_empty() {
            self.flags |= TAG_INLINE;
            self.put_text(self.record.tag());
        }
        if !constant {
            self.flags |= MESSAGE_INLINE;
            match self.record.msg().as_str() {
                Some(text) => self.put_text(text),
                None => self.put_args(*self.record.msg()),
            }
        }
    }

    fn put_small(&mut self, bytes: &[u8]) {
        // A cap is at least a kilobyte, and names come first: only a monstrous one gets here
        // without room, and then the frame is given up.
        if self.has_room(bytes.len()) { self.put(bytes) } else { self.lost = true }
    }

    // What comes after the fields.

    /// Completes the frame; it has no number yet.
    #[inline]
    pub(crate) fn finish(&mut self, nanos: u64) -> Finished {
        // SAFETY: the tail is kept free behind the body.
        unsafe {
            self.at.cast::<u64>().write_unaligned(0);
            self.at = self.at.add(self.used().wrapping_neg() % ALIGN);
            if self.cut > 0 {
                self.flags |= TRUNCATED;
                self.at.cast::<u64>().write(self.cut.to_le());
                self.at = self.at.add(ALIGN);
            }
        }
        let len = self.used();
        let head = Head {
            len: len as u32,
            site: self.site,
            logger: self.name.id,
            list: self.list as u16,
            flags: self.flags,
            level: self.level as u8,
            count: self.count as u16,
            nanos,
            sequence: 0,
        };
        self.put_head(&head);
        let in_chunk = matches!(self.room, Room::Chunk);
        Finished { len, in_chunk, lost: self.lost }
    }

    #[inline]
    fn put_head(&mut self, head: &Head) {
        for (index, word) in head.words().into_iter().enumerate() {
            // SAFETY: frames start 8-aligned and have at least a head's length.
            unsafe { self.start.cast::<u64>().add(index).write(word.to_le()) }
        }
    }

    /// The finished frame, when it stands outside the chunk.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.written(0)
    }

    /// Where a frame in the chunk ends.
    #[inline]
    pub(crate) fn frame_end(&self) -> *mut u8 {
        self.at
    }
}

/// Copies a few bytes: most texts and keys are shorter than a call of `memcpy` is worth.
///
/// # Safety
/// As for `copy_nonoverlapping`.
#[inline(always)]
pub(crate) unsafe fn copy_short(from: *const u8, to: *mut u8, len: usize) {
    // SAFETY: each branch copies the first and the last bytes of the range, which overlap in the
    // middle and together cover it, and nothing outside.
    unsafe {
        if len > 32 {
            std::ptr::copy_nonoverlapping(from, to, len);
        } else if len >= 16 {
            let (first, last) = (from.cast::<u128>(), from.add(len - 16).cast::<u128>());
            let (first, last) = (first.read_unaligned(), last.read_unaligned());
            to.cast::<u128>().write_unaligned(first);
            to.add(len - 16).cast::<u128>().write_unaligned(last);
        } else if len >= 8 {
            let (first, last) = (from.cast::<u64>(), from.add(len - 8).cast::<u64>());
            let (first, last) = (first.read_unaligned(), last.read_unaligned());
            to.cast::<u64>().write_unaligned(first);
            to.add(len - 8).cast::<u64>().write_unaligned(last);
        } else if len >= 4 {
            let (first, last) = (from.cast::<u32>(), from.add(len - 4).cast::<u32>());
            let (first, last) = (first.read_unaligned(), last.read_unaligned());
            to.cast::<u32>().write_unaligned(first);
            to.add(len - 4).cast::<u32>().write_unaligned(last);
        } else if len > 0 {
            *to = *from;
            *to.add(len / 2) = *from.add(len / 2);
            *to.add(len - 1) = *from.add(len - 1);
        }
    }
}
