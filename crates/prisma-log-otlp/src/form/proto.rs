//! The binary form: <https://protobuf.dev/programming-guides/encoding/>.

use super::{Form, Key};

const VARINT: u32 = 0;
const FIXED64: u32 = 1;
const COUNTED: u32 = 2;
const FIXED32: u32 = 5;

/// Appends binary fields to a buffer.
pub(crate) struct ProtoForm<'a> {
    pub(crate) out: &'a mut Vec<u8>,
}

impl<'a> ProtoForm<'a> {
    pub(crate) fn new(out: &'a mut Vec<u8>) -> Self {
        ProtoForm { out }
    }

    fn tag(&mut self, key: Key, kind: u32) {
        self.varint(u64::from(key.number << 3 | kind));
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.out.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.out.push(value as u8);
    }

    fn counted(&mut self, key: Key, bytes: &[u8]) {
        self.tag(key, COUNTED);
        self.varint(bytes.len() as u64);
        self.out.extend_from_slice(bytes);
    }

    /// A message whose length is known when it stands: one byte is kept free for it, and what
    /// follows makes room if it takes more.
    fn nested(&mut self, key: Key, write: impl FnOnce(&mut Self)) {
        self.tag(key, COUNTED);
        let at = self.out.len();
        self.out.push(0);
        write(self);
        let length = self.out.len() - at - 1;
        if length < 0x80 {
            self.out[at] = length as u8;
            return;
        }
        let end = self.out.len();
        self.varint(length as u64);
        // The length stands behind the message now; it belongs before it.
        let mut varint = [0; 10];
        let size = self.out.len() - end;
        varint[..size].copy_from_slice(&self.out[end..]);
        self.out.pop();
        self.out.copy_within(at + 1..end, at + size);
        self.out[at..at + size].copy_from_slice(&varint[..size]);
    }
}

impl Form for ProtoForm<'_> {
    fn message(&mut self, key: Key, write: impl FnOnce(&mut Self)) {
        self.nested(key, write);
    }

    fn list(&mut self, _: Key, write: impl FnOnce(&mut Self)) {
        write(self);
    }

    fn item(&mut self, key: Key, write: impl FnOnce(&mut Self)) {
        self.nested(key, write);
    }

    fn encoded_item(&mut self, piece: &[u8]) {
        self.out.extend_from_slice(piece);
    }

    fn piece(&mut self, key: Key, write: impl FnOnce(&mut Self)) {
        self.nested(key, write);
    }

    fn text(&mut self, key: Key, value: &str) {
        self.counted(key, value.as_bytes());
    }

    fn bytes(&mut self, key: Key, value: &[u8]) {
        self.counted(key, value);
    }

    fn id(&mut self, key: Key, value: &[u8]) {
        self.counted(key, value);
    }

    fn bool(&mut self, key: Key, value: bool) {
        self.tag(key, VARINT);
        self.out.push(u8::from(value));
    }

    fn int64(&mut self, key: Key, value: i64) {
        self.tag(key, VARINT);
        self.varint(value as u64);
    }

    fn double(&mut self, key: Key, value: f64) {
        self.tag(key, FIXED64);
        self.out.extend_from_slice(&value.to_le_bytes());
    }

    fn uint32(&mut self, key: Key, value: u32) {
        self.tag(key, VARINT);
        self.varint(u64::from(value));
    }

    fn fixed32(&mut self, key: Key, value: u32) {
        self.tag(key, FIXED32);
        self.out.extend_from_slice(&value.to_le_bytes());
    }

    fn fixed64(&mut self, key: Key, value: u64) {
        self.tag(key, FIXED64);
        self.out.extend_from_slice(&value.to_le_bytes());
    }
}

/// Reads the fields of a message that a server sent; ends at the first that is malformed.
pub(crate) struct ProtoReader<'a>(pub(crate) &'a [u8]);

/// A field's value, as far as answers need it.
#[derive(Debug, PartialEq)]
pub(crate) enum Part<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

impl<'a> ProtoReader<'a> {
    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = self.0.split_first()?;
            self.0 = rest;
            value |= u64::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    /// The last field of this number that is a message or bytes.
    pub(crate) fn bytes_of(message: &'a [u8], number: u64) -> Option<&'a [u8]> {
        let fields = ProtoReader(message).filter(|(found, _)| *found == number);
        fields.filter_map(|(_, part)| if let Part::Bytes(v) = part { Some(v) } else { None }).last()
    }

    /// The last field of this number that is a number.
    pub(crate) fn number_of(message: &'a [u8], number: u64) -> Option<u64> {
        let fields = ProtoReader(message).filter(|(found, _)| *found == number);
        let numbers = fields.filter_map(|(_, part)| match part {
            Part::Number(value) => Some(value),
            Part::Bytes(_) => None,
        });
        numbers.last()
    }
}

impl<'a> Iterator for ProtoReader<'a> {
    type Item = (u64, Part<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let tag = self.varint()?;
        let part = match (tag & 7) as u32 {
            VARINT => Part::Number(self.varint()?),
            COUNTED => {
                let length = usize::try_from(self.varint()?).ok()?;
                Part::Bytes(self.take(length)?)
            }
            FIXED64 => Part::Bytes(self.take(8)?),
            FIXED32 => Part::Bytes(self.take(4)?),
            _ => return None,
        };
        Some((tag >> 3, part))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::form::key;

    #[test]
    fn a_message_of_any_length_reads_back() {
        for length in [0, 1, 120, 126, 127, 128, 129, 16_380, 16_384, 2_097_152, 2_097_160] {
            let text = "x".repeat(length);
            let mut out = b"before".to_vec();
            let mut form = ProtoForm::new(&mut out);
            form.message(key(3, "m"), |form| {
                form.item(key(17, "i"), |form| form.text(key(1, "t"), &text));
                form.uint32(key(2, "n"), 300);
            });
            form.bool(key(4, "b"), true);
            let message = &out[b"before".len()..];
            let inner = ProtoReader::bytes_of(message, 3).unwrap();
            let item = ProtoReader::bytes_of(inner, 17).unwrap();
            assert_eq!(ProtoReader::bytes_of(item, 1), Some(text.as_bytes()), "{length}");
            assert_eq!(ProtoReader::number_of(inner, 2), Some(300));
            assert_eq!(ProtoReader::number_of(message, 4), Some(1));
        }
    }

    #[test]
    fn what_is_malformed_ends_the_message() {
        for bytes in [&b"\x80"[..], b"\x0a\x05ab", b"\x09\x01", b"\x0b", &[0xFF; 11]] {
            assert_eq!(ProtoReader(bytes).next(), None, "{bytes:?}");
        }
        assert_eq!(ProtoReader(b"\x08\x07\xff").count(), 1);
    }
}
