//! A journal that is away, restarted, full, or not there at all.

use std::io::ErrorKind;
use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

use prisma_log_core::{Level, Record, Sink as _, SinkCommand, Timestamp};
use prisma_log_journald::JournaldSink;

use crate::double::Double;

fn record(message: &str) -> Record<'_> {
    Record::new(Timestamp::UNIX_EPOCH, Level::Info, "shop", message)
}

#[test]
fn a_restart_loses_nothing_and_the_waits_grow() {
    for keep_name in [true, false] {
        let mut double = Double::new();
        let mut sink = double.sink();
        sink.write(&[record("one")]).unwrap();
        assert_eq!(double.stop(keep_name).len(), 1);
        let mut waits = Vec::new();
        for _ in 0..6 {
            let failed = sink.write(&[record("two"), record("three")]).unwrap_err();
            assert_eq!(failed.delivered, 0);
            let expect = if keep_name { ErrorKind::ConnectionRefused } else { ErrorKind::NotFound };
            assert_eq!(failed.error.io_kind(), Some(expect));
            assert!(failed.error.to_string().contains("/socket"), "{}", failed.error);
            waits.push(failed.retry_after.unwrap().as_millis());
        }
        assert_eq!(waits, [50, 100, 200, 400, 500, 500]);
        double.start();
        sink.write(&[record("two"), record("three")]).unwrap();
        let messages: Vec<_> =
            double.entries().iter().map(|entry| entry.text("MESSAGE").to_owned()).collect();
        assert_eq!(messages, ["two", "three"]);
        // Restarted between two records: nobody notices.
        double.stop(keep_name);
        double.start();
        sink.write(&[record("four")]).unwrap();
        assert_eq!(double.entries()[0].text("MESSAGE"), "four");
        let failed_anew = {
            double.stop(keep_name);
            sink.write(&[record("five")]).unwrap_err()
        };
        assert_eq!(failed_anew.retry_after, Some(Duration::from_millis(50)));
    }
}

#[test]
fn a_journal_that_takes_nothing_is_waited_for_once() {
    let double = Double::new();
    let mut sink = double.builder().patience(Duration::from_secs(2)).build().unwrap();
    let batch = [record("x"); 10_000];
    let failed = sink.write(&batch).unwrap_err();
    assert!(failed.delivered > 0 && failed.retry_after.is_some());
    assert_eq!(failed.error.io_kind(), Some(ErrorKind::WouldBlock));
    // If each of these waited too, it would take half an hour.
    let begin = Instant::now();
    for _ in 0..1_000 {
        assert!(begin.elapsed() < Duration::from_secs(60));
        let failed = sink.write(&batch).unwrap_err();
        assert_eq!((failed.delivered, failed.error.io_kind()), (0, Some(ErrorKind::WouldBlock)));
    }
    assert_eq!(double.entries().len(), failed.delivered);
    sink.write(&batch[..1]).unwrap();
    assert_eq!(double.entries().len(), 1);
}

#[test]
fn a_large_entry_waits_like_any_other() {
    let double = Double::new();
    let mut sink = double.sink();
    let text = "x".repeat(16 << 20);
    let failed = sink.write(&[record(&text); 2_000]).unwrap_err();
    assert!(failed.delivered > 0 && failed.retry_after.is_some(), "{}", failed.error);
    let entries = double.entries();
    assert!(entries.len() == failed.delivered && entries.iter().all(|entry| entry.in_file));
}

#[test]
fn no_journal_is_an_error_at_once_but_one_that_restarts_is_not() {
    let mut double = Double::new();
    double.stop(true);
    let mut sink = double.sink();
    double.start();
    sink.write(&[record("x")]).unwrap();
    assert_eq!(double.stop(false).len(), 1);
    let error = double.builder().build().unwrap_err();
    assert_eq!(error.io_kind(), Some(ErrorKind::NotFound));
    assert!(error.hint().unwrap().contains("journald"), "{error}");
    // Not a socket, and one of another type.
    std::fs::write(double.path(), "").unwrap();
    assert!(double.builder().build().is_err());
    std::fs::remove_file(double.path()).unwrap();
    let _stream = std::os::unix::net::UnixListener::bind(double.path()).unwrap();
    assert!(double.builder().build().is_err());
}

#[test]
fn reopen_finds_the_socket_that_is_there_now() {
    let double = Double::new();
    let mut sink = double.sink();
    // Both are alive, but only one has the name.
    std::fs::remove_file(double.path()).unwrap();
    let new = UnixDatagram::bind(double.path()).unwrap();
    sink.write(&[record("old")]).unwrap();
    sink.command(SinkCommand::Reopen).unwrap();
    sink.command(SinkCommand::Rotate).unwrap();
    sink.write(&[record("new")]).unwrap();
    assert_eq!(double.entries().len(), 1);
    let mut bytes = [0; 1000];
    assert!(new.recv(&mut bytes).unwrap() > 0);
    // Where that is not possible, the sink goes on as before.
    std::fs::remove_file(double.path()).unwrap();
    assert!(sink.command(SinkCommand::Reopen).is_err());
    sink.write(&[record("still")]).unwrap();
    assert!(new.recv(&mut bytes).unwrap() > 0);
    sink.after_fork().unwrap();
    assert!(sink.write(&[record("away")]).unwrap_err().retry_after.is_some());
}

#[test]
fn the_default_is_this_machines_journal() {
    let shown = format!("{:?}", JournaldSink::builder());
    assert!(shown.contains("/run/systemd/journal/socket"), "{shown}");
}
