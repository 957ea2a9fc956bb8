//! Escaping: which characters may not stand in a line as they are, and how they are written.

use crate::copy::{Put, push_short};

/// Nothing to do with this byte.
const PLAIN: u8 = 0;
/// An ASCII character that is always escaped inside quotes.
const ESCAPED: u8 = 1;
/// First byte of an encoded character that may have to be escaped.
const LEAD: u8 = 2;

static CLASS: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut class = [PLAIN; 256];
    let mut control = 0;
    while control < 0x20 {
        class[control] = ESCAPED;
        control += 1;
    }
    class[b'"' as usize] = ESCAPED;
    class[b'\\' as usize] = ESCAPED;
    class[0x7F] = ESCAPED;
    class[0xC2] = LEAD; // U+0080–U+00BF
    class[0xD8] = LEAD; // U+0600–U+063F
    class[0xE2] = LEAD; // U+2000–U+2FFF
    class[0xEF] = LEAD; // U+F000–U+FFFF
    class[0xF3] = LEAD; // U+C0000–U+FFFFF
    class
}

/// Whether a character never stands in an encoded line as it is.
///
/// These are:
/// - C0 and C1 controls and DEL: they drive terminals and split lines;
/// - U+2028 and U+2029: line ends to JavaScript and to many viewers;
/// - bidirectional controls (U+061C, U+200E, U+200F, U+202A–U+202E, U+2066–U+2069): they make a
///   line read differently from what it says (CVE-2021-42574);
/// - what is invisible and has no use in running text: zero-width space U+200B, word joiner and
///   the deprecated format characters U+2060–U+206F, byte order mark U+FEFF, interlinear
///   annotation U+FFF9–U+FFFB, tag characters U+E0000–U+E007F.
///
/// The zero-width joiner and non-joiner (U+200D, U+200C) stay: Persian, the Indic scripts and
/// composed emoji are spelled with them, and they can neither re-order nor end a line.
pub const fn must_escape(c: char) -> bool {
    matches!(
        c,
        '\0'..='\x1F'
            | '\x7F'..='\u{9F}'
            | '\u{061C}'
            | '\u{200B}'
            | '\u{200E}'
            | '\u{200F}'
            | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}'
            | '\u{FEFF}'
            | '\u{FFF9}'..='\u{FFFB}'
            | '\u{E0000}'..='\u{E007F}'
    )
}

/// Appends `text` as the inside of a JSON string: `"`, `\` and every character that
/// [`must_escape`] names are escaped as RFC 8259 has it, all others are copied.
///
/// Characters beyond U+FFFF become a surrogate pair. The quotes around it are the caller's.
#[inline]
pub fn escape_into(text: &str, out: &mut Vec<u8>) {
    escape::<true>(text, out);
}

/// [`escape_into`] for whatever takes bytes.
#[inline]
pub(crate) fn push_escaped(text: &str, out: &mut impl Put) {
    if is_plain(text.as_bytes()) {
        push_short(text.as_bytes(), out);
    } else {
        out.put_with(|out| escape_pieces::<true>(text, out));
    }
}

/// Appends bytes in quotes as a JSON string, as [`escape_into`] does; nothing and `None` if they
/// are not UTF-8.
#[inline]
pub(crate) fn push_quoted_utf8(bytes: &[u8], out: &mut impl Put) -> Option<()> {
    // What is plain is ASCII.
    if is_plain(bytes) {
        out.put(b"\"");
        push_short(bytes, out);
        out.put(b"\"");
        return Some(());
    }
    let text = std::str::from_utf8(bytes).ok()?;
    out.put(b"\"");
    out.put_with(|out| escape_pieces::<true>(text, out));
    out.put(b"\"");
    Some(())
}

/// [`escape_into`] for bytes that are known to be UTF-8.
#[inline]
pub(crate) fn escape_utf8_into(bytes: &[u8], out: &mut Vec<u8>) {
    if is_plain(bytes) {
        push_short(bytes, out);
    } else {
        escape_pieces::<true>(str::from_utf8(bytes).unwrap_or_default(), out);
    }
}

/// Whether bytes are UTF-8, told quickly for ASCII.
#[inline]
pub(crate) fn is_utf8(bytes: &[u8]) -> bool {
    none_is(bytes, |byte| !byte.is_ascii()) || str::from_utf8(bytes).is_ok()
}

/// Appends the inside of a JSON string that is escaped already as far as RFC 8259 demands, and
/// escapes what [`must_escape`] names beyond that.
pub(crate) fn escape_escaped_into(text: &str, out: &mut Vec<u8>) {
    escape::<false>(text, out);
}

#[inline]
fn escape<const QUOTES: bool>(text: &str, out: &mut Vec<u8>) {
    if is_plain(text.as_bytes()) {
        push_short(text.as_bytes(), out);
    } else {
        escape_pieces::<QUOTES>(text, out);
    }
}

