//! The percent-coding of baggage values.

use std::borrow::Cow;

use super::text::{Case, hex};

/// What a value may have as it is.
pub(super) fn is_octet(b: u8) -> bool {
    matches!(b, b'!'..=b'~') && !matches!(b, b'"' | b',' | b';' | b'\\')
}

/// Any text as a value.
pub(super) fn encode(text: &str) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut out = String::with_capacity(text.len());
    for b in text.bytes() {
        if is_octet(b) && b != b'%' {
            out.push(char::from(b));
        } else {
            out.push('%');
            out.push(char::from(DIGITS[usize::from(b >> 4)]));
            out.push(char::from(DIGITS[usize::from(b & 15)]));
        }
    }
    out
}

/// The text that a value stands for. A `%` that begins no code stands for itself; what is not
/// UTF-8 becomes U+FFFD.
pub(super) fn decode(value: &str) -> Cow<'_, str> {
    match bytes(value) {
        None => Cow::Borrowed(value),
        Some((bytes, _)) => Cow::Owned(match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        }),
    }
}

/// Whether a value stands for a text without any doubt.
pub(super) fn decodes(value: &str) -> bool {
    bytes(value).is_none_or(|(bytes, whole)| whole && std::str::from_utf8(&bytes).is_ok())
}

/// The bytes that a value stands for, and whether each `%` begins a code; nothing when there is no
/// `%` in it.
fn bytes(value: &str) -> Option<(Vec<u8>, bool)> {
    let mut rest = value.as_bytes();
    if !rest.contains(&b'%') {
        return None;
    }
    let mut out = Vec::with_capacity(rest.len());
    let mut whole = true;
    while let [b, tail @ ..] = rest {
        rest = tail;
        let code = if *b == b'%' { tail.split_first_chunk::<2>() } else { None };
        match code.and_then(|(code, tail)| Some((hex(code, Case::Any)?, tail))) {
            Some((byte, tail)) => {
                out.push(byte as u8);
                rest = tail;
            }
            None => {
                whole &= *b != b'%';
                out.push(*b);
            }
        }
    }
    Some((out, whole))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_comes_back() {
        fn check(text: &str, coded: &str) {
            assert_eq!(encode(text), coded);
            assert_eq!(decode(coded), text);
            assert!(decodes(coded));
        }
        check("", "");
        check("plain=+/", "plain=+/");
        check("DF 28", "DF%2028");
        check("100%", "100%25");
        check("%20", "%2520");
        check("a,b;c\"\\\n\0\u{7f}", "a%2Cb%3Bc%22%5C%0A%00%7F");
        check("Köln 😀", "K%C3%B6ln%20%F0%9F%98%80");
    }

    #[test]
    fn broken_coding_is_readable_and_known_for_what_it_is() {
        fn check(coded: &str, text: &str, decodes_well: bool) {
            assert_eq!(decode(coded), text, "{coded}");
            assert_eq!(decodes(coded), decodes_well, "{coded}");
        }
        check("%c3%b6", "ö", true);
        check("100%", "100%", false);
        check("%", "%", false);
        check("%2", "%2", false);
        check("%zz%41", "%zzA", false);
        check("%%41", "%A", false);
        check("%C3", "\u{fffd}", false);
        check("a%FFb%C3%B6", "a\u{fffd}bö", false);
        check("%ED%A0%80", "\u{fffd}\u{fffd}\u{fffd}", false);
    }
}
