//! Fields of slog's macros, and of loggers: each comes with its key.
#![expect(unsafe_code, reason = "fields are turned round in place")]

use std::fmt;
use std::mem::MaybeUninit;

use prisma_log_core::support::{contain, lend_serde, panic_mark, shortest_f64};
use prisma_log_core::{Value, wire};
use slog::{BytesKind, Key, OwnedKVList, SerdeValue, Serializer};

use super::compare::same_text;
use super::text::SHORT_TEXT;
use super::{FrameWriter, Phase, copy_short};
use crate::cache::Place;
use crate::frame::KEYS_INLINE;

impl FrameWriter<'_> {
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

    pub(super) fn place(&self) -> Place {
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

    /// Begins a field that comes with its key.
    #[inline]
    fn keyed_field(&mut self, key: &str, tag: u8, need: usize) -> bool {
        self.all_quick = false;
        match self.phase {
            Phase::Site => self.go_inline(),
            Phase::Start => self.begin_call(),
            Phase::Free | Phase::Call | Phase::List => {}
        }
        if let Some(expected) = self.expected.get(self.next) {
            if same_text(expected, key) {
                self.next += 1;
                if self.full || !self.has_room(1 + need) {
                    return self.no_field(1 + need);
                }
                self.put_array([tag]);
                self.count += 1;
                return true;
            }
            self.unexpected();
        } else if !self.expected.is_empty() {
            self.unexpected();
        }
        self.inline_field(key, tag, need)
    }

    /// The keys are not those of last time: all of this phase go inline.
    #[cold]
    #[inline(never)]
    fn unexpected(&mut self) {
        let keys: Vec<Box<str>> = self.expected[..self.next].to_vec();
        self.expected = &[];
        self.next = 0;
        self.all_quick = false;
        match self.phase {
            Phase::List => self.list = 0,
            _ => self.flags |= KEYS_INLINE,
        }
        self.rewrite(|index| keys.get(index).map_or("", |key| key));
    }

    /// Writes a payload that room was made for, or as much of it as fits.
    fn payload(&mut self, value: Value<'_>) {
        match value {
            Value::Null | Value::Bool(_) => {}
            Value::I64(v) => self.put_array(v.to_le_bytes()),
            Value::U64(v) => self.put_array(v.to_le_bytes()),
            Value::I128(v) => self.put_array(v.to_le_bytes()),
            Value::U128(v) => self.put_array(v.to_le_bytes()),
            Value::F64(v) => self.put_array(v.to_le_bytes()),
            Value::Str(v) => self.put_text(v),
            Value::Json(v) if self.has_room(4 + v.len()) => self.put_text(v),
            // Half of a JSON text is none.
            Value::Json(v) => {
                self.cut += v.len() as u64;
                self.put_text("null");
            }
            Value::Bytes(v) if self.has_room(4 + v.len()) => {
                self.put_array((v.len() as u32).to_le_bytes());
                self.put(v);
            }
            Value::Bytes(v) => self.put_cut(v, |fits| fits),
            other => self.put_args(format_args!("{other}")),
        }
    }

    /// Writes a field of a fixed size, if it has the key that it had last time and there is room:
    /// the usual way. The writer's place is loaded and stored once.
    #[inline(always)]
    fn quick_field<const N: usize>(&mut self, key: &Key, tag: u8, payload: [u8; N]) -> bool {
        let Some(at) = self.quick_place(key, 1 + N) else { return false };
        // SAFETY: there is room for tag and payload; unaligned, as fields are.
        unsafe {
            *at = tag;
            at.add(1).cast::<[u8; N]>().write_unaligned(payload);
        }
        true
    }

    /// Writes a short text in the same way.
    #[inline(always)]
    fn quick_text(&mut self, key: &Key, text: &str) -> bool {
        let len = text.len();
        if len > SHORT_TEXT {
            return false;
        }
        let Some(at) = self.quick_place(key, 5 + len) else { return false };
        // SAFETY: there is room for tag, length and text.
        unsafe {
            *at = wire::STR;
            at.add(1).cast::<[u8; 4]>().write_unaligned((len as u32).to_le_bytes());
            copy_short(text.as_ptr(), at.add(5), len);
        }
        true
    }

    /// Where a field of so many bytes goes that is the next one as expected; it counts as written.
    #[inline(always)]
    fn quick_place(&mut self, key: &Key, bytes: usize) -> Option<*mut u8> {
        if self.phase == Phase::Start {
            self.begin_call();
        }
        let (next, at) = (self.next, self.at);
        let expected = self.expected.get(next)?;
        let room = self.end.addr() - at.addr();
        if room < bytes || self.full || !same_text(expected, key.as_ref()) {
            return None;
        }
        if let Some(start) = self.starts.get_mut(next) {
            start.write((at.addr() - self.start.addr()) as u32);
        }
        // SAFETY: there is room.
        self.at = unsafe { at.add(bytes) };
        self.next = next + 1;
        self.count += 1;
        Some(at)
    }

    #[inline(never)]
    fn field(&mut self, key: &Key, tag: u8, need: usize, value: Value<'_>) {
        if self.keyed_field(key.as_ref(), tag, need) {
            self.payload(value);
        }
    }

    /// Writes the call's fields and the logger's, whatever they do.
    #[inline]
    pub(crate) fn fields(&mut self, values: &OwnedKVList) {
        let record = self.record;
        let outcome = contain(|| {
            slog::KV::serialize(&record.kv(), record, self)?;
            self.begin_list(values);
            slog::KV::serialize(values, record, self)
        });
        match outcome {
            Ok(Ok(())) => {}
            Ok(Err(error)) => self.go_on(values, format_args!("{error}")),
            Err(reason) => self.go_on(values, format_args!("{}", panic_mark(&reason))),
        }
        if self.next != self.expected.len() && !self.full {
            self.unexpected();
        }
    }

    /// Goes on after key-values that failed: says so, and writes the logger's if they are to come.
    #[cold]
    #[inline(never)]
    fn go_on(&mut self, values: &OwnedKVList, error: fmt::Arguments<'_>) {
        self.kv_error(error);
        if self.phase != Phase::List {
            self.begin_list(values);
            let record = self.record;
            match contain(|| slog::KV::serialize(values, record, self)) {
                Ok(Ok(())) => {}
                Ok(Err(error)) => self.kv_error(format_args!("{error}")),
                Err(reason) => self.kv_error(format_args!("{}", panic_mark(&reason))),
            }
        }
    }

    /// Ends the call's own fields; the logger's follow.
    #[inline]
    fn begin_list(&mut self, values: &OwnedKVList) {
        if self.phase != Phase::Site {
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
            self.list = u32::from(known.id);
            // A list that could not be defined, or is empty, has nothing to leave out.
            if known.id != 0 {
                self.expected = &known.keys;
            }
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
        if self.phase == Phase::Start {
            self.begin_call();
        }
        let all = self.next == self.expected.len();
        // Cut off in the middle: which keys are left out would not be told by their number.
        if !all && (!self.full || self.next != 0) {
            self.unexpected();
        }
        if self.count - self.phase_count < 2 {
            return;
        }
        let (from, len) = (self.phase_at, self.used() - self.phase_at);
        let mut small = [MaybeUninit::<u8>::uninit(); REVERSE_BYTES];
        let large;
        let copy: *const u8 = if len <= REVERSE_BYTES {
            // SAFETY: the buffer is long enough, and the fields are written.
            unsafe {
                let to = small.as_mut_ptr().cast::<u8>();
                std::ptr::copy_nonoverlapping(self.start.add(from), to, len);
                to
            }
        } else {
            large = self.written(from).to_vec();
            large.as_ptr()
        };
        // SAFETY: within what is written.
        let mut to = unsafe { self.start.add(from) };
        if self.all_quick && self.next <= self.starts.len() {
            let mut end = len;
            for start in self.starts[..self.next].iter().rev() {
                // SAFETY: every quick field has noted its start, which is at `from` or after it; the
                // fields have `len` bytes together.
                unsafe {
                    let start = start.assume_init() as usize - from;
                    copy_short(copy.add(start), to, end - start);
                    to = to.add(end - start);
                    end = start;
                }
            }
            return;
        }
        // SAFETY: `len` bytes were copied there.
        let copy = unsafe { std::slice::from_raw_parts(copy, len) };
        // SAFETY: within what is written.
        let mut to = unsafe { self.start.add(from + len) };
        let mut at = 0;
        while let Some(field) = field_len(&copy[at..]) {
            // SAFETY: the fields have `len` bytes together, so that `to` ends at `from`.
            unsafe {
                to = to.sub(field);
                copy_short(copy[at..].as_ptr(), to, field);
            }
            at += field;
        }
    }
}

/// Fields of up to so many bytes are turned round without allocating.
const REVERSE_BYTES: usize = 512;

/// Length of the field at the front; `None` when there is none, or not all of it.
#[inline]
fn field_len(bytes: &[u8]) -> Option<usize> {
    let tag = *bytes.first()?;
    let mut at = 1;
    if tag & wire::INLINE_KEY != 0 {
        at += 2 + usize::from(u16::from_le_bytes(*bytes[at..].first_chunk()?));
    }
    at += match tag & !wire::INLINE_KEY {
        wire::I64 | wire::U64 | wire::F64 => 8,
        wire::I128 | wire::U128 => 16,
        wire::STR | wire::JSON | wire::BYTES => {
            4 + u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?) as usize
        }
        _ => 0,
    };
    (at <= bytes.len()).then_some(at)
}

