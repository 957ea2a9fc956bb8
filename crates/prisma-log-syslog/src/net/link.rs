//! One connection: bytes go in, and it is known how many of them the other end has.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use prisma_log_core::Error;
use rustix::event::PollFlags;

use super::outq::unacknowledged;
use super::wait::wait;

/// Most bytes of frames that are turned into bytes for the kernel at once. Over TLS, these go into
/// one record of the protocol, which holds no more.
pub(crate) const PIECE: usize = 16 * 1024;

/// How long the end of a connection may take.
const CLOSE_PATIENCE: Duration = Duration::from_secs(1);
/// Longest time between two looks at a handshake.
const HANDSHAKE_PAUSE: Duration = Duration::from_millis(20);
/// Most bytes that are read at a time; a syslog server has nothing to say.
const READ_BYTES: usize = 4096;

pub(crate) enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Read for Socket {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Socket::Tcp(stream) => stream.read(bytes),
            Socket::Unix(stream) => stream.read(bytes),
        }
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Socket::Tcp(stream) => stream.write(bytes),
            Socket::Unix(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// How a connection ended.
#[derive(Debug)]
pub(crate) enum End {
    /// The other end closed it in good order; over TLS it said so.
    Closed,
    /// It broke, or was closed with data unread, or without a word over TLS.
    Broken(io::Error),
}

/// What encrypts a connection.
pub(crate) trait Session: Send {
    /// Appends the frames, encrypted, and what is to be sent before them.
    fn encrypt(&mut self, frames: &[u8], out: &mut Vec<u8>) -> io::Result<()>;

    /// Appends what the protocol itself has to say.
    fn pending(&mut self, out: &mut Vec<u8>);

    /// Reads and forgets what the other end says; `false` at the end.
    fn read(&mut self, socket: &mut Socket) -> io::Result<bool>;

    /// Whether frames may be sent.
    fn is_ready(&mut self, now: Instant) -> bool;

    /// Whether the other end said that it was going to close.
    fn was_closed(&self) -> bool;

    /// Appends that nothing more will come.
    fn say_goodbye(&mut self, out: &mut Vec<u8>);
}

/// What makes connections encrypted ones.
pub(crate) trait Secure: fmt::Debug + Send + Sync {
    /// # Errors
    /// When it can't be done with any server, because a setting is wrong or a file can't be used.
    fn check(&self, host: &str) -> Result<(), Error>;

    /// Agrees with the other end on a session, within this time.
    ///
    /// # Errors
    /// When they don't. Nothing but the handshake was sent then.
    fn secure(&self, host: &str, link: &mut Link, patience: Duration) -> Result<(), Error>;
}

pub(crate) struct Link {
    socket: Socket,
    session: Option<Box<dyn Session>>,
    /// Bytes for the kernel, of which the first `gone` are with it.
    out: Vec<u8>,
    gone: usize,
    /// How many bytes are with the kernel, the TLS handshake's included.
    written: u64,
    /// How many bytes the other end has.
    acknowledged: u64,
    /// How many bytes of frames were fed.
    fed: u64,
    /// For each piece fed and not yet known to be there: `written` when all of it is with the
    /// kernel, and `fed` with it.
    pieces: VecDeque<(u64, u64)>,
    /// How many bytes of frames the kernel has, and how many the other end.
    taken: u64,
    there: u64,
    end: Option<End>,
    /// The process that it belongs to.
    process: u32,
}

/// Whether the kernel took everything.
#[derive(Debug, PartialEq)]
pub(crate) enum Progress {
    All,
    /// Not before the deadline.
    Slow,
    /// The connection ended.
    Ended,
}

impl Link {
    /// # Errors
    /// When the socket can't be made non-blocking.
    pub(crate) fn new(socket: Socket) -> io::Result<Self> {
        match &socket {
            Socket::Tcp(stream) => stream.set_nonblocking(true)?,
            Socket::Unix(stream) => stream.set_nonblocking(true)?,
        }
        Ok(Link {
            socket,
            session: None,
            out: Vec::new(),
            gone: 0,
            written: 0,
            acknowledged: 0,
            fed: 0,
            pieces: VecDeque::new(),
            taken: 0,
            there: 0,
            end: None,
            process: std::process::id(),
        })
    }

    /// Encrypts from here on, once both ends agree.
    ///
    /// # Errors
    /// When they don't, or not within this time. Nothing but the handshake was sent then.
    #[cfg_attr(not(feature = "tls"), expect(dead_code, reason = "only TLS encrypts"))]
    pub(crate) fn encrypt(
        &mut self,
        session: Box<dyn Session>,
        patience: Duration,
    ) -> Result<(), Error> {
        let deadline = Instant::now() + patience;
        self.session = Some(session);
        loop {
            self.read();
            let _slow = self.push(deadline);
            match self.end.take() {
                Some(End::Broken(error)) => return Err(Error::io("TLS handshake failed", error)),
                Some(End::Closed) => {
                    let error = "the server closed the connection in the TLS handshake";
                    return Err(Error::state(error));
                }
                None => {}
            }
            let now = Instant::now();
            if self.is_idle() && self.session.as_mut().is_none_or(|session| session.is_ready(now)) {
                return Ok(());
            }
            let left = deadline.saturating_duration_since(now);
            if left.is_zero() {
                return Err(Error::state(format!("TLS handshake not done within {patience:?}")));
            }
            wait(self.fd(), PollFlags::IN, left.min(HANDSHAKE_PAUSE));
        }
    }

    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        match &self.socket {
            Socket::Tcp(stream) => stream.as_fd(),
            Socket::Unix(stream) => stream.as_fd(),
        }
    }

    /// Whether everything that was fed is with the kernel.
    pub(crate) fn is_idle(&self) -> bool {
        self.gone == self.out.len()
    }

    /// How many bytes of frames the kernel has.
    pub(crate) fn taken(&self) -> u64 {
        self.taken
    }

    /// Whether the connection ended.
    pub(crate) fn has_ended(&self) -> bool {
        self.end.is_some()
    }

    /// How the connection ended, if it did.
    pub(crate) fn take_end(&mut self) -> Option<End> {
        self.end.take()
    }

    /// Takes frames for the kernel; only while the link is idle, and at most [`PIECE`] bytes, unless
    /// it is one frame.
    pub(crate) fn feed(&mut self, frames: &[u8]) {
        self.out.clear();
        self.gone = 0;
        if let Some(session) = &mut self.session {
            for piece in frames.chunks(PIECE) {
                if let Err(error) = session.encrypt(piece, &mut self.out) {
                    self.end = Some(End::Broken(error));
                }
            }
            self.fed += frames.len() as u64;
            self.pieces.push_back((self.written + self.out.len() as u64, self.fed));
            return;
        }
        self.out.extend_from_slice(frames);
        self.fed += frames.len() as u64;
    }

    /// Hands the kernel what it takes before the deadline.
    pub(crate) fn push(&mut self, deadline: Instant) -> Progress {
        loop {
            if self.end.is_some() {
                return Progress::Ended;
            }
            if self.is_idle() {
                self.out.clear();
                self.gone = 0;
            }
            if let Some(session) = &mut self.session {
                session.pending(&mut self.out);
            }
            if self.is_idle() {
                return Progress::All;
            }
            match self.socket.write(&self.out[self.gone..]) {
                Ok(count) => {
                    self.gone += count;
                    self.written += count as u64;
                    self.note_taken();
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return Progress::Slow;
                    }
                    wait(self.fd(), PollFlags::IN | PollFlags::OUT, left);
                    // What comes in may be the end.
                    self.read();
                }
                Err(error) => self.end = Some(End::Broken(error)),
            }
        }
    }

    fn note_taken(&mut self) {
        if self.session.is_none() {
            self.taken = self.written;
            return;
        }
        let whole = self.pieces.partition_point(|&(written, _)| written <= self.written);
        if let Some(last) = whole.checked_sub(1) {
            self.taken = self.pieces[last].1;
        }
    }

    /// Reads what the other end says, and forgets it: what counts is whether the connection ended.
    pub(crate) fn read(&mut self) {
        // A server that never stops talking must not keep us.
        for _ in 0..64 {
            if self.end.is_some() {
                return;
            }
            match self.read_once() {
                Ok(true) => {}
                Ok(false) => {
                    self.end = Some(if self.ended_in_order() {
                        End::Closed
                    } else {
                        End::Broken(ErrorKind::UnexpectedEof.into())
                    });
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) => self.end = Some(End::Broken(error)),
            }
        }
    }

    /// Reads some bytes; `false` at the end.
    fn read_once(&mut self) -> io::Result<bool> {
        if let Some(session) = &mut self.session {
            return session.read(&mut self.socket);
        }
        let mut unread = [0; READ_BYTES];
        Ok(self.socket.read(&mut unread)? > 0)
    }

    /// Whether the end of the stream is one that nobody in between can have made up.
    fn ended_in_order(&self) -> bool {
        if let Some(session) = &self.session {
            return session.was_closed();
        }
        true
    }

    /// How many bytes of frames the other end has; asks the kernel.
    pub(crate) fn there(&mut self) -> u64 {
        let acknowledged = match (&self.socket, unacknowledged(self.fd())) {
            // Nobody tells: the kernel is trusted.
            (_, None) => self.written,
            (Socket::Tcp(_), Some(missing)) => self.written.saturating_sub(missing),
            // What is counted is memory; only 0 says something. When the other end is gone, what it
            // had not read was freed as well: so it is looked at afterwards.
            (Socket::Unix(_), Some(0)) if self.is_up() => self.written,
            (Socket::Unix(_), Some(_)) => self.acknowledged,
        };
        self.acknowledged = self.acknowledged.max(acknowledged);
        if self.session.is_none() {
            self.there = self.acknowledged;
            return self.there;
        }
        while let Some(&(written, fed)) = self.pieces.front()
            && written <= self.acknowledged
        {
            self.there = fed;
            self.pieces.pop_front();
        }
        self.there
    }

    /// Whether the other end is still there.
    fn is_up(&self) -> bool {
        let gone = PollFlags::HUP | PollFlags::RDHUP | PollFlags::ERR;
        self.end.is_none() && !wait(self.fd(), PollFlags::RDHUP, Duration::ZERO).intersects(gone)
    }

    /// Ends the connection in good order, for a bounded time: half a frame is finished, the server
    /// is told, and what is on its way arrives.
    fn close(&mut self) {
        let deadline = Instant::now() + CLOSE_PATIENCE;
        if self.push(deadline) != Progress::All {
            return;
        }
        if let Some(session) = &mut self.session {
            session.say_goodbye(&mut self.out);
        }
        let _told = self.push(deadline);
        let _shut = match &self.socket {
            Socket::Tcp(stream) => stream.shutdown(std::net::Shutdown::Write),
            Socket::Unix(stream) => stream.shutdown(std::net::Shutdown::Write),
        };
        // A socket that is closed with something unread resets the connection, and the server may
        // lose what it has not read yet.
        while self.end.is_none() && !deadline.saturating_duration_since(Instant::now()).is_zero() {
            self.read();
            if self.end.is_none() && unacknowledged(self.fd()).is_none_or(|missing| missing == 0) {
                break;
            }
            wait(self.fd(), PollFlags::IN, Duration::from_millis(2));
        }
    }

    /// Lets go of the connection without a word: another process has it as well.
    pub(crate) fn abandon(mut self) {
        self.process = 0;
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        if self.end.is_none() && self.process == std::process::id() {
            self.close();
        }
    }
}

#[cfg(test)]
mod tests;
