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

/// A store with two alerts: `critical-record` of two files.
fn two_alerts() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (file, minute) in [("a.log", 0), ("b.log", 5)] {
        let line = format!("2026-11-24T08:{minute:02}:00Z CRITICAL shop.db: all is lost\n");
        std::fs::write(dir.path().join(file), line).unwrap();
    }
    let rules = "version: 1\nrules:\n  - name: critical-record\n    severity: critical\n    \
                 match: {level: critical}\n    group_by: source\n    labels: {team: shop}\n";
    std::fs::write(dir.path().join("rules.yaml"), rules).unwrap();
    let words = ["monitor", "a.log", "b.log", "--from-start", "--until-idle", "100ms"];
    let more = ["--rules", "rules.yaml", "--store", "a.redb"];
    let said = run(dir.path(), &[&words[..], &more].concat());
    assert_eq!(said.code, 0, "{}", said.stderr);
    dir
}

#[test]
fn alerts_are_filtered() {
    let dir = two_alerts();
    let check = |words: &[&str], expect: &[&str]| {
        let words = [&["alerts", "list", "--json", "--store", "a.redb"], words].concat();
        let said = run(dir.path(), &words);
        assert_eq!(said.code, 0, "{words:?}: {}", said.stderr);
        let alerts = said.json();
        let sources: Vec<&str> =
            alerts.iter().map(|alert| alert["group"]["source"].as_str().unwrap()).collect();
        assert_eq!(sources, expect, "{words:?}");
    };
    check(&[], &["b.log", "a.log"]);
    check(&["--rule", "critical-record"], &["b.log", "a.log"]);
    check(&["--rule", "other"], &[]);
    check(&["--severity", "critical"], &["b.log", "a.log"]);
    check(&["--label", "team=shop", "--label", "source=a.log"], &["a.log"]);
    check(&["--label", "source=~b.*"], &["b.log"]);
    check(&["--since", "2026-11-24T08:03:00Z"], &["b.log"]);
    check(&["--since", "1s"], &[]);
    check(&["--text", "lost"], &["b.log", "a.log"]);
    check(&["--text", "found"], &[]);
    check(&["--limit", "1"], &["b.log"]);
    check(&["--assignee", "ana"], &[]);
}

#[test]
fn operators_talk_through_alerts() {
    let dir = two_alerts();
    let alerts = |words: &[&str]| {
        let said = run(dir.path(), &[&["alerts"], words, &["--store", "a.redb"]].concat());
        assert_eq!(said.code, 0, "{words:?}: {}", said.stderr);
        said
    };
    let by = ["--by", "ana", "--json"];
    let act = |words: &[&str]| alerts(&[words, &by].concat()).json().remove(0);
    // One of them may be over already: the two logs have the same time.
    let all = alerts(&["list", "--state", "open", "--json"]).json();
    let id = all[0]["id"].as_str().unwrap();
    assert_eq!(act(&["assign", id, "bob"])["assignee"], "bob");
    assert_eq!(act(&["ack", id])["state"], "acknowledged");
    assert_eq!(act(&["unack", id])["state"], "open");
    assert_eq!(act(&["comment", id, "the pool is small"])["comments"][0]["by"], "ana");
    assert_eq!(act(&["resolve", id, "--note", "larger"])["state"], "resolved");
    assert_eq!(act(&["reopen", id])["state"], "open");
    assert!(act(&["assign", id, "--nobody"])["assignee"].is_null());
    let shown = alerts(&["show", id]).stdout;
    for word in
        ["team=shop", "the pool is small", "assigned by ana to bob", "resolved by ana: larger"]
    {
        assert!(shown.contains(word), "no {word:?} in {shown}");
    }
    let history = alerts(&["history", id, "--json"]).json();
    let steps: Vec<&str> = history.iter().map(|step| step["action"].as_str().unwrap()).collect();
    assert!(steps.starts_with(&["raised"]) && steps.contains(&"commented"), "{steps:?}");
    assert!(alerts(&["history"]).stdout.lines().count() > steps.len());
    let exported = alerts(&["export"]).json();
    let ids: Vec<&str> = exported.iter().map(|alert| alert["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["A000001", "A000002"]);
}

#[test]
fn silences_come_and_go() {
    let dir = two_alerts();
    let silence = |words: &[&str]| {
        let words = [&["alerts", "silence"], words, &["--store", "a.redb"]].concat();
        let said = run(dir.path(), &words);
        assert_eq!(said.code, 0, "{words:?}: {}", said.stderr);
        said
    };
    let words = ["add", "team=shop", "source=~a.*", "--for", "2h", "--comment", "new disk"];
    let made = silence(&[&words[..], &["--by", "ana", "--json"]].concat()).json().remove(0);
    assert_eq!((&made["state"], &made["author"]), (&"active".into(), &"ana".into()));
    assert_eq!(made["matchers"], serde_json::json!(["team=shop", "source=~a.*"]));
    let id = made["id"].as_str().unwrap();
    let listed = silence(&["list"]).stdout;
    for word in [id, "active", "team=shop", "by ana: new disk"] {
        assert!(listed.contains(word), "no {word:?} in {listed}");
    }
    let later = ["add", "team=shop", "--from", "2100-01-01T00:00:00Z", "--for", "1h", "--json"];
    assert_eq!(silence(&later).json()[0]["state"], "pending");
    silence(&["expire", id, "--by", "bob"]);
    assert_eq!(silence(&["list", "--json"]).json().len(), 1);
    let all = silence(&["list", "--all", "--json"]).json();
    assert_eq!(all[0]["expired_by"], "bob");
}
