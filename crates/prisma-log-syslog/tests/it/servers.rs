//! Doubles of servers: they keep what they read, byte for byte.

use std::io::{ErrorKind, Read};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use prisma_log_core::Sink;

use crate::parser::counted;
use crate::support::write_all;

/// One end of a connection, or what stands for it.
pub(crate) trait Source: Read + Send {}
impl<T: Read + Send> Source for T {}

/// What a server listens on.
pub(crate) trait Listen: Send {
    /// Another connection, if one came.
    fn accept(&mut self) -> Option<Box<dyn Source>>;
}

impl Listen for TcpListener {
    fn accept(&mut self) -> Option<Box<dyn Source>> {
        let (stream, _) = TcpListener::accept(self).ok()?;
        stream.set_nonblocking(true).unwrap();
        Some(Box::new(stream))
    }
}

impl Listen for UnixListener {
    fn accept(&mut self) -> Option<Box<dyn Source>> {
        let (stream, _) = UnixListener::accept(self).ok()?;
        stream.set_nonblocking(true).unwrap();
        Some(Box::new(stream))
    }
}

/// A connection as the server knows it.
#[derive(Default)]
struct Connection {
    source: Option<Box<dyn Source>>,
    bytes: Vec<u8>,
    /// How it ended, if it did: in good order or not.
    ended: Option<bool>,
    /// When so many bytes were read, it is dropped, whatever is unread.
    drop_after: Option<usize>,
}

struct State {
    listener: Box<dyn Listen>,
    connections: Vec<Connection>,
    /// After how many bytes each of the next connections is dropped.
    plan: Vec<usize>,
    reading: bool,
}

impl State {
    /// Takes what there is; says whether there was anything.
    fn pump(&mut self) -> bool {
        let mut something = false;
        if !self.reading {
            return false;
        }
        while let Some(source) = self.listener.accept() {
            let drop_after = (!self.plan.is_empty()).then(|| self.plan.remove(0));
            self.connections.push(Connection {
                source: Some(source),
                drop_after,
                ..Connection::default()
            });
            something = true;
        }
        for connection in &mut self.connections {
            something |= connection.pump();
        }
        something
    }
}

