//! The settings of syslog sinks.

use std::path::PathBuf;

use crate::scalars::{Scalar, Size, words};
use crate::section::{self, Section};

/// The settings of a sink of `type: syslog`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SyslogConfig {
    /// How messages travel; [`Transport::Unix`] by default.
    pub transport: Transport,
    /// Where to: a host, with a port if it is not the usual one (514 for UDP, 601 for TCP, 6514 for
    /// TLS); or the path of a socket, by default `/dev/log`.
    pub address: Option<String>,
    /// How messages are written; by default [`SyslogProtocol::Rfc3164`] to sockets of this machine,
    /// since that is what daemons expect there, else [`SyslogProtocol::Rfc5424`].
    pub protocol: Option<SyslogProtocol>,
    /// How messages are told apart in a stream; by default [`SyslogFraming::Lines`] to sockets of
    /// this machine, else [`SyslogFraming::OctetCounting`].
    pub framing: Option<SyslogFraming>,
    /// [`Facility::User`] by default.
    pub facility: Facility,
    /// By default the service's name, or else the program's.
    pub app_name: Option<String>,
    /// By default the machine's.
    pub hostname: Option<String>,
    /// The element of structured data that a record's fields are in; `fields@32473` by default.
    pub sd_id: Option<String>,
    /// Most bytes of a message; by default as the transport allows.
    pub max_message_bytes: Option<u64>,
    /// Whether the message begins with a byte order mark, which RFC 5424 wants before UTF-8; by
    /// default it does.
    pub bom: bool,
    /// After a connection broke, so many bytes are sent again that the peer's system had taken, but
    /// its program may not have read; by default none.
    pub resend_bytes: u64,
    /// Certificates and keys of [`Transport::Tls`].
    pub tls: SyslogTls,
}

/// How messages travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Transport {
    /// To a socket of this machine, a datagram each.
    Unix,
    /// To a stream socket of this machine.
    UnixStream,
    /// A datagram each (RFC 5426): what is lost on the way nobody knows.
    Udp,
    /// A connection (RFC 6587).
    Tcp,
    /// An encrypted connection (RFC 5425).
    Tls,
}
words!(
    Transport,
    "a transport: unix, unix_stream, udp, tcp or tls",
    Unix = "unix",
    UnixStream = "unix_stream",
    Udp = "udp",
    Tcp = "tcp",
    Tls = "tls"
);

/// How messages are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SyslogProtocol {
    /// RFC 5424: with structured data.
    Rfc5424,
    /// RFC 3164: as BSD did.
    Rfc3164,
}
words!(SyslogProtocol, "a protocol: rfc5424 or rfc3164", Rfc5424 = "rfc5424", Rfc3164 = "rfc3164");

/// How messages are told apart in a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SyslogFraming {
    /// Each is preceded by its length (RFC 6587, RFC 5425).
    OctetCounting,
    /// Each ends with a line feed.
    Lines,
}
words!(
    SyslogFraming,
    "a framing: octet_counting or lines",
    OctetCounting = "octet_counting",
    Lines = "lines"
);

/// Which part of a system a message is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Facility {
    /// Kernel messages.
    Kern,
    /// Programs of users; the default.
    User,
    /// Mail.
    Mail,
    /// System services.
    Daemon,
    /// Security and authorisation.
    Auth,
    /// Of syslog itself.
    Syslog,
    /// Printing.
    Lpr,
    /// Network news.
    News,
    /// UUCP.
    Uucp,
    /// Clock services.
    Cron,
    /// Security and authorisation, not for all eyes.
    Authpriv,
    /// FTP.
    Ftp,
    /// NTP.
    Ntp,
    /// Log audit.
    Audit,
    /// Log alert.
    Alert,
    /// Clock services of some systems.
    Clock,
    /// For local use.
    Local0,
    /// For local use.
    Local1,
    /// For local use.
    Local2,
    /// For local use.
    Local3,
    /// For local use.
    Local4,
    /// For local use.
    Local5,
    /// For local use.
    Local6,
    /// For local use.
    Local7,
}
words!(
    Facility,
    "a facility such as user, daemon or local0",
    Kern = "kern",
    User = "user",
    Mail = "mail",
    Daemon = "daemon",
    Auth = "auth",
    Syslog = "syslog",
    Lpr = "lpr",
    News = "news",
    Uucp = "uucp",
    Cron = "cron",
    Authpriv = "authpriv",
    Ftp = "ftp",
    Ntp = "ntp",
    Audit = "audit",
    Alert = "alert",
    Clock = "clock",
    Local0 = "local0",
    Local1 = "local1",
    Local2 = "local2",
    Local3 = "local3",
    Local4 = "local4",
    Local5 = "local5",
    Local6 = "local6",
    Local7 = "local7"
);

