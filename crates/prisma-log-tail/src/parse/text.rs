//! Small steps over bytes that the text formats share.

use std::borrow::Cow;

use prisma_log_core::Fields;

pub(super) fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    // Most lines are UTF-8, and the check alone is many times as fast as the repair.
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(bytes),
    }
}

pub(super) fn owned(bytes: &[u8]) -> String {
    lossy(bytes).into_owned()
}

pub(super) fn push(fields: &mut Fields, key: &str, value: &[u8]) {
    fields.push(key, &*lossy(value));
}

/// Pushes a whole number as one, anything else as text.
pub(super) fn push_number(fields: &mut Fields, key: &str, value: &[u8]) {
    match std::str::from_utf8(value).ok().and_then(|text| text.parse::<u64>().ok()) {
        Some(number) => fields.push(key, number),
        None => push(fields, key, value),
    }
}

pub(super) fn is_number(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(u8::is_ascii_digit)
}

/// Up to the next space or tab, and what follows it and its like.
pub(super) fn word(s: &[u8]) -> (&[u8], &[u8]) {
    let end = memchr::memchr2(b' ', b'\t', s).unwrap_or(s.len());
    (&s[..end], blank(&s[end..]))
}

/// Without a byte order mark in front.
pub(super) fn without_mark(s: &[u8]) -> &[u8] {
    s.strip_prefix(b"\xef\xbb\xbf").unwrap_or(s)
}

/// Without spaces and tabs in front.
pub(super) fn blank(s: &[u8]) -> &[u8] {
    let count = s.iter().take_while(|&&b| b == b' ' || b == b'\t').count();
    &s[count..]
}

/// What stands before and after the first `needle` byte.
pub(super) fn split(s: &[u8], needle: u8) -> Option<(&[u8], &[u8])> {
    let at = memchr::memchr(needle, s)?;
    Some((&s[..at], &s[at + 1..]))
}

/// What stands before and after the first `needle`.
pub(super) fn split_at_str<'a>(s: &'a [u8], needle: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = memchr::memmem::find(s, needle)?;
    Some((&s[..at], &s[at + needle.len()..]))
}

/// The content of brackets at the start, and what follows them.
pub(super) fn bracketed(s: &[u8], open: u8, close: u8) -> Option<(&[u8], &[u8])> {
    s.strip_prefix(&[open]).and_then(|rest| split(rest, close))
}

/// A quoted text at the start, where a backslash protects the next byte, and what follows it.
pub(super) fn quoted(s: &[u8]) -> Option<(&[u8], &[u8])> {
    let s = s.strip_prefix(b"\"")?;
    let mut at = 0;
    loop {
        at += memchr::memchr2(b'"', b'\\', &s[at..])?;
        if s[at] == b'"' {
            return Some((&s[..at], &s[at + 1..]));
        }
        at += 2;
        if at > s.len() {
            return None;
        }
    }
}

/// Whether these bytes can be a program's, logger's or thread's name.
pub(super) fn is_name(s: &[u8]) -> bool {
    let allowed =
        |b: &u8| b.is_ascii_alphanumeric() || b"._-:/$@#<>*+~&,(){}".contains(b) || *b > 127;
    !s.is_empty() && s.len() <= 128 && s.iter().all(allowed)
}

/// Without terminal sequences: colours (CSI), links and titles (OSC), other escapes.
pub(super) fn without_ansi(s: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(0x1b, s).is_none() {
        return Cow::Borrowed(s);
    }
    let mut out = Vec::with_capacity(s.len());
    let mut rest = s;
    while let Some(at) = memchr::memchr(0x1b, rest) {
        out.extend_from_slice(&rest[..at]);
        rest = &rest[at + 1..];
        rest = match rest.first() {
            Some(b'[') => {
                let parameters = rest[1..].iter().take_while(|b| (0x20..0x40).contains(*b)).count();
                rest.get(parameters + 2..).unwrap_or_default()
            }
            Some(b']') => {
                let end = memchr::memchr2(0x07, 0x1b, rest).unwrap_or(rest.len());
                let end = if rest[end..].starts_with(b"\x1b\\") { end + 1 } else { end };
                rest.get(end + 1..).unwrap_or_default()
            }
            Some(0x20..=0x7e) => &rest[1..],
            _ => rest,
        };
    }
    out.extend_from_slice(rest);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_sequences_go() {
        let check = |input: &[u8], expect: &[u8]| assert_eq!(&*without_ansi(input), expect);
        check(b"plain", b"plain");
        check(b"\x1b[1;31mred\x1b[0m text", b"red text");
        check(b"\x1b]0;title\x07text\x1b]8;;http://x\x1b\\link", b"textlink");
        check(b"cut \x1b[3", b"cut ");
        check(b"cut \x1b", b"cut ");
        check(b"\x1b(Bx", b"Bx");
        check(b"\x1b]never ends", b"");
    }

    #[test]
    fn quotes() {
        assert_eq!(quoted(b"\"a \\\" b\" c"), Some((&b"a \\\" b"[..], &b" c"[..])));
        for bad in [&b"\"a"[..], b"\"a\\", b"\"a\\\"", b"a\"", b""] {
            assert_eq!(quoted(bad), None);
        }
    }
}
