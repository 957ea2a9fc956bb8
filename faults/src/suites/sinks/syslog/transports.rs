//! Everything that a server can listen on, and records that try to forge others.

use std::path::Path;

use prisma_log_core::Sink as _;
use prisma_log_syslog::{Protocol, SyslogSink, Transport};

use super::server::{Kind, Server};
use super::{Row, Sent, build, certificates, insist, no_child, server, tls};
use crate::kid::Run;
use crate::report::{Section, thousands};

const ABOUT: &str = "The server runs on loopback with a configuration of its own and writes what it \
    parsed as JSON: message, trace id and each field. Keys and values are made of quotes, brackets, \
    backslashes, line ends, NULs, escape sequences, characters that re-order text, and syslog \
    headers. What the server has must be what was sent, byte for byte. Over UDP, what the kernel \
    dropped because the server did not keep up is counted by the kernel.";

pub(in super::super) static RSYSLOG: Row = Row {
    name: "rsyslog",
    faults: "25, 31",
    what: "rsyslog gives every field back, over UDP, TCP, TLS and unix datagrams",
    about: ABOUT,
    needs: server::rsyslog,
    run: |run| all(run, Kind::Rsyslog, "rsyslog"),
    child: no_child,
};

pub(in super::super) static SYSLOG_NG: Row = Row {
    name: "syslog-ng",
    faults: "25, 31",
    what: "syslog-ng gives every field back, over UDP, TCP, TLS, unix datagrams and streams",
    about: ABOUT,
    needs: server::syslog_ng,
    run: |run| all(run, Kind::SyslogNg, "syslog-ng"),
    child: no_child,
};

fn all(run: &Run, kind: Kind, name: &str) -> Result<Section, String> {
    let place = run.place(name)?;
    let count = run.pick(2_000, 100_000);
    let certificates = certificates(&place.dir)?;
    let mut server = Server::start(kind, &place.dir.join("server"), &certificates, "good")?;
    let local = |port| format!("127.0.0.1:{port}");
    let mut transports = vec![
        ("UDP", Transport::udp(local(server.udp))),
        ("TCP", Transport::tcp(local(server.tcp))),
        ("TLS", tls(local(server.tls), &certificates)),
        ("unix datagrams", Transport::unix(server.unix())),
    ];
    if kind == Kind::SyslogNg {
        transports.push(("unix stream", Transport::unix_stream(server.unix_stream())));
    }
    let mut section = Section::new();
    for (index, (what, transport)) in transports.into_iter().enumerate() {
        if index > 0 {
            server.start_again()?;
        }
        // Nothing is to be cut, neither here nor there.
        let builder = SyslogSink::builder(transport).max_message(8192);
        let mut sink = build(builder.protocol(Protocol::Rfc5424))?;
        let mut next = 0;
        while next < count {
            let batch: Vec<Sent> = (next..(next + 500).min(count)).map(Sent::new).collect();
            insist(&mut sink, &batch)?;
            next += batch.len() as u64;
        }
        sink.flush().map_err(|error| error.to_string())?;
        let stats = sink.stats();
        drop(sink);
        server.settle(count);
        let dropped = if what == "UDP" { dropped_by_kernel(server.udp) } else { 0 };
        let found = server.read()?;
        server.clear();
        if let Some(sample) = &found.sample {
            eprintln!("{what}: {sample:.2000}");
        }
        if what == "UDP" {
            section.info("UDP: messages received", thousands(found.messages));
            section.info("UDP: dropped by the kernel", thousands(dropped));
            let counted = found.seen.distinct + dropped + stats.refused();
            section.equals("UDP: received or counted as dropped", count, counted);
            section.equals("UDP: told as unconfirmed", count, stats.unconfirmed());
        } else {
            section.equals(format!("{what}: messages received"), count, found.messages);
            section.zero(format!("{what}: lost"), count - found.seen.distinct);
        }
        section.zero(format!("{what}: repeated"), found.seen.repeated);
        section.info(format!("{what}: fields compared"), thousands(found.fields));
        section.zero(format!("{what}: messages that differ"), found.differ);
        section.zero(format!("{what}: corrupt or forged messages"), found.corrupt);
        section.zero(format!("{what}: messages cut"), stats.cut());
    }
    Ok(section)
}

/// How many datagrams for this port found no room.
fn dropped_by_kernel(port: u16) -> u64 {
    let table = std::fs::read_to_string(Path::new("/proc/net/udp")).unwrap_or_default();
    let local = format!(":{port:04X}");
    let line = table.lines().find(|line| {
        line.split_whitespace().nth(1).is_some_and(|address| address.ends_with(&local))
    });
    let drops = line.and_then(|line| line.split_whitespace().last()?.parse().ok());
    drops.unwrap_or_default()
}
