//! Embedding of JSON text that comes from outside into a line.

use crate::escape::escape_escaped_into;

/// Deepest nesting that is embedded. Common readers stop at about twice this.
const MAX_DEPTH: u32 = 64;

/// Appends `text` as a JSON value if it is one; otherwise appends nothing and returns `false`.
///
/// White space between tokens is left out, and characters in its strings are escaped where the
/// text does not do so itself. Refused is, beyond what RFC 8259 refuses, what readers commonly
/// stumble over and would make them drop the whole line: nesting deeper than 64, numbers beyond
/// the range of a double, and escapes that name half of a surrogate pair.
pub(crate) fn push_json_value(text: &str, out: &mut Vec<u8>) -> bool {
    let start = out.len();
    let valid = Embedder { text, at: 0, out }.value().is_some();
    if !valid {
        out.truncate(start);
    }
    valid
}

struct Embedder<'t, 'o> {
    text: &'t str,
    at: usize,
    out: &'o mut Vec<u8>,
}

/// What must come next.
#[derive(Clone, Copy, PartialEq)]
enum Expect {
    Value,
    /// After `[`: a value or `]`.
    FirstItem,
    /// After `{`: a key or `}`.
    FirstKey,
    Key,
    /// After a value: `,` or the closing bracket, or the end at depth 0.
    Next,
}

impl Embedder<'_, '_> {
    /// Copies one value and demands the end; `None` as soon as the text is not JSON.
    fn value(&mut self) -> Option<()> {
        let mut depth = 0;
        // Bit n: the container at depth n is an object.
        let mut objects = 0_u64;
        let mut expect = Expect::Value;
        loop {
            self.skip_space();
            if expect == Expect::Next && depth == 0 {
                return self.peek().is_none().then_some(());
            }
            let in_object = depth > 0 && objects >> (depth - 1) & 1 == 1;
            let byte = self.peek()?;
            expect = match (expect, byte) {
                (Expect::FirstItem, b']') => self.close(&mut depth),
                (Expect::FirstKey, b'}') => self.close(&mut depth),
                (Expect::FirstKey | Expect::Key, b'"') => {
                    self.string()?;
                    self.skip_space();
                    (self.peek()? == b':').then(|| self.copy(1))?;
                    Expect::Value
                }
                (Expect::Next, b',') => {
                    self.copy(1);
                    if in_object { Expect::Key } else { Expect::Value }
                }
                (Expect::Next, b'}') if in_object => self.close(&mut depth),
                (Expect::Next, b']') if !in_object => self.close(&mut depth),
                (Expect::Value | Expect::FirstItem, b'{' | b'[') => {
                    if depth == MAX_DEPTH {
                        return None;
                    }
                    let object = byte == b'{';
                    objects = objects & !(1 << depth) | u64::from(object) << depth;
                    depth += 1;
                    self.copy(1);
                    if object { Expect::FirstKey } else { Expect::FirstItem }
                }
                (Expect::Value | Expect::FirstItem, _) => {
                    self.scalar(byte)?;
                    Expect::Next
                }
                _ => return None,
            };
        }
    }

    fn scalar(&mut self, first: u8) -> Option<()> {
        match first {
            b'"' => self.string(),
            b't' => self.word("true"),
            b'f' => self.word("false"),
            b'n' => self.word("null"),
            _ => self.number(),
        }
    }

    fn word(&mut self, word: &str) -> Option<()> {
        self.rest().starts_with(word.as_bytes()).then(|| self.copy(word.len()))
    }

    fn number(&mut self) -> Option<()> {
        let length = number_length(self.rest())?;
        let digits = &self.text[self.at..self.at + length];
        digits.parse::<f64>().ok().filter(|number| number.is_finite())?;
        self.copy(length);
        Some(())
    }

    /// Copies a string, `at` on its opening quote.
    fn string(&mut self) -> Option<()> {
        let start = self.at + 1;
        let bytes = self.text.as_bytes();
        let mut at = start;
        loop {
            match *bytes.get(at)? {
                b'"' => break,
                b'\\' => at += escape_length(&bytes[at..])?,
                0..0x20 => return None,
                _ => at += 1,
            }
        }
        self.out.push(b'"');
        escape_escaped_into(&self.text[start..at], self.out);
        self.out.push(b'"');
        self.at = at + 1;
        Some(())
    }

    fn close(&mut self, depth: &mut u32) -> Expect {
        *depth -= 1;
        self.copy(1);
        Expect::Next
    }

    fn rest(&self) -> &[u8] {
        &self.text.as_bytes()[self.at..]
    }

    fn peek(&self) -> Option<u8> {
        self.rest().first().copied()
    }

    fn copy(&mut self, length: usize) {
        self.out.extend_from_slice(&self.text.as_bytes()[self.at..self.at + length]);
        self.at += length;
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }
}

/// Length of the JSON number that `bytes` start with.
pub(crate) fn number_length(bytes: &[u8]) -> Option<usize> {
    let digits_from = |from: usize| {
        bytes.get(from..).map_or(0, |rest| rest.iter().take_while(|b| b.is_ascii_digit()).count())
    };
    let mut at = usize::from(bytes.first() == Some(&b'-'));
    let whole = digits_from(at);
    if whole == 0 || whole > 1 && bytes[at] == b'0' {
        return None;
    }
    at += whole;
    if bytes.get(at) == Some(&b'.') {
        let fraction = digits_from(at + 1);
        if fraction == 0 {
            return None;
        }
        at += 1 + fraction;
    }
    if let Some(b'e' | b'E') = bytes.get(at) {
        let sign = usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
        let exponent = digits_from(at + 1 + sign);
        if exponent == 0 {
            return None;
        }
        at += 1 + sign + exponent;
    }
    Some(at)
}