macro_rules! emit {
    ($($name:ident($type:ty) = $tag:ident as $as:ty;)*) => {
        $(#[inline]
        fn $name(&mut self, key: Key, value: $type) -> slog::Result {
            let wide = <$as>::from(value);
            if !self.quick_field(&key, wire::$tag, wide.to_le_bytes()) {
                self.field(&key, wire::$tag, size_of::<$as>(), Value::from(wide));
            }
            Ok(())
        })*
    };
}

impl Serializer for FrameWriter<'_> {
    emit! {
        emit_i8(i8) = I64 as i64;
        emit_i16(i16) = I64 as i64;
        emit_i32(i32) = I64 as i64;
        emit_i64(i64) = I64 as i64;
        emit_i128(i128) = I128 as i128;
        emit_u8(u8) = U64 as u64;
        emit_u16(u16) = U64 as u64;
        emit_u32(u32) = U64 as u64;
        emit_u64(u64) = U64 as u64;
        emit_u128(u128) = U128 as u128;
        emit_f64(f64) = F64 as f64;
    }

    #[inline]
    fn emit_str(&mut self, key: Key, value: &str) -> slog::Result {
        if !self.quick_text(&key, value) {
            self.field(&key, wire::STR, 4, Value::Str(value));
        }
        Ok(())
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
