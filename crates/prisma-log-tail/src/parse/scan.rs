//! A JSON object as a flat list of keys and values, in order.

use std::borrow::Cow;
use std::ops::Range;

use prisma_log_core::Value;

/// Nesting at most; deeper objects are no JSON lines.
const MAX_DEPTH: usize = 128;

/// One value of a flattened object; text is kept in [`Flat`]'s buffer or the line.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Scalar {
    Plain(Value<'static>),
    /// A number's digits as they stand in the line, beside its value.
    Number(Value<'static>, Range<usize>),
    /// Unescaped, in the buffer.
    Str(Range<usize>),
    /// An array or an empty object, as it stands in the line.
    Json(Range<usize>),
}

/// Keys and values in the order in which they stand in the line. Its memory is used again for the
/// next line.
#[derive(Debug, Default)]
pub(super) struct Flat {
    pub(super) entries: Vec<(Range<usize>, Scalar)>,
    text: String,
    path: String,
}

impl Flat {
    pub(super) fn key(&self, index: usize) -> &str {
        &self.text[self.entries[index].0.clone()]
    }

    /// The text of a string value.
    pub(super) fn str(&self, index: usize) -> Option<&str> {
        match &self.entries[index].1 {
            Scalar::Str(range) => Some(&self.text[range.clone()]),
            _ => None,
        }
    }

    pub(super) fn value<'a>(&'a self, index: usize, line: &'a str) -> Value<'a> {
        match &self.entries[index].1 {
            Scalar::Plain(value) | Scalar::Number(value, _) => *value,
            Scalar::Str(range) => Value::Str(&self.text[range.clone()]),
            Scalar::Json(range) => Value::Json(&line[range.clone()]),
        }
    }

    /// The text of a string, or a number as it stands in the line.
    pub(super) fn digits<'a>(&'a self, index: usize, line: &'a str) -> &'a str {
        match &self.entries[index].1 {
            Scalar::Number(_, range) => &line[range.clone()],
            _ => self.str(index).unwrap_or_default(),
        }
    }

    /// Reads the object that `line` starts with. Returns where it ends, or `None` and no entries
    /// if that is no valid object.
    pub(super) fn read(&mut self, line: &str) -> Option<usize> {
        self.entries.clear();
        self.text.clear();
        self.path.clear();
        let mut scanner = Scanner { s: line.as_bytes(), line, pos: 0, flat: self };
        let end = scanner.object(0).map(|()| scanner.pos);
        if end.is_none() {
            self.entries.clear();
        }
        // One giant line must not pin its memory.
        self.text.shrink_to(1 << 16);
        end
    }
}

struct Scanner<'a> {
    s: &'a [u8],
    line: &'a str,
    pos: usize,
    flat: &'a mut Flat,
}

