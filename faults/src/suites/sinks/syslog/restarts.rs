//! Servers that are stopped and started while they are written to.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use prisma_log_core::Sink as _;
use prisma_log_syslog::{SyslogSink, Transport};

use super::server::{Kind, Server};
use super::{PATIENCE, Row, Sent, build, certificates, insist, no_child, servers};
use crate::kid::Run;
use crate::report::{Section, thousands};

pub(in super::super) static ROW: Row = Row {
    name: "syslog-restarts",
    faults: "31, 33",
    what: "a syslog server is stopped and started under load",
    about: "Over TCP, at full speed, the server is ended by SIGTERM and started again. What its \
        kernel had acknowledged and it had not processed is gone with it; a sink with `resend` sends the \
        last 8 MiB once more and loses nothing. Without, what is lost is that and nothing else.",
    needs: servers,
    run,
    child: no_child,
};

fn run(run: &Run) -> Result<Section, String> {
    let place = run.place(ROW.name)?;
    let certificates = certificates(&place.dir)?;
    let restarts = run.pick(2, 20);
    let mut section = Section::new();
    for (kind, name) in [(Kind::Rsyslog, "rsyslog"), (Kind::SyslogNg, "syslog-ng")] {
        let ways = [(8 << 20, "resend"), (0, "no resend")];
        for (resend, how) in ways.into_iter().take(run.pick(1, 2)) {
            let folder = place.dir.join(format!("{name} {how}").replace(' ', "-"));
            let mut server = Server::start(kind, &folder, &certificates, "good")?;
            let transport = Transport::tcp(format!("127.0.0.1:{}", server.tcp));
            let mut sink = build(SyslogSink::builder(transport).max_message(8192).resend(resend))?;
            let stats = sink.stats();
            let stop = AtomicBool::new(false);
            let sent = std::thread::scope(|scope| {
                let sender = scope.spawn(|| -> Result<u64, String> {
                    let mut next = 0;
                    while !stop.load(Ordering::Relaxed) {
                        let batch: Vec<Sent> = (next..next + 50).map(Sent::new).collect();
                        insist(&mut sink, &batch)?;
                        next += 50;
                    }
                    sink.flush().map_err(|error| error.to_string())?;
                    Ok(next)
                });
                let restarted = (0..restarts).try_for_each(|round| {
                    let begin = Instant::now();
                    while stats.connections() <= round && begin.elapsed() < PATIENCE {
                        std::thread::sleep(Duration::from_millis(1));
                    }
                    std::thread::sleep(Duration::from_millis(50 + round % 7 * 10));
                    server.stop()?;
                    std::thread::sleep(Duration::from_millis(50));
                    server.start_again()
                });
                let begin = Instant::now();
                while stats.connections() <= restarts && begin.elapsed() < PATIENCE {
                    std::thread::sleep(Duration::from_millis(1));
                }
                stop.store(true, Ordering::Relaxed);
                let sent = sender.join().unwrap_or_else(|_| Err("the sender panicked".to_owned()));
                restarted.and(sent)
            })?;
            server.settle(sent);
            let found = server.read()?;
            let what = format!("{name}, {how}");
            section.equals(
                format!("{what}: restarts"),
                restarts,
                stats.connections().min(restarts + 1) - 1,
            );
            section.info(format!("{what}: records"), thousands(sent));
            let lost = sent - found.seen.distinct;
            if resend > 0 {
                section.zero(format!("{what}: lost"), lost);
            } else {
                section.info(format!("{what}: lost"), thousands(lost));
            }
            section.info(format!("{what}: repeated"), thousands(found.seen.repeated));
            section.zero(format!("{what}: messages that differ"), found.differ);
            section.zero(format!("{what}: corrupt messages"), found.corrupt);
            if let Some(sample) = &found.sample {
                eprintln!("{what}: {sample:.2000}");
            }
        }
    }
    Ok(section)
}
