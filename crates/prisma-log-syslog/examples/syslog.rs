//! The syslog sink alone under plain slog.
//!
//! `cargo run -p prisma-log-syslog --example syslog` shows what a server would get: it is one
//! itself. With an address behind `--`, such as `logs.example.com:514`, it sends there over UDP.
#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use std::net::UdpSocket;
use std::time::Duration;

use prisma_log_core::{Error, SinkDrain};
use prisma_log_syslog::{Facility, SyslogSink, Transport};
use slog::{Logger, error, info, o};

fn main() -> Result<(), Error> {
    let io = |error| Error::io("cannot listen on loopback", error);
    let server = UdpSocket::bind("127.0.0.1:0").map_err(io)?;
    server.set_read_timeout(Some(Duration::from_secs(5))).map_err(io)?;
    let own = server.local_addr().map_err(io)?.to_string();
    let elsewhere = std::env::args().nth(1);

    let sink = SyslogSink::builder(Transport::udp(elsewhere.clone().unwrap_or(own)))
        .facility(Facility::Local0)
        .app_name("shop")
        .build()?;
    let stats = sink.stats();
    let drain = SinkDrain::new(sink);
    let log = Logger::root(drain.named("shop.orders"), o!("version" => "1.4.2"));
    info!(log, "order processed"; "order" => 42, "amount" => 99.9);
    error!(log, "payment failed"; "order" => 43, "reason" => "card \"expired\"]\n<0>1 forged");
    drain.flush_sinks()?;

    println!("{} messages sent over UDP", stats.sent());
    if elsewhere.is_none() {
        let mut message = [0; 2048];
        for _ in 0..stats.sent() {
            let length = server.recv(&mut message).map_err(io)?;
            println!("{}", String::from_utf8_lossy(&message[..length]));
        }
        println!("To send to a server: --example syslog -- HOST:PORT");
    }
    Ok(())
}
