//! Lines to a stream.

use std::fmt;
use std::io::{self, ErrorKind, Write};
use std::time::Duration;

use prisma_log_core::{BatchError, Durability, Error, Record, Sink};

use crate::ConsoleSinkBuilder;
use crate::limit::Lines;
use crate::stream::Target;

/// Most bytes that go into one `write`, unless a single record is larger.
const BLOCK_BYTES: usize = 64 * 1024;
/// A buffer that one giant record made larger than this does not stay.
const KEPT_BYTES: usize = 1024 * 1024;
/// How long a stream that somebody made non-blocking may take nothing.
const FULL_PATIENCE: Duration = Duration::from_secs(1);
const FULL_PAUSE: Duration = Duration::from_millis(1);
/// After what time records that were refused for now may be tried again: so soon, then after twice
/// as long each time, up to the second one.
const FIRST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_millis(500);

/// Writes records to standard output or standard error; see the [crate's page](crate).
pub struct ConsoleSink {
    lines: Lines,
    target: Target,
    block: Vec<u8>,
    /// Where in `block` each record ends.
    ends: Vec<usize>,
    /// The last write stopped inside a line.
    half_line: bool,
    /// Nobody reads the stream any more, nor ever will.
    closed: bool,
    /// The stream took nothing for as long as we wait; nobody waits again until it does.
    full: bool,
    wait: Duration,
}

/// Why something was not written.
struct Failed {
    error: Error,
    /// Whether the same may be written later.
    passes: bool,
}

impl ConsoleSink {
    /// Starts from text for people on standard error, coloured as the environment says.
    pub fn builder() -> ConsoleSinkBuilder {
        ConsoleSinkBuilder::new()
    }

    pub(crate) fn new(lines: Lines, target: Target) -> Self {
        ConsoleSink {
            lines,
            target,
            block: Vec::new(),
            ends: Vec::new(),
            half_line: false,
            closed: false,
            full: false,
            wait: FIRST_WAIT,
        }
    }

    fn write_all(&mut self, batch: &[Record<'_>], delivered: &mut usize) -> Result<(), Failed> {
        if self.closed {
            return Err(Failed { error: self.closed_error(), passes: false });
        }
        for (index, record) in batch.iter().enumerate() {
            let appended = self.lines.append(record, &mut self.block);
            appended.map_err(|error| self.failed(error))?;
            self.ends.push(self.block.len());
            if self.block.len() >= BLOCK_BYTES || index + 1 == batch.len() {
                let written = self.write_block(delivered);
                self.clear();
                written?;
            }
        }
        Ok(())
    }

    fn write_block(&mut self, delivered: &mut usize) -> Result<(), Failed> {
        if self.half_line {
            // What was cut short must not run into the next record.
            self.write_fully(b"\n").1?;
            self.half_line = false;
        }
        let block = std::mem::take(&mut self.block);
        let (taken, written) = self.write_fully(&block);
        // A record that lacks but its line end is there: the next write begins with one.
        let whole = self.ends.partition_point(|&end| end <= taken + 1);
        *delivered += whole;
        self.half_line = taken > 0 && block[taken - 1] != b'\n';
        self.block = block;
        written
    }

    /// Writes all of `bytes`, or says how many were taken before it failed.
    fn write_fully(&mut self, bytes: &[u8]) -> (usize, Result<(), Failed>) {
        let mut taken = 0;
        let mut waited = Duration::ZERO;
        while taken < bytes.len() {
            let error = match self.target.writer.write(&bytes[taken..]) {
                Ok(0) => ErrorKind::WriteZero.into(),
                Ok(written) => {
                    taken += written;
                    waited = Duration::ZERO;
                    self.full = false;
                    continue;
                }
                Err(error) => error,
            };
            match error.kind() {
                ErrorKind::Interrupted => continue,
                ErrorKind::WouldBlock if !self.full && waited < FULL_PATIENCE => {
                    std::thread::sleep(FULL_PAUSE);
                    waited += FULL_PAUSE;
                    continue;
                }
                ErrorKind::WouldBlock => self.full = true,
                ErrorKind::BrokenPipe => self.closed = !self.target.may_be_read_again,
                _ => {}
            }
            return (taken, Err(self.failed(error)));
        }
        (taken, Ok(()))
    }

    fn failed(&self, error: io::Error) -> Failed {
        let passes = match error.kind() {
            ErrorKind::BrokenPipe => self.target.may_be_read_again,
            kind => passes(kind),
        };
        Failed { error: self.io_error(error), passes }
    }

    fn io_error(&self, error: io::Error) -> Error {
        Error::io(format!("cannot write to {}", self.target.name), error)
    }

    fn closed_error(&self) -> Error {
        Error::state(format!("{} is closed: its reader went away", self.target.name))
    }

    fn clear(&mut self) {
        self.block.clear();
        self.block.shrink_to(KEPT_BYTES);
        self.ends.clear();
    }
}

/// Whether what failed so may succeed later, without anybody having to start the program anew.
fn passes(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::WouldBlock
            | ErrorKind::TimedOut
            | ErrorKind::StorageFull
            | ErrorKind::QuotaExceeded
            | ErrorKind::ReadOnlyFilesystem
            | ErrorKind::StaleNetworkFileHandle
            | ErrorKind::OutOfMemory
    )
}

impl Sink for ConsoleSink {
    fn write(&mut self, batch: &[Record<'_>]) -> Result<(), BatchError> {
        // An encoder that panicked in the last call may have left half a record.
        self.clear();
        let mut delivered = 0;
        let written = self.write_all(batch, &mut delivered);
        if delivered > 0 || written.is_ok() {
            self.wait = FIRST_WAIT;
        }
        written.map_err(|Failed { error, passes }| {
            let failed = BatchError::new(delivered, error);
            if !passes {
                return failed;
            }
            let wait = self.wait;
            self.wait = (wait * 2).min(LONGEST_WAIT);
            failed.retry_after(wait)
        })
    }

    fn flush(&mut self) -> Result<(), Error> {
        if self.closed {
            return Ok(());
        }
        match self.target.writer.flush() {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.closed = !self.target.may_be_read_again;
                Err(self.io_error(error))
            }
            Err(error) => Err(self.io_error(error)),
        }
    }

    fn durability(&self) -> Durability {
        Durability::PageCache
    }
}

impl fmt::Debug for ConsoleSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConsoleSink").field("to", &self.target.name).finish_non_exhaustive()
    }
}