/// Certificates and keys, each in a PEM file: `tls`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SyslogTls {
    /// Whom to trust; by default whom the system trusts.
    pub ca: Option<PathBuf>,
    /// The client's certificate.
    pub cert: Option<PathBuf>,
    /// The client's key.
    pub key: Option<PathBuf>,
    /// The name that the server's certificate must have; by default the host of the address.
    pub server_name: Option<String>,
    /// SHA-256 fingerprints, in hexadecimal, of which the server's certificate must have one.
    pub pins: Vec<String>,
}

pub(super) const KEYS: [&str; 12] = [
    "transport",
    "address",
    "protocol",
    "framing",
    "facility",
    "app_name",
    "hostname",
    "sd_id",
    "max_message",
    "bom",
    "resend",
    "tls",
];

/// Where a server listens.
struct HostPort(String);

impl Scalar for HostPort {
    const EXPECTED: &'static str = "a host, such as logs.example.com:514";

    fn read(text: &str) -> Result<Self, Option<String>> {
        let bare_ipv6 = text.parse::<std::net::Ipv6Addr>().is_ok();
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !bare_ipv6 && !text.ends_with(']') => (host, Some(port)),
            _ => (text, None),
        };
        let is_port = |port: &str| port.parse::<u16>().is_ok_and(|port| port > 0);
        if host.is_empty() {
            Err(Some("the host is missing".into()))
        } else if host.contains(':') && !bare_ipv6 && !host.ends_with(']') {
            Err(Some(format!("write `[{host}]:{}`", port.unwrap_or("514"))))
        } else if port.is_some_and(|port| !is_port(port)) {
            Err(Some("a port is a number from 1 to 65535".into()))
        } else {
            Ok(HostPort(text.to_owned()))
        }
    }

    fn show(&self) -> String {
        self.0.clone()
    }
}

type MessageBytes = Size<480, { 1 << 20 }>;
type ResendBytes = Size<0, { 1 << 26 }>;

impl SyslogConfig {
    pub(crate) fn read(section: &mut Section<'_>) -> Option<Self> {
        let transport = section.value("transport", Transport::Unix);
        let is_local = matches!(transport, Transport::Unix | Transport::UnixStream);
        let address = match is_local {
            true => section.optional::<String>("address"),
            false => section.required::<HostPort>("address").map(|HostPort(address)| address),
        };
        let config = SyslogConfig {
            transport,
            address,
            protocol: section.optional("protocol"),
            framing: section.optional("framing"),
            facility: section.value("facility", Facility::User),
            app_name: section.optional("app_name"),
            hostname: section.optional("hostname"),
            sd_id: section.optional("sd_id"),
            max_message_bytes: section.optional::<MessageBytes>("max_message").map(|size| size.0),
            bom: section.value("bom", true),
            resend_bytes: section.value::<ResendBytes>("resend", Size(0)).0,
            tls: SyslogTls::read(section, transport),
        };
        (is_local || config.address.is_some()).then_some(config)
    }
}

impl SyslogTls {
    fn read(outer: &mut Section<'_>, transport: Transport) -> Self {
        if transport != Transport::Tls {
            if outer.node("tls").is_some() {
                let error = outer.error_at_one_of(
                    &["tls"],
                    format!("`{}` is of no use without `transport: tls`", outer.path_of("tls")),
                );
                outer.report().error(error);
            }
            return SyslogTls::default();
        }
        let mut section = outer.section("tls");
        let pins = section.list("pins").unwrap_or_default();
        let path = section.path_of("pins");
        let pins = pins.iter().filter_map(|pin| match section::read::<String>(pin, &path) {
            Ok(pin) => Some(pin),
            Err(error) => {
                section.report().error(error);
                None
            }
        });
        let pins = pins.collect();
        let tls = SyslogTls {
            ca: section.optional("ca"),
            cert: section.optional("cert"),
            key: section.optional("key"),
            server_name: section.optional("server_name"),
            pins,
        };
        if tls.cert.is_some() != tls.key.is_some() {
            let message = "`cert` and `key` belong together, one of them is missing";
            section.report().error(section.error_at_one_of(&["cert", "key"], message));
        }
        section.finish();
        tls
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let check = |text: &str, expect: &str| {
            let got = match HostPort::read(text) {
                Ok(address) => address.show(),
                Err(hint) => format!("!{}", hint.unwrap_or_default()),
            };
            assert_eq!(got, expect, "{text:?}");
        };
        check("logs.example.com:514", "logs.example.com:514");
        check("10.0.0.1:6514", "10.0.0.1:6514");
        check("[::1]:514", "[::1]:514");
        check("::1", "::1");
        check("[::1]", "[::1]");
        check("logs", "logs");
        check("fe80::x:514", "!write `[fe80::x]:514`");
        check("", "!the host is missing");
        check(":514", "!the host is missing");
        check("logs:0", "!a port is a number from 1 to 65535");
        check("logs:syslog", "!a port is a number from 1 to 65535");
        check("logs:99999", "!a port is a number from 1 to 65535");
    }
}
