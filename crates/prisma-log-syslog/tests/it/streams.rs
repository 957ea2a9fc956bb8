//! Connections that break, stall and come back.

use std::io::Read as _;
use std::net::TcpListener;
use std::time::Duration;

use prisma_log_core::{Durability, Sink, SinkCommand};
use prisma_log_syslog::{SyslogSink, Transport};
use tempfile::TempDir;

use crate::servers::{Server, listen, numbers, outlast};
use crate::support::{LONG, builder, write, write_all};

fn tcp(address: impl ToString) -> SyslogSink {
    builder(Transport::tcp(address.to_string())).flush_timeout(LONG).build().unwrap()
}

#[test]
fn connections_dropped_at_any_byte_corrupt_and_lose_nothing() {
    let mut random = fastrand::Rng::with_seed(1);
    // About 100 bytes a record: within the first one, at its end, and anywhere.
    let mut plan: Vec<usize> = (1..=110).step_by(2).collect();
    plan.extend((0..60).map(|_| random.usize(1..40_000)));
    let breaks = plan.len();
    let listener = listen(None);
    let address = listener.local_addr().unwrap();
    let server = Server::planned(listener, plan);
    // What the kernel acknowledged and the server did not read would be lost.
    let sink = builder(Transport::tcp(address.to_string())).resend(16 << 20).flush_timeout(LONG);
    let mut sink = sink.build().unwrap();
    let next = outlast(&mut sink, &server, breaks, &mut random);
    let stats = sink.stats();
    assert_eq!((stats.sent(), stats.confirmed()), (next as u64, next as u64));
    assert_eq!(stats.connections(), breaks as u64 + 1);
    assert!(stats.resent() > 0);
    // The last connection saw its frames in order.
    let last = server.connections().pop().unwrap();
    let last = crate::parser::counted(&last).0;
    let last: Vec<String> = last.into_iter().map(|m| String::from_utf8(m).unwrap()).collect();
    assert!(numbers(&last).windows(2).all(|pair| pair[0] < pair[1]));
}

#[test]
fn a_server_that_closes_in_good_order_costs_neither_loss_nor_duplicates() {
    let (server, address) = Server::tcp();
    let mut sink = tcp(address);
    for round in 0..20 {
        write(&mut sink, round * 10..round * 10 + 10).unwrap();
        sink.flush().unwrap();
        server.close_all();
    }
    assert!(numbers(&server.messages()).into_iter().eq(0..200));
    assert_eq!((sink.stats().connections(), sink.stats().resent()), (20, 0));
}

#[test]
fn a_server_that_is_away_is_tried_again() {
    let listener = listen(None);
    let address = listener.local_addr().unwrap();
    drop(listener);
    let mut sink = tcp(address);
    for _ in 0..3 {
        let failed = write(&mut sink, 0..5).unwrap_err();
        assert_eq!(failed.delivered, 0);
        assert!(failed.retry_after.unwrap() <= Duration::from_secs(30));
        assert!(failed.error.to_string().contains(&address.to_string()), "{}", failed.error);
    }
    assert_eq!(sink.due(), None, "nothing is waiting");
    let server = Server::new(listen(Some(address)));
    write_all(&mut sink, 0..5);
    sink.flush().unwrap();
    assert!(numbers(&server.messages()).into_iter().eq(0..5));
    assert_eq!(sink.stats().sent(), 5);
}

#[test]
fn what_is_waiting_is_sent_by_maintenance() {
    // Accepts and never reads; then goes away.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let sink = builder(Transport::tcp(address.to_string())).resend(1 << 20);
    let mut sink = sink.build().unwrap();
    write(&mut sink, 0..5).unwrap();
    let (silent, _) = listener.accept().unwrap();
    drop((silent, listener));
    let server = Server::new(listen(Some(address)));
    let deadline = std::time::Instant::now() + LONG;
    while numbers(&server.messages()).len() < 5 {
        assert!(std::time::Instant::now() < deadline);
        // What was acknowledged is not known to be unread before the connection is looked at.
        write_all(&mut sink, 0..0);
        if let Some(due) = sink.due() {
            std::thread::sleep(due.saturating_duration_since(std::time::Instant::now()));
            let _later = sink.maintain();
        }
    }
    assert!(numbers(&server.messages()).into_iter().eq(0..5));
    sink.flush().unwrap();
    assert_eq!(sink.due(), None);
}

