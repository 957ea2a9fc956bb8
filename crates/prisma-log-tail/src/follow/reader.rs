//! Complete lines out of one open file.

use std::fs::{File, Metadata};
use std::io;
use std::ops::Range;

use super::hash::{FNV_START, fnv1a};
use super::identity::{FileId, HEAD_BYTES, Head, Position, TAIL_BYTES, birth, mtime, read_at};

/// How much is read at once.
const BLOCK: usize = 128 * 1024;
/// A buffer up to this size is kept while a file is quiet.
const KEEP: usize = 1024;
/// How much of a line that is handed out in pieces may be taken back, at least.
const REMEMBERED: u32 = 1 << 24;

/// An open file, read forwards.
///
/// `buf[..end]` holds up to 64 bytes that were handed out (the history), then, from `start` on,
/// what was read and not handed out yet. Every read overlaps what is in the buffer by up to 64
/// bytes: if these differ, the file is not what it was.
pub(super) struct Reader {
    file: File,
    id: FileId,
    birth: i64,
    buf: Vec<u8>,
    start: usize,
    /// No line end between `start` and here.
    scanned: usize,
    end: usize,
    /// Where `start` is in the file.
    offset: u64,
    head: Head,
    skipping: bool,
    /// Where an incomplete line that was handed out starts, until the next line.
    open_line: Option<Box<Position>>,
    /// NUL bytes at `start` are a hole and no line.
    may_be_hole: bool,
}

/// What a read brought.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fill {
    /// More bytes.
    Data,
    /// Nothing: all that is in the file was read.
    End,
    /// The file's content is no longer what was read of it.
    Changed,
}

/// A line in the buffer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Taken {
    pub(super) range: Range<usize>,
    pub(super) cut: bool,
}

impl Reader {
    /// Reads from `offset` on.
    pub(super) fn new(file: File, metadata: &Metadata, offset: u64) -> io::Result<Reader> {
        let mut reader = Reader {
            file,
            id: FileId::of(metadata),
            birth: birth(metadata),
            buf: Vec::new(),
            start: 0,
            scanned: 0,
            end: 0,
            offset: 0,
            head: Head::EMPTY,
            skipping: false,
            open_line: None,
            may_be_hole: false,
        };
        reader.seek(offset)?;
        Ok(reader)
    }

    /// Reads on at a position that was found to fit the file.
    pub(super) fn resume(file: File, metadata: &Metadata, at: &Position) -> io::Result<Reader> {
        let has_partial = at.partial_len > 0 && at.has_partial(&file)?;
        let partial = if has_partial { u64::from(at.partial_len) } else { 0 };
        let mut reader = Reader::new(file, metadata, at.offset + partial)?;
        reader.skipping = at.skipping;
        reader.open_line = has_partial.then(|| Box::new(*at));
        // A position after a NUL is one inside a hole: lines end otherwise.
        let after_nul = reader.buf.last().is_none_or(|&last| last == 0);
        reader.may_be_hole = after_nul && !has_partial && !at.skipping;
        Ok(reader)
    }

    /// Reads a file from its start that belongs to a log which was followed before: NUL bytes that
    /// it starts with are a hole. A writer without `O_APPEND` goes on at its old offset when its
    /// file is cut.
    pub(super) fn after_cut(file: File, metadata: &Metadata) -> io::Result<Reader> {
        let mut reader = Reader::new(file, metadata, 0)?;
        reader.may_be_hole = true;
        Ok(reader)
    }

    fn seek(&mut self, offset: u64) -> io::Result<()> {
        let mut buf = vec![0; HEAD_BYTES];
        let mut head = Head::EMPTY;
        let head_len = offset.min(HEAD_BYTES as u64) as usize;
        let got = read_at(&self.file, &mut buf[..head_len], 0)?;
        head.extend(&buf[..got]);
        let history = offset.min(TAIL_BYTES as u64) as usize;
        buf.truncate(history);
        let got = read_at(&self.file, &mut buf, offset - history as u64)?;
        if got < history || usize::from(head.len) < head_len {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
        }
        (self.buf, self.head, self.offset) = (buf, head, offset);
        (self.start, self.scanned, self.end) = (history, history, history);
        self.skipping = false;
        self.open_line = None;
        Ok(())
    }

