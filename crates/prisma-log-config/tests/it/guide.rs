//! The guide's examples and tables, against the readers.

use std::path::Path;

use prisma_log_config::{Config, Environment};
use prisma_log_core::Error;

use crate::file;

fn guide() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guide/configuration.md");
    std::fs::read_to_string(path).unwrap()
}

fn yaml_examples(guide: &str) -> Vec<&str> {
    guide.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

#[test]
fn the_examples_have_no_mistake() {
    let guide = guide();
    let examples = yaml_examples(&guide);
    assert!(examples.len() >= 4);
    for example in examples {
        let (_dir, path) = file(example);
        let errors: Vec<Error> = if ["\nrules:", "\npacks:"].iter().any(|key| example.contains(key))
        {
            rules_errors(&path)
        } else {
            prisma_log_config::check(&path, &Environment::default())
        };
        assert!(errors.is_empty(), "{errors:?}\n{example}");
    }
}

#[cfg(feature = "monitor")]
fn rules_errors(path: &Path) -> Vec<Error> {
    prisma_log_config::rules::check(path)
}

#[cfg(not(feature = "monitor"))]
fn rules_errors(_: &Path) -> Vec<Error> {
    Vec::new()
}

#[test]
fn the_example_of_extends_does_what_its_comments_say() {
    let guide = guide();
    let example = yaml_examples(&guide).into_iter().find(|e| e.contains("extends: production"));
    let (_dir, path) = file(example.unwrap());
    let config = Config::load(&path, &Environment::default()).unwrap();
    let value = |path: &str| {
        let entry = config.entries().iter().find(|entry| entry.path == path);
        entry.map(|entry| entry.value.as_str())
    };
    assert_eq!(config.sinks().len(), 1);
    assert_eq!(value("level"), Some("info"));
    assert_eq!(value("sinks.file.rotate.size"), Some("1GiB"));
    assert_eq!(value("sinks.file.path"), Some("/var/log/shop/app.log"));
}

/// An unknown key gets the list of the known ones as a hint, or what it was probably meant to be.
fn known_keys(errors: &[Error]) -> Vec<String> {
    let hints = errors.iter().filter_map(|error| error.hint()?.strip_prefix("keys: "));
    hints.flat_map(|keys| keys.split(", ").map(str::to_owned)).collect()
}

#[test]
fn every_key_of_a_logging_file_is_in_the_guide() {
    let text = "\
version: 1
quux_quux: 1
service: {quux_quux: 1}
profiles:
  a:
    quux_quux: 1
    pipeline: {quux_quux: 1, overflow: {quux_quux: 1}}
    reload: {quux_quux: 1}
    tracing: {quux_quux: 1}
    sinks:
      c: {type: console, quux_quux: 1}
      f:
        type: file
        path: p
        quux_quux: 1
        rotate: {quux_quux: 1}
        keep: {quux_quux: 1}
        sync: {quux_quux: 1}
      s: {type: syslog, transport: tls, address: 'h:1', quux_quux: 1, tls: {quux_quux: 1}}
      j: {type: journald, quux_quux: 1}
      o: {type: otlp, quux_quux: 1, tls: {quux_quux: 1}}
      z: {type: zipkin, quux_quux: 1}
  b:
    sinks: {c: {type: console}}
    pipeline: {overflow: {policy: spill, dir: d, max_size: 1MiB, quux_quux: 1}}
";
    let (_dir, path) = file(text);
    let keys = known_keys(&prisma_log_config::check(&path, &Environment::default()));
    assert!(keys.len() >= 90, "{keys:?}");
    let guide = guide();
    for key in keys {
        assert!(guide.contains(&format!("| {key} |")), "{key}");
    }
}

#[cfg(feature = "monitor")]
#[test]
fn every_key_of_a_rules_file_is_in_the_guide() {
    let text = "\
version: 1
quux_quux: 1
receivers:
  a: {type: webhook, url: http://h/, quux_quux: 1, basic: {quux_quux: 1}, tls: {quux_quux: 1}}
  b: {type: alertmanager, url: http://h/, quux_quux: 1}
  c: {type: email, server: h, from: a@b, to: a@b, quux_quux: 1}
  d: {type: command, program: /bin/true, quux_quux: 1}
routes: [{quux_quux: 1}]
inhibit: [{source: a=b, target: a=c, quux_quux: 1}]
maintenance: [{from: '00:00', quux_quux: 1}]
limits: {quux_quux: 1, flapping: {changes: 2, within: 1h, quux_quux: 1}}
rules:
  - name: a
    quux_quux: 1
    match: {message: x, quux_quux: 1}
    threshold: {quux_quux: 1}
    escalate: [{quux_quux: 1}]
  - match: {fields: [{quux_quux: 1, key: a, op: exists}]}
    leaky_bucket: {quux_quux: 1}
  - rate: {quux_quux: 1}
  - error_rate: {quux_quux: 1}
  - spike: {quux_quux: 1}
  - flatline: {quux_quux: 1}
  - change: {quux_quux: 1}
  - new_value: {quux_quux: 1}
  - new_template: {quux_quux: 1}
  - percentile: {quux_quux: 1}
  - sequence: {quux_quux: 1}
";
    let (_dir, path) = file(text);
    let errors = prisma_log_config::rules::check(&path);
    let unknown = errors.iter().filter(|error| error.message().starts_with("unknown key"));
    assert_eq!(unknown.count(), text.matches("quux_quux").count());
    let keys = known_keys(&errors);
    assert!(keys.len() >= 60, "{keys:?}");
    let guide = guide();
    for key in keys {
        // Keys with a row of their own, in a row with another one, or with a paragraph.
        let in_a_row = guide.lines().any(|line| {
            let head = line.strip_prefix("| ").and_then(|row| row.split_once(" |"));
            head.is_some_and(|(head, _)| head.split(", ").any(|name| name == key))
        });
        let starts = |line: &str| line.starts_with(&format!("{key}: "));
        let has_paragraph = guide.lines().any(starts) || guide.contains(&format!(". {key}: "));
        let in_text = ["key", "op", "value", "after", "severity", "error_rate", "user", "changes"];
        let more = ["password", "ca", "cert", "within", "key"];
        let in_text = in_text.iter().chain(&more).map(|name| format!("`{name}`"));
        let in_text: Vec<String> = in_text.collect();
        let in_text = in_text.contains(&key) && guide.contains(key.trim_matches('`'));
        assert!(in_a_row || has_paragraph || in_text, "{key}");
    }
}

#[test]
fn the_variables_of_the_guide_work() {
    let guide = guide();
    let table = guide.split("| variable | what it sets |").nth(1).unwrap();
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let variables: Vec<(&str, &str)> =
        rows.map(|row| row.split('`').nth(1).unwrap().split_once('=').unwrap()).collect();
    assert_eq!(variables.len(), 6);
    for (name, value) in variables {
        let config = Config::builtin(&Environment::new([(name, value)])).unwrap();
        let origin = format!("${name}");
        let set = config.entries().iter().any(|entry| entry.origin.to_string() == origin);
        let removed = value == "null" && config.sinks().iter().all(|sink| sink.name != "file");
        assert!(set || removed, "{name}");
    }
}
