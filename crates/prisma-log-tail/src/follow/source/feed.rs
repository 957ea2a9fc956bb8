//! From a file's lines to the caller, counted.

use std::path::Path;

use prisma_log_core::Error;

use super::super::open::check_start;
use super::super::reader::{Fill, Reader, Taken};
use super::Settings;
use crate::Line;

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counters {
    pub(super) lines: u64,
    pub(super) bytes: u64,
    pub(super) cut_lines: u64,
    pub(super) invalid_utf8_lines: u64,
    pub(super) rotations: u64,
    pub(super) truncations: u64,
    pub(super) gaps: u64,
}

/// What takes the lines.
pub(super) type Each<'e> = &'e mut dyn FnMut(Line<'_>);

/// How reading one file ended.
pub(super) enum Drained {
    /// As many lines as were asked for.
    Quota,
    /// All that is in the file.
    End,
    /// The file is no longer what was read of it.
    Changed,
    /// It is no text log.
    Refused(Error),
    /// The system can't read it.
    Failed(Error),
}

/// Where lines go, and how many more may.
pub(super) struct Feed<'f> {
    pub(super) path: &'f Path,
    pub(super) settings: Settings,
    pub(super) left: usize,
    pub(super) each: Each<'f>,
}

impl Feed<'_> {
    /// Hands out complete lines of one file. `is_log`: the file stands at the path itself and must
    /// be text.
    pub(super) fn drain(
        &mut self,
        reader: &mut Reader,
        counters: &mut Counters,
        is_log: bool,
    ) -> Drained {
        loop {
            loop {
                let before = reader.offset();
                if self.left == 0 {
                    return Drained::Quota;
                }
                let taken = reader.take(self.settings.max_line);
                counters.bytes += reader.offset() - before;
                let Some(taken) = taken else { break };
                self.left -= 1;
                self.emit(reader, counters, &taken);
            }
            match reader.fill() {
                Ok(Fill::Data) => {
                    let before = reader.offset();
                    reader.skip_hole();
                    counters.bytes += reader.offset() - before;
                    if is_log
                        && reader.offset() == 0
                        && let Err(error) = check_start(self.path, reader.unread())
                    {
                        return Drained::Refused(error);
                    }
                }
                Ok(Fill::End) => return Drained::End,
                Ok(Fill::Changed) => return Drained::Changed,
                Err(error) => return Drained::Failed(Error::io_at("read", self.path, error)),
            }
        }
    }

    /// Hands out what is held of an incomplete line.
    pub(super) fn partial(&mut self, reader: &mut Reader, counters: &mut Counters) {
        let before = reader.offset();
        if let Some(taken) = reader.take_partial(self.settings.max_line) {
            counters.bytes += reader.offset() - before;
            self.left = self.left.saturating_sub(1);
            self.emit(reader, counters, &taken);
        }
    }

    fn emit(&mut self, reader: &Reader, counters: &mut Counters, taken: &Taken) {
        let bytes = reader.bytes(taken.range.clone());
        counters.lines += 1;
        counters.cut_lines += u64::from(taken.cut);
        counters.invalid_utf8_lines += u64::from(std::str::from_utf8(bytes).is_err());
        (self.each)(Line { source: self.path, bytes, cut: taken.cut });
    }
}
