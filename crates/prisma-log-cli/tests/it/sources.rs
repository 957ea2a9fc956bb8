//! `plog monitor` on what is no plain file.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpStream, UdpSocket};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::{Said, gzip, plog, run, run_with_input, zstd};

const LIMIT: Duration = Duration::from_secs(60);
const RULES: &str = "version: 1\nrules:\n  - name: lost\n    match: {text: 'all is lost'}\n    \
                     group_by: [message]\n";

fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("rules.yaml"), RULES).unwrap();
    dir
}

/// How many alerts of a run were raised, and the lines of its one source.
fn counts(said: &Said) -> (u64, u64) {
    assert_eq!(said.code, 0, "{}", said.stderr);
    let lines = said.json();
    let end = lines.last().unwrap();
    assert_eq!(end["files"], 1, "{}", said.stdout);
    (end["raised"].as_u64().unwrap(), end["lines"].as_u64().unwrap())
}

#[test]
fn archives_are_read_from_their_start() {
    let dir = folder();
    let dir = dir.path();
    let text = "one\nall is lost\ntwo";
    std::fs::create_dir(dir.join("old")).unwrap();
    std::fs::write(dir.join("old/a.log.1.gz"), gzip(text)).unwrap();
    std::fs::write(dir.join("old/b.log.zst"), zstd(text)).unwrap();
    let monitor = ["monitor", "--from-start", "--until-idle", "300ms", "--json"];
    for file in ["old/a.log.1.gz", "old/*.gz", "old/b.log.zst", "old/*.zst"] {
        let words = [&monitor[..], &["--rules", "rules.yaml", file]].concat();
        assert_eq!(counts(&run(dir, &words)), (1, 3), "{file}");
    }
    for file in ["old/a.log.1.gz", "old/*.zst"] {
        let said = run(dir, &["tail", file]);
        assert_eq!(said.code, 0, "{}", said.stderr);
        assert!(said.stdout.contains("all is lost"), "{}", said.stdout);
    }
}

#[test]
fn standard_input_is_read_to_its_end() {
    let dir = folder();
    let dir = dir.path();
    let words = ["monitor", "--rules", "rules.yaml", "--json", "-"];
    let said = run_with_input(dir, &words, "one\nall is lost\ntwo");
    assert_eq!(counts(&said), (1, 3));
    let source = said.json().into_iter().find(|line| line["event"] == "source").unwrap();
    assert_eq!((&source["path"], &source["state"]), (&"-".into(), &"ended".into()));
    assert_eq!(source["dropped"], 0);
    // Named twice it is still one; with a file it is one of two.
    assert_eq!(counts(&run_with_input(dir, &[&words[..], &["-"]].concat(), "all is lost\n")).1, 1);
    std::fs::write(dir.join("app.log"), "one\n").unwrap();
    let more = ["app.log", "--until-idle", "300ms", "--from-start"];
    let said = run_with_input(dir, &[&words[..], &more].concat(), "all is lost\n");
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert_eq!(said.json().last().unwrap()["lines"], 2);
    // People see nothing wrong with the end.
    let said = run_with_input(dir, &["monitor", "--rules", "rules.yaml", "-"], "x\n");
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(said.stdout.lines().any(|line| line.ends_with("  -")), "{}", said.stdout);
}

#[test]
fn lines_that_belong_together_are_one_record() {
    let dir = folder();
    let dir = dir.path();
    let both = "version: 1\nrules:\n  - name: trace\n    match: {text: '(?s)no way.*X[.]java'}\n";
    std::fs::write(dir.join("rules.yaml"), both).unwrap();
    let text = "2026-11-24T08:00:00Z ERROR x: no way to go on\n\tat X.y(X.java:3)\n";
    std::fs::write(dir.join("app.log"), text).unwrap();
    let words = ["monitor", "--from-start", "--until-idle", "300ms", "--rules", "rules.yaml"];
    for (more, raised) in [(&["--json"][..], 0), (&["--json", "--join"], 1)] {
        let file = [&words[..], more, &["app.log"]].concat();
        assert_eq!(counts(&run(dir, &file)).0, raised, "{file:?}");
        let stdin = [&words[..], more, &["-"]].concat();
        assert_eq!(counts(&run_with_input(dir, &stdin, text)).0, raised, "{stdin:?}");
    }
}