#[test]
fn a_server_that_reads_nothing_is_waited_for_and_keeps_its_connection() {
    let (server, address) = Server::tcp();
    let sink = builder(Transport::tcp(address.to_string()));
    let sink =
        sink.write_timeout(Duration::from_millis(50)).flush_timeout(Duration::from_millis(50));
    let mut sink = sink.build().unwrap();
    write(&mut sink, 0..1).unwrap();
    server.set_reading(false);
    let mut next = 1;
    // Until the buffers of both kernels are full.
    loop {
        match write(&mut sink, next..next + 5_000) {
            Ok(()) => next += 5_000,
            Err(failed) => {
                assert!(failed.delivered < 5_000 && failed.retry_after.is_some());
                next += failed.delivered;
                break;
            }
        }
    }
    let again = write(&mut sink, next..next + 10).unwrap_err();
    assert_eq!(again.delivered, 0, "what can't be sent is not taken");
    assert!(sink.flush().unwrap_err().to_string().contains("did not acknowledge"));
    server.set_reading(true);
    write_all(&mut sink, next..next + 10);
    let deadline = std::time::Instant::now() + LONG;
    while sink.flush().is_err() {
        assert!(std::time::Instant::now() < deadline);
    }
    assert!(numbers(&server.messages()).into_iter().eq(0..next + 10));
    assert_eq!((sink.stats().connections(), sink.stats().resent()), (1, 0));
}

#[test]
fn the_end_is_in_good_order() {
    let (server, address) = Server::tcp();
    let mut sink = tcp(address);
    write(&mut sink, 0..1000).unwrap();
    sink.command(SinkCommand::Reopen).unwrap();
    write(&mut sink, 1000..1001).unwrap();
    sink.command(SinkCommand::Rotate).unwrap();
    write(&mut sink, 1001..1002).unwrap();
    drop(sink);
    let deadline = std::time::Instant::now() + LONG;
    while server.ends() != [Some(true); 2] {
        assert!(std::time::Instant::now() < deadline, "{:?}", server.ends());
    }
    assert!(numbers(&server.messages()).into_iter().eq(0..1002));
}

#[test]
fn a_server_that_talks_does_no_harm() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut sink = tcp(listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        std::io::Write::write_all(&mut stream, &vec![b'x'; 100_000]).unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        bytes
    });
    write_all(&mut sink, 0..100);
    sink.flush().unwrap();
    drop(sink);
    let (messages, rest) = crate::parser::counted(&server.join().unwrap());
    assert_eq!((messages.len(), rest), (100, 0));
}

#[test]
fn unix_streams_resend_what_was_not_read() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("log");
    let first = Server::unix(&path);
    let sink = builder(Transport::unix_stream(&path)).flush_timeout(LONG);
    let mut sink = sink.write_timeout(Duration::from_millis(100)).build().unwrap();
    write(&mut sink, 0..100).unwrap();
    sink.flush().unwrap();
    assert_eq!(sink.stats().confirmed(), 100);
    first.set_reading(false);
    let mut next = 100;
    loop {
        match write(&mut sink, next..next + 100) {
            Ok(()) => next += 100,
            Err(failed) => {
                next += failed.delivered;
                break;
            }
        }
    }
    assert_eq!(sink.stats().confirmed(), 100, "what nobody read is not confirmed");
    let old = { first }.kill();
    std::fs::remove_file(&path).unwrap();
    let second = Server::unix(&path);
    write_all(&mut sink, next..next + 10);
    sink.flush().unwrap();
    assert!(numbers(&old).into_iter().eq(0..100));
    assert!(numbers(&second.lines()).into_iter().eq(100..next + 10));
}

#[test]
fn what_a_sink_promises() {
    let of = |transport: Transport| builder(transport).build().unwrap().durability();
    assert_eq!(of(Transport::udp("127.0.0.1")), Durability::Memory);
    assert_eq!(of(Transport::tcp("127.0.0.1")), Durability::PageCache);
    assert_eq!(of(Transport::local()), Durability::PageCache);
}
