//! Wrong calls and unreadable files: a clear message, the right exit code, nothing half-written.

use std::path::Path;
use std::process::Command;

use crate::support::{Said, plog, run};

/// Runs `plog`, expects this exit code and all of these words on stderr.
fn check(dir: &Path, words: &[&str], code: i32, expect: &[&str]) {
    let said = run(dir, words);
    assert_eq!(said.code, code, "{words:?}: {}", said.stderr);
    for word in expect {
        assert!(said.stderr.contains(word), "{words:?}: no {word:?} in {}", said.stderr);
    }
    assert!(!said.stderr.contains("panicked"), "{}", said.stderr);
}

fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    std::fs::write(at("good.log"), "2026-11-24T08:00:00Z ERROR x: boom\n").unwrap();
    std::fs::write(at("empty.log"), "").unwrap();
    std::fs::write(at("binary"), b"\x7fELF\0\0\0\x01\0\0").unwrap();
    std::fs::create_dir(at("folder")).unwrap();
    assert!(Command::new("mkfifo").arg(at("fifo")).status().unwrap().success());
    dir
}

#[test]
fn files_that_are_no_logs() {
    let dir = folder();
    let dir = dir.path();
    for (name, word) in [
        ("missing.log", "missing.log"),
        ("folder", "folder"),
        ("fifo", "fifo"),
        ("binary", "binary"),
    ] {
        let monitor = ["monitor", "--from-start", "--until-idle", "100ms", "--json"];
        // One bad file does not stop the others.
        let words = [&monitor[..], &[name, "good.log"]].concat();
        check(dir, &words, 1, &[word]);
        let said = run(dir, &words);
        let good = said.json().into_iter().find(|line| line["path"] == "good.log").unwrap();
        assert_eq!(good["lines"], 1, "{}", said.stdout);
        check(dir, &["tail", name], 1, &[word]);
        let said = run(dir, &["tail", name, "good.log"]);
        assert!(said.stdout.contains("boom"), "{}", said.stdout);
    }
    let said = run(dir, &["monitor", "--from-start", "--until-idle", "100ms", "empty.log"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    check(dir, &["tail", "nothing-*.log"], 1, &["nothing-*.log"]);
    let words = ["monitor", "nothing-*.log", "--until-idle", "100ms"];
    check(dir, &words, 1, &["no file matches nothing-*.log"]);
    let said = run(dir, &["monitor", "missing.log", "--until-idle", "100ms"]);
    assert_eq!(said.stderr.matches("missing.log").count(), 1, "said once: {}", said.stderr);
}

#[test]
fn rules_that_are_wrong() {
    let dir = folder();
    let dir = dir.path();
    let rule =
        |body: &str| format!("version: 1\nrules:\n  - name: one\n    severity: error\n{body}");
    let cases = [
        ("    match: { message: '(' }\n    threshold: { count: 1, window: 1s }\n", "5:"),
        ("    match: { message: x }\n    threshold: { count: 0, window: 1s }\n", "count"),
        ("    match: { message: x }\n    threshold: { count: 1, window: soon }\n", "soon"),
        ("    match: { massage: x }\n    threshold: { count: 1, window: 1s }\n", "message"),
        ("   oops\n", "rules.yaml"),
    ];
    for (body, word) in cases {
        std::fs::write(dir.join("rules.yaml"), rule(body)).unwrap();
        check(dir, &["monitor", "good.log", "--rules", "rules.yaml"], 2, &["rules.yaml", word]);
        check(dir, &["config", "check", "rules.yaml"], 2, &["rules.yaml", word]);
    }
    check(dir, &["monitor", "good.log", "--rules", "none.yaml"], 1, &["none.yaml"]);
}

#[test]
fn rules_commands_with_wrong_words() {
    let dir = folder();
    let dir = dir.path();
    let rules = "version: 1\nrules:\n  - {name: one, match: {message: x}}\n";
    std::fs::write(dir.join("rules.yaml"), rules).unwrap();
    std::fs::write(dir.join("bad.yaml"), "version: 1\nrules: oops\n").unwrap();
    check(dir, &["rules"], 2, &["Usage"]);
    check(dir, &["rules", "check"], 2, &["FILE"]);
    check(dir, &["rules", "check", "bad.yaml"], 2, &["bad.yaml", "expected a list"]);
    check(dir, &["rules", "check", "none.yaml"], 1, &["none.yaml"]);
    for command in [
        &["test", "bad.yaml"][..],
        &["replay", "bad.yaml", "--log", "good.log"],
        &["explain", "bad.yaml", "--line", "x"],
    ] {
        check(dir, &[&["rules"], command].concat(), 2, &["bad.yaml", "expected a list"]);
    }
    check(dir, &["rules", "test-receivers"], 2, &["FILE"]);
    check(dir, &["rules", "test-receivers", "bad.yaml"], 2, &["expected a list"]);
    check(dir, &["rules", "test-receivers", "rules.yaml"], 2, &["rules.yaml has no receivers"]);
    let who = "receivers: {one: {type: command, program: /bin/true}}\n";
    std::fs::write(dir.join("who.yaml"), format!("{rules}{who}")).unwrap();
    let words = ["rules", "test-receivers", "who.yaml", "--receiver", "two"];
    check(dir, &words, 2, &["`two`", "receivers: one"]);
    check(dir, &["rules", "test", "rules.yaml", "--rule", "two"], 2, &["`two`", "rules: one"]);
    check(dir, &["rules", "replay", "rules.yaml"], 2, &["--log"]);
    check(dir, &["rules", "replay", "rules.yaml", "--log", "none-*.log"], 1, &["none-*.log"]);
    check(dir, &["rules", "replay", "rules.yaml", "--log", "folder"], 1, &["folder"]);
    check(dir, &["rules", "explain", "rules.yaml"], 2, &["--line", "--log"]);
    check(dir, &["rules", "explain", "rules.yaml", "--log", "good.log"], 2, &["app.log:12"]);
    check(dir, &["rules", "explain", "--log", "good.log:7"], 1, &["good.log has 1 lines, not 7"]);
    check(dir, &["rules", "explain", "--log", "none.log:7"], 1, &["none.log"]);
}

#[test]
fn stores_that_are_none() {
    let dir = folder();
    let dir = dir.path();
    std::fs::write(dir.join("text.redb"), "this is no store").unwrap();
    for store in ["text.redb", "folder", "good.log/alerts.redb", "/proc/alerts.redb"] {
        let words = ["monitor", "good.log", "--until-idle", "100ms", "--store", store];
        check(dir, &words, 1, &[store]);
    }
    assert_eq!(std::fs::read_to_string(dir.join("text.redb")).unwrap(), "this is no store");
    check(dir, &["alerts", "list", "--store", "nowhere.redb"], 1, &["nowhere.redb", "--store"]);
    assert!(!dir.join("nowhere.redb").exists());
    check(dir, &["alerts", "list"], 2, &["PLOG_STORE"]);
}

#[test]
fn alerts_commands_with_wrong_words() {
    let dir = folder();
    let dir = dir.path();
    let words = ["monitor", "good.log", "--until-idle", "100ms", "--store", "a.redb"];
    assert_eq!(run(dir, &words).code, 0);
    let check = |words: &[&str], code: i32, expect: &[&str]| {
        check(dir, &[&["alerts", "--store", "a.redb"], words].concat(), code, expect);
    };
    check(&["list", "--severity", "loud"], 2, &["loud", "critical"]);
    check(&["list", "--label", "team"], 2, &["team", "severity=critical"]);
    check(&["list", "--since", "soon"], 2, &["soon", "2h"]);
    check(&["list", "--since", "2026-11-24T08:00:00"], 2, &["offset from UTC"]);
    check(&["assign", "A1"], 2, &["<TO>"]);
    check(&["assign", "A1", "ana"], 1, &["A1"]);
    check(&["comment", "A1", ""], 1, &["A1"]);
    check(&["reopen", "what"], 2, &["what"]);
    check(&["history", "A7"], 1, &["A7"]);
    check(&["silence", "add", "--for", "1h"], 2, &["MATCHER"]);
    check(&["silence", "add", "a=b"], 2, &["--until"]);
    check(&["silence", "add", "a=b", "--until", "2020-01-01T00:00:00Z"], 2, &["end"]);
    check(&["silence", "add", "a=~(", "--for", "1h"], 2, &["a"]);
    check(&["silence", "expire", "S7"], 1, &["S7"]);
}

#[test]
fn calls_that_make_no_sense() {
    let dir = folder();
    let dir = dir.path();
    check(dir, &[], 2, &["Usage"]);
    check(dir, &["monitor"], 2, &["FILE"]);
    for address in ["127.0.0.1:5514", "tls://127.0.0.1:1", "udp://localhost:1", "udp://127.0.0.1"] {
        check(dir, &["monitor", "--syslog", address], 2, &[address, "udp://127.0.0.1:5514"]);
    }
    check(dir, &["monitor", "--syslog", "udp://0.0.0.0:0"], 2, &["loopback", "--any-address"]);
    check(dir, &["monitor", "good.log", "--any-address"], 2, &["--syslog"]);
    check(dir, &["monitor", "--journal=unit"], 2, &["unit", "_SYSTEMD_UNIT=ssh.service"]);
    check(dir, &["monitor", "x", "--until-idle", "soon"], 2, &["soon"]);
    check(dir, &["tail", "good.log", "--level", "loud"], 2, &["loud", "warning"]);
    check(dir, &["tail", "good.log", "--trace", "XYZ"], 2, &["32 lowercase hex digits"]);
    check(dir, &["demo", "--seconds", "1"], 2, &["4..=600"]);
    check(dir, &["demo", "--dir", "good.log"], 1, &["good.log"]);
    check(dir, &["config", "show", "--profile", "nope"], 2, &["nope", "production"]);
    check(dir, &["config", "check", "none.yaml"], 1, &["none.yaml"]);
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let dir = folder();
    let plog = env!("CARGO_BIN_EXE_plog");
    let many = "2026-11-24T08:00:00Z ERROR x: boom\n".repeat(50_000);
    std::fs::write(dir.path().join("many.log"), many).unwrap();
    let script = format!("set -o pipefail; '{plog}' tail many.log | head -1");
    let said = Command::new("bash").arg("-c").arg(script).current_dir(dir.path()).output().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    assert!(said.stderr.is_empty(), "{}", String::from_utf8_lossy(&said.stderr));
}

#[test]
fn standard_input_that_can_t_be_read() {
    let dir = folder();
    let folder = std::fs::File::open(dir.path().join("folder")).unwrap();
    let said = plog().current_dir(dir.path()).args(["monitor", "-"]).stdin(folder).output();
    let said: Said = said.unwrap().into();
    assert_eq!(said.code, 1, "{}", said.stdout);
    assert!(said.stderr.contains("directory"), "{}", said.stderr);
}
