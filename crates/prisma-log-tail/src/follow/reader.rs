//! Complete lines out of one open file.

mod take;

use std::collections::VecDeque;
use std::fs::Metadata;
use std::io;
use std::ops::Range;
use std::time::{Duration, Instant};

use prisma_log_core::{Clock, SystemClock, Timestamp};

use super::archive::{State, Unpacker};
use super::content::Content;
use super::hash::{FNV_START, fnv1a};
use super::identity::{FileId, HEAD_BYTES, Head, Position, TAIL_BYTES, birth, mtime};
use super::open::PROBE_BYTES;
use super::stream::{Input, Stream};
pub(super) use take::Taken;

/// How much is read at once from a file that had nothing: as much as tells text from other content.
const FIRST_READ: usize = PROBE_BYTES;
/// How much is read at once from a file that has a lot: it stays in the processor's cache until it
/// is handed out.
const LARGEST_READ: usize = 256 * 1024;
/// The system's copies to memory at a multiple of this take two thirds of the time.
const ALIGNMENT: usize = 64;
/// A buffer up to this size is kept while a file is quiet.
const KEEP: usize = 1024;

/// An open file, read forwards.
///
/// `buf[..end]` holds up to 64 bytes that were handed out (the history), then, from `start` on,
/// what was read and not handed out yet. Every read overlaps what is in the buffer by up to 64
/// bytes: if these differ, the file is not what it was.
pub(super) struct Reader {
    content: Content,
    id: FileId,
    birth: i64,
    buf: Vec<u8>,
    start: usize,
    /// No line end between `start` and here.
    scanned: usize,
    end: usize,
    /// How much the next read asks for.
    room: usize,
    /// Where `start` is in the file.
    offset: u64,
    head: Head,
    skipping: bool,
    /// Where an incomplete line that was handed out starts, until the next line.
    open_line: Option<Box<Position>>,
    /// When the file last had something new.
    grown: Instant,
    /// NUL bytes at `start` are a hole and no line.
    may_be_hole: bool,
    known: Known,
}

/// Up to when it is known that nothing of the file was missed, while nothing of it was read.
#[derive(Clone, Copy)]
struct Known {
    at: Timestamp,
    /// How the file was then: last change and length.
    file: (i64, u64),
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
    /// Nothing, and the archive is not written to its end yet.
    Torn,
    /// The archive can't be read on, and why.
    Damaged(String),
}

impl Reader {
    /// Reads from `offset` on.
    pub(super) fn new(content: Content, metadata: &Metadata, offset: u64) -> io::Result<Reader> {
        let mut reader = Reader::at_start(content, FileId::of(metadata), birth(metadata));
        reader.known.file = (mtime(metadata), metadata.len());
        reader.seek(offset)?;
        Ok(reader)
    }

    /// Reads what comes.
    pub(super) fn of_stream(input: Box<dyn Input>) -> Reader {
        let content = Content::Stream(Stream::new(input));
        Reader::at_start(content, FileId { dev: 0, ino: 0 }, 0)
    }

    fn at_start(content: Content, id: FileId, birth: i64) -> Reader {
        Reader {
            content,
            id,
            birth,
            buf: Vec::new(),
            start: 0,
            scanned: 0,
            end: 0,
            room: FIRST_READ,
            offset: 0,
            head: Head::EMPTY,
            skipping: false,
            open_line: None,
            grown: Instant::now(),
            may_be_hole: false,
            known: Known { at: SystemClock.now(), file: (0, 0) },
        }
    }

