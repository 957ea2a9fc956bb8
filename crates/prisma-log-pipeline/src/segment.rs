//! The memory that outlives the process: what a segment holds and where.
//!
//! A segment is a file in memory (`/dev/shm`), mapped by the process that logs. It holds a header,
//! the table of definitions, slots for signal handlers, and chunks of frames. A second file on disk
//! may add chunks to spill to. Nothing in it points into the process, so that another process can
//! read it after the first has died.
#![expect(unsafe_code, reason = "shared memory is reached through raw pointers")]

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use prisma_log_core::SinkPosition;

use crate::frame::SEQUENCE_AT;
use crate::os::Mapping;

/// How many sinks a pipeline may have: each has a cursor in every chunk.
pub(crate) const MAX_SINKS: usize = 16;
/// Bytes of the table of definitions.
pub(crate) const TABLE_BYTES: usize = 1 << 20;
/// Slots for signal handlers, and bytes of one.
pub(crate) const EMERGENCY_SLOTS: usize = 64;
pub(crate) const EMERGENCY_BYTES: usize = 512;

const MAGIC: [u8; 8] = *b"PRISMLOG";
/// Counted up with every change of the layout: a segment of another version is left alone.
pub(crate) const VERSION: u32 = 1;

const HEADER_BYTES: usize = 4096;
const EMERGENCY_AT: usize = HEADER_BYTES;
const TABLE_AT: usize = EMERGENCY_AT + EMERGENCY_SLOTS * EMERGENCY_BYTES;
const CHUNKS_AT: usize = TABLE_AT + TABLE_BYTES;

/// Where a chunk's frames begin.
pub(crate) const PAYLOAD_AT: u32 = size_of::<ChunkHeader>() as u32;

#[repr(C)]
struct Header {
    magic: [u8; 8],
    version: u32,
    /// 1 once everything above the chunks is in place.
    ready: AtomicU32,
    pid: u32,
    chunks: u32,
    chunk_bytes: u32,
    spill_chunks: u32,
    started_nanos: u64,
    table_len: AtomicU64,
    service: Text<192>,
    spill: Text<1020>,
    sinks: [SinkSlot; MAX_SINKS],
}

const _: () = assert!(size_of::<Header>() <= HEADER_BYTES);

/// A short text of bounded length.
#[repr(C)]
struct Text<const N: usize> {
    len: u32,
    bytes: [u8; N],
}

impl<const N: usize> Text<N> {
    fn get(&self) -> Option<&str> {
        std::str::from_utf8(self.bytes.get(..self.len as usize)?).ok()
    }

    fn set(&mut self, text: &str) -> bool {
        let fits = text.len() <= N;
        if fits {
            self.len = text.len() as u32;
            self.bytes[..text.len()].copy_from_slice(text.as_bytes());
        }
        fits
    }
}

/// A sink's name, and where it stood before its last batch.
#[repr(C)]
struct SinkSlot {
    name: Text<84>,
    /// Which of the two positions holds; 0 is none, then 1 and 2 by turns.
    current: AtomicU32,
    positions: [[AtomicU64; 4]; 2],
}

/// A chunk is being written by a thread, or full and waiting for the worker, or neither.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum ChunkState {
    Free = 0,
    InUse = 1,
}

/// What precedes a chunk's frames.
#[repr(C, align(64))]
pub(crate) struct ChunkHeader {
    state: AtomicU32,
    /// Up to where the frames are whole; written by the chunk's producer alone.
    pub(crate) committed: AtomicU32,
    /// Which stream of frames the chunk continues, and as its how manieth.
    pub(crate) stream: AtomicU32,
    pub(crate) order: AtomicU32,
    /// How many of the frames are records.
    pub(crate) records: AtomicU32,
    unused: [u32; 11],
    /// Up to where each sink has taken the frames.
    pub(crate) cursors: [AtomicU32; MAX_SINKS],
}

const _: () = assert!(size_of::<ChunkHeader>() == 128);

/// How much of everything a segment has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sizes {
    pub(crate) chunk_bytes: u32,
    pub(crate) chunks: u32,
    /// Chunks in the file on disk.
    pub(crate) spill_chunks: u32,
}

