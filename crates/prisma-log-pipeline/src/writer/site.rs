//! Fields of the facade's macros: their keys are constants of the site.
#![expect(unsafe_code, reason = "keys are taken off fields in place")]

use std::fmt;

use prisma_log_core::support::{contain, panic_mark};
use prisma_log_core::{Value, wire};
use slog::Key;

use super::text::SHORT_TEXT;
use super::{FrameWriter, Phase, copy_short};
use crate::call_site::CallSite;
use crate::frame::KEYS_INLINE;

/// Where the next field of a call through our macros goes.
///
/// A value and not part of the writer: stores through the writer's pointers might, for all the
/// compiler knows, change the writer, and it would load and store the place with every byte. Small
/// enough to be handed on in registers.
#[derive(Clone, Copy)]
pub struct Cursor {
    at: *mut u8,
    count: u32,
}

impl FrameWriter<'_> {
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

    /// Begins a field of one of our macros: its payload has `need` bytes at least.
    #[inline]
    fn site_field(&mut self, tag: u8, need: usize) -> bool {
        if self.names_inline {
            return self.named_field(tag, need);
        }
        if self.full || !self.has_room(1 + need) {
            return self.no_field(1 + need);
        }
        self.put_array([tag]);
        self.count += 1;
        true
    }

    #[cold]
    pub(super) fn no_field(&mut self, bytes: usize) -> bool {
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
    pub(super) fn inline_field(&mut self, key: &str, tag: u8, need: usize) -> bool {
        let key = &key.as_bytes()[..key.floor_char_boundary(wire::MAX_KEY_BYTES)];
        // More fields than a frame's head can count: only with a cap of many thousands of bytes.
        self.full |= self.count >= u32::from(u16::MAX);
        if self.full || !self.has_room(3 + key.len() + need) {
            return self.no_field(3 + key.len() + need);
        }
        self.put_array([tag | wire::INLINE_KEY]);
        self.put_array((key.len() as u16).to_le_bytes());
        self.put(key);
        self.count += 1;
        true
    }

    /// Where the next field goes, as a value that is kept in registers while fields are written.
    #[inline(always)]
    pub fn cursor(&mut self) -> Cursor {
        // Whatever is not the usual way finds no room, and goes through `slowly`.
        self.quick_end = if self.names_inline || self.full { self.at } else { self.end };
        Cursor { at: self.at, count: self.count }
    }

    /// Takes over what was written through the cursor.
    #[inline(always)]
    pub fn resume(&mut self, cursor: Cursor) {
        self.at = cursor.at;
        self.count = cursor.count;
    }

    #[inline(always)]
    fn quick_room(&self, cursor: Cursor) -> usize {
        self.quick_end.addr() - cursor.at.addr()
    }

    /// Writes a field in the general way.
    #[cold]
    #[inline(never)]
    fn slowly(&mut self, cursor: Cursor, value: Value<'_>) -> Cursor {
        self.resume(cursor);
        match value {
            Value::U64(v) => self.slow_fixed(wire::U64, v.to_le_bytes()),
            Value::I64(v) => self.slow_fixed(wire::I64, v.to_le_bytes()),
            Value::F64(v) => self.slow_fixed(wire::F64, v.to_le_bytes()),
            Value::U128(v) => self.slow_fixed(wire::U128, v.to_le_bytes()),
            Value::I128(v) => self.slow_fixed(wire::I128, v.to_le_bytes()),
            Value::Bool(v) => self.slow_fixed(if v { wire::TRUE } else { wire::FALSE }, []),
            Value::Str(v) => {
                if self.site_field(wire::STR, 4) {
                    self.put_text(v);
                }
            }
            other => self.args(format_args!("{other}")),
        }
        self.cursor()
    }

    fn slow_fixed<const N: usize>(&mut self, tag: u8, payload: [u8; N]) {
        if self.site_field(tag, N) {
            self.put_array(payload);
        }
    }

    /// Writes the next field, of a fixed size.
    #[inline(always)]
    fn fixed<const N: usize>(
        &mut self,
        mut cursor: Cursor,
        tag: u8,
        payload: [u8; N],
        value: Value<'_>,
    ) -> Cursor {
        if self.quick_room(cursor) < 1 + N {
            return self.slowly(cursor, value);
        }
        // SAFETY: there is room for tag and payload; unaligned, as fields are.
        unsafe {
            *cursor.at = tag;
            cursor.at.add(1).cast::<[u8; N]>().write_unaligned(payload);
            cursor.at = cursor.at.add(1 + N);
        }
        cursor.count += 1;
        cursor
    }

    /// Writes the next field: an unsigned number.
    #[inline(always)]
    pub fn u64(&mut self, cursor: Cursor, value: u64) -> Cursor {
        self.fixed(cursor, wire::U64, value.to_le_bytes(), Value::U64(value))
    }

    /// Writes the next field: a signed number.
    #[inline(always)]
    pub fn i64(&mut self, cursor: Cursor, value: i64) -> Cursor {
        self.fixed(cursor, wire::I64, value.to_le_bytes(), Value::I64(value))
    }

    /// Writes the next field: a floating-point number.
    #[inline(always)]
    pub fn f64(&mut self, cursor: Cursor, value: f64) -> Cursor {
        self.fixed(cursor, wire::F64, value.to_le_bytes(), Value::F64(value))
    }

    /// Writes the next field: a truth value.
    #[inline(always)]
    pub fn bool(&mut self, cursor: Cursor, value: bool) -> Cursor {
        let tag = if value { wire::TRUE } else { wire::FALSE };
        self.fixed(cursor, tag, [], Value::Bool(value))
    }

    /// Writes the next field: a wide number.
    #[inline(always)]
    pub fn i128(&mut self, cursor: Cursor, value: i128) -> Cursor {
        self.fixed(cursor, wire::I128, value.to_le_bytes(), Value::I128(value))
    }

    /// Writes the next field: a wide unsigned number.
    #[inline(always)]
    pub fn u128(&mut self, cursor: Cursor, value: u128) -> Cursor {
        self.fixed(cursor, wire::U128, value.to_le_bytes(), Value::U128(value))
    }

    /// Writes the next field: a text.
    #[inline(always)]
    pub fn str(&mut self, mut cursor: Cursor, value: &str) -> Cursor {
        let len = value.len();
        if len > SHORT_TEXT || self.quick_room(cursor) < 5 + len {
            return self.slowly(cursor, Value::Str(value));
        }
        // SAFETY: there is room for tag, length and text.
        unsafe {
            *cursor.at = wire::STR;
            cursor.at.add(1).cast::<[u8; 4]>().write_unaligned((len as u32).to_le_bytes());
            copy_short(value.as_ptr(), cursor.at.add(5), len);
            cursor.at = cursor.at.add(5 + len);
        }
        cursor.count += 1;
        cursor
    }

    /// Writes the next field: what the arguments format to.
    pub fn args_at(&mut self, cursor: Cursor, args: fmt::Arguments<'_>) -> Cursor {
        self.resume(cursor);
        self.args(args);
        self.cursor()
    }

    /// Writes the next field as slog's `Value` has it.
    pub fn slog_value_at(
        &mut self,
        cursor: Cursor,
        key: &'static str,
        value: &dyn slog::Value,
    ) -> Cursor {
        self.resume(cursor);
        self.slog_value(key, value);
        self.cursor()
    }

    /// Writes the next field of a call through our macros: what the arguments format to.
    #[inline(never)]
    fn args(&mut self, args: fmt::Arguments<'_>) {
        if self.site_field(wire::STR, 4) {
            self.put_args(args);
        }
    }

    /// Writes the next field of a call through our macros as slog's `Value` has it.
    #[inline(never)]
    fn slog_value(&mut self, key: &'static str, value: &dyn slog::Value) {
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
            let before = (count - self.phase_count) as usize;
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

    /// From here on, and up to here, the site's keys go inline.
    #[cold]
    #[inline(never)]
    pub(super) fn go_inline(&mut self) {
        if self.names_inline {
            return;
        }
        self.names_inline = true;
        self.flags |= KEYS_INLINE;
        self.next = (self.count - self.phase_count) as usize;
        let keys = self.site_keys;
        self.rewrite(|index| keys.get(index).copied().unwrap_or_default());
    }

    /// Writes this phase's fields again, with inline keys.
    pub(super) fn rewrite<'k>(&mut self, key: impl Fn(usize) -> &'k str) {
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
}
