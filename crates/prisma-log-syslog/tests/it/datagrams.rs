//! Datagrams: what can be known about them is.

use std::net::UdpSocket;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use prisma_log_core::{Level, Record, Sink as _, SinkCommand};
use prisma_log_syslog::{Protocol, Transport};
use tempfile::TempDir;

use crate::parser::parse;
use crate::servers::{Daemon, numbers};
use crate::support::{LONG, TIME, builder, write, write_all};

fn receive(socket: &UdpSocket, count: usize) -> Vec<String> {
    socket.set_read_timeout(Some(LONG)).unwrap();
    let mut bytes = [0; 65_536];
    let message = |_| {
        let length = socket.recv(&mut bytes).unwrap();
        String::from_utf8(bytes[..length].to_vec()).unwrap()
    };
    (0..count).map(message).collect()
}

#[test]
fn udp_on_both_families() {
    for any in ["127.0.0.1:0", "[::1]:0"] {
        let Ok(server) = UdpSocket::bind(any) else { continue };
        let address = server.local_addr().unwrap().to_string();
        let mut sink = builder(Transport::udp(&address)).build().unwrap();
        write(&mut sink, 0..20).unwrap();
        sink.flush().unwrap();
        let messages = receive(&server, 20);
        messages.iter().for_each(|message| drop(parse(message.as_bytes())));
        assert!(numbers(&messages).into_iter().eq(0..20));
        let stats = sink.stats();
        assert_eq!((stats.sent(), stats.unconfirmed(), stats.confirmed()), (20, 20, 0));
    }
}

#[test]
fn a_host_by_name() {
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = format!("localhost:{}", server.local_addr().unwrap().port());
    let mut sink = builder(Transport::udp(&address)).build().unwrap();
    // The name may stand for an address that nobody listens on.
    if write(&mut sink, 0..1).is_ok() {
        assert_eq!(receive(&server, 1).len(), 1);
    }
}

#[test]
fn nobody_listens_and_that_is_noticed() {
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap();
    drop(server);
    let mut sink = builder(Transport::udp(address.to_string())).build().unwrap();
    let failed = write(&mut sink, 0..5).unwrap_err();
    assert_eq!((failed.delivered, failed.retry_after.is_some()), (0, true));
    let server = UdpSocket::bind(address).unwrap();
    write_all(&mut sink, 0..5);
    assert!(numbers(&receive(&server, 5)).into_iter().eq(0..5));
    assert_eq!(sink.stats().refused(), 0, "nothing was lost");

    // Now it goes away in between: what went out before the answer came is lost, and counted.
    drop(server);
    let failed = write(&mut sink, 5..100).unwrap_err();
    assert!(failed.delivered >= 1 && failed.retry_after.is_some());
    let lost = failed.delivered;
    assert!(sink.stats().refused() >= 1);
    let server = UdpSocket::bind(address).unwrap();
    write_all(&mut sink, 5 + lost..100);
    assert!(numbers(&receive(&server, 95 - lost)).into_iter().eq(5 + lost..100));
}

#[test]
fn a_flush_tells_of_datagrams_that_were_refused() {
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap().to_string();
    let mut sink = builder(Transport::udp(&address)).build().unwrap();
    write(&mut sink, 0..1).unwrap();
    drop(server);
    write(&mut sink, 1..2).unwrap();
    assert!(sink.flush().unwrap_err().to_string().contains("were lost"));
    sink.flush().unwrap();
    assert_eq!(sink.stats().refused(), 1);
}

#[test]
fn long_records_fit_the_packet_of_every_network() {
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap().to_string();
    let text = "ü".repeat(50_000);
    let record = Record::new(TIME, Level::Info, "shop", &text);
    for (limit, most) in [(None, 1_180), (Some(480), 480), (Some(2_048), 2_048)] {
        let builder = builder(Transport::udp(&address));
        let mut sink = match limit {
            Some(limit) => builder.max_message(limit),
            None => builder,
        };
        let mut sink = {
            sink = sink.bom(false);
            sink
        }
        .build()
        .unwrap();
        sink.write(&[record]).unwrap();
        let message = receive(&server, 1).remove(0);
        assert!(message.len() <= most && message.len() > most - 60, "{}", message.len());
        parse(message.as_bytes());
        assert_eq!(sink.stats().cut(), 1);
    }
}

#[test]
fn a_datagram_that_is_too_large_for_the_kernel_is_cut_further() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("log");
    let daemon = Daemon::new(&path);
    let text = "x".repeat(1_000_000);
    let record = Record::new(TIME, Level::Info, "shop", &text);
    let sink = builder(Transport::unix(&path)).protocol(Protocol::Rfc5424).max_message(1 << 20);
    let mut sink = sink.build().unwrap();
    sink.write(&[record]).unwrap();
    let messages = daemon.messages();
    let message = parse(messages[0].as_bytes());
    assert!(message.text.len() > 50_000);
    let cut = message.param("record@32473", "message_cut").unwrap();
    assert_eq!(message.text.len() + cut.parse::<usize>().unwrap(), text.len());
}

#[test]
fn a_daemon_that_restarts_and_one_that_is_busy() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("log");
    let sink = builder(Transport::unix(&path)).write_timeout(Duration::from_millis(50));
    let mut sink = sink.build().unwrap();
    let failed = write(&mut sink, 0..1).unwrap_err();
    assert!(failed.error.to_string().contains(&path.display().to_string()), "{}", failed.error);
    assert!(failed.retry_after.is_some());

    let daemon = Daemon::new(&path);
    write_all(&mut sink, 0..500);
    assert!(numbers(&daemon.messages()).into_iter().eq(0..500));
    drop(daemon);
    std::fs::remove_file(&path).unwrap();
    let daemon = Daemon::new(&path);
    write_all(&mut sink, 500..600);
    assert!(numbers(&daemon.messages()).into_iter().eq(500..600));
    drop(daemon);
    std::fs::remove_file(&path).unwrap();

    // Its queue is soon full.
    let busy = UnixDatagram::bind(&path).unwrap();
    let mut next = 600;
    let failed = loop {
        match write(&mut sink, next..next + 1) {
            Ok(()) => next += 1,
            Err(failed) if next > 600 => break failed,
            Err(failed) => std::thread::sleep(failed.retry_after.unwrap()),
        }
        assert!(next < 100_000);
    };
    assert!(failed.retry_after.is_some(), "{}", failed.error);
    let mut bytes = [0; 1024];
    busy.set_nonblocking(true).unwrap();
    let mut messages = Vec::new();
    while let Ok(length) = busy.recv(&mut bytes) {
        messages.push(String::from_utf8(bytes[..length].to_vec()).unwrap());
    }
    assert!(numbers(&messages).into_iter().eq(600..next));
    write(&mut sink, next..next + 1).unwrap();
    let length = busy.recv(&mut bytes).unwrap();
    assert!(bytes[..length].ends_with(format!("record {next}").as_bytes()));
}

#[test]
fn reopening_is_another_socket() {
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut sink =
        builder(Transport::udp(server.local_addr().unwrap().to_string())).build().unwrap();
    write(&mut sink, 0..1).unwrap();
    sink.command(SinkCommand::Reopen).unwrap();
    write(&mut sink, 1..2).unwrap();
    let mut bytes = [0; 2_000];
    let (_, first) = server.recv_from(&mut bytes).unwrap();
    let (_, second) = server.recv_from(&mut bytes).unwrap();
    assert_ne!(first, second);
    assert_eq!(sink.stats().connections(), 2);
}
