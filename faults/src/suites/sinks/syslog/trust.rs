//! Servers that can't show who they are.

use std::time::{Duration, Instant};

use prisma_log_core::Sink as _;
use prisma_log_syslog::SyslogSink;

use super::certificates::BAD;
use super::proxy::{Plan, Proxy};
use super::server::{Kind, Server};
use super::{Row, Sent, build, certificates, insist, no_child, servers, tls};
use crate::kid::Run;
use crate::report::Section;

pub(in super::super) static ROW: Row = Row {
    name: "syslog-trust",
    faults: "34",
    what: "a syslog server with a bad certificate gets no message",
    about: "rsyslog (GnuTLS) and syslog-ng (OpenSSL) with a certificate that is expired, for another \
        host, signed by itself, or by an authority that is not trusted. What goes over the wire is \
        looked at: after a good handshake there are messages in it, after a bad one at most an alert.",
    needs: servers,
    run,
    child: no_child,
};

/// An encrypted alert and what is around it.
const ALERT_BYTES: usize = 64;

fn run(run: &Run) -> Result<Section, String> {
    let place = run.place(ROW.name)?;
    let certificates = certificates(&place.dir)?;
    let mut section = Section::new();
    let (mut refused, mut cases) = (0, 0);
    for (kind, name) in [(Kind::Rsyslog, "rsyslog"), (Kind::SyslogNg, "syslog-ng")] {
        for identity in std::iter::once("good").chain(BAD) {
            let folder = place.dir.join(format!("{name} {identity}").replace(' ', "-"));
            let mut server = Server::start(kind, &folder, &certificates, identity)?;
            let proxy = Proxy::start(server.tls, Plan { resets: 0, most_bytes: 1 })?;
            let mut sink = build(SyslogSink::builder(tls(proxy.address, &certificates)))?;
            let sent: Vec<Sent> = (0..10).map(Sent::new).collect();
            if identity == "good" {
                insist(&mut sink, &sent)?;
                sink.flush().map_err(|error| error.to_string())?;
            } else {
                // Some attempts, until an answer of each is known.
                let records: Vec<_> = sent.iter().map(Sent::record).collect();
                let until = Instant::now() + Duration::from_millis(run.pick(150, 1_000));
                let mut taken = 0;
                while Instant::now() < until {
                    match sink.write(&records) {
                        Ok(()) => taken += records.len(),
                        Err(failed) => taken += failed.delivered,
                    }
                    std::thread::sleep(Duration::from_millis(10));
                }
                section.zero(format!("{name}, {identity}: records taken"), taken as u64);
            }
            drop(sink);
            if identity == "good" {
                server.settle(10);
            }
            // Until the proxy has seen the end of the connection.
            std::thread::sleep(Duration::from_millis(100));
            let begun = proxy.counts.begun.lock().map_err(|error| error.to_string())?.clone();
            let largest = begun.iter().map(|bytes| application(bytes)).max().unwrap_or_default();
            drop(proxy);
            let found = server.read()?;
            if identity == "good" {
                section.equals(format!("{name}, good: messages received"), 10, found.seen.distinct);
                let enough = largest > 1_000;
                section.check(format!("{name}, good: encrypted bytes"), "> 1,000", largest, enough);
            } else {
                section.zero(format!("{name}, {identity}: messages received"), found.messages);
                let little = !begun.is_empty() && largest <= ALERT_BYTES;
                let what = format!("{name}, {identity}: encrypted bytes in one connection");
                section.check(what, format!("≤ {ALERT_BYTES}"), largest, little);
                cases += 1;
                refused += u64::from(found.messages == 0 && little);
            }
        }
    }
    section.equals("bad certificates refused, 0 bytes of a message sent", cases, refused);
    Ok(section)
}

/// How many bytes of a TLS connection are in records of application data.
fn application(mut bytes: &[u8]) -> usize {
    let mut sum = 0;
    while let [kind, _, _, high, low, rest @ ..] = bytes {
        let length = usize::from(u16::from_be_bytes([*high, *low])).min(rest.len());
        sum += if *kind == 23 { length } else { 0 };
        bytes = &rest[length..];
    }
    sum
}
