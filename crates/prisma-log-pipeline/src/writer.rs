//! Writes one record into a frame, in one pass.
#![expect(unsafe_code, reason = "frames are written through raw pointers into shared memory")]

use std::fmt::{self, Write as _};

use prisma_log_core::support::{contain, lend_serde, panic_mark, shortest_f64};
use prisma_log_core::{Level, Value, wire};
use slog::{BytesKind, Key, OwnedKVList, SerdeValue, Serializer};

use crate::cache::{Caches, Place};
use crate::call_site::CallSite;
use crate::frame::{
    ALIGN, HEAD_BYTES, Head, KEYS_INLINE, LOGGER_INLINE, MESSAGE_INLINE, SITE_INLINE, TAG_INLINE,
    TRUNCATED,
};
use crate::levels::Name;
use crate::local::Local;
use crate::shared::Shared;

/// Kept free behind a frame's body for what ends it: padding, and the count of bytes cut off.
const TAIL: usize = 2 * ALIGN;
/// A `Display` that goes on beyond the cap may call so many times more before it is stopped; what
/// it would still have written is not counted then.
const CALLS_BEYOND_CAP: u32 = 1 << 16;
/// A text of up to this length may go into the room that is left to what follows a huge one.
const SHORT_TEXT: usize = 64;
const FAILED: &str = "<formatting failed>";

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
    room: Room,
    phase: Phase,
    flags: u8,
    /// The cap is reached: what comes is counted, not kept.
    full: bool,
    lost: bool,
    count: u16,
    list: u16,
    site: u32,
    /// Fields before this phase, and where its fields start, from `start`.
    phase_count: u16,
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
    call_count: u16,
    /// The call came through slog's macros.
    from_slog: bool,
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
    /// A writer at the calling thread's place in its chunk.
    #[inline]
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

    #[inline]
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
        let mut writer = FrameWriter {
            start,
            at: start,
            end: start,
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
            cut: 0,
            max,
            level: Level::from(record.level()),
            name,
            record,
            caches,
            shared,
            local,
        };
        let memory = memory_end.addr() - start.addr();
        if memory < HEAD_BYTES + TAIL {
            writer.relocate(HEAD_BYTES);
        } else {
            // SAFETY: within the memory, as was just compared.
            unsafe {
                writer.end = start.add(memory.min(max) - TAIL);
                writer.at = start.add(HEAD_BYTES);
            }
        }
        writer
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
        if matches!(self.room, Room::Chunk)
            && let Some((start, end)) = self.shared.next_chunk(self.local, self.level)
        {
            // SAFETY: the new chunk has room for a frame of the greatest size; the old one is not
            // reused before the record is finished: its worker reads it up to what is committed.
            unsafe {
                std::ptr::copy_nonoverlapping(self.start, start, used);
                self.at = start.add(used.max(HEAD_BYTES));
                self.end = start.add((end.addr() - start.addr()).min(self.max) - TAIL);
            }
            self.start = start;
            return;
        }
        self.lost |= matches!(self.room, Room::Chunk);
        let words = (2 * (used + need) + TAIL).clamp(1024, self.max.max(1024)).div_ceil(8);
        let mut heap = vec![0_u64; words];
        let start = heap.as_mut_ptr().cast::<u8>();
        // SAFETY: `words` is enough for what is used and needed, and for the tail.
        unsafe {
            std::ptr::copy_nonoverlapping(self.start, start, used);
            self.at = start.add(used.max(HEAD_BYTES));
            self.end = start.add((words * 8).min(self.max) - TAIL);
        }
        self.start = start;
        self.room = Room::Heap(heap);
    }

    /// Copies bytes that there is room for.
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        debug_assert!(self.end.addr() - self.at.addr() >= bytes.len());
        // SAFETY: every caller has made room for them before.
        unsafe {
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.at, bytes.len());
            self.at = self.at.add(bytes.len());
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

    /// Begins a record of one of our macros.
    #[inline]
    pub(crate) fn begin_site(&mut self, site: &'static CallSite) {
        self.phase = Phase::Site;
        let message = self.record.msg().as_str();
        let def = site.definition(message);
        self.site = def.id;
        let constant = match (message, def.message) {
            (Some(now), Some(then)) => std::ptr::eq(now, then),
            _ => false,
        };
        if def.id == 0 || !constant || self.name.inline || !self.record.tag().is_empty() {
            self.begin_inline(def.id == 0, constant);
            if def.id == 0 {
                self.names_inline = true;
                self.flags |= KEYS_INLINE;
            }
        }
        self.site_keys = site.keys;
        self.phase_at = self.used();
    }

    /// Begins a record of slog's macros, or of whoever makes slog's records.
    fn begin_call(&mut self) {
        self.phase = Phase::Call;
        self.from_slog = true;
        let place = self.place();
        let known = self.caches.and_then(|caches| caches.site(&place));
        let known = known.filter(|known| known.def.id != 0);
        let constant = known.is_some() && place.message.is_some();
        if let Some(known) = known {
            self.site = known.def.id;
            self.expected = &known.keys;
        } else {
            self.flags |= KEYS_INLINE;
        }
        if self.site == 0 || !constant || self.name.inline || !self.record.tag().is_empty() {
            self.begin_inline(self.site == 0, constant);
        }
        self.phase_at = self.used();
    }

    fn place(&self) -> Place {
        let location = self.record.location();
        Place {
            file: location.file,
            line: location.line,
            column: location.column,
            module: location.module,
            function: location.function,
            level: self.level,
            message: self.record.msg().as_str(),
        }
    }

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

    /// Bytes of text that the record may still take in: a sixteenth of the cap is left to what comes
    /// after a huge text.
    fn text_room(&self) -> usize {
        (self.max - self.max / 16 - TAIL).saturating_sub(self.used())
    }

    /// Writes a length and as much of the text as the cap allows.
    #[inline]
    fn put_text(&mut self, text: &str) {
        let short = text.len() <= SHORT_TEXT || self.text_room() >= 4 + text.len();
        if short && self.has_room(4 + text.len()) {
            self.put(&(text.len() as u32).to_le_bytes());
            self.put(text.as_bytes());
        } else {
            self.put_cut(text.as_bytes(), |fits| text.floor_char_boundary(fits));
        }
    }

    #[cold]
    #[inline(never)]
    fn put_cut(&mut self, bytes: &[u8], boundary: impl Fn(usize) -> usize) {
        let keep = boundary(self.text_room().saturating_sub(4).min(bytes.len()));
        if !self.has_room(4 + keep) {
            self.lost = true;
            return;
        }
        self.put(&(keep as u32).to_le_bytes());
        self.put(&bytes[..keep]);
        self.cut += (bytes.len() - keep) as u64;
    }

    /// Writes a length and what the arguments format to, whatever their `Display` does.
    #[inline(never)]
    fn put_args(&mut self, args: fmt::Arguments<'_>) {
        if let Some(text) = args.as_str() {
            return self.put_text(text);
        }
        if !self.has_room(4) {
            self.lost = true;
            return;
        }
        let length_at = self.used();
        self.put(&[0; 4]);
        let mut text = TextWriter { cut: 0, calls: 0, writer: self };
        let outcome = contain(|| text.write_fmt(args));
        let stopped = text.calls >= CALLS_BEYOND_CAP;
        let cut = text.cut;
        self.cut += cut;
        match outcome {
            Ok(Ok(())) => {}
            Ok(Err(_)) if stopped => {}
            Ok(Err(_)) => self.put_mark(FAILED),
            Err(reason) => {
                self.cut_back(length_at + 4);
                self.put_mark(&panic_mark(&reason));
            }
        }
        let length = (self.used() - length_at - 4) as u32;
        // SAFETY: the four bytes were written above.
        unsafe {
            let at = self.start.add(length_at);
            std::ptr::copy_nonoverlapping(length.to_le_bytes().as_ptr(), at, 4);
        }
    }

    /// Appends to a text that is being written, as far as there is room.
    fn put_mark(&mut self, mark: &str) {
        let left = (self.max - TAIL).saturating_sub(self.used()).min(mark.len());
        if self.has_room(left) {
            self.put(&mark.as_bytes()[..mark.floor_char_boundary(left)]);
        }
    }

    // Fields of our macros.

    /// Begins a field of one of our macros: its payload has `need` bytes at least.
    #[inline]
    fn site_field(&mut self, tag: u8, need: usize) -> bool {
        if self.names_inline {
            return self.named_field(tag, need);
        }
        if self.full || !self.has_room(1 + need) {
            return self.no_field(1 + need);
        }
        self.put(&[tag]);
        self.count += 1;
        true
    }

    #[cold]
    fn no_field(&mut self, bytes: usize) -> bool {
        self.full = true;
        self.cut += bytes as u64;
        false
    }

    #[cold]
    #[inline(never)]
    fn named_field(&mut self, tag: u8, need: usize) -> bool {
        let key = self.site_keys.get(self.next).copied().unwrap_or_default();
        self.next += 1;
        self.inline_field(key, tag, need)
    }

    /// Begins a field with its key inline.
    fn inline_field(&mut self, key: &str, tag: u8, need: usize) -> bool {
        let key = &key.as_bytes()[..key.floor_char_boundary(wire::MAX_KEY_BYTES)];
        if self.full || !self.has_room(3 + key.len() + need) {
            return self.no_field(3 + key.len() + need);
        }
        self.put(&[tag | wire::INLINE_KEY]);
        self.put(&(key.len() as u16).to_le_bytes());
        self.put(key);
        self.count += 1;
        true
    }

    /// Writes the next field of a call through our macros.
    #[inline]
    pub fn value(&mut self, value: Value<'_>) {
        match value {
            Value::U64(v) => self.site_fixed(wire::U64, &v.to_le_bytes()),
            Value::I64(v) => self.site_fixed(wire::I64, &v.to_le_bytes()),
            Value::F64(v) => self.site_fixed(wire::F64, &v.to_le_bytes()),
            Value::Str(v) => {
                if self.site_field(wire::STR, 4) {
                    self.put_text(v);
                }
            }
            other => self.rare_value(other),
        }
    }

    #[cold]
    fn rare_value(&mut self, value: Value<'_>) {
        let begun = match value {
            Value::Str(_) => self.site_field(wire::STR, 4),
            Value::Json(_) => self.site_field(wire::JSON, 4),
            Value::Bytes(_) => self.site_field(wire::BYTES, 4),
            Value::I128(_) => self.site_field(wire::I128, 16),
            Value::U128(_) => self.site_field(wire::U128, 16),
            Value::I64(_) => self.site_field(wire::I64, 8),
            Value::U64(_) => self.site_field(wire::U64, 8),
            Value::F64(_) => self.site_field(wire::F64, 8),
            Value::Bool(true) => self.site_field(wire::TRUE, 0),
            Value::Bool(false) => self.site_field(wire::FALSE, 0),
            Value::Null => self.site_field(wire::NULL, 0),
            // `Value` may gain variants; until there is a form for one, its text is.
            other => return self.args(format_args!("{other}")),
        };
        if begun {
            self.payload(value);
        }
    }

    #[inline]
    fn site_fixed<const N: usize>(&mut self, tag: u8, payload: &[u8; N]) {
        if self.site_field(tag, N) {
            self.put(payload);
        }
    }

    /// Writes the next field of a call through our macros: what the arguments format to.
    #[inline(never)]
    pub fn args(&mut self, args: fmt::Arguments<'_>) {
        if self.site_field(wire::STR, 4) {
            self.put_args(args);
        }
    }

    /// Writes the next field of a call through our macros as slog's `Value` has it.
    #[inline(never)]
    pub fn slog_value(&mut self, key: &'static str, value: &dyn slog::Value) {
        let (at, count, record) = (self.used(), self.count, self.record);
        self.phase = Phase::Free;
        let outcome = contain(|| slog::Value::serialize(value, record, Key::from(key), self));
        let failed = match outcome {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(reason) => Some(panic_mark(&reason)),
        };
        if let Some(failed) = failed
            && self.inline_field(key, wire::STR, 4)
        {
            self.put_text(&failed);
        }
        self.phase = Phase::Site;
        if self.names_inline {
            self.next += 1;
        } else if !(self.full || self.count == count + 1 && self.strip_key(at, key)) {
            // Under other keys, or several, or none: those that are left out would not fit any more.
            let before = usize::from(count - self.phase_count);
            self.go_inline();
            self.next = before + 1;
        }
    }

    /// Takes the key off the last field, which starts at `at`; whether it was this one.
    fn strip_key(&mut self, at: usize, key: &str) -> bool {
        let field = self.written(at);
        let Some((&tag, rest)) = field.split_first() else { return false };
        let payload = rest.get(2..).and_then(|rest| rest.strip_prefix(key.as_bytes()));
        let Some(payload) = payload else { return false };
        if tag & wire::INLINE_KEY == 0 || rest[..2] != (key.len() as u16).to_le_bytes() {
            return false;
        }
        let (from, len) = (at + 3 + key.len(), payload.len());
        // SAFETY: both ranges are within what is written; the payload moves down.
        unsafe {
            *self.start.add(at) = tag & !wire::INLINE_KEY;
            std::ptr::copy(self.start.add(from), self.start.add(at + 1), len);
        }
        self.cut_back(at + 1 + len);
        true
    }

    // Fields of slog's macros, and of loggers.

    /// Begins a field that comes with its key.
    fn keyed_field(&mut self, key: &str, tag: u8, need: usize) -> bool {
        match self.phase {
            Phase::Site => self.go_inline(),
            Phase::Start => self.begin_call(),
            Phase::Free | Phase::Call | Phase::List => {}
        }
        if let Some(expected) = self.expected.get(self.next) {
            if **expected == *key {
                self.next += 1;
                if self.full || !self.has_room(1 + need) {
                    return self.no_field(1 + need);
                }
                self.put(&[tag]);
                self.count += 1;
                return true;
            }
            self.unexpected();
        } else if !self.expected.is_empty() {
            self.unexpected();
        }
        self.inline_field(key, tag, need)
    }

    /// From here on, and up to here, the site's keys go inline.
    #[cold]
    #[inline(never)]
    fn go_inline(&mut self) {
        if self.names_inline {
            return;
        }
        self.names_inline = true;
        self.flags |= KEYS_INLINE;
        self.next = usize::from(self.count - self.phase_count);
        let keys = self.site_keys;
        self.rewrite(|index| keys.get(index).copied().unwrap_or_default());
    }

    /// The keys are not those of last time: all of this phase go inline.
    #[cold]
    #[inline(never)]
    fn unexpected(&mut self) {
        let keys: Vec<Box<str>> = self.expected[..self.next].to_vec();
        self.expected = &[];
        self.next = 0;
        match self.phase {
            Phase::List => self.list = 0,
            _ => self.flags |= KEYS_INLINE,
        }
        self.rewrite(|index| keys.get(index).map_or("", |key| key));
    }

    /// Writes this phase's fields again, with inline keys.
    fn rewrite<'k>(&mut self, key: impl Fn(usize) -> &'k str) {
        let copy = self.written(self.phase_at).to_vec();
        self.cut_back(self.phase_at);
        self.count = self.phase_count;
        let mut rest = &copy[..];
        let mut index = 0;
        loop {
            let before = rest;
            let Some(field) = wire::read(&mut rest) else { break };
            let whole = &before[..before.len() - rest.len()];
            let (tag, payload) = (whole[0] & !wire::INLINE_KEY, &whole[1..]);
            match field.key {
                Some(_) if self.has_room(whole.len()) => {
                    self.put(whole);
                    self.count += 1;
                }
                Some(_) => _ = self.no_field(whole.len()),
                None => {
                    if self.inline_field(key(index), tag, payload.len()) {
                        self.put(payload);
                    }
                    index += 1;
                }
            }
        }
    }

    /// Writes a payload that room was made for, or as much of it as fits.
    fn payload(&mut self, value: Value<'_>) {
        match value {
            Value::Null | Value::Bool(_) => {}
            Value::I64(v) => self.put(&v.to_le_bytes()),
            Value::U64(v) => self.put(&v.to_le_bytes()),
            Value::I128(v) => self.put(&v.to_le_bytes()),
            Value::U128(v) => self.put(&v.to_le_bytes()),
            Value::F64(v) => self.put(&v.to_le_bytes()),
            Value::Str(v) => self.put_text(v),
            Value::Json(v) if self.has_room(4 + v.len()) => self.put_text(v),
            // Half of a JSON text is none.
            Value::Json(v) => {
                self.cut += v.len() as u64;
                self.put_text("null");
            }
            Value::Bytes(v) if self.has_room(4 + v.len()) => {
                self.put(&(v.len() as u32).to_le_bytes());
                self.put(v);
            }
            Value::Bytes(v) => self.put_cut(v, |fits| fits),
            other => self.put_args(format_args!("{other}")),
        }
    }

    fn field(&mut self, key: &Key, tag: u8, need: usize, value: Value<'_>) {
        if self.keyed_field(key.as_ref(), tag, need) {
            self.payload(value);
        }
    }

    // What comes after the fields.

    /// Ends the call's own fields, and writes the logger's.
    #[inline]
    pub(crate) fn logger_fields(&mut self, values: &OwnedKVList) {
        if self.phase == Phase::Start {
            self.begin_call();
        }
        if self.phase == Phase::Call {
            self.end_call();
        }
        self.call_at = self.phase_at;
        self.call_count = self.count;
        self.phase = Phase::List;
        self.phase_count = self.count;
        self.phase_at = self.used();
        self.next = 0;
        self.expected = &[];
        let address = std::ptr::from_ref(values).addr();
        if let Some(known) = self.caches.and_then(|caches| caches.list(address)) {
            self.list = known.id;
            // A list that could not be defined, or is empty, has nothing to leave out.
            if known.id != 0 {
                self.expected = &known.keys;
            }
        }
        self.contained(|writer| slog::KV::serialize(values, writer.record, writer));
        if self.next != self.expected.len() && !self.full {
            self.unexpected();
        }
    }

    /// Writes what a `KV` emits, whatever it does.
    #[inline]
    pub(crate) fn contained(&mut self, kv: impl FnOnce(&mut Self) -> slog::Result) {
        match contain(|| kv(self)) {
            Ok(Ok(())) => {}
            Ok(Err(error)) => self.kv_error(format_args!("{error}")),
            Err(reason) => self.kv_error(format_args!("{}", panic_mark(&reason))),
        }
    }

    #[cold]
    #[inline(never)]
    fn kv_error(&mut self, error: fmt::Arguments<'_>) {
        // Half a field may stand there: a payload was announced and did not come. Fields are whole
        // as long as they are emitted through this writer, which contains each.
        if self.keyed_field("kv_error", wire::STR, 4) {
            self.put_args(error);
        }
    }

    /// slog hands key-values over newest first: turns them round, now that all are there.
    fn end_call(&mut self) {
        if self.next != self.expected.len() && !self.full {
            self.unexpected();
        } else if self.full && self.next != 0 {
            // Cut off in the middle: which keys are left out would not be told by their number.
            self.unexpected();
        }
        if self.count - self.phase_count < 2 {
            return;
        }
        let (from, len) = (self.phase_at, self.used() - self.phase_at);
        let mut small = [0_u8; 512];
        let large;
        let copy = if len <= small.len() {
            small[..len].copy_from_slice(self.written(from));
            &small[..len]
        } else {
            large = self.written(from).to_vec();
            &large[..]
        };
        // SAFETY: within what is written.
        let mut to = unsafe { self.start.add(from + len) };
        let mut rest = copy;
        loop {
            let before = rest;
            if wire::read(&mut rest).is_none() {
                break;
            }
            let field = &before[..before.len() - rest.len()];
            // SAFETY: the fields have `len` bytes together, so that `to` ends at `from`.
            unsafe {
                to = to.sub(field.len());
                std::ptr::copy_nonoverlapping(field.as_ptr(), to, field.len());
            }
        }
    }

    /// Completes the frame.
    #[inline]
    pub(crate) fn finish(&mut self, nanos: u64, sequence: u64) -> Finished {
        let padding = self.used().wrapping_neg() % ALIGN;
        // SAFETY: the tail is kept free behind the body.
        unsafe {
            std::ptr::write_bytes(self.at, 0, padding);
            self.at = self.at.add(padding);
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
            logger: if self.name.inline { 0 } else { self.name.id },
            list: self.list,
            flags: self.flags,
            level: self.level as u8,
            count: self.count,
            nanos,
            sequence,
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

    /// What this record taught about its call site and its logger, for the thread's caches.
    #[inline]
    pub(crate) fn lesson(&self, values: &OwnedKVList) -> Option<Lesson> {
        let call = self.from_slog && self.flags & KEYS_INLINE != 0;
        let list = self.list == 0 && self.count > self.call_count;
        if !(call || list) || self.full || self.lost {
            return None;
        }
        self.teach(values, call, list)
    }

    #[cold]
    #[inline(never)]
    fn teach(&self, values: &OwnedKVList, call: bool, list: bool) -> Option<Lesson> {
        let mut lesson = Lesson { call: None, list: None };
        if call {
            // Back into the order in which slog hands them over.
            let mut keys = keys_of(self.written(self.call_at), usize::from(self.call_count))?;
            keys.reverse();
            lesson.call = Some((self.place(), keys));
        }
        if list {
            let count = usize::from(self.count - self.call_count);
            let keys = keys_of(self.written(self.phase_at), count)?;
            lesson.list = Some((std::ptr::from_ref(values).addr(), keys));
        }
        Some(lesson)
    }
}

/// The inline keys of so many fields; `None` when one has none.
fn keys_of(mut fields: &[u8], count: usize) -> Option<Vec<Box<str>>> {
    let mut key = || {
        let key = wire::read(&mut fields)?.key?;
        Some(Box::from(std::str::from_utf8(key).ok()?))
    };
    (0..count).map(|_| key()).collect()
}

/// What a record taught.
pub(crate) struct Lesson {
    call: Option<(Place, Vec<Box<str>>)>,
    list: Option<(usize, Vec<Box<str>>)>,
}

impl Lesson {
    #[cold]
    pub(crate) fn learn(self, caches: &mut Caches) {
        if let Some((place, keys)) = self.call {
            caches.learn_site(&place, keys);
        }
        if let Some((address, keys)) = self.list {
            caches.learn_list(address, keys);
        }
    }
}

/// Formats into a frame, up to the record's cap.
struct TextWriter<'w, 'a> {
    writer: &'w mut FrameWriter<'a>,
    cut: u64,
    calls: u32,
}

impl fmt::Write for TextWriter<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.cut > 0 {
            self.cut += text.len() as u64;
            self.calls += 1;
            return if self.calls < CALLS_BEYOND_CAP { Ok(()) } else { Err(fmt::Error) };
        }
        let room = self.writer.text_room();
        if room >= text.len() && self.writer.has_room(text.len()) {
            self.writer.put(text.as_bytes());
            return Ok(());
        }
        let keep = text.floor_char_boundary(room);
        if self.writer.has_room(keep) {
            self.writer.put(&text.as_bytes()[..keep]);
        }
        self.cut = (text.len() - keep) as u64;
        Ok(())
    }
}