/// Length of the escape that `bytes` start with; both halves of a surrogate pair are one escape.
fn escape_length(bytes: &[u8]) -> Option<usize> {
    match bytes.get(1)? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(2),
        b'u' => match unit(bytes)? {
            0xD800..=0xDBFF => {
                let low = bytes.get(6..).filter(|rest| rest.starts_with(b"\\u")).and_then(unit)?;
                (0xDC00..=0xDFFF).contains(&low).then_some(12)
            }
            0xDC00..=0xDFFF => None,
            _ => Some(6),
        },
        _ => None,
    }
}

/// The number in the `\uXXXX` that `bytes` start with.
fn unit(bytes: &[u8]) -> Option<u32> {
    let digits = bytes.get(2..6)?.iter().map(|&byte| char::from(byte).to_digit(16));
    digits.reduce(|high, low| Some(high? << 4 | low?)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: Option<&str>) {
        let mut out = b"kept".to_vec();
        let valid = push_json_value(text, &mut out);
        let out = String::from_utf8(out).unwrap();
        assert_eq!(valid.then_some(&out["kept".len()..]), expect, "{text:?}");
        assert!(valid || out == "kept");
    }

    #[test]
    fn valid_text_is_copied_compactly() {
        for same in [
            "null",
            "true",
            "false",
            "0",
            "-0",
            "-1.5e-7",
            "1E+2",
            "[]",
            "{}",
            "\"\"",
            "[[],{}]",
            r#"{"a":[1,{"b":null}],"c":"\"\\\u00e9\ud83d\ude00"}"#,
            "123456789012345678901234567890",
        ] {
            check(same, Some(same));
        }
        check(" [ 1 ,\n2 ]\t", Some("[1,2]"));
        check("{ \"a\" :\r1 }", Some("{\"a\":1}"));
        check("\"\u{2028}\u{202e}\u{7f}é\"", Some("\"\\u2028\\u202e\\u007fé\""));
        check("{\"\u{9b}\":\"\\\"\u{feff}\"}", Some("{\"\\u009b\":\"\\\"\\ufeff\"}"));
    }

    #[test]
    fn anything_else_is_refused() {
        for bad in [
            "",
            " ",
            "nul",
            "nullx",
            "01",
            "-",
            "1.",
            ".5",
            "1e",
            "+1",
            "1 2",
            "[",
            "]",
            "[1,]",
            "[,1]",
            "[1 2]",
            "{",
            "{,}",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{a:1}",
            "{1:1}",
            "[}",
            "{]",
            "[1}",
            "{\"a\":1]",
            "\"",
            "\"\\\"",
            "\"\\x\"",
            "\"\\u12\"",
            "\"\\u12g4\"",
            "\"\n\"",
            "\"\u{1b}\"",
            "\"a\"b",
            "{}}",
            "[]]",
            "1e999",
            "-1e999",
            "\"\\ud800\"",
            "\"\\udc00\"",
            "\"\\ud800\\u0041\"",
            "\"\\ud800x\\udc00\"",
            "}\",\"level\":\"x",
            "NaN",
            "'a'",
            "\u{feff}1",
        ] {
            check(bad, None);
        }
    }

    #[test]
    fn nesting_has_a_limit() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        check(&nested(64), Some(&nested(64)));
        check(&nested(65), None);
        check(&nested(1_000_000), None);
        let objects = |depth: usize| "{\"a\":".repeat(depth) + "1" + &"}".repeat(depth);
        check(&objects(64), Some(&objects(64)));
        check(&objects(65), None);
    }

    #[test]
    fn agrees_with_another_reader_on_mangled_text() {
        let mut random = fastrand::Rng::with_seed(3);
        let seed = r#"{"a":[1,-2.5e3,{"b":null}],"c":"x\n\u00e9","d":[true,false,[]],"e":{}}"#;
        let alphabet = br#"{}[]",:\u01e-. tnx"#;
        let mut valid = 0;
        for _ in 0..100_000 {
            let mut bytes = seed.as_bytes().to_vec();
            for _ in 0..random.usize(1..4) {
                let at = random.usize(..bytes.len());
                match random.u8(..3) {
                    0 => drop(bytes.remove(at)),
                    1 => bytes[at] = alphabet[random.usize(..alphabet.len())],
                    _ => bytes.insert(at, alphabet[random.usize(..alphabet.len())]),
                }
            }
            let text = String::from_utf8(bytes).unwrap();
            let mut out = Vec::new();
            let ours = push_json_value(&text, &mut out);
            let theirs = serde_json::from_str::<serde_json::Value>(&text);
            assert_eq!(ours, theirs.is_ok(), "{text}");
            if let Ok(expect) = theirs {
                let back = serde_json::from_slice::<serde_json::Value>(&out).unwrap();
                assert_eq!(back, expect, "{text}");
                valid += 1;
            }
        }
        assert!((5_000..95_000).contains(&valid), "{valid} of 100000 were valid");
    }
}
