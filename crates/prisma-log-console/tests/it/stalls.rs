//! Streams that take nothing for a while, and readers that come back.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use prisma_log_console::{ConsoleSink, Stream};
use prisma_log_core::{Level, Record, Sink, Timestamp};
use prisma_log_format::JsonEncoder;
use rustix::fs::OFlags;

use crate::writer::{Captured, Step};

fn record(message: &str) -> Record<'_> {
    Record::new(Timestamp::UNIX_EPOCH, Level::Info, "shop", message)
}

/// Writes numbered records, again and again what is refused for now; how often that was.
fn insist(sink: &mut dyn Sink, count: usize) -> u64 {
    let mut refused = 0;
    for number in 0..count {
        let message = format!("record-{number}-");
        let begin = Instant::now();
        while let Err(failed) = sink.write(&[record(&message)]) {
            refused += 1;
            let wait = failed.retry_after.unwrap_or_else(|| panic!("{}", failed.error));
            assert!(begin.elapsed() < Duration::from_secs(60), "{}", failed.error);
            std::thread::sleep(wait);
        }
    }
    refused
}

/// Whether the text has each record once, in order, but for empty lines.
fn check_numbers(text: &str, count: usize) {
    let lines: Vec<&str> = text.lines().filter(|line| line.contains("record-")).collect();
    for (number, line) in lines.iter().enumerate() {
        let wanted = format!("record-{number}-");
        assert!(line.contains(&wanted) && line.ends_with('}'), "line {number}: {line}");
    }
    assert_eq!(lines.len(), count);
}

#[test]
fn child_insists() {
    let Ok(count) = std::env::var("PRISMA_LOG_TEST_INSIST") else { return };
    let builder = ConsoleSink::builder().stream(Stream::Stdout).encoder(JsonEncoder::new());
    let mut sink = builder.build().unwrap();
    let refused = insist(&mut sink, count.parse().unwrap());
    std::fs::write(std::env::var_os("PRISMA_LOG_TEST_REPORT").unwrap(), refused.to_string())
        .unwrap();
    std::process::exit(0);
}

fn child(count: usize, report: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "stalls::child_insists", "--nocapture"])
        .env("PRISMA_LOG_TEST_INSIST", count.to_string())
        .env("PRISMA_LOG_TEST_REPORT", report);
    command
}

/// Opens a pipe without waiting for a writer.
fn open_to_read(pipe: &Path) -> File {
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    OpenOptions::new().read(true).custom_flags(flags).open(pipe).unwrap()
}

