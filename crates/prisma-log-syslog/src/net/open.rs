//! Opening sockets, within bounds.

use std::io;
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::Path;
use std::time::{Duration, Instant};

use prisma_log_core::Error;

use super::datagrams::Socket as Datagram;
use super::link::{Link, Socket};
use super::resolve::Resolver;

/// After how long without an acknowledgement TCP gives a connection up.
const USER_TIMEOUT: Duration = Duration::from_secs(20);
/// After how long without traffic TCP asks whether the other end is there, how often it asks
/// again, and how many times.
const KEEP_ALIVE: (Duration, Duration, u32) = (Duration::from_secs(10), Duration::from_secs(5), 3);

/// # Errors
/// When no address of the host can be connected to within this time.
pub(crate) fn tcp(resolver: &Resolver, patience: Duration) -> Result<Link, Error> {
    let deadline = Instant::now() + patience;
    let mut failed = None;
    let addresses = resolver.resolve()?;
    let mut untried = addresses.len() as u32;
    for address in addresses {
        // An address that does not answer must leave time for the others.
        let share = deadline.saturating_duration_since(Instant::now()) / untried;
        untried -= 1;
        if share.is_zero() {
            break;
        }
        match TcpStream::connect_timeout(&address, share).and_then(prepared) {
            Ok(link) => return Ok(link),
            Err(error) => failed = Some(refused(&address, error)),
        }
    }
    Err(failed.unwrap_or_else(|| {
        Error::state(format!("cannot connect to {} within {patience:?}", resolver.address()))
    }))
}

fn refused(address: &SocketAddr, error: io::Error) -> Error {
    Error::io(format!("cannot connect to {address}"), error)
}

fn prepared(stream: TcpStream) -> io::Result<Link> {
    use rustix::net::sockopt;
    stream.set_nodelay(true)?;
    let (idle, interval, count) = KEEP_ALIVE;
    // A system without one of these finds out later.
    let _later = sockopt::set_socket_keepalive(&stream, true);
    #[cfg(any(target_os = "linux", target_os = "freebsd"))]
    {
        let _later = sockopt::set_tcp_keepidle(&stream, idle);
        let _later = sockopt::set_tcp_keepintvl(&stream, interval);
        let _later = sockopt::set_tcp_keepcnt(&stream, count);
    }
    #[cfg(target_os = "linux")]
    {
        let _later = sockopt::set_tcp_user_timeout(&stream, USER_TIMEOUT.as_millis() as u32);
    }
    Link::new(Socket::Tcp(stream))
}

/// # Errors
/// When nobody listens there.
pub(crate) fn unix_stream(path: &Path) -> Result<Link, Error> {
    UnixStream::connect(path)
        .and_then(|stream| Link::new(Socket::Unix(stream)))
        .map_err(|error| Error::io_at("connect to", path, error))
}

/// # Errors
/// When the host has no address, or no socket can be had.
pub(crate) fn udp(resolver: &Resolver) -> Result<Datagram, Error> {
    let mut failed = None;
    for address in resolver.resolve()? {
        let any = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let socket = UdpSocket::bind(any).and_then(|socket| {
            socket.connect(address)?;
            socket.set_nonblocking(true)?;
            Ok(socket)
        });
        match socket {
            Ok(socket) => return Ok(Datagram::Udp(socket)),
            Err(error) => failed = Some(refused(&address, error)),
        }
    }
    Err(failed.unwrap_or_else(|| Error::state(format!("{} has no address", resolver.address()))))
}

/// # Errors
/// When nobody listens there.
pub(crate) fn unix(path: &Path) -> Result<Datagram, Error> {
    UnixDatagram::unbound()
        .and_then(|socket| {
            socket.connect(path)?;
            socket.set_nonblocking(true)?;
            Ok(Datagram::Unix(socket))
        })
        .map_err(|error| Error::io_at("connect to", path, error))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use rustix::net::sockopt;

    use super::*;
    use crate::transport::Address;

    #[test]
    #[cfg(target_os = "linux")]
    fn a_connection_that_nobody_answers_on_ends_within_half_a_minute() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let resolver = Resolver::new(Address::parse(&address, 601).unwrap());
        let link = tcp(&resolver, Duration::from_secs(60)).unwrap();
        assert!(sockopt::socket_keepalive(link.fd()).unwrap());
        assert_eq!(sockopt::tcp_user_timeout(link.fd()).unwrap(), 20_000);
        let idle = sockopt::tcp_keepidle(link.fd()).unwrap();
        let interval = sockopt::tcp_keepintvl(link.fd()).unwrap();
        let count = sockopt::tcp_keepcnt(link.fd()).unwrap();
        assert!(idle + interval * count < Duration::from_secs(30));
        assert!(sockopt::tcp_nodelay(link.fd()).unwrap());
    }
}
