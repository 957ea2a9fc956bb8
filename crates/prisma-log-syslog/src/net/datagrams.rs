//! Messages as datagrams: one each, and mostly nobody to say that it arrived.

use std::io::{self, ErrorKind};
use std::net::UdpSocket;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

use prisma_log_core::{BatchError, Error, Record};
use rustix::event::PollFlags;

use super::back_off::BackOff;
use super::background::Background;
use super::wait::wait;
use crate::SyslogStats;
use crate::builder::LEAST_MESSAGE;
use crate::form::Form;

/// How long a write waits for the address of a host that no attempt has failed for.
const OPEN_PATIENCE: Duration = Duration::from_secs(1);
/// When to look again at a socket that is being opened.
const SOON: Duration = Duration::from_millis(50);
/// How long the other machine may take to say that nobody listens, where that is waited for.
const REFUSAL_PATIENCE: Duration = Duration::from_millis(20);
/// How long to wait when the kernel has no memory for a datagram.
const MEMORY_PAUSE: Duration = Duration::from_millis(1);

pub(crate) enum Socket {
    Udp(UdpSocket),
    Unix(UnixDatagram),
}

impl Socket {
    fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Socket::Udp(socket) => socket.send(bytes),
            Socket::Unix(socket) => socket.send(bytes),
        }
    }

    fn fd(&self) -> BorrowedFd<'_> {
        match self {
            Socket::Udp(socket) => socket.as_fd(),
            Socket::Unix(socket) => socket.as_fd(),
        }
    }

    /// An error that came back for something sent earlier.
    fn take_error(&self) -> Option<io::Error> {
        match self {
            Socket::Udp(socket) => socket.take_error().ok().flatten(),
            Socket::Unix(socket) => socket.take_error().ok().flatten(),
        }
    }

    fn is_udp(&self) -> bool {
        matches!(self, Socket::Udp(_))
    }
}

pub(crate) struct Datagrams {
    /// What it is called in errors: `udp logs.example.com:514`.
    pub(crate) name: String,
    pub(crate) max_message: usize,
    pub(crate) write_timeout: Duration,
    opening: Background<Socket>,
    socket: Option<Socket>,
    /// Whether it is not known yet that somebody listens.
    doubtful: bool,
    back_off: BackOff,
    trouble: String,
    stats: SyslogStats,
    message: Vec<u8>,
}

/// Why a record was not taken.
struct Stop {
    error: Error,
    /// When it may be tried again, if ever.
    wait: Option<Duration>,
}

impl Datagrams {
    pub(crate) fn new(
        name: String,
        max_message: usize,
        write_timeout: Duration,
        opening: Background<Socket>,
        stats: SyslogStats,
    ) -> Self {
        Datagrams {
            name,
            max_message,
            write_timeout,
            opening,
            socket: None,
            doubtful: true,
            back_off: BackOff::new(),
            trouble: String::new(),
            stats,
            message: Vec::new(),
        }
    }