impl<'a> Scanner<'a> {
    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.s.get(self.pos) {
            self.pos += 1;
        }
    }

    fn byte(&mut self, byte: u8) -> Option<()> {
        (self.s.get(self.pos) == Some(&byte)).then(|| self.pos += 1)
    }

    fn literal(&mut self, text: &str) -> Option<()> {
        self.s[self.pos..].starts_with(text.as_bytes()).then(|| self.pos += text.len())
    }

    /// An object whose members go to the list, with the path in front of their keys.
    fn object(&mut self, depth: usize) -> Option<()> {
        let start = self.pos;
        self.byte(b'{')?;
        if depth > MAX_DEPTH {
            return None;
        }
        self.space();
        if self.byte(b'}').is_some() {
            if depth > 0 {
                let key = self.key();
                self.flat.entries.push((key, Scalar::Json(start..self.pos)));
            }
            return Some(());
        }
        let outer = self.flat.path.len();
        loop {
            self.space();
            let key = self.string()?;
            if depth > 0 {
                self.flat.path.push('.');
            }
            self.flat.path.push_str(&key);
            self.space();
            self.byte(b':')?;
            self.space();
            self.member(depth)?;
            self.flat.path.truncate(outer);
            self.space();
            if self.byte(b',').is_none() {
                return self.byte(b'}');
            }
        }
    }

    fn key(&mut self) -> Range<usize> {
        let start = self.flat.text.len();
        self.flat.text.push_str(&self.flat.path);
        start..self.flat.text.len()
    }

    fn member(&mut self, depth: usize) -> Option<()> {
        let start = self.pos;
        let scalar = match *self.s.get(start)? {
            b'{' => return self.object(depth + 1),
            b'"' => {
                let text = self.string()?;
                let key = self.key();
                let start = self.flat.text.len();
                self.flat.text.push_str(&text);
                self.flat.entries.push((key, Scalar::Str(start..self.flat.text.len())));
                return Some(());
            }
            b'[' => {
                self.skip(depth + 1)?;
                Scalar::Json(start..self.pos)
            }
            _ => self.scalar()?,
        };
        let key = self.key();
        self.flat.entries.push((key, scalar));
        Some(())
    }

    fn scalar(&mut self) -> Option<Scalar> {
        let start = self.pos;
        let value = match *self.s.get(start)? {
            b't' => self.literal("true").map(|()| Value::Bool(true))?,
            b'f' => self.literal("false").map(|()| Value::Bool(false))?,
            b'n' => self.literal("null").map(|()| Value::Null)?,
            b'-' | b'0'..=b'9' => {
                let value = self.number()?;
                return Some(Scalar::Number(value, start..self.pos));
            }
            _ => return None,
        };
        Some(Scalar::Plain(value))
    }

    fn number(&mut self) -> Option<Value<'static>> {
        let start = self.pos;
        let minus = self.byte(b'-').is_some();
        let whole = self.digits()?;
        if whole > 1 && self.s[self.pos - whole] == b'0' {
            return None;
        }
        let mut is_integer = true;
        if self.byte(b'.').is_some() {
            self.digits()?;
            is_integer = false;
        }
        if let Some(b'e' | b'E') = self.s.get(self.pos) {
            self.pos += 1;
            if let Some(b'+' | b'-') = self.s.get(self.pos) {
                self.pos += 1;
            }
            self.digits()?;
            is_integer = false;
        }
        number(&self.line[start..self.pos], minus, is_integer)
    }

    fn digits(&mut self) -> Option<usize> {
        let count = self.s[self.pos..].iter().take_while(|b| b.is_ascii_digit()).count();
        self.pos += count;
        (count > 0).then_some(count)
    }

    /// A string without its escapes.
    fn string(&mut self) -> Option<Cow<'a, str>> {
        self.byte(b'"')?;
        let start = self.pos;
        loop {
            let rest = &self.s[self.pos..];
            let special = rest.iter().position(|&b| b == b'"' || b == b'\\' || b < 0x20)?;
            self.pos += special;
            match self.s[self.pos] {
                b'"' => {
                    self.pos += 1;
                    return Some(Cow::Borrowed(&self.line[start..self.pos - 1]));
                }
                b'\\' => return self.escaped(start).map(Cow::Owned),
                // Some writers leave tabs as they are; other control characters are no JSON.
                b'\t' => self.pos += 1,
                _ => return None,
            }
        }
    }

    fn escaped(&mut self, start: usize) -> Option<String> {
        let mut text = self.line[start..self.pos].to_owned();
        loop {
            let rest = &self.s[self.pos..];
            let plain = rest.iter().position(|&b| b == b'"' || b == b'\\' || b < 0x20)?;
            text.push_str(&self.line[self.pos..self.pos + plain]);
            self.pos += plain + 1;
            match self.s[self.pos - 1] {
                b'"' => return Some(text),
                b'\\' => text.push(self.escape()?),
                b'\t' => text.push('\t'),
                _ => return None,
            }
        }
    }

    fn escape(&mut self) -> Option<char> {
        let byte = *self.s.get(self.pos)?;
        self.pos += 1;
        Some(match byte {
            b'"' | b'\\' | b'/' => char::from(byte),
            b'n' => '\n',
            b't' => '\t',
            b'r' => '\r',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'u' => {
                let first = self.hex4()?;
                let pair =
                    (0xd800..0xdc00).contains(&first) && self.s[self.pos..].starts_with(b"\\u");
                if !pair {
                    return Some(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER));
                }
                let before_second = self.pos;
                self.pos += 2;
                let second = self.hex4()?;
                if !(0xdc00..0xe000).contains(&second) {
                    self.pos = before_second;
                    return Some(char::REPLACEMENT_CHARACTER);
                }
                char::from_u32(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00))?
            }
            _ => return None,
        })
    }

    fn hex4(&mut self) -> Option<u32> {
        let hex = self.s.get(self.pos..self.pos + 4)?;
        self.pos += 4;
        hex.iter().try_fold(0, |number, &b| Some(number << 4 | char::from(b).to_digit(16)?))
    }

    /// Steps over a value that is kept as it stands.
    fn skip(&mut self, depth: usize) -> Option<()> {
        if depth > MAX_DEPTH {
            return None;
        }
        let (open, close) = match *self.s.get(self.pos)? {
            b'[' => (b'[', b']'),
            b'{' => (b'{', b'}'),
            b'"' => return self.string().map(|_| ()),
            _ => return self.scalar().map(|_| ()),
        };
        self.byte(open)?;
        self.space();
        if self.byte(close).is_some() {
            return Some(());
        }
        loop {
            self.space();
            if open == b'{' {
                self.string()?;
                self.space();
                self.byte(b':')?;
                self.space();
            }
            self.skip(depth + 1)?;
            self.space();
            if self.byte(b',').is_none() {
                return self.byte(close);
            }
        }
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
        let all = 0..flat.entries.len();
        let show = |index| (flat.key(index).to_owned(), format!("{:?}", flat.value(index, line)));
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
