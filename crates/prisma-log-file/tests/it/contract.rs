//! The contract of all sinks, in every form that the file sink comes in.

use std::fs;

use prisma_log_core::SinkDrain;
use prisma_log_file::{FileSink, Retention, Rotation};
use prisma_log_format::{LogfmtEncoder, TextEncoder};
use prisma_log_testkit::contract;
use tempfile::TempDir;

use crate::support::{files, lines};

#[test]
fn one_file_of_json_lines() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("not/yet/there/app.log");
    let read = || contract::lines_of(&fs::read(&path).unwrap_or_default());
    contract::run(|| FileSink::builder(&path).build().unwrap(), read);
}

#[test]
fn text_and_logfmt() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("text.log");
    let read = || contract::lines_of(&fs::read(&path).unwrap_or_default());
    let open = || FileSink::builder(&path).encoder(TextEncoder::new()).build().unwrap();
    contract::run(open, read);
    let path = folder.path().join("logfmt.log");
    let read = || contract::lines_of(&fs::read(&path).unwrap_or_default());
    let open = || FileSink::builder(&path).encoder(LogfmtEncoder::new()).build().unwrap();
    contract::run(open, read);
}

#[test]
fn rotating_and_synchronised() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("app.log");
    let open = || {
        let builder = FileSink::builder(&path).rotation(Rotation::new().max_bytes(10_000));
        let builder = builder.retention(Retention::new().archives(10_000));
        builder.sync_on_flush(true).build().unwrap()
    };
    contract::run(open, || lines(&files(folder.path())));
    assert!(files(folder.path()).len() > 100);
}

#[test]
fn under_a_plain_slog_logger() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("app.log");
    let sink = FileSink::builder(&path).build().unwrap();
    let log = slog::Logger::root(SinkDrain::new(sink), slog::o!("version" => 3));
    slog::info!(log, "order processed"; "amount" => 99.5);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(r#""message":"order processed""#) && text.contains(r#""amount":99.5"#));
    assert!(text.contains(r#""version":3"#) && text.ends_with("}\n"), "{text}");
}