    pub(crate) fn write(
        &mut self,
        batch: &[Record<'_>],
        form: &mut Form,
    ) -> Result<(), BatchError> {
        let deadline = Instant::now() + self.write_timeout;
        for (delivered, record) in batch.iter().enumerate() {
            let sent = self.write_one(record, form, deadline);
            sent.map_err(|stop| match stop.wait {
                Some(wait) => BatchError::new(delivered, stop.error).retry_after(wait),
                None => BatchError::new(delivered, stop.error),
            })?;
        }
        Ok(())
    }

    /// Sends one record, shorter than it was if the way is too narrow.
    fn write_one(
        &mut self,
        record: &Record<'_>,
        form: &mut Form,
        deadline: Instant,
    ) -> Result<(), Stop> {
        let mut max = self.max_message;
        loop {
            self.message.clear();
            let cut = form.encode(record, max, &mut self.message);
            match self.deliver(deadline) {
                Ok(()) => {
                    self.stats.add_sent(1);
                    self.stats.add_cut(usize::from(cut));
                    return Ok(());
                }
                Err(stop) if stop.wait.is_none() && self.message.len() / 2 >= LEAST_MESSAGE => {
                    max = self.message.len() / 2;
                }
                Err(stop) => return Err(stop),
            }
        }
    }

    fn deliver(&mut self, deadline: Instant) -> Result<(), Stop> {
        // A socket that broke is opened anew at once, but not for ever.
        for last in [false, true] {
            self.open()?;
            let Some(socket) = &self.socket else { break };
            let sent = send(socket, &self.message, deadline).and_then(|()| {
                if self.doubtful {
                    answer(socket)?;
                }
                Ok(())
            });
            let error = match sent {
                Ok(()) => {
                    self.doubtful = false;
                    self.back_off.succeeded();
                    self.stats.add_unconfirmed(usize::from(socket.is_udp()));
                    return Ok(());
                }
                Err(error) => error,
            };
            if error.raw_os_error() == Some(rustix::io::Errno::MSGSIZE.raw_os_error()) {
                let length = self.message.len();
                let error =
                    Error::io(format!("cannot send {length} bytes to {}", self.name), error);
                return Err(Stop { error, wait: None });
            }
            if error.kind() == ErrorKind::TimedOut {
                let error = Error::io(format!("{} takes nothing", self.name), error);
                return Err(Stop { error, wait: Some(SOON) });
            }
            let refused = socket.is_udp() && error.kind() == ErrorKind::ConnectionRefused;
            self.stats.add_refused(usize::from(refused && !self.doubtful));
            self.doubtful = true;
            // An answer is about an earlier datagram; the socket is as good as before.
            if !refused {
                self.socket = None;
            }
            if last || self.back_off.failures() > 0 {
                return Err(self.failed(error));
            }
        }
        Err(Stop { error: Error::state(format!("no socket for {}", self.name)), wait: Some(SOON) })
    }

    fn failed(&mut self, error: io::Error) -> Stop {
        let wait = self.back_off.failed(Instant::now());
        self.trouble = error.to_string();
        Stop { error: Error::io(format!("cannot send to {}", self.name), error), wait: Some(wait) }
    }

    fn open(&mut self) -> Result<(), Stop> {
        let left = self.back_off.left(Instant::now());
        if !left.is_zero() {
            let error = format!("cannot send to {}: {}", self.name, self.trouble);
            return Err(Stop { error: Error::state(error), wait: Some(left) });
        }
        if self.socket.is_some() {
            return Ok(());
        }
        let patience = if self.back_off.failures() == 0 { OPEN_PATIENCE } else { Duration::ZERO };
        match self.opening.get(patience) {
            None => {
                let error = Error::state(format!("no socket for {} yet", self.name));
                Err(Stop { error, wait: Some(SOON) })
            }
            Some(Err(error)) => {
                let wait = self.back_off.failed(Instant::now());
                self.trouble = error.to_string();
                let context = Error::state(format!("cannot send to {}", self.name));
                Err(Stop { error: context.with_source(error), wait: Some(wait) })
            }
            Some(Ok(socket)) => {
                self.socket = Some(socket);
                self.doubtful = true;
                self.stats.add_connections(1);
                Ok(())
            }
        }
    }

    /// # Errors
    /// When the other machine said that nobody listened when the last datagrams came.
    pub(crate) fn flush(&mut self) -> Result<(), Error> {
        let Some(error) = self.socket.as_ref().and_then(Socket::take_error) else { return Ok(()) };
        self.stats.add_refused(1);
        self.doubtful = true;
        Err(Error::io(format!("datagrams to {} were lost", self.name), error))
    }

    /// The next record opens another socket.
    pub(crate) fn reopen(&mut self) {
        self.socket = None;
        self.opening.forget();
        self.back_off.succeeded();
    }

    pub(crate) fn after_fork(&mut self) {
        self.reopen();
        self.back_off.part();
    }
}

/// Sends a datagram; waits for room until the deadline.
fn send(socket: &Socket, message: &[u8], deadline: Instant) -> io::Result<()> {
    loop {
        let error = match socket.send(message) {
            Ok(_) => return Ok(()),
            Err(error) => error,
        };
        let left = deadline.saturating_duration_since(Instant::now());
        let no_memory = error.raw_os_error() == Some(rustix::io::Errno::NOBUFS.raw_os_error());
        match error.kind() {
            ErrorKind::Interrupted => {}
            _ if no_memory && !left.is_zero() => std::thread::sleep(MEMORY_PAUSE.min(left)),
            ErrorKind::WouldBlock if !left.is_zero() => {
                wait(socket.fd(), PollFlags::OUT, left);
            }
            ErrorKind::WouldBlock => return Err(ErrorKind::TimedOut.into()),
            _ if no_memory => return Err(ErrorKind::TimedOut.into()),
            _ => return Err(error),
        }
    }
}

/// Waits a moment for the answer that nobody listens.
///
/// # Errors
/// That answer.
fn answer(socket: &Socket) -> io::Result<()> {
    if !socket.is_udp() {
        return Ok(());
    }
    wait(socket.fd(), PollFlags::empty(), REFUSAL_PATIENCE);
    socket.take_error().map_or(Ok(()), Err)
}
