//! Encrypted connections.

use prisma_log_core::Error;
use prisma_log_syslog::{Tls, Transport};

use crate::sinks::SyslogConfig;

pub(super) fn encrypted(address: &str, settings: &SyslogConfig) -> Result<Transport, Error> {
    let settings = &settings.tls;
    let mut tls = Tls::new();
    if let Some(ca) = &settings.ca {
        tls = tls.ca_file(ca);
    }
    if let (Some(certificate), Some(key)) = (&settings.cert, &settings.key) {
        tls = tls.client_certificate(certificate, key);
    }
    if let Some(name) = &settings.server_name {
        tls = tls.server_name(name);
    }
    for pin in &settings.pins {
        tls = tls.pin(pin);
    }
    Ok(Transport::tls(address, tls))
}
