//! The way to the journal: one datagram an entry, or a sealed file for a large one.

use std::io::{self, IoSlice, Write as _};
use std::mem::MaybeUninit;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::Duration;

use prisma_log_core::Error;
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
use rustix::io::Errno;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, send, sendmsg, sockopt};

/// What the journal's own library asks for; the kernel gives as much of it as it allows.
const SEND_BUFFER_BYTES: usize = 8 * 1024 * 1024;

/// A connection that is made when it is needed, and made again when the journal was restarted.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    patience: Duration,
    socket: Option<UnixDatagram>,
    /// The journal did not take anything for as long as we wait; nobody waits for it again until it
    /// does.
    stuck: bool,
}

/// Why an entry was not sent.
#[derive(Debug)]
pub(crate) struct Unsent {
    pub(crate) error: Error,
    /// Whether the same entry may be sent later.
    pub(crate) passes: bool,
}

impl Journal {
    pub(crate) fn new(path: PathBuf, patience: Duration) -> Self {
        Journal { path, patience, socket: None, stuck: false }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Lets go of the connection; the next entry makes another.
    pub(crate) fn disconnect(&mut self) {
        self.socket = None;
    }

    /// Makes a new connection; when that is not possible, the one there is stays.
    pub(crate) fn connect(&mut self) -> Result<(), Error> {
        match connect(&self.path, self.patience) {
            Ok(socket) => self.socket = Some(socket),
            Err(error) => return Err(self.connect_error(error)),
        }
        self.stuck = false;
        Ok(())
    }

    fn connected(&mut self) -> io::Result<&UnixDatagram> {
        let socket = match self.socket.take() {
            Some(socket) => socket,
            None => connect(&self.path, self.patience)?,
        };
        Ok(self.socket.insert(socket))
    }

    /// Sends one entry.
    pub(crate) fn send(&mut self, entry: &[u8]) -> Result<(), Unsent> {
        let sent = match self.send_once(entry) {
            // The journal went, and may be back already: under the same name, at another socket.
            Err(Failure::Socket(error)) if is_gone(&error) => {
                self.socket = None;
                self.send_once(entry)
            }
            sent => sent,
        };
        let failure = match sent {
            Ok(()) => {
                self.stuck = false;
                return Ok(());
            }
            Err(failure) => failure,
        };
        match failure {
            Failure::Connect(error) => {
                Err(Unsent { error: self.connect_error(error), passes: true })
            }
            Failure::Socket(error) => {
                self.stuck |= error.kind() == io::ErrorKind::WouldBlock;
                if is_gone(&error) {
                    self.socket = None;
                }
                let doing = format!("cannot send to the journal at {}", self.path.display());
                Err(Unsent { error: Error::io(doing, error), passes: true })
            }
            Failure::Memory(errno) => {
                // What a limit or a lack forbids passes; what the kernel or a filter of system calls
                // forbids does not.
                let passes =
                    matches!(errno, Errno::MFILE | Errno::NFILE | Errno::NOMEM | Errno::NOSPC);
                let doing =
                    format!("cannot put an entry of {} bytes into a memory file", entry.len());
                Err(Unsent { error: Error::io(doing, errno.into()), passes })
            }
        }
    }

    fn send_once(&mut self, entry: &[u8]) -> Result<(), Failure> {
        let wait = if self.stuck { SendFlags::DONTWAIT } else { SendFlags::empty() };
        let socket = self.connected().map_err(Failure::Connect)?;
        loop {
            return match send(socket, entry, wait | SendFlags::NOSIGNAL) {
                Ok(_) => Ok(()),
                Err(Errno::INTR) => continue,
                // Too large for a datagram, or for the memory that is left for one.
                Err(Errno::MSGSIZE | Errno::NOBUFS) => send_file(socket, entry, wait),
                Err(errno) => Err(Failure::Socket(errno.into())),
            };
        }
    }

    fn connect_error(&self, error: io::Error) -> Error {
        let absent = error.kind() == io::ErrorKind::NotFound;
        let error = Error::io_at("connect to the journal at", &self.path, error);
        if absent { error.with_hint("is systemd-journald running here?") } else { error }
    }
}

/// Where sending failed.
enum Failure {
    Connect(io::Error),
    Socket(io::Error),
    Memory(Errno),
}

fn connect(path: &Path, patience: Duration) -> io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    socket.set_write_timeout(Some(patience))?;
    // The system's own limit is enough to go on with.
    let _limited = sockopt::set_socket_send_buffer_size(&socket, SEND_BUFFER_BYTES);
    socket.connect(path)?;
    Ok(socket)
}

/// Whether nobody is at the socket's other end any more.
fn is_gone(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionRefused, ConnectionReset, NotConnected};
    matches!(error.kind(), ConnectionRefused | ConnectionReset | NotConnected | BrokenPipe)
}

/// Passes an entry on as a file in memory that nobody can change any more, which is what the journal
/// demands of unprivileged senders.
fn send_file(socket: &UnixDatagram, entry: &[u8], wait: SendFlags) -> Result<(), Failure> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let file = memfd_create("journal-entry", flags).map_err(Failure::Memory)?;
    let mut file = std::fs::File::from(file);
    file.write_all(entry)
        .map_err(|error| Failure::Memory(Errno::from_io_error(&error).unwrap_or(Errno::NOSPC)))?;
    // All four and no other: journals up to version 253 compare for equality.
    let seals = SealFlags::SEAL | SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE;
    fcntl_add_seals(&file, seals).map_err(Failure::Memory)?;
    let files = [file.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !control.push(SendAncillaryMessage::ScmRights(&files)) {
        return Err(Failure::Memory(Errno::NOBUFS));
    }
    loop {
        return match sendmsg(
            socket,
            &[] as &[IoSlice<'_>],
            &mut control,
            wait | SendFlags::NOSIGNAL,
        ) {
            Ok(_) => Ok(()),
            Err(Errno::INTR) => continue,
            Err(errno) => Err(Failure::Socket(errno.into())),
        };
    }
}
