//! Nested values: JSON text to lists and maps of OTLP, without a tree in between.

use std::borrow::Cow;

use serde_core::de::IgnoredAny;

use super::any_value::{DOUBLE, INT, STRING, cut};
use crate::form::{Form, Key, key};

const ARRAY: Key = key(5, "arrayValue");
const MAP: Key = key(6, "kvlistValue");
const VALUES: Key = key(1, "values");
pub(super) const KEY: Key = key(1, "key");
pub(super) const VALUE: Key = key(2, "value");

/// Deeper ones stay text: each level is three messages of OTLP, and most readers refuse a request
/// with more than 100 within each other, whole.
const DEEPEST: usize = 24;

/// Whether the text is JSON that a reader will take.
pub(super) fn is_fit(text: &str) -> bool {
    let (mut depth, mut deepest, mut quoted, mut escaped) = (0_usize, 0, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest <= DEEPEST && serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// Writes an `AnyValue` of a text that is [fit](is_fit).
pub(super) fn write_json<F: Form>(form: &mut F, text: &str, longest: Option<usize>) {
    Walk { text, at: 0, longest }.value(form);
}

/// Goes through JSON that is known to be valid.
struct Walk<'a> {
    text: &'a str,
    at: usize,
    longest: Option<usize>,
}

impl<'a> Walk<'a> {
    /// The next byte that is no white space; stays there.
    fn peek(&mut self) -> u8 {
        let rest = &self.text.as_bytes()[self.at..];
        self.at += rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        self.text.as_bytes().get(self.at).copied().unwrap_or(b'}')
    }

    fn value<F: Form>(&mut self, form: &mut F) {
        match self.peek() {
            b'{' => form.message(MAP, |form| form.list(VALUES, |form| self.map(form))),
            b'[' => form.message(ARRAY, |form| form.list(VALUES, |form| self.array(form))),
            b'"' => {
                let text = self.string();
                form.text(STRING, cut(&text, self.longest));
            }
            b't' | b'f' | b'n' => {
                let word = self.word();
                if word != "null" {
                    form.bool(key(2, "boolValue"), word == "true");
                }
            }
            _ => number(form, self.word()),
        }
    }

    fn map<F: Form>(&mut self, form: &mut F) {
        self.at += 1;
        while self.peek() == b'"' {
            form.item(VALUES, |form| {
                let key = self.string();
                form.text(KEY, &key);
                self.peek();
                self.at += 1; // the colon
                form.message(VALUE, |form| self.value(form));
            });
            self.comma();
        }
        self.at += 1;
    }

    fn array<F: Form>(&mut self, form: &mut F) {
        self.at += 1;
        while self.at < self.text.len() && self.peek() != b']' {
            form.item(VALUES, |form| self.value(form));
            self.comma();
        }
        self.at += 1;
    }

    fn comma(&mut self) {
        if self.peek() == b',' {
            self.at += 1;
        }
    }

    fn string(&mut self) -> Cow<'a, str> {
        let rest = &self.text[self.at..];
        let mut escaped = false;
        let end = rest.bytes().skip(1).position(|byte| {
            let is_end = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            is_end
        });
        let quoted = &rest[..end.map_or(rest.len(), |end| end + 2)];
        self.at += quoted.len();
        if quoted.contains('\\') {
            // Half a character, which JSON may have and text may not, stays an escape.
            Cow::Owned(serde_json::from_str(quoted).unwrap_or_else(|_| quoted.to_owned()))
        } else {
            Cow::Borrowed(quoted.trim_matches('"'))
        }
    }

    fn word(&mut self) -> &'a str {
        let rest = &self.text[self.at..];
        let in_word =
            |byte: &u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'+' | b'-' | b'.' | b'E');
        let length = rest.as_bytes().iter().take_while(|byte| in_word(byte)).count();
        // Valid JSON never gets here with nothing; without this a mistake would go on for ever.
        self.at += length.max(1);
        &rest[..length]
    }
}

fn number<F: Form>(form: &mut F, digits: &str) {
    let is_whole = !digits.contains(['.', 'e', 'E']);
    match (digits.parse::<i64>(), digits.parse::<f64>()) {
        (Ok(value), _) => form.int64(INT, value),
        (_, Ok(value)) if !is_whole => form.double(DOUBLE, value),
        _ => form.text(STRING, digits),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::form::JsonForm;

    fn json(text: &str) -> String {
        let mut out = Vec::new();
        JsonForm::new(&mut out).piece(VALUE, |form| write_json(form, text, Some(10)));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn types_order_and_repeated_keys_are_kept() {
        let check = |text: &str, expect: &str| {
            assert!(is_fit(text), "{text}");
            assert_eq!(json(text), expect, "{text}");
        };
        check("null", "{}");
        check(" true ", r#"{"boolValue":true}"#);
        check("-7", r#"{"intValue":"-7"}"#);
        check("18446744073709551615", r#"{"stringValue":"18446744073709551615"}"#);
        check("1.50", r#"{"doubleValue":1.5}"#);
        check("-1E3", r#"{"doubleValue":-1000.0}"#);
        check("[]", r#"{"arrayValue":{"values":[]}}"#);
        check("{}", r#"{"kvlistValue":{"values":[]}}"#);
        check(r#""""#, r#"{"stringValue":""}"#);
        check(r#""a\"\\""#, r#"{"stringValue":"a\"\\"}"#);
        check(r#""\u00e4é longer than ten""#, r#"{"stringValue":"äé longer "}"#);
        check(
            r#"[ 1 , "x" , [ null ] , {"b": [false], "a": {} , "b":2} ]"#,
            concat!(
                r#"{"arrayValue":{"values":[{"intValue":"1"},{"stringValue":"x"},"#,
                r#"{"arrayValue":{"values":[{}]}},{"kvlistValue":{"values":["#,
                r#"{"key":"b","value":{"arrayValue":{"values":[{"boolValue":false}]}}},"#,
                r#"{"key":"a","value":{"kvlistValue":{"values":[]}}},"#,
                r#"{"key":"b","value":{"intValue":"2"}}]}}]}}"#
            ),
        );
    }

    #[test]
    fn what_is_no_json_or_too_deep_is_not_fit() {
        let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(is_fit(&deep(DEEPEST)) && !is_fit(&deep(DEEPEST + 1)));
        assert!(is_fit(r#""[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[""#));
        for text in ["", "{", "[1,]", "nul", "{\"a\"}", "1 2", "\"a"] {
            assert!(!is_fit(text), "{text}");
        }
    }
}