/// Reads on; `false` when there is nothing left and nobody to write more.
fn read_some(reader: &mut File, text: &mut Vec<u8>) -> bool {
    let mut part = [0; 1_000];
    loop {
        match reader.read(&mut part) {
            Ok(length) => {
                text.extend_from_slice(&part[..length]);
                return length > 0;
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                std::thread::sleep(Duration::from_millis(1));
            }
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn a_pipe_with_a_name_waits_for_its_next_reader() {
    let folder = tempfile::TempDir::new().unwrap();
    let (pipe, report) = (folder.path().join("pipe"), folder.path().join("report"));
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let count = 20_000;
    let mut text = Vec::new();
    let mut reader = open_to_read(&pipe);
    let writer = OpenOptions::new().write(true).open(&pipe).unwrap();
    let mut child = child(count, &report).stdout(writer).spawn().unwrap();
    for read in [2_000_usize, 300_000] {
        let end = text.len() + read;
        while text.len() < end && read_some(&mut reader, &mut text) {}
        // What the pipe still holds stays in it for the next reader.
        drop(reader);
        std::thread::sleep(Duration::from_millis(300));
        reader = open_to_read(&pipe);
    }
    while read_some(&mut reader, &mut text) {}
    assert!(child.wait().unwrap().success());
    let refused: u64 = std::fs::read_to_string(report).unwrap().parse().unwrap();
    assert!(refused > 0, "no write came while there was no reader");
    check_numbers(&String::from_utf8(text).unwrap(), count);
}

#[test]
fn a_stream_made_non_blocking_by_others_loses_nothing() {
    let folder = tempfile::TempDir::new().unwrap();
    let report = folder.path().join("report");
    let (mut reader, writer) = UnixStream::pair().unwrap();
    writer.set_nonblocking(true).unwrap();
    let count = 20_000;
    let mut child = child(count, &report).stdout(OwnedFd::from(writer)).spawn().unwrap();
    let mut text = vec![0; 10_000];
    reader.read_exact(&mut text).unwrap();
    // Longer than the sink waits by itself.
    std::thread::sleep(Duration::from_millis(1_500));
    reader.read_to_end(&mut text).unwrap();
    assert!(child.wait().unwrap().success());
    let refused: u64 = std::fs::read_to_string(report).unwrap().parse().unwrap();
    assert!(refused > 0, "the stream never was full");
    check_numbers(&String::from_utf8(text).unwrap(), count);
}

#[test]
fn a_standard_output_that_was_closed_at_the_start_takes_nothing_from_others() {
    let folder = tempfile::TempDir::new().unwrap();
    let report = folder.path().join("report");
    let program = child(100, &report);
    let mut shell = Command::new("sh");
    shell.args(["-c", "exec \"$0\" \"$@\" >&-"]).arg(program.get_program());
    shell.args(program.get_args()).stderr(Stdio::piped());
    for (name, value) in program.get_envs() {
        shell.env(name, value.unwrap_or_default());
    }
    let output = shell.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // The file that was opened next did not become standard output.
    assert_eq!(std::fs::read_to_string(report).unwrap(), "0");
    assert!(output.stdout.is_empty());
    assert!(!String::from_utf8_lossy(&output.stderr).contains("record-"));
}

#[test]
fn what_passes_says_when_to_try_again_and_what_does_not_says_nothing() {
    let check = |kind: ErrorKind, passes: bool| {
        let captured = Captured::default();
        let mut sink = ConsoleSink::builder().writer(captured.clone()).build().unwrap();
        captured.steps(std::iter::repeat_n(Step::Fails(kind), 5_000));
        let mut waits = Vec::new();
        for _ in 0..6 {
            let failed = sink.write(&[record("x"); 3]).unwrap_err();
            assert_eq!(failed.delivered, 0);
            waits.extend(failed.retry_after.map(|wait| wait.as_millis()));
        }
        let expect: &[u128] = if passes { &[50, 100, 200, 400, 500, 500] } else { &[] };
        assert_eq!(waits, expect, "{kind:?}");
        captured.steps([]);
        if kind != ErrorKind::BrokenPipe {
            sink.write(&[record("x")]).unwrap();
            captured.steps([Step::Fails(kind); 5_000]);
            let failed = sink.write(&[record("x")]).unwrap_err();
            assert_eq!(failed.retry_after, passes.then_some(Duration::from_millis(50)));
        }
    };
    check(ErrorKind::WouldBlock, true);
    check(ErrorKind::StorageFull, true);
    check(ErrorKind::QuotaExceeded, true);
    check(ErrorKind::ReadOnlyFilesystem, true);
    check(ErrorKind::BrokenPipe, false);
    check(ErrorKind::PermissionDenied, false);
    check(ErrorKind::InvalidInput, false);
}

#[test]
fn a_full_stream_is_waited_for_once() {
    let captured = Captured::default();
    let mut sink = ConsoleSink::builder().writer(captured.clone()).build().unwrap();
    captured.steps(std::iter::repeat_n(Step::Fails(ErrorKind::WouldBlock), 100_000));
    sink.write(&[record("x")]).unwrap_err();
    let waited = captured.writes();
    assert!(waited > 100, "{waited} attempts");
    for _ in 0..100 {
        sink.write(&[record("x")]).unwrap_err();
    }
    assert_eq!(captured.writes(), waited + 100);
    // Once it took something, it is worth a wait again.
    captured.steps([]);
    sink.write(&[record("x")]).unwrap();
    let writes = captured.writes();
    captured.steps([Step::Fails(ErrorKind::WouldBlock); 3]);
    sink.write(&[record("x")]).unwrap();
    assert_eq!(captured.writes(), writes + 4);
}
