//! Whole records onto the end of a file that others may append to as well.
//!
//! One `write` of an append-mode file is atomic towards other writers, so records only break
//! where a `write` takes less than it was given (full disk, quota, signal) or its process is
//! killed inside it. Broken parts are never left in the way: the sink erases its own, and one that
//! a dead writer left just before its record it blanks out, after copying it aside.

use std::io::{self, ErrorKind, Seek as _};
use std::os::unix::fs::FileExt as _;

use prisma_log_core::Error;

use crate::file::{LogFile, Target};

/// How often a record is written again because others wrote between its parts.
const PATIENCE: usize = 100;

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
    pub(crate) fn append(
        &mut self,
        records: Records<'_>,
        delivered: &mut usize,
    ) -> Result<(), Error> {
        let mut done = 0;
        while done < records.ends.len() {
            let target = self.prepare()?;
            let fitting = self.fitting(target, records, done);
            if fitting == 0 {
                self.try_rotate();
                continue;
            }
            let upto = Records { ends: &records.ends[..done + fitting], ..records };
            let before = done;
            let written = self.write_records(upto, &mut done);
            // What a deleted file took is written again: nobody can read it there.
            if done > before && !self.is_linked()? {
                done = before;
            }
            *delivered += done - before;
            written?;
        }
        Ok(())
    }

    /// How many of the records from `done` on may go into the file as it is; 0 asks for a rotation.
    fn fitting(&self, target: Target, records: Records<'_>, done: usize) -> usize {
        let all = records.ends.len() - done;
        let Some(limit) = self.options.max_bytes.filter(|_| target.current) else {
            return all;
        };
        let room = usize::try_from(limit.saturating_sub(target.size)).unwrap_or(usize::MAX);
        let fitting = records.whole_at(records.begin(done).saturating_add(room)) - done;
        match fitting {
            0 if target.size == 0 => 1,
            0 if !self.rotation.may_try(self.os.now()) => all,
            fitting => fitting,
        }
    }

    /// Writes the records from `done` on and moves `done` past those that are whole in the file.
    fn write_records(&mut self, records: Records<'_>, done: &mut usize) -> Result<(), Error> {
        self.opened.unsynced = true;
        let mut again = 0;
        while *done < records.ends.len() {
            let from = records.begin(*done);
            let written = self.write_once(&records.bytes[from..records.end()])?;
            let position = self.written_to()?;
            self.check_neighbour(position - written as u64);

            let at = from + written;
            *done = records.whole_at(at);
            let half = at - records.begin(*done);
            self.opened.whole_up_to(position - half as u64);
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
            let end = self.written_to()?;
            let start = end - written as u64;
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
    fn write_once(&self, bytes: &[u8]) -> Result<usize, Error> {
        loop {
            let error = match self.os.append(&self.opened.file, bytes) {
                Ok(0) => ErrorKind::WriteZero.into(),
                Ok(written) => return Ok(written),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => error,
            };
            return Err(Error::io_at("write to", self.path(), error));
        }
    }

    /// Where this sink's last write ended.
    fn written_to(&self) -> Result<u64, Error> {
        let position = (&self.opened.file).stream_position();
        position.map_err(|error| Error::io_at("examine", self.path(), error))
    }

    /// Looks at what stands before a record of ours, if somebody else wrote it.
    fn check_neighbour(&mut self, start: u64) {
        if start == 0 || self.opened.whole_to == Some(start) {
            return;
        }
        let mut last = [0];
        let looked: io::Result<()> = self.opened.file.read_exact_at(&mut last, start - 1);
        if looked.is_ok() && last != *b"\n" {
            self.set_apart(start);
        }
    }
}
