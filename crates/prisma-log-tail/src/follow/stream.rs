//! Text that comes once and can't be read again.

use std::io;

use super::identity::TAIL_BYTES;

/// Where the bytes come from.
pub(super) trait Input: Send {
    /// Reads what there is now, without waiting.
    ///
    /// # Errors
    /// When there will be no more, against expectation.
    fn read(&mut self, into: &mut [u8]) -> io::Result<Got>;
}

/// What a read brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Got {
    /// So many bytes, at least one.
    Bytes(usize),
    /// Nothing now.
    Nothing,
    /// Nothing, for ever.
    End,
}

impl Got {
    /// What a reader means that never waits.
    pub(super) fn from_read(read: io::Result<usize>) -> io::Result<Got> {
        use io::ErrorKind::{Interrupted, WouldBlock};
        match read {
            Ok(0) => Ok(Got::End),
            Ok(n) => Ok(Got::Bytes(n)),
            Err(error) if matches!(error.kind(), WouldBlock | Interrupted) => Ok(Got::Nothing),
            Err(error) => Err(error),
        }
    }
}

/// A stream of bytes, of which a little is remembered: as much as a file is asked for again.
pub(super) struct Stream {
    input: Box<dyn Input>,
    recent: Vec<u8>,
    /// How much was read.
    read: u64,
    ended: bool,
}

impl Stream {
    pub(super) fn new(input: Box<dyn Input>) -> Stream {
        Stream { input, recent: Vec::new(), read: 0, ended: false }
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    /// Reads from `offset` on, which is at the end of what was read or a little before.
    ///
    /// # Errors
    /// When there will be no more, against expectation.
    pub(super) fn read_at(&mut self, into: &mut [u8], offset: u64) -> io::Result<usize> {
        let known = self.read - self.recent.len() as u64;
        let again = usize::try_from(offset.saturating_sub(known)).unwrap_or(usize::MAX);
        let again = self.recent.get(again..).unwrap_or_default();
        let done = again.len().min(into.len());
        into[..done].copy_from_slice(&again[..done]);
        let new = &mut into[done..];
        if new.is_empty() || self.ended {
            return Ok(done);
        }
        let got = match self.input.read(new) {
            Ok(Got::Bytes(got)) => got,
            Ok(Got::Nothing) => 0,
            Ok(Got::End) => {
                self.ended = true;
                0
            }
            Err(error) => {
                self.ended = true;
                return Err(error);
            }
        };
        let new = &new[..got];
        self.recent.extend(&new[got.saturating_sub(TAIL_BYTES)..]);
        let old = self.recent.len().saturating_sub(TAIL_BYTES);
        self.recent.drain(..old);
        self.read += got as u64;
        Ok(done + got)
    }
}