/// Whether nothing in a text can need an escape, told quickly.
///
/// Most texts are a word or two long: those are looked at as one number or two.
#[inline]
fn is_plain(bytes: &[u8]) -> bool {
    let four = |at: usize| bytes[at..].first_chunk().map_or(0, |four| u32::from_le_bytes(*four));
    let eight = |at: usize| bytes[at..].first_chunk().map_or(0, |eight| u64::from_le_bytes(*eight));
    match bytes.len() {
        0 => true,
        len @ 1..4 => {
            let [first, middle, last] = [bytes[0], bytes[len / 2], bytes[len - 1]];
            is_plain_word(u64::from_le_bytes([first, middle, last, b'a', b'a', b'a', b'a', b'a']))
        }
        len @ 4..8 => is_plain_word(u64::from(four(0)) | u64::from(four(len - 4)) << 32),
        len @ 8..=16 => is_plain_word(eight(0)) && is_plain_word(eight(len - 8)),
        _ => none_is(bytes, |byte| {
            // What is not ASCII is negative.
            let low = byte.cast_signed() < 0x20;
            low | (byte == b'"') | (byte == b'\\') | (byte == 0x7F)
        }),
    }
}

/// [`is_plain`] for eight bytes.
///
/// A byte that is 0 in a word shows by the borrow of a subtraction; the words here are 0 where a
/// byte is the one that is looked for, and below 0x20.
#[inline]
const fn is_plain_word(word: u64) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    const fn has_zero(word: u64) -> u64 {
        word.wrapping_sub(ONES) & !word & HIGHS
    }
    let not_ascii = word & HIGHS;
    let low = word.wrapping_sub(0x20 * ONES) & !word & HIGHS;
    let quote = has_zero(word ^ (ONES * b'"' as u64));
    let backslash = has_zero(word ^ (ONES * b'\\' as u64));
    let delete = has_zero(word ^ (ONES * 0x7F));
    not_ascii | low | quote | backslash | delete == 0
}

/// Whether no byte is special. The letter `a` must not be.
///
/// The looks overlap, so that in a text of four bytes or more none is looked at alone, and the
/// compiler makes one vector of each.
#[inline]
pub(crate) fn none_is(bytes: &[u8], special: impl Fn(u8) -> bool + Copy) -> bool {
    match bytes.len() {
        8..=16 => none_at_the_ends::<8>(bytes, special),
        4..8 => none_at_the_ends::<4>(bytes, special),
        0..4 => !bytes.iter().any(|&byte| special(byte)),
        _ => {
            let (chunks, _) = bytes.as_chunks::<16>();
            let last = bytes.last_chunk::<16>();
            chunks.iter().chain(last).all(|chunk| none_of(*chunk, special))
        }
    }
}

/// Whether none of the first and last N bytes, up to 8, is special.
#[inline]
fn none_at_the_ends<const N: usize>(bytes: &[u8], special: impl Fn(u8) -> bool) -> bool {
    let (Some(first), Some(last)) = (bytes.first_chunk::<N>(), bytes.last_chunk::<N>()) else {
        return false;
    };
    let mut both = [b'a'; 16];
    both[..N].copy_from_slice(first);
    both[8..8 + N].copy_from_slice(last);
    none_of(both, special)
}

#[inline(always)]
fn none_of(bytes: [u8; 16], special: impl Fn(u8) -> bool) -> bool {
    !bytes.iter().fold(false, |found, &byte| found | special(byte))
}

fn escape_pieces<const QUOTES: bool>(text: &str, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    let mut copied = 0;
    let mut at = 0;
    loop {
        at = skip_plain(bytes, at);
        let Some(&byte) = bytes.get(at) else { break };
        if !QUOTES && (byte == b'"' || byte == b'\\') {
            at += 1;
            continue;
        }
        let width = if CLASS[usize::from(byte)] == ESCAPED {
            out.extend_from_slice(&bytes[copied..at]);
            push_ascii(byte, out);
            1
        } else {
            match dangerous_at(text, at) {
                Some(c) => {
                    out.extend_from_slice(&bytes[copied..at]);
                    push_unicode(c, out);
                    c.len_utf8()
                }
                None => {
                    at += 1;
                    continue;
                }
            }
        };
        at += width;
        copied = at;
    }
    out.extend_from_slice(&bytes[copied..]);
}

/// The character that starts at `at`, if it must be escaped.
fn dangerous_at(text: &str, at: usize) -> Option<char> {
    text.get(at..)?.chars().next().filter(|&c| must_escape(c))
}

/// Whether `text` holds a character that [`must_escape`] names.
pub(crate) fn has_dangerous(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut at = skip_plain(bytes, 0);
    while let Some(&byte) = bytes.get(at) {
        if byte != b'"' && byte != b'\\' && dangerous_at(text, at).is_some() {
            return true;
        }
        at = skip_plain(bytes, at + 1);
    }
    false
}

/// Index of the first byte from `at` on that is not [`PLAIN`], or the length.
///
/// Eight bytes at a time: nearly all of a log is plain ASCII.
fn skip_plain(bytes: &[u8], mut at: usize) -> usize {
    while let Some(chunk) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        if special_bits(*chunk) != 0 {
            match chunk.iter().position(|&byte| CLASS[usize::from(byte)] != PLAIN) {
                Some(offset) => return at + offset,
                None => at += 8,
            }
        } else {
            at += 8;
        }
    }
    while at < bytes.len() && CLASS[usize::from(bytes[at])] == PLAIN {
        at += 1;
    }
    at
}

