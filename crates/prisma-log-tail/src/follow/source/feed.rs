//! From a file's lines to the caller, counted.

use std::path::Path;

use prisma_log_core::Error;

use super::super::open::check_start;
use super::super::reader::{Fill, Reader, Taken};
use super::Settings;
use crate::{Block, Joiner};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Counters {
    pub(in super::super) lines: u64,
    pub(in super::super) bytes: u64,
    pub(in super::super) cut_lines: u64,
    pub(in super::super) invalid_utf8_lines: u64,
    pub(in super::super) rotations: u64,
    pub(in super::super) truncations: u64,
    pub(in super::super) gaps: u64,
}

/// What takes the lines.
pub(in super::super) type Each<'e> = &'e mut dyn FnMut(Block<'_>);

/// How much one turn may hand out.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Quota {
    /// Exactly.
    pub(in super::super) lines: u64,
    /// The block with which this is reached is handed out whole.
    pub(in super::super) bytes: u64,
}

impl Quota {
    pub(in super::super) const NONE: Quota = Quota { lines: u64::MAX, bytes: u64::MAX };

    pub(in super::super) fn is_used_up(self) -> bool {
        self.lines == 0 || self.bytes == 0
    }

    pub(in super::super) fn least(self, other: Quota) -> Quota {
        Quota { lines: self.lines.min(other.lines), bytes: self.bytes.min(other.bytes) }
    }
}

/// What a file is to the source that reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Role {
    /// The newest one that is known: it stands at the path itself and must be text.
    Newest,
    /// A newer one is known.
    Older,
    /// It is no file.
    Stream,
}

/// How reading one file ended.
pub(in super::super) enum Drained {
    /// As much as was asked for.
    Quota,
    /// The file has its first text, which was not handed out yet.
    Begun,
    /// All that is in the file.
    End,
    /// The file is no longer what was read of it.
    Changed,
    /// It is no text log.
    Refused(Error),
    /// The system can't read it.
    Failed(Error),
    /// All that there is of an archive that is not written to its end yet.
    Torn(Error),
    /// The archive can't be read on.
    Damaged(Error),
}

/// Where lines go, and how many more may.
pub(in super::super) struct Feed<'f> {
    pub(in super::super) path: &'f Path,
    pub(in super::super) settings: &'f Settings,
    pub(in super::super) left: Quota,
    pub(in super::super) each: Each<'f>,
}

impl Feed<'_> {
    /// Hands out complete lines of one file.
    pub(in super::super) fn drain(
        &mut self,
        reader: &mut Reader,
        counters: &mut Counters,
        role: Role,
    ) -> Drained {
        loop {
            loop {
                let before = reader.offset();
                if self.left.is_used_up() {
                    return Drained::Quota;
                }
                let taken = reader.take(self.settings.max_line, self.left.lines, self.join());
                let bytes = reader.offset() - before;
                counters.bytes += bytes;
                self.left.bytes = self.left.bytes.saturating_sub(bytes);
                let Some(taken) = taken else { break };
                self.emit(reader, counters, taken);
            }
            let is_fresh = reader.is_fresh();
            match reader.fill() {
                Ok(Fill::Data) => {
                    let before = reader.offset();
                    reader.skip_hole();
                    counters.bytes += reader.offset() - before;
                    if role == Role::Newest
                        && reader.offset() == 0
                        && let Err(error) = check_start(self.path, reader.unread())
                    {
                        return Drained::Refused(error);
                    }
                    if is_fresh && role != Role::Stream {
                        return Drained::Begun;
                    }
                }
                Ok(Fill::End) => {
                    if reader.content().is_packed() {
                        // No writer adds to the last line of an archive.
                        self.partial(reader, counters);
                    } else if self.has_ended(reader) {
                        self.ended(reader, counters);
                    }
                    return Drained::End;
                }
                Ok(Fill::Torn) => return Drained::Torn(torn(self.path)),
                Ok(Fill::Damaged(why)) => {
                    self.partial(reader, counters);
                    return Drained::Damaged(damaged(self.path, &why));
                }
                Ok(Fill::Changed) => return Drained::Changed,
                Err(error) => return Drained::Failed(Error::io_at("read", self.path, error)),
            }
        }
    }

    fn join(&self) -> Option<&'_ Joiner> {
        self.settings.join.as_ref()
    }

    /// Whether the last record has ended, because nothing came for long enough.
    fn has_ended(&self, reader: &Reader) -> bool {
        let wait = self.join().map(Joiner::wait);
        reader.is_holding() && wait.is_some_and(|wait| reader.quiet() >= wait)
    }

    /// Hands out the complete lines of the last record.
    pub(super) fn ended(&mut self, reader: &mut Reader, counters: &mut Counters) {
        loop {
            let before = reader.offset();
            let taken = reader.take_ended(self.settings.max_line, u64::MAX, self.join());
            counters.bytes += reader.offset() - before;
            let Some(taken) = taken else { break };
            self.emit(reader, counters, taken);
        }
    }

    /// Hands out what is held: the last record, and an incomplete line.
    pub(in super::super) fn partial(&mut self, reader: &mut Reader, counters: &mut Counters) {
        self.ended(reader, counters);
        let before = reader.offset();
        if let Some(taken) = reader.take_partial(self.settings.max_line) {
            counters.bytes += reader.offset() - before;
            self.emit(reader, counters, taken);
        }
    }

    fn emit(&mut self, reader: &Reader, counters: &mut Counters, taken: Taken) {
        let Taken { range, lines, is_utf8, cut } = taken;
        let bytes = reader.bytes(range);
        self.left.lines = self.left.lines.saturating_sub(lines);
        counters.lines += lines;
        counters.cut_lines += u64::from(cut);
        counters.invalid_utf8_lines += if is_utf8 { 0 } else { invalid_lines(bytes) };
        (self.each)(Block { source: self.path, bytes, line_count: lines, cut });
    }
}

pub(super) fn torn(path: &Path) -> Error {
    Error::data(format!("the archive {} is not written to its end", path.display()))
        .with_hint("it is read on when it grows")
}

fn damaged(path: &Path, why: &str) -> Error {
    Error::data(format!("the archive {} can't be read on: {why}", path.display()))
        .with_hint("what stands before that place was read")
}

/// How many lines are not valid UTF-8. No character of UTF-8 spans a line end.
fn invalid_lines(bytes: &[u8]) -> u64 {
    let lines = bytes.split(|&byte| byte == b'\n');
    lines.filter(|line| std::str::from_utf8(line).is_err()).count() as u64
}
