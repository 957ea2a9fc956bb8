//! Fields lent from wherever their encoded form is.

use std::fmt;

use crate::wire::{self, Payload};
use crate::{Fields, Value};

/// A record's fields, borrowed: a list of key and typed value in the encoded form.
///
/// Decoding is total. Bytes that are no fields end the list early, so that it may then yield less
/// than [`FieldsRef::len`] says; [`FieldsRef::check`] tells.
#[derive(Clone, Copy)]
pub struct FieldsRef<'a> {
    bytes: &'a [u8],
    count: u32,
    call_keys: &'a [Box<str>],
    logger_keys: &'a [Box<str>],
}

impl<'a> FieldsRef<'a> {
    /// No fields.
    pub const EMPTY: FieldsRef<'static> = FieldsRef::encoded(&[], 0, &[], &[]);

    /// Fields in their encoded form, as [`wire`] describes it. Those without an inline key take
    /// the next key, first from `call_keys`, then from `logger_keys`.
    #[inline]
    pub const fn encoded(
        bytes: &'a [u8],
        count: u32,
        call_keys: &'a [Box<str>],
        logger_keys: &'a [Box<str>],
    ) -> Self {
        FieldsRef { bytes, count, call_keys, logger_keys }
    }

    /// Other fields with the same keys.
    #[inline]
    pub const fn with_bytes(&self, bytes: &'a [u8]) -> Self {
        FieldsRef { bytes, ..*self }
    }

    /// How many fields there are said to be.
    #[inline]
    pub const fn len(&self) -> usize {
        self.count as usize
    }

    /// Whether there are none.
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The fields in order.
    #[inline]
    pub fn iter(&self) -> FieldsIter<'a> {
        FieldsIter { fields: *self, rest: self.bytes, left: self.count, keys_taken: 0 }
    }

    /// The fields in their encoded form, as [`wire`] describes it; those without an inline key
    /// mean nothing without the list of keys.
    #[inline]
    pub const fn as_encoded(&self) -> &'a [u8] {
        self.bytes
    }

    /// The field at `index`, counted from 0; goes through those before it.
    pub fn at(&self, index: usize) -> Option<(&'a str, Value<'a>)> {
        self.iter().nth(index)
    }

    /// The field at a place that [`FieldsIter::place`] gave for these same fields.
    pub fn at_place(&self, place: FieldPlace) -> Option<(&'a str, Value<'a>)> {
        let rest = self.bytes.get(place.offset as usize..)?;
        let keys_taken = place.keys_taken as usize;
        FieldsIter { fields: *self, rest, left: 1, keys_taken }.next()
    }

    /// The first field with this key.
    pub fn get(&self, key: &str) -> Option<Value<'a>> {
        let mut iter = self.iter();
        while let Some((k, payload)) = iter.next_raw() {
            if k == key.as_bytes() {
                return payload.value();
            }
        }
        None
    }

    /// Whether the bytes decode whole, to exactly the number of fields that there are said to be.
    pub fn check(&self) -> bool {
        let mut iter = self.iter();
        let decoded = iter.by_ref().count();
        decoded == self.len() && iter.rest.is_empty()
    }

    /// A copy that owns its fields and their keys.
    pub fn to_fields(&self) -> Fields {
        self.iter().collect()
    }

    #[inline]
    fn listed_key(&self, index: usize) -> Option<&'a str> {
        let key = match self.call_keys.get(index) {
            Some(key) => key,
            None => self.logger_keys.get(index - self.call_keys.len())?,
        };
        Some(key)
    }
}

impl Default for FieldsRef<'_> {
    fn default() -> Self {
        FieldsRef::EMPTY
    }
}

impl<'a> From<&'a Fields> for FieldsRef<'a> {
    fn from(fields: &'a Fields) -> Self {
        fields.as_ref()
    }
}

impl PartialEq for FieldsRef<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl fmt::Debug for FieldsRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// The fields of a [`Fields`] or [`FieldsRef`] in order.
#[derive(Clone, Debug)]
pub struct FieldsIter<'a> {
    fields: FieldsRef<'a>,
    rest: &'a [u8],
    left: u32,
    keys_taken: usize,
}

/// Where a field stands among its fellows: found again without going through those before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FieldPlace {
    offset: u32,
    keys_taken: u32,
}

