//! What a person sees, and how often the stream is written.

use std::io::ErrorKind;

use prisma_log_console::{Color, ConsoleSink, ConsoleSinkBuilder};
use prisma_log_core::{Durability, Fields, Level, Record, Sink as _, Timestamp};
use prisma_log_format::JsonEncoder;

use crate::writer::{Captured, Step};

fn record(level: Level, message: &str) -> Record<'_> {
    let time = Timestamp::from_unix_nanos(1_795_507_200_123_456_789);
    Record::new(time, level, "shop.orders", message)
}

fn drawn(builder: ConsoleSinkBuilder, record: Record<'_>) -> String {
    let captured = Captured::default();
    builder.writer(captured.clone()).build().unwrap().write(&[record]).unwrap();
    captured.text()
}

#[test]
fn a_line_without_colour() {
    let check = |record: Record<'_>, expect: &str| {
        let builder = ConsoleSink::builder().color(Color::Never);
        assert_eq!(drawn(builder, record), format!("{expect}\n"));
    };
    let fields = Fields::from_iter([("order", 42_u64), ("level", 3)]);
    let mut with_fields = record(Level::Info, "order processed");
    with_fields.fields = fields.as_ref();
    check(with_fields, "08:00:00.123 INFO  shop.orders: order processed order=42 level=3");
    check(record(Level::Warning, "slow"), "08:00:00.123 WARNING shop.orders: slow");
    check(record(Level::Critical, ""), "08:00:00.123 CRITICAL shop.orders: ");
    let hostile = "a\n\u{1b}[2J\u{9b}31m\u{202e}\r";
    let escaped = r#""a\n\u001b[2J\u009b31m\u202e\r""#;
    check(record(Level::Info, hostile), &format!("08:00:00.123 INFO  shop.orders: {escaped}"));
}

#[test]
fn a_line_with_the_date() {
    let line =
        drawn(ConsoleSink::builder().color(Color::Never).date(true), record(Level::Info, "x"));
    assert_eq!(line, "2026-11-24T08:00:00.123 INFO  shop.orders: x\n");
}

#[test]
fn a_line_in_colour() {
    let fields = Fields::from_iter([("order", 42_u64)]);
    let mut record = record(Level::Error, "no\u{1b}[0m stock");
    record.fields = fields.as_ref();
    let line = drawn(ConsoleSink::builder().color(Color::Always), record);
    let expect = "\x1b[0;2m08:00:00.123\x1b[0;2m \x1b[0;1;31mERROR\x1b[0;2m \x1b[0;2mshop.orders\
        \x1b[0;2m: \x1b[0;1m\"no\\u001b[0m stock\"\x1b[0;2m \x1b[0;36morder\x1b[0;2m=\
        \x1b[0m42\x1b[0m\n";
    assert_eq!(line, expect);
}

#[test]
fn each_level_has_slog_terms_colour() {
    let check = |level: Level, code: &str| {
        let line = drawn(ConsoleSink::builder().color(Color::Always), record(level, "x"));
        assert!(line.contains(&format!("\x1b[0;1;{code}m{level}\x1b[0")), "{line:?}");
    };
    check(Level::Critical, "35");
    check(Level::Error, "31");
    check(Level::Warning, "33");
    check(Level::Info, "32");
    check(Level::Debug, "36");
    check(Level::Trace, "34");
}

#[test]
fn encoded_lines_are_never_coloured() {
    let builder = ConsoleSink::builder().color(Color::Always).encoder(JsonEncoder::new());
    let line = drawn(builder, record(Level::Info, "x"));
    assert!(line.starts_with("{\"timestamp\":") && line.ends_with("}\n"), "{line}");
    assert!(!line.contains('\x1b'));
}

#[test]
fn a_batch_is_one_write() {
    let captured = Captured::default();
    let mut sink = ConsoleSink::builder().writer(captured.clone()).build().unwrap();
    sink.write(&[record(Level::Info, "x"); 100]).unwrap();
    assert_eq!((captured.writes(), captured.text().lines().count()), (1, 100));
    assert_eq!(sink.durability(), Durability::PageCache);
}

#[test]
fn a_line_cut_short_is_ended_before_the_next() {
    let captured = Captured::default();
    let builder = ConsoleSink::builder().color(Color::Never).writer(captured.clone());
    let mut sink = builder.build().unwrap();
    captured.steps([Step::Short(20), Step::Fails(ErrorKind::StorageFull)]);
    let failed = sink.write(&[record(Level::Info, "one")]).unwrap_err();
    assert_eq!(failed.delivered, 0);
    assert!(failed.error.to_string().contains("cannot write to the writer"), "{}", failed.error);
    sink.write(&[record(Level::Info, "two")]).unwrap();
    let expect = "08:00:00.123 INFO  s\n08:00:00.123 INFO  shop.orders: two\n";
    assert_eq!(captured.text(), expect);
}

#[test]
fn a_line_that_lacks_but_its_end_was_delivered() {
    let captured = Captured::default();
    let builder = ConsoleSink::builder().color(Color::Never).writer(captured.clone());
    let mut sink = builder.build().unwrap();
    let line = "08:00:00.123 INFO  shop.orders: one\n";
    captured.steps([Step::Short(2 * line.len() - 1), Step::Fails(ErrorKind::StorageFull)]);
    assert_eq!(sink.write(&[record(Level::Info, "one"); 3]).unwrap_err().delivered, 2);
    sink.write(&[record(Level::Info, "one")]).unwrap();
    assert_eq!(captured.text(), line.repeat(3));
}

#[test]
fn a_stream_that_is_full_for_a_moment_loses_nothing() {
    let captured = Captured::default();
    let mut sink = ConsoleSink::builder().writer(captured.clone()).build().unwrap();
    let full = Step::Fails(ErrorKind::WouldBlock);
    captured.steps([full, Step::Short(5), full, full, Step::Fails(ErrorKind::Interrupted)]);
    sink.write(&[record(Level::Info, "one"); 3]).unwrap();
    assert_eq!(captured.take().lines().count(), 3);
    // But not for ever.
    captured.steps(std::iter::repeat_n(full, 100_000));
    assert_eq!(sink.write(&[record(Level::Info, "x")]).unwrap_err().delivered, 0);
}

#[test]
fn after_a_broken_pipe_nothing_is_tried_any_more() {
    let captured = Captured::default();
    let mut sink = ConsoleSink::builder().writer(captured.clone()).build().unwrap();
    captured.steps([Step::Fails(ErrorKind::BrokenPipe)]);
    let failed = sink.write(&[record(Level::Info, "x"); 3]).unwrap_err();
    assert_eq!((failed.delivered, failed.error.io_kind()), (0, Some(ErrorKind::BrokenPipe)));
    let failed = sink.write(&[record(Level::Info, "x"); 3]).unwrap_err();
    assert!(failed.delivered == 0 && failed.error.is_state(), "{}", failed.error);
    sink.flush().unwrap();
    assert_eq!(captured.writes(), 1);
}
