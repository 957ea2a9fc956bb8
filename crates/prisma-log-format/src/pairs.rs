//! `key=value` pairs on one line, as go-logfmt reads and writes them.
//!
//! A value stands as it is, or in quotes with the escapes of a JSON string. Keys can't be quoted,
//! so what may not stand in one is written `\uXXXX`, and `\` as `\\`.

use prisma_log_core::Value;

use crate::copy::{Put, push_short};
use crate::embed::number_length;
use crate::escape::{escape_into, has_dangerous, must_escape, none_is, push_unicode};
use crate::json::push_quoted;
use crate::keys::WrittenKey;
use crate::number::{non_finite_name, push_finite, push_int};

/// Appends ` key=`.
pub(crate) fn push_pair_key(written: &WrittenKey<'_>, out: &mut Vec<u8>) {
    out.push(b' ');
    push_key(written, out);
    out.push(b'=');
}

/// Appends a key.
pub(crate) fn push_key(written: &WrittenKey<'_>, out: &mut Vec<u8>) {
    let &WrittenKey { prefix, key, nth } = written;
    out.extend_from_slice(prefix.as_bytes());
    push_key_text(key, out);
    if nth > 0 {
        out.push(b'#');
        push_int(nth, out);
    }
}

fn push_key_text(key: &[u8], out: &mut Vec<u8>) {
    let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'=' | b'\\');
    if key.iter().copied().all(plain) {
        out.extend_from_slice(key);
        return;
    }
    // It is known to be UTF-8.
    for c in str::from_utf8(key).unwrap_or_default().chars() {
        match c {
            '\\' => out.extend_from_slice(b"\\\\"),
            ' ' | '"' | '=' | char::REPLACEMENT_CHARACTER => push_unicode(c, out),
            c if must_escape(c) => push_unicode(c, out),
            c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

/// Appends a value; text that could be taken for something else is quoted.
pub(crate) fn push_value(value: Value<'_>, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::I64(v) => push_int(v, out),
        Value::U64(v) => push_int(v, out),
        Value::I128(v) => push_int(v, out),
        Value::U128(v) => push_int(v, out),
        Value::F64(v) => {
            if !push_finite(v, out) {
                out.extend_from_slice(non_finite_name(v).as_bytes());
            }
        }
        Value::Str(v) => push_str(v, out),
        Value::Bytes(v) => push_bytes(v, out),
        Value::Json(v) => push_token(v, out),
        // `Value` may gain variants; until this encoder knows them, their text is better than
        // nothing.
        other => push_str(&other.to_string(), out),
    }
}

/// [`push_str`] for bytes; nothing and `None` if they are not UTF-8.
#[inline]
pub(crate) fn push_utf8(bytes: &[u8], out: &mut impl Put) -> Option<()> {
    // What is a token is ASCII.
    if is_token(bytes) && !is_other_type(bytes) {
        push_short(bytes, out);
    } else {
        let text = std::str::from_utf8(bytes).ok()?;
        out.put_with(|out| push_str(text, out));
    }
    Some(())
}

/// Appends text, in quotes also where it reads like a number, `true`, `null` or the like.
pub(crate) fn push_str(text: &str, out: &mut Vec<u8>) {
    if is_other_type(text.as_bytes()) { push_quoted(text, out) } else { push_token(text, out) }
}

/// Whether text without quotes would read like something that is not text.
fn is_other_type(text: &[u8]) -> bool {
    match text {
        b"null" | b"true" | b"false" | b"NaN" | b"Infinity" | b"-Infinity" => true,
        bytes => number_length(bytes) == Some(bytes.len()),
    }
}

/// Appends text, in quotes where it is empty or holds something that can't stand outside them.
#[inline]
pub(crate) fn push_token(text: &str, out: &mut impl Put) {
    if is_token(text.as_bytes()) {
        push_short(text.as_bytes(), out);
    } else {
        out.put_with(|out| push_odd_token(text, out));
    }
}

fn push_odd_token(text: &str, out: &mut Vec<u8>) {
    let breaks = |byte: u8| matches!(byte, b' ' | b'"' | b'=');
    if text.is_empty()
        || text.bytes().any(breaks)
        || has_dangerous(text)
        || text.contains(char::REPLACEMENT_CHARACTER)
    {
        push_quoted(text, out);
    } else {
        out.extend_from_slice(text.as_bytes());
    }
}

/// Whether text is ASCII and can stand outside quotes; told quickly.
#[inline]
fn is_token(bytes: &[u8]) -> bool {
    // What is not ASCII is negative.
    let special = |byte: u8| {
        let low = byte.cast_signed() <= 0x20;
        low | (byte == b'"') | (byte == b'=') | (byte == 0x7F)
    };
    !bytes.is_empty() && none_is(bytes, special)
}

/// Appends bytes as a quoted string: ASCII as it is, all else as `\xNN`; the backslashes of that
/// are escaped once more by the quotes' own rule.
fn push_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for byte in bytes.escape_ascii() {
        escape_into(char::from(byte).encode_utf8(&mut [0; 4]), out);
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_quoted_only_where_they_must_be() {
        let check = |value: Value<'_>, expect: &str| {
            let mut out = Vec::new();
            push_value(value, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expect);
        };
        check(Value::Null, "null");
        check(Value::Bool(false), "false");
        check(Value::I128(i128::MIN), "-170141183460469231731687303715884105728");
        check(Value::F64(2.0), "2.0");
        check(Value::F64(f64::NEG_INFINITY), "-Infinity");
        check(Value::Str(""), "\"\"");
        check(Value::Str("plain"), "plain");
        check(Value::Str(r"C:\temp"), r"C:\temp");
        check(Value::Str("10.0.0.1"), "10.0.0.1");
        check(Value::Str("10.5"), "\"10.5\"");
        check(Value::Str("null"), "\"null\"");
        check(Value::Str("a b"), "\"a b\"");
        check(Value::Str("a=b"), "\"a=b\"");
        check(Value::Str("a\"b"), r#""a\"b""#);
        check(Value::Str("a\nlevel=INFO"), r#""a\nlevel=INFO""#);
        check(Value::Str("\u{202e}"), r#""\u202e""#);
        check(Value::Str("\u{fffd}é"), "\"\u{fffd}é\"");
        check(Value::Bytes(b"ok\xff\n\\"), r#""ok\\xff\\n\\\\""#);
        check(Value::Json("[1,2]"), "[1,2]");
        check(Value::Json("{\"a\":1}"), r#""{\"a\":1}""#);
    }

    #[test]
    fn keys_hold_no_separator() {
        let check = |key: &str, expect: &str| {
            let mut out = Vec::new();
            push_key_text(key.as_bytes(), &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expect);
        };
        check("http.method", "http.method");
        check("größe", "größe");
        check("a b=c\"d", r"a\u0020b\u003dc\u0022d");
        check(r"a\u0020b", r"a\\u0020b");
        check("a\nlevel", r"a\u000alevel");
        check("\u{fffd}\u{202e}", r"\ufffd\u202e");
    }
}
