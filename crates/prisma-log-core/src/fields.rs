//! A record's fields: an ordered list of key and typed value in one flat buffer.

use std::fmt::{self, Write as _};

use crate::fields_ref::{FieldsIter, FieldsRef};
use crate::{Value, wire};

/// Ordered key-value pairs, kept in one flat buffer that is reused without allocation once grown.
///
/// Keys may repeat: what a repeated key means is the encoder's business, nothing is dropped here.
/// The buffer holds the form that [`wire`] describes, each key inline. A key longer than
/// [`wire::MAX_KEY_BYTES`] is cut.
#[derive(Clone, Default)]
pub struct Fields {
    bytes: Vec<u8>,
    count: u32,
}

/// Most fields that are reversed without an allocation.
const MAX_QUICK: usize = 16;

impl Fields {
    /// No fields.
    pub const fn new() -> Self {
        Fields { bytes: Vec::new(), count: 0 }
    }

    /// No fields, with room for this many bytes of encoded ones.
    pub fn with_capacity(bytes: usize) -> Self {
        Fields { bytes: Vec::with_capacity(bytes), count: 0 }
    }

    /// Takes over fields in their encoded form; `None` unless these are exactly `count` whole
    /// fields, each with its key inline.
    pub fn from_encoded(bytes: &[u8], count: u32) -> Option<Self> {
        let fields = FieldsRef::encoded(bytes, count, &[], &[]);
        fields.check().then(|| Fields { bytes: bytes.to_vec(), count })
    }

    /// The fields in their encoded form, as [`wire`] describes it.
    #[inline]
    pub fn as_encoded(&self) -> &[u8] {
        &self.bytes
    }

    /// Lends the fields, as a record holds them.
    #[inline]
    pub fn as_ref(&self) -> FieldsRef<'_> {
        FieldsRef::encoded(&self.bytes, self.count, &[], &[])
    }

    /// Appends a field.
    #[inline]
    pub fn push<'v>(&mut self, key: &str, value: impl Into<Value<'v>>) {
        // A list of 2³² fields would be unreadable; no machine's memory lets it get that far.
        if let Some(count) = self.count.checked_add(1) {
            wire::push(Some(key), value.into(), &mut self.bytes);
            self.count = count;
        }
    }

    /// Appends a text field that `args` formats to, without an intermediate string.
    ///
    /// What a failing `Display` wrote before it failed is kept, followed by `<formatting failed>`.
    /// Of one that panics nothing is kept.
    pub fn push_args(&mut self, key: &str, args: fmt::Arguments<'_>) {
        let Some(count) = self.count.checked_add(1) else { return };
        let mut writing = Writing { whole: self.bytes.len(), start: 0, bytes: &mut self.bytes };
        wire::push_head(Some(key), wire::STR, writing.bytes);
        writing.bytes.extend_from_slice(&[0; 4]);
        writing.start = writing.bytes.len();
        if writing.write_fmt(args).is_err() {
            writing.bytes.extend_from_slice(b"<formatting failed>");
        }
        writing.finish();
        self.count = count;
    }

    /// Appends all fields of another list.
    pub fn append(&mut self, other: &Fields) {
        if let Some(count) = self.count.checked_add(other.count) {
            self.bytes.extend_from_slice(&other.bytes);
            self.count = count;
        }
    }

    /// Reverses the order of the fields from index `from` on.
    pub fn reverse_from(&mut self, from: usize) {
        let mut start = 0;
        for _ in 0..from.min(self.len()) {
            start += wire::length_of(&self.bytes[start..]);
        }
        let mut ends = [start; MAX_QUICK + 1];
        let count = self.len().saturating_sub(from);
        if count > MAX_QUICK {
            return self.reverse_many_from(start);
        }
        for index in 1..=count {
            ends[index] = ends[index - 1] + wire::length_of(&self.bytes[ends[index - 1]..]);
        }
        let end = self.bytes.len();
        for index in (1..=count).rev() {
            self.bytes.extend_from_within(ends[index - 1]..ends[index]);
        }
        self.bytes.copy_within(end.., start);
        self.bytes.truncate(end);
    }

    /// Reverses the order of the fields from the byte `start` on, in any number.
    fn reverse_many_from(&mut self, start: usize) {
        let mut ends = vec![start];
        let mut end = start;
        while end < self.bytes.len() {
            end += wire::length_of(&self.bytes[end..]);
            ends.push(end);
        }
        let mut reversed = Vec::with_capacity(end - start);
        for range in ends.windows(2).rev() {
            reversed.extend_from_slice(&self.bytes[range[0]..range[1]]);
        }
        self.bytes.truncate(start);
        self.bytes.extend_from_slice(&reversed);
    }

    /// Removes all fields and keeps the memory, unless it grew past `keep_bytes`: a single giant
    /// record must not pin its size for ever.
    pub fn clear(&mut self, keep_bytes: usize) {
        self.count = 0;
        self.bytes.clear();
        self.bytes.shrink_to(keep_bytes);
    }

    /// How many fields there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.count as usize
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The fields in order.
    #[inline]
    pub fn iter(&self) -> FieldsIter<'_> {
        self.as_ref().iter()
    }

    /// The field at `index`, counted from 0; goes through those before it.
    #[inline]
    pub fn at(&self, index: usize) -> Option<(&str, Value<'_>)> {
        self.as_ref().at(index)
    }

    /// The first field with this key.
    pub fn get(&self, key: &str) -> Option<Value<'_>> {
        self.as_ref().get(key)
    }
}

