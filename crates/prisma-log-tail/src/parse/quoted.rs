//! JSON's strings: where they end, and what their escapes mean.

/// How many bytes are looked at in words before a string counts as long.
const SHORT: usize = 40;
/// How far a long string is searched at once: what is searched again behind each of many raw tabs.
const BLOCK: usize = 512;

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// Where the string that starts at `start`, behind its quote, has its closing quote, and whether
/// there are escapes in it; `None` if it has no end or is no valid string.
#[inline(always)]
pub(super) fn end(s: &[u8], start: usize) -> Option<(usize, bool)> {
    let at = special(s, start)?;
    if s.get(at) == Some(&b'"') { Some((at, false)) } else { end_of_odd(s, at) }
}

/// Goes on at the first byte that is not plain.
fn end_of_odd(s: &[u8], mut at: usize) -> Option<(usize, bool)> {
    let mut escaped = false;
    loop {
        at = match s.get(at)? {
            b'"' => return Some((at, escaped)),
            b'\\' => {
                escaped = true;
                escape_end(s, at + 1)?
            }
            // Some writers leave tabs as they are; other control characters are no JSON.
            b'\t' => at + 1,
            _ => return None,
        };
        at = special(s, at)?;
    }
}

/// Where the first quote, backslash or control character from `from` on stands.
#[inline(always)]
fn special(s: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    while at < from + SHORT {
        let Some(word) = s.get(at..).and_then(|rest| rest.first_chunk()) else {
            return special_by_byte(s, at);
        };
        let found = specials(u64::from_le_bytes(*word));
        if found != 0 {
            return Some(at + found.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    special_far(s, at)
}

/// The high bit of each byte that is a quote, a backslash or below 0x20. Only the lowest one that
/// is set is exact: a borrow may set others above it.
#[inline]
const fn specials(word: u64) -> u64 {
    let quote = word ^ (ONES * b'"' as u64);
    let backslash = word ^ (ONES * b'\\' as u64);
    let quote = quote.wrapping_sub(ONES) & !quote;
    let backslash = backslash.wrapping_sub(ONES) & !backslash;
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    (quote | backslash | control) & HIGH
}

fn is_special(byte: u8) -> bool {
    byte == b'"' || byte == b'\\' || byte < 0x20
}

fn special_by_byte(s: &[u8], from: usize) -> Option<usize> {
    s.get(from..)?.iter().position(|&byte| is_special(byte)).map(|at| from + at)
}

/// For long strings: most have no control character, so one is looked for in wide steps.
#[inline(never)]
fn special_far(s: &[u8], from: usize) -> Option<usize> {
    let mut before = from;
    for block in s.get(from..)?.chunks(BLOCK) {
        let end = memchr::memchr2(b'"', b'\\', block);
        let plain = block.get(..end.unwrap_or(block.len())).unwrap_or_default();
        // A loop without a way out of it is what the compiler makes wide.
        if plain.iter().fold(false, |any, &byte| any | (byte < 0x20)) {
            return special_by_byte(s, before);
        }
        if let Some(end) = end {
            return Some(before + end);
        }
        before += block.len();
    }
    None
}

/// Where the escape ends whose backslash stands before `at`.
fn escape_end(s: &[u8], at: usize) -> Option<usize> {
    match s.get(at)? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(at + 1),
        b'u' => hex4(s, at + 1).map(|_| at + 5),
        _ => None,
    }
}

fn hex4(s: &[u8], at: usize) -> Option<u32> {
    let hex = s.get(at..at + 4)?;
    hex.iter().try_fold(0, |number, &b| Some(number << 4 | char::from(b).to_digit(16)?))
}

/// Appends a string's content without its escapes. Surrogates without a partner become U+FFFD.
pub(super) fn unescape(raw: &str, out: &mut String) {
    let s = raw.as_bytes();
    let mut at = 0;
    while let Some(plain) = raw.get(at..) {
        let Some(next) = memchr::memchr(b'\\', plain.as_bytes()) else {
            out.push_str(plain);
            return;
        };
        out.push_str(&plain[..next]);
        let (c, end) = escape(s, at + next + 1);
        out.push(c);
        at = end;
    }
}

/// What the escape behind a backslash stands for, and where it ends.
fn escape(s: &[u8], at: usize) -> (char, usize) {
    let c = match s.get(at).copied().unwrap_or(b'\\') {
        b'n' => '\n',
        b't' => '\t',
        b'r' => '\r',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'u' => return unicode(s, at + 1),
        byte => char::from(byte),
    };
    (c, at + 1)
}

fn unicode(s: &[u8], at: usize) -> (char, usize) {
    let first = hex4(s, at).unwrap_or(0xd800);
    if (0xd800..0xdc00).contains(&first)
        && s.get(at + 4..at + 6) == Some(b"\\u")
        && let Some(second) = hex4(s, at + 6).filter(|second| (0xdc00..0xe000).contains(second))
    {
        let both = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        return (char::from_u32(both).unwrap_or(char::REPLACEMENT_CHARACTER), at + 10);
    }
    (char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER), at + 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: Option<&str>) {
        let read = end(text.as_bytes(), 0).map(|(end, escaped)| {
            assert_eq!(text.as_bytes()[end], b'"');
            assert_eq!(escaped, text[..end].contains('\\'), "{text:?}");
            let mut out = String::new();
            unescape(&text[..end], &mut out);
            out
        });
        assert_eq!(read.as_deref(), expect, "{text:?}");
    }

    #[test]
    fn escapes() {
        check(r#"\"\\\/\b\f\n\r\t"x"#, Some("\"\\/\u{8}\u{c}\n\r\t"));
        check(r#"\u0041\u00e9\u20AC""#, Some("Aé€"));
        check(r#"\ud83d\ude00""#, Some("😀"));
        check(
            r#"\ud83d\u0041\ud83d\ud83d\ude00\ude00\ud83dx\ud83d\n""#,
            Some("\u{fffd}A\u{fffd}😀\u{fffd}\u{fffd}x\u{fffd}\n"),
        );
        check("raw\ttab\"", Some("raw\ttab"));
        for bad in [
            "",
            "abc",
            "\\",
            "\\\"",
            "\\x\"",
            "\\u12\"",
            "\\u12g4\"",
            "\\u+123\"",
            "\n\"",
            "\0\"",
            "\u{1f}\"",
        ] {
            check(bad, None);
        }
    }

    #[test]
    fn every_odd_byte_is_found_at_every_place() {
        for before in 0..70 {
            // Neighbours of the odd bytes that a borrow between bytes could take for one.
            for filler in ["a", "!", "#", "[", "]", "\u{7f}", " ", "é", "\u{10ffff}"] {
                let plain = filler.repeat(before);
                for behind in [0, 1, 7, 8, 40] {
                    let rest = "#".repeat(behind);
                    check(&format!("{plain}\"{rest}"), Some(&plain));
                    check(&format!("{plain}\\\"\"{rest}"), Some(&format!("{plain}\"")));
                    check(&format!("{plain}\t\"{rest}"), Some(&format!("{plain}\t")));
                    check(&format!("{plain}\u{1f}\"{rest}"), None);
                    check(&format!("{plain}\n\"{rest}"), None);
                    check(&plain, None);
                }
            }
        }
    }

    #[test]
    fn each_byte_is_special_or_not() {
        for byte in 0..=255_u8 {
            for at in 0..8 {
                let mut word = [b'!'; 8];
                word[at] = byte;
                let found = specials(u64::from_le_bytes(word));
                let got = (found != 0).then(|| found.trailing_zeros() as usize / 8);
                assert_eq!(got, is_special(byte).then_some(at), "{byte} at {at}");
            }
        }
    }
}