/// Not 0 if one of the eight bytes is a control, DEL, `"`, `\` or not ASCII.
///
/// A borrow or carry may also flag a plain byte next to such a one, never hide one.
#[inline]
const fn special_bits(bytes: [u8; 8]) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let word = u64::from_le_bytes(bytes);
    let below_space = word.wrapping_sub(ONES * 0x20);
    let quote = (word ^ (ONES * b'"' as u64)).wrapping_sub(ONES);
    let backslash = (word ^ (ONES * b'\\' as u64)).wrapping_sub(ONES);
    let delete = word.wrapping_add(ONES);
    (below_space | quote | backslash | delete | word) & (ONES * 0x80)
}

fn push_ascii(byte: u8, out: &mut Vec<u8>) {
    let short = match byte {
        b'"' => b"\\\"",
        b'\\' => b"\\\\",
        b'\n' => b"\\n",
        b'\r' => b"\\r",
        b'\t' => b"\\t",
        0x08 => b"\\b",
        0x0C => b"\\f",
        _ => return push_unit(u16::from(byte), out),
    };
    out.extend_from_slice(short);
}

/// Appends `\uXXXX`, twice for a character beyond U+FFFF.
pub(crate) fn push_unicode(c: char, out: &mut Vec<u8>) {
    for unit in c.encode_utf16(&mut [0; 2]) {
        push_unit(*unit, out);
    }
}

fn push_unit(unit: u16, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |shift: u16| DIGITS[usize::from(unit >> shift & 15)];
    out.extend_from_slice(&[b'\\', b'u', digit(12), digit(8), digit(4), digit(0)]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_is_what_needs_no_escape_wherever_it_stands() {
        for len in 0..40 {
            for at in 0..len {
                for byte in 0..=255_u8 {
                    let mut bytes = vec![b'x'; len];
                    bytes[at] = byte;
                    let expect =
                        byte.is_ascii() && !byte.is_ascii_control() && !b"\"\\".contains(&byte);
                    assert_eq!(is_plain(&bytes), expect, "{byte:#x} at {at} of {len}");
                }
            }
        }
    }

    fn check(text: &str, expect: &str) {
        let mut out = b"kept ".to_vec();
        escape_into(text, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), format!("kept {expect}"), "{text:?}");
    }

    #[test]
    fn escapes_what_it_must_and_copies_the_rest() {
        check("", "");
        check(
            "plain ASCII of some length, nothing special",
            "plain ASCII of some length, nothing special",
        );
        check("a\"b\\c", r#"a\"b\\c"#);
        check("\n\r\t\u{8}\u{c}", r"\n\r\t\b\f");
        check("\0\u{1b}[31m\u{7f}", r"\u0000\u001b[31m\u007f");
        check("\u{80}\u{85}\u{9b}\u{9f}\u{a0}é", "\\u0080\\u0085\\u009b\\u009f\u{a0}é");
        check("a\u{2028}b\u{2029}", r"a\u2028b\u2029");
        check("\u{202e}gnp.exe\u{2066}x\u{2069}\u{61c}", r"\u202egnp.exe\u2066x\u2069\u061c");
        check("\u{200b}\u{200c}\u{200d}\u{200e}", "\\u200b\u{200c}\u{200d}\\u200e");
        check("\u{feff}\u{fffd}\u{2060}", "\\ufeff\u{fffd}\\u2060");
        check("\u{e0041}", r"\udb40\udc41");
        check("Grüße, мир, 日本語, 🎉 → … – €", "Grüße, мир, 日本語, 🎉 → … – €");
    }

    #[test]
    fn finds_a_special_byte_at_every_offset() {
        for special in ['"', '\\', '\u{1f}', '\u{7f}', '\u{2028}', '\u{9b}'] {
            for before in 0..20 {
                for after in 0..20 {
                    let text = format!("{}{special}{}", "é".repeat(before), "x".repeat(after));
                    let mut expect = Vec::new();
                    expect.extend_from_slice("é".repeat(before).as_bytes());
                    escape_into(special.encode_utf8(&mut [0; 4]), &mut expect);
                    expect.extend_from_slice("x".repeat(after).as_bytes());
                    check(&text, std::str::from_utf8(&expect).unwrap());
                    assert_eq!(has_dangerous(&text), must_escape(special), "{text:?}");
                }
            }
        }
    }

    #[test]
    fn every_character_comes_back() {
        for c in '\0'..=char::MAX {
            let mut out = b"\"".to_vec();
            escape_into(c.encode_utf8(&mut [0; 4]), &mut out);
            out.push(b'"');
            let back: String = serde_json::from_slice(&out).unwrap();
            assert!(back.chars().eq([c]), "{c:?}");
            let raw = std::str::from_utf8(&out).unwrap();
            assert!(!raw.contains(must_escape), "{c:?} stands in {raw:?}");
        }
    }
}
