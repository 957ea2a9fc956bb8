//! What a writer that died in the middle of a record left behind.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::time::Duration;

use prisma_log_core::Error;

use crate::failure::Failures;
use crate::file::{FileOptions, LogFile};
use crate::open::{FLAGS, Identity, Locking, lock_within, open_regular, with_suffix};
use crate::os::Os;

/// How far back a tail is examined: more than any batch that could have been torn.
const REACH: u64 = 64 * 1024 * 1024;
const BLOCK: usize = 64 * 1024;
const RELOCK_PATIENCE: Duration = Duration::from_secs(1);

/// Repairs the end of a file that nobody else writes, and says up to where it is whole then.
///
/// NULs at the end, which a power cut leaves, are cut off; a record that does not end is moved to
/// `FILE.torn`. What can't be repaired is reported and left: `None`.
pub(crate) fn tail(
    file: &File,
    options: &FileOptions,
    os: &dyn Os,
    failures: &Failures,
) -> Option<u64> {
    match try_tail(file, options, os) {
        Ok(Tail::Whole { size }) => Some(size),
        Ok(Tail::Repaired { size, torn, nuls }) => {
            let path = options.path.display();
            failures.report(&Error::data(format!(
                "{path} ended in the middle of a record: {torn} bytes moved to {path}.torn, \
                 {nuls} NUL bytes cut off"
            )));
            Some(size)
        }
        Err(error) => {
            failures.report(
                &Error::io_at("repair the tail of", &options.path, error)
                    .with_hint("the file is left as it is"),
            );
            None
        }
    }
}

enum Tail {
    Whole { size: u64 },
    Repaired { size: u64, torn: u64, nuls: u64 },
}

fn try_tail(file: &File, options: &FileOptions, os: &dyn Os) -> io::Result<Tail> {
    let size = file.metadata()?.len();
    let floor = size.saturating_sub(REACH);
    let last = find_back(file, floor, size, |byte| byte != 0)?;
    let Some(last) = last else {
        if floor > 0 {
            return Err(io::Error::other("it ends in more NUL bytes than are searched"));
        }
        return if size == 0 {
            Ok(Tail::Whole { size })
        } else {
            os.cut(file, 0)?;
            Ok(Tail::Repaired { size: 0, torn: 0, nuls: size })
        };
    };
    let text_end = last + 1;
    let line_start = match find_back(file, floor, text_end, |byte| byte == b'\n')? {
        Some(at) => at + 1,
        None if floor == 0 => 0,
        None => return Err(io::Error::other("it has no line end in its last 64 MiB")),
    };
    if line_start == size {
        return Ok(Tail::Whole { size });
    }
    if line_start < text_end {
        keep_torn(file, options, line_start, text_end)?;
    }
    os.cut(file, line_start)?;
    let (torn, nuls) = (text_end - line_start, size - text_end);
    Ok(Tail::Repaired { size: line_start, torn, nuls })
}

/// Where the last byte in `floor..end` is that `wanted` accepts.
fn find_back(
    file: &File,
    floor: u64,
    end: u64,
    wanted: impl Fn(u8) -> bool,
) -> io::Result<Option<u64>> {
    let mut block = vec![0; BLOCK];
    let mut end = end;
    while end > floor {
        let start = end.saturating_sub(BLOCK as u64).max(floor);
        let part = &mut block[..(end - start) as usize];
        file.read_exact_at(part, start)?;
        if let Some(at) = part.iter().rposition(|&byte| wanted(byte)) {
            return Ok(Some(start + at as u64));
        }
        end = start;
    }
    Ok(None)
}

/// Appends the bytes `from..to` of the file to `FILE.torn`, as a line.
fn keep_torn(file: &File, options: &FileOptions, from: u64, to: u64) -> io::Result<()> {
    let mut bytes = vec![0; (to - from) as usize];
    file.read_exact_at(&mut bytes, from)?;
    bytes.push(b'\n');
    let path = with_suffix(&options.path, ".torn");
    let kept = open_regular(&path, options.mode).map_err(io::Error::other)?;
    io::Write::write_all(&mut &kept.file, &bytes)
}