impl FieldsIter<'_> {
    /// Where the next field stands; `None` beyond the first 4 GiB.
    #[inline]
    pub fn place(&self) -> Option<FieldPlace> {
        let offset = u32::try_from(self.fields.bytes.len() - self.rest.len()).ok()?;
        Some(FieldPlace { offset, keys_taken: u32::try_from(self.keys_taken).ok()? })
    }
}

impl<'a> FieldsIter<'a> {
    /// The next field, its texts not yet known to be UTF-8: for readers that look at every byte
    /// anyway. A key that comes from a list is.
    #[inline]
    pub fn next_raw(&mut self) -> Option<(&'a [u8], Payload<'a>)> {
        if self.left == 0 {
            return None;
        }
        let field = self.read();
        self.left = if field.is_some() { self.left - 1 } else { 0 };
        field
    }

    #[inline]
    fn read(&mut self) -> Option<(&'a [u8], Payload<'a>)> {
        let field = wire::read(&mut self.rest)?;
        let key = match field.key {
            Some(key) => key,
            None => {
                let key = self.fields.listed_key(self.keys_taken)?;
                self.keys_taken += 1;
                key.as_bytes()
            }
        };
        Some((key, field.payload))
    }
}

impl<'a> Iterator for FieldsIter<'a> {
    type Item = (&'a str, Value<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let (key, payload) = self.next_raw()?;
        let field = str::from_utf8(key).ok().zip(payload.value());
        if field.is_none() {
            self.left = 0;
        }
        field
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        // Each field is a byte at least; bytes that are none are not promised.
        (0, Some((self.left as usize).min(self.rest.len())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(keys: &[&str]) -> Vec<Box<str>> {
        keys.iter().map(|&key| key.into()).collect()
    }

    #[test]
    fn listed_keys_are_taken_in_order_between_inline_ones() {
        let mut bytes = Vec::new();
        for (key, value) in [(None, 1_u64), (Some("inline"), 2), (None, 3), (None, 4)] {
            wire::push(key, value.into(), &mut bytes);
        }
        let (call, logger) = (keys(&["a", "b"]), keys(&["c"]));
        let fields = FieldsRef::encoded(&bytes, 4, &call, &logger);
        let expect = Fields::from_iter([("a", 1_u64), ("inline", 2), ("b", 3), ("c", 4)]);
        assert_eq!(fields, expect.as_ref());
        assert!(fields.check());
        assert_eq!(fields.to_fields(), expect);
        assert_eq!(fields.get("c"), Some(Value::U64(4)));
        let mut iter = fields.iter();
        for index in 0..4 {
            let place = iter.place().unwrap();
            assert_eq!(fields.at_place(place), fields.at(index));
            assert_eq!(iter.next(), fields.at(index));
        }
        let few = FieldsRef::encoded(&bytes, 4, &call, &[]);
        assert!(!few.check());
        assert_eq!(few.iter().count(), 3);
    }

    #[test]
    fn whatever_the_bytes_are_decoding_ends_and_check_tells() {
        let whole = Fields::from_iter([
            ("k", Value::Str("text")),
            ("ключ", Value::Json("[1]")),
            ("b", Value::Bytes(b"\xff")),
            ("n", Value::U64(1)),
        ]);
        let bytes = whole.as_encoded();
        for at in 0..bytes.len() {
            for wrong in [0, 1, 0x7F, 0x80, 0x88, 0xFF] {
                let mut mangled = bytes.to_vec();
                mangled[at] = wrong;
                let fields = FieldsRef::encoded(&mangled, 4, &[], &[]);
                assert!(fields.iter().count() <= 4);
                assert_eq!(
                    fields.check(),
                    fields.to_fields().len() == 4 && {
                        Fields::from_encoded(&mangled, 4).is_some()
                    }
                );
            }
            let cut = FieldsRef::encoded(&bytes[..at], 4, &[], &[]);
            assert!(!cut.check() && cut.iter().count() < 4);
        }
        let mut bad_text = bytes.to_vec();
        let text = bytes.windows(4).position(|window| window == b"text").unwrap();
        bad_text[text] = 0xFF;
        assert_eq!(FieldsRef::encoded(&bad_text, 4, &[], &[]).iter().count(), 0);
        assert!(!FieldsRef::encoded(bytes, u32::MAX, &[], &[]).check());
    }
}
