//! Whole records onto the end of a file that others may append to as well.
//!
//! One `write` of an append-mode file is atomic towards other writers, so records only break
//! where a `write` takes less than it was given (full disk, quota, signal) or its process is
//! killed inside it. Broken parts are never left in the way: the sink erases its own, and one that
//! a dead writer left just before its record it blanks out, after copying it aside.

use std::io::{self, ErrorKind};

use prisma_log_core::Error;

use crate::file::{LogFile, Spoilt, Target};
use crate::open::read_exact_at;
use crate::trouble::{is_full, retried, spoils};

/// How often a record is written again because others wrote between its parts.
const PATIENCE: usize = 100;
/// How many files are passed over before a record goes into one that it doesn't fit into.
const MOST_ROTATIONS: usize = 100;

/// Encoded records, one after the other.
#[derive(Clone, Copy)]
pub(crate) struct Records<'a> {
    pub(crate) bytes: &'a [u8],
    /// Where in `bytes` each record ends.
    pub(crate) ends: &'a [usize],
}

impl<'a> Records<'a> {
    /// Where record `index` begins.
    fn begin(self, index: usize) -> usize {
        if index == 0 { 0 } else { self.ends[index - 1] }
    }

    fn end(self) -> usize {
        self.begin(self.ends.len())
    }

    /// How many records end at `at` or before.
    fn whole_at(self, at: usize) -> usize {
        self.ends.partition_point(|&end| end <= at)
    }

    pub(crate) fn record(self, index: usize) -> &'a [u8] {
        &self.bytes[self.begin(index)..self.ends[index]]
    }
}

/// What came of writing the rest of a half-written record.
enum Finish {
    Whole,
    /// Others wrote between the parts; the parts are gone.
    Erased,
}

impl LogFile {
    /// Appends the records, rotating where they don't fit, and counts in `delivered` those that
    /// are whole in a file that has a name.
    ///
    /// # Errors
    /// Of the kind [`Error::is_data`] when the next record never can be written; of another when it
    /// is the place's fault.
    pub(crate) fn append(
        &mut self,
        records: Records<'_>,
        delivered: &mut usize,
    ) -> Result<(), Error> {
        let mut done = 0;
        let mut rotations = 0;
        while done < records.ends.len() {
            let target = match self.prepare() {
                Ok(target) => target,
                Err(error) if is_full(&error) && self.free_some() => continue,
                Err(error) => return Err(error),
            };
            let fitting = self.fitting(target, records, done)?;
            if fitting == 0 {
                self.try_rotate();
                rotations += 1;
                if rotations > MOST_ROTATIONS {
                    // Somebody fills each new file, or moves it back: no more for now.
                    self.rotation.failed(self.home.fs.now());
                }
                continue;
            }
            rotations = 0;
            let upto = Records { ends: &records.ends[..done + fitting], ..records };
            let bytes = (upto.end() - records.begin(done)) as u64;
            // A file that was moved away counts as an archive, if it counts at all.
            let begun = if target.current { target.size } else { 0 };
            self.keep_limits(begun.saturating_add(bytes));
            let before = done;
            let written = self.write_records(upto, &mut done);
            // What a deleted file took is written again: nobody can read it there.
            if done > before && !self.is_linked() {
                done = before;
            }
            *delivered += done - before;
            self.wrote(done - before, bytes);
            match written {
                Err(error) if is_full(&error) && self.free_some() => {}
                other => other?,
            }
        }
        Ok(())
    }

    /// How many of the records from `done` on may go into the file as it is; 0 asks for a rotation.
    fn fitting(
        &mut self,
        target: Target,
        records: Records<'_>,
        done: usize,
    ) -> Result<usize, Error> {
        let may_rotate = target.current && self.rotation.may_try(self.home.fs.now());
        if may_rotate && self.is_over(target.size) {
            return Ok(0);
        }
        let all = records.ends.len() - done;
        let within = |limit: u64| {
            let room = usize::try_from(limit.saturating_sub(target.size)).unwrap_or(usize::MAX);
            records.whole_at(records.begin(done).saturating_add(room)) - done
        };
        let possible = self.largest.map_or(all, within);
        if possible == 0 {
            return match target.size {
                0 => Err(Error::data(format!(
                    "a record of {} bytes is larger than this process may make a file",
                    records.record(done).len()
                ))
                .with_hint("`ulimit -f` says how large")),
                _ if may_rotate => Ok(0),
                _ => Err(Error::io_at("write to", self.path(), ErrorKind::FileTooLarge.into())),
            };
        }
        let Some(limit) = self.options.plan.max_bytes.filter(|_| target.current) else {
            return Ok(possible);
        };
        Ok(match within(limit) {
            0 if target.size == 0 => 1,
            0 if !may_rotate => possible,
            fitting => fitting.min(possible),
        })
    }