impl Sizes {
    pub(crate) fn memory_len(&self) -> usize {
        CHUNKS_AT + self.chunks as usize * self.chunk_bytes as usize
    }

    /// Bytes before the chunks.
    pub(crate) fn head_len(&self) -> usize {
        CHUNKS_AT
    }

    pub(crate) fn spill_len(&self) -> usize {
        self.spill_chunks as usize * self.chunk_bytes as usize
    }
}

/// What a new segment says about itself.
pub(crate) struct About<'a> {
    pub(crate) service: &'a str,
    pub(crate) started_nanos: u64,
    pub(crate) sinks: &'a [&'a str],
    pub(crate) spill: Option<&'a Path>,
}

/// The files behind a segment; none when it is anonymous memory.
#[derive(Debug)]
pub(crate) struct Backing {
    pub(crate) path: PathBuf,
    /// Holds the lock that says that the segment's process lives.
    pub(crate) file: File,
}

/// A mapped segment.
pub(crate) struct Segment {
    memory: Mapping,
    spill: Option<Mapping>,
    pub(crate) sizes: Sizes,
    pub(crate) backing: Option<Backing>,
    pub(crate) spill_backing: Option<Backing>,
}

impl Segment {
    /// Lays a new segment out in memory that is all zeros.
    pub(crate) fn new(
        memory: Mapping,
        spill: Option<Mapping>,
        sizes: Sizes,
        about: &About<'_>,
    ) -> Self {
        assert!(memory.len() >= sizes.memory_len(), "the mapping holds the segment");
        let header = memory.ptr().cast::<Header>();
        // SAFETY: the mapping is page-aligned, at least a header long, zeroed (all types in the
        // header are valid as zeros), and nobody else has it yet: the file is locked and new.
        let header = unsafe { &mut *header };
        header.magic = MAGIC;
        header.version = VERSION;
        header.pid = std::process::id();
        header.chunks = sizes.chunks;
        header.chunk_bytes = sizes.chunk_bytes;
        header.spill_chunks = sizes.spill_chunks;
        header.started_nanos = about.started_nanos;
        header.service.set(about.service);
        if let Some(path) = about.spill.and_then(Path::to_str) {
            header.spill.set(path);
        }
        for (slot, name) in header.sinks.iter_mut().zip(about.sinks) {
            slot.name.set(name);
        }
        header.ready.store(1, Ordering::Release);
        Segment { memory, spill, sizes, backing: None, spill_backing: None }
    }

    /// Whether a process died while it made this: nothing was ever logged into it.
    pub(crate) fn is_unborn(memory: &Mapping) -> bool {
        if memory.len() < HEADER_BYTES {
            return false;
        }
        // SAFETY: page-aligned and long enough; its process is dead, so nobody writes it.
        let header = unsafe { &*memory.ptr().cast::<Header>() };
        let ready = header.ready.load(Ordering::Acquire);
        let begun = header.magic == MAGIC && header.version == VERSION;
        ready == 0 && (begun || header.magic == [0; 8] && header.version == 0)
    }

