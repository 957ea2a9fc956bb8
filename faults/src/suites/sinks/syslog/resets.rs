//! Connections reset at any byte.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use prisma_log_core::Sink as _;
use prisma_log_syslog::{SyslogSink, SyslogStats, Transport};

use super::proxy::{Plan, Proxy};
use super::server::{Kind, Server};
use super::{PATIENCE, Row, Sent, build, certificates, insist, no_child, servers, tls};
use crate::kid::{Progress, Run};
use crate::report::{Section, thousands};

pub(in super::super) static ROW: Row = Row {
    name: "syslog-resets",
    faults: "33, 36",
    what: "connections to syslog servers are reset at a random byte",
    about: "A proxy stands before the server. After a random number of bytes it has the kernel drop \
        what comes on that connection, so that nothing more is acknowledged, hands on what was, and \
        resets. Its receive buffer is small, so that the kernel acknowledges messages in parts. The \
        sinks have no `resend`: they send again what was not acknowledged, and nothing else.",
    needs: servers,
    run,
    child: no_child,
};

/// Sinks at work at the same time.
const SINKS: u64 = 8;
/// No connection is reset later than after so many bytes.
const MOST_TCP: u64 = 12_000;
/// Over TLS: the handshake takes some thousands, and what is acknowledged is known by the piece.
const MOST_TLS: u64 = 50_000;

fn run(run: &Run) -> Result<Section, String> {
    let place = run.place(ROW.name)?;
    let certificates = certificates(&place.dir)?;
    let mut section = Section::new();
    let mut all = (0, 0, 0);
    for (kind, encrypted, name, resets) in [
        (Kind::Rsyslog, false, "rsyslog, TCP", run.pick(80, 5_000)),
        (Kind::Rsyslog, true, "rsyslog, TLS", run.pick(40, 2_000)),
        (Kind::SyslogNg, false, "syslog-ng, TCP", run.pick(40, 2_000)),
        (Kind::SyslogNg, true, "syslog-ng, TLS", run.pick(40, 1_000)),
    ] {
        let folder = place.dir.join(name.replace([' ', ','], "-"));
        let mut server = Server::start(kind, &folder, &certificates, "good")?;
        let plan = Plan { resets, most_bytes: if encrypted { MOST_TLS } else { MOST_TCP } };
        let proxy = Proxy::start(if encrypted { server.tls } else { server.tcp }, plan)?;
        let transport = || {
            let address = proxy.address.to_string();
            if encrypted { tls(address, &certificates) } else { Transport::tcp(address) }
        };
        let stats = std::sync::Mutex::new(Vec::<SyslogStats>::new());
        let sent = AtomicU64::new(0);
        let begin = Instant::now();
        let failed: Vec<String> = std::thread::scope(|scope| {
            let sender = |sink: u64| {
                let (transport, stats, sent, proxy) = (transport(), &stats, &sent, &proxy);
                scope.spawn(move || -> Result<(), String> {
                    let mut out = build(SyslogSink::builder(transport).max_message(8192))?;
                    if let Ok(mut all) = stats.lock() {
                        all.push(out.stats());
                    }
                    let mut number = sink;
                    let mut size = 1;
                    while proxy.resets() < resets {
                        let end = number + size * SINKS;
                        let batch: Vec<Sent> =
                            (number..end).step_by(SINKS as usize).map(Sent::new).collect();
                        insist(&mut out, &batch)?;
                        sent.fetch_add(size, Ordering::Relaxed);
                        (number, size) = (end, size % 17 + 1);
                    }
                    out.flush().map_err(|error| error.to_string())
                })
            };
            let senders: Vec<_> = (0..SINKS).map(sender).collect();
            let mut progress = Progress::new("connections reset", resets);
            while proxy.resets() < resets && begin.elapsed() < 20 * PATIENCE {
                progress.at(proxy.resets());
                std::thread::sleep(std::time::Duration::from_millis(50));
            }
            let ended = senders.into_iter().map(|sender| sender.join());
            ended
                .filter_map(|ended| ended.unwrap_or_else(|_| Err("panicked".to_owned())).err())
                .collect()
        });
        if let Some(error) = failed.first() {
            return Err(format!("{name}: {error}"));
        }
        let sent = sent.load(Ordering::Relaxed);
        server.settle(sent);
        let within = proxy.counts.within.load(Ordering::Relaxed);
        let done = proxy.resets();
        drop(proxy);
        let found = server.read()?;
        if let Some(sample) = &found.sample {
            eprintln!("{name}: {sample:.2000}");
        }
        let resent: u64 = stats.lock().map_or(0, |all| all.iter().map(SyslogStats::resent).sum());
        section.info(format!("{name}: connections reset"), thousands(done));
        if !encrypted {
            section.info(format!("{name}: of these within a message"), thousands(within));
        }
        section.info(format!("{name}: records"), thousands(sent));
        section.info(format!("{name}: messages sent again"), thousands(resent));
        section.zero(format!("{name}: lost"), sent - found.seen.distinct);
        section.info(format!("{name}: repeated"), thousands(found.seen.repeated));
        section.zero(format!("{name}: messages that differ"), found.differ);
        section.zero(format!("{name}: corrupt messages"), found.corrupt);
        all = (all.0 + done, all.1 + sent, all.2 + found.seen.repeated);
    }
    let wanted = run.pick(200, 10_000);
    section.check(
        "all: connections reset",
        format!("≥ {}", thousands(wanted)),
        thousands(all.0),
        all.0 >= wanted,
    );
    section.at_most("all: repeated", 0.1, all.2 as f64 * 100.0 / all.1 as f64, "% of records");
    Ok(section)
}
