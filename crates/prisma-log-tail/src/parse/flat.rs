//! A JSON object as a flat list of keys and values, in order: checked as a whole, and read where
//! someone asks.

use std::ops::Range;

use prisma_log_core::Value;

use super::keys::{Code, Codes};
use super::scan::Scanner;
use super::shape::Shape;

/// Longer lines are no JSON lines. With the keys of nested members in full they take less than
/// 4 GiB, so that 32 bits say where things stand.
const MAX_LINE: usize = 1 << 26;

/// What kind of value an entry has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Null,
    False,
    True,
    Integer,
    /// A number with a fraction or an exponent.
    Float,
    Str,
    /// An array, an empty object, or one with a very long key.
    Json,
}

/// Where a text stands: in the line, or, if that has it in another form, in [`Flat`]'s buffer.
/// One word, the start in its upper half, the length and a flag in the lower: it stays in registers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place(u64);

const IN_BUFFER: u64 = 1 << 31;

impl Place {
    #[inline]
    pub(super) fn line(from: usize, to: usize) -> Place {
        Place((from as u64) << 32 | (to - from) as u64)
    }

    #[inline]
    pub(super) fn buffer(from: usize, to: usize) -> Place {
        Place(Place::line(from, to).0 | IN_BUFFER)
    }

    #[inline]
    pub(super) fn in_buffer(self) -> bool {
        self.0 & IN_BUFFER != 0
    }

    #[inline]
    pub(super) fn len(self) -> usize {
        (self.0 & (IN_BUFFER - 1)) as usize
    }

    #[inline]
    pub(super) fn range(self) -> Range<usize> {
        let from = (self.0 >> 32) as usize;
        from..from + self.len()
    }
}

/// A key that was read, and what it means.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key {
    pub(super) place: Place,
    pub(super) code: Code,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    key: Place,
    value: Place,
    kind: Kind,
    code: Code,
}

/// Keys and values in the order in which they stand in the line, which is handed in again to read
/// them. Its memory is used again for the next line.
#[derive(Debug, Default)]
pub(super) struct Flat {
    entries: Vec<Entry>,
    codes: Codes,
    pub(super) shape: Shape,
    /// Keys of nested members, and keys and texts without their escapes.
    pub(super) buffer: String,
}

impl Flat {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The keys that mean something, of all entries.
    pub(super) fn codes(&self) -> Codes {
        self.codes
    }

    pub(super) fn code(&self, index: usize) -> Code {
        self.entries.get(index).map_or(Code::NONE, |entry| entry.code)
    }

    /// The first entry with this code.
    pub(super) fn find(&self, code: Code) -> Option<usize> {
        self.entries.iter().position(|entry| entry.code == code)
    }

    /// The first entry of this key that `is` the right one.
    pub(super) fn find_key(
        &self,
        key: &str,
        line: &str,
        is: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        let key = key.as_bytes();
        self.entries.iter().enumerate().find_map(|(index, entry)| {
            let found = entry.key.len() == key.len() && self.bytes(entry.key, line) == key;
            (found && is(index)).then_some(index)
        })
    }

    pub(super) fn key<'a>(&'a self, index: usize, line: &'a str) -> &'a str {
        self.entries.get(index).map(|entry| self.at(entry.key, line)).unwrap_or_default()
    }

    /// The text of a string value.
    pub(super) fn str<'a>(&'a self, index: usize, line: &'a str) -> Option<&'a str> {
        let entry = self.entries.get(index)?;
        (entry.kind == Kind::Str).then(|| self.at(entry.value, line))
    }

    /// A number as it stands in the line.
    pub(super) fn digits<'a>(&'a self, index: usize, line: &'a str) -> Option<&'a str> {
        let entry = self.entries.get(index)?;
        matches!(entry.kind, Kind::Integer | Kind::Float).then(|| self.at(entry.value, line))
    }

    pub(super) fn value<'a>(&'a self, index: usize, line: &'a str) -> Value<'a> {
        let Some(entry) = self.entries.get(index) else { return Value::Null };
        let text = self.at(entry.value, line);
        match entry.kind {
            Kind::Null => Value::Null,
            Kind::False => Value::Bool(false),
            Kind::True => Value::Bool(true),
            Kind::Integer | Kind::Float => {
                let is_integer = entry.kind == Kind::Integer;
                number(text, text.starts_with('-'), is_integer).unwrap_or(Value::Null)
            }
            Kind::Str => Value::Str(text),
            Kind::Json => Value::Json(text),
        }
    }

    /// Appends an entry.
    #[inline]
    pub(super) fn push(&mut self, key: Key, kind: Kind, value: Place) {
        self.codes.insert(key.code);
        self.entries.push(Entry { key: key.place, code: key.code, value, kind });
    }

