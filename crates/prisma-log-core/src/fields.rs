//! A record's fields: an ordered list of key and typed value in two flat buffers.

use std::fmt::{self, Write as _};
use std::ops::Range;

use crate::Value;

/// Ordered key-value pairs, kept in flat buffers that are reused without allocation once grown.
///
/// Keys may repeat: what a repeated key means is the encoder's business, nothing is dropped here.
#[derive(Clone, Default)]
pub struct Fields {
    entries: Vec<Entry>,
    text: String,
    bytes: Vec<u8>,
}

#[derive(Clone)]
struct Entry {
    key: Range<usize>,
    value: Stored,
}

#[derive(Clone)]
enum Stored {
    Null,
    Bool(bool),
    I64(i64),
    U64(u64),
    I128(i128),
    U128(u128),
    F64(f64),
    Str(Range<usize>),
    Json(Range<usize>),
    Bytes(Range<usize>),
}

impl Fields {
    /// No fields.
    pub const fn new() -> Self {
        Fields { entries: Vec::new(), text: String::new(), bytes: Vec::new() }
    }

    /// Appends a field.
    pub fn push<'v>(&mut self, key: &str, value: impl Into<Value<'v>>) {
        let stored = match value.into() {
            Value::Str(text) => Stored::Str(append(&mut self.text, text)),
            Value::Json(text) => Stored::Json(append(&mut self.text, text)),
            Value::Bytes(bytes) => {
                let start = self.bytes.len();
                self.bytes.extend_from_slice(bytes);
                Stored::Bytes(start..self.bytes.len())
            }
            Value::Null => Stored::Null,
            Value::Bool(v) => Stored::Bool(v),
            Value::I64(v) => Stored::I64(v),
            Value::U64(v) => Stored::U64(v),
            Value::I128(v) => Stored::I128(v),
            Value::U128(v) => Stored::U128(v),
            Value::F64(v) => Stored::F64(v),
        };
        self.push_stored(key, stored);
    }

    /// Appends a text field that `args` formats to, without an intermediate string.
    ///
    /// What a failing `Display` wrote before it failed is kept, followed by `<formatting failed>`.
    pub fn push_args(&mut self, key: &str, args: fmt::Arguments<'_>) {
        let start = self.text.len();
        if self.text.write_fmt(args).is_err() {
            self.text.push_str("<formatting failed>");
        }
        let value = Stored::Str(start..self.text.len());
        self.push_stored(key, value);
    }

    fn push_stored(&mut self, key: &str, value: Stored) {
        let key = append(&mut self.text, key);
        self.entries.push(Entry { key, value });
    }

    /// Reverses the order of the fields from index `from` on.
    pub fn reverse_from(&mut self, from: usize) {
        if let Some(tail) = self.entries.get_mut(from..) {
            tail.reverse();
        }
    }

    /// Removes all fields and keeps the memory, unless it grew past `keep_bytes` for one of its
    /// buffers: a single giant record must not pin its size for ever.
    pub fn clear(&mut self, keep_bytes: usize) {
        self.entries.clear();
        self.text.clear();
        self.bytes.clear();
        self.entries.shrink_to(keep_bytes / size_of::<Entry>());
        self.text.shrink_to(keep_bytes);
        self.bytes.shrink_to(keep_bytes);
    }

    /// How many fields there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The fields in order.
    #[inline]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, Value<'_>)> + Clone {
        self.entries.iter().map(|entry| (&self.text[entry.key.clone()], self.value(&entry.value)))
    }

    /// The field at `index`, counted from 0.
    #[inline]
    pub fn at(&self, index: usize) -> Option<(&str, Value<'_>)> {
        let entry = self.entries.get(index)?;
        Some((&self.text[entry.key.clone()], self.value(&entry.value)))
    }

    /// The first field with this key.
    pub fn get(&self, key: &str) -> Option<Value<'_>> {
        self.iter().find(|&(k, _)| k == key).map(|(_, value)| value)
    }

    #[inline]
    fn value(&self, stored: &Stored) -> Value<'_> {
        match stored {
            Stored::Null => Value::Null,
            Stored::Bool(v) => Value::Bool(*v),
            Stored::I64(v) => Value::I64(*v),
            Stored::U64(v) => Value::U64(*v),
            Stored::I128(v) => Value::I128(*v),
            Stored::U128(v) => Value::U128(*v),
            Stored::F64(v) => Value::F64(*v),
            Stored::Str(range) => Value::Str(&self.text[range.clone()]),
            Stored::Json(range) => Value::Json(&self.text[range.clone()]),
            Stored::Bytes(range) => Value::Bytes(&self.bytes[range.clone()]),
        }
    }
}

fn append(text: &mut String, part: &str) -> Range<usize> {
    let start = text.len();
    text.push_str(part);
    start..text.len()
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
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
        self.iter().eq(other.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn a_failing_display_is_kept_and_marked() {
        struct Fails;
        impl fmt::Display for Fails {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("half")?;
                Err(fmt::Error)
            }
        }
        let mut fields = Fields::new();
        fields.push_args("k", format_args!("{Fails}"));
        assert_eq!(fields.get("k"), Some(Value::Str("half<formatting failed>")));
    }
}
