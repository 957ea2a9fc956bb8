//! Copies of few bytes, each in moves of a fixed size: a call of `memcpy` costs more than they do.

/// Something that bytes are appended to.
pub(crate) trait Put {
    /// Appends N bytes.
    fn put<const N: usize>(&mut self, bytes: &[u8; N]);

    /// Appends any number of bytes.
    fn put_slice(&mut self, bytes: &[u8]);

    /// Appends the first `length` of N bytes; more may be copied and then not count.
    fn put_part<const N: usize>(&mut self, bytes: &[u8; N], length: usize);

    /// Appends what `f` appends to a buffer.
    fn put_with(&mut self, f: impl FnOnce(&mut Vec<u8>));
}

impl Put for Vec<u8> {
    #[inline]
    fn put<const N: usize>(&mut self, bytes: &[u8; N]) {
        self.extend_from_slice(bytes);
    }

    #[inline]
    fn put_slice(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }

    #[inline]
    fn put_part<const N: usize>(&mut self, bytes: &[u8; N], length: usize) {
        let end = self.len() + length;
        self.extend_from_slice(bytes);
        self.truncate(end);
    }

    #[inline]
    fn put_with(&mut self, f: impl FnOnce(&mut Vec<u8>)) {
        f(self);
    }
}

/// Bytes in a [`Line`] at most.
const SPACE: usize = 4096;

/// The memory for a [`Line`].
#[derive(Clone, Debug)]
pub(crate) struct Space {
    bytes: Box<[u8; SPACE]>,
    spare: Vec<u8>,
}

impl Space {
    pub(crate) fn new() -> Self {
        Space { bytes: Box::new([0; SPACE]), spare: Vec::new() }
    }

    /// An empty line.
    #[inline]
    pub(crate) fn line(&mut self) -> Line<'_> {
        Line { space: &mut self.bytes, spare: &mut self.spare, end: 0 }
    }
}

/// A line of bounded size that is being put together.
///
/// Its end is a number that need not live in memory, as a `Vec`'s length does: so each piece's
/// place is known without waiting for the one before.
pub(crate) struct Line<'s> {
    space: &'s mut [u8; SPACE],
    spare: &'s mut Vec<u8>,
    /// Far beyond the space once something did not fit.
    end: usize,
}

const OVERFULL: usize = usize::MAX / 2;

impl Line<'_> {
    /// Appends the line to `out`, unless it did not fit; then `false`.
    #[inline]
    pub(crate) fn append_to(self, out: &mut Vec<u8>) -> bool {
        let line = self.space.get(..self.end);
        out.extend_from_slice(line.unwrap_or_default());
        line.is_some()
    }
}

impl Put for Line<'_> {
    #[inline]
    fn put<const N: usize>(&mut self, bytes: &[u8; N]) {
        self.put_part(bytes, N);
    }

    #[inline]
    fn put_part<const N: usize>(&mut self, bytes: &[u8; N], length: usize) {
        if self.end <= SPACE - N {
            self.space[self.end..self.end + N].copy_from_slice(bytes);
            self.end += length;
        } else {
            self.end = OVERFULL;
        }
    }

    #[inline]
    fn put_slice(&mut self, bytes: &[u8]) {
        match self.space.get_mut(self.end..).and_then(|space| space.get_mut(..bytes.len())) {
            Some(space) => {
                space.copy_from_slice(bytes);
                self.end += bytes.len();
            }
            None => self.end = OVERFULL,
        }
    }

    #[inline(never)]
    fn put_with(&mut self, f: impl FnOnce(&mut Vec<u8>)) {
        let mut spare = std::mem::take(self.spare);
        spare.clear();
        f(&mut spare);
        self.put_slice(&spare);
        spare.shrink_to(SPACE);
        *self.spare = spare;
    }
}

/// Appends bytes of which there are mostly no more than 32.
#[inline]
pub(crate) fn push_short(bytes: &[u8], out: &mut impl Put) {
    match bytes.len() {
        0 => {}
        1..4 => push_few(bytes, out),
        4..8 => push_ends::<4>(bytes, out),
        8..=16 => push_ends::<8>(bytes, out),
        17..=32 => push_ends::<16>(bytes, out),
        _ => out.put_slice(bytes),
    }
}

