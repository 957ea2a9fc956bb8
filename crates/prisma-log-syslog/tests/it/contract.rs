//! The contract of all sinks, over each transport that loses nothing.

use prisma_log_core::SinkDrain;
use prisma_log_syslog::{Framing, Protocol, SyslogSinkBuilder, Transport};
use prisma_log_testkit::contract;
use tempfile::TempDir;

use crate::parser::parse;
use crate::servers::{Daemon, Server};
use crate::support::builder;

/// Room for the contract's largest records.
fn roomy(transport: Transport) -> SyslogSinkBuilder {
    builder(transport).max_message(1 << 20)
}

#[test]
fn tcp_with_octet_counting() {
    let (server, address) = Server::tcp();
    let open = || roomy(Transport::tcp(address.to_string())).build().unwrap();
    contract::run(open, || server.messages());
    server.messages().iter().for_each(|message| drop(parse(message.as_bytes())));
}

#[test]
fn tcp_with_lines() {
    let (server, address) = Server::tcp();
    let open = || {
        let builder = roomy(Transport::tcp(address.to_string())).framing(Framing::Lines);
        builder.protocol(Protocol::Rfc3164).build().unwrap()
    };
    contract::run(open, || server.lines());
}

#[test]
fn unix_stream() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("log");
    let server = Server::unix(&path);
    let open = || roomy(Transport::unix_stream(&path)).build().unwrap();
    contract::run(open, || server.lines());
}

#[test]
fn unix_datagrams() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("log");
    let daemon = Daemon::new(&path);
    let open = || roomy(Transport::unix(&path)).protocol(Protocol::Rfc5424).build().unwrap();
    contract::run(open, || daemon.messages());
    daemon.messages().iter().for_each(|message| drop(parse(message.as_bytes())));
}

#[test]
fn under_a_plain_slog_logger() {
    let (server, address) = Server::tcp();
    let sink = builder(Transport::tcp(address.to_string())).build().unwrap();
    let drain = SinkDrain::new(sink);
    let log = slog::Logger::root(drain.named("shop"), slog::o!("version" => 3));
    slog::info!(log, "order processed"; "amount" => 99.5, "items" => 2);
    drain.flush_sinks().unwrap();
    let messages = server.messages();
    let message = parse(messages[0].as_bytes());
    assert_eq!((messages.len(), message.text.as_str()), (1, "order processed"));
    let fields = [("amount", "99.5"), ("items", "2"), ("version", "3")];
    assert_eq!(message.fields(), fields.map(|(key, value)| (key.to_owned(), value.to_owned())));
}