    #[inline]
    fn bytes<'a>(&'a self, place: Place, line: &'a str) -> &'a [u8] {
        let whole = if place.in_buffer() { &self.buffer } else { line };
        whole.as_bytes().get(place.range()).unwrap_or_default()
    }

    #[inline]
    fn at<'a>(&'a self, place: Place, line: &'a str) -> &'a str {
        let whole = if place.in_buffer() { &self.buffer } else { line };
        whole.get(place.range()).unwrap_or_default()
    }

    /// Reads the object that `line` starts with. Returns where it ends, or `None` and no entries
    /// if that is no valid object.
    pub(super) fn read(&mut self, line: &str) -> Option<usize> {
        // One giant line must not pin its memory.
        self.entries.clear();
        self.entries.shrink_to(1 << 10);
        self.buffer.clear();
        self.buffer.shrink_to(1 << 16);
        self.codes = Codes::default();
        if line.len() > MAX_LINE || !line.starts_with('{') {
            return None;
        }
        let end = Scanner::new(line, self).line();
        if end.is_none() {
            self.entries.clear();
        }
        end
    }
}

/// A decimal number with its type kept: integers as the narrowest of `i64` (negative ones), `u64`,
/// `i128` and `u128` that holds them; others, and integers too wide for all, as `f64`.
pub(super) fn number(text: &str, minus: bool, is_integer: bool) -> Option<Value<'static>> {
    if is_integer {
        let narrow = match minus {
            true => text.parse().map(Value::I64),
            false => text.parse().map(Value::U64),
        };
        let wide = || match minus {
            true => text.parse().map(Value::I128),
            false => text.parse().map(Value::U128),
        };
        // Minus zero is a float that was written without a fraction.
        if let (Ok(value), false) = (narrow.or_else(|_| wide()), text == "-0") {
            return Some(value);
        }
    }
    text.parse().ok().map(Value::F64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Option<Vec<(String, String)>> {
        let mut flat = Flat::default();
        flat.read(line)?;
        let all = 0..flat.len();
        let show =
            |index| (flat.key(index, line).to_owned(), format!("{:?}", flat.value(index, line)));
        Some(all.map(show).collect())
    }

    #[test]
    fn flattens_in_order_with_types() {
        let check = |line: &str, expect: &[(&str, &str)]| {
            let expect: Vec<_> =
                expect.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect();
            assert_eq!(read(line), Some(expect), "{line}");
        };
        check("{}", &[]);
        check(
            r#"{ "b":1, "a" : -1,"b":1.0 , "c":true,"d":null}"#,
            &[
                ("b", "U64(1)"),
                ("a", "I64(-1)"),
                ("b", "F64(1.0)"),
                ("c", "Bool(true)"),
                ("d", "Null"),
            ],
        );
        check(
            r#"{"a":{"b":{"c":"x"},"e":{}},"l":[1, {"x":"]"}]}"#,
            &[
                ("a.b.c", "Str(\"x\")"),
                ("a.e", "Json(\"{}\")"),
                ("l", "Json(\"[1, {\\\"x\\\":\\\"]\\\"}]\")"),
            ],
        );
        check(
            r#"{"i":-170141183460469231731687303715884105728,"u":18446744073709551616,"z":-0}"#,
            &[
                ("i", "I128(-170141183460469231731687303715884105728)"),
                ("u", "U128(18446744073709551616)"),
                ("z", "F64(-0.0)"),
            ],
        );
        check(r#"{"e":1e3,"f":-1.5E-2}"#, &[("e", "F64(1000.0)"), ("f", "F64(-0.015)")]);
        check(
            r#"{"k\u00e9\n":"\ud83d\ude00\ud83d\u0041\"\\\/\t"}"#,
            &[("ké\n", "Str(\"😀\u{fffd}A\\\"\\\\/\\t\")")],
        );
    }

    #[test]
    fn what_is_no_object() {
        for line in [
            "",
            "{",
            "[]",
            "1",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{a:1}",
            "{\"a\":01}",
            "{\"a\":1.}",
            "{\"a\":+1}",
            "{\"a\":\"\u{1}\"}",
            "{\"a\":\"\\x\"}",
            "{\"a\":\"\\u12\"}",
            "{\"a\":tru}",
            "{\"a\":[1,]}",
            "{\"a\":\"",
            "{\"a\":\"\\",
            "{\"a\":nul",
            "{\"a\":-}",
        ] {
            assert_eq!(read(line), None, "{line}");
        }
        let deep = format!("{}1{}", "{\"a\":".repeat(5000), "}".repeat(5000));
        assert_eq!(read(&deep), None);
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(5000), "]".repeat(5000));
        assert_eq!(read(&deep), None);
    }

    #[test]
    fn says_where_the_object_ends() {
        assert_eq!(Flat::default().read("{\"a\":\"}\"} rest"), Some(9));
    }
}
