//! Signals: end in order, in time, and not when `nohup` says so.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

const LINE: &str = "2026-11-24T08:00:00Z CRITICAL shop.db: all is lost\n";

/// A monitor started by a shell that ignores SIGHUP or does not, ready when it has raised an alert.
fn monitor(dir: &Path, shell: &str) -> (Child, BufReader<std::process::ChildStdout>) {
    std::fs::write(dir.join("app.log"), LINE).unwrap();
    let plog = env!("CARGO_BIN_EXE_plog");
    let script = format!("{shell} exec '{plog}' monitor app.log --from-start --json");
    let mut child = Command::new("bash")
        .args(["-c", &script])
        .current_dir(dir)
        .env_remove("PLOG_STORE")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    assert!(next(&mut out).contains("critical-record"));
    (child, out)
}

fn next(out: &mut impl std::io::BufRead) -> String {
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    line
}

fn signal(child: &Child, name: &str) {
    let pid = child.id().to_string();
    assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
}

#[test]
fn a_signal_ends_the_monitor_with_its_summary() {
    for name in ["-TERM", "-INT", "-HUP"] {
        let dir = tempfile::tempdir().unwrap();
        let (mut child, out) = monitor(dir.path(), "");
        signal(&child, name);
        assert_eq!(child.wait().unwrap().code(), Some(0), "{name}");
        let last = out.lines().map_while(Result::ok).last().unwrap();
        assert!(last.contains("\"event\":\"end\""), "{name}: {last}");
    }
}

#[test]
fn a_hangup_that_nohup_ignores_is_ignored() {
    let dir = tempfile::tempdir().unwrap();
    let (mut child, mut out) = monitor(dir.path(), "trap '' HUP;");
    signal(&child, "-HUP");
    // It still reads: a new line raises an alert.
    let mut log =
        std::fs::OpenOptions::new().append(true).open(dir.path().join("app.log")).unwrap();
    writeln!(log, "2026-11-24T08:00:01Z ERROR x: No space left on device").unwrap();
    assert!(next(&mut out).contains("disk-full"));
    signal(&child, "-TERM");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_blocked_reader_does_not_keep_it() {
    let dir = tempfile::tempdir().unwrap();
    let (mut child, out) = monitor(dir.path(), "");
    // More alerts than the pipe takes, and nobody reads them any more.
    let mut log =
        std::fs::OpenOptions::new().append(true).open(dir.path().join("app.log")).unwrap();
    for address in 0..2_000 {
        let [a, b] = [address / 250, address % 250 + 1];
        for second in 10..15 {
            let time = format!("2026-11-24T08:00:{second}Z");
            writeln!(log, "{time} WARN auth: authentication failed for root from 10.0.{a}.{b}")
                .unwrap();
        }
    }
    std::thread::sleep(std::time::Duration::from_secs(1));
    signal(&child, "-TERM");
    let code = child.wait().unwrap().code();
    drop(out);
    assert_eq!(code, Some(1));
}
