//! What a writer that died in the middle of a record left behind.

use std::io;
use std::time::Duration;

use prisma_log_core::Error;

use crate::failure::Failures;
use crate::file::{FileOptions, LogFile};
use crate::fs::{Handle, Lock, Stat};
use crate::home::Home;
use crate::open::{Locking, append_all, lock_shared, open_regular, read_exact_at};
use crate::trouble::retried;

/// How far back a tail is examined: more than any batch that could have been torn.
const REACH: u64 = 64 * 1024 * 1024;
const BLOCK: usize = 64 * 1024;
const RELOCK_PATIENCE: Duration = Duration::from_secs(1);

/// Repairs the end of a file that nobody else writes, and says up to where it is whole then.
///
/// NULs at the end, which a power cut leaves, are cut off; a record that does not end is moved to
/// `FILE.torn`. What can't be repaired is reported and left: `None`.
pub(crate) fn tail(
    file: &dyn Handle,
    home: &Home,
    options: &FileOptions,
    failures: &Failures,
) -> Option<u64> {
    match try_tail(file, home, options.mode) {
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

fn try_tail(file: &dyn Handle, home: &Home, mode: u32) -> io::Result<Tail> {
    let Stat { len: size, modified, .. } = file.stat()?;
    // When the last record was written decides about rotation and the archive's name.
    let cut = |len: u64| -> io::Result<()> {
        retried(|| file.cut(len))?;
        let _as_of_now_if_refused = file.set_modified(modified);
        Ok(())
    };
    let floor = size.saturating_sub(REACH);
    let last = find_back(file, floor, size, |byte| byte != 0)?;
    let Some(last) = last else {
        if floor > 0 {
            return Err(io::Error::other("it ends in more NUL bytes than are searched"));
        }
        return if size == 0 {
            Ok(Tail::Whole { size })
        } else {
            cut(0)?;
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
        keep_torn(file, home, mode, line_start, text_end)?;
    }
    cut(line_start)?;
    let (torn, nuls) = (text_end - line_start, size - text_end);
    Ok(Tail::Repaired { size: line_start, torn, nuls })
}

/// Where the last byte in `floor..end` is that `wanted` accepts.
fn find_back(
    file: &dyn Handle,
    floor: u64,
    end: u64,
    wanted: impl Fn(u8) -> bool,
) -> io::Result<Option<u64>> {
    let mut block = vec![0; BLOCK];
    let mut end = end;
    while end > floor {
        let start = end.saturating_sub(BLOCK as u64).max(floor);
        let part = &mut block[..(end - start) as usize];
        read_exact_at(file, part, start)?;
        if let Some(at) = part.iter().rposition(|&byte| wanted(byte)) {
            return Ok(Some(start + at as u64));
        }
        end = start;
    }
    Ok(None)
}

/// Appends the bytes `from..to` of the file to `FILE.torn`, as a line.
fn keep_torn(file: &dyn Handle, home: &Home, mode: u32, from: u64, to: u64) -> io::Result<()> {
    let mut bytes = vec![0; (to - from) as usize];
    read_exact_at(file, &mut bytes, from)?;
    bytes.push(b'\n');
    let kept = open_regular(home, &home.beside("", ".torn"), mode).map_err(io::Error::other)?;
    append_all(&*kept.handle, &bytes)
}

impl LogFile {
    /// Takes away the part of a record that this sink wrote at `from` and can't complete.
    ///
    /// It is cut off where that is certain to hit nothing else; where others may have appended
    /// since, it becomes a line of blanks. So it does where cutting failed, as a full disk may
    /// refuse even that, until it can be cut off.
    pub(crate) fn erase(&mut self, part: &[u8], from: u64) {
        if let Err(error) = self.try_erase(part, from) {
            self.opened.whole_to = None;
            self.opened.halves.push((part.to_vec(), from));
            self.failures.report(
                &Error::io_at("take back half a record from", &self.options.path, error)
                    .with_hint("one line of the file is broken; tried again later"),
            );
        }
    }

    /// Takes away what could not be taken away at once.
    pub(crate) fn erase_halves(&mut self) {
        for (part, from) in std::mem::take(&mut self.opened.halves) {
            if self.try_erase(&part, from).is_err() {
                self.opened.halves.push((part, from));
            }
        }
    }

    fn try_erase(&mut self, part: &[u8], from: u64) -> io::Result<()> {
        let end = from + part.len() as u64;
        let file = &*self.opened.handle;
        let mut cut = None;
        if self.opened.locked {
            // Exclusive only if no other sink has the file open: then nobody appends meanwhile.
            let alone = file.try_lock(Lock::Exclusive).is_ok();
            if alone && file.stat().is_ok_and(|stat| stat.len == end) {
                cut = Some(retried(|| file.cut(from)));
            }
            self.opened.locked =
                lock_shared(&*self.home.fs, file, RELOCK_PATIENCE) == Locking::Taken;
            if !self.opened.locked {
                // Nobody is to be kept out for good.
                let _closing_is_left = file.unlock();
            }
        }
        if let Some(Ok(())) = cut {
            return Ok(());
        }
        // Unlocked for a moment: somebody else may have repaired the tail already.
        let mut there = vec![0; part.len()];
        match read_exact_at(file, &mut there, from) {
            Ok(()) if there == part => {
                let blanks = self.blank(from, end)?;
                if cut.is_some() {
                    self.opened.halves.push((blanks, from));
                }
                Ok(())
            }
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Gives a record of ours that begins at `start` a line of its own, though a dead writer left
    /// half a record right before it.
    ///
    /// Says whether it has one now.
    pub(crate) fn set_apart(&mut self, start: u64) -> bool {
        let path = self.options.path.display();
        let outcome = match self.move_torn(start) {
            Ok(torn) => Error::data(format!(
                "{path} had half a record of another writer in it: {torn} bytes moved to {path}.torn"
            )),
            Err(error) => {
                let doing = "move half a record of another writer out of";
                return self.split(start, Error::io_at(doing, &self.options.path, error));
            }
        };
        self.failures.report(&outcome);
        true
    }

    /// Ends the line before `start`, at the price of one byte of what nobody can read any more; says
    /// whether it could.
    pub(crate) fn split(&self, start: u64, error: Error) -> bool {
        let split = retried(|| self.opened.handle.overwrite(b"\n", start - 1));
        self.failures.report(&error.with_hint(match split {
            Ok(()) => "it was given a line of its own",
            Err(_) => "it may stand before a record in the same line, which is written again",
        }));
        split.is_ok()
    }

    fn move_torn(&self, end: u64) -> io::Result<u64> {
        let file = &*self.opened.handle;
        let floor = end.saturating_sub(REACH);
        let from = match find_back(file, floor, end, |byte| byte == b'\n')? {
            Some(at) => at + 1,
            None if floor == 0 => 0,
            None => return Err(io::Error::other("it is longer than 64 MiB")),
        };
        keep_torn(file, &self.home, self.options.mode, from, end)?;
        self.blank(from, end)?;
        Ok(end - from)
    }

    /// Makes `from..end` a line of blanks.
    fn blank(&self, from: u64, end: u64) -> io::Result<Vec<u8>> {
        let mut blanks = vec![b' '; (end - from) as usize];
        if let Some(last) = blanks.last_mut() {
            *last = b'\n';
        }
        retried(|| self.opened.handle.overwrite(&blanks, from))?;
        Ok(blanks)
    }
}
