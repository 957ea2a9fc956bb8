//! slog's own stack from the same configuration.

use std::fmt;

use prisma_log::classic::Classic;
use prisma_log::config::{Config, Environment};
use prisma_log::slog::{Logger, debug, error, info, o, warn};

fn classic(dir: &tempfile::TempDir, profile: &str) -> Result<Classic, prisma_log::Error> {
    let path = dir.path().join("logging.yaml");
    let profile = profile.replace("DIR", dir.path().to_str().unwrap());
    let text = format!(
        "version: 1\ndefault_profile: p\nservice: {{name: shop}}\nprofiles:\n  p: {profile}\n"
    );
    std::fs::write(&path, text).unwrap();
    Classic::from_config(&Config::load(&path, &Environment::default()).unwrap())
}

fn read(dir: &tempfile::TempDir, name: &str) -> Vec<String> {
    let text = std::fs::read_to_string(dir.path().join(name)).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn records_go_where_the_configuration_says() {
    let dir = tempfile::tempdir().unwrap();
    let classic = classic(
        &dir,
        "{level: info, directives: [shop.quiet=off, shop.loud=debug], sinks: {json: {type: file, \
         path: DIR/new/app.json}, text: {type: file, path: DIR/app.txt, format: text, level: \
         error}}}",
    );
    let classic = classic.unwrap();
    let log = classic.logger("shop").new(o!("version" => 3));
    info!(log, "order {}", 7; "amount" => 99.5, "id" => "a\"b");
    debug!(log, "kept back");
    error!(log, "failed"; "code" => "E1");
    warn!(classic.logger("shop.quiet"), "kept quiet");
    debug!(classic.logger("shop.loud"), "loud");
    drop(classic);
    let json = read(&dir, "new/app.json");
    assert_eq!(json.len(), 3, "{json:#?}");
    for part in [
        "\"level\":\"INFO\"",
        "\"message\":\"order 7\"",
        "\"logger\":\"shop\"",
        "\"version\":3",
        "\"amount\":99.5",
        "\"id\":\"a\\\"b\"",
        "\"service.name\":\"shop\"",
        "{\"timestamp\":\"20",
    ] {
        assert!(json[0].contains(part), "{part}: {}", json[0]);
    }
    assert!(json[1].contains("\"message\":\"failed\"") && json[2].contains("loud"), "{json:#?}");
    let text = read(&dir, "app.txt");
    assert_eq!(text.len(), 1, "{text:#?}");
    assert!(text[0].contains("failed") && text[0].contains("code: E1"), "{text:#?}");
}

#[test]
fn the_end_waits_for_all_records() {
    let dir = tempfile::tempdir().unwrap();
    let classic = classic(&dir, "{sinks: {f: {type: file, path: DIR/app.log}}}").unwrap();
    let log = classic.logger("shop");
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let log = log.clone();
            scope.spawn(move || {
                for number in 0..2_500 {
                    info!(log, "record"; "key" => format!("{thread}-{number}"));
                }
            });
        }
    });
    drop(classic);
    let mut lines = read(&dir, "app.log");
    assert_eq!(lines.len(), 10_000);
    let key = |line: &String| line.split("\"key\":").nth(1).unwrap().to_owned();
    lines = lines.iter().map(key).collect();
    lines.sort();
    lines.dedup();
    assert_eq!(lines.len(), 10_000);
    // Too late, and no reason to panic.
    info!(log, "lost");
}

struct Panics;

impl fmt::Display for Panics {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("in a value")
    }
}

#[test]
fn a_value_that_panics_costs_its_record_only() {
    let dir = tempfile::tempdir().unwrap();
    let classic = classic(&dir, "{sinks: {f: {type: file, path: DIR/app.log}}}").unwrap();
    let log: Logger = classic.logger("shop");
    info!(log, "before");
    info!(log, "bad"; "value" => %Panics);
    info!(log, "after");
    let owned = log.new(o!("value" => prisma_log::FnValue(|_| -> u32 { panic!("lazily") })));
    info!(owned, "bad as well");
    info!(log, "at the end");
    drop(classic);
    let lines = read(&dir, "app.log");
    for (text, times) in [("\"before\"", 1), ("\"after\"", 1), ("\"at the end\"", 1)] {
        assert_eq!(lines.iter().filter(|line| line.contains(text)).count(), times, "{lines:#?}");
    }
    // Nothing is left of the others.
    assert_eq!(lines.len(), 3, "{lines:#?}");
    assert!(lines.iter().all(|line| line.matches("\"message\"").count() == 1), "{lines:#?}");
}

#[test]
fn what_it_cannot_do_is_refused_before_anything_is_opened() {
    let dir = tempfile::tempdir().unwrap();
    let refused = classic(
        &dir,
        "{sinks: {a: {type: file, path: DIR/a.log}, b: {type: file, path: DIR/b.log, \
         rotate: {size: 1MiB}}}}",
    );
    let error = refused.unwrap_err();
    assert!(error.message().contains("no rotation: `sinks.b.rotate.size = 1MiB`"), "{error}");
    assert_eq!(error.place().unwrap().line, 5);
    assert!(!dir.path().join("a.log").exists());
    let error = classic(&dir, "{sinks: {a: {type: file, path: /dev/null/a.log}}}").unwrap_err();
    assert!(error.is_io() && error.to_string().contains("/dev/null"), "{error}");
}
