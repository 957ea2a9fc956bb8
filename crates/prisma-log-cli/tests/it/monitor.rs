//! `plog monitor` with a file of rules: receivers, and rules that change.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::{plog, run};

const LIMIT: Duration = Duration::from_secs(60);

fn rules(pattern: &str) -> String {
    format!(
        "version: 1\nrules:\n  - name: found\n    match: {{message: {pattern}}}\n    group_by: [message]\n"
    )
}

fn append(file: &Path, line: &str) {
    let mut file = std::fs::OpenOptions::new().append(true).create(true).open(file).unwrap();
    writeln!(file, "{line}").unwrap();
}

/// A monitor on `app.log`, whose stderr goes to a file.
fn start(dir: &Path) -> (Child, impl Iterator<Item = String>) {
    let stderr = std::fs::File::create(dir.join("stderr")).unwrap();
    let mut child = plog()
        .current_dir(dir)
        .args(["monitor", "app.log", "--from-start", "--json", "--rules", "rules.yaml"])
        .stdout(Stdio::piped())
        .stderr(stderr)
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    (child, lines.map_while(Result::ok))
}

fn wait_for(what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < LIMIT, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn rules_are_read_again_and_bad_ones_are_not_taken() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    std::fs::write(dir.join("rules.yaml"), rules("first")).unwrap();
    append(&dir.join("app.log"), "first 1");
    let (mut child, mut lines) = start(dir);
    assert!(lines.next().unwrap().contains("first 1"));
    let stderr = || std::fs::read_to_string(dir.join("stderr")).unwrap();

    std::fs::write(dir.join("rules.yaml"), "version: 1\nrules: [{name: found, mach: {}}]\n")
        .unwrap();
    wait_for("the mistake is told", || stderr().contains("the rules stay as they were"));
    assert!(stderr().contains("did you mean `match`?"), "{}", stderr());
    append(&dir.join("app.log"), "first 2");
    assert!(lines.next().unwrap().contains("first 2"));

    std::fs::write(dir.join("rules.yaml"), rules("second")).unwrap();
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-HUP", &pid]).status().unwrap().success());
    wait_for("the rules are taken", || stderr().contains("1 rules are in effect now"));
    append(&dir.join("app.log"), "first 3");
    append(&dir.join("app.log"), "second 1");
    assert!(lines.next().unwrap().contains("second 1"));
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn receivers_of_the_file_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let more = "receivers:\n  run: {type: command, program: /bin/sh, args: [-c, 'cat >> told.json']}\n\
                routes: [{group_wait: 0, match: rule=found}]\n";
    std::fs::write(dir.join("rules.yaml"), rules("lost") + more).unwrap();
    append(&dir.join("app.log"), "all is lost");
    let words = ["monitor", "app.log", "--from-start", "--until-idle", "300ms"];
    let said = run(dir, &[&words[..], &["--rules", "rules.yaml"]].concat());
    assert_eq!(said.code, 0, "{}", said.stderr);
    let told = std::fs::read_to_string(dir.join("told.json")).unwrap();
    assert!(told.contains("all is lost") && told.contains("\"receiver\":\"run\""), "{told}");
}

#[test]
fn a_secret_that_is_missing_stops_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let more = "receivers: {hook: {type: webhook, url: '${PLOG_TEST_NOT_SET}'}}\n";
    std::fs::write(dir.join("rules.yaml"), rules("lost") + more).unwrap();
    append(&dir.join("app.log"), "all is lost");
    let check = run(dir, &["rules", "check", "rules.yaml"]);
    assert_eq!(check.code, 0, "{}", check.stderr);
    let said = run(dir, &["monitor", "app.log", "--rules", "rules.yaml"]);
    assert_eq!(said.code, 2, "{}", said.stderr);
    assert!(said.stderr.contains("PLOG_TEST_NOT_SET"), "{}", said.stderr);
}