impl Connection {
    fn pump(&mut self) -> bool {
        let mut something = false;
        let mut piece = vec![0; 64 * 1024];
        while let Some(source) = &mut self.source {
            let most = self.drop_after.map_or(piece.len(), |after| after - self.bytes.len());
            match source.read(&mut piece[..most.min(64 * 1024)]) {
                Ok(0) => (self.source, self.ended) = (None, Some(true)),
                Ok(length) => {
                    self.bytes.extend_from_slice(&piece[..length]);
                    if self.drop_after == Some(self.bytes.len()) {
                        self.source = None;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(_) => (self.source, self.ended) = (None, Some(false)),
            }
            something = true;
        }
        something
    }
}

/// A server that a thread of its own serves.
pub(crate) struct Server {
    state: Arc<Mutex<State>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(crate) fn new(listener: impl Listen + 'static) -> Self {
        Server::planned(listener, vec![])
    }

    /// Drops each of the first connections after so many bytes.
    pub(crate) fn planned(listener: impl Listen + 'static, plan: Vec<usize>) -> Self {
        let listener = Box::new(listener);
        let state = State { listener, connections: vec![], plan, reading: true };
        let state = Arc::new(Mutex::new(state));
        let stop = Arc::new(AtomicBool::new(false));
        let (shared, stopping) = (Arc::clone(&state), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            while !stopping.load(Ordering::Relaxed) {
                if !shared.lock().unwrap().pump() {
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
        });
        Server { state, stop, thread: Some(thread) }
    }

    pub(crate) fn tcp() -> (Self, SocketAddr) {
        let listener = listen(None);
        let address = listener.local_addr().unwrap();
        (Server::new(listener), address)
    }

    pub(crate) fn unix(path: &Path) -> Self {
        let listener = UnixListener::bind(path).unwrap();
        listener.set_nonblocking(true).unwrap();
        Server::new(listener)
    }

    /// Whether it accepts and reads.
    pub(crate) fn set_reading(&self, reading: bool) {
        self.state.lock().unwrap().reading = reading;
    }

    /// What each connection brought so far. All that the kernel acknowledged is in it.
    pub(crate) fn connections(&self) -> Vec<Vec<u8>> {
        let mut state = self.state.lock().unwrap();
        while state.pump() {}
        state.connections.iter().map(|connection| connection.bytes.clone()).collect()
    }

    /// The messages so far, of one connection after the other.
    pub(crate) fn messages(&self) -> Vec<String> {
        let all = self.connections();
        let messages = all.iter().flat_map(|bytes| counted(bytes).0);
        messages.map(|message| String::from_utf8(message).unwrap()).collect()
    }

    /// The lines so far, of one connection after the other.
    pub(crate) fn lines(&self) -> Vec<String> {
        let all = self.connections();
        all.iter().flat_map(|bytes| prisma_log_testkit::contract::lines_of(bytes)).collect()
    }

    /// Whether each connection that is over ended in good order.
    pub(crate) fn ends(&self) -> Vec<Option<bool>> {
        let mut state = self.state.lock().unwrap();
        while state.pump() {}
        state.connections.iter().map(|connection| connection.ended).collect()
    }

    /// Ends without reading anything more; the lines so far.
    pub(crate) fn kill(self) -> Vec<String> {
        self.set_reading(false);
        self.lines()
    }

    /// Closes all connections, having read everything.
    pub(crate) fn close_all(&self) {
        let mut state = self.state.lock().unwrap();
        while state.pump() {}
        for connection in &mut state.connections {
            connection.source = None;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        drop(self.thread.take().map(JoinHandle::join));
    }
}

/// A listener on loopback; again on the same port, if one is given.
pub(crate) fn listen(address: Option<SocketAddr>) -> TcpListener {
    let address = address.unwrap_or_else(|| "127.0.0.1:0".parse().unwrap());
    let listener = TcpListener::bind(address).unwrap();
    listener.set_nonblocking(true).unwrap();
    listener
}

/// A daemon on a unix socket of datagrams.
pub(crate) struct Daemon {
    socket: Arc<Mutex<(UnixDatagram, Vec<String>)>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Daemon {
    pub(crate) fn new(path: &Path) -> Self {
        let socket = UnixDatagram::bind(path).unwrap();
        socket.set_nonblocking(true).unwrap();
        let socket = Arc::new(Mutex::new((socket, vec![])));
        let stop = Arc::new(AtomicBool::new(false));
        let (shared, stopping) = (Arc::clone(&socket), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            while !stopping.load(Ordering::Relaxed) {
                receive(&mut shared.lock().unwrap());
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        Daemon { socket, stop, thread: Some(thread) }
    }

    pub(crate) fn messages(&self) -> Vec<String> {
        let mut socket = self.socket.lock().unwrap();
        receive(&mut socket);
        socket.1.clone()
    }
}

fn receive((socket, messages): &mut (UnixDatagram, Vec<String>)) {
    let mut bytes = vec![0; 1 << 20];
    while let Ok(length) = socket.recv(&mut bytes) {
        messages.push(String::from_utf8(bytes[..length].to_vec()).unwrap());
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        drop(self.thread.take().map(JoinHandle::join));
    }
}

/// The numbers of the records of [`support::write`](crate::support::write) in messages.
pub(crate) fn numbers(messages: &[String]) -> Vec<usize> {
    let number = |message: &String| {
        let (_, number) = message.rsplit_once("record ").unwrap_or_else(|| panic!("{message}"));
        number.parse().unwrap_or_else(|_| panic!("{message}"))
    };
    messages.iter().map(number).collect()
}

/// Writes until so many connections broke, and checks that all has arrived; how many records.
pub(crate) fn outlast(
    sink: &mut dyn Sink,
    server: &Server,
    breaks: usize,
    random: &mut fastrand::Rng,
) -> usize {
    let mut next = 0;
    while server.connections().len() <= breaks {
        let size = random.usize(1..300);
        write_all(sink, next..next + size);
        next += size;
    }
    sink.flush().unwrap();
    let mut found = vec![false; next];
    for number in numbers(&server.messages()) {
        found[number] = true;
    }
    assert_eq!(found.iter().filter(|&&found| !found).count(), 0, "of {next} are lost");
    next
}
