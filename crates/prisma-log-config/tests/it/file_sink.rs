//! File sinks, built from settings.

use std::path::Path;

use prisma_log_config::Environment;
use prisma_log_core::{Fields, Level, Record, Timestamp};

use crate::{load, said};

/// Writes `count` records of about 100 bytes to the first sink of the file's profile `a`.
fn write(text: &str, count: usize) {
    let config = load(text, &Environment::default().profile("a")).unwrap();
    let mut sinks = config.build_sinks().unwrap();
    let fields = Fields::from_iter([("filler", "x".repeat(50).as_str())]);
    let mut record = Record::new(Timestamp::UNIX_EPOCH, Level::Error, "shop", "order lost");
    record.fields = fields.as_ref();
    for _ in 0..count {
        sinks[0].sink.write(&[record]).unwrap();
    }
    sinks[0].sink.flush().unwrap();
}

fn first_line(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap().lines().next().unwrap().to_owned()
}

#[test]
fn a_file_sink_is_built_as_its_keys_say() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("new/folder/app.log");
    let sink = |more: &str| {
        let path = path.display();
        format!(
            "{{version: 1, profiles: {{a: {{sinks: {{f: {{type: file, path: {path}{more}}}}}}}}}}}"
        )
    };
    write(&sink(", format: logfmt, rotate: {size: 1KiB}, keep: {count: 2}"), 60);
    assert!(first_line(&path).starts_with("ts=1970"), "{}", first_line(&path));
    let mut names: Vec<String> = std::fs::read_dir(path.parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.metadata().unwrap().len() > 0)
        .inspect(|entry| assert!(entry.metadata().unwrap().len() <= 1024))
        .map(|entry| entry.file_name().into_string().unwrap())
        .filter(|name| name.starts_with("app.log"))
        .collect();
    names.sort();
    assert_eq!(names.len(), 3, "{names:?}");
    assert_eq!(names[0], "app.log");
    assert!(names[1..].iter().all(|name| name.starts_with("app.log.20")), "{names:?}");

    std::fs::remove_dir_all(path.parent().unwrap()).unwrap();
    write(&sink(""), 60);
    assert!(first_line(&path).starts_with("{\"timestamp\":"), "{}", first_line(&path));
    assert!(std::fs::metadata(&path).unwrap().len() > 4096, "rotated without being told");

    std::fs::remove_file(&path).unwrap();
    write(&sink(", format: text"), 1);
    assert!(first_line(&path).contains("order lost"), "{}", first_line(&path));
    assert!(!first_line(&path).starts_with('{'));
}

#[test]
fn lines_for_machines_say_which_service_they_are_of() {
    let dir = tempfile::tempdir().unwrap();
    let check = |format: &str, expect: &[&str]| {
        let path = dir.path().join(format);
        let text = format!(
            "{{version: 1, service: {{name: shop, version: 1.10, environment: eu}}, \
             profiles: {{a: {{sinks: {{f: {{type: file, format: {format}, path: {}}}}}}}}}}}",
            path.display()
        );
        write(&text, 1);
        let line = first_line(&path);
        assert!(expect.iter().all(|part| line.contains(part)), "{line}");
    };
    let name = r#""service.name":"shop","service.version":"1.10""#;
    check("json", &[name, r#""deployment.environment.name":"eu""#]);
    check("ecs", &[name, r#""service.environment":"eu""#, r#""@timestamp""#]);
    let pairs = r#" service.name=shop service.version="1.10" deployment.environment.name=eu"#;
    check("logfmt", &[pairs]);
}

/// The defaults that are shown where nobody set them are the file sink's own.
#[test]
fn the_file_sinks_defaults_are_the_builders() {
    let builder = format!("{:?}", prisma_log_file::FileSink::builder("x.log"));
    for default in
        ["rotation: None", "archives: None", "compression: None", "sync: PageCache", "mode: 0o640"]
    {
        assert!(builder.contains(default), "{default}: {builder}");
    }
    let text = "{version: 1, profiles: {a: {sinks: {f: {type: file, path: x.log}}}}}";
    let config = load(text, &Environment::default().profile("a")).unwrap();
    let shown: Vec<String> = config.entries().iter().map(ToString::to_string).collect();
    let settings = [
        "rotate.size = (none)",
        "rotate.every = (none)",
        "rotate.zone = utc",
        "rotate.on_start = false",
        "keep.count = 5",
        "compress = none",
        "sync.every = (none)",
        "sync.on_flush = false",
        "mode = 0640",
    ];
    for setting in settings {
        assert!(shown.contains(&format!("sinks.f.{setting}  # default")), "{setting}: {shown:?}");
    }
}

#[test]
fn a_sink_that_cannot_be_opened_is_placed_at_its_path() {
    let dir = tempfile::tempdir().unwrap();
    let text = format!(
        "version: 1\nprofiles:\n  a:\n    sinks:\n      f:\n        type: file\n        path: {}\n",
        dir.path().display()
    );
    let config = load(&text, &Environment::default().profile("a")).unwrap();
    let error = config.build_sinks().unwrap_err();
    assert!(said(&error).starts_with("logging.yaml:7:15: "), "{error}");
    assert!(error.to_string().contains(&dir.path().display().to_string()), "{error}");
}
