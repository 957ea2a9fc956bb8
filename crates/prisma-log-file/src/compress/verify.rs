//! Whether a compressed file holds what the plain one does.

use std::cell::Cell;
use std::io::{self, ErrorKind, Read};

use super::encode;
use super::files::Own;
use super::pass::Task;
use crate::compression::Packing;
use crate::fs::Handle;

/// Compares byte by byte, until the thread has to stop. What can't be decoded is not the same.
pub(super) fn is_same(
    plain: &Own,
    packed: &Own,
    packing: Packing,
    task: &Task<'_>,
) -> io::Result<bool> {
    let failed = Cell::new(None);
    let reading = Reading { handle: &*packed.handle, at: 0, failed: &failed };
    let Some(unpacked) = encode::unpacker(packing, reading) else { return Ok(false) };
    let mut unpacked = unpacked?;
    let (mut one, mut other) = (vec![0; task.piece], vec![0; task.piece]);
    let mut at = 0;
    while !task.progress.stops() {
        let expect = read_at(&*plain.handle, &mut one, at)?;
        // At the end, there must be no more than that.
        let wanted = expect.max(1);
        let mut found = 0;
        while found < wanted {
            match unpacked.read(&mut other[found..wanted]) {
                Ok(0) => break,
                Ok(read) => found += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return failed.take().map_or(Ok(false), Err),
            }
        }
        if found != expect || one[..expect] != other[..expect] {
            return Ok(false);
        }
        if expect == 0 {
            return Ok(true);
        }
        at += expect as u64;
        std::thread::yield_now();
    }
    Ok(false)
}

/// Reads a file from its beginning.
struct Reading<'a> {
    handle: &'a dyn Handle,
    at: u64,
    /// Tells an error of the operating system from one of the decoder.
    failed: &'a Cell<Option<io::Error>>,
}

impl Read for Reading<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match read_at(self.handle, buffer, self.at) {
            Ok(read) => {
                self.at += read as u64;
                Ok(read)
            }
            Err(error) => {
                let kind = error.kind();
                self.failed.set(Some(error));
                Err(kind.into())
            }
        }
    }
}

/// One read, repeated when a signal came in between.
pub(super) fn read_at(handle: &dyn Handle, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    loop {
        match handle.read_at(buffer, at) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}
