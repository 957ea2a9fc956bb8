//! `plog trace`: trees over several files, the slowest traces, wrong input.

use std::fmt::Write as _;
use std::path::Path;

use crate::support::{Said, plog, run};

const ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const OTHER: &str = "4bf92f3577b34da6a3ce929d0e0e4737";

/// A line of a service's log; `at` in microseconds after the full second, ids 0 for none.
fn line(at: u32, level: &str, message: &str, ids: (&str, u64, u64), rest: &str) -> String {
    let (trace, span, parent) = ids;
    let mut line = format!(
        r#"{{"timestamp":"2026-11-24T08:00:00.{at:06}Z","level":"{level}","logger":"shop","message":"{message}","trace_id":"{trace}""#
    );
    for (key, id) in [("span_id", span), ("parent_span_id", parent)] {
        if id > 0 {
            let _infallible = write!(line, r#","{key}":"{id:016x}""#);
        }
    }
    let _infallible = writeln!(line, r#","trace_flags":"01"{rest}}}"#);
    line
}

/// The line of a span's end, from `start` to `end`.
fn span(
    (start, end): (u32, u32),
    name: &str,
    kind: &str,
    ids: (&str, u64, u64),
    rest: &str,
) -> String {
    let took = f64::from(end - start) / 1e3;
    let own = format!(
        r#","slog.tag":"span","span.kind":"{kind}","span.status":"unset","duration_ms":{took:?}{rest}"#
    );
    line(end, "INFO", name, ids, &own)
}

/// Logs of three services, one of them in logfmt.
fn logs() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| std::fs::write(dir.path().join(name), text).unwrap();
    let failed = r#","error":"out of stock""#;
    write(
        "gateway.log",
        [
            line(2_000, "INFO", "request", (ID, 1, 0), r#","user_id":"u7""#),
            span((10_000, 80_000), "orders/create", "client", (ID, 2, 1), ""),
            "2026-11-24 plain text\n".to_owned(),
            span(
                (0, 100_000),
                "POST /checkout",
                "server",
                (ID, 1, 0),
                r#","http.route":"/checkout""#,
            ),
            span((0, 300_000), "GET /slow", "server", (OTHER, 9, 0), ""),
        ]
        .concat(),
    );
    write(
        "orders.log",
        [
            line(40_000, "ERROR", "no stock", (ID, 3, 2), failed),
            span((15_000, 75_000), "POST /orders", "server", (ID, 3, 2), "")
                .replace("unset", "error")
                .replace(
                    r#","duration_ms""#,
                    r#","span.status_message":"out of stock","duration_ms""#,
                ),
            // A killed process's records, written out by its next one, too.
            span((20_000, 30_000), "SELECT stock", "client", (ID, 4, 3), ""),
            span((20_000, 30_000), "SELECT stock", "client", (ID, 4, 3), "")
                .replace(r#","slog.tag""#, r#","recovered":true,"slog.tag""#),
        ]
        .concat(),
    );
    write(
        "mail.log",
        format!(
            "ts=2026-11-24T08:00:00.095000Z level=INFO logger=mail msg=\"send mail\" trace_id={ID} \
             span_id=0000000000000006 parent_span_id=0000000000000005 trace_flags=01 \
             service.name=mailer slog.tag=span span.kind=consumer span.status=ok duration_ms=5.0\n"
        ),
    );
    dir
}

const FILES: [&str; 3] = ["gateway.log", "orders.log", "mail.log"];

fn traced(dir: &Path, words: &[&str]) -> Said {
    let said = run(dir, &[&["trace"], words, &FILES].concat());
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(said.stderr.is_empty(), "{}", said.stderr);
    said
}

#[test]
fn the_tree_goes_over_all_files() {
    let dir = logs();
    let output = plog()
        .current_dir(dir.path())
        .env("COLUMNS", "90")
        .args([&["trace", ID], &FILES[..]].concat())
        .output()
        .unwrap();
    let said = Said::from(output);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let expect = "\
trace 4bf92f3577b34da6a3ce929d0e0e4736
2026-11-24T08:00:00.000000Z  100 ms  5 spans of 3 services, 2 records, 1 failed

service  span                   kind          took      self  0                     100 ms
gateway  POST /checkout         server      100 ms   30.0 ms  ███░░░░░░░░░░░░░░░░░░░██████
         ├─ · +2.00 ms  INFO shop: request  user_id=u7
gateway  └─ orders/create       client     70.0 ms   10.0 ms     █░░░░░░░░░░░░░░░░░█
orders      └─ POST /orders     server     60.0 ms   50.0 ms      ██░░█████████████
               │  ✗ failed: out of stock
orders         ├─ SELECT stock  client     10.0 ms   10.0 ms        ██
               └─ · +40.0 ms  ERROR shop: no stock  error=out of stock
         ? parent 0000000000000005 is not in these files
mailer   └─ send mail           consumer   5.00 ms   5.00 ms                           ██

█ itself  ░ spans below
where the time went: orders 60.0 ms (57 %), gateway 40.0 ms (38 %), mailer 5.00 ms (5 %)
1 span found more than once, and shown once
10 lines read in 3 files, 2 of them no JSON
";
    assert_eq!(said.stdout, expect, "{}", said.stdout);
}

#[test]
fn colour_is_for_terminals() {
    let dir = logs();
    assert!(!traced(dir.path(), &[ID]).stdout.contains('\x1b'));
    let coloured = traced(dir.path(), &["--color", "always", ID]).stdout;
    assert!(coloured.contains("\x1b[31m✗ failed: out of stock\x1b[0m"), "{coloured:?}");
}

#[test]
fn records_are_shown_while_they_are_few_or_wanted() {
    let dir = logs();
    let check = |words: &[&str], shown: bool| {
        let said = traced(dir.path(), words);
        assert_eq!(said.stdout.contains("no stock"), shown, "{words:?}: {}", said.stdout);
        let told = said.stdout.contains("not shown: add --records");
        assert_eq!(told, !shown, "{words:?}: {}", said.stdout);
    };
    check(&["--records=never", ID], false);
    check(&["--records", ID], true);
    let many: String = (0..30).map(|n| line(n, "INFO", "many", (ID, 1, 0), "")).collect();
    let path = dir.path().join("mail.log");
    std::fs::write(&path, many).unwrap();
    check(&[ID], false);
    check(&[ID, "--records"], true);
}

#[test]
fn json_has_a_line_for_each_row_and_the_end() {
    let dir = logs();
    let lines = traced(dir.path(), &["--json", ID]).json();
    let events: Vec<_> = lines.iter().map(|line| line["event"].as_str().unwrap()).collect();
    let expect = ["span", "record", "span", "span", "span", "record", "missing", "span", "end"];
    assert_eq!(events, expect);
    assert!(lines.iter().all(|line| line["trace_id"] == ID));
    let root = &lines[0];
    assert_eq!((root["name"].as_str(), root["depth"].as_u64()), (Some("POST /checkout"), Some(0)));
    assert_eq!((root["self_ms"].as_f64(), root["duration_ms"].as_f64()), (Some(30.0), Some(100.0)));
    assert_eq!(
        (&root["share"], &root["attributes"]["http.route"]),
        (&1.0.into(), &"/checkout".into())
    );
    let orders = &lines[3];
    assert_eq!((orders["service"].as_str(), orders["depth"].as_u64()), (Some("orders"), Some(2)));
    assert_eq!(
        (&orders["status"], &orders["status_message"]),
        (&"error".into(), &"out of stock".into())
    );
    assert_eq!(orders["start"], "2026-11-24T08:00:00.015000Z");
    assert_eq!(lines[1]["fields"]["user_id"], "u7");
    let end = lines.last().unwrap();
    for (key, count) in [
        ("spans", 5),
        ("records", 2),
        ("failed", 1),
        ("missing", 1),
        ("duplicates", 1),
        ("lines", 10),
        ("not_json", 2),
    ] {
        assert_eq!(end[key], count, "{key}");
    }
}

#[test]
fn the_slowest_traces() {
    let dir = logs();
    let said = traced(dir.path(), &["--slowest", "5"]);
    let rows: Vec<_> = said.stdout.lines().collect();
    assert!(rows[1].starts_with(OTHER) && rows[1].contains("300 ms"), "{}", said.stdout);
    assert!(
        rows[2].starts_with(ID) && rows[2].contains("POST /checkout  gateway +2"),
        "{}",
        said.stdout
    );
    assert!(said.stdout.contains("2 traces in all"), "{}", said.stdout);
    let said = traced(dir.path(), &["--slowest", "1", "--json"]);
    let lines = said.json();
    assert_eq!(lines.len(), 2);
    assert_eq!((lines[0]["trace_id"].as_str(), &lines[1]["traces"]), (Some(OTHER), &2.into()));
    let lines = traced(dir.path(), &["--slowest", "9", "--json"]).json();
    let second = &lines[1];
    assert_eq!(second["services"], serde_json::json!(["gateway", "orders", "mailer"]));
    let counts = ["spans", "records", "errors"].map(|key| second[key].as_u64().unwrap());
    assert_eq!(counts, [5, 2, 2]);
}

#[test]
fn a_few_digits_do_while_they_fit_one_trace() {
    let dir = logs();
    let said = run(dir.path(), &["trace", "4BF92F35", "orders.log"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(said.stdout.starts_with(&format!("trace {ID}")), "{}", said.stdout);
    let said = run(dir.path(), &["trace", "4bf92f35", "*.log"]);
    assert_eq!(said.code, 2);
    assert!(said.stdout.is_empty(), "{}", said.stdout);
    for word in [ID, OTHER, "give more digits"] {
        assert!(said.stderr.contains(word), "no {word} in {}", said.stderr);
    }
}

#[test]
fn wrong_input_is_told_with_a_hint() {
    let dir = logs();
    let dir = dir.path();
    std::fs::create_dir(dir.join("folder")).unwrap();
    std::fs::write(dir.join("old.log.gz"), b"\x1f\x8b\x08\0\0\0\0\0").unwrap();
    std::fs::write(dir.join("mentions.log"), format!("INFO see {ID} for more\n")).unwrap();
    let check = |words: &[&str], code: i32, expect: &[&str]| {
        let said = run(dir, &[&["trace"], words].concat());
        assert_eq!(said.code, code, "{words:?}: {}", said.stderr);
        for word in expect {
            assert!(said.stderr.contains(word), "{words:?}: no {word:?} in {}", said.stderr);
        }
        assert!(!said.stderr.contains("panicked"), "{}", said.stderr);
        said
    };
    check(&[], 2, &["Usage"]);
    check(&["gateway.log"], 2, &["no trace id", "--slowest 10 gateway.log"]);
    check(&["4bf92f3", "gateway.log"], 2, &["no trace id", "8"]);
    check(&[ID], 2, &["no file", "app.log"]);
    check(&["--slowest", "0", "gateway.log"], 2, &["--slowest"]);
    check(&["--slowest", "x", "gateway.log"], 2, &["--slowest"]);
    check(&["--slowest", "3", "--records", "gateway.log"], 2, &["--records"]);
    check(&[ID, "[.log"], 2, &["no pattern"]);
    let absent = "0af7651916cd43dd8448eb211c80319c";
    check(&[absent, "gateway.log", "orders.log"], 1, &[absent, "9 lines read in 2 files"]);
    check(&[ID, "mentions.log"], 1, &["no record of trace", "not as its trace_id"]);
    check(&[ID, "none-*.log"], 1, &["no file matches none-*.log"]);
    check(&["--slowest", "3", "none-*.log"], 1, &["no file matches none-*.log"]);
    check(&["--slowest", "3", "missing.log"], 1, &["there is no file missing.log"]);
    // A file that can't be read does not keep the others, and is told.
    for (name, word) in [
        ("missing.log", "missing.log"),
        ("folder", "directory"),
        ("old.log.gz", "not written to its end"),
    ] {
        let said = check(&[ID, name, "gateway.log"], 1, &[word]);
        assert!(said.stdout.contains("POST /checkout"), "{}", said.stdout);
    }
    // One that a pattern finds is, too, if it is compressed in a way that can't be read.
    std::fs::rename(dir.join("old.log.gz"), dir.join("old.log.xz")).unwrap();
    let said = check(&[ID, "o*.log*"], 0, &[]);
    assert!(said.stdout.contains("1 compressed file not read: old.log.xz"), "{}", said.stdout);
    let said = check(&["--slowest", "3", "mentions.log"], 0, &[]);
    assert!(said.stdout.contains("no span of any trace"), "{}", said.stdout);
}

#[test]
fn nothing_in_a_trace_acts_on_the_terminal() {
    let dir = tempfile::tempdir().unwrap();
    let evil = r"\u001b[2J\u202e";
    let text = [
        line(1, "INFO", evil, (ID, 1, 0), &format!(r#","{evil}":"{evil}""#)),
        span((0, 5), evil, evil, (ID, 1, 0), &format!(r#","service.name":"{evil}""#)),
        span((0, 5), "x", "server", (ID, 2, 1), "").replace("unset", "error").replace(
            r#","duration_ms""#,
            &format!(r#","span.status_message":"{evil}","duration_ms""#),
        ),
    ];
    std::fs::write(dir.path().join("a.log"), text.concat()).unwrap();
    for words in [&["trace", ID, "a.log"][..], &["trace", "--slowest", "3", "a.log"]] {
        let said = run(dir.path(), words);
        assert_eq!(said.code, 0, "{}", said.stderr);
        assert!(!said.stdout.contains(['\x1b', '\u{202e}']), "{:?}", said.stdout);
    }
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let dir = tempfile::tempdir().unwrap();
    let many: String =
        (1..20_000).map(|id| span((0, 5), "x", "internal", (ID, id, id - 1), "")).collect();
    std::fs::write(dir.path().join("a.log"), many).unwrap();
    let script =
        format!("set -o pipefail; '{}' trace {ID} a.log | head -1", env!("CARGO_BIN_EXE_plog"));
    let said =
        std::process::Command::new("bash").arg("-c").arg(script).current_dir(dir.path()).output();
    let said = said.unwrap();
    assert!(said.status.success() && said.stderr.is_empty(), "{said:?}");
}
