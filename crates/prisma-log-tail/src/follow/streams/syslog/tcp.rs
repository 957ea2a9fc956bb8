//! Connections, each a stream of messages.

use std::io::{self, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use prisma_log_core::Error;

use super::super::super::reader::Reader;
use super::super::super::stream::{Got, Input};
use super::super::outlet::Outlet;
use super::framing::Framing;
use crate::{Block, PollOutcome};

/// How much is read of a connection at once.
const READ: usize = 16 * 1024;
/// What one connection hands out before the next one's turn.
const QUANTUM: u64 = 256 * 1024;

pub(super) struct Connections {
    listener: TcpListener,
    address: SocketAddr,
    max: usize,
    idle_timeout: Duration,
    open: Vec<Reader>,
    refused: u64,
    /// The connection whose turn is next.
    next: usize,
}

impl Connections {
    /// # Errors
    /// When the address can't be used.
    pub(super) fn bind(
        address: SocketAddr,
        (max, idle_timeout): (usize, Duration),
    ) -> Result<Connections, Error> {
        let failed =
            |error| Error::io_at("accept connections at", Path::new(&address.to_string()), error);
        let listener = TcpListener::bind(address).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let open = Vec::new();
        Ok(Connections { listener, address, max, idle_timeout, open, refused: 0, next: 0 })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    pub(super) fn refused(&self) -> u64 {
        self.refused
    }

    pub(super) fn bytes_left(&self) -> u64 {
        self.open.iter().map(Reader::bytes_left).sum()
    }

    pub(super) fn poll(
        &mut self,
        outlet: &mut Outlet,
        left: u64,
        each: &mut dyn FnMut(Block<'_>),
    ) -> PollOutcome {
        let error = self.accept();
        let mut outcome = PollOutcome::default();
        for _ in 0..self.open.len() {
            let Some(left) = left.checked_sub(outcome.bytes).filter(|&left| left > 0) else {
                outcome.more = true;
                break;
            };
            self.next = if self.next < self.open.len() { self.next } else { 0 };
            let Some(reader) = self.open.get_mut(self.next) else { break };
            outcome.also(outlet.drain(reader, left.min(QUANTUM), each));
            if reader.has_ended() {
                self.open.remove(self.next);
            } else if reader.quiet() >= self.idle_timeout {
                outcome.also(outlet.finish(reader, each));
                self.open.remove(self.next);
            } else {
                self.next += 1;
            }
        }
        // A connection that is cut off is not the listener's failure.
        outlet.error = error.map(Arc::new);
        outcome
    }

    pub(super) fn finish(
        &mut self,
        outlet: &mut Outlet,
        each: &mut dyn FnMut(Block<'_>),
    ) -> PollOutcome {
        let error = self.accept();
        let mut outcome = PollOutcome::default();
        for reader in &mut self.open {
            outcome.also(outlet.drain(reader, u64::MAX, each));
            outcome.also(outlet.finish(reader, each));
        }
        outlet.error = error.map(Arc::new);
        outcome
    }

    /// Returns why no more connections can be accepted now, if so.
    fn accept(&mut self) -> Option<Error> {
        loop {
            match self.listener.accept() {
                Ok((stream, _)) if self.open.len() < self.max => {
                    if stream.set_nonblocking(true).is_ok() {
                        self.open.push(Reader::of_stream(Box::new(Connection::new(stream))));
                    }
                }
                Ok(_) => self.refused += 1,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return None,
                // It was given up before it was accepted.
                Err(error) if is_of_connection(error.kind()) => {}
                Err(error) => {
                    return Some(Error::io_at(
                        "accept at",
                        Path::new(&self.address.to_string()),
                        error,
                    ));
                }
            }
        }
    }
}

fn is_of_connection(kind: io::ErrorKind) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(kind, ConnectionAborted | ConnectionReset | Interrupted)
}

struct Connection {
    stream: TcpStream,
    framing: Framing,
    lines: Vec<u8>,
    at: usize,
}

impl Connection {
    fn new(stream: TcpStream) -> Connection {
        Connection { stream, framing: Framing::new(), lines: Vec::new(), at: 0 }
    }
}

impl Input for Connection {
    fn read(&mut self, into: &mut [u8]) -> io::Result<Got> {
        while self.at == self.lines.len() {
            self.lines.clear();
            self.at = 0;
            let mut bytes = [0; READ];
            match Got::from_read(self.stream.read(&mut bytes))? {
                Got::Bytes(len) => self.framing.lines(&bytes[..len], &mut self.lines),
                other => return Ok(other),
            }
        }
        let left = &self.lines[self.at..];
        let len = left.len().min(into.len());
        into[..len].copy_from_slice(&left[..len]);
        self.at += len;
        Ok(Got::Bytes(len))
    }
}