impl LogFile {
    /// Takes away the part of a record that this sink wrote at `from` and can't complete.
    ///
    /// It is cut off where that is certain to hit nothing else; where others may have appended
    /// since, it becomes a line of blanks.
    pub(crate) fn erase(&mut self, part: &[u8], from: u64) {
        if let Err(error) = self.try_erase(part, from) {
            self.opened.whole_to = None;
            self.failures.report(
                &Error::io_at("take back half a record from", &self.options.path, error)
                    .with_hint("one line of the file is broken"),
            );
        }
    }

    fn try_erase(&mut self, part: &[u8], from: u64) -> io::Result<()> {
        let end = from + part.len() as u64;
        let file = &self.opened.file;
        let mut cut = false;
        if self.opened.locked {
            // Exclusive only if no other sink has the file open: then nobody appends meanwhile.
            file.unlock()?;
            if file.try_lock().is_ok() {
                cut = file.metadata()?.len() == end && self.os.cut(file, from).is_ok();
                file.unlock()?;
            }
            self.opened.locked =
                lock_within(RELOCK_PATIENCE, || file.try_lock_shared()) == Locking::Taken;
        }
        if cut {
            return Ok(());
        }
        // Unlocked for a moment: somebody else may have repaired the tail already.
        let mut there = vec![0; part.len()];
        match file.read_exact_at(&mut there, from) {
            Ok(()) if there == part => self.blank(from, end),
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Gives a record of ours that begins at `start` a line of its own, though a dead writer left
    /// half a record right before it.
    pub(crate) fn set_apart(&mut self, start: u64) {
        let path = self.options.path.display();
        let outcome = match self.move_torn(start) {
            Ok(torn) => Error::data(format!(
                "{path} had half a record of another writer in it: {torn} bytes moved to {path}.torn"
            )),
            Err(error) => {
                // At the price of one byte of what nobody can read any more.
                let split = self.overwrite(b"\n", start - 1);
                Error::io_at(
                    "move half a record of another writer out of",
                    &self.options.path,
                    error,
                )
                .with_hint(match split {
                    Ok(()) => "it was given a line of its own",
                    Err(_) => "it stands before another record in the same line",
                })
            }
        };
        self.failures.report(&outcome);
    }

    fn move_torn(&self, end: u64) -> io::Result<u64> {
        let file = &self.opened.file;
        let floor = end.saturating_sub(REACH);
        let from = match find_back(file, floor, end, |byte| byte == b'\n')? {
            Some(at) => at + 1,
            None if floor == 0 => 0,
            None => return Err(io::Error::other("it is longer than 64 MiB")),
        };
        keep_torn(file, &self.options, from, end)?;
        self.blank(from, end)?;
        Ok(end - from)
    }

    /// Makes `from..end` a line of blanks.
    fn blank(&self, from: u64, end: u64) -> io::Result<()> {
        let mut blanks = vec![b' '; (end - from) as usize];
        if let Some(last) = blanks.last_mut() {
            *last = b'\n';
        }
        self.overwrite(&blanks, from)
    }

    fn overwrite(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        // The open file is in append mode, where Linux ignores the offset of a write.
        let mut options = OpenOptions::new();
        options.write(true).custom_flags(FLAGS);
        let by_path = options.open(&self.options.path).ok().filter(|file| {
            file.metadata().is_ok_and(|found| Identity::of(&found) == self.opened.identity)
        });
        let file = match by_path {
            Some(file) => file,
            // Moved away: the way to it through /proc still works.
            None => {
                let by_number = format!("/proc/self/fd/{}", self.opened.file.as_raw_fd());
                OpenOptions::new().write(true).open(by_number)?
            }
        };
        self.os.overwrite(&file, bytes, at)
    }
}