macro_rules! emit {
    ($($name:ident($type:ty) = $tag:ident, $need:expr;)*) => {
        $(#[inline]
        fn $name(&mut self, key: Key, value: $type) -> slog::Result {
            self.field(&key, wire::$tag, $need, Value::from(value));
            Ok(())
        })*
    };
}

impl Serializer for FrameWriter<'_> {
    emit! {
        emit_i8(i8) = I64, 8;
        emit_i16(i16) = I64, 8;
        emit_i32(i32) = I64, 8;
        emit_i64(i64) = I64, 8;
        emit_i128(i128) = I128, 16;
        emit_u8(u8) = U64, 8;
        emit_u16(u16) = U64, 8;
        emit_u32(u32) = U64, 8;
        emit_u64(u64) = U64, 8;
        emit_u128(u128) = U128, 16;
        emit_f64(f64) = F64, 8;
        emit_str(&str) = STR, 4;
    }

    fn emit_bool(&mut self, key: Key, value: bool) -> slog::Result {
        let tag = if value { wire::TRUE } else { wire::FALSE };
        self.field(&key, tag, 0, Value::Bool(value));
        Ok(())
    }

    fn emit_usize(&mut self, key: Key, value: usize) -> slog::Result {
        self.emit_u64(key, value as u64)
    }

    fn emit_isize(&mut self, key: Key, value: isize) -> slog::Result {
        self.emit_i64(key, value as i64)
    }

    fn emit_f32(&mut self, key: Key, value: f32) -> slog::Result {
        self.emit_f64(key, shortest_f64(value))
    }

    fn emit_char(&mut self, key: Key, value: char) -> slog::Result {
        self.emit_str(key, value.encode_utf8(&mut [0; 4]))
    }

    fn emit_unit(&mut self, key: Key) -> slog::Result {
        self.field(&key, wire::NULL, 0, Value::Null);
        Ok(())
    }

    fn emit_none(&mut self, key: Key) -> slog::Result {
        self.emit_unit(key)
    }

    fn emit_bytes(&mut self, key: Key, bytes: &[u8], _kind: BytesKind) -> slog::Result {
        self.field(&key, wire::BYTES, 4, Value::Bytes(bytes));
        Ok(())
    }

    fn emit_arguments(&mut self, key: Key, args: &fmt::Arguments<'_>) -> slog::Result {
        if self.keyed_field(key.as_ref(), wire::STR, 4) {
            self.put_args(*args);
        }
        Ok(())
    }

    fn emit_serde(&mut self, key: Key, value: &dyn SerdeValue) -> slog::Result {
        lend_serde(value, |value| match value {
            Value::Str(text) => self.field(&key, wire::STR, 4, Value::Str(text)),
            Value::Bool(true) => self.field(&key, wire::TRUE, 0, value),
            Value::Bool(false) => self.field(&key, wire::FALSE, 0, value),
            Value::Null => self.field(&key, wire::NULL, 0, value),
            other => self.field(&key, wire::JSON, 4, other),
        });
        Ok(())
    }
}
