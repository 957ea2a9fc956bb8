//! What a piece of text is, told in one pass over it.

/// Bytes whose line ends are counted together.
const PAGE: usize = 4096;
/// Bytes that are looked at together for something that is not ASCII.
const PART: usize = 512;
/// Bytes that are looked at in one step.
const STEP: usize = 32;

/// What a piece of text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Survey {
    /// Line ends.
    pub(super) lines: u64,
    pub(super) is_utf8: bool,
}

impl Survey {
    /// Most of most logs is ASCII, which takes one look at each byte.
    pub(super) fn of(bytes: &[u8]) -> Survey {
        let mut survey = Survey { lines: 0, is_utf8: true };
        // Where a character starts that the part before does not end.
        let mut open = None;
        let mut start = 0;
        for page in bytes.chunks(PAGE) {
            // A lane has at most `PAGE / STEP` line ends.
            let mut lines = [0u8; STEP];
            for part in page.chunks(PART) {
                let (rest_lines, is_ascii) = look(part, &mut lines);
                survey.lines += rest_lines;
                if survey.is_utf8 && (!is_ascii || open.is_some()) {
                    survey.is_utf8 = is_utf8(bytes, start, start + part.len(), &mut open);
                }
                start += part.len();
            }
            survey.lines += lines.iter().map(|&lines| u64::from(lines)).sum::<u64>();
        }
        survey
    }
}

/// Counts line ends in `lines`, and those that fill no step, and sees whether all is ASCII. Compilers
/// make this a loop over vectors.
fn look(part: &[u8], lines: &mut [u8; STEP]) -> (u64, bool) {
    let mut all = [0u8; STEP];
    let (steps, rest) = part.as_chunks::<STEP>();
    for step in steps {
        for ((byte, lines), all) in step.iter().zip(&mut *lines).zip(&mut all) {
            *lines += u8::from(*byte == b'\n');
            *all |= byte;
        }
    }
    let rest_lines = rest.iter().filter(|&&byte| byte == b'\n').count() as u64;
    (rest_lines, all.is_ascii() && rest.is_ascii())
}

/// Whether bytes go on as UTF-8 up to `end`, from `start` or the character in `open` on, where one starts
/// that may go on behind `end`.
fn is_utf8(bytes: &[u8], start: usize, end: usize, open: &mut Option<usize>) -> bool {
    let from = open.take().unwrap_or(start);
    let text = bytes.get(from..end).unwrap_or_default();
    // A character has at most four bytes, of which the first one is told from the others.
    let back = text.iter().rev().take(4).position(|&byte| byte & 0xC0 != 0x80).unwrap_or(0);
    let may_go_on = end < bytes.len() && text.last().is_some_and(|last| !last.is_ascii());
    let len = if may_go_on { text.len() - 1 - back } else { text.len() };
    *open = may_go_on.then_some(from + len);
    simdutf8::basic::from_utf8(text.get(..len).unwrap_or_default()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], what: &str) {
        let survey = Survey::of(bytes);
        assert_eq!(survey.is_utf8, std::str::from_utf8(bytes).is_ok(), "{what}");
        let lines = bytes.iter().filter(|&&byte| byte == b'\n').count() as u64;
        assert_eq!(survey.lines, lines, "{what}");
    }

    #[test]
    fn characters_are_seen_wherever_they_stand() {
        for before in (0..1_100).chain(3_900..4_200) {
            for text in ["é", "€", "😀", "\né€😀\n"] {
                let mut bytes = "a".repeat(before).into_bytes();
                bytes.extend(text.as_bytes());
                check(&bytes, "whole");
                bytes.pop();
                check(&bytes, "cut");
                bytes.extend(b"\n".repeat(600));
                check(&bytes, "cut in the middle");
                bytes[before] = 0xFF;
                check(&bytes, "broken");
            }
        }
        check(b"", "nothing");
        check("é".repeat(5_000).as_bytes(), "all of it");
        check(&b"\n".repeat(70_000), "line ends");
    }

    #[test]
    fn it_is_what_is_told_byte_by_byte() {
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..5_000 {
            let mut text = String::new();
            for _ in 0..random.usize(..3_000) {
                text.push(*random.choice(&['a', '\n', 'é', 'z', '€', 'q', '😀']).unwrap_or(&'a'));
            }
            let mut bytes = text.into_bytes();
            check(&bytes, "text");
            if !bytes.is_empty() {
                let at = random.usize(..bytes.len());
                bytes[at] = random.u8(..);
                check(&bytes, "one byte is any");
            }
        }
    }
}
