use std::path::Path;
use std::time::Duration;

use prisma_log::config::{Config, Environment};
use prisma_log::{Logging, Memory, MemoryHealth, Overflow, WorkerState, error};
#[cfg(feature = "console")]
use prisma_log::{debug, info, warn};

/// The lines of the log after one record of each level under a profile.
#[cfg(feature = "console")]
fn logged(profile: &str, path: &Path) -> Vec<String> {
    let variables = [
        ("PRISMA_ENV", profile),
        ("PRISMA_LOG__PIPELINE__MEMORY", "anonymous"),
        ("PRISMA_LOG__PIPELINE__FLUSH_ON_SIGNALS", "false"),
        ("PRISMA_LOG__SINKS__FILE__PATH", path.to_str().unwrap()),
        ("RUST_LOG", "shop.quiet=off,shop.broken=loud"),
    ];
    let config = Config::builtin(&Environment::new(variables)).unwrap();
    let logging = Logging::from_config(&config).unwrap();
    let log = logging.logger("shop");
    debug!(log, "debugging");
    info!(log, "informing");
    warn!(log, "warning");
    error!(log, "failing");
    error!(logging.logger("shop.quiet"), "kept quiet");
    assert!(logging.flush(Duration::from_secs(30)).is_ok());
    std::fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect()
}

#[cfg(feature = "console")]
#[test]
fn profiles_decide_what_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let check = |profile, expect: &[&str]| {
        let lines = logged(profile, &dir.path().join(profile));
        let has = |word: &&&str| lines.iter().any(|line| line.contains(&format!("\"{word}\"")));
        let words = ["debugging", "informing", "warning", "failing", "kept quiet"];
        assert_eq!(words.iter().filter(has).collect::<Vec<_>>(), expect.iter().collect::<Vec<_>>());
        assert!(lines.iter().any(|line| line.contains("loud")), "the bad directive is reported");
    };
    check("development", &["debugging", "informing", "warning", "failing"]);
    check("production", &["warning", "failing"]);
}

/// Logging under the profile `production`, with these variables.
fn production(dir: &Path, settings: &[(&str, &str)]) -> Result<Logging, prisma_log::Error> {
    let path = dir.join("app.log").display().to_string();
    let common = [
        ("PRISMA_ENV", "production"),
        ("PRISMA_LOG__SINKS__FILE__PATH", path.as_str()),
        ("PRISMA_LOG__PIPELINE__FLUSH_ON_SIGNALS", "false"),
    ];
    let variables = common.iter().chain(settings).copied();
    Logging::from_config(&Config::builtin(&Environment::new(variables))?)
}

#[test]
fn the_pipeline_is_as_the_configuration_says() {
    let dir = tempfile::tempdir().unwrap();
    let ring = dir.path().join("ring").display().to_string();
    std::fs::create_dir(&ring).unwrap();
    let logging = production(
        dir.path(),
        &[
            ("PRISMA_LOG__PIPELINE__MEMORY", &ring),
            ("PRISMA_LOG__PIPELINE__QUEUE_SIZE", "2MiB"),
            ("PRISMA_LOG__SERVICE__NAME", "shop"),
            ("PRISMA_LOG__SINKS__FILE__BLOCKING", "true"),
        ],
    );
    let logging = logging.unwrap();
    let health = logging.health();
    let MemoryHealth::Shared { path } = &health.memory else { panic!("{:?}", health.memory) };
    assert!(path.starts_with(&ring) && path.components().any(|part| part.as_os_str() == "shop"));
    assert!(health.queue_capacity <= 2 << 20, "{}", health.queue_capacity);
    assert_eq!(health.worker, WorkerState::Thread);
    error!(logging.logger("shop"), "through a thread of its own");
    assert!(logging.flush(Duration::from_secs(30)).is_ok());

    let dir = tempfile::tempdir().unwrap();
    let logging = production(
        dir.path(),
        &[
            ("PRISMA_LOG__PIPELINE__MEMORY", "anonymous"),
            ("PRISMA_LOG__PIPELINE__INLINE", "true"),
            ("PRISMA_LOG__PIPELINE__MAX_RECORD_SIZE", "1KiB"),
        ],
    );
    let logging = logging.unwrap();
    let health = logging.health();
    assert!(matches!(health.memory, MemoryHealth::Anonymous { .. }));
    assert_eq!(health.worker, WorkerState::Inline);
    error!(logging.logger("shop"), "{}", "x".repeat(5_000));
    let line = std::fs::read_to_string(dir.path().join("app.log")).unwrap();
    assert!(line.contains("\"truncated\":"), "{line}");
}

/// The defaults that the configuration shows are the pipeline's own, and so are its limits.
#[test]
fn the_configuration_knows_the_pipelines_limits() {
    let in_code = || Logging::builder().memory(Memory::Anonymous);
    let with = |settings: &[(&str, &str)]| {
        let dir = tempfile::tempdir().unwrap();
        let anonymous = [("PRISMA_LOG__PIPELINE__MEMORY", "anonymous")];
        let settings: Vec<_> = anonymous.iter().chain(settings).copied().collect();
        production(dir.path(), &settings).map(|logging| logging.health().queue_capacity)
    };
    let capacity = in_code().build().unwrap().health().queue_capacity;
    assert_eq!(with(&[]).unwrap(), capacity);

    let queue = "PRISMA_LOG__PIPELINE__QUEUE_SIZE";
    let record = "PRISMA_LOG__PIPELINE__MAX_RECORD_SIZE";
    with(&[(queue, "1056KiB")]).unwrap();
    assert!(in_code().queue_bytes((1056 << 10) - 1).build().is_err());
    with(&[(queue, "16416KiB"), (record, "1MiB")]).unwrap();
    let less = in_code().queue_bytes((16_416 << 10) - 1).max_record_bytes(1 << 20);
    assert!(less.build().is_err());

    let policy = ("PRISMA_LOG__PIPELINE__OVERFLOW__POLICY", "spill");
    let dir = tempfile::tempdir().unwrap();
    let spill = dir.path().join("spill");
    let folder = ("PRISMA_LOG__PIPELINE__OVERFLOW__DIR", spill.to_str().unwrap());
    let size = |text| ("PRISMA_LOG__PIPELINE__OVERFLOW__MAX_SIZE", text);
    with(&[policy, folder, size("132KiB")]).unwrap();
    assert!(with(&[policy, folder, size("131KiB")]).is_err());
    let less = Overflow::Spill { dir: spill.clone(), max_bytes: (132 << 10) - 1 };
    assert!(in_code().overflow(less).build().is_err());

    let latency = "PRISMA_LOG__PIPELINE__LATENCY";
    with(&[(latency, "1ms")]).unwrap();
    with(&[(latency, "10s")]).unwrap();
    assert!(with(&[(latency, "10001ms")]).is_err());
    assert!(in_code().latency(Duration::from_millis(10_001)).build().is_err());
}

#[test]
fn a_sink_that_cannot_be_opened_is_an_error_with_its_path() {
    let variables =
        [("PRISMA_ENV", "production"), ("PRISMA_LOG__SINKS__FILE__PATH", "/dev/null/app.log")];
    let config = Config::builtin(&Environment::new(variables)).unwrap();
    let error = Logging::from_config(&config).unwrap_err();
    assert!(error.to_string().contains("/dev/null"), "{error}");
}

#[test]
fn threads_may_share_the_set_up() {
    fn is_shared<T: Send + Sync + 'static>() {}
    is_shared::<Logging>();
}
