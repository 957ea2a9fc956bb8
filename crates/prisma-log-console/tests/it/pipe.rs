//! The process's real streams.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Stdio};

use prisma_log_console::{ConsoleSink, Stream};
use prisma_log_core::{Filter, SinkDrain};
use prisma_log_format::JsonEncoder;

/// Starts this test program again with both streams captured.
fn child(task: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "pipe::child_logs", "--nocapture"])
        .env("PRISMA_LOG_TEST_TASK", task)
        .env_remove("FORCE_COLOR")
        .env_remove("CLICOLOR_FORCE")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

#[test]
fn child_logs() {
    let Ok(task) = std::env::var("PRISMA_LOG_TEST_TASK") else { return };
    let (stream, count) = task.split_once(' ').unwrap();
    let count: u64 = count.parse().unwrap();
    let builder = ConsoleSink::builder().stream(stream.parse().unwrap());
    let sink = builder.encoder(JsonEncoder::new()).build().unwrap();
    let drain = SinkDrain::builder().sink("console", Filter::default(), sink).build();
    let log = slog::Logger::root(drain.clone(), slog::o!());
    for number in 0..count {
        slog::info!(log, "record {}", number);
    }
    let ledger = drain.ledgers()[0].1;
    let report = (ledger.submitted(), ledger.delivered(), ledger.dropped());
    // The test harness prints to standard output, which may be gone.
    std::fs::write(std::env::var_os("PRISMA_LOG_TEST_REPORT").unwrap(), format!("{report:?}"))
        .unwrap();
    std::process::exit(0);
}

#[test]
fn all_lines_reach_the_chosen_stream() {
    let folder = tempfile::TempDir::new().unwrap();
    let report = folder.path().join("report");
    for stream in [Stream::Stdout, Stream::Stderr] {
        let task = format!("{} 500", stream.as_str());
        let output = child(&task).env("PRISMA_LOG_TEST_REPORT", &report).output().unwrap();
        assert!(output.status.success());
        let (ours, other) = match stream {
            Stream::Stdout => (&output.stdout, &output.stderr),
            _ => (&output.stderr, &output.stdout),
        };
        let count = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes).into_owned();
            text.lines().filter(|line| line.contains(r#""message":"record "#)).count()
        };
        assert_eq!((count(ours), count(other)), (500, 0), "{stream:?}");
        assert_eq!(std::fs::read_to_string(&report).unwrap(), "(500, 500, 0)");
    }
}

#[test]
fn a_reader_that_goes_away_breaks_nothing_and_every_record_is_accounted_for() {
    let folder = tempfile::TempDir::new().unwrap();
    let report = folder.path().join("report");
    let mut child = child("stdout 20000").env("PRISMA_LOG_TEST_REPORT", &report).spawn().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("record 9") {
        line.clear();
        assert!(output.read_line(&mut line).unwrap() > 0);
    }
    drop(output);
    let status = child.wait().unwrap();
    let mut complaints = String::new();
    child.stderr.take().unwrap().read_to_string(&mut complaints).unwrap();
    assert!(status.success(), "{status}: {complaints}");
    assert!(complaints.contains("cannot write to stdout"), "{complaints}");
    assert!(!complaints.contains("panicked"), "{complaints}");
    let report = std::fs::read_to_string(report).unwrap();
    let counts: Vec<u64> =
        report.trim_matches(['(', ')']).split(", ").map(|count| count.parse().unwrap()).collect();
    let [submitted, delivered, dropped] = counts[..] else { panic!("{report}") };
    println!("reader gone: {submitted} submitted = {delivered} delivered + {dropped} dropped");
    assert_eq!((submitted, delivered + dropped), (20_000, 20_000));
    assert!(delivered >= 10 && dropped > 0);
}

#[test]
fn a_full_device_is_an_error() {
    let folder = tempfile::TempDir::new().unwrap();
    let report = folder.path().join("report");
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut child = child("stderr 10");
    let status = child.stderr(full).env("PRISMA_LOG_TEST_REPORT", &report).status().unwrap();
    assert!(status.success());
    assert_eq!(std::fs::read_to_string(&report).unwrap(), "(10, 0, 10)");
}
