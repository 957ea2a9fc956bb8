//! Lines over the network.

mod builder;
mod framing;
mod tcp;
mod udp;

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use super::LineSource;
use super::outlet::Outlet;
use crate::{Block, Checkpoint, PollOutcome, SourceState, SourceStatus};
pub use builder::SyslogListenerBuilder;
use tcp::Connections;
use udp::Datagrams;

/// Listens for syslog messages on UDP, TCP or both, and hands out each as a line.
///
/// The message is not read here: what its line says, in whatever form, is a
/// [`LineParser`](crate::LineParser)'s business. A line end inside a message is handed out as
/// `#012`, so that nobody can forge lines.
///
/// # UDP (RFC 5426)
/// Every datagram is a line. A thread takes them from the system at once and keeps them in a bounded
/// buffer. What has no room is dropped and counted in [`SourceStatus::dropped`], and so is what the
/// system dropped because its own buffer was full (on Linux, where it tells).
///
/// # TCP (RFC 6587)
/// Octet counting and line ends, told apart message by message. A sender that is faster than who
/// polls is slowed down by the system; nothing is dropped. The number of connections is limited,
/// and a quiet one is closed in the end. There is no TLS and no authentication.
pub struct SyslogListener {
    outlet: Outlet,
    udp: Option<Datagrams>,
    tcp: Option<Connections>,
}

impl SyslogListener {
    /// Settings with their defaults.
    pub fn builder() -> SyslogListenerBuilder {
        SyslogListenerBuilder::new()
    }

    /// The address that datagrams are received at; its port is the real one if 0 was asked for.
    pub fn udp_address(&self) -> Option<SocketAddr> {
        self.udp.as_ref().map(Datagrams::address)
    }

    /// The address that connections are accepted at; its port is the real one if 0 was asked for.
    pub fn tcp_address(&self) -> Option<SocketAddr> {
        self.tcp.as_ref().map(Connections::address)
    }

    /// Connections that are open.
    pub fn connections(&self) -> usize {
        self.tcp.as_ref().map_or(0, Connections::len)
    }

    /// Connections that were refused because there were too many.
    pub fn refused_connections(&self) -> u64 {
        self.tcp.as_ref().map_or(0, Connections::refused)
    }
}

impl LineSource for SyslogListener {
    fn poll_blocks(&mut self, max_bytes: usize, each: &mut dyn FnMut(Block<'_>)) -> PollOutcome {
        let mut outcome = PollOutcome::default();
        if let Some(udp) = &mut self.udp {
            // Half for each, so that neither starves.
            outcome.also(udp.poll(&mut self.outlet, (max_bytes as u64).div_ceil(2), each));
        }
        if let Some(tcp) = &mut self.tcp {
            let left = (max_bytes as u64).saturating_sub(outcome.bytes);
            outcome.also(tcp.poll(&mut self.outlet, left, each));
        }
        outcome
    }

    fn finish_blocks(&mut self, each: &mut dyn FnMut(Block<'_>)) -> PollOutcome {
        let mut outcome = PollOutcome::default();
        if let Some(udp) = &mut self.udp {
            outcome.also(udp.finish(&mut self.outlet, each));
        }
        if let Some(tcp) = &mut self.tcp {
            outcome.also(tcp.finish(&mut self.outlet, each));
        }
        outcome.more = false;
        outcome
    }

    fn checkpoints(&self) -> Vec<Checkpoint> {
        Vec::new()
    }

    fn sources(&self) -> Vec<SourceStatus> {
        let state = match &self.outlet.error {
            Some(_) => SourceState::Failed,
            None => SourceState::Following,
        };
        let udp = self.udp.as_ref();
        let left = udp.map_or(0, Datagrams::bytes_left)
            + self.tcp.as_ref().map_or(0, Connections::bytes_left);
        let mut status = self.outlet.status(state, left);
        status.dropped += udp.map_or(0, Datagrams::dropped);
        vec![status]
    }

    fn poll_interval(&self) -> Duration {
        self.outlet.poll_interval()
    }

    fn has_ended(&self) -> bool {
        false
    }
}

impl fmt::Debug for SyslogListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SyslogListener")
            .field("udp", &self.udp_address())
            .field("tcp", &self.tcp_address())
            .finish_non_exhaustive()
    }
}
