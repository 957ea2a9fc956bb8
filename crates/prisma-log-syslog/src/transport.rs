//! Where messages go.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use prisma_log_core::Error;

use crate::net::link::Secure;
use crate::{Framing, Protocol};

/// Where the local daemon listens on most systems.
const LOCAL: &str = "/dev/log";

/// Where messages go, and over what.
///
/// An address is `host:port`, or a host alone with the usual port: 514 for UDP, 601 for TCP, 6514
/// for TLS. The host may be a name, an IPv4 address, or an IPv6 address, in brackets if a port
/// follows.
#[derive(Clone, Debug)]
pub struct Transport(pub(crate) Way);

#[derive(Clone, Debug)]
pub(crate) enum Way {
    Udp(String),
    Tcp(String),
    /// TCP, encrypted, under this name.
    #[cfg_attr(not(feature = "tls"), expect(dead_code, reason = "only TLS encrypts"))]
    Secure(&'static str, String, Arc<dyn Secure>),
    Unix(PathBuf),
    UnixStream(PathBuf),
}

impl Transport {
    /// UDP (RFC 5426): one message a datagram. Nobody says whether it arrived.
    pub fn udp(address: impl Into<String>) -> Self {
        Transport(Way::Udp(address.into()))
    }

    /// TCP (RFC 6587), in plain text.
    pub fn tcp(address: impl Into<String>) -> Self {
        Transport(Way::Tcp(address.into()))
    }

    /// The local daemon: datagrams to `/dev/log`.
    pub fn local() -> Self {
        Transport::unix(LOCAL)
    }

    /// Datagrams to a unix socket.
    pub fn unix(path: impl Into<PathBuf>) -> Self {
        Transport(Way::Unix(path.into()))
    }

    /// A stream to a unix socket.
    pub fn unix_stream(path: impl Into<PathBuf>) -> Self {
        Transport(Way::UnixStream(path.into()))
    }

    /// Daemons on a local socket expect what the C library's `syslog()` sends: the old form.
    pub(crate) fn usual_protocol(&self) -> Protocol {
        if self.is_local() { Protocol::Rfc3164 } else { Protocol::Rfc5424 }
    }

    /// What servers on the other end of a stream expect.
    pub(crate) fn usual_framing(&self) -> Framing {
        if self.is_local() { Framing::Lines } else { Framing::OctetCounting }
    }

    pub(crate) fn is_local(&self) -> bool {
        matches!(self.0, Way::Unix(_) | Way::UnixStream(_))
    }

    pub(crate) fn is_stream(&self) -> bool {
        !matches!(self.0, Way::Udp(_) | Way::Unix(_))
    }
}

impl fmt::Display for Transport {
    /// As in `tcp logs.example.com:601`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Way::Udp(address) => write!(f, "udp {address}"),
            Way::Tcp(address) => write!(f, "tcp {address}"),
            Way::Secure(name, address, _) => write!(f, "{name} {address}"),
            Way::Unix(path) => write!(f, "unix {}", path.display()),
            Way::UnixStream(path) => write!(f, "unix stream {}", path.display()),
        }
    }
}

/// A host by name or number, and a port.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Address {
    pub(crate) host: String,
    pub(crate) port: u16,
    /// The address itself, if the host is a number.
    pub(crate) literal: Option<SocketAddr>,
}

impl Address {
    pub(crate) fn parse(text: &str, usual_port: u16) -> Result<Self, Error> {
        let wrong = |why: &str| {
            Err(Error::config(format!("address {text:?} {why}"))
                .with_hint("give host:port, such as logs.example.com:6514 or [::1]:514"))
        };
        if let Ok(address) = text.parse::<SocketAddr>() {
            if address.port() == 0 {
                return wrong("has port 0");
            }
            return Ok(Address::from(address));
        }
        let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
        if let Ok(ip) = bare.parse::<IpAddr>() {
            return Ok(Address::from(SocketAddr::new(ip, usual_port)));
        }
        let (host, port) = match text.rsplit_once(':') {
            None => (text, usual_port),
            Some((host, port)) => match port.parse() {
                Ok(0) => return wrong("has port 0"),
                Ok(port) => (host, port),
                Err(_) => return wrong("has no port between 1 and 65535 behind the colon"),
            },
        };
        let in_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        if host.is_empty() || host.len() > 253 || !host.chars().all(in_name) {
            return wrong("has no host name or IP address");
        }
        Ok(Address { host: host.to_owned(), port, literal: None })
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        let (host, port) = (address.ip().to_string(), address.port());
        Address { host, port, literal: Some(address) }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.literal {
            Some(address) => address.fmt(f),
            None => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

/// # Errors
/// When no socket can have this path.
pub(crate) fn check_path(path: &Path) -> Result<(), Error> {
    // 108 bytes in `sockaddr_un` on Linux, with the NUL at the end.
    let bytes = path.as_os_str().as_encoded_bytes();
    if bytes.is_empty() || bytes.len() > 107 || bytes.contains(&0) {
        return Err(Error::config(format!("{:?} can't be the path of a socket", path))
            .with_hint("1 to 107 bytes, such as /dev/log"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_with_and_without_port() {
        let check = |text: &str, expect: Option<(&str, u16)>| {
            let parsed = Address::parse(text, 514).ok();
            let parsed = parsed.as_ref().map(|address| (address.host.as_str(), address.port));
            assert_eq!(parsed, expect, "{text}");
        };
        check("logs.example.com:6514", Some(("logs.example.com", 6514)));
        check("logs", Some(("logs", 514)));
        check("10.0.0.1", Some(("10.0.0.1", 514)));
        check("10.0.0.1:1", Some(("10.0.0.1", 1)));
        check("::1", Some(("::1", 514)));
        check("[::1]", Some(("::1", 514)));
        check("[fe80::1]:65535", Some(("fe80::1", 65535)));
        for wrong in ["", ":514", "a:", "a:0", "1.2.3.4:0", "a:65536", "a b", "a/b:1", "a:b:1"] {
            check(wrong, None);
        }
        check("[::1]:x", None);
        assert_eq!(Address::parse("::1", 514).unwrap().to_string(), "[::1]:514");
        assert_eq!(Address::parse("[fe80::1%2]:7", 1).unwrap().to_string(), "[fe80::1%2]:7");
    }
}