/// Appends the first N bytes and over their end the last N.
#[inline]
fn push_ends<const N: usize>(bytes: &[u8], out: &mut impl Put) {
    if let (Some(first), Some(last)) = (bytes.first_chunk::<N>(), bytes.last_chunk::<N>()) {
        out.put_part(first, bytes.len() - N);
        out.put(last);
    }
}

/// Appends one to three bytes.
#[inline]
fn push_few(bytes: &[u8], out: &mut impl Put) {
    let (Some(&first), Some(&last)) = (bytes.first(), bytes.last()) else { return };
    out.put_part(&[first, bytes[bytes.len() / 2], last], bytes.len());
}

/// Rendered bytes that are appended again and again.
#[derive(Debug)]
pub(crate) struct Piece {
    /// The first bytes, with zeros after them if they are all.
    first: [u8; Piece::FIRST],
    length: usize,
    /// All bytes, if they are more.
    long: Box<[u8]>,
}

impl Piece {
    const FIRST: usize = 32;

    pub(crate) fn new(bytes: &[u8]) -> Self {
        let mut first = [0; Piece::FIRST];
        let long = match first.get_mut(..bytes.len()) {
            Some(first) => {
                first.copy_from_slice(bytes);
                Box::default()
            }
            None => bytes.into(),
        };
        Piece { first, length: bytes.len(), long }
    }

    /// About how many bytes it takes.
    pub(crate) fn bytes(&self) -> usize {
        size_of::<Self>() + self.long.len()
    }

    #[inline]
    pub(crate) fn push(&self, out: &mut impl Put) {
        if self.length <= Piece::FIRST {
            out.put_part(&self.first, self.length);
        } else {
            out.put_slice(&self.long);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_is_copied_whole() {
        let bytes: Vec<u8> = (1..=100).collect();
        let mut space = Space::new();
        for length in 0..=100 {
            for before in [0, 1, 40] {
                let mut expect = vec![b'x'; before];
                let (mut short, mut piece) = (expect.clone(), expect.clone());
                let mut line = space.line();
                line.put_slice(&expect);
                push_short(&bytes[..length], &mut short);
                push_short(&bytes[..length], &mut line);
                Piece::new(&bytes[..length]).push(&mut piece);
                Piece::new(&bytes[..length]).push(&mut line);
                expect.extend_from_slice(&bytes[..length]);
                assert_eq!((&short, &piece), (&expect, &expect), "{length} bytes");
                expect.extend_from_slice(&bytes[..length]);
                let mut out = Vec::new();
                assert!(line.append_to(&mut out));
                assert_eq!(out, expect, "{length} bytes");
            }
        }
    }

    #[test]
    fn a_line_that_is_too_long_says_so_whatever_follows() {
        let mut space = Space::new();
        let check = |line: Line<'_>, expect: Option<usize>| {
            let mut out = b"kept".to_vec();
            assert_eq!(line.append_to(&mut out), expect.is_some());
            assert_eq!(out.len(), 4 + expect.unwrap_or(0));
        };
        let mut line = space.line();
        line.put_slice(&[1; SPACE - 4]);
        line.put(&[1; 4]);
        check(line, Some(SPACE));
        let mut line = space.line();
        line.put_slice(&[1; SPACE - 4]);
        line.put_with(|out| out.extend_from_slice(b"1234"));
        check(line, Some(SPACE));
        for many in [5, 6, 32] {
            let mut line = space.line();
            line.put_slice(&[1; SPACE - 4]);
            line.put_with(|out| out.resize(many, 0));
            line.put_part(&[0; 1], 0);
            check(line, None);
            let mut line = space.line();
            line.put_slice(&[1; SPACE - 4]);
            push_short(&[0; 32][..many], &mut line);
            Piece::new(b"x").push(&mut line);
            check(line, None);
        }
        check(space.line(), Some(0));
    }
}
