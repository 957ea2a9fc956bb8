//! Networks that swallow everything, and servers that a thousand clients come back to.

use std::io::Read as _;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use prisma_log_core::Sink as _;
use prisma_log_syslog::{SyslogSink, Transport};

use super::proxy::deafen;
use super::{PATIENCE, Row, Sent, build, insist, no_child};
use crate::kid::Run;
use crate::needs;
use crate::report::Section;

pub(in super::super) static SILENCE: Row = Row {
    name: "syslog-silence",
    faults: "32",
    what: "a network that swallows everything is noticed within 30 s",
    about: "The kernel drops whatever comes for the server's end of the connection, and no end of it \
        is told. A record a second is written. In a quick run nobody waits for the end.",
    needs: needs::nothing,
    run: silence,
    child: no_child,
};

pub(in super::super) static STORM: Row = Row {
    name: "syslog-storm",
    faults: "36",
    what: "a thousand clients come back to a syslog server at their own times",
    about: "All connections are closed at once, and nobody listens for two seconds. Without jitter \
        all clients would connect in the same moments.",
    needs: needs::nothing,
    run: storm,
    child: no_child,
};

fn sink(address: SocketAddr) -> Result<SyslogSink, String> {
    build(SyslogSink::builder(Transport::tcp(address.to_string())))
}

fn silence(run: &Run) -> Result<Section, String> {
    let cannot = |error: std::io::Error| error.to_string();
    let listener = TcpListener::bind("127.0.0.1:0").map_err(cannot)?;
    let mut sink = sink(listener.local_addr().map_err(cannot)?)?;
    let stats = sink.stats();
    insist(&mut sink, &[Sent::new(0)])?;
    let (deaf, _) = listener.accept().map_err(cannot)?;
    deafen(&deaf)?;
    let begin = Instant::now();
    let mut section = Section::new();
    let mut next = 1;
    let limit = Duration::from_secs(run.pick(1, 60));
    while stats.connections() < 2 && begin.elapsed() < limit {
        insist(&mut sink, &[Sent::new(next)])?;
        next += 1;
        std::thread::sleep(Duration::from_millis(if run.quick { 100 } else { 1_000 }));
    }
    if run.quick {
        section.zero("connections given up within a second", stats.connections() - 1);
        return Ok(section);
    }
    section.at_most("noticed after", 30.0, begin.elapsed().as_secs_f64(), "s");
    let (mut second, _) = listener.accept().map_err(cannot)?;
    drop(deaf);
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        second.read_to_string(&mut text).map(|_| text)
    });
    sink.flush().map_err(|error| error.to_string())?;
    drop(sink);
    let text = reader.join().map_err(|_| "the reader panicked")?.map_err(cannot)?;
    let arrived = (0..next).filter(|number| text.contains(&format!("record {number} "))).count();
    // The first one was acknowledged before, or comes again.
    section.zero(
        "records lost on the swallowed connection",
        (next - 1).saturating_sub(arrived as u64),
    );
    section.equals("connections made", 2, stats.connections());
    Ok(section)
}

/// Accepts, reads, and notes when it accepted.
struct Crowd {
    stop: Arc<AtomicBool>,
    accepted: Arc<Mutex<Vec<Instant>>>,
    thread: std::thread::JoinHandle<Vec<TcpStream>>,
}

impl Crowd {
    fn new(listener: TcpListener) -> Result<Self, String> {
        listener.set_nonblocking(true).map_err(|error| error.to_string())?;
        let (stop, accepted) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
        let (stopping, noted) = (Arc::clone(&stop), Arc::clone(&accepted));
        let thread = std::thread::spawn(move || {
            let mut streams = Vec::new();
            while !stopping.load(Ordering::Relaxed) {
                match listener.accept() {
                    Ok((stream, _)) => {
                        streams.push(stream);
                        if let Ok(mut noted) = noted.lock() {
                            noted.push(Instant::now());
                        }
                    }
                    Err(_) => std::thread::sleep(Duration::from_millis(1)),
                }
            }
            streams
        });
        Ok(Crowd { stop, accepted, thread })
    }

    fn count(&self) -> usize {
        self.accepted.lock().map_or(0, |accepted| accepted.len())
    }

    /// Closes everything; when each connection was accepted.
    fn close(self) -> Vec<Instant> {
        self.stop.store(true, Ordering::Relaxed);
        drop(self.thread.join());
        self.accepted.lock().map_or_else(|_| Vec::new(), |accepted| accepted.clone())
    }
}

fn storm(run: &Run) -> Result<Section, String> {
    let cannot = |error: std::io::Error| error.to_string();
    let clients = run.pick(100, 1_000);
    let listener = TcpListener::bind("127.0.0.1:0").map_err(cannot)?;
    let address = listener.local_addr().map_err(cannot)?;
    let crowd = Crowd::new(listener)?;
    let away = AtomicBool::new(false);
    let accepted = std::thread::scope(|scope| -> Result<Vec<Instant>, String> {
        let client = |number: u64| {
            let away = &away;
            scope.spawn(move || -> Result<(), String> {
                let mut sink = sink(address)?;
                insist(&mut sink, &[Sent::new(number)])?;
                while !away.load(Ordering::Relaxed) {
                    std::thread::sleep(Duration::from_millis(5));
                }
                insist(&mut sink, &[Sent::new(number)])
            })
        };
        let clients: Vec<_> = (0..clients).map(client).collect();
        let deadline = Instant::now() + PATIENCE;
        while crowd.count() < clients.len() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        crowd.close();
        away.store(true, Ordering::Relaxed);
        std::thread::sleep(Duration::from_millis(run.pick(700, 2_000)));
        let crowd = Crowd::new(TcpListener::bind(address).map_err(cannot)?)?;
        for client in clients {
            client.join().unwrap_or_else(|_| Err("a client panicked".to_owned()))?;
        }
        Ok(crowd.close())
    })?;
    let mut section = Section::new();
    section.equals("clients that came back", clients, accepted.len() as u64);
    let first = accepted.first().copied().unwrap_or_else(Instant::now);
    let mut tenths = std::collections::BTreeMap::<u128, u64>::new();
    for time in &accepted {
        *tenths.entry(time.duration_since(first).as_millis() / 100).or_default() += 1;
    }
    let peak = tenths.values().copied().max().unwrap_or_default();
    section.info("most of them within a tenth of a second", peak);
    let last = accepted.last().map_or(0.0, |last| last.duration_since(first).as_secs_f64());
    section.info("the last one after", format!("{last:.1} s"));
    section.check(
        "share of the busiest tenth of a second",
        "≤ 50 %",
        format!("{} %", peak * 100 / clients),
        peak * 2 <= clients,
    );
    Ok(section)
}