    /// Writes the records from `done` on and moves `done` past those that are whole in the file.
    fn write_records(&mut self, records: Records<'_>, done: &mut usize) -> Result<(), Error> {
        self.opened.unsynced = true;
        let mut again = 0;
        while *done < records.ends.len() {
            let first = *done;
            let from = records.begin(first);
            let written = self.write_once(&records.bytes[from..records.end()])?;
            let at = from + written;
            // Whatever comes now: these are in the file.
            *done = records.whole_at(at);
            let half = at - records.begin(*done);
            let position = match self.written_to(&records.bytes[from..at]) {
                Ok(position) => position,
                Err(_) if half == 0 => {
                    self.opened.whole_to = None;
                    continue;
                }
                Err(error) => {
                    self.opened.whole_to = None;
                    return Err(error);
                }
            };
            let start = position.saturating_sub(written as u64);
            let apart = self.check_neighbour(start);
            self.opened.whole_up_to(position.saturating_sub(half as u64));
            if !apart && *done > first {
                if half > 0 {
                    let part = &records.record(*done)[..half];
                    self.erase(part, position.saturating_sub(half as u64));
                }
                if let Err(error) = self.write_again(records.record(first)) {
                    // The caller counts from the front: those behind it are not written either.
                    self.erase(&records.bytes[from..records.begin(*done)], start);
                    *done = first;
                    return Err(error);
                }
                continue;
            }
            if half == 0 {
                continue;
            }
            match self.finish(records.record(*done), half, position)? {
                Finish::Whole => *done += 1,
                Finish::Erased if again < PATIENCE => again += 1,
                Finish::Erased => {
                    return Err(Error::state(format!(
                        "cannot write a record to {} in one piece: other writers come between",
                        self.path().display()
                    )));
                }
            }
        }
        Ok(())
    }

    /// Writes what is missing of a record whose first `half` bytes end at `position` in the file.
    fn finish(&mut self, record: &[u8], half: usize, position: u64) -> Result<Finish, Error> {
        let (mut taken, mut position) = (half, position);
        while taken < record.len() {
            let written = match self.write_once(&record[taken..]) {
                Ok(written) => written,
                Err(error) => {
                    self.erase(&record[..taken], position - taken as u64);
                    return Err(error);
                }
            };
            let end = self.written_to(&record[taken..taken + written])?;
            let start = end.saturating_sub(written as u64);
            if start != position {
                self.erase(&record[..taken], position - taken as u64);
                self.erase(&record[taken..taken + written], start);
                return Ok(Finish::Erased);
            }
            (taken, position) = (taken + written, end);
        }
        self.opened.whole_up_to(position);
        Ok(Finish::Whole)
    }

    /// One `write` that took something.
    fn write_once(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        let error = match retried(|| self.opened.handle.append(bytes)) {
            Ok(0) => ErrorKind::WriteZero.into(),
            Ok(written) => {
                if self.aside == Some(Spoilt::Write) {
                    self.aside = None;
                }
                return Ok(written);
            }
            Err(error) => error,
        };
        self.opened.spoilt = spoils(&error);
        Err(Error::io_at("write to", self.path(), error))
    }

    /// Where this sink's last write ended, which wrote `bytes`.
    fn written_to(&self, bytes: &[u8]) -> Result<u64, Error> {
        let handle = &*self.opened.handle;
        handle
            .written_to()
            .or_else(|error| {
                // The end of the file, if that is what stands there.
                let end = handle.stat()?.len;
                let mut there = vec![0; bytes.len()];
                read_exact_at(handle, &mut there, end.saturating_sub(bytes.len() as u64))?;
                if there == bytes { Ok(end) } else { Err(error) }
            })
            .map_err(|error: io::Error| Error::io_at("examine", self.path(), error))
    }

    /// Writes a record that stands in one line with half of another.
    fn write_again(&mut self, record: &[u8]) -> Result<(), Error> {
        self.write_records(Records { bytes: record, ends: &[record.len()] }, &mut 0)
    }

    /// Looks at what stands before a record of ours, if somebody else wrote it; says whether the
    /// record has a line of its own.
    fn check_neighbour(&mut self, start: u64) -> bool {
        if start == 0 || self.opened.whole_to == Some(start) {
            return true;
        }
        let mut last = [0];
        match read_exact_at(&*self.opened.handle, &mut last, start - 1) {
            Ok(()) if last == *b"\n" => true,
            Ok(()) => self.set_apart(start),
            // It is a line end already, or belongs to what nobody can read any more.
            Err(error) => self.split(start, Error::io_at("read back", self.path(), error)),
        }
    }
}
