//! A process of its own: the real environment, working directory and streams.

use std::path::Path;
use std::process::Command;

use prisma_log_config::Config;
use prisma_log_core::{Level, Record, Timestamp};

const CHILD: &str = "PRISMA_TEST_CHILD";

/// The child: writes one record to every sink of `Config::from_env`.
#[test]
fn writes_as_the_parent_says() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let config = Config::from_env().unwrap();
    for mut named in config.build_sinks().unwrap() {
        let record = Record::new(Timestamp::UNIX_EPOCH, Level::Error, "shop", "order lost");
        named.sink.write(&[record]).unwrap();
        named.sink.flush().unwrap();
    }
}

/// What the child writes about its record to stdout and stderr.
fn run(directory: &Path, variables: &[(&str, &str)]) -> (String, String) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "process::writes_as_the_parent_says", "--nocapture", "--quiet"])
        .current_dir(directory)
        .env_clear()
        .env(CHILD, "1")
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let lines = |bytes: &[u8]| -> String {
        let text = String::from_utf8_lossy(bytes).into_owned();
        text.lines().filter(|line| line.contains("order lost")).collect()
    };
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    (lines(&output.stdout), lines(&output.stderr))
}

#[test]
fn without_any_file_the_built_in_profiles_work() {
    let dir = tempfile::tempdir().unwrap();
    let (out, err) = run(dir.path(), &[]);
    assert!(out.is_empty() && err.contains("order lost"), "{out} {err}");
    let file = std::fs::read_to_string(dir.path().join("logs/app.log")).unwrap();
    assert!(file.starts_with("{\"timestamp\":"), "{file}");
    let (out, err) = run(dir.path(), &[("PRISMA_ENV", "staging")]);
    assert!(out.starts_with("{\"timestamp\":") && err.is_empty(), "{out} {err}");
    let production = [("PRISMA_ENV", "production"), ("PRISMA_LOG__SINKS__FILE__PATH", "p.log")];
    assert_eq!(run(dir.path(), &production), (String::new(), String::new()));
    assert!(dir.path().join("p.log").exists());
}

#[test]
fn a_file_in_the_working_directory_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let format = |format: &str| {
        format!(
            "{{version: 1, default_profile: a, profiles: {{a: {{sinks: {{c: {{type: console, \
             stream: stdout, format: {format}}}}}}}}}}}"
        )
    };
    let starts = |with: &str, variables: &[(&str, &str)]| {
        let (out, _) = run(dir.path(), variables);
        assert!(out.starts_with(with), "{out}");
    };
    std::fs::write(dir.path().join("logging.yaml"), format("logfmt")).unwrap();
    starts("ts=", &[]);
    std::fs::create_dir(dir.path().join("config")).unwrap();
    std::fs::write(dir.path().join("config/logging.yaml"), format("ecs")).unwrap();
    starts("{\"@timestamp\":", &[]);
    std::fs::write(dir.path().join("other.yaml"), format("json")).unwrap();
    starts("{\"timestamp\":", &[("PRISMA_LOG_CONFIG", "other.yaml")]);
}

#[test]
fn a_console_sink_is_built_as_its_keys_say() {
    let dir = tempfile::tempdir().unwrap();
    let console = |more: &str| {
        let text = format!(
            "{{version: 1, default_profile: a, profiles: {{a: {{sinks: {{c: {{type: \
             console{more}}}}}}}}}}}"
        );
        std::fs::write(dir.path().join("logging.yaml"), text).unwrap();
        run(dir.path(), &[])
    };
    let (out, err) = console(", format: json, stream: stdout");
    assert!(out.starts_with("{\"timestamp\":") && err.is_empty(), "{out} {err}");
    let (out, err) = console("");
    assert!(out.is_empty() && err.contains("order lost") && !err.contains('\u{1b}'), "{err:?}");
    assert!(!err.starts_with('{'));
    let (_, err) = console(", color: always");
    assert!(err.contains("\u{1b}["), "{err:?}");
    let (_, err) = console(", format: logfmt, color: always");
    assert!(err.starts_with("ts=") && !err.contains('\u{1b}'), "{err:?}");
}