    /// Reads from the start of the last line on that has no line end yet; so a line that is half
    /// written now is handed out whole later.
    pub(super) fn at_end(file: File, metadata: &Metadata, max_line: usize) -> io::Result<Reader> {
        let size = metadata.len();
        let mut block = vec![0; TAIL_BYTES * 64];
        let mut at = size;
        while at > 0 && size - at <= max_line as u64 {
            let len = at.min(block.len() as u64) as usize;
            at -= len as u64;
            let got = read_at(&file, &mut block[..len], at)?;
            if let Some(lf) = memchr::memrchr(b'\n', &block[..got]) {
                return Reader::new(file, metadata, at + lf as u64 + 1);
            }
        }
        if at == 0 {
            return Reader::new(file, metadata, 0);
        }
        let mut reader = Reader::new(file, metadata, size)?;
        reader.skipping = true;
        Ok(reader)
    }

    pub(super) fn id(&self) -> FileId {
        self.id
    }

    pub(super) fn metadata(&self) -> io::Result<Metadata> {
        self.file.metadata()
    }

    /// Bytes in the file that were not handed out.
    pub(super) fn bytes_left(&self) -> u64 {
        self.file.metadata().map_or(0, |metadata| metadata.len().saturating_sub(self.offset))
    }

    /// Where the next line to hand out starts.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    pub(super) fn bytes(&self, range: Range<usize>) -> &[u8] {
        &self.buf[range]
    }

    /// What was read and not handed out.
    pub(super) fn unread(&self) -> &[u8] {
        &self.buf[self.start..self.end]
    }

    /// The place after the last line handed out.
    pub(super) fn position(&self) -> Position {
        let mtime = self.file.metadata().map_or(0, |metadata| mtime(&metadata));
        if let Some(open_line) = &self.open_line {
            return Position { mtime, ..**open_line };
        }
        let history = &self.buf[self.start.saturating_sub(TAIL_BYTES)..self.start];
        Position {
            id: self.id,
            birth: self.birth,
            mtime,
            offset: self.offset,
            head: self.head,
            tail_len: history.len() as u8,
            tail_hash: fnv1a(FNV_START, history),
            skipping: self.skipping,
            partial_len: 0,
            partial_hash: 0,
        }
    }

    /// Reads the next block.
    pub(super) fn fill(&mut self) -> io::Result<Fill> {
        let from = self.start.saturating_sub(TAIL_BYTES);
        self.buf.copy_within(from..self.end, 0);
        self.start -= from;
        self.scanned -= from;
        self.end -= from;
        if self.buf.len() < self.end + BLOCK {
            self.buf.resize(self.end + BLOCK, 0);
        }

        let overlap = self.end.min(TAIL_BYTES);
        let seam = self.end - overlap;
        let mut before = [0; TAIL_BYTES];
        before[..overlap].copy_from_slice(&self.buf[seam..self.end]);
        let at = self.offset + (self.end - self.start) as u64 - overlap as u64;
        let got = read_at(&self.file, &mut self.buf[seam..], at);
        let same = got
            .as_ref()
            .is_ok_and(|&got| got >= overlap && self.buf[seam..self.end] == before[..overlap]);
        if !same {
            self.buf[seam..self.end].copy_from_slice(&before[..overlap]);
            return got.map(|_| Fill::Changed);
        }
        let new = got? - overlap;
        self.end += new;
        if new > 0 {
            return Ok(Fill::Data);
        }
        self.release();
        Ok(Fill::End)
    }

    /// Skips what was read of a hole.
    pub(super) fn skip_hole(&mut self) {
        if !self.may_be_hole {
            return;
        }
        let nuls = self.unread().iter().take_while(|&&byte| byte == 0).count();
        self.may_be_hole = nuls == self.unread().len();
        self.consume(self.start + nuls);
    }

    /// Gives a big buffer back while there is nothing to read.
    fn release(&mut self) {
        if self.start == self.end && self.buf.len() > KEEP {
            let history = self.start.saturating_sub(TAIL_BYTES)..self.start;
            self.buf = self.buf[history].to_vec();
            self.start = self.buf.len();
            self.scanned = self.start;
            self.end = self.start;
        }
    }

    /// The next complete line, or the front of one that is longer than `max`.
    pub(super) fn take(&mut self, max: usize) -> Option<Taken> {
        loop {
            let found = memchr::memchr(b'\n', &self.buf[self.scanned..self.end]);
            let Some(lf) = found.map(|at| self.scanned + at) else {
                self.scanned = self.end;
                if self.skipping {
                    self.consume(self.end);
                    return None;
                }
                // One byte more than the limit may be the `\r` of a line end.
                if self.end - self.start <= max + 1 {
                    return None;
                }
                let taken = self.trim(self.start..self.end, max);
                self.consume(taken.range.end);
                self.skipping = true;
                self.open_line = None;
                return Some(taken);
            };
            let line = self.start..self.without_cr(lf);
            let rest_of_line = std::mem::take(&mut self.skipping)
                || self.open_line.take().is_some() && line.is_empty();
            let taken = self.trim(line, max);
            self.consume(lf + 1);
            if !rest_of_line {
                return Some(taken);
            }
        }
    }

    /// What is held of a line without a line end, as a line.
    pub(super) fn take_partial(&mut self, max: usize) -> Option<Taken> {
        if self.start == self.end {
            return None;
        }
        let taken = self.trim(self.start..self.without_cr(self.end), max);
        // More of a line that was handed out already starts where that one did.
        let open_line = self.open_line.take().filter(|at| at.partial_len < REMEMBERED);
        let mut at = open_line
            .unwrap_or_else(|| Box::new(Position { partial_hash: FNV_START, ..self.position() }));
        at.partial_hash = fnv1a(at.partial_hash, self.unread());
        at.partial_len = at.partial_len.saturating_add(self.unread().len() as u32);
        self.open_line = Some(at);
        self.consume(self.end);
        Some(taken)
    }

    /// Goes back to the last line handed out, if the file is unchanged up to there: then only an
    /// incomplete last line was taken back, as writers do that repair a torn one.
    pub(super) fn rewind(&mut self) -> io::Result<bool> {
        let history = self.start.min(TAIL_BYTES);
        let mut bytes = [0; TAIL_BYTES];
        let got = read_at(&self.file, &mut bytes[..history], self.offset - history as u64)?;
        let same = got == history && bytes[..history] == self.buf[self.start - history..self.start];
        if same {
            self.end = self.start;
            self.scanned = self.start;
            self.may_be_hole |= self.offset == 0;
            return Ok(true);
        }
        let Some(at) = self.open_line.take() else { return Ok(false) };
        let same = at.is_content(&self.file, &self.file.metadata()?)?;
        if same {
            self.seek(at.offset)?;
        }
        Ok(same)
    }

    /// Starts over at the start of the file, which was cut.
    pub(super) fn restart(&mut self) {
        (self.start, self.scanned, self.end, self.offset) = (0, 0, 0, 0);
        self.head = Head::EMPTY;
        self.skipping = false;
        self.open_line = None;
        self.may_be_hole = true;
    }

    fn without_cr(&self, end: usize) -> usize {
        let cr = end > self.start && self.buf[end - 1] == b'\r';
        end - usize::from(cr)
    }

    /// Applies the limit, and drops a byte order mark at the file's start.
    fn trim(&self, line: Range<usize>, max: usize) -> Taken {
        let cut = line.len() > max;
        let mut range = if cut { self.cut(line.start, line.start + max) } else { line };
        if self.offset == 0 && self.buf[range.clone()].starts_with(b"\xef\xbb\xbf") {
            range.start += 3;
        }
        Taken { range, cut }
    }

    /// Moves the end of a cut back to the start of a UTF-8 character.
    fn cut(&self, start: usize, end: usize) -> Range<usize> {
        let is_inside = |at: usize| self.buf[at] & 0xc0 == 0x80;
        let back = (0..4).take_while(|&back| end - back > start && is_inside(end - back)).count();
        start..if back < 4 { end - back } else { end }
    }

    fn consume(&mut self, to: usize) {
        if usize::from(self.head.len) < HEAD_BYTES {
            self.head.extend(&self.buf[self.start..to]);
        }
        self.offset += (to - self.start) as u64;
        self.start = to;
        self.scanned = self.scanned.max(to);
    }
}
