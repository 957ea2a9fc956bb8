//! `plog rules`: check, test, replay, explain.

use std::path::Path;

use crate::support::{Said, gzip, run, zstd};

const RULES: &str = r#"version: 1
rules:
  - name: refused
    severity: critical
    match: {level: error, message: 'refused by (?<ip>\S+)', not: {logger: shop.health}}
    threshold: {count: 2, window: 1m}
    group_by: ip
    should_match: ["2026-11-24T08:00:00Z ERROR shop.db: refused by 10.0.0.7"]
    should_not:
      - "2026-11-24T08:00:00Z INFO shop.db: refused by 10.0.0.7"
      - "2026-11-24T08:00:00Z ERROR shop.health: refused by 10.0.0.7"
  - name: any-line
    match: {line: .}
"#;

const LOG: &str = "\
2026-11-24T08:00:00Z ERROR shop.db: refused by 10.0.0.7
2026-11-24T08:00:01Z INFO shop.db: refused by 10.0.0.7
2026-11-24T08:00:02Z ERROR shop.db: refused by 10.0.0.7
2026-11-24T08:00:03Z ERROR shop.db: refused by 10.0.0.8
2026-11-24T08:00:04Z ERROR shop.db: refused by 10.0.0.7
2026-11-24T08:00:05Z ERROR shop.db: refused by 10.0.0.7
2026-11-24T09:00:05Z ERROR shop.db: refused by 10.0.0.7
2026-11-24T09:00:05Z ERROR shop.db: refused by 10.0.0.7
";

fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("rules.yaml"), RULES).unwrap();
    std::fs::write(dir.path().join("app.log"), LOG).unwrap();
    dir
}

fn rules(dir: &Path, words: &[&str]) -> Said {
    run(dir, &[&["rules"], words].concat())
}

