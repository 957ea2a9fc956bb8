use std::path::Path;
use std::time::Duration;

use prisma_log::config::{Config, Environment};
use prisma_log::{Logging, debug, error, info, warn};

/// The lines of the log after one record of each level under a profile.
fn logged(profile: &str, path: &Path) -> Vec<String> {
    let variables = [
        ("PRISMA_ENV", profile),
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

#[test]
fn a_sink_that_cannot_be_opened_is_an_error_with_its_path() {
    let variables =
        [("PRISMA_ENV", "production"), ("PRISMA_LOG__SINKS__FILE__PATH", "/dev/null/app.log")];
    let config = Config::builtin(&Environment::new(variables)).unwrap();
    let error = Logging::from_config(&config).unwrap_err();
    assert!(error.to_string().contains("/dev/null"), "{error}");
}
