//! Datagrams, each a line.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use prisma_log_core::Error;

use super::super::super::reader::Reader;
use super::super::super::stream::{Got, Input};
use super::super::outlet::Outlet;
use super::framing::escape;
use crate::{Block, PollOutcome};

/// The largest datagram.
const DATAGRAM: usize = 64 * 1024;
/// How much the system is asked to keep; it may give less.
const SYSTEM_BUFFER: usize = 8 << 20;
/// How often the thread sees whether it is to end.
const STOP_INTERVAL: Duration = Duration::from_millis(100);

/// What the thread and its owner share.
struct Shared {
    lines: Mutex<Vec<u8>>,
    capacity: usize,
    dropped: AtomicU64,
    stop: AtomicBool,
}

pub(super) struct Datagrams {
    socket: UdpSocket,
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    reader: Reader,
}

impl Datagrams {
    /// # Errors
    /// When the address can't be used, or no thread started.
    pub(super) fn bind(address: SocketAddr, capacity: usize) -> Result<Datagrams, Error> {
        let failed =
            |error| Error::io_at("receive datagrams at", Path::new(&address.to_string()), error);
        let socket = UdpSocket::bind(address).map_err(failed)?;
        // What the system allows is enough for most.
        let _ = rustix::net::sockopt::set_socket_recv_buffer_size(&socket, SYSTEM_BUFFER);
        socket.set_read_timeout(Some(STOP_INTERVAL)).map_err(failed)?;
        let address = socket.local_addr().map_err(failed)?;
        let shared = Arc::new(Shared {
            lines: Mutex::default(),
            capacity,
            dropped: AtomicU64::new(0),
            stop: AtomicBool::new(false),
        });
        let receiver = (socket.try_clone().map_err(failed)?, Arc::clone(&shared));
        let thread = std::thread::Builder::new()
            .name("syslog-udp".to_owned())
            .spawn(move || receive(&receiver.0, &receiver.1))
            .map_err(failed)?;
        let received = Received { shared: Arc::clone(&shared), lines: Vec::new(), at: 0 };
        let reader = Reader::of_stream(Box::new(received));
        Ok(Datagrams { socket, address, shared, thread: Some(thread), reader })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn poll(
        &mut self,
        outlet: &mut Outlet,
        left: u64,
        each: &mut dyn FnMut(Block<'_>),
    ) -> PollOutcome {
        outlet.drain(&mut self.reader, left, each)
    }

    pub(super) fn finish(
        &mut self,
        outlet: &mut Outlet,
        each: &mut dyn FnMut(Block<'_>),
    ) -> PollOutcome {
        let mut outcome = outlet.drain(&mut self.reader, u64::MAX, each);
        outcome.also(outlet.finish(&mut self.reader, each));
        outcome
    }

    pub(super) fn bytes_left(&self) -> u64 {
        self.reader.bytes_left() + lock(&self.shared.lines).len() as u64
    }

    /// Datagrams that found no room, here or in the system.
    pub(super) fn dropped(&self) -> u64 {
        self.shared.dropped.load(Ordering::Relaxed) + self.dropped_by_system().unwrap_or(0)
    }

    /// Linux counts per socket what it dropped.
    fn dropped_by_system(&self) -> Option<u64> {
        let inode = rustix::fs::fstat(&self.socket).ok()?.st_ino.to_string();
        let table = if self.address.is_ipv6() { "/proc/net/udp6" } else { "/proc/net/udp" };
        let table = std::fs::read_to_string(table).ok()?;
        let row = table.lines().find(|row| row.split_whitespace().nth(9) == Some(&*inode))?;
        row.split_whitespace().nth(12)?.parse().ok()
    }
}

impl Drop for Datagrams {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // It only ends early when it panicked, which has been told then.
            let _ = thread.join();
        }
    }
}

fn lock(lines: &Mutex<Vec<u8>>) -> std::sync::MutexGuard<'_, Vec<u8>> {
    lines.lock().unwrap_or_else(PoisonError::into_inner)
}

fn receive(socket: &UdpSocket, shared: &Shared) {
    let mut datagram = vec![0; DATAGRAM];
    let mut line = Vec::new();
    while !shared.stop.load(Ordering::Relaxed) {
        let len = match socket.recv(&mut datagram) {
            Ok(len) => len,
            Err(error) if is_pause(error.kind()) => continue,
            Err(_) => {
                // Out of memory, or the like: it passes.
                std::thread::sleep(STOP_INTERVAL);
                continue;
            }
        };
        let mut message = &datagram[..len];
        while let [rest @ .., b'\n' | b'\r' | 0] = message {
            message = rest;
        }
        line.clear();
        escape(message, &mut line);
        line.push(b'\n');
        let mut lines = lock(&shared.lines);
        if lines.len() + line.len() > shared.capacity {
            shared.dropped.fetch_add(1, Ordering::Relaxed);
        } else {
            lines.extend(&line);
        }
    }
}

fn is_pause(kind: io::ErrorKind) -> bool {
    use io::ErrorKind::{ConnectionRefused, Interrupted, TimedOut, WouldBlock};
    // Refused was something that somebody else sent from here.
    matches!(kind, WouldBlock | TimedOut | Interrupted | ConnectionRefused)
}

/// The lines that were received.
struct Received {
    shared: Arc<Shared>,
    lines: Vec<u8>,
    at: usize,
}

impl Input for Received {
    fn read(&mut self, into: &mut [u8]) -> io::Result<Got> {
        if self.at == self.lines.len() {
            self.lines.clear();
            self.at = 0;
            std::mem::swap(&mut self.lines, &mut *lock(&self.shared.lines));
        }
        let left = &self.lines[self.at..];
        let len = left.len().min(into.len());
        into[..len].copy_from_slice(&left[..len]);
        self.at += len;
        Ok(if len == 0 { Got::Nothing } else { Got::Bytes(len) })
    }
}
