//! Pipes, syslog over the network, and the systemd journal.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use prisma_log_tail::{
    Joiner, JournalSource, LineSource, SourceState, SourceStatus, StdinSource, SyslogListener,
};

use crate::support::Dir;

const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

fn poll(source: &mut dyn LineSource) -> Vec<String> {
    let mut got = Vec::new();
    loop {
        let mut count = 0;
        let outcome = source.poll_blocks(10_000, &mut |block| {
            count += block.line_count;
            got.extend(block.lines().map(|line| String::from_utf8(line.bytes.to_vec()).unwrap()));
        });
        assert_eq!(outcome.lines, count);
        if !outcome.more {
            return got;
        }
    }
}

/// Polls until so many lines have come.
fn wait_for(source: &mut dyn LineSource, lines: usize) -> Vec<String> {
    let since = Instant::now();
    let mut got = poll(source);
    while got.len() < lines && since.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(5));
        got.extend(poll(source));
    }
    assert_eq!(got.len(), lines, "{got:?}");
    got
}

fn until(mut done: impl FnMut() -> bool) {
    let since = Instant::now();
    while !done() {
        assert!(since.elapsed() < Duration::from_secs(60), "waited in vain");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn status(source: &dyn LineSource) -> SourceStatus {
    let mut all = source.sources();
    assert_eq!(all.len(), 1);
    all.remove(0)
}

fn is_send(_: &(impl Send + std::fmt::Debug)) {}

#[test]
fn a_pipe_is_read_to_its_end() {
    let (read, mut write) = std::io::pipe().unwrap();
    let mut source = StdinSource::builder().input(read).build().unwrap();
    is_send(&source);
    assert!(poll(&mut source).is_empty());
    assert!(!source.has_ended());
    write.write_all(b"one\r\ntwo\nthr").unwrap();
    assert_eq!(poll(&mut source), ["one", "two"]);
    assert_eq!(status(&source).bytes_left, 3);
    write.write_all(b"ee\nthe end").unwrap();
    assert_eq!(poll(&mut source), ["three"]);
    drop(write);
    assert_eq!(poll(&mut source), ["the end"]);
    assert!(source.has_ended());
    let status = status(&source);
    assert_eq!((status.state, status.lines, status.dropped), (SourceState::Ended, 4, 0));
    assert_eq!(status.path, Path::new("-"));
    assert!(source.checkpoints().is_empty());
}

#[test]
fn a_pipe_slows_its_writer_down_and_loses_nothing() {
    let (read, mut write) = std::io::pipe().unwrap();
    let mut source = StdinSource::builder().input(read).name("pipe").build().unwrap();
    let writer = std::thread::spawn(move || {
        for n in 0..200_000 {
            write.write_all(format!("line {n}\n").as_bytes()).unwrap();
        }
    });
    let mut next = 0;
    until(|| {
        for line in poll(&mut source) {
            assert_eq!(line, format!("line {next}"));
            next += 1;
        }
        source.has_ended()
    });
    writer.join().unwrap();
    assert_eq!(next, 200_000);
}

#[test]
fn long_lines_of_a_pipe_are_cut_and_records_joined() {
    let (read, mut write) = std::io::pipe().unwrap();
    let joiner = Joiner::builder().wait(Duration::from_secs(3600)).build().unwrap();
    let builder = StdinSource::builder().input(read).max_line_bytes(16).join(joiner.clone());
    let mut source = builder.build().unwrap();
    write
        .write_all(format!("ERROR a\n b\nERROR {}\nERROR c\n d\n", "x".repeat(50)).as_bytes())
        .unwrap();
    let mut got = Vec::new();
    source.poll_blocks(usize::MAX, &mut |block| {
        got.extend(joiner.records(block.bytes).map(|r| block.bytes[r].to_vec()));
    });
    assert_eq!(got, [b"ERROR a\n b".to_vec(), b"ERROR xxxxxxxxxx".to_vec()]);
    assert_eq!(status(&source).cut_lines, 1);
    let mut got = Vec::new();
    source.finish_blocks(&mut |block| got.extend(block.bytes.to_vec()));
    assert_eq!(got, b"ERROR c\n d\n");
}

#[test]
fn datagrams_are_lines() {
    let mut source = SyslogListener::builder().udp(LOOPBACK).build().unwrap();
    is_send(&source);
    let sender = UdpSocket::bind(LOOPBACK).unwrap();
    let to = source.udp_address().unwrap();
    for datagram in [&b"<34>one"[..], b"<34>two\n", b"", b"<34>a\nforged\0", b"<34>\xff"] {
        sender.send_to(datagram, to).unwrap();
    }
    let mut got = Vec::new();
    until(|| {
        source.poll_blocks(usize::MAX, &mut |block| {
            got.extend(block.lines().map(|line| line.bytes.to_vec()));
        });
        got.len() == 5
    });
    let expect: [&[u8]; 5] = [b"<34>one", b"<34>two", b"", b"<34>a#012forged", b"<34>\xff"];
    assert_eq!(got, expect);
    assert_eq!((status(&source).dropped, status(&source).invalid_utf8_lines), (0, 1));
    assert!(status(&source).path.to_string_lossy().starts_with("syslog+udp://127.0.0.1:"));
}

#[test]
fn dropped_datagrams_are_counted_exactly() {
    const SENT: u64 = 20_000;
    let mut source = SyslogListener::builder().udp(LOOPBACK).buffer_bytes(1 << 16).build().unwrap();
    let sender = UdpSocket::bind(LOOPBACK).unwrap();
    let to = source.udp_address().unwrap();
    for n in 0..SENT {
        sender.send_to(format!("<34>message {n} {}", "x".repeat(200)).as_bytes(), to).unwrap();
    }
    // What has not been dropped is in the buffer, or on its way there.
    let mut lines = 0;
    until(|| {
        lines += poll(&mut source).len() as u64;
        lines + status(&source).dropped >= SENT
    });
    assert_eq!(lines + status(&source).dropped, SENT);
    assert!(status(&source).dropped > 0);
    println!("syslog over UDP: {SENT} sent, {lines} read, {} dropped", status(&source).dropped);
}

#[test]
fn connections_carry_both_framings() {
    let mut source = SyslogListener::builder().tcp(LOOPBACK).build().unwrap();
    let to = source.tcp_address().unwrap();
    let mut counted = TcpStream::connect(to).unwrap();
    let mut lines = TcpStream::connect(to).unwrap();
    counted.write_all(b"7 <34>one8 <34>t\nwo7 <34>t").unwrap();
    lines.write_all(b"<34>first\n<34>sec").unwrap();
    let mut got = wait_for(&mut source, 3);
    got.sort();
    assert_eq!(got, ["<34>first", "<34>one", "<34>t#012wo"]);
    assert_eq!(source.connections(), 2);
    counted.write_all(b"hr").unwrap();
    lines.write_all(b"ond\n<34>torn").unwrap();
    assert_eq!(wait_for(&mut source, 2).len(), 2);
    // What was sent of a message is not lost when its connection is.
    drop(lines);
    assert_eq!(wait_for(&mut source, 1), ["<34>torn"]);
    assert_eq!(source.connections(), 1);
    assert_eq!(status(&source).state, SourceState::Following);
}

#[test]
fn many_connections_lose_nothing() {
    const SENDERS: usize = 20;
    const LINES: usize = 2_000;
    let mut source = SyslogListener::builder().tcp(LOOPBACK).udp(LOOPBACK).build().unwrap();
    let to = source.tcp_address().unwrap();
    let senders: Vec<_> = (0..SENDERS)
        .map(|sender| {
            std::thread::spawn(move || {
                let mut stream = TcpStream::connect(to).unwrap();
                for n in 0..LINES {
                    let message = format!("<34>{sender} {n} {}", "x".repeat(n % 300));
                    let frame = match sender % 2 {
                        0 => format!("{} {message}", message.len()),
                        _ => format!("{message}\n"),
                    };
                    stream.write_all(frame.as_bytes()).unwrap();
                }
            })
        })
        .collect();
    let mut next = [0; SENDERS];
    for line in wait_for(&mut source, SENDERS * LINES) {
        let mut words = line["<34>".len()..].split(' ').map(|word| word.parse().unwrap_or(0));
        let (sender, n): (usize, usize) = (words.next().unwrap(), words.next().unwrap());
        assert_eq!(n, next[sender]);
        next[sender] += 1;
    }
    senders.into_iter().for_each(|sender| sender.join().unwrap());
    until(|| {
        poll(&mut source);
        source.connections() == 0
    });
}

#[test]
fn connections_are_limited_and_quiet_ones_closed() {
    let builder = SyslogListener::builder().tcp(LOOPBACK).max_connections(2);
    let mut source = builder.idle_timeout(Duration::from_millis(50)).build().unwrap();
    let to = source.tcp_address().unwrap();
    let open: Vec<_> = (0..5).map(|_| TcpStream::connect(to).unwrap()).collect();
    until(|| {
        poll(&mut source);
        source.refused_connections() == 3
    });
    until(|| {
        poll(&mut source);
        source.connections() == 0
    });
    drop(open);
}

#[test]
fn only_loopback_addresses_unless_said_otherwise() {
    let check = |builder: prisma_log_tail::SyslogListenerBuilder, expect: &str| {
        let error = builder.build().unwrap_err();
        assert!(error.is_config() && error.to_string().contains(expect), "{error}");
    };
    let any = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);
    check(SyslogListener::builder(), "nothing to listen at");
    check(SyslogListener::builder().udp(any), "0.0.0.0:0 is no loopback address");
    check(SyslogListener::builder().tcp(any), "0.0.0.0:0 is no loopback address");
    check(SyslogListener::builder().tcp(LOOPBACK).max_connections(0), "max_connections is 0");
    check(SyslogListener::builder().udp(LOOPBACK).buffer_bytes(1), "buffer_bytes is 1");
    let source = SyslogListener::builder().udp(any).any_address(true).build().unwrap();
    // A port that is taken is no setting's fault.
    let taken = SyslogListener::builder().udp(source.udp_address().unwrap()).any_address(true);
    assert!(taken.build().unwrap_err().is_io());
}

/// A `journalctl` that writes from a file of entries and dies after every third one.
fn fake_journal(dir: &Dir, entries: usize) -> std::path::PathBuf {
    let all: String = (0..entries)
        .map(|n| format!("{{\"__CURSOR\":\"c={n};\",\"MESSAGE\":\"message {n}\"}}\n"))
        .collect();
    dir.append("entries", all);
    let entries = dir.path("entries").display().to_string();
    let script = format!(
        r#"#!/bin/sh
from=0
for argument; do
  case $argument in
    --after-cursor=c=*) from=${{argument#--after-cursor=c=}}; from=$((${{from%;}} + 1)) ;;
    --lines=1) tail -n 1 {entries}; exit 0 ;;
  esac
done
tail -n +$((from + 1)) {entries} | head -n 3
printf '{{"__CURSOR":"torn'
echo 'no more today' >&2
exit 3
"#
    );
    let program = dir.path("journalctl");
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    program
}

#[test]
fn the_journal_is_read_on_after_its_program_dies_and_after_a_restart() {
    let dir = Dir::new();
    let program = fake_journal(&dir, 8);
    let build = |checkpoints| {
        let builder = JournalSource::builder().program(&program).from_start(true);
        builder.checkpoints(checkpoints).build().unwrap()
    };
    let mut source = build(Vec::new());
    is_send(&source);
    assert!(source.checkpoints().is_empty());
    let mut got = wait_for(&mut source, 6);
    until(|| {
        poll(&mut source);
        status(&source).error.is_some()
    });
    let error = status(&source).error.unwrap().to_string();
    assert!(error.contains("exit status: 3: no more today"), "{error}");
    assert_eq!(status(&source).state, SourceState::Failed);
    let stored = source.checkpoints();
    let stored = stored.iter().map(|at| prisma_log_tail::Checkpoint::from_bytes(&at.to_bytes()));
    let mut source = build(stored.map(Result::unwrap).collect());
    got.extend(wait_for(&mut source, 2));
    let expect: Vec<_> = (0..8)
        .map(|n| format!("{{\"__CURSOR\":\"c={n};\",\"MESSAGE\":\"message {n}\"}}"))
        .collect();
    assert_eq!(got, expect);

    // From now on: nothing of what is there.
    let mut source = JournalSource::builder().program(&program).build().unwrap();
    assert_eq!(source.checkpoints().len(), 1);
    dir.append("entries", "{\"__CURSOR\":\"c=8;\",\"MESSAGE\":\"new\"}\n");
    assert_eq!(wait_for(&mut source, 1), ["{\"__CURSOR\":\"c=8;\",\"MESSAGE\":\"new\"}"]);
}

#[test]
fn a_journal_that_cannot_be_read_is_told() {
    let missing = JournalSource::builder().program("/nonexistent/journalctl");
    assert!(missing.clone().build().unwrap_err().is_io());
    let mut source = missing.from_start(true).build().unwrap();
    assert!(poll(&mut source).is_empty());
    let error = status(&source).error.unwrap();
    assert!(error.is_io() && error.to_string().contains("/nonexistent/journalctl"), "{error}");
    let error = JournalSource::builder().only("--file=x").build().unwrap_err();
    assert!(error.is_config(), "{error}");
}
