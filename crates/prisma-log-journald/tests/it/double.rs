//! A double of systemd-journald's socket that takes nothing which the journal would not.

use std::fs::File;
use std::io::{ErrorKind, IoSliceMut, Read as _};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::sync::mpsc::{Sender, TryRecvError, channel};
use std::time::Duration;

use prisma_log_journald::{JournaldSink, JournaldSinkBuilder};
use rustix::fs::{SealFlags, fcntl_get_seals};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};

/// A place for a socket, and the socket while the journal runs.
pub(crate) struct Double {
    folder: tempfile::TempDir,
    socket: Option<UnixDatagram>,
}

/// What one entry says: names and values in order.
#[derive(Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) fields: Vec<(String, Vec<u8>)>,
    /// Whether it came in a file.
    pub(crate) in_file: bool,
}

impl Entry {
    /// The text of the only field of that name.
    pub(crate) fn text(&self, name: &str) -> &str {
        let mut found = self.fields.iter().filter(|(n, _)| n == name);
        let (_, value) = found.next().unwrap_or_else(|| panic!("no {name} in {self:?}"));
        assert!(found.next().is_none(), "two of {name} in {self:?}");
        std::str::from_utf8(value).unwrap()
    }
}

impl Double {
    pub(crate) fn new() -> Self {
        let mut double = Double { folder: tempfile::tempdir().unwrap(), socket: None };
        double.start();
        double
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    pub(crate) fn start(&mut self) {
        let _absent = std::fs::remove_file(self.path());
        let socket = UnixDatagram::bind(self.path()).unwrap();
        socket.set_nonblocking(true).unwrap();
        self.socket = Some(socket);
    }

    /// Ends the journal; what it was sent is read first. Its socket's name may stay.
    pub(crate) fn stop(&mut self, keep_name: bool) -> Vec<Entry> {
        let entries = self.entries();
        self.socket = None;
        if !keep_name {
            std::fs::remove_file(self.path()).unwrap();
        }
        entries
    }

    pub(crate) fn builder(&self) -> JournaldSinkBuilder {
        JournaldSink::builder()
            .socket(self.path())
            .identifier("shop")
            .patience(Duration::from_millis(20))
    }

    pub(crate) fn sink(&self) -> JournaldSink {
        self.builder().build().unwrap()
    }

    /// All entries that wait.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        let Some(socket) = &self.socket else { return Vec::new() };
        std::iter::from_fn(|| receive(socket)).collect()
    }

    /// Lets a thread take entries as they come.
    pub(crate) fn into_thread(mut self) -> Running {
        let socket = self.socket.take().unwrap();
        socket.set_nonblocking(false).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
        let (ask, asked) = channel::<Sender<Vec<Entry>>>();
        std::thread::spawn(move || {
            let mut entries = Vec::new();
            loop {
                entries.extend(std::iter::from_fn(|| receive(&socket)));
                match asked.try_recv() {
                    // What was sent before the question may have come after the last look.
                    Ok(answer) => {
                        entries.extend(std::iter::from_fn(|| receive(&socket)));
                        answer.send(std::mem::take(&mut entries)).unwrap();
                    }
                    Err(TryRecvError::Empty) => {}
                    Err(TryRecvError::Disconnected) => return,
                }
            }
        });
        Running { folder: self.folder, ask }
    }
}

/// A double that reads all the time.
pub(crate) struct Running {
    folder: tempfile::TempDir,
    ask: Sender<Sender<Vec<Entry>>>,
}

impl Running {
    pub(crate) fn builder(&self) -> JournaldSinkBuilder {
        JournaldSink::builder().socket(self.folder.path().join("socket")).identifier("shop")
    }

    /// What came since it was asked last.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        let (answer, answered) = channel();
        self.ask.send(answer).unwrap();
        answered.recv().unwrap()
    }
}

fn receive(socket: &UnixDatagram) -> Option<Entry> {
    // More than a datagram can have: the sender asks for a buffer of 8 MiB.
    let mut bytes = vec![0; 16 << 20];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let slices = &mut [IoSliceMut::new(&mut bytes)];
    let received = match recvmsg(socket, slices, &mut control, RecvFlags::CMSG_CLOEXEC) {
        Ok(received) => received.bytes,
        Err(errno) => {
            assert_eq!(std::io::Error::from(errno).kind(), ErrorKind::WouldBlock);
            return None;
        }
    };
    let files: Vec<OwnedFd> = control
        .drain()
        .flat_map(|message| match message {
            RecvAncillaryMessage::ScmRights(files) => files.collect::<Vec<_>>(),
            _ => panic!("something else than files"),
        })
        .collect();
    let in_file = !files.is_empty();
    let bytes = if in_file { read_sealed(files, received) } else { bytes[..received].to_vec() };
    Some(Entry { fields: decode(&bytes), in_file })
}

/// As journald does: the datagram with the file is empty, and the file's seals are these four.
fn read_sealed(files: Vec<OwnedFd>, received: usize) -> Vec<u8> {
    assert_eq!((files.len(), received), (1, 0), "files and bytes in one datagram");
    let mut file = File::from(files.into_iter().next().unwrap());
    let all = SealFlags::SEAL | SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE;
    assert_eq!(fcntl_get_seals(&file).unwrap(), all);
    let mut bytes = Vec::new();
    std::io::Seek::rewind(&mut file).unwrap();
    file.read_to_end(&mut bytes).unwrap();
    bytes
}

/// Reads an entry as the protocol's page describes it, and refuses what the journal would leave out
/// in silence.
fn decode(mut rest: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut fields = Vec::new();
    while !rest.is_empty() {
        let end = rest.iter().position(|&b| b == b'\n').expect("the last field should be ended");
        let line = &rest[..end];
        assert!(!line.is_empty(), "a second entry in one datagram");
        let (name, value, used) = match line.iter().position(|&b| b == b'=') {
            Some(equals) => (&line[..equals], &line[equals + 1..], end + 1),
            None => {
                let length = rest[end + 1..].first_chunk().expect("a length of eight bytes");
                let start = end + 9;
                let stop = start + usize::try_from(u64::from_le_bytes(*length)).unwrap();
                assert_eq!(rest.get(stop), Some(&b'\n'), "a line end after the value");
                (line, &rest[start..stop], stop + 1)
            }
        };
        let name = std::str::from_utf8(name).unwrap();
        let valid = name.bytes().all(|b| matches!(b, b'A'..=b'Z' | b'0'..=b'9' | b'_'))
            && name.starts_with(|c: char| c.is_ascii_uppercase())
            && name.len() <= 64;
        assert!(valid, "invalid name {name:?}");
        fields.push((name.to_owned(), value.to_owned()));
        rest = &rest[used..];
    }
    assert!(fields.len() <= 1024, "{} fields", fields.len());
    let mut names: Vec<&String> = fields.iter().map(|(name, _)| name).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), fields.len(), "a name is there twice");
    fields
}
