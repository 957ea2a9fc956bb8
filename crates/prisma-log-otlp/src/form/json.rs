//! JSON, as OTLP wants it: ids in hexadecimal, 64-bit integers as strings, enumerations as numbers.

use prisma_log_format::escape_into;

use super::{Form, Key};
use prisma_log_format::push_base64;

/// Appends JSON to a buffer.
pub(crate) struct JsonForm<'a> {
    pub(crate) out: &'a mut Vec<u8>,
}

impl<'a> JsonForm<'a> {
    pub(crate) fn new(out: &'a mut Vec<u8>) -> Self {
        JsonForm { out }
    }

    /// A comma, unless what follows is the first of its map or list.
    pub(crate) fn separate(&mut self) {
        if !matches!(self.out.last(), None | Some(b'{' | b'[')) {
            self.out.push(b',');
        }
    }

    /// The name of a field whose value follows.
    pub(crate) fn name(&mut self, name: &str) {
        self.separate();
        self.string(name);
        self.out.push(b':');
    }

    pub(crate) fn string(&mut self, text: &str) {
        self.out.push(b'"');
        escape_into(text, self.out);
        self.out.push(b'"');
    }

    /// A value in quotes that needs no escapes.
    pub(crate) fn quoted(&mut self, plain: &[u8]) {
        self.out.push(b'"');
        self.out.extend_from_slice(plain);
        self.out.push(b'"');
    }

    pub(crate) fn hex(&mut self, bytes: &[u8]) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        self.out.push(b'"');
        for byte in bytes {
            let digits = [byte >> 4, byte & 15].map(|digit| DIGITS[usize::from(digit)]);
            self.out.extend_from_slice(&digits);
        }
        self.out.push(b'"');
    }

    pub(crate) fn number(&mut self, value: impl itoa::Integer) {
        self.out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
    }

    pub(crate) fn braces(&mut self, write: impl FnOnce(&mut Self)) {
        self.out.push(b'{');
        write(self);
        self.out.push(b'}');
    }

    pub(crate) fn brackets(&mut self, write: impl FnOnce(&mut Self)) {
        self.out.push(b'[');
        write(self);
        self.out.push(b']');
    }
}

impl Form for JsonForm<'_> {
    fn message(&mut self, key: Key, write: impl FnOnce(&mut Self)) {
        self.name(key.name);
        self.braces(write);
    }

    fn list(&mut self, key: Key, write: impl FnOnce(&mut Self)) {
        self.name(key.name);
        self.brackets(write);
    }

    fn item(&mut self, _: Key, write: impl FnOnce(&mut Self)) {
        self.separate();
        self.braces(write);
    }

    fn encoded_item(&mut self, piece: &[u8]) {
        self.separate();
        self.out.extend_from_slice(piece);
    }

    fn piece(&mut self, _: Key, write: impl FnOnce(&mut Self)) {
        self.braces(write);
    }

    fn text(&mut self, key: Key, value: &str) {
        self.name(key.name);
        self.string(value);
    }

    fn bytes(&mut self, key: Key, value: &[u8]) {
        self.name(key.name);
        self.out.push(b'"');
        push_base64(value, self.out);
        self.out.push(b'"');
    }

    fn id(&mut self, key: Key, value: &[u8]) {
        self.name(key.name);
        self.hex(value);
    }

    fn bool(&mut self, key: Key, value: bool) {
        self.name(key.name);
        self.out.extend_from_slice(if value { b"true" } else { b"false" });
    }

    fn int64(&mut self, key: Key, value: i64) {
        self.name(key.name);
        self.quoted(itoa::Buffer::new().format(value).as_bytes());
    }

    fn double(&mut self, key: Key, value: f64) {
        self.name(key.name);
        if value.is_finite() {
            self.out.extend_from_slice(zmij::Buffer::new().format_finite(value).as_bytes());
        } else if value.is_nan() {
            self.quoted(b"NaN");
        } else {
            self.quoted(if value > 0.0 { b"Infinity" } else { b"-Infinity" });
        }
    }

    fn uint32(&mut self, key: Key, value: u32) {
        self.name(key.name);
        self.number(value);
    }

    fn fixed32(&mut self, key: Key, value: u32) {
        self.uint32(key, value);
    }

    fn fixed64(&mut self, key: Key, value: u64) {
        self.name(key.name);
        self.quoted(itoa::Buffer::new().format(value).as_bytes());
    }
}
