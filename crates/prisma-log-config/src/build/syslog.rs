//! Syslog sinks.

#[cfg(feature = "syslog-tls")]
mod tls;
#[cfg(not(feature = "syslog-tls"))]
#[path = "syslog/tls_absent.rs"]
mod tls;

use prisma_log_core::{Error, Sink};
use prisma_log_syslog::{Facility, Framing, Protocol, SyslogSink, Transport};

use crate::config::Service;
use crate::scalars::Scalar as _;
use crate::sinks::{self, SyslogConfig, SyslogFraming, SyslogProtocol};

pub(super) fn build(settings: &SyslogConfig, service: &Service) -> Result<Box<dyn Sink>, Error> {
    Ok(Box::new(sink(settings, service)?))
}

pub(crate) fn sink(settings: &SyslogConfig, service: &Service) -> Result<SyslogSink, Error> {
    let mut builder = SyslogSink::builder(transport(settings)?)
        .facility(settings.facility.show().parse::<Facility>()?)
        .bom(settings.bom)
        .resend(settings.resend_bytes);
    if let Some(protocol) = settings.protocol {
        builder = builder.protocol(match protocol {
            SyslogProtocol::Rfc5424 => Protocol::Rfc5424,
            SyslogProtocol::Rfc3164 => Protocol::Rfc3164,
        });
    }
    if let Some(framing) = settings.framing {
        builder = builder.framing(match framing {
            SyslogFraming::OctetCounting => Framing::OctetCounting,
            SyslogFraming::Lines => Framing::Lines,
        });
    }
    if let Some(name) = settings.app_name.as_ref().or(service.name.as_ref()) {
        builder = builder.app_name(name);
    }
    if let Some(name) = &settings.hostname {
        builder = builder.host_name(name);
    }
    if let Some(id) = &settings.sd_id {
        builder = builder.sd_id(id);
    }
    if let Some(bytes) = settings.max_message_bytes {
        builder = builder.max_message(usize::try_from(bytes).unwrap_or(usize::MAX));
    }
    builder.build()
}

fn transport(settings: &SyslogConfig) -> Result<Transport, Error> {
    let address = settings.address.as_deref();
    let remote = address.unwrap_or_default();
    Ok(match (settings.transport, address) {
        (sinks::Transport::Udp, _) => Transport::udp(remote),
        (sinks::Transport::Tcp, _) => Transport::tcp(remote),
        (sinks::Transport::Tls, _) => tls::encrypted(remote, settings)?,
        (sinks::Transport::Unix, None) => Transport::local(),
        (sinks::Transport::Unix, Some(path)) => Transport::unix(path),
        (sinks::Transport::UnixStream, path) => Transport::unix_stream(path.unwrap_or("/dev/log")),
    })
}
