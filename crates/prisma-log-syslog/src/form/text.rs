//! Texts and values so that they can't be misread.

use std::io::Write as _;

use prisma_log_core::Value;
use prisma_log_format::{escape_into, must_escape};

/// Appends text as it is; or as a JSON string, if it holds a character that must be escaped, or
/// begins as something does that is no plain text.
pub(crate) fn push_text(text: &str, out: &mut Vec<u8>) {
    if needs_quotes(text) {
        push_quoted(text, out);
    } else {
        out.extend_from_slice(text.as_bytes());
    }
}

/// Appends a value. With `typed`, text that reads like a value of another type is quoted.
pub(crate) fn push_value(value: Value<'_>, typed: bool, out: &mut Vec<u8>) {
    // Writing to a vector never fails.
    let _infallible = match value {
        Value::Str(text) if typed && is_other_type(text) => {
            push_quoted(text, out);
            Ok(())
        }
        Value::Str(text) => {
            push_text(text, out);
            Ok(())
        }
        Value::F64(number) if number.is_nan() => out.write_all(b"NaN"),
        Value::F64(number) if number == f64::INFINITY => out.write_all(b"Infinity"),
        Value::F64(number) if number == f64::NEG_INFINITY => out.write_all(b"-Infinity"),
        // The shortest form that reads back, with an exponent where `Display` writes zeros.
        Value::F64(number) => write!(out, "{number:?}"),
        Value::Bytes(bytes) => write!(out, "b\"{}\"", bytes.escape_ascii()),
        Value::Json(json) => {
            push_json(json, out);
            Ok(())
        }
        other => write!(out, "{other}"),
    };
}

/// What may stand in a JSON text only inside its strings, and must not stand here, is escaped as
/// there.
fn push_json(json: &str, out: &mut Vec<u8>) {
    for piece in json.split_inclusive(must_escape) {
        match piece.chars().next_back().filter(|&c| must_escape(c)) {
            None => out.extend_from_slice(piece.as_bytes()),
            Some(c) => {
                out.extend_from_slice(&piece.as_bytes()[..piece.len() - c.len_utf8()]);
                escape_into(c.encode_utf8(&mut [0; 4]), out);
            }
        }
    }
}

fn push_quoted(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    escape_into(text, out);
    out.push(b'"');
}

fn needs_quotes(text: &str) -> bool {
    let plain = |byte: &u8| matches!(byte, b' '..=b'~');
    text.starts_with('"')
        || text.starts_with("b\"")
        || !text.as_bytes().iter().all(plain) && text.contains(must_escape)
}

fn is_other_type(text: &str) -> bool {
    matches!(text, "null" | "true" | "false")
        || text.starts_with(['{', '['])
        || text.parse::<f64>().is_ok()
}

/// Where text that [`push_text`] or its like wrote may be cut, so that at most `room` bytes stay
/// with what [`push_cut`] adds: not inside a character, nor inside an escape.
pub(crate) fn cut_at(text: &str, room: usize) -> usize {
    if text.len() <= room {
        return text.len();
    }
    if !text.starts_with('"') {
        return text.floor_char_boundary(room);
    }
    // The quote that ends it needs its place.
    let Some(room) = room.checked_sub(1).filter(|&room| room > 0) else { return 0 };
    let bytes = text.as_bytes();
    let mut end = 1;
    loop {
        let next = end
            + match (bytes[end], bytes.get(end + 1)) {
                (b'\\', Some(b'u')) if is_high_surrogate(&bytes[end..]) => 12,
                (b'\\', Some(b'u')) => 6,
                (b'\\', _) => 2,
                _ => text[end..].chars().next().map_or(1, char::len_utf8),
            };
        if next > room {
            return end;
        }
        end = next;
    }
}

fn is_high_surrogate(escape: &[u8]) -> bool {
    matches!(escape, [b'\\', b'u', b'd' | b'D', b'8' | b'9' | b'a' | b'b' | b'A' | b'B', ..])
}

/// Appends the text up to a place that [`cut_at`] named.
pub(crate) fn push_cut(text: &str, at: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(&text.as_bytes()[..at]);
    if at > 0 && at < text.len() && text.starts_with('"') {
        out.push(b'"');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(value: Value<'_>, typed: bool) -> String {
        let mut out = Vec::new();
        push_value(value, typed, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn values_are_text_that_reads_back() {
        let check = |value: Value<'_>, plain: &str, typed: &str| {
            assert_eq!(written(value, false), plain);
            assert_eq!(written(value, true), typed);
        };
        check(Value::Str("a b]\\"), "a b]\\", "a b]\\");
        check(Value::Str(""), "", "");
        check(Value::Str("42"), "42", "\"42\"");
        check(Value::Str("true"), "true", "\"true\"");
        check(Value::Str("[1]"), "[1]", "\"[1]\"");
        check(Value::Str("\"x\""), "\"\\\"x\\\"\"", "\"\\\"x\\\"\"");
        check(Value::Str("b\"x\""), "\"b\\\"x\\\"\"", "\"b\\\"x\\\"\"");
        check(Value::Str("a\n\0\u{1b}"), "\"a\\n\\u0000\\u001b\"", "\"a\\n\\u0000\\u001b\"");
        check(Value::Str("Grüße \u{202e}"), "\"Grüße \\u202e\"", "\"Grüße \\u202e\"");
        check(Value::Str("Grüße"), "Grüße", "Grüße");
        check(Value::Bytes(b"\xff\"a"), r#"b"\xff\"a""#, r#"b"\xff\"a""#);
        check(Value::Json("{\"a\":\"\u{85}\"}"), r#"{"a":"\u0085"}"#, r#"{"a":"\u0085"}"#);
        check(Value::Json("\n[1]\u{e0041}"), r"\n[1]\udb40\udc41", r"\n[1]\udb40\udc41");
        check(Value::Null, "null", "null");
        check(Value::Bool(true), "true", "true");
        check(Value::I128(i128::MIN), &i128::MIN.to_string(), &i128::MIN.to_string());
        check(Value::F64(1e300), "1e300", "1e300");
        check(Value::F64(-0.0), "-0.0", "-0.0");
        check(Value::F64(f64::NEG_INFINITY), "-Infinity", "-Infinity");
        check(Value::F64(f64::NAN), "NaN", "NaN");
    }

    #[test]
    fn a_cut_text_is_a_text() {
        let texts =
            ["plain", "Grüße, 日本 🎉", "\"quoted\" \n\u{85}\u{e0041}é", "\"", "\n\n\n", ""];
        for text in texts {
            let mut whole = Vec::new();
            push_text(text, &mut whole);
            let whole = String::from_utf8(whole).unwrap();
            for room in 0..whole.len() + 2 {
                let mut cut = Vec::new();
                push_cut(&whole, cut_at(&whole, room), &mut cut);
                let cut = String::from_utf8(cut).unwrap();
                assert!(cut.len() <= room, "{cut:?} in {room}");
                let read = match cut.starts_with('"') {
                    true => serde_json::from_str::<String>(&cut).unwrap(),
                    false => cut.clone(),
                };
                assert!(text.starts_with(&read), "{cut:?} of {text:?}");
                // At most what one character takes is given away.
                assert!(room >= whole.len() || cut.len() + 12 >= room, "{cut:?} in {room}");
            }
        }
    }
}
