//! The tokenizer of JSON lines: one pass that checks an object and lists its members.

use std::ops::Range;

use prisma_log_core::wire;

use super::flat::{Flat, Key, Kind, Place};
use super::keys::Code;
use super::quoted;

/// Nesting at most; deeper objects are no JSON lines.
const MAX_DEPTH: usize = 128;
/// Length of a nested object's dotted key at most; one with a longer key stays JSON. Otherwise a
/// line of a mebibyte could have a hundred thousand keys of half a mebibyte each.
const MAX_PATH: usize = 128;

pub(super) struct Scanner<'a> {
    s: &'a [u8],
    line: &'a str,
    pos: usize,
    flat: &'a mut Flat,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(line: &'a str, flat: &'a mut Flat) -> Self {
        Scanner { s: line.as_bytes(), line, pos: 0, flat }
    }

    /// Reads the object that the line starts with, and says where it ends.
    pub(super) fn line(mut self) -> Option<usize> {
        self.object(0, 0..0)?;
        Some(self.pos)
    }

    #[inline]
    fn space(&mut self) {
        // In most lines there is none, in others a single one.
        if self.s.get(self.pos) == Some(&b' ') {
            self.pos += 1;
        }
        if self.s.get(self.pos).is_some_and(|&byte| byte <= b' ') {
            self.spaces();
        }
    }

    #[cold]
    fn spaces(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.s.get(self.pos) {
            self.pos += 1;
        }
    }

    #[inline]
    fn byte(&mut self, byte: u8) -> Option<()> {
        (self.s.get(self.pos) == Some(&byte)).then(|| self.pos += 1)
    }

    fn literal(&mut self, text: &str) -> Option<()> {
        let rest = self.s.get(self.pos..)?;
        rest.starts_with(text.as_bytes()).then(|| self.pos += text.len())
    }

    /// An object whose members go to the list; `path` is where its own key stands in the buffer.
    fn object(&mut self, depth: usize, path: Range<usize>) -> Option<()> {
        self.byte(b'{')?;
        if depth > MAX_DEPTH {
            return None;
        }
        self.space();
        if self.byte(b'}').is_some() {
            return Some(());
        }
        let mut number = 0;
        loop {
            let key = match depth {
                0 => self.key(number)?,
                _ => self.nested_key(&path)?,
            };
            self.colon()?;
            self.member(depth, key)?;
            self.space();
            if self.byte(b',').is_none() {
                return self.byte(b'}');
            }
            self.space();
            number += 1;
        }
    }

    #[inline]
    fn colon(&mut self) -> Option<()> {
        self.space();
        self.byte(b':')?;
        self.space();
        Some(())
    }

    /// The key of the outermost object's member with this number.
    #[inline]
    fn key(&mut self, number: usize) -> Option<Key> {
        if let Some((len, code)) = self.flat.shape.expected(number, self.s.get(self.pos..)) {
            let from = self.pos + 1;
            self.pos = from + len + 1;
            return Some(Key { place: Place::line(from, from + len), code });
        }
        self.new_key(number)
    }

    fn new_key(&mut self, number: usize) -> Option<Key> {
        let (from, to, escaped) = self.string()?;
        if escaped || to - from > wire::MAX_KEY_BYTES {
            return self.buffered_key(from..to, self.flat.buffer.len());
        }
        let text = self.s.get(from..to)?;
        let code = Code::of(text);
        self.flat.shape.keep(number, text, code);
        Some(Key { place: Place::line(from, to), code })
    }

    fn nested_key(&mut self, path: &Range<usize>) -> Option<Key> {
        let (from, to, _) = self.string()?;
        let start = self.flat.buffer.len();
        self.flat.buffer.extend_from_within(path.clone());
        self.flat.buffer.push('.');
        self.buffered_key(from..to, start)
    }

    /// A key in the buffer, of which a part may be there from `start` on.
    fn buffered_key(&mut self, raw: Range<usize>, start: usize) -> Option<Key> {
        let buffer = &mut self.flat.buffer;
        quoted::unescape(self.line.get(raw)?, buffer);
        // What a list of fields would keep of it.
        buffer.truncate(buffer.floor_char_boundary(start + wire::MAX_KEY_BYTES));
        let code = Code::of(buffer.as_bytes().get(start..)?);
        Some(Key { place: Place::buffer(start, buffer.len()), code })
    }

    /// Where the content of a string starts and ends, and whether it has escapes. Inlined, since the
    /// loop over members then has its position in a register: an eighth of the time of a line.
    #[inline(always)]
    fn string(&mut self) -> Option<(usize, usize, bool)> {
        self.byte(b'"')?;
        let from = self.pos;
        let (to, escaped) = quoted::end(self.s, from)?;
        self.pos = to + 1;
        Some((from, to, escaped))
    }

    #[inline(always)]
    fn member(&mut self, depth: usize, key: Key) -> Option<()> {
        let start = self.pos;
        let (kind, value) = match *self.s.get(start)? {
            b'"' => (Kind::Str, self.text()?),
            b'{' => return self.nested(depth + 1, key),
            _ => {
                let kind = self.skip(depth + 1)?;
                (kind, Place::line(start, self.pos))
            }
        };
        self.flat.push(key, kind, value);
        Some(())
    }

    #[inline(always)]
    fn text(&mut self) -> Option<Place> {
        let (from, to, escaped) = self.string()?;
        if !escaped {
            return Some(Place::line(from, to));
        }
        let start = self.flat.buffer.len();
        quoted::unescape(self.line.get(from..to)?, &mut self.flat.buffer);
        Some(Place::buffer(start, self.flat.buffer.len()))
    }

    /// An object below `key`.
    fn nested(&mut self, depth: usize, key: Key) -> Option<()> {
        let start = self.pos;
        self.pos += 1;
        self.space();
        let is_empty = self.byte(b'}').is_some();
        if !is_empty {
            self.pos = start;
        }
        if !is_empty && key.place.len() <= MAX_PATH {
            let path = self.path(key.place)?;
            return self.object(depth, path);
        }
        if !is_empty {
            self.skip(depth)?;
        }
        self.flat.push(key, Kind::Json, Place::line(start, self.pos));
        Some(())
    }

    /// Where a key stands in the buffer, also one that only stood in the line.
    fn path(&mut self, key: Place) -> Option<Range<usize>> {
        if key.in_buffer() {
            return Some(key.range());
        }
        let from = self.flat.buffer.len();
        self.flat.buffer.push_str(self.line.get(key.range())?);
        Some(from..self.flat.buffer.len())
    }

    /// Steps over a value that is kept as it stands.
    fn skip(&mut self, depth: usize) -> Option<Kind> {
        match *self.s.get(self.pos)? {
            b'"' => self.string().map(|_| Kind::Str),
            b'-' | b'0'..=b'9' => self.number(),
            b'[' => self.skip_inside(depth, b']'),
            b'{' => self.skip_inside(depth, b'}'),
            b't' => self.literal("true").map(|()| Kind::True),
            b'f' => self.literal("false").map(|()| Kind::False),
            b'n' => self.literal("null").map(|()| Kind::Null),
            _ => None,
        }
    }

    fn skip_inside(&mut self, depth: usize, close: u8) -> Option<Kind> {
        if depth > MAX_DEPTH {
            return None;
        }
        self.pos += 1;
        self.space();
        if self.byte(close).is_some() {
            return Some(Kind::Json);
        }
        loop {
            if close == b'}' {
                self.string()?;
                self.colon()?;
            }
            self.skip(depth + 1)?;
            self.space();
            if self.byte(b',').is_none() {
                return self.byte(close).map(|()| Kind::Json);
            }
            self.space();
        }
    }

    fn number(&mut self) -> Option<Kind> {
        self.byte(b'-');
        let from = self.pos;
        self.digits()?;
        if self.pos > from + 1 && self.s.get(from) == Some(&b'0') {
            return None;
        }
        let mut kind = Kind::Integer;
        if self.byte(b'.').is_some() {
            self.digits()?;
            kind = Kind::Float;
        }
        if let Some(b'e' | b'E') = self.s.get(self.pos) {
            self.pos += 1;
            if let Some(b'+' | b'-') = self.s.get(self.pos) {
                self.pos += 1;
            }
            self.digits()?;
            kind = Kind::Float;
        }
        Some(kind)
    }

    /// At least one digit.
    #[inline]
    fn digits(&mut self) -> Option<()> {
        let from = self.pos;
        while let Some(b'0'..=b'9') = self.s.get(self.pos) {
            self.pos += 1;
        }
        (self.pos > from).then_some(())
    }
}
