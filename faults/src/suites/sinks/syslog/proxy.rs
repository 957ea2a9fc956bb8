//! A proxy that breaks connections in their middle, and loses nothing of its own.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd as _;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::records::Random;

/// How much a socket takes before it is read: little, so that the kernel acknowledges messages in
/// parts.
const RECEIVE_BYTES: i32 = 4096;

/// What connections are to go through: so many resets, each after this many bytes at most.
#[derive(Clone, Copy)]
pub(super) struct Plan {
    pub(super) resets: u64,
    pub(super) most_bytes: u64,
}

impl Plan {
    /// After how many bytes the connection of this number is reset, if it is.
    fn limit(self, connection: u64, resets: u64) -> Option<u64> {
        let random = Random(connection).below(self.most_bytes as usize) as u64;
        (resets < self.resets).then_some(1 + random)
    }
}

#[derive(Default)]
pub(super) struct Counts {
    /// Connections that were reset.
    pub(super) resets: AtomicU64,
    /// Those of them that were reset within a message, as far as the proxy can read them.
    pub(super) within: AtomicU64,
    /// The first bytes of each connection, as they came from the client.
    pub(super) begun: Mutex<Vec<Vec<u8>>>,
}

pub(super) struct Proxy {
    pub(super) address: SocketAddr,
    pub(super) counts: Arc<Counts>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Proxy {
    /// Forwards to the port on loopback.
    pub(super) fn start(port: u16, plan: Plan) -> Result<Self, String> {
        let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| error.to_string())?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        // Accepted sockets have it from the one that listens.
        set(listener.as_raw_fd(), libc::SO_RCVBUF, &RECEIVE_BYTES)?;
        let (counts, stop) = (Arc::new(Counts::default()), Arc::new(AtomicBool::new(false)));
        let (counted, stopping) = (Arc::clone(&counts), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            for (connection, client) in (0..).zip(listener.incoming().map_while(Result::ok)) {
                if stopping.load(Ordering::Relaxed) {
                    return;
                }
                let Ok(server) = TcpStream::connect(("127.0.0.1", port)) else { continue };
                let limit = plan.limit(connection, counted.resets.load(Ordering::Relaxed));
                let counts = Arc::clone(&counted);
                std::thread::spawn(move || forward(client, server, limit, &counts));
            }
        });
        Ok(Proxy { address, counts, stop, thread: Some(thread) })
    }

    pub(super) fn resets(&self) -> u64 {
        self.counts.resets.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _woken = TcpStream::connect(self.address);
        drop(self.thread.take().map(JoinHandle::join));
    }
}

/// One connection.
fn forward(client: TcpStream, server: TcpStream, limit: Option<u64>, counts: &Counts) {
    let (Ok(mut to_client), Ok(mut from_server)) = (client.try_clone(), server.try_clone()) else {
        return;
    };
    let back = std::thread::spawn(move || {
        let _broken = std::io::copy(&mut from_server, &mut to_client);
        let _closed = to_client.shutdown(Shutdown::Write);
    });
    let mut frames = Frames::default();
    let mut begun = Vec::new();
    let mut forwarded = 0;
    let (mut client, mut server) = (client, server);
    let mut bytes = [0; 64 * 1024];
    let mut pass = |client: &mut TcpStream, most: usize| -> std::io::Result<u64> {
        let length = client.read(&mut bytes[..most])?;
        server.write_all(&bytes[..length])?;
        frames.take(&bytes[..length]);
        let wanted = 64 * 1024 - begun.len().min(64 * 1024);
        begun.extend_from_slice(&bytes[..length.min(wanted)]);
        Ok(length as u64)
    };
    let reset = loop {
        let left = limit.map_or(u64::MAX, |limit| limit - forwarded);
        if left == 0 {
            break true;
        }
        match pass(&mut client, usize::try_from(left).unwrap_or(usize::MAX).min(64 * 1024)) {
            Ok(0) | Err(_) => break false,
            Ok(length) => forwarded += length,
        }
    };
    if reset && deafen(&client).is_ok() && client.set_nonblocking(true).is_ok() {
        // From here on the kernel acknowledges nothing more. What it has acknowledged goes on to the
        // server, so that it is this connection alone that loses what is lost.
        let until = Instant::now() + Duration::from_secs(10);
        while Instant::now() < until {
            match pass(&mut client, 64 * 1024) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        // A socket that does not linger is reset when it is closed.
        let linger = libc::linger { l_onoff: 1, l_linger: 0 };
        let _known = set(client.as_raw_fd(), libc::SO_LINGER, &linger);
        counts.resets.fetch_add(1, Ordering::Relaxed);
        counts.within.fetch_add(u64::from(frames.is_within()), Ordering::Relaxed);
    }
    counts.begun.lock().unwrap_or_else(PoisonError::into_inner).push(begun);
    let _closed = server.shutdown(Shutdown::Write);
    if reset {
        // The thread on the way back holds the client's socket as well.
        let _closed = server.shutdown(Shutdown::Both);
    }
    let _ended = back.join();
}

/// Where in a stream with octet counting one is.
#[derive(Default)]
struct Frames {
    /// Digits of a length so far.
    digits: Vec<u8>,
    /// Bytes of a message that are missing.
    missing: usize,
    /// It is no such stream: encrypted.
    unknown: bool,
}

impl Frames {
    fn take(&mut self, mut bytes: &[u8]) {
        while !self.unknown && !bytes.is_empty() {
            if self.missing > 0 {
                let taken = self.missing.min(bytes.len());
                self.missing -= taken;
                bytes = &bytes[taken..];
                continue;
            }
            match bytes[0] {
                b' ' => {
                    let digits = str::from_utf8(&self.digits).unwrap_or_default();
                    self.missing = digits.parse().unwrap_or(0);
                    self.unknown = self.missing == 0;
                    self.digits.clear();
                }
                digit if digit.is_ascii_digit() => self.digits.push(digit),
                _ => self.unknown = true,
            }
            bytes = &bytes[1..];
        }
    }

    fn is_within(&self) -> bool {
        !self.unknown && (self.missing > 0 || !self.digits.is_empty())
    }
}

/// Has the kernel drop whatever comes for this socket from here on, as if it never arrived.
pub(super) fn deafen(socket: &TcpStream) -> Result<(), String> {
    // BPF_RET | BPF_K: nothing of any packet is to be kept.
    let mut program = [libc::sock_filter { code: 6, jt: 0, jf: 0, k: 0 }];
    let program = libc::sock_fprog { len: 1, filter: program.as_mut_ptr() };
    set(socket.as_raw_fd(), libc::SO_ATTACH_FILTER, &program)
}

/// Sets an option of a socket.
fn set<T>(socket: i32, option: i32, value: &T) -> Result<(), String> {
    let length = size_of::<T>() as libc::socklen_t;
    // SAFETY: the kernel reads `length` bytes at the address, which belong to `value` and live across
    // the call; those of a `sock_fprog` name a program that does so too.
    let done = unsafe {
        libc::setsockopt(socket, libc::SOL_SOCKET, option, std::ptr::from_ref(value).cast(), length)
    };
    if done == 0 { Ok(()) } else { Err(std::io::Error::last_os_error().to_string()) }
}