/// A text field that is being formatted; one that is not finished leaves no trace.
struct Writing<'a> {
    /// Where the fields before it end.
    whole: usize,
    /// Where its text begins.
    start: usize,
    bytes: &'a mut Vec<u8>,
}

impl Writing<'_> {
    fn finish(mut self) {
        let length = (self.bytes.len() - self.start) as u32;
        self.bytes[self.start - 4..self.start].copy_from_slice(&length.to_le_bytes());
        self.whole = self.bytes.len();
    }
}

impl fmt::Write for Writing<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // Room for the mark of failure is left.
        if self.bytes.len() - self.start + text.len() > wire::MAX_VALUE_BYTES - 64 {
            return Err(fmt::Error);
        }
        self.bytes.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        self.bytes.truncate(self.whole);
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_ref().fmt(f)
    }
}

impl<'k, 'v, V: Into<Value<'v>>> FromIterator<(&'k str, V)> for Fields {
    fn from_iter<I: IntoIterator<Item = (&'k str, V)>>(pairs: I) -> Self {
        let mut fields = Fields::new();
        for (key, value) in pairs {
            fields.push(key, value);
        }
        fields
    }
}

impl PartialEq for Fields {
    fn eq(&self, other: &Self) -> bool {
        self.as_ref() == other.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::support::contain;

    #[test]
    fn keeps_order_type_and_repeated_keys() {
        let mut fields = Fields::new();
        fields.push("a", 1_u64);
        fields.push("b", "text");
        fields.push("a", -1_i64);
        fields.push("raw", &b"\xff\x00"[..]);
        fields.push_args("c", format_args!("{}-{}", 1, 2));
        let expect = vec![
            ("a", Value::U64(1)),
            ("b", Value::Str("text")),
            ("a", Value::I64(-1)),
            ("raw", Value::Bytes(b"\xff\x00")),
            ("c", Value::Str("1-2")),
        ];
        assert_eq!(fields.iter().collect::<Vec<_>>(), expect);
        assert_eq!(fields.get("a"), Some(Value::U64(1)));
        assert_eq!(fields.at(2), Some(("a", Value::I64(-1))));
        assert_eq!(fields.at(5), None);
        fields.reverse_from(3);
        assert_eq!(fields.iter().nth(3).map(|(key, _)| key), Some("c"));
        fields.clear(4096);
        assert!(fields.is_empty());
    }

    #[test]
    fn any_tail_is_reversed() {
        let whole = Fields::from_iter([
            ("a", Value::Str("text")),
            ("", Value::Null),
            ("long key", Value::U128(7)),
            ("a", Value::Bytes(b"\x80\x08")),
            ("e", Value::Bool(true)),
        ]);
        for from in 0..=6 {
            let mut fields = whole.clone();
            fields.reverse_from(from);
            let mut expect: Vec<_> = whole.iter().collect();
            expect[from.min(5)..].reverse();
            assert_eq!(fields.iter().collect::<Vec<_>>(), expect, "from {from}");
        }
        for count in [MAX_QUICK, MAX_QUICK + 1, 1_000] {
            let keys: Vec<String> = (0..count).map(|number| number.to_string()).collect();
            let mut fields: Fields = keys.iter().map(|key| (key.as_str(), 7_u64)).collect();
            fields.reverse_from(1);
            let expect = keys[..1].iter().chain(keys[1..].iter().rev());
            assert!(fields.iter().map(|(key, _)| key).eq(expect));
        }
    }

    #[test]
    fn a_failing_display_is_kept_and_marked_a_panicking_one_is_not() {
        struct Fails(bool);
        impl fmt::Display for Fails {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("half")?;
                if self.0 { panic!("in Display") } else { Err(fmt::Error) }
            }
        }
        let mut fields = Fields::new();
        fields.push_args("k", format_args!("{}", Fails(false)));
        assert!(contain(|| fields.push_args("panics", format_args!("{}", Fails(true)))).is_err());
        fields.push("after", 1_u64);
        let expect = [("k", Value::Str("half<formatting failed>")), ("after", Value::U64(1))];
        assert_eq!(fields.iter().collect::<Vec<_>>(), expect);
    }

    #[test]
    fn the_encoded_form_comes_back_or_is_refused() {
        let fields = Fields::from_iter([("a", "b"), ("c", "d")]);
        let bytes = fields.as_encoded();
        assert_eq!(Fields::from_encoded(bytes, 2), Some(fields.clone()));
        for (bytes, count) in
            [(bytes, 1), (bytes, 3), (&bytes[1..], 2), (&[wire::NULL][..], 1), (&[][..], 1)]
        {
            assert_eq!(Fields::from_encoded(bytes, count), None);
        }
    }
}