#[test]
fn check_tells_mistakes_and_doubts() {
    let dir = folder();
    let dir = dir.path();
    let good = rules(dir, &["check", "rules.yaml"]);
    assert_eq!(good.code, 0, "{}", good.stderr);
    assert_eq!(good.stdout, "ok  rules.yaml: 2 rules\n");
    assert!(good.stderr.contains("info: rule `any-line` is asked about every line"));
    assert_eq!(good.stderr.matches("is asked about").count(), 1, "{}", good.stderr);
    let doubtful = "version: 1\nrules:\n  - {name: a, match: {line: 'x*'}}\n";
    std::fs::write(dir.join("doubtful.yaml"), doubtful).unwrap();
    let said = rules(dir, &["check", "doubtful.yaml", "rules.yaml"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    for word in ["doubtful.yaml:3:12", "found in every line", "0 mistakes, 1 warning in 2 files"] {
        assert!(said.stderr.contains(word), "no {word:?} in {}", said.stderr);
    }
    std::fs::write(dir.join("bad.yaml"), "version: 1\nrules:\n  - {name: a, mach: {}}\n").unwrap();
    let said = rules(dir, &["check", "bad.yaml", "doubtful.yaml", "--json"]);
    assert_eq!(said.code, 2, "{}", said.stderr);
    let found: Vec<_> =
        said.json().into_iter().filter(|found| found["severity"] != "info").collect();
    let severities: Vec<&str> = found.iter().map(|f| f["severity"].as_str().unwrap()).collect();
    assert_eq!(severities, ["error", "error", "warning"].as_slice()[3 - found.len()..]);
    assert_eq!((found[0]["line"].as_u64(), found[0]["column"].as_u64()), (Some(3), Some(15)));
    assert_eq!(found[0]["hint"], "did you mean `match`?");
}

#[test]
fn test_runs_the_cases() {
    let dir = folder();
    let dir = dir.path();
    let said = rules(dir, &["test", "rules.yaml"]);
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
    for word in ["1/1", "2/2", "3 of 3 cases pass", "without cases: any-line"] {
        assert!(said.stdout.contains(word), "no {word:?} in {}", said.stdout);
    }
    let broken = RULES.replace("level: error, ", "").replace("refused by (", "refused  by (");
    std::fs::write(dir.join("broken.yaml"), broken).unwrap();
    let said = rules(dir, &["test", "broken.yaml"]);
    assert_eq!(said.code, 1);
    for word in ["should match, does not", "the message is `refused by 10.0.0.7`", "0/1", "2/2"] {
        assert!(said.stdout.contains(word), "no {word:?} in {}", said.stdout);
    }
    let lax = RULES.replace("level: error, ", "");
    std::fs::write(dir.join("lax.yaml"), lax).unwrap();
    let said = rules(dir, &["test", "lax.yaml", "--rule", "refused", "--json"]);
    assert_eq!(said.code, 1);
    let lines = said.json();
    let passed: Vec<_> = lines[..3].iter().map(|case| case["passed"].as_bool()).collect();
    assert_eq!(passed, [Some(true), Some(false), Some(true)]);
    assert_eq!((&lines[3]["cases"], &lines[3]["failed"]), (&3.into(), &1.into()));
    assert_eq!(lines[3]["rules"], 1);
}

#[test]
fn the_packs_pass_their_own_cases() {
    let packs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../prisma-log-config/packs");
    let mut words = vec!["test".to_owned()];
    for entry in std::fs::read_dir(packs).unwrap() {
        words.push(entry.unwrap().path().to_str().unwrap().to_owned());
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let said = rules(Path::new("."), &words);
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
    let total = said.stdout.lines().last().unwrap_or_default();
    let passed: Option<u32> = total.split(' ').next().and_then(|count| count.parse().ok());
    assert!(passed.is_some_and(|passed| passed >= 300), "{total}");
    assert!(!said.stdout.contains("without cases"), "{}", said.stdout);
}

#[test]
fn replay_counts_in_event_time() {
    let dir = folder();
    let dir = dir.path();
    let words = ["replay", "rules.yaml", "--log", "app.log", "--rule", "refused"];
    let said = rules(dir, &[&words[..], &["--json"]].concat());
    assert_eq!(said.code, 0, "{}", said.stderr);
    let lines = said.json();
    let of = |event: &str| lines.iter().filter(|line| line["event"] == event).collect::<Vec<_>>();
    let fired: Vec<_> = of("fired")
        .iter()
        .map(|fired| (fired["time"].as_str().unwrap().to_owned(), fired["alert"].as_bool()))
        .collect();
    let expect = [
        ("2026-11-24T08:00:02.000000Z".to_owned(), Some(true)),
        ("2026-11-24T08:00:05.000000Z".to_owned(), Some(false)),
        ("2026-11-24T09:00:05.000000Z".to_owned(), Some(true)),
    ];
    assert_eq!(fired, expect);
    assert_eq!(of("fired")[0]["group"]["ip"], "10.0.0.7");
    let rule = of("rule")[0];
    assert_eq!(
        (&rule["matches"], &rule["firings"], &rule["alerts"]),
        (&7.into(), &3.into(), &2.into())
    );
    let end = of("end")[0];
    assert_eq!((&end["lines"], &end["files"]), (&8.into(), &1.into()));
    assert_eq!(end["bytes"], LOG.len());

    let said = rules(dir, &[&words[..], &["--limit", "1"]].concat());
    assert_eq!(said.stdout.matches("[ip=10.0.0.7]").count(), 1, "{}", said.stdout);
    assert!(said.stdout.contains("… and 1 more"), "{}", said.stdout);
    // What begins at the first minute and at the last one is drawn at both ends.
    let row = said.stdout.lines().find(|line| line.starts_with("refused ")).unwrap();
    assert!(row.contains('█') && row.trim_end().ends_with(['▄', '█']), "{row}");
}

#[test]
fn a_flat_line_fires_in_the_gap() {
    let dir = folder();
    let dir = dir.path();
    let text = "version: 1\nrules:\n  - name: quiet\n    match: {logger: shop}\n    \
                flatline: {window: 30m}\n";
    std::fs::write(dir.join("quiet.yaml"), text).unwrap();
    let said = rules(dir, &["replay", "quiet.yaml", "--log", "app.log", "--json"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let lines = said.json();
    let fired: Vec<&str> = lines.iter().filter_map(|line| line["time"].as_str()).collect();
    assert!(!fired.is_empty(), "{}", said.stdout);
    for time in fired {
        assert!(time > "2026-11-24T08:30:05" && time < "2026-11-24T09:00:06", "{time}");
    }
}

#[test]
fn explain_says_why_and_why_not() {
    let dir = folder();
    let dir = dir.path();
    let line = "2026-11-24T08:00:00Z ERROR shop.health: refused by 10.0.0.7";
    let said = rules(dir, &["explain", "rules.yaml", "--line", line]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    for word in [
        "  logger  shop.health",
        "✓ any-line",
        "✗ refused",
        "✓ message matches /refused by (?<ip>\\S+)/  the message has `refused by 10.0.0.7`",
        "✗ not",
        "✓ logger is \"shop.health\" or below  the logger is `shop.health`",
    ] {
        assert!(said.stdout.contains(word), "no {word:?} in {}", said.stdout);
    }
    let said = rules(dir, &["explain", "rules.yaml", "--log", "app.log:3", "--json"]);
    let lines = said.json();
    assert_eq!(lines[0]["logger"], "shop.db");
    let refused = lines.iter().find(|line| line["rule"] == "refused").unwrap();
    assert_eq!((&refused["matched"], &refused["fires"]), (&true.into(), &true.into()));
    assert_eq!((&refused["matches"], &refused["firings"]), (&2.into(), &1.into()));
    assert_eq!(refused["captures"]["ip"], "10.0.0.7");
    let said = rules(dir, &["explain", "--line", "no space left on device"]);
    let head = said.stdout.lines().find(|line| line.starts_with('✓')).unwrap();
    assert!(head.starts_with("✓ disk-full"), "{}", said.stdout);
}

#[test]
fn check_tells_rules_that_are_asked_about_every_line() {
    let dir = folder();
    let dir = dir.path();
    let text = "version: 1\nrules:\n  - {name: by-level, match: {level: error}}\n  \
                - {name: by-text, match: {level: error, message: refused}}\n";
    std::fs::write(dir.join("slow.yaml"), text).unwrap();
    let said = rules(dir, &["check", "slow.yaml", "--json"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let found = said.json();
    assert_eq!(found.len(), 1, "{}", said.stdout);
    assert_eq!(found[0]["severity"], "info");
    assert!(found[0]["message"].as_str().unwrap().contains("`by-level`"), "{}", said.stdout);
}

#[test]
fn replay_reads_archives() {
    let dir = folder();
    let dir = dir.path();
    let words = ["replay", "rules.yaml", "--rule", "refused", "--json", "--log"];
    let plain = rules(dir, &[&words[..], &["app.log"]].concat());
    for (name, log) in [("app.log.gz", gzip(LOG)), ("app.log.zst", zstd(LOG))] {
        std::fs::write(dir.join(name), &log).unwrap();
        let said = rules(dir, &[&words[..], &[name]].concat());
        assert_eq!(said.code, 0, "{name}: {}", said.stderr);
        assert_eq!(said.stdout.replace(name, "app.log"), plain.stdout);
        // One that ends too early is read as far as it goes, and told.
        std::fs::write(dir.join(name), &log[..log.len() - 6]).unwrap();
        let said = rules(dir, &[&words[..], &[name]].concat());
        assert_eq!(said.code, 1, "{name}: {}", said.stdout);
        assert!(said.stderr.contains("not written to its end"), "{name}: {}", said.stderr);
    }
    std::fs::write(dir.join("app.log.gz"), gzip(LOG)).unwrap();
    std::fs::write(dir.join("app.log.xz"), "x").unwrap();
    std::fs::remove_file(dir.join("app.log.zst")).unwrap();
    let said = rules(dir, &[&words[..], &["app.log*"]].concat());
    assert_eq!((said.code, &said.json().last().unwrap()["files"]), (0, &2.into()));
    assert!(said.stderr.contains("not read, it is compressed: app.log.xz"), "{}", said.stderr);
}

#[test]
fn receivers_are_tried_out() {
    let dir = folder();
    let dir = dir.path();
    let text = "version: 1\npacks: [disk]\nreceivers:\n  \
                good: {type: command, program: /bin/sh, args: [-c, 'cat > told.json']}\n  \
                bad: {type: command, program: /bin/sh, args: [-c, 'echo oops >&2; exit 3']}\n  \
                secret: {type: webhook, url: '${PLOG_TEST_NOT_SET}'}\n";
    std::fs::write(dir.join("who.yaml"), text).unwrap();
    let words = ["test-receivers", "who.yaml"];
    let said = rules(dir, &[&words[..], &["--receiver", "good"]].concat());
    assert_eq!((said.code, said.stdout.as_str()), (0, "ok  good took the message\n"));
    let told = std::fs::read_to_string(dir.join("told.json")).unwrap();
    assert!(told.contains("\"receiver\":\"good\""), "{told}");
    std::fs::remove_file(dir.join("told.json")).unwrap();

    let two = [&words[..], &["--receiver", "bad", "--receiver", "good"]].concat();
    let said = rules(dir, &two);
    assert_eq!(said.code, 1, "{}", said.stderr);
    assert!(said.stdout.contains("ok  good"), "{}", said.stdout);
    for word in ["bad did not take the message", "3"] {
        assert!(said.stderr.contains(word), "no {word:?} in {}", said.stderr);
    }
    assert!(dir.join("told.json").exists());
    let said = rules(dir, &[&words[..], &["--json"]].concat());
    assert_eq!(said.code, 2, "{}", said.stderr);
    let taken: Vec<_> = said.json().iter().map(|line| line["taken"].as_bool().unwrap()).collect();
    assert_eq!(taken, [true, false, false]);
    assert!(said.stdout.contains("PLOG_TEST_NOT_SET"), "{}", said.stdout);
}
