//! Standard input, or another pipe.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::time::Duration;

use prisma_log_core::Error;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::super::builder::check_line_bytes;
use super::super::reader::Reader;
use super::super::stream::{Got, Input};
use super::LineSource;
use super::outlet::Outlet;
use crate::{Block, Checkpoint, Joiner, PollOutcome, SourceState, SourceStatus};

/// Lines from a pipe, such as the standard input of `journalctl -f | plog monitor -`.
///
/// What nobody took yet waits in the pipe, whose writer is slowed down so; nothing is dropped. The
/// end of the input is the source's end, and its last line need not have a line end.
pub struct StdinSource {
    outlet: Outlet,
    reader: Reader,
}

/// Settings of a [`StdinSource`].
#[derive(Debug)]
#[must_use]
pub struct StdinSourceBuilder {
    name: PathBuf,
    input: Option<OwnedFd>,
    max_line_bytes: usize,
    join: Option<Joiner>,
}

impl StdinSource {
    /// Settings with their defaults.
    pub fn builder() -> StdinSourceBuilder {
        StdinSourceBuilder {
            name: PathBuf::from("-"),
            input: None,
            max_line_bytes: 1 << 20,
            join: None,
        }
    }
}

impl StdinSourceBuilder {
    /// Another pipe, or whatever can be read; the default is standard input.
    pub fn input(mut self, input: impl Into<OwnedFd>) -> Self {
        self.input = Some(input.into());
        self
    }

    /// The source's name in its blocks and its status; the default is `-`.
    pub fn name(mut self, name: impl Into<PathBuf>) -> Self {
        self.name = name.into();
        self
    }

    /// As [`TailBuilder::max_line_bytes`](crate::TailBuilder::max_line_bytes).
    pub fn max_line_bytes(mut self, bytes: usize) -> Self {
        self.max_line_bytes = bytes;
        self
    }

    /// As [`TailBuilder::join`](crate::TailBuilder::join).
    pub fn join(mut self, joiner: Joiner) -> Self {
        self.join = Some(joiner);
        self
    }

    /// Builds the source.
    ///
    /// # Errors
    /// When a setting is out of its range, or there is no standard input.
    pub fn build(self) -> Result<StdinSource, Error> {
        check_line_bytes(self.max_line_bytes)?;
        let input = match self.input {
            Some(input) => input,
            None => io::stdin()
                .as_fd()
                .try_clone_to_owned()
                .map_err(|error| Error::io_at("open", &self.name, error))?,
        };
        let reader = Reader::of_stream(Box::new(Pipe(File::from(input))));
        Ok(StdinSource { outlet: Outlet::new(self.name, self.max_line_bytes, self.join), reader })
    }
}

impl LineSource for StdinSource {
    fn poll_blocks(&mut self, max_bytes: usize, each: &mut dyn FnMut(Block<'_>)) -> PollOutcome {
        self.outlet.drain(&mut self.reader, max_bytes as u64, each)
    }

    fn finish_blocks(&mut self, each: &mut dyn FnMut(Block<'_>)) -> PollOutcome {
        let mut outcome = self.outlet.drain(&mut self.reader, u64::MAX, each);
        outcome.also(self.outlet.finish(&mut self.reader, each));
        outcome
    }

    fn checkpoints(&self) -> Vec<Checkpoint> {
        Vec::new()
    }

    fn sources(&self) -> Vec<SourceStatus> {
        let state = match (&self.outlet.error, self.has_ended()) {
            (Some(_), _) => SourceState::Failed,
            (None, true) => SourceState::Ended,
            (None, false) => SourceState::Following,
        };
        vec![self.outlet.status(state, self.reader.bytes_left())]
    }

    fn poll_interval(&self) -> Duration {
        self.outlet.poll_interval()
    }

    fn has_ended(&self) -> bool {
        self.reader.has_ended()
    }
}

impl fmt::Debug for StdinSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StdinSource").field("name", &self.outlet.name).finish_non_exhaustive()
    }
}

/// Others may read from the same pipe or terminal and do not expect that this does not wait, so the
/// descriptor is left as it is and asked first.
struct Pipe(File);

impl Input for Pipe {
    fn read(&mut self, into: &mut [u8]) -> io::Result<Got> {
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        let mut fds = [PollFd::new(&self.0, PollFlags::IN)];
        match poll(&mut fds, Some(&now)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => return Ok(Got::Nothing),
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
        Got::from_read(self.0.read(into))
    }
}
