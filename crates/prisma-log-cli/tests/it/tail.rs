//! `plog tail`: filters, forms, following.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;

use crate::support::{plog, run};

const LOG: &str = concat!(
    r#"{"timestamp":"2026-11-24T08:00:00.000001Z","level":"DEBUG","logger":"shop.orders","message":"one","n":1}"#,
    "\n",
    r#"{"timestamp":"2026-11-24T08:00:00.000002Z","level":"ERROR","logger":"shop.db","message":"two\u001b[31m","trace_id":"0af7651916cd43dd8448eb211c80319c"}"#,
    "\n",
    "2026-11-24T08:00:01Z WARN shop.orders: three\n",
    "no time at all\x1b[2J\n",
    r#"{"timestamp":"2026-11-24T08:00:02.000003Z","level":"CRITICAL","logger":"shopping","message":"four"}"#,
);

fn shown(words: &[&str]) -> String {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("app.log"), LOG).unwrap();
    let said = run(dir.path(), &[&["tail", "app.log"], words].concat());
    assert_eq!(said.code, 0, "{}", said.stderr);
    said.stdout
}

#[test]
fn filters_choose_lines() {
    let check = |words: &[&str], expect: &[&str]| {
        let shown = shown(words);
        let found: Vec<_> = ["one", "two", "three", "no time", "four"]
            .into_iter()
            .filter(|word| shown.contains(word))
            .collect();
        assert_eq!(found, expect, "{words:?}: {shown}");
    };
    check(&[], &["one", "two", "three", "no time", "four"]);
    check(&["--level", "warning"], &["two", "three", "four"]);
    check(&["--logger", "shop"], &["one", "two", "three"]);
    check(&["--logger", "shop.orders", "--level", "info"], &["three"]);
    check(&["--trace", "0af7651916cd43dd8448eb211c80319c"], &["two"]);
    check(&["-n", "2"], &["no time", "four"]);
}

#[test]
fn nothing_in_a_log_acts_on_the_terminal() {
    assert!(!shown(&["--color", "never"]).contains('\x1b'));
    let coloured = shown(&["--color", "always"]);
    assert!(coloured.contains("\x1b["), "{coloured}");
    assert!(!coloured.contains("\x1b[2J") && !coloured.contains("two\x1b[31m"), "{coloured:?}");
}

#[test]
fn json_for_programs_whatever_the_form() {
    let lines: Vec<serde_json::Value> =
        shown(&["--json"]).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 5);
    assert_eq!(lines[0]["n"], 1);
    assert_eq!(lines[2]["level"], "WARNING");
    assert_eq!(lines[2]["message"], "three");
    let plain = lines[3].as_object().unwrap();
    assert_eq!(plain.keys().collect::<Vec<_>>(), ["message"], "nothing is made up");
}

#[test]
fn following_goes_on_across_rotation() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("app.log");
    std::fs::write(&log, "2026-11-24T08:00:00Z INFO a: first\n").unwrap();
    let mut child = plog()
        .current_dir(dir.path())
        .args(["tail", "-f", "app.log", "--json"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || lines.next().unwrap().unwrap();
    assert!(next().contains("first"));
    let mut file = std::fs::OpenOptions::new().append(true).open(&log).unwrap();
    writeln!(file, "2026-11-24T08:00:01Z INFO a: second").unwrap();
    assert!(next().contains("second"));
    std::fs::rename(&log, dir.path().join("app.log.1")).unwrap();
    std::fs::write(&log, "2026-11-24T08:00:02Z INFO a: third\n").unwrap();
    assert!(next().contains("third"));
    child.kill().unwrap();
    child.wait().unwrap();
}
