//! `plog monitor` and `plog alerts` together: an alert's life across processes.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use crate::support::{plog, run};

#[test]
fn an_operator_acts_while_the_monitor_runs() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let line = "2026-11-24T08:00:00Z CRITICAL shop.db: all is lost\n";
    std::fs::write(dir.join("app.log"), line).unwrap();
    let mut child = plog()
        .current_dir(dir)
        .args(["monitor", "app.log", "--from-start", "--json", "--store", "a.redb"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let raised: serde_json::Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!(raised["event"], "raised");
    assert_eq!(raised["severity"], "critical");
    assert_eq!(raised["first_seen"], "2026-11-24T08:00:00.000000Z");
    let id = raised["id"].as_str().unwrap();

    let store = ["--store", "a.redb"];
    let act = |words: &[&str]| run(dir, &[&["alerts"], words, &store[..]].concat());
    let acked = act(&["ack", id, "--by", "ana", "--note", "on it", "--json"]);
    assert_eq!(acked.code, 0, "{}", acked.stderr);
    assert_eq!(acked.json()[0]["state"], "acknowledged");
    let twice = act(&["ack", id, "--by", "bob"]);
    assert_eq!(twice.code, 1, "{}", twice.stdout);
    let listed = act(&["list", "--state", "acknowledged", "--json"]);
    assert_eq!(listed.json()[0]["acknowledged_by"], "ana");
    let resolved = act(&["resolve", id, "--by", "ana", "--note", "restarted"]);
    assert_eq!(resolved.code, 0, "{}", resolved.stderr);
    let shown = act(&["show", id]);
    for word in ["ana", "on it", "restarted", "all is lost"] {
        assert!(shown.stdout.contains(word), "no {word:?} in {}", shown.stdout);
    }
    let unknown = act(&["show", "A999999"]);
    assert_eq!(unknown.code, 1);
    assert!(unknown.stderr.contains("A999999"), "{}", unknown.stderr);

    // It recurs: the same alert opens again.
    let again = "2026-11-24T08:10:00Z CRITICAL shop.db: all is lost again\n";
    let mut file = std::fs::OpenOptions::new().append(true).open(dir.join("app.log")).unwrap();
    std::io::Write::write_all(&mut file, again.as_bytes()).unwrap();
    let news: serde_json::Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!((news["event"].as_str(), news["id"].as_str()), (Some("reopened"), Some(id)));
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_store_that_is_deleted_ends_the_monitor_and_is_told_once() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    std::fs::write(dir.join("app.log"), "2026-11-24T08:00:00Z CRITICAL shop.db: lost\n").unwrap();
    let mut child = plog()
        .current_dir(dir)
        .args(["monitor", "app.log", "--from-start", "--json", "--store", "a.redb"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().contains("raised"));
    std::fs::remove_file(dir.join("a.redb")).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(stderr.matches("was deleted").count(), 1, "{stderr}");
}
