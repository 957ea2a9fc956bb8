//! Settings of a listener.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use prisma_log_core::Error;

use super::super::super::builder::check_line_bytes;
use super::super::outlet::Outlet;
use super::SyslogListener;
use super::tcp::Connections;
use super::udp::Datagrams;
use crate::Joiner;

/// Bounds of `buffer_bytes`.
const BUFFER_BYTES: std::ops::RangeInclusive<usize> = 1 << 16..=1 << 30;
/// Bounds of `max_connections`.
const CONNECTIONS: std::ops::RangeInclusive<usize> = 1..=100_000;

/// Settings of a [`SyslogListener`].
#[derive(Clone, Debug)]
#[must_use]
pub struct SyslogListenerBuilder {
    udp: Option<SocketAddr>,
    tcp: Option<SocketAddr>,
    any_address: bool,
    max_line_bytes: usize,
    buffer_bytes: usize,
    max_connections: usize,
    idle_timeout: Duration,
    join: Option<Joiner>,
}

impl SyslogListenerBuilder {
    pub(super) fn new() -> Self {
        SyslogListenerBuilder {
            udp: None,
            tcp: None,
            any_address: false,
            max_line_bytes: 64 * 1024,
            buffer_bytes: 8 << 20,
            max_connections: 256,
            idle_timeout: Duration::from_secs(3600),
            join: None,
        }
    }

    /// Receives datagrams at this address; the default is none.
    pub fn udp(mut self, address: SocketAddr) -> Self {
        self.udp = Some(address);
        self
    }

    /// Accepts connections at this address; the default is none.
    pub fn tcp(mut self, address: SocketAddr) -> Self {
        self.tcp = Some(address);
        self
    }

    /// Whether addresses other than the loopback ones are allowed, where everybody in the network
    /// can write what looks like your logs; the default is `false`.
    pub fn any_address(mut self, yes: bool) -> Self {
        self.any_address = yes;
        self
    }

    /// Longest message in bytes; default 64 KiB, from 16 bytes to 1 GiB. Longer ones are handed out
    /// cut and counted.
    pub fn max_line_bytes(mut self, bytes: usize) -> Self {
        self.max_line_bytes = bytes;
        self
    }

    /// How much of the datagrams may wait for who polls, in bytes; default 8 MiB, from 64 KiB to
    /// 1 GiB.
    pub fn buffer_bytes(mut self, bytes: usize) -> Self {
        self.buffer_bytes = bytes;
        self
    }

    /// Most connections at a time; default 256, from 1 to 100,000. Further ones are closed at once.
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.max_connections = connections;
        self
    }

    /// A connection that was quiet for so long is closed; default 1 hour.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = timeout;
        self
    }

    /// As [`TailBuilder::join`](crate::TailBuilder::join); over TCP only lines of one connection are
    /// one record.
    pub fn join(mut self, joiner: Joiner) -> Self {
        self.join = Some(joiner);
        self
    }

    /// Binds the sockets.
    ///
    /// # Errors
    /// When there is no address, one may not be used, or a setting is out of its range.
    pub fn build(self) -> Result<SyslogListener, Error> {
        check_line_bytes(self.max_line_bytes)?;
        let ranges = [
            ("buffer_bytes", self.buffer_bytes, BUFFER_BYTES),
            ("max_connections", self.max_connections, CONNECTIONS),
        ];
        for (name, value, range) in ranges {
            if !range.contains(&value) {
                let (least, most) = (range.start(), range.end());
                return Err(Error::config(format!(
                    "{name} is {value}: expected {least} to {most}"
                )));
            }
        }
        let addresses = [("udp", self.udp), ("tcp", self.tcp)];
        let addresses: Vec<_> =
            addresses.into_iter().filter_map(|(how, at)| Some((how, at?))).collect();
        if addresses.is_empty() {
            return Err(Error::config("nothing to listen at: neither a UDP nor a TCP address"));
        }
        for (_, address) in &addresses {
            if !self.any_address && !address.ip().is_loopback() {
                return Err(Error::config(format!("{address} is no loopback address")).with_hint(
                    "anybody who reaches it can write lines: allow it in so many words",
                ));
            }
        }
        let udp =
            self.udp.map(|address| Datagrams::bind(address, self.buffer_bytes)).transpose()?;
        let limits = (self.max_connections, self.idle_timeout);
        let tcp = self.tcp.map(|address| Connections::bind(address, limits)).transpose()?;
        let name: Vec<_> = addresses.iter().map(|(how, at)| format!("{how}://{at}")).collect();
        let name = PathBuf::from(format!("syslog+{}", name.join(",")));
        let outlet = Outlet::new(name, self.max_line_bytes, self.join);
        Ok(SyslogListener { outlet, udp, tcp })
    }
}
