//! The keys of the line before: lines of one program mostly have the same ones in the same order,
//! and what is expected is recognized sooner than what is read.

use super::keys::Code;

/// A key and its quotes are compared in one step of this many bytes; longer ones are not kept.
const STEP: usize = 16;
/// Members of a line that are kept at most.
const MAX_KEYS: usize = 64;

/// The keys of the last line's members, by their number in it.
#[derive(Debug, Default)]
pub(super) struct Shape {
    keys: Vec<Known>,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    /// The key in its quotes, then zeros.
    quoted: [u64; 2],
    mask: [u64; 2],
    len: usize,
    code: Code,
}

impl Shape {
    /// If the member with this number has the same key as in the line before and starts `s`: the
    /// key's length without quotes, and its code.
    #[inline]
    pub(super) fn expected(&self, number: usize, s: Option<&[u8]>) -> Option<(usize, Code)> {
        let known = self.keys.get(number)?;
        let start = halves(s?.first_chunk()?);
        let is = |half: usize| start[half] & known.mask[half] == known.quoted[half];
        (is(0) & is(1)).then_some((known.len, known.code))
    }

    /// Keeps the key, which has no escapes, for the next line.
    pub(super) fn keep(&mut self, number: usize, key: &[u8], code: Code) {
        let len = key.len();
        // Of a long key no text is the expected one.
        let mut known = Known { quoted: [1, 1], mask: [0, 0], len, code };
        if len + 2 <= STEP {
            let mut quoted = [0; STEP];
            quoted[0] = b'"';
            quoted[1..=len].copy_from_slice(key);
            quoted[len + 1] = b'"';
            let mut mask = [0; STEP];
            mask[..len + 2].fill(0xff);
            known = Known { quoted: halves(&quoted), mask: halves(&mask), len, code };
        }
        if let Some(old) = self.keys.get_mut(number) {
            *old = known;
        } else if number == self.keys.len() && number < MAX_KEYS {
            self.keys.push(known);
        }
    }
}

#[inline]
fn halves(bytes: &[u8; STEP]) -> [u64; 2] {
    let whole = u128::from_le_bytes(*bytes);
    [whole as u64, (whole >> 64) as u64]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_key_at_the_same_place_is_expected() {
        let mut shape = Shape::default();
        shape.keep(0, b"level", Code::LEVEL);
        shape.keep(1, b"fourteen bytes", Code::NONE);
        shape.keep(2, b"these are fifteen"[..15].as_ref(), Code::NONE);
        shape.keep(3, b"", Code::NONE);
        shape.keep(9, b"not the next", Code::NONE);
        let check = |number: usize, text: &str, expect: Option<usize>| {
            let got = shape.expected(number, Some(text.as_bytes()));
            assert_eq!(got.map(|(len, _)| len), expect, "{number} {text}");
        };
        check(0, r#""level":1,"something else"#, Some(5));
        check(0, r#""levels":1,"something else"#, None);
        check(0, r#""leve":1,"something else"#, None);
        check(0, r#""level\":1,"something else"#, None);
        check(0, r#""level":1}"#, None);
        check(1, r#""fourteen bytes""#, Some(14));
        check(1, r#""fourteen bytes:"#, None);
        check(2, r#""these are fifte":1"#, None);
        check(3, r#""":1,"something else"#, Some(0));
        check(4, r#""level":1,"something else"#, None);
        check(9, r#""not the next": 1"#, None);
        assert_eq!(shape.expected(0, None), None);
        shape.keep(0, b"lvl", Code::NONE);
        assert_eq!(shape.expected(0, Some(br#""level":1,"something else"#)), None);
        assert_eq!(shape.expected(0, Some(br#""lvl":1,"something else"#)), Some((3, Code::NONE)));
    }
}