/// A monitor that listens at these addresses; they, as they are really, and its alerts.
fn listen(dir: &Path, wanted: &[&str]) -> (Child, Vec<String>, impl Iterator<Item = String>) {
    let mut command = plog();
    command.current_dir(dir).args(["monitor", "--json", "--rules", "rules.yaml"]);
    for address in wanted {
        command.args(["--syslog", address]);
    }
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let told = BufReader::new(child.stderr.take().unwrap()).lines();
    let told = told.take(wanted.len()).map(|line| {
        let line = line.unwrap();
        line.strip_prefix("listening at ").unwrap_or_else(|| panic!("{line}")).to_owned()
    });
    let told = told.collect();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    (child, told, lines)
}

#[test]
fn syslog_messages_are_heard() {
    let dir = folder();
    let wanted = ["udp://127.0.0.1:0", "tcp://127.0.0.1:0", "udp://[::1]:0"];
    // Not every machine has IPv6.
    let wanted = &wanted[..2 + usize::from(UdpSocket::bind("[::1]:0").is_ok())];
    let (mut child, addresses, mut alerts) = listen(dir.path(), wanted);
    for (number, address) in addresses.iter().enumerate() {
        let message = format!("<11>1 2026-11-24T08:00:00Z h app - - - all is lost {number}");
        match address.split_once("://").unwrap() {
            ("udp", address) => {
                let any = if address.starts_with('[') { "[::1]:0" } else { "127.0.0.1:0" };
                let socket = UdpSocket::bind(any).unwrap();
                socket.send_to(message.as_bytes(), address).unwrap();
            }
            (_, address) => {
                let mut stream = TcpStream::connect(address).unwrap();
                write!(stream, "{} {message}", message.len()).unwrap();
            }
        }
        let alert = alerts.next().unwrap();
        assert!(alert.contains(&format!("all is lost {number}")), "{alert}");
    }
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    let last = alerts.last().unwrap();
    assert!(last.contains(&format!("\"files\":{}", addresses.len())), "{last}");
    assert!(child.wait().unwrap().success());
}

/// Puts a `journalctl` into the folder that writes what it is called with, and one entry.
fn journal(dir: &Path, script: &str) -> String {
    let program = dir.join("journalctl");
    std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    format!("{}:/usr/bin:/bin", dir.display())
}

#[test]
fn the_journal_is_read() {
    let dir = folder();
    let dir = dir.path();
    let entry = r#"{"__CURSOR":"c1","__REALTIME_TIMESTAMP":"1795507200000000","PRIORITY":"3","MESSAGE":"all is lost"}"#;
    let path = journal(dir, &format!("echo \"$@\" >> calls\necho '{entry}'\nexec sleep 100"));
    let words = ["monitor", "--journal=A=1", "--journal=B=2", "--json", "--from-start"];
    let mut child = plog()
        .current_dir(dir)
        .env("PATH", path)
        .args(words)
        .args(["--rules", "rules.yaml", "--store", "alerts.redb"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    assert!(line.contains("all is lost"), "{line}");
    let calls = std::fs::read_to_string(dir.join("calls")).unwrap();
    assert!(calls.contains("A=1 B=2") && calls.contains("--follow"), "{calls}");
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("\"path\":\"journal:A=1+B=2\""), "{rest}");
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_journal_that_can_t_be_read_is_told() {
    let dir = folder();
    let dir = dir.path();
    let path = journal(dir, "echo no such luck >&2; exit 4");
    let start = Instant::now();
    let said: Said = plog()
        .current_dir(dir)
        .env("PATH", path)
        .args(["monitor", "--journal", "--until-idle", "300ms"])
        .output()
        .unwrap()
        .into();
    assert_eq!(said.code, 1, "{}", said.stdout);
    assert!(said.stderr.contains("no such luck"), "{}", said.stderr);
    assert!(start.elapsed() < LIMIT);
}
