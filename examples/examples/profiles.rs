//! Profiles: one YAML file, a variable on top, and where each value came from.
#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use std::time::Duration;

use prisma_log::config::{Config, Environment};
use prisma_log::{Logging, debug, info};

const YAML: &str = "\
version: 1
profiles:
  production:
    level: warning
    sinks:
      file: { type: file, path: app.log, format: json, compress: none }
  canary:
    extends: production
    level: info
";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let scratch = tempfile::tempdir()?;
    let (file, log) = (scratch.path().join("logging.yaml"), scratch.path().join("canary.log"));
    std::fs::write(&file, YAML)?;

    // What a process would have in its environment; `Config::from_env` reads the real one.
    let environment = Environment::new([
        ("PRISMA_ENV", "canary"),
        ("PRISMA_LOG__SINKS__FILE__PATH", log.to_str().expect("a path in UTF-8")),
    ]);
    let config = Config::load(&file, &environment)?;
    for entry in config.entries() {
        println!("{entry}");
    }
    let logging = Logging::from_config(&config)?;
    info!(logging.logger("shop"), "the canary is more talkative");
    debug!(logging.logger("shop"), "but not that talkative");
    assert!(logging.flush(Duration::from_secs(5)).is_ok());
    assert_eq!(std::fs::read_to_string(&log)?.lines().count(), 1);

    // A mistake is found with its place, and what was probably meant.
    std::fs::write(&file, YAML.replace("compress", "compres"))?;
    let error = Config::load(&file, &environment).expect_err("a misspelt key is refused");
    println!("{error}");
    assert_eq!(error.place().map(|place| place.line), Some(6));
    assert_eq!(error.hint(), Some("did you mean `compress`?"));
    Ok(())
}