    /// Takes over what a process left behind.
    ///
    /// # Errors
    /// With the reason, when it is no segment of this version, or a damaged one.
    pub(crate) fn adopt(memory: Mapping) -> Result<Self, &'static str> {
        if memory.len() < CHUNKS_AT {
            return Err("it is too short");
        }
        // SAFETY: page-aligned and long enough; its process is dead, so nobody writes it.
        let header = unsafe { &*memory.ptr().cast::<Header>() };
        if header.magic != MAGIC {
            return Err("it is no ring of this library");
        }
        if header.version != VERSION {
            return Err("it was written by another version");
        }
        if header.ready.load(Ordering::Acquire) != 1 {
            return Err("its process died while it was made");
        }
        let sizes = Sizes {
            chunk_bytes: header.chunk_bytes,
            chunks: header.chunks,
            spill_chunks: header.spill_chunks,
        };
        let sane = (4096..=1 << 30).contains(&sizes.chunk_bytes)
            && sizes.chunk_bytes.is_multiple_of(64)
            && sizes.chunks <= 1 << 20
            && sizes.spill_chunks <= 1 << 24
            && memory.len() >= sizes.memory_len();
        if !sane {
            return Err("its header is damaged");
        }
        Ok(Segment { memory, spill: None, sizes, backing: None, spill_backing: None })
    }

    /// Adds the chunks on disk to an adopted segment.
    pub(crate) fn attach_spill(&mut self, spill: Mapping) -> bool {
        let fits = spill.len() >= self.sizes.spill_len();
        self.spill = fits.then_some(spill);
        fits
    }

    fn header(&self) -> &Header {
        // SAFETY: checked at the start of the segment's life; what changes later is atomic.
        unsafe { &*self.memory.ptr().cast::<Header>() }
    }

    pub(crate) fn service(&self) -> &str {
        self.header().service.get().unwrap_or_default()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.header().pid
    }

    pub(crate) fn started_nanos(&self) -> u64 {
        self.header().started_nanos
    }

    pub(crate) fn spill_path(&self) -> Option<&Path> {
        self.header().spill.get().filter(|path| !path.is_empty()).map(Path::new)
    }

    /// The names of the sinks, in the order of the chunks' cursors.
    pub(crate) fn sink_names(&self) -> impl Iterator<Item = &str> {
        let slots = self.header().sinks.iter();
        slots.map_while(|slot| slot.name.get().filter(|name| !name.is_empty()))
    }

    /// Notes where a sink stands before it takes its next batch.
    pub(crate) fn set_position(&self, sink: usize, position: &SinkPosition) {
        let slot = &self.header().sinks[sink];
        // The position that holds is never written: a reader after a kill sees it whole.
        let next = if slot.current.load(Ordering::Relaxed) == 1 { 2 } else { 1 };
        for (word, value) in slot.positions[next as usize - 1].iter().zip(position.0) {
            word.store(value, Ordering::Relaxed);
        }
        slot.current.store(next, Ordering::Release);
    }

    /// Where a sink stood before its last batch.
    pub(crate) fn position(&self, sink: usize) -> Option<SinkPosition> {
        let slot = self.header().sinks.get(sink)?;
        let current = slot.current.load(Ordering::Acquire) as usize;
        let words = slot.positions.get(current.checked_sub(1)?)?;
        Some(SinkPosition(words.each_ref().map(|word| word.load(Ordering::Relaxed))))
    }

    /// How many chunks there are, those on disk included.
    pub(crate) fn chunk_count(&self) -> u32 {
        self.sizes.chunks + if self.spill.is_some() { self.sizes.spill_chunks } else { 0 }
    }

    /// Where chunk `index` begins in its file, and whether that is the one on disk.
    pub(crate) fn chunk_place(&self, index: u32) -> (bool, usize) {
        let bytes = self.sizes.chunk_bytes as usize;
        match index.checked_sub(self.sizes.chunks) {
            None => (false, CHUNKS_AT + index as usize * bytes),
            Some(on_disk) => (true, on_disk as usize * bytes),
        }
    }

    fn mapping_of(&self, index: u32) -> (&Mapping, usize) {
        assert!(index < self.chunk_count(), "chunk {index} exists");
        match self.chunk_place(index) {
            (true, at) => (self.spill.as_ref().unwrap_or(&self.memory), at),
            (false, at) => (&self.memory, at),
        }
    }

    /// Maps a chunk's pages now, so that no log call pays for it.
    pub(crate) fn populate(&self, index: u32) {
        let (mapping, at) = self.mapping_of(index);
        mapping.populate(at..at + self.sizes.chunk_bytes as usize);
    }

    pub(crate) fn chunk(&self, index: u32) -> Chunk<'_> {
        let (mapping, at) = self.mapping_of(index);
        // SAFETY: `at` is the start of a chunk that lies within the mapping, which `Sizes` was
        // checked against, and 64-aligned, as chunk sizes are.
        let base = unsafe { mapping.ptr().add(at) };
        Chunk { base, bytes: self.sizes.chunk_bytes, segment: std::marker::PhantomData }
    }

    /// The table of definitions from `from` on.
    pub(crate) fn table(&self, from: usize) -> &[u8] {
        let len = self.header().table_len.load(Ordering::Acquire) as usize;
        let len = len.clamp(from.min(TABLE_BYTES), TABLE_BYTES);
        // SAFETY: the range is in the table; below `table_len`, stored with release order after
        // the bytes, nothing is ever written again.
        unsafe { std::slice::from_raw_parts(self.memory.ptr().add(TABLE_AT + from), len - from) }
    }

    /// Appends to the table; the caller keeps other writers out. Whether it fitted.
    pub(crate) fn append_table(&self, bytes: &[u8]) -> bool {
        let len = self.header().table_len.load(Ordering::Relaxed) as usize;
        if bytes.len() > TABLE_BYTES - len {
            return false;
        }
        // SAFETY: the range is in the table and beyond what readers look at; the caller is the
        // only writer.
        unsafe {
            let to = self.memory.ptr().add(TABLE_AT + len);
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len());
        }
        self.header().table_len.store((len + bytes.len()) as u64, Ordering::Release);
        true
    }

    /// Where the slot for signal handlers begins: 64-aligned, [`EMERGENCY_BYTES`] long.
    pub(crate) fn emergency(&self, slot: usize) -> *mut u8 {
        assert!(slot < EMERGENCY_SLOTS, "emergency slot {slot} exists");
        // SAFETY: within the mapping.
        unsafe { self.memory.ptr().add(EMERGENCY_AT + slot * EMERGENCY_BYTES) }
    }
}

