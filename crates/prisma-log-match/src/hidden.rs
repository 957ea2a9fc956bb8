//! Literals that a line holds in another notation: escapes of JSON, terminal sequences.

use memchr::{memchr, memchr2, memchr2_iter};

const ESCAPE: u8 = 0x1b;

/// Calls `each` with the places between `from` and `to` where a line may hide letters: terminal
/// sequences, which a reader takes out, and backslashes before what a reader may take for itself.
pub(crate) fn places(text: &[u8], from: usize, to: usize, mut each: impl FnMut(usize)) {
    let part = text.get(from..to).unwrap_or_default();
    for at in memchr2_iter(b'\\', ESCAPE, part) {
        let next = text.get(from + at + 1).copied().unwrap_or(b'\n');
        if part[at] == ESCAPE || hides(next) {
            each(from + at);
        }
    }
}

/// Whether a backslash before this byte may stand for a byte of a literal.
///
/// Behind the others stands, however the line is read, a character that no literal has.
fn hides(next: u8) -> bool {
    !matches!(next, b'"' | b'\\' | b'/' | b'n' | b'r' | b't' | b'\n' | b'\r')
}

/// Writes the line as readers may see it into `copy`: without backslashes, without terminal
/// sequences, without both. A control character, which no literal has, ends each form.
pub(crate) fn reveal(line: &[u8], copy: &mut Vec<u8>) {
    const END: u8 = b'\n';
    copy.clear();
    without_backslashes(line, copy);
    copy.push(END);
    if memchr(ESCAPE, line).is_some() {
        let begin = copy.len();
        without_sequences(line, copy);
        if memchr(b'\\', &copy[begin..]).is_some() {
            let plain = copy[begin..].to_vec();
            copy.push(END);
            without_backslashes(&plain, copy);
        }
        copy.push(END);
    }
}

/// Without escapes: `\u0041` becomes `A`, `\A` too, however many backslashes there are.
fn without_backslashes(line: &[u8], out: &mut Vec<u8>) {
    let mut rest = line;
    while let Some(at) = memchr(b'\\', rest) {
        out.extend_from_slice(&rest[..at]);
        rest = &rest[at..];
        let behind = after_backslashes(rest);
        if let Some((character, after)) = unicode(behind) {
            out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            rest = after;
            continue;
        }
        if !behind.first().is_some_and(|&next| hides(next)) {
            out.push(b'\\');
        }
        rest = behind;
    }
    out.extend_from_slice(rest);
}

fn after_backslashes(text: &[u8]) -> &[u8] {
    let count = text.iter().take_while(|byte| **byte == b'\\').count();
    &text[count..]
}

/// The character that `u0041` at the start stands for, and what comes then.
fn unicode(text: &[u8]) -> Option<(char, &[u8])> {
    let (first, rest) = code_unit(text)?;
    if let Some(character) = char::from_u32(first) {
        return Some((character, rest));
    }
    let pair = (0xd800..0xdc00).contains(&first).then(|| code_unit(after_backslashes(rest)));
    let joined = pair.flatten().and_then(|(second, rest)| {
        let second = second.checked_sub(0xdc00).filter(|low| *low < 0x400)?;
        Some((char::from_u32(0x10000 + ((first - 0xd800) << 10) + second)?, rest))
    });
    Some(joined.unwrap_or((char::REPLACEMENT_CHARACTER, rest)))
}

fn code_unit(text: &[u8]) -> Option<(u32, &[u8])> {
    let (hex, rest) = text.strip_prefix(b"u")?.split_at_checked(4)?;
    let digits = hex
        .iter()
        .try_fold(0, |unit, &byte| char::from(byte).to_digit(16).map(|digit| unit << 4 | digit));
    Some((digits?, rest))
}

/// Without colours (CSI), links and titles (OSC) and other escapes of terminals.
fn without_sequences(line: &[u8], out: &mut Vec<u8>) {
    let mut rest = line;
    while let Some(at) = memchr(ESCAPE, rest) {
        out.extend_from_slice(&rest[..at]);
        rest = &rest[at + 1..];
        rest = match rest.first() {
            Some(b'[') => {
                let parameters = rest[1..].iter().take_while(|b| (0x20..0x40).contains(*b)).count();
                rest.get(parameters + 2..).unwrap_or_default()
            }
            Some(b']') => {
                let end = memchr2(0x07, ESCAPE, rest).unwrap_or(rest.len());
                let end = if rest[end..].starts_with(b"\x1b\\") { end + 1 } else { end };
                rest.get(end + 1..).unwrap_or_default()
            }
            Some(0x20..=0x7e) => &rest[1..],
            _ => rest,
        };
    }
    out.extend_from_slice(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_those_that_hide_something() {
        let check = |line: &str, expect: &[usize]| {
            let mut found = Vec::new();
            places(line.as_bytes(), 0, line.len(), |at| found.push(at));
            assert_eq!(found, expect, "{line}");
        };
        check("plain", &[]);
        check(r#"{"a":"\"b\" \n \\\" \/"}"#, &[]);
        check(r"a\u0041", &[1]);
        check(r"a\\u0041", &[2]);
        check(r"a\b", &[1]);
        check("a\u{1b}[1mb", &[1]);
        check("a\\", &[]);
    }

    #[test]
    fn forms_are_what_readers_see() {
        let check = |line: &str, expect: &str| {
            let mut copy = Vec::new();
            reveal(line.as_bytes(), &mut copy);
            assert_eq!(String::from_utf8_lossy(&copy), expect, "{line}");
        };
        check(r"err\u006fr", "error\n");
        check(r"err\\\u006Fr\n", "error\\n\n");
        check(r"\ud83d\ude00 \ud83d \ude00 \u12", "\u{1f600} \u{fffd} \u{fffd} u12\n");
        check(r"a\bc\", "abc\\\n");
        check("e\u{1b}[31;1mrror", "e\u{1b}[31;1mrror\nerror\n");
        check("e\u{1b}[31;1mr\\u0072or", "e\u{1b}[31;1mrror\ner\\u0072or\nerror\n");
        check(
            "\u{1b}]0;title\u{7}text\u{1b}(Bx\u{1b}",
            "\u{1b}]0;title\u{7}text\u{1b}(Bx\u{1b}\ntextBx\n",
        );
    }
}
