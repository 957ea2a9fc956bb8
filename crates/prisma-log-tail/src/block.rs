//! Lines in one piece, as they stand in their source.

use std::path::Path;

use crate::Line;

/// Whole lines of one source in one piece, without a copy.
///
/// What looks for few lines among many scans [`Block::bytes`] at once; who needs every line takes
/// [`Block::lines`].
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Block<'a> {
    /// The source's path or name, as in [`Line::source`].
    pub source: &'a Path,
    /// Lines as they stand in the source, each with its line end (`\n` or `\r\n`). Only the last
    /// one may lack it: one that is cut, and one that was incomplete when its file was given up or
    /// reading ended.
    pub bytes: &'a [u8],
    /// How many lines these are, at least one.
    pub line_count: u64,
    /// Whether this is one single line, which was longer than the limit and is cut here.
    pub cut: bool,
}

impl<'a> Block<'a> {
    /// The lines one by one.
    pub fn lines(&self) -> Lines<'a> {
        Lines { source: self.source, rest: Some(self.bytes), cut: self.cut }
    }
}

/// The lines of a [`Block`].
#[derive(Clone, Debug)]
pub struct Lines<'a> {
    source: &'a Path,
    /// A block has a line even if that has no bytes.
    rest: Option<&'a [u8]>,
    cut: bool,
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        let rest = self.rest.take()?;
        if self.cut {
            return Some(Line { source: self.source, bytes: rest, cut: true });
        }
        let end = memchr::memchr(b'\n', rest);
        let (line, rest) = match end.and_then(|end| rest.split_at_checked(end + 1)) {
            Some((line, rest)) => (line.strip_suffix(b"\n").unwrap_or(line), rest),
            None => (rest, &rest[rest.len()..]),
        };
        self.rest = (!rest.is_empty()).then_some(rest);
        let bytes = line.strip_suffix(b"\r").unwrap_or(line);
        Some(Line { source: self.source, bytes, cut: false })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_block() {
        let check = |bytes: &[u8], cut: bool, expect: &[&str]| {
            let block = Block { source: Path::new("x"), bytes, line_count: 1, cut };
            let lines: Vec<_> =
                block.lines().map(|line| std::str::from_utf8(line.bytes).unwrap()).collect();
            assert_eq!(lines, expect, "{bytes:?}");
            assert!(block.lines().all(|line| line.cut == cut));
        };
        check(b"a\n", false, &["a"]);
        check(b"a\r\n\nb\r", false, &["a", "", "b"]);
        check(b"", false, &[""]);
        check(b"\r\n", false, &[""]);
        check(b"a\r\r\n", false, &["a\r"]);
        check(b"the end is cut\r", true, &["the end is cut\r"]);
    }
}