    /// Reads on at a position that was found to fit the file.
    pub(super) fn resume(
        mut content: Content,
        metadata: &Metadata,
        at: &Position,
    ) -> io::Result<Reader> {
        let has_partial = at.partial_len > 0 && at.has_partial(&mut content)?;
        let partial = if has_partial { u64::from(at.partial_len) } else { 0 };
        let mut reader = Reader::new(content, metadata, at.offset + partial)?;
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
    pub(super) fn after_cut(content: Content, metadata: &Metadata) -> io::Result<Reader> {
        let mut reader = Reader::new(content, metadata, 0)?;
        reader.may_be_hole = true;
        Ok(reader)
    }

    fn seek(&mut self, offset: u64) -> io::Result<()> {
        let mut buf = vec![0; HEAD_BYTES];
        let mut head = Head::EMPTY;
        let head_len = offset.min(HEAD_BYTES as u64) as usize;
        let got = self.content.read_at(&mut buf[..head_len], 0)?;
        head.extend(&buf[..got]);
        let history = offset.min(TAIL_BYTES as u64) as usize;
        buf.truncate(history);
        let got = self.content.read_at(&mut buf, offset - history as u64)?;
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
    pub(super) fn at_end(
        mut content: Content,
        metadata: &Metadata,
        max_line: usize,
    ) -> io::Result<Reader> {
        let size = metadata.len();
        let mut block = vec![0; TAIL_BYTES * 64];
        let mut at = size;
        while at > 0 && size - at <= max_line as u64 {
            let len = at.min(block.len() as u64) as usize;
            at -= len as u64;
            let got = content.read_at(&mut block[..len], at)?;
            if let Some(lf) = memchr::memrchr(b'\n', &block[..got]) {
                return Reader::new(content, metadata, at + lf as u64 + 1);
            }
        }
        if at == 0 {
            return Reader::new(content, metadata, 0);
        }
        let mut reader = Reader::new(content, metadata, size)?;
        reader.skipping = true;
        Ok(reader)
    }

    /// The reader of a file that was seen at this time already.
    pub(super) fn known_since(mut self, time: Timestamp) -> Reader {
        self.known.at = time;
        self
    }

    /// Says that nothing was missed of the file up to this time, of which nothing was read yet.
    pub(super) fn set_known(&mut self, at: Timestamp) {
        self.known = Known { at, file: self.change().unwrap_or_default() };
    }

    fn change(&self) -> io::Result<(i64, u64)> {
        self.content.metadata().map(|metadata| (mtime(&metadata), metadata.len()))
    }

    /// Whether the file was written or cut since it is known.
    pub(super) fn has_changed(&self) -> bool {
        self.change().is_ok_and(|change| change != self.known.file)
    }

    /// Since when the file may have been cut without a trace, because nothing of it was read.
    pub(super) fn unread_since(&self) -> Option<Timestamp> {
        (self.offset == 0).then_some(self.known.at)
    }

    /// Whether NUL bytes that come next are a hole.
    pub(super) fn may_be_hole(&self) -> bool {
        self.may_be_hole
    }

    /// Whether nothing of the file was read, not even what is not handed out yet.
    pub(super) fn is_fresh(&self) -> bool {
        self.offset == 0 && self.end == 0 && !self.content.is_packed()
    }

    pub(super) fn id(&self) -> FileId {
        self.id
    }

    pub(super) fn metadata(&self) -> io::Result<Metadata> {
        self.content.metadata()
    }

    /// Bytes in the file that were not handed out; of an archive, those that were not decoded, and of
    /// a stream, those that are held.
    pub(super) fn bytes_left(&self) -> u64 {
        match &self.content {
            Content::Plain(_) => {
                let size = self.content.metadata().map_or(0, |metadata| metadata.len());
                size.saturating_sub(self.offset)
            }
            Content::Packed(archive) => archive.packed_left(),
            Content::Stream(_) => (self.end - self.start) as u64,
        }
    }

    /// The file's text.
    pub(super) fn content(&mut self) -> &mut Content {
        &mut self.content
    }

    /// Whether the text is that of one of these files, or what was read of it before it was cut.
    pub(super) fn is_copy_of_any(&mut self, files: &mut VecDeque<Reader>) -> bool {
        let Ok(metadata) = self.metadata() else { return false };
        let copy = &mut self.content;
        files.iter_mut().any(|file| {
            file.content.is_in_copy(copy).unwrap_or(false)
                || file.position().is_text_of(copy, &metadata).unwrap_or(false)
        })
    }

    /// Whether the file is an archive that has not been read as far as it goes.
    pub(super) fn is_unread_archive(&self) -> bool {
        self.content.is_unread_archive()
    }

    /// Whether the file is an archive that is not written to its end.
    pub(super) fn is_torn(&self) -> bool {
        self.content.archive().is_some_and(|archive| *archive.state() == State::Torn)
    }

    /// Whether this is a stream that has ended.
    pub(super) fn has_ended(&self) -> bool {
        self.content.has_ended()
    }

    /// How long the file has had nothing new.
    pub(super) fn quiet(&self) -> Duration {
        self.content.archive().map_or(self.grown.elapsed(), Unpacker::quiet)
    }

    /// Whether lines are held back that may be a whole record.
    pub(super) fn is_holding(&self) -> bool {
        self.start < self.end
    }

    /// What differs whenever [`Reader::position`] does in more than its time.
    pub(super) fn place(&self) -> (FileId, u64, bool, bool) {
        (self.id, self.offset, self.skipping, self.open_line.is_some())
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
        let mtime = self.content.metadata().map_or(0, |metadata| mtime(&metadata));
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
        let to = self.make_room();
        let overlap = self.end.min(TAIL_BYTES);
        let seam = self.end - overlap;
        let mut before = [0; TAIL_BYTES];
        before[..overlap].copy_from_slice(&self.buf[seam..self.end]);
        let at = self.offset + (self.end - self.start) as u64 - overlap as u64;
        let got = self.content.read_at_least(overlap, &mut self.buf[seam..to], at);
        let same = got
            .as_ref()
            .is_ok_and(|&got| got >= overlap && self.buf[seam..self.end] == before[..overlap]);
        if !same {
            self.buf[seam..self.end].copy_from_slice(&before[..overlap]);
            let is_short = got? < overlap;
            // An archive that is written again may not be as long yet as it was.
            return Ok(self.stop().filter(|_| is_short).unwrap_or(Fill::Changed));
        }
        let new = got? - overlap;
        self.end += new;
        if new > 0 {
            self.grown = Instant::now();
            if self.end == to {
                self.room = (self.room * 4).min(LARGEST_READ);
            }
            return Ok(Fill::Data);
        }
        self.room = FIRST_READ;
        self.release();
        Ok(self.stop().unwrap_or(Fill::End))
    }

    /// Moves what is held to the front of the buffer and makes room behind it; returns where that ends.
    fn make_room(&mut self) -> usize {
        let from = self.start.saturating_sub(TAIL_BYTES);
        let held = self.end - from;
        let most = ALIGNMENT + held + self.room;
        if self.buf.len() < most {
            self.buf.resize(most, 0);
        }
        // What is read starts, its overlap included, where the system copies to the fastest. Before a
        // short history there is nothing that would be taken for a part of it.
        let is_whole = self.start - from == TAIL_BYTES;
        let seam = self.buf.as_ptr().addr() + held - TAIL_BYTES.min(held);
        let to = if is_whole { seam.next_multiple_of(ALIGNMENT) - seam } else { 0 };
        self.buf.copy_within(from..self.end, to);
        (self.start, self.scanned) = (self.start - from + to, self.scanned - from + to);
        self.end = held + to;
        self.end + self.room
    }

    /// Why an archive can't be read on; `None` when it is complete, and for other files.
    fn stop(&self) -> Option<Fill> {
        match self.content.archive()?.state() {
            State::Whole => None,
            State::Reading | State::Torn => Some(Fill::Torn),
            State::Damaged(why) => Some(Fill::Damaged(why.clone())),
        }
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

    /// Goes back to the last line end that was read, if the file is unchanged up to there: then only
    /// an incomplete last line was taken back, as writers do that repair a torn one.
    pub(super) fn rewind(&mut self) -> io::Result<bool> {
        let history = self.start.min(TAIL_BYTES);
        // Complete lines are there while it is not sure that their record has ended.
        let held = memchr::memrchr(b'\n', self.unread()).map_or(0, |lf| lf + 1);
        let known = self.start - history..self.start + held;
        let mut bytes = vec![0; known.len()];
        let got = self.content.read_at(&mut bytes, self.offset - history as u64)?;
        if got == bytes.len() && bytes == self.buf[known] {
            self.end = self.start + held;
            self.scanned = self.start;
            self.may_be_hole |= self.offset == 0;
            return Ok(true);
        }
        let Some(at) = self.open_line.take() else { return Ok(false) };
        let same = at.is_content(&mut self.content)?;
        if same {
            self.seek(at.offset)?;
        }
        Ok(same)
    }

    /// Takes back what was read of a file of which nothing was handed out.
    pub(super) fn unread_all(&mut self) {
        (self.start, self.scanned, self.end) = (0, 0, 0);
    }

    /// Starts over at the start of the file, which was cut; this was seen at the time `now`.
    pub(super) fn restart(&mut self, now: Timestamp) {
        (self.start, self.scanned, self.end, self.offset) = (0, 0, 0, 0);
        self.head = Head::EMPTY;
        self.skipping = false;
        self.open_line = None;
        self.may_be_hole = true;
        self.set_known(now);
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
