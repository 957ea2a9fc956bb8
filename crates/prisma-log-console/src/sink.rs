//! Lines to a stream.

use std::fmt;
use std::io::{self, ErrorKind, Write};
use std::time::Duration;

use prisma_log_core::{BatchError, Durability, Error, Record, Sink};

use crate::ConsoleSinkBuilder;
use crate::line::Form;

/// Most bytes that go into one `write`, unless a single record is larger.
const BLOCK_BYTES: usize = 64 * 1024;
/// A buffer that one giant record made larger than this does not stay.
const KEPT_BYTES: usize = 1024 * 1024;
/// How long a stream that somebody made non-blocking may take nothing.
const FULL_PATIENCE: Duration = Duration::from_secs(1);
const FULL_PAUSE: Duration = Duration::from_millis(1);

/// Writes records to standard output or standard error; see the [crate's page](crate).
pub struct ConsoleSink {
    form: Form,
    name: &'static str,
    writer: Box<dyn Write + Send>,
    block: Vec<u8>,
    /// Where in `block` each record ends.
    ends: Vec<usize>,
    /// The last write stopped inside a line.
    half_line: bool,
    /// Nobody reads the stream any more.
    closed: bool,
}

impl ConsoleSink {
    /// Starts from text for people on standard error, coloured as the environment says.
    pub fn builder() -> ConsoleSinkBuilder {
        ConsoleSinkBuilder::new()
    }

    pub(crate) fn new(form: Form, name: &'static str, writer: Box<dyn Write + Send>) -> Self {
        ConsoleSink {
            form,
            name,
            writer,
            block: Vec::new(),
            ends: Vec::new(),
            half_line: false,
            closed: false,
        }
    }

    fn write_all(&mut self, batch: &[Record<'_>], delivered: &mut usize) -> Result<(), Error> {
        if self.closed {
            return Err(self.closed_error());
        }
        for (index, record) in batch.iter().enumerate() {
            let appended = self.form.append(record, &mut self.block);
            appended.map_err(|error| self.io_error(error))?;
            self.ends.push(self.block.len());
            if self.block.len() >= BLOCK_BYTES || index + 1 == batch.len() {
                let written = self.write_block(delivered);
                self.clear();
                written?;
            }
        }
        Ok(())
    }

    fn write_block(&mut self, delivered: &mut usize) -> Result<(), Error> {
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
    fn write_fully(&mut self, bytes: &[u8]) -> (usize, Result<(), Error>) {
        let mut taken = 0;
        let mut full = Duration::ZERO;
        while taken < bytes.len() {
            let error = match self.writer.write(&bytes[taken..]) {
                Ok(0) => ErrorKind::WriteZero.into(),
                Ok(written) => {
                    taken += written;
                    full = Duration::ZERO;
                    continue;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == ErrorKind::WouldBlock && full < FULL_PATIENCE => {
                    std::thread::sleep(FULL_PAUSE);
                    full += FULL_PAUSE;
                    continue;
                }
                Err(error) => error,
            };
            self.closed = error.kind() == ErrorKind::BrokenPipe;
            return (taken, Err(self.io_error(error)));
        }
        (taken, Ok(()))
    }

    fn io_error(&self, error: io::Error) -> Error {
        Error::io(format!("cannot write to {}", self.name), error)
    }

    fn closed_error(&self) -> Error {
        Error::state(format!("{} is closed: its reader went away", self.name))
    }

    fn clear(&mut self) {
        self.block.clear();
        self.block.shrink_to(KEPT_BYTES);
        self.ends.clear();
    }
}

impl Sink for ConsoleSink {
    fn write(&mut self, batch: &[Record<'_>]) -> Result<(), BatchError> {
        // An encoder that panicked in the last call may have left half a record.
        self.clear();
        let mut delivered = 0;
        self.write_all(batch, &mut delivered).map_err(|error| BatchError::new(delivered, error))
    }

    fn flush(&mut self) -> Result<(), Error> {
        if self.closed {
            return Ok(());
        }
        match self.writer.flush() {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.closed = true;
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
        f.debug_struct("ConsoleSink").field("to", &self.name).finish_non_exhaustive()
    }
}