/// One chunk of a segment.
#[derive(Clone, Copy)]
pub(crate) struct Chunk<'a> {
    base: *mut u8,
    bytes: u32,
    segment: std::marker::PhantomData<&'a Segment>,
}

impl<'a> Chunk<'a> {
    pub(crate) fn header(&self) -> &'a ChunkHeader {
        // SAFETY: the base is 64-aligned and a header long, and everything in it is atomic.
        unsafe { &*self.base.cast::<ChunkHeader>() }
    }

    /// The chunk's first byte.
    pub(crate) fn base(&self) -> *mut u8 {
        self.base
    }

    /// One past the chunk's last byte.
    pub(crate) fn end(&self) -> *mut u8 {
        // SAFETY: one past the end of the same mapping at most.
        unsafe { self.base.add(self.bytes as usize) }
    }

    pub(crate) fn in_use(&self) -> bool {
        self.header().state.load(Ordering::Acquire) == ChunkState::InUse as u32
    }

    /// Makes the chunk, free before, the next one of a stream.
    pub(crate) fn begin(&self, stream: u32, order: u32) {
        let header = self.header();
        header.committed.store(PAYLOAD_AT, Ordering::Relaxed);
        header.stream.store(stream, Ordering::Relaxed);
        header.order.store(order, Ordering::Relaxed);
        header.records.store(0, Ordering::Relaxed);
        for cursor in &header.cursors {
            cursor.store(PAYLOAD_AT, Ordering::Relaxed);
        }
        header.state.store(ChunkState::InUse as u32, Ordering::Release);
    }

    /// Gives the chunk back; a process killed before this leaves it to the next start.
    pub(crate) fn free(&self) {
        self.header().state.store(ChunkState::Free as u32, Ordering::Release);
    }

    /// Up to where frames are whole, within the chunk's bounds whatever its header says.
    pub(crate) fn committed(&self) -> u32 {
        self.header().committed.load(Ordering::Acquire).clamp(PAYLOAD_AT, self.bytes)
    }

    /// Gives the record whose frame begins at `at` its number.
    ///
    /// # Safety
    /// A whole frame begins there, and nobody else reads or writes it at the same time.
    pub(crate) unsafe fn set_sequence(&self, at: u32, sequence: u64) {
        // SAFETY: within a frame, which is 8-aligned and longer than its head.
        unsafe {
            let place = self.base.add(at as usize + SEQUENCE_AT).cast::<u64>();
            place.write(sequence.to_le());
        }
    }

    /// The frames from `from` up to `to`, which is no more than was committed.
    ///
    /// # Safety
    /// The chunk must not be freed or given to a producer while the slice lives.
    pub(crate) unsafe fn bytes(&self, from: u32, to: u32) -> &'a [u8] {
        let to = to.min(self.bytes);
        let from = from.clamp(PAYLOAD_AT.min(to), to);
        // SAFETY: within the chunk; committed bytes don't change, as the caller ensures.
        unsafe { std::slice::from_raw_parts(self.base.add(from as usize), (to - from) as usize) }
    }
}
