//! Real syslog servers: what arrives there, and what happens to it when connections break.

mod certificates;
mod proxy;
mod records;
mod resets;
mod restarts;
mod server;
mod silence;
mod transports;
mod trust;

use std::path::Path;
use std::time::{Duration, Instant};

use prisma_log_core::{BatchError, Record, Sink as _};
use prisma_log_syslog::{SyslogSink, SyslogSinkBuilder, Tls, Transport};
use serde_json::Value;

use self::certificates::Certificates;
use self::records::Sent;
use super::Row;
use crate::kid::Call;

pub(super) use resets::ROW as RESETS;
pub(super) use restarts::ROW as RESTARTS;
pub(super) use silence::{SILENCE, STORM};
pub(super) use transports::{RSYSLOG, SYSLOG_NG};
pub(super) use trust::ROW as TRUST;

/// How long a server may be away, or a machine under load.
const PATIENCE: Duration = Duration::from_secs(120);

/// None of these rows has children of its own.
fn no_child(call: &Call) -> Result<Value, String> {
    Err(call.unknown())
}

/// Both servers.
fn servers() -> Result<(), String> {
    server::rsyslog().and_then(|()| server::syslog_ng())
}

fn build(builder: SyslogSinkBuilder) -> Result<SyslogSink, String> {
    let builder = builder.app_name("faults").flush_timeout(PATIENCE);
    builder.build().map_err(|error| error.to_string())
}

/// TLS to a server on loopback, with all that it takes to be let in.
fn tls(address: impl ToString, certificates: &Certificates) -> Transport {
    let identity = Tls::new()
        .ca_file(certificates.certificate("ca"))
        .server_name("localhost")
        .client_certificate(certificates.certificate("client"), certificates.key("client"));
    Transport::tls(address.to_string(), identity)
}

/// Certificates in a folder beside others.
fn certificates(folder: &Path) -> Result<Certificates, String> {
    Certificates::new(&folder.join("certificates"))
}

/// Sends a batch as a front end with a queue does: what is not taken comes again.
fn insist(sink: &mut SyslogSink, sent: &[Sent]) -> Result<(), String> {
    let records: Vec<Record<'_>> = sent.iter().map(Sent::record).collect();
    let begin = Instant::now();
    let mut taken = 0;
    while let Err(BatchError { delivered, error, retry_after, .. }) = sink.write(&records[taken..])
    {
        taken += delivered;
        match retry_after {
            Some(wait) if begin.elapsed() < PATIENCE => std::thread::sleep(wait),
            _ => return Err(format!("{error}")),
        }
    }
    Ok(())
}
